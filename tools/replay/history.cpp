#include "tools/replay/history.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/core/hash.hpp"
#include "common/service/host.hpp"
#include "common/store/memory_store.hpp"
#include "common/store/rocks_store.hpp"
#include "edge-agent/rows.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/layout.hpp"

namespace abide::replay {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t progress_every_events = 1024;

// ---- where the rows come from ------------------------------------------------------------------------------------------

// What RocksDB's own words would hide: each of these is a line of its own, and an exit code.
std::optional<Error> wrong_directory(const std::string& path) {
  std::error_code failure;
  bool current = false;
  bool empty = true;
  std::string part;
  for (fs::directory_iterator entry(path, failure), end; !failure && entry != end; entry.increment(failure)) {
    empty = false;
    const auto name = entry->path().filename().string();
    current = current || name == "CURRENT";
    if (name.ends_with(".sst") || name.ends_with(".log")) part = name;  // a MANIFEST alone: killed while it was made
  }
  if (failure)
    return Error{failure == std::errc::permission_denied ? Code::denied : Code::unavailable,
                 "read directory " + path + ": " + failure.message()};
  if (empty) return Error{Code::not_found, "there is no history in " + path + ": the directory is empty"};
  if (!current && !part.empty()) return Error{Code::corrupt, "the store in " + path + " has lost its file CURRENT (" + part + " is there)"};
  if (!current) return Error{Code::not_found, "there is no history in " + path + ": it is no state directory"};
  if (::access((path + "/CURRENT").c_str(), R_OK) != 0)
    return Error{errno == EACCES ? Code::denied : Code::unavailable, "read " + path + "/CURRENT: " + std::strerror(errno)};
  return std::nullopt;
}

struct Source {
  std::shared_ptr<const Reader> reader;
  std::optional<ExportHeader> exported;
  std::vector<std::string> damage;
};

Result<Source> source_of_directory(const std::string& path) {
  if (auto wrong = wrong_directory(path)) return fail(*wrong);
  Source source;
  auto store = RocksStore::open_read_only(path);
  if (!store && store.error().message.find("is not one of Abide") != std::string::npos)
    return fail(Code::invalid_input, store.error().message);
  if (!store && store.error().message.find("Permission denied") != std::string::npos) return fail(Code::denied, store.error().message);
  if (!store && store.error().code == Code::corrupt) {
    source.damage.push_back("the store is damaged: " + store.error().message);
    store = RocksStore::open_damaged(path);
    if (!store) return fail(Code::corrupt, source.damage.front());
  }
  if (!store) return fail(store.error());
  source.reader = std::move(*store);
  return source;
}

Result<Source> source_of_file(const std::string& path, const Progressed& progressed) {
  if (::access(path.c_str(), R_OK) != 0)
    return fail(errno == EACCES ? Code::denied : Code::unavailable, "read " + path + ": " + std::strerror(errno));
  if (!is_export(path)) return fail(Code::invalid_input, path + " is neither a state directory nor an exported history");
  std::error_code ignored;
  const auto total = fs::file_size(path, ignored);
  auto loaded = load_export(path, [&](std::uint64_t bytes) {
    if (progressed) progressed(bytes, std::max<std::uint64_t>(total, bytes));
  });
  if (!loaded) return fail(loaded.error());
  Source source;
  source.reader = std::make_shared<const MemoryStore>(std::move(loaded->rows));
  source.exported = std::move(loaded->read.header);
  if (loaded->read.damage) source.damage.push_back("the exported file is damaged: " + loaded->read.damage->message);
  return source;
}

// ---- journals ------------------------------------------------------------------------------------------------------------

// The journals of a scope with the sequences that are there; of `current` only that it is there.
Result<std::vector<OtherJournal>> journals_in(const Reader& reader, const std::string& prefix, JournalId current) {
  std::vector<OtherJournal> journals;
  const std::string first = prefix + "j/";
  std::string from = first;
  for (bool more = true; more;) {
    more = false;
    auto read = reader.scan(from, after_prefix(first), [&](std::string_view key, std::string_view) {
      if (key.size() != first.size() + 16) return true;
      const JournalId id{from_big_endian(key.substr(first.size(), 8))};
      const auto sequence = from_big_endian(key.substr(first.size() + 8));
      if (journals.empty() || journals.back().id != id) journals.push_back({id, sequence, sequence});
      journals.back().last = sequence;
      if (id != current || id.value == std::numeric_limits<std::uint64_t>::max()) return true;
      from = first + big_endian(id.value + 1);
      more = true;
      return false;
    });
    if (!read && journals.empty()) return fail(read.error());
  }
  return journals;
}

// A head for a journal whose own cannot be read: the one that the rows name, or the only one there is.
std::optional<JournalHead> guessed_head(const Reader& reader, Kind kind, const Scope& scope, const std::vector<OtherJournal>& journals) {
  JournalId wanted;
  if (kind == Kind::orchestrator) {
    if (auto project = fleet::read_project(reader, scope.prefix); project && *project) wanted = (*project)->journal;
  } else if (auto state = node::Rows::load(reader, scope.prefix)) {
    wanted = state->journal;
  }
  const OtherJournal* found = journals.size() == 1 ? &journals.front() : nullptr;
  for (const auto& journal : journals)
    if (journal.id == wanted) found = &journal;
  if (found == nullptr) return std::nullopt;
  JournalHead head;
  head.id = found->id;
  head.last = found->last;
  head.base = found->first - 1;
  head.base_chain = chain_start(head.id);
  if (head.base == 0) return head;
  auto first = reader.get(journal_key(scope.prefix, head.id, found->first));
  if (!first || !*first || (*first)->size() < 8) return std::nullopt;
  auto envelope = decode(std::string_view(**first).substr(8));
  if (!envelope) return std::nullopt;
  head.base_chain = envelope->after;
  return head;
}

Followed follow_chain(const Reader& reader, const Scope& scope, const Progressed& progressed) {
  const auto& head = scope.head;
  Followed followed{head.base, head.base_chain, ""};
  auto read = Journal::read(reader, scope.prefix, head.id, head.base + 1, head.last,
                            [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                              if (chain_after(followed.chain, bytes) != chain && !scope.without_secret.contains(sequence)) {
                                followed.broken = broken_chain(scope, sequence);
                                return false;
                              }
                              followed.chain = chain;
                              followed.last = sequence;
                              if (progressed && sequence % progress_every_events == 0)
                                progressed(sequence - head.base, head.last - head.base);
                              return true;
                            });
  if (!read) followed.broken = read.error().message;
  return followed;
}

Result<Scope> open_scope(const Reader& reader, Kind kind, std::string name, std::string prefix) {
  Scope scope;
  scope.name = std::move(name);
  scope.prefix = std::move(prefix);
  auto head = Journal::read_head(reader, scope.prefix);
  auto journals = journals_in(reader, scope.prefix, head ? head->id : JournalId{});
  if (!journals) return fail(journals.error());
  const auto marks = secretless_key(scope.prefix, std::nullopt);
  auto read = reader.scan(marks, after_prefix(marks), [&](std::string_view key, std::string_view) {
    if (key.size() == marks.size() + 8) scope.without_secret.insert(from_big_endian(key.substr(marks.size())));
    return true;
  });
  if (!read) return fail(read.error());
  if (!head) {
    scope.damage = head.error().message;
    auto told = Journal::told_head(reader, scope.prefix);
    auto guessed = told && *told ? *told : guessed_head(reader, kind, scope, *journals);
    if (!guessed) return fail(Code::corrupt, scope.damage);
    if (told && *told) scope.told_last = (*told)->last;
    head = *guessed;
  } else {
    scope.told_last = head->last;
    if (!head->id && !journals->empty()) {
      auto guessed = guessed_head(reader, kind, scope, *journals);
      if (!guessed) return fail(Code::corrupt, "the head of the journal of " + scope.prefix + " is missing");
      scope.damage = "the head of the journal of " + scope.prefix + " is missing";
      head = *guessed;
    }
  }
  scope.head = *head;
  for (const auto& journal : *journals)
    if (journal.id != scope.head.id) scope.others.push_back(journal);
  return scope;
}

std::optional<Owner> owner_of(const Reader& reader) {
  auto row = reader.get(agent_owner_key);
  if (!row || !*row) return std::nullopt;
  const auto line = (*row)->find('\n');
  if (line == std::string::npos) return std::nullopt;
  auto node = parse_node_id(std::string_view(**row).substr(line + 1));
  if (!node) return std::nullopt;
  return Owner{(*row)->substr(0, line), *node};
}

bool has_rows(const Reader& reader, std::string_view prefix) {
  bool found = false;
  auto read = reader.scan(prefix, after_prefix(prefix), [&](std::string_view, std::string_view) {
    found = true;
    return false;
  });
  return read.has_value() && found;
}

// ---- folding ---------------------------------------------------------------------------------------------------------------

template <class Event>
Result<void> read_events(const History& history, const Scope& scope, std::uint64_t from, std::uint64_t to,
                         const VisitRecorded<Event>& visit) {
  std::optional<Error> broken;
  auto read = history.records(scope, from, to, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
    auto recorded = decode_recorded<Event>(bytes, sequence, chain);
    if (recorded) return visit(*recorded, bytes);
    broken = unreadable_event(sequence, recorded.error());
    return false;
  });
  if (!read) return read;
  if (broken) return fail(std::move(*broken));
  return {};
}

template <class M>
Result<void> apply_events(const History& history, const Scope& scope, typename M::State& state, std::uint64_t from, std::uint64_t to,
                          const Progressed& progressed) {
  return read_events<typename M::Event>(history, scope, from + 1, to, [&](const Recorded<typename M::Event>& recorded, std::string_view) {
    M::apply(state, recorded);
    if (progressed && recorded.sequence % progress_every_events == 0) progressed(recorded.sequence - from, to - from);
    return true;
  });
}

template <class M, class RowsOf>
Result<typename M::State> fold(const History& history, const Scope& scope, std::uint64_t sequence, const Progressed& progressed) {
  const auto& head = scope.head;
  if (sequence < head.base)
    return fail(Code::not_found, "events up to " + std::to_string(head.base) + " are trimmed: there is no state at " +
                                     std::to_string(sequence) + " any more");
  if (sequence > head.last)
    return fail(Code::not_found, "there is no event " + std::to_string(sequence) + ": the last one is " + std::to_string(head.last));
  typename M::State state;
  if (head.id) {
    auto base = state_at_base<typename M::State, RowsOf>(history.reader(), scope.prefix);
    if (!base) return fail(base.error());
    if (!*base) return fail(Code::corrupt, "the state at event " + std::to_string(head.base) + ", where this journal begins, is not known");
    state = std::move(**base);
  }
  auto done = apply_events<M>(history, scope, state, head.base, sequence, progressed);
  if (!done) return fail(done.error());
  return state;
}

}  // namespace

std::string broken_chain(const Scope& scope, std::uint64_t sequence) {
  return "event " + std::to_string(sequence) + " of journal " + to_hex(scope.head.id) +
         " is not the one that was written: the chain breaks there";
}

Error unreadable_event(std::uint64_t sequence, const Error& why) {
  const bool newer = why.code == Code::unavailable;
  return {newer ? Code::conflict : why.code, "event " + std::to_string(sequence) + " cannot be read" +
                                                 (newer ? ", as it is from a newer version of Abide: " : ": ") + why.message +
                                                 "; the last good event is " + std::to_string(sequence - 1)};
}

std::string_view to_string(Kind kind) {
  return kind == Kind::orchestrator ? "orchestrator" : "agent";
}

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

Result<History> History::open(const std::string& path, const Progressed& progressed, Chains chains) {
  std::error_code failure;
  const auto status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found)
    return fail(Code::not_found, "there is no history at " + path + ": no such file or directory");
  if (failure) return fail(failure == std::errc::permission_denied ? Code::denied : Code::unavailable, path + ": " + failure.message());
  auto source = fs::is_directory(status) ? source_of_directory(path) : source_of_file(path, progressed);
  if (!source) return fail(source.error());
  auto history = of(std::move(source->reader), path, progressed, Chains::as_told);
  if (!history && !source->damage.empty()) return fail(Code::corrupt, source->damage.front());
  if (!history) return fail(history.error());
  history->exported_ = std::move(source->exported);
  history->damage_ = std::move(source->damage);
  if (chains == Chains::followed) history->follow_all(progressed);
  return history;
}

Result<History> History::of(std::shared_ptr<const Reader> reader, std::string path, const Progressed& progressed, Chains chains) {
  History history;
  history.path_ = std::move(path);
  history.reader_ = std::move(reader);
  auto projects = orchestrator::read_projects(*history.reader_);
  if (!projects) return fail(projects.error());
  if (projects->empty() && !has_rows(*history.reader_, agent_prefix))
    return fail(Code::not_found, "there is no history in " + history.path_ + " yet: its store is empty");
  history.kind_ = projects->empty() ? Kind::agent : Kind::orchestrator;
  const auto add = [&](const std::string& name, const std::string& prefix) -> Result<void> {
    auto scope = open_scope(*history.reader_, history.kind_, name, prefix);
    if (!scope) return fail(scope.error());
    history.scopes_.push_back(std::move(*scope));
    return {};
  };
  if (history.kind_ == Kind::agent) {
    history.owner_ = owner_of(*history.reader_);
    if (auto added = add("", std::string(agent_prefix)); !added) return fail(added.error());
  }
  for (const auto& project : *projects) {
    if (auto added = add(project, orchestrator::scope_of_project(project)); !added) return fail(added.error().in("project " + project));
  }
  if (chains == Chains::followed) history.follow_all(progressed);
  return history;
}

void History::follow_all(const Progressed& progressed) {
  for (const auto& scope : scopes_) follow(scope, progressed);
}

void History::follow(const Scope& scope, const Progressed& progressed) {
  put(with(scope, scope.head.id ? follow_chain(*reader_, scope, progressed) : Followed{scope.head.last, scope.head.chain, ""}));
}

Scope History::with(Scope scope, Followed followed) const {
  auto& head = scope.head;
  scope.followed = true;
  if (head.id) {
    if (followed.broken.empty() && head.last > head.base && followed.chain != head.chain && scope.damage.empty() && head.chain)
      followed.broken = "the head of journal " + to_hex(head.id) + " names another chain than its last event has";
    if (!followed.broken.empty()) scope.damage = std::move(followed.broken);
    if (!scope.damage.empty() && scope.damage.find("the last good ") == std::string::npos)
      scope.damage += "; the last good event is " + std::to_string(followed.last);
    head.last = followed.last;
    head.chain = followed.chain;
    head.acked = std::min(head.acked, head.last);
  }
  // Where the store as a whole is damaged it may be whole, and shorter than it was.
  if (!damage_.empty() && scope.damage.empty()) scope.damage = "the last good event is " + std::to_string(head.last);
  return scope;
}

void History::put(Scope scope) {
  const auto place = std::find_if(scopes_.begin(), scopes_.end(), [&](const Scope& one) { return one.prefix == scope.prefix; });
  assert(place != scopes_.end());
  *place = std::move(scope);
}

Result<const Scope*> History::scope(const std::string& project) const {
  if (kind_ == Kind::agent) {
    if (project.empty() || (owner_ && owner_->project == project)) return &scopes_.front();
    return fail(Code::not_found, path_ + " is the history of an agent" + (owner_ ? " of project " + owner_->project : ""));
  }
  if (project.empty() && scopes_.size() == 1) return &scopes_.front();
  std::string names;
  for (const auto& scope : scopes_) {
    if (scope.name == project) return &scope;
    names += (names.empty() ? "" : ", ") + scope.name;
  }
  if (project.empty()) return fail(Code::invalid_input, "there are several projects, name one with --project: " + names);
  return fail(Code::not_found, "there is no project " + project + " in " + path_ + ": there are " + names);
}

std::vector<std::string> History::damage() const {
  auto lines = damage_;
  for (const auto& scope : scopes_) {
    if (!scope.damage.empty()) lines.push_back((scope.name.empty() ? "" : "project " + scope.name + ": ") + scope.damage);
  }
  return lines;
}

Result<void> History::records(const Scope& scope, std::uint64_t from, std::uint64_t to, const Journal::VisitEvent& visit) const {
  if (!scope.head.id) return {};
  const auto last = std::min(to, scope.head.last);
  std::uint64_t seen = 0;
  auto read = Journal::read(*reader_, scope.prefix, scope.head.id, std::max(from, scope.head.base + 1), last,
                            [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                              seen = sequence;
                              return visit(sequence, chain, bytes);
                            });
  // A store reads ahead, into the damage behind the last good event.
  return !read && seen == last ? Result<void>() : read;
}

Result<void> History::events(const Scope& scope, std::uint64_t from, std::uint64_t to,
                             const VisitRecorded<OrchestratorEvent>& visit) const {
  return read_events<OrchestratorEvent>(*this, scope, from, to, visit);
}
Result<void> History::events(const Scope& scope, std::uint64_t from, std::uint64_t to, const VisitRecorded<NodeEvent>& visit) const {
  return read_events<NodeEvent>(*this, scope, from, to, visit);
}

Result<fleet::State> History::fleet_at(const Scope& scope, std::uint64_t sequence, const Progressed& progressed) const {
  return fold<fleet::FleetMachine, fleet::Rows>(*this, scope, sequence, progressed);
}
Result<node::State> History::node_at(const Scope& scope, std::uint64_t sequence, const Progressed& progressed) const {
  return fold<node::UpdateMachine, node::Rows>(*this, scope, sequence, progressed);
}
Result<void> History::go_on(const Scope& scope, fleet::State& state, std::uint64_t from, std::uint64_t to) const {
  return apply_events<fleet::FleetMachine>(*this, scope, state, from, to, {});
}
Result<void> History::go_on(const Scope& scope, node::State& state, std::uint64_t from, std::uint64_t to) const {
  return apply_events<node::UpdateMachine>(*this, scope, state, from, to, {});
}

}  // namespace abide::replay
