// Regions, in a tree, and the sites in them.
#include <set>

#include "orchestrator/api/call.hpp"
#include "orchestrator/api/json_input.hpp"
#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

constexpr std::size_t place_name_bytes_max = 50;
constexpr std::int64_t locations_max = 1'000;  // that are found; those that they lie in come with them
constexpr std::int64_t latitude_e7_max = 900'000'000;
constexpr std::int64_t longitude_e7_max = 1'800'000'000;

template <class Place>
struct Edit {
  Place place;
  std::optional<std::string> policy;  // to be linked; empty: un-linked
};

// With `made` it has a resource already; with `whole` everything is set anew, and what must be there is asked for.
struct Mode {
  bool made = false;
  bool whole = true;
};

void parse_policy_link(Fields& fields, const nlohmann::json& object, Mode mode, std::optional<std::string>& policy) {
  const bool given = fields.has("osUpdatePolicyID");
  const auto id = fields.resource_id("osUpdatePolicyID", "osupdatepolicy", true);
  if (given) policy = id;
  if (!mode.made && object.contains("resourceId")) fields.fault("resourceId", "is given by the server");
}

Result<Edit<Region>> parse_region(const Patch& patch, Region region, Mode mode) {
  Fields fields(patch);
  Edit<Region> edit{std::move(region), std::nullopt};
  auto name = fields.text("name", place_name_bytes_max, Charset::name, mode.whole || fields.has("name"));
  auto metadata = fields.metadata("metadata");
  const bool has_parent = fields.has("parentId");
  auto parent = fields.resource_id("parentId", "region", true);
  parse_policy_link(fields, patch.object, mode, edit.policy);
  fields.ignore({"resourceId", "regionID", "parentRegion", "inheritedMetadata", "totalSites", "updatePolicy", "note", "timestamps"});
  if (auto finished = fields.finish(); !finished) return fail(finished.error());
  if (!name.empty()) edit.place.name = std::move(name);
  if (mode.whole || metadata) edit.place.metadata = std::move(metadata).value_or(std::vector<Metadata>{});
  if (mode.whole || has_parent) edit.place.parent_id = std::move(parent);
  return edit;
}

Result<Edit<Site>> parse_site(const Patch& patch, Site site, Mode mode) {
  Fields fields(patch);
  Edit<Site> edit{std::move(site), std::nullopt};
  auto name = fields.text("name", place_name_bytes_max, Charset::name, mode.whole || fields.has("name"));
  auto metadata = fields.metadata("metadata");
  const bool has_region = fields.has("regionId");
  auto region = fields.resource_id("regionId", "region", true);
  const auto latitude = fields.integer("siteLat", -latitude_e7_max, latitude_e7_max);
  const auto longitude = fields.integer("siteLng", -longitude_e7_max, longitude_e7_max);
  parse_policy_link(fields, patch.object, mode, edit.policy);
  fields.not_served({"provider"});
  fields.ignore({"resourceId", "siteID", "region", "inheritedMetadata", "updatePolicy", "note", "timestamps"});
  if (auto finished = fields.finish(); !finished) return fail(finished.error());
  if (!name.empty()) edit.place.name = std::move(name);
  if (mode.whole || metadata) edit.place.metadata = std::move(metadata).value_or(std::vector<Metadata>{});
  if (mode.whole || has_region) edit.place.region_id = std::move(region);
  if (mode.whole || latitude) edit.place.latitude_e7 = latitude.value_or(0);
  if (mode.whole || longitude) edit.place.longitude_e7 = longitude.value_or(0);
  return edit;
}

Result<Json> made_region(View& view, const std::string& id) {
  const auto region = view.region(id);
  if (region == nullptr) return fail(Code::not_found, "no such region: " + id.substr(0, 100));
  return region_json(view, *region);
}

Result<Json> made_site(View& view, const std::string& id) {
  const auto site = view.site(id);
  if (site == nullptr) return fail(Code::not_found, "no such site: " + id.substr(0, 100));
  return site_json(view, *site);
}

// Takes it out of the query. Empty: sites of all regions.
Result<std::string> take_region(std::map<std::string, std::string, std::less<>>& query) {
  const auto found = query.find("regionId");
  if (found == query.end()) return std::string();
  std::string id = found->second == "*" ? std::string() : found->second;
  query.erase(found);
  if (!id.empty() && !is_resource_id(id, "region")) return fail(Code::invalid_input, "regionId: must be region- and 8 hex digits, or *");
  return id;
}

// The site, if it lies in that region; empty: in any.
std::shared_ptr<const fleet::Stamped<Site>> site_in(View& view, const std::string& id, const std::string& region) {
  auto site = view.site(id);
  return site != nullptr && !region.empty() && site->value.region_id != region ? nullptr : site;
}

Error no_site(const std::string& id, const std::string& region) {
  return {Code::not_found, "no such site" + (region.empty() ? "" : " in " + region) + ": " + id.substr(0, 100)};
}

// Sites in each region or anywhere below it.
Result<std::map<std::string, std::int64_t>> count_sites(View& view) {
  std::map<std::string, std::int64_t> counts;
  auto read = view.sites([&](const fleet::Stamped<Site>& site) {
    for (const auto& region : view.regions_from(site.value.region_id)) ++counts[region->value.id];
  });
  if (!read) return fail(read.error());
  return counts;
}

Json location_json(const std::string& id, const std::string& parent, const std::string& name, const char* kind) {
  Json json = Json::object();
  json["resourceId"] = id;
  json["parentId"] = parent;
  json["name"] = name;
  json["type"] = kind;
  return json;
}

}  // namespace

void Api::list_regions(Call& call) {
  auto with_sites = take_flag(call.target.query, "showTotalSites");
  if (!with_sites) return call.refuse(with_sites.error());
  list(call, "regions", region_fields(), [&](View& view, Pager& pager) -> Result<void> {
    std::map<std::string, std::int64_t> counts;
    if (*with_sites) {
      auto counted = count_sites(view);
      if (!counted) return fail(counted.error());
      counts = std::move(*counted);
    }
    return view.regions([&](const auto& region) {
      pager.add([&] {
        Json json = region_json(view, region);
        if (*with_sites) {
          const auto found = counts.find(region.value.id);
          json["totalSites"] = found == counts.end() ? 0 : found->second;
        }
        return json;
      });
    });
  });
}

void Api::create_region(Call& call) {
  auto object = parse_object(call.request.body);
  if (!object) return call.refuse(object.error());
  auto edit = parse_region({std::move(*object), std::nullopt}, {}, {});
  if (!edit) return call.refuse(edit.error());
  change(call, fleet::PlaceRegion{std::move(edit->place), std::move(edit->policy)},
         [](View& view, const fleet::Answer& answer) -> Result<Json> { return made_region(view, answer.id); });
}

void Api::get_region(Call& call) {
  View view = call.view();
  call.answer_one(made_region(view, call.id));
}

void Api::edit_region(Call& call) {
  const bool whole = call.request.method == Method::put;
  auto patch = call.take_patch();
  if (!patch) return call.refuse(patch.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  const auto present = view.region(call.id);
  if (present == nullptr) return call.refuse({Code::not_found, "no such region: " + call.id.substr(0, 100)});
  if (!call.may_change(region_json(view, *present), present->value)) return;
  auto edit = parse_region(*patch, present->value, {true, whole});
  if (!edit) return call.refuse(edit.error());
  change(call, fleet::PlaceRegion{std::move(edit->place), std::move(edit->policy)},
         [id = call.id](View& after, const fleet::Answer&) -> Result<Json> { return made_region(after, id); });
}

void Api::delete_region(Call& call) {
  View view = call.view();
  const auto present = view.region(call.id);
  if (present == nullptr) return call.refuse({Code::not_found, "no such region: " + call.id.substr(0, 100)});
  if (!call.may_change(region_json(view, *present), present->value)) return;
  change(call, fleet::DeleteRegion{call.id}, [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

void Api::list_sites(Call& call) {
  auto region = take_region(call.target.query);
  if (!region) return call.refuse(region.error());
  list(call, "sites", site_fields(), [&](View& view, Pager& pager) {
    return view.sites([&](const auto& site) {
      if (region->empty() || site.value.region_id == *region) pager.add([&] { return site_json(view, site); });
    });
  });
}

void Api::create_site(Call& call) {
  auto region = take_region(call.target.query);
  if (!region) return call.refuse(region.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  auto object = parse_object(call.request.body);
  if (!object) return call.refuse(object.error());
  auto edit = parse_site({std::move(*object), std::nullopt}, {}, {});
  if (!edit) return call.refuse(edit.error());
  auto& site = edit->place;
  if (site.region_id.empty()) site.region_id = *region;
  if (!region->empty() && site.region_id != *region)
    return call.refuse({Code::invalid_input, "regionId: is " + site.region_id + " in the body and " + *region + " in the path"});
  change(call, fleet::PlaceSite{std::move(site), std::move(edit->policy)},
         [](View& view, const fleet::Answer& answer) -> Result<Json> { return made_site(view, answer.id); });
}

void Api::get_site(Call& call) {
  auto region = take_region(call.target.query);
  if (!region) return call.refuse(region.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  const auto site = site_in(view, call.id, *region);
  if (site == nullptr) return call.refuse(no_site(call.id, *region));
  call.answer_one(site_json(view, *site));
}

void Api::edit_site(Call& call) {
  const bool whole = call.request.method == Method::put;
  auto region = take_region(call.target.query);
  if (!region) return call.refuse(region.error());
  auto patch = call.take_patch();
  if (!patch) return call.refuse(patch.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  const auto present = site_in(view, call.id, *region);
  if (present == nullptr) return call.refuse(no_site(call.id, *region));
  if (!call.may_change(site_json(view, *present), present->value)) return;
  auto edit = parse_site(*patch, present->value, {true, whole});
  if (!edit) return call.refuse(edit.error());
  change(call, fleet::PlaceSite{std::move(edit->place), std::move(edit->policy)},
         [id = call.id](View& after, const fleet::Answer&) -> Result<Json> { return made_site(after, id); });
}

void Api::delete_site(Call& call) {
  auto region = take_region(call.target.query);
  if (!region) return call.refuse(region.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  const auto present = site_in(view, call.id, *region);
  if (present == nullptr) return call.refuse(no_site(call.id, *region));
  if (!call.may_change(site_json(view, *present), present->value)) return;
  change(call, fleet::DeleteSite{call.id}, [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

// Places by name, with the regions that they lie in, so that a tree can be drawn of them.
void Api::list_locations(Call& call) {
  auto show_sites = take_flag(call.target.query, "showSites");
  auto show_regions = take_flag(call.target.query, "showRegions");
  if (!show_sites) return call.refuse(show_sites.error());
  if (!show_regions) return call.refuse(show_regions.error());
  std::string name;
  if (const auto found = call.target.query.find("name"); found != call.target.query.end()) {
    name = found->second;
    call.target.query.erase(found);
  }
  if (name.size() > place_name_bytes_max || !matches(Charset::name, name))
    return call.refuse({Code::invalid_input, "name: is longer than 50 bytes, or has a character that is not allowed"});
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  const bool both = !*show_sites && !*show_regions;  // neither is asked for: no wish
  View view = call.view();
  Json nodes = Json::array();
  std::set<std::string> shown;
  std::int64_t found = 0;
  const auto show_with_regions = [&](const std::string& region_id) {
    for (const auto& region : view.regions_from(region_id))
      if (shown.insert(region->value.id).second)
        nodes.push_back(location_json(region->value.id, region->value.parent_id, region->value.name, "RESOURCE_KIND_REGION"));
  };
  Result<void> read;
  if (both || *show_regions) {
    read = view.regions([&](const auto& region) {
      if (text_matches(region.value.name, name) && ++found <= locations_max) show_with_regions(region.value.id);
    });
    if (!read) return call.refuse(read.error());
  }
  if (both || *show_sites) {
    read = view.sites([&](const auto& site) {
      if (!text_matches(site.value.name, name) || ++found > locations_max) return;
      nodes.push_back(location_json(site.value.id, site.value.region_id, site.value.name, "RESOURCE_KIND_SITE"));
      show_with_regions(site.value.region_id);
    });
    if (!read) return call.refuse(read.error());
  }
  Json json = Json::object();
  const auto output = nodes.size();
  json["nodes"] = std::move(nodes);
  json["totalElements"] = found;
  json["outputElements"] = output;
  call.answer(json);
}

}  // namespace abide::api
