// publish: the command.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "common/bus/mqtt_bus.hpp"
#include "common/service/signals.hpp"
#include "tools/replay/commands.hpp"
#include "tools/replay/publish.hpp"

namespace abide::replay {
namespace {

constexpr std::string_view prefix = "replay-";

struct PublishOptions {
  HistoryOptions history;
  std::string broker, as, speed = "1x", since, until;
  std::string user_name = "orchestrator";
  bool same_project = false;
  std::string ca_file, certificate_file, key_file;
};

constexpr const char* help =
    "Says a history once more on a sandbox broker, under another project's name, with the times between events as they were:\n"
    "nodes' events on from/+/status (rollbacks on from/+/rollback, too), documents on to/+/... and newest images, both retained.";
constexpr const char* notes =
    "No roll call and no acknowledgement is said: nobody is asked for anything. Retained messages stay on the broker afterwards.\n"
    "The broker must let one user say all this: the project's ACL lets a node say only its own, so a sandbox is one without that\n"
    "ACL (broker-config/mosquitto-sandbox.conf). Plain text goes to a loopback address only; else use mqtts:// with --ca-file.";

std::string project_as(const PublishOptions& options, const std::string& recorded) {
  if (!options.as.empty()) return options.as;
  if (options.same_project) return recorded;
  return (std::string(prefix) + recorded).substr(0, project_name_bytes_max);
}

Result<void> check_names(const PublishOptions& options, const std::string& recorded, const std::string& project) {
  if (auto fine = check_project_name(project); !fine) return fail(fine.error().in("--as"));
  if (project == recorded && !options.same_project)
    return fail(Code::invalid_input,
                "project " + project + " is the one that was recorded: real nodes may listen there. With --same-project it is done");
  return {};
}

Result<std::uint64_t> speak(const Opened& opened, const std::string& project, Publisher& publisher, std::uint64_t from, std::uint64_t to,
                            ProgressBar& bar) {
  std::optional<Error> failed;
  bool going = true;
  const auto said = [&](std::uint64_t sequence, std::int64_t at_ms, std::vector<BusMessage> messages) {
    if (!messages.empty()) {
      auto done = publisher.say(at_ms, std::move(messages));
      if (!done) failed = done.error();
      going = done && *done;
    }
    bar.at(sequence - from + 1, to - from + 1);
    return going;
  };
  Result<void> read;
  const auto& scope = opened.scope();
  if (opened.history.kind() == Kind::agent) {
    const NodeId node = opened.history.owner()->node;
    read =
        opened.history.events(scope, from, to, VisitRecorded<NodeEvent>([&](const Recorded<NodeEvent>& recorded, std::string_view bytes) {
                                return said(recorded.sequence, recorded.at_ms, messages_of(project, node, recorded, bytes));
                              }));
  } else {
    read = opened.history.events(scope, from, to,
                                 VisitRecorded<OrchestratorEvent>([&](const Recorded<OrchestratorEvent>& recorded, std::string_view) {
                                   return said(recorded.sequence, recorded.at_ms, messages_of(project, recorded));
                                 }));
  }
  if (failed) return fail(*failed);
  if (!read) return fail(read.error());
  return publisher.published();
}

int run_publish(const PublishOptions& options, const Surroundings& around) {
  auto speed = parse_speed(options.speed);
  if (!speed) return complain(around, speed.error().in("--speed"));
  auto opened = open_history(options.history, around);
  if (!opened) return complain(around, opened.error());
  const bool agent = opened->history.kind() == Kind::agent;
  if (agent && !opened->history.owner())
    return complain(around, {Code::invalid_input, "this agent's history does not say whose it is: it was never told its node's UUID"});
  const std::string recorded = agent ? opened->history.owner()->project : opened->scope().name;
  const std::string project = project_as(options, recorded);
  if (auto fine = check_names(options, recorded, project); !fine) return complain(around, fine.error());
  auto from = find_place(*opened, options.since.empty() ? "first" : options.since);
  if (!from) return complain(around, from.error().in("--since"));
  auto to = find_place(*opened, options.until.empty() ? "last" : options.until);
  if (!to) return complain(around, to.error().in("--until"));

  BusSettings settings;
  settings.url = options.broker;
  settings.client_id = random_client_id();
  settings.user_name = options.user_name;
  settings.filters = {own_words_filter(project)};
  settings.in_flight_max = in_flight_max;
  settings.ca_file = options.ca_file;
  settings.certificate_file = options.certificate_file;
  settings.key_file = options.key_file;
  std::atomic<bool> stop{false};
  auto signals = Signals::catch_stop([&](int) { stop = true; });
  if (!signals) return complain(around, signals.error());
  MqttBus bus(std::move(settings));
  Publisher publisher(bus, *speed, stop);
  if (auto connected = publisher.connect(); !connected) return complain(around, connected.error());
  Result<std::uint64_t> spoken = [&] {
    ProgressBar bar(around, "publishing");
    return speak(*opened, project, publisher, std::max<std::uint64_t>(*from, 1), *to, bar);
  }();
  if (!spoken) return complain(around, spoken.error());
  if (auto finished = publisher.finish(); !finished) return complain(around, finished.error());
  *around.out << (stop ? "stopped after " : "published ") << publisher.published() << " messages as project " << project << "\n";
  return end_of(*opened);
}

}  // namespace

Command add_publish(CLI::App& root) {
  CLI::App* app = root.add_subcommand("publish", "say a history once more on a sandbox broker");
  app->footer(std::string(help) + "\n\n" + notes + "\n\n" + exit_codes_text);
  const auto options = std::make_shared<PublishOptions>();
  add_history_options(*app, options->history, false);
  app->add_option("-b,--broker", options->broker, "mqtt://HOST:PORT (loopback only) or mqtts://HOST:PORT")->required();
  app->add_option("--speed", options->speed, "1x as it was, 10x, ..., or max")->capture_default_str();
  app->add_option("--as", options->as, "the project's name on the sandbox; default replay-PROJECT");
  app->add_flag("--same-project", options->same_project, "under the recorded project's own name");
  app->add_option("--since", options->since, "from this event on: a sequence, first, last, or a time");
  app->add_option("--until", options->until, "up to this event");
  app->add_option("--user-name", options->user_name, "what the broker is told")->capture_default_str();
  app->add_option("--ca-file", options->ca_file, "whom to trust, with mqtts://");
  app->add_option("--certificate-file", options->certificate_file, "own certificate");
  app->add_option("--key-file", options->key_file, "and its key");
  return {app, [options](const Surroundings& around) { return run_publish(*options, around); }};
}

}  // namespace abide::replay
