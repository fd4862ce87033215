#pragma once
// What a checker is: it watches events and the world's truth, never what the code decides, and says where the two part.
// Each checker is a file of its own; every.hpp lists them, Checkers (checkers.hpp) runs them.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/machine.hpp"
#include "common/events/envelope.hpp"
#include "simulators/world/observer.hpp"

namespace abide::sim {

class Facts;

struct Finding {
  std::string checker;
  std::string what;
  std::int64_t at_ms = 0;  // true time
  std::uint64_t step = 0;
};
inline constexpr std::size_t findings_max = 32;  // of one checker; more are only counted

class Checker : public Observer {
 public:
  // `holds`: one sentence, what is true as long as nothing is found.
  Checker(const Facts& facts, std::string_view name, std::string_view holds) : facts_(facts), name_(name), holds_(holds) {}
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::string_view holds() const { return holds_; }
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }

  // Beside what every observer hears, and before the facts take it in.
  // A node's event that its disk now calls durable.
  virtual void node_durable(const World&, MachineIndex, const Recorded<NodeEvent>&) {}
  virtual void fleet_durable(const World&, const OrchestratorEvent&) {}
  // Given to the broker: hellos and events of a machine, all but profiles of the orchestrator. `bytes` are the payload.
  virtual void node_said(const World&, MachineIndex, const Envelope&, std::string_view /*bytes*/) {}
  virtual void fleet_said(const World&, const NodeId& /*to; all zero: to all*/, const Envelope&) {}

 protected:
  [[nodiscard]] const Facts& facts() const { return facts_; }
  void found(const World& world, std::string what);

 private:
  const Facts& facts_;
  std::string_view name_, holds_;
  std::vector<Finding> findings_;
};

}  // namespace abide::sim
