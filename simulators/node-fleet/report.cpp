#include "simulators/node-fleet/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace abide::node_fleet {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "abide-node-fleet report 1";
constexpr double percents[] = {50, 90, 99, 99.9};
constexpr double us_per_second = 1'000'000, us_per_ms = 1'000;

Json leg_json(const Histogram& histogram) {
  Json json = {{"count", histogram.count()}};
  if (histogram.count() == 0) return json;
  json["min_us"] = histogram.min();
  json["mean_us"] = histogram.mean();
  for (const auto percent : percents) json[fmt::format("p{}_us", percent)] = histogram.percentile(percent);
  json["max_us"] = histogram.max();
  if (histogram.clipped() > 0) json["clipped"] = histogram.clipped();
  return json;
}

Json outcomes_json(const Tally& tally) {
  Json json = Json::object();
  for (std::size_t i = 1; i < outcomes_count; ++i) json[std::string(to_string(static_cast<OutcomeKind>(i)))] = tally.outcomes[i];
  return json;
}

Json phases_json(const Tally& tally) {
  Json json = Json::object();
  for (std::size_t i = 0; i < phases_count; ++i) json[std::string(to_string(static_cast<Phase>(i)))] = tally.phases[i];
  return json;
}

Json losses_json(const Losses& losses) {
  return {{"all", losses.all()},
          {"checked_by_api", losses.checked},
          {"unacknowledged", losses.unacknowledged},
          {"missing", losses.missing},
          {"gaps", losses.gaps},
          {"other_journals", losses.other_journals},
          {"examples", losses.examples}};
}

Json watched_json(const Watched& watched) {
  return {{"name", watched.name},
          {"pid", watched.pid},
          {"cpu_s", watched.cpu_s},
          {"resident_begin", watched.resident_begin},
          {"resident_end", watched.resident_end},
          {"resident_max", watched.resident_max}};
}

std::uint64_t updates_of(const Tally& tally) {
  std::uint64_t all = 0;
  for (std::size_t i = 1; i < outcomes_count; ++i) all += tally.outcomes[i];
  return all;
}

Json recoveries_json(const Report& report) {
  Json list = Json::array();
  for (const auto& recovery : report.recoveries)
    list.push_back({{"lost_at_s", recovery.lost_at_s},
                    {"first_s", recovery.first_s},
                    {"connected_s", recovery.connected_s},
                    {"welcomed_s", recovery.welcomed_s},
                    {"messages_out", recovery.messages_out},
                    {"messages_in", recovery.messages_in},
                    {"slice_s", recovery_slice_s},
                    {"slices", recovery.slices}});
  return list;
}

Json figures_json(const Report& report) {
  Json json = Json::object();
  for (const auto& figure : figures_of(report)) json[figure.name] = figure.value;
  return json;
}

}  // namespace

std::string_view to_string(Ending ending) {
  switch (ending) {
    case Ending::all_ended:
      return "all ended";
    case Ending::time_over:
      return "time over";
    case Ending::scenario_over:
      return "scenario over";
    case Ending::deadline:
      return "deadline";
    case Ending::stopped:
      return "stopped";
    case Ending::recovered:
      return "recovered";
  }
  return "";
}

std::string time_text(double us) {
  if (us < us_per_ms) return fmt::format("{:.0f} µs", us);
  if (us < us_per_second) return fmt::format("{:.1f} ms", us / us_per_ms);
  return fmt::format("{:.2f} s", us / us_per_second);
}

std::string bytes_text(double bytes) {
  if (bytes < 10'240) return fmt::format("{:.0f} B", bytes);
  if (bytes < 10'240.0 * 1'024) return fmt::format("{:.1f} KiB", bytes / 1'024);
  return fmt::format("{:.1f} MiB", bytes / 1'048'576);
}

std::vector<Earlier::Figure> figures_of(const Report& report) {
  std::vector<Earlier::Figure> figures;
  const auto add = [&](std::string name, double value) { figures.push_back({std::move(name), value}); };
  const double updates = static_cast<double>(updates_of(report.tally));
  add("nodes", static_cast<double>(report.nodes));
  add("took_s", report.took_s);
  add("updates", updates);
  add("updates_per_s", report.took_s > 0 ? updates / report.took_s : 0);
  add("losses", static_cast<double>(report.losses.all()));
  for (std::size_t i = 0; i < legs_count; ++i) {
    const auto& histogram = report.legs.histograms[i];
    if (histogram.count() == 0) continue;
    add(fmt::format("{}_p50_us", leg_words[i].name), static_cast<double>(histogram.percentile(50)));
    add(fmt::format("{}_p99_us", leg_words[i].name), static_cast<double>(histogram.percentile(99)));
  }
  if (updates > 0) {
    add("messages_per_update", static_cast<double>(report.traffic.messages_out + report.traffic.messages_in) / updates);
    add("packets_per_update", static_cast<double>(report.traffic.packets_out + report.traffic.packets_in) / updates);
    const auto payload = static_cast<double>(report.traffic.payload_out + report.traffic.payload_in);
    if (payload > 0) add("bytes_per_payload_byte", static_cast<double>(report.traffic.bytes_out + report.traffic.bytes_in) / payload);
    add("bytes_per_update", static_cast<double>(report.traffic.bytes_out + report.traffic.bytes_in) / updates);
  }
  for (const auto& watched : report.watched) {
    add(watched.name + "_cpu_s", watched.cpu_s);
    add(watched.name + "_resident_max", static_cast<double>(watched.resident_max));
  }
  add("fleet_bytes_per_node", static_cast<double>(report.bytes_per_node));
  return figures;
}

std::string text_of(const Report& report) {
  const auto& tally = report.tally;
  std::string text = fmt::format("{}: {} nodes, {:.1f} s, {}\n", "abide-node-fleet", report.nodes, report.took_s, to_string(report.ending));
  text += "outcomes";
  for (std::size_t i = 1; i < outcomes_count; ++i)
    text += fmt::format("  {} {}", to_string(static_cast<OutcomeKind>(i)), tally.outcomes[i]);
  text += "\n";
  for (const auto& [reason, count] : tally.reasons)
    if (reason.find(' ') != std::string::npos) text += fmt::format("  {:<32} {}\n", reason, count);
  text += fmt::format("events {}  boots {}  connections {}  broken {}  failed attempts {}\n", tally.events, tally.boots,
                      report.traffic.connects, report.traffic.losses, report.traffic.attempts_failed);
  text += fmt::format("messages out {} in {}, packets out {} in {}, bytes out {} in {}, of them payloads {}\n", report.traffic.messages_out,
                      report.traffic.messages_in, report.traffic.packets_out, report.traffic.packets_in,
                      bytes_text(static_cast<double>(report.traffic.bytes_out)), bytes_text(static_cast<double>(report.traffic.bytes_in)),
                      bytes_text(static_cast<double>(report.traffic.payload_out + report.traffic.payload_in)));
  for (const auto& recovery : report.recoveries)
    text += fmt::format(
        "recovery at {:.1f} s: the first was there again after {:.2f} s, all after {:.2f} s, welcomed after {:.2f} s; messages out {} in "
        "{}, at most {} in {:.0f} ms\n",
        recovery.lost_at_s, recovery.first_s, recovery.connected_s, recovery.welcomed_s, recovery.messages_out, recovery.messages_in,
        *std::max_element(recovery.slices.begin(), recovery.slices.end()), recovery_slice_s * 1'000);
  text += fmt::format("{:<26}{:>9}{:>11}{:>11}{:>11}{:>11}{:>11}\n", "leg", "count", "p50", "p90", "p99", "p99.9", "max");
  for (std::size_t i = 0; i < legs_count; ++i) {
    const auto& histogram = report.legs.histograms[i];
    text += fmt::format("{:<26}{:>9}", leg_words[i].title, histogram.count());
    if (histogram.count() > 0) {
      for (const auto percent : percents) text += fmt::format("{:>11}", time_text(static_cast<double>(histogram.percentile(percent))));
      text += fmt::format("{:>11}", time_text(static_cast<double>(histogram.max())));
    }
    text += "\n";
  }
  for (const auto& watched : report.watched)
    text += fmt::format("{:<26}{:>9.2f} s CPU, {} at the end, {} at most\n", watched.name, watched.cpu_s,
                        bytes_text(static_cast<double>(watched.resident_end)), bytes_text(static_cast<double>(watched.resident_max)));
  text += fmt::format("memory of a node           {}\n", bytes_text(static_cast<double>(report.bytes_per_node)));
  if (report.syncs > 0) text += fmt::format("journals: {} commits in {} syncs\n", report.commits, report.syncs);
  const auto& losses = report.losses;
  text += fmt::format("losses {} (unacknowledged {}, missing {}, gaps {}, other journals {}){}\n", losses.all(), losses.unacknowledged,
                      losses.missing, losses.gaps, losses.other_journals, losses.checked ? "" : " by acknowledgements alone: no --api");
  for (const auto& example : losses.examples) text += "  " + example + "\n";
  return text;
}

std::string json_of(const Report& report) {
  Json json = {{"format", format_name},
               {"version", report.version},
               {"command", report.command},
               {"began_at", report.began_at},
               {"nodes", report.nodes},
               {"projects", report.projects},
               {"seed", report.seed},
               {"ending", to_string(report.ending)},
               {"clean", report.clean()},
               {"took_s", report.took_s},
               {"outcomes", outcomes_json(report.tally)}};
  json["reasons"] = report.tally.reasons;
  json["phases_at_end"] = phases_json(report.tally);
  json["connected_at_end"] = report.tally.connected;
  json["offline"] = report.tally.offline;
  json["events"] = report.tally.events;
  json["boots"] = report.tally.boots;
  json["forks"] = report.tally.forks;
  const auto& traffic = report.traffic;
  json["traffic"] = {{"messages_out", traffic.messages_out},
                     {"messages_in", traffic.messages_in},
                     {"packets_out", traffic.packets_out},
                     {"packets_in", traffic.packets_in},
                     {"payload_out", traffic.payload_out},
                     {"payload_in", traffic.payload_in},
                     {"bytes_out", traffic.bytes_out},
                     {"bytes_in", traffic.bytes_in},
                     {"connects", traffic.connects},
                     {"broken", traffic.losses},
                     {"attempts_failed", traffic.attempts_failed}};
  json["legs"] = Json::object();
  for (std::size_t i = 0; i < legs_count; ++i) json["legs"][std::string(leg_words[i].name)] = leg_json(report.legs.histograms[i]);
  json["losses"] = losses_json(report.losses);
  json["processes"] = Json::array();
  for (const auto& watched : report.watched) json["processes"].push_back(watched_json(watched));
  json["fleet_bytes_per_node"] = report.bytes_per_node;
  json["journals"] = {{"commits", report.commits}, {"syncs", report.syncs}};
  json["figures"] = figures_json(report);
  json["recoveries"] = recoveries_json(report);
  json["timeline"] = Json::array();
  for (const auto& moment : report.timeline) {
    Json one = {{"at_s", moment.at_s},
                {"connected", moment.tally.connected},
                {"phases", phases_json(moment.tally)},
                {"outcomes", outcomes_json(moment.tally)},
                {"out_per_s", moment.out_per_s},
                {"in_per_s", moment.in_per_s}};
    one["processes"] = Json::array();
    for (const auto& use : moment.others) one["processes"].push_back({{"cpu", use.cpu}, {"resident", use.resident}});
    json["timeline"].push_back(std::move(one));
  }
  return json.dump(1) + "\n";
}

Result<Earlier> parse_earlier(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("format") || json["format"] != format_name || !json.contains("figures") ||
      !json["figures"].is_object())
    return fail(Code::invalid_input, "this is no report of abide-node-fleet (--report)");
  Earlier earlier;
  const auto text_at = [&](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
  };
  earlier.version = text_at("version");
  earlier.began_at = text_at("began_at");
  for (const auto& [name, value] : json["figures"].items())
    if (value.is_number()) earlier.figures.push_back({name, value.get<double>()});
  return earlier;
}

std::string comparison_text(const Earlier& earlier, const Report& report) {
  std::string text = fmt::format("beside the run of {}, version {}\n", earlier.began_at, earlier.version);
  text += fmt::format("{:<40}{:>16}{:>16}{:>9}\n", "figure", "then", "now", "ratio");
  for (const auto& figure : figures_of(report)) {
    const auto before =
        std::find_if(earlier.figures.begin(), earlier.figures.end(), [&](const auto& one) { return one.name == figure.name; });
    if (before == earlier.figures.end()) continue;
    text += fmt::format("{:<40}{:>16.1f}{:>16.1f}", figure.name, before->value, figure.value);
    text += before->value > 0 ? fmt::format("{:>9.2f}\n", figure.value / before->value) : fmt::format("{:>9}\n", "-");
  }
  return text;
}

}  // namespace abide::node_fleet
