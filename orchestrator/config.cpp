#include "orchestrator/config.hpp"

#include <charconv>

#include "common/bus/mqtt_url.hpp"
#include "common/core/ids.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/logging.hpp"
#include "orchestrator/retention.hpp"

namespace abide::orchestrator {

Result<std::pair<std::string, std::uint16_t>> parse_listen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return fail(Code::invalid_input, "must be HOST:PORT, not " + text);
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc{} || stop != end || port > 65'535)
    return fail(Code::invalid_input, "the port must be between 0 and 65535: " + text);
  return std::make_pair(std::move(host), static_cast<std::uint16_t>(port));
}

namespace {

Result<void> check_listen(std::string_view text) {
  auto parsed = parse_listen(std::string(text));
  if (!parsed) return fail(parsed.error());
  return {};
}

Result<void> check_keep_events(std::string_view text) {
  const auto ms = parse_duration_ms(text);
  if (!ms || *ms == 0 || *ms >= keep_events_ms_min) return {};  // what is no duration is said elsewhere
  return fail(Code::invalid_input, "must be 0ms, which is never, or at least " + std::to_string(keep_events_ms_min / 1000) + "s");
}

Result<void> check_level(std::string_view text) {
  auto level = parse_log_level(text);
  if (!level) return fail(level.error());
  return {};
}

}  // namespace

std::optional<int> settle_config(Config& config, int argc, const char* const* argv) {
  SettingsTable table(
      "abide-orchestrator",
      "finds OS releases, links them to nodes, and follows their updates.\nabide-orchestrator check --state DIR compares "
      "journal and rows of a state directory.\nabide-orchestrator backup DIR and restore DIR: `backup --help`, `restore --help`.");
  table.text("state", &config.state, "directory of the journal and its rows").required();
  table.text("broker", &config.broker, "MQTT broker, mqtt://HOST:PORT (loopback only) or mqtts://HOST:PORT");
  table.text("ca-file", &config.ca_file, "with mqtts://: certificates that the broker's may be signed by");
  table.text("certificate-file", &config.certificate_file, "with mqtts://: the orchestrator's certificate");
  table.text("key-file", &config.key_file, "with mqtts://: its key");
  table.text("listen", &config.listen, "HOST:PORT of the REST API; a loopback address; port 0 takes a free one").checked(check_listen);
  table
      .list("releases", &config.releases,
            "a release service: a directory, an http(s) URL with index.json, or oci://HOST[:PORT]/PREFIX, a registry (plain text on "
            "loopback and "
            "with oci+http://, else TLS)")
      .or_one_text()
      .required();
  table.text("files", &config.files,
             "http(s) URL that image paths are relative to, if not the release service's own; needed with a registry; with a directory, "
             "the URL that "
             "serves it to nodes");
  table.list("enabled-profiles", &config.enabled_profiles, "a profile that is taken; without it: all that there are");
  table.text("profile-revision", &config.profile_revision,
             "with a registry: which tag of every profile: one, as 0.10.8, or ~X.Y.Z, all with the same X.Y and not less");
  table.text("releases-credentials", &config.releases_credentials,
             "file with lines HOST[:PORT] USER:PASSWORD for registries; mode 0600; without it they are asked as anybody");
  table.list("project", &config.projects, "a project that exists from the start").checked(check_project_name);
  table.choice("registration", &config.registration, {"auto", "required"},
               "auto: a node that says hello becomes a host; required: an operator registers it first. Without it: auto where the "
               "broker is on loopback");
  table.choice("log-level", &config.log_level, {"trace", "debug", "info", "warn", "error", "off"}, "least level of log lines")
      .checked(check_level);
  table.duration_ms("releases-poll", &config.releases_poll_ms, 0, 7 * 86'400'000LL,
                    "pause between two looks at the release service; 0ms: 10s for a directory, 15min for a URL");
  table.duration_ms("ack-after", &config.ack_after_ms, 0, 60'000, "events of a node are acknowledged after this long at latest");
  table.integer("ack-after-events", &config.ack_after_events, 1, 1'000, "or after so many", "events");
  table.duration_ms("spread-per-node", &config.spread_ms_per_node, 0, 10'000,
                    "after a roll call, time for each known node to say hello in");
  table.duration_ms("roll-call-again", &config.roll_call_again_ms, 100, 3'600'000, "the roll call is repeated at most once in this time");
  table.duration_ms("lost-after", &config.lost_after_ms, 0, 3'650 * 86'400'000LL,
                    "update runs of a node that is silent for so long are closed as lost, until it speaks again; 0ms: never");
  table.duration_ms("keep-runs", &config.keep_runs_ms, 0, 3'650 * 86'400'000LL,
                    "closed update runs are deleted this long after their end, but the newest of each host; 0ms: never");
  table
      .duration_ms("keep-events", &config.keep_events_ms, 0, 3'650 * 86'400'000LL,
                   "events are deleted this long after they were journaled, the oldest first, at least 1000 at once; 0ms: never")
      .checked(check_keep_events);
  table.flag("maintenance-updates", &config.maintenance_updates,
             "schedules of status MAINTENANCE open windows for updates, too, as they do in the product that this follows");
  table.integer("keep-alive", &config.keep_alive_s, 1, 3'600, "MQTT keep-alive", "seconds");
  table.duration_ms("reconnect-max", &config.reconnect_ms_max, 1, 3'600'000, "longest wait before the next attempt to reach the broker");
  table.integer("inbox-capacity", &config.inbox_capacity, 16, 10'000'000, "inputs that wait for the owner thread", "inputs");
  table.integer("connections-max", &config.connections_max, 1, 100'000, "HTTP connections at once", "connections");
  table.integer("streams-max", &config.streams_max, 0, 100'000, "event streams at once", "streams");
  table.integer("requests-per-second", &config.requests_per_second, 0, 1'000'000,
                "HTTP requests of one address in a second; above it is answered 429. 0: as many as come", "requests");
  table.duration_ms("answer-timeout", &config.answer_timeout_ms, 100, 600'000, "an HTTP request is answered 503 after this time");
  table.duration_ms("stream-keep-alive", &config.stream_keep_alive_ms, 100, 600'000, "an event stream says something at least this often");
  if (const auto code = table.settle(argc, argv)) return code;
  auto listen = parse_listen(config.listen);
  if (!listen) return to_int(ExitCode::usage);  // checked above
  config.listen_host = listen->first;
  config.listen_port = listen->second;
  config.auto_register = config.registration == "auto";
  if (config.registration.empty()) {
    const auto broker = parse_broker_url(config.broker);
    config.auto_register = broker && is_loopback(broker->host);
  }
  return std::nullopt;
}

}  // namespace abide::orchestrator
