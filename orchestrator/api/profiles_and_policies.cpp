// OS resources, update policies, update runs.
#include <algorithm>
#include <functional>
#include <numeric>

#include "common/core/ids.hpp"
#include "common/release/manifest.hpp"
#include "common/release/paths.hpp"
#include "orchestrator/api/call.hpp"
#include "orchestrator/api/json_input.hpp"
#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

std::string parse_os_metadata(Fields& fields) {
  std::string text = fields.text("metadata", 500, Charset::any);
  if (text.empty()) return text;
  const auto metadata = parse_object(text);
  if (!metadata || !std::all_of(metadata->begin(), metadata->end(), [](const auto& value) { return value.is_string(); }))
    fields.fault("metadata", "must be a JSON object of texts");
  return text;
}

Result<OsResource> parse_os_resource(const std::string& body, const std::string& files_root) {
  auto object = parse_object(body);
  if (!object) return fail(object.error());
  Fields fields(*object);
  OsResource resource;
  resource.name = fields.text("name", 128, Charset::os_name, true);
  resource.architecture = fields.text("architecture", 20, Charset::os_text);
  resource.image_url = fields.text("imageUrl", 500, Charset::os_text, true);
  resource.image_id = fields.text("imageId", 500, Charset::os_text, true);
  resource.profile_name = fields.text("profileName", profile_name_bytes_max, Charset::os_text, true);
  resource.description = fields.text("description", 1000, Charset::os_description);
  resource.security_feature = fields.one_of("securityFeature", {"SECURITY_FEATURE_UNSPECIFIED", "SECURITY_FEATURE_NONE",
                                                                "SECURITY_FEATURE_SECURE_BOOT_AND_FULL_DISK_ENCRYPTION"});
  resource.os_type = fields.one_of("osType", {"OS_TYPE_MUTABLE", "OS_TYPE_IMMUTABLE"}, true);
  resource.os_provider = fields.one_of("osProvider", {"OS_PROVIDER_KIND_INFRA", "OS_PROVIDER_KIND_LENOVO"}, true);
  resource.package_manifest_url = fields.text("installedPackagesUrl", 200, Charset::os_text);
  resource.existing_cves_url = fields.text("existingCvesUrl", 500, Charset::os_text);
  resource.fixed_cves_url = fields.text("fixedCvesUrl", 500, Charset::os_text);
  resource.metadata = parse_os_metadata(fields);
  resource.platform_bundle = fields.text("platformBundle", 10'000, Charset::any);
  const std::string sha256 = fields.text("sha256", 64, Charset::version, true);
  const std::string raw_sha256 = fields.text("rawSha256", 64, Charset::version);
  const auto image_size = fields.integer("imageSizeBytes", 1, INT64_MAX);
  const auto raw_size = fields.integer("rawSizeBytes", 1, INT64_MAX);
  if (!sha256.empty()) {
    const auto digest = parse_digest(sha256);
    if (!digest || to_hex(*digest) != sha256) fields.fault("sha256", "must be 64 lower-case hex digits");
    if (digest) resource.artifact.sha256 = *digest;
  }
  if (!raw_sha256.empty()) {
    const auto digest = parse_digest(raw_sha256);
    if (!digest || to_hex(*digest) != raw_sha256) fields.fault("rawSha256", "must be 64 lower-case hex digits");
    if (digest) resource.raw.sha256 = *digest;
  }
  fields.not_served({"tlsCaCert", "repoUrl"});
  if (object->contains("resourceId")) fields.fault("resourceId", "is given by the server");
  if (!resource.image_url.empty() && !is_absolute_url(resource.image_url) && !is_safe_relative_path(resource.image_url))
    fields.fault("imageUrl", "is neither an http(s) URL nor a path below the release service");
  if (auto finished = fields.finish(); !finished) return fail(finished.error());
  resource.artifact.size = static_cast<std::uint64_t>(image_size.value_or(0));
  resource.raw.size = static_cast<std::uint64_t>(raw_size.value_or(0));
  if (!is_compressed_image(resource.image_url)) {
    if (!resource.raw.sha256) resource.raw.sha256 = resource.artifact.sha256;
    if (resource.raw.size == 0) resource.raw.size = resource.artifact.size;
  }
  resource.urls = {absolute_url(files_root, resource.image_url)};
  return resource;
}

Result<Policy> parse_policy(const std::string& body) {
  auto object = parse_object(body);
  if (!object) return fail(object.error());
  Fields fields(*object);
  Policy policy;
  policy.name = fields.text("name", 50, Charset::name, true);
  policy.description = fields.text("description", 200, Charset::description);
  const auto type = fields.one_of("updatePolicy", {"UPDATE_POLICY_UNSPECIFIED", "UPDATE_POLICY_LATEST", "UPDATE_POLICY_TARGET"});
  policy.target_os_id = fields.resource_id("targetOsId", "os", true);
  policy.allow_downgrade = fields.boolean("allowDowngrade").value_or(false);
  policy.allow_profile_change = fields.boolean("allowProfileChange").value_or(false);
  bool mutable_fields = !fields.text("updatePackages", 500'000, Charset::any).empty();
  const bool kernel_command = !fields.text("updateKernelCommand", 500, Charset::any).empty();
  if (fields.has("updateSources")) {
    const auto& sources = (*object)["updateSources"];
    if (!sources.is_array()) {
      fields.fault("updateSources", "must be a list");
    } else {
      mutable_fields = mutable_fields || !sources.empty();
    }
  }
  if (object->contains("resourceId")) fields.fault("resourceId", "is given by the server");
  if (auto finished = fields.finish(); !finished) return fail(finished.error());
  const bool target = !policy.target_os_id.empty();
  if (type.empty() || type == "UPDATE_POLICY_UNSPECIFIED") return fail(Code::invalid_input, "OS Update Policy type cannot be unspecified");
  if (type == "UPDATE_POLICY_LATEST") {
    policy.update_policy = UpdatePolicy::latest;
    if (target || mutable_fields || kernel_command || policy.allow_downgrade || policy.allow_profile_change)
      return fail(Code::invalid_input, "With Policy LATEST, no fields should be set");
    return policy;
  }
  policy.update_policy = UpdatePolicy::target;
  if (target && mutable_fields) return fail(Code::invalid_input, "Fields for mutable and immutable OSes are mutually exclusive");
  if (mutable_fields || kernel_command)
    return fail(Code::invalid_input, std::string("updatePackages, updateSources and updateKernelCommand are not served by this version") +
                                         (target ? "" : ": give targetOsId"));
  if (!target) return fail(Code::invalid_input, "Fields for mutable and immutable OSes are mutually exclusive");
  return policy;
}

// ?compat=eim: an open run has an end, the one that clients of the contract know for it.
Result<bool> take_compatible(std::map<std::string, std::string, std::less<>>& query) {
  const auto found = query.find("compat");
  if (found == query.end()) return false;
  if (found->second != "eim") return fail(Code::invalid_input, "compat: must be eim");
  query.erase(found);
  return true;
}

}  // namespace

void Api::list_os(Call& call) {
  list(call, "OperatingSystemResources", os_resource_fields(), [](View& view, Pager& pager) {
    return view.os_resources([&](const auto& resource) { pager.add([&] { return os_resource_json(view, resource); }); });
  });
}

void Api::get_os(Call& call) {
  View view = call.view();
  const auto resource = view.os_resource(call.id);
  if (resource == nullptr) return call.refuse({Code::not_found, "no such OS resource: " + call.id});
  call.answer_one(os_resource_json(view, *resource));
}

void Api::create_os(Call& call) {
  auto resource = parse_os_resource(call.request.body, settings_.files_root);
  if (!resource) return call.refuse(resource.error());
  change(call, fleet::CreateOsResource{std::move(*resource)}, [](View& view, const fleet::Answer& answer) -> Result<Json> {
    const auto made = view.os_resource(answer.id);
    if (made == nullptr) return fail(Code::not_found, "no such OS resource: " + answer.id);
    return os_resource_json(view, *made);
  });
}

// Its architecture and its metadata can change; everything else can be given as it is.
void Api::edit_os(Call& call) {
  const bool whole = call.request.method == Method::put;
  auto patch = call.take_patch();
  if (!patch) return call.refuse(patch.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  const auto present = view.os_resource(call.id);
  if (present == nullptr) return call.refuse({Code::not_found, "no such OS resource: " + call.id.substr(0, 100)});
  const Json json = os_resource_json(view, *present);
  Fields fields(*patch);
  fleet::EditOsResource edit{call.id, {}, {}};
  const bool has_architecture = fields.has("architecture");
  const bool has_metadata = fields.has("metadata");
  auto architecture = fields.text("architecture", 20, Charset::os_text);
  auto metadata = parse_os_metadata(fields);
  if (whole || has_architecture) edit.architecture = std::move(architecture);
  if (whole || has_metadata) edit.metadata = std::move(metadata);
  for (const char* key : {"name", "imageUrl", "imageId", "sha256", "profileName", "description", "securityFeature", "osType", "osProvider",
                          "installedPackagesUrl", "existingCvesUrl", "fixedCvesUrl", "imageSizeBytes", "rawSizeBytes", "rawSha256"})
    fields.fixed(key, json.contains(key) ? nlohmann::json(json[key]) : nlohmann::json());
  fields.not_served({"tlsCaCert", "repoUrl"});
  fields.ignore({"resourceId", "osResourceID", "profileVersion", "platformBundle", "installedPackages", "existingCves", "fixedCves", "note",
                 "timestamps"});
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  if (!call.may_change(json, present->value)) return;
  change(call, std::move(edit), [id = call.id](View& after, const fleet::Answer&) -> Result<Json> {
    const auto edited = after.os_resource(id);
    if (edited == nullptr) return fail(Code::not_found, "no such OS resource: " + id);
    return os_resource_json(after, *edited);
  });
}

void Api::delete_os(Call& call) {
  View view = call.view();
  if (const auto present = view.os_resource(call.id);
      present != nullptr && !call.may_change(os_resource_json(view, *present), present->value))
    return;
  change(call, fleet::DeleteOsResource{call.id}, [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

void Api::list_policies(Call& call) {
  list(call, "osUpdatePolicies", policy_fields(), [](View& view, Pager& pager) {
    return view.policies([&](const auto& policy) { pager.add([&] { return policy_json(view, policy); }); });
  });
}

void Api::get_policy(Call& call) {
  View view = call.view();
  const auto policy = view.policy(call.id);
  if (policy == nullptr) return call.refuse({Code::not_found, "no such OS update policy: " + call.id});
  call.answer_one(policy_json(view, *policy));
}

void Api::create_policy(Call& call) {
  auto policy = parse_policy(call.request.body);
  if (!policy) return call.refuse(policy.error());
  change(call, fleet::CreatePolicy{std::move(*policy)}, [](View& view, const fleet::Answer& answer) -> Result<Json> {
    const auto made = view.policy(answer.id);
    if (made == nullptr) return fail(Code::not_found, "no such OS update policy: " + answer.id);
    return policy_json(view, *made);
  });
}

void Api::patch_policy(Call& call) {
  auto patch = call.take_patch();
  if (!patch) return call.refuse(patch.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  Fields fields(*patch);
  fleet::EditPolicy edit{call.id, {}, {}};
  const bool has_name = fields.has("name");
  const bool has_description = fields.has("description");
  auto name = fields.text("name", 50, Charset::name, has_name);
  auto description = fields.text("description", 200, Charset::description);
  if (has_name) edit.name = std::move(name);
  if (has_description) edit.description = std::move(description);
  for (const char* fixed :
       {"updatePolicy", "targetOsId", "allowDowngrade", "allowProfileChange", "updatePackages", "updateSources", "updateKernelCommand"})
    if (fields.has(fixed)) fields.fault(fixed, "cannot change: make another policy");
  fields.ignore({"resourceId", "targetOs", "note", "timestamps"});
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  View view = call.view();
  const auto present = view.policy(call.id);
  if (present == nullptr) return call.refuse({Code::not_found, "no such OS update policy: " + call.id});
  if (!call.may_change(policy_json(view, *present), present->value)) return;
  change(call, std::move(edit), [id = call.id](View& after, const fleet::Answer&) -> Result<Json> {
    const auto edited = after.policy(id);
    if (edited == nullptr) return fail(Code::not_found, "no such OS update policy: " + id);
    return policy_json(after, *edited);
  });
}

void Api::delete_policy(Call& call) {
  View view = call.view();
  if (const auto present = view.policy(call.id); present != nullptr && !call.may_change(policy_json(view, *present), present->value))
    return;
  change(call, fleet::DeletePolicy{call.id}, [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

void Api::list_runs(Call& call) {
  const auto compatible = take_compatible(call.target.query);
  if (!compatible) return call.refuse(compatible.error());
  // Newest first, unless the caller says otherwise. There may be very many: their order is held, not they.
  std::vector<std::pair<std::int64_t, std::string>> by_id;
  std::vector<std::size_t> newest_first;
  list(call, "osUpdateRuns", run_fields(), [&](View& view, Pager& pager) -> Result<void> {
    if (!pager.is_second_pass()) {
      auto read =
          view.run_times([&](const fleet::Run& run) { by_id.emplace_back(run.start_ms != 0 ? run.start_ms : run.opened_ms, run.id); });
      if (!read) return read;
      newest_first.resize(by_id.size());
      std::iota(newest_first.begin(), newest_first.end(), std::size_t{0});
      const auto end = pager.chooses_nothing() ? std::min(pager.end(), static_cast<std::int64_t>(by_id.size()))
                                               : static_cast<std::int64_t>(by_id.size());
      std::partial_sort(newest_first.begin(), newest_first.begin() + end, newest_first.end(),
                        [&](std::size_t a, std::size_t b) { return by_id[a] > by_id[b]; });
      if (!pager.chooses_nothing()) {
        std::vector<std::int64_t> places(by_id.size());
        for (std::size_t place = 0; place < newest_first.size(); ++place) places[newest_first[place]] = static_cast<std::int64_t>(place);
        std::size_t next = 0;
        return view.runs([&](const fleet::Run& run) {
          pager.add_out_of_order(places[next++], [&](const Wanted& wanted) { return run_json(view, run, *compatible, wanted); });
        });
      }
    }
    for (std::size_t place = 0; place < newest_first.size(); ++place) {
      const auto render = [&](const Wanted& wanted) {
        auto run = view.run(by_id[newest_first[place]].second);  // of the same snapshot
        return run ? run_json(view, *run, *compatible, wanted) : Json(Json::object());
      };
      if (pager.is_second_pass())
        pager.add_out_of_order(static_cast<std::int64_t>(place), render);
      else
        pager.add(render);
      if (pager.is_full()) break;
    }
    if (pager.is_full()) pager.told_total(static_cast<std::int64_t>(newest_first.size()));
    return {};
  });
}

void Api::get_run(Call& call) {
  View view = call.view();
  const auto compatible = take_compatible(call.target.query);
  if (!compatible) return call.refuse(compatible.error());
  auto run = view.run(call.id);
  if (!run) return call.refuse(run.error());
  call.answer_one(run_json(view, *run, *compatible));
}

void Api::delete_run(Call& call) {
  View view = call.view();
  auto run = view.run(call.id);
  if (!run) return call.refuse(run.error());
  if (!call.may_change(run_json(view, *run, false), std::nullopt)) return;
  change(call, fleet::DeleteRun{to_string(run->node), run->id, run->end_ms == 0},
         [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

}  // namespace abide::api
