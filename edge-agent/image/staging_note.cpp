#include "edge-agent/image/staging_note.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <unistd.h>

#include "common/store/durable_file.hpp"

namespace abide::agent {
namespace {

constexpr std::string_view first_line = "abide staging note 1";
constexpr std::size_t note_bytes_max = 4096;
constexpr std::array<std::string_view, 5> keys = {"artifact", "slot", "flushed", "url", "validator"};

std::string path_in(const std::string& folder) {
  return folder + "/staging";
}

}  // namespace

std::string format_note(const StagingNote& note) {
  // A line break in what a server said would be a line of its own here.
  const auto one_line = [](std::string text) {
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }), text.end());
    return text;
  };
  return fmt::format("{}\nartifact={}\nslot={}\nflushed={}\nurl={}\nvalidator={}\n", first_line, to_hex(note.artifact),
                     to_string(note.slot), note.flushed, one_line(note.url), one_line(note.validator));
}

std::optional<StagingNote> parse_note(std::string_view text) {
  std::array<std::string_view, keys.size()> values;
  const auto next_line = [&]() -> std::optional<std::string_view> {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
  };
  if (text.find('\r') != std::string_view::npos) return std::nullopt;
  if (next_line() != first_line) return std::nullopt;
  for (std::size_t index = 0; index < keys.size(); ++index) {
    const std::optional<std::string_view> line = next_line();
    const std::size_t length = keys[index].size();
    if (!line || line->substr(0, length) != keys[index] || line->substr(length, 1) != "=") return std::nullopt;
    values[index] = line->substr(length + 1);
  }
  if (!text.empty()) return std::nullopt;

  StagingNote note;
  const Result<Digest> artifact = parse_digest(values[0]);
  if (!artifact || !*artifact || (values[1] != "a" && values[1] != "b")) return std::nullopt;
  note.artifact = *artifact;
  note.slot = values[1] == "a" ? Slot::a : Slot::b;
  const char* const end = values[2].data() + values[2].size();
  const auto [read_to, error] = std::from_chars(values[2].data(), end, note.flushed);
  if (error != std::errc{} || read_to != end) return std::nullopt;
  note.url = values[3];
  note.validator = values[4];
  return note;
}

std::optional<StagingNote> read_note(const std::string& folder) {
  const Result<std::string> text = read_file(path_in(folder), note_bytes_max);
  return text ? parse_note(*text) : std::nullopt;
}

Result<void> write_note(const std::string& folder, const StagingNote& note) {
  return replace_file(path_in(folder), format_note(note));
}

void remove_note(const std::string& folder) {
  static_cast<void>(::unlink(path_in(folder).c_str()));
}

}  // namespace abide::agent
