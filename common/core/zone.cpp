#include "common/core/zone.hpp"

#include <algorithm>
#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

#include "common/core/cron.hpp"
#include "common/core/time.hpp"

namespace abide {

struct ZoneRules {
  std::string name;
  bool utc = false;
  cctz::time_zone zone;
};

namespace {

using Instant = cctz::time_point<cctz::seconds>;
using Lookup = cctz::time_zone::civil_lookup;

constexpr const char* zone_files = "/usr/share/zoneinfo/";  // where cctz looks, too

std::int64_t clamped(std::int64_t seconds) {
  return std::clamp(seconds, calendar_seconds_min, calendar_seconds_max);
}
Instant instant(std::int64_t unix_seconds) {
  return Instant(cctz::seconds(unix_seconds));
}
std::int64_t seconds_of(Instant at) {
  return at.time_since_epoch().count();
}
Lookup look_up(const ZoneRules& rules, std::int64_t local_seconds) {
  return rules.zone.lookup(cctz::civil_second() + local_seconds);  // a civil_second begins as 1970-01-01T00:00:00
}

constexpr bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_letter(char c) {
  return is_capital(c) || (c >= 'a' && c <= 'z');
}

// As IANA spells names. Leaves out, of what lies beside the zones, `posix/`, `right/` (with leap seconds), `localtime`, and
// what cctz makes up by itself, which has a colon.
bool well_formed(std::string_view name) {
  if (name.size() > zone_name_bytes_max || name.empty() || !is_capital(name.front())) return false;
  bool begins_part = true;
  for (const char c : name) {
    if (begins_part && !is_letter(c)) return false;
    begins_part = c == '/';
    if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '_' && c != '+' && c != '-' && c != '/') return false;
  }
  return !begins_part;
}

Unexpected unknown(std::string_view name) {
  constexpr std::size_t shown_bytes_max = zone_name_bytes_max;
  std::string shown;
  for (const char c : name.substr(0, shown_bytes_max)) shown += c >= ' ' && c <= '~' ? c : '?';
  if (name.size() > shown_bytes_max) shown += "...";
  return fail(Code::invalid_input,
              "zone \"" + shown + "\" is none that this machine knows: give an IANA name such as Europe/Berlin, or none for UTC");
}

// Never destroyed: a Zone may be used while the process ends. It holds no more than there are zone files.
struct Known {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<const ZoneRules>, std::less<>> zones;
};
Known& known() {
  static auto* const all = new Known;
  return *all;
}

}  // namespace

const std::string& Zone::name() const {
  static const auto* const none = new std::string;
  return rules_ == nullptr ? *none : rules_->name;
}

bool Zone::is_utc() const {
  return rules_ == nullptr || rules_->utc;
}

std::int64_t Zone::local_of(std::int64_t unix_seconds) const {
  const std::int64_t at = clamped(unix_seconds);
  return is_utc() ? at : at + rules_->zone.lookup(instant(at)).offset;
}

std::int64_t Zone::instant_of(std::int64_t local_seconds) const {
  const std::int64_t local = clamped(local_seconds);
  if (is_utc()) return local;
  const auto found = look_up(*rules_, local);
  return seconds_of(found.kind == Lookup::SKIPPED ? found.trans : found.pre);
}

std::int64_t Zone::first_local(std::int64_t unix_seconds) const {
  const std::int64_t at = clamped(unix_seconds);
  if (is_utc()) return at;
  const std::int64_t local = local_of(at);
  const auto found = look_up(*rules_, local);
  if (found.kind == Lookup::REPEATED && found.trans <= instant(at)) {
    // The second pass: it began when clocks showed, by the offset before it, the time that nothing comes twice from.
    return seconds_of(found.trans) + (local - seconds_of(found.pre));
  }
  // What is skipped counts as the instant that the gap ends with; there the offset has just grown.
  const std::int64_t by_offset_before = local_of(at - 1) + 1;
  return std::min(local, by_offset_before);
}

Result<Zone> find_zone(std::string_view name) {
  Zone found;
  if (name.empty()) return found;
  if (!well_formed(name)) return unknown(name);
  auto& all = known();
  const std::lock_guard lock(all.mutex);
  if (const auto before = all.zones.find(name); before != all.zones.end()) {
    found.rules_ = before->second.get();
    return found;
  }
  // cctz remembers every name that it does not find: it is asked only for what is there.
  const std::string text(name);
  std::error_code error;
  if (!std::filesystem::is_regular_file(zone_files + text, error)) return unknown(name);
  auto rules = std::make_unique<ZoneRules>();
  if (!cctz::load_time_zone(text, &rules->zone)) return unknown(name);
  rules->name = text;
  const auto at_epoch = rules->zone.lookup(instant(0));
  rules->utc = at_epoch.offset == 0 && std::string_view(at_epoch.abbr) == "UTC";
  found.rules_ = rules.get();
  all.zones.emplace(text, std::move(rules));
  return found;
}

std::string to_rfc3339(const Zone& zone, std::int64_t unix_seconds) {
  constexpr std::size_t to_the_second = 19;  // "2026-11-25T02:00:00"
  constexpr std::int64_t per_minute = 60;
  const std::int64_t at = clamped(unix_seconds);
  const std::int64_t offset = zone.local_of(at) - at;
  // Before there was standard time, offsets had seconds, which RFC 3339 cannot say.
  if (zone.is_utc() || offset % per_minute != 0) return to_rfc3339(at * 1000).substr(0, to_the_second) + "Z";
  const auto two = [](std::int64_t value) { return std::string(value < 10 ? "0" : "") + std::to_string(value); };
  const std::int64_t minutes = std::abs(offset) / per_minute;
  return to_rfc3339((at + offset) * 1000).substr(0, to_the_second) + (offset < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60);
}

}  // namespace abide
