#pragma once
// What can go wrong in the simulated world, by name. A plan says which of it may happen in a run; when and to whom, the
// world draws from its seed.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/random.hpp"
#include "common/core/result.hpp"

namespace abide::sim {

enum class Fault : std::uint8_t {
  // the bus
  delay,            // a message takes seconds or minutes instead of milliseconds
  duplicate,        // a message comes twice
  reorder,          // topics overtake each other (within one topic and connection the order stays)
  lose_message,     // acknowledged by the broker and given to no one (its queue was full)
  lose_connection,  // a connection ends; what was under way in it is lost ...
  late_message,     // ... or comes long after
  broker_restart,   // every connection ends; retained messages stay
  broker_amnesia,   // the broker restarts without its memory
  // the orchestrator
  orchestrator_kill_before_commit,
  orchestrator_kill_after_commit,  // before anything of it is published
  orchestrator_restore,            // started on an older backup, declared: all nodes are held until a person confirms
  orchestrator_clock_step,         // by hours
  // a node's process and power
  agent_kill_before_commit,
  agent_kill_after_commit,  // between commit, publish and effect
  power_cut,                // between any two effects, in the boot, while power is needed
  power_stays_off,          // for hours
  // a node's disk
  unsynced_lost,  // power cut: what was written and not flushed is gone or torn
  disk_lies,      // it said flushed, and was not: batches of the store are missing after a power cut
  disk_full,      // a commit fails: the agent ends and is started again; or the slot has no space
  torn_slot,      // a slot that is not running reads back otherwise than it was written
  // images and boot
  corrupt_download,  // bytes differ from what was published, this time
  wrong_digest,      // published with a digest that its bytes do not have
  download_fails,
  boot_loop,          // restarts by itself in each trial
  boot_fallback,      // the new slot does not come up: the loader falls back
  hang,               // the watchdog ends the trial
  unhealthy,          // a health check fails ...
  late_unhealthy,     // ... at the end of the trial only
  boot_loader_error,  // arm, clear, confirm, reboot or read fail, once or for long
  // time
  node_clock_step,  // by hours
  node_clock_drift,
  // operator
  window_closed_midway,
  window_churn,      // windows edited, deleted and made again
  policy_churn,      // policies linked, un-linked, edited, deleted and made again; pause, abort
  two_builds_a_day,  // images that differ in the time of their version only
  // identity
  re_image,  // the state is lost
  put_back,  // an older copy of the disk is put back
  clone,     // a second machine with a copy of the disk
  never_returns,
};
inline constexpr std::size_t fault_count = static_cast<std::size_t>(Fault::never_returns) + 1;

std::string_view to_string(Fault fault);  // as written above, with '-' for '_'
std::optional<Fault> parse_fault(std::string_view text);
const std::vector<Fault>& every_fault();

class FaultSet {
 public:
  [[nodiscard]] bool has(Fault fault) const { return (bits_ >> static_cast<unsigned>(fault) & 1) != 0; }
  void add(Fault fault) { bits_ |= std::uint64_t{1} << static_cast<unsigned>(fault); }
  void remove(Fault fault) { bits_ &= ~(std::uint64_t{1} << static_cast<unsigned>(fault)); }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  friend bool operator==(const FaultSet&, const FaultSet&) = default;

 private:
  std::uint64_t bits_ = 0;
};
std::string to_string(const FaultSet& faults);  // "none", or names with ','

// "none", "all", "default" (each run turns some off, by its seed), or names with ','. invalid_input names the unknown one.
struct FaultChoice {
  enum class Kind : std::uint8_t { none, drawn, all, list } kind = Kind::drawn;
  FaultSet list;
};
Result<FaultChoice> parse_fault_choice(std::string_view text);
FaultSet draw_faults(const FaultChoice& choice, Random& random);

}  // namespace abide::sim
