// Regions, sites, and hosts in them.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/ids.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

constexpr int latitude_max = 90;
constexpr int longitude_max = 180;

// "key=value" sets, "key-" takes away (no key ends in a dash). The API takes the whole list.
Result<Json> changed_metadata(const Json& present, const std::vector<std::string>& changes) {
  Json pairs = present.is_array() ? present : Json::array();
  for (const auto& change : changes) {
    const auto equals = change.find('=');
    const bool removes = equals == std::string::npos && change.size() > 1 && change.back() == '-';
    if (!removes && (equals == std::string::npos || equals == 0))
      return fail(Code::invalid_input, "--metadata \"" + change + "\": is key=value, or key- to take it away");
    const auto key = removes ? change.substr(0, change.size() - 1) : change.substr(0, equals);
    const auto has_key = [&](const Json& pair) { return text_at(pair, "key") == key; };
    const auto found = std::find_if(pairs.begin(), pairs.end(), has_key);
    if (removes) {
      if (found != pairs.end()) pairs.erase(found);
      continue;
    }
    Json pair = {{"key", key}, {"value", change.substr(equals + 1)}};
    if (found != pairs.end()) {
      *found = std::move(pair);
    } else {
      pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

// The id of what is named; "" for none.
Result<std::string> id_of(Session& session, const char* noun, const std::string& name) {
  if (name == nowhere_word || name.empty()) return std::string();
  auto found = find(session, kind_of(noun), name);
  if (!found) return fail(found.error());
  return text_at(*found, "resourceId");
}

Result<Json> place_body(Session& session, const Kind& kind, const PlaceEdit& edit, const Json& present) {
  Json body = Json::object();
  if (edit.new_name) body["name"] = *edit.new_name;
  for (const auto& [degrees, member, most] :
       {std::tuple{&edit.latitude, "siteLat", latitude_max}, std::tuple{&edit.longitude, "siteLng", longitude_max}}) {
    if (!*degrees) continue;
    const auto e7 = parse_degrees_e7(**degrees, most);
    if (!e7) return fail(e7.error().in(most == latitude_max ? "--latitude" : "--longitude"));
    body[member] = *e7;
  }
  if (!edit.metadata.empty()) {
    auto pairs = changed_metadata(member_at(present, "metadata"), edit.metadata);
    if (!pairs) return pairs;
    body["metadata"] = std::move(*pairs);
  }
  if (edit.region) {
    auto region = id_of(session, "region", *edit.region);
    if (!region) return fail(region.error());
    body[kind.noun == "site" ? "regionId" : "parentId"] = *region;
  }
  return body;
}

// ---- the tree ---------------------------------------------------------------------------------------------------------

struct Forest {
  std::multimap<std::string, const Json*> regions;  // by the region that they lie in; "": roots
  std::multimap<std::string, const Json*> sites;
};

std::vector<const Json*> in_order(const std::multimap<std::string, const Json*>& all, const std::string& region) {
  std::vector<const Json*> found;
  const auto [begin, end] = all.equal_range(region);
  for (auto at = begin; at != end; ++at) found.push_back(at->second);
  std::stable_sort(found.begin(), found.end(),
                   [](const Json* left, const Json* right) { return natural_less(text_at(*left, "name"), text_at(*right, "name")); });
  return found;
}

struct Branch {
  const Json* object = nullptr;
  bool is_site = false;
};

std::vector<Branch> branches(const Forest& forest, const std::string& region) {
  std::vector<Branch> found;
  for (const auto* one : in_order(forest.regions, region)) found.push_back({one, false});
  for (const auto* one : in_order(forest.sites, region)) found.push_back({one, true});
  return found;
}

// `lead` is what stands before the lines below this region.
void draw(const Forest& forest, const std::string& region, const std::string& lead, bool root, Table& table) {
  const auto all = branches(forest, region);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool last = i + 1 == all.size();
    const auto& one = *all[i].object;
    const std::string before = root ? "" : lead + (last ? "└─ " : "├─ ");
    table.rows.push_back(
        {before + text_at(one, "name"), all[i].is_site ? "site" : "region", text_at(one, "updatePolicy.name"), text_at(one, "resourceId")});
    if (!all[i].is_site) draw(forest, text_at(one, "resourceId"), root ? "" : lead + (last ? "   " : "│  "), false, table);
  }
}

Json nested(const Forest& forest, const std::string& region) {
  Json all = Json::array();
  for (const auto& branch : branches(forest, region)) {
    Json one = *branch.object;
    if (!branch.is_site) {
      if (Json below = nested(forest, text_at(one, "resourceId")); !below.empty()) one["below"] = std::move(below);
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

Result<void> get_tree(Session& session) {
  auto regions = list_all(session, kind_of("region"), {{"showTotalSites", "true"}});
  if (!regions) return fail(regions.error());
  auto sites = list_all(session, kind_of("site"));
  if (!sites) return fail(sites.error());
  Forest forest;
  for (const auto& region : *regions) forest.regions.emplace(text_at(region, "parentRegion.resourceId"), &region);
  for (const auto& site : *sites) forest.sites.emplace(text_at(site, "region.resourceId"), &site);
  if (session.as_document()) {
    print_document(session, nested(forest, ""));
    return {};
  }
  Table table{{"NAME", "IS", "POLICY", "ID"}, {}};
  draw(forest, "", "", true, table);
  if (table.rows.empty()) {
    *session.around.err << "no region in project " << session.settings.project << "\n";
    return {};
  }
  *session.around.out << to_text(table);
  return {};
}

Result<void> create_place(Session& session, const Kind& kind, const PlaceEdit& place) {
  auto body = place_body(session, kind, place, Json(nullptr));
  if (!body) return fail(body.error());
  (*body)["name"] = place.name;
  auto made = session.client.send("POST", kind.path, *body);
  if (!made) return fail(made.error());
  print_done(session, kind, *made, "created");
  return {};
}

Result<void> edit_place(Session& session, const Kind& kind, const PlaceEdit& edit) {
  if (!edit.new_name && !edit.region && !edit.latitude && !edit.longitude && edit.metadata.empty())
    return fail(Code::invalid_input, kind.noun == "site" ? "nothing to edit: give --name, --region, --latitude, --longitude or --metadata"
                                                         : "nothing to edit: give --name, --parent or --metadata");
  auto found = find(session, kind, edit.name);
  if (!found) return fail(found.error());
  auto changed = change(session, path_of(kind, text_at(*found, "resourceId")),
                        [&](const Json& present) { return place_body(session, kind, edit, present); });
  if (!changed) return fail(changed.error());
  print_done(session, kind, *changed, "changed");
  return {};
}

Result<void> create_host(Session& session, const HostEdit& host) {
  const auto node = parse_node_id(host.uuid);
  if (!node) return fail(node.error().in("--uuid"));
  Json body = {{"name", host.name}, {"uuid", to_string(*node)}};
  if (!host.metadata.empty()) {
    auto pairs = changed_metadata(Json(nullptr), host.metadata);
    if (!pairs) return fail(pairs.error());
    body["metadata"] = std::move(*pairs);
  }
  if (host.site) {
    auto site = id_of(session, "site", *host.site);
    if (!site) return fail(site.error());
    body["siteId"] = *site;
  }
  const Kind& kind = kind_of("host");
  auto made = session.client.send("POST", kind.path, body);
  if (!made) return fail(made.error());
  print_done(session, kind, *made, "registered");
  return {};
}

Result<void> edit_host(Session& session, const HostEdit& edit) {
  if (!edit.new_name && !edit.site && edit.metadata.empty())
    return fail(Code::invalid_input, "nothing to edit: give --name, --site or --metadata");
  const Kind& kind = kind_of("host");
  auto found = find(session, kind, edit.name);
  if (!found) return fail(found.error());
  auto changed = change(session, path_of(kind, text_at(*found, "resourceId")), [&](const Json& present) -> Result<Json> {
    Json body = Json::object();
    if (edit.new_name) body["name"] = *edit.new_name;
    if (!edit.metadata.empty()) {
      auto pairs = changed_metadata(member_at(present, "metadata"), edit.metadata);
      if (!pairs) return pairs;
      body["metadata"] = std::move(*pairs);
    }
    if (edit.site) {
      auto site = id_of(session, "site", *edit.site);
      if (!site) return fail(site.error());
      body["siteId"] = *site;
    }
    return body;
  });
  if (!changed) return fail(changed.error());
  print_done(session, kind, *changed, "changed");
  return {};
}

}  // namespace abide::ctl
