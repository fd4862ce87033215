#pragma once
// Columns of text, aligned. Widths are counted in code points.
#include <string>
#include <string_view>
#include <vector>

namespace abide::ctl {

struct Table {
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> rows;  // as many cells as heads
};

// One line a row, no blanks at the end of a line; an empty cell is "-". Lines longer than `columns_max` (0: none) are cut.
std::string to_text(const Table& table, std::size_t columns_max = 0);

// "████████░░░░ 67%"; 0 to 100, others are clipped.
std::string progress_bar(int percent, int cells);

std::size_t code_points(std::string_view text);

}  // namespace abide::ctl
