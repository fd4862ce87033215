#include "orchestrator/api/metrics.hpp"

#include <initializer_list>
#include <type_traits>
#include <utility>

#include "common/events/node_events.hpp"

namespace abide::api {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out + '"';
}

constexpr const char* indicator_names[fleet::indicators] = {"unspecified", "error", "in_progress", "idle"};

class Text {
 public:
  // Every metric is begun once, with all its samples after it.
  void metric(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void sample(std::string_view value, std::initializer_list<std::pair<const char*, std::string_view>> labels = {},
              const char* suffix = "") {
    text_ += name_;
    text_ += suffix;
    const char* before = "{";
    for (const auto& [label, said] : labels) {
      text_ += std::string(before) + label + "=" + quoted(said);
      before = ",";
    }
    if (labels.size() != 0) text_ += "}";
    text_ += " " + std::string(value) + "\n";
  }
  template <class Number>
  requires std::is_integral_v<Number>
  void sample(Number value, std::initializer_list<std::pair<const char*, std::string_view>> labels = {}, const char* suffix = "") {
    sample(std::string_view(std::to_string(value)), labels, suffix);
  }
  template <class Number>
  void single(const char* name, const char* type, const char* help, Number value) {
    metric(name, type, help);
    sample(value);
  }
  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  std::string text_, name_;
};

std::string seconds(std::int64_t ms) {
  std::string fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

void put_process(Text& text, const Health& health, std::string_view version) {
  text.metric("abide_build_info", "gauge", "Always 1; the version is a label.");
  text.sample(1, {{"version", version}});
  text.single("abide_owner_alive", "gauge", "1: the thread that owns the state turned its loop a moment ago.", health.healthy ? 1 : 0);
  text.single("abide_bus_connected", "gauge", "1: there is a connection to the broker.", health.bus_connected ? 1 : 0);
  text.single("abide_inbox_items", "gauge", "Inputs that wait for the owner thread.", health.inbox_items);
  text.single("abide_inbox_capacity", "gauge", "How many there may be.", health.inbox_capacity);
  text.single("abide_messages_dropped_total", "counter",
              "Messages of a node that floods, or that found the inbox full for long; these nodes are asked again.",
              health.messages_dropped);
  text.metric("abide_bus_held_seconds_total", "counter", "How long the bus waited for room in the inbox.");
  text.sample(seconds(static_cast<std::int64_t>(health.bus_held_us / 1000)));
  text.single("abide_projects", "gauge", "Projects that are served.", health.projects);
  text.single("abide_releases_found", "gauge", "Profiles that the last look at the release service found.", health.releases_found);
  text.metric("abide_releases_read_timestamp_seconds", "gauge", "When that was, since 1970; 0: not yet.");
  text.sample(seconds(health.releases_read_at_ms));
}

void put_http(Text& text, const HttpStats& http) {
  text.single("abide_http_connections", "gauge", "HTTP connections that are open.", http.connections);
  text.single("abide_http_streams", "gauge", "Event streams that are open.", http.streams);
  text.metric("abide_http_answers_total", "counter", "Answers to HTTP requests, by status.");
  for (const auto& [status, count] : http.answers) text.sample(count, {{"code", std::to_string(status)}});
  text.metric("abide_http_answer_seconds", "histogram", "From a whole request to its answer.");
  for (std::size_t i = 0; i < HttpStats::bucket_ms.size(); ++i)
    text.sample(http.within_bucket[i], {{"le", seconds(HttpStats::bucket_ms[i])}}, "_bucket");
  text.sample(http.timed, {{"le", "+Inf"}}, "_bucket");
  text.sample(seconds(http.took_ms), {}, "_sum");
  text.sample(http.timed, {}, "_count");
}

void put_projects(Text& text, const std::vector<ProjectCounts>& counted) {
  text.metric("abide_nodes", "gauge", "Hosts, by the phase of their node and the indicator of their update status.");
  for (const auto& [project, counts] : counted)
    for (std::size_t phase = 0; phase < fleet::phases; ++phase)
      for (std::size_t indicator = 0; indicator < fleet::indicators; ++indicator)
        text.sample(counts.nodes[phase][indicator],
                    {{"project", project}, {"phase", to_string(static_cast<Phase>(phase))}, {"status", indicator_names[indicator]}});
  struct Row {
    const char* name;
    const char* type;
    const char* help;
    std::size_t fleet::Counts::*count;
  };
  static constexpr Row rows[] = {
      {"abide_nodes_held", "gauge", "Hosts that are told nothing until an operator confirms them.", &fleet::Counts::held},
      {"abide_nodes_in_conflict", "gauge", "Hosts under whose UUID two machines speak.", &fleet::Counts::in_conflict},
      {"abide_nodes_paused", "gauge", "Hosts whose update an operator paused.", &fleet::Counts::paused},
      {"abide_nodes_unheard", "gauge", "Hosts that are registered and have never spoken.", &fleet::Counts::unheard},
      {"abide_nodes_deleted", "gauge", "Deleted hosts that are remembered, to be refused.", &fleet::Counts::deleted},
      {"abide_runs_open", "gauge", "OS update runs that have not ended.", &fleet::Counts::open_runs},
      {"abide_sources", "gauge", "Entries of release services that were told of.", &fleet::Counts::sources},
      {"abide_sources_failing", "gauge", "Those that cannot be read.", &fleet::Counts::sources_failing},
      {"abide_os_resources", "gauge", "OS resources.", &fleet::Counts::os_resources},
      {"abide_policies", "gauge", "OS update policies.", &fleet::Counts::policies},
      {"abide_schedules", "gauge", "Schedules.", &fleet::Counts::schedules},
      {"abide_sites", "gauge", "Sites.", &fleet::Counts::sites},
      {"abide_regions", "gauge", "Regions.", &fleet::Counts::regions},
  };
  for (const auto& row : rows) {
    text.metric(row.name, row.type, row.help);
    for (const auto& [project, counts] : counted) text.sample(counts.*row.count, {{"project", project}});
  }
  text.metric("abide_events_stored_total", "counter", "Events of the project's journal.");
  for (const auto& [project, counts] : counted) text.sample(counts.events, {{"project", project}});
  text.metric("abide_epoch", "gauge", "Of the documents that are issued now; grows with every start.");
  for (const auto& [project, counts] : counted) text.sample(counts.epoch, {{"project", project}});
}

}  // namespace

std::string metrics_text(const Health& health, const HttpStats& http, const std::optional<std::vector<ProjectCounts>>& counted,
                         std::string_view version) {
  Text text;
  put_process(text, health, version);
  put_http(text, http);
  if (counted) put_projects(text, *counted);
  return std::move(text).take();
}

}  // namespace abide::api
