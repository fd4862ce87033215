#pragma once
// What the bus brings, as the machine's inputs: decoded, verified, and meant for this node; else a line for the log.
// Whatever is wrong with a message changes nothing. Any thread.
#include <optional>
#include <string>

#include "common/bus/bus.hpp"
#include "common/core/machine.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::agent {

struct Addressed {
  std::string project;
  NodeId node;
};

struct Translated {
  node::Input input;
  Cause cause;
};

// invalid_input: not for this node, or not what belongs on that topic. corrupt, unavailable: as decode() says.
Result<Translated> translate(const BusReceived& message, const Addressed& self);

// The node's own reading of a document: what its manifest says must be what its release says. Reason::none: it does.
struct Fault {
  Reason reason = Reason::none;
  std::string detail;
};
Fault judge_manifest(const DocumentBody& body);

}  // namespace abide::agent
