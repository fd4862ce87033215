#include <algorithm>
#include <cassert>

#include "simulators/situations/page/cells.hpp"
#include "simulators/situations/page/pages.hpp"

namespace abide::sim {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(' ');
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(' ') - from + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> split(std::string_view text, std::string_view by) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(by);
    const auto part = trimmed(text.substr(0, end));
    if (!part.empty()) parts.emplace_back(part);
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + by.size());
  }
}

// Columns are two spaces apart at least.
std::vector<std::string> columns(std::string_view line) {
  return split(line, "  ");
}

template <class Names>
std::vector<std::string> expanded(std::string_view text, const Names& all) {
  if (text == "any") return {all.begin(), all.end()};
  std::vector<std::string> some;
  if (text.substr(0, 4) == "not ") {
    for (const char* name : all)
      if (text.substr(4) != name) some.emplace_back(name);
    return some;
  }
  some = split(text, ",");
  for (const auto& name : some) assert(std::find(all.begin(), all.end(), name) != all.end());
  return some;
}

bool has(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// A cell that journals and says nothing still says something where the world is asked for something else than at a Tick.
void find_telling(std::vector<Cell>& all) {
  for (auto& cell : all) {
    const auto differs = [&](const std::string& wish, const std::string& window, const std::string& link) {
      if (cell.events != "-") return true;
      return std::any_of(all.begin(), all.end(), [&](const Cell& tick) {
        return tick.input == "Tick" && tick.state == cell.state && tick.effects != cell.effects && has(tick.wish, wish) &&
               has(tick.window, window) && has(tick.link, link);
      });
    };
    for (const auto& wish : cell.wish)
      for (const auto& window : cell.window)
        for (const auto& link : cell.link)
          if (differs(wish, window, link)) cell.telling.push_back({wish, window, link});
  }
}

bool matches(const std::vector<std::string>& allowed, std::string_view is) {
  return allowed.empty() || has(allowed, is);
}

std::vector<std::string> words(std::string_view text) {
  return text == "*" ? std::vector<std::string>{} : split(text, ";");
}

Pattern parse_pattern(std::string_view line) {
  auto parts = split(line, "|");
  assert(parts.size() == 5);
  Pattern pattern;
  pattern.state = words(parts[0]);
  if (parts[1].rfind("not ", 0) == 0) {
    pattern.inverted_input = true;
    parts[1].erase(0, 4);
  }
  pattern.input = words(parts[1]);
  pattern.wish = words(parts[2]);
  pattern.window = words(parts[3]);
  pattern.link = words(parts[4]);
  return pattern;
}

}  // namespace

std::vector<Cell> parse_cells(std::string_view page) {
  std::vector<Cell> all;
  std::string state, head;
  bool in_head = false;
  for (const auto line : lines_of(page)) {
    if (line.substr(0, 3) == "== ") {
      state = line.substr(3);
    } else if (state.empty() || line.empty() || line[0] != ' ') {
      in_head = false;
    } else if (line.substr(0, 4) != "    ") {
      head = in_head ? head + " " + std::string(trimmed(line)) : std::string(trimmed(line));
      in_head = true;
    } else {
      in_head = false;
      const auto at = columns(line);
      assert(at.size() == 7);
      for (const auto& input : split(head, ";")) {
        Cell cell;
        cell.state = state;
        cell.input = input;
        cell.wish = expanded(at[0], wishes);
        cell.window = expanded(at[1], windows);
        cell.link = expanded(at[2], links);
        cell.context = at[0] + " / " + at[1] + " / " + at[2];
        cell.events = at[3];
        cell.next = at[4];
        cell.effects = at[5];
        all.push_back(std::move(cell));
      }
    }
  }
  find_telling(all);
  return all;
}

const std::vector<Cell>& cells() {
  static const std::vector<Cell> all = parse_cells(transitions_page());
  return all;
}

std::optional<std::size_t> find_cell(const std::vector<Cell>& page, const Place& place) {
  const auto fits = [](const std::vector<std::string>& row, std::string_view is, std::size_t all) {
    return is.empty() ? row.size() == all : has(row, is);
  };
  for (std::size_t i = 0; i < page.size(); ++i) {
    const Cell& cell = page[i];
    if (cell.state == place.state && cell.input == place.input && fits(cell.wish, place.wish, wishes.size()) &&
        fits(cell.window, place.window, windows.size()) && fits(cell.link, place.link, links.size()))
      return i;
  }
  return std::nullopt;
}

// ---- arguments ---------------------------------------------------------------------------------------------------------

bool Pattern::covers(std::string_view state_is, std::string_view input_is, std::string_view wish_is, std::string_view window_is,
                     std::string_view link_is) const {
  const bool of_input = input.empty() || has(input, input_is) != inverted_input;
  return matches(state, state_is) && of_input && matches(wish, wish_is) && matches(window, window_is) && matches(link, link_is);
}

// A paragraph each: "name: why" with its further lines flush left, then the patterns, indented: contexts with '|', else names.
std::vector<Argument> parse_arguments(std::string_view page) {
  std::vector<Argument> all;
  bool open = false;
  for (const auto line : lines_of(page)) {
    if (line.empty() || line[0] == '#') {
      open = false;
    } else if (line[0] == ' ') {
      assert(!all.empty());
      const auto text = trimmed(line);
      if (text.find('|') != std::string_view::npos)
        all.back().patterns.push_back(parse_pattern(text));
      else
        all.back().situations.emplace_back(text);
    } else if (open) {
      all.back().reason += " " + std::string(line);
    } else {
      const auto colon = line.find(": ");
      assert(colon != std::string_view::npos);
      all.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)), {}, {}});
      open = true;
    }
  }
  return all;
}

const std::vector<Argument>& arguments() {
  static const std::vector<Argument> all = parse_arguments(unreachable_page());
  return all;
}

const Argument* argued(const std::vector<Argument>& all, const Place& place) {
  for (const auto& argument : all)
    for (const auto& pattern : argument.patterns)
      if (pattern.covers(place.state, place.input, place.wish, place.window, place.link)) return &argument;
  return nullptr;
}

std::vector<const Argument*> argued(const std::vector<Argument>& all, const Cell& cell) {
  std::vector<const Argument*> by;
  for (const auto& [wish, window, link] : cell.telling) {
    const auto* one = argued(all, Place{cell.state, cell.input, wish, window, link});
    if (one == nullptr) return {};
    if (std::find(by.begin(), by.end(), one) == by.end()) by.push_back(one);
  }
  return by;
}

}  // namespace abide::sim
