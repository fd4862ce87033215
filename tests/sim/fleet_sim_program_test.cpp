// What a call prints and how it ends, over worlds that only pretend.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <thread>

#include "simulators/fleet-sim/crew.hpp"
#include "tests/sim/fleet_sim_calls.hpp"

namespace abide::fleet_sim {
namespace {

using Words = std::vector<std::string>;

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A file name that no other test has, and that does not stay.
class Scratch {
 public:
  explicit Scratch(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("fleet-sim-" + std::to_string(::getpid()) + "-" + name)) {}
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    std::filesystem::remove(path_ + ".shrunk", ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool clone_and_two_nodes(const sim::Plan& plan, const std::vector<Struck>& struck) {
  return plan.nodes >= 2 && std::any_of(struck.begin(), struck.end(), [](const Struck& one) { return one.fault == sim::Fault::clone; });
}

// ---- words

TEST(FleetSimUsage, ThatIsWrongEndsWithTwoBeforeAnythingIsRun) {
  const Words table[] = {
      {"fly"},
      {"--no-such-flag"},
      {"--seed"},
      {"--seed", "x"},
      {"--seed", "1..3"},
      {"--seed", ""},
      {"--seeds", ""},
      {"--seeds", "9..1"},
      {"--seeds", "0..1000000"},
      {"--seed", "1", "--seeds", "1..3"},
      {"--seeds", "1..3", "--left-out", "1"},
      {"--seeds-file", "/no/such/file"},
      {"--nodes", "0"},
      {"--nodes", "4..3"},
      {"--nodes", "10001"},
      {"--hours", "0"},
      {"--hours", "two"},
      {"--quiet-hours", "0"},
      {"--faults", "rain"},
      {"--faults", "clone,rain"},
      {"--left-out", "x"},
      {"--check", "rain"},
      {"--check", ""},
      {"--jobs", "0"},
      {"--shrink-runs", "-1"},
      {"--output", "xml"},
      {"--output", "json", "--transcript", "-"},
      {"--rewrite"},
      {"--scenario"},
      {"--without", "epoch"},  // the mutable variant alone
      {"--list-rules"},
  };
  for (const auto& words : table) {
    PretendedWorlds worlds;
    const auto called = call(words, worlds.runner());
    EXPECT_EQ(called.code, 2) << joined(words);
    EXPECT_EQ(called.out, "") << joined(words);
    EXPECT_TRUE(called.err.starts_with("abide-fleet-sim: ")) << joined(words) << ": " << called.err;
    EXPECT_EQ(worlds.runs, 0) << joined(words);
  }
}

TEST(FleetSimUsage, NamesWhatItDoesNotKnow) {
  EXPECT_NE(call({"--faults", "clone,rain"}).err.find("\"rain\""), std::string::npos);
  const auto checker = call({"--check", "rain"}).err;
  EXPECT_NE(checker.find("\"rain\" is no checker"), std::string::npos) << checker;
  EXPECT_NE(checker.find(every_checker().front().name), std::string::npos) << checker;
}

TEST(FleetSimUsage, ListsFaultsCheckersAndSituations) {
  const auto faults = call({"--list-faults"});
  EXPECT_EQ(faults.code, 0);
  EXPECT_EQ(static_cast<std::size_t>(std::count(faults.out.begin(), faults.out.end(), '\n')), sim::fault_count);
  EXPECT_NE(faults.out.find("power-cut\n"), std::string::npos);
  EXPECT_EQ(call({"--list-checkers"}).code, 0);
  EXPECT_EQ(call({"--list-situations"}).code, 0);
}

// Set ABIDE_REWRITE to write what is expected anew; read the difference before it is committed.
TEST(FleetSimHelp, IsAsWrittenAndSaysWhatEveryExitCodeMeans) {
  const auto help = call({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  const auto path = std::filesystem::path(ABIDE_SOURCE_DIR) / "tests/sim/fleet_sim_help.txt";
  if (std::getenv("ABIDE_REWRITE") != nullptr) std::ofstream(path) << help.out;
  EXPECT_EQ(help.out, content_of(path));
  EXPECT_NE(help.out.find("Exit codes: 0 nothing was found, 1 a checker found something or a scenario went otherwise, 2 wrong usage,"),
            std::string::npos);
  EXPECT_NE(help.out.find("Examples:"), std::string::npos);
  const auto version = call({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with("abide-fleet-sim 0.")) << version.out;
}

// ---- runs

std::string hash_in(const std::string& out) {
  const auto at = out.find(" hash=");
  return at == std::string::npos ? "" : out.substr(at + 6, 64);
}

TEST(FleetSimRange, EndsWithOneLineOfFigures) {
  const auto called = call({"--seeds", "1..10", "--nodes", "5", "--hours", "10", "--quiet-hours", "2", "--faults", "none", "--jobs", "1"});
  EXPECT_EQ(called.code, 0);
  EXPECT_TRUE(called.out.starts_with(
      "seeds=10 failing=0 findings=0 events=500 faults=0 node_updates=50 succeeded=50 failed=0 rolled_back=0 cancelled=0 "
      "virtual_hours=120 wall_s="))
      << called.out;
  EXPECT_EQ(std::count(called.out.begin(), called.out.end(), '\n'), 1);
  EXPECT_TRUE(called.out.ends_with(" hash=" + hash_in(called.out) + "\n"));
  EXPECT_EQ(hash_in(called.out).size(), 64U);
  EXPECT_TRUE(call({"--seeds", "1..10", "--no-hash"}).out.ends_with(" hash=-\n"));
}

TEST(FleetSimRange, HasTheSameResultsOnAnyNumberOfThreads) {
  // The first seeds take longest, so that results come out of order.
  PretendedWorlds worlds;
  worlds.is_wrong = [](const sim::Plan& plan, const std::vector<Struck>&) { return plan.seed % 7 == 0; };
  std::atomic<int> finished = 0;
  Runner runner = [&](const sim::Plan& plan, const RunOptions& how) {
    if (plan.seed == 1)
      for (int spins = 0; finished < 1 && spins < 1'000'000; ++spins) std::this_thread::yield();
    auto result = worlds.run(plan, how);
    ++finished;
    return result;
  };
  const Words words = {"--seeds", "1..60", "--nodes", "1..9", "--shrink-runs", "0", "--jobs"};
  std::string expected, failures;
  for (const auto* jobs : {"1", "2", "8"}) {
    auto with = words;
    with.emplace_back(jobs);
    finished = jobs == std::string("1") ? 1 : 0;
    const auto called = call(with, runner);
    EXPECT_EQ(called.code, 1);
    const auto findings = called.out.substr(0, called.out.rfind("seeds="));
    if (expected.empty()) {
      expected = hash_in(called.out);
      failures = findings;
    }
    EXPECT_EQ(hash_in(called.out), expected) << jobs;
    EXPECT_EQ(findings, failures) << jobs;
  }
  EXPECT_EQ(expected.size(), 64U);
  EXPECT_LT(failures.find("FAILED seed 7\n"), failures.find("FAILED seed 14\n"));
  // And each seed counts: one less is another hash.
  EXPECT_NE(hash_in(call({"--seeds", "1..59", "--nodes", "1..9", "--shrink-runs", "0"}, runner).out), expected);
}

TEST(FleetSimRange, StopsBehindTheFirstSeedThatFailsOnAnyNumberOfThreads) {
  for (const auto* jobs : {"1", "4"}) {
    PretendedWorlds worlds;
    worlds.is_wrong = [](const sim::Plan& plan, const std::vector<Struck>&) { return plan.seed >= 20; };
    const auto called = call({"--seeds", "1..1000", "--stop-at-first", "--shrink-runs", "0", "--jobs", jobs}, worlds.runner());
    EXPECT_EQ(called.code, 1);
    EXPECT_NE(called.out.find("seeds=20 failing=1 "), std::string::npos) << called.out;
    EXPECT_LT(worlds.runs, 100);
  }
}

TEST(FleetSimRange, TakesSeedsFromAFile) {
  const Scratch file("seeds.txt");
  std::ofstream(file.path()) << "5 2 3 none # small\n6 4 3 clone # larger\n";
  const auto called = call({"--seeds-file", file.path(), "--jobs", "1"});
  EXPECT_EQ(called.code, 0);
  EXPECT_NE(called.out.find("seeds=2 failing=0 findings=0 events=60 faults=4 "), std::string::npos) << called.out;
}

TEST(FleetSimFailure, IsToldWithItsCommandAndASmallerRunThatFailsAlike) {
  PretendedWorlds worlds;
  worlds.is_wrong = clone_and_two_nodes;
  const auto called = call({"--seeds", "4..6", "--nodes", "9", "--hours", "12", "--faults", "all"}, worlds.runner());
  EXPECT_EQ(called.code, 1);
  const auto& out = called.out;
  EXPECT_NE(out.find("FAILED seed 4\n  pretended at 1970-01-01T01:00:00.000Z: two and two are five\n  again:  abide-fleet-sim --seed 4 "
                     "--nodes 9 --hours 12 "),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("FAILED seed 6\n"), std::string::npos);
  EXPECT_NE(out.find(": 2 nodes, 1 hours, 1 kinds of fault, 1 faults that happen\n"), std::string::npos) << out;
  EXPECT_NE(out.find("  again:  abide-fleet-sim --seed 4 --nodes 2 --hours 1 --quiet-hours 24 --faults clone --left-out 1..3\n"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("the last 2 lines of its transcript:\n    seed 4 begins with 2 nodes\n    fault 0 clone\n"), std::string::npos) << out;
  EXPECT_NE(out.find("\nseeds=3 failing=3 findings=3 "), std::string::npos) << out;
  // The command that it prints fails indeed.
  EXPECT_EQ(call({"--seed", "4", "--nodes", "2", "--hours", "1", "--faults", "clone", "--left-out", "1..3"}, worlds.runner()).code, 1);
  EXPECT_EQ(call({"--seed", "4", "--nodes", "2", "--hours", "1", "--faults", "clone", "--left-out", "0..3"}, worlds.runner()).code, 0);
}

TEST(FleetSimFailure, ShowsTheEndOfItsTranscriptWhereNothingSmallerIsLookedFor) {
  PretendedWorlds worlds;
  worlds.is_wrong = clone_and_two_nodes;
  const auto called = call({"--seed", "4", "--faults", "clone", "--shrink-runs", "0"}, worlds.runner());
  EXPECT_NE(called.out.find("the last 5 lines of its transcript:\n    seed 4 begins with 8 nodes\n"), std::string::npos) << called.out;
  EXPECT_EQ(worlds.runs, 1);
}

TEST(FleetSimFailure, IsNoneForCheckersThatAreNotAsked) {
  PretendedWorlds worlds;
  worlds.is_wrong = clone_and_two_nodes;
  EXPECT_EQ(call({"--faults", "all", "--check", "none"}, worlds.runner()).code, 0);
  EXPECT_EQ(call({"--faults", "all", "--check", every_checker().front().name}, worlds.runner()).code, 0);
}

TEST(FleetSimFailure, LeavesBothTranscripts) {
  const Scratch file("transcript");
  PretendedWorlds worlds;
  worlds.is_wrong = clone_and_two_nodes;
  EXPECT_EQ(call({"--seed", "4", "--nodes", "9", "--faults", "all", "--transcript", file.path()}, worlds.runner()).code, 1);
  EXPECT_TRUE(content_of(file.path()).starts_with("seed 4 begins with 9 nodes\nfault 0 "));
  EXPECT_EQ(content_of(file.path() + ".shrunk"), "seed 4 begins with 2 nodes\nfault 0 clone\n");
  // Of several seeds, the smallest run that fails.
  EXPECT_EQ(call({"--seeds", "4..5", "--nodes", "9", "--faults", "all", "--transcript", file.path()}, worlds.runner()).code, 1);
  EXPECT_EQ(content_of(file.path()), "seed 4 begins with 2 nodes\nfault 0 clone\n");
}

TEST(FleetSimTranscript, OfOneSeedGoesToAFileOrToStdout) {
  const auto called = call({"--seed", "3", "--nodes", "2", "--faults", "none", "--transcript", "-"});
  EXPECT_TRUE(called.out.starts_with("seed 3 begins with 2 nodes\nseeds=1 ")) << called.out;
  const auto cannot = call({"--seed", "3", "--transcript", "/no/such/folder/file"});
  EXPECT_EQ(cannot.code, 4);
  EXPECT_NE(cannot.err.find("/no/such/folder/file: cannot be written"), std::string::npos);
}

TEST(FleetSimReached, IsATableAndFailsOnlyWhereItMustBeReached) {
  PretendedWorlds worlds;
  worlds.reached = {{"often", 7}, {"not once", 0}};
  const auto shown = call({"--seeds", "1..3", "--reached"}, worlds.runner());
  EXPECT_EQ(shown.code, 0);
  EXPECT_NE(shown.out.find("          21  often\n"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("       NEVER  not once\n"), std::string::npos) << shown.out;
  EXPECT_EQ(call({"--seeds", "1..3", "--require-reached"}, worlds.runner()).code, 3);
  EXPECT_EQ(call({"--seeds", "1..3"}, worlds.runner()).out.find("often"), std::string::npos);
}

TEST(FleetSimJson, IsOneObjectWithAllThatIsKnown) {
  PretendedWorlds worlds;
  worlds.is_wrong = clone_and_two_nodes;
  const auto called =
      call({"--seeds", "4..6", "--nodes", "9", "--hours", "12", "--faults", "all", "--reached", "--output", "json"}, worlds.runner());
  EXPECT_EQ(called.code, 1);
  const auto document = nlohmann::json::parse(called.out, nullptr, false);
  ASSERT_TRUE(document.is_object()) << called.out;
  EXPECT_EQ(document["seeds"], 3);
  EXPECT_EQ(document["failing_seeds"], 3);
  EXPECT_EQ(document["outcomes"]["succeeded"], 27);
  EXPECT_EQ(document["failures"][0]["seed"], 4);
  EXPECT_EQ(document["failures"][0]["findings"][0]["checker"], "pretended");
  EXPECT_EQ(document["shrunk"]["nodes"], 2);
  EXPECT_EQ(document["shrunk"]["happened"][0]["fault"], "clone");
  EXPECT_EQ(document["reached"]["first"], 9);
  EXPECT_NE(called.err.find("FAILED seed 4\n"), std::string::npos) << "findings are told while others run";
}

TEST(FleetSimScenario, IsPlayedAndComparedWithWhatItsFileSays) {
  const Scratch file("scenario.txt");
  std::ofstream(file.path()) << "# A try\n\npublish 3.0.20260102.0300\n----\n+00:00:00 nothing of the kind\n";
  const auto differs = call({"--scenario", file.path()});
  EXPECT_EQ(differs.code, 1);
  EXPECT_NE(differs.out.find("FAILED  " + file.path()), std::string::npos) << differs.out;
  EXPECT_NE(differs.out.find("nothing of the kind"), std::string::npos) << differs.out;
  EXPECT_EQ(call({"--scenario", file.path(), "--rewrite"}).out, "rewritten  " + file.path() + "\nscenarios=1 failing=0\n");
  EXPECT_EQ(call({"--scenario", file.path(), file.path()}).out,
            "ok  " + file.path() + "\nok  " + file.path() + "\nscenarios=2 failing=0\n");
  EXPECT_EQ(call({"--scenario", "/no/such/file"}).code, 1);
}

// ---- progress

TEST(FleetSimProgress, IsABarInATerminalAndALineNowAndThenElsewhere) {
  const Words words = {"--seeds", "1..20", "--faults", "none", "--jobs", "1"};
  PretendedWorlds worlds;
  const auto plain = call(words, worlds.runner());
  EXPECT_EQ(plain.err.find('\x1b'), std::string::npos) << plain.err;
  EXPECT_EQ(plain.err.find('\r'), std::string::npos) << plain.err;
  EXPECT_NE(plain.err.find("seeds 5 of 20, "), std::string::npos) << plain.err;
  EXPECT_LT(std::count(plain.err.begin(), plain.err.end(), '\n'), 6);
  const auto grey = call(words, worlds.runner(), true, false);
  EXPECT_NE(grey.err.find("\rseeds ███"), std::string::npos) << grey.err;
  EXPECT_EQ(grey.err.find("\x1b[3"), std::string::npos) << "NO_COLOR";
  EXPECT_TRUE(grey.err.ends_with("\r\x1b[K")) << "it does not stay";
  const auto coloured = call(words, worlds.runner(), true, true);
  EXPECT_NE(coloured.err.find("\x1b[32m"), std::string::npos);
  EXPECT_EQ(coloured.err.find("\x1b[31m"), std::string::npos);
  worlds.is_wrong = [](const sim::Plan& plan, const std::vector<Struck>&) { return plan.seed == 3; };
  EXPECT_NE(call(words, worlds.runner(), true, true).err.find("\x1b[31m"), std::string::npos);
  // What is on stdout is the same everywhere.
  const auto jobs_of = [](const Called& called) { return called.out.substr(0, called.out.find(" wall_s=")); };
  EXPECT_EQ(jobs_of(coloured), jobs_of(plain));
}

TEST(FleetSimProgress, FitsIntoItsTerminal) {
  std::ostringstream err;
  Surroundings around;
  around.err = &err;
  around.err_is_terminal = true;
  around.columns = [] { return std::size_t{60}; };
  around.now_ms = [] { return std::int64_t{0}; };
  {
    Progress progress(around, "seeds");
    progress.at(1, 2'000, "a note that is longer than the terminal is wide, by far");
  }
  const auto drawn = err.str();
  const auto end = drawn.find("\x1b[K");
  ASSERT_NE(end, std::string::npos);
  std::size_t columns = 0;
  for (std::size_t i = 1; i < end; ++i) columns += (static_cast<unsigned char>(drawn[i]) & 0xC0U) != 0x80U ? 1 : 0;
  EXPECT_LT(columns, 60U);
  EXPECT_GT(columns, 50U);
}

}  // namespace
}  // namespace abide::fleet_sim
