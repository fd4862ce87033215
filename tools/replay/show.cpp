// show: the events of a history, one line each, as the log had them.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "common/core/time.hpp"
#include "common/events/codec.hpp"
#include "common/events/fields.hpp"
#include "common/events/print.hpp"
#include "orchestrator/api/events.hpp"
#include "orchestrator/rows.hpp"
#include "tools/replay/commands.hpp"

namespace abide::replay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t follow_every_ms = 1'000;

struct ShowOptions {
  HistoryOptions history;
  std::string node;  // a node's name, or "host": an orchestrator's own events, about no node
  std::string run;
  std::string since, until;
  std::vector<std::string> types;
  std::string journal;
  bool follow = false;
};

struct Filter {
  std::optional<NodeId> node;
  bool own_only = false;        // about no node
  std::optional<Number> offer;  // of the run asked for
  std::string run;
  Bound since, until;
  std::set<std::string, std::less<>> types;

  [[nodiscard]] bool covers(std::uint64_t sequence, std::int64_t at_ms) const {
    if (since.sequence && sequence < *since.sequence) return false;
    if (until.sequence && sequence > *until.sequence) return false;
    if (since.at_ms && at_ms < *since.at_ms) return false;
    return !until.at_ms || at_ms < *until.at_ms;
  }
  [[nodiscard]] std::uint64_t from() const { return since.sequence.value_or(1); }
  [[nodiscard]] std::uint64_t to() const { return until.sequence.value_or(std::numeric_limits<std::uint64_t>::max()); }
};

// Every name of an event there is, so that a misspelt one is no silent emptiness.
std::set<std::string, std::less<>> known_types() {
  std::set<std::string, std::less<>> names;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto add = [&]<class T>() {
      if constexpr (NamesItself<T>) names.emplace(T::name);
    };
    (add.template operator()<std::tuple_element_t<I, PayloadMembers>>(), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<PayloadMembers>>{});
  return names;
}

Result<std::set<std::string, std::less<>>> parse_types(const std::vector<std::string>& given) {
  const auto known = known_types();
  std::set<std::string, std::less<>> types;
  for (const auto& type : given) {
    if (!known.contains(type)) return fail(Code::invalid_input, "there is no event of type " + type);
    types.insert(type);
  }
  return types;
}

// None: it is about no offer.
std::optional<Number> offer_in(const OrchestratorEvent& event) {
  return std::visit(
      []<class T>(const T& what) -> std::optional<Number> {
        if constexpr (std::is_same_v<T, NodeEventStored>) {
          return offer_of(what.event);
        } else if constexpr (std::is_same_v<T, DocumentIssued>) {
          if (what.link) return what.link->offer;
          return std::nullopt;
        } else if constexpr (requires { what.offer; }) {
          return what.offer;
        } else {
          return std::nullopt;
        }
      },
      event);
}

bool matches(const Filter& filter, const Recorded<NodeEvent>& recorded) {
  if (!filter.covers(recorded.sequence, recorded.at_ms)) return false;
  if (!filter.types.empty() && !filter.types.contains(name_of(recorded.event))) return false;
  return !filter.offer || offer_of(recorded.event) == *filter.offer;
}

bool matches(const Filter& filter, const Recorded<OrchestratorEvent>& recorded) {
  if (!filter.covers(recorded.sequence, recorded.at_ms)) return false;
  const auto node = node_of(recorded.event);
  if (filter.own_only && node) return false;
  if (filter.node && node != filter.node) return false;
  if (filter.offer && offer_in(recorded.event) != filter.offer) return false;
  if (filter.types.empty() || filter.types.contains(name_of(recorded.event))) return true;
  const auto* stored = std::get_if<NodeEventStored>(&recorded.event);
  return stored != nullptr && filter.types.contains(name_of(stored->event));
}

// ---- lines -------------------------------------------------------------------------------------------------------------

std::string cause_words(const Cause& cause) {
  if (!cause.request.empty()) return " cause=" + cause.request;
  if (cause.journal) return " cause=" + to_hex(cause.journal) + "/" + std::to_string(cause.sequence);
  return {};
}

std::string time_words(std::int64_t at_ms, bool trusted) {
  return to_rfc3339(at_ms) + (trusted ? "" : "?");
}

std::string line_of(const Recorded<NodeEvent>& recorded) {
  return time_words(recorded.at_ms, recorded.clock_trusted) + " " + std::to_string(recorded.sequence) + " " + print(recorded.event) +
         cause_words(recorded.cause);
}

// A node's event as the node's log had it, then whose it is, and its number and time there.
std::string line_of(const Recorded<OrchestratorEvent>& recorded) {
  const auto* stored = std::get_if<NodeEventStored>(&recorded.event);
  std::string line = time_words(recorded.at_ms, recorded.clock_trusted) + " " + std::to_string(recorded.sequence) + " ";
  if (stored == nullptr) return line + print(recorded.event) + cause_words(recorded.cause);
  return line + print(stored->event) + " node=" + to_string(stored->node) + " told=" + to_hex(stored->journal) + "/" +
         std::to_string(stored->sequence) + " told_at=" + time_words(stored->at_ms, stored->clock_trusted);
}

std::string json_of(const Recorded<NodeEvent>& recorded, const std::optional<Owner>& owner) {
  Json json = Json::object();
  json["sequence"] = recorded.sequence;
  json["at"] = to_rfc3339(recorded.at_ms);
  json["source"] = "node";
  json["type"] = name_of(recorded.event);
  if (owner) json["node"] = to_string(owner->node);
  json["nodeJournal"] = to_hex(recorded.journal);
  json["nodeClockTrusted"] = recorded.clock_trusted;
  if (!recorded.cause.request.empty()) json["cause"] = recorded.cause.request;
  if (recorded.cause.journal) json["cause"] = to_hex(recorded.cause.journal) + "." + std::to_string(recorded.cause.sequence);
  Json& members = json["fields"] = Json::object();
  for (const auto& [name, value] : fields_of(recorded.event)) members[name] = value;
  json["text"] = print(recorded.event);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Names of hosts as they are now, as the API gives them.
class HostNames {
 public:
  HostNames(const Reader& reader, std::string prefix) : reader_(reader), prefix_(std::move(prefix)) {}
  const std::optional<api::HostName>& of(const NodeId& node) {
    auto [known, is_new] = names_.try_emplace(node);
    if (is_new) {
      auto row = fleet::read_node(reader_, prefix_, node);
      if (row && *row) known->second = api::HostName{(*row)->host_id, (*row)->name};
    }
    return known->second;
  }

 private:
  const Reader& reader_;
  std::string prefix_;
  std::map<NodeId, std::optional<api::HostName>> names_;
};

// Everything from `from` on that matches.
Result<void> show_events(const Opened& opened, const Filter& filter, std::uint64_t from, Output output, std::ostream& out) {
  const auto& scope = opened.scope();
  if (opened.history.kind() == Kind::agent)
    return opened.history.events(
        scope, from, filter.to(), VisitRecorded<NodeEvent>([&](const Recorded<NodeEvent>& recorded, std::string_view) {
          if (matches(filter, recorded))
            out << (output == Output::json ? json_of(recorded, opened.history.owner()) : line_of(recorded)) << '\n';
          return out.good();
        }));
  HostNames names(opened.history.reader(), scope.prefix);
  return opened.history.events(scope, from, filter.to(),
                               VisitRecorded<OrchestratorEvent>([&](const Recorded<OrchestratorEvent>& recorded, std::string_view) {
                                 if (!matches(filter, recorded)) return out.good();
                                 if (output == Output::json) {
                                   const auto node = node_of(recorded.event);
                                   out << api::render_event(recorded, node ? names.of(*node) : std::nullopt).json << '\n';
                                 } else {
                                   out << line_of(recorded) << '\n';
                                 }
                                 return out.good();
                               }));
}

// A journal that stayed behind: as far as it can be read.
Result<void> show_other_journal(const Opened& opened, const OtherJournal& journal, const Filter& filter, Output output, std::ostream& out) {
  std::optional<Error> broken;
  auto read = Journal::read(
      opened.history.reader(), opened.scope().prefix, journal.id, journal.first, journal.last,
      [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
        auto envelope = decode(bytes);
        const auto* event = envelope ? std::get_if<NodeEvent>(&envelope->payload) : nullptr;
        if (event == nullptr) {
          broken = Error{Code::corrupt, "event " + std::to_string(sequence) + " of journal " + to_hex(journal.id) +
                                            " cannot be read; the last good event is " + std::to_string(sequence - 1)};
          return false;
        }
        const Recorded<NodeEvent> recorded{envelope->journal,       sequence,          envelope->after, chain, envelope->at_ms,
                                           envelope->clock_trusted, envelope->session, envelope->cause, *event};
        if (matches(filter, recorded))
          out << (output == Output::json ? json_of(recorded, opened.history.owner()) : line_of(recorded)) << '\n';
        return out.good();
      });
  if (!read) return read;
  if (broken) return fail(*broken);
  return {};
}

Result<Filter> settle(const ShowOptions& options, const Opened& opened) {
  Filter filter;
  auto types = parse_types(options.types);
  if (!types) return fail(types.error());
  filter.types = std::move(*types);
  for (const auto& [text, bound] : {std::pair(&options.since, &filter.since), std::pair(&options.until, &filter.until)}) {
    if (text->empty()) continue;
    auto parsed = parse_bound(*text);
    if (!parsed) return fail(parsed.error());
    *bound = *parsed;
  }
  if (options.node == "host" && opened.history.kind() == Kind::orchestrator) {
    filter.own_only = true;
  } else if (!options.node.empty() && options.node != "host") {
    auto node = find_node(opened, options.node);
    if (!node) return fail(node.error());
    filter.node = *node;
  }
  if (options.run.empty()) return filter;
  if (auto offer = parse_number(options.run)) {  // an agent knows no names of runs
    filter.offer = *offer;
    return filter;
  }
  if (opened.history.kind() == Kind::agent)
    return fail(Code::invalid_input, "an agent knows a run by its offer, such as 1764000000000.3, not by the id " + options.run);
  std::optional<fleet::Run> found;
  auto read = fleet::scan_runs(opened.history.reader(), opened.scope().prefix, [&](fleet::Run&& run) {
    if (run.id != options.run && run.name != options.run) return true;
    found = std::move(run);
    return false;
  });
  if (!read) return fail(read.error());
  if (!found) return fail(Code::not_found, "there is no run " + options.run);
  filter.offer = found->offer;
  filter.node = found->node;
  return filter;
}

Result<void> follow(const ShowOptions& options, Filter filter, std::uint64_t seen, const Surroundings& around) {
  while (*around.out << std::flush) {
    around.wait(follow_every_ms);
    auto history = History::open(options.history.path);
    if (!history) return fail(history.error());
    auto scope = history->scope(history->kind() == Kind::agent ? "" : options.history.project);
    if (!scope) return fail(scope.error());
    const auto last = (*scope)->head.last;
    const auto place = static_cast<std::size_t>(*scope - history->scopes().data());
    const Opened opened{std::move(*history), place};
    if (auto shown = show_events(opened, filter, seen + 1, options.history.format(), *around.out); !shown) return shown;
    seen = last;
  }
  return {};
}

Result<int> show(const ShowOptions& options, const Surroundings& around) {
  auto opened = open_history(options.history, around);
  if (!opened) return fail(opened.error());
  auto filter = settle(options, *opened);
  if (!filter) return fail(filter.error());
  if (!options.journal.empty()) {
    for (const auto& journal : opened->scope().others) {
      if (to_hex(journal.id) != options.journal) continue;
      auto shown = show_other_journal(*opened, journal, *filter, options.history.format(), *around.out);
      if (!shown) return fail(shown.error());
      return end_of(*opened);
    }
    if (options.journal != to_hex(opened->scope().head.id))
      return fail(Code::not_found, "there is no journal " + options.journal + " in " + options.history.path);
  }
  auto shown = show_events(*opened, *filter, filter->from(), options.history.format(), *around.out);
  if (!shown) return fail(shown.error());
  if (options.follow) {
    const auto seen = opened->scope().head.last;
    if (auto followed = follow(options, std::move(*filter), seen, around); !followed) return fail(followed.error());
  }
  return end_of(*opened);
}

}  // namespace

Command add_show(CLI::App& root) {
  auto* app = root.add_subcommand("show", "the events, one line each, as the log had them");
  const auto options = std::make_shared<ShowOptions>();
  add_history_options(*app, options->history);
  app->add_option("--node", options->node, "only events about this node: UUID, id or name of its host; \"host\": only those about none");
  app->add_option("--run", options->run, "only events of this run, by id or name; in an agent's history by offer");
  app->add_option("--since", options->since, "a sequence, or a time such as 2026-11-25T02:00:00Z");
  app->add_option("--until", options->until, "a sequence, which is shown too, or a time");
  app->add_option("--type", options->types, "only events of these types, with commas between: RunOpened,Accepted")->delimiter(',');
  app->add_option("--journal", options->journal, "an agent's journal that stayed behind at a fork, by its id");
  app->add_flag("-f,--follow", options->follow, "go on with what its owner adds");
  return {app, [options](const Surroundings& around) {
            auto shown = show(*options, around);
            return shown ? *shown : complain(around, shown.error());
          }};
}

}  // namespace abide::replay
