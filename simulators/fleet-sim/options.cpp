#include "simulators/fleet-sim/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <sstream>

#include "common/service/build_version.hpp"
#include "common/store/export_file.hpp"
#include "simulators/fleet-sim/rule_names.hpp"
#include "simulators/fleet-sim/run.hpp"
#include "simulators/fleet-sim/shrink.hpp"
#include "simulators/world/past.hpp"

namespace abide::fleet_sim {

namespace {

constexpr const char* program = "abide-fleet-sim";
constexpr const char* about =
    "Runs the code of orchestrator and agent against a simulated world that breaks as its seed says, and checks what comes of it.\n"
    "The same seed gives the same run, to the byte.";
constexpr const char* closing =
    "A run that fails is told with the command that repeats it, and with a smaller one that fails alike.\n"
    "\n"
    "Exit codes: 0 nothing was found, 1 a checker found something or a scenario went otherwise, 2 wrong usage, 3 a situation was not "
    "reached (--require-reached),\n"
    "4 a file could not be written.\n"
    "\n"
    "Examples:\n"
    "  abide-fleet-sim --seed 7 --transcript -\n"
    "  abide-fleet-sim --seeds 1..2000 --nodes 50\n"
    "  abide-fleet-sim --seeds-file simulators/seeds.txt --require-reached\n"
    "  abide-replay export STATE --out fleet.export && abide-fleet-sim --seeds 1..100 --from fleet.export\n"
    "  abide-fleet-sim --scenario simulators/scenarios/*.txt\n"
    "  abide-fleet-sim --seed 7 --nodes 2 --hours 6 --faults power-cut,clone --left-out 0..3,5";

constexpr std::size_t seeds_file_bytes_max = 16U << 20U;
constexpr std::int64_t threads_max = 1'024;
constexpr std::int64_t shrink_runs_max = 1'000'000;

// The words as given, before they are read.
struct Words {
  std::optional<std::string> seed, seeds, seeds_file;
  std::string nodes = "8", faults = "default", left_out, checks = "all", transcript, output = "text", without;
  std::int64_t hours = 24, quiet_hours = 24, threads = 1, shrink_runs = static_cast<std::int64_t>(shrink_runs_default);
  bool no_hash = false, reached = false, require_reached = false, stop_at_first = false;
  std::string from, project;
  std::vector<std::string> scenarios;
  bool rewrite = false;
  bool list_faults = false, list_checkers = false, list_situations = false, list_rules = false;
};

Unexpected wrong(const std::string& what) {
  return fail(Code::invalid_input, what);
}

std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream rest(text);
  for (std::string name; std::getline(rest, name, ',');) names.push_back(name);
  return names;
}

// All of `names` are among `known`; or the error lists these.
Result<void> must_be_known(const std::vector<std::string>& names, const std::vector<std::string>& known, const std::string& what) {
  if (names.empty()) return wrong("no " + what + " is named");
  for (const auto& name : names)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return wrong(fmt::format("\"{}\" is no {}: {}", name, what, fmt::join(known, ", ")));
  return {};
}

std::string checker_names() {
  return "all, none, or names with ',': --list-checkers";
}

void describe(CLI::App& app, Words& words) {
  app.set_version_flag("--version", version_line(program));
  app.add_option("--seed", words.seed, "one seed [1]");
  app.add_option("--seeds", words.seeds, "several: 1..2000, or 1,5,9..12");
  app.add_option("--seeds-file", words.seeds_file, "a file with lines: seed nodes hours faults  # why");
  app.add_option("--nodes", words.nodes, "nodes of a world, or N..M: each seed draws its own")->capture_default_str();
  app.add_option("--hours", words.hours, "hours of its time with faults and an operator at work")
      ->check(CLI::Range(std::int64_t{1}, hours_max))
      ->capture_default_str();
  app.add_option("--quiet-hours", words.quiet_hours, "hours after that, without faults, in which all must come to rest")
      ->check(CLI::Range(std::int64_t{1}, hours_max))
      ->capture_default_str();
  app.add_option("--faults", words.faults, "default (each seed turns some off), all, none, or names with ','")->capture_default_str();
  app.add_option("--left-out", words.left_out, "faults that do not happen although they are drawn, by number: 0..3,5");
  app.add_option("--check", words.checks, checker_names())->capture_default_str();
  app.add_option("--jobs", words.threads, "worlds at a time; the results do not depend on it [one a core]")
      ->check(CLI::Range(std::int64_t{1}, threads_max));
  app.add_option("--transcript", words.transcript,
                 "writes every line of one seed's run to a file, or to stdout (-); with several seeds, and after shrinking: of the "
                 "smallest run that fails");
  app.add_flag("--no-hash", words.no_hash, "makes no transcripts, and so no hash of them: about a fifth faster");
  app.add_flag("--reached", words.reached, "prints which situations were reached, and how often");
  app.add_flag("--require-reached", words.require_reached, "the same, and fails where one was not");
  app.add_flag("--stop-at-first", words.stop_at_first, "runs nothing after the first seed that fails");
  app.add_option("--shrink-runs", words.shrink_runs, "at most so many runs to make a failing one smaller; 0: none")
      ->check(CLI::Range(std::int64_t{0}, shrink_runs_max))
      ->capture_default_str();
  app.add_option("-o,--output", words.output, "text or json")->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  app.add_option("--from", words.from,
                 "goes on from a history: a file that `abide-replay export` wrote, of a fleet or of one node; its nodes, not --nodes");
  app.add_option("--project", words.project, "which project of that file [the only one]");
  app.add_option("--scenario", words.scenarios, "plays scenario files instead, and compares what happens with what they say");
  app.add_flag("--rewrite", words.rewrite, "writes what happens into them");
  app.add_flag("--list-faults", words.list_faults, "prints the names of all faults");
  app.add_flag("--list-checkers", words.list_checkers, "prints the names of all checkers, and what each says");
  app.add_flag("--list-situations", words.list_situations, "prints the names of all situations");
  if (rules_are_switchable()) {
    app.add_option("--without", words.without, "rules of the protocol that are switched off, with ','");
    app.add_flag("--list-rules", words.list_rules, "prints the names of all rules");
  }
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return wrong("--seeds-file " + path + ": cannot be read");
  std::string text(seeds_file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > seeds_file_bytes_max) return wrong(fmt::format("--seeds-file {}: has more than {} bytes", path, seeds_file_bytes_max));
  return text;
}

Result<std::vector<Job>> jobs_of(const Words& words) {
  if ((words.seed ? 1 : 0) + (words.seeds ? 1 : 0) + (words.seeds_file ? 1 : 0) > 1)
    return wrong("give one of --seed, --seeds and --seeds-file");
  Job job;
  job.hours = words.hours;
  job.quiet_hours = words.quiet_hours;
  if (!words.left_out.empty()) {
    auto numbers = parse_numbers(words.left_out, left_out_max);
    if (!numbers) return fail(numbers.error().in("--left-out"));
    job.left_out = *std::move(numbers);
  }
  if (words.seeds_file) {
    if (!words.left_out.empty()) return wrong("--left-out goes with one --seed: numbers are those of one run");
    auto text = read_file(*words.seeds_file);
    if (!text) return fail(text.error());
    auto jobs = parse_seeds_file(*text, words.quiet_hours);
    if (!jobs) return fail(jobs.error().in("--seeds-file " + *words.seeds_file));
    if (jobs->empty()) return wrong("--seeds-file " + *words.seeds_file + ": there is no seed in it");
    return jobs;
  }
  const auto nodes = parse_span(words.nodes);
  if (!nodes) return fail(nodes.error().in("--nodes"));
  job.nodes = *nodes;
  const auto faults = sim::parse_fault_choice(words.faults);
  if (!faults) return fail(faults.error().in("--faults"));
  job.faults = *faults;
  const bool one = !words.seeds;
  const std::string seeds = one ? words.seed.value_or("1") : *words.seeds;
  const auto numbers = parse_numbers(seeds, one ? 1 : jobs_max);
  if (!numbers) return fail(numbers.error().in(one ? "--seed" : "--seeds"));
  if (!words.left_out.empty() && numbers->size() > 1) return wrong("--left-out goes with one --seed: numbers are those of one run");
  std::vector<Job> jobs;
  jobs.reserve(numbers->size());
  for (const auto number : *numbers) {
    job.seed = number;
    jobs.push_back(job);
  }
  return jobs;
}

Result<std::optional<std::vector<std::string>>> checks_of(const std::string& text) {
  using Checks = std::optional<std::vector<std::string>>;
  if (text == "all") return Checks{};
  if (text == "none") return Checks{std::vector<std::string>{}};
  std::vector<std::string> known;
  for (const auto& checker : every_checker()) known.push_back(checker.name);
  auto names = names_in(text);
  if (auto ok = must_be_known(names, known, "checker"); !ok) return fail(ok.error().in("--check"));
  return Checks{std::move(names)};
}

Result<void> begin_from(const Words& words, Options& options) {
  if (words.from.empty()) return words.project.empty() ? Result<void>{} : wrong("--project goes with --from");
  auto loaded = load_export(words.from);
  if (!loaded) return fail(loaded.error().in("--from " + words.from));
  if (loaded->read.damage) return fail(loaded->read.damage->in("--from " + words.from + ": damaged; `abide-replay verify` says where"));
  auto past = sim::past_of(loaded->rows, words.project);
  if (!past) return fail(past.error().in("--from " + words.from));
  const auto shared = std::make_shared<const sim::Past>(*std::move(past));
  for (auto& job : options.jobs) job.past = shared;
  options.from = words.from;
  options.project = words.project;
  return {};
}

Result<Options> options_of(const Words& words) {
  Options options;
  if (words.list_faults) options.list = List::faults;
  if (words.list_checkers) options.list = List::checkers;
  if (words.list_situations) options.list = List::situations;
  if (words.list_rules) options.list = List::rules;
  if (options.list) return options;
  if (words.rewrite && words.scenarios.empty()) return wrong("--rewrite goes with --scenario");
  options.scenarios = words.scenarios;
  options.rewrite = words.rewrite;
  if (!options.scenarios.empty()) return options;
  auto jobs = jobs_of(words);
  if (!jobs) return fail(jobs.error());
  options.jobs = *std::move(jobs);
  if (auto begun = begin_from(words, options); !begun) return fail(begun.error());
  auto checks = checks_of(words.checks);
  if (!checks) return fail(checks.error());
  options.checks = *std::move(checks);
  if (!words.without.empty()) {
    options.without = names_in(words.without);
    if (auto ok = must_be_known(options.without, rule_names(), "rule"); !ok) return fail(ok.error().in("--without"));
  }
  options.threads = static_cast<std::size_t>(words.threads);
  options.transcript = words.transcript;
  options.hash = !words.no_hash;
  options.require_reached = words.require_reached;
  options.reached = words.reached || words.require_reached;
  options.json = words.output == "json";
  options.stop_at_first = words.stop_at_first;
  options.shrink_runs = static_cast<std::size_t>(words.shrink_runs);
  if (options.transcript == "-" && options.json) return wrong("--transcript -: the JSON is on stdout");
  return options;
}

}  // namespace

std::variant<Options, Said> parse_options(const std::vector<std::string>& words, std::size_t cores) {
  Words given;
  given.threads = std::clamp<std::int64_t>(static_cast<std::int64_t>(cores), 1, threads_max);
  CLI::App app(about, program);
  app.footer(closing);
  describe(app, given);
  try {
    auto backwards = words;
    std::reverse(backwards.begin(), backwards.end());  // as CLI11 wants them
    app.parse(std::move(backwards));
  } catch (const CLI::CallForHelp&) {
    return Said{to_int(Exit::clean), app.help()};
  } catch (const CLI::CallForVersion& version) {
    return Said{to_int(Exit::clean), std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Said{to_int(Exit::usage), fmt::format("{}: {}\n", program, error.what())};
  }
  auto options = options_of(given);
  if (!options) return Said{to_int(Exit::usage), fmt::format("{}: {}\n", program, options.error().message)};
  return *std::move(options);
}

}  // namespace abide::fleet_sim
