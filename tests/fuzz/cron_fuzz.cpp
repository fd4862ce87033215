// Any bytes as a cron text, and as the name of a zone.
#include "common/core/calendar.hpp"
#include "tests/fuzz/require.hpp"

namespace abide {
namespace {

// A moment that the text itself chooses, from 1970 to 2229.
std::int64_t moment_of(std::string_view bytes) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return static_cast<std::int64_t>(hash >> 31);
}

void check_cron(const CronTexts& texts, const Cron& cron, std::int64_t at) {
  const auto plain = parse_cron(plain_texts(cron));
  fuzz::require(plain && *plain == cron, "plain texts mean the same");
  fuzz::require(parse_cron(texts).has_value(), "fields that were split are taken one by one");
  const auto next = next_match(cron, at);
  fuzz::require(next && *next >= at && *next % 60 == 0, "what can occur does within the years that are looked through");
  fuzz::require(last_match(cron, *next) == next, "a match is the last one at its own time");
  if (const auto before = last_match(cron, *next - 1)) {
    fuzz::require(*before < at, "between the last match and the next there is none");
    fuzz::require(next_match(cron, *before + 1) == next, "forwards and backwards are the same matches");
  }
}

void check_windows(const Cron& cron, std::int64_t at, const Zone& zone) {
  const Repeat repeat{cron, 1 + at % duration_seconds_max, zone};
  const auto next = next_opening(repeat, at);
  fuzz::require(next && *next >= at && last_opening(repeat, *next) == next, "an opening is the last one at its own time");
  const auto open = open_around(repeat, *next);
  fuzz::require(open && open->contains(*next), "it is open when it opens");
  const auto window = window_at({{}, {repeat}}, {{}, {}}, *next, 0);
  fuzz::require(window == open, "a window without blackouts is what is open");
}

void check(std::string_view bytes) {
  const auto zone = find_zone(bytes);
  if (zone) {
    fuzz::require(zone->name() == bytes && bytes.size() <= zone_name_bytes_max, "a zone has one spelling");
    fuzz::require(bytes.find("..") == std::string_view::npos && bytes.substr(0, 1) != "/", "a zone is no path");
  } else {
    fuzz::require(zone.error().message.size() < 300, "an error is short");
  }
  const auto texts = split_cron_text(bytes);
  const auto cron = parse_cron_text(bytes);
  if (!cron) {
    for (const char c : cron.error().message) fuzz::require(c >= ' ' && c <= '~', "an error can be printed");
    fuzz::require(cron.error().message.size() < 300, "an error is short");
    return;
  }
  fuzz::require(texts.has_value(), "what is parsed was split");
  const std::int64_t at = moment_of(bytes);
  check_cron(*texts, *cron, at);
  check_windows(*cron, at, Zone{});
  static const Zone lord_howe = find_zone("Australia/Lord_Howe").value();
  check_windows(*cron, at, lord_howe);
}

}  // namespace
}  // namespace abide

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  abide::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
