#include "tools/abidectl/table.hpp"

#include <algorithm>

namespace abide::ctl {

namespace {

bool begins_code_point(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

std::string cut(std::string line, std::size_t columns_max) {
  if (columns_max == 0 || code_points(line) <= columns_max) return line;
  std::size_t seen = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (begins_code_point(line[at]) && ++seen == columns_max) return line.substr(0, at) + "…";
  }
  return line;
}

}  // namespace

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string to_text(const Table& table, std::size_t columns_max) {
  std::vector<std::size_t> widths;
  for (const auto& head : table.heads) widths.push_back(code_points(head));
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max({widths[i], code_points(row[i]), std::size_t{1}});
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string one;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string& cell = cells[i].empty() ? "-" : cells[i];
      one += cell;
      if (i + 1 < widths.size()) one.append(widths[i] - code_points(cell) + 2, ' ');
    }
    while (!one.empty() && one.back() == ' ') one.pop_back();
    text += cut(std::move(one), columns_max) + "\n";
  };
  line(table.heads);
  for (const auto& row : table.rows) line(row);
  return text;
}

std::string progress_bar(int percent, int cells) {
  percent = std::clamp(percent, 0, 100);
  const int full = percent * cells / 100;
  std::string bar;
  for (int i = 0; i < cells; ++i) bar += i < full ? "█" : "░";
  return bar + " " + std::to_string(percent) + "%";
}

}  // namespace abide::ctl
