#pragma once
// How many requests of one client are answered in a second. A token bucket for each address: it holds a second's worth, so
// a client may come in a burst, but not for long. One thread.
#include <cstdint>
#include <string>
#include <unordered_map>

namespace abide::api {

class RequestRate {
 public:
  static constexpr std::size_t clients_max = 65'536;  // of which something is remembered; about 100 bytes each

  explicit RequestRate(std::int64_t per_second) : per_second_(per_second) {}  // 0: as many as come
  // Whether a request that comes now is to be answered. Time never goes back.
  bool admit(const std::string& client, std::int64_t mono_ms);
  [[nodiscard]] std::size_t clients() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    std::int64_t at_ms = 0;
  };
  void refill(Bucket& bucket, std::int64_t mono_ms) const;
  void forget_full(std::int64_t mono_ms);

  std::int64_t per_second_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace abide::api
