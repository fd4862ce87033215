#pragma once
// The points at which a process may die: before and after each persist, publish and effect. Linked into abide-agent-crashing
// and abide-orchestrator-crashing alone, as something around the parts that the product is put together from.
//
//   ABIDE_CRASH_FOLDER=DIR                 counts go on there through restarts and execve; `points` gets a line a point
//   ABIDE_CRASH_AT=persist:17:before       dies there, by SIGKILL. Without it, points are only counted
//   ABIDE_CRASH_AT=persist:Succeeded:after the first point of this kind with this among what it persists, publishes, does
//
// Any thread.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/bus/bus.hpp"
#include "common/store/store.hpp"

namespace abide::test {

enum class PointKind : std::size_t { persist, publish, effect };
inline constexpr std::size_t point_kinds = 3;

class Points {
 public:
  // Ends the process where what the environment says makes no sense: a test that counts nothing must not pass.
  static Points& of_environment();

  // Counts a point, and acts between its two moments.
  template <class Act>
  auto around(PointKind kind, const std::string& what, Act act) {
    const std::uint64_t number = before(kind, what);
    auto result = act();
    after(kind, number, what);
    return result;
  }
  std::uint64_t before(PointKind kind, const std::string& what);
  void after(PointKind kind, std::uint64_t number, const std::string& what);

 private:
  struct At {
    PointKind kind{};
    std::uint64_t number = 0;  // 0: by name
    std::string name;
    bool before = true;
  };
  using Counts = std::array<std::atomic<std::uint64_t>, point_kinds>;  // in a file that outlives the process

  Points() = default;
  [[nodiscard]] bool dies(PointKind kind, std::uint64_t number, const std::string& what, bool before) const;
  void write_line(PointKind kind, std::uint64_t number, const char* moment, const std::string& what) const;

  Counts* counts_ = nullptr;
  int log_ = -1;
  std::optional<At> at_;
};

// A store whose commits, and a bus whose publishing, are points.
std::unique_ptr<Store> with_points(std::unique_ptr<Store> store, Points& points);
std::unique_ptr<Bus> with_points(std::unique_ptr<Bus> bus, Points& points);

}  // namespace abide::test
