#pragma once
// OS resources from what was read at release services: one per (profile, version), whose image never changes afterwards. Pure.
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/core/result.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::os_resource_manager {

struct Found {
  std::string source;          // the entry that it was read from
  const OsResource* resource;  // without id
};
struct Failure {
  std::string source;
  std::string error;
};

struct Create {
  std::string source;
  const OsResource* resource;
};
struct SourceFailed {
  std::string source;
  std::string error;
};
struct SourceRecovered {
  std::string source;
};
using Finding = std::variant<Create, SourceFailed, SourceRecovered>;

inline constexpr std::size_t created_per_pass_max = 1000;  // the rest is found again by the next pass

// The resource of exactly this profile and version; null: none.
using Lookup = std::function<const OsResource*(const std::string& profile, const std::string& image_id)>;

// One pass: only what has changed. `failing` are the sources that failed up to now, with their errors. One bad entry hurts
// no other. A version that comes again with another digest is a failure of its source and changes nothing. A failing source
// that a pass no longer lists, while it does list others, is over.
[[nodiscard]] std::vector<Finding> judge(const std::vector<Found>& found, const std::vector<Failure>& failures, const Lookup& known,
                                         const std::map<std::string, std::string>& failing);

// An operator makes one by hand. invalid_input, conflict. `name_taken`: another resource has this name.
[[nodiscard]] Result<void> check_new(const OsResource& resource, const OsResource* same_image, bool name_taken);
// conflict: another architecture than its published manifest says, or while an instance runs it or a policy targets it.
[[nodiscard]] Result<void> check_edit(const OsResource& before, const OsResource& after, std::size_t running, std::size_t targeting);
// conflict while an instance runs it or a policy targets it.
[[nodiscard]] Result<void> check_delete(const OsResource& resource, std::size_t running, std::size_t targeting);

}  // namespace abide::os_resource_manager
