#pragma once
// What an operator can ask of a project, checked in form by the API (lengths, patterns, unknown keys) and in meaning by
// the managers' decide. Every request is answered exactly once, after the commit of what it changed.
#include <optional>
#include <string>
#include <variant>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::fleet {

// Hosts and instances are named by resource id, by name, or by UUID.
struct CreateOsResource {
  OsResource resource;
};  // id is drawn
struct DeleteOsResource {
  std::string id;
};
struct CreatePolicy {
  Policy policy;
};  // id is drawn; target_os_id: resource id or name
struct DeletePolicy {
  std::string id;
};
struct LinkPolicy {
  std::string host;
  std::string policy;
};  // again: a retry where the present offer has ended
struct UnlinkPolicy {
  std::string host;
};
struct PauseUpdate {
  std::string host;
  bool paused = true;
};
struct AbortUpdate {
  std::string host;
};
struct CreateSchedule {
  Schedule schedule;
};  // id is drawn
struct EditSchedule {
  Schedule schedule;
};  // whole, by id
struct DeleteSchedule {
  std::string id;
};
struct RegisterHost {
  NodeId node;
  std::string name;
  std::string site = {};  // by id or name; empty: nowhere
  std::vector<Metadata> metadata = {};
};
struct RenameHost {  // journaled as NodeRegistered once more
  std::string host;
  std::string name;
};
struct DeleteHost {
  std::string host;
};
struct EditHost {  // what is not given stays
  std::string host;
  std::optional<std::string> site;  // by id or name; empty: nowhere
  std::optional<std::vector<Metadata>> metadata;
  std::optional<std::string> name = std::nullopt;
};
struct EditPolicy {  // what it asks for stays
  std::string id;    // or name
  std::optional<std::string> name;
  std::optional<std::string> description;
};
struct PlaceRegion {  // without id: a new one. The parent by id or name
  Region region;
  std::optional<std::string> policy = std::nullopt;  // by id or name; empty: un-linked; not given: it stays what it is
};
struct DeleteRegion {
  std::string id;
};
struct PlaceSite {  // without id: a new one. The region by id or name
  Site site;
  std::optional<std::string> policy = std::nullopt;  // as above
};
struct DeleteSite {
  std::string id;
};
// To a site or a region: of all hosts in it that have no nearer one.
struct LinkPlacePolicy {
  std::string site;  // by id or name: exactly one of the two
  std::string region;
  std::string policy;  // by id or name; empty: un-linked
};
struct EditOsResource {  // what is not given stays; journaled as OsResourceCreated once more
  std::string id;
  std::optional<std::string> architecture;
  std::optional<std::string> metadata;
};
struct DeleteRun {
  std::string host;
  std::string run_id;
  bool open = false;  // as its row says, for a run that is not the host's newest
};
struct ResolveConflict {
  std::string host;
  JournalId journal;
};
struct ConfirmNode {
  std::string host;
};  // release a held node: its whole state under a new number
using Operation =
    std::variant<CreateOsResource, DeleteOsResource, CreatePolicy, DeletePolicy, LinkPolicy, UnlinkPolicy, PauseUpdate, AbortUpdate,
                 CreateSchedule, EditSchedule, DeleteSchedule, RegisterHost, RenameHost, ResolveConflict, ConfirmNode, EditHost, EditPolicy,
                 PlaceRegion, DeleteRegion, PlaceSite, DeleteSite, LinkPlacePolicy, DeleteRun, DeleteHost, EditOsResource>;

// What an operator sets of a host and of its instance.
struct HostAsSet {
  NodeId node;
  std::string name;
  std::string site_id;
  std::vector<Metadata> metadata;
  std::string policy_id;
  friend bool operator==(const HostAsSet&, const HostAsSet&) = default;
};
// What confirming a held node would ask of it, and where that is not what the node shows: for the person who decides.
struct Confirmation {
  bool held = false;
  Number holds;        // the document that the node shows; none: it has shown none
  bool known = false;  // that is one of this state, or an older one
  std::string policy;  // name; empty: none applies
  std::string image;   // asked for; empty: nothing is, and `nothing` says why
  std::string nothing;
  bool aborted = false;  // what is asked for stays aborted
  bool paused = false;
  std::optional<Window> window;
  bool open_now = false;  // that window
  std::vector<std::string> differences;
  friend bool operator==(const Confirmation&, const Confirmation&) = default;
};
struct ConfirmationShown {
  NodeId node;
  Confirmation shown;
};
// What the operator had before his eyes: the operation is only done if this is still so.
using Seen = std::variant<OsResource, Policy, Schedule, Region, Site, HostAsSet, ConfirmationShown>;

// Code to HTTP: invalid_input 400 InvalidArgument, not_found 404, conflict 400 FailedPrecondition or 409, ...
struct Answer {
  std::string id;                  // of the resource that was made or changed
  std::string note;                // "nothing to change", "not yet confirmed by the node", ...; empty: none
  bool changed_meanwhile = false;  // nothing was done: it is not what the operator had seen
};

}  // namespace abide::fleet
