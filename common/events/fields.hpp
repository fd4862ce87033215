#pragma once
// The fields of everything that travels or is journaled, once: name, member, and limit where the type has none of its own.
// Order is the contract's: a field's place here is its id in schemas/*.fbs (a test compares the two), and its place in a
// log line. Bytes (codec.cpp), lines (print.cpp), limits and the tests' generators are made from these lists, so a new field
// is one line in the struct, one in the schema, one here. Plain C++; nothing is read or written by this file.
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "common/core/ids.hpp"
#include "common/core/machine.hpp"
#include "common/events/document.hpp"
#include "common/events/messages.hpp"
#include "common/events/node_events.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide {

// What a visitor is told about a member beside its type.
struct Text {  // UTF-8
  std::size_t bytes_max;
};
struct Bytes {  // anything
  std::size_t bytes_max;
};
struct Secret {  // bytes that are never printed
  std::size_t bytes_max;
};
struct Items {  // how many a list may have
  std::size_t count_max;
};
struct Moment {  // of an std::int64_t: time of day, in units of so many milliseconds
  std::int64_t unit_ms = 1;
};
struct UpTo {  // of an std::uint32_t
  std::uint32_t max;
};

inline constexpr Text id_text{64};     // of a resource of the REST API; an architecture; an enum's name
inline constexpr Text name_text{256};  // a name, a version, a few words
inline constexpr Text profile_text{128};
inline constexpr Text project_text{100};
inline constexpr Text request_text{128};
inline constexpr Text detail_text{512};  // one line
inline constexpr Text url_text{2048};
inline constexpr Text output_text{2048};  // the end of what a program printed
inline constexpr Text error_text{4096};
inline constexpr Text description_text{4096};
inline constexpr Text json_text{16 * 1024};
inline constexpr Bytes manifest_bytes{manifest_bytes_max};
inline constexpr Bytes os_list_bytes{os_list_bytes_max};
inline constexpr Bytes signature_bytes{16 * 1024};
inline constexpr Bytes body_bytes{512 * 1024};
inline constexpr Bytes envelope_bytes{256 * 1024};  // of a node's event: more than the largest that the limits here allow
inline constexpr Secret key_bytes{32};
inline constexpr Text cron_text{cron_field_bytes_max};
inline constexpr Text metadata_text{256};
inline constexpr Items metadata_items{100};
inline constexpr Items urls_items{urls_max};
inline constexpr Items checks_items{64};
static_assert(output_text.bytes_max == output_tail_bytes_max && detail_text.bytes_max == detail_bytes_max);

// Counts and times are kept where sums of a few cannot overflow, and where JSON's numbers are exact.
inline constexpr std::int64_t whole_max = std::int64_t{1} << 53;

template <class E, class T>
concept Is = std::same_as<std::remove_const_t<E>, T>;

// ---- parts -------------------------------------------------------------------------------------------------------------

void fields(auto& v, Is<Cause> auto& e) {
  v("journal", e.journal);
  v("sequence", e.sequence);
  v("request", e.request, request_text);
}
void fields(auto& v, Is<Outcome> auto& e) {
  v("offer", e.offer);
  v("kind", e.kind);
  v("reason", e.reason);
}
void fields(auto& v, Is<Identity> auto& e) {
  v("profile_name", e.profile_name, name_text);
  v("os_image_id", e.os_image_id, name_text);
  v("architecture", e.architecture, id_text);
  v("digest", e.digest);
  v("agent_version", e.agent_version, id_text);
}
void fields(auto& v, Is<Evidence> auto& e) {
  v("check", e.check, name_text);
  v("output_tail", e.output_tail, output_text);
  v("attempts", e.attempts);
  v("boot_cause", e.boot_cause);
  v("detail", e.detail, detail_text);
}
void fields(auto& v, Is<HealthCheckResult> auto& e) {
  v("name", e.name, name_text);
  v("passed", e.passed);
  v("took_ms", e.took_ms);
  v("output_tail", e.output_tail, output_text);
}
void fields(auto& v, Is<Artifact> auto& e) {
  v("sha256", e.sha256);
  v("size", e.size);
}
void fields(auto& v, Is<Release> auto& e) {
  v("os_resource_id", e.os_resource_id, id_text);
  v("profile_name", e.profile_name, profile_text);
  v("os_image_id", e.os_image_id, name_text);
  v("architecture", e.architecture, id_text);
  v("artifact", e.artifact);
  v("raw", e.raw);
  v("urls", e.urls, urls_items, url_text);
  v("policy_id", e.policy_id, id_text);
  v("manifest", e.manifest);
}
void fields(auto& v, Is<LinkedRelease> auto& e) {
  v("offer", e.offer);
  v("release", e.release);
  v("allow_downgrade", e.allow_downgrade);
  v("paused", e.paused);
  v("aborted", e.aborted);
  v("allow_profile_change", e.allow_profile_change);
}
void fields(auto& v, Is<Window> auto& e) {
  v("id", e.id, id_text);
  v("opens_at_ms", e.opens_at_ms, Moment{});
  v("closes_at_ms", e.closes_at_ms, Moment{});
}
void fields(auto& v, Is<DocumentBody> auto& e) {
  v("link", e.link);
  v("window", e.window);
  v("manifest", e.manifest, manifest_bytes);
  v("signature", e.signature, signature_bytes);
}

// ---- events of nodes ---------------------------------------------------------------------------------------------------

void fields(auto& v, Is<AgentStarted> auto& e) {
  v("boot", e.boot);
  v("slot", e.slot);
  v("default_slot", e.default_slot);
  v("came_up", e.came_up);
  v("boot_cause", e.boot_cause);
  v("identity", e.identity);
  v("mono_ms", e.mono_ms);
}
void fields(auto& v, Is<BootCleared> auto& e) {
  v("boot", e.boot);
  v("returning", e.returning);
}
void fields(auto& v, Is<DocumentTaken> auto& e) {
  v("number", e.number);
  v("digest", e.digest);
  v("tag", e.tag);
  v("link", e.link);
  v("window", e.window);
  v("fault", e.fault);
  v("fault_detail", e.fault_detail, detail_text);
}
void fields(auto& v, Is<Accepted> auto& e) {
  v("offer", e.offer);
  v("release", e.release);
}
void fields(auto& v, Is<ImageStaged> auto& e) {
  v("offer", e.offer);
  v("slot", e.slot);
  v("digest", e.digest);
  v("bytes", e.bytes);
  v("took_ms", e.took_ms);
  v("reused", e.reused);
}
void fields(auto& v, Is<SwitchBegan> auto& e) {
  v("offer", e.offer);
}
void fields(auto& v, Is<RebootOrdered> auto& e) {
  v("offer", e.offer);
  v("boot", e.boot);
}
void fields(auto& v, Is<SwitchWithdrawn> auto& e) {
  v("offer", e.offer);
  v("why", e.why, name_text);
}
void fields(auto& v, Is<SwitchCleared> auto& e) {
  v("offer", e.offer);
  v("why", e.why, name_text);
}
void fields(auto& v, Is<TrialStarted> auto& e) {
  v("offer", e.offer);
  v("attempt", e.attempt);
  v("outside_window", e.outside_window);
  v("boot", e.boot);
  v("mono_ms", e.mono_ms);
}
void fields(auto& v, Is<TrialInterrupted> auto& e) {
  v("offer", e.offer);
  v("attempt", e.attempt);
  v("boot_cause", e.boot_cause);
}
void fields(auto& v, Is<TrialPassed> auto& e) {
  v("offer", e.offer);
  v("checks", e.checks, checks_items);
}
void fields(auto& v, Is<RollbackBegan> auto& e) {
  v("offer", e.offer);
  v("reason", e.reason);
  v("evidence", e.evidence);
}
void fields(auto& v, Is<Succeeded> auto& e) {
  v("offer", e.offer);
  v("from", e.from, name_text);
  v("to", e.to, name_text);
  v("digest", e.digest);
}
void fields(auto& v, Is<Failed> auto& e) {
  v("offer", e.offer);
  v("reason", e.reason);
  v("from", e.from, name_text);
  v("to", e.to, name_text);
  v("evidence", e.evidence);
}
void fields(auto& v, Is<RolledBack> auto& e) {
  v("offer", e.offer);
  v("reason", e.reason);
  v("from", e.from, name_text);
  v("to", e.to, name_text);
  v("evidence", e.evidence);
}
void fields(auto& v, Is<Cancelled> auto& e) {
  v("offer", e.offer);
  v("why", e.why);
  v("from", e.from, name_text);
  v("to", e.to, name_text);
}
void fields(auto& v, Is<ClockDistrusted> auto& e) {
  v("offer", e.offer);
}
void fields(auto& v, Is<JournalForked> auto& e) {
  v("old_journal", e.old_journal);
  v("last", e.last);
  v("offer", e.offer);
  v("phase", e.phase);
  v("outcome", e.outcome);
}

// ---- messages ----------------------------------------------------------------------------------------------------------

void fields(auto& v, Is<RollCall> auto& e) {
  v("life", e.life);
  v("spread_ms", e.spread_ms);
  v("epoch", e.epoch);
}
void fields(auto& v, Is<Held> auto& e) {
  v("number", e.number);
  v("digest", e.digest);
  v("tag", e.tag);
}
void fields(auto& v, Is<Hello> auto& e) {
  v("life", e.life);
  v("ask", e.ask);
  v("nonce", e.nonce);
  v("base", e.base);
  v("base_chain", e.base_chain);
  v("last", e.last);
  v("held", e.held);
  v("offer", e.offer);
  v("phase", e.phase);
  v("outcome", e.outcome);
  v("slot", e.slot);
  v("boot", e.boot);
  v("identity", e.identity);
}
void fields(auto& v, Is<Welcome> auto& e) {
  v("nonce", e.nonce);
  v("head", e.head);
  v("now_ms", e.now_ms, Moment{});
}
void fields(auto& v, Is<Received> auto& e) {
  v("life", e.life);
  v("ask", e.ask);
  v("journal", e.journal);
  v("upto", e.upto);
  v("chain", e.chain);
  v("welcome", e.welcome);
}
void fields(auto& v, Is<Document> auto& e) {
  v("number", e.number);
  v("tag", e.tag);
  v("body", e.body, body_bytes);
}
void fields(auto& v, Is<Progress> auto& e) {
  v("offer", e.offer);
  v("phase", e.phase);
  v("percent", e.percent, UpTo{100});
  v("bytes_done", e.bytes_done);
  v("bytes_total", e.bytes_total);
  v("bytes_per_second", e.bytes_per_second);
}
void fields(auto& v, Is<Presence> auto& e) {
  v("online", e.online);
}
void fields(auto& v, Is<ProfileDiscovered> auto& e) {
  v("profile_name", e.profile_name, profile_text);
  v("os_image_id", e.os_image_id, name_text);
  v("os_resource_id", e.os_resource_id, id_text);
  v("architecture", e.architecture, id_text);
  v("artifact", e.artifact);
  v("manifest", e.manifest, manifest_bytes);
}

// ---- events of the orchestrator ----------------------------------------------------------------------------------------

void fields(auto& v, Is<ProjectCreated> auto& e) {
  v("project", e.project, project_text);
  v("key", e.key, key_bytes);
}
void fields(auto& v, Is<EpochRaised> auto& e) {
  v("epoch", e.epoch);
  v("why", e.why, name_text);
}
void fields(auto& v, Is<OsResource> auto& e) {
  v("id", e.id, id_text);
  v("name", e.name, name_text);
  v("architecture", e.architecture, id_text);
  v("image_url", e.image_url, url_text);
  v("image_id", e.image_id, name_text);
  v("artifact", e.artifact);
  v("raw", e.raw);
  v("profile_name", e.profile_name, profile_text);
  v("security_feature", e.security_feature, id_text);
  v("os_type", e.os_type, id_text);
  v("os_provider", e.os_provider, id_text);
  v("description", e.description, description_text);
  v("metadata", e.metadata, json_text);
  v("platform_bundle", e.platform_bundle, json_text);
  v("package_manifest_url", e.package_manifest_url, url_text);
  v("existing_cves_url", e.existing_cves_url, url_text);
  v("fixed_cves_url", e.fixed_cves_url, url_text);
  v("manifest", e.manifest, manifest_bytes);
  v("signature", e.signature, signature_bytes);
  v("urls", e.urls, urls_items, url_text);
}
void fields(auto& v, Is<OsResourceCreated> auto& e) {
  v("resource", e.resource);
  v("source", e.source, url_text);
}
void fields(auto& v, Is<OsResourceDeleted> auto& e) {
  v("id", e.id, id_text);
}
void fields(auto& v, Is<ProfileSourceFailed> auto& e) {
  v("source", e.source, url_text);
  v("error", e.error, error_text);
}
void fields(auto& v, Is<ProfileSourceRecovered> auto& e) {
  v("source", e.source, url_text);
  v("gone", e.gone);
}
void fields(auto& v, Is<Policy> auto& e) {
  v("id", e.id, id_text);
  v("name", e.name, name_text);
  v("description", e.description, description_text);
  v("update_policy", e.update_policy);
  v("target_os_id", e.target_os_id, id_text);
  v("allow_downgrade", e.allow_downgrade);
  v("allow_profile_change", e.allow_profile_change);
}
void fields(auto& v, Is<PolicyCreated> auto& e) {
  v("policy", e.policy);
}
void fields(auto& v, Is<PolicyDeleted> auto& e) {
  v("id", e.id, id_text);
}
void fields(auto& v, Is<PolicyLinked> auto& e) {
  v("node", e.node);
  v("policy_id", e.policy_id, id_text);
}
void fields(auto& v, Is<PolicyUnlinked> auto& e) {
  v("node", e.node);
  v("policy_id", e.policy_id, id_text);
}
void fields(auto& v, Is<UpdatePaused> auto& e) {
  v("node", e.node);
  v("paused", e.paused);
}
void fields(auto& v, Is<UpdateAborted> auto& e) {
  v("node", e.node);
  v("offer", e.offer);
}
void fields(auto& v, Is<CronTexts> auto& e) {
  v("minutes", e.minutes, cron_text);
  v("hours", e.hours, cron_text);
  v("day_of_month", e.day_of_month, cron_text);
  v("month", e.month, cron_text);
  v("day_of_week", e.day_of_week, cron_text);
}
void fields(auto& v, Is<Repetition> auto& e) {
  v("cron", e.cron);
  v("duration_seconds", e.duration_seconds);
  v("zone", e.zone, id_text);
}
void fields(auto& v, Is<Schedule> auto& e) {
  v("id", e.id, id_text);
  v("name", e.name, name_text);
  v("status", e.status);
  v("start_seconds", e.start_seconds, Moment{1000});
  v("end_seconds", e.end_seconds, Moment{1000});
  v("host_id", e.host_id, id_text);
  v("site_id", e.site_id, id_text);
  v("region_id", e.region_id, id_text);
  v("repetition", e.repetition);
}
void fields(auto& v, Is<WindowScheduled> auto& e) {
  v("schedule", e.schedule);
}
void fields(auto& v, Is<WindowDeleted> auto& e) {
  v("id", e.id, id_text);
}
void fields(auto& v, Is<WindowOpened> auto& e) {
  v("node", e.node);
  v("window", e.window);
}
void fields(auto& v, Is<WindowClosed> auto& e) {
  v("node", e.node);
  v("window", e.window);
  v("why", e.why, name_text);
}
void fields(auto& v, Is<NodeRegistered> auto& e) {
  v("node", e.node);
  v("host_id", e.host_id, id_text);
  v("instance_id", e.instance_id, id_text);
  v("host_name", e.host_name, name_text);
  v("automatic", e.automatic);
}
void fields(auto& v, Is<NodeRefused> auto& e) {
  v("node", e.node);
  v("why", e.why, name_text);
}
void fields(auto& v, Is<DocumentIssued> auto& e) {
  v("node", e.node);
  v("document", e.document);
  v("topic", e.topic);
  v("link", e.link);
  v("window", e.window);
}
void fields(auto& v, Is<RunOpened> auto& e) {
  v("node", e.node);
  v("run_id", e.run_id, id_text);
  v("run_name", e.run_name, name_text);
  v("offer", e.offer);
  v("policy_id", e.policy_id, id_text);
  v("from_os_image_id", e.from_os_image_id, name_text);
  v("to_os_resource_id", e.to_os_resource_id, id_text);
}
void fields(auto& v, Is<RunClosed> auto& e) {
  v("node", e.node);
  v("run_id", e.run_id, id_text);
  v("offer", e.offer);
  v("outcome", e.outcome);
  v("reason", e.reason);
  v("detail", e.detail, detail_text);
  v("silent", e.silent);
}
// `event` is not listed: it is what `envelope` says.
void fields(auto& v, Is<NodeEventStored> auto& e) {
  v("node", e.node);
  v("journal", e.journal);
  v("sequence", e.sequence);
  v("chain", e.chain);
  v("at_ms", e.at_ms, Moment{});
  v("clock_trusted", e.clock_trusted);
  v("envelope", e.envelope, envelope_bytes);
}
void fields(auto& v, Is<JournalAdopted> auto& e) {
  v("node", e.node);
  v("journal", e.journal);
  v("base", e.base);
  v("base_chain", e.base_chain);
}
void fields(auto& v, Is<JournalRetired> auto& e) {
  v("node", e.node);
  v("journal", e.journal);
  v("upto", e.upto);
  v("why", e.why, name_text);
}
void fields(auto& v, Is<GapNoted> auto& e) {
  v("node", e.node);
  v("journal", e.journal);
  v("from", e.from);
  v("upto", e.upto);
  v("chain", e.chain);
}
void fields(auto& v, Is<PictureCorrected> auto& e) {
  v("node", e.node);
  v("offer", e.offer);
  v("phase", e.phase);
  v("outcome", e.outcome);
  v("slot", e.slot);
  v("boot", e.boot);
  v("identity", e.identity);
  v("held", e.held);
}
void fields(auto& v, Is<IdentityConflict> auto& e) {
  v("node", e.node);
  v("current", e.current);
  v("other", e.other);
}
void fields(auto& v, Is<IdentityResolved> auto& e) {
  v("node", e.node);
  v("journal", e.journal);
}
void fields(auto& v, Is<NodeHeld> auto& e) {
  v("node", e.node);
  v("shown", e.shown);
  v("why", e.why, name_text);
}
void fields(auto& v, Is<NodeConfirmed> auto& e) {
  v("node", e.node);
}
void fields(auto& v, Is<Metadata> auto& e) {
  v("key", e.key, metadata_text);
  v("value", e.value, metadata_text);
}
void fields(auto& v, Is<HostEdited> auto& e) {
  v("node", e.node);
  v("site_id", e.site_id, id_text);
  v("metadata", e.metadata, metadata_items);
}
void fields(auto& v, Is<Region> auto& e) {
  v("id", e.id, id_text);
  v("name", e.name, name_text);
  v("parent_id", e.parent_id, id_text);
  v("metadata", e.metadata, metadata_items);
  v("policy_id", e.policy_id, id_text);
}
void fields(auto& v, Is<Site> auto& e) {
  v("id", e.id, id_text);
  v("name", e.name, name_text);
  v("region_id", e.region_id, id_text);
  v("latitude_e7", e.latitude_e7);
  v("longitude_e7", e.longitude_e7);
  v("metadata", e.metadata, metadata_items);
  v("policy_id", e.policy_id, id_text);
}
void fields(auto& v, Is<RegionPlaced> auto& e) {
  v("region", e.region);
}
void fields(auto& v, Is<RegionDeleted> auto& e) {
  v("id", e.id, id_text);
}
void fields(auto& v, Is<SitePlaced> auto& e) {
  v("site", e.site);
}
void fields(auto& v, Is<SiteDeleted> auto& e) {
  v("id", e.id, id_text);
}
void fields(auto& v, Is<PlacePolicyLinked> auto& e) {
  v("place_id", e.place_id, id_text);
  v("policy_id", e.policy_id, id_text);
}
void fields(auto& v, Is<RunReopened> auto& e) {
  v("node", e.node);
  v("run_id", e.run_id, id_text);
}
void fields(auto& v, Is<RunDeleted> auto& e) {
  v("node", e.node);
  v("run_id", e.run_id, id_text);
  v("expired", e.expired);
}
void fields(auto& v, Is<HostDeleted> auto& e) {
  v("node", e.node);
  v("host_id", e.host_id, id_text);
  v("instance_id", e.instance_id, id_text);
  v("host_name", e.host_name, name_text);
}
void fields(auto& v, Is<OsResourceListed> auto& e) {
  v("id", e.id, id_text);
  v("list", e.list);
  v("text", e.text, os_list_bytes);
}
void fields(auto& v, Is<OsResourceMoved> auto& e) {
  v("id", e.id, id_text);
  v("image_url", e.image_url, url_text);
  v("urls", e.urls, urls_items, url_text);
  v("package_manifest_url", e.package_manifest_url, url_text);
  v("existing_cves_url", e.existing_cves_url, url_text);
  v("fixed_cves_url", e.fixed_cves_url, url_text);
  v("manifest", e.manifest, manifest_bytes);
  v("signature", e.signature, signature_bytes);
  v("source", e.source, url_text);
}

// ---- lists of them -----------------------------------------------------------------------------------------------------

// Union members in the order of schemas/envelope.fbs; a member's number on the wire is its place, counted from 1. Append
// only: a new event of a node comes at the end, too.
using PayloadMembers =
    std::tuple<AgentStarted, BootCleared, DocumentTaken, Accepted, ImageStaged, SwitchBegan, RebootOrdered, SwitchWithdrawn, SwitchCleared,
               TrialStarted, TrialInterrupted, TrialPassed, RollbackBegan, Succeeded, Failed, RolledBack, Cancelled, ClockDistrusted,
               JournalForked,  //
               ProjectCreated, EpochRaised, OsResourceCreated, OsResourceDeleted, ProfileSourceFailed, ProfileSourceRecovered,
               PolicyCreated, PolicyDeleted, PolicyLinked, PolicyUnlinked, UpdatePaused, UpdateAborted, WindowScheduled, WindowDeleted,
               WindowOpened, WindowClosed, NodeRegistered, NodeRefused, DocumentIssued, RunOpened, RunClosed, NodeEventStored,
               JournalAdopted, JournalRetired, GapNoted, PictureCorrected, IdentityConflict, IdentityResolved, NodeHeld,
               NodeConfirmed,                                                               //
               RollCall, Hello, Received, Document, Progress, Presence, ProfileDiscovered,  //
               HostEdited, RegionPlaced, RegionDeleted, SitePlaced, SiteDeleted, PlacePolicyLinked, RunReopened, RunDeleted, HostDeleted,
               OsResourceListed, OsResourceMoved>;

template <class T>
concept NamesItself = std::same_as<decltype(T::name), const std::string_view>;
template <NamesItself T>
constexpr std::string_view name_of_type() {
  return T::name;
}
template <Is<RollCall> T>
constexpr std::string_view name_of_type() {
  return "RollCall";
}
template <Is<Hello> T>
constexpr std::string_view name_of_type() {
  return "Hello";
}
template <Is<Received> T>
constexpr std::string_view name_of_type() {
  return "Received";
}
template <Is<Document> T>
constexpr std::string_view name_of_type() {
  return "Document";
}
template <Is<Progress> T>
constexpr std::string_view name_of_type() {
  return "Progress";
}
template <Is<Presence> T>
constexpr std::string_view name_of_type() {
  return "Presence";
}
template <Is<ProfileDiscovered> T>
constexpr std::string_view name_of_type() {
  return "ProfileDiscovered";
}

// Whether a number from outside is one of an enum's.
template <class E>
constexpr bool is_known(E value) {
  if constexpr (std::same_as<E, Slot>)
    return value <= Slot::b;
  else if constexpr (std::same_as<E, Phase>)
    return value <= Phase::rolling_back;
  else if constexpr (std::same_as<E, OutcomeKind>)
    return value <= OutcomeKind::cancelled;
  else if constexpr (std::same_as<E, BootCause>)
    return value <= BootCause::watchdog;
  else if constexpr (std::same_as<E, Reason>)
    return value <= Reason::lost;
  else if constexpr (std::same_as<E, DocumentTopic>)
    return value <= DocumentTopic::window_opened;
  else if constexpr (std::same_as<E, UpdatePolicy>)
    return value == UpdatePolicy::latest || value == UpdatePolicy::target;
  else if constexpr (std::same_as<E, OsList>)
    return value >= OsList::installed_packages && value <= OsList::fixed_cves;
  else if constexpr (std::same_as<E, ScheduleStatus>)
    return value == ScheduleStatus::unspecified || value == ScheduleStatus::maintenance || value == ScheduleStatus::os_update ||
           value == ScheduleStatus::blackout;
  else
    return is_known_enum(value);  // of a component's rows, found beside the enum
}

namespace detail {
struct AnyVisitor {
  template <class... Args>
  void operator()(std::string_view, Args&&...) {}
};
}  // namespace detail

// A struct whose fields are listed, here or beside it.
template <class T>
concept Described = std::is_class_v<T> && requires(detail::AnyVisitor& v, T& value) {
  fields(v, value);
};

}  // namespace abide
