#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "common/core/ids.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

constexpr std::size_t file_bytes_max = 1U << 20U;

Result<std::string> read_file(Session& session, const std::string& path) {
  std::ifstream file;
  std::istream* in = session.around.in;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return fail(Code::invalid_input, path + " cannot be read");
    in = &file;
  }
  std::string text{std::istreambuf_iterator<char>(*in), {}};
  if (text.size() > file_bytes_max) return fail(Code::invalid_input, path + " is larger than 1 MiB");
  return text;
}

// The `spec` of a YAML file as the platform's own tools take it.
Result<YAML::Node> read_spec(const std::string& path, const std::string& text) {
  try {
    const YAML::Node file = YAML::Load(text);
    if (!file.IsMap() || !file["spec"] || !file["spec"].IsMap()) return fail(Code::invalid_input, path + ": there is no map \"spec\"");
    return file["spec"];
  } catch (const YAML::Exception& wrong) {
    return fail(Code::invalid_input, path + ": " + wrong.what());
  }
}

std::string scalar(const YAML::Node& spec, const char* key) {
  const auto node = spec[key];
  return node && node.IsScalar() ? node.Scalar() : std::string();
}

Result<std::string> schedule_status(const std::string& type) {
  if (type == "osupdate") return std::string("SCHEDULE_STATUS_OS_UPDATE");
  if (type == "maintenance") return std::string("SCHEDULE_STATUS_MAINTENANCE");
  return fail(Code::invalid_input, "--type is osupdate or maintenance, not \"" + type + "\"");
}

Result<std::int64_t> seconds_of(const std::string& when, std::int64_t now_ms, const char* flag) {
  const auto at = parse_when(when, now_ms);
  if (!at) return fail(at.error().in(flag));
  return *at / 1000;
}

Result<void> post(Session& session, const Kind& kind, const Json& body) {
  auto made = session.client.send("POST", kind.path, body);
  if (!made) return fail(made.error());
  print_done(session, kind, *made, "created");
  return {};
}

Result<Json> policy_of_file(Session& session, const std::string& path) {
  auto text = read_file(session, path);
  if (!text) return fail(text.error());
  auto spec = read_spec(path, *text);
  if (!spec) return fail(spec.error());
  Json body = {{"name", scalar(*spec, "name")}, {"updatePolicy", scalar(*spec, "updatePolicy")}};
  if (text_at(body, "name").empty()) return fail(Code::invalid_input, path + ": spec.name is missing");
  if (const auto description = scalar(*spec, "description"); !description.empty()) body["description"] = description;
  if (const auto target = scalar(*spec, "targetOs"); !target.empty()) {
    auto os = find(session, kind_of("osprofile"), target);
    if (!os) return os;
    body["targetOsId"] = text_at(*os, "resourceId");
  }
  if (const auto downgrade = scalar(*spec, "allowDowngrade"); downgrade == "true") body["allowDowngrade"] = true;
  // What mutable systems would need is passed on, so that the server's own refusal is what people read.
  for (const char* key : {"updatePackages", "updateKernelCommand"}) {
    if (const auto value = scalar(*spec, key); !value.empty()) body[key] = value;
  }
  if (const auto sources = (*spec)["updateSources"]; sources && sources.IsSequence()) {
    for (const auto& source : sources) body["updateSources"].push_back(source.Scalar());
  }
  return body;
}

}  // namespace

Result<void> create_policy(Session& session, const NewPolicy& policy) {
  const Kind& kind = kind_of("osupdatepolicy");
  if (!policy.file.empty()) {
    auto body = policy_of_file(session, policy.file);
    if (!body) return fail(body.error());
    return post(session, kind, *body);
  }
  Json body = {{"name", policy.name}};
  if (!policy.description.empty()) body["description"] = policy.description;
  if (policy.latest) {
    body["updatePolicy"] = "UPDATE_POLICY_LATEST";
  } else {
    auto os = find(session, kind_of("osprofile"), policy.target);
    if (!os) return fail(os.error());
    body["updatePolicy"] = "UPDATE_POLICY_TARGET";
    body["targetOsId"] = text_at(*os, "resourceId");
  }
  if (policy.allow_downgrade) body["allowDowngrade"] = true;
  return post(session, kind, body);
}

Result<void> create_os_profile(Session& session, const std::string& file) {
  auto text = read_file(session, file);
  if (!text) return fail(text.error());
  auto spec = read_spec(file, *text);
  if (!spec) return fail(spec.error());
  Json body = Json::object();
  const std::pair<const char*, const char*> keys[] = {{"name", "name"},
                                                      {"type", "osType"},
                                                      {"provider", "osProvider"},
                                                      {"architecture", "architecture"},
                                                      {"profileName", "profileName"},
                                                      {"osImageUrl", "imageUrl"},
                                                      {"osImageVersion", "imageId"},
                                                      {"osImageSha256", "sha256"},
                                                      {"osPackageManifestURL", "installedPackagesUrl"},
                                                      {"osExistingCvesURL", "existingCvesUrl"},
                                                      {"osFixedCvesURL", "fixedCvesUrl"},
                                                      {"securityFeature", "securityFeature"},
                                                      {"description", "description"},
                                                      {"platformBundle", "platformBundle"}};
  for (const auto& [theirs, ours] : keys) {
    if (const auto value = scalar(*spec, theirs); !value.empty()) body[ours] = value;
  }
  // Ours: without these the orchestrator cannot tell a node how much it is to fetch.
  for (const auto& [theirs, ours] : {std::pair{"osImageSize", "imageSizeBytes"}, std::pair{"osRawSize", "rawSizeBytes"}}) {
    if (const auto value = scalar(*spec, theirs); !value.empty()) {
      try {
        body[ours] = std::stoull(value);
      } catch (const std::exception&) {
        return fail(Code::invalid_input, file + ": spec." + theirs + " is not a number");
      }
    }
  }
  if (const auto value = scalar(*spec, "osRawSha256"); !value.empty()) body["rawSha256"] = value;
  if (const auto metadata = (*spec)["metadata"]; metadata && metadata.IsMap()) {
    Json pairs = Json::object();
    for (const auto& pair : metadata) pairs[pair.first.as<std::string>()] = pair.second.as<std::string>();
    body["metadata"] = pairs.dump();
  }
  return post(session, kind_of("osprofile"), body);
}

Result<void> create_schedule(Session& session, const NewSchedule& schedule) {
  const auto status = schedule_status(schedule.type);
  if (!status) return fail(status.error());
  const auto now_ms = session.around.now_ms();
  const auto start = seconds_of(schedule.start, now_ms, "--start");
  if (!start) return fail(start.error());
  Json body = {{"name", schedule.name}, {"scheduleStatus", *status}, {"startSeconds", *start}};
  // The API refuses a start that has passed; "now" means as soon as that allows.
  if (schedule.start == "now") body["startSeconds"] = *start + 1;
  if (!schedule.end.empty()) {
    const auto end = seconds_of(schedule.end, now_ms, "--end");
    if (!end) return fail(end.error());
    if (*end <= *start) return fail(Code::invalid_input, "--end is not after --start");
    body["endSeconds"] = *end;
  }
  auto host = find(session, kind_of("host"), schedule.host);
  if (!host) return fail(host.error());
  body["targetHostId"] = text_at(*host, "resourceId");
  return post(session, kind_of("schedule"), body);
}

Result<void> create_host(Session& session, const std::string& name, const std::string& uuid) {
  const auto node = parse_node_id(uuid);
  if (!node) return fail(node.error().in("--uuid"));
  auto made = session.client.send("POST", kind_of("host").path + "/register", Json{{"name", name}, {"uuid", to_string(*node)}});
  if (!made) return fail(made.error());
  print_done(session, kind_of("host"), *made, "registered");
  return {};
}

Result<void> edit_schedule(Session& session, const ScheduleEdit& edit) {
  const Kind& kind = kind_of("schedule");
  const auto now_ms = session.around.now_ms();
  Json body = Json::object();
  if (edit.new_name) body["name"] = *edit.new_name;
  if (edit.type) {
    const auto status = schedule_status(*edit.type);
    if (!status) return fail(status.error());
    body["scheduleStatus"] = *status;
  }
  if (edit.start) {
    const auto start = seconds_of(*edit.start, now_ms, "--start");
    if (!start) return fail(start.error());
    body["startSeconds"] = *edit.start == "now" ? *start + 1 : *start;
  }
  if (edit.end) {
    if (*edit.end == "never") {
      body["endSeconds"] = 0;
    } else {
      const auto end = seconds_of(*edit.end, now_ms, "--end");
      if (!end) return fail(end.error());
      body["endSeconds"] = *end;
    }
  }
  if (edit.host) {
    auto host = find(session, kind_of("host"), *edit.host);
    if (!host) return fail(host.error());
    body["targetHostId"] = text_at(*host, "resourceId");
  }
  if (body.empty()) return fail(Code::invalid_input, "nothing to edit: give --name, --type, --start, --end or --host");
  auto found = find(session, kind, edit.name);
  if (!found) return fail(found.error());
  // PATCH takes a schedule's required members even where they stay as they are.
  if (!body.contains("scheduleStatus")) body["scheduleStatus"] = text_at(*found, "scheduleStatus");
  if (!body.contains("startSeconds")) body["startSeconds"] = number_at(*found, "startSeconds").value_or(0);
  auto changed = session.client.send("PATCH", kind.path + "/" + text_at(*found, "resourceId"), body);
  if (!changed) return fail(changed.error());
  print_done(session, kind, *changed, "changed");
  return {};
}

Result<void> edit_host(Session& session, const std::string& name, const std::string& new_name) {
  const Kind& kind = kind_of("host");
  auto found = find(session, kind, name);
  if (!found) return fail(found.error());
  auto changed = session.client.send("PATCH", kind.path + "/" + text_at(*found, "resourceId"), Json{{"name", new_name}});
  if (!changed) return fail(changed.error());
  print_done(session, kind, *changed, "changed");
  return {};
}

}  // namespace abide::ctl
