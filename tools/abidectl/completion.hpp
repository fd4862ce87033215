#pragma once
// Completions for shells: the scripts, and the answers that these ask for with `abidectl __complete WORDS...`.
#include <string>
#include <vector>

#include "tools/abidectl/session.hpp"

namespace CLI {
class App;
}

namespace abide::ctl {

inline constexpr const char* complete_word = "__complete";  // in the place of a verb

// bash, zsh or fish.
std::string completion_script(const std::string& shell);

// What the last of these words could become, one a line: verbs, nouns, flags, and names as the server has them. Says nothing
// where it knows nothing: a shell is no place for errors.
void complete(const CLI::App& app, const std::vector<std::string>& words, const Surroundings& around);

}  // namespace abide::ctl
