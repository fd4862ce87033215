#include "common/service/config.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <toml++/toml.h>
#include <utility>

#include "common/service/build_version.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/logging.hpp"

namespace abide {
namespace {

constexpr std::size_t config_file_bytes_max = 1U << 20U;
constexpr std::size_t secret_bytes_max = 64U << 10U;
constexpr std::size_t help_columns = 100;

struct DurationUnit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<DurationUnit, 5> duration_units{{{"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};

std::string in_quotes(std::string_view text) {
  return "\"" + one_line(text) + "\"";
}

std::string replaced(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}

std::string flag_name(const std::string& name) {
  return "--" + name;
}
std::string key_name(const std::string& name) {
  return replaced(name, '-', '_');
}
std::string variable_name(const std::string& name) {
  std::string variable = "ABIDE_" + key_name(name);
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return variable;
}

Result<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end) return fail(Code::invalid_input, in_quotes(text) + " is no whole number");
  return number;
}

// The whole file; what cannot be read is said without its path, which the caller names.
Result<std::string> read_whole(const std::string& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::not_found, std::generic_category().message(errno));
  std::string content(bytes_max + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) return fail(Code::unavailable, std::generic_category().message(errno));
  content.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (content.size() > bytes_max) return fail(Code::invalid_input, "has more than " + std::to_string(bytes_max) + " bytes");
  return content;
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream rest(text);
  for (std::string item; std::getline(rest, item, ',');) items.push_back(item);
  return items;
}

// What one TOML node gives, as text.
Result<std::string> text_of(const toml::node& node, bool wants_integer, bool wants_flag, bool wants_text) {
  if (wants_integer) {
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    return fail(Code::invalid_input, "must be a whole number");
  }
  if (wants_flag) {
    if (const auto* yes = node.as_boolean()) return std::string(yes->get() ? "true" : "false");
    return fail(Code::invalid_input, "must be true or false");
  }
  if (const auto* text = node.as_string()) return text->get();
  return fail(Code::invalid_input, wants_text ? "must be a string" : "must be a string with a unit: \"10s\"");
}

// Breaks lines at blanks; all but the first begin with `indent` blanks.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::istringstream words(text);
  std::string lines;
  std::size_t column = indent;
  for (std::string word; words >> word;) {
    if (column > indent && column + 1 + word.size() > help_columns) {
      lines += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      lines += " ";
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines;
}

}  // namespace

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::invalid_input, in_quotes(text) + " is no duration: a whole number and ms, s, min, h or d, as in 10s");
  };
  const auto digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return wrong();
  for (const auto& unit : duration_units) {
    if (unit.name != text.substr(digits)) continue;
    const auto number = parse_integer(text.substr(0, digits));
    std::int64_t ms = 0;
    if (!number || __builtin_mul_overflow(*number, unit.ms, &ms)) return wrong();
    return ms;
  }
  return wrong();
}

std::string duration_text(std::int64_t ms) {
  if (ms == 0) return "0s";
  for (const auto& unit : duration_units)
    if (ms % unit.ms == 0) return std::to_string(ms / unit.ms) + std::string(unit.name);
  return std::to_string(ms) + "ms";
}

SettingsTable::Setting& SettingsTable::Setting::required() {
  required_ = true;
  return *this;
}

SettingsTable::Setting& SettingsTable::Setting::or_one_text() {
  or_one_text_ = true;
  return *this;
}

SettingsTable::Setting& SettingsTable::Setting::checked(std::function<Result<void>(std::string_view)> check) {
  check_ = std::move(check);
  return *this;
}

SettingsTable::SettingsTable(std::string program, std::string summary) : program_(std::move(program)), summary_(std::move(summary)) {}

SettingsTable::Setting& SettingsTable::add(Setting::Kind kind, std::string name, std::string help, std::string value_name,
                                           std::string present) {
  for (const auto& setting : settings_) assert(setting.name_ != name);
  assert(name != "config" && name != "help" && name != "version" && name.find('_') == std::string::npos);
  auto& setting = settings_.emplace_back();
  setting.kind_ = kind;
  setting.name_ = std::move(name);
  setting.help_ = std::move(help);
  setting.value_name_ = std::move(value_name);
  setting.default_ = std::move(present);
  return setting;
}

SettingsTable::Setting& SettingsTable::text(std::string name, std::string* target, std::string help) {
  auto& setting = add(Setting::Kind::text, std::move(name), std::move(help), "TEXT", *target);
  setting.take_ = [target](const std::string& value) {
    *target = value;
    return Result<void>{};
  };
  return setting;
}

SettingsTable::Setting& SettingsTable::integer(std::string name, std::int64_t* target, std::int64_t least, std::int64_t most,
                                               std::string help, const std::string& unit) {
  help += " (" + std::to_string(least) + " to " + std::to_string(most) + (unit.empty() ? "" : " " + unit) + ")";
  auto& setting = add(Setting::Kind::integer, std::move(name), std::move(help), "N", std::to_string(*target));
  setting.take_ = [target, least, most](const std::string& value) -> Result<void> {
    const auto number = parse_integer(value);
    if (!number) return fail(number.error());
    if (*number < least || *number > most)
      return fail(Code::invalid_input, value + " is not between " + std::to_string(least) + " and " + std::to_string(most));
    *target = *number;
    return {};
  };
  return setting;
}

SettingsTable::Setting& SettingsTable::duration_ms(std::string name, std::int64_t* target, std::int64_t least_ms, std::int64_t most_ms,
                                                   std::string help) {
  help += " (" + duration_text(least_ms) + " to " + duration_text(most_ms) + ")";
  auto& setting = add(Setting::Kind::duration, std::move(name), std::move(help), "TIME", duration_text(*target));
  setting.take_ = [target, least_ms, most_ms](const std::string& value) -> Result<void> {
    const auto ms = parse_duration_ms(value);
    if (!ms) return fail(ms.error());
    if (*ms < least_ms || *ms > most_ms)
      return fail(Code::invalid_input, value + " is not between " + duration_text(least_ms) + " and " + duration_text(most_ms));
    *target = *ms;
    return {};
  };
  return setting;
}

SettingsTable::Setting& SettingsTable::flag(std::string name, bool* target, std::string help) {
  auto& setting = add(Setting::Kind::flag, std::move(name), std::move(help), "", *target ? "true" : "false");
  setting.take_ = [target](const std::string& value) -> Result<void> {
    if (value != "true" && value != "false") return fail(Code::invalid_input, in_quotes(value) + " is neither true nor false");
    *target = value == "true";
    return {};
  };
  return setting;
}

SettingsTable::Setting& SettingsTable::list(std::string name, std::vector<std::string>* target, std::string help) {
  std::string present;
  for (const auto& item : *target) present += (present.empty() ? "" : ",") + item;
  auto& setting = add(Setting::Kind::list, std::move(name), std::move(help), "TEXT ...", std::move(present));
  setting.forget_ = [target] { target->clear(); };
  setting.take_ = [target](const std::string& value) {
    target->push_back(value);
    return Result<void>{};
  };
  return setting;
}

SettingsTable::Setting& SettingsTable::choice(std::string name, std::string* target, std::vector<std::string> allowed, std::string help) {
  std::string any;
  for (const auto& word : allowed) any += (any.empty() ? "" : "|") + word;
  auto& setting = add(Setting::Kind::choice, std::move(name), std::move(help), any, *target);
  setting.take_ = [target, any, allowed = std::move(allowed)](const std::string& value) -> Result<void> {
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      return fail(Code::invalid_input, in_quotes(value) + " is none of " + any);
    *target = value;
    return {};
  };
  return setting;
}

SettingsTable::Setting& SettingsTable::secret_file(std::string name, std::string* target, std::string help) {
  auto& setting = add(Setting::Kind::secret_file, std::move(name), std::move(help), "FILE", "");
  setting.take_ = [target](const std::string& path) -> Result<void> {
    auto content = read_whole(path, secret_bytes_max);
    if (!content) return fail(content.error().in(one_line(path)));
    if (!content->empty() && content->back() == '\n') content->pop_back();
    if (!content->empty() && content->back() == '\r') content->pop_back();
    if (content->empty()) return fail(Code::invalid_input, one_line(path) + ": the file is empty");
    *target = std::move(*content);
    return {};
  };
  return setting;
}

Result<void> SettingsTable::give(Setting& setting, const std::string& source, const std::vector<std::string>& values) {
  if (setting.forget_) setting.forget_();
  for (const auto& value : values) {
    auto taken = setting.check_ && setting.kind_ != Setting::Kind::secret_file ? setting.check_(value) : Result<void>{};
    if (taken) taken = setting.take_(value);
    if (!taken) return fail(Code::invalid_input, source + ": " + taken.error().message);
    setting.given_ = setting.given_ || !value.empty();
  }
  return {};
}

Result<void> SettingsTable::read_file(const std::string& path) {
  auto content = read_whole(path, config_file_bytes_max);
  if (!content) return fail(Code::invalid_input, path + ": " + content.error().message);
  toml::table file;
  try {
    file = toml::parse(*content, path);
  } catch (const toml::parse_error& error) {
    return fail(Code::invalid_input, path + ":" + std::to_string(error.source().begin.line) + ": " + one_line(error.description()));
  }
  for (const auto& [key, node] : file) {
    const std::string name(key.str());
    const std::string where = path + ":" + std::to_string(node.source().begin.line) + ": " + one_line(name);
    const auto setting = std::find_if(settings_.begin(), settings_.end(), [&](const Setting& any) { return key_name(any.name_) == name; });
    if (setting == settings_.end()) return fail(Code::invalid_input, where + ": there is no such setting");
    const bool is_integer = setting->kind_ == Setting::Kind::integer;
    const bool is_flag = setting->kind_ == Setting::Kind::flag;
    const bool is_text = setting->kind_ != Setting::Kind::duration;
    std::vector<std::string> values;
    if (setting->kind_ == Setting::Kind::list && !(setting->or_one_text_ && node.is_string())) {
      const auto* const items = node.as_array();
      if (items == nullptr) return fail(Code::invalid_input, where + ": must be an array of strings");
      for (const auto& item : *items) {
        auto text = text_of(item, false, false, true);
        if (!text) return fail(Code::invalid_input, where + ": must be an array of strings");
        values.push_back(std::move(*text));
      }
    } else {
      auto text = text_of(node, is_integer, is_flag, is_text);
      if (!text) return fail(Code::invalid_input, where + ": " + text.error().message);
      values.push_back(std::move(*text));
    }
    if (auto given = give(*setting, where, values); !given) return given;
  }
  return {};
}

// Lowest precedence first, each over the one before; the file was read already.
Result<void> SettingsTable::apply_all(const std::vector<std::vector<std::string>>& flags, const Environment& environment) {
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    auto& setting = settings_[i];
    const std::string variable = variable_name(setting.name_);
    if (const auto value = environment(variable)) {
      const auto values = setting.kind_ == Setting::Kind::list ? split_at_commas(*value) : std::vector<std::string>{*value};
      if (auto given = give(setting, variable, values); !given) return given;
    }
    if (!flags[i].empty())
      if (auto given = give(setting, flag_name(setting.name_), flags[i]); !given) return given;
  }
  for (const auto& setting : settings_) {
    if (setting.required_ && !setting.given_ && setting.default_.empty())
      return fail(Code::invalid_input, flag_name(setting.name_) + " is missing (or " + variable_name(setting.name_) + ", or " +
                                           key_name(setting.name_) + " in the config file)");
  }
  return {};
}

Result<ParseOutcome> SettingsTable::parse_all(int argc, const char* const* argv, const Environment& environment) {
  std::vector<std::vector<std::string>> flags(settings_.size());
  std::vector<std::string> config;
  bool wants_help = false;
  bool wants_version = false;
  try {
    CLI::App app(summary_, program_);
    app.set_help_flag();
    app.add_flag("--help,-h", wants_help);
    app.add_flag("--version", wants_version);
    app.add_option("--config", config)->allow_extra_args(false);
    for (std::size_t i = 0; i < settings_.size(); ++i) {
      const std::string name = flag_name(settings_[i].name_);
      if (settings_[i].kind_ == Setting::Kind::flag) {
        app.add_flag(name, flags[i]);
      } else {
        app.add_option(name, flags[i])->allow_extra_args(false);
      }
    }
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return fail(Code::invalid_input, one_line(error.what()) + " (--help lists all settings)");
  }
  if (wants_help) return ParseOutcome{false, to_int(ExitCode::ok), help()};
  if (wants_version) return ParseOutcome{false, to_int(ExitCode::ok), version_line(program_) + "\n"};
  if (config.size() > 1) return fail(Code::invalid_input, "--config is given " + std::to_string(config.size()) + " times");
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (flags[i].size() > 1 && settings_[i].kind_ != Setting::Kind::list)
      return fail(Code::invalid_input, flag_name(settings_[i].name_) + " is given " + std::to_string(flags[i].size()) + " times");
  }
  if (config.empty())
    if (const auto path = environment("ABIDE_CONFIG"); path && !path->empty()) config.push_back(*path);
  if (!config.empty())
    if (auto read = read_file(config.front()); !read) return fail(read.error());
  if (auto applied = apply_all(flags, environment); !applied) return fail(applied.error());
  return ParseOutcome{};
}

Result<ParseOutcome> SettingsTable::parse(int argc, const char* const* argv, const Environment& environment) {
  auto outcome = parse_all(argc, argv, environment);
  if (!outcome) return fail(Code::invalid_input, program_ + ": " + outcome.error().message);
  return outcome;
}

Result<ParseOutcome> SettingsTable::parse(int argc, const char* const* argv) {
  return parse(argc, argv, [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

std::optional<int> SettingsTable::settle(int argc, const char* const* argv) {
  const auto outcome = parse(argc, argv);
  if (!outcome) {
    std::fputs((outcome.error().message + "\n").c_str(), stderr);
    return to_int(ExitCode::usage);
  }
  if (outcome->run) return std::nullopt;
  std::fputs(outcome->output.c_str(), stdout);
  std::fflush(stdout);
  return outcome->exit_code;
}

std::string SettingsTable::help() const {
  constexpr std::size_t indent = 6;
  std::string text = program_ + ": " + summary_ +
                     "\n\nEach setting can be given by flag, by environment and by config file, in that order of precedence.\n\n";
  const auto entry = [&](const std::string& usage, const std::string& explained) {
    text += "  " + usage + "\n" + std::string(indent, ' ') + wrapped(explained, indent) + "\n";
  };
  for (const auto& setting : settings_) {
    std::string explained = setting.help_;
    if (setting.required_ && setting.default_.empty()) {
      explained += ". Must be given";
    } else if (!setting.default_.empty()) {
      explained += ". Default: " + setting.default_;
    }
    entry(flag_name(setting.name_) + (setting.value_name_.empty() ? "" : " " + setting.value_name_) + "   [" +
              variable_name(setting.name_) + "; " + key_name(setting.name_) + "]",
          explained);
  }
  entry("--config FILE   [ABIDE_CONFIG]", "read settings from this TOML file; an unknown key is an error");
  entry("--help", "say this");
  entry("--version", "say version and commit");
  return text;
}

}  // namespace abide
