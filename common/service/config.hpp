#pragma once
// The settings of a daemon: each can be given by flag, by environment and by TOML file, in that order of precedence.
//
//   SettingsTable table("abide-agent", "updates the operating system of this node");
//   table.text("state", &config.state, "directory of the journal").required();
//   table.duration_ms("hello-every", &config.hello_ms, 1'000, 86'400'000, "pause between two hellos");
//   if (const auto code = table.settle(argc, argv)) return *code;
//
// A setting "hello-every" is the flag --hello-every, the variable ABIDE_HELLO_EVERY and the key hello_every. What a target
// holds when it is declared is its default. Targets must outlive the parse. One thread, before others start.
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace abide {

struct ParseOutcome {
  bool run = true;     // false: all was said already (--help, --version)
  int exit_code = 0;   // then
  std::string output;  // for stdout, then
};

class SettingsTable {
 public:
  // Looks up a variable of the environment; nothing where it is not set.
  using Environment = std::function<std::optional<std::string>(const std::string& name)>;

  SettingsTable(std::string program, std::string summary);

  class Setting {
   public:
    // Must be given, and not be empty. The error names all three ways.
    Setting& required();
    // Of a list: a TOML file may have one string in place of an array.
    Setting& or_one_text();
    // Another check of a value: the error's message ends the line "--flag: ...".
    Setting& checked(std::function<Result<void>(std::string_view)> check);

   private:
    friend class SettingsTable;
    enum class Kind { text, integer, duration, flag, list, choice, secret_file };
    // Reads a value given as text (a list: one item) into the target.
    std::function<Result<void>(const std::string& value)> take_;
    std::function<void()> forget_;  // empties a list before the first item
    std::function<Result<void>(std::string_view)> check_;
    std::string name_;
    std::string help_;
    std::string value_name_;
    std::string default_;
    Kind kind_ = Kind::text;
    bool required_ = false;
    bool or_one_text_ = false;
    bool given_ = false;
  };

  // Names: lower-case words with '-' between them.
  Setting& text(std::string name, std::string* target, std::string help);
  // In [least, most]. `unit` is for --help: "bytes".
  Setting& integer(std::string name, std::int64_t* target, std::int64_t least, std::int64_t most, std::string help,
                   const std::string& unit = "");
  // Milliseconds in the target; as text a whole number with its unit: 250ms, 10s, 5min, 2h, 1d.
  Setting& duration_ms(std::string name, std::int64_t* target, std::int64_t least_ms, std::int64_t most_ms, std::string help);
  // --name, --name=false; in environment and file: true, false.
  Setting& flag(std::string name, bool* target, std::string help);
  // The flag again and again, a TOML array of strings, a variable with commas between the items. The items of one source
  // replace those of the sources below it.
  Setting& list(std::string name, std::vector<std::string>* target, std::string help);
  Setting& choice(std::string name, std::string* target, std::vector<std::string> allowed, std::string help);
  // The name of a file that holds a secret; the target gets its content without the last line end. Secrets themselves are
  // never on a command line, where every user of the machine can read them.
  Setting& secret_file(std::string name, std::string* target, std::string help);

  // invalid_input: the line to print before exit code 2; it names the program, and the flag, variable or file and key.
  Result<ParseOutcome> parse(int argc, const char* const* argv);
  Result<ParseOutcome> parse(int argc, const char* const* argv, const Environment& environment);
  // parse(), and says what there is to say: on stdout, or on stderr in case of an error. Gives the exit code if the program
  // should end now.
  std::optional<int> settle(int argc, const char* const* argv);

  [[nodiscard]] std::string help() const;

 private:
  Setting& add(Setting::Kind kind, std::string name, std::string help, std::string value_name, std::string present);
  Result<void> give(Setting& setting, const std::string& source, const std::vector<std::string>& values);
  Result<void> read_file(const std::string& path);
  Result<void> apply_all(const std::vector<std::vector<std::string>>& flags, const Environment& environment);
  Result<ParseOutcome> parse_all(int argc, const char* const* argv, const Environment& environment);

  std::string program_;
  std::string summary_;
  std::deque<Setting> settings_;  // handles stay good
};

// "250ms", "10s", "5min", "2h", "1d": a whole number and a unit, nothing else.
Result<std::int64_t> parse_duration_ms(std::string_view text);
std::string duration_text(std::int64_t ms);  // in the largest unit that is exact: "90s", "5min"

}  // namespace abide
