#pragma once
// The operator's part, through the REST API: what exists, what is registered, linked and opened, how an event shows, and in the
// end whether everything arrived. Each object on one thread.
#include <cstdint>
#include <string>
#include <vector>

#include "simulators/node-fleet/board.hpp"
#include "simulators/node-fleet/options.hpp"
#include "simulators/node-fleet/rest.hpp"

namespace abide::node_fleet {

class Operator {
 public:
  explicit Operator(const Options& options) : options_(options), rest_(options.api) {}

  // Projects are made if they do not exist, and the release service is read again. What new nodes run: the options', or the
  // oldest image of the profile. unavailable: no API; not_found: no profile has two images.
  Result<SlotContent> prepare();
  // All nodes, as hosts at a site of their project's region. `done` of all, now and then; false: stop.
  Result<void> register_all(const std::function<bool(std::size_t done)>& progress);
  // Links the newest image when all are there, and opens a window when all have staged. Returns when that is done, or the run ends.
  Result<void> drive(Board& board);

 private:
  struct Place {
    std::string project, region, site, policy;
  };
  Result<std::string> find_or_make(const std::string& project, const std::string& list, const std::string& key, const std::string& name,
                                   const std::string& body);
  Result<std::string> insist(const Call& call, Board& board);
  Result<void> link(Place& place, Board& board);
  Result<void> open_window(Place& place, Board& board);

  const Options& options_;
  Rest rest_;
  std::vector<Place> places_;
};

// Asks for one node again and again until it shows an event: the time since that was journaled goes to the board.
void watch_sightings(const std::string& api, Board& board);

// ---- at the end ---------------------------------------------------------------------------------------------------------

struct NodeEnd {
  NodeName name;
  Node::Account account;
  bool was_online = true;  // a node that was kept offline may have more than it could say
};

struct Losses {
  bool checked = false;              // by the API; else by acknowledgements alone
  std::uint64_t unacknowledged = 0;  // events of nodes that were online
  std::uint64_t missing = 0;         // acknowledged, and the API does not have them
  std::uint64_t other_journals = 0;  // nodes of which the API shows another journal
  std::uint64_t gaps = 0;            // holes that the orchestrator noted in this run
  std::vector<std::string> examples;
  [[nodiscard]] std::uint64_t all() const { return unacknowledged + missing + other_journals + gaps; }
};
inline constexpr std::size_t loss_examples_max = 20;

// unavailable: the API does not answer.
Result<Losses> reckon(const Options& options, const std::vector<NodeEnd>& nodes, std::int64_t began_wall_ms);

}  // namespace abide::node_fleet
