#pragma once
// `abide-orchestrator check --state DIR`: is what the rows say what the journal folds to? Reads only, and may be run beside
// the orchestrator.
#include <string>

#include "common/core/result.hpp"
#include "common/store/store.hpp"

namespace abide::orchestrator {

struct CheckReport {
  std::string json;  // one object, one line
  std::size_t differences = 0;
};
Result<CheckReport> check_store(const Reader& reader);

// The command: prints the report; 0 equal, 1 different, else as for a state directory that does not open.
int run_check(int argc, const char* const* argv);

}  // namespace abide::orchestrator
