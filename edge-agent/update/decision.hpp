#pragma once
// One call of decide: the input (machine.cpp), then the levels (settle.cpp).
#include <string>

#include "edge-agent/update/machine.hpp"

namespace abide::node {

class Decision {
 public:
  using Sink = Out<NodeEvent, Message>;

  // `state` is the one that `out` advances with every event.
  Decision(const Settings& settings, const State& state, Link& link, const Now& now, Sink& out)
      : settings_(settings), state_(state), link_(link), now_(now), out_(out), phase_before_(state.phase) {}

  // machine.cpp: what an input means
  void operator()(const Booted& input);
  void operator()(const Connected& input);
  void operator()(const Disconnected& input);
  void operator()(const RollCallHeard& input);
  void operator()(const ReceivedHeard& input);
  void operator()(const DocumentHeard& input);
  void operator()(const StagingEnded& input);
  void operator()(const OneShotArmed& input);
  void operator()(const OneShotCleared& input);
  void operator()(const HealthJudged& input);
  void operator()(const BootConfirmed& input);
  void operator()(const BootStateCleared& input);
  void operator()(const RebootRefused& input);
  void operator()(const Tick& input);

  // settle.cpp: what follows from how things stand, until nothing does; then the hello that is due
  void settle();

 private:
  // machine.cpp
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool mine(Number offer, const BootId& boot) const;
  void spare_came_up(const Booted& input);
  void old_slot_came_up(const Booted& input);
  void trial_ended(const Booted& input);
  void start_trial();
  void roll_back_other_image(const Booted& input);
  void fork_journal();
  void effect_failed(const std::string& error);
  void effect_done();

  // settle.cpp
  bool settle_once();
  bool settle_idle();
  bool settle_staging();
  bool settle_staged();
  bool settle_switching();
  bool settle_rebooting();
  bool settle_trial();
  bool settle_rolling_back();
  void accept();
  void judge_clock();
  void settle_loader_order();
  void settle_hello();

  // outcomes and the way to them, from either file
  void succeed(const Digest& measured);
  void fail(Reason reason, Evidence evidence);
  void roll_back(Reason reason, Evidence evidence);
  void cancel(Reason why);
  // To RollingBack; where there is no slot to go back to: Failed, and the node stays up.
  void begin_rollback(Reason reason, Evidence evidence);

  const Settings& settings_;
  const State& state_;
  Link& link_;
  const Now& now_;
  Sink& out_;
  const Phase phase_before_;  // the input
};

}  // namespace abide::node
