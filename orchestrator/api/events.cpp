#include "orchestrator/api/events.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/core/time.hpp"
#include "common/events/print.hpp"
#include "common/service/host.hpp"
#include "common/store/base.hpp"
#include "orchestrator/api/view.hpp"

namespace abide::api {

namespace {

std::optional<NodeId> node_of(const OrchestratorEvent& event) {
  return std::visit(
      [](const auto& what) -> std::optional<NodeId> {
        if constexpr (requires { what.node; }) {
          return what.node;
        } else {
          return std::nullopt;
        }
      },
      event);
}

std::string cause_text(const Cause& cause) {
  if (!cause.request.empty()) return cause.request;
  if (cause.journal) return to_hex(cause.journal) + "." + std::to_string(cause.sequence);
  return {};
}

// As things are called now.
class ViewNames final : public Names {
 public:
  explicit ViewNames(View& view) : view_(view) {}
  [[nodiscard]] std::string policy(const std::string& id) const override {
    const auto found = view_.policy(id);
    return found == nullptr ? id : found->value.name;
  }
  [[nodiscard]] std::string image(const std::string& id) const override {
    const auto found = view_.os_resource(id);
    return found == nullptr ? id : found->value.image_id;
  }
  [[nodiscard]] std::string schedule(const std::string& id) const override {
    const auto found = view_.schedule(id);
    return !found || found->value.name.empty() ? id : found->value.name;
  }
  [[nodiscard]] std::string place(const std::string& id) const override {
    if (const auto site = view_.site(id); site != nullptr) return site->value.name;
    const auto region = view_.region(id);
    return region == nullptr ? id : region->value.name;
  }

 private:
  View& view_;
};

std::string_view type_of(const OrchestratorEvent& event) {
  const auto* stored = std::get_if<NodeEventStored>(&event);
  return stored != nullptr ? name_of(stored->event) : name_of(event);
}

nlohmann::ordered_json fields_json(const Fields& fields) {
  auto json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : fields) json[name] = value;
  return json;
}

}  // namespace

RenderedEvent render_event(const Recorded<OrchestratorEvent>& recorded, const std::optional<HostName>& host, const Names* names) {
  RenderedEvent rendered;
  rendered.sequence = recorded.sequence;
  rendered.at_ms = recorded.at_ms;
  rendered.node = node_of(recorded.event);
  const auto* stored = std::get_if<NodeEventStored>(&recorded.event);
  rendered.type = std::string(type_of(recorded.event));
  auto json = nlohmann::ordered_json::object();
  json["sequence"] = recorded.sequence;
  json["at"] = to_rfc3339(recorded.at_ms);
  json["source"] = stored != nullptr ? "node" : "orchestrator";
  json["type"] = rendered.type;
  if (rendered.node) json["node"] = to_string(*rendered.node);
  if (host) {
    json["hostId"] = host->host_id;
    json["host"] = host->name;
  }
  if (stored != nullptr) {
    json["nodeJournal"] = to_hex(stored->journal);
    json["nodeSequence"] = stored->sequence;
    json["nodeAt"] = to_rfc3339(stored->at_ms);
    json["nodeClockTrusted"] = stored->clock_trusted;
  }
  const auto cause = cause_text(recorded.cause);
  if (!cause.empty()) json["cause"] = cause;
  json["fields"] = fields_json(stored != nullptr ? fields_of(stored->event) : fields_of(recorded.event));
  json["text"] = stored != nullptr ? print(stored->event) : print(recorded.event);
  if (names != nullptr) rendered.words = in_words(recorded.event, *names);
  rendered.json = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return rendered;
}

std::string event_frame(const RenderedEvent& event) {
  return "id: " + std::to_string(event.sequence) + "\nevent: " + event.type + "\ndata: " + event.json + "\n\n";
}

bool EventFilter::matches(const std::optional<NodeId>& of, std::string_view its_type, std::int64_t at_ms) const {
  if (node && of != node && !(of_all && of == fleet::every_node)) return false;
  if (!type.empty() && its_type != type) return false;
  if (since_ms && at_ms < *since_ms) return false;
  return !until_ms || at_ms < *until_ms;
}

void EventLog::keep(const Key& key, const Pointer& event) {
  if (!rendered_.emplace(key, event).second) return;
  oldest_first_.push_back(key);
  if (oldest_first_.size() <= rendered_max) return;
  rendered_.erase(oldest_first_.front());
  oldest_first_.pop_front();
}

Result<std::vector<EventLog::Pointer>> EventLog::read(const Reader& reader, const std::string& scope, std::uint64_t from, std::uint64_t to,
                                                      const EventFilter& filter) {
  std::vector<Pointer> events;
  if (from > to) return events;
  auto first_missing = from;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = rendered_.find({scope, from}); at != rendered_.end() && at->first.first == scope && first_missing <= to; ++at) {
      if (at->first.second != first_missing) break;
      if (filter.matches(*at->second)) events.push_back(at->second);
      ++first_missing;
    }
  }
  if (first_missing > to) return events;
  const auto known = events.size();
  auto head = Journal::read_head(reader, scope);
  if (!head) return fail(head.error());
  std::map<NodeId, std::optional<HostName>> names;
  // The view does not own the reader; it lives no longer than this call.
  View view(std::shared_ptr<const Reader>(&reader, [](const Reader*) {}), scope);
  const ViewNames view_names(view);
  std::optional<Error> broken;
  auto read = Journal::read(reader, scope, head->id, first_missing, to, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
    auto recorded = decode_recorded<OrchestratorEvent>(bytes, sequence, chain);
    if (!recorded) {
      broken = recorded.error();
      return false;
    }
    const auto of = node_of(recorded->event);
    if (!filter.matches(of, type_of(recorded->event), recorded->at_ms)) return true;
    std::optional<HostName> host;
    if (const auto& node = of) {
      auto [name, is_new] = names.try_emplace(*node);
      if (is_new) {
        if (const auto found = view.cached_node(*node)) name->second = HostName{found->host_id, found->name};
      }
      host = name->second;
    }
    events.push_back(std::make_shared<const RenderedEvent>(render_event(*recorded, host, &view_names)));
    return true;
  });
  if (!read) return fail(read.error());
  if (broken) return fail(*broken);
  const std::lock_guard lock(mutex_);
  for (auto missing = events.begin() + static_cast<std::ptrdiff_t>(known); missing != events.end(); ++missing)
    keep({scope, (*missing)->sequence}, *missing);
  return events;
}

Result<bool> EventLog::may_be_gone(const Reader& reader, const std::string& scope, const JournalHead& head, std::int64_t since_ms) {
  if (head.base == 0) return false;
  auto newest_gone = reader.get(newest_gone_key(scope));
  if (!newest_gone) return fail(newest_gone.error());
  if (*newest_gone && (*newest_gone)->size() == 8) return static_cast<std::int64_t>(from_big_endian(**newest_gone)) >= since_ms;
  auto oldest = read(reader, scope, head.base + 1, std::min(head.base + 1, head.last));
  if (!oldest) return fail(oldest.error());
  return oldest->empty() || oldest->front()->at_ms > since_ms;
}

std::string gone_text(const JournalHead& head) {
  return "events up to " + std::to_string(head.base) + " were deleted, as they were older than events are kept; the oldest is " +
         std::to_string(head.base + 1);
}

Result<EventPage> newest_events(EventLog& log, const Reader& reader, const std::string& scope, const EventFilter& filter,
                                std::uint64_t after, std::uint64_t before, std::size_t most) {
  EventPage page;
  const auto head = EventLog::head(reader, scope);
  if (!head) return fail(head.error());
  page.oldest = head->base + 1;
  page.last = head->last;
  after = std::max(after, head->base);
  std::uint64_t upper = before == 0 ? head->last + 1 : std::min(before, head->last + 1);  // all from here on are done
  std::uint64_t scanned = 0;
  while (upper > after + 1) {
    if (page.events.size() >= most || scanned >= events_scanned_max) {
      page.more = true;
      break;
    }
    const std::uint64_t lower = upper - 1 > after + events_step ? upper - events_step : after + 1;
    auto events = log.read(reader, scope, lower, upper - 1, filter);
    if (!events) return fail(events.error());
    scanned += upper - lower;
    upper = lower;
    for (auto event = events->rbegin(); event != events->rend(); ++event) {
      if (page.events.size() == most) {
        page.more = true;
        break;
      }
      page.events.push_back(*event);
    }
    if (page.more) break;
  }
  page.looked_from = upper;
  std::reverse(page.events.begin(), page.events.end());
  return page;
}

EventSource::Chunk EventStream::next() {
  Chunk chunk;
  const auto reader = snapshot_();
  const auto head = EventLog::head(*reader, scope_);
  if (!head) return {": the journal cannot be read\n\n", false, true};
  const std::uint64_t last = head->last;
  if (cursor_ < head->base) return {": gone: " + gone_text(*head) + "\n\n", false, true};
  if (up_to_date_ && last > cursor_ + stream_lag_events_max)
    return {
        ": dropped: this reader is " + std::to_string(last - cursor_) + " events behind; go on after " + std::to_string(cursor_) + "\n\n",
        false, true};
  const std::uint64_t turn_ends = cursor_ + stream_scanned_max;
  while (cursor_ < std::min(last, turn_ends) && chunk.bytes.size() < stream_chunk_bytes_max) {
    const auto to = std::min(cursor_ + events_step, last);
    auto events = log_->read(*reader, scope_, cursor_ + 1, to, filter_);
    if (!events) return {": the journal cannot be read\n\n", false, true};
    for (const auto& event : *events) {
      cursor_ = event->sequence;
      chunk.bytes += event_frame(*event);
      if (chunk.bytes.size() >= stream_chunk_bytes_max) break;
    }
    if (chunk.bytes.size() < stream_chunk_bytes_max) cursor_ = to;
  }
  if (cursor_ >= last) up_to_date_ = true;
  chunk.more = cursor_ < last;
  return chunk;
}

}  // namespace abide::api
