// Linking, retries, pause and abort.
#include "common/events/codec.hpp"
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

TEST(Link, IssuesAWholeDocumentThatTheNodeCanCheck) {
  Fixture f;
  f.link();
  const auto& issued = f.seen().newest;
  EXPECT_EQ(issued.document.number.epoch, f.bench.state.epoch);
  EXPECT_EQ(issued.document.number.revision, 1U);
  EXPECT_EQ(issued.digest, sha256(issued.document.body));
  EXPECT_EQ(issued.document.tag, document_tag(f.bench.state.key, f.node.id, issued.document.number, issued.digest));
  const auto body = decode_body(issued.document.body);
  ASSERT_TRUE(body) << body.error().message;
  const auto wanted = image("nonrt", "3.0.2");
  EXPECT_EQ(body->manifest, wanted.manifest);
  EXPECT_EQ(body->link, issued.link);
  EXPECT_EQ(body->link->offer, issued.document.number) << "the offer is the number that first asks";
  EXPECT_EQ(body->link->release.manifest, sha256(wanted.manifest));
  EXPECT_EQ(body->link->release.raw, wanted.raw);
  EXPECT_EQ(body->link->release.urls, wanted.urls);
  EXPECT_EQ(body->link->release.policy_id, f.policy);
}

TEST(Link, KeepsOfferAndManifestInTheDocumentsThatFollow) {
  Fixture f;
  f.link();
  const auto first = f.seen().newest;
  f.bench.done(PauseUpdate{f.host(), true});
  f.open_window(60, 60);
  const auto& later = f.seen().newest;
  EXPECT_EQ(later.document.number.revision, first.document.number.revision + 2);
  EXPECT_EQ(later.link->offer, first.link->offer);
  EXPECT_TRUE(later.link->paused);
  EXPECT_EQ(decode_body(later.document.body)->manifest, image("nonrt", "3.0.2").manifest);
  EXPECT_EQ(f.bench.events<RunOpened>().size(), 1U);
}

TEST(Link, AgainChangesNothingWhileTheOfferIsOpenAndIsARetryAfterItsOutcome) {
  Fixture f;
  f.link();
  f.accept();
  const auto offer = f.node.offer;
  const auto events = f.bench.journal.size();
  EXPECT_NE(f.link().note.find("nothing to change"), std::string::npos);
  EXPECT_EQ(f.bench.journal.size(), events);
  f.stage();
  f.roll_back();
  f.link();
  settle(f.bench, f.node);
  EXPECT_NE(f.seen().newest.link->offer, offer);
  EXPECT_EQ(f.bench.events<RunOpened>().size(), 2U);
  f.accept();
  f.stage();
  f.succeed();
  const auto documents = f.bench.events<DocumentIssued>().size();
  EXPECT_NE(f.link().note.find("nothing is newer"), std::string::npos) << "LATEST is resolved anew: there is nothing to try again";
  EXPECT_EQ(f.bench.events<DocumentIssued>().size(), documents);
}

TEST(Link, AgainAfterAnAbortWaitsUntilTheNodeHasConfirmedIt) {
  Fixture f;
  f.link();
  f.accept();
  f.node.reachable = false;
  f.bench.done(AbortUpdate{f.host()});
  EXPECT_NE(f.link().note.find("abort is not yet confirmed"), std::string::npos);
  EXPECT_EQ(f.bench.explain(f.node.id), (std::vector<std::string>{"document", "outcome"}));
  f.node.reachable = true;
  f.bench.messages.clear();
  f.node.say_hello();
  settle(f.bench, f.node);
  f.node.write(Cancelled{f.node.offer, Reason::aborted, "3.0.1", "3.0.2"});
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().run->status.text, "Update cancelled");
  EXPECT_EQ(f.seen().run->status_details, "");
  EXPECT_EQ(f.seen().status.text, "No new updates available");
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"retry"});
  EXPECT_EQ(f.link().note, "not yet confirmed by the node");
  f.accept();
}

TEST(Link, OfAnotherPolicySupersedesAndBothRunsEndOnce) {
  Fixture f;
  f.link();
  f.accept();
  const auto first = f.node.offer;
  f.bench.read_profiles({image("nonrt", "3.0.1"), image("nonrt", "3.0.2"), image("nonrt", "3.0.3")});
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().superseded.size(), 1U) << "LATEST has found a newer one, the node has not answered yet";
  EXPECT_EQ(f.bench.explain(f.node.id), (std::vector<std::string>{"outcome"}));
  f.node.write(Cancelled{first, Reason::superseded, "3.0.1", "3.0.2"});
  f.accept();
  EXPECT_TRUE(f.seen().superseded.empty());
  EXPECT_EQ(f.seen().run->to_os_image_id, "3.0.3");
  f.stage();
  f.succeed();
  const auto closed = f.bench.events<RunClosed>();
  ASSERT_EQ(closed.size(), 2U);
  EXPECT_EQ(closed[0].reason, Reason::superseded);
  EXPECT_EQ(closed[1].outcome, OutcomeKind::succeeded);
}

TEST(Link, WithdrawnBeforeItWasAcceptedEndsAsNeverBegunWhenTheNodeKnows) {
  Fixture f;
  f.node.reachable = false;
  f.link();
  f.bench.read_profiles({image("nonrt", "3.0.1"), image("nonrt", "3.0.2"), image("nonrt", "3.0.3")});
  f.bench.done(UnlinkPolicy{f.host()});
  EXPECT_TRUE(f.bench.events<RunClosed>().empty()) << "not yet confirmed by the node";
  f.bench.messages.clear();
  f.node.reachable = true;
  f.node.say_hello();
  settle(f.bench, f.node);
  const auto closed = f.bench.events<RunClosed>();
  ASSERT_EQ(closed.size(), 2U);
  for (const auto& run : closed) {
    EXPECT_EQ(run.outcome, OutcomeKind::cancelled);
    EXPECT_EQ(run.reason, Reason::never_begun);
  }
  EXPECT_FALSE(f.node.link);
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"policy"});
  EXPECT_NE(f.bench.ask(UnlinkPolicy{f.host()})->note.find("nothing to change"), std::string::npos);
}

TEST(Link, ToANodeThatWasNeverHeardIsAskedOnceItTellsWhatItRuns) {
  Bench bench({.auto_register = false});
  bench.read_profiles({image("nonrt", "3.0.2")});
  Policy latest;
  latest.name = "latest";
  bench.done(CreatePolicy{latest});
  FakeNode node(bench, node_id(3), JournalId{3}, "nonrt", "3.0.1");
  bench.done(RegisterHost{node.id, "edge-3"});
  EXPECT_NE(bench.ask(LinkPolicy{"edge-3", "latest"})->note.find("has not told yet"), std::string::npos);
  EXPECT_EQ(bench.explain(node.id), (std::vector<std::string>{"hello", "policy"}));
  EXPECT_FALSE(bench.newest(node.id).link);
  settle(bench, node);
  ASSERT_TRUE(node.link);
  EXPECT_EQ(node.link->release.os_image_id, "3.0.2");
  EXPECT_EQ(bench.node(node.id).link_fault, "");
  bench.expect_fold();
}

TEST(Link, OfAPolicyThatDoesNotFitHurtsItsNodeAlone) {
  Fixture f;
  FakeNode other(f.bench, node_id(2), JournalId{2}, "rt", "3.0.1");
  settle(f.bench, other);
  f.bench.read_profiles({image("nonrt", "3.0.0"), image("rt", "3.0.9")});
  const auto rt = target_policy(f.bench, "Microvisor rt 3.0.9");
  const auto older = target_policy(f.bench, "Microvisor nonrt 3.0.0");
  const auto older_allowed = target_policy(f.bench, "Microvisor nonrt 3.0.0", true);
  EXPECT_NE(f.bench.ask(LinkPolicy{f.host(), rt})->note.find("profile"), std::string::npos);
  EXPECT_FALSE(f.seen().newest.link);
  EXPECT_NE(f.seen().link_fault, "");
  EXPECT_EQ(f.seen().status.text, "Update policy cannot be applied");
  EXPECT_EQ(f.seen().status.indicator, Indicator::error);
  EXPECT_EQ(f.bench.node(other.id).status.text, "No new updates available");
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"policy"});
  f.open_window(60, 3'600);
  ASSERT_TRUE(f.seen().newest.window) << "its windows go on";
  f.bench.pass(120'000);
  EXPECT_EQ(f.bench.events<WindowOpened>().size(), 1U);
  f.bench.done(LinkPolicy{f.bench.node(other.id).host_id, rt});
  settle(f.bench, other);
  EXPECT_EQ(other.link->release.os_image_id, "3.0.9");

  EXPECT_NE(f.bench.ask(LinkPolicy{f.host(), older})->note.find("allows no downgrade"), std::string::npos);
  EXPECT_FALSE(f.seen().newest.link);
  f.bench.done(LinkPolicy{f.host(), older_allowed});
  EXPECT_EQ(f.seen().newest.link->release.os_image_id, "3.0.0");
  EXPECT_TRUE(f.seen().newest.link->allow_downgrade);
  EXPECT_EQ(f.seen().link_fault, "");
  EXPECT_EQ(f.seen().status.text, "No new updates available");
  f.bench.done(LinkPolicy{f.host(), rt});
  EXPECT_FALSE(f.seen().newest.link) << "what the policy before asked for is taken back";
  EXPECT_EQ(f.seen().status.text, "Update policy cannot be applied");
  f.bench.done(UnlinkPolicy{f.host()});
  EXPECT_EQ(f.seen().status.text, "No new updates available");
}

TEST(Link, WhoseFaultAnImageBringsAndTakesSaysSoInTheNodesStatus) {
  Fixture f;
  f.link();
  auto unverified = image("nonrt", "3.0.3");
  unverified.raw = {};
  f.bench.read_profiles({unverified});
  EXPECT_NE(f.seen().link_fault.find("3.0.3 has no osRawSha256"), std::string::npos) << f.seen().link_fault;
  EXPECT_EQ(f.seen().status.text, "Update policy cannot be applied");
  EXPECT_EQ(f.seen().newest.link->release.os_image_id, "3.0.2") << "what was asked before goes on";
  f.bench.read_profiles({image("nonrt", "3.0.4")});
  EXPECT_EQ(f.seen().link_fault, "");
  EXPECT_EQ(f.seen().status.text, "No new updates available");
  EXPECT_EQ(f.seen().newest.link->release.os_image_id, "3.0.4");
}

TEST(Link, WhoseImageHasMovedIsAskedAnewUnlessTheNodeHasFetchedIt) {
  const auto moved = [] {
    auto resource = image("nonrt", "3.0.2");
    resource.image_url = "elsewhere/3.0.2.raw";
    resource.urls = {"http://releases/elsewhere/3.0.2.raw"};
    resource.manifest += "moved\n";
    return resource;
  };
  for (const bool staged : {false, true}) {
    Fixture f;
    f.link();
    f.accept();
    if (staged) f.stage();
    const Number before = f.seen().newest.link->offer;
    f.bench.read_profiles({image("nonrt", "3.0.1"), moved()});
    ASSERT_EQ(f.bench.events<OsResourceMoved>().size(), 1U);
    const auto id = f.bench.events<OsResourceMoved>()[0].id;
    EXPECT_EQ(f.bench.state.os_resources.at(id).value.urls, moved().urls);
    EXPECT_EQ(f.bench.state.os_resources.at(id).value.manifest, moved().manifest);
    EXPECT_EQ(f.seen().newest.link->offer == before, staged);
    EXPECT_EQ(f.seen().newest.link->release.urls, staged ? image("nonrt", "3.0.2").urls : moved().urls);
    const auto events = f.bench.journal.size();
    f.bench.read_profiles({image("nonrt", "3.0.1"), moved()});
    f.bench.pass(1'000);
    EXPECT_EQ(f.bench.events<OsResourceMoved>().size(), 1U);
    EXPECT_EQ(f.bench.journal.size(), events) << "once";
  }
}

TEST(Link, FaultsComeAndGoWithTheImagesThatThereAre) {
  Bench bench(Settings{.auto_register = true});
  FakeNode node(bench, node_id(1), JournalId{1}, "nonrt", "1.0-rc1");
  settle(bench, node);
  Policy latest;
  latest.name = "latest";
  const auto policy = bench.done(CreatePolicy{latest});
  bench.done(LinkPolicy{bench.node(node.id).host_id, policy});
  EXPECT_EQ(bench.node(node.id).link_fault, "");
  bench.read_profiles({image("nonrt", "1.1.0")});  // not to be compared with what runs
  const auto resolution = bench.node(node.id).link_fault;
  EXPECT_NE(resolution, "") << "nothing about the node has changed, and yet";
  EXPECT_EQ(bench.explain(node.id), std::vector<std::string>{"policy"});
  bench.expect_fold();
}

TEST(Link, OfLatestFollowsNewImagesOfExactlyItsProfile) {
  Fixture f;
  FakeNode wide(f.bench, node_id(2), JournalId{2}, "nonrt-wide", "3.0.1");
  settle(f.bench, wide);
  f.bench.done(LinkPolicy{f.bench.node(wide.id).host_id, f.policy});
  f.link();
  EXPECT_FALSE(f.bench.newest(wide.id).link) << "a name that contains the profile's is another profile";
  f.accept();
  f.stage();
  f.succeed();
  f.bench.read_profiles({image("nonrt", "3.0.10")});
  settle(f.bench, f.node);
  EXPECT_EQ(f.node.link->release.os_image_id, "3.0.10") << "by number, not by letter";
  const auto offer = f.node.link->offer;
  f.bench.read_profiles({image("nonrt", "3.0.9")});
  settle(f.bench, f.node);
  EXPECT_EQ(f.node.link->offer, offer) << "older than what is asked";
  f.bench.restart();
  settle(f.bench, f.node);
  EXPECT_EQ(f.node.link->offer, offer) << "a restart asks nothing again";
}

TEST(Link, OfLatestDoesNotRetryAnImageThatFailedWhenTheOrchestratorRestarts) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  f.roll_back();
  const auto documents = f.bench.events<DocumentIssued>().size();
  f.bench.restart();
  f.node.disconnect();
  settle(f.bench, f.node);
  f.bench.read_profiles({image("nonrt", "3.0.1"), image("nonrt", "3.0.2")});
  f.bench.pass(60'000);
  EXPECT_EQ(f.bench.events<DocumentIssued>().size(), documents);
}

TEST(Link, IsRefusedWhenTheNodeHasLeftTooManyUnanswered) {
  Fixture f;
  f.node.reachable = false;
  const auto one = target_policy(f.bench, "Microvisor nonrt 3.0.1");
  for (std::size_t i = 0; i < open_runs_max; ++i) f.bench.done(LinkPolicy{f.host(), i % 2 == 0 ? one : f.policy});
  EXPECT_EQ(f.bench.ask(LinkPolicy{f.host(), one}).error().code, Code::conflict);
  f.bench.messages.clear();
  f.node.reachable = true;
  f.node.say_hello();
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().superseded.size(), 0U) << "one document answers all the older ones";
  EXPECT_EQ(f.bench.events<RunClosed>().size(), open_runs_max - 1);
  f.bench.done(LinkPolicy{f.host(), one});
}

TEST(Pause, StaysOverLinksAndGoesWithTheUnlink) {
  Fixture f;
  EXPECT_EQ(f.bench.ask(PauseUpdate{f.host(), true}).error().code, Code::conflict);
  f.link();
  f.bench.done(PauseUpdate{f.host(), true});
  EXPECT_NE(f.bench.ask(PauseUpdate{f.host(), true})->note.find("nothing to change"), std::string::npos);
  settle(f.bench, f.node);
  f.accept();
  f.stage();
  f.open_window(0, 3600);
  settle(f.bench, f.node);
  EXPECT_EQ(f.bench.explain(f.node.id), (std::vector<std::string>{"resume", "switch"}));
  f.bench.done(PauseUpdate{f.host(), false});
  settle(f.bench, f.node);
  EXPECT_FALSE(f.node.link->paused);
  f.bench.done(PauseUpdate{f.host(), true});
  f.bench.done(UnlinkPolicy{f.host()});
  EXPECT_FALSE(f.seen().paused);
}

TEST(Abort, IsRefusedWhereThereIsNothingToAbortOrItIsTooLate) {
  Fixture f;
  EXPECT_EQ(f.bench.ask(AbortUpdate{f.host()}).error().code, Code::conflict);
  f.link();
  f.accept();
  f.stage();
  f.switch_and_try();
  f.node.write(TrialPassed{f.node.offer, {}});
  settle(f.bench, f.node);
  const auto late = f.bench.ask(AbortUpdate{f.host()});
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().message.find("too late"), std::string::npos);
  f.node.write(Succeeded{f.node.offer, "3.0.1", "3.0.2", {}});
  settle(f.bench, f.node);
  EXPECT_EQ(f.bench.ask(AbortUpdate{f.host()}).error().code, Code::conflict);
}

TEST(Abort, BeforeTheNodeAcceptedEndsTheRunAsNeverBegun) {
  Fixture f;
  f.link();
  f.bench.done(AbortUpdate{f.host()});
  EXPECT_NE(f.bench.ask(AbortUpdate{f.host()})->note.find("nothing to change"), std::string::npos);
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().run->reason, Reason::never_begun);
  EXPECT_EQ(f.bench.events<UpdateAborted>().size(), 1U);
}

TEST(Run, IsNamedAfterHostAndTimeAndNeverLongerThanForty) {
  Fixture f;
  f.bench.done(RenameHost{f.host(), "plant-süd-ost-maschine-17"});
  f.link();
  const auto& run = *f.seen().run;
  EXPECT_EQ(run.name,
            "plant-süd-os update "
            "20251124-160000")
      << "13 bytes, not through a character";
  EXPECT_LE(run.name.size(), 40U);
  EXPECT_EQ(run.id.substr(0, 12), "osupdaterun-");
  EXPECT_EQ(run.id.size(), 20U);
  EXPECT_EQ(run.from_os_image_id, "3.0.1");
  EXPECT_EQ(run.to_os_image_id, "3.0.2");
  EXPECT_EQ(f.bench.state.touched.runs.count(run.id), 1U);
}

TEST(Run, IsOpenedForAnOfferThatOnlyTheNodeKnows) {
  Bench bench;
  FakeNode node(bench, node_id(1), JournalId{1}, "nonrt", "1");
  node.write(Accepted{Number{5, 5}, {}});
  node.acked = node.last();
  node.trim();
  settle(bench, node);
  ASSERT_TRUE(bench.node(node.id).run);
  EXPECT_EQ(bench.node(node.id).run->offer, (Number{5, 5}));
  node.write(Failed{Number{5, 5}, Reason::download, "1", "2", {}});
  settle(bench, node);
  EXPECT_EQ(bench.node(node.id).run->reason, Reason::download);
  bench.expect_fold();
}

}  // namespace
}  // namespace abide::fleet
