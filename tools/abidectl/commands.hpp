#pragma once
// What the verbs do, once the grammar has read them. Each prints what it has done; errors go up.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/abidectl/orch_words.hpp"
#include "tools/abidectl/session.hpp"

namespace abide::ctl {

struct Selection {
  std::string name;    // empty: all
  std::string host;    // only what belongs to it
  std::string site;    // only what is in it
  std::string region;  // only what is in it, and in all below it
  std::string filter;  // the API's own language
  bool watch = false;
  double interval_seconds = 1.0;
  int limit = 100;    // events
  bool tree = false;  // regions, with their sites
};

Result<Json> select(Session& session, const Kind& kind, const Selection& selection);
Result<void> get(Session& session, const Kind& kind, const Selection& selection);
Result<void> watch(Session& session, const Kind& kind, const Selection& selection);
Result<void> get_events(Session& session, const Selection& selection);
Result<void> describe_event(Session& session, const std::string& sequence);
Result<void> describe(Session& session, const Kind& kind, const std::string& name);
Result<void> remove(Session& session, const Kind& kind, const std::string& name);

struct NewPolicy {
  std::string name;
  std::string description;
  bool latest = false;
  std::string target;
  bool allow_downgrade = false;
  bool allow_profile_change = false;
};
Result<void> create_policy(Session& session, const NewPolicy& policy);

struct PolicyEdit {
  std::string name;  // of the policy as it is
  std::optional<std::string> new_name, description;
};
Result<void> edit_policy(Session& session, const PolicyEdit& edit);

// A file, or "-": standard input.
Result<std::string> read_file(Session& session, const std::string& path, std::size_t bytes_max);

// Files, folders, or "-": standard input. With `kind` every document is of it; without, each says itself what it is. All of
// them are read and understood before the first one is sent.
Result<void> create_from_files(Session& session, const std::vector<std::string>& paths, const Kind* kind);

struct NewSchedule {
  std::string name;
  std::string host, site, region;    // one of them
  std::string type;                  // osupdate, maintenance, blackout
  std::string start, end;            // a single one
  std::string cron, duration, zone;  // a repeated one; the duration also as a number of seconds
  OrchSchedule orch;                 // or its words in place of all but the name and the duration
};
Result<void> create_schedule(Session& session, const NewSchedule& schedule);
// The members of the API but for the target. invalid_input names the flag, without its dashes.
Result<Json> schedule_body(const NewSchedule& schedule, std::int64_t now_ms);

struct ScheduleEdit {
  std::string name;  // of the schedule as it is
  std::optional<std::string> new_name, type, start, end, cron, duration, zone, host, site, region;
  OrchSchedule orch;  // or its words
};
Result<void> edit_schedule(Session& session, const ScheduleEdit& edit);

inline constexpr const char* nowhere_word = "none";  // as the name of a site or a region: of none

struct HostEdit {
  std::string name;  // of the host as it is; of a new one, its name
  std::string uuid;  // of a new one
  std::optional<std::string> new_name, site;
  std::vector<std::string> metadata;  // key=value, or key- to take it away
};
Result<void> create_host(Session& session, const HostEdit& host);
Result<void> edit_host(Session& session, const HostEdit& edit);

struct PlaceEdit {
  std::string name;  // of the place as it is; of a new one, its name
  std::optional<std::string> new_name;
  std::optional<std::string> region;  // that it lies in
  std::optional<std::string> latitude, longitude;
  std::vector<std::string> metadata;
};
Result<void> create_place(Session& session, const Kind& kind, const PlaceEdit& place);
Result<void> edit_place(Session& session, const Kind& kind, const PlaceEdit& edit);
// Regions in each other, sites in them.
Result<void> get_tree(Session& session);

// Whether a region, as part of something else, is this one or lies in it.
bool lies_in(const Json& region, const std::string& region_id);

// Hosts by name; `all` instead of names. All are tried, the first error decides the exit code.
struct Hosts {
  std::vector<std::string> names;
  bool all = false;
  bool of_instances = false;  // the names are of the hosts' instances
};
struct HostName {
  std::string id, name;
};
// With a filter: of all, only those. not_found, before anything is done, if one of the names is nobody's.
Result<std::vector<HostName>> find_hosts(Session& session, const Hosts& hosts, const std::string& filter = {});
// One order a host; goes on after a refusal, so that one host does not keep the others from theirs.
Result<void> each_host(Session& session, const std::vector<HostName>& hosts, const std::string& done,
                       const std::function<Result<Json>(const HostName& host)>& order);
// What policies are linked to.
struct Targets {
  Hosts hosts;
  std::vector<std::string> instances, sites, regions;
};
Result<void> link_policy(Session& session, const std::string& policy, const Targets& targets);
// Hosts that are selected instead of named.
Result<void> link_policy(Session& session, const std::string& policy, const Selection& selection);
Result<void> unlink_policy(Session& session, const std::string& policy, const Targets& targets);  // empty: from any
// Shows what confirming asks of each held host and where that is not what the host shows, then confirms them: on a terminal
// after a question, unless `yes`. `all`: those that are held.
struct Confirming {
  Hosts hosts;
  bool dry_run = false;
  bool yes = false;
};
Result<void> confirm_hosts(Session& session, const Confirming& confirming);
// pause, resume, abort: one POST a host. `done` is the word for people: "paused".
Result<void> order_hosts(Session& session, const std::string& verb, const std::string& done, const Hosts& hosts);
Result<void> resolve_host(Session& session, const std::string& host, const std::string& journal);
void print_explanation(Session& session, const Json& host, const Json& answer);
Result<void> explain_host(Session& session, const std::string& name, bool is_instance);

struct UpdateOs {
  std::vector<std::string> hosts;  // or what is below
  std::string site, region;
  std::string filter;  // the API's own language; with a place: hosts of it
  std::string policy;  // to be linked; empty: what applies already
  bool now = false;    // makes a window now, or at a time; neither: those that are scheduled
  std::string at;
  std::string lasts = "2h";  // that window
  bool dry_run = false;
  bool yes = false;  // asks nobody
  // As orch-cli does it: each host itself is linked, and gets a window from now + 30 s to now + 660 s, without a question.
  std::string assign;      // its --osupdatepolicy
  std::string import_csv;  // a file of hosts with policies
  [[nodiscard]] bool as_orch() const { return !assign.empty() || !import_csv.empty(); }
  std::string generate_csv;  // only writes that file; "-": to standard output
};
Result<void> update_os(Session& session, const UpdateOs& asked);

Result<void> refresh_sources(Session& session);

// abidectl config: the contexts of the configuration file. Ask no server.
struct ContextEdit {
  std::string name;
  std::optional<std::string> server, project, output;
};
Result<void> get_contexts(Session& session);
Result<void> use_context(Session& session, const std::string& name);
Result<void> set_context(Session& session, const ContextEdit& edit);

inline constexpr int next_openings_max = 1'000;
struct NextOpenings {
  std::string cron;           // five fields, as a repeated schedule has them
  std::string zone;           // IANA name; empty: UTC
  std::string after = "now";  // as parse_when takes it
  int count = 10;
};
// One RFC 3339 time a line, in that zone. Asks no server.
Result<void> next_openings(Session& session, const NextOpenings& asked);

}  // namespace abide::ctl
