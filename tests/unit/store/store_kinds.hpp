#pragma once
// Both stores behind one face, so that one suite of tests says what a Store is.
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/store/memory_store.hpp"
#include "common/store/rocks_store.hpp"
#include "tests/support/child.hpp"

namespace abide {

class InMemory {
 public:
  [[nodiscard]] Store& store() { return *store_; }
  // The process dies, and another opens what it left.
  void crash() { store_ = std::make_unique<MemoryStore>(store_->content()); }

 private:
  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
};

class InRocks {
 public:
  InRocks() { open(); }
  [[nodiscard]] Store& store() { return *store_; }
  void crash() {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = RocksStore::open(directory_.path() + "/state");
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<RocksStore> store_;
};

using StoreKinds = testing::Types<InMemory, InRocks>;

inline std::string text(const Reader& reader, std::string_view key) {
  auto value = reader.get(key);
  if (!value) return "error: " + value.error().message;
  return value->value_or("(none)");
}

// The same as rows(), taken one by one.
inline std::string rows_of_cursor(const Reader& reader, std::string_view from, std::string_view to) {
  std::string found;
  const auto cursor = reader.cursor(std::string(from), std::string(to));
  while (true) {
    const auto row = cursor->next();
    if (!row) return "error: " + row.error().message;
    if (!*row) break;
    found += (found.empty() ? "" : " ") + std::string((*row)->key) + "=" + std::string((*row)->value);
  }
  const auto behind = cursor->next();
  EXPECT_TRUE(behind && !*behind) << "a row behind the last";
  return found;
}

// "a=1 b=2"
inline std::string rows(const Reader& reader, std::string_view from, std::string_view to) {
  std::string found;
  auto read = reader.scan(from, to, [&](std::string_view key, std::string_view value) {
    found += (found.empty() ? "" : " ") + std::string(key) + "=" + std::string(value);
    return true;
  });
  EXPECT_EQ(rows_of_cursor(reader, from, to), read ? found : "error: " + read.error().message);
  return read ? found : "error: " + read.error().message;
}

}  // namespace abide
