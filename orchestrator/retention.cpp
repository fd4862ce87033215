#include "orchestrator/retention.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "common/service/host.hpp"
#include "common/store/base.hpp"
#include "common/store/journal.hpp"
#include "orchestrator/rows.hpp"

namespace abide::orchestrator {

namespace {

// When an event was journaled.
Result<std::int64_t> time_of(const Reader& reader, const std::string& scope, const JournalHead& head, std::uint64_t sequence) {
  Result<std::int64_t> at_ms = std::int64_t{0};
  auto read = Journal::read(reader, scope, head.id, sequence, sequence, [&](std::uint64_t found, Chain chain, std::string_view bytes) {
    const auto recorded = decode_recorded<OrchestratorEvent>(bytes, found, chain);
    at_ms = recorded ? Result<std::int64_t>(recorded->at_ms) : fail(recorded.error());
    return true;
  });
  if (!read) return fail(read.error());
  return at_ms;
}

Result<std::int64_t> newest_gone(const Reader& reader, const std::string& scope) {
  auto row = reader.get(newest_gone_key(scope));
  if (!row) return fail(row.error());
  if (!*row || (*row)->size() != 8) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(from_big_endian(**row));
}

}  // namespace

Result<void> find_expired_runs(const Reader& reader, const std::string& scope, std::int64_t before_ms, const DeliverExpired& deliver) {
  std::set<std::string> held;
  auto read = fleet::scan_nodes(reader, scope, [&](fleet::Node&& node) {
    if (node.run) held.insert(node.run->id);
    return true;
  });
  if (!read) return read;
  fleet::RunsExpired expired;
  bool wanted = true;
  read = fleet::scan_runs(reader, scope, [&](fleet::Run&& run) {
    if (run.end_ms == 0 || run.end_ms >= before_ms || held.contains(run.id)) return true;
    expired.runs.push_back({run.node, std::move(run.id)});
    if (expired.runs.size() < expired_runs_per_input_max) return true;
    wanted = deliver(std::exchange(expired, {}));
    return wanted;
  });
  if (!read) return read;
  if (wanted && !expired.runs.empty()) (void)deliver(std::move(expired));
  return {};
}

Result<std::optional<OldEvents>> find_old_events(const Reader& reader, const std::string& scope, std::int64_t now_ms, std::int64_t keep_ms,
                                                 const GoOn& go_on) {
  auto head = Journal::read_head(reader, scope);
  if (!head) return fail(head.error());
  // The newest one always stays.
  if (!head->id || head->last - head->base <= events_trimmed_min) return std::optional<OldEvents>{};
  const auto last_ms = time_of(reader, scope, *head, head->last);
  if (!last_ms) return fail(last_ms.error());
  const std::int64_t before_ms = std::min(now_ms, *last_ms) - keep_ms;
  // Most looks end here: where this one is young, there are too few old ones before it.
  const auto probe_ms = time_of(reader, scope, *head, head->base + events_trimmed_min);
  if (!probe_ms) return fail(probe_ms.error());
  if (*probe_ms >= before_ms) return std::optional<OldEvents>{};
  auto latest_ms = newest_gone(reader, scope);
  if (!latest_ms) return fail(latest_ms.error());

  const std::uint64_t most = std::min(head->base + events_trimmed_max, head->last - 1);
  std::uint64_t old = head->base;  // this one and all before it are old
  OldEvents found{head->base, *latest_ms};
  bool wanted = true;
  std::optional<Error> broken;
  auto read = Journal::read(reader, scope, head->id, head->base + 1, head->last - 1,
                            [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                              wanted = sequence % trim_stop_events != 0 || go_on();
                              const auto recorded = decode_recorded<OrchestratorEvent>(bytes, sequence, chain);
                              if (!recorded) broken = recorded.error();
                              if (broken || !wanted || recorded->at_ms >= before_ms) return false;
                              if (recorded->at_ms >= *latest_ms) {
                                old = sequence;
                                *latest_ms = recorded->at_ms;
                                if (sequence <= most) found.newest_ms = *latest_ms;
                              }
                              return old < most;
                            });
  if (!read) return fail(read.error());
  if (broken) return fail(*broken);
  found.upto = std::min(old, most);
  if (!wanted || found.upto < head->base + events_trimmed_min) return std::optional<OldEvents>{};
  return std::optional(found);
}

void Retention::start() {
  thread_ = std::thread([this] { run(); });
}

void Retention::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Retention::answered(bool again) {
  const std::lock_guard lock(mutex_);
  answered_ = true;
  again_ = again;
  wake_.notify_all();
}

void Retention::run() {
  const std::chrono::milliseconds pause(std::clamp(keep_ms_ / 10, retention_look_ms_min, retention_look_ms_max));
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    answered_ = again_ = false;
    lock.unlock();
    const bool under_way = look_(clock_.now(), [this] { return !stopping_; });
    lock.lock();
    if (under_way) wake_.wait(lock, [&] { return stopping_ || answered_; });
    if (!again_) wake_.wait_for(lock, pause, [&] { return static_cast<bool>(stopping_); });
  }
}

}  // namespace abide::orchestrator
