#pragma once
// The grammar of abidectl, in parts: each verb with its nouns, flags and help, and what it does. Each part is a file of its own.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/abidectl/commands.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace abide::ctl {

using Action = std::function<Result<void>(Session&)>;

// What the words of one call become. Lives as long as the CLI::App that writes into it.
struct Words {
  Given given;
  Selection selection;
  Hosts hosts;
  Targets targets;
  NewPolicy policy;
  PolicyEdit policy_edit;
  NewSchedule schedule;
  ScheduleEdit schedule_edit;
  HostEdit host;
  PlaceEdit place;
  UpdateOs update;
  ContextEdit context;
  Confirming confirming;
  NextOpenings next;
  Needs needs = Needs::server;
  std::string name, journal;
  std::vector<std::string> files;
  Action action;
};

class Grammar {
 public:
  explicit Grammar(Words& words);
  ~Grammar();
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;
  CLI::App& app() { return *app_; }

 private:
  CLI::App& verb(const std::string& name, const std::string& what, const std::string& examples);
  CLI::App& noun(CLI::App& verb, const Kind& kind, const std::string& what, const std::string& examples, Action action);
  CLI::App& noun(CLI::App& verb, const std::string& name, const std::vector<std::string>& aliases, const std::string& what,
                 const std::string& examples, Action action);

  // grammar_reading.cpp
  void only_of(CLI::App& noun, const Kind& kind);
  void reading();

  // grammar_making.cpp
  CLI::Option& file_option(CLI::App& app, const std::string& what);
  void making();
  void by_flags_or_files(CLI::App& noun, const Kind& kind, std::function<void()> check, Action action);
  void make_policy(CLI::App& create);
  void make_schedule(CLI::App& create);
  void orch_schedule_options(CLI::App& schedule, OrchSchedule& words, bool making);
  void metadata_option(CLI::App& noun, std::vector<std::string>& metadata);
  void make_places(CLI::App& create);
  void place_options(CLI::App& noun, const Kind& kind);

  // grammar_editing.cpp
  void setting();
  void editing();

  // grammar_steering.cpp
  void targets_by_flag(CLI::App& noun);
  void linking();
  void updating();
  void order(const std::string& name, const std::string& what, const std::string& done);
  void confirming();
  void steering();

  // grammar.cpp
  void calculating();
  void configuring();

  Words& words_;
  std::unique_ptr<CLI::App> app_;
};

}  // namespace abide::ctl
