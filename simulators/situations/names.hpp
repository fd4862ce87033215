#pragma once
// The list of all situations.
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/world/observer.hpp"

namespace abide::sim {

const std::vector<std::string>& situation_names();
std::optional<std::size_t> index_of_situation(std::string_view name);  // among them

// Situations that are argued in unreachable.txt: the argument's name. Empty: none.
std::string_view argument_against(std::string_view situation);

std::string fault_in_phase(Fault fault, Phase phase);

}  // namespace abide::sim
