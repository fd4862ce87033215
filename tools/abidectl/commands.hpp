#pragma once
// What the verbs do, once the grammar has read them. Each prints what it has done; errors go up.
#include <optional>
#include <string>
#include <vector>

#include "tools/abidectl/session.hpp"

namespace abide::ctl {

struct Selection {
  std::string name;    // empty: all
  std::string host;    // only what belongs to it
  std::string filter;  // the API's own language
  bool watch = false;
  double interval_seconds = 1.0;
  int limit = 100;  // events
};

Result<Json> select(Session& session, const Kind& kind, const Selection& selection);
Result<void> get(Session& session, const Kind& kind, const Selection& selection);
Result<void> watch(Session& session, const Kind& kind, const Selection& selection);
Result<void> get_events(Session& session, const Selection& selection);
Result<void> describe(Session& session, const Kind& kind, const std::string& name);
Result<void> remove(Session& session, const Kind& kind, const std::string& name);

struct NewPolicy {
  std::string name;
  std::string description;
  bool latest = false;
  std::string target;
  bool allow_downgrade = false;
  std::string file;  // instead of all others; "-": standard input
};
Result<void> create_policy(Session& session, const NewPolicy& policy);
Result<void> create_os_profile(Session& session, const std::string& file);

struct NewSchedule {
  std::string name;
  std::string host;
  std::string type;  // osupdate, maintenance
  std::string start;
  std::string end;
};
Result<void> create_schedule(Session& session, const NewSchedule& schedule);
Result<void> create_host(Session& session, const std::string& name, const std::string& uuid);

struct ScheduleEdit {
  std::string name;  // of the schedule as it is
  std::optional<std::string> new_name, type, start, end, host;
};
Result<void> edit_schedule(Session& session, const ScheduleEdit& edit);
Result<void> edit_host(Session& session, const std::string& name, const std::string& new_name);

// Hosts by name; `all` instead of names. All are tried, the first error decides the exit code.
struct Hosts {
  std::vector<std::string> names;
  bool all = false;
};
Result<void> link_policy(Session& session, const std::string& policy, const Hosts& hosts);
Result<void> unlink_policy(Session& session, const std::string& policy, const Hosts& hosts);
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
Result<void> explain_host(Session& session, const std::string& host);
Result<void> refresh_sources(Session& session);

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
