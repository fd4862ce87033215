// verify: what it finds, and in which words.
#include "tools/replay/verify.hpp"

#include "common/core/hash.hpp"
#include "orchestrator/rows.hpp"
#include "tests/unit/replay/histories.hpp"

namespace abide::replay {
namespace {

Verdict verdict_of(const Content& content) {
  const auto history = history_of(content);
  auto verdict = verify(history, history.scopes().front());
  if (!verdict) throw std::runtime_error(verdict.error().message);
  return *verdict;
}

std::string all(const Verdict& verdict) {
  std::string text;
  for (const auto& finding : verdict.findings) text += finding + "\n";
  return text;
}

// Updates, faults, and an operator who does something every so many steps.
void walk(test::World& world, int every) {
  world.publish_image(test::good);
  world.publish_image(test::sick);
  world.policy("");
  world.policy(test::good);
  world.policy(test::sick);
  for (int step = 0; step < 600; ++step) {
    if (!world.step()) world.pass_time();
    if (step % 40 == 17) world.something_breaks();
    if (step % every == every / 2 && world.runs()) world.operator_does_something();
  }
}

TEST(Verify, HoldsForWhateverTheMachinesWentThrough) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    test::World world(seed, 2);
    walk(world, 60);
    const auto fleet = verdict_of(fleet_rows(world));
    EXPECT_TRUE(fleet.holds()) << all(fleet);
    EXPECT_GT(fleet.events, 10U);
    EXPECT_GT(fleet.node_events, 0U);
    for (const auto& machine : world.machines) {
      if (machine.store->content().empty()) continue;
      const auto node = verdict_of(node_rows(machine));
      EXPECT_TRUE(node.holds()) << all(node);
    }
  }
}

// Deletes the events up to `base`, as an orchestrator that keeps events for a time does.
Content trimmed(const Content& content, std::uint64_t base) {
  MemoryStore store(content);
  auto host = test::FleetHost::open({}, store, "plant/", {}, {});
  EXPECT_TRUE(host);
  auto made = test::FleetHost::make_trim(store, "plant/", base, [] { return true; });
  EXPECT_TRUE(made) << made.error().message;
  Batch batch;
  EXPECT_TRUE(host->trim(**made, batch));
  EXPECT_TRUE(store.commit(batch));
  return store.content();
}

TEST(Verify, HoldsWhereverTheOrchestratorsJournalWasTrimmed) {
  std::size_t left_behind = 0, all_runs = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    test::World world(seed, 2);
    walk(world, 30);
    auto content = fleet_rows(world);
    const auto last = history_of(content).scopes().front().head.last;
    for (std::uint64_t base = 1 + seed; base < last; base += 1 + last / 7) {
      content = trimmed(content, base);
      const auto verdict = verdict_of(content);
      ASSERT_TRUE(verdict.holds()) << base << ": " << all(verdict);
      EXPECT_EQ(verdict.base, base);
      EXPECT_EQ(verdict.events, last - base);
    }
    // Runs that newer ones have replaced are in the snapshot's rows alone.
    auto state = fleet::Rows::load(MemoryStore(content), "plant/s/");
    ASSERT_TRUE(state);
    std::set<std::string> held;
    for (const auto& [id, node] : state->nodes)
      if (node.run) held.insert(node.run->id);
    const auto scanned = fleet::scan_runs(MemoryStore(content), "plant/s/", [&](fleet::Run&& run) {
      ++all_runs;
      left_behind += held.contains(run.id) ? 0 : 1;
      return true;
    });
    EXPECT_TRUE(scanned) << scanned.error().message;
  }
  EXPECT_GT(left_behind, 0U) << "the worlds were too quiet: " << all_runs << " runs";
}

TEST(Verify, NamesRowFieldAndBothValuesOfADifference) {
  auto content = fleet_rows(finished_world());
  MemoryStore store(content);
  auto state = fleet::Rows::load(store, "plant/");
  ASSERT_TRUE(state);
  auto& node = state->nodes.begin()->second;
  const auto name = node.name;
  node.name = "somebody";
  state->touched.nodes.insert(node.id);
  Batch batch;
  fleet::Rows::save(*state, batch, "plant/");
  add_all(content, batch);
  const auto verdict = verdict_of(content);
  ASSERT_EQ(verdict.findings.size(), 1U) << all(verdict);
  EXPECT_EQ(verdict.findings.front(),
            "row node " + to_string(node.id) + ": name is \"somebody\" in the store, and \"" + name + "\" by the journal");
  EXPECT_EQ(verdict.rows_differing, 1U);
}

TEST(Verify, NoticesARowTooFewAndARowTooMany) {
  auto content = fleet_rows(finished_world());
  const auto node = content.lower_bound("plant/r/node/");
  ASSERT_TRUE(node->first.starts_with("plant/r/node/"));
  const auto id = node->first.substr(std::string("plant/r/node/").size());
  content["plant/r/node/ffffffff-ffff-ffff-ffff-ffffffffffff"] = node->second;
  content.erase(node);
  const auto verdict = verdict_of(content);
  EXPECT_NE(all(verdict).find("row node " + id + " is missing in the store"), std::string::npos) << all(verdict);
  EXPECT_NE(all(verdict).find("row node ffffffff-ffff-ffff-ffff-ffffffffffff is in the store, but"), std::string::npos) << all(verdict);
}

TEST(Verify, SaysThatOnlyASecretDiffersWithoutTellingIt) {
  auto content = fleet_rows(finished_world());
  MemoryStore store(content);
  auto state = fleet::Rows::load(store, "plant/");
  ASSERT_TRUE(state);
  state->key.front() ^= 1;
  state->touched.project = true;
  Batch batch;
  fleet::Rows::save(*state, batch, "plant/");
  add_all(content, batch);
  const auto verdict = verdict_of(content);
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_NE(verdict.findings.front().find("a secret"), std::string::npos);
  EXPECT_EQ(verdict.findings.front().find(state->key), std::string::npos);
}

// Writes the whole journal anew, each event as `change` leaves it, so that its own chain holds; and its rows.
Content rewritten(const test::World& world, const std::function<void(std::uint64_t, OrchestratorEvent&)>& change) {
  auto content = fleet_rows(world);
  const auto history = history_of(content);
  const auto& scope = history.scopes().front();
  auto head = scope.head;
  Chain before = head.base_chain;
  auto state = history.fleet_at(scope, 0);
  EXPECT_TRUE(state);
  Batch rows;
  EXPECT_TRUE(history.records(scope, 1, head.last, [&](std::uint64_t sequence, Chain, std::string_view bytes) {
    auto envelope = decode(bytes);
    EXPECT_TRUE(envelope);
    auto& event = std::get<OrchestratorEvent>(envelope->payload);
    change(sequence, event);
    envelope->after = before;
    const auto written = encode(*envelope);
    before = chain_after(before, written);
    content[journal_key(scope.prefix, head.id, sequence)] = big_endian(before.value) + written;
    auto recorded = decode_recorded<OrchestratorEvent>(written, sequence, before);
    EXPECT_TRUE(recorded);
    fleet::FleetMachine::apply(*state, *recorded);
    fleet::Rows::save(*state, rows, scope.prefix);
    return true;
  }));
  add_all(content, rows);
  head.chain = before;
  content["plant/m/head"] = head_row(head);
  return content;
}

TEST(Verify, ComparesWhatNodesToldWithTheirOwnChains) {
  const auto& world = finished_world();
  const auto untouched = verdict_of(rewritten(world, [](std::uint64_t, OrchestratorEvent&) {}));
  EXPECT_TRUE(untouched.holds()) << all(untouched);
  // An event of a node that it did not write so: only its own chain can tell.
  std::uint64_t hit = 0;
  const auto verdict = verdict_of(rewritten(world, [&](std::uint64_t sequence, OrchestratorEvent& event) {
    auto* stored = std::get_if<NodeEventStored>(&event);
    if (stored == nullptr || hit != 0 || !std::holds_alternative<Accepted>(stored->event)) return;
    hit = sequence;
    auto envelope = decode(stored->envelope);
    ASSERT_TRUE(envelope);
    envelope->at_ms += 1;
    stored->envelope = encode(*envelope);
  }));
  ASSERT_NE(hit, 0U);
  ASSERT_FALSE(verdict.holds());
  EXPECT_NE(verdict.findings.front().find("event " + std::to_string(hit) + " holds event"), std::string::npos) << all(verdict);
  EXPECT_NE(verdict.findings.front().find("does not follow by its chain"), std::string::npos) << all(verdict);
}

TEST(Verify, NoticesAnEventOfANodeThatIsStoredTwice) {
  std::optional<NodeEventStored> one;
  std::uint64_t hit = 0;
  const auto verdict = verdict_of(rewritten(finished_world(), [&](std::uint64_t sequence, OrchestratorEvent& event) {
    auto* stored = std::get_if<NodeEventStored>(&event);
    if (stored == nullptr || hit != 0) return;
    if (one && one->node == stored->node) {
      *stored = *one;
      hit = sequence;
    } else if (!one) {
      one = *stored;
    }
  }));
  ASSERT_NE(hit, 0U);
  EXPECT_NE(all(verdict).find("event " + std::to_string(hit) + " holds"), std::string::npos) << all(verdict);
  EXPECT_NE(all(verdict).find("was the next"), std::string::npos) << all(verdict);
}

TEST(Verify, FollowsTheChainsOfJournalsThatStayedBehind) {
  auto content = node_rows(finished_world().machines[0]);
  const auto whole = history_of(content);
  const JournalId old{5};
  Chain before = chain_start(old);
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) {
    Envelope envelope;
    envelope.journal = old;
    envelope.sequence = sequence;
    envelope.after = before;
    envelope.payload = NodeEvent{ClockDistrusted{}};
    const auto bytes = encode(envelope);
    before = chain_after(before, bytes);
    content[journal_key("node/", old, sequence)] = big_endian(before.value) + bytes;
  }
  EXPECT_TRUE(verdict_of(content).holds()) << all(verdict_of(content));
  auto cut = content;
  cut.erase(journal_key("node/", old, 2));
  EXPECT_NE(all(verdict_of(cut)).find("event 2 of journal 0000000000000005"), std::string::npos) << all(verdict_of(cut));
  auto torn = content;
  torn[journal_key("node/", old, 3)].back() ^= 1;
  EXPECT_NE(all(verdict_of(torn)).find("event 3 of journal 0000000000000005"), std::string::npos) << all(verdict_of(torn));
}

// The world's history, and then one node tells so much that it is read in many pieces.
struct Long {
  Content content;
  Scope scope;
};
Long lengthened(std::uint64_t events) {
  Long made;
  made.content = fleet_rows(finished_world());
  const auto history = history_of(made.content);
  made.scope = history.scopes().front();
  auto& head = made.scope.head;
  auto state = history.fleet_at(made.scope, head.last);
  EXPECT_TRUE(state);
  Batch rows;
  auto node = state->nodes.begin()->second;
  for (std::uint64_t i = 0; i < events; ++i) {
    Envelope told;
    told.journal = node.journal;
    told.sequence = ++node.upto;
    told.after = node.chain;
    told.payload = NodeEvent{ClockDistrusted{}};
    NodeEventStored stored{node.id, node.journal, node.upto, {}, 0, false, encode(told), ClockDistrusted{}};
    node.chain = stored.chain = chain_after(node.chain, stored.envelope);
    Envelope envelope;
    envelope.journal = head.id;
    envelope.sequence = ++head.last;
    envelope.after = head.chain;
    envelope.payload = OrchestratorEvent{stored};
    const auto written = encode(envelope);
    head.chain = chain_after(head.chain, written);
    made.content[journal_key(made.scope.prefix, head.id, head.last)] = big_endian(head.chain.value) + written;
    auto recorded = decode_recorded<OrchestratorEvent>(written, head.last, head.chain);
    EXPECT_TRUE(recorded);
    fleet::FleetMachine::apply(*state, *recorded);
  }
  fleet::Rows::save(*state, rows, made.scope.prefix);
  add_all(made.content, rows);
  made.content["plant/m/head"] = head_row(head);
  return made;
}

Verdict verdict_as_told(const Content& content) {
  auto history = History::of(std::make_shared<const MemoryStore>(content), "memory", {}, Chains::as_told);
  if (!history) throw std::runtime_error(history.error().message);
  auto verdict = verify(*history, history->scopes().front());
  if (!verdict) throw std::runtime_error(verdict.error().message);
  return *verdict;
}

TEST(Verify, ReadsALongHistoryInPiecesAndTellsTheFirstThingThatIsWrong) {
  const auto whole = lengthened(5'000);
  const auto& head = whole.scope.head;
  ASSERT_GT(head.last, 5'000U);
  for (const auto& verdict : {verdict_of(whole.content), verdict_as_told(whole.content)}) {
    EXPECT_TRUE(verdict.holds()) << all(verdict);
    EXPECT_EQ(verdict.events, head.last);
    EXPECT_GT(verdict.node_events, 5'000U);
  }
  // Wherever a piece begins or ends; and a later harm changes nothing of what is said of the first.
  for (const std::uint64_t hit :
       {std::uint64_t{511}, std::uint64_t{512}, std::uint64_t{513}, std::uint64_t{1'024}, std::uint64_t{2'999}, head.last}) {
    SCOPED_TRACE(hit);
    for (const bool gone : {false, true}) {
      auto content = whole.content;
      const auto key = [&](std::uint64_t sequence) { return journal_key(whole.scope.prefix, head.id, sequence); };
      content[key(hit)].back() ^= 1;
      if (gone) content.erase(key(hit));
      if (hit + 700 < head.last) content.erase(key(hit + 700));
      const auto verdict = verdict_as_told(content);
      ASSERT_EQ(verdict.findings.size(), 1U) << all(verdict);
      EXPECT_EQ(verdict.findings.front(), verdict.scope.damage);
      EXPECT_NE(verdict.findings.front().find("event " + std::to_string(hit) + " of journal"), std::string::npos) << all(verdict);
      EXPECT_EQ(verdict.scope.head.last, hit - 1);
      EXPECT_EQ(verdict.events, hit - 1);
      EXPECT_EQ(verdict.rows, 0U) << "rows behind damage are not compared";
      const auto followed = verdict_of(content);
      EXPECT_EQ(followed.findings, verdict.findings);
      EXPECT_EQ(followed.events, verdict.events);
      EXPECT_EQ(followed.node_events, verdict.node_events);
    }
  }
}

TEST(Verify, FollowsTheChainBehindAnEventThatCannotBeRead) {
  auto whole = lengthened(1'500);
  auto& head = whole.scope.head;
  // In the place of one event are bytes that are none; all chains hold, as those of who wrote them so.
  Chain before = head.base_chain;
  for (std::uint64_t sequence = 1; sequence <= head.last; ++sequence) {
    auto& record = whole.content[journal_key(whole.scope.prefix, head.id, sequence)];
    const std::string bytes = sequence == 700 ? "nothing" : record.substr(8);
    before = chain_after(before, bytes);
    record = big_endian(before.value) + bytes;
  }
  head.chain = before;
  whole.content["plant/m/head"] = head_row(head);
  auto verdict = verdict_as_told(whole.content);
  ASSERT_EQ(verdict.findings.size(), 1U) << all(verdict);
  EXPECT_NE(verdict.findings.front().find("event 700 cannot be read"), std::string::npos) << all(verdict);
  EXPECT_EQ(verdict.scope.damage, "");
  EXPECT_EQ(verdict.events, head.last);
  // And a break of the chain behind it is told, too, before it.
  whole.content[journal_key(whole.scope.prefix, head.id, 1'300)].back() ^= 1;
  verdict = verdict_as_told(whole.content);
  ASSERT_EQ(verdict.findings.size(), 2U) << all(verdict);
  EXPECT_NE(verdict.findings[0].find("event 1300 of journal"), std::string::npos) << all(verdict);
  EXPECT_NE(verdict.findings[1].find("event 700 cannot be read"), std::string::npos) << all(verdict);
  EXPECT_EQ(verdict.events, 1'299U);
}

// ---- the command -----------------------------------------------------------------------------------------------------------

TEST(VerifyCommand, EndsWithZeroOneOrFiveAndSaysWhyInBothForms) {
  test::TemporaryDirectory directory;
  auto content = fleet_rows(finished_world());
  put_store(directory / "good", content);
  const auto node = content.lower_bound("plant/r/node/");
  auto lost = content;
  lost.erase(node->first);
  put_store(directory / "different", lost);
  auto torn = content;
  const auto history = history_of(content);
  torn[journal_key("plant/", history.scopes().front().head.id, 9)].back() ^= 1;
  put_store(directory / "damaged", torn);
  const struct {
    std::string name;
    int code;
    std::string words;
  } table[] = {
      {"good", exit_done, "every chain holds"}, {"different", exit_failed, "WRONG: row node"}, {"damaged", exit_damaged, "DAMAGED"}};
  for (const auto& row : table) {
    const auto said = call({"verify", directory / row.name});
    EXPECT_EQ(said.code, row.code) << said.out << said.err;
    EXPECT_NE(said.out.find(row.words), std::string::npos) << said.out;
    const auto json = call({"verify", directory / row.name, "--output", "json"});
    EXPECT_EQ(json.code, row.code);
    EXPECT_NE(json.out.find(row.code == exit_done ? "\"holds\":true}" : "\"holds\":false}"), std::string::npos) << json.out;
  }
}

}  // namespace
}  // namespace abide::replay
