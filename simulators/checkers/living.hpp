#pragma once
// Of whom liveness speaks: the machines that are there at the end and alone under their name.
#include <vector>

#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {

inline std::vector<const Machine*> living(const World& world) {
  std::vector<const Machine*> alone;
  for (MachineIndex i = 0; i < world.machine_count(); ++i) {
    const Machine& machine = world.machine(i);
    if (machine.gone()) continue;
    bool doubled = false;
    for (MachineIndex j = 0; j < world.machine_count(); ++j)
      doubled = doubled || (j != i && world.machine(j).id() == machine.id() && !world.machine(j).gone());
    if (!doubled) alone.push_back(&machine);
  }
  return alone;
}

}  // namespace abide::sim
