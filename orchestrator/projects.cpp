#include "orchestrator/projects.hpp"

#include "common/events/topics.hpp"

namespace abide::orchestrator {

namespace {

// No escaped project name begins so: after = come two hex digits in upper case.
constexpr std::string_view prefix = "=projects/";

}  // namespace

std::string scope_of_project(const std::string& project) {
  return topics::escape(project) + "/";
}

void put_project_row(Batch& batch, const std::string& project) {
  batch.put(std::string(prefix) + topics::escape(project), project);
}

Result<std::vector<std::string>> read_projects(const Reader& reader) {
  std::vector<std::string> projects;
  auto scanned = reader.scan(prefix, after_prefix(prefix), [&](std::string_view, std::string_view name) {
    projects.emplace_back(name);
    return true;
  });
  if (!scanned) return fail(scanned.error().in("read the list of projects"));
  return projects;
}

}  // namespace abide::orchestrator
