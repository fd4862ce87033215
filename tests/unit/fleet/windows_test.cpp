// The calendar of the fleet.
#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

TEST(Windows, AreScheduledOpenedAndClosedByDocumentsOnTheirTopics) {
  Fixture f;
  const auto id = f.open_window(100, 100);
  EXPECT_EQ(f.seen().newest.topic, DocumentTopic::window_scheduled);
  EXPECT_EQ(f.seen().newest.window->id, id);
  f.bench.pass(99'000);
  EXPECT_FALSE(f.seen().open_window);
  f.bench.pass(1'000);
  EXPECT_EQ(f.seen().newest.topic, DocumentTopic::window_opened);
  EXPECT_EQ(f.seen().open_window, f.seen().newest.window);
  f.bench.pass(100'000);
  EXPECT_EQ(f.seen().newest.topic, DocumentTopic::window_scheduled);
  EXPECT_FALSE(f.seen().newest.window);
  EXPECT_EQ(f.bench.events<WindowOpened>().size(), 1U);
  EXPECT_EQ(f.bench.events<WindowClosed>().size(), 1U);
  f.bench.pass(1'000'000);
  EXPECT_EQ(f.bench.events<DocumentIssued>().size(), 3U);
  EXPECT_FALSE(f.bench.machine.look_again(f.bench.state, f.bench.link, f.bench.now));
}

TEST(Windows, GoOnToTheNextWhenOneIsOver) {
  Fixture f;
  f.open_window(10, 10);
  const auto next = f.open_window(100, 10);
  f.bench.pass(20'000);
  EXPECT_EQ(f.seen().newest.window->id, next);
  EXPECT_EQ(f.seen().newest.topic, DocumentTopic::window_scheduled);
}

TEST(Windows, AreClosedAtOnceWhenTheirScheduleIsDeletedOrEdited) {
  for (const bool edited : {false, true}) {
    SCOPED_TRACE(edited);
    Fixture f;
    const auto id = f.open_window(0, 1000);
    EXPECT_TRUE(f.seen().open_window);
    if (edited) {
      auto schedule = f.bench.state.schedules.at(id).value;
      schedule.start_seconds += 500;
      f.bench.done(EditSchedule{schedule});
      EXPECT_EQ(f.seen().newest.window->opens_at_ms, schedule.start_seconds * 1000);
    } else {
      f.bench.done(DeleteSchedule{id});
      EXPECT_FALSE(f.seen().newest.window);
    }
    EXPECT_FALSE(f.seen().open_window);
    EXPECT_EQ(f.seen().newest.topic, DocumentTopic::window_scheduled);
    EXPECT_EQ(f.bench.events<WindowClosed>().at(0).why, edited ? "edited" : "deleted");
  }
}

TEST(Windows, OpenOnAreMovedWithTheirScheduleToAnotherHost) {
  Fixture f;
  FakeNode other(f.bench, node_id(2), JournalId{2}, "rt", "1");
  settle(f.bench, other);
  const auto id = f.open_window(0, 1000);
  auto schedule = f.bench.state.schedules.at(id).value;
  schedule.host_id = to_string(other.id);
  f.bench.done(EditSchedule{schedule});
  EXPECT_FALSE(f.seen().open_window);
  EXPECT_TRUE(f.bench.node(other.id).open_window);
  EXPECT_EQ(f.bench.state.schedules.at(id).value.host_id, f.bench.node(other.id).host_id);
}

TEST(Windows, MissedWhileTheOrchestratorWasDownOpenLateIfTheyAreOpenStill) {
  for (const std::int64_t down_ms : {50'000, 500'000}) {
    Fixture f;
    f.open_window(10, 100);
    f.bench.now.wall_ms += down_ms;
    f.bench.now.mono_ms += down_ms;
    f.bench.restart();
    f.bench.pass(0);
    const bool still_open = down_ms < 110'000;
    EXPECT_EQ(f.bench.events<WindowOpened>().size(), still_open ? 1U : 0U);
    EXPECT_EQ(f.seen().newest.window.has_value(), still_open);
  }
}

TEST(Windows, ThatOverlapMakeOneForTheNode) {
  Fixture f;
  const auto first = f.open_window(0, 100);
  f.open_window(50, 100);
  EXPECT_EQ(f.seen().newest.window->id, first);
  EXPECT_EQ(f.seen().newest.window->closes_at_ms - f.seen().newest.window->opens_at_ms, 150'000);
  EXPECT_EQ(f.seen().open_window, f.seen().newest.window);
  f.bench.pass(149'000);
  EXPECT_TRUE(f.seen().open_window);
  f.bench.pass(1'000);
  EXPECT_FALSE(f.seen().open_window);
}

TEST(Windows, OfMaintenanceUpdateNothing) {
  Fixture f;
  Schedule schedule;
  schedule.status = ScheduleStatus::maintenance;
  schedule.host_id = f.host();
  schedule.start_seconds = f.bench.now.wall_ms / 1000;
  f.bench.done(CreateSchedule{schedule});
  EXPECT_EQ(f.seen().newest.document.number, Number{});
}

TEST(Windows, OfMaintenanceUpdateWhereASettingSaysSoAndNoLongerOnceItIsGone) {
  Fixture f({.auto_register = true, .maintenance_updates = true});
  Schedule schedule;
  schedule.status = ScheduleStatus::maintenance;
  schedule.host_id = f.host();
  schedule.start_seconds = f.bench.now.wall_ms / 1000;
  f.bench.done(CreateSchedule{schedule});
  EXPECT_TRUE(f.seen().open_window);
  f.bench.machine.settings.maintenance_updates = false;
  f.bench.restart();
  f.bench.pass(0);
  EXPECT_FALSE(f.seen().open_window);
  EXPECT_FALSE(f.seen().newest.window);
}

TEST(Windows, OfAPlaceWhoseScheduleIsDeletedCloseAsDeleted) {
  Fixture f;
  const auto region = f.bench.done(PlaceRegion{Region{"", "south", "", {}, ""}});
  Site munich;
  munich.name = "munich";
  munich.region_id = region;
  const auto site = f.bench.done(PlaceSite{munich});
  f.bench.done(EditHost{f.host(), site, std::nullopt});
  Schedule schedule;
  schedule.site_id = site;
  schedule.start_seconds = f.bench.now.wall_ms / 1000;
  const auto id = f.bench.done(CreateSchedule{schedule});
  ASSERT_TRUE(f.seen().open_window);
  f.bench.done(DeleteSchedule{id});
  ASSERT_EQ(f.bench.events<WindowClosed>().size(), 1U);
  EXPECT_EQ(f.bench.events<WindowClosed>()[0].why, "deleted");
}

TEST(Windows, AreNoticedWithinAMinuteWhenTheWallClockIsStepped) {
  Fixture f;
  f.open_window(10'000, 100);
  const auto look = f.bench.machine.look_again(f.bench.state, f.bench.link, f.bench.now);
  ASSERT_TRUE(look);
  EXPECT_LE(*look, f.bench.now.mono_ms + 60'000);
  f.bench.now.wall_ms += 10'050'000;  // and the timer that was armed before
  f.bench.now.mono_ms = *look;
  f.bench.take(Tick{});
  EXPECT_TRUE(f.seen().open_window);
}

TEST(Schedules, AreCheckedAndSayWhatIsWrong) {
  Fixture f;
  const auto now = f.bench.now.wall_ms / 1000;
  Schedule schedule;
  schedule.host_id = f.host();
  schedule.start_seconds = now - 1;
  EXPECT_EQ(f.bench.ask(CreateSchedule{schedule}).error().message, "Scheduled start time cannot be in the past");
  schedule.start_seconds = now + 10;
  schedule.end_seconds = now + 10;
  EXPECT_EQ(f.bench.ask(CreateSchedule{schedule}).error().code, Code::invalid_input);
  schedule.end_seconds = now + 20;
  schedule.host_id = "host-00000000";
  EXPECT_EQ(f.bench.ask(CreateSchedule{schedule}).error().code, Code::not_found);
  schedule.host_id = f.bench.node(f.node.id).name;
  schedule.id = f.bench.done(CreateSchedule{schedule});
  EXPECT_EQ(schedule.id.substr(0, 12), "singlesche-" + schedule.id.substr(11, 1));
  EXPECT_NE(f.bench.ask(EditSchedule{schedule})->note.find("nothing to change"), std::string::npos) << "the host by name is the same host";
  f.bench.pass(15'000);
  schedule.end_seconds = now + 30;
  f.bench.done(EditSchedule{schedule});  // a start that is kept may have passed
  EXPECT_EQ(f.seen().open_window->closes_at_ms, schedule.end_seconds * 1000);
  schedule.start_seconds -= 1;
  EXPECT_EQ(f.bench.ask(EditSchedule{schedule}).error().code, Code::invalid_input);
  EXPECT_EQ(f.bench.ask(DeleteSchedule{"singlesche-0"}).error().code, Code::not_found);
  schedule.id = "singlesche-0";
  EXPECT_EQ(f.bench.ask(EditSchedule{schedule}).error().code, Code::not_found);
  Schedule nobody;
  nobody.start_seconds = now + 100;
  f.bench.done(CreateSchedule{nobody});  // applies to nobody, which is legal
}

}  // namespace
}  // namespace abide::fleet
