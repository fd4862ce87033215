#include "tools/replay/verify.hpp"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/commands.hpp"

namespace abide::replay {
namespace {

using Json = nlohmann::ordered_json;

std::string shown(const std::string& value) {
  return value.empty() ? "nothing" : "\"" + value + "\"";
}

std::string words_of(const RowChange& change) {
  const auto row = "row " + to_string(change.row);
  if (change.appeared) return row + " is in the store, but the journal folds to none";
  if (change.vanished) return row + " is missing in the store, though the journal folds to one";
  if (change.fields.empty()) return row + ": bytes differ in what is not shown (a secret, or the list of refused nodes)";
  const auto& field = change.fields.front();
  std::string text =
      row + ": " + field.field + " is " + shown(field.after) + " in the store, and " + shown(field.before) + " by the journal";
  if (change.fields.size() > 1) text += ", and " + std::to_string(change.fields.size() - 1) + " more fields differ";
  return text;
}

// ---- what nodes told -----------------------------------------------------------------------------------------------------

struct NodeJournal {
  std::uint64_t upto = 0;
  Chain chain;
  bool known = false;  // begun by JournalAdopted, or by its first event
};
using NodeJournals = std::map<std::pair<NodeId, JournalId>, NodeJournal>;

std::string named(const NodeId& node, JournalId journal, std::uint64_t sequence) {
  return "event " + std::to_string(sequence) + " of journal " + to_hex(journal) + " of node " + to_string(node);
}

// A stored event of a node: the next of its journal, with the chain that its bytes make.
std::string check_stored(const Recorded<OrchestratorEvent>& recorded, const NodeEventStored& stored, NodeJournals& journals) {
  const auto where = "event " + std::to_string(recorded.sequence) + " holds " + named(stored.node, stored.journal, stored.sequence);
  auto& journal = journals[{stored.node, stored.journal}];
  if (!journal.known) journal = {0, chain_start(stored.journal), true};
  const auto envelope = decode_node_event(stored.envelope);
  if (!envelope) return where + ", whose bytes cannot be read: " + envelope.error().message;
  std::string wrong;
  if (stored.sequence != journal.upto + 1)
    wrong = where + ", where " + std::to_string(journal.upto + 1) + " was the next";
  else if (envelope->journal != stored.journal || envelope->sequence != stored.sequence)
    wrong = where + ", whose bytes say journal " + to_hex(envelope->journal) + " and sequence " + std::to_string(envelope->sequence);
  else if (envelope->after != journal.chain || chain_after(journal.chain, stored.envelope) != stored.chain)
    wrong = where + ", which does not follow by its chain from the one before";
  journal.upto = stored.sequence;
  journal.chain = stored.chain;
  return wrong;
}

void note_delivery(const OrchestratorEvent& event, NodeJournals& journals) {
  if (const auto* adopted = std::get_if<JournalAdopted>(&event))
    journals[{adopted->node, adopted->journal}] = {adopted->base, adopted->base_chain, true};
  if (const auto* gap = std::get_if<GapNoted>(&event)) journals[{gap->node, gap->journal}] = {gap->upto, gap->chain, true};
}

void check_node_rows(const History& history, const Scope& scope, const NodeJournals& journals, Verdict& verdict) {
  auto read = fleet::scan_nodes(history.reader(), scope.prefix, [&](fleet::Node&& node) {
    ++verdict.nodes;
    if (!node.journal) return true;
    const auto found = journals.find({node.id, node.journal});
    const NodeJournal told = found == journals.end() ? NodeJournal{} : found->second;
    if ((told.upto != node.upto || (told.known && told.chain != node.chain)) && verdict.findings.size() < differences_shown_max)
      verdict.findings.push_back("node " + to_string(node.id) + ": its row says that journal " + to_hex(node.journal) +
                                 " is stored up to " + std::to_string(node.upto) + " with chain " + to_hex(node.chain) +
                                 ", and the stored events end at " + std::to_string(told.upto) + " with chain " + to_hex(told.chain));
    return true;
  });
  if (!read) verdict.findings.push_back("rows of nodes: " + read.error().message);
}

Result<void> check_nodes(const History& history, const Scope& scope, Verdict& verdict) {
  NodeJournals journals;
  if (scope.head.base != 0) {  // a part of a history: what was stored before is in its state
    auto base = history.fleet_at(scope, scope.head.base);
    if (!base) return fail(base.error());
    for (const auto& [id, node] : base->nodes) {
      for (const auto& retired : node.retired) journals[{id, retired.journal}] = {retired.upto, retired.chain, true};
      if (node.journal) journals[{id, node.journal}] = {node.upto, node.chain, true};
    }
  }
  std::size_t told = 0;
  auto read = history.events(scope, 1, scope.head.last,
                             VisitRecorded<OrchestratorEvent>([&](const Recorded<OrchestratorEvent>& recorded, std::string_view) {
                               note_delivery(recorded.event, journals);
                               const auto* stored = std::get_if<NodeEventStored>(&recorded.event);
                               if (stored == nullptr) return true;
                               ++verdict.node_events;
                               auto wrong = check_stored(recorded, *stored, journals);
                               if (!wrong.empty() && ++told <= differences_shown_max) verdict.findings.push_back(std::move(wrong));
                               return true;
                             }));
  verdict.node_journals = journals.size();
  if (!read) return read;
  if (scope.damage.empty()) check_node_rows(history, scope, journals, verdict);
  return {};
}

// Journals that stayed behind: no rows come of them, but their chains must hold, too.
void check_others(const History& history, const Scope& scope, Verdict& verdict) {
  for (const auto& journal : scope.others) {
    std::optional<Chain> before;
    std::string wrong;
    auto read = Journal::read(history.reader(), scope.prefix, journal.id, journal.first, journal.last,
                              [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
                                const auto envelope = decode(bytes);
                                if (envelope && !before) before = envelope->after;
                                if (!envelope || chain_after(*before, bytes) != chain)
                                  wrong = "event " + std::to_string(sequence) + " of journal " + to_hex(journal.id) +
                                          ", which stayed behind, is not the one that was written";
                                before = chain;
                                return wrong.empty();
                              });
    if (!read) wrong = read.error().message;
    if (!wrong.empty()) verdict.findings.push_back(std::move(wrong));
  }
}

Json json_of(const Scope& scope, Kind kind, const Verdict& verdict) {
  Json json = Json::object();
  if (kind == Kind::orchestrator) json["project"] = scope.name;
  json["journal"] = to_hex(scope.head.id);
  json["base"] = verdict.base;
  json["last"] = scope.head.last;
  json["chain"] = to_hex(scope.head.chain);
  json["events"] = verdict.events;
  if (verdict.without_secret != 0) json["withoutSecret"] = verdict.without_secret;
  json["rows"] = verdict.rows;
  json["rowsDiffering"] = verdict.rows_differing;
  if (kind == Kind::orchestrator) {
    json["nodes"] = verdict.nodes;
    json["nodeJournals"] = verdict.node_journals;
    json["nodeEvents"] = verdict.node_events;
  }
  json["findings"] = verdict.findings;
  json["holds"] = verdict.holds();
  return json;
}

void print_verdict(const Scope& scope, Kind kind, const Verdict& verdict, std::ostream& out) {
  const auto name = kind == Kind::orchestrator ? "project " + scope.name : std::string("agent");
  out << name << ": journal " << to_hex(scope.head.id) << ", " << verdict.events << " events";
  if (verdict.base != 0) out << " after " << verdict.base << " trimmed ones";
  if (scope.damage.empty())
    out << ", " << verdict.rows << " rows";
  else
    out << ", rows not compared";  // behind damage, of course they differ
  if (kind == Kind::orchestrator) out << ", " << verdict.node_events << " events of nodes in " << verdict.node_journals << " journals";
  out << "\n";
  if (verdict.without_secret != 0) out << "  without their secret, so with the chain as it was told: " << verdict.without_secret << "\n";
  for (const auto& finding : verdict.findings) out << (finding == scope.damage ? "  DAMAGED: " : "  WRONG: ") << finding << "\n";
  if (verdict.rows_differing > 1) out << "  " << verdict.rows_differing << " rows differ\n";
  if (verdict.holds()) out << "  every chain holds, and the journal folds to the rows\n";
}

struct VerifyOptions {
  HistoryOptions history;
};

Result<int> verify_history(const VerifyOptions& options, const Surroundings& around) {
  std::optional<History> history;
  ProgressBar bar(around, "verifying");
  auto opened = History::open(options.history.path, bar.progressed());
  if (!opened) return fail(opened.error());
  history.emplace(std::move(*opened));
  const Scope* only = nullptr;
  if (history->kind() == Kind::orchestrator && !options.history.project.empty()) {
    auto scope = history->scope(options.history.project);
    if (!scope) return fail(scope.error());
    only = *scope;
  }
  Json scopes = Json::array();
  bool holds = history->damage().empty();
  for (const auto& scope : history->scopes()) {
    if (only != nullptr && only != &scope) continue;
    auto verdict = verify(*history, scope, bar.progressed());
    if (!verdict) return fail(verdict.error());
    holds = holds && verdict->holds();
    if (options.history.format() == Output::json)
      scopes.push_back(json_of(scope, history->kind(), *verdict));
    else
      print_verdict(scope, history->kind(), *verdict, *around.out);
  }
  if (options.history.format() == Output::json) {
    Json whole = Json{{"history", history->path()},
                      {"kind", to_string(history->kind())},
                      {"scopes", std::move(scopes)},
                      {"damage", history->damage()},
                      {"holds", holds}};
    *around.out << whole.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    for (const auto& line : history->store_damage()) *around.out << "DAMAGED: " << line << "\n";
  }
  return !history->damage().empty() ? exit_damaged : holds ? exit_done : exit_failed;
}

}  // namespace

Result<Verdict> verify(const History& history, const Scope& scope, const Progressed& progressed) {
  Verdict verdict;
  verdict.base = scope.head.base;
  verdict.told_last = scope.told_last;
  verdict.events = scope.head.last - scope.head.base;
  verdict.without_secret = scope.without_secret.size();
  if (!scope.damage.empty()) verdict.findings.push_back(scope.damage);
  if (!scope.head.id) return verdict;
  auto tape = Tape::at_base(history, scope);
  if (!tape && tape.error().code == Code::corrupt) {
    verdict.findings.push_back(tape.error().message);
    return verdict;
  }
  if (!tape) return fail(tape.error());
  auto wound = (*tape)->forward(scope.head.last, progressed);
  if (!wound && wound.error().code != Code::corrupt) return fail(wound.error());
  if (!wound) verdict.findings.push_back(wound.error().message);
  if (wound && scope.damage.empty()) {
    auto changes = compare_rows((*tape)->rows(), history.reader(), history.kind(), scope, differences_shown_max);
    if (!changes) return fail(changes.error());
    verdict.rows = changes->compared;
    verdict.rows_differing = changes->differing;
    for (const auto& change : changes->rows) verdict.findings.push_back(words_of(change));
  }
  check_others(history, scope, verdict);
  if (history.kind() == Kind::orchestrator) {
    if (auto checked = check_nodes(history, scope, verdict); !checked && checked.error().code != Code::corrupt)
      return fail(checked.error());
  }
  return verdict;
}

Command add_verify(CLI::App& root) {
  auto* app = root.add_subcommand("verify", "does every chain hold, and does the journal fold to the rows? Says the first difference");
  const auto options = std::make_shared<VerifyOptions>();
  add_history_options(*app, options->history);
  return {app, [options](const Surroundings& around) {
            auto done = verify_history(*options, around);
            return done ? *done : complain(around, done.error());
          }};
}

}  // namespace abide::replay
