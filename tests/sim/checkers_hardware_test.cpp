// Checkers of what is done to hardware, before hand-made observations: what they call right, and what they call wrong.
#include "tests/sim/checkers_bench.hpp"

namespace abide::sim {
namespace {

using testing::HasSubstr;
using Kind = HardwareDid::Kind;

constexpr Number number{1000, 1}, next{1000, 2}, later{1000, 3};

Image image(const std::string& version, Image::Nature nature = Image::Nature::good) {
  Image image;
  image.version = version;
  image.bytes = 1'000;
  image.nature = nature;
  return image;
}

TEST(RunningSlotChecker, FindsAWriteToTheSlotThatRunsAndNotToTheSpare) {
  Bench bench("running-slot");
  bench.did(Kind::slot_erased, Slot::b);
  bench.did(Kind::slot_written, Slot::b);
  EXPECT_EQ(bench.found(), 0U);
  bench.did(Kind::slot_erased, Slot::a);
  EXPECT_THAT(bench.what(), HasSubstr("writes slot a, which runs"));
}

// ---- open-window

TEST(OpenWindowChecker, LetsASwitchThroughThatIsAskedForAnsweredAcknowledgedAndInTime) {
  Bench bench("open-window");
  bench.offer(bench.document(number, number));
  bench.arm(number);
  EXPECT_EQ(bench.found(), 0U) << bench.what();
}

TEST(OpenWindowChecker, FindsASwitchThatTheDocumentHeldDoesNotAllow) {
  struct Case {
    const char* what;
    void (*change)(DocumentIssued&, std::int64_t now_ms);
  };
  const Case cases[] = {
      {"which does not ask for it", [](DocumentIssued& d, std::int64_t) { d.link.reset(); }},
      {"which does not ask for it", [](DocumentIssued& d, std::int64_t) { d.link->offer = later; }},
      {"which aborts it", [](DocumentIssued& d, std::int64_t) { d.link->aborted = true; }},
      {"which pauses it", [](DocumentIssued& d, std::int64_t) { d.link->paused = true; }},
      {"has no window", [](DocumentIssued& d, std::int64_t) { d.window.reset(); }},
      {"before its window opens", [](DocumentIssued& d, std::int64_t now_ms) { d.window->opens_at_ms = now_ms + 60'000; }},
      {"with less than the", [](DocumentIssued& d, std::int64_t now_ms) { d.window->closes_at_ms = now_ms - 1'000; }},
      {"with less than the", [](DocumentIssued& d, std::int64_t now_ms) { d.window->closes_at_ms = now_ms + 60'000; }},
  };
  for (const auto& one : cases) {
    Bench bench("open-window");
    bench.offer(bench.document(number, number));
    auto changed = bench.document(next, number);
    one.change(changed, bench.now_ms());
    bench.issue(changed);
    bench.arm(number);
    EXPECT_EQ(bench.found(), 0U) << "it may still act on the one it holds: " << bench.what();
    bench.take(changed);
    bench.arm(number);
    EXPECT_THAT(bench.what(), HasSubstr(one.what));
  }
}

TEST(OpenWindowChecker, FindsASwitchByADocumentThatWasOldWhenTheNodeWasAnswered) {
  Bench bench("open-window");
  bench.offer(bench.document(number, number));
  bench.issue(bench.document(next, next));
  bench.world().pass(5'000);
  bench.arm(number);
  EXPECT_EQ(bench.found(), 0U) << "nobody has told it yet: " << bench.what();
  bench.answered();
  bench.arm(number);
  EXPECT_THAT(bench.what(), HasSubstr("was there when it was last answered"));
}

TEST(OpenWindowChecker, FindsASwitchWhoseAcceptanceIsStoredNowhere) {
  Bench bench("open-window");
  const auto document = bench.document(number, number);
  bench.issue(document);
  bench.answered();
  bench.take(document);
  bench.accept(number);
  bench.arm(number);
  EXPECT_THAT(bench.what(), HasSubstr("has never stored that it accepted"));
}

TEST(OpenWindowChecker, LetsACutOffNodeGoByAClockThatItMayTrustAndNoOther) {
  Bench bench("open-window");
  bench.offer(bench.document(number, number));
  bench.input(node::Disconnected{});
  bench.arm(number);
  EXPECT_THAT(bench.what(), HasSubstr("not yet cut off"));
  const auto before = bench.found();
  bench.world().pass(61'000);
  bench.arm(number);
  EXPECT_EQ(bench.found(), before) << "its clock agreed with the orchestrator's: " << bench.what();
  bench.did(Kind::booted, Slot::a);        // another boot knows nothing of that
  bench.world().machine(0).step_clock(1);  // and the kernel vouches for nothing
  bench.arm(number);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("no reason to trust"));
}

TEST(OpenWindowChecker, FindsARebootLikeAnArming) {
  Bench bench("open-window");
  bench.offer(bench.document(number, number, 60'000));
  const node::Effect reboot = node::Reboot{number, {}};
  bench.did(Kind::reboot_ordered, Slot::a, &reboot);
  EXPECT_THAT(bench.what(), HasSubstr("reboots into the new slot"));
}

TEST(OpenWindowChecker, FindsATrialOutsideTheWindowThatDoesNotSaySo) {
  Bench bench("open-window");
  bench.offer(bench.document(number, number, 1'000));
  TrialStarted trial;
  trial.offer = number;
  trial.outside_window = true;
  bench.world().pass(2'000);
  bench.journal(trial);
  EXPECT_EQ(bench.found(), 0U);
  trial.outside_window = false;
  bench.journal(trial);
  EXPECT_THAT(bench.what(), HasSubstr("does not say so"));
}

// ---- verified-image

TEST(VerifiedImageChecker, FindsASlotThatDoesNotHoldTheImageOfTheOffer) {
  Ran ran({"verified-image"});
  ran.offer(newer_version);
  ASSERT_TRUE(ran.world().run_until([&] { return ran.machine().one_shot().has_value(); }, 3'600'000));
  EXPECT_EQ(ran.found(), 0U) << ran.what();
  const node::Effect arm = node::ArmOnce{ran.machine().state().offer, Slot::a, 1};
  HardwareDid did;
  did.kind = Kind::one_shot_armed;
  did.slot = Slot::a;  // the base image
  did.effect = &arm;
  ran.checkers().hardware(ran.world(), did);
  EXPECT_THAT(ran.what(), HasSubstr("another image than the one that was verified"));
}

TEST(VerifiedImageChecker, FindsASlotThatHoldsNothingWholeAndAnOfferOfNobody) {
  Bench bench("verified-image");
  bench.world().add_image(image(newer_version));
  bench.offer(bench.document(number, number));
  bench.arm(number);  // slot b was never written
  EXPECT_THAT(bench.what(), HasSubstr("holds nothing whole"));
  bench.arm(later);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("nobody has issued"));
}

// ---- healthy-first

TEST(HealthyFirstChecker, FindsADefaultThatDoesNotRunOrWasNotFoundHealthy) {
  Bench bench("healthy-first");
  const node::Effect confirm = node::ConfirmBoot{number, Slot::a, {}};
  bench.did(Kind::default_set, Slot::a, &confirm);
  EXPECT_EQ(bench.found(), 0U) << "what is the default already may be made it again";
  const node::Effect spare = node::ConfirmBoot{number, Slot::b, {}};
  bench.did(Kind::health_ran, Slot::b, nullptr, true);
  bench.did(Kind::default_set, Slot::b, &spare);
  EXPECT_THAT(bench.what(), HasSubstr("which does not run"));
  EXPECT_EQ(bench.found(), 1U);
  bench.did(Kind::default_set, Slot::a, &confirm);
  EXPECT_THAT(bench.checkers().findings().back().what, HasSubstr("which no health check there has called well"));
  EXPECT_EQ(bench.found(), 2U);
  bench.did(Kind::health_ran, Slot::a, nullptr, true);
  bench.did(Kind::default_set, Slot::b, &spare);
  bench.did(Kind::default_set, Slot::a, &confirm);
  EXPECT_EQ(bench.found(), 3U) << "of which the third is again that slot b does not run";
}

bool on_trial(Ran& ran) {
  return ran.machine().agent_runs() && ran.machine().running() != ran.machine().default_slot();
}
void say_rolled_back(Ran& ran) {
  Recorded<NodeEvent> recorded;
  recorded.event = RolledBack{number, Reason::unhealthy, "", "", {}};
  const node::State state;
  const node::Link link;
  const node::Input tick = node::Tick{};
  const Now now;
  const std::vector<Journaled<NodeEvent>> events{{recorded, {}}};
  const std::vector<node::Message> messages;
  ran.checkers().decided(ran.world(), NodeDecided{0, state, link, tick, now, events, messages, state, link});
  ran.checkers().node_committed(ran.world(), 0);
}

TEST(HealthyFirstChecker, FindsAnOutcomeInTheWrongSlot) {
  Bench bench("healthy-first");
  bench.journal(RolledBack{number, Reason::unhealthy, "", "", {}});
  EXPECT_EQ(bench.found(), 0U) << bench.what();
  Ran ran({"healthy-first"});
  ran.offer(newer_version);
  ASSERT_TRUE(ran.world().run_until([&] { return on_trial(ran); }, 3'600'000));
  ASSERT_EQ(ran.found(), 0U) << ran.what();
  say_rolled_back(ran);
  EXPECT_THAT(ran.what(), HasSubstr("which is not the default"));
}

TEST(HealthyFirstChecker, ExcusesADiskThatWasPutBackInTheBootThatFindsItOnly) {
  Ran ran({"healthy-first"});
  ran.offer(newer_version);
  auto older = ran.machine().copy_disk();
  ASSERT_TRUE(ran.world().run_until([&] { return ran.machine().one_shot().has_value(); }, 3'600'000));
  ran.machine().put_back(std::move(older));
  ASSERT_TRUE(ran.world().run_until([&] { return on_trial(ran); }, 3'600'000));
  const BootId found_in = ran.machine().boot_id();
  say_rolled_back(ran);
  EXPECT_EQ(ran.found(), 0U) << ran.what();
  ran.machine().put_back(ran.machine().copy_disk());  // only a power cut: back to the default
  ASSERT_TRUE(ran.world().run_until([&] { return ran.machine().agent_runs() && !on_trial(ran); }, 3'600'000));
  Image image;
  image.version = "9.0.20261231.0000";
  image.bytes = 100'000'000;
  ran.world().people().publish(image);
  ran.world().pass(60'000);
  EXPECT_TRUE(ran.world().people().link(0, "latest"));
  ASSERT_TRUE(ran.world().run_until([&] { return on_trial(ran) && ran.machine().boot_id() != found_in; }, 24 * 3'600'000));
  ASSERT_EQ(ran.found(), 0U) << ran.what();
  say_rolled_back(ran);
  EXPECT_THAT(ran.what(), HasSubstr("which is not the default"));
}

// ---- commit-first

TEST(CommitFirstChecker, FindsAnEffectBeforeBootedIsDurable) {
  Bench bench("commit-first");
  const node::Effect clear = node::ClearBootState{};
  bench.did(Kind::one_shot_cleared, Slot::b, &clear);
  EXPECT_EQ(bench.found(), 0U);
  bench.did(Kind::agent_started, Slot::a);
  bench.did(Kind::one_shot_cleared, Slot::b, &clear);
  EXPECT_THAT(bench.what(), HasSubstr("before it has told what booted"));
}

TEST(CommitFirstChecker, FindsAnEffectWhoseDecisionIsNotOnTheDisk) {
  Bench bench("commit-first");
  bench.accept(number);
  ImageStaged staged;
  staged.offer = number;
  bench.journal(staged);
  SwitchBegan began;
  began.offer = number;
  bench.decide(node::Tick{}, {began});  // decided, not committed
  bench.arm(number);
  EXPECT_THAT(bench.what(), HasSubstr("ArmOnce"));
  EXPECT_EQ(bench.found(), 1U);
  bench.checkers().node_committed(bench.world(), 0);
  bench.arm(number);
  EXPECT_EQ(bench.found(), 1U);
  bench.arm(later);
  EXPECT_EQ(bench.found(), 2U) << "of another offer";
}

}  // namespace
}  // namespace abide::sim
