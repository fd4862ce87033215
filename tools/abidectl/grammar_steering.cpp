// What changes where nodes go: link, unlink, update-os, pause, resume, abort, confirm, resolve, refresh.
#include <CLI/CLI.hpp>

#include "tools/abidectl/grammar_parts.hpp"

namespace abide::ctl {

void Grammar::targets_by_flag(CLI::App& noun) {
  auto* hosts =
      noun.add_option("--host", words_.targets.hosts.names, "host by name, resource id or UUID; repeatable")->allow_extra_args(false);
  noun.add_option("--instance", words_.targets.instances, "instance of a host; repeatable")->allow_extra_args(false);
  noun.add_option("--site", words_.targets.sites, "site: its hosts without a policy of their own; repeatable")->allow_extra_args(false);
  noun.add_option("--region", words_.targets.regions, "region: all below it without a nearer policy; repeatable")->allow_extra_args(false);
  auto* all = noun.add_flag("--all", words_.targets.hosts.all, "every host of the project");
  hosts->excludes(all);
}

void Grammar::linking() {
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

void Grammar::updating() {
  const std::string examples =
      "  abidectl update-os host edge-1 edge-2 --policy newest --now\n"
      "  abidectl update-os --site munich --policy newest --at 2026-11-25T02:00:00+01:00 --for 3h --yes\n"
      "  abidectl update-os --region bavaria --dry-run";
  auto& update = verb("update-os", "Says which hosts would update, when, and which not and why; asks; links and opens a window", examples);
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

void Grammar::order(const std::string& name, const std::string& what, const std::string& done) {
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
void Grammar::confirming() {
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

void Grammar::steering() {
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

}  // namespace abide::ctl
