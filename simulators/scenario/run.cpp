#include "simulators/scenario/run.hpp"

#include <fstream>
#include <sstream>

#include "simulators/scenario/player.hpp"

namespace abide::scenario {
namespace {

Result<std::string> read_file(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(Code::not_found, file + " cannot be read");
  std::ostringstream text;
  text << stream.rdbuf();
  return std::move(text).str();
}

Result<void> write_file(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  if (!stream.flush()) return fail(Code::unavailable, file + " cannot be written");
  return {};
}

// The first line in which a block differs.
void compare(const Block& wanted, const Block& happened, std::vector<std::string>& wrong) {
  const auto most = std::max(wanted.expected.size(), happened.expected.size());
  for (std::size_t i = 0; i < most; ++i) {
    const auto at = [&](const Block& block) { return i < block.expected.size() ? block.expected[i] : std::string("(nothing more)"); };
    if (at(wanted) == at(happened)) continue;
    wrong.push_back("line " + std::to_string(wanted.orders.back().line) + ": " + wanted.orders.back().words);
    wrong.push_back("  expected: " + at(wanted));
    wrong.push_back("  happened: " + at(happened));
    return;
  }
}

}  // namespace

Result<Script> play_script(const Script& script, std::vector<std::string>& findings) {
  Script happened = script;
  Player player;
  for (auto& block : happened.blocks) {
    auto lines = player.play(block);
    if (!lines) return fail(lines.error());
    block.expected = std::move(*lines);
  }
  findings = player.finish();
  return happened;
}

Outcome run_scenario(const std::string& file, bool rewrite) {
  Outcome outcome;
  outcome.file = file;
  const auto text = read_file(file);
  const auto script = text ? parse_script(*text) : Result<Script>(fail(text.error()));
  if (!script) {
    outcome.wrong.push_back(script.error().message);
    return outcome;
  }
  const auto happened = play_script(*script, outcome.wrong);
  if (!happened) outcome.wrong.push_back(happened.error().message);
  if (!outcome.wrong.empty()) return outcome;
  if (rewrite) {
    const auto anew = format_script(*happened);
    if (anew == *text) return outcome;
    if (auto written = write_file(file, anew); !written) {
      outcome.wrong.push_back(written.error().message);
    } else {
      outcome.rewritten = true;
    }
    return outcome;
  }
  for (std::size_t i = 0; i < script->blocks.size(); ++i) {
    if (!script->blocks[i].orders.empty()) compare(script->blocks[i], happened->blocks[i], outcome.wrong);
  }
  return outcome;
}

}  // namespace abide::scenario
