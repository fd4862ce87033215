#include "broker-config/limits/limits.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace abide::broker {
namespace {

constexpr std::int64_t tell_every_ms = 60'000;

Result<void> read_number(const std::string& name, const std::string& text, std::int64_t& number) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc{} || end != text.data() + text.size() || number < 1 || number > pace_max)
    return fail(Code::invalid_input, "plugin_opt_" + name + ": \"" + text + "\" is no number from 1 to " + std::to_string(pace_max));
  return {};
}

}  // namespace

Result<Settings> settings_of(const std::map<std::string, std::string>& options) {
  Settings settings;
  const std::map<std::string, std::int64_t*> numbers{{"messages_per_second", &settings.messages.per_second},
                                                     {"messages_at_once", &settings.messages.at_once},
                                                     {"bytes_per_second", &settings.bytes.per_second},
                                                     {"bytes_at_once", &settings.bytes.at_once}};
  for (const auto& [name, value] : options) {
    if (name == "exempt") {
      settings.exempt.clear();
      for (std::size_t at = 0; at <= value.size();) {
        const std::size_t end = std::min(value.find(',', at), value.size());
        if (end == at) return fail(Code::invalid_input, "plugin_opt_exempt: \"" + value + "\" has an empty name");
        settings.exempt.insert(value.substr(at, end - at));
        at = end + 1;
      }
      continue;
    }
    const auto number = numbers.find(name);
    if (number == numbers.end()) return fail(Code::invalid_input, "plugin_opt_" + name + " is not known");
    if (auto read = read_number(name, value, *number->second); !read) return fail(read.error());
  }
  return settings;
}

Limits::Client& Limits::client_of(std::string_view name, std::int64_t now_ms) {
  const auto known = clients_.find(std::string(name));
  if (known != clients_.end()) return known->second;
  // Who has its whole allowance again is as good as new. Looked at when there are twice as many as were left the last time.
  if (clients_.size() >= forget_at_) {
    std::erase_if(clients_, [&](auto& entry) { return entry.second.messages.is_full(now_ms) && entry.second.bytes.is_full(now_ms); });
    forget_at_ = std::max(forget_at_min, clients_.size() * 2);
  }
  return clients_.emplace(name, settings_).first->second;
}

Limits::Verdict Limits::judge(std::string_view client, std::uint64_t payload_bytes, std::int64_t now_ms) {
  if (settings_.exempt.contains(client)) return {};
  Client& from = client_of(client, now_ms);
  // A message that is larger than all of the allowance may pass when that is whole: the broker has a limit of its own for one.
  const auto bytes = std::min(static_cast<std::int64_t>(payload_bytes), settings_.bytes.at_once);
  Verdict verdict;
  if (from.bytes.available(now_ms) >= bytes && from.messages.take(now_ms)) {
    from.bytes.take(now_ms, bytes);
  } else {
    verdict.may_pass = false;
    ++from.held_back;
  }
  if (from.held_back > 0 && (!from.told_at_ms || now_ms - *from.told_at_ms >= tell_every_ms)) {
    verdict.tell = HeldBack{std::exchange(from.held_back, 0)};
    from.told_at_ms = now_ms;
  }
  return verdict;
}

}  // namespace abide::broker
