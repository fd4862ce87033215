// explain: the chain of causes of one node, and what it comes to.
#include "tools/replay/explain.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/time.hpp"
#include "common/service/logging.hpp"
#include "tools/replay/commands.hpp"

namespace abide::replay {
namespace {

using Json = nlohmann::ordered_json;

struct ExplainOptions {
  HistoryOptions history;
  std::string node;
  std::string at;
  std::string now;
  double switch_time_s = static_cast<double>(switch_time_default_ms) / 1000;
};

constexpr const char* help =
    "Why is this node where it is: the events that led there, oldest first, each with the time and the sequence under which it\n"
    "was journaled, and one conclusion. Works on an orchestrator's history and on an agent's own.";
constexpr const char* verdicts =
    "The conclusion begins with one word (in JSON: verdict):\n"
    "  conflict, held           a person must act first (`abidectl resolve host`, `abidectl confirm host`)\n"
    "  unheard, away            nothing was heard of it yet; or not for longer than 25 minutes while something waits for it\n"
    "  no_policy, refused       nothing is asked of it; or what is asked does not fit (downgrade, profile, manifest, ...)\n"
    "  no_newer_image, pinned, up_to_date   it runs what it should\n"
    "  unhealthy, failed, withdrawn         how its last offer ended; that is final\n"
    "  paused, no_window, window_too_short, waiting   what keeps the open offer";

Json json_of(const Cause& cause) {
  if (!cause.request.empty()) return {{"request", cause.request}};
  if (cause.sequence != 0) return {{"journal", to_hex(cause.journal)}, {"sequence", cause.sequence}};
  return nullptr;
}

Json json_of(const Explanation& why) {
  Json chain = Json::array();
  for (const auto& told : why.chain)
    chain.push_back({{"sequence", told.sequence},
                     {"at", to_rfc3339(told.at_ms)},
                     {"event", told.event},
                     {"text", told.text},
                     {"cause", json_of(told.cause)}});
  Json waits = Json::array();
  for (const auto& condition : why.waits_for) {
    Json one = {{"what", condition.what}, {"text", condition.text}};
    if (condition.at_wall_ms) one["at"] = to_rfc3339(*condition.at_wall_ms);
    waits.push_back(std::move(one));
  }
  Json json = {{"node", why.node}, {"name", why.name},        {"sequence", why.sequence},          {"now", to_rfc3339(why.now_ms)},
               {"chain", chain},   {"leftOut", why.left_out}, {"verdict", to_string(why.verdict)}, {"conclusion", why.conclusion},
               {"waitsFor", waits}};
  if (why.reason != Reason::none) json["reason"] = to_string(why.reason);
  if (why.evidence != Evidence{})
    json["evidence"] = {{"check", why.evidence.check},
                        {"outputTail", why.evidence.output_tail},
                        {"attempts", why.evidence.attempts},
                        {"bootCause", to_string(why.evidence.boot_cause)},
                        {"detail", why.evidence.detail}};
  return json;
}

void print_table(std::ostream& out, const Explanation& why) {
  out << "node " << (why.node.empty() ? "of this agent" : why.node) << (why.name.empty() ? "" : ", " + one_line(why.name))
      << ", after event " << why.sequence << ", looked at " << to_rfc3339(why.now_ms) << "\n\n";
  std::size_t place = 0;
  for (const auto& told : why.chain) {
    if (why.left_out != 0 && place++ == 10) out << "   ... " << why.left_out << " more (`abide-replay show`)\n";
    out << to_rfc3339(told.at_ms) << "  #" << told.sequence << "  " << one_line(told.text);
    if (!told.cause.request.empty()) out << "  [" << one_line(told.cause.request) << "]";
    out << "\n";
  }
  out << "\n" << to_string(why.verdict) << ": " << one_line(why.conclusion) << "\n";
  if (!why.evidence.output_tail.empty()) {
    out << "the end of what " << (why.evidence.check.empty() ? "it" : one_line(why.evidence.check)) << " printed:\n";
    std::size_t from = 0;
    const std::string& tail = why.evidence.output_tail;
    while (from < tail.size()) {
      const auto end = std::min(tail.find('\n', from), tail.size());
      out << "    " << one_line(tail.substr(from, end - from)) << "\n";
      from = end + 1;
    }
  }
  if (!why.waits_for.empty()) {
    out << "before it goes on:\n";
    for (const auto& condition : why.waits_for) out << "  " << condition.what << ": " << one_line(condition.text) << "\n";
  }
}

// The moment to judge by: as asked; of a place in the past, and of an exported file, that of the newest event; else now.
Result<std::int64_t> moment(const ExplainOptions& options, const Opened& opened, std::int64_t newest_ms, const Surroundings& around) {
  if (!options.now.empty()) {
    auto at = parse_rfc3339(options.now);
    if (!at) return fail(at.error().in("--now"));
    return *at;
  }
  const bool past = !options.at.empty() && options.at != "last";
  return past || opened.history.exported() ? newest_ms : around.now_ms();
}

Result<Explanation> explain_of(const ExplainOptions& options, const Opened& opened, const Surroundings& around) {
  auto place = find_place(opened, options.at.empty() ? "last" : options.at);
  if (!place) return fail(place.error().in("--at"));
  const auto& scope = opened.scope();
  ExplainSettings settings;
  settings.switch_time_ms = static_cast<std::int64_t>(options.switch_time_s * 1000);
  std::int64_t newest_ms = 0;
  ProgressBar bar(around, "folding");
  if (opened.history.kind() == Kind::agent) {
    if (!options.node.empty()) {
      auto node = find_node(opened, options.node);
      if (!node) return fail(node.error().in("--node"));
    }
    auto state = opened.history.node_at(scope, *place, bar.progressed());
    if (!state) return fail(state.error());
    std::vector<Recorded<NodeEvent>> events;
    auto read =
        opened.history.events(scope, 1, *place, VisitRecorded<NodeEvent>([&](const Recorded<NodeEvent>& recorded, std::string_view) {
                                newest_ms = recorded.at_ms;
                                events.push_back(recorded);
                                return true;
                              }));
    if (!read) return fail(read.error());
    auto now_ms = moment(options, opened, newest_ms, around);
    if (!now_ms) return fail(now_ms.error());
    settings.now_ms = *now_ms;
    Explanation why = explain(events, *state, scope.head.acked, settings);
    if (opened.history.owner()) why.node = to_string(opened.history.owner()->node);
    return why;
  }
  if (options.node.empty()) return fail(Code::invalid_input, "--node is required: an orchestrator's history has many");
  auto node = find_node(opened, options.node);
  if (!node) return fail(node.error().in("--node"));
  auto state = opened.history.fleet_at(scope, *place, bar.progressed());
  if (!state) return fail(state.error());
  std::vector<Recorded<OrchestratorEvent>> events;
  auto read = opened.history.events(scope, 1, *place,
                                    VisitRecorded<OrchestratorEvent>([&](const Recorded<OrchestratorEvent>& recorded, std::string_view) {
                                      newest_ms = recorded.at_ms;
                                      const auto about = node_of(recorded.event);
                                      if (!about || *about == *node || *about == fleet::every_node) events.push_back(recorded);
                                      return true;
                                    }));
  if (!read) return fail(read.error());
  auto now_ms = moment(options, opened, newest_ms, around);
  if (!now_ms) return fail(now_ms.error());
  settings.now_ms = *now_ms;
  return explain(events, *state, *node, settings);
}

}  // namespace

Command add_explain(CLI::App& root) {
  CLI::App* app = root.add_subcommand("explain", "why a node is where it is, in plain words");
  app->footer(std::string(help) + "\n\n" + verdicts + "\n\n" + exit_codes_text);
  const auto options = std::make_shared<ExplainOptions>();
  add_history_options(*app, options->history);
  app->add_option("-n,--node", options->node, "UUID, host's or instance's id, or host's name; an agent's history needs none");
  app->add_option("--at", options->at, "as it was after this event: a sequence, first, last, or a time");
  app->add_option("--now", options->now,
                  "the moment to judge by, RFC 3339; default: the present, but with --at or an exported file the time of the last event");
  app->add_option("--switch-time", options->switch_time_s, "seconds that a switch needs where none of the node was measured yet")
      ->capture_default_str();
  return {app, [options](const Surroundings& around) {
            auto opened = open_history(options->history, around);
            if (!opened) return complain(around, opened.error());
            auto why = explain_of(*options, *opened, around);
            if (!why) return complain(around, why.error());
            if (options->history.format() == Output::json)
              *around.out << json_of(*why).dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
            else
              print_table(*around.out, *why);
            return end_of(*opened);
          }};
}

}  // namespace abide::replay
