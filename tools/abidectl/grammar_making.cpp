// create, by flags and by files.
#include <CLI/CLI.hpp>

#include "tools/abidectl/grammar_parts.hpp"

namespace abide::ctl {

CLI::Option& Grammar::file_option(CLI::App& app, const std::string& what) {
  return *app.add_option("-f,--file", words_.files, what + ", YAML, or a folder of them; -: standard input; repeatable")
              ->allow_extra_args(false);
}

void Grammar::making() {
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
void Grammar::by_flags_or_files(CLI::App& noun, const Kind& kind, std::function<void()> check, Action action) {
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

void Grammar::make_policy(CLI::App& create) {
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

void Grammar::make_schedule(CLI::App& create) {
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
  auto* cron = schedule.add_option("--cron", words.cron, "instead of a start: minutes, hours, day of month, month, day of week, in quotes");
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
void Grammar::orch_schedule_options(CLI::App& schedule, OrchSchedule& words, bool making) {
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

void Grammar::make_places(CLI::App& create) {
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

void Grammar::place_options(CLI::App& noun, const Kind& kind) {
  if (kind.noun == "site") {
    noun.add_option("--region", words_.place.region, "the region that it is in, or none");
    noun.add_option("--latitude", words_.place.latitude, "degrees, north of the equator");
    noun.add_option("--longitude", words_.place.longitude, "degrees, east of Greenwich");
  } else {
    noun.add_option("--parent", words_.place.region, "the region that it is in, or none");
  }
  metadata_option(noun, words_.place.metadata);
}

void Grammar::metadata_option(CLI::App& noun, std::vector<std::string>& metadata) {
  noun.add_option("--metadata", metadata, "key=value; with edit also key- to take it away; repeatable")->allow_extra_args(false);
}

}  // namespace abide::ctl
