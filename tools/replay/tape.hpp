#pragma once
// A state with its rows that is wound forward over a history, event by event; and rows as people read them. The same for
// orchestrators and agents. One thread.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/result.hpp"
#include "common/store/memory_store.hpp"
#include "common/store/store.hpp"
#include "tools/replay/history.hpp"

namespace abide::replay {

class Tape {
 public:
  virtual ~Tape() = default;
  // Stands at the base of the scope's journal. History and scope must outlive it. corrupt: the state there is not known.
  static Result<std::unique_ptr<Tape>> at_base(const History& history, const Scope& scope);

  // To a later event; not_found where there is none such. corrupt, conflict: stands at the last event that could be read.
  virtual Result<void> forward(std::uint64_t to, const Progressed& progressed = {}) = 0;
  [[nodiscard]] virtual std::uint64_t at() const = 0;
  // The rows of the state: keys as in the store.
  [[nodiscard]] virtual const MemoryStore& rows() const = 0;
  // The whole state as one value, as a journal that begins here has it.
  [[nodiscard]] virtual Result<std::string> snapshot() const = 0;
};

// A tape that stands at `sequence`.
Result<std::unique_ptr<Tape>> tape_at(const History& history, const Scope& scope, std::uint64_t sequence,
                                      const Progressed& progressed = {});

// ---- rows --------------------------------------------------------------------------------------------------------------

struct RowName {
  std::string kind;  // "node", "run", "policy", ...; of an agent "state"
  std::string id;    // UUID, resource id; empty: there is one only
  friend bool operator==(const RowName&, const RowName&) = default;
};
RowName name_of_row(const Scope& scope, std::string_view key);
std::string to_string(const RowName& name);  // "node 1c0ffee0-..."

using RowFields = std::vector<std::pair<std::string, std::string>>;
// Names and values of a row, as in lines; never a secret. Empty: the row is not there. corrupt.
Result<RowFields> fields_of_row(const Reader& reader, Kind kind, const Scope& scope, const std::string& key);

struct FieldChange {
  std::string field;
  std::string before;  // empty: not there
  std::string after;
};
struct RowChange {
  RowName row;
  bool appeared = false;
  bool vanished = false;
  std::vector<FieldChange> fields;
};
// What differs between the rows of a scope in two readers, in the order of their keys; at most `most` rows.
struct RowChanges {
  std::vector<RowChange> rows;
  std::size_t differing = 0;  // of all
  std::size_t compared = 0;   // rows that either has
};
Result<RowChanges> compare_rows(const MemoryStore& before, const Reader& after, Kind kind, const Scope& scope, std::size_t most);

}  // namespace abide::replay
