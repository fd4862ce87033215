#pragma once
// What a node says, made of its host as it is after a commit: the same for the agent's shell and for the simulator's.
#include <optional>
#include <string>

#include "common/events/envelope.hpp"
#include "common/service/host.hpp"
#include "edge-agent/rows.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::agent {

using AgentHost = Host<node::UpdateMachine, node::Rows>;

// Without payload; sequence 0.
Envelope envelope_of(const AgentHost& host, const Now& now);
std::string encode_hello(const AgentHost& host, const Now& now);

// Which phase of which offer was told last: a change is progress, too.
class PhaseTold {
 public:
  void begin(const node::State& state);  // what a process finds at its start is nothing new
  std::optional<Progress> next(const node::State& state);

 private:
  Phase phase_ = Phase::idle;
  Number offer_;
};

}  // namespace abide::agent
