#include "orchestrator/api/events.hpp"

#include <gtest/gtest.h>

#include "tests/unit/orchestrator/desk.hpp"

namespace abide::test {
namespace {

using api::EventSource;
using api::Method;

std::vector<std::uint64_t> sequences(const nlohmann::json& page) {
  std::vector<std::uint64_t> found;
  for (const auto& event : page["events"]) found.push_back(event["sequence"].get<std::uint64_t>());
  return found;
}

TEST(Events, ComeNewestLastAndPageBackToTheFirst) {
  Desk desk;
  for (int i = 0; i < 5; ++i) desk.register_host("host " + std::to_string(i), "11111111-2222-3333-4444-55555555555" + std::to_string(i));
  const auto last = desk.get("events").json["last"].get<std::uint64_t>();
  EXPECT_EQ(sequences(desk.get("events").json).back(), last);
  EXPECT_EQ(sequences(desk.get("events?pageSize=2").json), (std::vector<std::uint64_t>{last - 1, last}));
  std::vector<std::uint64_t> all;
  std::string before;
  for (int page = 0; page < 20; ++page) {
    const auto answer = desk.get("events?pageSize=3" + before).json;
    const auto found = sequences(answer);
    all.insert(all.begin(), found.begin(), found.end());
    if (!answer["hasNext"].get<bool>()) break;
    before = "&before=" + std::to_string(answer["before"].get<std::uint64_t>());
  }
  ASSERT_EQ(all.size(), last);
  for (std::uint64_t i = 0; i < last; ++i) EXPECT_EQ(all[i], i + 1);
  EXPECT_EQ(sequences(desk.get("events?after=" + std::to_string(last - 2)).json), (std::vector<std::uint64_t>{last - 1, last}));
  EXPECT_TRUE(sequences(desk.get("events?after=" + std::to_string(last)).json).empty());
}

TEST(Events, AreSelectedByHostTypeAndTime) {
  Desk desk;
  const auto host = desk.register_host("one", uuid_1);
  desk.fleet.now.wall_ms += 60'000;
  desk.register_host("two", uuid_2);
  const auto since = std::to_string(desk.fleet.now.wall_ms / 1000);
  EXPECT_EQ(desk.get("events?type=NodeRegistered").json["events"].size(), 2U);
  EXPECT_EQ(desk.get("events?type=NodeRegistered&since=" + since).json["events"].size(), 1U);
  EXPECT_EQ(desk.get("events?type=NodeRegistered&until=" + since).json["events"].size(), 1U);
  const auto of_host = desk.get("events?hostId=" + host).json;
  ASSERT_EQ(of_host["events"].size(), 1U);
  EXPECT_EQ(of_host["events"][0]["host"], "one");
  EXPECT_EQ(of_host["events"][0]["hostId"], host);
  EXPECT_EQ(of_host["events"][0]["source"], "orchestrator");
  EXPECT_EQ(of_host["events"][0]["cause"], "req-1");
  EXPECT_EQ(desk.get("events?hostId=host-00000000").status, 404U);
}

TEST(Events, NeverTellTheKey) {
  Desk desk;
  const auto body = desk.get("events").body;
  EXPECT_EQ(body.find("kkkk"), std::string::npos) << body;
}

std::string everything(EventSource& source) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    auto chunk = source.next();
    bytes += chunk.bytes;
    if (!chunk.more) break;
  }
  return bytes;
}

TEST(EventStream, BeginsNowAndSaysEveryLaterEventOnce) {
  Desk desk;
  const auto told = desk.ask_raw(Method::get, "events?watch=true");
  ASSERT_NE(told->source, nullptr);
  EXPECT_EQ(everything(*told->source), "") << "nothing has happened since";
  desk.register_host("one", uuid_1);
  const auto frame = everything(*told->source);
  EXPECT_EQ(frame.rfind("id: ", 0), 0U) << frame;
  EXPECT_NE(frame.find("\nevent: NodeRegistered\ndata: {"), std::string::npos) << frame;
  EXPECT_EQ(frame.substr(frame.size() - 3), "}\n\n");
  const auto data = frame.substr(frame.find("data: ") + 6);
  EXPECT_EQ(nlohmann::json::parse(data.substr(0, data.find('\n')))["host"], "one");
  EXPECT_EQ(everything(*told->source), "");
}

TEST(EventStream, GoesOnAfterTheEventThatTheReaderSawLast) {
  Desk desk;
  desk.register_host("one", uuid_1);
  desk.register_host("two", uuid_2);
  const auto last = desk.get("events").json["last"].get<std::uint64_t>();
  const auto by_header = desk.ask_raw(Method::get, "events?watch=true", "", std::to_string(last - 1));
  const auto by_query = desk.ask_raw(Method::get, "events?watch=true&after=" + std::to_string(last - 1));
  const auto frames = everything(*by_header->source);
  EXPECT_EQ(frames, everything(*by_query->source));
  EXPECT_EQ(frames.rfind("id: " + std::to_string(last) + "\n", 0), 0U) << frames;
}

TEST(EventStream, GivesTheWholeJournalInOrderHoweverLong) {
  Desk desk;
  for (int i = 0; i < 700; ++i)
    desk.post("os-update-policies", R"({"name":"p)" + std::to_string(i) + R"(","updatePolicy":"UPDATE_POLICY_LATEST"})");
  const auto told = desk.ask_raw(Method::get, "events?watch=true&after=0&type=PolicyCreated");
  std::size_t seen = 0;
  std::uint64_t previous = 0;
  for (bool more = true; more;) {
    auto chunk = told->source->next();
    more = chunk.more;
    EXPECT_LT(chunk.bytes.size(), api::stream_chunk_bytes_max + 4096) << "memory does not grow with what is behind";
    for (std::size_t at = chunk.bytes.find("id: "); at != std::string::npos; at = chunk.bytes.find("\nid: ", at)) {
      at += chunk.bytes[at] == '\n' ? 1 : 0;
      const auto sequence = std::stoull(chunk.bytes.substr(at + 4));
      EXPECT_GT(sequence, previous);
      previous = sequence;
      ++seen;
    }
  }
  EXPECT_EQ(seen, 700U);
}

// ---- where old events were deleted -----------------------------------------------------------------------------------------

TEST(Events, PageBackToTheOldestThatIsKept) {
  Desk desk;
  for (int i = 0; i < 5; ++i) desk.register_host("host " + std::to_string(i), "11111111-2222-3333-4444-55555555555" + std::to_string(i));
  const auto before = desk.get("events").json;
  EXPECT_EQ(before["oldest"], 1);
  const auto last = before["last"].get<std::uint64_t>();
  desk.fleet.trim(last - 3);
  EXPECT_EQ(sequences(desk.get("events").json), (std::vector<std::uint64_t>{last - 2, last - 1, last}));
  for (const char* query : {"", "&after=0", "&after=2", "&since=0"}) {
    const auto page = desk.get("events?pageSize=2" + std::string(query)).json;
    EXPECT_EQ(sequences(page), (std::vector<std::uint64_t>{last - 1, last})) << query;
    EXPECT_EQ(page["hasNext"], true);
    EXPECT_EQ(page["oldest"], last - 2);
    const auto older = desk.get("events?pageSize=2" + std::string(query) + "&before=" + page["before"].dump()).json;
    EXPECT_EQ(sequences(older), std::vector<std::uint64_t>{last - 2}) << query;
    EXPECT_EQ(older["hasNext"], false);
  }
  const auto gone = desk.get("events?before=" + std::to_string(last - 2));
  EXPECT_EQ(gone.status, 200U);
  EXPECT_TRUE(gone.json["events"].empty());
  EXPECT_EQ(gone.json["hasNext"], false);
}

TEST(Events, OfAHostThatAreDeletedAreMissingInItsTimelineWhichSaysWhereTheJournalBegins) {
  Desk desk;
  const auto host = desk.register_host("one", uuid_1);
  desk.register_host("two", uuid_2);
  const auto all = desk.get("compute/hosts/" + host + "/timeline").json;
  EXPECT_EQ(all["oldest"], 1);
  ASSERT_FALSE(all["entries"].empty());
  const auto last = all["last"].get<std::uint64_t>();
  desk.fleet.trim(last - 1);
  const auto left = desk.get("compute/hosts/" + host + "/timeline");
  EXPECT_EQ(left.status, 200U);
  EXPECT_TRUE(left.json["entries"].empty());
  EXPECT_EQ(left.json["oldest"], last);
  EXPECT_EQ(desk.get("compute/hosts/" + host + "/timeline?format=text").status, 200U);
  EXPECT_EQ(desk.get("compute/hosts/" + host + "/explain").status, 200U);
}

TEST(EventStream, ThatIsToBeginWithADeletedEventIsRefusedAndToldWhichIsTheOldest) {
  Desk desk;
  for (int i = 0; i < 5; ++i) desk.register_host("host " + std::to_string(i), "11111111-2222-3333-4444-55555555555" + std::to_string(i));
  const auto last = desk.get("events").json["last"].get<std::uint64_t>();
  const auto base = last - 2;
  const auto trimmed_at_s = desk.fleet.now.wall_ms / 1000;
  desk.fleet.trim(base);
  const auto refused = [&](const std::string& query, const std::string& last_event_id = "") {
    const auto told = desk.ask_raw(Method::get, "events?watch=true" + query, "", last_event_id);
    ASSERT_TRUE(told->response) << query;
    EXPECT_EQ(told->response->status, 410U);
    const auto body = nlohmann::json::parse(told->response->body);
    EXPECT_EQ(body["code"], "OutOfRange");
    EXPECT_EQ(body["oldest"], base + 1);
    EXPECT_NE(body["message"].get<std::string>().find("the oldest is " + std::to_string(base + 1)), std::string::npos);
  };
  refused("&after=0");
  refused("&after=" + std::to_string(base - 1));
  refused("", std::to_string(base - 1));
  refused("&after=" + std::to_string(last), "0");  // the header goes before what the address says
  refused("&since=" + std::to_string(trimmed_at_s));
  refused("&after=0&type=PolicyCreated");  // whether one of them was of this type, nobody knows any more
  const auto streamed = [&](const std::string& query, const std::string& last_event_id = "") {
    const auto told = desk.ask_raw(Method::get, "events?watch=true" + query, "", last_event_id);
    return told->source ? everything(*told->source) : std::string("refused");
  };
  EXPECT_TRUE(streamed("&after=" + std::to_string(base)).starts_with("id: " + std::to_string(base + 1) + "\n"));
  EXPECT_TRUE(streamed("", std::to_string(base + 1)).starts_with("id: " + std::to_string(last) + "\n"));
  EXPECT_EQ(streamed(""), "");
  EXPECT_EQ(streamed("&since=" + std::to_string(trimmed_at_s + 1)), "") << "nothing as young as that was deleted";
}

TEST(EventStream, WhoseNextEventIsDeletedMeanwhileEndsAndSaysSo) {
  Desk desk;
  const auto behind = desk.ask_raw(Method::get, "events?watch=true");
  const auto ahead = desk.ask_raw(Method::get, "events?watch=true&type=PolicyCreated");
  for (int i = 0; i < 5; ++i) desk.register_host("host " + std::to_string(i), "11111111-2222-3333-4444-55555555555" + std::to_string(i));
  EXPECT_EQ(everything(*ahead->source), "") << "it has seen them, though it says none";
  const auto last = desk.get("events").json["last"].get<std::uint64_t>();
  desk.fleet.trim(last - 1);
  const auto chunk = behind->source->next();
  EXPECT_TRUE(chunk.end);
  EXPECT_EQ(chunk.bytes, ": gone: events up to " + std::to_string(last - 1) +
                             " were deleted, as they were older than events are kept; the oldest is " + std::to_string(last) + "\n\n");
  const auto fine = ahead->source->next();
  EXPECT_FALSE(fine.end);
  EXPECT_EQ(fine.bytes, "");
}

TEST(EventStream, LooksThroughSoMuchOnlyAndLeavesTheRestForItsNextTurn) {
  Desk desk;
  const auto host = "compute/hosts/" + desk.register_host("edge-0", uuid_1);
  for (std::uint64_t i = 0; i < api::stream_scanned_max; ++i) desk.patch(host, R"({"name":"edge-)" + std::to_string(i % 2 + 1) + "\"}");
  desk.post("regions", R"({"name":"north"})");
  const auto told = desk.ask_raw(Method::get, "events?watch=true&after=0&type=RegionPlaced");
  const auto first = told->source->next();
  EXPECT_TRUE(first.bytes.empty()) << "nothing of that matches";
  EXPECT_TRUE(first.more) << "but it has not looked at everything";
  const auto second = told->source->next();
  EXPECT_NE(second.bytes.find("event: RegionPlaced"), std::string::npos) << second.bytes;
  EXPECT_FALSE(second.more);
}

TEST(EventStream, SaysThatItCannotGoOnAfterWhatTheJournalDoesNotHave) {
  Desk desk;
  desk.register_host("one", uuid_1);
  const auto last = desk.get("events").json["last"].get<std::uint64_t>();
  for (const auto& [path, header] : std::vector<std::pair<std::string, std::string>>{
           {"events?watch=true", std::to_string(last + 1)}, {"events?watch=true&after=" + std::to_string(last + 1), ""}}) {
    const auto told = desk.ask_raw(Method::get, path, "", header);
    ASSERT_EQ(told->source, nullptr) << path;
    EXPECT_EQ(told->response->status, 410U);
    const auto error = nlohmann::json::parse(told->response->body);
    EXPECT_EQ(error["code"], "OutOfRange");
    EXPECT_NE(error["message"].get<std::string>().find("the journal's last is " + std::to_string(last)), std::string::npos) << error;
  }
  EXPECT_NE(desk.ask_raw(Method::get, "events?watch=true", "", std::to_string(last))->source, nullptr);
}

TEST(EventStream, DropsAReaderThatWasUpToDateAndFellTooFarBehind) {
  Desk desk;
  const auto told = desk.ask_raw(Method::get, "events?watch=true");
  EXPECT_FALSE(told->source->next().end);
  Batch batch;  // a journal that ran far ahead: only its head is needed for the verdict
  auto head = Journal::read_head(desk.fleet.store, desk.fleet.scope()).value();
  auto journal = Journal::open(desk.fleet.store, desk.fleet.scope()).value();
  for (std::uint64_t i = 0; i <= api::stream_lag_events_max; ++i) journal.append(batch, "x");
  ASSERT_TRUE(desk.fleet.store.commit(batch));
  const auto chunk = told->source->next();
  EXPECT_TRUE(chunk.end);
  EXPECT_EQ(chunk.bytes.rfind(": dropped", 0), 0U) << chunk.bytes;
  EXPECT_NE(chunk.bytes.find("go on after " + std::to_string(head.last)), std::string::npos) << chunk.bytes;
}

}  // namespace
}  // namespace abide::test
