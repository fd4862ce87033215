#include "edge-agent/outbox.hpp"

#include <gtest/gtest.h>

#include "common/store/memory_store.hpp"

namespace abide::agent {
namespace {

struct Bench {
  Bench() : journal(*Journal::open(store, "node/")) {
    Batch batch;
    journal.begin(batch, JournalId{7});
    for (int i = 0; i < 40; ++i) journal.append(batch, "event " + std::to_string(i + 1));
    EXPECT_TRUE(store.commit(batch));
    link.connected = true;
    link.welcomed = true;
    link.welcomes = 1;
    link.send_from = 1;
  }
  Result<void> pump() {
    return outbox.pump(link, journal, now_mono_ms, [this](std::uint64_t sequence, std::string_view bytes) -> Result<std::uint64_t> {
      if (refuse) return fail(Code::unavailable, "full");
      EXPECT_EQ(bytes, "event " + std::to_string(sequence));
      sent.push_back(sequence);
      return ++ticket;
    });
  }
  MemoryStore store;
  Journal journal;
  node::Link link;
  Outbox outbox;
  bool refuse = false;
  std::int64_t now_mono_ms = 5'000;
  std::uint64_t ticket = 0;
  std::vector<std::uint64_t> sent;
};

TEST(Outbox, SendsNothingBeforeTheWelcome) {
  Bench bench;
  bench.link.hello_answered = false;
  EXPECT_TRUE(bench.pump());
  bench.link.hello_answered = true;
  bench.link.welcomed = false;
  EXPECT_TRUE(bench.pump());
  bench.link.connected = false;
  EXPECT_TRUE(bench.pump());
  EXPECT_TRUE(bench.sent.empty());
}

TEST(Outbox, KeepsAtMostSixteenWithoutAcknowledgement) {
  Bench bench;
  EXPECT_TRUE(bench.pump());
  EXPECT_TRUE(bench.pump());
  ASSERT_EQ(bench.sent.size(), 16U);
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) bench.outbox.published(ticket);
  EXPECT_TRUE(bench.pump());
  EXPECT_EQ(bench.sent.size(), 19U);
  EXPECT_EQ(bench.sent.back(), 19U);
}

TEST(Outbox, BeginsAnewWithEveryWelcomeWhereTheOrchestratorSays) {
  Bench bench;
  EXPECT_TRUE(bench.pump());
  bench.outbox.disconnected();
  bench.link.welcomes = 2;
  bench.link.send_from = 5;
  bench.sent.clear();
  EXPECT_TRUE(bench.pump());
  EXPECT_EQ(bench.sent.front(), 5U);
  // What is still on its way in the same connection counts on.
  bench.link.welcomes = 3;
  bench.sent.clear();
  EXPECT_TRUE(bench.pump());
  EXPECT_TRUE(bench.sent.empty());
}

TEST(Outbox, BeginsAboveWhatTheJournalNoLongerHas) {
  Bench bench;
  Batch batch;
  bench.journal.set_acked(batch, 40);
  bench.journal.trim(batch, 30);
  ASSERT_TRUE(bench.store.commit(batch));
  EXPECT_TRUE(bench.pump());
  ASSERT_EQ(bench.sent.size(), 10U);
  EXPECT_EQ(bench.sent.front(), 31U);
}

TEST(Outbox, LeavesRoomForOthersWhereItHasMuchToSay) {
  Bench bench;
  Batch batch;
  for (int i = 40; i < 5'000; ++i) bench.journal.append(batch, "event " + std::to_string(i + 1));
  ASSERT_TRUE(bench.store.commit(batch));
  const auto all_taken = [&] {
    for (std::size_t before = bench.sent.size() + 1; before != bench.sent.size();) {
      before = bench.sent.size();
      ASSERT_TRUE(bench.pump());
      for (std::uint64_t ticket = 1; ticket <= bench.ticket; ++ticket) bench.outbox.published(ticket);
    }
  };
  all_taken();
  EXPECT_GT(bench.sent.size(), 256U - 16);
  EXPECT_LE(bench.sent.size(), 256U);
  // It says when it goes on, and calls before that bring nothing.
  ASSERT_TRUE(bench.outbox.look_mono_ms());
  EXPECT_GT(*bench.outbox.look_mono_ms(), bench.now_mono_ms);
  EXPECT_LE(*bench.outbox.look_mono_ms(), bench.now_mono_ms + 32);
  for (; bench.now_mono_ms < 7'000; bench.now_mono_ms = bench.outbox.look_mono_ms().value_or(7'000)) all_taken();
  EXPECT_GT(bench.sent.size(), 1'256U - 32);
  EXPECT_LE(bench.sent.size(), 1'256U);
  // In order, none left out, to the last.
  for (; bench.sent.size() < 5'000 && bench.now_mono_ms < 60'000; bench.now_mono_ms = bench.outbox.look_mono_ms().value_or(60'000))
    all_taken();
  ASSERT_EQ(bench.sent.size(), 5'000U);
  for (std::uint64_t sequence = 1; sequence <= 5'000; ++sequence) ASSERT_EQ(bench.sent[sequence - 1], sequence);
  EXPECT_FALSE(bench.outbox.look_mono_ms());
}

TEST(Outbox, TriesAgainWhatTheBusDidNotTake) {
  Bench bench;
  bench.refuse = true;
  EXPECT_EQ(bench.pump().error().code, Code::unavailable);
  bench.refuse = false;
  EXPECT_TRUE(bench.pump());
  EXPECT_EQ(bench.sent.front(), 1U);
}

}  // namespace
}  // namespace abide::agent
