#pragma once
// The protocol's rules by name. They can be switched off in abide-fleet-sim-mutable alone; here and everywhere else that
// would have no effect, and is not offered.
#include <string>
#include <vector>

namespace abide::fleet_sim {

bool rules_are_switchable();
std::vector<std::string> rule_names();
void switch_off(const std::vector<std::string>& names);  // before any world is run; they are known

}  // namespace abide::fleet_sim
