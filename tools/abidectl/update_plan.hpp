#pragma once
// What an update would do, before anything happens: by the orchestrator's own rules of policies and windows, over what its
// API says. Pure.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/core/interval.hpp"
#include "tools/abidectl/json.hpp"

namespace abide::ctl {

struct UpdateWish {
  std::optional<Json> policy;      // that is to be linked; none: what applies already
  std::string site_id, region_id;  // it is linked to a place; both empty: to each host itself
  std::optional<Interval> window;  // that is to be made; unix seconds
  std::int64_t now_seconds = 0;
};

enum class Verdict {
  updates,  // goes to another image
  goes_on,  // is asked for it already
  current,  // runs what its policy wants
  waits,    // would, but no window is in sight
  refused,
};
const char* to_string(Verdict verdict);

struct PlannedHost {
  std::string host_id, instance_id, name;
  std::string from, to;  // image ids
  std::string policy;    // name of what applies then; with the place that it comes from
  bool links = false;    // a policy is to be linked to the host itself
  Verdict verdict = Verdict::refused;
  std::string why;  // for people
  std::optional<Interval> window;
};

// As the API lists them.
struct UpdateFacts {
  Json hosts = nullptr;
  Json os_resources = nullptr;
  Json schedules = nullptr;  // single and repeated ones
};

std::vector<PlannedHost> plan_update(const UpdateFacts& facts, const UpdateWish& wish);

}  // namespace abide::ctl
