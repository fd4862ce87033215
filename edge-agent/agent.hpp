#pragma once
// The agent's shell around its machine. One thread owns it: state, journal, boot loader. Bus and workers only post.
//
// A turn: drain the inbox, decide on each input, one commit, then publish what is durable, then make the world what the
// machine wants it to be; orders to the boot loader are given on this thread right after they were judged, and their ends
// are the next inputs. No effect, and no word on the bus, comes before the commit that it follows from.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "common/bus/bus.hpp"
#include "common/events/topics.hpp"
#include "common/service/exit_codes.hpp"
#include "common/service/host.hpp"
#include "common/service/inbox.hpp"
#include "common/service/logging.hpp"
#include "common/store/store.hpp"
#include "edge-agent/boot/boot_control.hpp"
#include "edge-agent/health/health_runner.hpp"
#include "edge-agent/image/stager.hpp"
#include "edge-agent/outbox.hpp"
#include "edge-agent/speech.hpp"
#include "edge-agent/translate.hpp"
#include "edge-agent/update/machine.hpp"

namespace abide::agent {

inline constexpr std::string_view agent_scope = "node/";

// The workers, each with at most one order under way; an order ends in one call of its callback unless it is stopped.
struct Workers {
  std::function<void(StageOrder, Stager::OnProgress, Stager::OnEnd)> start_staging;
  std::function<void()> stop_staging;
  std::function<void(HealthOrder, HealthRunner::OnEnd)> start_health;
  std::function<void()> stop_health;
};

struct AgentSettings {
  Addressed self;
  node::Settings machine;
  SessionId session;
  std::uint64_t seed = 0;
  std::int64_t roll_call_warning_ms = 30'000;
  std::uint64_t journal_keep = 1'024;
  std::string agent_version;
  // What runs, in place of reading the running slot's bytes: for machines that have none.
  std::function<Result<Identity>(const BootState&)> measure;
  // Hears of each event once it is durable, before it is published.
  std::function<void(const Recorded<NodeEvent>&)> on_event;
};

// What the broker publishes when this session's connection is lost.
BusMessage presence_message(const Addressed& self, SessionId session, bool online, const Now& now);

class Agent {
 public:
  using ReadClock = std::function<Now()>;
  // What a start or a turn cannot go on from.
  struct Ended {
    ExitCode code = ExitCode::failed;
    std::string message;
  };

  // Everything given outlives the agent.
  Agent(AgentSettings settings, Store& store, BootControl& boot, Bus& bus, Workers workers, ReadClock read_clock);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Loads the state, begins the journal of an empty store, reads the boot loader, measures the running slot, and feeds
  // Booted before anything else. Then starts the bus. Owner thread, like all but stop.
  std::optional<Ended> begin();
  // One turn: waits for the inbox until `until` at most, and never beyond the machine's next moment. Nothing: go on.
  std::optional<Ended> turn(std::optional<std::chrono::steady_clock::time_point> until = std::nullopt);
  // Whether a turn would find something to do at once, and else when time alone makes one due: for a loop that serves many
  // agents, and calls turn() with a moment that has come.
  [[nodiscard]] bool waiting() const { return inbox_.size() > 0 || bus_overflow_ || stopping_; }
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_turn() const { return next_turn_; }
  // Any thread: the next turn says goodbye on the bus and ends with ExitCode::ok.
  void stop() {
    stopping_ = true;
    (void)inbox_.try_post(Stop{});
  }
  // Workers and bus that still want to post no longer wait for room. After the last turn.
  void close() { inbox_.close(); }

  [[nodiscard]] const AgentHost& host() const { return *host_; }

 private:
  struct Stop {};
  using Item = std::variant<BusEvent, node::Input, Progress, Stop>;

  // agent.cpp
  Result<void> claim_store();
  BusHandler bus_handler();
  std::optional<node::Input> hear(BusEvent event, Cause& cause);
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> wait_until(
      std::optional<std::chrono::steady_clock::time_point> until) const;
  std::optional<Ended> settle();  // commit, publish, and effects until nothing follows
  void take(const node::Input& input, const Cause& cause);
  std::optional<Ended> commit();
  void trim();
  void goodbye();

  // publish.cpp
  void publish_committed(const AgentHost::Done& done);
  void say_hello();
  void say_progress(Progress progress);
  void pump_outbox();
  void publish(topics::FromNode what, std::string bytes, int qos, bool retain);
  void warn_if_nobody_calls(const Now& now);

  // effects.cpp: nothing: no order to the boot loader is due. An empty input: the machine is going down.
  struct Performed {
    std::optional<node::Input> end;
  };
  std::optional<Performed> perform_one();
  std::optional<node::Input> perform(const node::ClearBootState& effect);
  std::optional<node::Input> perform(const node::ReturnToDefault& effect);
  std::optional<node::Input> perform(const node::ArmOnce& effect);
  std::optional<node::Input> perform(const node::ClearOneShot& effect);
  std::optional<node::Input> perform(const node::Reboot& effect);
  std::optional<node::Input> perform(const node::ConfirmBoot& effect);
  std::optional<node::Input> perform(const node::GoBack& effect);
  std::optional<node::Input> reboot(const BootId& boot, std::string_view why);
  void start(const node::Stage& effect);
  void start(const node::CheckHealth& effect);

  const AgentSettings settings_;
  Store& store_;
  BootControl& boot_;
  Bus& bus_;
  const Workers workers_;
  const ReadClock read_clock_;

  std::optional<AgentHost> host_;
  Batch batch_;
  Inbox<Item> inbox_;
  Outbox outbox_;
  RepeatedLines repeated_;
  Identity identity_;  // measured at start; the slot that runs is never written

  // what the bus's threads leave when the inbox is full
  std::atomic<bool> bus_overflow_ = false;
  std::atomic<bool> bus_connected_ = false;
  std::atomic<bool> stopping_ = false;  // Stop itself only wakes the owner

  std::optional<StageOrder> staging_;  // under way, as far as its end was not heard
  std::optional<HealthOrder> checking_;
  PhaseTold phase_told_;
  bool going_down_ = false;                                         // a reboot is ordered: nothing more is done in this boot
  std::optional<std::int64_t> look_mono_ms_;                        // when time alone may change something, as of the end of the last turn
  bool idle_tick_ = false;                                          // the last turn was a Tick that nothing followed from
  std::optional<std::chrono::steady_clock::time_point> next_turn_;  // as of then, too
  bool warned_ = false;
  std::int64_t silent_since_mono_ms_ = 0;
};

}  // namespace abide::agent
