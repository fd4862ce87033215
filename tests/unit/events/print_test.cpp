#include "common/events/print.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "tests/support/filled.hpp"

namespace abide {
namespace {

// tests/unit/events/lines.txt has one line of each payload, every field set. Scripts and people read these lines: where
// one changes on purpose, copy the file that the failure names over it.
TEST(Print, EveryPayloadsLineIsTheKnownOne) {
  std::string lines;
  for (const auto& envelope : test::every_envelope()) lines += print(envelope.payload) + "\n";
  std::ifstream in(ABIDE_SOURCE_DIR "/tests/unit/events/lines.txt");
  std::stringstream known;
  known << in.rdbuf();
  if (known.str() == lines) return;
  const std::string actual = ABIDE_BINARY_DIR "/events-lines.txt";
  std::ofstream(actual) << lines;
  std::istringstream left(known.str()), right(lines);
  for (std::string expected, got; std::getline(right, got);) {
    if (!std::getline(left, expected)) expected.clear();
    EXPECT_EQ(got, expected);
  }
  ADD_FAILURE() << "lines differ; they are in " << actual;
}

TEST(Print, ShowsWhoSpokeWhenAndWhy) {
  auto envelope = test::filled_envelope(NodeEvent(SwitchBegan{{7, 13}}));
  EXPECT_EQ(print(envelope), "2025-11-24T16:00:00.123Z life fedcba9876543210/43 SwitchBegan offer=7.13 omitted=7 cause=request-1");
  envelope.life = {};
  envelope.clock_trusted = false;
  envelope.omitted = 0;
  envelope.cause.request.clear();
  EXPECT_EQ(print(envelope), "2025-11-24T16:00:00.123Z? 0123456789abcdef/43 SwitchBegan offer=7.13 cause=3333333333333333/41");
  envelope.cause = {};
  envelope.sequence = 0;
  EXPECT_EQ(print(envelope), "2025-11-24T16:00:00.123Z? 0123456789abcdef SwitchBegan offer=7.13");
}

TEST(Print, LeavesOutWhatSaysNothing) {
  EXPECT_EQ(print(NodeEvent(SwitchBegan{})), "SwitchBegan");
  EXPECT_EQ(print(NodeEvent(Failed{.offer = {1, 2}, .reason = Reason::download, .from = "", .to = "", .evidence = {}})),
            "Failed offer=1.2 reason=download evidence.attempts=0 evidence.boot_cause=other");
  EXPECT_EQ(print(Payload(Presence{})), "Presence online=false");
}

TEST(Print, QuotesWhatIsNotOneWord) {
  struct Row {
    std::string why, line;
  };
  const std::vector<Row> rows = {
      {"plain", "SwitchCleared offer=1.2 why=plain"},
      {"window over", "SwitchCleared offer=1.2 why=\"window over\""},
      {"say \"no\"", "SwitchCleared offer=1.2 why=\"say \\\"no\\\"\""},
      {"a\\b", "SwitchCleared offer=1.2 why=\"a\\\\b\""},
      {"two\nlines\r", "SwitchCleared offer=1.2 why=\"two\\nlines\\x0d\""},
      {"\x1b[31mred", "SwitchCleared offer=1.2 why=\"\\x1b[31mred\""},
      {"gr\xC3\xBCn", "SwitchCleared offer=1.2 why=gr\xC3\xBCn"},
      {"\xFF", "SwitchCleared offer=1.2 why=\"\\xff\""},
      {std::string(201, 'x'), "SwitchCleared offer=1.2 why=" + std::string(200, 'x') + "..."},
  };
  for (const auto& [why, line] : rows) EXPECT_EQ(print(NodeEvent(SwitchCleared{{1, 2}, why})), line);
}

TEST(Print, NeverShowsASecretOrAPayload) {
  ProjectCreated created;
  created.project = "p";
  created.key = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(print(OrchestratorEvent(created)), "ProjectCreated project=p");
  EXPECT_EQ(fields_of(OrchestratorEvent(created)), (Fields{{"project", "p"}}));

  auto body = DocumentBody{};
  body.manifest = "secret-looking manifest";
  Document document{{1, 2}, {}, encode_body(body)};
  DocumentIssued issued;
  issued.document = document;
  for (const auto& line : {print(Payload(document)), print(OrchestratorEvent(issued))}) {
    EXPECT_EQ(line.find("secret-looking"), std::string::npos) << line;
    EXPECT_NE(line.find("body_bytes=" + std::to_string(document.body.size())), std::string::npos) << line;
    EXPECT_NE(line.find("body_sha256="), std::string::npos) << line;
  }
}

TEST(Print, FieldsAreWholeWhereALineIsShort) {
  const Digest digest = sha256("x");
  const NodeEvent event = ImageStaged{.offer = {1, 2}, .slot = Slot::b, .digest = digest, .bytes = 3, .took_ms = 4, .reused = false};
  EXPECT_EQ(print(event), "ImageStaged offer=1.2 slot=b digest=" + to_hex(digest).substr(0, 12) + " bytes=3 took_ms=4 reused=false");
  EXPECT_EQ(fields_of(event)[2], (std::pair<std::string, std::string>{"digest", to_hex(digest)}));
  const NodeEvent cleared = SwitchCleared{{1, 2}, std::string(250, 'x')};
  EXPECT_EQ(fields_of(cleared)[1].second, std::string(250, 'x'));
}

}  // namespace
}  // namespace abide
