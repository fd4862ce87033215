#include "tools/replay/extract.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/store/memory_store.hpp"
#include "edge-agent/rows.hpp"
#include "edge-agent/update/machine.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/layout.hpp"
#include "tools/replay/tape.hpp"

namespace abide::replay {
namespace {

constexpr std::size_t chain_bytes = 8;  // before an event's bytes in its row

void blank(std::string& key) {
  std::fill(key.begin(), key.end(), '\0');
}

// ---- secrets ------------------------------------------------------------------------------------------------------------

// The event's bytes without its secret. Nothing: it has none.
Result<std::optional<std::string>> event_without_secret(std::string_view bytes) {
  auto envelope = decode(bytes);
  if (!envelope) return fail(envelope.error());
  auto* event = std::get_if<OrchestratorEvent>(&envelope->payload);
  auto* created = event != nullptr ? std::get_if<ProjectCreated>(event) : nullptr;
  if (created == nullptr) return std::optional<std::string>{};
  blank(created->key);
  return std::optional(encode(*envelope));
}

Result<std::string> snapshot_without_secret(std::string_view bytes) {
  Batch batch;
  if (auto unpacked = fleet::Rows::unpack(bytes, batch, ""); !unpacked) return fail(unpacked.error());
  MemoryStore rows;
  if (auto put = rows.commit(batch); !put) return fail(put.error());
  const auto key = row_key("", "project", "");
  auto project = rows.get(key);
  if (!project) return fail(project.error());
  if (*project) {
    auto hidden = fleet::project_row_without_key(**project);
    if (!hidden) return fail(hidden.error());
    batch.clear();
    batch.put(key, std::move(*hidden));
    if (auto put = rows.commit(batch); !put) return fail(put.error());
  }
  return fleet::Rows::pack(rows, "");
}

// ---- one scope ---------------------------------------------------------------------------------------------------------------

class Extract {
 public:
  Extract(const History& history, const Scope& scope, const Part& part, const PutRow& put, const Progressed& progressed)
      : history_(history), scope_(scope), put_(put), progressed_(progressed) {
    // What an agent keeps is no secret.
    hide_ = !part.with_secrets && history.kind() == Kind::orchestrator;
    base_ = part.base.value_or(scope.head.base);
    until_ = part.until.value_or(scope.head.last);
    whole_ = base_ == scope.head.base && until_ == scope.head.last;
  }

  Result<void> run() {
    if (scope_.head.id) {
      for (const auto step : {&Extract::put_head, &Extract::put_snapshot, &Extract::put_marks, &Extract::put_journal})
        if (auto done = (this->*step)(); !done) return done;
    }
    if (whole_) {
      for (const auto& journal : scope_.others)
        if (auto done = put_other(journal); !done) return done;
    }
    if (auto done = put_all_below("b/"); !done) return done;
    return put_rows();
  }

 private:
  Result<void> put_head() {
    auto head = scope_.head;
    if (base_ != head.base) {
      auto chain = chain_of(base_);
      if (!chain) return fail(chain.error());
      head.base = base_;
      head.base_chain = *chain;
    }
    if (until_ != head.last) {
      auto chain = until_ == base_ ? Result<Chain>(head.base_chain) : chain_of(until_);
      if (!chain) return fail(chain.error());
      head.last = until_;
      head.chain = *chain;
    }
    head.acked = std::min(head.acked, head.last);
    if (history_.kind() == Kind::agent) head.acked = std::max(head.acked, head.base);
    return put_(head_key(scope_.prefix), head_row(head));
  }

  Result<Chain> chain_of(std::uint64_t sequence) {
    Chain found;
    auto read = history_.records(scope_, sequence, sequence, [&](std::uint64_t, Chain chain, std::string_view) {
      found = chain;
      return true;
    });
    if (!read) return fail(read.error());
    return found;
  }

  Result<void> put_snapshot() {
    if (base_ == scope_.head.base) return put_all_below("s/");  // none: of a node's journal whose beginning was never told
    auto tape = tape_at(history_, scope_, base_, progressed_);
    if (!tape) return fail(tape.error());
    auto snapshot = (*tape)->snapshot();
    if (snapshot) snapshot = without_secret(snapshot_key(scope_.prefix), *snapshot);
    return snapshot ? put_(snapshot_key(scope_.prefix), *snapshot) : fail(snapshot.error());
  }

  // What an export has of a row.
  [[nodiscard]] Result<std::string> without_secret(std::string_view key, std::string_view value) const {
    if (hide_ && key == snapshot_key(scope_.prefix)) return snapshot_without_secret(value);
    const auto is_project = [&](const std::string& scope) { return key == row_key(scope, "project", ""); };
    if (hide_ && (is_project(scope_.prefix) || is_project(snapshot_scope(scope_.prefix)))) return fleet::project_row_without_key(value);
    return std::string(value);
  }

  // Before the journal, so that a file that is cut off still has them. Which events they are is known beforehand: those that
  // the source was without, and the first one of a project.
  Result<void> put_marks() {
    for (const auto sequence : scope_.without_secret)
      if (sequence > base_ && sequence <= until_)
        if (auto done = put_(secretless_key(scope_.prefix, sequence), ""); !done) return done;
    if (!hide_) return {};
    std::optional<Error> failure;
    auto read = history_.records(scope_, base_ + 1, until_, [&](std::uint64_t sequence, Chain, std::string_view bytes) {
      auto hidden = event_without_secret(bytes);
      if (!hidden) failure = hidden.error();
      if (hidden && *hidden && !scope_.without_secret.contains(sequence)) {
        hidden_.insert(sequence);
        if (auto done = put_(secretless_key(scope_.prefix, sequence), ""); !done) failure = done.error();
      }
      if (progressed_ && sequence % 1024 == 0) progressed_(sequence - base_, until_ - base_);
      return !failure;
    });
    if (!read) return read;
    if (failure) return fail(*failure);
    return {};
  }

  Result<void> put_journal() {
    std::optional<Error> failure;
    auto read = history_.records(scope_, base_ + 1, until_, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
      std::string row = big_endian(chain.value);
      if (hidden_.contains(sequence)) {
        auto hidden = event_without_secret(bytes);
        if (!hidden) failure = hidden.error();
        row += hidden && *hidden ? **hidden : std::string();
      } else {
        row += bytes;
      }
      if (!failure)
        if (auto done = put_(journal_key(scope_.prefix, scope_.head.id, sequence), row); !done) failure = done.error();
      if (progressed_ && sequence % 1024 == 0) progressed_(sequence - base_, until_ - base_);
      return !failure;
    });
    if (!read) return read;
    if (failure) return fail(*failure);
    return {};
  }

  Result<void> put_other(const OtherJournal& journal) {
    return put_between(journal_key(scope_.prefix, journal.id, journal.first), journal_key(scope_.prefix, journal.id, journal.last) + '\0',
                       history_.reader());
  }

  Result<void> put_all_below(const std::string& kind) {
    const std::string prefix = scope_.prefix + kind;
    return put_between(prefix, after_prefix(prefix), history_.reader());
  }

  Result<void> put_between(const std::string& from, const std::string& to, const Reader& reader) {
    std::optional<Error> failure;
    auto read = reader.scan(from, to, [&](std::string_view key, std::string_view value) {
      auto row = without_secret(key, value);
      if (!row) failure = row.error();
      if (row)
        if (auto done = put_(key, *row); !done) failure = done.error();
      return !failure;
    });
    if (!read) return read;
    if (failure) return fail(*failure);
    return {};
  }

  // The store's own, so that a file shows what was wrong with them; in a part, and behind damage, those of the state there.
  Result<void> put_rows() {
    if (whole_ && scope_.damage.empty() && has_rows()) return put_all_below("r/");
    auto tape = Tape::at_base(history_, scope_);
    if (!tape) return tape.error().code == Code::corrupt ? Result<void>() : fail(tape.error());
    if (auto wound = (*tape)->forward(until_, progressed_); !wound) return wound;
    const std::string prefix = scope_.prefix + "r/";
    return put_between(prefix, after_prefix(prefix), (*tape)->rows());
  }

  [[nodiscard]] bool has_rows() const {
    const std::string prefix = scope_.prefix + "r/";
    bool found = false;
    auto read = history_.reader().scan(prefix, after_prefix(prefix), [&](std::string_view, std::string_view) {
      found = true;
      return false;
    });
    return read.has_value() && found;
  }

  const History& history_;
  const Scope& scope_;
  const PutRow& put_;
  const Progressed& progressed_;
  bool hide_ = false;
  bool whole_ = false;
  std::uint64_t base_ = 0;
  std::uint64_t until_ = 0;
  std::set<std::uint64_t> hidden_;
};

// ---- one node --------------------------------------------------------------------------------------------------------------

struct StoredJournal {
  std::uint64_t base = 0;
  Chain base_chain;
  std::uint64_t last = 0;
  Chain chain;
  std::map<std::uint64_t, std::string> rows;
  bool forked = false;  // begins with JournalForked
  JournalId forked_from;

  void begin(std::uint64_t at, Chain with) {
    base = last = at;
    base_chain = chain = with;
    rows.clear();
  }
};

struct Heard {
  std::map<JournalId, StoredJournal> journals;
  JournalId current;
};

void hear(const OrchestratorEvent& event, const NodeId& node, Heard& heard) {
  if (node_of(event) != node) return;
  if (const auto* adopted = std::get_if<JournalAdopted>(&event)) {
    heard.current = adopted->journal;
    auto& journal = heard.journals[adopted->journal];
    if (journal.last != adopted->base || journal.chain != adopted->base_chain) journal.begin(adopted->base, adopted->base_chain);
  }
  if (const auto* resolved = std::get_if<IdentityResolved>(&event)) heard.current = resolved->journal;
  if (const auto* gap = std::get_if<GapNoted>(&event)) heard.journals[gap->journal].begin(gap->upto, gap->chain);
  const auto* stored = std::get_if<NodeEventStored>(&event);
  if (stored == nullptr) return;
  auto [place, is_new] = heard.journals.try_emplace(stored->journal);
  auto& journal = place->second;
  if (is_new) journal.begin(0, chain_start(stored->journal));
  if (const auto* forked = std::get_if<JournalForked>(&stored->event); forked != nullptr && stored->sequence == 1) {
    journal.forked = true;
    journal.forked_from = forked->old_journal;
  }
  journal.rows[stored->sequence] = big_endian(stored->chain.value) + stored->envelope;
  journal.last = stored->sequence;
  journal.chain = stored->chain;
}

// The state in which a journal began: the default one of a new journal; after a fork what the old one had come to, as far as
// that was told. Nothing: not known.
std::optional<node::State> first_state(const Heard& heard, const StoredJournal& journal, int depth) {
  constexpr int forks_max = 64;
  if (journal.base != 0 || depth == forks_max) return std::nullopt;
  if (!journal.forked) return node::State{};
  const auto old = heard.journals.find(journal.forked_from);
  if (old == heard.journals.end()) return std::nullopt;
  auto state = first_state(heard, old->second, depth + 1);
  if (!state) return state;
  for (const auto& [sequence, row] : old->second.rows) {
    auto envelope = decode_node_event(std::string_view(row).substr(chain_bytes));
    if (!envelope) return std::nullopt;
    node::UpdateMachine::apply(*state, Recorded<NodeEvent>{envelope->journal, sequence, envelope->after,
                                                           Chain{from_big_endian(std::string_view(row).substr(0, chain_bytes))},
                                                           envelope->at_ms, envelope->clock_trusted, envelope->session, envelope->cause,
                                                           std::get<NodeEvent>(std::move(envelope->payload))});
  }
  return state;
}

}  // namespace

Result<void> extract(const History& history, const Scope& scope, const Part& part, const PutRow& put, const Progressed& progressed) {
  if (history.kind() == Kind::orchestrator) {
    Batch batch;
    orchestrator::put_project_row(batch, scope.name);
    for (const auto& change : batch.changes())
      if (auto done = put(change.key, *change.value); !done) return done;
  } else if (const auto owner = history.reader().get(agent_owner_key); owner && *owner) {
    if (auto done = put(agent_owner_key, **owner); !done) return done;
  }
  return Extract(history, scope, part, put, progressed).run();
}

Result<CutOut> cut_out_node(const History& history, const Scope& scope, const NodeId& node, std::uint64_t until) {
  Heard heard;
  if (scope.head.base != 0) {  // what was heard before is in the state there
    auto base = history.fleet_at(scope, scope.head.base);
    if (!base) return fail(base.error());
    if (const auto known = base->nodes.find(node); known != base->nodes.end()) {
      for (const auto& retired : known->second.retired) heard.journals[retired.journal].begin(retired.upto, retired.chain);
      if (known->second.journal) heard.journals[known->second.journal].begin(known->second.upto, known->second.chain);
      heard.current = known->second.journal;
    }
  }
  auto read =
      history.events(scope, 1, until, VisitRecorded<OrchestratorEvent>([&](const Recorded<OrchestratorEvent>& recorded, std::string_view) {
                       hear(recorded.event, node, heard);
                       return true;
                     }));
  if (!read) return fail(read.error());
  const auto current = heard.journals.find(heard.current);
  if (current == heard.journals.end()) return fail(Code::not_found, "nothing was heard of node " + to_string(node) + " until there");
  const auto& journal = current->second;
  const std::string prefix(agent_prefix);
  MemoryStore::Content rows;
  rows[std::string(agent_owner_key)] = scope.name + "\n" + to_string(node);
  rows[head_key(prefix)] =
      head_row(JournalHead{heard.current, journal.last, journal.chain, journal.base, journal.base_chain, journal.last});
  for (const auto& [id, stored] : heard.journals)
    for (const auto& [sequence, row] : stored.rows) rows[journal_key(prefix, id, sequence)] = row;
  std::string begins = "with a new journal: the state is known";
  if (journal.forked) begins = "with a fork: the state is known as far as it was told before";
  if (auto state = first_state(heard, journal, 0))
    rows[snapshot_key(prefix)] = node::Rows::snapshot(*state);
  else
    begins = "after event " + std::to_string(journal.base) + ": the state there is not known, only events can be read";
  auto made = History::of(std::make_shared<const MemoryStore>(std::move(rows)), history.path());
  if (!made) return fail(made.error());
  return CutOut{std::move(*made), std::move(begins)};
}

}  // namespace abide::replay
