#include "orchestrator/serve.hpp"

#include <string_view>

#include "common/bus/mqtt_bus.hpp"
#include "common/service/build_version.hpp"
#include "common/service/clock.hpp"
#include "common/service/logging.hpp"
#include "common/service/notify.hpp"
#include "common/service/random_seed.hpp"
#include "common/service/signals.hpp"
#include "common/store/large_pages.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/api/api.hpp"
#include "orchestrator/api/server.hpp"
#include "orchestrator/backup.hpp"
#include "orchestrator/check.hpp"
#include "orchestrator/config.hpp"
#include "orchestrator/control.hpp"
#include "orchestrator/orchestrator.hpp"
#include "orchestrator/stamp.hpp"

namespace abide::orchestrator {

namespace {

int ended(ExitCode code, const std::string& line) {
  if (!line.empty()) log_error(line);
  return to_int(code);
}

Settings settings_of(const Config& config) {
  Settings settings;
  settings.fleet.auto_register = config.auto_register;
  settings.fleet.ack_after_ms = config.ack_after_ms;
  settings.fleet.ack_after_events = static_cast<std::uint32_t>(config.ack_after_events);
  settings.fleet.spread_ms_per_node = config.spread_ms_per_node;
  settings.fleet.roll_call_again_ms = config.roll_call_again_ms;
  settings.fleet.lost_after_ms = config.lost_after_ms;
  settings.fleet.maintenance_updates = config.maintenance_updates;
  settings.projects = config.projects;
  settings.keep_runs_ms = config.keep_runs_ms;
  settings.keep_events_ms = config.keep_events_ms;
  settings.inbox_capacity = static_cast<std::size_t>(config.inbox_capacity);
  return settings;
}

BusSettings bus_settings_of(const Config& config, BusSettings bus) {
  bus.url = config.broker;
  // Not one for all: the broker would throw the older off for the newer, again and again, and neither would ever hear the
  // other's roll call, which decides who goes on.
  bus.client_id = "abide-orchestrator-" + to_hex(SessionId{random_seed()});
  bus.user_name = "orchestrator";
  bus.keep_alive_s = static_cast<int>(config.keep_alive_s);
  bus.reconnect_ms_max = config.reconnect_ms_max;
  bus.in_flight_max = 1'000;
  bus.queue_max = 100'000;
  bus.ca_file = config.ca_file;
  bus.certificate_file = config.certificate_file;
  bus.key_file = config.key_file;
  return bus;
}

api::ServerSettings server_settings_of(const Config& config) {
  api::ServerSettings server;
  server.host = config.listen_host;
  server.port = config.listen_port;
  server.connections_max = static_cast<std::size_t>(config.connections_max);
  server.streams_max = static_cast<std::size_t>(config.streams_max);
  server.requests_per_second = config.requests_per_second;
  server.answer_ms = config.answer_timeout_ms;
  server.keep_alive_ms = config.stream_keep_alive_ms;
  return server;
}

discovery::SourceSettings source_settings_of(const Config& config) {
  discovery::SourceSettings source;
  source.files = config.files;
  source.enabled_profiles = config.enabled_profiles;
  source.profile_revision = config.profile_revision;
  source.credentials = config.releases_credentials;
  source.orchestrator_version = build_version();
  source.poll_ms = config.releases_poll_ms;
  source.now = [clock = Clock()] { return clock.now(); };
  source.seed = random_seed();
  return source;
}

int serve(const Config& config, const Parts& parts) {
  if (auto ready = check_restore_ended(config.state); !ready) return ended(exit_code_of_open(ready.error()), ready.error().message);
  auto held = parts.open_store(config.state);
  if (!held) return ended(exit_code_of_open(held.error()), held.error().message);
  Store& store = *held->store;
  auto services = discovery::Worker::open(config.releases, source_settings_of(config));
  if (!services) return ended(ExitCode::usage, services.error().message);
  const std::string files_root = services->front().source->files_root();
  if (files_root.starts_with("file:"))
    log_warn("nodes fetch images by HTTP only, and these are told to be at " + files_root + ": give the URL that serves them with --files");

  auto restored = why_restored(store, config.state);
  if (!restored) return ended(exit_code_of_open(restored.error()), restored.error().message);
  Settings settings = settings_of(config);
  settings.restored = *restored;
  auto opened = Orchestrator::open(store, std::move(settings),
                                   [&](BusSettings bus) { return parts.make_bus(bus_settings_of(config, std::move(bus))); });
  if (!opened) return ended(exit_code_of_open(opened.error()), opened.error().message);
  if (auto begun = held->loaded(); !begun) return ended(exit_code_of_open(begun.error()), begun.error().message);
  Orchestrator& orchestrator = **opened;
  // What the state's age led to is committed now.
  if (!restored->empty())
    log_warn("every node is held until `abidectl confirm`: the orchestrator's state may be old: " + one_line(*restored));
  if (auto begun = begin_store(store, config.state); !begun) return ended(exit_code_of_open(begun.error()), begun.error().message);
  if (auto stamped = write_stamp(store, config.state); !stamped) return ended(exit_code_of_open(stamped.error()), stamped.error().message);
  orchestrator.set_worker(std::make_unique<discovery::Worker>(*std::move(services), Random{random_seed()}, orchestrator.deliver()));

  std::unique_ptr<api::Server> server;
  api::Api handlers(orchestrator, api::ApiSettings{files_root, [&] { return server->stats(); }, config.maintenance_updates},
                    [&](std::function<void()> work) { server->post(std::move(work)); });
  auto listening = api::Server::listen(server_settings_of(config), [&](api::HttpRequest request, std::shared_ptr<api::Exchange> exchange) {
    handlers.handle(request, exchange);
  });
  if (!listening)
    return ended(listening.error().code == Code::unavailable ? ExitCode::listen_failed : ExitCode::usage, listening.error().message);
  server = std::move(*listening);
  orchestrator.on_events([&] { server->wake_streams(); });

  const auto manager = ServiceManager::of_environment();
  if (const auto watchdog_ms = manager.watchdog_ms()) {
    orchestrator.on_turn([&manager, half = *watchdog_ms / 2, told_ms = std::int64_t{0}]() mutable {
      const auto now_ms = boottime_ms();
      if (now_ms - told_ms < half) return;
      told_ms = now_ms;
      manager.alive();
    });
  }
  auto signals = Signals::catch_stop([&](int) {
    manager.stopping();
    orchestrator.stop();
  });
  if (!signals) return ended(ExitCode::failed, signals.error().message);
  std::string stamped_at;
  const auto stamp = [&] {
    if (auto stamped = stamp_progress(store, config.state, stamped_at); !stamped)
      log_warn("the state directory cannot be stamped: " + stamped.error().message);
  };
  auto control = Control::start(config.state, {held->checkpoint, stamp});
  if (auto started = orchestrator.start(); !started) return ended(ExitCode::usage, started.error().message);
  server->start();
  const std::string host = config.listen_host.find(':') == std::string::npos ? config.listen_host : "[" + config.listen_host + "]";
  print_ready({{"api", "http://" + host + ":" + std::to_string(server->port())}});
  manager.ready();
  log_info(version_line("abide-orchestrator") + " serves state=" + config.state);
  const Ended end = orchestrator.wait();
  server->stop();
  control.reset();
  stamp();
  return ended(end.code, end.line);
}

}  // namespace

Parts product_parts() {
  Parts parts;
  parts.open_store = [](const std::string& dir) -> Result<OpenedStore> {
    auto store = RocksStore::open(dir, fleet_store_size, Merging::when_told);
    if (!store) return fail(store.error());
    auto* one = store->get();
    return OpenedStore{std::move(*store), [one](const std::string& into) { return one->checkpoint(into); },
                       [one] { return one->begin_merging(); }};
  };
  parts.make_bus = [](BusSettings settings) { return std::make_unique<MqttBus>(std::move(settings)); };
  return parts;
}

int run_orchestrator(int argc, const char* const* argv, const Parts& parts) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "check") return run_check(argc - 1, argv + 1);
  if (command == "backup") return run_backup(argc - 1, argv + 1);
  if (command == "restore") return run_restore(argc - 1, argv + 1);
  Config config;
  if (const auto code = settle_config(config, argc, argv)) return *code;
  let_heap_grow_in_large_steps();
  if (const auto level = parse_log_level(config.log_level)) start_logging(*level);
  return serve(config, parts);
}

}  // namespace abide::orchestrator
