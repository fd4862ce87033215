#include "orchestrator/check.hpp"

#include <iostream>
#include <nlohmann/json.hpp>

#include "common/service/config.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/host.hpp"
#include "common/service/logging.hpp"
#include "common/store/large_pages.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/rows.hpp"

namespace abide::orchestrator {

namespace {

using Json = nlohmann::ordered_json;
using FleetHost = Host<fleet::FleetMachine, fleet::Rows>;
constexpr std::size_t differences_shown_max = 16;

Result<Json> check_project(const Reader& reader, const std::string& name, std::size_t& differences) {
  const auto scope = scope_of_project(name);
  auto head = Journal::read_head(reader, scope);
  if (!head) return fail(head.error());
  Json json = Json::object();
  json["project"] = name;
  json["journal"] = to_hex(head->id);
  json["base"] = head->base;
  json["last"] = head->last;
  json["chain"] = to_hex(head->chain);
  Json nodes = Json::array();
  auto read = fleet::scan_nodes(reader, scope, [&](fleet::Node&& node) {
    Json item = Json::object();
    item["uuid"] = to_string(node.id);
    item["hostId"] = node.host_id;
    item["journal"] = to_hex(node.journal);
    item["upto"] = node.upto;
    item["chain"] = to_hex(node.chain);
    nodes.push_back(std::move(item));
    return true;
  });
  if (!read) return fail(read.error());
  json["nodeCount"] = nodes.size();
  json["nodes"] = std::move(nodes);
  std::size_t open = 0;
  Json closed = Json::object();
  for (const char* kind : {"Succeeded", "Failed", "RolledBack", "Cancelled"}) closed[kind] = 0;
  read = fleet::scan_runs(reader, scope, [&](fleet::Run&& run) {
    if (run.end_ms == 0) {
      ++open;
    } else {
      auto& count = closed[std::string(to_string(run.outcome))];
      count = count.is_null() ? 1 : count.get<std::size_t>() + 1;
    }
    return true;
  });
  if (!read) return fail(read.error());
  json["openRuns"] = open;
  json["closedRuns"] = std::move(closed);
  auto differing = FleetHost::verify(reader, scope, differences_shown_max);
  Json& list = json["differences"] = Json::array();
  if (!differing) {
    list.push_back("journal: " + differing.error().message);  // a chain that breaks is a difference, too
  } else {
    for (const auto& key : *differing) list.push_back(key);
  }
  differences += list.size();
  return json;
}

}  // namespace

Result<CheckReport> check_store(const Reader& reader) {
  auto names = read_projects(reader);
  if (!names) return fail(names.error());
  CheckReport report;
  Json projects = Json::array();
  for (const auto& name : *names) {
    auto project = check_project(reader, name, report.differences);
    if (!project) return fail(project.error().in("project " + name));
    projects.push_back(std::move(*project));
  }
  Json json = Json::object();
  json["projects"] = std::move(projects);
  json["differences"] = report.differences;
  report.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return report;
}

int run_check(int argc, const char* const* argv) {
  std::string state;
  SettingsTable table("abide-orchestrator check",
                      "compares the journal of a state directory with its rows; reads only, also while an orchestrator runs on it.");
  table.text("state", &state, "directory of the journal and its rows").required();
  if (const auto code = table.settle(argc, argv)) return *code;
  prefer_large_pages();
  auto store = RocksStore::open_read_only(state);
  if (!store) {
    log_error(store.error().message);
    return store.error().code == Code::not_found ? to_int(ExitCode::failed) : to_int(exit_code_of_open(store.error()));
  }
  auto report = check_store(**store);
  if (!report) {
    log_error(report.error().message);
    return to_int(exit_code_of_open(report.error()));
  }
  std::cout << report->json << std::endl;
  return report->differences == 0 ? to_int(ExitCode::ok) : to_int(ExitCode::failed);
}

}  // namespace abide::orchestrator
