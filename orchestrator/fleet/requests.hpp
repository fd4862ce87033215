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
};
struct RenameHost {  // journaled as NodeRegistered once more
  std::string host;
  std::string name;
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
                 CreateSchedule, EditSchedule, DeleteSchedule, RegisterHost, RenameHost, ResolveConflict, ConfirmNode>;

// Code to HTTP: invalid_input 400 InvalidArgument, not_found 404, conflict 400 FailedPrecondition or 409, ...
struct Answer {
  std::string id;    // of the resource that was made or changed
  std::string note;  // "nothing to change", "not yet confirmed by the node", ...; empty: none
};

}  // namespace abide::fleet
