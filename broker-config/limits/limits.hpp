#pragma once
// How much a client of the broker may say. What is above is acknowledged and given to nobody, as a PUBLISH that the ACL
// denies: MQTT 3.1.1 has no other answer, and in a fleet only `received` of the orchestrator says that an event has arrived.
// A client that is cut off instead could not be reached either by the update that mends it.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/core/result.hpp"
#include "common/core/token_bucket.hpp"

namespace abide::broker {

struct Settings {
  Pace messages{1'000, 512};
  Pace bytes{1 << 20, 8 << 20};  // of payload
  std::set<std::string, std::less<>> exempt{"orchestrator"};
};

// Of `plugin_opt_NAME VALUE`, names without the prefix; `exempt` is a list with commas. invalid_input: an unknown name, or no number within
// the limits.
inline constexpr std::int64_t pace_max = 1'000'000'000;
Result<Settings> settings_of(const std::map<std::string, std::string>& options);

class Limits {
 public:
  // Told when a client is held back: at the first message, and then once a minute with how many it were since.
  struct HeldBack {
    std::uint64_t messages = 0;  // since it was last told
  };
  struct Verdict {
    bool may_pass = true;
    std::optional<HeldBack> tell;
  };

  explicit Limits(Settings settings) : settings_(std::move(settings)) {}

  // `client`: its user name, or its client id where it has none, so that a new connection begins with no new allowance.
  Verdict judge(std::string_view client, std::uint64_t payload_bytes, std::int64_t now_ms);
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    explicit Client(const Settings& settings) : messages(settings.messages), bytes(settings.bytes) {}
    TokenBucket messages;
    TokenBucket bytes;
    std::uint64_t held_back = 0;
    std::optional<std::int64_t> told_at_ms;
  };

  Client& client_of(std::string_view name, std::int64_t now_ms);

  const Settings settings_;
  std::unordered_map<std::string, Client> clients_;
  std::size_t forget_at_ = forget_at_min;
  static constexpr std::size_t forget_at_min = 1'024;
};

}  // namespace abide::broker
