#include "simulators/node-fleet/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <fstream>

#include "common/core/hash.hpp"
#include "common/service/build_version.hpp"
#include "common/service/config.hpp"

namespace abide::node_fleet {

namespace {

constexpr const char* program = "abide-node-fleet";
constexpr const char* about =
    "Puts thousands of nodes on a real broker: the agent's update machine, codec, journal and outbox as they ship, over simulated\n"
    "machines. One process, one thread for all of them.";
constexpr const char* closing =
    "Without --for it runs until every node that is not kept offline has ended an update, and all of its journal is acknowledged.\n"
    "SIGINT and SIGTERM end it early; it reports all the same.\n"
    "\n"
    "Exit codes: 0 what was to end has ended, and nothing is lost, 1 something is lost or did not end before --deadline, 2 wrong usage,\n"
    "3 no broker, no API, no journals or too few open files, 4 a file of the report could not be written.\n"
    "\n"
    "Examples:\n"
    "  abide-node-fleet --broker mqtt://127.0.0.1:1883 --project demo --nodes 1000 --seed 7 --api http://127.0.0.1:8080 --drive\n"
    "  abide-node-fleet --broker mqtt://127.0.0.1:1883 --project demo --nodes 10000 --speed max --for 30min --flap 4 --html soak.html\n"
    "  abide-node-fleet ... --rollback-rate 5% --update-failure-rate 2% --report new.json --compare old.json";

constexpr std::size_t scenario_read_max = scenario_bytes_max + 1;
constexpr std::int64_t day_ms = 24 * 3'600'000;

// The words as given, before they are read.
struct Words {
  std::int64_t nodes = 0, projects = 1, source_addresses = 1, ramp = 500, journal_keep = 1'024, keep_alive_s = 60, recoveries = 0;
  std::string failure_rate = "0", rollback_rate = "0", offline = "0", flap = "0", latency = "0", speed = "1";
  std::string status_every = "15min", stage_time = "60s", boot_time = "45s", check_time = "10s", progress_every = "5s",
              reconnect_max = "60s";
  std::string for_time, deadline = "1h", window = "4h";
  std::string scenario, output = "text", log_level = "error";
};

void describe(CLI::App& app, Options& options, Words& words) {
  app.set_version_flag("--version", version_line(program));
  const auto share = "share, 0.05 or 5%";
  app.add_option("--broker", options.network.broker_url, "mqtt://HOST:PORT, or mqtts://HOST:PORT")->required();
  app.add_option("--project", options.project, "project of the nodes; with --projects: NAME-1, NAME-2, ...")->required();
  app.add_option("--projects", words.projects, "spread over so many projects")
      ->check(CLI::Range(std::int64_t{1}, projects_max))
      ->capture_default_str();
  app.add_option("--nodes", words.nodes, "how many nodes")->check(CLI::Range(std::int64_t{1}, nodes_max))->required();
  app.add_option("--seed", options.seed, "names the nodes, and draws what happens to them")->capture_default_str();
  app.add_option("--ramp", words.ramp, "connections a second at the start")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--source-addresses", words.source_addresses, "come from so many addresses, 127.0.0.2 and on: each has some 28,000 ports")
      ->check(CLI::Range(std::int64_t{1}, static_cast<std::int64_t>(source_addresses_max)))
      ->capture_default_str();
  app.add_option("--update-failure-rate", words.failure_rate, fmt::format("updates whose staging fails: {}", share))->capture_default_str();
  app.add_option("--rollback-rate", words.rollback_rate, fmt::format("of the others, those that fall back on trial: {}", share))
      ->capture_default_str();
  app.add_option("--offline", words.offline, fmt::format("nodes that have no connection: {}", share))->capture_default_str();
  app.add_option("--flap", words.flap, "broken connections a node and hour")->capture_default_str();
  app.add_option("--latency", words.latency, "milliseconds added to each message, either way")->capture_default_str();
  app.add_option("--speed", words.speed, "how much faster staging, boots and health checks go; max: at once")->capture_default_str();
  app.add_option("--status-every", words.status_every, "a hello of each node without being asked, +- 50 %")->capture_default_str();
  app.add_option("--stage-time", words.stage_time, "staging of an image, +- 50 %, before --speed")->capture_default_str();
  app.add_option("--boot-time", words.boot_time, "from the order to reboot to the agent's start, the same")->capture_default_str();
  app.add_option("--check-time", words.check_time, "health checks on trial, the same")->capture_default_str();
  app.add_option("--progress-every", words.progress_every, "progress while staging, in real time")->capture_default_str();
  app.add_option("--reconnect-max", words.reconnect_max, "longest pause between two attempts to connect")->capture_default_str();
  app.add_option("--keep-alive", words.keep_alive_s, "seconds")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{65'535}))
      ->capture_default_str();
  app.add_option("--journal-keep", words.journal_keep, "acknowledged events that a node keeps")
      ->check(CLI::Range(std::int64_t{32}, std::int64_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--scenario", words.scenario, "a file with lines: at TIME NAME VALUE, and at TIME end");
  app.add_option("--journals", options.journals,
                 "a directory that keeps journals and machines, and that a later run goes on from [in memory]");
  app.add_option("--ca-file", options.network.ca_file, "with mqtts: certificates to trust [the system's]");
  app.add_option("--certificates", options.network.certificates, "with mqtts: a folder with UUID.crt and UUID.key of each node");
  app.add_option("--api", options.api, "URL of the orchestrator: for --drive, for the leg to the API, and to check that nothing is lost");
  app.add_flag("--drive", options.drive,
               "registers the nodes, links the newest image of their profile, and opens a window when all have staged");
  app.add_option("--window", words.window, "how long that window is open")->capture_default_str();
  app.add_option("--profile", options.profile, "profile of the nodes [with --api the first one that has two images, else node-fleet]");
  app.add_option("--image", options.image, "version that a new node runs [with --api the oldest of the profile, else 1.0.0]");
  app.add_option("--image-sha256", options.digest, "digest of that image [with --api as it is known there, else made of its name]");
  app.add_option("--for", words.for_time, "run so long [until all have ended]");
  app.add_option("--recoveries", words.recoveries,
                 "end once most connections have broken, as with a broker that restarts, and all nodes were welcomed again, so often")
      ->check(CLI::Range(std::int64_t{1}, static_cast<std::int64_t>(recoveries_max)));
  app.add_option("--deadline", words.deadline, "give up after that")->capture_default_str();
  app.add_option("--watch-pid", options.watch_pids, "measure these processes, too [who listens at --broker and --api, if they are here]");
  app.add_option("--report", options.report, "writes the report as JSON");
  app.add_option("--html", options.html, "writes it as one page with plots");
  app.add_option("--histograms", options.histograms, "a folder for the legs as .hgrm, HdrHistogram's text");
  app.add_option("--compare", options.compare, "a JSON report of an earlier run, to be set beside this one");
  app.add_option("-o,--output", words.output, "text or json")->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  app.add_option("--log-level", words.log_level, "of the agents, on stderr: trace, debug, info, warn, error, off")->capture_default_str();
  app.add_flag("--list-nodes", options.list_nodes, "prints project and UUID of each node, and ends");
}

Result<std::string> read_scenario(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::invalid_input, "cannot be read");
  std::string text(scenario_read_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Result<void> read_durations(const Words& words, Options& options) {
  struct One {
    const char* name;
    const std::string& text;
    std::int64_t* target;
    std::int64_t least_ms;
  };
  auto& weather = options.weather;
  const One all[] = {{"--status-every", words.status_every, &options.status_every_ms, 1'000},
                     {"--stage-time", words.stage_time, &weather.stage_ms, 0},
                     {"--boot-time", words.boot_time, &weather.boot_ms, 0},
                     {"--check-time", words.check_time, &weather.health_ms, 0},
                     {"--progress-every", words.progress_every, &weather.progress_every_ms, 10},
                     {"--reconnect-max", words.reconnect_max, &weather.bus.reconnect_ms_max, 1},
                     {"--deadline", words.deadline, &options.deadline_ms, 1'000},
                     {"--window", words.window, &options.window_ms, 60'000},
                     {"--for", words.for_time, &options.for_ms, 1'000}};
  for (const auto& one : all) {
    if (one.text.empty()) continue;
    auto read = parse_duration_ms(one.text);
    if (!read) return fail(read.error().in(one.name));
    if (*read < one.least_ms || *read > 30 * day_ms)
      return fail(Code::invalid_input, fmt::format("{}: {} is not within {} and 30d", one.name, one.text, duration_text(one.least_ms)));
    *one.target = *read;
  }
  return {};
}

Result<void> read_weather(const Words& words, Options& options) {
  const std::pair<const char*, const std::string&> all[] = {{"update-failure-rate", words.failure_rate},
                                                            {"rollback-rate", words.rollback_rate},
                                                            {"offline", words.offline},
                                                            {"flap", words.flap},
                                                            {"latency", words.latency},
                                                            {"speed", words.speed}};
  for (const auto& [name, value] : all)
    if (auto set = set_weather(options.weather, name, value); !set) return fail(Code::invalid_input, "--" + set.error().message);
  options.weather.ramp = words.ramp;
  options.weather.bus.keep_alive_s = static_cast<int>(words.keep_alive_s);
  return {};
}

Result<void> settle(const Words& words, Options& options) {
  if (auto read = read_durations(words, options); !read) return read;
  if (auto read = read_weather(words, options); !read) return read;
  if (auto named = check_project_name(options.project); !named) return fail(named.error().in("--project"));
  auto level = parse_log_level(words.log_level);
  if (!level) return fail(level.error().in("--log-level"));
  options.log_level = *level;
  options.nodes = static_cast<std::size_t>(words.nodes);
  options.projects = static_cast<std::size_t>(words.projects);
  options.journal_keep = words.journal_keep;
  options.recoveries = static_cast<std::size_t>(words.recoveries);
  options.network.source_addresses = static_cast<std::size_t>(words.source_addresses);
  options.json = words.output == "json";
  if (options.projects > options.nodes) return fail(Code::invalid_input, "--projects: more than there are nodes");
  if (options.drive && options.api.empty()) return fail(Code::invalid_input, "--drive goes with --api");
  if (!options.digest.empty())
    if (auto digest = parse_digest(options.digest); !digest) return fail(digest.error().in("--image-sha256"));
  if (!words.scenario.empty()) {
    auto text = read_scenario(words.scenario);
    if (!text) return fail(text.error().in("--scenario " + words.scenario));
    auto changes = parse_scenario(*text);
    if (!changes) return fail(changes.error().in("--scenario " + words.scenario));
    options.scenario = *std::move(changes);
  }
  return {};
}

}  // namespace

std::variant<Options, Said> parse_options(const std::vector<std::string>& words) {
  Options options;
  Words given;
  CLI::App app(about, program);
  app.footer(closing);
  describe(app, options, given);
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
  if (auto settled = settle(given, options); !settled)
    return Said{to_int(Exit::usage), fmt::format("{}: {}\n", program, settled.error().message)};
  return options;
}

std::string project_of(const Options& options, std::size_t index) {
  return options.projects == 1 ? options.project : fmt::format("{}-{}", options.project, index % options.projects + 1);
}

// A UUID of version 8: its bits are ours.
NodeId node_id_of(const Options& options, std::size_t index) {
  const auto digest = sha256(fmt::format("abide-node-fleet\n{}\n{}\n{}", options.seed, project_of(options, index), index));
  NodeId id;
  std::copy_n(digest.bytes.begin(), id.bytes.size(), id.bytes.begin());
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x80U);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id;
}

}  // namespace abide::node_fleet
