#pragma once
// The states, inputs and contexts that transitions.txt is generated from: made up, one for each of the page's words.
#include <functional>
#include <vector>

#include "edge-agent/update/machine.hpp"

namespace abide::test {

struct Context {  // indexes into wishes, windows, links (simulators/situations/page/cells.hpp)
  std::size_t wish = 0, window = 0, link = 0;
};

struct Start {
  const char* name;
  std::function<void(node::State&)> make;
};

struct InputClass {
  const char* name;
  std::function<node::Input(const node::State&, const node::Link&)> make;
  std::function<void(node::Link&)> before = {};  // what the link has been through
  bool starts_process = false;                   // then the link is a new one, whatever the context says
  std::int64_t later_ms = 0;
};

std::vector<Start> starts();
std::vector<InputClass> inputs();

// One cell's question to the machine.
struct Situation {
  node::State state;
  node::Link link;
  node::Input input;
  Now now;
};
Situation situation_of(const node::UpdateMachine& machine, const Start& start, const InputClass& input, const Context& context);

}  // namespace abide::test
