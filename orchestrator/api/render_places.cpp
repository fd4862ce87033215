// Regions and sites, and what comes from them to what lies in them.
#include <algorithm>

#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

// Of the nearest place that has the key, and not of what has it itself.
void put_inherited(Json& json, View& view, const std::vector<Metadata>& own, const std::string& region_id,
                   const std::vector<Metadata>* nearest = nullptr) {
  std::vector<Metadata> inherited;
  const auto inherit = [&](const std::vector<Metadata>& more) {
    for (const auto& item : more) {
      const auto has_key = [&](const Metadata& other) { return other.key == item.key; };
      if (std::none_of(own.begin(), own.end(), has_key) && std::none_of(inherited.begin(), inherited.end(), has_key))
        inherited.push_back(item);
    }
  };
  if (nearest != nullptr) inherit(*nearest);
  for (const auto& region : view.regions_from(region_id)) inherit(region->value.metadata);
  if (!inherited.empty()) json["inheritedMetadata"] = metadata_json(inherited);
}

Json bare_region(const fleet::Stamped<Region>& stamped) {
  const auto& region = stamped.value;
  Json json = Json::object();
  json["resourceId"] = region.id;
  json["regionID"] = region.id;
  json["name"] = region.name;
  if (!region.metadata.empty()) json["metadata"] = metadata_json(region.metadata);
  json["timestamps"] = timestamps_json(stamped.created_ms, stamped.updated_ms);
  return json;
}

// With all regions that it lies in, from the root downwards.
std::optional<Json> nested_region(View& view, const std::string& id) {
  std::optional<Json> json;
  const auto regions = view.regions_from(id);
  for (auto region = regions.rbegin(); region != regions.rend(); ++region) {
    Json inner = bare_region(**region);
    if (json) inner["parentRegion"] = std::move(*json);
    json = std::move(inner);
  }
  return json;
}

}  // namespace

Json metadata_json(const std::vector<Metadata>& metadata) {
  Json list = Json::array();
  for (const auto& item : metadata) {
    Json pair = Json::object();
    pair["key"] = item.key;
    pair["value"] = item.value;
    list.push_back(std::move(pair));
  }
  return list;
}

Json bare_region_json(View& view, const fleet::Stamped<Region>& stamped) {
  Json json = bare_region(stamped);
  if (auto parent = nested_region(view, stamped.value.parent_id)) json["parentRegion"] = std::move(*parent);
  return json;
}

Json region_json(View& view, const fleet::Stamped<Region>& stamped) {
  Json json = bare_region_json(view, stamped);
  put_inherited(json, view, stamped.value.metadata, stamped.value.parent_id);
  if (const auto policy = view.policy(stamped.value.policy_id)) json["updatePolicy"] = policy_json(view, *policy);
  return json;
}

Json bare_site_json(View& view, const fleet::Stamped<Site>& stamped) {
  const auto& site = stamped.value;
  Json json = Json::object();
  json["resourceId"] = site.id;
  json["siteID"] = site.id;
  json["name"] = site.name;
  if (auto region = nested_region(view, site.region_id)) json["region"] = std::move(*region);
  if (site.latitude_e7 != 0 || site.longitude_e7 != 0) {
    json["siteLat"] = site.latitude_e7;
    json["siteLng"] = site.longitude_e7;
  }
  if (!site.metadata.empty()) json["metadata"] = metadata_json(site.metadata);
  json["timestamps"] = timestamps_json(stamped.created_ms, stamped.updated_ms);
  return json;
}

Json site_json(View& view, const fleet::Stamped<Site>& stamped) {
  Json json = bare_site_json(view, stamped);
  put_inherited(json, view, stamped.value.metadata, stamped.value.region_id);
  if (const auto policy = view.policy(stamped.value.policy_id)) json["updatePolicy"] = policy_json(view, *policy);
  return json;
}

void put_place(Json& json, View& view, const fleet::Node& node) {
  if (!node.metadata.empty()) json["metadata"] = metadata_json(node.metadata);
  const auto site = view.site(node.site_id);
  if (site == nullptr) return;
  json["site"] = bare_site_json(view, *site);
  put_inherited(json, view, node.metadata, site->value.region_id, &site->value.metadata);
}

}  // namespace abide::api
