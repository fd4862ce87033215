// get, list, watch, describe, delete, explain.
#include <CLI/CLI.hpp>

#include "tools/abidectl/grammar_parts.hpp"

namespace abide::ctl {

// What a list can be narrowed to, besides by the API's filter.
void Grammar::only_of(CLI::App& noun, const Kind& kind) {
  CLI::Option* host = nullptr;
  CLI::Option* site = nullptr;
  const bool schedules = kind.noun == "schedule";
  if (kind.noun == "osupdaterun" || schedules)
    host = noun.add_option("--host", words_.selection.host, schedules ? "only what counts for this host" : "only of this host");
  if (kind.noun == "host" || schedules)
    site = noun.add_option("--site", words_.selection.site, schedules ? "only what counts for this site" : "only in this site");
  if (kind.noun != "host" && kind.noun != "site" && !schedules) return;
  auto* region = noun.add_option("--region", words_.selection.region,
                                 schedules ? "only what counts for this region" : "only in this region, and in those below it");
  if (site != nullptr) region->excludes(site);
  if (host != nullptr) host->excludes(site)->excludes(region);
}

void Grammar::reading() {
  auto& get_verb = verb("get", "Lists objects, or shows one",
                        "  abidectl get hosts --output wide\n  abidectl get runs --host edge-1\n"
                        "  abidectl get events --watch");
  get_verb.alias("list");  // as orch-cli says it
  auto& watch_verb = verb("watch", "Shows objects as they change: a table redrawn in place, or a line a change",
                          "  abidectl watch hosts\n  abidectl watch events --host edge-1");
  auto& describe_verb = verb("describe", "Shows all that is known of one object", "  abidectl describe host edge-1");
  auto& delete_verb = verb("delete", "Deletes an object", "  abidectl delete schedule tonight");
  for (const auto& kind : kinds()) {
    const auto& plural = kind.aliases.front();
    auto& get_noun =
        noun(get_verb, kind, "Lists " + plural, "  abidectl get " + plural + "\n  abidectl get " + kind.noun + " NAME --output yaml",
             [this, &kind](Session& session) { return get(session, kind, words_.selection); });
    auto* watching = get_noun.add_flag("-w,--watch", words_.selection.watch, "go on, as `watch` does");
    if (kind.noun == "region") get_noun.add_flag("--tree", words_.selection.tree, "in each other, with their sites")->excludes(watching);
    auto& watch_noun = noun(watch_verb, kind, "Shows " + plural + " as they change", "  abidectl watch " + plural,
                            [this, &kind](Session& session) { return watch(session, kind, words_.selection); });
    for (auto* one : {&get_noun, &watch_noun}) {
      one->add_option("NAME", words_.selection.name, "name or resource id" + std::string(kind.noun == "host" ? ", or UUID" : ""));
      one->add_option("--interval", words_.selection.interval_seconds, "seconds between two looks, when watching")
          ->check(CLI::Range(0.1, 3600.0))
          ->capture_default_str();
      only_of(*one, kind);
      if (kind.filters) one->add_option("--filter", words_.selection.filter, "the API's filter: 'name=\"edge-1\"'");
    }
    noun(describe_verb, kind, "Shows all that is known of one " + kind.noun, "  abidectl describe " + kind.noun + " NAME",
         [this, &kind](Session& session) { return describe(session, kind, words_.name); })
        .add_option("NAME", words_.name, "name or resource id")
        ->required();
    if (kind.noun == "source" || kind.noun == "instance") continue;
    noun(delete_verb, kind,
         kind.noun == "host" ? "Deletes one host, with its instance and its schedules; its node is refused from then on"
                             : "Deletes one " + kind.noun,
         "  abidectl delete " + kind.noun + " NAME", [this, &kind](Session& session) { return remove(session, kind, words_.name); })
        .add_option("NAME", words_.name, "name or resource id")
        ->required();
  }
  noun(describe_verb, "event", {"events"}, "Shows all that is known of one event", "  abidectl describe event 42",
       [this](Session& session) { return describe_event(session, words_.name); })
      .add_option("NUMBER", words_.name, "its number, which `abidectl get events -o json` has as sequence")
      ->required();
  for (auto* parent : {&get_verb, &watch_verb}) {
    const bool watching = parent == &watch_verb;
    auto& events =
        noun(*parent, "event", {"events"}, watching ? "Prints events as they are journaled" : "Prints the newest events",
             watching ? "  abidectl watch events" : "  abidectl get events --host edge-1 --limit 20\n  abidectl get events --watch",
             [this, watching](Session& session) {
               words_.selection.watch = words_.selection.watch || watching;
               return get_events(session, words_.selection);
             });
    events.add_option("--host", words_.selection.host, "only of this host");
    if (watching) continue;
    events.add_flag("-w,--watch", words_.selection.watch, "go on with every new one");
    events.add_option("--limit", words_.selection.limit, "at most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  }
}

}  // namespace abide::ctl
