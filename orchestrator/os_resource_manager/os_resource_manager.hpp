#pragma once
// OS resources from what was read at release services: one per (profile, version); its image never changes afterwards. Pure.
#include <functional>
#include <map>
#include <string>
#include <string_view>
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

// What a pass can speak of: only what it has read whole can have lost an entry.
struct Reach {
  std::vector<std::string> fine;    // entries that are right, beside those of what was found
  std::vector<std::string> untold;  // that fail, and are too many to be told
  std::vector<std::string> whole;   // services, file servers and parts of them: what is not listed below them is not there
  std::vector<std::string> unread;  // the same, not read or not to their end. None: everything was read whole
  bool complete = true;             // every service's profiles were read whole, whatever became of its lists
};
// Whether the entry is `place`, or lies below it.
[[nodiscard]] bool lies_in(std::string_view entry, std::string_view place);

struct Create {
  std::string source;
  const OsResource* resource;
};
struct Move {  // the image of a known resource is to be had elsewhere
  std::string source;
  const OsResource* known;
  const OsResource* resource;
};
struct SourceFailed {
  std::string source;
  std::string error;
};
struct SourceRecovered {
  std::string source;
  bool gone;  // it is no longer listed
};
using Finding = std::variant<Create, Move, SourceFailed, SourceRecovered>;

inline constexpr std::size_t created_per_pass_max = 1000;  // the rest is found again by the next pass

// The resource of exactly this profile and version; null: none.
using Lookup = std::function<const OsResource*(const std::string& profile, const std::string& image_id)>;

// One pass: only what has changed. `failing` are the sources that failed up to now, with their errors. One bad entry hurts
// no other. A version that comes again as another image is a failure of its entry and changes nothing: the image that is
// known stays, in a pass that brings two the first. The same image at other addresses moves a resource that a release service
// brought, as soon as every service was read whole and none has it where it was. A failing source that is no longer listed by
// what was read whole is over.
[[nodiscard]] std::vector<Finding> judge(const std::vector<Found>& found, const std::vector<Failure>& failures, const Reach& reach,
                                         const Lookup& known, const std::map<std::string, std::string>& failing);

// An operator makes one by hand. invalid_input, conflict. `name_taken`: another resource has this name.
[[nodiscard]] Result<void> check_new(const OsResource& resource, const OsResource* same_image, bool name_taken);
// conflict: another architecture than its published manifest says, or while an instance runs it or a policy targets it.
[[nodiscard]] Result<void> check_edit(const OsResource& before, const OsResource& after, std::size_t running, std::size_t targeting);
// conflict while an instance runs it or a policy targets it.
[[nodiscard]] Result<void> check_delete(const OsResource& resource, std::size_t running, std::size_t targeting);

}  // namespace abide::os_resource_manager
