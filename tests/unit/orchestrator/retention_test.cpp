// Events that are kept for a time only: which are old, and what takes their place.
#include "orchestrator/retention.hpp"

#include <gtest/gtest.h>

#include "common/store/base.hpp"
#include "orchestrator/check.hpp"
#include "tests/unit/orchestrator/written.hpp"

namespace abide::test {
namespace {

using orchestrator::events_trimmed_max;
using orchestrator::events_trimmed_min;
using orchestrator::find_old_events;
using FleetHost = Written::FleetHost;

const orchestrator::GoOn always = [] { return true; };

bool trim(MemoryStore& store, const std::string& scope, std::uint64_t base) {
  auto host = FleetHost::open({}, store, scope, {}, {});
  auto made = FleetHost::make_trim(store, scope, base, always);
  EXPECT_TRUE(made) << made.error().message;
  Batch batch;
  if (!host->trim(made->value(), batch)) return false;
  EXPECT_TRUE(store.commit(batch));
  return true;
}

std::string differences(const Reader& store, const std::string& scope) {
  auto differing = FleetHost::verify(store, scope);
  if (!differing) return differing.error().message;
  std::string keys;
  for (const auto& key : *differing) keys += key + " ";
  return keys;
}

std::map<std::string, std::string> rows_below(const Reader& reader, const std::string& prefix) {
  std::map<std::string, std::string> rows;
  EXPECT_TRUE(reader.scan(prefix, after_prefix(prefix), [&](std::string_view key, std::string_view value) {
    rows.emplace(key.substr(prefix.size()), value);
    return true;
  }));
  return rows;
}

// ---- what takes the place of events --------------------------------------------------------------------------------------

TEST(Trim, WhereverItEndsTheJournalStillFoldsToAllRows) {
  MemoryStore whole;
  Written written(whole);
  write_a_life(written);
  ASSERT_EQ(differences(whole, written.scope()), "");
  const auto& scope = written.scope();
  const auto rows = rows_below(whole, scope + "r/");
  ASSERT_TRUE(rows.contains("run/osupdaterun-2") && rows.contains("run/osupdaterun-3") && rows.contains("os-text/os-00000001/1"))
      << "rows that no state keeps";
  for (std::uint64_t base = 1; base < written.last(); ++base) {
    SCOPED_TRACE(base);
    MemoryStore store(whole.content());
    ASSERT_TRUE(trim(store, scope, base));
    EXPECT_EQ(Journal::read_head(store, scope)->base, base);
    EXPECT_EQ(differences(store, scope), "");
    EXPECT_EQ(rows_below(store, scope + "r/"), rows) << "what there is now is not touched";
    EXPECT_EQ(FleetHost::fold(store, scope, written.last())->nodes, FleetHost::fold(whole, scope, written.last())->nodes);
    EXPECT_EQ(FleetHost::fold(store, scope, base - 1).error().code, Code::not_found);
    EXPECT_EQ(store.get(journal_key(scope, JournalId{0xabcd}, base)).value(), std::nullopt);
    EXPECT_EQ(orchestrator::check_store(store)->differences, 0U);
  }
}

TEST(Trim, GoesOnPieceByPieceAndTheSnapshotIsTheRowsAsTheyWereThere) {
  MemoryStore store;
  Written written(store);
  write_a_life(written);
  const auto& scope = written.scope();
  for (std::uint64_t base = 1; base < written.last(); ++base) {
    MemoryStore until_there;
    Written before(until_there);
    write_a_life(before);
    ASSERT_TRUE(trim(store, scope, base));
    ASSERT_EQ(differences(store, scope), "") << base;
  }
  // All but the last event: it only raised the epoch.
  auto snapshot = rows_below(store, snapshot_scope(scope) + "r/");
  auto rows = rows_below(store, scope + "r/");
  EXPECT_NE(snapshot.at("project/"), rows.at("project/"));
  snapshot.erase("project/");
  rows.erase("project/");
  EXPECT_EQ(snapshot, rows);
  EXPECT_FALSE(snapshot.contains("run/osupdaterun-1")) << "deleted";
  EXPECT_EQ(store.get(snapshot_key(scope)).value(), std::nullopt) << "one form only";
}

TEST(Trim, IsPutInPlaceOnlyWhereItFits) {
  MemoryStore store;
  Written written(store);
  write_a_life(written);
  const auto& scope = written.scope();
  const auto made = FleetHost::make_trim(store, scope, 9, always)->value();
  auto host = FleetHost::open({}, store, scope, {}, {});
  const auto fits = [&](const auto& change) {
    auto other = made;
    change(other);
    Batch batch;
    const bool done = host->trim(other, batch);
    EXPECT_EQ(done, !batch.empty());
    return done;
  };
  EXPECT_FALSE(fits([](auto& other) { other.chain = Chain{1}; }));
  EXPECT_FALSE(fits([](auto& other) { other.journal = JournalId{1}; }));
  EXPECT_FALSE(fits([](auto& other) { other.from = 3; }));
  EXPECT_FALSE(fits([&](auto& other) { other.base = written.last(); })) << "the newest event stays";
  EXPECT_FALSE(fits([](auto& other) { other.base = 0; }));
  EXPECT_EQ(host->journal().head().base, 0U);
  Batch batch;
  ASSERT_TRUE(host->trim(made, batch));
  ASSERT_TRUE(store.commit(batch));
  EXPECT_FALSE(fits([](auto&) {})) << "twice";
  EXPECT_EQ(differences(store, scope), "");
  EXPECT_EQ(FleetHost::make_trim(store, scope, 9, always).error().code, Code::not_found);
  EXPECT_EQ(FleetHost::make_trim(store, scope, written.last() + 1, always).error().code, Code::not_found);
}

TEST(Trim, OfWhatIsDamagedIsRefused) {
  MemoryStore store;
  Written written(store);
  write_a_life(written);
  const auto& scope = written.scope();
  const auto damaged = [&](std::uint64_t sequence, const auto& change) {
    auto content = store.content();
    change(content, journal_key(scope, JournalId{0xabcd}, sequence));
    return MemoryStore(std::move(content));
  };
  const auto other = damaged(5, [](auto& content, const auto& key) { content[key].front() ^= 1; });
  EXPECT_EQ(FleetHost::make_trim(other, scope, 9, always).error().message, "the chain breaks at sequence 5");
  const auto missing = damaged(5, [](auto& content, const auto& key) { content.erase(key); });
  EXPECT_EQ(FleetHost::make_trim(missing, scope, 9, always).error().code, Code::corrupt);
  const auto baseless = damaged(5, [&](auto& content, const auto&) { content.erase(snapshot_key(scope)); });
  EXPECT_EQ(FleetHost::make_trim(baseless, scope, 9, always).error().code, Code::corrupt);
  EXPECT_NE(differences(baseless, scope).find("snapshot at base 0 is missing"), std::string::npos);
}

TEST(Trim, WhoseRowsAreGoneIsNoticed) {
  MemoryStore store;
  Written written(store);
  write_a_life(written);
  const auto& scope = written.scope();
  ASSERT_TRUE(trim(store, scope, 20));
  auto content = store.content();
  std::erase_if(content, [&](const auto& row) { return row.first.starts_with(snapshot_scope(scope) + "r/"); });
  EXPECT_NE(differences(MemoryStore(content), scope).find("snapshot at base 20 is missing"), std::string::npos);
  content = store.content();
  content.erase(snapshot_scope(scope) + "r/run/osupdaterun-2");
  EXPECT_EQ(differences(MemoryStore(content), scope), scope + "r/run/osupdaterun-2 ");
}

// ---- which events are old --------------------------------------------------------------------------------------------------

constexpr std::int64_t keep_ms = 1'000'000;
constexpr std::int64_t now_ms = 1'800'000'000'000;

class OldEvents : public testing::Test {
 protected:
  void add(std::int64_t at_ms, std::uint64_t times = 1) {
    for (; times > 0; --times) written.add(EpochRaised{1, "x"}, at_ms);
  }
  // The last that is old; 0: none, or too few.
  std::uint64_t upto(std::int64_t at_ms = now_ms) {
    written.flush();
    auto found = find_old_events(store, written.scope(), at_ms, keep_ms, always);
    EXPECT_TRUE(found) << found.error().message;
    if (found && *found) newest_ms = (*found)->newest_ms;
    return found && *found ? (*found)->upto : 0;
  }
  MemoryStore store;
  Written written{store};
  std::int64_t newest_ms = 0;
};

TEST_F(OldEvents, AreThoseBeforeTheFirstThatIsNotOldEnough) {
  EXPECT_EQ(upto(), 0U);
  add(now_ms - keep_ms - 2, 2 * events_trimmed_min);
  add(now_ms - keep_ms - 1);
  add(now_ms - keep_ms);  // not older than that
  add(now_ms - 5 * keep_ms, 10);
  add(now_ms);
  EXPECT_EQ(upto(), 2 * events_trimmed_min + 1);
  EXPECT_EQ(newest_ms, now_ms - keep_ms - 1);
}

TEST_F(OldEvents, AreLeftWhereThereAreFew) {
  add(now_ms - 2 * keep_ms, events_trimmed_min - 1);
  add(now_ms, 3 * events_trimmed_min);
  EXPECT_EQ(upto(), 0U);
  EXPECT_EQ(upto(now_ms + 9 * keep_ms), 0U) << "by the newest event's time";
}

TEST_F(OldEvents, AreNeverTheNewest) {
  add(now_ms - 9 * keep_ms, events_trimmed_min);
  add(now_ms);
  EXPECT_EQ(upto(), events_trimmed_min);
  add(now_ms + 5 * keep_ms);
  EXPECT_EQ(upto(now_ms + 99 * keep_ms), events_trimmed_min + 1);
}

TEST_F(OldEvents, AreNotMoreWhenOnlyTheWallClockHasJumped) {
  add(now_ms - keep_ms / 2, 3 * events_trimmed_min);
  add(now_ms);
  EXPECT_EQ(upto(now_ms), 0U);
  EXPECT_EQ(upto(now_ms + 1'000 * keep_ms), 0U);
  EXPECT_EQ(upto(0), 0U);
}

TEST_F(OldEvents, EndBeforeOneThatIsDatedInTheFuture) {
  add(now_ms - 9 * keep_ms, events_trimmed_min + 5);
  add(now_ms + 9 * keep_ms);
  add(now_ms - 8 * keep_ms, events_trimmed_min);
  add(now_ms);
  EXPECT_EQ(upto(), events_trimmed_min + 5);
}

TEST_F(OldEvents, ThatAClockDatedBeforeOthersGoWithALaterOneOnly) {
  add(now_ms - 3 * keep_ms, events_trimmed_min);
  add(5'000, 10);  // the clock began in 1970: nobody knows when that was
  add(now_ms - keep_ms / 2);
  add(now_ms);
  EXPECT_EQ(upto(), events_trimmed_min);
  EXPECT_EQ(newest_ms, now_ms - 3 * keep_ms);

  MemoryStore again;
  Written later(again);
  for (std::uint64_t i = 0; i < events_trimmed_min; ++i) later.add(EpochRaised{1, "x"}, now_ms - 3 * keep_ms);
  for (int i = 0; i < 10; ++i) later.add(EpochRaised{1, "x"}, 5'000);
  later.add(EpochRaised{1, "x"}, now_ms - 2 * keep_ms);
  later.add(EpochRaised{1, "x"}, now_ms);
  later.flush();
  EXPECT_EQ(find_old_events(again, later.scope(), now_ms, keep_ms, always)->value().upto, events_trimmed_min + 11);
}

TEST_F(OldEvents, GoInPiecesAlsoWhereNoneOfAPieceHasATimeThatCounts) {
  add(now_ms - 3 * keep_ms);
  add(now_ms - 4 * keep_ms, 2 * events_trimmed_max);
  add(now_ms - 2 * keep_ms);
  add(now_ms);
  EXPECT_EQ(upto(), events_trimmed_max);
  EXPECT_EQ(newest_ms, now_ms - 3 * keep_ms);
  ASSERT_TRUE(trim(store, written.scope(), events_trimmed_max));
  Batch batch;
  batch.put(newest_gone_key(written.scope()), big_endian(static_cast<std::uint64_t>(newest_ms)));
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(upto(), 2 * events_trimmed_max);
  ASSERT_TRUE(trim(store, written.scope(), 2 * events_trimmed_max));
  EXPECT_EQ(upto(), 0U) << "too few are left";
  EXPECT_EQ(differences(store, written.scope()), "");
}

TEST_F(OldEvents, AreNotLookedForOnceTheProcessEnds) {
  add(now_ms - 9 * keep_ms, 2 * events_trimmed_min);
  add(now_ms);
  written.flush();
  const orchestrator::GoOn never = [] { return false; };
  EXPECT_EQ(find_old_events(store, written.scope(), now_ms, keep_ms, never).value(), std::nullopt);
  EXPECT_EQ(FleetHost::make_trim(store, written.scope(), events_trimmed_min, never).value(), std::nullopt);
}

}  // namespace
}  // namespace abide::test
