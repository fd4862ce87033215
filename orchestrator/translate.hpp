#pragma once
// Between the bus and the fleet's machine: what a message from a node means, and how what the machine says is written. The
// same for the shell and for whoever runs the machine elsewhere. Any thread.
#include <optional>
#include <string>

#include "common/bus/bus.hpp"
#include "common/core/machine.hpp"
#include "common/events/envelope.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::orchestrator {

struct Translated {
  fleet::Input input;
  Cause cause;
};

// A hello or an event on a node's `status`, `bytes` being what `envelope` was read from. Nothing: it is neither.
std::optional<Translated> translate_status(const NodeId& node, Envelope envelope, std::string bytes);

// Who speaks.
struct Speaker {
  std::string project;
  SessionId session;
};
// Of the committed state. Nothing: a reply, which does not travel on the bus, or something that is no more.
std::optional<BusMessage> bus_message(const Speaker& speaker, const fleet::Settings& settings, const fleet::State& state,
                                      const fleet::Link& link, const fleet::Message& message, const Now& now);

}  // namespace abide::orchestrator
