#include "edge-agent/config.hpp"

#include <cstdio>

#include "common/bus/mqtt_bus.hpp"
#include "common/bus/mqtt_url.hpp"
#include "common/events/topics.hpp"
#include "common/service/config.hpp"
#include "common/service/exit_codes.hpp"

namespace abide::agent {

namespace {

constexpr std::int64_t second = 1'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;
constexpr std::int64_t journal_keep_min = 32;
constexpr std::size_t check_name_bytes_max = 64;
constexpr std::string_view image_file_prefix = "image_file:";

Result<std::string> image_file_folder(std::string_view text) {
  if (!text.starts_with(image_file_prefix) || text.size() == image_file_prefix.size())
    return fail(Code::invalid_input, "'" + std::string(text) + "' is not image_file:DIR, the one boot backend that there is");
  return std::string(text.substr(image_file_prefix.size()));
}

// What is text on the way in.
struct Raw {
  std::string uuid, boot, log_level = "info", clock = "kernel";
  std::vector<std::string> checks;
  std::int64_t check_deadline_ms = minute;
  std::int64_t trials_max = 3;
};

void declare_who_and_where(SettingsTable& table, Config& config, Raw& raw) {
  table.text("state", &config.state_dir, "directory of the journal; made if it is not there, used by one process at a time").required();
  table.text("broker", &config.broker_url, "mqtts://host:port, or mqtt://host:port on this machine")
      .required()
      .checked([](std::string_view url) -> Result<void> {
        auto address = parse_broker_url(url);
        if (!address) return fail(address.error());
        return check_plain_text(*address);
      });
  table.text("project", &config.project, "the project that this node belongs to").required().checked(check_project_name);
  table.text("uuid", &raw.uuid, "of this machine; also the user name on the bus")
      .required()
      .checked([](std::string_view text) -> Result<void> {
        auto parsed = parse_node_id(text);
        if (!parsed) return fail(parsed.error());
        return {};
      });
  table.text("boot", &raw.boot, "the boot loader: image_file:DIR").required().checked([](std::string_view text) -> Result<void> {
    auto folder = image_file_folder(text);
    if (!folder) return fail(folder.error());
    return {};
  });
  table.text("ca-file", &config.ca_file, "certificates that the broker's must be signed by, and for https; empty: the system's");
  table.text("certificate-file", &config.certificate_file, "this node's certificate for mqtts://");
  table.text("key-file", &config.key_file, "its key");
}

void declare_trial(SettingsTable& table, Config& config, Raw& raw) {
  table.list("check", &raw.checks,
             "a health check of a trial: name=command or name@deadline=command. The command sees ABIDE_SLOT_PATH, ABIDE_SLOT and "
             "ABIDE_OS_IMAGE_ID; exit code 0: healthy");
  table.duration_ms("check-deadline", &raw.check_deadline_ms, 10, hour, "for a check that names none");
  table.duration_ms("check-again-every", &config.check_again_every_ms, 10, hour, "pause before a check that failed is run again");
  table.duration_ms("trial-deadline", &config.machine.trial_deadline_ms, 100, day, "for all checks, from the attempt's start");
  table.integer("trial-attempts", &raw.trials_max, 1, 100, "trials without a verdict (power cuts) before the node rolls back");
  table.duration_ms("trial-grace", &config.machine.trial_grace_ms, 0, hour, "after the trial's deadline, for a verdict that is on its way");
  table.duration_ms("switch-time", &config.machine.switch_time_ms, 0, hour, "what a switch needs of a window, until it was measured");
  table.duration_ms("effect-retry", &config.machine.effect_retry_ms, 10, hour, "pause after an order that the boot loader refused");
}

void declare_bus(SettingsTable& table, Config& config) {
  table.duration_ms("hello-every", &config.machine.hello_every_ms, 100, day, "pause between two hellos of a connection, give or take half");
  table.duration_ms("cut-off-after", &config.machine.cut_off_after_ms, 0, day, "without a connection the node goes by its own clock");
  table.duration_ms("clock-epsilon", &config.machine.clock_epsilon_ms, 0, hour, "how far the own clock may be off while cut off");
  table.duration_ms("round-trip-max", &config.machine.round_trip_ms_max, 10, hour, "a slower answer does not tell the time");
  table.duration_ms("round-trip-again", &config.machine.round_trip_again_ms, 10, hour, "after such an answer: the next hello");
  table.integer("keep-alive", &config.keep_alive_s, 1, 65'535, "of MQTT", "seconds");
  table.duration_ms("reconnect-max", &config.reconnect_ms_max, 0, hour, "longest pause between two attempts to connect");
  table.duration_ms("roll-call-warning", &config.roll_call_warning_ms, 100, day, "without a word of an orchestrator: a warning");
  table.duration_ms("progress-every", &config.stager.progress_every_ms, 10, hour, "pause between two reports of progress");
}

void declare_download_and_rest(SettingsTable& table, Config& config, Raw& raw) {
  table.duration_ms("download-backoff", &config.stager.backoff_first_ms, 1, hour, "first pause of a download's retries; doubled each time");
  table.duration_ms("download-backoff-max", &config.stager.backoff_max_ms, 1, day, "longest pause of a download's retries");
  table.duration_ms("download-quiet-max", &config.stager.quiet_ms_max, second, 30 * day, "without one new byte the download has failed");
  table.duration_ms("download-low-speed-time", &config.stager.low_speed_ms, second, hour, "a connection that is slow for so long is cut");
  table.integer("journal-keep", &config.journal_keep, journal_keep_min, 1'000'000, "acknowledged events that are kept", "events");
  table.choice("clock", &raw.clock, {"kernel", "trusted", "distrusted"}, "whether this machine's clock is right: as the kernel says, always, never");
  table.choice("log-level", &raw.log_level, {"trace", "debug", "info", "warn", "error", "off"}, "lines of the log from this level on");
}

Result<void> convert(const Raw& raw, Config& config) {
  config.uuid = *parse_node_id(raw.uuid);
  config.boot_folder = *image_file_folder(raw.boot);
  config.log_level = *parse_log_level(raw.log_level);
  config.machine.trials_max = static_cast<std::uint32_t>(raw.trials_max);
  if (raw.clock != "kernel") config.clock_trusted = raw.clock == "trusted";
  config.stager.work_folder = config.state_dir;
  config.stager.ca_file = config.ca_file;
  if (raw.checks.size() > health_checks_max)
    return fail(Code::invalid_input,
                "--check: " + std::to_string(raw.checks.size()) + " are more than " + std::to_string(health_checks_max));
  for (const auto& text : raw.checks) {
    auto check = parse_health_check(text, raw.check_deadline_ms);
    if (!check) return fail(check.error().in("--check"));
    config.checks.push_back(std::move(*check));
  }
  if (config.certificate_file.empty() != config.key_file.empty())
    return fail(Code::invalid_input, "--certificate-file and --key-file go together");
  return {};
}

}  // namespace

Result<HealthCheck> parse_health_check(std::string_view text, std::int64_t deadline_ms_default) {
  const auto wrong = [&](std::string_view why) { return fail(Code::invalid_input, "'" + std::string(text) + "': " + std::string(why)); };
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return wrong("it must be name=command or name@deadline=command");
  auto name = text.substr(0, equals);
  std::int64_t deadline_ms = deadline_ms_default;
  if (const auto at = name.find('@'); at != std::string_view::npos) {
    auto parsed = parse_duration_ms(name.substr(at + 1));
    if (!parsed) return wrong(parsed.error().message);
    deadline_ms = *parsed;
    name = name.substr(0, at);
  }
  if (name.empty() || name.size() > check_name_bytes_max) return wrong("a name has 1 to 64 bytes");
  auto check = make_health_check(std::string(name), text.substr(equals + 1), deadline_ms);
  if (!check) return wrong(check.error().message);
  return check;
}

std::variant<Config, int> parse_config(int argc, const char* const* argv) {
  Config config;
  Raw raw;
  SettingsTable table("abide-agent", "updates the operating system of this node");
  declare_who_and_where(table, config, raw);
  declare_trial(table, config, raw);
  declare_bus(table, config);
  declare_download_and_rest(table, config, raw);
  if (const auto code = table.settle(argc, argv)) return *code;
  if (auto converted = convert(raw, config); !converted) {
    std::fprintf(stderr, "abide-agent: %s\n", converted.error().message.c_str());
    return to_int(ExitCode::usage);
  }
  return config;
}

BusSettings bus_settings(const Config& config, BusMessage will) {
  BusSettings settings;
  settings.url = config.broker_url;
  settings.client_id = random_client_id();
  settings.user_name = to_string(config.uuid);
  settings.filters = {topics::node_filter(config.project, config.uuid), topics::roll_call(config.project)};
  settings.will = std::move(will);
  settings.keep_alive_s = static_cast<int>(config.keep_alive_s);
  settings.reconnect_ms_max = config.reconnect_ms_max;
  settings.ca_file = config.ca_file;
  settings.certificate_file = config.certificate_file;
  settings.key_file = config.key_file;
  return settings;
}

}  // namespace abide::agent
