// Events, and the sources that OS resources come from.
#include "common/core/time.hpp"
#include "common/service/logging.hpp"
#include "orchestrator/api/call.hpp"
#include "orchestrator/api/json_input.hpp"
#include "orchestrator/api/render.hpp"

namespace abide::api {

namespace {

constexpr std::int64_t events_page_max = 1'000;
constexpr std::int64_t events_page_default = 100;

struct EventQuery {
  EventFilter filter;
  std::uint64_t after = 0;
  std::uint64_t before = 0;
  std::int64_t page_size = events_page_default;
  bool watch = false;
  bool has_after = false;
};

Result<std::int64_t> parse_moment(const char* key, const std::string& text) {
  auto seconds = parse_integer(key, text, 0, INT64_MAX / 1000);
  if (seconds) return *seconds * 1000;
  auto at = parse_rfc3339(text);
  if (!at) return fail(Code::invalid_input, std::string(key) + ": neither an RFC 3339 time nor seconds since 1970");
  return at;
}

// With `of` it is one node's, and there is nothing to choose.
Result<EventQuery> take_event_query(std::map<std::string, std::string, std::less<>>& query, View& view,
                                    const std::optional<NodeId>& of = std::nullopt) {
  EventQuery wanted;
  const auto take = [&](const char* key) {
    std::optional<std::string> value;
    if (const auto found = query.find(key); found != query.end()) {
      value = found->second;
      query.erase(found);
    }
    return value;
  };
  if (of) {
    wanted.filter.node = of;
    wanted.filter.of_all = true;
    for (const char* key : {"watch", "node", "hostId"})
      if (query.contains(key)) return fail(Code::invalid_input, "no such query parameter: " + std::string(key));
  }
  if (const auto watch = take("watch")) {
    if (*watch != "true" && *watch != "false") return fail(Code::invalid_input, "watch: must be true or false");
    wanted.watch = *watch == "true";
  }
  for (const char* key : {"node", "hostId"}) {
    const auto name = take(key);
    if (!name) continue;
    if (const auto id = parse_node_id(*name)) {
      wanted.filter.node = *id;  // also one that is not registered
      continue;
    }
    auto node = view.find_host(*name);
    if (!node) return fail(node.error());
    wanted.filter.node = node->id;
  }
  if (const auto type = take("type")) wanted.filter.type = *type;
  if (const auto since = take("since")) {
    auto at = parse_moment("since", *since);
    if (!at) return fail(at.error());
    wanted.filter.since_ms = *at;
  }
  if (const auto until = take("until")) {
    auto at = parse_moment("until", *until);
    if (!at) return fail(at.error());
    wanted.filter.until_ms = *at;
  }
  for (const char* key : {"after", "before"}) {
    const auto text = take(key);
    if (!text) continue;
    auto sequence = parse_integer(key, *text, 0, INT64_MAX);
    if (!sequence) return fail(sequence.error());
    (std::string_view(key) == "after" ? wanted.after : wanted.before) = static_cast<std::uint64_t>(*sequence);
    if (std::string_view(key) == "after") wanted.has_after = true;
  }
  for (const char* key : {"limit", "pageSize"}) {
    const auto text = take(key);
    if (!text) continue;
    auto size = parse_integer(key, *text, 1, events_page_max);
    if (!size) return fail(size.error());
    wanted.page_size = *size;
  }
  if (auto left = nothing_left(query); !left) return fail(left.error());
  return wanted;
}

// 410: a stream cannot begin where it is to.
HttpResponse gone(const JournalHead& head) {
  Json body = Json::object();
  body["code"] = "OutOfRange";
  body["message"] = gone_text(head) + ": a stream goes on from there with after=" + std::to_string(head.base);
  body["oldest"] = head.base + 1;
  auto response = json_response(body);
  response.status = 410;
  return response;
}

// After which event a stream begins. Nothing: some that it would have to say were deleted.
Result<std::optional<std::uint64_t>> stream_begin(EventLog& log, const Reader& reader, const std::string& scope,
                                                  const std::string& last_event_id, const EventQuery& query, const JournalHead& head) {
  std::optional<std::uint64_t> after;
  if (!last_event_id.empty()) {
    auto last_seen = parse_integer("Last-Event-ID", last_event_id, 0, INT64_MAX);
    if (!last_seen) return fail(last_seen.error());
    after = static_cast<std::uint64_t>(*last_seen);
  } else if (query.has_after) {
    after = query.after;
  } else if (query.filter.since_ms) {
    auto may_be = log.may_be_gone(reader, scope, head, *query.filter.since_ms);
    if (!may_be) return fail(may_be.error());
    if (!*may_be) after = head.base;
  } else {
    after = head.last;  // from now on
  }
  return after && *after < head.base ? std::nullopt : after;
}

}  // namespace

void Api::events(Call& call) {
  View view = call.view();
  auto query = take_event_query(call.target.query, view);
  if (!query) return call.refuse(query.error());
  if (query->watch) {
    auto head = EventLog::head(*call.reader, call.scope);
    if (!head) return call.refuse(head.error());
    auto after = stream_begin(*events_, *call.reader, call.scope, call.request.last_event_id, *query, *head);
    if (!after) return call.refuse(after.error());
    if (!*after) return call.exchange->respond(gone(*head));
    // The journal was put back to a state before what this reader has seen: silence up to there would hide what happens now.
    if (**after > head->last)
      return call.exchange->respond(error_response(410, "OutOfRange",
                                                   "there is no event " + std::to_string(**after) + ": the journal's last is " +
                                                       std::to_string(head->last) +
                                                       ", since an earlier state of it was restored; go on after that one"));
    return call.exchange->stream(std::make_unique<EventStream>(
        events_, [this] { return backend_.snapshot(); }, call.scope, query->filter, **after));
  }
  auto page = newest_events(*events_, *call.reader, call.scope, query->filter, query->after, query->before,
                            static_cast<std::size_t>(query->page_size));
  if (!page) return call.refuse(page.error());
  // The events are JSON already.
  std::string body = "{\"events\":[";
  for (std::size_t i = 0; i < page->events.size(); ++i) body += (i == 0 ? "" : ",") + page->events[i]->json;
  body += "],\"oldest\":" + std::to_string(page->oldest) + ",\"last\":" + std::to_string(page->last) +
          ",\"hasNext\":" + (page->more ? "true" : "false");
  if (page->more)
    body +=
        ",\"before\":" + std::to_string(page->events.size() == static_cast<std::size_t>(query->page_size) ? page->events.front()->sequence
                                                                                                          : page->looked_from);
  body += "}";
  HttpResponse response;
  response.body = std::move(body);
  call.exchange->respond(std::move(response));
}

// The history of one host in plain words; also of one that was deleted.
void Api::timeline(Call& call) {
  View view = call.view();
  std::string format = "json";
  if (const auto found = call.target.query.find("format"); found != call.target.query.end()) {
    format = found->second;
    if (format != "json" && format != "text") return call.refuse({Code::invalid_input, "format: must be json or text"});
    call.target.query.erase(found);
  }
  NodeId id;
  HostName host;
  auto node = view.find_host(call.id);
  if (node) {
    id = node->id;
    host = {node->host_id, node->name};
  } else {
    const auto deleted = node.error().code == Code::not_found ? view.deleted_host(call.id) : std::nullopt;
    if (!deleted) return call.refuse(node.error());
    id = deleted->node;
    host = {deleted->host_id, deleted->name};
  }
  auto query = take_event_query(call.target.query, view, id);
  if (!query) return call.refuse(query.error());
  auto page = newest_events(*events_, *call.reader, call.scope, query->filter, query->after, query->before,
                            static_cast<std::size_t>(query->page_size));
  if (!page) return call.refuse(page.error());
  if (format == "text") {
    HttpResponse response;
    response.content_type = "text/plain; charset=utf-8";
    for (const auto& event : page->events) response.body += to_rfc3339(event->at_ms) + "  " + one_line(event->words) + "\n";
    return call.exchange->respond(std::move(response));
  }
  Json json = Json::object();
  json["resourceId"] = host.host_id;
  json["name"] = host.name;
  json["uuid"] = to_string(id);
  json["deleted"] = !node;
  Json& entries = json["entries"] = Json::array();
  for (const auto& event : page->events) {
    Json entry = Json::object();
    entry["sequence"] = event->sequence;
    entry["at"] = to_rfc3339(event->at_ms);
    entry["type"] = event->type;
    entry["text"] = event->words;
    entries.push_back(std::move(entry));
  }
  json["oldest"] = page->oldest;
  json["last"] = page->last;
  json["hasNext"] = page->more;
  if (page->more) {
    const bool full = page->events.size() == static_cast<std::size_t>(query->page_size);
    json["before"] = full ? page->events.front()->sequence : page->looked_from;
  }
  call.answer(json);
}

void Api::list_sources(Call& call) {
  auto query = take_list_query(call.target.query, nullptr);
  if (!query) return call.refuse(query.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  std::vector<Json> items;
  std::map<std::string, SourceTimes> times;
  for (auto& one : backend_.source_times()) times.emplace(one.name, std::move(one));
  std::map<std::string, Json> sources;  // by name
  auto read = view.sources([&](const auto& source) {
    const auto known = times.find(source.name);
    sources.emplace(source.name, source_json(&source, known == times.end() ? nullptr : &known->second));
  });
  if (!read) return call.refuse(read.error());
  for (const auto& [name, one] : times) {
    if (!sources.contains(name)) sources.emplace(name, source_json(nullptr, &one));
  }
  for (auto& [name, json] : sources) items.push_back(std::move(json));
  Json page = list_page("sources", std::move(items), *query);
  const auto health = backend_.health();
  page["releases"] = health.releases;
  if (health.releases_read_at_ms != 0) page["readAt"] = to_rfc3339(health.releases_read_at_ms);
  page["found"] = health.releases_found;
  call.answer(page);
}

void Api::refresh(Call& call) {
  if (!call.request.body.empty()) {
    auto object = parse_object(call.request.body);
    if (!object) return call.refuse(object.error());
    Fields fields(*object);
    if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  }
  auto refreshed = [exchange = call.exchange](Result<RefreshDone> done) {
    if (!done) return exchange->respond(error_response(done.error()));
    Json json = Json::object();
    json["found"] = done->found;
    Json& failures = json["failures"] = Json::array();
    for (const auto& [source, error] : done->failures) failures.push_back(Json{{"source", source}, {"error", error}});
    json["note"] = std::to_string(done->found) + " profiles found" +
                   (done->failures.empty() ? std::string() : ", " + std::to_string(done->failures.size()) + " entries could not be read");
    exchange->respond(json_response(json));
  };
  if (!backend_.refresh(std::move(refreshed))) call.refuse({Code::unavailable, "too much to do at the moment; try again"});
}

}  // namespace abide::api
