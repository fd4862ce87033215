#pragma once
// Events in plain words, one line each: what histories and timelines tell people. print.hpp has the lines for logs. Pure.
#include <cstdint>
#include <optional>
#include <string>

#include "common/events/node_events.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide {

// What people call the things that events name by id; the id itself where that is not known.
class Names {
 public:
  virtual ~Names() = default;
  [[nodiscard]] virtual std::string policy(const std::string& id) const = 0;
  [[nodiscard]] virtual std::string image(const std::string& id) const = 0;  // its version
  [[nodiscard]] virtual std::string schedule(const std::string& id) const = 0;
  [[nodiscard]] virtual std::string place(const std::string& id) const = 0;  // a site or a region
};

std::string in_words(const NodeEvent& event);
std::string in_words(const OrchestratorEvent& event, const Names& names);
// "health check \"smoke\" failed after 3 attempts: ..."; with `output`, what it printed at last.
std::string in_words(Reason reason, const Evidence& evidence, bool output);
std::string in_words(const std::optional<LinkedRelease>& link);
std::string in_words(const std::optional<Window>& window);
std::string duration_in_words(std::int64_t ms);  // "1.5 s", "20 min", "3 h"

}  // namespace abide
