#pragma once
// Histories to look at: made by both real machines (tests/unit/protocol/world.hpp), as rows, stores and files.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "common/store/memory_store.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/projects.hpp"
#include "tests/support/child.hpp"
#include "tests/unit/protocol/world.hpp"
#include "tools/replay/commands.hpp"
#include "tools/replay/history.hpp"

namespace abide::replay {

using Content = MemoryStore::Content;

inline void add_all(Content& content, const Batch& batch) {
  for (const auto& change : batch.changes()) content[change.key] = *change.value;
}

inline Content fleet_rows(const test::World& world) {
  auto content = world.backup();
  Batch batch;
  orchestrator::put_project_row(batch, "plant");
  add_all(content, batch);
  return content;
}
inline Content node_rows(const test::Machine& machine) {
  auto content = machine.store->content();
  content["node/m/owner"] = "plant\n" + to_string(machine.id);
  return content;
}

// An update of two machines, one of which rolls back; everybody rests.
inline const test::World& finished_world() {
  static const auto world = [] {
    auto made = std::make_unique<test::World>(7, 2);
    const auto rests = [&] { return made->runs() && made->fleet().nodes.size() == 2 && made->at_rest(0) && made->at_rest(1); };
    EXPECT_TRUE(made->run(rests));
    made->publish_image(test::good);
    made->publish_image(test::sick);
    const auto good = made->policy(test::good);
    const auto sick = made->policy(test::sick);
    EXPECT_TRUE(made->ask(fleet::LinkPolicy{made->host(0), good}));
    EXPECT_TRUE(made->ask(fleet::LinkPolicy{made->host(1), sick}));
    made->open_window(0, 20, 600);
    made->open_window(1, 40, 600);
    EXPECT_TRUE(made->run([&] {
      return rests() && made->seen(0).run && made->seen(0).run->end_ms != 0 && made->seen(1).run && made->seen(1).run->end_ms != 0;
    }));
    return made;
  }();
  return *world;
}

inline History history_of(Content content) {
  auto history = History::of(std::make_shared<const MemoryStore>(std::move(content)), "memory");
  if (!history) throw std::runtime_error(history.error().message);
  return std::move(*history);
}

inline void put_store(const std::string& dir, const Content& content) {
  auto store = RocksStore::open(dir);
  ASSERT_TRUE(store) << store.error().message;
  Batch batch;
  for (const auto& [key, value] : content) batch.put(key, value);
  const auto done = (*store)->commit(batch);
  ASSERT_TRUE(done) << done.error().message;
}

inline std::string bytes_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}
inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

struct Called {
  int code = 0;
  std::string out, err;
};

// abide-replay with these words, in this process. A follow ends when the reader has looked `looks` times more.
inline Called call(const std::vector<std::string>& words, int looks = 0, const std::function<void()>& between = {}) {
  std::ostringstream out, err;
  Surroundings around;
  around.out = &out;
  around.err = &err;
  around.now_ms = [] { return std::int64_t{1'780'538'400'000}; };
  around.wait = [&](std::int64_t) {
    if (between) between();
    if (looks-- == 0) out.setstate(std::ios::badbit);
  };
  std::vector<const char*> arguments = {"abide-replay"};
  for (const auto& word : words) arguments.push_back(word.c_str());
  Called called;
  called.code = run(static_cast<int>(arguments.size()), arguments.data(), around);
  called.out = out.str();
  called.err = err.str();
  return called;
}

}  // namespace abide::replay
