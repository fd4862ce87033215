#include "tools/replay/verify.hpp"

#include <CLI/CLI.hpp>
#include <cassert>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <utility>

#include "common/core/hash.hpp"
#include "common/service/checked_events.hpp"
#include "common/store/base.hpp"
#include "common/store/in_order.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/commands.hpp"
#include "tools/replay/sides.hpp"
#include "tools/replay/told_journals.hpp"

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

std::string named(const NodeId& node, JournalId journal, std::uint64_t sequence) {
  return "event " + std::to_string(sequence) + " of journal " + to_hex(journal) + " of node " + to_string(node);
}

// A stored event of a node: the next of its journal, with the chain that its bytes make. Empty: it is.
std::string check_stored(const CheckedEvent<OrchestratorEvent>& event, const NodeEventStored& stored, ToldJournals& journals) {
  const auto where = [&] {
    return "event " + std::to_string(event.sequence) + " holds " + named(stored.node, stored.journal, stored.sequence);
  };
  auto& journal = journals.of(stored.node, stored.journal);
  if (!journal.known) {
    journal.chain = chain_start(stored.journal);
    journal.known = true;
  }
  std::string wrong;
  const auto& place = event.inner;
  if (stored.sequence != journal.upto + 1)
    wrong = where() + ", where " + std::to_string(journal.upto + 1) + " was the next";
  else if (place.journal != stored.journal || place.sequence != stored.sequence)
    wrong = where() + ", whose bytes say journal " + to_hex(place.journal) + " and sequence " + std::to_string(place.sequence);
  else if (place.after != journal.chain || !event.inner_holds)
    wrong = where() + ", which does not follow by its chain from the one before";
  journal.upto = stored.sequence;
  journal.chain = stored.chain;
  return wrong;
}

void begin_journal(ToldJournals& journals, const NodeId& node, JournalId id, std::uint64_t upto, Chain chain) {
  auto& journal = journals.of(node, id);
  journal.upto = upto;
  journal.chain = chain;
  journal.known = true;
}

void note_delivery(const OrchestratorEvent& event, ToldJournals& journals) {
  if (const auto* adopted = std::get_if<JournalAdopted>(&event))
    begin_journal(journals, adopted->node, adopted->journal, adopted->base, adopted->base_chain);
  if (const auto* gap = std::get_if<GapNoted>(&event)) begin_journal(journals, gap->node, gap->journal, gap->upto, gap->chain);
}

// What was stored before the base of a journal is in the state there.
ToldJournals journals_of(const fleet::State& state) {
  ToldJournals journals;
  for (const auto& [id, node] : state.nodes) {
    for (const auto& retired : node.retired) begin_journal(journals, id, retired.journal, retired.upto, retired.chain);
    if (node.journal) begin_journal(journals, id, node.journal, node.upto, node.chain);
  }
  return journals;
}

void check_node_rows(const History& history, const Scope& scope, const ToldJournals& journals, Verdict& verdict) {
  auto read = fleet::scan_nodes(history.reader(), scope.prefix, [&](fleet::Node&& node) {
    ++verdict.nodes;
    if (!node.journal) return true;
    const auto* found = journals.find(node.id, node.journal);
    const auto told = found == nullptr ? ToldJournals::Told{} : *found;
    if ((told.upto != node.upto || (told.known && told.chain != node.chain)) && verdict.findings.size() < differences_shown_max)
      verdict.findings.push_back("node " + to_string(node.id) + ": its row says that journal " + to_hex(node.journal) +
                                 " is stored up to " + std::to_string(node.upto) + " with chain " + to_hex(node.chain) +
                                 ", and the stored events end at " + std::to_string(told.upto) + " with chain " + to_hex(told.chain));
    return true;
  });
  if (!read) verdict.findings.push_back("rows of nodes: " + read.error().message);
}

// ---- one pass over the journal ---------------------------------------------------------------------------------------------

// The fold of a scope, wound forward by events that are checked already, and at its end the rows.
template <class Side>
class Fold {
 public:
  using Event = typename Side::Machine::Event;

  // corrupt: the state at the base is not known.
  Result<void> begin(const History& history, const Scope& scope) {
    prefix_ = scope.prefix;
    auto state = Side::at(history, scope, scope.head.base);
    if (!state) return fail(state.error());
    state_.emplace(std::move(*state));
    auto there = rows_at_base<typename Side::Rows>(history.reader(), scope.prefix, scope.prefix, rows_);
    return there ? Result<void>() : fail(there.error());
  }
  void expect(const Event& event) const { expect_event<typename Side::Machine>(*state_, event); }
  void apply(const Recorded<Event>& recorded) { Side::Machine::apply(*state_, recorded); }
  // What all events together have changed: a row that many of them touch is made once.
  void save() {
    if (!state_) return;
    Batch batch;
    Side::Rows::save(*state_, batch, prefix_);
    const auto done = rows_.commit(std::move(batch));
    assert(done);  // a store in memory that nobody told to fail
  }
  void forget_state() { state_.reset(); }
  [[nodiscard]] const typename Side::State& state() const { return *state_; }
  [[nodiscard]] const MemoryStore& rows() const { return rows_; }

 private:
  std::string prefix_;
  std::optional<typename Side::State> state_;
  MemoryStore rows_;
};

template <class Side>
class Pass {
 public:
  using Event = typename Side::Machine::Event;
  static constexpr bool of_fleet = std::is_same_v<Side, FleetSide>;

  Pass(const History& history, const Scope& scope) : history_(history), scope_(scope) {}

  // Findings go into the verdict, but for those of nodes' journals, which come after others.
  Result<void> run(Verdict& verdict, const Progressed& progressed) {
    if (auto begun = fold_.begin(history_, scope_); !begun) {
      if (begun.error().code != Code::corrupt) return begun;
      unfounded_ = true;
      broken_ = begun.error();
    } else if constexpr (of_fleet) {
      if (scope_.head.base != 0) journals_ = journals_of(fold_.state());
    }
    Followed followed{scope_.head.base, scope_.head.base_chain, ""};
    const JournalToCheck journal{history_.reader(), scope_.prefix, scope_.head, &scope_.without_secret, of_fleet};
    auto read = checked_events<Event>(
        journal, [&](const Event& event) { expect(event); },
        [&](const CheckedEvent<Event>& event) {
          if (!event.chain_holds) {
            followed.broken = broken_chain(scope_, event.sequence);
            return false;
          }
          followed.last = event.sequence;
          followed.chain = event.chain;
          if (progressed && event.sequence % progress_every_events == 0)
            progressed(event.sequence - scope_.head.base, scope_.head.last - scope_.head.base);
          return broken_ || take(event, verdict);
        });
    if (broken_ && broken_->code != Code::corrupt) return fail(*broken_);
    const bool at_known_end = scope_.followed && followed.last == scope_.head.last;  // a store reads ahead, into the damage behind
    if (!read && !at_known_end) followed.broken = read.error().message;
    verdict.scope = history_.with(scope_, std::move(followed));
    fold_.save();
    return {};
  }
  [[nodiscard]] const std::optional<Error>& broken() const { return broken_; }
  [[nodiscard]] bool unfounded() const { return unfounded_; }  // no event could be folded
  [[nodiscard]] const MemoryStore& rows() const { return fold_.rows(); }
  void forget_state() { fold_.forget_state(); }
  [[nodiscard]] const ToldJournals& journals() const { return journals_; }
  [[nodiscard]] std::vector<std::string>& told_wrong() { return told_wrong_; }

 private:
  static constexpr std::uint64_t progress_every_events = 1024;

  void expect(const Event& event) const {
    if (broken_) return;
    fold_.expect(event);
    if constexpr (of_fleet)
      if (const auto* stored = std::get_if<NodeEventStored>(&event)) journals_.expect(stored->node, stored->journal);
  }
  bool take(const CheckedEvent<Event>& event, Verdict& verdict) {
    if (event.error) {
      broken_ = unreadable_event(event.sequence, *event.error);
      return broken_->code == Code::corrupt;  // the chain goes on
    }
    fold_.apply(event.recorded);
    if constexpr (of_fleet) {
      const auto& what = event.recorded.event;
      note_delivery(what, journals_);
      if (const auto* stored = std::get_if<NodeEventStored>(&what)) {
        ++verdict.node_events;
        auto wrong = check_stored(event, *stored, journals_);
        if (!wrong.empty() && told_wrong_.size() < differences_shown_max) told_wrong_.push_back(std::move(wrong));
      }
    }
    return true;
  }

  const History& history_;
  const Scope& scope_;
  Fold<Side> fold_;
  ToldJournals journals_;
  std::optional<Error> broken_;  // why the fold ended before the journal
  bool unfounded_ = false;
  std::vector<std::string> told_wrong_;
};

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

template <class Side>
Result<Verdict> verify_side(const History& history, const Scope& scope, const Progressed& progressed) {
  Verdict verdict;
  verdict.scope = scope;
  verdict.base = scope.head.base;
  verdict.told_last = scope.told_last;
  verdict.without_secret = scope.without_secret.size();
  if (!scope.head.id) {
    if (!scope.damage.empty()) verdict.findings.push_back(scope.damage);
    return verdict;
  }
  Pass<Side> pass(history, scope);
  if (auto run = pass.run(verdict, progressed); !run) return fail(run.error());
  const auto& found = verdict.scope;
  verdict.events = found.head.last - found.head.base;
  if (!found.damage.empty()) verdict.findings.push_back(found.damage);
  if (pass.broken()) verdict.findings.push_back(pass.broken()->message);
  if (pass.unfounded()) return verdict;
  const bool whole = found.damage.empty() && !pass.broken();
  if (whole) {
    std::optional<Result<RowChanges>> compared;
    both([&] { pass.forget_state(); },  // of a large fleet that is work, too
         [&] { compared = compare_rows(pass.rows(), history.reader(), history.kind(), found, differences_shown_max); });
    const auto& changes = *compared;
    if (!changes) return fail(changes.error());
    verdict.rows = changes->compared;
    verdict.rows_differing = changes->differing;
    for (const auto& change : changes->rows) verdict.findings.push_back(words_of(change));
  }
  check_others(history, found, verdict);
  for (auto& wrong : pass.told_wrong()) verdict.findings.push_back(std::move(wrong));
  if constexpr (Pass<Side>::of_fleet) {
    verdict.node_journals = pass.journals().size();
    if (whole) check_node_rows(history, found, pass.journals(), verdict);
  }
  return verdict;
}

Json json_of(Kind kind, const Verdict& verdict) {
  const auto& scope = verdict.scope;
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

void print_verdict(Kind kind, const Verdict& verdict, std::ostream& out) {
  const auto& scope = verdict.scope;
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
  auto opened = History::open(options.history.path, bar.progressed(), Chains::as_told);
  if (!opened) return fail(opened.error());
  history.emplace(std::move(*opened));
  const Scope* only = nullptr;
  if (history->kind() == Kind::orchestrator && !options.history.project.empty()) {
    auto scope = history->scope(options.history.project);
    if (!scope) return fail(scope.error());
    only = *scope;
  }
  Json scopes = Json::array();
  bool holds = true;
  for (const auto& scope : history->scopes()) {
    if (only != nullptr && only != &scope) {
      history->follow(scope, bar.progressed());  // damage anywhere is told
      continue;
    }
    auto verdict = verify(*history, scope, bar.progressed());
    if (!verdict) return fail(verdict.error());
    history->put(verdict->scope);
    holds = holds && verdict->holds();
    if (options.history.format() == Output::json)
      scopes.push_back(json_of(history->kind(), *verdict));
    else
      print_verdict(history->kind(), *verdict, *around.out);
  }
  holds = holds && history->damage().empty();
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
  return history.kind() == Kind::orchestrator ? verify_side<FleetSide>(history, scope, progressed)
                                              : verify_side<NodeSide>(history, scope, progressed);
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
