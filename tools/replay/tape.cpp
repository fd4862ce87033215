#include "tools/replay/tape.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "common/core/hash.hpp"
#include "common/events/field_list.hpp"
#include "common/store/base.hpp"
#include "edge-agent/rows.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/sides.hpp"
// After the states: lists of their fields, found beside them.
#include "edge-agent/row_fields.hpp"
#include "orchestrator/row_fields.hpp"

namespace abide::replay {
namespace {

constexpr std::uint64_t piece_events = 1024;  // between two looks at the progress

template <class Side>
class TapeOf final : public Tape {
 public:
  TapeOf(const History& history, const Scope& scope, typename Side::State state)
      : history_(history), scope_(scope), state_(std::move(state)), at_(scope.head.base) {}

  // The rows of the state at the base, before the first forward().
  Result<void> begin() {
    if (!scope_.head.id) return {};
    auto there = rows_at_base<typename Side::Rows>(history_.reader(), scope_.prefix, scope_.prefix, rows_);
    return there ? Result<void>() : fail(there.error());
  }

  Result<void> forward(std::uint64_t to, const Progressed& progressed) override {
    if (to > scope_.head.last)
      return fail(Code::not_found, "there is no event " + std::to_string(to) + ": the last one is " + std::to_string(scope_.head.last));
    const auto from = at_;
    Batch batch;
    auto read = history_.events(scope_, at_ + 1, to, [&](const Recorded<typename Side::Machine::Event>& recorded, std::string_view) {
      Side::Machine::apply(state_, recorded);
      at_ = recorded.sequence;
      if (at_ % events_per_save == 0) save(batch);
      if (progressed && at_ % piece_events == 0) progressed(at_ - from, to - from);
      return true;
    });
    save(batch);
    return read;
  }
  [[nodiscard]] std::uint64_t at() const override { return at_; }
  [[nodiscard]] const MemoryStore& rows() const override { return rows_; }
  [[nodiscard]] Result<std::string> snapshot() const override { return Side::snapshot(state_, rows_, scope_.prefix); }

 private:
  // As a commit of many events does it: what they have touched, as it is after the last of them.
  void save(Batch& batch) {
    Side::Rows::save(state_, batch, scope_.prefix);
    const auto done = rows_.commit(batch);
    assert(done);  // a store in memory that nobody told to fail
    batch.clear();
  }

  const History& history_;
  const Scope& scope_;
  typename Side::State state_;
  std::uint64_t at_;
  MemoryStore rows_;
};

template <class Side>
Result<std::unique_ptr<Tape>> make_tape(const History& history, const Scope& scope) {
  auto state = Side::at(history, scope, scope.head.base);
  if (!state) return fail(state.error());
  auto tape = std::make_unique<TapeOf<Side>>(history, scope, std::move(*state));
  if (auto begun = tape->begin(); !begun) return fail(begun.error());
  return std::unique_ptr<Tape>(std::move(tape));
}

template <class T>
Result<RowFields> listed_row(const Result<std::optional<T>>& row) {
  if (!row) return fail(row.error());
  RowFields result;
  if (!*row) return result;
  for (auto& field : listed(**row)) result.emplace_back(std::move(field.name), std::move(field.value));
  return result;
}

Result<RowFields> project_row(const Reader& reader, const Scope& scope) {
  auto project = fleet::read_project(reader, scope.prefix);
  if (!project) return fail(project.error());
  RowFields result;
  if (!*project) return result;
  result.emplace_back("project", (*project)->project);
  result.emplace_back("journal", to_hex((*project)->journal));
  result.emplace_back("last", std::to_string((*project)->last));
  result.emplace_back("epoch", std::to_string((*project)->epoch));
  result.emplace_back("revision", std::to_string((*project)->revision));
  return result;
}

Result<RowFields> node_state_row(const Reader& reader, const Scope& scope, const std::string& key) {
  auto row = reader.get(key);
  if (!row) return fail(row.error());
  if (!*row) return RowFields{};
  auto state = node::Rows::load(reader, scope.prefix);
  if (!state) return fail(state.error());
  return listed_row(Result<std::optional<node::State>>(std::optional(std::move(*state))));
}

RowChange change_of(RowName name, const RowFields& before, const RowFields& after, bool had, bool has) {
  RowChange change;
  change.row = std::move(name);
  change.appeared = !had;
  change.vanished = !has;
  std::map<std::string_view, std::string_view> old;
  for (const auto& [field, value] : before) old.emplace(field, value);
  for (const auto& [field, value] : after) {
    const auto found = old.find(field);
    if (found == old.end()) {
      change.fields.push_back({field, "", value});
    } else {
      if (found->second != value) change.fields.push_back({field, std::string(found->second), value});
      old.erase(found);
    }
  }
  for (const auto& [field, value] : before)
    if (old.contains(field)) change.fields.push_back({field, value, ""});
  return change;
}

}  // namespace

Result<std::unique_ptr<Tape>> Tape::at_base(const History& history, const Scope& scope) {
  return history.kind() == Kind::orchestrator ? make_tape<FleetSide>(history, scope) : make_tape<NodeSide>(history, scope);
}

Result<std::unique_ptr<Tape>> tape_at(const History& history, const Scope& scope, std::uint64_t sequence, const Progressed& progressed) {
  if (sequence < scope.head.base)
    return fail(Code::not_found, "events up to " + std::to_string(scope.head.base) + " are trimmed: there is no state at " +
                                     std::to_string(sequence) + " any more");
  auto tape = Tape::at_base(history, scope);
  if (!tape) return fail(tape.error());
  if (auto done = (*tape)->forward(sequence, progressed); !done) return fail(done.error());
  return tape;
}

RowName name_of_row(const Scope& scope, std::string_view key) {
  key.remove_prefix(std::min(key.size(), scope.prefix.size() + 2));  // "r/"
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return {std::string(key), ""};
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

std::string to_string(const RowName& name) {
  return name.id.empty() ? name.kind : name.kind + " " + name.id;
}

Result<RowFields> fields_of_row(const Reader& reader, Kind kind, const Scope& scope, const std::string& key) {
  const auto name = name_of_row(scope, key);
  if (kind == Kind::agent) return node_state_row(reader, scope, key);
  if (name.kind == "project") return project_row(reader, scope);
  if (name.kind == "node") {
    auto node = parse_node_id(name.id);
    if (!node) return fail(Code::corrupt, "row " + key + " is of no node");
    return listed_row(fleet::read_node(reader, scope.prefix, *node));
  }
  if (name.kind == "os") return listed_row(fleet::read_os_resource(reader, scope.prefix, name.id));
  if (name.kind == "policy") return listed_row(fleet::read_policy(reader, scope.prefix, name.id));
  if (name.kind == "schedule") return listed_row(fleet::read_schedule(reader, scope.prefix, name.id));
  if (name.kind == "source") return listed_row(fleet::read_source(reader, scope.prefix, name.id));
  if (name.kind == "run") return listed_row(fleet::read_run(reader, scope.prefix, name.id));
  auto row = reader.get(key);  // host, instance: the node's UUID as text
  if (!row) return fail(row.error());
  RowFields result;
  if (*row) result.emplace_back("node", **row);
  return result;
}

Result<RowChanges> compare_rows(const MemoryStore& before, const Reader& after, Kind kind, const Scope& scope, std::size_t most) {
  RowChanges changes;
  struct Differing {
    std::string key;
    bool had, has;
  };
  std::vector<Differing> differing;  // the first `most`
  auto read = before.beside(after, scope.prefix + "r/", [&](std::string_view key, const std::string* old, const std::string_view* now) {
    ++changes.compared;
    if (old != nullptr && now != nullptr && *old == *now) return;
    ++changes.differing;
    if (differing.size() < most) differing.push_back({std::string(key), old != nullptr, now != nullptr});
  });
  if (!read) return fail(read.error());
  for (const auto& [key, had, has] : differing) {
    auto left = fields_of_row(before, kind, scope, key);
    auto right = fields_of_row(after, kind, scope, key);
    auto change = change_of(name_of_row(scope, key), left.value_or(RowFields{}), right.value_or(RowFields{}), had, has);
    if (!left) change.fields.insert(change.fields.begin(), {"(row)", "cannot be read: " + left.error().message, ""});
    if (!right) change.fields.insert(change.fields.begin(), {"(row)", "", "cannot be read: " + right.error().message});
    changes.rows.push_back(std::move(change));
  }
  return changes;
}

}  // namespace abide::replay
