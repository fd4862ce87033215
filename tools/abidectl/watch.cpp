#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/time.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

// A server that was there and goes away is waited for; so many rounds without an answer in a row end the watch.
constexpr int silent_rounds_max = 300;
constexpr int bar_cells = 16;
constexpr std::int64_t again_after_ms = 1'000;

std::vector<std::string> row_of(const Kind& kind, const Json& object, const Reading& reading, bool bars) {
  auto row = table_of(kind, Json::array({object}), reading).rows.front();
  if (bars && kind.noun == "host") {
    // PHASE is the third column of hosts: see kinds.cpp.
    constexpr std::size_t phase_column = 2;
    row[phase_column] = shown_progress(object, bar_cells);
  }
  return row;
}

// Draws the table over the one drawn before.
class Screen {
 public:
  Screen(std::ostream& out, std::size_t columns_max) : out_(out), columns_max_(columns_max) {}
  void draw(const Table& table, const std::string& note, std::size_t columns) {
    columns_max_ = columns;
    std::string text = to_text(table, columns_max_);
    if (!note.empty()) text += note + "\n";
    std::string frame;
    if (lines_ > 0) frame += "\x1b[" + std::to_string(lines_) + "A";
    frame += "\r\x1b[J" + text;
    lines_ = 0;
    for (const char c : text) lines_ += c == '\n' ? 1 : 0;
    out_ << frame << std::flush;
  }

 private:
  std::ostream& out_;
  std::size_t columns_max_;
  std::size_t lines_ = 0;
};

// Prints the rows that changed, one line each, with the time before it.
class Lines {
 public:
  explicit Lines(Session& session) : session_(session) {}
  void print(const Kind& kind, const Json& object) {
    auto& out = *session_.around.out;
    const auto id = text_at(object, "resourceId").empty() ? text_at(object, "name") : text_at(object, "resourceId");
    if (session_.as_document()) {
      if (auto text = object.dump(); last_[id] != text) {
        out << text << "\n" << std::flush;
        last_[id] = std::move(text);
      }
      return;
    }
    const auto row = row_of(kind, object, session_.reading(), false);
    std::string line;
    for (const auto& cell : row) line += (line.empty() ? "" : "  ") + (cell.empty() ? "-" : cell);
    if (last_[id] == line) return;
    last_[id] = line;
    out << local_rfc3339(session_.around.now_ms()) << "  " << line << "\n" << std::flush;
  }

 private:
  Session& session_;
  std::map<std::string, std::string> last_;
};

void print_event(Session& session, const Json& event) {
  auto& out = *session.around.out;
  if (session.as_document()) {
    out << event.dump() << "\n" << std::flush;
    return;
  }
  const auto at = parse_rfc3339(text_at(event, "at"));
  out << (at ? local_rfc3339(*at) : std::string("-")) << "  ";
  const auto host = text_at(event, "host");
  out << (host.empty() ? "-" : host) << "  " << text_at(event, "text");
  if (session.settings.output == Output::wide) out << "  cause=" << text_at(event, "cause");
  out << "\n" << std::flush;
}

// From the end of the journal as it is now; behind the last event that came, whenever the stream ends. So none is left out,
// whoever restarts meanwhile.
Result<void> follow_events(Session& session, Query query) {
  const auto page = session.client.get("/events", {{"pageSize", "1"}});
  if (!page) return fail(page.error());
  EventPlace place;
  place.id = text_at(*page, "last");
  query.emplace_back("watch", "true");
  int silent_rounds = 0;
  while (true) {
    const auto streamed = session.client.stream("/events", query, place, session.around.silence_seconds, [&](const std::string& data) {
      const Json event = Json::parse(data, nullptr, false);
      if (event.is_object()) print_event(session, event);
      return static_cast<bool>(*session.around.out);
    });
    if (!*session.around.out) return {};
    const bool passing = streamed || streamed.error().code == Code::unavailable || streamed.error().code == Code::timeout;
    if (!passing) {
      // Kept no longer, or of a journal that is another one by now: what is missing is not passed over in silence.
      return fail(streamed.error().code, "events behind number " + place.id + " cannot be had, some may be missing: " +
                                             streamed.error().message + "; `abidectl watch events` begins anew at the newest");
    }
    // A server that lives says something; one that was only slow to do so is not away.
    const bool lives = place.heard || (place.opened && !streamed && streamed.error().code == Code::timeout);
    silent_rounds = lives ? 0 : silent_rounds + 1;
    if (silent_rounds >= silent_rounds_max) return streamed ? fail(Code::unavailable, "the stream ends again and again") : streamed;
    if (silent_rounds <= 1) *session.around.err << (streamed ? "the stream ended" : streamed.error().message) << "; still trying\n";
    session.around.wait(again_after_ms);
  }
}

}  // namespace

Result<void> watch(Session& session, const Kind& kind, const Selection& selection) {
  const bool redraw = session.around.out_is_terminal && !session.as_document();
  const auto columns = [&] { return session.around.columns ? session.around.columns() : 0; };
  Screen screen(*session.around.out, columns());
  Lines lines(session);
  Table table;
  int silent_rounds = 0;
  for (bool first = true;; first = false) {
    auto objects = selection.name.empty() ? select(session, kind, selection) : find(session, kind, selection.name);
    if (objects && objects->is_object()) objects = Json::array({std::move(*objects)});
    std::string note;
    if (!objects) {
      const bool passing = objects.error().code == Code::unavailable || objects.error().code == Code::timeout;
      if (first || !passing || ++silent_rounds >= silent_rounds_max) return fail(objects.error());
      note = objects.error().message + "; still trying";
      if (!redraw && silent_rounds == 1) *session.around.err << note << "\n";
    } else {
      silent_rounds = 0;
      table = table_of(kind, Json::array(), session.reading());
      for (const auto& object : *objects) {
        if (redraw) {
          table.rows.push_back(row_of(kind, object, session.reading(), true));
        } else {
          lines.print(kind, object);
        }
      }
    }
    if (redraw) screen.draw(table, note, columns());
    if (!*session.around.out) return {};  // nobody reads any more
    session.around.wait(static_cast<std::int64_t>(selection.interval_seconds * 1000));
  }
}

Result<void> get_events(Session& session, const Selection& selection) {
  Query query;
  if (!selection.host.empty()) {
    auto host = find(session, kind_of("host"), selection.host);
    if (!host) return fail(host.error());
    query.emplace_back("hostId", text_at(*host, "resourceId"));
  }
  if (selection.watch) return follow_events(session, query);
  query.emplace_back("pageSize", std::to_string(selection.limit));
  auto answer = session.client.get("/events", query);
  if (!answer) return fail(answer.error());
  const Json& events = member_at(*answer, "events");
  if (session.as_document()) {
    print_document(session, events.is_array() ? events : Json::array());
    return {};
  }
  for (const auto& event : events) print_event(session, event);
  return {};
}

}  // namespace abide::ctl
