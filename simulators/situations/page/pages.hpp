#pragma once
// Pages of the tree that are compiled in (pages.cpp.in), so that a program finds them wherever it runs.
#include <string_view>

namespace abide::sim {

std::string_view transitions_page();  // edge-agent/update/transitions.txt
std::string_view unreachable_page();  // simulators/situations/unreachable.txt

}  // namespace abide::sim
