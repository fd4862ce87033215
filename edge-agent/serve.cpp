#include "edge-agent/serve.hpp"

#include <string_view>

#include "common/bus/mqtt_bus.hpp"
#include "common/service/build_version.hpp"
#include "common/service/clock.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/logging.hpp"
#include "common/service/notify.hpp"
#include "common/service/random_seed.hpp"
#include "common/service/signals.hpp"
#include "common/store/rocks_store.hpp"
#include "edge-agent/boot/image_file.hpp"
#include "edge-agent/check.hpp"

namespace abide::agent {
namespace {

constexpr std::int64_t repeated_lines_ms = 60'000;

int failed(ExitCode code, std::string_view message) {
  log_error(one_line(message));
  return to_int(code);
}

AgentSettings agent_settings(const Config& config) {
  AgentSettings settings;
  settings.self = {config.project, config.uuid};
  settings.machine = config.machine;
  settings.session = SessionId{random_seed()};
  settings.seed = random_seed();
  settings.roll_call_warning_ms = config.roll_call_warning_ms;
  settings.journal_keep = static_cast<std::uint64_t>(config.journal_keep);
  settings.agent_version = build_version();
  return settings;
}

RunningWorkers start_workers(BootControl& boot, const Config& config) {
  struct Both {
    Both(BootControl& boot, const Config& config)
        : stager(boot, config.stager, Random{random_seed()}), health(config.checks, config.check_again_every_ms) {}
    Stager stager;
    HealthRunner health;
  };
  auto both = std::make_shared<std::unique_ptr<Both>>(std::make_unique<Both>(boot, config));
  RunningWorkers workers;
  workers.orders.start_staging = [both](StageOrder order, Stager::OnProgress on_progress, Stager::OnEnd on_end) {
    (*both)->stager.start(std::move(order), std::move(on_progress), std::move(on_end));
  };
  workers.orders.stop_staging = [both] { (*both)->stager.stop(); };
  workers.orders.start_health = [both](HealthOrder order, HealthRunner::OnEnd on_end) {
    (*both)->health.start(std::move(order), std::move(on_end));
  };
  workers.orders.stop_health = [both] { (*both)->health.stop(); };
  workers.end = [both] { both->reset(); };
  return workers;
}

// Until it is told to stop, or cannot go on.
Agent::Ended run(Agent& agent, const ServiceManager& manager) {
  while (true) {
    std::optional<std::chrono::steady_clock::time_point> until;
    if (const auto watchdog = manager.watchdog_ms()) until = std::chrono::steady_clock::now() + std::chrono::milliseconds(*watchdog / 2);
    auto ended = agent.turn(until);
    if (ended) return *ended;
    if (manager.watchdog_ms()) (void)manager.alive();
  }
}

int serve(const Config& config, const Parts& parts) {
  auto store = parts.open_store(config.state_dir);
  if (!store) return failed(exit_code_of_open(store.error()), store.error().message);
  auto boot = parts.open_boot(config.boot_folder);
  if (!boot) return failed(ExitCode::failed, boot.error().in("boot loader").message);
  auto booted = (*boot)->read();
  if (!booted) return failed(ExitCode::failed, booted.error().in("boot loader").message);
  const Clock clock(booted->boot, config.clock_trusted);

  const auto settings = agent_settings(config);
  auto bus_config = bus_settings(config, presence_message(settings.self, settings.session, false, clock.now()));
  RepeatedLines attempts(repeated_lines_ms);
  bus_config.on_attempt_failed = [&](const std::string& reason) {
    attempts.warn("attempt", "not connected broker=" + one_line(config.broker_url) + " reason=" + one_line(reason), boottime_ms());
  };
  const auto bus = parts.make_bus(std::move(bus_config));
  const auto workers = parts.start_workers(**boot, config);
  Agent agent(settings, **store, **boot, *bus, workers.orders, [&] { return clock.now(); });

  auto signals = Signals::catch_stop([&](int) { agent.stop(); });
  if (!signals) return failed(ExitCode::failed, signals.error().message);
  const auto manager = ServiceManager::of_environment();
  auto ended = agent.begin();
  if (!ended) {
    print_ready({{"node", to_string(config.uuid)},
                 {"project", config.project},
                 {"boot", booted->boot.text},
                 {"slot", std::string(to_string(booted->running))}});
    (void)manager.ready();
    ended = run(agent, manager);
  }
  (void)manager.stopping();
  // What calls into the agent goes before it.
  agent.close();
  bus->stop();
  workers.end();
  signals->reset();
  if (ended->code != ExitCode::ok) return failed(ended->code, ended->message);
  log_info("stopped");
  return 0;
}

}  // namespace

Parts product_parts() {
  Parts parts;
  parts.open_store = [](const std::string& dir) -> Result<std::unique_ptr<Store>> {
    auto store = RocksStore::open(dir);
    if (!store) return fail(store.error());
    return std::unique_ptr<Store>(std::move(*store));
  };
  parts.open_boot = [](const std::string& folder) -> Result<std::unique_ptr<BootControl>> {
    auto boot = ImageFileBoot::open(folder);
    if (!boot) return fail(boot.error());
    return std::unique_ptr<BootControl>(std::move(*boot));
  };
  parts.make_bus = [](BusSettings settings) { return std::make_unique<MqttBus>(std::move(settings)); };
  parts.start_workers = start_workers;
  return parts;
}

int run_agent(int argc, const char* const* argv, const Parts& parts) {
  if (argc > 1 && std::string_view(argv[1]) == "check") return check_store(argc - 1, argv + 1);
  auto config = parse_config(argc, argv);
  if (const auto* code = std::get_if<int>(&config)) return *code;
  start_logging(std::get<Config>(config).log_level);
  return serve(std::get<Config>(config), parts);
}

}  // namespace abide::agent
