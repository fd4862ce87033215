#pragma once
// The commands of abide-replay, one file each: what it is called with, what it does, how it ends.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "tools/replay/history.hpp"

namespace CLI {
class App;
}

namespace abide::replay {

// How it ends; every --help lists them.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_not_found = 3;
inline constexpr int exit_newer = 4;
inline constexpr int exit_damaged = 5;
inline constexpr int exit_denied = 6;
int exit_of(const Error& error);
extern const char* const exit_codes_text;

// What a command sees of the world.
struct Surroundings {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t columns = 0;  // of the terminal; 0: unknown
  std::function<std::int64_t()> now_ms;
  std::function<void(std::int64_t milliseconds)> wait;
};

struct Command {
  CLI::App* app = nullptr;
  std::function<int(const Surroundings&)> run;
};

// ---- what commands share ---------------------------------------------------------------------------------------------------

enum class Output { table, json };

struct HistoryOptions {
  std::string path;
  std::string project;  // empty: the only one
  std::string output = "table";
  [[nodiscard]] Output format() const { return output == "json" ? Output::json : Output::table; }
};
// HISTORY (ABIDE_STATE), --project (ABIDE_PROJECT), --output (ABIDE_OUTPUT).
void add_history_options(CLI::App& app, HistoryOptions& options, bool with_output = true);

// A line "abide-replay: ..." on stderr; gives the exit code.
int complain(const Surroundings& around, const Error& error);

// A history, and which of its scopes was asked for. Damage is told on stderr at once, a line each, and sets the exit code that
// the command then ends with (end_of).
struct Opened {
  History history;
  std::size_t place = 0;
  [[nodiscard]] const Scope& scope() const { return history.scopes()[place]; }
};
Result<Opened> open_history(const HistoryOptions& options, const Surroundings& around);
// exit_done, or exit_damaged where something of the history was damaged.
int end_of(const Opened& opened, int code = exit_done);

// A bar on stderr while something takes long, if that is a terminal; gone when it is done.
class ProgressBar {
 public:
  ProgressBar(const Surroundings& around, std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void at(std::uint64_t done, std::uint64_t total);
  [[nodiscard]] Progressed progressed() {
    return [this](std::uint64_t done, std::uint64_t total) { at(done, total); };
  }

 private:
  const Surroundings& around_;
  std::string what_;
  int shown_ = -1;  // percent
};

// A sequence or a time, as --since and --until are given.
struct Bound {
  std::optional<std::uint64_t> sequence;
  std::optional<std::int64_t> at_ms;
};
Result<Bound> parse_bound(std::string_view text);
// A place in a history, as --at is given: a sequence, "first", "last", or a time (RFC 3339): after the last event until then.
Result<std::uint64_t> find_place(const Opened& opened, std::string_view text);
// A node by UUID, host's or instance's id, or host's name. not_found; conflict: the name is not unique. An agent's history
// knows its own node's UUID only.
Result<NodeId> find_node(const Opened& opened, const std::string& text);

// ---- the commands ------------------------------------------------------------------------------------------------------

Command add_show(CLI::App& root);
Command add_state(CLI::App& root);
Command add_diff(CLI::App& root);
Command add_verify(CLI::App& root);
Command add_export(CLI::App& root);
Command add_import(CLI::App& root);
Command add_explain(CLI::App& root);
Command add_what_if(CLI::App& root);
Command add_publish(CLI::App& root);
Command add_step(CLI::App& root);

// abide-replay with these words. The list of commands is in commands.cpp.
int run(int count, const char* const* words, const Surroundings& around);

}  // namespace abide::replay
