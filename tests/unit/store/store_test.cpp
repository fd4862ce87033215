#include "common/store/store.hpp"

#include <gtest/gtest.h>
#include <limits>

#include "tests/unit/store/store_kinds.hpp"

namespace abide {
namespace {

template <class Kind>
class AnyStore : public testing::Test {
 protected:
  void put(std::string key, std::string value) {
    Batch batch;
    batch.put(std::move(key), std::move(value));
    ASSERT_TRUE(kind_.store().commit(batch));
  }
  Kind kind_;
};
TYPED_TEST_SUITE(AnyStore, StoreKinds);

TYPED_TEST(AnyStore, GivesBackWhatWasPut) {
  this->put("a/key", "value");
  this->put("a/empty", "");
  EXPECT_EQ(text(this->kind_.store(), "a/key"), "value");
  EXPECT_EQ(text(this->kind_.store(), "a/empty"), "");
  EXPECT_EQ(text(this->kind_.store(), "a/none"), "(none)");
}

TYPED_TEST(AnyStore, KeepsBytesAsTheyAre) {
  const std::string odd("\0\xFF\n\x80", 4);
  this->put("odd/" + odd, odd);
  EXPECT_EQ(text(this->kind_.store(), "odd/" + odd), odd);
}

TYPED_TEST(AnyStore, TakesABatchInOrderSoThatTheLastChangeOfAKeyWins) {
  this->put("x", "old");
  Batch batch;
  batch.put("x", "1");
  batch.erase("x");
  batch.put("y", "1");
  batch.put("y", "2");
  batch.put("z", "1");
  batch.erase("z");
  ASSERT_TRUE(this->kind_.store().commit(batch));
  EXPECT_EQ(rows(this->kind_.store(), "x", "~"), "y=2");
}

TYPED_TEST(AnyStore, ScansKeysInByteOrderUpToButWithoutTheEnd) {
  for (const char* key : {"s/b", "s/a", "s/c", "s/\xFF", "s/B", "t"}) this->put(key, "1");
  EXPECT_EQ(rows(this->kind_.store(), "s/", "s/c"), "s/B=1 s/a=1 s/b=1");
  EXPECT_EQ(rows(this->kind_.store(), "s/b", "s/b"), "");
  EXPECT_EQ(rows(this->kind_.store(), "s/c", "s/a"), "");
  EXPECT_EQ(rows(this->kind_.store(), "s/c", after_prefix("s/")), "s/c=1 s/\xFF=1");
  EXPECT_EQ(rows(this->kind_.store(), "s/c", ""), "s/c=1 s/\xFF=1 t=1");  // no end
}

TYPED_TEST(AnyStore, EndsAScanWhenTheVisitorHasEnough) {
  for (const char* key : {"s/a", "s/b", "s/c"}) this->put(key, "1");
  int seen = 0;
  ASSERT_TRUE(this->kind_.store().scan("s/", "s0", [&](std::string_view, std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TYPED_TEST(AnyStore, LetsAVisitorReadAndCommitAndScansOnOverWhatWasThereAtTheBeginning) {
  for (const char* key : {"s/a", "s/b", "s/c"}) this->put(key, "1");
  std::string seen;
  ASSERT_TRUE(this->kind_.store().scan("s/", "s0", [&](std::string_view key, std::string_view) {
    seen += key;
    EXPECT_EQ(text(this->kind_.store(), key), seen == "s/a" ? "1" : "(none)");
    Batch batch;
    for (const char* gone : {"s/a", "s/b", "s/c"}) batch.erase(gone);
    batch.put("s/d", "1");
    EXPECT_TRUE(this->kind_.store().commit(batch));
    return true;
  }));
  EXPECT_EQ(seen, "s/as/bs/c");
}

TYPED_TEST(AnyStore, KeepsASnapshotWhateverIsCommittedLater) {
  this->put("n/a", "1");
  const auto before = this->kind_.store().snapshot();
  this->put("n/a", "2");
  this->put("n/b", "2");
  EXPECT_EQ(rows(*before, "n/", "n0"), "n/a=1");
  EXPECT_EQ(text(*before, "n/a"), "1");
  EXPECT_EQ(rows(*this->kind_.store().snapshot(), "n/", "n0"), "n/a=2 n/b=2");
}

TYPED_TEST(AnyStore, LeavesASnapshotUsableAfterItsStoreIsGone) {
  this->put("n/a", "1");
  std::shared_ptr<const Reader> before;
  {
    TypeParam other;
    Batch batch;
    batch.put("n/a", "other");
    ASSERT_TRUE(other.store().commit(batch));
    before = other.store().snapshot();
  }
  EXPECT_EQ(text(*before, "n/a"), "other");
}

TYPED_TEST(AnyStore, HasEveryCommitAfterACrashAndNothingElse) {
  Batch first;
  for (int i = 0; i < 100; ++i) first.put("k/" + big_endian(static_cast<std::uint64_t>(i)), std::string(1000, 'x'));
  ASSERT_TRUE(this->kind_.store().commit(first));
  Batch second;
  second.erase("k/" + big_endian(0));
  second.put("k/" + big_endian(1), "new");
  ASSERT_TRUE(this->kind_.store().commit(second));
  Batch never;
  never.put("k/never", "1");
  this->kind_.crash();
  EXPECT_EQ(text(this->kind_.store(), "k/" + big_endian(0)), "(none)");
  EXPECT_EQ(text(this->kind_.store(), "k/" + big_endian(1)), "new");
  EXPECT_EQ(text(this->kind_.store(), "k/" + big_endian(99)), std::string(1000, 'x'));
  EXPECT_EQ(text(this->kind_.store(), "k/never"), "(none)");
}

TYPED_TEST(AnyStore, DoesNothingForAnEmptyBatch) {
  EXPECT_TRUE(this->kind_.store().commit(Batch{}));
}

TEST(Keys, AfterAPrefixComeThoseThatDoNotBeginWithIt) {
  EXPECT_EQ(after_prefix("a/"), "a0");
  EXPECT_EQ(after_prefix("a\xFF"), "b");
  EXPECT_EQ(after_prefix("\x7F"), "\x80");
  EXPECT_EQ(after_prefix("\xFF\xFF"), "");
  EXPECT_EQ(after_prefix(""), "");
}

TEST(Keys, WithNumbersSortAsNumbers) {
  const std::uint64_t ascending[] = {
      0, 1, 255, 256, 65'536, 0x7FFF'FFFF'FFFF'FFFF, 0x8000'0000'0000'0000, std::numeric_limits<std::uint64_t>::max()};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    EXPECT_EQ(from_big_endian(big_endian(ascending[i])), ascending[i]);
    if (i > 0) {
      EXPECT_LT(big_endian(ascending[i - 1]), big_endian(ascending[i]));
    }
  }
}

TEST(InMemoryStore, ChangesNothingWhileItIsToldToFail) {
  MemoryStore store;
  Batch batch;
  batch.put("a", "1");
  store.fail_commits(Error{Code::unavailable, "disk full"});
  const auto refused = store.commit(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_TRUE(store.content().empty());
  EXPECT_EQ(store.commits(), 0U);
  store.fail_commits(std::nullopt);
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(store.commits(), 1U);
}

TEST(MemoryStore, CommitsABatchThatIsGivenAwayAsAnyOther) {
  MemoryStore copied({{"a", "old"}, {"b", "old"}}), moved(copied.content());
  Batch batch;
  batch.put("a", "1");
  batch.put("c", "first");
  batch.put("c", "then");
  batch.erase("b");
  ASSERT_TRUE(copied.commit(batch));
  EXPECT_EQ(batch.size(), 4U);
  const auto before = moved.snapshot();
  ASSERT_TRUE(moved.commit(std::move(batch)));
  EXPECT_EQ(moved.content(), copied.content());
  EXPECT_EQ(moved.content(), (MemoryStore::Content{{"a", "1"}, {"c", "then"}}));
  EXPECT_EQ(**before->get("b"), "old");
  EXPECT_EQ(moved.commits(), 1U);
}

TEST(MemoryStore, ShowsItsRowsBesideThoseOfAnother) {
  const MemoryStore mine({{"q", "1"}, {"r/a", "1"}, {"r/b", "2"}, {"r/d", "4"}, {"r/e", "5"}, {"s", "1"}});
  const MemoryStore others({{"r/", "0"}, {"r/b", "2"}, {"r/c", "3"}, {"r/d", "9"}, {"s", "1"}});
  std::vector<std::string> seen;
  const auto look = [&](std::string_view key, const std::string* left, const std::string_view* right) {
    seen.push_back(std::string(key) + "=" + (left == nullptr ? "-" : *left) + "," + (right == nullptr ? "-" : std::string(*right)));
  };
  using Seen = std::vector<std::string>;
  ASSERT_TRUE(mine.beside(others, "r/", look));
  EXPECT_EQ(seen, (Seen{"r/=-,0", "r/a=1,-", "r/b=2,2", "r/c=-,3", "r/d=4,9", "r/e=5,-"}));
  seen.clear();
  ASSERT_TRUE(mine.beside(MemoryStore(), "r/e", look));
  ASSERT_TRUE(MemoryStore().beside(mine, "r/e", look));
  EXPECT_EQ(seen, (Seen{"r/e=5,-", "r/e=-,5"}));
  seen.clear();
  ASSERT_TRUE(mine.beside(mine, "", look));
  EXPECT_EQ(seen.size(), 6U);
}

TYPED_TEST(AnyStore, GivesManyRowsOneByOne) {
  Batch batch;
  for (int i = 0; i < 1'000; ++i)
    batch.put("many/" + std::to_string(1'000 + i), i % 300 == 7 ? std::string(600'000, 'x') : std::to_string(i));
  ASSERT_TRUE(this->kind_.store().commit(batch));
  const auto cursor = this->kind_.store().cursor("many/1500", "");
  const auto first = cursor->next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->key, "many/1500");
  EXPECT_EQ((*first)->value, "500");
  const auto all = rows(this->kind_.store(), "many/", after_prefix("many/"));  // by a cursor, too
  EXPECT_GT(all.size(), 2'400'000U);
  EXPECT_EQ(rows(*this->kind_.store().snapshot(), "many/", after_prefix("many/")), all);
}

// Of a reader without a cursor of its own.
class EndsInAnError final : public Reader {
 public:
  explicit EndsInAnError(const MemoryStore& rows) : rows_(rows) {}
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return rows_.get(key); }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    bool ended = false;
    auto read = rows_.scan(from, to, [&](std::string_view key, std::string_view value) {
      ended = !visit(key, value);
      return !ended;
    });
    if (!read || ended) return read;
    return fail(Code::corrupt, "what follows is damaged");
  }

 private:
  const MemoryStore& rows_;
};

TEST(Cursor, GivesWhatCanBeReadBeforeItSaysWhatCannot) {
  for (const int count : {0, 1, 256, 300, 1'024}) {
    MemoryStore::Content content;
    for (int i = 0; i < count; ++i) content["row/" + std::to_string(10'000 + i)] = "";
    const MemoryStore store(content);
    const EndsInAnError reader(store);
    const auto cursor = reader.cursor("row/", "");
    for (int i = 0; i < count; ++i) {
      const auto row = cursor->next();
      ASSERT_TRUE(row && *row) << i;
      EXPECT_EQ((*row)->key, "row/" + std::to_string(10'000 + i));
    }
    const auto end = cursor->next();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().message, "what follows is damaged");
    const auto behind = cursor->next();
    EXPECT_TRUE(behind && !*behind);
  }
}

TEST(DifferingRows, AreThoseThatOnlyOneHasOrThatHaveAnotherValue) {
  MemoryStore left({{"r/a", "1"}, {"r/b", "1"}, {"r/c", "1"}, {"s/x", "1"}});
  MemoryStore right({{"r/a", "1"}, {"r/b", "2"}, {"r/d", "1"}, {"s/y", "1"}});
  using Keys = std::vector<std::string>;
  EXPECT_EQ(*differing_rows(left, right, "r/", 10), (Keys{"r/b", "r/c", "r/d"}));
  EXPECT_EQ(*differing_rows(right, left, "r/", 2), (Keys{"r/b", "r/c"}));
  EXPECT_EQ(*differing_rows(left, left, "r/", 10), Keys{});
  EXPECT_EQ(*differing_rows(left, right, "", 1), (Keys{"r/b"}));
}

}  // namespace
}  // namespace abide
