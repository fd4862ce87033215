#pragma once
// The one way into an owner thread: a queue from many threads to one, bounded in items and in bytes.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace abide {

inline constexpr std::size_t inbox_capacity_default = 65'536;
inline constexpr std::size_t inbox_bytes_default = 256 * 1024 * 1024;
inline constexpr std::size_t inbox_asked_max = 4'096;  // of what try_ask posts, beside the capacity; at most as many as that

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
    items_.push_back({std::move(item), bytes});
    bytes_ += bytes;
    ready_.notify_one();
    return true;
  }

  // For what somebody waits for: it goes before what try_post and post have brought, but for half of each drain, and has room of
  // its own. In order among themselves. Any thread.
  [[nodiscard]] bool try_ask(Item item) {
    const std::lock_guard lock(mutex_);
    if (closed_ || asked_.size() >= std::min(capacity_, inbox_asked_max)) return false;
    asked_.push_back({std::move(item), 0});
    ready_.notify_one();
    return true;
  }

  // Waits for room: for workers whose word must arrive (the end of an effect), never for callbacks of a library.
  // False: closed.
  bool post(Item item) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || has_room(); });
    if (closed_) return false;
    items_.push_back({std::move(item), 0});
    ready_.notify_one();
    return true;
  }

  // Waits for room for so long. True: there is, or there will never be any (closed). Any thread; never the owner's.
  [[nodiscard]] bool wait_for_room(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return room_.wait_for(lock, at_most, [&] { return closed_ || has_room(); });
  }

  // Up to `max` items, what was asked first, each in order of posting; waits until there is one, `until` has come, or the inbox is closed.
  // Owner thread only.
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
      while (!from.empty() && batch.size() < upto) {
        batch.push_back(std::move(from.front().item));
        bytes_ -= from.front().bytes;
        from.pop_front();
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
    return items_.size() + asked_.size();
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
  };
  bool has_room() const { return items_.size() < capacity_ && bytes_ < bytes_max_; }  // with the lock

  mutable std::mutex mutex_;
  std::condition_variable ready_, room_;
  std::deque<Held> items_, asked_;
  std::size_t capacity_, bytes_max_, bytes_ = 0;
  bool closed_ = false;
};

}  // namespace abide
