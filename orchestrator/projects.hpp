#pragma once
// Which projects a store holds: one row each, beside their scopes.
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "common/store/store.hpp"

namespace abide::orchestrator {

// Prefix of all keys of a project.
std::string scope_of_project(const std::string& project);
void put_project_row(Batch& batch, const std::string& project);
Result<std::vector<std::string>> read_projects(const Reader& reader);

}  // namespace abide::orchestrator
