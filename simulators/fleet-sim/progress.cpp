#include "simulators/fleet-sim/progress.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ostream>

namespace abide::fleet_sim {

namespace {

constexpr std::size_t bar_cells = 30;
constexpr std::size_t columns_default = 80;

std::string cells_of(double share, bool colours, bool bad) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * bar_cells);
  std::string cells;
  if (colours) cells += bad ? "\x1b[31m" : "\x1b[32m";
  for (std::size_t i = 0; i < bar_cells; ++i) cells += i < full ? "█" : "░";
  if (colours) cells += "\x1b[0m";
  return cells;
}

}  // namespace

std::string seconds_text(std::int64_t ms) {
  const auto seconds = ms / 1'000;
  if (seconds < 60) return fmt::format("{} s", seconds);
  return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

void Progress::at(double done, double whole, const std::string& note, bool bad) {
  const auto now_ms = around_.now_ms();
  if (!around_.err_is_terminal) {
    if (now_ms - std::max(drawn_ms_, began_ms_) < plain_line_ms) return;
    drawn_ms_ = now_ms;
    *around_.err << fmt::format("{} {:.0f} of {:.0f}, {}{}{}\n", what_, done, whole, seconds_text(now_ms - began_ms_),
                                note.empty() ? "" : ", ", note)
                 << std::flush;
    return;
  }
  if (drawn_ms_ >= 0 && now_ms - drawn_ms_ < redraw_ms) return;
  drawn_ms_ = now_ms;
  draw(done, whole, note, bad);
}

void Progress::draw(double done, double whole, const std::string& note, bool bad) {
  const auto passed_ms = drawn_ms_ - began_ms_;
  const double share = whole > 0 ? done / whole : 0;
  std::string line = fmt::format("{:.0f} of {:.0f}, {}", done, whole, seconds_text(passed_ms));
  if (share > 0 && share < 1 && passed_ms > 2'000)
    line += fmt::format(", {} to go", seconds_text(static_cast<std::int64_t>(static_cast<double>(passed_ms) * (1 - share) / share)));
  if (!note.empty()) line += ", " + note;
  const auto known = around_.columns ? around_.columns() : 0;
  const auto columns = known == 0 ? columns_default : known;
  const auto before = what_.size() + 1 + bar_cells + 2;  // cells are several bytes each, one column
  if (before + line.size() >= columns) line.resize(columns > before + 1 ? columns - before - 1 : 0);
  *around_.err << "\r" << what_ << " " << cells_of(share, around_.colours, bad) << "  " << line << "\x1b[K" << std::flush;
  visible_ = true;
}

void Progress::end() {
  if (visible_) *around_.err << "\r\x1b[K" << std::flush;
  visible_ = false;
}

}  // namespace abide::fleet_sim
