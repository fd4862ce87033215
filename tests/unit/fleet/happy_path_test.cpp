#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

TEST(Fleet, BringsANodeFromItsLinkToANewImageAndSaysSo) {
  Fixture f;
  const auto& node = f.bench.node(f.node.id);
  EXPECT_EQ(node.status.text, "No new updates available");
  EXPECT_EQ(node.os_update_available, "Microvisor nonrt 3.0.2");
  EXPECT_EQ(f.link().note, "not yet confirmed by the node");
  ASSERT_TRUE(node.run);
  EXPECT_EQ(node.run->status.text, "Update offered");
  EXPECT_EQ(node.run->start_ms, 0);
  EXPECT_EQ(node.newest.topic, DocumentTopic::policy_linked);

  f.accept();
  EXPECT_EQ(node.status, (Status{"Downloading artifacts", Indicator::idle, f.bench.now.wall_ms / 1000}));
  EXPECT_EQ(node.run->journal, f.node.journal);
  EXPECT_NE(node.run->start_ms, 0);
  EXPECT_EQ(f.node.acked, f.node.last()) << "Accepted is acknowledged at once";
  f.stage();
  EXPECT_EQ(node.status.text, "Download complete");
  EXPECT_EQ(node.run->status.text, "Download complete");
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"window"});

  f.open_window(60, 3600);
  settle(f.bench, f.node);
  EXPECT_EQ(node.newest.topic, DocumentTopic::window_scheduled);
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"window"});
  f.bench.pass(61'000);
  settle(f.bench, f.node);
  EXPECT_EQ(node.newest.topic, DocumentTopic::window_opened);
  EXPECT_TRUE(node.open_window);
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"switch"});
  EXPECT_EQ(f.node.link->offer, node.run->offer) << "a window is the same offer under a newer number";

  f.succeed();
  EXPECT_EQ(node.status.text, "Update completed");
  EXPECT_EQ(node.status.indicator, Indicator::idle);
  EXPECT_EQ(node.run->outcome, OutcomeKind::succeeded);
  EXPECT_EQ(node.os_update_available, "");
  EXPECT_EQ(f.bench.state.os_resources.at(node.os_resource_id).value.image_id, "3.0.2");
  EXPECT_EQ(f.bench.events<RunOpened>().size(), 1U);
  EXPECT_EQ(f.bench.events<RunClosed>().size(), 1U);

  f.bench.pass(3'600'000);
  settle(f.bench, f.node);
  EXPECT_FALSE(node.open_window);
  EXPECT_FALSE(node.newest.window);
  EXPECT_EQ(f.bench.events<WindowClosed>().at(0).why, "over");
  EXPECT_EQ(node.status.text, "No new updates available") << "a newer document came";
  f.bench.pass(2'000);
  settle(f.bench, f.node);
  EXPECT_EQ(f.node.acked, f.node.last());
}

TEST(Fleet, TellsAPersonWhyAnImageWasRolledBack) {
  Fixture f;
  f.link();
  f.accept();
  f.stage();
  f.open_window(0, 3600);
  settle(f.bench, f.node);
  Evidence evidence;
  evidence.check = "web";
  evidence.detail = "exit code 7";
  evidence.output_tail = "connect: \"refused\"\n";
  f.roll_back(evidence);
  const auto& node = f.bench.node(f.node.id);
  EXPECT_EQ(node.status.text, "Update failed");
  EXPECT_EQ(node.status.indicator, Indicator::error);
  EXPECT_EQ(node.run->outcome, OutcomeKind::rolled_back);
  EXPECT_EQ(node.run->reason, Reason::unhealthy);
  EXPECT_EQ(node.run->evidence.check, "web");
  EXPECT_NE(node.run->status_details.find(R"("status":"rolledback")"), std::string::npos) << node.run->status_details;
  EXPECT_NE(node.run->status_details.find(R"("failure_reason":"criticalservices")"), std::string::npos);
  EXPECT_NE(node.run->status_details.find(R"(web: exit code 7\nconnect: \"refused\")"), std::string::npos) << node.run->status_details;
  EXPECT_EQ(node.os_update_available, "Microvisor nonrt 3.0.2");
  EXPECT_EQ(f.bench.explain(f.node.id), std::vector<std::string>{"retry"});
}

}  // namespace
}  // namespace abide::fleet
