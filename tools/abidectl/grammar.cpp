#include "tools/abidectl/grammar.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <ostream>

#include "common/service/build_version.hpp"
#include "common/service/wrong_usage.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/completion.hpp"
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
    "`abidectl config` makes and chooses contexts, `abidectl completion` is for shells.\n"
    "\n"
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 server unreachable, 5 conflict.\n"
    "\n"
    "Examples:\n"
    "  abidectl get hosts\n"
    "  abidectl create osupdatepolicy newest --latest\n"
    "  abidectl link policy newest --host edge-1 --host edge-2\n"
    "  abidectl create schedule tonight --host edge-1 --type osupdate --start now --end +2h\n"
    "  abidectl update-os --site munich --policy newest --now --dry-run\n"
    "  abidectl watch hosts\n"
    "  abidectl explain host edge-1";

// What the words of one call become. Lives as long as the CLI::App that writes into it.
struct Words {
  Given given;
  Selection selection;
  Hosts hosts;
  Targets targets;
  NewPolicy policy;
  PolicyEdit policy_edit;
  NewSchedule schedule;
  ScheduleEdit schedule_edit;
  HostEdit host;
  PlaceEdit place;
  UpdateOs update;
  ContextEdit context;
  Confirming confirming;
  NextOpenings next;
  Needs needs = Needs::server;
  std::string name, journal;
  std::vector<std::string> files;
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
    app_.failure_message(wrong_usage);
    app_.set_version_flag("--version", version_line("abidectl"));
    app_.add_option("--server", words_.given.server, "URL of the orchestrator [ABIDE_SERVER]");
    app_.add_option("-p,--project", words_.given.project, "project [ABIDE_PROJECT]");
    app_.add_option("-o,--output", words_.given.output, "table, wide, json or yaml [ABIDE_OUTPUT]");
    app_.add_option("--context", words_.given.context, "context of the configuration file [ABIDE_CONTEXT]");
    app_.add_option("--config", words_.given.config, "configuration file [ABIDE_CONFIG]");
    reading();
    making();
    editing();
    setting();
    linking();
    steering();
    updating();
    calculating();
    configuring();
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

  // What a list can be narrowed to, besides by the API's filter.
  void only_of(CLI::App& noun, const Kind& kind) {
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

  void reading() {
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

  CLI::Option& file_option(CLI::App& app, const std::string& what) {
    return *app.add_option("-f,--file", words_.files, what + ", YAML, or a folder of them; -: standard input; repeatable")
                ->allow_extra_args(false);
  }

  void making() {
    auto& create = verb("create", "Makes an object, or all that files describe",
                        "  abidectl create osupdatepolicy newest --latest\n"
                        "  abidectl create schedule tonight --host edge-1 --type osupdate --start +10m --end +2h\n"
                        "  abidectl create -f plant.yaml");
    create.require_subcommand(0, 1);
    file_option(create, "files that say by \"kind\" what each document is");
    create.callback([this, &create] {
      if (!create.get_subcommands().empty()) return;
      if (words_.files.empty()) throw CLI::RequiredError("a noun, or -f FILE,");
      words_.action = [this](Session& session) { return create_from_files(session, words_.files, nullptr); };
    });
    make_policy(create);
    make_schedule(create);
    make_places(create);
    noun(create, kind_of("osprofile"), "Makes an OS profile from a manifest", "  abidectl create osprofile -f microvisor-nonrt.yaml", {})
        .callback([this] {
          if (words_.files.empty()) throw CLI::RequiredError("-f FILE");
          words_.action = [this](Session& session) { return create_from_files(session, words_.files, &kind_of("osprofile")); };
        });
    file_option(*create.get_subcommand("osprofile"), "the profile's manifest");
  }

  // By its flags, or by files. `excluded` are those that a file has no use for.
  void by_flags_or_files(CLI::App& noun, const Kind& kind, std::function<void()> check, Action action) {
    auto& files = file_option(noun, "files");
    for (auto* option : noun.get_options()) {
      if (option != &files && option->get_name() != "--help") files.excludes(option);
    }
    noun.callback([this, &kind, check = std::move(check), action = std::move(action)] {
      if (!words_.files.empty()) {
        words_.action = [this, &kind](Session& session) { return create_from_files(session, words_.files, &kind); };
        return;
      }
      check();
      words_.action = action;
    });
  }

  void make_policy(CLI::App& create) {
    auto& policy = noun(create, kind_of("osupdatepolicy"), "Makes an OS update policy",
                        "  abidectl create osupdatepolicy newest --latest\n"
                        "  abidectl create osupdatepolicy pinned --target \"Edge Microvisor Toolkit 3.0.20260602\"\n"
                        "  abidectl create osupdatepolicy back --target 3.0.20260317.0732 --allow-downgrade\n"
                        "  abidectl create osupdatepolicy -f policy.yaml",
                        {});
    policy.add_option("NAME", words_.policy.name, "name of the policy");
    auto* latest = policy.add_flag("--latest", words_.policy.latest, "always the newest image of the node's profile");
    auto* target = policy.add_option("--target", words_.policy.target, "exactly this OS profile: name, resource id or image version");
    auto* downgrade = policy.add_flag("--allow-downgrade", words_.policy.allow_downgrade, "also where the target is older");
    auto* other =
        policy.add_flag("--allow-profile-change", words_.policy.allow_profile_change, "also where the target is of another profile");
    policy.add_option("--description", words_.policy.description, "for people");
    latest->excludes(target);
    downgrade->needs(target);
    other->needs(target);
    by_flags_or_files(
        policy, kind_of("osupdatepolicy"),
        [this] {
          if (words_.policy.name.empty()) throw CLI::RequiredError("NAME, or -f FILE,");
          if (!words_.policy.latest && words_.policy.target.empty()) throw CLI::RequiredError("--latest or --target");
        },
        [this](Session& session) { return create_policy(session, words_.policy); });
  }

  void make_schedule(CLI::App& create) {
    auto& words = words_.schedule;
    auto& schedule = noun(create, kind_of("schedule"), "Makes a window, or a repeated one",
                          "  abidectl create schedule tonight --host edge-1 --type osupdate --start 2026-11-25T02:00:00+01:00 --end "
                          "2026-11-25T04:00:00+01:00\n"
                          "  abidectl create schedule soon --site munich --type osupdate --start +10m --duration 50m\n"
                          "  abidectl create schedule open --host edge-1 --type osupdate --start now\n"
                          "  abidectl create schedule nightly --region bavaria --type osupdate --cron '30 2 * * mon-fri' --duration 2h "
                          "--zone Europe/Berlin\n"
                          "  abidectl create schedule holidays --region bavaria --type blackout --start 2026-12-24T00:00:00Z --end "
                          "2027-01-02T00:00:00Z",
                          {});
    schedule.add_option("NAME", words.name, "name of the window");
    auto* host = schedule.add_option("--host", words.host, "the host that it is for");
    auto* site = schedule.add_option("--site", words.site, "or the site");
    auto* region = schedule.add_option("--region", words.region, "or the region, with all below it");
    schedule.add_option("--type", words.type,
                        "osupdate; maintenance, in which nothing is updated; blackout, which takes its time from all others");
    auto* start = schedule.add_option("--start", words.start, "RFC 3339, now, or +10m");
    auto* end = schedule.add_option("--end", words.end, "the same; without it, and without --duration, the window stays open");
    auto* cron =
        schedule.add_option("--cron", words.cron, "instead of a start: minutes, hours, day of month, month, day of week, in quotes");
    schedule.add_option("--duration", words.duration, "how long it is open: 1h30m, or a number of seconds");
    schedule.add_option("--zone", words.zone, "IANA time zone of the cron text, such as Europe/Berlin; without it UTC")->needs(cron);
    site->excludes(host);
    region->excludes(host)->excludes(site);
    cron->excludes(start)->excludes(end);
    orch_schedule_options(schedule, words.orch, true);
    by_flags_or_files(
        schedule, kind_of("schedule"),
        [&words] {
          if (words.name.empty()) throw CLI::RequiredError("NAME, or -f FILE,");
          if (words.orch.given()) return;  // is looked through as a whole
          if (words.host.empty() && words.site.empty() && words.region.empty()) throw CLI::RequiredError("--host, --site or --region");
          if (words.type.empty()) throw CLI::RequiredError("--type");
          if (words.start.empty() && words.cron.empty()) throw CLI::RequiredError("--start or --cron");
        },
        [this](Session& session) { return create_schedule(session, words_.schedule); });
  }

  // The words of orch-cli, for what we say otherwise.
  void orch_schedule_options(CLI::App& schedule, OrchSchedule& words, bool making) {
    const auto add = [&](const char* flag, std::string& word, const std::string& what) {
      schedule.add_option(flag, word, what)->group("In the words of orch-cli");
    };
    if (making) {
      add("--frequency-type", words.frequency_type, "single or repeated");
      add("--target", words.target, "host-1234abcd, or host:edge-1; so sites and regions");
    }
    add("--maintenance-type", words.maintenance_type, "maintenance or osupdate");
    add("--timezone", words.timezone, "IANA time zone of all these times and days");
    add("--start-time", words.start_time, "\"YYYY-MM-DD HH:MM\"; of a repeated one \"HH:MM\"");
    add("--end-time", words.end_time, "\"YYYY-MM-DD HH:MM\"");
    add("--frequency", words.frequency, "weekly or monthly");
    add("--day-of-week", words.day_of_week, "mon,2,3-5");
    add("--day-of-month", words.day_of_month, "1,15-18,31");
    add("--months", words.months, "1,2,5-8");
  }

  // Its `set`, beside our `edit` and `link`.
  void setting() {
    auto& set = verb("set", "As orch-cli says it: links hosts to a policy, changes a schedule",
                     "  abidectl set host host-1234abcd --osupdatepolicy newest\n"
                     "  abidectl set schedule nightly --timezone Europe/Berlin --start-time 02:30");
    auto& host = noun(set, kind_of("host"), "Links hosts to a policy: `link policy`, the other way round",
                      "  abidectl set host host-1234abcd --osupdatepolicy newest\n"
                      "  abidectl set host --site munich --osupdatepolicy newest",
                      {});
    auto* names = host.add_option("HOST", words_.hosts.names, "name, resource id or UUID; several");
    host.add_option("--osupdatepolicy", words_.name, "name or resource id of the policy")->required();
    auto* site = host.add_option("--site", words_.selection.site, "instead of names: each host of this site");
    auto* region = host.add_option("--region", words_.selection.region, "each host of this region and of those below it");
    auto* filter = host.add_option("--filter", words_.selection.filter, "each host that this filter of the API takes");
    region->excludes(site);
    names->excludes(site)->excludes(region)->excludes(filter);
    host.callback([this] {
      const auto& some = words_.selection;
      if (words_.hosts.names.empty() && (some.site + some.region + some.filter).empty())
        throw CLI::RequiredError("HOST, --site, --region or --filter");
      words_.targets.hosts = words_.hosts;
      words_.action = [this](Session& session) {
        return words_.hosts.names.empty() ? link_policy(session, words_.name, words_.selection)
                                          : link_policy(session, words_.name, words_.targets);
      };
    });
    auto& words = words_.schedule_edit;
    auto& schedule = noun(set, kind_of("schedule"), "Changes a window: `edit schedule`, in the words of orch-cli",
                          "  abidectl set schedule nightly --timezone Europe/Berlin --start-time 02:30\n"
                          "  abidectl set schedule nightly --frequency weekly --day-of-week mon-fri --duration 3600",
                          [this](Session& session) { return edit_schedule(session, words_.schedule_edit); });
    schedule.add_option("NAME", words.name, "name or resource id")->required();
    schedule.add_option("--name", words.new_name, "new name");
    schedule.add_option("--duration", words.duration, "of a repeated one: a number of seconds, or 1h30m");
    orch_schedule_options(schedule, words.orch, false);
  }

  void metadata_option(CLI::App& noun, std::vector<std::string>& metadata) {
    noun.add_option("--metadata", metadata, "key=value; with edit also key- to take it away; repeatable")->allow_extra_args(false);
  }

  void make_places(CLI::App& create) {
    const auto needs_name = [](const std::string& name) {
      return [&name] {
        if (name.empty()) throw CLI::RequiredError("NAME, or -f FILE,");
      };
    };
    auto& host = noun(create, kind_of("host"), "Registers a host before its node is heard of",
                      "  abidectl create host edge-6 --uuid 0e3e6c9a-8a3f-4f0e-9d0c-0123456789ab --site munich\n"
                      "  abidectl create hosts -f hosts.yaml",
                      {});
    host.add_option("NAME", words_.host.name, "name of the host");
    host.add_option("--uuid", words_.host.uuid, "the node's UUID");
    host.add_option("--site", words_.host.site, "where it is");
    metadata_option(host, words_.host.metadata);
    by_flags_or_files(
        host, kind_of("host"),
        [this] {
          if (words_.host.name.empty()) throw CLI::RequiredError("NAME, or -f FILE,");
          if (words_.host.uuid.empty()) throw CLI::RequiredError("--uuid");
        },
        [this](Session& session) { return create_host(session, words_.host); });

    auto& site = noun(create, kind_of("site"), "Makes a site, a place where hosts are",
                      "  abidectl create site munich --region bavaria --latitude 48.137154 --longitude 11.576124", {});
    site.add_option("NAME", words_.place.name, "name of the site");
    place_options(site, kind_of("site"));
    by_flags_or_files(site, kind_of("site"), needs_name(words_.place.name),
                      [this](Session& session) { return create_place(session, kind_of("site"), words_.place); });
    auto& region = noun(create, kind_of("region"), "Makes a region, a place where sites and other regions are",
                        "  abidectl create region europe\n  abidectl create region bavaria --parent europe --metadata grid=south", {});
    region.add_option("NAME", words_.place.name, "name of the region");
    place_options(region, kind_of("region"));
    by_flags_or_files(region, kind_of("region"), needs_name(words_.place.name),
                      [this](Session& session) { return create_place(session, kind_of("region"), words_.place); });
  }

  void place_options(CLI::App& noun, const Kind& kind) {
    if (kind.noun == "site") {
      noun.add_option("--region", words_.place.region, "the region that it is in, or none");
      noun.add_option("--latitude", words_.place.latitude, "degrees, north of the equator");
      noun.add_option("--longitude", words_.place.longitude, "degrees, east of Greenwich");
    } else {
      noun.add_option("--parent", words_.place.region, "the region that it is in, or none");
    }
    metadata_option(noun, words_.place.metadata);
  }

  void editing() {
    auto& edit = verb("edit", "Changes an object",
                      "  abidectl edit schedule tonight --end +3h\n  abidectl edit host edge-1 --name press-7 --site munich");
    auto& schedule = noun(edit, kind_of("schedule"), "Changes a window",
                          "  abidectl edit schedule tonight --end +3h\n  abidectl edit schedule tonight --end never\n"
                          "  abidectl edit schedule nightly --cron '0 3 * * *' --duration 90m",
                          [this](Session& session) { return edit_schedule(session, words_.schedule_edit); });
    auto& words = words_.schedule_edit;
    schedule.add_option("NAME", words.name, "name or resource id")->required();
    schedule.add_option("--name", words.new_name, "new name");
    schedule.add_option("--type", words.type, "osupdate, maintenance or blackout");
    schedule.add_option("--start", words.start, "RFC 3339, now, or +10m");
    schedule.add_option("--end", words.end, "the same, or never");
    schedule.add_option("--cron", words.cron, "of a repeated one");
    schedule.add_option("--duration", words.duration, "of a repeated one");
    schedule.add_option("--zone", words.zone, "of a repeated one, or UTC");
    auto* to_host = schedule.add_option("--host", words.host, "for a host");
    auto* to_site = schedule.add_option("--site", words.site, "for a site");
    auto* to_region = schedule.add_option("--region", words.region, "for a region");
    to_site->excludes(to_host);
    to_region->excludes(to_host)->excludes(to_site);

    auto& host = noun(edit, kind_of("host"), "Changes a host",
                      "  abidectl edit host edge-1 --name press-7\n  abidectl edit host edge-1 --site munich --metadata line=3\n"
                      "  abidectl edit host edge-1 --site none",
                      [this](Session& session) { return edit_host(session, words_.host); });
    host.add_option("NAME", words_.host.name, "name, resource id or UUID")->required();
    host.add_option("--name", words_.host.new_name, "new name");
    host.add_option("--site", words_.host.site, "where it is, or none");
    metadata_option(host, words_.host.metadata);

    for (const char* name : {"site", "region"}) {
      const Kind& kind = kind_of(name);
      auto& place =
          noun(edit, kind, std::string("Changes a ") + name,
               kind.noun == "site" ? "  abidectl edit site munich --region bavaria\n  abidectl edit site munich --metadata grid=south"
                                   : "  abidectl edit region bavaria --parent germany",
               [this, &kind](Session& session) { return edit_place(session, kind, words_.place); });
      place.add_option("NAME", words_.place.name, "name or resource id")->required();
      place.add_option("--name", words_.place.new_name, "new name");
      place_options(place, kind);
    }

    auto& policy = noun(edit, kind_of("osupdatepolicy"), "Changes name and description of a policy; what it asks for stays",
                        "  abidectl edit policy newest --description 'all of plant 3'",
                        [this](Session& session) { return edit_policy(session, words_.policy_edit); });
    policy.add_option("NAME", words_.policy_edit.name, "name or resource id")->required();
    policy.add_option("--name", words_.policy_edit.new_name, "new name");
    policy.add_option("--description", words_.policy_edit.description, "for people");
  }

  void targets_by_flag(CLI::App& noun) {
    auto* hosts =
        noun.add_option("--host", words_.targets.hosts.names, "host by name, resource id or UUID; repeatable")->allow_extra_args(false);
    noun.add_option("--instance", words_.targets.instances, "instance of a host; repeatable")->allow_extra_args(false);
    noun.add_option("--site", words_.targets.sites, "site: its hosts without a policy of their own; repeatable")->allow_extra_args(false);
    noun.add_option("--region", words_.targets.regions, "region: all below it without a nearer policy; repeatable")
        ->allow_extra_args(false);
    auto* all = noun.add_flag("--all", words_.targets.hosts.all, "every host of the project");
    hosts->excludes(all);
  }

  void linking() {
    auto& link = verb("link", "Links hosts, sites or regions to a policy: hosts are asked for its image",
                      "  abidectl link policy newest --host edge-1 --host edge-2\n  abidectl link policy newest --site munich");
    auto& linked = noun(link, kind_of("osupdatepolicy"), "Links to a policy; of a host again: tries again where the update ended",
                        "  abidectl link policy newest --host edge-1 --host edge-2\n  abidectl link policy newest --site munich\n"
                        "  abidectl link policy newest --all",
                        {});
    linked.add_option("POLICY", words_.name, "name or resource id")->required();
    targets_by_flag(linked);
    auto& unlink = verb("unlink", "Un-links hosts, sites or regions: an update that has not switched yet is given up",
                        "  abidectl unlink policy --host edge-1\n  abidectl unlink policy --region bavaria");
    auto& unlinked = noun(unlink, kind_of("osupdatepolicy"), "Un-links from a policy; what is nearest after that applies",
                          "  abidectl unlink policy --host edge-1\n  abidectl unlink policy newest --site munich\n"
                          "  abidectl unlink policy newest --all",
                          {});
    unlinked.add_option("POLICY", words_.name, "only from this one");
    targets_by_flag(unlinked);
    for (auto* app : {&linked, &unlinked}) {
      const bool is_link = app == &linked;
      app->callback([this, is_link] {
        const auto& targets = words_.targets;
        if (targets.hosts.names.empty() && !targets.hosts.all && targets.instances.empty() && targets.sites.empty() &&
            targets.regions.empty())
          throw CLI::RequiredError("--host, --instance, --site, --region or --all");
        words_.action = [this, is_link](Session& session) {
          return is_link ? link_policy(session, words_.name, words_.targets) : unlink_policy(session, words_.name, words_.targets);
        };
      });
    }
  }

  void updating() {
    const std::string examples =
        "  abidectl update-os host edge-1 edge-2 --policy newest --now\n"
        "  abidectl update-os --site munich --policy newest --at 2026-11-25T02:00:00+01:00 --for 3h --yes\n"
        "  abidectl update-os --region bavaria --dry-run";
    auto& update =
        verb("update-os", "Says which hosts would update, when, and which not and why; asks; links and opens a window", examples);
    update.require_subcommand(0, 1);
    auto* site = update.add_option("--site", words_.update.site, "all hosts of this site");
    auto* region = update.add_option("--region", words_.update.region, "all hosts of this region and of those below it");
    update.add_option("--filter", words_.update.filter,
                      "all hosts that this filter of the API takes; of the site or the region, if one is named");
    auto* policy = update.add_option("--policy", words_.update.policy,
                                     "links it first, to the hosts, the site or the region; without it what applies counts");
    auto* now = update.add_flag("--now", words_.update.now, "opens a window now");
    auto* at = update.add_option("--at", words_.update.at, "or then: RFC 3339 or +10m; with neither, windows are as they are scheduled");
    auto* lasts = update.add_option("--for", words_.update.lasts, "how long that window is open")->capture_default_str();
    auto* dry = update.add_flag("--dry-run", words_.update.dry_run, "only says it");
    auto* yes = update.add_flag("-y,--yes", words_.update.yes, "does not ask");
    region->excludes(site);
    at->excludes(now);
    dry->excludes(yes);
    const char* const orch = "In the words of orch-cli";
    auto* assign = update
                       .add_option("--osupdatepolicy", words_.update.assign,
                                   "links each of the hosts to it, and opens a window from 30 s to 660 s from now for each; asks nobody")
                       ->group(orch);
    auto* import = update
                       .add_option("--import-from-csv", words_.update.import_csv,
                                   std::string("the same for the hosts of a file, -: standard input: ") + orch_csv_head)
                       ->group(orch);
    auto* generate = update
                         .add_option("--generate-csv", words_.update.generate_csv,
                                     "only writes such a file, -: to standard output, of the hosts that are named or selected")
                         ->group(orch);
    for (auto* ours : {policy, now, at, lasts}) assign->excludes(ours);
    for (auto* other : {policy, now, at, lasts, assign, site, region, update.get_option("--filter")}) import->excludes(other);
    for (auto* other : {policy, now, at, lasts, assign, import, dry, yes}) generate->excludes(other);
    auto& host = noun(update, kind_of("host"), "Only these hosts", "  abidectl update-os host edge-1 edge-2 --policy newest --now", {});
    host.footer("Also: what `abidectl update-os --help` says.\n\nExamples:\n  abidectl update-os host edge-1 edge-2 --policy newest --now");
    host.add_option("HOST", words_.update.hosts, "name, resource id or UUID; several");
    update.callback([this, lasts] {
      const auto& words = words_.update;
      if (lasts->count() != 0 && !words.now && words.at.empty()) throw CLI::RequiredError("--now or --at, beside --for,");
      const bool selected = !(words.site + words.region + words.filter).empty();
      if (!words.hosts.empty() && selected) throw CLI::ExcludesError("host HOST", "--site, --region and --filter");
      if (!words.hosts.empty() && !words.import_csv.empty()) throw CLI::ExcludesError("host HOST", "--import-from-csv");
      if (words.hosts.empty() && !selected && words.import_csv.empty() && words.generate_csv.empty())
        throw CLI::RequiredError("host HOST, --site, --region or --filter");
      words_.action = [this](Session& session) { return update_os(session, words_.update); };
    });
  }

  void configuring() {
    auto& config =
        verb("config", "Contexts of the configuration file: which server, which project",
             "  abidectl config set-context lab --server http://127.0.0.1:8080 --project demo\n  abidectl config use-context lab");
    const auto sub = [&](const std::string& name, const std::string& what, const std::string& examples, Action action) -> CLI::App& {
      auto& made = noun(config, name, {}, what, examples, {});
      made.footer("Also: --config and --output, as `abidectl --help` says.\n\nExamples:\n" + examples);
      made.callback([this, action = std::move(action)] {
        words_.needs = Needs::config;
        words_.action = action;
      });
      return made;
    };
    sub("get-contexts", "Lists them", "  abidectl config get-contexts", [](Session& session) { return get_contexts(session); });
    sub("use-context", "Chooses the one that is used without --context", "  abidectl config use-context lab",
        [this](Session& session) { return use_context(session, words_.name); })
        .add_option("CONTEXT", words_.name, "its name")
        ->required();
    // A server that is set here is not the one of this call.
    auto& set =
        sub("set-context", "Makes or changes one", "  abidectl config set-context lab --server http://127.0.0.1:8080 --project demo",
            [this](Session& session) { return set_context(session, words_.context); });
    set.add_option("CONTEXT", words_.context.name, "its name")->required();
    set.add_option("--server", words_.context.server, "URL of the orchestrator");
    set.add_option("-p,--project", words_.context.project, "project");
    set.add_option("-o,--output", words_.context.output, "table, wide, json or yaml");

    auto& completion = verb("completion", "Prints a script that completes verbs, nouns, flags, and names as the server has them",
                            "  source <(abidectl completion bash)\n  abidectl completion bash > /etc/bash_completion.d/abidectl");
    for (const auto& [shell, how] : {std::pair{"bash", "  source <(abidectl completion bash)"},
                                     std::pair{"zsh", "  abidectl completion zsh > \"${fpath[1]}/_abidectl\""},
                                     std::pair{"fish", "  abidectl completion fish > ~/.config/fish/completions/abidectl.fish"}}) {
      auto& made = noun(completion, shell, {}, std::string("For ") + shell, how, {});
      made.footer(std::string("Examples:\n") + how);
      made.callback([this, name = std::string(shell)] {
        words_.needs = Needs::config;
        words_.action = [name](Session& session) -> Result<void> {
          *session.around.out << completion_script(name);
          return {};
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
    noun(order_verb, kind_of("instance"), what + ", by its instance", "  abidectl " + name + " instance inst-1234abcd",
         [this, name, done](Session& session) {
           return order_hosts(session, name, done, {words_.hosts.names, false, true});
         })
        .add_option("INSTANCE", words_.hosts.names, "resource id, or name; several")
        ->required();
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
         [this](Session& session) { return explain_host(session, words_.name, false); })
        .add_option("HOST", words_.name, "name, resource id or UUID")
        ->required();
    noun(explain, kind_of("instance"), "Says what the host of an instance waits for", "  abidectl explain instance inst-1234abcd",
         [this](Session& session) { return explain_host(session, words_.name, true); })
        .add_option("INSTANCE", words_.name, "resource id, or name")
        ->required();
    auto& refresh = verb("refresh", "Reads the release sources now", "  abidectl refresh\n  abidectl refresh sources");
    refresh.require_subcommand(0, 1);
    refresh.callback([this, &refresh] {
      if (refresh.get_subcommands().empty()) words_.action = [](Session& session) { return refresh_sources(session); };
    });
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
  if (!arguments.empty() && arguments.front() == complete_word) {
    complete(grammar.app(), {arguments.begin() + 1, arguments.end()}, around);
    return exit_done;
  }
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
