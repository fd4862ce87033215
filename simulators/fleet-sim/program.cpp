#include "simulators/fleet-sim/program.hpp"

#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <ostream>
#include <utility>

#include "simulators/fleet-sim/crew.hpp"
#include "simulators/fleet-sim/last_words.hpp"
#include "simulators/fleet-sim/report.hpp"
#include "simulators/fleet-sim/rule_names.hpp"
#include "simulators/fleet-sim/shrink.hpp"
#include "simulators/scenario/run.hpp"

namespace abide::fleet_sim {

namespace {

std::string list_text(List which) {
  std::string text;
  switch (which) {
    case List::faults:
      for (const auto fault : sim::every_fault()) text += std::string(sim::to_string(fault)) + "\n";
      break;
    case List::checkers:
      for (const auto& [name, what] : every_checker()) text += fmt::format("{:<24} {}\n", name, what);
      break;
    case List::situations:
      for (const auto& name : every_situation()) text += name + "\n";
      break;
    case List::rules:
      for (const auto& name : rule_names()) text += name + "\n";
      break;
  }
  return text;
}

int play_scenarios(const Options& options, std::ostream& out) {
  std::size_t wrong = 0;
  for (const auto& file : options.scenarios) {
    const auto outcome = scenario::run_scenario(file, options.rewrite);
    out << (outcome.wrong.empty() ? outcome.rewritten ? "rewritten  " : "ok  " : "FAILED  ") << file << "\n";
    for (const auto& line : outcome.wrong) out << "  " << line << "\n";
    out << std::flush;
    wrong += outcome.wrong.empty() ? 0 : 1;
  }
  out << fmt::format("scenarios={} failing={}\n", options.scenarios.size(), wrong) << std::flush;
  return to_int(wrong == 0 ? Exit::clean : Exit::finding);
}

class Call {
 public:
  Call(Options options, const Surroundings& around, const Runner& runner) : options_(std::move(options)), around_(around) {
    report_.program = rules_are_switchable() ? "abide-fleet-sim-mutable" : "abide-fleet-sim";
    report_.threads = std::min(options_.threads, options_.jobs.size());
    if (!options_.without.empty()) report_.further += fmt::format(" --without {}", fmt::join(options_.without, ","));
    if (!options_.from.empty()) report_.further += " --from " + options_.from;
    if (!options_.project.empty()) report_.further += " --project " + options_.project;
    // Whatever runs, its command is at hand should it end the process.
    runner_ = [this, &runner](const sim::Plan& plan, const RunOptions& how) {
      const Announced announced(report_.command(plan, ""));
      return runner(plan, how);
    };
  }

  int run() {
    switch_off(options_.without);
    if (!options_.transcript.empty() && options_.transcript != "-") {
      file_.open(options_.transcript, std::ios::binary | std::ios::trunc);
      if (!file_) return cannot_write(options_.transcript);
    }
    run_jobs();
    if (!report_.failures.empty() && options_.shrink_runs > 0) shrink_first();
    tell();
    file_.flush();
    if (!options_.transcript.empty() && options_.transcript != "-" && !file_) return cannot_write(options_.transcript);
    if (!*around_.out) return cannot_write("stdout");
    if (report_.failing > 0) return to_int(Exit::finding);
    if (options_.require_reached && !report_.never_reached().empty()) return to_int(Exit::not_reached);
    return to_int(Exit::clean);
  }

 private:
  int cannot_write(const std::string& path) {
    *around_.err << "abide-fleet-sim: " << path << ": cannot be written\n";
    return to_int(Exit::failed);
  }
  std::ostream& transcript() { return options_.transcript == "-" ? *around_.out : file_; }
  // Where what is found is told while the program runs: stdout is for the document.
  std::ostream& aside() { return options_.json ? *around_.err : *around_.out; }

  void run_jobs() {
    const auto began_ms = around_.now_ms();
    const bool one = options_.jobs.size() == 1;
    Progress progress(around_, one ? "hours" : "seeds");
    RunOptions how;
    how.checks = options_.checks;
    how.count_situations = options_.reached;
    how.lines = options_.hash || !options_.transcript.empty();
    if (one) {
      const auto hours = static_cast<double>(options_.jobs.front().hours + options_.jobs.front().quiet_hours);
      how.progress = [&, hours](double share) { progress.at(share * hours, hours, ""); };
      if (!options_.transcript.empty()) how.line = [this](std::string_view line) { transcript() << line << '\n'; };
    }
    std::vector<Digest> hashes;
    for (const auto& name : every_situation()) report_.reached.emplace(name, 0);
    run_all(options_.jobs, {options_.threads, options_.stop_at_first}, runner_, how,
            [&](std::size_t, const sim::Plan& plan, RunResult result) {
              if (result.hash) hashes.push_back(*result.hash);
              report_.figures.add(result.figures);
              for (const auto& [name, count] : result.reached) report_.reached[name] += count;
              if (!result.findings.empty()) {
                progress.end();
                take_failure(plan, std::move(result));
              }
              if (!one)
                progress.at(static_cast<double>(report_.figures.runs), static_cast<double>(options_.jobs.size()), failing_note(),
                            report_.failing > 0);
            });
    if (!hashes.empty()) report_.hash = one ? hashes.front() : hash_of(hashes);
    report_.wall_ms = around_.now_ms() - began_ms;
  }

  [[nodiscard]] std::string failing_note() const { return report_.failing == 0 ? "" : fmt::format("{} failed", report_.failing); }

  void take_failure(const sim::Plan& plan, RunResult result) {
    ++report_.failing;
    if (report_.failures.size() == failures_kept_max) return;
    report_.failures.push_back({plan, std::move(result.findings), std::move(result.last_lines), result.events_until_found});
    aside() << failure_text(report_, report_.failures.back());
    // Where nothing smaller will be shown.
    if (options_.shrink_runs == 0 && options_.jobs.size() == 1) aside() << last_lines_text(report_.failures.back().last_lines);
    aside() << std::flush;
  }

  void shrink_first() {
    const auto& first = report_.failures.front();
    Progress progress(around_, "shrinking");
    ShrinkOptions how;
    how.runs_max = options_.shrink_runs;
    how.run.checks = options_.checks;
    how.progress = [&](std::size_t runs, const sim::Plan& smallest, std::size_t faults) {
      progress.at(static_cast<double>(runs), static_cast<double>(options_.shrink_runs),
                  fmt::format("{} nodes, {} hours, {} faults", smallest.nodes, smallest.hours, faults));
    };
    report_.shrunk = shrink(first.plan, first.findings.front().checker, runner_, how);
    progress.end();
    aside() << shrunk_text(report_) << std::flush;
    if (!options_.transcript.empty() && report_.shrunk->repeated) write_shrunk();
  }

  // Once more to its end, with every line; beside the whole run's where there is one.
  void write_shrunk() {
    const bool beside = options_.jobs.size() == 1;
    if (beside && options_.transcript == "-") return;
    std::ofstream second;
    if (beside) second.open(options_.transcript + ".shrunk", std::ios::binary | std::ios::trunc);
    std::ostream& out = beside ? second : transcript();
    RunOptions how;
    how.checks = options_.checks;
    how.stop_at_finding = true;
    how.count_situations = false;
    how.line = [&out](std::string_view line) { out << line << '\n'; };
    (void)runner_(report_.shrunk->plan, how);
    out.flush();
    if (beside && !second) file_.setstate(std::ios::badbit);
  }

  void tell() {
    auto& out = *around_.out;
    if (options_.json) {
      out << json_text(report_, options_.reached);
    } else {
      if (options_.reached) out << reached_text(report_);
      out << summary_text(report_);
    }
    out << std::flush;
  }

  Options options_;
  const Surroundings& around_;
  Runner runner_;
  Report report_;
  std::ofstream file_;
};

}  // namespace

int run_program(const std::vector<std::string>& words, const Surroundings& around, const Runner& runner) {
  auto parsed = parse_options(words, around.cores);
  if (const auto* said = std::get_if<Said>(&parsed)) {
    (said->code == to_int(Exit::clean) ? *around.out : *around.err) << said->text << std::flush;
    return said->code;
  }
  auto& options = std::get<Options>(parsed);
  if (options.list) {
    *around.out << list_text(*options.list) << std::flush;
    return to_int(Exit::clean);
  }
  if (!options.scenarios.empty()) return play_scenarios(options, *around.out);
  return Call(std::move(options), around, runner).run();
}

}  // namespace abide::fleet_sim
