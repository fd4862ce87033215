#include "orchestrator/api/view.hpp"

namespace abide::api {

namespace {

constexpr std::size_t cached_nodes_max = 10'000;

template <class T>
Result<T> found_or(Result<std::optional<T>> read, std::string_view what, std::string_view id) {
  if (!read) return fail(read.error());
  if (!*read) return fail(Code::not_found, "no such " + std::string(what) + ": " + std::string(id.substr(0, 100)));
  return std::move(**read);
}

}  // namespace

Result<fleet::Node> View::node(const NodeId& id) {
  return found_or(fleet::read_node(*reader_, scope_, id), "host", to_string(id));
}

Result<fleet::Node> View::find_host(const std::string& name) {
  for (const auto read : {&fleet::read_node_of_host, &fleet::read_node_of_instance}) {
    auto node = read(*reader_, scope_, name);
    if (!node) return fail(node.error());
    if (*node) return std::move(**node);
  }
  if (const auto id = parse_node_id(name)) return node(*id);
  std::vector<NodeId> named;
  auto scanned = nodes({}, [&](const fleet::Node& node) {
    if (node.name == name && named.size() < 2) named.push_back(node.id);
  });
  if (!scanned) return fail(scanned.error());
  if (named.size() > 1) return fail(Code::conflict, "more than one host is named " + name + "; use a resource id");
  if (named.empty()) return found_or(Result<std::optional<fleet::Node>>(std::nullopt), "host", name);
  return node(named.front());
}

Result<void> View::nodes(fleet::NodeParts parts, const std::function<void(const fleet::Node&)>& visit) {
  std::optional<Error> error;
  auto read = node_rows(fleet::Extent::all, [&](const fleet::NodeRow& row) {
    fleet::Node node;
    if (auto done = row.read(parts, node); done)
      visit(node);
    else
      error = done.error();
    return !error;
  });
  if (!read) return read;
  if (error) return fail(std::move(*error));
  return {};
}

Result<void> View::node_rows(fleet::Extent extent, const std::function<bool(const fleet::NodeRow&)>& visit) {
  return fleet::scan_node_rows(*reader_, scope_, extent, visit);
}

Result<std::int64_t> View::count_nodes() {
  auto count = fleet::count_nodes(*reader_, scope_);
  if (!count) return fail(count.error());
  return static_cast<std::int64_t>(*count);
}

Result<void> View::nodes_after(const NodeId& after, const std::function<bool(const fleet::Node&)>& visit) {
  return fleet::scan_nodes_after(*reader_, scope_, after, [&](fleet::Node&& node) { return visit(node); });
}

std::shared_ptr<const fleet::Stamped<OsResource>> View::os_resource(const std::string& id) {
  if (id.empty()) return nullptr;
  auto [known, is_new] = os_resources_.try_emplace(id);
  if (is_new) {
    auto read = fleet::read_os_resource(*reader_, scope_, id);
    if (read && *read) known->second = std::make_shared<const fleet::Stamped<OsResource>>(std::move(**read));
  }
  return known->second;
}

std::string View::os_name(const std::string& profile, const std::string& image_id) {
  if (!os_names_) {
    os_names_.emplace();
    (void)os_resources([&](const fleet::Stamped<OsResource>& resource) {
      os_names_->emplace(std::pair{resource.value.profile_name, resource.value.image_id}, resource.value.name);
    });
  }
  const auto found = os_names_->find({profile, image_id});
  return found == os_names_->end() ? std::string() : found->second;
}

std::string View::os_list(const std::string& id, OsList list) {
  auto text = fleet::read_os_text(*reader_, scope_, id, list);
  return text ? *std::move(text) : std::string();
}

std::shared_ptr<const fleet::Stamped<Policy>> View::policy(const std::string& id) {
  if (id.empty()) return nullptr;
  auto [known, is_new] = policies_.try_emplace(id);
  if (is_new) {
    auto read = fleet::read_policy(*reader_, scope_, id);
    if (read && *read) known->second = std::make_shared<const fleet::Stamped<Policy>>(std::move(**read));
  }
  return known->second;
}

Result<void> View::os_resources(const std::function<void(const fleet::Stamped<OsResource>&)>& visit) {
  return fleet::scan_os_resources(*reader_, scope_, [&](fleet::Stamped<OsResource>&& resource) {
    visit(resource);
    return true;
  });
}

Result<void> View::policies(const std::function<void(const fleet::Stamped<Policy>&)>& visit) {
  return fleet::scan_policies(*reader_, scope_, [&](fleet::Stamped<Policy>&& policy) {
    visit(policy);
    return true;
  });
}

Result<void> View::schedules(const std::function<void(const fleet::Stamped<Schedule>&)>& visit) {
  return fleet::scan_schedules(*reader_, scope_, [&](fleet::Stamped<Schedule>&& schedule) {
    visit(schedule);
    return true;
  });
}

Result<fleet::Stamped<Schedule>> View::schedule(const std::string& id) {
  return found_or(fleet::read_schedule(*reader_, scope_, id), "schedule", id);
}

std::shared_ptr<const fleet::Stamped<Region>> View::region(const std::string& id) {
  if (id.empty()) return nullptr;
  auto [known, is_new] = regions_.try_emplace(id);
  if (is_new) {
    auto read = fleet::read_region(*reader_, scope_, id);
    if (read && *read) known->second = std::make_shared<const fleet::Stamped<Region>>(std::move(**read));
  }
  return known->second;
}

std::shared_ptr<const fleet::Stamped<Site>> View::site(const std::string& id) {
  if (id.empty()) return nullptr;
  auto [known, is_new] = sites_.try_emplace(id);
  if (is_new) {
    auto read = fleet::read_site(*reader_, scope_, id);
    if (read && *read) known->second = std::make_shared<const fleet::Stamped<Site>>(std::move(**read));
  }
  return known->second;
}

std::vector<std::shared_ptr<const fleet::Stamped<Region>>> View::regions_from(const std::string& id) {
  std::vector<std::shared_ptr<const fleet::Stamped<Region>>> regions;
  for (auto at = region(id); at != nullptr && regions.size() < fleet::regions_depth_max; at = region(at->value.parent_id))
    regions.push_back(at);
  return regions;
}

View::AppliedPolicy View::applied_policy(const fleet::Node& node) {
  if (!node.policy_id.empty()) return {policy(node.policy_id), "instance", node.instance_id};
  const auto where = site(node.site_id);
  if (where == nullptr) return {};
  if (!where->value.policy_id.empty()) return {policy(where->value.policy_id), "site", where->value.id};
  for (const auto& region : regions_from(where->value.region_id))
    if (!region->value.policy_id.empty()) return {policy(region->value.policy_id), "region", region->value.id};
  return {};
}

Result<void> View::regions(const std::function<void(const fleet::Stamped<Region>&)>& visit) {
  return fleet::scan_regions(*reader_, scope_, [&](fleet::Stamped<Region>&& region) {
    visit(region);
    return true;
  });
}

Result<void> View::sites(const std::function<void(const fleet::Stamped<Site>&)>& visit) {
  return fleet::scan_sites(*reader_, scope_, [&](fleet::Stamped<Site>&& site) {
    visit(site);
    return true;
  });
}

Result<void> View::runs(const std::function<void(const fleet::Run&)>& visit) {
  return fleet::scan_runs(*reader_, scope_, [&](fleet::Run&& run) {
    visit(run);
    return true;
  });
}

Result<void> View::run_times(const std::function<void(const fleet::Run&)>& visit) {
  return fleet::scan_run_times(*reader_, scope_, [&](fleet::Run&& run) {
    visit(run);
    return true;
  });
}

Result<fleet::Run> View::run(const std::string& id) {
  return found_or(fleet::read_run(*reader_, scope_, id), "OS update run", id);
}

std::optional<fleet::DeletedHost> View::deleted_host(const std::string& name) {
  if (const auto id = parse_node_id(name)) {
    auto read = fleet::read_deleted_host(*reader_, scope_, *id);
    return read ? std::move(*read) : std::nullopt;
  }
  std::optional<fleet::DeletedHost> found;
  (void)fleet::scan_deleted_hosts(*reader_, scope_, [&](fleet::DeletedHost&& host) {
    if (host.host_id == name) found = std::move(host);
    return !found;
  });
  return found;
}

Result<void> View::sources(const std::function<void(const fleet::Source&)>& visit) {
  return fleet::scan_sources(*reader_, scope_, [&](fleet::Source&& source) {
    visit(source);
    return true;
  });
}

std::shared_ptr<const fleet::Node> View::cached_node(const NodeId& id) {
  if (nodes_.size() >= cached_nodes_max) nodes_.clear();
  auto [known, is_new] = nodes_.try_emplace(id);
  if (is_new) {
    auto read = fleet::read_node(*reader_, scope_, id, {.identity = true});
    if (read && *read) known->second = std::make_shared<const fleet::Node>(std::move(**read));
  }
  return known->second;
}

std::shared_ptr<const fleet::Node> View::host(const std::string& host_id) {
  if (host_id.empty()) return nullptr;
  auto [known, is_new] = hosts_.try_emplace(host_id);
  if (is_new) {
    auto read = fleet::read_node_of_host(*reader_, scope_, host_id);
    if (read && *read) known->second = std::make_shared<const fleet::Node>(std::move(**read));
  }
  return known->second;
}

}  // namespace abide::api
