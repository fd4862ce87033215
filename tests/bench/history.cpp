// What a long history costs: checking it, starting behind it, and its place on the disk. A store with so many nodes that have said so
// many events, written by the fleet's own machine through the shell around it.
//
//   replay   `abide-replay verify`, beside a bare scan of the same keys by RocksDB
//   start    opening the store and all state of its fleet, beside RocksDB's own open and read of the state's rows
//   size     bytes of the journal on disk an event, merged, beside the same events as one file by `zstd`
//
// Exit codes: 0 within the limits; 1 not; 2 wrong usage; 4 something failed.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <rocksdb/db.h>
#include <string>
#include <vector>

#include "common/service/host.hpp"
#include "common/service/logging.hpp"
#include "common/store/large_pages.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/orchestrator.hpp"
#include "orchestrator/translate.hpp"
#include "tests/bench/rows.hpp"
#include "tests/bench/speaker.hpp"
#include "tests/support/child.hpp"

namespace {

using namespace abide;
using Clock = std::chrono::steady_clock;
using FleetHost = Host<fleet::FleetMachine, fleet::Rows>;
using nlohmann::json;

constexpr double replay_goal = 0.5;  // of the scan's rate, at least
constexpr double start_goal = 1.5;   // times the baseline
constexpr double size_goal = 2;      // times the baseline
constexpr std::size_t inputs_per_commit = 2'000;
constexpr std::chrono::minutes child_max{30};
constexpr const char* project = "bench";
const Now now{1'795'867'200'000, 1'000'000, {"bench"}, true};

struct Options {
  std::size_t nodes = 10'000, events = 1'000'000;
  int rounds = 3;
  std::string only, keep;
  bool no_limits = false, as_json = false;
};

[[noreturn]] void broken(const std::string& what) {
  std::fprintf(stderr, "bench-history: %s\n", what.c_str());
  std::_Exit(4);
}

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}
double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() / 2];
}

// ---- the store -------------------------------------------------------------------------------------------------------------

class Writer {
 public:
  explicit Writer(RocksStore& store) : store_(store) {
    fleet::Settings settings;
    settings.auto_register = true;
    settings.lost_after_ms = 0;
    fleet::Link link;
    link.random.state = 7;
    auto host =
        FleetHost::open(fleet::FleetMachine{settings}, store, orchestrator::scope_of_project(project), std::move(link), SessionId{1});
    if (!host) broken(host.error().message);
    host_ = std::make_unique<FleetHost>(std::move(*host));
    orchestrator::put_project_row(batch_, project);
    host_->begin(JournalId{77}, batch_);
    take(fleet::CreateProject{project, std::string(32, 'k')});
    take(fleet::Started{});
    take(fleet::BusUp{});
  }
  void take(const fleet::Input& input, const Cause& cause = {}) {
    host_->take(input, now, cause, batch_);
    if (++taken_ % inputs_per_commit == 0) commit();
  }
  void hear(bench::Speaker& speaker, Payload payload, bool is_event) {
    auto bytes = bench::said_by(speaker, std::move(payload), is_event);
    auto translated = orchestrator::translate_status(speaker.id, decode(bytes).value(), bytes);
    take(translated->input, translated->cause);
  }
  void commit() {
    host_->save(batch_);
    if (auto done = store_.commit(batch_); !done) broken(done.error().message);
    batch_.clear();
    (void)host_->committed();
  }
  [[nodiscard]] LifeId life() const { return host_->link().life; }
  [[nodiscard]] std::uint64_t last() const { return host_->journal().head().last; }

 private:
  RocksStore& store_;
  std::unique_ptr<FleetHost> host_;
  Batch batch_;
  std::size_t taken_ = 0;
};

// How many events lie in the journal.
std::uint64_t write_history(const Options& options, const std::string& dir) {
  if (std::filesystem::exists(dir + "/CURRENT")) {  // of a run before
    auto store = RocksStore::open_read_only(dir);
    if (!store) broken(store.error().message);
    auto head = Journal::read_head(**store, orchestrator::scope_of_project(project));
    if (!head) broken(head.error().message);
    return head->last;
  }
  auto store = RocksStore::open(dir, fleet_store_size);
  if (!store) broken(store.error().message);
  Writer writer(**store);
  std::vector<bench::Speaker> speakers;
  for (std::size_t n = 0; n < options.nodes; ++n) speakers.push_back(bench::speaker_of(project, n));
  for (auto& speaker : speakers) writer.hear(speaker, bench::hello_of(speaker, writer.life(), "edge-0"), false);
  for (std::size_t i = 0; writer.last() < options.events; ++i) {
    auto& speaker = speakers[i * 7'919 % speakers.size()];
    writer.hear(speaker, bench::next_event(speaker), true);
  }
  writer.commit();
  if (auto merged = (*store)->merge_all(); !merged) broken(merged.error().message);
  return writer.last();
}

// ---- the baselines -----------------------------------------------------------------------------------------------------------

struct Scanned {
  double seconds = 0;
  std::uint64_t rows = 0, bytes = 0;
};

std::unique_ptr<rocksdb::DB> open_bare(const std::string& dir) {
  rocksdb::DB* db = nullptr;
  rocksdb::Options options;
  if (!rocksdb::DB::OpenForReadOnly(options, dir, &db).ok()) broken("RocksDB does not open the store");
  return std::unique_ptr<rocksdb::DB>(db);
}

// RocksDB's open, and all keys with the prefix.
Scanned scan_bare(const std::string& dir, const std::string& prefix) {
  const auto from = Clock::now();
  Scanned scanned;
  const auto db = open_bare(dir);
  const std::unique_ptr<rocksdb::Iterator> row(db->NewIterator({}));
  for (row->Seek(prefix); row->Valid() && row->key().starts_with(prefix); row->Next()) {
    ++scanned.rows;
    scanned.bytes += row->value().size();
  }
  scanned.seconds = seconds_since(from);
  return scanned;
}

// ---- the rows ---------------------------------------------------------------------------------------------------------------

bench::Row replay(const Options& options, const std::string& dir, std::uint64_t events) {
  const std::string program = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "abide-replay").string();
  std::vector<double> ours, bare;
  for (int round = 0; round < options.rounds; ++round) {
    bare.push_back(static_cast<double>(events) / scan_bare(dir, orchestrator::scope_of_project(project)).seconds);
    const auto from = Clock::now();
    auto child = test::Child::start({program, "verify", dir}, "", "");
    const auto code = child.wait(child_max);
    if (code != 0) broken("abide-replay verify says that the history does not hold");
    ours.push_back(static_cast<double>(events) / seconds_since(from));
  }
  return {"replay, events/s", median(ours), median(bare), replay_goal, true};
}

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

bench::Row start(const Options& options, const std::string& dir) {
  std::vector<double> ours, bare, our_cpu, bare_cpu;
  for (int round = 0; round < options.rounds; ++round) {
    const double before_bare = cpu_seconds();
    bare.push_back(scan_bare(dir, orchestrator::scope_of_project(project) + "r/").seconds * 1e3);
    const double before_ours = cpu_seconds();
    const auto from = Clock::now();
    auto store = RocksStore::open(dir, fleet_store_size, Merging::when_told);
    if (!store) broken(store.error().message);
    orchestrator::Settings settings;
    settings.fleet.lost_after_ms = 0;
    auto opened = orchestrator::Orchestrator::open(**store, std::move(settings), [](const BusSettings&) { return nullptr; });
    if (!opened) broken(opened.error().message);
    if (auto begun = (*store)->begin_merging(); !begun) broken(begun.error().message);
    ours.push_back(seconds_since(from) * 1e3);
    our_cpu.push_back((cpu_seconds() - before_ours) * 1e3);
    bare_cpu.push_back((before_ours - before_bare) * 1e3);
  }
  std::fprintf(stderr, "start: %.0f ms of CPU, RocksDB's own %.0f\n", median(our_cpu), median(bare_cpu));
  return {"start, ms", median(ours), median(bare), start_goal, false};
}

bench::Row size(const std::string& dir, const std::string& scratch) {
  const std::string prefix = orchestrator::scope_of_project(project) + "j/";
  const std::string raw = scratch + "/payloads";
  std::uint64_t events = 0, on_disk = 0;
  {
    const auto db = open_bare(dir);
    std::ofstream file(raw, std::ios::binary);
    const std::unique_ptr<rocksdb::Iterator> row(db->NewIterator({}));
    for (row->Seek(prefix); row->Valid() && row->key().starts_with(prefix); row->Next(), ++events)
      file.write(row->value().data() + 8, static_cast<std::streamsize>(row->value().size() - 8));  // without the chain
    const std::string end = after_prefix(prefix);
    const rocksdb::Range range(prefix, end);
    if (!db->GetApproximateSizes({}, db->DefaultColumnFamily(), &range, 1, &on_disk).ok())
      broken("RocksDB does not say how large the journal is");
  }
  auto child = test::Child::start({"zstd", "-q", "-f", raw, "-o", raw + ".zst"}, "", "");
  if (child.wait(child_max) != 0) broken("zstd failed");
  const auto compressed = std::filesystem::file_size(raw + ".zst");
  return {"journal on disk, bytes an event", static_cast<double>(on_disk) / static_cast<double>(events),
          static_cast<double>(compressed) / static_cast<double>(events), size_goal, false};
}

int run(const Options& options, const std::string& scratch) {
  const std::string dir = options.keep.empty() ? scratch + "/state" : options.keep;
  const auto from = Clock::now();
  const auto events = write_history(options, dir);
  std::fprintf(stderr, "%zu nodes, %llu events after %.0f s\n", options.nodes, static_cast<unsigned long long>(events),
               seconds_since(from));
  std::vector<bench::Row> rows;
  const auto wanted = [&](const char* name) { return options.only.empty() || options.only == name; };
  if (wanted("size")) rows.push_back(size(dir, scratch));
  if (wanted("replay")) rows.push_back(replay(options, dir, events));
  if (wanted("start")) rows.push_back(start(options, dir));
  return bench::print_rows(rows, options.as_json) || options.no_limits ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("what a long history costs");
  app.add_option("--nodes", options.nodes)->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--events", options.events)->check(CLI::Range(1, 100'000'000))->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option("--only", options.only, "replay, start or size")->check(CLI::IsMember({"replay", "start", "size"}));
  app.add_option("--keep", options.keep, "a folder for the store, which stays there; one that a run before has left is measured again");
  app.add_flag("--json", options.as_json, "rows of name, value, baseline, ratio, goal, met");
  app.add_flag("--no-limits", options.no_limits, "0 whatever the figures are");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  let_heap_grow_in_large_steps();  // as abide-orchestrator does
  start_logging(LogLevel::error);
  const test::TemporaryDirectory scratch;
  return run(options, scratch.path());
}
