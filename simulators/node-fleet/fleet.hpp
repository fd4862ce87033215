#pragma once
// All nodes of a run, on one thread: what has come, whose time it is, what they decide, one sync of their stores, and only then
// what they say.
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "simulators/node-fleet/board.hpp"
#include "simulators/node-fleet/operator.hpp"
#include "simulators/node-fleet/options.hpp"
#include "simulators/node-fleet/processes.hpp"
#include "simulators/node-fleet/recovery.hpp"
#include "simulators/node-fleet/report.hpp"

namespace abide::node_fleet {

class Fleet {
 public:
  // Everything given outlives it.
  Fleet(const Options& options, Network& network, Journals* journals, SlotContent factory, Board& board);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Runs until its end. `looked`, a few times a second: for a view. An error: a node's store, or an agent that cannot go on.
  Result<Ending> run(const std::function<void(const Moment&)>& looked);
  // Every node that is connected says goodbye.
  void close();
  // Any thread: the run ends.
  void stop() {
    stopped_ = true;
    network_.wake();
  }
  // Of another thread that the run needs: the run ends with it.
  void fail_from_outside(Error error);

  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] const Legs& legs() const { return legs_; }
  [[nodiscard]] const std::vector<Moment>& timeline() const { return timeline_; }
  [[nodiscard]] const std::vector<Recovery>& recoveries() const { return recoveries_.ended(); }
  [[nodiscard]] std::vector<NodeEnd> accounts() const;
  [[nodiscard]] std::vector<Watched> watched() const;
  [[nodiscard]] std::int64_t took_ms() const;

 private:
  void mark(std::size_t index);
  void plan(std::size_t index);
  void start_due(SteadyTime now);
  void apply_scenario(SteadyTime now);
  void apply_offline();
  void flap(SteadyTime now);
  Result<void> round();
  Moment look(SteadyTime now);
  void keep(const Moment& moment);
  [[nodiscard]] std::optional<Ending> ending(SteadyTime now) const;
  [[nodiscard]] SteadyTime next_wake(SteadyTime now) const;

  struct Planned {
    SteadyTime at;
    std::size_t index;
    bool operator>(const Planned& other) const { return at > other.at; }
  };

  const Options& options_;
  Network& network_;
  Journals* journals_;
  Board& board_;
  Weather weather_;
  Tally tally_;
  Legs legs_;
  Recoveries recoveries_;
  std::map<std::string, Asked> asked_;
  std::unique_ptr<Surroundings> around_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::size_t started_ = 0;
  std::vector<Planned> heap_;
  std::vector<std::size_t> dirty_;
  Random random_;
  SteadyTime began_, next_look_, next_keep_, next_flap_;
  std::size_t changes_done_ = 0;
  bool scenario_over_ = false;
  std::atomic<bool> stopped_ = false;
  std::mutex outside_mutex_;
  std::optional<Error> outside_;

  struct Other {
    WatchedProcess process;
    std::uint64_t resident_begin = 0;
    double cpu_before = 0;
  };
  std::vector<Other> others_;
  std::vector<Moment> timeline_;
  std::int64_t keep_every_ms_ = 1'000;
  Traffic traffic_before_;
  SteadyTime traffic_at_;
  std::uint64_t events_before_ = 0;
};

}  // namespace abide::node_fleet
