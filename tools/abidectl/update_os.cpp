// abidectl update-os: says what would happen, asks, does it.
#include <algorithm>
#include <fstream>
#include <istream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/calendar.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"
#include "tools/abidectl/update_plan.hpp"

namespace abide::ctl {

namespace {

constexpr std::size_t hosts_max = 10'000;  // of one call
constexpr std::int64_t ms_per_second = 1'000;
// What orch-cli gives a host: from so long after now on, to so long after now.
constexpr std::int64_t orch_lead_seconds = 30;
constexpr std::int64_t orch_end_seconds = 660;
constexpr std::size_t csv_bytes_max = 2U << 20U;  // of one call's hosts

// The window to be made, by the clock of the moment.
struct NewWindow {
  std::int64_t at_ms = 0;  // 0: now
  std::int64_t lasts_ms = 0;
  // The API refuses a start that has passed; now is as soon as that allows.
  std::int64_t lead_seconds = 1;

  [[nodiscard]] Interval interval(std::int64_t now_ms) const {
    const auto start = at_ms == 0 ? now_ms / ms_per_second + lead_seconds : at_ms / ms_per_second;
    return {start, start + lasts_ms / ms_per_second};
  }
};

struct Wanted {
  UpdateWish wish;
  std::optional<NewWindow> window;
  std::optional<Json> place;  // the site or the region
  const Kind* place_kind = nullptr;
  bool as_orch = false;
};

// Hosts that the same is wanted of, and what comes of it.
struct Part {
  Wanted wanted;
  Json hosts = Json::array();
  std::vector<PlannedHost> plan;
};

Result<std::optional<NewWindow>> read_window(const UpdateOs& asked, std::int64_t now_ms) {
  if (asked.as_orch()) return std::optional(NewWindow{0, (orch_end_seconds - orch_lead_seconds) * ms_per_second, orch_lead_seconds});
  if (!asked.now && asked.at.empty()) return std::optional<NewWindow>();
  NewWindow window;
  if (!asked.at.empty()) {
    const auto at = parse_when(asked.at, now_ms);
    if (!at) return fail(at.error().in("--at"));
    if (*at <= now_ms) return fail(Code::invalid_input, "--at " + asked.at + " has passed; for now give --now");
    window.at_ms = *at;
  }
  const auto lasts = parse_duration_ms(asked.lasts);
  if (!lasts) return fail(lasts.error().in("--for"));
  if (*lasts < ms_per_second) return fail(Code::invalid_input, "--for is at least 1s");
  window.lasts_ms = *lasts;
  return std::optional<NewWindow>(window);
}

Result<Wanted> read_wish(Session& session, const UpdateOs& asked) {
  Wanted wanted;
  const auto now_ms = session.around.now_ms();
  auto window = read_window(asked, now_ms);
  if (!window) return fail(window.error());
  wanted.window = *window;
  wanted.wish.now_seconds = now_ms / ms_per_second;
  if (wanted.window) {
    wanted.wish.window = wanted.window->interval(now_ms);
    // For people, "now" is now, though the API wants a second more.
    if (asked.now) wanted.wish.window->begin = wanted.wish.now_seconds;
  }
  wanted.as_orch = asked.as_orch();
  if (const auto& name = asked.policy.empty() ? asked.assign : asked.policy; !name.empty()) {
    auto policy = find(session, kind_of("osupdatepolicy"), name);
    if (!policy) return fail(policy.error());
    wanted.wish.policy = std::move(*policy);
  }
  if (asked.as_orch() || !asked.filter.empty()) return wanted;  // each host itself
  const auto& name = asked.site.empty() ? asked.region : asked.site;
  if (name.empty()) return wanted;
  wanted.place_kind = &kind_of(asked.site.empty() ? "region" : "site");
  auto place = find(session, *wanted.place_kind, name);
  if (!place) return fail(place.error());
  (asked.site.empty() ? wanted.wish.region_id : wanted.wish.site_id) = text_at(*place, "resourceId");
  wanted.place = std::move(*place);
  return wanted;
}

Result<Json> read_hosts(Session& session, const UpdateOs& asked) {
  const Kind& host_kind = kind_of("host");
  Json hosts = Json::array();
  for (const auto& name : asked.hosts) {
    auto host = find(session, host_kind, name);
    if (!host) return fail(host.error());
    const bool again = std::any_of(hosts.begin(), hosts.end(),
                                   [&](const Json& other) { return text_at(other, "resourceId") == text_at(*host, "resourceId"); });
    if (!again) hosts.push_back(std::move(*host));
  }
  if (asked.hosts.empty()) {
    Selection selection;
    selection.site = asked.site;
    selection.region = asked.region;
    selection.filter = asked.filter;
    auto selected = select(session, host_kind, selection);
    if (!selected) return selected;
    hosts = std::move(*selected);
  }
  if (hosts.size() > hosts_max)
    return fail(Code::denied, std::to_string(hosts.size()) + " hosts are more than the " + std::to_string(hosts_max) +
                                  " of one call: name a smaller region, or sites");
  return hosts;
}

// A part for each policy that is in the file. All hosts and policies are known before anything is changed.
Result<std::vector<Part>> read_csv(Session& session, const UpdateOs& asked) {
  auto text = read_file(session, asked.import_csv, csv_bytes_max);
  if (!text) return fail(text.error());
  const auto& source = asked.import_csv;
  const auto rows = read_orch_csv(source, *text);
  if (!rows) return fail(rows.error());
  if (rows->size() > hosts_max)
    return fail(Code::denied, source + ": has more than the " + std::to_string(hosts_max) + " hosts of one call");
  std::vector<Part> parts;
  std::map<std::string, std::size_t> by_policy;
  for (const auto& row : *rows) {
    const auto where = source + ":" + std::to_string(row.line);
    auto host = find(session, kind_of("host"), row.host_id);
    if (!host) return fail(host.error().in(where));
    if (text_at(*host, "name") != row.name)
      return fail(Code::conflict, where + ": host " + row.host_id + " is named " + text_at(*host, "name") + ", not " + row.name);
    const auto [at, is_new] = by_policy.try_emplace(row.policy, parts.size());
    if (is_new) {
      UpdateOs of_part = asked;
      of_part.assign = row.policy;
      auto wanted = read_wish(session, of_part);
      if (!wanted) return fail(wanted.error().in(where));
      parts.push_back({std::move(*wanted), Json::array(), {}});
    }
    parts[at->second].hosts.push_back(std::move(*host));
  }
  return parts;
}

Result<std::vector<Part>> read_parts(Session& session, const UpdateOs& asked) {
  if (!asked.import_csv.empty()) return read_csv(session, asked);
  auto wanted = read_wish(session, asked);
  if (!wanted) return fail(wanted.error());
  auto hosts = read_hosts(session, asked);
  if (!hosts) return fail(hosts.error());
  std::vector<Part> parts;
  parts.push_back({std::move(*wanted), std::move(*hosts), {}});
  return parts;
}

Result<void> plan_parts(Session& session, std::vector<Part>& parts) {
  UpdateFacts facts;
  auto resources = list_all(session, kind_of("osprofile"));
  if (!resources) return fail(resources.error());
  facts.os_resources = std::move(*resources);
  auto schedules = list_all(session, kind_of("schedule"));
  if (!schedules) return fail(schedules.error());
  facts.schedules = std::move(*schedules);
  for (auto& part : parts) {
    facts.hosts = std::move(part.hosts);
    part.plan = plan_update(facts, part.wanted.wish);
  }
  return {};
}

// The file that --import-from-csv takes, to be edited first; without a selection only its head.
Result<void> generate_csv(Session& session, const UpdateOs& asked) {
  std::string text = std::string(orch_csv_head) + "\n";
  std::size_t count = 0;
  if (!asked.hosts.empty() || !(asked.site + asked.region + asked.filter).empty()) {
    auto hosts = read_hosts(session, asked);
    if (!hosts) return fail(hosts.error());
    for (const auto& host : *hosts)
      text += text_at(host, "name") + "," + text_at(host, "resourceId") + "," + text_at(host, "instance.updatePolicy.resourceId") + "\n";
    count = hosts->size();
  }
  if (asked.generate_csv == "-") {
    *session.around.out << text;
    return {};
  }
  std::ofstream file(asked.generate_csv, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (!file) return fail(Code::denied, asked.generate_csv + ": cannot be written");
  *session.around.out << asked.generate_csv << " written, with " << count << (count == 1 ? " host" : " hosts") << "\n";
  return {};
}

bool is_done(Verdict verdict) {
  return verdict == Verdict::updates || verdict == Verdict::goes_on || verdict == Verdict::waits;
}

std::string shown_window(const std::optional<Interval>& window, const Reading& reading) {
  if (!window) return {};
  const auto end = window->end >= open_end ? std::string(" on") : " to " + local_rfc3339(window->end * ms_per_second);
  return (window->begin * ms_per_second <= reading.now_ms ? "now" : local_rfc3339(window->begin * ms_per_second)) + end;
}

std::size_t count(const std::vector<PlannedHost>& plan, Verdict verdict) {
  return static_cast<std::size_t>(std::count_if(plan.begin(), plan.end(), [&](const auto& host) { return host.verdict == verdict; }));
}

std::string counted(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

void print_plan(Session& session, const std::vector<PlannedHost>& plan) {
  Table table{{"HOST", "RUNS", "GOES TO", "POLICY", "WHEN", "VERDICT"}, {}};
  for (const auto& host : plan) {
    table.rows.push_back({host.name, host.from, host.to == host.from ? "" : host.to, host.policy,
                          shown_window(host.window, session.reading()),
                          std::string(to_string(host.verdict)) + (host.why.empty() ? "" : ": " + host.why)});
  }
  auto& out = *session.around.out;
  out << to_text(table);
  const auto asked = count(plan, Verdict::goes_on);
  out << "\n" << counted(plan.size(), "host") << ": " << count(plan, Verdict::updates) + asked << " would update";
  if (asked != 0) out << " (" << asked << " asked before)";
  const std::pair<Verdict, const char*> words[] = {
      {Verdict::waits, " would, but without a window"}, {Verdict::current, " up to date"}, {Verdict::refused, " refused"}};
  for (const auto& [verdict, text] : words) {
    if (const auto number = count(plan, verdict); number != 0) out << ", " << number << text;
  }
  out << "\n";
}

Json plan_document(const std::vector<PlannedHost>& plan) {
  Json hosts = Json::array();
  for (const auto& host : plan) {
    Json one = {{"name", host.name}, {"resourceId", host.host_id}, {"verdict", to_string(host.verdict)}, {"from", host.from}};
    if (!host.to.empty()) one["to"] = host.to;
    if (!host.policy.empty()) one["policy"] = host.policy;
    if (!host.why.empty()) one["why"] = host.why;
    if (host.window) {
      one["window"] = {{"opensAt", host.window->begin}};
      if (host.window->end < open_end) one["window"]["closesAt"] = host.window->end;
    }
    hosts.push_back(std::move(one));
  }
  Json document = {{"hosts", std::move(hosts)}};
  for (const auto verdict : {Verdict::updates, Verdict::goes_on, Verdict::waits, Verdict::current, Verdict::refused})
    document["counts"][to_string(verdict)] = count(plan, verdict);
  return document;
}

// y, or yes. A word that is none of these is no.
Result<bool> agreed(Session& session, const std::string& question) {
  if (!session.around.in_is_terminal)
    return fail(Code::invalid_input, "nobody is there to be asked: give --yes to do this, or --dry-run to see only what it would do");
  *session.around.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(*session.around.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// One change at a time; what the server refuses of one host keeps no other from its update.
class Doing {
 public:
  Doing(Session& session, std::size_t all) : session_(session), all_(all) {}

  // False: it makes no sense to go on.
  bool step(const std::string& called, const std::function<Result<std::string>()>& change) {
    ++at_;
    auto done = change();
    const auto head = "[" + std::to_string(at_) + "/" + std::to_string(all_) + "] " + called;
    if (done) {
      if (!session_.as_document()) *session_.around.out << head << " " << *done << "\n" << std::flush;
      return true;
    }
    *session_.around.err << head << ": " << done.error().message << "\n";
    if (!first_) first_ = done.error();
    ++failed_;
    return done.error().code != Code::unavailable && done.error().code != Code::timeout;
  }
  [[nodiscard]] Result<void> outcome() const {
    if (!first_) return {};
    return fail(first_->code, std::to_string(failed_) + " of " + std::to_string(all_) + " could not be done" +
                                  (at_ < all_ ? ", " + std::to_string(all_ - at_) + " not tried" : "") + ": " + first_->message);
  }

 private:
  Session& session_;
  std::size_t all_;
  std::size_t at_ = 0;
  std::size_t failed_ = 0;
  std::optional<Error> first_;
};

// Links, and opens the window, of one host or one place. The sentence for people.
Result<std::string> change_one(Session& session, const Wanted& wanted, const std::string& policy_path, const char* target_member,
                               const std::string& target_id) {
  std::string done;
  if (!policy_path.empty()) {
    auto linked = session.client.send("PATCH", policy_path, Json{{"osUpdatePolicyID", text_at(*wanted.wish.policy, "resourceId")}});
    if (!linked) return fail(linked.error());
    done = "linked to " + text_at(*wanted.wish.policy, "name");
  }
  if (wanted.window) {
    const auto interval = wanted.window->interval(session.around.now_ms());
    const Json body = {{"name", wanted.as_orch ? target_id + "_immediate_os_update" : "update-os " + target_id},
                       {"scheduleStatus", "SCHEDULE_STATUS_OS_UPDATE"},
                       {"startSeconds", interval.begin},
                       {"endSeconds", interval.end},
                       {target_member, target_id}};
    auto made = session.client.send("POST", kind_of("schedule").path, body);
    if (!made) return fail(made.error());
    done += std::string(done.empty() ? "has" : ",") + " a window up to " + local_rfc3339(interval.end * ms_per_second);
  }
  return done;
}

Result<void> change_place(Session& session, const Wanted& wanted) {
  const auto id = text_at(*wanted.place, "resourceId");
  const bool links = wanted.wish.policy && text_at(*wanted.place, "updatePolicy.resourceId") != text_at(*wanted.wish.policy, "resourceId");
  if (!links && !wanted.window) return {};
  Doing doing(session, 1);
  (void)doing.step(wanted.place_kind->noun + " " + text_at(*wanted.place, "name"), [&] {
    return change_one(session, wanted, links ? path_of(*wanted.place_kind, id) : "",
                      wanted.place_kind->noun == "site" ? "targetSiteId" : "targetRegionId", id);
  });
  return doing.outcome();
}

// orch-cli gives its policy and its window also to a host that runs its image already.
bool is_changed(const Wanted& wanted, const PlannedHost& host) {
  if (wanted.as_orch) return host.verdict != Verdict::refused;
  return is_done(host.verdict) && (wanted.window || (host.links && host.verdict != Verdict::goes_on));
}

Result<void> change_all(Session& session, const std::vector<Part>& parts) {
  if (parts.front().wanted.place) return change_place(session, parts.front().wanted);
  std::vector<std::pair<const Wanted*, const PlannedHost*>> changed;
  std::size_t refused = 0;
  for (const auto& part : parts) {
    for (const auto& host : part.plan)
      if (is_changed(part.wanted, host)) changed.emplace_back(&part.wanted, &host);
    refused += count(part.plan, Verdict::refused);
  }
  Doing doing(session, changed.size());
  for (const auto& [wanted, host] : changed) {
    const bool links = host->links && host->verdict != Verdict::goes_on;
    if (!doing.step("host " + host->name, [&, wanted = wanted, host = host] {
          return change_one(session, *wanted, links ? path_of(kind_of("instance"), host->instance_id) : "", "targetHostId", host->host_id);
        }))
      break;
  }
  if (auto done = doing.outcome(); !done) return done;
  if (parts.front().wanted.as_orch && refused != 0) return fail(Code::denied, counted(refused, "host") + " refused: see the verdicts");
  return {};
}

std::string question_of(const Wanted& wanted, std::size_t hosts) {
  std::string what;
  if (wanted.wish.policy) what = "link policy " + text_at(*wanted.wish.policy, "name");
  if (wanted.window)
    what += std::string(what.empty() ? "" : " and ") + "open a window of " + shown_duration(wanted.window->lasts_ms / ms_per_second);
  const auto where = wanted.place ? wanted.place_kind->noun + " " + text_at(*wanted.place, "name") + " with " + counted(hosts, "host")
                                  : counted(hosts, "host");
  what[0] = static_cast<char>(what[0] - 'a' + 'A');
  return what + " for " + where + "?";
}

}  // namespace

Result<void> update_os(Session& session, const UpdateOs& asked) {
  if (!asked.generate_csv.empty()) return generate_csv(session, asked);
  auto parts = read_parts(session, asked);
  if (!parts) return fail(parts.error());
  if (auto planned = plan_parts(session, *parts); !planned) return planned;
  std::vector<PlannedHost> plan;
  for (const auto& part : *parts) plan.insert(plan.end(), part.plan.begin(), part.plan.end());
  const Wanted& wanted = parts->front().wanted;
  if (plan.empty())
    return fail(Code::not_found,
                wanted.place ? "there is no host in " + (asked.site.empty() ? asked.region : asked.site) : "there is no such host");
  if (session.as_document()) {
    print_document(session, plan_document(plan));
  } else {
    print_plan(session, plan);
  }
  const auto hosts = static_cast<std::size_t>(std::count_if(
      plan.begin(), plan.end(), [&](const auto& host) { return wanted.as_orch ? is_changed(wanted, host) : is_done(host.verdict); }));
  const bool all_refused = count(plan, Verdict::refused) == plan.size();
  if (hosts == 0) {
    if (all_refused) return fail(Code::denied, "no host can be updated: see the verdicts");
    if (!session.as_document()) *session.around.out << "nothing to do\n";
    return {};
  }
  if (asked.dry_run) {
    if (!session.as_document()) *session.around.out << "a dry run: nothing was changed\n";
    return {};
  }
  if (!wanted.wish.policy && !wanted.window) {
    if (!session.as_document()) *session.around.out << "nothing to change: without --policy, --now or --at it goes as it is scheduled\n";
    return {};
  }
  if (!asked.yes && !wanted.as_orch) {
    const auto yes = agreed(session, question_of(wanted, hosts));
    if (!yes) return fail(yes.error());
    if (!*yes) return fail(Code::denied, "nothing was changed");
  }
  return change_all(session, *parts);
}

}  // namespace abide::ctl
