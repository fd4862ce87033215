#pragma once
// A project's journal as people and programs read it: pages of events, and streams that go on. Both come from the journal
// itself, through a bounded memory of events that were rendered before, so that a hundred streams render each event once.
#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/machine.hpp"
#include "common/core/result.hpp"
#include "common/events/orchestrator_events.hpp"
#include "common/events/words.hpp"
#include "common/store/journal.hpp"
#include "common/store/store.hpp"
#include "orchestrator/api/http.hpp"

namespace abide::api {

inline constexpr std::size_t rendered_max = 8'192;           // events kept rendered, of all projects together
inline constexpr std::uint64_t events_step = 256;            // read from the journal at once
inline constexpr std::uint64_t events_scanned_max = 50'000;  // looked through for one page
inline constexpr std::size_t stream_chunk_bytes_max = 64 * 1024;
inline constexpr std::uint64_t stream_scanned_max = 4'096;      // looked through for one chunk, then others have their turn
inline constexpr std::uint64_t stream_lag_events_max = 10'000;  // a reader that was up to date and falls behind this far is dropped

struct RenderedEvent {
  std::uint64_t sequence = 0;
  std::int64_t at_ms = 0;
  std::optional<NodeId> node;
  std::string type;   // of a node's event its own type, else the orchestrator's
  std::string json;   // one line
  std::string words;  // plain ones, for people
};

struct HostName {
  std::string host_id;
  std::string name;
};

// `host`: of the event's node, if it is known. Without `names` it has no plain words.
RenderedEvent render_event(const Recorded<OrchestratorEvent>& recorded, const std::optional<HostName>& host, const Names* names = nullptr);
// "id: 12\nevent: ImageStaged\ndata: {...}\n\n"
std::string event_frame(const RenderedEvent& event);

struct EventFilter {
  std::optional<NodeId> node;
  std::string type;
  std::optional<std::int64_t> since_ms, until_ms;  // [since, until)
  bool of_all = false;                             // with `node`: also what was done to all nodes at once
  [[nodiscard]] bool matches(const std::optional<NodeId>& of, std::string_view its_type, std::int64_t at_ms) const;
  [[nodiscard]] bool matches(const RenderedEvent& event) const { return matches(event.node, event.type, event.at_ms); }
};

// Thread safety: any thread.
class EventLog {
 public:
  using Pointer = std::shared_ptr<const RenderedEvent>;
  // Events with sequence in [from, to] that match, in order; others are not rendered. corrupt.
  Result<std::vector<Pointer>> read(const Reader& reader, const std::string& scope, std::uint64_t from, std::uint64_t to,
                                    const EventFilter& filter = {});
  // Which events there are: those after `base`, up to `last`.
  static Result<JournalHead> head(const Reader& reader, const std::string& scope) { return Journal::read_head(reader, scope); }
  // Whether events that happened at this moment or later may be among those that were deleted.
  Result<bool> may_be_gone(const Reader& reader, const std::string& scope, const JournalHead& head, std::int64_t since_ms);

 private:
  using Key = std::pair<std::string, std::uint64_t>;
  void keep(const Key& key, const Pointer& event);

  std::mutex mutex_;
  std::map<Key, Pointer> rendered_;
  std::list<Key> oldest_first_;
};

struct EventPage {
  std::vector<EventLog::Pointer> events;  // ascending
  std::uint64_t oldest = 0;               // oldest sequence of the journal: those before were deleted
  std::uint64_t last = 0;                 // newest sequence of the journal
  bool more = false;                      // there are, or may be, older ones
  std::uint64_t looked_from = 0;          // nothing older than this was looked at
};
// What to say of events that were deleted: which is the oldest that is there.
std::string gone_text(const JournalHead& head);
// The newest `most` matching events with sequence in (after, before), before 0: no bound.
Result<EventPage> newest_events(EventLog& log, const Reader& reader, const std::string& scope, const EventFilter& filter,
                                std::uint64_t after, std::uint64_t before, std::size_t most);

// Events after a sequence, as Server-Sent Events, for ever; it ends with a comment where the next one was deleted, or it is
// too far behind.
class EventStream final : public EventSource {
 public:
  using Snapshot = std::function<std::shared_ptr<const Reader>()>;
  EventStream(std::shared_ptr<EventLog> log, Snapshot snapshot, std::string scope, EventFilter filter, std::uint64_t after)
      : log_(std::move(log)), snapshot_(std::move(snapshot)), scope_(std::move(scope)), filter_(std::move(filter)), cursor_(after) {}
  Chunk next() override;

 private:
  std::shared_ptr<EventLog> log_;
  Snapshot snapshot_;
  std::string scope_;
  EventFilter filter_;
  std::uint64_t cursor_;
  bool up_to_date_ = false;
};

}  // namespace abide::api
