#pragma once
// The one way into an owner thread: a queue from many threads to one, bounded in items and in bytes.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace abide {

inline constexpr std::size_t inbox_capacity_default = 65'536;
inline constexpr std::size_t inbox_bytes_default = 256 * 1024 * 1024;
// Of one speaker among many: so many stand in line with the others', and so many wait at all. The second is more than a node has to say at
// once: it keeps 1,024 events that are not acknowledged before it thins them out.
inline constexpr std::size_t inbox_in_line_max = 32, inbox_of_speaker_max = 1'280;
inline constexpr std::size_t inbox_asked_max = 4'096;  // of what try_ask posts, beside the capacity; at most as many as that

enum class Posted { taken, full, share_used };  // full: or closed

template <class Item>
class Inbox {
 public:
  explicit Inbox(std::size_t capacity = inbox_capacity_default, std::size_t bytes_max = inbox_bytes_default)
      : capacity_(capacity), bytes_max_(bytes_max) {}

  // `bytes`: about what it holds in memory beside itself. The last one taken may be above the bound.
  // False: full (back-pressure: the caller drops and notes it, or answers "try again") or closed. Any thread.
  [[nodiscard]] bool try_post(Item item, std::size_t bytes = 0) {
    const std::lock_guard lock(mutex_);
    if (closed_ || !has_room()) return false;
    items_.push_back({std::move(item), bytes, std::nullopt});
    bytes_ += bytes;
    ready_.notify_one();
    return true;
  }

  // The same for one of many speakers, none of whom may starve the others, however fast it speaks: what it says beyond its places in
  // line waits behind them, in order.
  [[nodiscard]] Posted try_post_of(std::uint64_t speaker, Item item, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (closed_ || !has_room()) return Posted::full;
    auto& share = shares_[speaker];
    if (share.in_line + share.behind.size() >= inbox_of_speaker_max) return Posted::share_used;
    if (share.in_line < inbox_in_line_max) {
      ++share.in_line;
      items_.push_back({std::move(item), bytes, speaker});
    } else {
      ++behind_;
      share.behind.push_back({std::move(item), bytes, speaker});
    }
    bytes_ += bytes;
    ready_.notify_one();
    return Posted::taken;
  }

  // For what somebody waits for: it goes before what try_post and post have brought, but for half of each drain, and has room of
  // its own. In order among themselves. Any thread.
  [[nodiscard]] bool try_ask(Item item) {
    const std::lock_guard lock(mutex_);
    if (closed_ || asked_.size() >= std::min(capacity_, inbox_asked_max)) return false;
    asked_.push_back({std::move(item), 0, std::nullopt});
    ready_.notify_one();
    return true;
  }

  // Waits for room: for workers whose word must arrive (the end of an effect), never for callbacks of a library.
  // False: closed.
  bool post(Item item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || has_room(); });
    if (closed_) return false;
    items_.push_back({std::move(item), 0, std::nullopt});
    ready_.notify_one();
    return true;
  }

  // Waits for room for so long. True: there is, or there will never be any (closed). Any thread; never the owner's.
  [[nodiscard]] bool wait_for_room(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return room_.wait_for(lock, at_most, [&] { return closed_ || has_room(); });
  }

  // Up to `max` of the items in line, what was asked first, each in order of posting; waits until there is one, `until` has come, or the
  // inbox is closed. Owner thread only.
  std::vector<Item> drain(std::size_t max, std::optional<std::chrono::steady_clock::time_point> until) {
    std::unique_lock lock(mutex_);
    const auto something = [&] { return closed_ || !items_.empty() || !asked_.empty(); };
    if (until) {
      ready_.wait_until(lock, *until, something);
    } else {
      ready_.wait(lock, something);
    }
    std::vector<Item> batch;
    batch.reserve(std::min(max, items_.size() + asked_.size()));
    const auto move = [&](std::deque<Held>& from, std::size_t upto) {
      for (auto left = from.size(); left > 0 && batch.size() < upto; --left) {  // not what comes into line meanwhile
        batch.push_back(std::move(from.front().item));
        bytes_ -= from.front().bytes;
        const auto speaker = from.front().speaker;
        from.pop_front();
        if (speaker) move_up(*speaker);
      }
    };
    move(asked_, items_.empty() ? max : std::max<std::size_t>(max / 2, 1));
    move(items_, max);
    room_.notify_all();
    return batch;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ready_.notify_all();
    room_.notify_all();
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size() + behind_ + asked_.size();
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  struct Held {
    Item item;
    std::size_t bytes = 0;
    std::optional<std::uint64_t> speaker;
  };
  struct Share {
    std::size_t in_line = 0;
    std::deque<Held> behind;
  };
  // With the lock.
  bool has_room() const { return items_.size() + behind_ < capacity_ && bytes_ < bytes_max_; }
  void move_up(std::uint64_t speaker) {
    const auto found = shares_.find(speaker);
    auto& share = found->second;
    if (!share.behind.empty()) {
      items_.push_back(std::move(share.behind.front()));
      share.behind.pop_front();
      --behind_;
    } else if (--share.in_line == 0) {
      shares_.erase(found);
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable ready_, room_;
  std::deque<Held> items_, asked_;
  std::unordered_map<std::uint64_t, Share> shares_;  // of those who have something in line
  std::size_t behind_ = 0;                           // of all of them
  std::size_t capacity_, bytes_max_, bytes_ = 0;
  bool closed_ = false;
};

}  // namespace abide
