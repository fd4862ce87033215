#pragma once
// What happens when: actions by true time, those of the same moment in the order they were put in.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace abide::sim {

class Heap {
 public:
  using Action = std::function<void()>;
  struct Ticket {
    std::int64_t at_ms = 0;
    std::uint64_t number = 0;  // 0: none
  };

  Ticket at(std::int64_t at_ms, Action action);
  void cancel(Ticket& ticket);  // none, or gone already: nothing
  [[nodiscard]] std::optional<std::int64_t> next_ms() const;
  // Takes the first action out; its caller has set the clock to its time.
  std::pair<std::int64_t, Action> pop();
  [[nodiscard]] std::size_t size() const { return actions_.size(); }

 private:
  std::map<std::pair<std::int64_t, std::uint64_t>, Action> actions_;
  std::uint64_t next_ = 1;
};

}  // namespace abide::sim
