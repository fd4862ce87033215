#pragma once
// Where abidectl's server, project and output format come from: flag, environment, context in the configuration file.
#include <functional>
#include <optional>
#include <string>

#include "common/core/result.hpp"

namespace abide::ctl {

enum class Output { table, wide, json, yaml };
Result<Output> parse_output(const std::string& text);

// What was given by flag; empty: not given.
struct Given {
  std::string server;
  std::string project;
  std::string output;
  std::string context;
  std::string config;
};

struct Settings {
  std::string server;  // without a slash at its end
  std::string project;
  Output output = Output::table;
  std::string config;  // path of the configuration file, which may not be there; empty: there is no home for one
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

enum class Needs {
  server,
  nothing,  // server and project may stay empty
  config,   // only the configuration file's path: what is in it is not read
};

// invalid_input where something is missing or wrong; the message names every way to give it.
Result<Settings> settle(const Given& given, const Environment& environment, Needs needs = Needs::server);

}  // namespace abide::ctl
