#pragma once
// Much of one kind of work, such as reading and decoding rows, on all cores: piece by piece, whose results are taken one after the
// other in their order, so that the outcome is the same however many cores there are. Few pieces are in memory at a time.
#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace abide {

inline constexpr std::size_t in_order_threads_max = 4;       // with the caller's
inline constexpr std::size_t in_order_ahead_per_thread = 4;  // pieces that are read or made, and not taken yet

// `read()` gives what the next piece is made of, or nothing after the last; one thread at a time. `make(read)` makes it, on any thread
// and several at once. `take(piece)` has the pieces in their order, on the caller's thread, until it returns false. The caller's thread
// reads and makes, too, while there is nothing to take; it does all where there is one piece. None of the three may throw.
template <class Read, class Make, class Take>
void in_order(const Read& read, const Make& make, const Take& take) {
  using Piece = decltype(make(std::move(*read())));
  const std::size_t threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, in_order_threads_max);
  const std::size_t ahead = threads == 1 ? 1 : threads * in_order_ahead_per_thread;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<Piece>> made(ahead);  // piece n at n % ahead
  std::size_t pieces = 0;                         // that are read
  std::size_t taken = 0;
  bool reading = false, read_all = false, ended = false;
  // Reads and makes the next piece, without the lock. False: not now.
  const auto work = [&](std::unique_lock<std::mutex>& lock) {
    if (ended || reading || read_all || pieces == taken + ahead) return false;
    reading = true;
    lock.unlock();
    auto next = read();
    lock.lock();
    reading = false;
    const std::size_t index = pieces;
    if (next)
      ++pieces;
    else
      read_all = true;
    changed.notify_all();
    if (!next) return true;
    lock.unlock();
    Piece piece = make(std::move(*next));
    lock.lock();
    made[index % ahead].emplace(std::move(piece));
    changed.notify_all();
    return true;
  };
  std::vector<std::thread> helpers;
  const auto start_helpers = [&] {
    while (helpers.size() + 1 < threads) {
      try {
        helpers.emplace_back([&] {
          std::unique_lock lock(mutex);
          while (!ended && !read_all)
            if (!work(lock)) changed.wait(lock);
        });
      } catch (const std::system_error&) {
        return;  // then with those that there are
      }
    }
  };
  std::unique_lock lock(mutex);
  while (!ended && !(read_all && taken == pieces)) {
    auto& slot = made[taken % ahead];
    if (slot) {
      Piece piece = std::move(*slot);
      slot.reset();
      ++taken;
      changed.notify_all();
      lock.unlock();
      const bool more = take(std::move(piece));
      lock.lock();
      ended = ended || !more;
    } else if (!work(lock)) {
      changed.wait(lock);
    }
    if (pieces > 1 && helpers.empty()) start_helpers();
  }
  ended = true;
  changed.notify_all();
  lock.unlock();
  for (auto& helper : helpers) helper.join();
}

// Two things that have nothing to do with each other, at once.
template <class One, class Other>
void both(const One& one, const Other& other) {
  std::optional<std::thread> helper;
  if (std::thread::hardware_concurrency() > 1) {
    try {
      helper.emplace(one);
    } catch (const std::system_error&) {  // then one after the other
    }
  }
  if (!helper) one();
  other();
  if (helper) helper->join();
}

}  // namespace abide
