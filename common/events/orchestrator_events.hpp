#pragma once
// The events of an orchestrator's journal, one journal a project: what nodes told, as it came, and its own.
// What comes from outside (an operator's request, a discovered profile, a window that opens) is kept complete enough to
// run `decide` on it again.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/core/cron.hpp"
#include "common/core/ids.hpp"
#include "common/events/document.hpp"
#include "common/events/messages.hpp"
#include "common/events/node_events.hpp"

namespace abide {

// The rules of common REST fields (lengths, patterns) are checked by the API before they come here.

struct ProjectCreated {
  static constexpr std::string_view name = "ProjectCreated";
  std::string project;
  std::string key;  // secret, 32 bytes: signs the tags of documents. Never printed
  friend bool operator==(const ProjectCreated&, const ProjectCreated&) = default;
};

struct EpochRaised {
  static constexpr std::string_view name = "EpochRaised";
  std::uint64_t epoch = 0;
  std::string why;  // "started", "greater epoch seen"
  friend bool operator==(const EpochRaised&, const EpochRaised&) = default;
};

struct OsResource {
  std::string id;  // "os-1a2b3c4d"
  std::string name;
  std::string architecture;
  std::string image_url;  // as in the manifest: relative to the release service
  std::string image_id;   // osImageVersion
  Artifact artifact;
  Artifact raw;
  std::string profile_name;
  std::string security_feature;  // enum names as REST gives them
  std::string os_type;
  std::string os_provider;
  std::string description;
  std::string metadata;  // compact JSON object, or empty
  std::string platform_bundle;
  std::string package_manifest_url;
  std::string existing_cves_url;
  std::string fixed_cves_url;
  std::string manifest;  // bytes as published; empty: made by hand through the API
  std::string signature;
  std::vector<std::string> urls;  // absolute
  friend bool operator==(const OsResource&, const OsResource&) = default;
};

struct OsResourceCreated {
  static constexpr std::string_view name = "OsResourceCreated";
  OsResource resource;
  std::string source;  // the release service, or "api"
  friend bool operator==(const OsResourceCreated&, const OsResourceCreated&) = default;
};

struct OsResourceDeleted {
  static constexpr std::string_view name = "OsResourceDeleted";
  std::string id;
  friend bool operator==(const OsResourceDeleted&, const OsResourceDeleted&) = default;
};

struct ProfileSourceFailed {
  static constexpr std::string_view name = "ProfileSourceFailed";
  std::string source;  // URL or directory, and the entry in it
  std::string error;
  friend bool operator==(const ProfileSourceFailed&, const ProfileSourceFailed&) = default;
};

struct ProfileSourceRecovered {
  static constexpr std::string_view name = "ProfileSourceRecovered";
  std::string source;
  bool gone = false;  // it is no longer there, so that nothing is wrong with it
  friend bool operator==(const ProfileSourceRecovered&, const ProfileSourceRecovered&) = default;
};

inline constexpr std::size_t os_list_bytes_max = 500'000;  // the REST contract's limit
enum class OsList : std::uint8_t { installed_packages = 1, existing_cves = 2, fixed_cves = 3 };

struct OsResourceListed {  // the release service has another list of a resource than before
  static constexpr std::string_view name = "OsResourceListed";
  std::string id;
  OsList list = OsList::installed_packages;
  std::string text;  // compact JSON
  friend bool operator==(const OsResourceListed&, const OsResourceListed&) = default;
};

struct OsResourceMoved {  // the same image, and its files, are to be had at other addresses than before
  static constexpr std::string_view name = "OsResourceMoved";
  std::string id;
  std::string image_url;
  std::vector<std::string> urls;
  std::string package_manifest_url;
  std::string existing_cves_url;
  std::string fixed_cves_url;
  std::string manifest;
  std::string signature;
  std::string source;  // the entry that says so
  friend bool operator==(const OsResourceMoved&, const OsResourceMoved&) = default;
};

enum class UpdatePolicy : std::uint8_t { latest = 1, target = 2 };

struct Policy {
  std::string id;  // "osupdatepolicy-0a0b0c0d"
  std::string name;
  std::string description;
  UpdatePolicy update_policy = UpdatePolicy::latest;
  std::string target_os_id;  // TARGET only
  bool allow_downgrade = false;
  bool allow_profile_change = false;  // TARGET only: an image of another profile
  friend bool operator==(const Policy&, const Policy&) = default;
};

struct PolicyCreated {  // or edited (same id)
  static constexpr std::string_view name = "PolicyCreated";
  Policy policy;
  friend bool operator==(const PolicyCreated&, const PolicyCreated&) = default;
};

struct PolicyDeleted {
  static constexpr std::string_view name = "PolicyDeleted";
  std::string id;
  friend bool operator==(const PolicyDeleted&, const PolicyDeleted&) = default;
};

struct PolicyLinked {  // or linked again
  static constexpr std::string_view name = "PolicyLinked";
  NodeId node;
  std::string policy_id;
  friend bool operator==(const PolicyLinked&, const PolicyLinked&) = default;
};

struct PolicyUnlinked {
  static constexpr std::string_view name = "PolicyUnlinked";
  NodeId node;
  std::string policy_id;
  friend bool operator==(const PolicyUnlinked&, const PolicyUnlinked&) = default;
};

struct UpdatePaused {
  static constexpr std::string_view name = "UpdatePaused";
  NodeId node;
  bool paused = true;  // false: resumed
  friend bool operator==(const UpdatePaused&, const UpdatePaused&) = default;
};

struct UpdateAborted {
  static constexpr std::string_view name = "UpdateAborted";
  NodeId node;
  Number offer;
  friend bool operator==(const UpdateAborted&, const UpdateAborted&) = default;
};

// Numbers of the REST contract; blackout is ours: it takes time away from the windows of those that it applies to.
enum class ScheduleStatus : std::uint8_t { unspecified = 0, maintenance = 1, os_update = 3, blackout = 16 };

struct Repetition {  // of a repeated schedule
  CronTexts cron;
  std::int64_t duration_seconds = 0;
  std::string zone;  // IANA name; empty: UTC
  friend bool operator==(const Repetition&, const Repetition&) = default;
};

struct Schedule {
  std::string id;  // "singlesche-1b3c0f44", or "repeatedsche-..."
  std::string name;
  ScheduleStatus status = ScheduleStatus::os_update;
  std::int64_t start_seconds = 0;  // since 1970 UTC; 0: a repeated one
  std::int64_t end_seconds = 0;    // 0: open-ended
  std::string host_id;             // the target is at most one of the three; none: applies to nobody
  std::string site_id;
  std::string region_id;
  std::optional<Repetition> repetition;
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

struct WindowScheduled {  // created, or edited (same id)
  static constexpr std::string_view name = "WindowScheduled";
  Schedule schedule;
  friend bool operator==(const WindowScheduled&, const WindowScheduled&) = default;
};

struct WindowDeleted {
  static constexpr std::string_view name = "WindowDeleted";
  std::string id;
  friend bool operator==(const WindowDeleted&, const WindowDeleted&) = default;
};

struct WindowOpened {
  static constexpr std::string_view name = "WindowOpened";
  NodeId node;
  Window window;
  friend bool operator==(const WindowOpened&, const WindowOpened&) = default;
};

struct WindowClosed {
  static constexpr std::string_view name = "WindowClosed";
  NodeId node;
  Window window;
  std::string why;  // "over", "edited", "deleted"
  friend bool operator==(const WindowClosed&, const WindowClosed&) = default;
};

struct NodeRegistered {
  static constexpr std::string_view name = "NodeRegistered";
  NodeId node;
  std::string host_id;      // "host-ab12cd34"
  std::string instance_id;  // "inst-11223344"
  std::string host_name;
  bool automatic = false;  // by its hello; else by an operator
  friend bool operator==(const NodeRegistered&, const NodeRegistered&) = default;
};

struct Metadata {  // of a host, a site or a region
  std::string key;
  std::string value;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

struct HostEdited {
  static constexpr std::string_view name = "HostEdited";
  NodeId node;
  std::string site_id;  // empty: it is nowhere
  std::vector<Metadata> metadata;
  friend bool operator==(const HostEdited&, const HostEdited&) = default;
};

struct Region {
  std::string id;  // "region-1a2b3c4d"
  std::string name;
  std::string parent_id;  // empty: it is a root
  std::vector<Metadata> metadata;
  std::string policy_id;  // of all below that have no nearer one; empty: none
  friend bool operator==(const Region&, const Region&) = default;
};

struct Site {
  std::string id;  // "site-1a2b3c4d"
  std::string name;
  std::string region_id;         // empty: in none
  std::int64_t latitude_e7 = 0;  // degrees times 10^7
  std::int64_t longitude_e7 = 0;
  std::vector<Metadata> metadata;
  std::string policy_id;  // as of a region
  friend bool operator==(const Site&, const Site&) = default;
};

struct RegionPlaced {  // created, or edited (same id)
  static constexpr std::string_view name = "RegionPlaced";
  Region region;
  friend bool operator==(const RegionPlaced&, const RegionPlaced&) = default;
};

struct RegionDeleted {
  static constexpr std::string_view name = "RegionDeleted";
  std::string id;
  friend bool operator==(const RegionDeleted&, const RegionDeleted&) = default;
};

struct SitePlaced {  // created, or edited (same id)
  static constexpr std::string_view name = "SitePlaced";
  Site site;
  friend bool operator==(const SitePlaced&, const SitePlaced&) = default;
};

struct SiteDeleted {
  static constexpr std::string_view name = "SiteDeleted";
  std::string id;
  friend bool operator==(const SiteDeleted&, const SiteDeleted&) = default;
};

struct PlacePolicyLinked {  // to a site or a region
  static constexpr std::string_view name = "PlacePolicyLinked";
  std::string place_id;
  std::string policy_id;  // empty: un-linked
  friend bool operator==(const PlacePolicyLinked&, const PlacePolicyLinked&) = default;
};

struct NodeRefused {
  static constexpr std::string_view name = "NodeRefused";
  NodeId node;
  std::string why;
  friend bool operator==(const NodeRefused&, const NodeRefused&) = default;
};

struct DocumentIssued {
  static constexpr std::string_view name = "DocumentIssued";
  NodeId node;
  Document document;  // its bytes as they travel
  DocumentTopic topic = DocumentTopic::policy_linked;
  // The body once more, decoded, so that nobody who folds the journal needs a codec. `manifest` is in the bytes only.
  std::optional<LinkedRelease> link;
  std::optional<Window> window;
  friend bool operator==(const DocumentIssued&, const DocumentIssued&) = default;
};

struct RunOpened {
  static constexpr std::string_view name = "RunOpened";
  NodeId node;
  std::string run_id;  // "osupdaterun-99aa88bb"
  std::string run_name;
  Number offer;
  std::string policy_id;
  std::string from_os_image_id;
  std::string to_os_resource_id;
  friend bool operator==(const RunOpened&, const RunOpened&) = default;
};

struct RunClosed {
  static constexpr std::string_view name = "RunClosed";
  NodeId node;
  std::string run_id;
  Number offer;
  OutcomeKind outcome = OutcomeKind::none;
  Reason reason = Reason::none;
  std::string detail;
  bool silent = false;  // only because nothing was heard of the node: opened again when it speaks
  friend bool operator==(const RunClosed&, const RunClosed&) = default;
};

struct RunReopened {  // it was closed as lost, and the node has come back
  static constexpr std::string_view name = "RunReopened";
  NodeId node;
  std::string run_id;
  friend bool operator==(const RunReopened&, const RunReopened&) = default;
};

struct RunDeleted {  // a closed one
  static constexpr std::string_view name = "RunDeleted";
  NodeId node;
  std::string run_id;
  bool expired = false;  // by its age; else by an operator
  friend bool operator==(const RunDeleted&, const RunDeleted&) = default;
};

// By an operator. Its instance goes with it; its runs, which are closed by then, stay. Refused until it is registered again.
struct HostDeleted {
  static constexpr std::string_view name = "HostDeleted";
  NodeId node;
  std::string host_id;
  std::string instance_id;
  std::string host_name;
  friend bool operator==(const HostDeleted&, const HostDeleted&) = default;
};

// ---- the delivery of nodes' journals -----------------------------------------------------------------------------------

struct NodeEventStored {  // an event of a node's journal, as it came
  static constexpr std::string_view name = "NodeEventStored";
  NodeId node;
  JournalId journal;
  std::uint64_t sequence = 0;
  Chain chain;             // with it
  std::int64_t at_ms = 0;  // by the node's clock
  bool clock_trusted = false;
  std::string envelope;  // bytes as journaled by the node
  NodeEvent event;       // decoded from them; not encoded a second time
  friend bool operator==(const NodeEventStored&, const NodeEventStored&) = default;
};

struct JournalAdopted {  // becomes the node's current journal
  static constexpr std::string_view name = "JournalAdopted";
  NodeId node;
  JournalId journal;
  std::uint64_t base = 0;
  Chain base_chain;
  friend bool operator==(const JournalAdopted&, const JournalAdopted&) = default;
};

struct JournalRetired {
  static constexpr std::string_view name = "JournalRetired";
  NodeId node;
  JournalId journal;
  std::uint64_t upto = 0;  // the last that was stored of it
  std::string why;
  friend bool operator==(const JournalRetired&, const JournalRetired&) = default;
};

struct GapNoted {  // events that the node no longer has and the orchestrator never got
  static constexpr std::string_view name = "GapNoted";
  NodeId node;
  JournalId journal;
  std::uint64_t from = 0;  // first missing
  std::uint64_t upto = 0;  // last missing
  Chain chain;             // chain(upto), as told by the node
  friend bool operator==(const GapNoted&, const GapNoted&) = default;
};

struct PictureCorrected {  // what hello says differs from what the events had shown; it wins
  static constexpr std::string_view name = "PictureCorrected";
  NodeId node;
  Number offer;
  Phase phase = Phase::idle;
  Outcome outcome;
  Slot slot = Slot::a;
  BootId boot;
  Identity identity;
  Number held;
  friend bool operator==(const PictureCorrected&, const PictureCorrected&) = default;
};

struct IdentityConflict {
  static constexpr std::string_view name = "IdentityConflict";
  NodeId node;
  JournalId current;
  JournalId other;
  friend bool operator==(const IdentityConflict&, const IdentityConflict&) = default;
};

struct IdentityResolved {
  static constexpr std::string_view name = "IdentityResolved";
  NodeId node;
  JournalId journal;  // the right one, as the operator says
  friend bool operator==(const IdentityResolved&, const IdentityResolved&) = default;
};

struct NodeHeld {  // nothing is published to it until the operator confirms
  static constexpr std::string_view name = "NodeHeld";
  NodeId node;   // all zero: every node that is registered
  Number shown;  // the document that the node holds and this orchestrator does not know
  std::string why;
  friend bool operator==(const NodeHeld&, const NodeHeld&) = default;
};

struct NodeConfirmed {  // a document with the whole state, asked for anew, follows
  static constexpr std::string_view name = "NodeConfirmed";
  NodeId node;
  friend bool operator==(const NodeConfirmed&, const NodeConfirmed&) = default;
};

using OrchestratorEvent =
    std::variant<ProjectCreated, EpochRaised, OsResourceCreated, OsResourceDeleted, ProfileSourceFailed, ProfileSourceRecovered,
                 PolicyCreated, PolicyDeleted, PolicyLinked, PolicyUnlinked, UpdatePaused, UpdateAborted, WindowScheduled, WindowDeleted,
                 WindowOpened, WindowClosed, NodeRegistered, NodeRefused, DocumentIssued, RunOpened, RunClosed, NodeEventStored,
                 JournalAdopted, JournalRetired, GapNoted, PictureCorrected, IdentityConflict, IdentityResolved, NodeHeld, NodeConfirmed,
                 HostEdited, RegionPlaced, RegionDeleted, SitePlaced, SiteDeleted, PlacePolicyLinked, RunReopened, RunDeleted, HostDeleted,
                 OsResourceListed, OsResourceMoved>;

}  // namespace abide
