#pragma once
// What the API needs from the shell. Reads go to a snapshot of the store; writes and explanations go to the owner thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/machine.hpp"
#include "common/core/result.hpp"
#include "common/store/store.hpp"
#include "orchestrator/fleet/counts.hpp"
#include "orchestrator/fleet/live.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/fleet/requests.hpp"

namespace abide::api {

struct Health {
  bool healthy = false;  // the owner thread turned its loop a moment ago
  bool bus_connected = false;
  std::size_t projects = 0;
  std::string releases;                  // what discovery reads
  std::int64_t releases_read_at_ms = 0;  // 0: not yet
  std::size_t releases_found = 0;
  std::size_t inbox_items = 0;
  std::size_t inbox_capacity = 0;
  std::uint64_t messages_dropped = 0;  // since the start: of a node that floods, or since it stayed full
  std::uint64_t bus_held_us = 0;       // since the start: the bus waited for room in it
};

struct ProjectCounts {
  std::string project;
  fleet::Counts counts;
};

// What is known beside the store of a release service or an entry in one: each attempt would else be a write. Times in ms by
// the wall clock; 0: not known, or never since the start.
struct SourceTimes {
  std::string name;
  std::string error;           // of the last attempt; empty: it was fine
  bool service = false;        // a release service as a whole; else an entry that fails
  std::size_t found = 0;       // releases, of a service
  std::uint32_t attempts = 0;  // that failed, in a row
  std::int64_t since_ms = 0;   // that it is so
  std::int64_t tried_at_ms = 0;
  std::int64_t good_at_ms = 0;
  std::int64_t next_at_ms = 0;
};

struct RefreshDone {
  std::size_t found = 0;
  std::vector<std::pair<std::string, std::string>> failures;  // source, error
};

// All functions: any thread. Callbacks come exactly once, on the owner thread, after the commit, and must return at once;
// `false` means that the inbox is full, and then none comes.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual std::shared_ptr<const Reader> snapshot() const = 0;
  // Prefix of a project's keys; none: no such project.
  [[nodiscard]] virtual std::optional<std::string> scope_of(const std::string& project) const = 0;
  [[nodiscard]] virtual std::vector<std::string> projects() const = 0;
  [[nodiscard]] virtual fleet::LiveNode live(const std::string& project, const NodeId& node) const = 0;
  [[nodiscard]] virtual Health health() const = 0;
  [[nodiscard]] virtual std::vector<SourceTimes> source_times() const = 0;

  using Answered = std::function<void(Result<fleet::Answer>)>;
  // `seen`: only if that is still so.
  [[nodiscard]] virtual bool submit(const std::string& project, fleet::Operation operation, Answered answered,
                                    std::optional<fleet::Seen> seen = std::nullopt) = 0;
  using Explained = std::function<void(Result<std::vector<Condition>>)>;
  [[nodiscard]] virtual bool explain(const std::string& project, const NodeId& node, Explained explained) = 0;
  using Compared = std::function<void(Result<fleet::Confirmation>)>;
  [[nodiscard]] virtual bool confirmation(const std::string& project, const NodeId& node, Compared compared) = 0;
  using Counted = std::function<void(std::vector<ProjectCounts>)>;
  [[nodiscard]] virtual bool count(Counted counted) = 0;
  using ProjectCreated = std::function<void(Result<void>)>;
  [[nodiscard]] virtual bool create_project(const std::string& project, ProjectCreated created) = 0;
  using Refreshed = std::function<void(Result<RefreshDone>)>;
  [[nodiscard]] virtual bool refresh(Refreshed refreshed) = 0;
};

}  // namespace abide::api
