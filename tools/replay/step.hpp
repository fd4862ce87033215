#pragma once
// A history walked through by hand: forward, back, to a place, with a node's state in view. The same words from a terminal's
// keys and from a pipe's lines. One thread.
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/replay/commands.hpp"
#include "tools/replay/history.hpp"

namespace abide::replay {

// Stepping back is a fold from the nearest kept state. They lie so far apart that no more than so many are kept.
inline constexpr std::uint64_t kept_states_max = 64;
inline constexpr std::uint64_t kept_state_every_least = 256;  // events

using StateFields = std::vector<std::pair<std::string, std::string>>;

// A history with the state after one of its events.
class Track {
 public:
  struct Event {
    std::uint64_t sequence = 0;
    std::int64_t at_ms = 0;
    std::string name;
    std::optional<NodeId> node;
    std::string line;  // as printed by log and show
  };
  virtual ~Track() = default;
  static Result<std::unique_ptr<Track>> open(const Opened& opened);

  [[nodiscard]] virtual std::uint64_t base() const = 0;  // the state in front of the first event
  [[nodiscard]] virtual std::uint64_t last() const = 0;
  [[nodiscard]] virtual std::uint64_t at() const = 0;
  virtual Result<void> go(std::uint64_t sequence) = 0;  // base() to last()
  [[nodiscard]] virtual Result<Event> event(std::uint64_t sequence) const = 0;
  // The first event behind `after` that is wanted; nothing: there is none.
  [[nodiscard]] virtual Result<std::optional<Event>> find(std::uint64_t after, const std::function<bool(const Event&)>& wanted) const = 0;
  // Of a node as it is now; nothing: it is not known there.
  [[nodiscard]] virtual StateFields fields(const NodeId& node) const = 0;
  [[nodiscard]] virtual std::optional<NodeId> only_node() const = 0;  // of an agent's history
};

class Stepper {
 public:
  // `find_node` and `find_place` as those of commands.hpp, of the same history.
  Stepper(const Opened& opened, Track& track, std::ostream& out, bool colours);

  // One line of words: a letter, and what it takes. False: quit.
  bool command(const std::string& line);
  void show() const;  // where it stands
  static const char* help();

 private:
  void go(std::uint64_t sequence);
  void complain(const std::string& text) const;
  void forward_to(const std::function<bool(const Track::Event&)>& wanted, const std::string& what);

  const Opened& opened_;
  Track& track_;
  std::ostream& out_;
  bool colours_;
  std::optional<NodeId> watched_;
  StateFields before_;  // of the watched node, before the last move
};

}  // namespace abide::replay
