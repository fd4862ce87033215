// Which nodes have a text: all that have it, in the order of their ids, whatever is put in and taken out.
#include "orchestrator/fleet/text_index.hpp"

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>

#include "common/core/random.hpp"

namespace abide::fleet {
namespace {

NodeId id_of(std::uint64_t number) {
  NodeId id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

std::vector<NodeId> all_with(const TextIndex& index, std::string_view text) {
  std::vector<NodeId> ids;
  index.each(text, [&](const NodeId& id) {
    ids.push_back(id);
    return true;
  });
  return ids;
}

using Model = std::map<std::string, std::set<NodeId>>;

// Of these few texts no two have the same hash, so that what is found is what was put in.
void expect_same(const TextIndex& index, const Model& model, std::uint64_t texts) {
  for (std::uint64_t i = 0; i < texts; ++i) {
    const auto text = "text-" + std::to_string(i);
    const auto wanted = model.find(text);
    ASSERT_EQ(all_with(index, text),
              wanted == model.end() ? std::vector<NodeId>() : std::vector<NodeId>(wanted->second.begin(), wanted->second.end()))
        << text;
  }
}

TEST(TextIndex, FindsAllThatHaveATextWhateverIsPutInAndTakenOut) {
  Random random{7};
  // Many texts of few nodes each, and few texts of more nodes than lie together.
  for (const std::uint64_t texts : {2'000, 3}) {
    TextIndex index;
    Model model;
    for (int round = 0; round < 4; ++round) {
      const std::uint64_t put_of_ten = round % 2 == 0 ? 9 : 2;  // it grows, it shrinks
      for (int step = 0; step < 6'000; ++step) {
        const auto text = "text-" + std::to_string(random.next() % texts);
        const auto id = id_of(random.next() % 3'000);
        if (random.next() % 10 < put_of_ten) {
          index.insert(text, id);
          model[text].insert(id);
        } else {
          index.erase(text, id);
          model[text].erase(id);
        }
      }
      expect_same(index, model, texts);
    }
    for (const auto& [text, ids] : model)
      for (const auto& id : ids) index.erase(text, id);
    expect_same(index, {}, texts);
    EXPECT_EQ(index, TextIndex());
    index.erase("text-1", id_of(1));
    index.insert("text-1", id_of(1));
    EXPECT_EQ(all_with(index, "text-1"), std::vector{id_of(1)});
  }
}

TEST(TextIndex, MadeAtOnceIsTheSameAndGoesOn) {
  Random random{8};
  TextIndex at_once, one_by_one;
  at_once.insert("of before", id_of(1));
  Model model;
  std::vector<TextIndex::Entry> entries;
  for (int i = 0; i < 5'000; ++i) {
    const auto text = "text-" + std::to_string(random.next() % 900);
    const auto id = id_of(random.next());
    entries.emplace_back(text, id);
    if (i % 10 == 0) entries.emplace_back(text, id);  // twice
    one_by_one.insert(text, id);
    model[text].insert(id);
  }
  at_once.assign(std::move(entries));
  expect_same(at_once, model, 900);
  EXPECT_EQ(at_once, one_by_one) << "though they do not lie the same";
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    at_once.insert("text-" + std::to_string(i % 900), id_of(i));
    model["text-" + std::to_string(i % 900)].insert(id_of(i));
  }
  expect_same(at_once, model, 900);
  EXPECT_FALSE(at_once == one_by_one);
  at_once.assign({});
  expect_same(at_once, {}, 900);
}

TEST(TextIndex, StopsWhereAVisitSaysSo) {
  TextIndex index;
  for (std::uint64_t i = 0; i < 1'000; ++i) index.insert("one", id_of(i));
  int seen = 0;
  index.each("one", [&](const NodeId&) { return ++seen < 300; });
  EXPECT_EQ(seen, 300);
}

}  // namespace
}  // namespace abide::fleet
