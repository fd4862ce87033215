#include "edge-agent/link/link.hpp"

#include <algorithm>
#include <cstdlib>

#include "common/core/rules.hpp"

namespace abide::node {
namespace {

void forget_welcome(Link& link) {
  link.nonce = {};
  link.welcomed = false;
  link.hello_answered = true;
  link.head = {};
}

// +- 50 %, so that a fleet that connected at one moment does not speak at one moment.
std::int64_t spread_around(Random& random, std::int64_t every_ms) {
  const auto draw = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(every_ms, 1))));
  return every_ms / 2 + draw;
}

void hear_welcome(Link& link, const Received& received, const Now& now, std::int64_t clock_epsilon_ms, std::int64_t round_trip_ms_max) {
  const Welcome& welcome = *received.welcome;
  if (rule(Rule::nonce) && welcome.nonce != link.nonce) return;
  if (link.hello_answered) return;  // the answer again: it would only make its time look older
  link.hello_answered = true;
  link.welcomed = true;
  link.head = welcome.head;
  link.welcome_now_ms = welcome.now_ms;
  link.welcome_mono_ms = now.mono_ms;
  link.round_trip_ms = now.mono_ms - link.hello_said_mono_ms;
  link.send_from = received.upto + 1;
  ++link.welcomes;
  if (link.round_trip_ms > round_trip_ms_max) return;  // too long ago to judge a clock by
  const bool right = std::abs(now.wall_ms - welcome.now_ms) <= clock_epsilon_ms;
  link.clock_checked_mono_ms = right ? std::optional(now.mono_ms) : std::nullopt;
}

}  // namespace

void connected(Link& link, const Now& now, std::int64_t hello_every_ms) {
  forget_welcome(link);
  link.connected = true;
  link.disconnected_at_mono_ms.reset();
  link.life = {};
  link.ask = 0;
  link.hello_at_mono_ms.reset();
  if (rule(Rule::hello_again)) link.hello_at_mono_ms = now.mono_ms + spread_around(link.random, hello_every_ms);
  if (!rule(Rule::roll_call)) link.hello_at_mono_ms = now.mono_ms;
}

void disconnected(Link& link, const Now& now) {
  if (!link.connected) return;
  forget_welcome(link);
  link.connected = false;
  link.disconnected_at_mono_ms = now.mono_ms;
  link.life = {};
  link.ask = 0;
  link.hello_at_mono_ms.reset();
}

bool cut_off(const Link& link, const Now& now, std::int64_t after_ms) {
  if (link.connected) return false;
  return now.mono_ms - link.disconnected_at_mono_ms.value_or(link.started_at_mono_ms) >= after_ms;
}

void hear_roll_call(Link& link, const RollCall& roll_call, const Now& now) {
  if (!link.connected || !rule(Rule::roll_call) || roll_call.life == link.life) return;
  forget_welcome(link);
  link.life = roll_call.life;
  link.ask = 1;
  const auto spread = static_cast<std::uint64_t>(std::max<std::int64_t>(roll_call.spread_ms, 0));
  link.hello_at_mono_ms = now.mono_ms + static_cast<std::int64_t>(link.random.below(spread));
}

bool hello_due(const Link& link, const Now& now) {
  return link.connected && link.hello_at_mono_ms && now.mono_ms >= *link.hello_at_mono_ms;
}

void say_hello(Link& link, const Now& now, std::int64_t hello_every_ms) {
  link.nonce = Nonce{link.random.next_id()};
  link.hello_said_mono_ms = now.mono_ms;
  link.hello_answered = false;
  link.hello_at_mono_ms.reset();
  if (rule(Rule::hello_again)) link.hello_at_mono_ms = now.mono_ms + spread_around(link.random, hello_every_ms);
}

void hello_not_after(Link& link, std::int64_t mono_ms) {
  if (!link.connected) return;
  link.hello_at_mono_ms = std::min(link.hello_at_mono_ms.value_or(mono_ms), mono_ms);
}

Verdict hear_received(Link& link, const Received& received, const OwnJournal& own, const Now& now, std::int64_t clock_epsilon_ms,
                      std::int64_t round_trip_ms_max) {
  if (!link.connected) return Verdict::nothing;
  // N1
  const bool same_life = received.life == link.life && link.life;
  if (rule(Rule::life_in_received) && (!same_life || received.ask < link.ask)) return Verdict::nothing;
  if (same_life && received.ask > link.ask) {
    link.ask = received.ask;
    hello_not_after(link, now.mono_ms);
    if (rule(Rule::larger_ask_stops)) return Verdict::nothing;
  }
  // N2
  if (rule(Rule::journal_id) && received.journal != own.id) return Verdict::nothing;
  // N3
  const bool beyond = received.upto > own.last;
  if (rule(Rule::chain)) {
    if (beyond || (own.chain && *own.chain != received.chain)) return Verdict::forked;
    // What cannot be compared acknowledges nothing new: it may be the history of another.
    if (!own.chain && received.upto > link.acked) return Verdict::nothing;
  } else if (beyond) {
    return Verdict::nothing;
  }
  // N4
  const bool more = received.upto > link.acked;
  if (more) link.acked = received.upto;
  // N5
  if (received.welcome) hear_welcome(link, received, now, clock_epsilon_ms, round_trip_ms_max);
  return more ? Verdict::acknowledged : Verdict::nothing;
}

void forget_journal(Link& link, const Now& now) {
  forget_welcome(link);
  link.acked = 0;
  hello_not_after(link, now.mono_ms);
}

bool may_send_events(const Link& link) {
  if (!link.connected) return false;
  return !rule(Rule::hello_before_events) || (link.welcomed && link.hello_answered);
}

}  // namespace abide::node
