// Regions and sites, and what comes from them to what lies in them.
#include <algorithm>

#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

// Of the nearest place that has the key, and not of what has it itself.
std::optional<Json> inherited_json(View& view, const std::vector<Metadata>& own, const std::string& region_id,
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
  if (inherited.empty()) return std::nullopt;
  return metadata_json(inherited);
}

Json bare_region(const fleet::Stamped<Region>& stamped, const Wanted& wanted = {}) {
  const auto& region = stamped.value;
  Part part(wanted);
  part.set("resourceId", region.id);
  part.set("regionID", region.id);
  part.set("name", region.name);
  if (!region.metadata.empty()) part.make("metadata", [&](const Wanted&) { return metadata_json(region.metadata); });
  part.make("timestamps", [&](const Wanted&) { return timestamps_json(stamped.created_ms, stamped.updated_ms); });
  return std::move(part).take();
}

// With all regions that it lies in, from the root downwards.
std::optional<Json> nested_region(View& view, const std::string& id, const Wanted& wanted = {}) {
  const auto regions = view.regions_from(id);
  std::vector<const Wanted*> of_each;  // the nearest first
  for (const Wanted* next = &wanted; of_each.size() < regions.size(); next = &next->in("parentRegion")) {
    of_each.push_back(next);
    if (!next->has("parentRegion")) break;
  }
  std::optional<Json> json;
  for (std::size_t i = of_each.size(); i-- > 0;) {
    Json inner = bare_region(*regions[i], *of_each[i]);
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
  if (auto inherited = inherited_json(view, stamped.value.metadata, stamped.value.parent_id))
    json["inheritedMetadata"] = std::move(*inherited);
  if (const auto policy = view.policy(stamped.value.policy_id)) json["updatePolicy"] = policy_json(view, *policy);
  return json;
}

Json bare_site_json(View& view, const fleet::Stamped<Site>& stamped, const Wanted& wanted) {
  const auto& site = stamped.value;
  Part part(wanted);
  part.set("resourceId", site.id);
  part.set("siteID", site.id);
  part.set("name", site.name);
  if (part.wants("region")) {
    if (auto region = nested_region(view, site.region_id, wanted.in("region"))) part.set("region", std::move(*region));
  }
  if (site.latitude_e7 != 0 || site.longitude_e7 != 0) {
    part.set("siteLat", site.latitude_e7);
    part.set("siteLng", site.longitude_e7);
  }
  if (!site.metadata.empty()) part.make("metadata", [&](const Wanted&) { return metadata_json(site.metadata); });
  part.make("timestamps", [&](const Wanted&) { return timestamps_json(stamped.created_ms, stamped.updated_ms); });
  return std::move(part).take();
}

Json site_json(View& view, const fleet::Stamped<Site>& stamped) {
  Json json = bare_site_json(view, stamped);
  if (auto inherited = inherited_json(view, stamped.value.metadata, stamped.value.region_id))
    json["inheritedMetadata"] = std::move(*inherited);
  if (const auto policy = view.policy(stamped.value.policy_id)) json["updatePolicy"] = policy_json(view, *policy);
  return json;
}

void put_place(Part& part, View& view, const fleet::Node& node) {
  if (!node.metadata.empty()) part.make("metadata", [&](const Wanted&) { return metadata_json(node.metadata); });
  if (!part.wants("site") && !part.wants("inheritedMetadata")) return;
  const auto site = view.site(node.site_id);
  if (site == nullptr) return;
  part.make("site", [&](const Wanted& wanted) { return bare_site_json(view, *site, wanted); });
  if (!part.wants("inheritedMetadata")) return;
  if (auto inherited = inherited_json(view, node.metadata, site->value.region_id, &site->value.metadata))
    part.set("inheritedMetadata", std::move(*inherited));
}

}  // namespace abide::api
