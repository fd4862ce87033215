#include "simulators/node-fleet/view.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <ostream>

namespace abide::node_fleet {
namespace {

constexpr std::size_t bar_cells = 40;

std::string bar(std::size_t part, std::size_t whole, const char* colour, bool colours) {
  const auto full = whole == 0 ? 0 : std::min(bar_cells, part * bar_cells / whole);
  std::string cells = colours ? colour : "";
  for (std::size_t i = 0; i < bar_cells; ++i) cells += i < full ? "█" : "░";
  if (colours) cells += "\x1b[0m";
  return cells;
}

}  // namespace

std::vector<std::string> View::lines_of(const Moment& moment) const {
  const auto& tally = moment.tally;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{:<10} {}  {} of {}{}{}", "connected", bar(tally.connected, nodes_, "\x1b[36m", colours_), tally.connected,
                              nodes_, tally.down > 0 ? fmt::format(", {} rebooting", tally.down) : "",
                              tally.offline > 0 ? fmt::format(", {} offline", tally.offline) : ""));
  lines.push_back(fmt::format("{:<10} {}  {} of {}", "ended", bar(tally.ended, nodes_, "\x1b[32m", colours_), tally.ended, nodes_));
  std::string phases;
  for (std::size_t i = 0; i < phases_count; ++i)
    if (tally.phases[i] > 0)
      phases += fmt::format("{}{} {}", phases.empty() ? "" : "   ", to_string(static_cast<Phase>(i)), tally.phases[i]);
  lines.push_back(fmt::format("{:<10} {}", "phases", phases));
  std::string outcomes;
  for (std::size_t i = 1; i < outcomes_count; ++i)
    outcomes += fmt::format("{}{} {}", outcomes.empty() ? "" : "   ", to_string(static_cast<OutcomeKind>(i)), tally.outcomes[i]);
  lines.push_back(fmt::format("{:<10} {}", "outcomes", outcomes));
  lines.push_back(
      fmt::format("{:<10} {:.0f} out   {:.0f} in   {:.0f} events", "a second", moment.out_per_s, moment.in_per_s, moment.events_per_s));
  std::string processes;
  for (std::size_t i = 0; i < moment.others.size() && i < watched_.size(); ++i)
    processes += fmt::format("{}{} {:.0f} % {}", processes.empty() ? "" : "   ", watched_[i], moment.others[i].cpu * 100,
                             bytes_text(static_cast<double>(moment.others[i].resident)));
  lines.push_back(fmt::format("{:<10} {}", fmt::format("{:.0f} s", moment.at_s), processes));
  return lines;
}

void View::erase() {
  if (drawn_ > 0) err_ << fmt::format("\x1b[{}A\x1b[J", drawn_);
  drawn_ = 0;
}

void View::say(const std::string& line) {
  erase();
  err_ << line << "\n" << std::flush;
}

void View::show(const Moment& moment) {
  if (terminal_) {
    erase();
    for (const auto& line : lines_of(moment)) {
      err_ << line << "\x1b[K\n";
      ++drawn_;
    }
    err_ << std::flush;
    return;
  }
  if (moment.at_s - told_s_ < view_line_every_s) return;
  told_s_ = moment.at_s;
  const auto& tally = moment.tally;
  std::string phases;
  for (std::size_t i = 0; i < phases_count; ++i)
    if (tally.phases[i] > 0) phases += fmt::format(" {}={}", to_string(static_cast<Phase>(i)), tally.phases[i]);
  err_ << fmt::format("{:.0f} s connected={} welcomed={} ended={} out/s={:.0f} in/s={:.0f}{}\n", moment.at_s, tally.connected,
                      tally.welcomed, tally.ended, moment.out_per_s, moment.in_per_s, phases)
       << std::flush;
}

void View::end() {
  drawn_ = 0;
}

}  // namespace abide::node_fleet
