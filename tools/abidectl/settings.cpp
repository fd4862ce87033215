#include "tools/abidectl/settings.hpp"

#include <filesystem>
#include <toml++/toml.h>

namespace abide::ctl {

namespace {

std::string first_of(std::initializer_list<std::string> values) {
  for (const auto& value : values) {
    if (!value.empty()) return value;
  }
  return {};
}

std::string default_config(const Environment& environment) {
  if (const auto home = environment("XDG_CONFIG_HOME"); home && !home->empty()) return *home + "/abide/config.toml";
  if (const auto home = environment("HOME"); home && !home->empty()) return *home + "/.config/abide/config.toml";
  return {};
}

Result<Given> read_context(const std::string& path, bool must_exist, const std::string& wanted) {
  Given context;
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) {
    if (must_exist) return fail(Code::invalid_input, "no configuration file " + path);
    if (!wanted.empty())
      return fail(Code::invalid_input, "context " + wanted + ": there is no configuration file" + (path.empty() ? "" : " " + path));
    return context;
  }
  try {
    const auto file = toml::parse_file(path);
    const auto name = first_of({wanted, file["context"].value_or(std::string())});
    if (name.empty()) return context;
    const auto* table = file["contexts"][name].as_table();
    if (table == nullptr) return fail(Code::invalid_input, path + ": no [contexts." + name + "]");
    context.server = (*table)["server"].value_or(std::string());
    context.project = (*table)["project"].value_or(std::string());
    context.output = (*table)["output"].value_or(std::string());
    return context;
  } catch (const toml::parse_error& wrong) {
    return fail(Code::invalid_input, path + ":" + std::to_string(wrong.source().begin.line) + ": " + std::string(wrong.description()));
  }
}

}  // namespace

Result<Output> parse_output(const std::string& text) {
  if (text.empty() || text == "table") return Output::table;
  if (text == "wide") return Output::wide;
  if (text == "json") return Output::json;
  if (text == "yaml") return Output::yaml;
  return fail(Code::invalid_input, "--output is table, wide, json or yaml, not \"" + text + "\"");
}

Result<Settings> settle(const Given& given, const Environment& environment, Needs needs) {
  const auto variable = [&](const char* name) { return environment(name).value_or(std::string()); };
  const auto config_named = first_of({given.config, variable("ABIDE_CONFIG")});
  const auto config = first_of({config_named, default_config(environment)});
  if (needs == Needs::config) {
    const auto output = parse_output(first_of({given.output, variable("ABIDE_OUTPUT")}));
    if (!output) return fail(output.error());
    Settings settings;
    settings.output = *output;
    settings.config = config;
    return settings;
  }
  const auto context = read_context(config, !config_named.empty(), first_of({given.context, variable("ABIDE_CONTEXT")}));
  if (!context) return fail(context.error());

  Settings settings;
  settings.server = first_of({given.server, variable("ABIDE_SERVER"), context->server});
  settings.project = first_of({given.project, variable("ABIDE_PROJECT"), context->project});
  const auto output = parse_output(first_of({given.output, variable("ABIDE_OUTPUT"), context->output}));
  if (!output) return fail(output.error());
  settings.output = *output;
  settings.config = config;

  const auto missing = [&](const std::string& what, const std::string& name) {
    return fail(Code::invalid_input, "no " + what + ": give --" + what + ", " + name + " in the environment, or a context in " +
                                         (config.empty() ? "a configuration file" : config));
  };
  if (needs == Needs::nothing) return settings;
  if (settings.server.empty()) return missing("server", "ABIDE_SERVER");
  if (settings.project.empty()) return missing("project", "ABIDE_PROJECT");
  if (settings.server.find("://") == std::string::npos) settings.server = "http://" + settings.server;
  while (!settings.server.empty() && settings.server.back() == '/') settings.server.pop_back();
  return settings;
}

}  // namespace abide::ctl
