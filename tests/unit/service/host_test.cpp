#include "common/service/host.hpp"

#include <gtest/gtest.h>
#include <limits>

#include "common/core/random.hpp"
#include "tests/unit/service/toy_machine.hpp"

namespace abide {
namespace {

using ToyHost = Host<ToyMachine, ToyRows>;
using Kind = ToyInput::Kind;

constexpr JournalId first_journal{0xAAAA};
constexpr SessionId session{0x5E55};

class HostTest : public testing::Test {
 protected:
  HostTest() {
    now_.wall_ms = 1'764'000'000'000;
    now_.mono_ms = 5'000;
    start();
  }

  // What a process does when it starts.
  void start() {
    auto opened = ToyHost::open(ToyMachine{}, *store_, scope_, {}, session);
    ASSERT_TRUE(opened) << opened.error().message;
    host_ = std::make_unique<ToyHost>(std::move(*opened));
    batch_.clear();
    if (!host_->empty()) return;
    host_->begin(first_journal, batch_);
    commit();
  }
  // The process dies with what it had not committed.
  void crash_and_start() {
    store_ = std::make_unique<MemoryStore>(store_->content());
    start();
  }
  void take(const ToyInput& input, const Cause& cause = {}) { host_->take(input, now_, cause, batch_); }
  ToyHost::Done commit() {
    host_->save(batch_);
    const auto done = store_->commit(batch_);
    EXPECT_TRUE(done) << done.error().message;
    batch_.clear();
    return host_->committed();
  }
  void accept(std::uint64_t offer, std::uint64_t times = 1) {
    take({Kind::accept, offer, times, ""});
    commit();
  }
  void damage(const std::string& key, std::optional<std::string> value) {
    Batch batch;
    if (value) {
      batch.put(key, *value);
    } else {
      batch.erase(key);
    }
    ASSERT_TRUE(store_->commit(batch));
  }
  // Empty: all is well. Else the keys that differ, or the error.
  std::string verify() {
    auto differing = ToyHost::verify(*store_, scope_);
    if (!differing) return std::string(to_string(differing.error().code)) + ": " + differing.error().message;
    std::string keys;
    for (const auto& key : *differing) keys += key + " ";
    return keys;
  }

  const std::string scope_ = "node/";
  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
  std::unique_ptr<ToyHost> host_;
  Batch batch_;
  Now now_;
};

TEST_F(HostTest, IsEmptyInAnEmptyStoreUntilItsFirstJournalIsBegun) {
  MemoryStore store;
  auto host = ToyHost::open(ToyMachine{}, store, scope_, {}, session);
  ASSERT_TRUE(host);
  EXPECT_TRUE(host->empty());
  Batch batch;
  host->begin(first_journal, batch);
  EXPECT_FALSE(host->empty());
  EXPECT_EQ(host->journal().head().last, 0U);
  EXPECT_TRUE(ToyHost::verify(store, scope_)->empty());
}

TEST_F(HostTest, LetsADecisionReadTheStateThatItsOwnEventsHaveMade) {
  take({Kind::accept, 7, 3, ""});
  EXPECT_EQ(commit().messages, std::vector<std::string>{"now 3"});
}

TEST_F(HostTest, HandsOutEventsAndMessagesOnce) {
  take({Kind::accept, 7, 2, ""});
  const auto done = commit();
  EXPECT_EQ(done.events.size(), 2U);
  EXPECT_EQ(done.messages.size(), 1U);
  const auto again = host_->committed();
  EXPECT_TRUE(again.events.empty());
  EXPECT_TRUE(again.messages.empty());
}

TEST_F(HostTest, RecordsWhenByWhomAndWhyWithEachEvent) {
  now_.trusted = true;
  take({Kind::accept, 7, 2, ""}, {JournalId{0xBBBB}, 12, "request-1"});
  const auto done = commit();
  ASSERT_EQ(done.events.size(), 2U);
  const auto second = decode(done.events[1].bytes);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->journal, first_journal);
  EXPECT_EQ(second->sequence, 2U);
  EXPECT_EQ(second->after, chain_after(chain_start(first_journal), done.events[0].bytes));
  EXPECT_EQ(second->session, session);
  EXPECT_EQ(second->at_ms, now_.wall_ms);
  EXPECT_TRUE(second->clock_trusted);
  EXPECT_EQ(second->cause, (Cause{JournalId{0xBBBB}, 12, "request-1"}));
  EXPECT_EQ(done.events[1].recorded.chain, host_->journal().head().chain);
  EXPECT_EQ(done.events[1].recorded.after, second->after);
}

TEST_F(HostTest, PublishesTheVeryBytesThatItHasJournaled) {
  take({Kind::accept, 7, 2, ""});
  const auto done = commit();
  std::vector<std::string> journaled;
  ASSERT_TRUE(host_->journal().read(1, 2, [&](std::uint64_t, Chain, std::string_view bytes) {
    journaled.emplace_back(bytes);
    return true;
  }));
  EXPECT_EQ(journaled, (std::vector{done.events[0].bytes, done.events[1].bytes}));
}

TEST_F(HostTest, KeepsEventsHeadAndRowsInOneBatch) {
  const auto before = store_->commits();
  take({Kind::accept, 7, 2, ""});
  take({Kind::accept, 8, 1, ""});
  take({Kind::keep, 0, 1, "blob"});
  EXPECT_EQ(store_->commits(), before);
  commit();
  EXPECT_EQ(store_->commits(), before + 1);
  EXPECT_EQ(**store_->get("node/b/kept"), "blob");
}

TEST_F(HostTest, WritesNothingForAnInputThatMeansNothing) {
  take({});
  host_->save(batch_);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(host_->link().inputs, 1U);
}

TEST_F(HostTest, GoesOnAfterACrashFromWhatWasCommitted) {
  accept(7, 2);
  const ToyState committed = host_->state();
  take({Kind::accept, 7, 5, ""});  // power fails before the commit
  crash_and_start();
  EXPECT_EQ(host_->state(), committed);
  EXPECT_EQ(host_->journal().head().last, 2U);
  accept(8);
  EXPECT_EQ(host_->journal().head().last, 3U);
  EXPECT_EQ(verify(), "");
}

TEST_F(HostTest, LosesNothingThatACommitThatFailedHadNotGiven) {
  accept(7);
  store_->fail_commits(Error{Code::unavailable, "disk full"});
  take({Kind::accept, 7, 1, ""});
  host_->save(batch_);
  ASSERT_FALSE(store_->commit(batch_));
  crash_and_start();
  EXPECT_EQ(ToyMachine::count(host_->state(), 7), 1U);
  EXPECT_EQ(verify(), "");
}

TEST_F(HostTest, AsksTheMachineWhatToDoInTheStateThatItLoaded) {
  accept(7);
  crash_and_start();
  EXPECT_EQ(host_->todo(now_), std::vector<std::string>{"stage 7"});
  EXPECT_EQ(host_->look_again(now_), now_.mono_ms + 1000);
}

TEST_F(HostTest, FoldsToTheStateAtAnyEvent) {
  accept(7);
  accept(7);
  take({Kind::cancel, 7, 1, ""});
  commit();
  for (const auto& [upto, count] : {std::pair{0, 0}, std::pair{1, 1}, std::pair{2, 2}, std::pair{3, 0}}) {
    const auto state = ToyHost::fold(*store_, scope_, static_cast<std::uint64_t>(upto));
    ASSERT_TRUE(state) << upto;
    EXPECT_EQ(ToyMachine::count(*state, 7), static_cast<std::uint64_t>(count)) << upto;
  }
  EXPECT_EQ(*ToyHost::fold(*store_, scope_, 3), host_->state());
  EXPECT_EQ(ToyHost::fold(*store_, scope_, 4).error().code, Code::corrupt);
}

TEST_F(HostTest, TrimsOnlyWhatIsAcknowledgedAndOlderThanWhatItKeeps) {
  accept(7, 10);
  ASSERT_TRUE(host_->trim(0, batch_));
  EXPECT_EQ(host_->journal().head().base, 0U);  // nothing is acknowledged
  take({Kind::acknowledge, 8, 1, ""});
  commit();
  ASSERT_TRUE(host_->trim(5, batch_));
  commit();
  EXPECT_EQ(host_->journal().head().base, 5U);
  ASSERT_TRUE(host_->trim(0, batch_));
  commit();
  EXPECT_EQ(host_->journal().head().base, 8U);
  ASSERT_TRUE(host_->trim(100, batch_));
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(verify(), "");
  EXPECT_EQ(*ToyHost::fold(*store_, scope_, 10), host_->state());
  EXPECT_EQ(ToyHost::fold(*store_, scope_, 7).error().code, Code::not_found);
  crash_and_start();
  EXPECT_EQ(ToyMachine::count(host_->state(), 7), 10U);
}

TEST_F(HostTest, CarriesItsStateIntoANewJournal) {
  accept(7, 2);
  take({Kind::fork, 0xBBBB, 1, ""});
  take({Kind::accept, 7, 1, ""});
  const auto done = commit();
  EXPECT_EQ(host_->journal().head().id, JournalId{0xBBBB});
  EXPECT_EQ(host_->journal().head().last, 2U);
  ASSERT_EQ(done.events.size(), 2U);
  EXPECT_EQ(done.events[0].recorded.after, chain_start(JournalId{0xBBBB}));
  EXPECT_EQ(verify(), "");
  EXPECT_EQ(ToyMachine::count(*ToyHost::fold(*store_, scope_, 0), 7), 2U);
  crash_and_start();
  EXPECT_EQ(ToyMachine::count(host_->state(), 7), 3U);
  EXPECT_EQ(verify(), "");
}

TEST_F(HostTest, CarriesEvenWhatTheSameBatchHasChangedIntoANewJournal) {
  take({Kind::accept, 7, 2, ""});
  take({Kind::fork, 0xBBBB, 1, ""});
  commit();
  EXPECT_EQ(ToyMachine::count(*ToyHost::fold(*store_, scope_, 0), 7), 2U);
  EXPECT_EQ(verify(), "");
}

TEST_F(HostTest, TellsInTheNextEventHowManyWereOnlyCounted) {
  host_->omit();
  host_->omit();
  take({Kind::accept, 7, 2, ""});
  const auto done = commit();
  EXPECT_EQ(decode(done.events[0].bytes)->omitted, 2U);
  EXPECT_EQ(decode(done.events[1].bytes)->omitted, 0U);
}

TEST_F(HostTest, AppliesWhatAFoldWillReadWhereATextIsLongerThanTheContractAllows) {
  take({Kind::note, 0, 1, std::string(100'000, 'x')});
  commit();
  EXPECT_LT(host_->state().note.size(), 100'000U);
  EXPECT_EQ(verify(), "");
}

TEST_F(HostTest, AppliesWhatAFoldWillReadOfAnOverlongRequestAndAnImpossibleTime) {
  now_.wall_ms = std::numeric_limits<std::int64_t>::min();
  take({Kind::accept, 7, 1, ""}, {{}, 0, std::string(1'000, 'r')});
  commit();
  EXPECT_EQ(verify(), "");
}

TEST_F(HostTest, SharesABatchWithAnotherHost) {
  auto other = ToyHost::open(ToyMachine{}, *store_, "other/", {}, session);
  ASSERT_TRUE(other);
  other->begin(JournalId{0xCCCC}, batch_);
  take({Kind::accept, 7, 1, ""});
  other->take({Kind::accept, 9, 2, ""}, now_, {}, batch_);
  other->save(batch_);
  const auto before = store_->commits();
  commit();
  EXPECT_EQ(store_->commits(), before + 1);
  EXPECT_EQ(verify(), "");
  EXPECT_TRUE(ToyHost::verify(*store_, "other/")->empty());
  EXPECT_EQ(ToyMachine::count(host_->state(), 9), 0U);
}

TEST_F(HostTest, VerifiesRowsAgainstTheFold) {
  accept(7, 2);
  accept(8);
  EXPECT_EQ(verify(), "");
  const auto seven = row_key(scope_, "offer", big_endian(7));
  const auto eight = row_key(scope_, "offer", big_endian(8));
  const auto nine = row_key(scope_, "offer", big_endian(9));
  damage(seven, "3");
  damage(eight, std::nullopt);
  damage(nine, "1");
  EXPECT_EQ(verify(), seven + " " + eight + " " + nine + " ");
  EXPECT_EQ(ToyHost::verify(*store_, scope_, 1)->size(), 1U);
}

TEST_F(HostTest, VerifiesMoreEventsThanItKeepsChangesOf) {
  for (int i = 0; i < 4; ++i) accept(static_cast<std::uint64_t>(i), 1000);
  EXPECT_EQ(verify(), "");
  damage(row_key(scope_, "offer", big_endian(2)), "999");
  EXPECT_NE(verify(), "");
}

TEST_F(HostTest, VerifiesTheChain) {
  accept(7, 3);
  const auto key = journal_key(scope_, first_journal, 2);
  std::string record = **store_->get(key);
  record.back() ^= 1;
  damage(key, record);
  EXPECT_EQ(verify(), "corrupt: the chain breaks at sequence 2");
}

TEST_F(HostTest, VerifiesALongJournalInPiecesAndTellsTheFirstThingThatIsWrong) {
  for (std::uint64_t offer = 1; offer <= 3; ++offer) accept(offer, 1'000);
  const auto whole = store_->content();
  ASSERT_EQ(verify(), "");
  const auto last = host_->journal().head().last;
  ASSERT_GT(last, 10 * piece_events_max);
  const auto key = [&](std::uint64_t sequence) { return journal_key(scope_, first_journal, sequence); };
  // Wherever a piece begins or ends; what is wrong behind it changes nothing.
  for (const std::uint64_t hit : {std::uint64_t{1}, piece_events_max, piece_events_max + 1, 5 * piece_events_max - 1, last - 1}) {
    SCOPED_TRACE(hit);
    auto torn = whole;
    torn[key(hit)].back() ^= 1;
    if (hit + 600 < last) torn.erase(key(hit + 600));
    store_ = std::make_unique<MemoryStore>(torn);
    EXPECT_EQ(verify(), "corrupt: the chain breaks at sequence " + std::to_string(hit));
    auto cut = whole;
    cut.erase(key(hit));
    if (hit + 600 < last) cut[key(hit + 600)].back() ^= 1;
    store_ = std::make_unique<MemoryStore>(cut);
    EXPECT_NE(verify().find("event " + std::to_string(hit) + " of"), std::string::npos) << verify();
  }
  // An event that is none, with a chain that is its own: the event after it breaks, but is not reached.
  auto strange = whole;
  const Chain before{from_big_endian(std::string_view(whole.at(key(699))).substr(0, 8))};
  strange[key(700)] = big_endian(chain_after(before, "nothing").value) + "nothing";
  store_ = std::make_unique<MemoryStore>(strange);
  EXPECT_EQ(verify(), "corrupt: envelope: 7 bytes are too few");
}

TEST_F(HostTest, VerifiesThatNoEventIsMissing) {
  accept(7, 3);
  damage(journal_key(scope_, first_journal, 2), std::nullopt);
  EXPECT_NE(verify().find("event 2 of"), std::string::npos);
  EXPECT_EQ(ToyHost::fold(*store_, scope_, 3).error().code, Code::corrupt);
}

TEST_F(HostTest, VerifiesThatItsSnapshotIsThere) {
  accept(7);
  damage("node/s/base", std::nullopt);
  EXPECT_EQ(verify(), "corrupt: the snapshot at base 0 is missing");
}

TEST_F(HostTest, DoesNotOpenADamagedJournal) {
  accept(7);
  damage(journal_key(scope_, first_journal, 1), std::nullopt);
  const auto opened = ToyHost::open(ToyMachine{}, *store_, scope_, {}, session);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::corrupt);
}

TEST_F(HostTest, RefusesRecordsThatAreNoEventsOfItsJournal) {
  Envelope envelope;
  envelope.sequence = 3;
  envelope.payload = NodeEvent(Accepted{});
  const auto event = encode(envelope);
  EXPECT_TRUE(decode_recorded<NodeEvent>(event, 3, {}));
  EXPECT_EQ(decode_recorded<NodeEvent>(event, 4, {}).error().code, Code::corrupt);
  EXPECT_EQ(decode_recorded<OrchestratorEvent>(event, 3, {}).error().code, Code::corrupt);
  EXPECT_EQ(decode_recorded<NodeEvent>("no envelope", 3, {}).error().code, Code::corrupt);
}

using HostDeathTest = HostTest;

TEST_F(HostDeathTest, StopsAMachineThatNeverStopsDeciding) {
  EXPECT_DEATH(take({Kind::accept, 7, events_per_input_max + 1, ""}), "events_per_input_max");
}

TEST_F(HostDeathTest, StopsWhenAnEventComesBeforeAJournal) {
  MemoryStore store;
  auto host = ToyHost::open(ToyMachine{}, store, scope_, {}, session);
  Batch batch;
  EXPECT_DEATH(host->take({Kind::accept, 7, 1, ""}, now_, {}, batch), "head.id");
}

// Whatever comes, and wherever the process dies, the fold gives the rows, and both give the state.
TEST_F(HostTest, AgreesWithItsFoldAfterAnyHistory) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random{seed};
    store_ = std::make_unique<MemoryStore>();
    start();
    for (int step = 0; step < 200; ++step) {
      now_.wall_ms += static_cast<std::int64_t>(random.below(1000)) - 100;
      const std::uint64_t what = random.below(20);
      const std::uint64_t offer = random.below(5);
      if (what < 10) take({Kind::accept, offer, 1 + random.below(3), ""});
      if (what == 10 || what == 11) take({Kind::cancel, offer, 1, ""});
      if (what == 12) take({Kind::fork, random.next_id(), 1, ""});
      if (what == 13) take({Kind::acknowledge, random.below(host_->journal().head().last + 1), 1, ""});
      if (what == 14) take({Kind::note, 0, 1, "note " + std::to_string(step)});
      if (what < 17) commit();
      if (what == 17) {
        commit();
        ASSERT_TRUE(host_->trim(random.below(5), batch_));
        commit();
      }
      if (what == 19) crash_and_start();
    }
    commit();
    ASSERT_EQ(verify(), "");
    const ToyState state = host_->state();
    crash_and_start();
    ASSERT_EQ(host_->state(), state);
    ASSERT_EQ(*ToyHost::fold(*store_, scope_, host_->journal().head().last), state);
  }
}

}  // namespace
}  // namespace abide
