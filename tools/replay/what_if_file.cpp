// Policies and schedules as people write them into files.
#include <set>
#include <yaml-cpp/yaml.h>

#include "common/core/time.hpp"
#include "tools/replay/what_if.hpp"

namespace abide::replay {
namespace {

// The map of members; each may be asked for once, and those that nobody asked for are a fault.
class Members {
 public:
  static Result<Members> of(const std::string& text) {
    try {
      YAML::Node file = YAML::Load(text);
      if (file.IsMap() && file["spec"]) file = file["spec"];
      if (!file.IsMap()) return fail(Code::invalid_input, "there is no map of members");
      return Members(file);
    } catch (const YAML::Exception& wrong) {
      return fail(Code::invalid_input, wrong.what());
    }
  }
  std::string text(const char* name) {
    known_.insert(name);
    try {
      const auto node = map_[name];
      if (!node || node.IsNull()) return {};
      if (node.IsScalar()) return node.Scalar();
      wrong(name, "is no single value");
    } catch (const YAML::Exception& e) {
      wrong(name, e.what());
    }
    return {};
  }
  // Seconds since 1970: a whole number under one name, or a time under the other.
  std::optional<std::int64_t> seconds(const char* name, const char* as_time) {
    const auto whole = text(name);
    const auto time = text(as_time);
    if (!whole.empty()) {
      std::size_t used = 0;
      try {
        const auto number = std::stoll(whole, &used);
        if (used == whole.size() && number >= 0) return number;
      } catch (const std::exception&) {
        used = 0;
      }
      wrong(name, "\"" + whole + "\" is no number of seconds");
    } else if (!time.empty()) {
      if (const auto at = parse_rfc3339(time)) return *at / 1000;
      wrong(as_time, "\"" + time + "\" is no time such as 2026-11-25T02:00:00Z");
    }
    return std::nullopt;
  }
  void wrong(const std::string& name, const std::string& what) {
    if (!fault_) fault_ = Error{Code::invalid_input, name + ": " + what};
  }
  [[nodiscard]] Result<void> finish() {
    if (fault_) return fail(*fault_);
    for (const auto& member : map_) {
      const auto name = member.first.as<std::string>();
      if (!known_.contains(name)) return fail(Code::invalid_input, name + ": no such member");
    }
    return {};
  }

 private:
  explicit Members(YAML::Node map) : map_(std::move(map)) {}
  YAML::Node map_;
  std::set<std::string> known_;
  std::optional<Error> fault_;
};

}  // namespace

Result<Policy> read_policy(const std::string& text) {
  auto members = Members::of(text);
  if (!members) return fail(members.error());
  Policy policy;
  policy.name = members->text("name");
  policy.description = members->text("description");
  const auto kind = members->text("updatePolicy");
  policy.target_os_id = members->text("targetOsId");
  if (const auto name = members->text("targetOs"); !name.empty()) policy.target_os_id = name;
  const auto downgrade = members->text("allowDowngrade");
  policy.allow_downgrade = downgrade == "true";
  if (policy.name.empty()) members->wrong("name", "is missing");
  if (kind == "UPDATE_POLICY_TARGET")
    policy.update_policy = UpdatePolicy::target;
  else if (kind != "UPDATE_POLICY_LATEST")
    members->wrong("updatePolicy", "is UPDATE_POLICY_LATEST or UPDATE_POLICY_TARGET");
  if (!downgrade.empty() && downgrade != "true" && downgrade != "false") members->wrong("allowDowngrade", "is true or false");
  if (auto fine = members->finish(); !fine) return fail(fine.error());
  return policy;
}

Result<Schedule> read_schedule(const std::string& text) {
  auto members = Members::of(text);
  if (!members) return fail(members.error());
  Schedule schedule;
  schedule.name = members->text("name");
  schedule.host_id = members->text("targetHostId");
  const auto status = members->text("scheduleStatus");
  const auto start = members->seconds("startSeconds", "start");
  const auto end = members->seconds("endSeconds", "end");
  if (schedule.name.empty()) members->wrong("name", "is missing");
  if (!start) members->wrong("startSeconds", "is missing");
  if (status == "SCHEDULE_STATUS_MAINTENANCE")
    schedule.status = ScheduleStatus::maintenance;
  else if (!status.empty() && status != "SCHEDULE_STATUS_OS_UPDATE")
    members->wrong("scheduleStatus", "is SCHEDULE_STATUS_OS_UPDATE or SCHEDULE_STATUS_MAINTENANCE");
  schedule.start_seconds = start.value_or(0);
  schedule.end_seconds = end.value_or(0);
  if (auto fine = members->finish(); !fine) return fail(fine.error());
  return schedule;
}

}  // namespace abide::replay
