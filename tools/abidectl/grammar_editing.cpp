// set and edit.
#include <CLI/CLI.hpp>

#include "tools/abidectl/grammar_parts.hpp"

namespace abide::ctl {

// Its `set`, beside our `edit` and `link`.
void Grammar::setting() {
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

void Grammar::editing() {
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

}  // namespace abide::ctl
