#include "simulators/fleet-sim/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/core/time.hpp"
#include "simulators/fleet-sim/jobs.hpp"

namespace abide::fleet_sim {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t findings_told_max = 4;  // of one run; the first one is mostly the cause of the others
constexpr std::size_t faults_told_max = 40;
constexpr double ms_per_hour = 3'600'000;

std::string found_text(const Found& found) {
  return fmt::format("{} at {}: {}", found.checker, to_rfc3339(found.at_ms), found.text);
}

std::string struck_text(const Struck& struck) {
  return fmt::format("{:>6}  {}  {}{}{}", struck.number, to_rfc3339(struck.at_ms), sim::to_string(struck.fault),
                     struck.where.empty() ? "" : "  ", struck.where);
}

std::uint64_t of(const Figures& figures, OutcomeKind kind) {
  return figures.outcomes[static_cast<std::size_t>(kind)];
}

Json findings_json(const std::vector<Found>& findings) {
  Json list = Json::array();
  for (const auto& found : findings) list.push_back({{"checker", found.checker}, {"at", to_rfc3339(found.at_ms)}, {"text", found.text}});
  return list;
}

Json plan_json(const Report& report, const sim::Plan& plan, const std::string& checker) {
  Json faults = Json::array();
  for (const auto kind : kinds_of(plan.faults)) faults.push_back(std::string(sim::to_string(kind)));
  return {{"seed", plan.seed},
          {"nodes", plan.nodes},
          {"hours", plan.hours},
          {"quiet_hours", plan.quiet_hours},
          {"faults", faults},
          {"left_out", to_numbers_text(plan.left_out)},
          {"command", report.command(plan, checker)}};
}

Json figures_json(const Report& report) {
  const auto& figures = report.figures;
  return {{"seeds", figures.runs},
          {"findings", figures.findings},
          {"failing_seeds", report.failing},
          {"steps", figures.steps},
          {"faults", figures.faults},
          {"events", figures.events},
          {"transcript_lines", figures.lines},
          {"node_updates", figures.node_updates()},
          {"outcomes",
           {{"succeeded", of(figures, OutcomeKind::succeeded)},
            {"failed", of(figures, OutcomeKind::failed)},
            {"rolled_back", of(figures, OutcomeKind::rolled_back)},
            {"cancelled", of(figures, OutcomeKind::cancelled)}}},
          {"virtual_hours", static_cast<double>(figures.virtual_ms) / ms_per_hour},
          {"wall_ms", report.wall_ms},
          {"jobs", report.threads},
          {"node_updates_per_second_and_core", report.updates_per_second_and_core()},
          {"hash", report.hash ? Json(to_hex(*report.hash)) : Json()}};
}

}  // namespace

std::string Report::command(const sim::Plan& plan, std::string_view checker) const {
  return program + " " + flags_of(plan) + further + (checker == unreachable ? " --reached" : "");
}

double Report::updates_per_second_and_core() const {
  const auto ms = static_cast<double>(std::max<std::int64_t>(wall_ms, 1)) * static_cast<double>(threads);
  return static_cast<double>(figures.node_updates()) * 1'000 / ms;
}

std::vector<std::string> Report::never_reached() const {
  std::vector<std::string> names;
  for (const auto& [name, count] : reached)
    if (count == 0) names.push_back(name);
  return names;
}

std::string failure_text(const Report& report, const Failure& failure) {
  std::string text = fmt::format("FAILED seed {}\n", failure.plan.seed);
  for (std::size_t i = 0; i < std::min(findings_told_max, failure.findings.size()); ++i)
    text += "  " + found_text(failure.findings[i]) + "\n";
  if (failure.findings.size() > findings_told_max) text += fmt::format("  and {} more\n", failure.findings.size() - findings_told_max);
  return text + "  again:  " + report.command(failure.plan, failure.findings.front().checker) + "\n";
}

std::string last_lines_text(const std::vector<std::string>& lines) {
  std::string text = fmt::format("  the last {} lines of its transcript:\n", lines.size());
  for (const auto& line : lines) text += "    " + line + "\n";
  return text;
}

std::string shrunk_text(const Report& report) {
  const auto& shrunk = *report.shrunk;
  if (!shrunk.repeated) return "NOT REPEATED: the same plan did not fail again; the world is not deterministic\n";
  std::string text = fmt::format("SHRUNK in {} runs{}: {} nodes, {} hours, {} kinds of fault, {} faults that happen\n", shrunk.runs,
                                 shrunk.limit_reached ? " (all that were allowed: --shrink-runs)" : "", shrunk.plan.nodes,
                                 shrunk.plan.hours, kinds_of(shrunk.plan.faults).size(), shrunk.result.faults.size());
  for (const auto& found : shrunk.result.findings)
    if (found.checker == shrunk.checker) {
      text += "  " + found_text(found) + "\n";
      break;
    }
  text += "  again:  " + report.command(shrunk.plan, shrunk.checker) + "\n";
  const auto& faults = shrunk.result.faults;
  if (!faults.empty()) text += "  its faults:\n";
  for (std::size_t i = 0; i < std::min(faults_told_max, faults.size()); ++i) text += "  " + struck_text(faults[i]) + "\n";
  if (faults.size() > faults_told_max) text += fmt::format("    and {} more\n", faults.size() - faults_told_max);
  return text + last_lines_text(shrunk.result.last_lines);
}

std::string reached_text(const Report& report) {
  std::string text = "reached\n";
  for (const auto& [name, count] : report.reached) text += fmt::format("{:>12}  {}\n", count == 0 ? "NEVER" : std::to_string(count), name);
  const auto never = report.never_reached().size();
  return text + fmt::format("{} situations, {} of them never\n", report.reached.size(), never);
}

std::string summary_text(const Report& report) {
  const auto& figures = report.figures;
  return fmt::format(
      "seeds={} failing={} findings={} events={} faults={} node_updates={} succeeded={} failed={} rolled_back={} cancelled={} "
      "virtual_hours={:.0f} wall_s={:.1f} jobs={} updates_per_s_and_core={:.0f} hash={}\n",
      figures.runs, report.failing, figures.findings, figures.events, figures.faults, figures.node_updates(),
      of(figures, OutcomeKind::succeeded), of(figures, OutcomeKind::failed), of(figures, OutcomeKind::rolled_back),
      of(figures, OutcomeKind::cancelled), static_cast<double>(figures.virtual_ms) / ms_per_hour,
      static_cast<double>(report.wall_ms) / 1'000, report.threads, report.updates_per_second_and_core(),
      report.hash ? to_hex(*report.hash) : "-");
}

std::string json_text(const Report& report, bool with_reached) {
  Json document = figures_json(report);
  document["failures"] = Json::array();
  for (const auto& failure : report.failures) {
    Json one = plan_json(report, failure.plan, failure.findings.front().checker);
    one["findings"] = findings_json(failure.findings);
    if (failure.events_until_found) one["events_until_found"] = *failure.events_until_found;
    document["failures"].push_back(std::move(one));
  }
  if (report.shrunk && report.shrunk->repeated) {
    Json shrunk = plan_json(report, report.shrunk->plan, report.shrunk->checker);
    shrunk["checker"] = report.shrunk->checker;
    shrunk["findings"] = findings_json(report.shrunk->result.findings);
    shrunk["runs"] = report.shrunk->runs;
    shrunk["happened"] = Json::array();
    for (const auto& fault : report.shrunk->result.faults)
      shrunk["happened"].push_back({{"number", fault.number},
                                    {"fault", std::string(sim::to_string(fault.fault))},
                                    {"machine", fault.where},
                                    {"at", to_rfc3339(fault.at_ms)}});
    document["shrunk"] = std::move(shrunk);
  }
  if (with_reached) {
    document["reached"] = Json::object();
    for (const auto& [name, count] : report.reached) document["reached"][name] = count;
    document["never_reached"] = report.never_reached();
  }
  return document.dump() + "\n";
}

}  // namespace abide::fleet_sim
