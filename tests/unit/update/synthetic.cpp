#include "tests/unit/update/synthetic.hpp"

#include "tests/support/node_world.hpp"

namespace abide::test {

using namespace node;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::int64_t now_ms = 1'800'000'000'000;
constexpr std::int64_t mono_ms = 1'000'000;
constexpr std::int64_t minute_ms = 60'000;
const BootId this_boot{"boot-2"};
const BootId earlier_boot{"boot-1"};
const Number offer{1'000, 5};
const Number newer_offer{1'000, 6};

void set_phase(State& state, Phase phase) {
  state.phase = phase;
  state.offer = offer;
  state.release = good_image.release();
  state.from = "1.0";
  state.accepted_sequence = 10;
  state.target = Slot::b;
  if (phase >= Phase::staged) state.staged = digest_of(good_image.id);
  if (phase == Phase::rebooting) state.reboot_boot = this_boot;
  if (phase < Phase::on_trial) return;
  state.running = Slot::b;
  state.identity.os_image_id = good_image.version;
  state.identity.digest = digest_of(good_image.id);
  state.attempt = 1;
  state.trial_boot = this_boot;
  state.trial_mono_ms = mono_ms - minute_ms;
  if (phase == Phase::rolling_back) state.undo = Reason::unhealthy;
}

}  // namespace

std::vector<Start> starts() {
  return {
      {"New journal", [](State& s) { s.fresh = true; }},
      {"Idle, returning to the default slot",
       [](State& s) {
         s.running = Slot::b;
         s.returning = this_boot;
       }},
      {"Idle", [](State&) {}},
      {"Idle, the offer has its outcome",
       [](State& s) {
         s.outcome = {offer, OutcomeKind::failed, Reason::download};
       }},
      {"Idle, the running slot is not the default", [](State& s) { s.running = Slot::b; }},
      {"Staging", [](State& s) { set_phase(s, Phase::staging); }},
      {"Staged", [](State& s) { set_phase(s, Phase::staged); }},
      {"Switching", [](State& s) { set_phase(s, Phase::switching); }},
      {"Rebooting", [](State& s) { set_phase(s, Phase::rebooting); }},
      {"OnTrial", [](State& s) { set_phase(s, Phase::on_trial); }},
      {"OnTrial, third attempt",
       [](State& s) {
         set_phase(s, Phase::on_trial);
         s.attempt = 3;
         s.interruptions = 2;
       }},
      {"Confirming", [](State& s) { set_phase(s, Phase::confirming); }},
      {"RollingBack", [](State& s) { set_phase(s, Phase::rolling_back); }},
      {"RollingBack, aborted",
       [](State& s) {
         set_phase(s, Phase::rolling_back);
         s.undo = Reason::aborted;
       }},
  };
}

namespace {

Booted booted(const State& state, bool new_boot, Slot runs, bool came_up = false, BootCause cause = BootCause::other) {
  Booted input;
  input.boot = new_boot ? BootId{"boot-3"} : this_boot;
  input.running = runs;
  input.default_slot = Slot::a;
  input.came_up = came_up;
  input.cause = cause;
  const Image& image = runs == Slot::a ? base_image : good_image;
  input.identity = state.identity;
  input.identity.os_image_id = image.version;
  input.identity.digest = digest_of(image.id);
  return input;
}

DocumentHeard document(const State& state, bool newer) {
  DocumentHeard heard;
  heard.number = {1'000, newer ? 9U : 7U};
  heard.link = state.link;
  heard.window = state.window;
  return heard;
}

ReceivedHeard received(const State& state, const Link& link, std::uint64_t upto, bool other_history, bool welcome) {
  ReceivedHeard heard;
  heard.received.life = link.life;
  heard.received.ask = link.ask;
  heard.received.journal = state.journal;
  heard.received.upto = upto;
  heard.received.chain = Chain{other_history ? 2U : 1U};
  heard.own_chain = Chain{1};
  if (welcome) heard.received.welcome = Welcome{link.nonce, state.held.number, now_ms};
  return heard;
}

}  // namespace

std::vector<InputClass> inputs() {
  const auto clearing = [](Link& link) { link.loader_order = LoaderOrder::clear; };
  const auto arming = [](Link& link) { link.loader_order = LoaderOrder::arm; };
  const auto refused_often = [](Link& link) { link.arm_failures = link.confirm_failures = 4; };
  const auto staged = [](Reason failure, Number of, std::uint8_t holds) {
    return [=](const State&, const Link& link) -> Input {
      return StagingEnded{of, link.boot, failure, {}, Slot::b, digest_of(holds), 1'000, 10, false};
    };
  };
  const auto armed = [](std::string error, std::uint64_t order) {
    return [=](const State& s, const Link& link) -> Input { return OneShotArmed{s.offer, link.boot, error, order}; };
  };
  const auto cleared = [](std::string error, std::uint64_t order) {
    return [=](const State& s, const Link& link) -> Input { return OneShotCleared{s.offer, link.boot, error, order}; };
  };
  const auto judged = [](bool healthy, bool this_one) {
    return [=](const State& s, const Link& link) -> Input {
      return HealthJudged{s.offer, this_one ? link.boot : earlier_boot, healthy, healthy ? Reason::none : Reason::unhealthy, {}, {}};
    };
  };
  const auto confirmed = [](std::string error, Slot default_slot, std::uint8_t holds) {
    return [=](const State& s, const Link& link) -> Input {
      return BootConfirmed{s.offer, link.boot, Slot::b, default_slot, digest_of(holds), error};
    };
  };
  const auto boot = [](bool new_boot, Slot runs, bool came_up = false, BootCause cause = BootCause::other) {
    return [=](const State& s, const Link&) -> Input { return booted(s, new_boot, runs, came_up, cause); };
  };
  std::vector<InputClass> all;
  all.push_back({"Tick", [](const State&, const Link&) -> Input { return Tick{}; }});
  all.push_back({"Tick, trial's deadline over", [](const State&, const Link&) -> Input { return Tick{}; }, {}, false, 10 * minute_ms});
  all.push_back({"Booted, same boot",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, false, s.running);
                   input.default_slot = s.default_slot;
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Booted, old slot", boot(true, Slot::a), {}, true});
  all.push_back({"Booted, old slot, new one had come up", boot(true, Slot::a, true), {}, true});
  all.push_back({"Booted, old slot, by the watchdog", boot(true, Slot::a, true, BootCause::watchdog), {}, true});
  all.push_back({"Booted, new slot", boot(true, Slot::b, true), {}, true});
  all.push_back({"Booted, new slot, other digest",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, true, Slot::b, true);
                   input.identity.digest = digest_of(99);
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Booted, new slot, default is bad",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, true, Slot::b, true);
                   input.default_is_bad = true;
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Booted, new slot is the default",
                 [](const State& s, const Link&) -> Input {
                   auto input = booted(s, true, Slot::b, true);
                   input.default_slot = Slot::b;
                   return input;
                 },
                 {},
                 true});
  all.push_back({"Connected", [](const State&, const Link&) -> Input { return Connected{}; }});
  all.push_back({"Disconnected", [](const State&, const Link&) -> Input { return Disconnected{}; }});
  all.push_back({"RollCallHeard, new life", [](const State&, const Link&) -> Input { return RollCallHeard{{LifeId{99}, 0, 1}}; }});
  all.push_back({"ReceivedHeard, welcome", [](const State& s, const Link& l) -> Input { return received(s, l, 20, false, true); },
                 [](Link& link) {
                   link.welcomed = link.hello_answered = false;
                   link.hello_said_mono_ms = mono_ms - 10;
                 }});
  all.push_back({"ReceivedHeard, acknowledges Accepted",
                 [](const State& s, const Link& l) -> Input { return received(s, l, 20, false, false); },
                 [](Link& link) { link.acked = 9; }});
  all.push_back({"ReceivedHeard, acknowledges less", [](const State& s, const Link& l) -> Input { return received(s, l, 5, false, false); },
                 [](Link& link) { link.acked = 4; }});
  all.push_back({"ReceivedHeard, larger ask", [](const State& s, const Link& l) -> Input {
                   auto heard = received(s, l, 20, false, false);
                   ++heard.received.ask;
                   return heard;
                 }});
  all.push_back({"ReceivedHeard, other history", [](const State& s, const Link& l) -> Input { return received(s, l, 20, true, false); }});
  all.push_back({"DocumentHeard, newer", [](const State& s, const Link&) -> Input { return document(s, true); }});
  all.push_back({"DocumentHeard, older", [](const State& s, const Link&) -> Input { return document(s, false); }});
  all.push_back({"StagingEnded, staged", staged(Reason::none, offer, good_image.id)});
  all.push_back({"StagingEnded, other digest", staged(Reason::none, offer, 99)});
  all.push_back({"StagingEnded, gave up", staged(Reason::download, offer, 0)});
  all.push_back({"StagingEnded, of another offer", staged(Reason::none, Number{1'000, 4}, good_image.id)});
  all.push_back({"OneShotArmed", armed("", 1), arming});
  all.push_back({"OneShotArmed, refused", armed("busy", 1), arming});
  all.push_back({"OneShotArmed, refused again and again", armed("busy", 1), [](Link& link) {
                   link.loader_order = LoaderOrder::arm;
                   link.arm_failures = 4;
                 }});
  all.push_back({"OneShotArmed, overtaken", armed("", 0)});
  all.push_back({"OneShotCleared", cleared("", 1), clearing});
  all.push_back({"OneShotCleared, after arming was refused again and again", cleared("", 1), [](Link& link) {
                   link.loader_order = LoaderOrder::clear;
                   link.arm_failures = 5;
                 }});
  all.push_back({"OneShotCleared, refused", cleared("busy", 1), clearing});
  all.push_back({"OneShotCleared, overtaken", cleared("", 0)});
  all.push_back({"HealthJudged, healthy", judged(true, true)});
  all.push_back({"HealthJudged, unhealthy", judged(false, true)});
  all.push_back({"HealthJudged, unhealthy, default is bad", judged(false, true), [](Link& link) { link.default_is_bad = true; }});
  all.push_back({"HealthJudged, of another boot", judged(true, false)});
  all.push_back({"BootConfirmed", confirmed("", Slot::b, good_image.id)});
  all.push_back({"BootConfirmed, refused", confirmed("busy", Slot::a, good_image.id)});
  all.push_back({"BootConfirmed, refused again and again", confirmed("busy", Slot::a, good_image.id), refused_often});
  all.push_back({"BootConfirmed, again and again not read back", confirmed("", Slot::b, 99), refused_often});
  all.push_back({"BootStateCleared", [](const State&, const Link& link) -> Input { return BootStateCleared{link.boot, ""}; }});
  all.push_back({"BootStateCleared, refused", [](const State&, const Link& link) -> Input { return BootStateCleared{link.boot, "busy"}; }});
  all.push_back({"RebootRefused", [](const State&, const Link& link) -> Input { return RebootRefused{link.boot, "busy"}; }});
  all.push_back({"RebootRefused, again and again",
                 [](const State&, const Link& link) -> Input {
                   return RebootRefused{link.boot, "busy"};
                 },
                 refused_often});
  return all;
}

namespace {

State state_of(const Start& start, const Context& context) {
  State state;
  state.journal = JournalId{7};
  state.last = 20;
  state.held.number = {1'000, 8};
  state.fresh = false;
  state.boot = this_boot;
  state.identity = {"microvisor", "1.0", "x86_64", digest_of(base_image.id), "1"};
  start.make(state);
  const LinkedRelease asked{context.wish == 3 ? newer_offer : offer, context.wish == 3 ? newer_image.release() : good_image.release(),
                            false, context.wish == 1, context.wish == 4};
  if (context.wish != 2) state.link = asked;
  state.window = Window{"night", now_ms - 60 * minute_ms, context.window == 0 ? now_ms + 60 * minute_ms : now_ms - minute_ms};
  return state;
}

Link link_of(const UpdateMachine& machine, const State& state, const Context& context, const Now& now) {
  Link link;
  link.random = Random{1};
  link.acked = 20;
  link.booted = true;
  link.boot = this_boot;
  if (context.link == 0) {
    link.connected = link.welcomed = true;
    link.life = LifeId{3};
    link.ask = 1;
    link.nonce = Nonce{4};
    link.hello_said_mono_ms = link.welcome_mono_ms = mono_ms - minute_ms;
    link.hello_at_mono_ms = mono_ms + 100 * minute_ms;
    link.welcome_now_ms = now_ms - minute_ms;
    link.round_trip_ms = 10;
    link.head = state.held.number;
  } else {
    link.disconnected_at_mono_ms = mono_ms - (context.link == 1 ? 1'000 : 10 * minute_ms);
  }
  if (state.phase == Phase::switching) {
    const bool may = may_switch(machine.settings, state, link, now).empty();
    link.loader_order = may ? LoaderOrder::arm : LoaderOrder::clear;
    link.order = 1;
  }
  return link;
}

}  // namespace

Situation situation_of(const UpdateMachine& machine, const Start& start, const InputClass& input, const Context& context) {
  State state = state_of(start, context);
  Now now{now_ms, mono_ms, this_boot, true};
  Link link = link_of(machine, state, context, now);
  if (input.starts_process) link = Link{};
  if (input.starts_process) link.acked = 20;
  if (input.before) input.before(link);
  now.wall_ms += input.later_ms;
  now.mono_ms += input.later_ms;
  Input made = input.make(state, link);
  if (const auto* boot = std::get_if<Booted>(&made)) now.boot = boot->boot;
  return {std::move(state), std::move(link), std::move(made), now};
}

}  // namespace abide::test
