#include "common/store/journal.hpp"

#include <gtest/gtest.h>

#include "common/core/hash.hpp"
#include "tests/unit/store/store_kinds.hpp"

namespace abide {
namespace {

constexpr JournalId first_id{0x1111};
constexpr JournalId second_id{0x2222};

template <class Kind>
class AnyJournal : public testing::Test {
 protected:
  AnyJournal() : journal_(*Journal::open(kind_.store(), "node/")) {}

  void commit(Batch& batch) {
    ASSERT_TRUE(kind_.store().commit(batch));
    batch.clear();
  }
  void begin_with(int events) {
    Batch batch;
    journal_.begin(batch, first_id);
    for (int i = 1; i <= events; ++i) journal_.append(batch, "event " + std::to_string(i));
    commit(batch);
  }
  void reopen() {
    kind_.crash();
    auto opened = Journal::open(kind_.store(), "node/");
    ASSERT_TRUE(opened) << opened.error().message;
    journal_ = *opened;
  }
  // "1:event 1 2:event 2", or the error.
  std::string read(std::uint64_t from, std::uint64_t to) {
    std::string seen;
    auto done = journal_.read(from, to, [&](std::uint64_t sequence, Chain, std::string_view bytes) {
      seen += (seen.empty() ? "" : " ") + std::to_string(sequence) + ":" + std::string(bytes);
      return true;
    });
    if (!done) seen += told(done.error());
    EXPECT_EQ(one_by_one(from, to), seen);
    return seen;
  }
  std::string one_by_one(std::uint64_t from, std::uint64_t to) {
    std::string seen;
    JournalCursor cursor(kind_.store(), journal_.scope(), journal_.head().id, from, to);
    while (true) {
      const auto event = cursor.next();
      if (!event) seen += told(event.error());
      if (!event || !*event) break;
      seen += (seen.empty() ? "" : " ") + std::to_string((*event)->sequence) + ":" + std::string((*event)->bytes);
      EXPECT_EQ(std::optional((*event)->chain), journal_.chain_at((*event)->sequence).value());
    }
    const auto behind = cursor.next();
    EXPECT_TRUE(behind && !*behind) << "an event behind the end";
    return seen;
  }
  static std::string told(const Error& error) { return " | " + std::string(to_string(error.code)) + " " + error.message; }

  Kind kind_;
  Journal journal_;
};
TYPED_TEST_SUITE(AnyJournal, StoreKinds);

TYPED_TEST(AnyJournal, IsEmptyInAnEmptyStore) {
  EXPECT_FALSE(this->journal_.head().id);
  EXPECT_EQ(this->journal_.head().last, 0U);
  EXPECT_EQ(this->read(1, 0), "");
}

TYPED_TEST(AnyJournal, ChainsEachEventToAllBefore) {
  this->begin_with(2);
  const Chain one = chain_after(chain_start(first_id), "event 1");
  const Chain two = chain_after(one, "event 2");
  EXPECT_EQ(this->journal_.head().last, 2U);
  EXPECT_EQ(this->journal_.head().chain, two);
  EXPECT_EQ(**this->journal_.chain_at(0), chain_start(first_id));
  EXPECT_EQ(**this->journal_.chain_at(1), one);
  EXPECT_EQ(**this->journal_.chain_at(2), two);
  EXPECT_FALSE(this->journal_.chain_at(3)->has_value());
  std::vector<Chain> read;
  ASSERT_TRUE(this->journal_.read(1, 2, [&](std::uint64_t, Chain chain, std::string_view) {
    read.push_back(chain);
    return true;
  }));
  EXPECT_EQ(read, (std::vector{one, two}));
}

TYPED_TEST(AnyJournal, GoesOnAfterARestart) {
  this->begin_with(2);
  Batch batch;
  this->journal_.set_acked(batch, 1);
  this->commit(batch);
  const auto head = this->journal_.head();
  this->reopen();
  EXPECT_EQ(this->journal_.head(), head);
  this->journal_.append(batch, "event 3");
  this->commit(batch);
  EXPECT_EQ(this->read(1, 3), "1:event 1 2:event 2 3:event 3");
  EXPECT_EQ(this->journal_.head().acked, 1U);
}

TYPED_TEST(AnyJournal, ForgetsWhatWasNeverCommitted) {
  this->begin_with(1);
  Batch lost;
  this->journal_.append(lost, "event 2");
  this->reopen();
  EXPECT_EQ(this->journal_.head().last, 1U);
  EXPECT_EQ(this->journal_.head().chain, chain_after(chain_start(first_id), "event 1"));
}

TYPED_TEST(AnyJournal, KnowsTheChainOfAnEventThatIsNotCommittedYet) {
  this->begin_with(1);
  Batch batch;
  const Chain two = chain_after(this->journal_.head().chain, "event 2");
  this->journal_.append(batch, "event 2");
  this->journal_.append(batch, "event 3");
  EXPECT_EQ(**this->journal_.chain_at(2), two);
  EXPECT_EQ(**this->journal_.chain_at(3), this->journal_.head().chain);
  this->journal_.begin(batch, second_id);
  this->journal_.append(batch, "event 1");
  EXPECT_EQ(**this->journal_.chain_at(1), chain_after(chain_start(second_id), "event 1"));
  EXPECT_FALSE(this->journal_.chain_at(2)->has_value());
}

TYPED_TEST(AnyJournal, KnowsNoChainOfAnUncommittedEventThatIsFarBack) {
  this->begin_with(1);
  Batch batch;
  for (int i = 0; i < 2'000; ++i) this->journal_.append(batch, "event");
  EXPECT_TRUE(this->journal_.chain_at(1'500)->has_value());
  EXPECT_FALSE(this->journal_.chain_at(500)->has_value());
  this->commit(batch);
  EXPECT_TRUE(this->journal_.chain_at(500)->has_value());
}

TYPED_TEST(AnyJournal, ReadsARangeAndStopsWhenTheVisitorHasEnough) {
  this->begin_with(5);
  EXPECT_EQ(this->read(2, 4), "2:event 2 3:event 3 4:event 4");
  EXPECT_EQ(this->read(4, 3), "");
  std::uint64_t seen = 0;
  ASSERT_TRUE(this->journal_.read(1, 5, [&](std::uint64_t sequence, Chain, std::string_view) {
    seen = sequence;
    return sequence < 2;
  }));
  EXPECT_EQ(seen, 2U);
}

TYPED_TEST(AnyJournal, TrimsFromTheFrontAndKeepsTheChain) {
  this->begin_with(5);
  Batch batch;
  this->journal_.set_acked(batch, 4);
  this->journal_.trim(batch, 3);
  this->commit(batch);
  this->reopen();
  EXPECT_EQ(this->journal_.head().base, 3U);
  Chain three = chain_start(first_id);
  for (const char* event : {"event 1", "event 2", "event 3"}) three = chain_after(three, event);
  EXPECT_EQ(this->journal_.head().base_chain, three);
  EXPECT_EQ(**this->journal_.chain_at(3), three);
  EXPECT_FALSE(this->journal_.chain_at(2)->has_value());
  EXPECT_EQ(this->read(4, 5), "4:event 4 5:event 5");
  EXPECT_NE(this->read(3, 5).find("event 3 of journal 0000000000001111 of node/ is missing"), std::string::npos);
  // All of it may go; the next event still follows the last.
  const auto before = this->journal_.head().chain;
  this->journal_.trim(batch, 5);
  this->journal_.append(batch, "event 6");
  this->commit(batch);
  this->reopen();
  EXPECT_EQ(this->journal_.head().chain, chain_after(before, "event 6"));
  EXPECT_EQ(this->read(6, 6), "6:event 6");
}

TYPED_TEST(AnyJournal, TakesNoAcknowledgementBack) {
  this->begin_with(3);
  Batch batch;
  this->journal_.set_acked(batch, 2);
  this->journal_.set_acked(batch, 1);
  this->journal_.trim(batch, 2);
  this->journal_.trim(batch, 1);
  EXPECT_EQ(this->journal_.head().acked, 2U);
  EXPECT_EQ(this->journal_.head().base, 2U);
}

TYPED_TEST(AnyJournal, BeginsAnewUnderAnotherIdAndLeavesTheOldEventsBehind) {
  this->begin_with(2);
  Batch batch;
  this->journal_.set_acked(batch, 2);
  this->journal_.begin(batch, second_id);
  this->journal_.append(batch, "another 1");
  this->commit(batch);
  this->reopen();
  EXPECT_EQ(this->journal_.head().id, second_id);
  EXPECT_EQ(this->journal_.head().acked, 0U);
  EXPECT_EQ(this->journal_.head().chain, chain_after(chain_start(second_id), "another 1"));
  EXPECT_EQ(this->read(1, 1), "1:another 1");
  std::string old;
  ASSERT_TRUE(Journal::read(this->kind_.store(), "node/", first_id, 1, 2, [&](std::uint64_t, Chain, std::string_view bytes) {
    old += bytes;
    return true;
  }));
  EXPECT_EQ(old, "event 1event 2");
}

TYPED_TEST(AnyJournal, KeepsScopesApart) {
  this->begin_with(2);
  auto other = Journal::open(this->kind_.store(), "nod/");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->head().id);
  Batch batch;
  other->begin(batch, second_id);
  other->append(batch, "elsewhere");
  this->commit(batch);
  EXPECT_EQ(this->read(1, 2), "1:event 1 2:event 2");
}

TYPED_TEST(AnyJournal, SaysTheLastGoodEventBeforeAHole) {
  this->begin_with(5);
  Batch damage;
  damage.erase(journal_key("node/", first_id, 3));
  this->commit(damage);
  this->reopen();
  const auto seen = this->read(1, 5);
  EXPECT_NE(seen.find("1:event 1 2:event 2 | corrupt"), std::string::npos) << seen;
  EXPECT_NE(seen.find("event 3 of"), std::string::npos) << seen;
  EXPECT_NE(seen.find("last good one is 2"), std::string::npos) << seen;
  EXPECT_EQ(this->journal_.chain_at(3).error().code, Code::corrupt);
}

TYPED_TEST(AnyJournal, SaysTheLastGoodEventBeforeAMissingEnd) {
  this->begin_with(2);
  EXPECT_NE(this->read(1, 3).find("event 3 of"), std::string::npos);
}

TYPED_TEST(AnyJournal, NoticesARecordThatIsTooShortForItsChain) {
  this->begin_with(3);
  Batch damage;
  damage.put(journal_key("node/", first_id, 2), "1234567");
  this->commit(damage);
  this->reopen();
  EXPECT_NE(this->read(1, 3).find("last good one is 1"), std::string::npos);
  EXPECT_EQ(this->journal_.chain_at(2).error().code, Code::corrupt);
}

TYPED_TEST(AnyJournal, DoesNotOpenWhereItsHeadIsDamaged) {
  const struct {
    const char* what;
    std::function<void(Batch&, const std::string&)> damage;
  } rows_of_damage[] = {
      {"cut off", [](Batch& batch, const std::string& head) { batch.put("node/m/head", head.substr(0, 40)); }},
      {"longer", [](Batch& batch, const std::string& head) { batch.put("node/m/head", head + "x"); }},
      {"no id", [](Batch& batch, const std::string& head) { batch.put("node/m/head", big_endian(0) + head.substr(8)); }},
      {"an event that is not there",
       [](Batch& batch, const std::string& head) { batch.put("node/m/head", head.substr(0, 8) + big_endian(4) + head.substr(16)); }},
      {"acked beyond its end", [](Batch& batch, const std::string& head) { batch.put("node/m/head", head.substr(0, 40) + big_endian(4)); }},
      {"base beyond its end",
       [](Batch& batch, const std::string& head) { batch.put("node/m/head", head.substr(0, 24) + big_endian(4) + head.substr(32)); }},
      {"another chain",
       [](Batch& batch, const std::string& head) { batch.put("node/m/head", head.substr(0, 16) + big_endian(4) + head.substr(24)); }},
      {"no newest event", [](Batch& batch, const std::string&) { batch.erase(journal_key("node/", first_id, 3)); }},
      {"a newest event cut off", [](Batch& batch, const std::string&) { batch.put(journal_key("node/", first_id, 3), "123"); }},
  };
  for (const auto& row : rows_of_damage) {
    this->begin_with(3);
    const std::string head = text(this->kind_.store(), "node/m/head");
    Batch batch;
    row.damage(batch, head);
    this->commit(batch);
    const auto opened = Journal::open(this->kind_.store(), "node/");
    ASSERT_FALSE(opened) << row.what;
    EXPECT_EQ(opened.error().code, Code::corrupt) << row.what;
    EXPECT_NE(opened.error().message.find("node/"), std::string::npos) << row.what;
  }
}

TEST(JournalRows, LieBelowTheScopeByKindAndId) {
  EXPECT_EQ(row_key("node/", "document", "held"), "node/r/document/held");
}

}  // namespace
}  // namespace abide
