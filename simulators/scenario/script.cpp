#include "simulators/scenario/script.hpp"

namespace abide::scenario {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = std::string(text.substr(0, end));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    lines.push_back(std::move(line));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

bool is_prose(const std::string& line) {
  return line.empty() || line.front() == '#';
}

Error wrong(std::size_t line, const std::string& what) {
  return Error{Code::invalid_input, "line " + std::to_string(line) + ": " + what};
}

}  // namespace

Result<Script> parse_script(std::string_view text) {
  if (text.size() > script_bytes_max) return fail(Code::invalid_input, "more than " + std::to_string(script_bytes_max) + " bytes");
  const auto lines = lines_of(text);
  Script script;
  std::size_t at = 0;
  while (at < lines.size()) {
    Block block;
    while (at < lines.size() && is_prose(lines[at])) block.prose.push_back(lines[at++]);
    while (at < lines.size() && !is_prose(lines[at]) && lines[at] != mark) {
      block.orders.push_back({at + 1, lines[at]});
      ++at;
    }
    if (at == lines.size() && block.orders.empty()) {
      if (!block.prose.empty()) script.blocks.push_back(std::move(block));
      break;
    }
    if (block.orders.empty()) return fail(wrong(at + 1, std::string(mark) + " without an order above it"));
    if (at == lines.size() || lines[at] != mark)
      return fail(wrong(block.orders.back().line + 1, "an order is followed by " + std::string(mark)));
    ++at;
    while (at < lines.size() && !lines[at].empty()) block.expected.push_back(lines[at++]);
    script.blocks.push_back(std::move(block));
  }
  return script;
}

std::string format_script(const Script& script) {
  std::string text;
  const auto add = [&](std::string_view line) {
    text.append(line);
    text += '\n';
  };
  for (const auto& block : script.blocks) {
    for (const auto& line : block.prose) add(line);
    for (const auto& order : block.orders) add(order.words);
    if (block.orders.empty()) continue;
    add(mark);
    for (const auto& line : block.expected) add(line);
  }
  return text;
}

}  // namespace abide::scenario
