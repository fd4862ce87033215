// The protocol's counterexamples that a rule of the orchestrator prevents. Each scenario says whether the accident happened;
// it must not with all rules on, and must with its rule off.
#include "common/core/rules.hpp"
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

class Off {
 public:
  explicit Off(std::initializer_list<Rule> which) {
    rules::all_on();
    for (const auto rule : which) rules::switch_off(rule);
  }
  ~Off() { rules::all_on(); }
  Off(const Off&) = delete;
  Off& operator=(const Off&) = delete;
};

bool happens(bool (*scenario)(), std::initializer_list<Rule> without) {
  const Off off(without);
  return scenario();
}

// Delivers what is said; false: they do not come to an end.
bool comes_to_rest(Bench& bench, FakeNode& node) {
  for (int round = 0; round < 200; ++round) {
    bool moved = !bench.messages.empty();
    for (const auto& message : std::exchange(bench.messages, {})) {
      if (std::holds_alternative<CallRoll>(message)) node.hear(make_roll_call(bench.machine.settings, bench.state, bench.link));
      if (const auto* received = std::get_if<SendReceived>(&message); received != nullptr && received->node == node.id)
        node.hear(make_received(bench.state, bench.link, node.id, received->welcome, bench.now));
      if (const auto* document = std::get_if<PublishDocument>(&message); document != nullptr && document->node == node.id)
        node.hear(bench.newest(node.id));
    }
    moved = node.send_more() || moved;
    if (!moved) return true;
  }
  return false;
}

// The store is put back to what it was after so many events; the process starts on it.
void restore(Bench& bench, std::size_t events) {
  bench.journal.resize(events);
  bench.restart();
}

// An event that the node believes to be safe and that was never stored.
bool lost(const Bench& bench, const FakeNode& node) {
  for (std::uint64_t sequence = node.base + 1; sequence <= node.acked; ++sequence) {
    const auto& bytes = node.entries.at(sequence - node.base - 1).bytes;
    bool stored = false;
    for (const auto& event : bench.events<NodeEventStored>()) stored = stored || (event.node == node.id && event.envelope == bytes);
    if (!stored) return true;
  }
  return false;
}

// 1. The disk is lost, the node begins anew at sequence 1; what was said of the journal before is taken for the new one's.
bool an_event_is_lost_after_a_re_image() {
  Fixture f;
  f.node.forks = rule(Rule::chain);
  f.node.heeds_journal = rule(Rule::journal_id);
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  settle(f.bench, f.node);
  f.bench.pass(5'000);
  settle(f.bench, f.node);
  return lost(f.bench, f.node);
}
TEST(Counterexample, N01EventLostAfterAReImage) {
  EXPECT_FALSE(happens(an_event_is_lost_after_a_re_image, {}));
  EXPECT_TRUE(happens(an_event_is_lost_after_a_re_image, {Rule::journal_id, Rule::chain, Rule::proof_of_life}));
}

// 2. A copy of the disk journals events of its own under the same journal.
bool a_cloned_disk_is_mixed_in() {
  Fixture f;
  f.node.forks = rule(Rule::chain);
  FakeNode clone = f.node;
  clone.session = SessionId{77};
  f.node.write(ClockDistrusted{});
  settle(f.bench, f.node);
  clone.write(ClockDistrusted{});
  clone.write(ClockDistrusted{});
  settle(f.bench, clone);
  f.bench.pass(5'000);
  // Is what was stored of a journal one chain?
  std::map<JournalId, Chain> chains;
  for (const auto& event : f.bench.events<NodeEventStored>()) {
    auto& chain = chains.try_emplace(event.journal, chain_start(event.journal)).first->second;
    chain = chain_after(chain, event.envelope);
    if (chain != event.chain) return true;
  }
  return false;
}
TEST(Counterexample, N02ClonedDiskMixedSilently) {
  EXPECT_FALSE(happens(a_cloned_disk_is_mixed_in, {}));
  EXPECT_TRUE(happens(a_cloned_disk_is_mixed_in, {Rule::chain}));
}

// 3. What the node said while the orchestrator was away went to nobody.
bool nobody_asks_again() {
  Fixture f;
  f.bench.take(BusDown{});
  f.node.write(ClockDistrusted{});
  f.node.next_to_send = f.node.last() + 1;  // the broker has it, says the PUBACK
  f.bench.take(BusUp{});
  comes_to_rest(f.bench, f.node);
  f.bench.pass(3'600'000);
  comes_to_rest(f.bench, f.node);
  return f.seen().upto != f.node.last();
}
TEST(Counterexample, N03NobodyAsksAgain) {
  EXPECT_FALSE(happens(nobody_asks_again, {}));
  EXPECT_TRUE(happens(nobody_asks_again, {Rule::roll_call}));
}

// 4. Acknowledged and deleted events, of which a restored orchestrator knows nothing.
bool a_gap_is_never_filled() {
  Fixture f;
  const auto backup = f.bench.journal.size();
  f.node.write(ClockDistrusted{});
  f.node.write(ClockDistrusted{});
  settle(f.bench, f.node);
  f.bench.pass(5'000);
  settle(f.bench, f.node);
  f.node.trim();
  restore(f.bench, backup);
  f.node.disconnect();
  f.node.write(ClockDistrusted{});
  const bool rest = comes_to_rest(f.bench, f.node);
  return !rest || f.seen().upto != f.node.last();
}
TEST(Counterexample, N04GapThatCannotBeFilled) {
  EXPECT_FALSE(happens(a_gap_is_never_filled, {}));
  EXPECT_TRUE(happens(a_gap_is_never_filled, {Rule::base_wins}));
}

// 6. The window is taken back while the node is away.
bool a_closed_window_lives_on() {
  Fixture f;
  const auto schedule = f.open_window(0, 10'000);
  settle(f.bench, f.node);
  f.node.reachable = false;
  f.bench.done(DeleteSchedule{schedule});
  f.bench.messages.clear();
  f.node.reachable = true;
  f.node.disconnect();
  settle(f.bench, f.node);
  return f.node.synced() && f.node.window.has_value();
}
TEST(Counterexample, N06WindowClosedWhileTheNodeWasAway) {
  EXPECT_FALSE(happens(a_closed_window_lives_on, {}));
  EXPECT_TRUE(happens(a_closed_window_lives_on, {Rule::tombstone}));
}

// 9. Restored to a link that was withdrawn since; a node that was away comes and is offered it.
bool a_restored_orchestrator_repeats_the_past() {
  Fixture f;
  FakeNode away(f.bench, node_id(2), JournalId{2}, "nonrt", "3.0.1");
  settle(f.bench, away);
  const auto other = f.bench.node(away.id).host_id;
  away.disconnect();
  away.reachable = false;
  f.link();
  f.bench.done(LinkPolicy{other, f.policy});
  settle(f.bench, f.node);
  const auto backup = f.bench.journal.size();
  f.bench.done(UnlinkPolicy{f.host()});
  f.bench.done(UnlinkPolicy{other});
  settle(f.bench, f.node);
  restore(f.bench, backup);
  f.node.disconnect();
  settle(f.bench, f.node);  // it holds a document of the time that was lost
  away.reachable = true;
  settle(f.bench, away);
  return away.link.has_value() && away.synced();
}
TEST(Counterexample, N09RestoredOrchestratorRepeatsThePast) {
  EXPECT_FALSE(happens(a_restored_orchestrator_repeats_the_past, {}));
  EXPECT_TRUE(happens(a_restored_orchestrator_repeats_the_past, {Rule::detect_unknown}));
}

// 10. The number of the time that was lost is used a second time: the node ignores what is new for ever.
bool a_number_is_used_twice() {
  Fixture f;
  const auto backup = f.bench.journal.size();
  f.link();
  settle(f.bench, f.node);
  restore(f.bench, backup);
  f.open_window(60, 60);
  f.node.disconnect();
  comes_to_rest(f.bench, f.node);
  return f.node.held.number == f.seen().newest.document.number && f.node.held.digest != f.seen().newest.digest;
}
TEST(Counterexample, N10NumberUsedTwice) {
  EXPECT_FALSE(happens(a_number_is_used_twice, {}));
  EXPECT_TRUE(happens(a_number_is_used_twice, {Rule::epoch, Rule::detect_unknown}));
}

// 11. An epoch that was used in the time that was lost.
TEST(Counterexample, N11EpochUsedTwiceIsPreventedByTheWallClockOrShownByTheNextHello) {
  Fixture f;
  f.link();
  settle(f.bench, f.node);
  const auto backup = f.bench.journal.size();
  f.bench.now.wall_ms += 1'000;
  f.bench.restart();
  const auto epoch = f.bench.state.epoch;
  f.bench.done(UnlinkPolicy{f.host()});
  const auto under_way = f.bench.newest(f.node.id);
  f.bench.now.wall_ms += 1'000;
  restore(f.bench, backup);
  EXPECT_GT(f.bench.state.epoch, epoch) << "it took more than a millisecond to restore";

  f.bench.now.wall_ms -= 1'000'000;  // and with a clock that is wrong
  restore(f.bench, backup);
  EXPECT_LE(f.bench.state.epoch, epoch);
  f.node.disconnect();
  f.node.hear(under_way);
  settle(f.bench, f.node);
  EXPECT_TRUE(f.seen().held);
  EXPECT_GT(f.bench.state.epoch, epoch);
  EXPECT_FALSE(f.node.synced());
}

// 13. What failed is linked again.
bool a_retry_is_impossible() {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  f.roll_back();
  f.link();
  settle(f.bench, f.node);
  return f.node.link->offer == f.node.outcome.offer;
}
TEST(Counterexample, N13RetryImpossible) {
  EXPECT_FALSE(happens(a_retry_is_impossible, {}));
  EXPECT_TRUE(happens(a_retry_is_impossible, {Rule::offer_id}));
}

// 19. A late word of the lost journal arrives after the first of the new one.
bool one_machine_is_called_two() {
  Fixture f;
  const FakeNode before = f.node;
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  f.node.life = f.bench.link.life;
  f.node.ask = 1;
  f.node.say_hello();
  FakeNode late = before;
  late.say_hello();
  settle(f.bench, f.node);
  return f.seen().conflict;
}
TEST(Counterexample, N19UnknownJournalAdoptedAtSight) {
  EXPECT_FALSE(happens(one_machine_is_called_two, {}));
  EXPECT_TRUE(happens(one_machine_is_called_two, {Rule::proof_of_life}));
}

// 21. An image that eats the journal is offered again in every window.
bool what_ate_the_journal_is_offered_again() {
  Fixture f;
  f.link();
  f.accept();
  const auto offer = f.node.offer;
  f.node.re_image(JournalId{0xB2}, "3.0.1");
  settle(f.bench, f.node);
  return f.node.synced() && f.node.link && f.node.link->offer == offer && !f.node.link->aborted;
}
TEST(Counterexample, N21ImageThatEatsTheJournal) {
  EXPECT_FALSE(happens(what_ate_the_journal_is_offered_again, {}));
  EXPECT_TRUE(happens(what_ate_the_journal_is_offered_again, {Rule::close_re_imaged}));
}

// 22. The roll call is lost on its way, the connection stays.
bool a_lost_roll_call_is_the_end() {
  Fixture f;
  f.bench.take(BusDown{});
  f.bench.take(BusUp{});
  f.bench.messages.clear();  // the broker lost it
  f.node.write(ClockDistrusted{});
  for (int quarter_hour = 0; quarter_hour < 4; ++quarter_hour) {
    f.bench.pass(900'000);
    f.node.say_hello();
    comes_to_rest(f.bench, f.node);
  }
  return !f.node.synced() || f.seen().upto != f.node.last();
}
TEST(Counterexample, N22OneMessageLostConnectionStays) {
  EXPECT_FALSE(happens(a_lost_roll_call_is_the_end, {}));
  EXPECT_TRUE(happens(a_lost_roll_call_is_the_end, {Rule::recall}));
}

// 26. Held, and yet the welcome makes the node synced with what it holds.
bool held_means_silent_only() {
  Fixture f;
  const auto backup = f.bench.journal.size();
  f.link();
  f.open_window(0, 10'000);
  settle(f.bench, f.node);
  restore(f.bench, backup);
  f.node.disconnect();
  settle(f.bench, f.node);
  return f.seen().held && f.node.synced();
}
TEST(Counterexample, N26HeldMeansSilentOnly) {
  EXPECT_FALSE(happens(held_means_silent_only, {}));
  EXPECT_TRUE(happens(held_means_silent_only, {Rule::held_head}));
}

// 28. An abort that was said while the node was away is in the document that it finds.
TEST(Counterexample, N28AbortWhileTheNodeIsAway) {
  Fixture f;
  f.link();
  f.accept();
  f.node.disconnect();
  f.node.reachable = false;
  f.bench.done(AbortUpdate{f.host()});
  f.bench.messages.clear();
  f.node.reachable = true;
  settle(f.bench, f.node);
  EXPECT_TRUE(f.node.synced());
  EXPECT_TRUE(f.node.link->aborted);
}

}  // namespace
}  // namespace abide::fleet
