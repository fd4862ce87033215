#include "common/service/wrong_usage.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace abide {
namespace {

// The last command of the line that is known, and the words up to it.
const CLI::App* deepest(const CLI::App* app, std::string& path) {
  path = app->get_name();
  for (auto commands = app->get_subcommands(); !commands.empty(); commands = app->get_subcommands()) {
    app = commands.back();
    path += " " + app->get_name();
  }
  return app;
}

std::string names_below(const CLI::App& app) {
  std::string names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names += (names.empty() ? "" : ", ") + command->get_name();
  return names;
}

}  // namespace

std::string wrong_usage(const CLI::App* app, const CLI::Error& error) {
  std::string path;
  const CLI::App* last = deepest(app, path);
  const std::string help = "`" + path + " --help` says more.\n";
  const std::string known = names_below(*last);
  const bool wants_command = last->get_require_subcommand_min() > 0 && error.get_name() == "RequiredError";
  if (!wants_command || known.empty()) return app->get_name() + ": " + error.what() + "\n" + help;
  const auto words = app->remaining(true);
  const auto unknown = std::find_if(words.begin(), words.end(), [](const std::string& word) { return word.rfind('-', 0) != 0; });
  const std::string what = unknown == words.end() ? "is not a whole command" : "has no \"" + *unknown + "\"";
  return app->get_name() + ": `" + path + "` " + what + ": it takes " + known + "\n" + help;
}

}  // namespace abide
