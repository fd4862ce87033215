#pragma once
// What an orchestrator or an agent has lived through, opened for reading: a state directory, also while its owner runs (no
// lock is taken, nothing is written), or an exported file (docs/export-format.md). What is seen stands still; later events
// of a running owner show when it is opened again. One thread.
//
// Damage does not end it: `Scope::head.last` is the last good event, and all that reads or folds goes up to there.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/ids.hpp"
#include "common/core/machine.hpp"
#include "common/core/result.hpp"
#include "common/events/node_events.hpp"
#include "common/events/orchestrator_events.hpp"
#include "common/store/export_file.hpp"
#include "common/store/journal.hpp"
#include "common/store/store.hpp"
#include "edge-agent/update/machine.hpp"
#include "orchestrator/fleet/state.hpp"

namespace abide::replay {

enum class Kind { orchestrator, agent };
std::string_view to_string(Kind kind);

// A journal that stayed behind under its id when a new one began (protocol: a fork). Nothing folds over it.
struct OtherJournal {
  JournalId id;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// One journal with its rows: a project of an orchestrator, or an agent's own.
struct Scope {
  std::string name;                        // the project; of an agent empty
  std::string prefix;                      // of its keys: "plant/", "node/"
  JournalHead head;                        // `last` and `chain` are those of the last good event
  std::uint64_t told_last = 0;             // what the store's own head says; 0 where that cannot be read
  std::string damage;                      // empty: none. Else what is wrong behind head.last, in one line
  std::set<std::uint64_t> without_secret;  // events of an export whose secret was left out: their chain is as told
  std::vector<OtherJournal> others;
  bool followed = false;  // the chain is known to hold up to head.last
};

// How far the chain of a scope's journal holds.
struct Followed {
  std::uint64_t last = 0;  // the last good event
  Chain chain;             // with it
  std::string broken;      // empty: it holds to the end. Else how it breaks behind `last`
};

// Told how far something long is: `done` of `total`.
using Progressed = std::function<void(std::uint64_t done, std::uint64_t total)>;

template <class Event>
using VisitRecorded = std::function<bool(const Recorded<Event>& recorded, std::string_view bytes)>;

// Whose an agent's store is.
struct Owner {
  std::string project;
  NodeId node;
};

// Whether chains are followed when a history is opened, which reads all of it.
enum class Chains { followed, as_told };

class History {
 public:
  // Checks every chain. Damage within is no failure: see Scope::damage and damage().
  //   not_found      nothing there, or no store in the directory
  //   invalid_input  something else is there: another program's database, another kind of file
  //   conflict       of a newer version
  //   denied         no right to read it
  //   corrupt        so damaged that no event can be read
  // With Chains::as_told its scopes end where their heads say, whatever lies there: for who follows the chains while it does
  // something else, or by follow().
  static Result<History> open(const std::string& path, const Progressed& progressed = {}, Chains chains = Chains::followed);
  // Of rows in memory, as load_export gives them.
  static Result<History> of(std::shared_ptr<const Reader> reader, std::string path, const Progressed& progressed = {},
                            Chains chains = Chains::followed);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Reader& reader() const { return *reader_; }
  [[nodiscard]] const std::vector<Scope>& scopes() const { return scopes_; }
  // The scope of a project; "": the only one. invalid_input: there are several, it names them; not_found.
  [[nodiscard]] Result<const Scope*> scope(const std::string& project) const;
  [[nodiscard]] const std::optional<Owner>& owner() const { return owner_; }               // of an agent's history
  [[nodiscard]] const std::optional<ExportHeader>& exported() const { return exported_; }  // of a file: its header
  // Lines for people on what is damaged; none: nothing. Of all, and of store or file as a whole.
  [[nodiscard]] std::vector<std::string> damage() const;
  [[nodiscard]] const std::vector<std::string>& store_damage() const { return damage_; }

  // A scope as it is with what was found of its chain.
  [[nodiscard]] Scope with(Scope scope, Followed followed) const;
  // Puts what `with` gave in the place of the scope of the same keys.
  void put(Scope scope);
  // What open() does of itself.
  void follow(const Scope& scope, const Progressed& progressed = {});

  // Events in [from, to], cut to those that are there. conflict: a newer version's event, which is named.
  Result<void> records(const Scope& scope, std::uint64_t from, std::uint64_t to, const Journal::VisitEvent& visit) const;
  Result<void> events(const Scope& scope, std::uint64_t from, std::uint64_t to, const VisitRecorded<OrchestratorEvent>& visit) const;
  Result<void> events(const Scope& scope, std::uint64_t from, std::uint64_t to, const VisitRecorded<NodeEvent>& visit) const;

  // The state after event `sequence`. not_found: it is trimmed, or later than the last one.
  Result<fleet::State> fleet_at(const Scope& scope, std::uint64_t sequence, const Progressed& progressed = {}) const;
  Result<node::State> node_at(const Scope& scope, std::uint64_t sequence, const Progressed& progressed = {}) const;
  // Takes a state that stands after event `from` on to `to`.
  Result<void> go_on(const Scope& scope, fleet::State& state, std::uint64_t from, std::uint64_t to) const;
  Result<void> go_on(const Scope& scope, node::State& state, std::uint64_t from, std::uint64_t to) const;

 private:
  History() = default;
  void follow_all(const Progressed& progressed);

  Kind kind_ = Kind::orchestrator;
  std::string path_;
  std::shared_ptr<const Reader> reader_;
  std::vector<Scope> scopes_;
  std::optional<Owner> owner_;
  std::optional<ExportHeader> exported_;
  std::vector<std::string> damage_;  // of the store or the file as a whole
};

// In which words an event is told that breaks the chain, and one that cannot be read: conflict where it is of a newer version.
std::string broken_chain(const Scope& scope, std::uint64_t sequence);
Error unreadable_event(std::uint64_t sequence, const Error& why);

// An event's node, if it is about one; an agent's events are about its owner.
std::optional<NodeId> node_of(const OrchestratorEvent& event);

}  // namespace abide::replay
