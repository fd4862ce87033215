#include "tools/abidectl/commands.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/time.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

// Filters that are longer are refused by the API.
constexpr std::size_t filter_bytes_max = 1'000;

}  // namespace

Result<std::vector<HostName>> find_hosts(Session& session, const Hosts& hosts, const std::string& filter) {
  std::vector<HostName> found;
  const auto take = [&](const Json& host) { found.push_back({text_at(host, "resourceId"), text_at(host, "name")}); };
  if (hosts.all) {
    const Query query = filter.empty() ? Query{} : Query{{"filter", filter}};
    if (auto read = visit_all(session, kind_of("host"), query, [&](Json&& host) { take(host); }); !read) return fail(read.error());
    return found;
  }
  const Kind& kind = kind_of(hosts.of_instances ? "instance" : "host");
  for (const auto& name : hosts.names) {
    auto object = find(session, kind, name);
    if (!object) return fail(object.error());
    take(hosts.of_instances ? member_at(*object, "host") : *object);
  }
  return found;
}

Result<void> each_host(Session& session, const std::vector<HostName>& hosts, const std::string& done,
                       const std::function<Result<Json>(const HostName& host)>& order) {
  std::optional<Error> first;
  Json documents = Json::array();
  for (const auto& host : hosts) {
    auto answer = order(host);
    if (!answer) {
      if (hosts.size() == 1) return fail(answer.error());
      *session.around.err << "host " << host.name << ": " << answer.error().message << "\n";
      if (!first) first = answer.error();
      if (answer.error().code == Code::unavailable || answer.error().code == Code::timeout) break;
      continue;
    }
    if (session.as_document()) {
      documents.push_back(std::move(*answer));
      continue;
    }
    const auto note = text_at(*answer, "note");
    // What changed nothing is not told as done.
    const bool nothing_done = note.compare(0, std::string("nothing to change").size(), "nothing to change") == 0;
    *session.around.out << "host " << host.name << (nothing_done ? "" : " " + done) << (note.empty() ? "" : ": " + note) << "\n";
  }
  if (session.as_document()) print_document(session, hosts.size() == 1 && !documents.empty() ? documents.front() : documents);
  if (first) return fail(first->code, "not every host could be done: " + first->message);
  return {};
}

namespace {

// Sources are listed only where something is wrong with them; what was read, and when, says the rest.
Result<void> get_sources(Session& session, const Kind& kind) {
  auto answer = session.client.get(kind.path);
  if (!answer) return fail(answer.error());
  if (session.as_document()) {
    print_document(session, *answer);
    return {};
  }
  const auto read_at = parse_rfc3339(text_at(*answer, "readAt"));
  *session.around.out << text_at(*answer, "releases") << ": "
                      << (read_at ? text_at(*answer, "found") + " profiles found, read " + relative(*read_at, session.around.now_ms())
                                  : "not read yet")
                      << "\n";
  const Json& sources = member_at(*answer, kind.list_key);
  if (sources.is_array() && !sources.empty()) *session.around.out << to_text(table_of(kind, sources, session.reading()));
  return {};
}

}  // namespace

Result<void> get(Session& session, const Kind& kind, const Selection& selection) {
  if (selection.watch) return watch(session, kind, selection);
  if (selection.tree) return get_tree(session);
  if (kind.noun == "source" && selection.name.empty()) return get_sources(session, kind);
  if (!selection.name.empty()) {
    auto object = find(session, kind, selection.name);
    if (!object) return fail(object.error());
    if (session.as_document()) {
      print_document(session, *object);
    } else {
      print_table(session, kind, Json::array({std::move(*object)}));
    }
    return {};
  }
  auto objects = select(session, kind, selection);
  if (!objects) return fail(objects.error());
  if (session.as_document()) {
    print_document(session, *objects);
  } else {
    print_table(session, kind, *objects);
  }
  return {};
}

bool lies_in(const Json& region, const std::string& region_id) {
  for (const Json* at = &region; at->is_object(); at = &member_at(*at, "parentRegion"))
    if (text_at(*at, "resourceId") == region_id) return true;
  return false;
}

namespace {

// Hosts below a region, for the API: by each region that they may lie in, as deep as there are regions. "" where that is too
// long to be said; what comes is looked through once more in any case.
Result<std::string> filter_of_region(Session& session, const std::string& region_id) {
  auto regions = list_all(session, kind_of("region"));
  if (!regions) return fail(regions.error());
  std::size_t deepest = 0;
  for (const auto& region : *regions) {
    std::size_t depth = 0;
    const Json* at = &region;
    while (at->is_object() && text_at(*at, "resourceId") != region_id) {
      ++depth;
      at = &member_at(*at, "parentRegion");
    }
    if (at->is_object()) deepest = std::max(deepest, depth);
  }
  std::string filter;
  std::string path = "site.region.";
  for (std::size_t depth = 0; depth <= deepest; ++depth, path += "parentRegion.") {
    filter += (depth == 0 ? "" : " OR ") + path + "resourceId=\"" + region_id + "\"";
    if (filter.size() > filter_bytes_max) return std::string();
  }
  return filter;
}

struct Wanted {
  Query query;
  std::function<bool(const Json&)> is = [](const Json&) { return true; };
};

Result<Wanted> wanted(Session& session, const Kind& kind, const Selection& selection) {
  Wanted wanted;
  std::string own;
  if (!selection.host.empty()) {
    auto host = find(session, kind_of("host"), selection.host);
    if (!host) return fail(host.error());
    if (kind.noun == "schedule") wanted.query.emplace_back("hostId", text_at(*host, "resourceId"));
    if (kind.noun == "osupdaterun") {
      const auto instance = text_at(*host, "instance.resourceId");
      own = "instance.resourceId=\"" + instance + "\"";
      wanted.is = [instance](const Json& run) { return text_at(run, "instance.resourceId") == instance; };
    }
  }
  if (!selection.site.empty()) {
    auto site = find(session, kind_of("site"), selection.site);
    if (!site) return fail(site.error());
    const auto id = text_at(*site, "resourceId");
    if (kind.noun == "schedule") {
      wanted.query.emplace_back("siteId", id);
    } else {
      own = "site.resourceId=\"" + id + "\"";
      wanted.is = [id](const Json& host) { return text_at(host, "site.resourceId") == id; };
    }
  }
  if (!selection.region.empty()) {
    auto region = find(session, kind_of("region"), selection.region);
    if (!region) return fail(region.error());
    const auto id = text_at(*region, "resourceId");
    if (kind.noun == "schedule") {
      wanted.query.emplace_back("regionId", id);
    } else if (kind.noun == "site") {
      wanted.is = [id](const Json& site) { return lies_in(member_at(site, "region"), id); };
    } else {
      auto filter = filter_of_region(session, id);
      if (!filter) return fail(filter.error());
      own = std::move(*filter);
      wanted.is = [id](const Json& host) { return lies_in(member_at(host, "site.region"), id); };
    }
  }
  if (kind.noun == "region") wanted.query.emplace_back("showTotalSites", "true");
  if (!selection.filter.empty() && !own.empty()) own = "(" + selection.filter + ") AND (" + own + ")";
  if (own.empty() || own.size() > filter_bytes_max) own = selection.filter;
  if (!own.empty()) wanted.query.emplace_back("filter", own);
  return wanted;
}

}  // namespace

Result<Json> select(Session& session, const Kind& kind, const Selection& selection) {
  auto asked = wanted(session, kind, selection);
  if (!asked) return fail(asked.error());
  auto objects = list_all(session, kind, asked->query);
  if (!objects) return objects;
  // Runs and windows keep the API's order, which is by time.
  if (kind.noun != "osupdaterun" && kind.noun != "schedule") {
    std::stable_sort(objects->begin(), objects->end(),
                     [](const Json& left, const Json& right) { return natural_less(text_at(left, "name"), text_at(right, "name")); });
  }
  Json belonging = Json::array();
  for (auto& object : *objects)
    if (asked->is(object)) belonging.push_back(std::move(object));
  return belonging;
}

Result<void> remove(Session& session, const Kind& kind, const std::string& name) {
  auto object = find(session, kind, name);
  if (!object) return fail(object.error());
  const auto path = path_of(kind, text_at(*object, "resourceId"));
  auto answer = attempt(session, path, [&](const Json& present, const std::string& tag) -> Result<Json> {
    if (!goes_by(present, name))
      return fail(Code::conflict,
                  kind.noun + " " + text_at(present, "resourceId") + " does not go by \"" + name + "\" any more; nothing was deleted");
    return session.client.send("DELETE", path, nullptr, tag);
  });
  if (!answer) return fail(answer.error());
  print_done(session, kind, *object, "deleted");
  return {};
}

Result<void> order_hosts(Session& session, const std::string& verb, const std::string& done, const Hosts& hosts) {
  auto found = find_hosts(session, hosts);
  if (!found) return fail(found.error());
  return each_host(session, *found, done, [&](const HostName& host) {
    return session.client.send("POST", path_of(kind_of("host"), host.id) + "/" + verb, Json::object());
  });
}

Result<void> resolve_host(Session& session, const std::string& host, const std::string& journal) {
  auto found = find_hosts(session, {{host}, false});
  if (!found) return fail(found.error());
  return each_host(session, *found, "goes on with journal " + journal, [&](const HostName& one) {
    return session.client.send("POST", path_of(kind_of("host"), one.id) + "/resolve", Json{{"journal", journal}});
  });
}

Result<void> explain_host(Session& session, const std::string& name, bool is_instance) {
  auto hosts = find_hosts(session, {{name}, false, is_instance});
  if (!hosts) return fail(hosts.error());
  const auto path = path_of(kind_of("host"), hosts->front().id);
  auto found = session.client.get(path);
  if (!found) return fail(found.error());
  auto answer = session.client.get(path + "/explain");
  if (!answer) return fail(answer.error());
  if (session.as_document()) {
    print_document(session, *answer);
    return {};
  }
  print_explanation(session, *found, *answer);
  return {};
}

void print_explanation(Session& session, const Json& host, const Json& answer) {
  auto& out = *session.around.out;
  const auto phase = text_at(answer, "phase");
  out << text_at(host, "name") << ": " << text_at(host, "instance.updateStatus") << (phase.empty() ? "" : " (phase " + phase + ")") << "\n";
  const Json& conditions = member_at(answer, "conditions");
  if (!conditions.is_array() || conditions.empty()) {
    out << "  waits for nothing\n";
    return;
  }
  for (const auto& condition : conditions) {
    out << "  - " << text_at(condition, "text");
    if (const auto at = parse_rfc3339(text_at(condition, "at")); at) out << " (" << relative(*at, session.around.now_ms()) << ")";
    out << "\n";
  }
}

Result<void> refresh_sources(Session& session) {
  auto answer = session.client.send("POST", "/refresh", Json::object());
  if (!answer) return fail(answer.error());
  if (session.as_document()) {
    print_document(session, *answer);
  } else {
    const auto note = text_at(*answer, "note");
    *session.around.out << "sources are read again" << (note.empty() ? "" : ": " + note) << "\n";
  }
  return {};
}

}  // namespace abide::ctl
