#pragma once
// abidectl VERB NOUN [NAME] [flags]: reads the words, does what they say.
#include <string>
#include <vector>

#include "tools/abidectl/session.hpp"

namespace abide::ctl {

// The exit code. `arguments` without the program's name.
int run(const std::vector<std::string>& arguments, const Surroundings& around);

}  // namespace abide::ctl
