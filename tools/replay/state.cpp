// state: what the journal folds to, at any point of it. diff: what changed between two points, field by field.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/hash.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/commands.hpp"
#include "tools/replay/tape.hpp"

namespace abide::replay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t changes_shown_max = 1'000'000;  // rows; more than a fleet has

struct StateOptions {
  HistoryOptions history;
  std::string at = "last";
  std::string node;
};

struct DiffOptions {
  HistoryOptions history;
  std::string from, to = "last";
  std::string node;
};

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const RowFields& fields) {
  Json json = Json::object();
  for (const auto& [name, value] : fields) json[name] = value;
  return json;
}

// Whether a row is about this node: its own, and its runs.
Result<bool> is_of_node(const Reader& rows, const Scope& scope, const RowName& name, const NodeId& node) {
  if (name.kind == "node") return name.id == to_string(node);
  if (name.kind != "run") return false;
  auto run = fleet::read_run(rows, scope.prefix, name.id);
  if (!run) return fail(run.error());
  return *run && (*run)->node == node;
}

// The rows that only lead to others: not shown, as they say nothing.
bool is_index(const RowName& name) {
  return name.kind == "host" || name.kind == "instance";
}

Result<std::optional<NodeId>> wanted_node(const Opened& opened, const std::string& text) {
  if (text.empty()) return std::optional<NodeId>{};
  auto node = find_node(opened, text);
  if (!node) return fail(node.error());
  if (opened.history.kind() == Kind::agent) return std::optional<NodeId>{};  // every row is of this node
  return std::optional(*node);
}

Json place_of(const Opened& opened, std::uint64_t sequence) {
  Json json = Json::object();
  if (opened.history.kind() == Kind::orchestrator) json["project"] = opened.scope().name;
  json["journal"] = to_hex(opened.scope().head.id);
  json["at"] = sequence;
  return json;
}

Result<int> show_state(const StateOptions& options, const Surroundings& around) {
  auto opened = open_history(options.history, around);
  if (!opened) return fail(opened.error());
  auto sequence = find_place(*opened, options.at);
  if (!sequence) return fail(sequence.error());
  auto node = wanted_node(*opened, options.node);
  if (!node) return fail(node.error());
  const auto& scope = opened->scope();
  const auto kind = opened->history.kind();
  std::unique_ptr<Tape> tape;
  {
    ProgressBar bar(around, "folding");
    auto wound = tape_at(opened->history, scope, *sequence, bar.progressed());
    if (!wound) return fail(wound.error());
    tape = std::move(*wound);
  }
  const bool json = options.history.format() == Output::json;
  if (!json)
    *around.out << "state at event " << *sequence << " of journal " << to_hex(scope.head.id)
                << (scope.name.empty() ? "" : " of project " + scope.name) << "\n";
  Json rows = Json::array();
  std::optional<Error> broken;
  const std::string prefix = scope.prefix + "r/";
  auto read = tape->rows().scan(prefix, after_prefix(prefix), [&](std::string_view key, std::string_view) {
    const auto name = name_of_row(scope, key);
    if (is_index(name)) return true;
    if (*node) {
      auto about = is_of_node(tape->rows(), scope, name, **node);
      if (!about) broken = about.error();
      if (!about || !*about) return !broken.has_value();
    }
    auto fields = fields_of_row(tape->rows(), kind, scope, std::string(key));
    if (!fields) {
      broken = fields.error();
      return false;
    }
    if (json) {
      rows.push_back(Json{{"kind", name.kind}, {"id", name.id}, {"fields", json_of(*fields)}});
    } else {
      *around.out << to_string(name) << "\n";
      for (const auto& [field, value] : *fields) *around.out << "  " << field << "=" << value << "\n";
    }
    return true;
  });
  if (!read) return fail(read.error());
  if (broken) return fail(*broken);
  if (json) {
    auto whole = place_of(*opened, *sequence);
    whole["rows"] = std::move(rows);
    *around.out << dump(whole) << "\n";
  }
  return end_of(*opened);
}

// ---- diff --------------------------------------------------------------------------------------------------------------

void print_change(const RowChange& change, std::ostream& out) {
  out << (change.appeared ? "+ " : change.vanished ? "- " : "~ ") << to_string(change.row) << "\n";
  for (const auto& field : change.fields) {
    if (change.appeared)
      out << "    " << field.field << "=" << field.after << "\n";
    else if (change.vanished)
      out << "    " << field.field << "=" << field.before << "\n";
    else
      out << "    " << field.field << ": " << (field.before.empty() ? "-" : field.before) << " -> "
          << (field.after.empty() ? "-" : field.after) << "\n";
  }
}

Json json_of(const RowChange& change) {
  Json fields = Json::array();
  for (const auto& field : change.fields) {
    Json one = Json{{"field", field.field}};
    if (!field.before.empty()) one["before"] = field.before;
    if (!field.after.empty()) one["after"] = field.after;
    fields.push_back(std::move(one));
  }
  return Json{{"kind", change.row.kind},
              {"id", change.row.id},
              {"change", change.appeared   ? "appeared"
                         : change.vanished ? "vanished"
                                           : "changed"},
              {"fields", std::move(fields)}};
}

Result<int> show_diff(const DiffOptions& options, const Surroundings& around) {
  auto opened = open_history(options.history, around);
  if (!opened) return fail(opened.error());
  auto from = find_place(*opened, options.from);
  if (!from) return fail(from.error());
  auto to = find_place(*opened, options.to);
  if (!to) return fail(to.error());
  if (*from > *to) return fail(Code::invalid_input, "--from " + std::to_string(*from) + " comes after --to " + std::to_string(*to));
  auto node = wanted_node(*opened, options.node);
  if (!node) return fail(node.error());
  const auto& scope = opened->scope();
  const auto kind = opened->history.kind();
  ProgressBar bar(around, "folding");
  auto tape = tape_at(opened->history, scope, *from, bar.progressed());
  if (!tape) return fail(tape.error());
  const MemoryStore before((*tape)->rows().content());
  if (auto wound = (*tape)->forward(*to, bar.progressed()); !wound) return fail(wound.error());
  auto changes = compare_rows(before, (*tape)->rows(), kind, scope, changes_shown_max);
  if (!changes) return fail(changes.error());
  Json list = Json::array();
  std::size_t shown = 0;
  if (options.history.format() == Output::table) *around.out << "what changed from event " << *from << " to event " << *to << "\n";
  for (const auto& change : changes->rows) {
    if (is_index(change.row)) continue;
    if (*node) {
      auto about = is_of_node(change.vanished ? before : (*tape)->rows(), scope, change.row, **node);
      if (!about) return fail(about.error());
      if (!*about) continue;
    }
    ++shown;
    if (options.history.format() == Output::json)
      list.push_back(json_of(change));
    else
      print_change(change, *around.out);
  }
  if (options.history.format() == Output::json) {
    auto whole = place_of(*opened, *to);
    whole["from"] = *from;
    whole["changes"] = std::move(list);
    *around.out << dump(whole) << "\n";
  } else if (shown == 0) {
    *around.out << "nothing\n";
  }
  return end_of(*opened);
}

}  // namespace

Command add_state(CLI::App& root) {
  auto* app = root.add_subcommand("state", "what the journal folds to, after any of its events");
  const auto options = std::make_shared<StateOptions>();
  add_history_options(*app, options->history);
  app->add_option("--at", options->at, "a sequence, first, last, or a time: the state after this event")->capture_default_str();
  app->add_option("--node", options->node, "only this node and its runs: UUID, id or name of its host");
  return {app, [options](const Surroundings& around) {
            auto shown = show_state(*options, around);
            return shown ? *shown : complain(around, shown.error());
          }};
}

Command add_diff(CLI::App& root) {
  auto* app = root.add_subcommand("diff", "what changed between two points, field by field");
  const auto options = std::make_shared<DiffOptions>();
  add_history_options(*app, options->history);
  app->add_option("--from", options->from, "a sequence, first, last, or a time")->required();
  app->add_option("--to", options->to, "the same; not before --from")->capture_default_str();
  app->add_option("--node", options->node, "only this node and its runs: UUID, id or name of its host");
  return {app, [options](const Surroundings& around) {
            auto shown = show_diff(*options, around);
            return shown ? *shown : complain(around, shown.error());
          }};
}

}  // namespace abide::replay
