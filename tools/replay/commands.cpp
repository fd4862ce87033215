#include "tools/replay/commands.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <ostream>

#include "common/core/time.hpp"
#include "common/service/build_version.hpp"
#include "common/service/wrong_usage.hpp"
#include "common/service/logging.hpp"
#include "orchestrator/rows.hpp"
#include "tools/abidectl/table.hpp"

namespace abide::replay {
namespace {

constexpr const char* about =
    "Reads the history of an orchestrator or an agent: what happened, why, and what would have.\n"
    "HISTORY is a state directory, also while its owner runs (it is never written to, and no lock is taken),\n"
    "or a file that `abide-replay export` made.";

constexpr const char* examples =
    "Examples:\n"
    "  abide-replay show /var/lib/abide-orchestrator --project demo --node edge-1 --since 2026-11-24T16:00:00Z\n"
    "  abide-replay state /var/lib/abide-agent --at 17\n"
    "  abide-replay verify /var/lib/abide-orchestrator\n"
    "  abide-replay export /var/lib/abide-orchestrator --project demo --node edge-1 --out edge-1.abide";

constexpr int bar_cells = 24;

}  // namespace

const char* const exit_codes_text =
    "Exit codes: 0 done; 1 failed, or what was looked at is not as it must be; 2 wrong usage; 3 no such history, project,\n"
    "node, run or place; 4 from a newer version; 5 damaged: what was read goes up to the last good event; 6 no right to\n"
    "read or write it.";

int exit_of(const Error& error) {
  switch (error.code) {
    case Code::invalid_input:
      return exit_usage;
    case Code::not_found:
      return exit_not_found;
    case Code::conflict:
      return error.message.find("newer version") != std::string::npos ? exit_newer : exit_failed;
    case Code::corrupt:
      return exit_damaged;
    case Code::denied:
      return exit_denied;
    case Code::unavailable:
    case Code::timeout:
      return exit_failed;
  }
  return exit_failed;
}

void add_history_options(CLI::App& app, HistoryOptions& options, bool with_output) {
  app.add_option("HISTORY", options.path, "state directory of an orchestrator or an agent, or an exported file [ABIDE_STATE]")
      ->envname("ABIDE_STATE")
      ->required();
  app.add_option("-p,--project", options.project, "the project, where a history has several [ABIDE_PROJECT]")->envname("ABIDE_PROJECT");
  if (with_output)
    app.add_option("-o,--output", options.output, "table or json [ABIDE_OUTPUT]")
        ->envname("ABIDE_OUTPUT")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
}

int complain(const Surroundings& around, const Error& error) {
  *around.err << "abide-replay: " << one_line(error.message) << std::endl;
  return exit_of(error);
}

Result<Opened> open_history(const HistoryOptions& options, const Surroundings& around) {
  std::optional<History> history;
  {
    ProgressBar bar(around, "reading");
    auto opened = History::open(options.path, bar.progressed());
    if (!opened) return fail(opened.error());
    history.emplace(std::move(*opened));
  }
  Opened result{std::move(*history)};
  // An agent's project in the environment is that of another program's call.
  auto scope = result.history.scope(result.history.kind() == Kind::agent ? "" : options.project);
  if (!scope) return fail(scope.error());
  for (const auto& line : result.history.damage()) *around.err << "abide-replay: damaged: " << one_line(line) << std::endl;
  result.place = static_cast<std::size_t>(*scope - result.history.scopes().data());
  return result;
}

int end_of(const Opened& opened, int code) {
  return code == exit_done && !opened.history.damage().empty() ? exit_damaged : code;
}

// ---- the bar ---------------------------------------------------------------------------------------------------------------

ProgressBar::ProgressBar(const Surroundings& around, std::string what) : around_(around), what_(std::move(what)) {}

ProgressBar::~ProgressBar() {
  if (shown_ >= 0) *around_.err << "\r\x1b[K" << std::flush;
}

void ProgressBar::at(std::uint64_t done, std::uint64_t total) {
  if (!around_.err_is_terminal || total == 0) return;
  const int percent = static_cast<int>(std::min(done, total) * 100 / total);
  if (percent == shown_) return;
  shown_ = percent;
  *around_.err << "\r" << what_ << " " << ctl::progress_bar(percent, bar_cells) << "\x1b[K" << std::flush;
}

// ---- places and nodes ------------------------------------------------------------------------------------------------------

namespace {

std::optional<std::uint64_t> sequence_in(std::string_view text) {
  std::uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return sequence;
}

template <class Event>
Result<std::uint64_t> last_at_or_before(const Opened& opened, std::int64_t at_ms) {
  const auto& scope = opened.scope();
  std::uint64_t found = scope.head.base;
  auto read = opened.history.events(scope, 1, scope.head.last, VisitRecorded<Event>([&](const Recorded<Event>& recorded, std::string_view) {
                                      if (recorded.at_ms <= at_ms) found = recorded.sequence;
                                      return true;
                                    }));
  if (!read) return fail(read.error());
  return found;
}

}  // namespace

Result<Bound> parse_bound(std::string_view text) {
  if (const auto sequence = sequence_in(text)) return Bound{*sequence, std::nullopt};
  const auto at = parse_rfc3339(text);
  if (!at) return fail(Code::invalid_input, "\"" + std::string(text) + "\" is neither a sequence nor a time such as 2026-11-25T02:00:00Z");
  return Bound{std::nullopt, *at};
}

Result<std::uint64_t> find_place(const Opened& opened, std::string_view text) {
  const auto& head = opened.scope().head;
  if (text == "last") return head.last;
  if (text == "first") return std::min(head.base + 1, head.last);
  auto bound = parse_bound(text);
  if (!bound) return fail(bound.error().code, bound.error().message + ", first or last");
  if (bound->at_ms)
    return opened.history.kind() == Kind::orchestrator ? last_at_or_before<OrchestratorEvent>(opened, *bound->at_ms)
                                                       : last_at_or_before<NodeEvent>(opened, *bound->at_ms);
  if (*bound->sequence > head.last)
    return fail(Code::not_found, "there is no event " + std::string(text) + ": the last one is " + std::to_string(head.last));
  if (*bound->sequence < head.base) return fail(Code::not_found, "events up to " + std::to_string(head.base) + " are trimmed");
  return *bound->sequence;
}

Result<NodeId> find_node(const Opened& opened, const std::string& text) {
  const auto& history = opened.history;
  const auto id = parse_node_id(text);
  if (history.kind() == Kind::agent) {
    if (history.owner() && id && *id == history.owner()->node) return *id;
    return fail(Code::not_found, "this is the history of " + (history.owner() ? "node " + to_string(history.owner()->node) : "an agent") +
                                     ", and of no other");
  }
  const auto& prefix = opened.scope().prefix;
  std::vector<NodeId> found;
  auto read = fleet::scan_nodes(history.reader(), prefix, [&](fleet::Node&& node) {
    if ((id && *id == node.id) || text == node.host_id || text == node.instance_id || text == node.name) found.push_back(node.id);
    return true;
  });
  if (!read) return fail(read.error());
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    return fail(Code::conflict,
                "the name " + text + " is that of " + std::to_string(found.size()) + " nodes: give the UUID or the host's id");
  return fail(Code::not_found, "there is no node " + text + " in project " + opened.scope().name);
}

// ---- the program -----------------------------------------------------------------------------------------------------------

int run(int count, const char* const* words, const Surroundings& around) {
  CLI::App app(about, "abide-replay");
  app.set_version_flag("--version", version_line("abide-replay"));
  app.require_subcommand(1);
  app.failure_message(wrong_usage);
  app.footer(exit_codes_text);  // which the commands take over
  std::vector<Command> commands = {
      add_show(app), add_state(app), add_diff(app), add_verify(app), add_export(app), add_import(app), add_explain(app), add_what_if(app), add_publish(app), add_step(app),
  };
  app.footer(std::string(examples) + "\n\n" + exit_codes_text);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, *around.out, *around.err) == 0 ? exit_done : exit_usage;
  }
  for (const auto& command : commands)
    if (command.app->parsed()) return command.run(around);
  return exit_usage;
}

}  // namespace abide::replay
