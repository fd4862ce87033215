#include "tools/abidectl/grammar.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <ostream>

#include "common/service/build_version.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/exits.hpp"

namespace abide::ctl {

namespace {

using Action = std::function<Result<void>(Session&)>;

constexpr const char* about =
    "Drives an Abide orchestrator: abidectl VERB NOUN [NAME] [flags].\n"
    "Names, resource ids and (hosts) UUIDs are taken alike.";

constexpr const char* closing =
    "Server and project come from --server and --project, from ABIDE_SERVER and ABIDE_PROJECT, or from a context:\n"
    "  # ~/.config/abide/config.toml\n"
    "  context = \"lab\"\n"
    "  [contexts.lab]\n"
    "  server = \"http://127.0.0.1:8080\"\n"
    "  project = \"demo\"\n"
    "\n"
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 server unreachable, 5 conflict.\n"
    "\n"
    "Examples:\n"
    "  abidectl get hosts\n"
    "  abidectl create osupdatepolicy newest --latest\n"
    "  abidectl link policy newest --host edge-1 --host edge-2\n"
    "  abidectl create schedule tonight --host edge-1 --type osupdate --start now --end +2h\n"
    "  abidectl watch hosts\n"
    "  abidectl explain host edge-1";

// What the words of one call become. Lives as long as the CLI::App that writes into it.
struct Words {
  Given given;
  Selection selection;
  Hosts hosts;
  NewPolicy policy;
  NewSchedule schedule;
  ScheduleEdit schedule_edit;
  Confirming confirming;
  NextOpenings next;
  Needs needs = Needs::server;
  std::string name, second, uuid, file, journal;
  Action action;
};

// Without what an option excludes or needs: CLI11 lists that in the order of addresses, and errors say it anyway.
class PlainFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return {};
    std::string text = " " + get_label(option->get_type_name());
    if (!option->get_default_str().empty()) text += "=" + option->get_default_str();
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size) text += " ...";
    if (option->get_required()) text += " " + get_label("REQUIRED");
    return text;
  }
};

class Grammar {
 public:
  explicit Grammar(Words& words) : words_(words), app_(about, "abidectl") {
    app_.formatter(std::make_shared<PlainFormatter>());
    app_.footer(closing);
    app_.require_subcommand(1);
    app_.set_version_flag("--version", version_line("abidectl"));
    app_.add_option("--server", words_.given.server, "URL of the orchestrator [ABIDE_SERVER]");
    app_.add_option("-p,--project", words_.given.project, "project [ABIDE_PROJECT]");
    app_.add_option("-o,--output", words_.given.output, "table, wide, json or yaml [ABIDE_OUTPUT]");
    app_.add_option("--context", words_.given.context, "context of the configuration file [ABIDE_CONTEXT]");
    app_.add_option("--config", words_.given.config, "configuration file [ABIDE_CONFIG]");
    reading();
    making();
    linking();
    steering();
    calculating();
  }
  CLI::App& app() { return app_; }

 private:
  CLI::App& verb(const std::string& name, const std::string& what, const std::string& examples) {
    auto* verb = app_.add_subcommand(name, what);
    verb->require_subcommand(1);
    verb->fallthrough();
    verb->footer("Examples:\n" + examples);
    return *verb;
  }

  CLI::App& noun(CLI::App& verb, const Kind& kind, const std::string& what, const std::string& examples, Action action) {
    return noun(verb, kind.noun, kind.aliases, what, examples, std::move(action));
  }
  CLI::App& noun(CLI::App& verb, const std::string& name, const std::vector<std::string>& aliases, const std::string& what,
                 const std::string& examples, Action action) {
    auto* noun = verb.add_subcommand(name, what);
    for (const auto& alias : aliases) noun->alias(alias);
    noun->fallthrough();
    noun->footer("Also: --server, --project, --output and --context, as `abidectl --help` says.\n\nExamples:\n" + examples);
    noun->callback([this, action = std::move(action)] { words_.action = action; });
    return *noun;
  }

  void reading() {
    auto& get_verb = verb("get", "Lists objects, or shows one",
                          "  abidectl get hosts --output wide\n  abidectl get runs --host edge-1\n"
                          "  abidectl get events --watch");
    auto& watch_verb = verb("watch", "Shows objects as they change: a table redrawn in place, or a line a change",
                            "  abidectl watch hosts\n  abidectl watch events --host edge-1");
    auto& describe_verb = verb("describe", "Shows all that is known of one object", "  abidectl describe host edge-1");
    auto& delete_verb = verb("delete", "Deletes an object", "  abidectl delete schedule tonight");
    for (const auto& kind : kinds()) {
      const auto& plural = kind.aliases.front();
      auto& get_noun =
          noun(get_verb, kind, "Lists " + plural, "  abidectl get " + plural + "\n  abidectl get " + kind.noun + " NAME --output yaml",
               [this, &kind](Session& session) { return get(session, kind, words_.selection); });
      get_noun.add_flag("-w,--watch", words_.selection.watch, "go on, as `watch` does");
      auto& watch_noun = noun(watch_verb, kind, "Shows " + plural + " as they change", "  abidectl watch " + plural,
                              [this, &kind](Session& session) { return watch(session, kind, words_.selection); });
      for (auto* one : {&get_noun, &watch_noun}) {
        one->add_option("NAME", words_.selection.name, "name or resource id" + std::string(kind.noun == "host" ? ", or UUID" : ""));
        one->add_option("--interval", words_.selection.interval_seconds, "seconds between two looks, when watching")
            ->check(CLI::Range(0.1, 3600.0))
            ->capture_default_str();
        if (kind.noun == "osupdaterun" || kind.noun == "schedule") one->add_option("--host", words_.selection.host, "only of this host");
        if (kind.noun != "schedule" && kind.noun != "source") {
          one->add_option("--filter", words_.selection.filter, "the API's filter: 'name=\"edge-1\"'");
        }
      }
      if (kind.noun == "source") continue;
      noun(describe_verb, kind, "Shows all that is known of one " + kind.noun, "  abidectl describe " + kind.noun + " NAME",
           [this, &kind](Session& session) { return describe(session, kind, words_.name); })
          .add_option("NAME", words_.name, "name or resource id")
          ->required();
      if (kind.noun == "host" || kind.noun == "instance") continue;
      noun(delete_verb, kind, "Deletes one " + kind.noun, "  abidectl delete " + kind.noun + " NAME",
           [this, &kind](Session& session) { return remove(session, kind, words_.name); })
          .add_option("NAME", words_.name, "name or resource id")
          ->required();
    }
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

  void making() {
    auto& create = verb("create", "Makes an object",
                        "  abidectl create osupdatepolicy newest --latest\n"
                        "  abidectl create schedule tonight --host edge-1 --type osupdate --start +10m --end +2h");
    auto& policy = noun(create, kind_of("osupdatepolicy"), "Makes an OS update policy",
                        "  abidectl create osupdatepolicy newest --latest\n"
                        "  abidectl create osupdatepolicy pinned --target \"Edge Microvisor Toolkit 3.0.20260602\"\n"
                        "  abidectl create osupdatepolicy back --target 3.0.20260317.0732 --allow-downgrade\n"
                        "  abidectl create osupdatepolicy -f policy.yaml",
                        [this](Session& session) { return create_policy(session, words_.policy); });
    auto* policy_name = policy.add_option("NAME", words_.policy.name, "name of the policy");
    auto* latest = policy.add_flag("--latest", words_.policy.latest, "always the newest image of the node's profile");
    auto* target = policy.add_option("--target", words_.policy.target, "exactly this OS profile: name, resource id or image version");
    auto* downgrade = policy.add_flag("--allow-downgrade", words_.policy.allow_downgrade, "also where the target is older");
    auto* description = policy.add_option("--description", words_.policy.description, "for people");
    auto* file =
        policy.add_option("-f,--file", words_.policy.file, "YAML with spec{name, description, updatePolicy, targetOs}; -: standard input");
    latest->excludes(target);
    downgrade->needs(target);
    for (auto* option : {policy_name, latest, target, description}) file->excludes(option);
    policy.callback([this] {
      if (words_.policy.file.empty()) {
        if (words_.policy.name.empty()) throw CLI::RequiredError("NAME, or -f FILE,");
        if (!words_.policy.latest && words_.policy.target.empty()) throw CLI::RequiredError("--latest or --target");
      }
      words_.action = [this](Session& session) { return create_policy(session, words_.policy); };
    });

    noun(create, kind_of("osprofile"), "Makes an OS profile from a manifest", "  abidectl create osprofile -f microvisor-nonrt.yaml",
         [this](Session& session) { return create_os_profile(session, words_.file); })
        .add_option("-f,--file", words_.file, "the profile's manifest, YAML; -: standard input")
        ->required();

    auto& schedule = noun(create, kind_of("schedule"), "Makes a window",
                          "  abidectl create schedule tonight --host edge-1 --type osupdate --start 2026-11-25T02:00:00+01:00 --end "
                          "2026-11-25T04:00:00+01:00\n"
                          "  abidectl create schedule soon --host edge-1 --type osupdate --start +10m --end +1h\n"
                          "  abidectl create schedule open --host edge-1 --type osupdate --start now",
                          [this](Session& session) { return create_schedule(session, words_.schedule); });
    schedule.add_option("NAME", words_.schedule.name, "name of the window")->required();
    schedule.add_option("--host", words_.schedule.host, "the host that it is for")->required();
    schedule.add_option("--type", words_.schedule.type, "osupdate, or maintenance (in which nothing is updated)")->required();
    schedule.add_option("--start", words_.schedule.start, "RFC 3339, now, or +10m")->required();
    schedule.add_option("--end", words_.schedule.end, "the same; without it the window stays open");

    auto& host = noun(create, kind_of("host"), "Registers a host before its node is heard of",
                      "  abidectl create host edge-6 --uuid 0e3e6c9a-8a3f-4f0e-9d0c-0123456789ab",
                      [this](Session& session) { return create_host(session, words_.name, words_.uuid); });
    host.add_option("NAME", words_.name, "name of the host")->required();
    host.add_option("--uuid", words_.uuid, "the node's UUID")->required();

    auto& edit =
        verb("edit", "Changes an object", "  abidectl edit schedule tonight --end +3h\n  abidectl edit host edge-1 --name press-7");
    auto& window = noun(edit, kind_of("schedule"), "Changes a window",
                        "  abidectl edit schedule tonight --end +3h\n  abidectl edit schedule tonight --end never",
                        [this](Session& session) { return edit_schedule(session, words_.schedule_edit); });
    window.add_option("NAME", words_.schedule_edit.name, "name or resource id")->required();
    window.add_option("--name", words_.schedule_edit.new_name, "new name");
    window.add_option("--type", words_.schedule_edit.type, "osupdate or maintenance");
    window.add_option("--start", words_.schedule_edit.start, "RFC 3339, now, or +10m");
    window.add_option("--end", words_.schedule_edit.end, "the same, or never");
    window.add_option("--host", words_.schedule_edit.host, "another host");
    auto& rename = noun(edit, kind_of("host"), "Changes a host", "  abidectl edit host edge-1 --name press-7",
                        [this](Session& session) { return edit_host(session, words_.name, words_.second); });
    rename.add_option("NAME", words_.name, "name, resource id or UUID")->required();
    rename.add_option("--name", words_.second, "new name")->required();
  }

  void hosts_by_flag(CLI::App& noun) {
    auto* some = noun.add_option("--host", words_.hosts.names, "host by name, resource id or UUID; repeatable")->allow_extra_args(false);
    auto* all = noun.add_flag("--all", words_.hosts.all, "every host of the project");
    some->excludes(all);
  }

  void linking() {
    auto& link = verb("link", "Links hosts to a policy: they are asked for its image",
                      "  abidectl link policy newest --host edge-1 --host edge-2\n  abidectl link policy newest --all");
    auto& linked = noun(link, kind_of("osupdatepolicy"), "Links hosts to a policy; again: tries again where the update ended",
                        "  abidectl link policy newest --host edge-1 --host edge-2\n  abidectl link policy newest --all",
                        [this](Session& session) { return link_policy(session, words_.name, words_.hosts); });
    linked.add_option("POLICY", words_.name, "name or resource id")->required();
    hosts_by_flag(linked);
    auto& unlink =
        verb("unlink", "Un-links hosts: an update that has not switched yet is given up", "  abidectl unlink policy --host edge-1");
    auto& unlinked = noun(unlink, kind_of("osupdatepolicy"), "Un-links hosts from their policy",
                          "  abidectl unlink policy --host edge-1\n  abidectl unlink policy newest --all",
                          [this](Session& session) { return unlink_policy(session, words_.name, words_.hosts); });
    unlinked.add_option("POLICY", words_.name, "only from this one");
    hosts_by_flag(unlinked);
    for (auto* app : {&linked, &unlinked}) {
      const bool linking = app == &linked;
      app->callback([this, linking] {
        if (words_.hosts.names.empty() && !words_.hosts.all) throw CLI::RequiredError("--host or --all");
        words_.action = [this, linking](Session& session) {
          return linking ? link_policy(session, words_.name, words_.hosts) : unlink_policy(session, words_.name, words_.hosts);
        };
      });
    }
  }

  void order(const std::string& name, const std::string& what, const std::string& done) {
    auto& order_verb = verb(name, what, "  abidectl " + name + " host edge-1\n  abidectl " + name + " hosts --all");
    auto& host =
        noun(order_verb, kind_of("host"), what, "  abidectl " + name + " host edge-1 edge-2\n  abidectl " + name + " hosts --all", {});
    auto* some = host.add_option("HOST", words_.hosts.names, "name, resource id or UUID; several");
    auto* all = host.add_flag("--all", words_.hosts.all, "every host of the project");
    some->excludes(all);
    host.callback([this, name, done] {
      if (words_.hosts.names.empty() && !words_.hosts.all) throw CLI::RequiredError("HOST or --all");
      words_.action = [this, name, done](Session& session) { return order_hosts(session, name, done, words_.hosts); };
    });
  }

  // `confirm --all` without a noun too: after a restore it is what everybody types.
  void confirming() {
    const std::string what = "Releases held hosts: shows where they differ from what is asked of them, then sends their whole state anew";
    const std::string examples = "  abidectl confirm --all --dry-run\n  abidectl confirm --all\n  abidectl confirm host edge-1";
    auto& confirm = verb("confirm", what, examples);
    confirm.require_subcommand(0, 1);
    auto& host = noun(confirm, kind_of("host"), what, examples, {});
    host.add_option("HOST", words_.confirming.hosts.names, "name, resource id or UUID; several");
    for (auto* app : {&confirm, &host}) {
      app->add_flag("--all", words_.confirming.hosts.all, "every host of the project that is held");
      app->add_flag("--dry-run", words_.confirming.dry_run, "only show");
      app->add_flag("-y,--yes", words_.confirming.yes, "do not ask on a terminal");
    }
    const auto ready = [this] {
      const auto& hosts = words_.confirming.hosts;
      if (hosts.names.empty() && !hosts.all) throw CLI::RequiredError("HOST or --all");
      if (!hosts.names.empty() && hosts.all) throw CLI::ExcludesError("HOST", "--all");
      words_.action = [this](Session& session) { return confirm_hosts(session, words_.confirming); };
    };
    host.callback(ready);
    confirm.callback([&confirm, ready] {
      if (confirm.get_subcommands().empty()) ready();
    });
  }

  void steering() {
    order("pause", "Keeps a host from switching until it is resumed", "paused");
    order("resume", "Ends a pause", "resumed");
    order("abort", "Gives up the present update; a running trial rolls back", "aborted");
    confirming();
    auto& resolve =
        verb("resolve", "Ends a conflict of two machines with one UUID", "  abidectl resolve host edge-1 --journal 6f7aef82c1aae6c9");
    auto& resolved = noun(resolve, kind_of("host"), "Says which of two machines is the right one",
                          "  abidectl explain host edge-1\n  abidectl resolve host edge-1 --journal 6f7aef82c1aae6c9",
                          [this](Session& session) { return resolve_host(session, words_.name, words_.journal); });
    resolved.add_option("HOST", words_.name, "name, resource id or UUID")->required();
    resolved.add_option("--journal", words_.journal, "journal of the right machine, 16 hex digits as `explain` shows them")
        ->required()
        ->check([](const std::string& text) {
          const bool fine = text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
          return fine ? std::string() : "\"" + text + "\" is not 16 hex digits";
        });
    auto& explain = verb("explain", "Says what a host waits for", "  abidectl explain host edge-1");
    noun(explain, kind_of("host"), "Says what a host waits for", "  abidectl explain host edge-1",
         [this](Session& session) { return explain_host(session, words_.name); })
        .add_option("HOST", words_.name, "name, resource id or UUID")
        ->required();
    auto& refresh = verb("refresh", "Reads the release sources now", "  abidectl refresh sources");
    noun(refresh, kind_of("source"), "Reads the release sources now", "  abidectl refresh sources",
         [](Session& session) { return refresh_sources(session); });
  }

  void calculating() {
    auto& next = verb("next", "Says when a repeated schedule opens, without a server",
                      "  abidectl next schedule '0 2 * * mon-fri' --zone Europe/Berlin");
    auto& schedule = noun(next, kind_of("schedule"), "Prints the next openings of a cron text, one RFC 3339 time a line",
                          "  abidectl next schedule '30 2 * * *'\n"
                          "  abidectl next schedule '*/15 22,23 * * sat,sun' --zone America/New_York --after 2026-11-01T00:00:00Z -n 4",
                          {});
    schedule.add_option("CRON", words_.next.cron, "minutes, hours, day of month, month, day of week, in quotes")->required();
    schedule.add_option("--zone", words_.next.zone, "IANA time zone, such as Europe/Berlin; without it UTC");
    schedule.add_option("--after", words_.next.after, "RFC 3339, now, or +10m: only openings behind it")->capture_default_str();
    schedule.add_option("-n", words_.next.count, "so many")->check(CLI::Range(1, next_openings_max))->capture_default_str();
    schedule.callback([this] {
      words_.needs = Needs::nothing;
      words_.action = [this](Session& session) { return next_openings(session, words_.next); };
    });
  }

  Words& words_;
  CLI::App app_;
};

}  // namespace

int run(const std::vector<std::string>& arguments, const Surroundings& around) {
  Words words;
  Grammar grammar(words);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    grammar.app().parse(std::move(reversed));
  } catch (const CLI::ParseError& end) {
    // Also the way that --help and --version end.
    const int code = grammar.app().exit(end, *around.out, *around.err);
    return code == 0 ? exit_done : exit_usage;
  }
  const auto failed = [&](const Error& error) {
    *around.err << "abidectl: " << error.message << "\n";
    return exit_of(error.code);
  };
  const auto settings = settle(words.given, around.environment, words.needs);
  if (!settings) return failed(settings.error());
  Session session{around, *settings, {settings->server, settings->project}};
  const auto done = words.action(session);
  return done ? exit_done : failed(done.error());
}

}  // namespace abide::ctl
