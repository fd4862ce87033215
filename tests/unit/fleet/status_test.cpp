#include "orchestrator/fleet/status.hpp"

#include "tests/unit/fleet/fleet_bench.hpp"

namespace abide::fleet {
namespace {

TEST(Status, HasTheTextsOfTheModelProduct) {
  struct Row {
    Phase phase;
    OutcomeKind outcome;
    const char* text;
    Indicator indicator;
  };
  const Row rows[] = {
      {Phase::idle, OutcomeKind::none, "No new updates available", Indicator::idle},
      {Phase::idle, OutcomeKind::succeeded, "Update completed", Indicator::idle},
      {Phase::idle, OutcomeKind::failed, "Update failed", Indicator::error},
      {Phase::idle, OutcomeKind::rolled_back, "Update failed", Indicator::error},
      {Phase::idle, OutcomeKind::cancelled, "No new updates available", Indicator::idle},
      {Phase::staging, OutcomeKind::failed, "Downloading artifacts", Indicator::idle},
      {Phase::staged, OutcomeKind::none, "Download complete", Indicator::idle},
      {Phase::switching, OutcomeKind::none, "Updating", Indicator::in_progress},
      {Phase::rebooting, OutcomeKind::none, "Updating", Indicator::in_progress},
      {Phase::on_trial, OutcomeKind::none, "Updating", Indicator::in_progress},
      {Phase::confirming, OutcomeKind::none, "Updating", Indicator::in_progress},
      {Phase::rolling_back, OutcomeKind::none, "Updating", Indicator::in_progress},
  };
  for (const auto& row : rows) {
    const auto words = status_of(row.phase, {Number{1, 1}, row.outcome, Reason::none});
    EXPECT_EQ(words.text, row.text);
    EXPECT_EQ(words.indicator, row.indicator);
  }
  EXPECT_EQ(to_string(Indicator::in_progress), "STATUS_INDICATION_IN_PROGRESS");
}

TEST(Status, SaysTheReasonInTheWordsThatProgramsKnow) {
  const std::pair<Reason, const char*> rows[] = {
      {Reason::boot_loader, "bootloader"},
      {Reason::boot_failed, "bootloader"},
      {Reason::unhealthy, "criticalservices"},
      {Reason::deadline, "criticalservices"},
      {Reason::watchdog, "criticalservices"},
      {Reason::trial_interrupted, "criticalservices"},
      {Reason::wrong_digest, "signaturecheck"},
      {Reason::manifest_mismatch, "signaturecheck"},
      {Reason::bad_signature, "signaturecheck"},
      {Reason::too_large, "insufficientstorage"},
      {Reason::no_space, "insufficientstorage"},
      {Reason::write_failed, "utwrite"},
      {Reason::read_back_failed, "utwrite"},
      {Reason::confirm_failed, "oscommit"},
      {Reason::download, "download"},
      {Reason::refused_by_release_service, "rsauthentication"},
      {Reason::older_release, "unspecified"},
      {Reason::re_imaged, "unspecified"},
      {Reason::lost, "unspecified"},
  };
  for (const auto& [reason, word] : rows) EXPECT_EQ(failure_reason(OutcomeKind::failed, reason), word);
  EXPECT_EQ(failure_reason(OutcomeKind::succeeded, Reason::none), "nofailure");
}

TEST(Status, WritesTheDetailInTheSchemaThatProgramsParse) {
  fleet::Run run;
  run.outcome = OutcomeKind::rolled_back;
  run.reason = Reason::unhealthy;
  run.to_os_image_id = "3.0.2";
  run.end_ms = 1'715'171'696'000;
  run.evidence.check = "web";
  run.evidence.detail = "exit code 7";
  run.evidence.attempts = 3;
  run.evidence.boot_cause = BootCause::watchdog;
  run.evidence.output_tail = "a\x01\"\\\xff\xc3\xa4\n";
  EXPECT_EQ(status_details(run, "microvisor-nonrt"),
            R"({"update_log":[{"update_type":"OS","package_name":"microvisor-nonrt","update_time":"2024-05-08T12:34:56.000Z",)"
            R"("action":"upgrade","status":"rolledback","version":"3.0.2","failure_reason":"criticalservices",)"
            R"("failure_log":"unhealthy: check web: exit code 7, attempts: 3, boot cause: watchdog\na\u0001\"\\)"
            "\xEF\xBF\xBD\xc3\xa4"
            R"(\n"}]})");
  run.outcome = OutcomeKind::succeeded;
  EXPECT_NE(status_details(run, "p").find(R"("status":"installed","version":"3.0.2","failure_reason":"nofailure","failure_log":"")"),
            std::string::npos);
  run.outcome = OutcomeKind::failed;
  EXPECT_NE(status_details(run, "p").find(R"("status":"failed")"), std::string::npos);
  run.outcome = OutcomeKind::cancelled;
  EXPECT_EQ(status_details(run, "p"), "");
  run.outcome = OutcomeKind::none;
  EXPECT_EQ(status_details(run, "p"), "");
}

TEST(Status, WritesOnlyWellFormedUtf8) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"plain", "\"plain\""},
      {"\t", "\"\\t\""},
      {"\xe2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // cut
      {"\xc0\xaf", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                  // overlong
      {"\xed\xa0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},  // surrogate
      {"\xf4\x90\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
  };
  for (const auto& [text, json] : rows) EXPECT_EQ(json_string(text), json);
  EXPECT_EQ(utf8_prefix("s\xc3\xbc"
                        "d",
                        2),
            "s");
  EXPECT_EQ(utf8_prefix("s\xc3\xbc"
                        "d",
                        3),
            "s\xc3\xbc");
  EXPECT_EQ(utf8_prefix("ab", 5), "ab");
}

TEST(Status, ChangesItsTimeOnlyWithItsText) {
  Fixture f;
  f.link();
  f.accept();
  const auto at = f.seen().status.at_seconds;
  f.bench.pass(10'000);
  f.node.write(f.node.started());
  settle(f.bench, f.node);
  EXPECT_EQ(f.seen().status.at_seconds, at);
  f.stage();
  EXPECT_EQ(f.seen().status.at_seconds, at + 10);
}

TEST(Status, ShowsANewerImageExactlyWhileThereIsOne) {
  Fixture f;
  EXPECT_EQ(f.seen().os_update_available, "Microvisor nonrt 3.0.2");
  const auto newer = *find_os_resource(f.bench.state, "Microvisor nonrt 3.0.2");
  f.bench.done(DeleteOsResource{newer});
  EXPECT_EQ(f.seen().os_update_available, "");
  f.bench.read_profiles({image("nonrt", "3.0.0"), image("other", "9.0.0")});
  EXPECT_EQ(f.seen().os_update_available, "") << "older, or another profile's";
  f.bench.read_profiles({image("nonrt", "3.0.10")});
  EXPECT_EQ(f.seen().os_update_available, "Microvisor nonrt 3.0.10");
  f.bench.read_profiles({image("nonrt", "3.0.9")});
  EXPECT_EQ(f.seen().os_update_available, "Microvisor nonrt 3.0.10");
}

}  // namespace
}  // namespace abide::fleet
