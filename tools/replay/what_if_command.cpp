// what-if: the command.
#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "common/core/time.hpp"
#include "common/service/logging.hpp"
#include "tools/replay/commands.hpp"
#include "tools/replay/what_if.hpp"

namespace abide::replay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t file_bytes_max = 1U << 20U;
constexpr std::uint64_t events_max = 2'000'000;  // held in memory, some 1.5 kB each

constexpr const char* help =
    "What would another policy, or another window, have done? Runs the orchestrator's own decide over the inputs of its history,\n"
    "with the alternative in their place, and tells for each node where the two futures part.";
constexpr const char* assumed =
    "What is assumed:\n"
    "  - Inputs are put together again from the events that they made. The check says how many of the recorded events decide\n"
    "    makes again of them when nothing is changed; where that is not all, the rest is taken as recorded. Without --policy and\n"
    "    --window only the check is made. Ids that were drawn at random are taken from the record.\n"
    "  - Operators do what they did, at the same times. Links to the policy of this name, and edits of a schedule that is replaced,\n"
    "    are to the alternative.\n"
    "  - Nodes are not simulated: their recorded events are their answers as long as they answer what is asked in this future,\n"
    "    too. Where they no longer do, the node is left, with the reason, and is silent from there on; what the orchestrator would\n"
    "    have told it is shown all the same.\n"
    "  - The calendar is on time, except between the last event before a start of the orchestrator and that start.\n"
    "\n"
    "FILE is YAML or JSON with the members of the REST API, alone or below spec:\n"
    "  policy: name, updatePolicy (UPDATE_POLICY_LATEST or UPDATE_POLICY_TARGET), targetOsId or targetOs, allowDowngrade\n"
    "  window: name, startSeconds or start (RFC 3339), endSeconds or end, scheduleStatus, targetHostId (none: as recorded)\n"
    "It stands in for the recorded one of the same name. With --from it is put in there instead: a policy is linked to --node's,\n"
    "else to those that are linked to one of its name, else to all; a window takes the place of those of its name, or is made.";

struct WhatIfOptions {
  HistoryOptions history;
  std::string policy, window, from;
  std::vector<std::string> nodes;
  double switch_time_s = static_cast<double>(switch_time_default_ms) / 1000;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::invalid_input, path + " cannot be read");
  std::stringstream bytes;
  bytes << in.rdbuf();
  if (bytes.str().size() > file_bytes_max) return fail(Code::invalid_input, path + " is larger than 1 MiB");
  return bytes.str();
}

Result<std::optional<Alternative>> alternative_of(const WhatIfOptions& options, const Opened& opened) {
  if (options.policy.empty() && options.window.empty()) return std::optional<Alternative>();
  Alternative alternative;
  alternative.switch_time_ms = static_cast<std::int64_t>(options.switch_time_s * 1000);
  const std::string& path = options.policy.empty() ? options.window : options.policy;
  auto text = read_file(path);
  if (!text) return fail(text.error());
  if (!options.policy.empty()) {
    auto policy = read_policy(*text);
    if (!policy) return fail(policy.error().in(path));
    alternative.policy = std::move(*policy);
  } else {
    auto schedule = read_schedule(*text);
    if (!schedule) return fail(schedule.error().in(path));
    alternative.schedule = std::move(*schedule);
  }
  if (!options.from.empty()) {
    auto place = find_place(opened, options.from);
    if (!place) return fail(place.error().in("--from"));
    alternative.from = *place;
  }
  if (!options.nodes.empty() && !alternative.from) return fail(Code::invalid_input, "--node goes with --from");
  for (const auto& name : options.nodes) {
    auto node = find_node(opened, name);
    if (!node) return fail(node.error().in("--node"));
    alternative.nodes.push_back(*node);
  }
  return std::optional(std::move(alternative));
}

// ---- what is printed -----------------------------------------------------------------------------------------------------

// Who is asked for what in the end, among those whose future differs.
std::map<std::string, std::vector<std::string>> asked_for(const WhatIf& future) {
  std::map<std::string, std::vector<std::string>> images;
  for (const auto& node : future.nodes) images[node.asked].push_back(node.name);
  return images;
}

void print_decision(std::ostream& out, const char* head, const std::optional<Decision>& decision, const char* none) {
  out << "  " << head;
  if (!decision) {
    out << none << "\n";
    return;
  }
  out << to_rfc3339(decision->at_ms);
  if (decision->sequence != 0) out << " #" << decision->sequence;
  out << "  " << one_line(decision->text) << "\n";
}

void print_check(std::ostream& out, const Check& checked) {
  out << "check: with nothing changed, decide makes " << checked.reproduced << " of " << checked.events << " recorded events again\n";
  for (const auto& difference : checked.differences)
    out << "  #" << difference.sequence << " recorded: " << one_line(difference.recorded)
        << "\n    made: " << (difference.made.empty() ? "nothing" : one_line(difference.made)) << "\n";
}

void print_table(std::ostream& out, const Check& checked, const WhatIf& future) {
  print_check(out, checked);
  out << "put in: " << one_line(future.put_in) << "\n";
  for (const auto& note : future.notes) out << "note: " << one_line(note) << "\n";
  for (const auto& node : future.nodes) {
    out << "\nnode " << to_string(node.node) << ", " << one_line(node.name) << "\n";
    if (node.recorded || node.instead) {
      print_decision(out, "recorded  ", node.recorded, "nothing");
      print_decision(out, "instead   ", node.instead, "nothing");
    }
    for (const auto& then : node.then) print_decision(out, "then      ", then, "");
    if (node.more != 0) out << "  ... and " << node.more << " more decisions\n";
    if (node.left)
      print_decision(out, "left      ", node.left, "");
    else
      out << "  followed to the end of the record: " << to_string(node.phase) << "\n";
    for (const auto& condition : node.waits_for) out << "  waits for " << condition.what << ": " << one_line(condition.text) << "\n";
  }
  out << "\n"
      << future.nodes.size() << (future.nodes.size() == 1 ? " node has" : " nodes have") << " another future, " << future.same
      << " the same\n";
  for (const auto& [image, names] : asked_for(future)) {
    out << (image.empty() ? "asked for nothing in the end: " : "asked for image " + one_line(image) + " in the end: ");
    for (std::size_t i = 0; i < names.size(); ++i) out << (i == 0 ? "" : ", ") << one_line(names[i]);
    out << "\n";
  }
}

Json json_of(const std::optional<Decision>& decision) {
  if (!decision) return nullptr;
  Json json = {{"at", to_rfc3339(decision->at_ms)}, {"text", decision->text}};
  if (decision->sequence != 0) json["sequence"] = decision->sequence;
  return json;
}
Json json_of(const Check& checked) {
  Json differences = Json::array();
  for (const auto& one : checked.differences)
    differences.push_back({{"sequence", one.sequence}, {"recorded", one.recorded}, {"made", one.made}});
  return {{"events", checked.events}, {"reproduced", checked.reproduced}, {"differences", differences}};
}
Json json_of(const WhatIf& future) {
  Json nodes = Json::array();
  for (const auto& node : future.nodes) {
    Json then = Json::array();
    for (const auto& decision : node.then) then.push_back(json_of(std::optional(decision)));
    Json waits = Json::array();
    for (const auto& condition : node.waits_for) waits.push_back({{"what", condition.what}, {"text", condition.text}});
    nodes.push_back({{"node", to_string(node.node)},
                     {"name", node.name},
                     {"recorded", json_of(node.recorded)},
                     {"instead", json_of(node.instead)},
                     {"then", then},
                     {"more", node.more},
                     {"left", json_of(node.left)},
                     {"asked", node.asked},
                     {"phase", to_string(node.phase)},
                     {"waitsFor", waits}});
  }
  return {{"putIn", future.put_in}, {"notes", future.notes}, {"same", future.same}, {"nodes", nodes}};
}

Result<Recording> read_all(const Opened& opened, ProgressBar& bar) {
  const auto& scope = opened.scope();
  const auto total = scope.head.last - scope.head.base;
  if (total > events_max)
    return fail(Code::invalid_input, "this history has " + std::to_string(total) + " events, more than the " + std::to_string(events_max) +
                                         " that what-if holds: export a part of it");
  Recording recording;
  recording.reserve(total);
  auto read = opened.history.events(scope, scope.head.base + 1, scope.head.last,
                                    VisitRecorded<OrchestratorEvent>([&](const Recorded<OrchestratorEvent>& recorded, std::string_view) {
                                      recording.push_back(recorded);
                                      bar.at(recording.size(), total);
                                      return true;
                                    }));
  if (!read) return fail(read.error());
  return recording;
}

int run_what_if(const WhatIfOptions& options, const Surroundings& around) {
  auto opened = open_history(options.history, around);
  if (!opened) return complain(around, opened.error());
  if (opened->history.kind() == Kind::agent)
    return complain(around, {Code::invalid_input,
                             "this is an agent's history: what it is asked is decided by its orchestrator, whose history is needed"});
  auto alternative = alternative_of(options, *opened);
  if (!alternative) return complain(around, alternative.error());
  auto before = opened->history.fleet_at(opened->scope(), opened->scope().head.base);
  if (!before) return complain(around, before.error());
  Recording recording;
  {
    ProgressBar bar(around, "reading");
    auto read = read_all(*opened, bar);
    if (!read) return complain(around, read.error());
    recording = std::move(*read);
  }
  const Check checked = check(recording, *before);
  const bool as_json = options.history.format() == Output::json;
  if (!*alternative) {
    if (as_json)
      *around.out << Json{{"check", json_of(checked)}}.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    else
      print_check(*around.out, checked);
    return end_of(*opened, checked.reproduced == checked.events ? exit_done : exit_failed);
  }
  auto future = what_if(recording, checked, std::move(*before), **alternative);
  if (!future) return complain(around, future.error());
  if (as_json) {
    Json json = json_of(*future);
    json["check"] = json_of(checked);
    *around.out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    print_table(*around.out, checked, *future);
  }
  return end_of(*opened);
}

}  // namespace

Command add_what_if(CLI::App& root) {
  CLI::App* app = root.add_subcommand("what-if", "what another policy or window would have done");
  app->footer(std::string(help) + "\n\n" + assumed + "\n\n" + exit_codes_text);
  const auto options = std::make_shared<WhatIfOptions>();
  add_history_options(*app, options->history);
  auto* policy = app->add_option("--policy", options->policy, "FILE with the policy");
  app->add_option("--window", options->window, "FILE with the schedule")->excludes(policy);
  app->add_option("--from", options->from, "put it in before this event: a sequence, first, last, or a time");
  app->add_option("-n,--node", options->nodes, "with --from: for this node only; repeatable")->allow_extra_args(false);
  app->add_option("--switch-time", options->switch_time_s, "seconds of a window that a switch needs")->capture_default_str();
  return {app, [options](const Surroundings& around) { return run_what_if(*options, around); }};
}

}  // namespace abide::replay
