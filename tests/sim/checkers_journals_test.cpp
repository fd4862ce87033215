// Checkers of journals and disks.
#include "tests/sim/checkers_bench.hpp"

namespace abide::sim {
namespace {

using testing::HasSubstr;

constexpr Number number{1000, 1};

// ---- durable-first

TEST(DurableFirstChecker, FindsAnEventAndAHelloThatAreOnNoDisk) {
  Ran ran;
  ran.watch({"durable-first"});
  const auto topic = topics::from_node(project, ran.machine().id(), topics::FromNode::status);
  const auto event_of = [&](std::uint64_t sequence) {
    const auto record = ran.machine().disk().get(journal_key(node_scope, ran.machine().head().id, sequence));
    return record && *record ? (*record)->substr(8) : std::string();
  };
  ran.checkers().published(ran.world(), 0, {topic, event_of(1), 1, false});
  EXPECT_EQ(ran.found(), 0U) << ran.what();
  Envelope envelope;
  envelope.journal = ran.machine().head().id;
  envelope.sequence = ran.machine().head().last + 1;
  envelope.payload = NodeEvent(ClockDistrusted{});
  ran.checkers().published(ran.world(), 0, {topic, encode(envelope), 1, false});
  EXPECT_THAT(ran.what(), HasSubstr("which is not on its disk"));
  envelope.sequence = 1;
  ran.checkers().published(ran.world(), 0, {topic, encode(envelope), 1, false});
  EXPECT_EQ(ran.found(), 2U) << "on the disk it says something else";
  envelope.sequence = 0;
  envelope.payload = Hello{};
  ran.checkers().published(ran.world(), 0, {topic, encode(envelope), 1, false});
  EXPECT_THAT(ran.checkers().findings().back().what, HasSubstr("says hello with a state"));
}

TEST(DurableFirstChecker, FindsADocumentAndAnAcknowledgementThatAreNotCommitted) {
  Bench bench("durable-first");
  const auto issued = bench.document(number, number);
  const auto topic = topics::document(project, bench.node(), DocumentTopic::policy_linked);
  bench.issue(issued);
  bench.said(topic, issued.document);
  EXPECT_EQ(bench.found(), 0U) << bench.what();
  auto another = issued.document;
  another.number.revision += 1;
  bench.said(topic, another);
  EXPECT_THAT(bench.what(), HasSubstr("says document"));
  Received received;
  received.journal = bench.journal_id();
  received.upto = 5;
  bench.said(topics::received(project, bench.node()), received);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("acknowledges 5"));
}

// ---- unbroken-journals

TEST(UnbrokenJournalsChecker, FindsARepeatAGapAndWhatNobodyHasJournaled) {
  Ran ran({"unbroken-journals"});
  EXPECT_EQ(ran.found(), 0U) << ran.what();
  const auto& fact = ran.checkers().facts().node(ran.machine().id());
  NodeEventStored stored;
  stored.node = ran.machine().id();
  stored.journal = fact.journal;
  stored.sequence = fact.upto;
  stored.chain = fact.chain;
  const auto tell = [&] {
    std::vector<Journaled<OrchestratorEvent>> events(1);
    events[0].recorded.event = stored;
    const Now now{};
    ran.checkers().decided(ran.world(), FleetDecided{fleet::Tick{}, now, events, ran.world().control().state()});
    ran.checkers().fleet_committed(ran.world());
  };
  tell();
  EXPECT_THAT(ran.what(), HasSubstr("is stored after event"));
  const auto before = ran.found();
  stored.sequence = fact.upto + 2;
  tell();
  EXPECT_GT(ran.found(), before);
  stored.sequence = fact.upto + 1;
  stored.envelope = "what no machine has said";
  stored.chain = chain_after(fact.chain, stored.envelope);
  tell();
  EXPECT_THAT(ran.checkers().findings().back().what, HasSubstr("was never journaled so by any machine"));
  const auto last = ran.found();
  stored.journal = JournalId{4711};
  tell();
  EXPECT_GT(ran.found(), last) << "of another journal";
}

TEST(UnbrokenJournalsChecker, FindsAGapOfEventsThatWereNeverStored) {
  Bench bench("unbroken-journals");
  GapNoted gap;
  gap.node = bench.node();
  gap.from = 1;
  gap.upto = 4;
  gap.chain = Chain{99};
  bench.fleet({gap});
  EXPECT_THAT(bench.what(), HasSubstr("were never stored"));
}

TEST(UnbrokenJournalsChecker, LetsAGapThroughThatARestoreHasMade) {
  Bench bench("unbroken-journals");
  JournalAdopted adopted{bench.node(), bench.journal_id(), 0, Chain{2}};
  bench.fleet({adopted});
  bench.journal(ClockDistrusted{});
  NodeEventStored stored;
  stored.node = bench.node();
  stored.journal = bench.journal_id();
  stored.sequence = 1;
  stored.envelope = "event";
  stored.chain = chain_after(Chain{2}, "event");
  bench.fleet({stored});
  const auto before = bench.found();  // nobody has journaled it: of no interest here
  bench.checkers().restored(bench.world());
  bench.fleet({adopted}, fleet::Started{});
  GapNoted gap{bench.node(), bench.journal_id(), 1, 1, stored.chain};
  bench.fleet({gap});
  EXPECT_EQ(bench.found(), before) << bench.checkers().findings().back().what;
}

// ---- stored-first

TEST(StoredFirstChecker, FindsAnAcknowledgementOfWhatWasNeverStored) {
  Ran seen({"stored-first"});
  EXPECT_GT(seen.machine().head().acked, 0U);
  EXPECT_EQ(seen.found(), 0U) << seen.what();
  Ran ran;
  ran.watch({"stored-first"});  // has not seen anything stored
  ran.checkers().node_committed(ran.world(), 0);
  EXPECT_THAT(ran.what(), HasSubstr("has never stored them"));
}

// ---- fold-is-rows

TEST(FoldIsRowsChecker, FindsARowThatIsNotTheFoldOfItsJournal) {
  Ran ran({"fold-is-rows"});
  auto older = ran.machine().copy_disk();
  ran.offer(newer_version);
  ran.world().pass(600'000);
  auto mixed = ran.machine().copy_disk();
  bool changed = false;
  for (auto& [key, value] : mixed) {
    if (!key.starts_with("node/r/") || !older.contains(key)) continue;
    changed = changed || value != older[key];
    value = older[key];
  }
  ASSERT_TRUE(changed);
  EXPECT_EQ(ran.found(), 0U) << ran.what();
  ran.machine().put_back(std::move(mixed));
  ran.checkers().ended(ran.world());
  EXPECT_THAT(ran.what(), HasSubstr("differ from the fold"));
}

}  // namespace
}  // namespace abide::sim
