#pragma once
// The fields of the orchestrator's state rows, in the order of schemas/rows_fleet.fbs (see common/events/fields.hpp).
#include <string>
#include <vector>

#include "common/events/fields.hpp"
#include "orchestrator/fleet/state.hpp"

namespace abide::fleet {

inline constexpr Text row_text{64 * 1024};  // what the contract's limits have let in fits, and what is made of it
inline constexpr Items row_items{16 * 1024};
inline constexpr Items snapshot_rows_max{16 * 1024 * 1024};
inline constexpr Bytes snapshot_key_bytes{4 * 1024};
inline constexpr Bytes row_bytes{16 * 1024 * 1024};

// The project's row is this part of the state.
struct ProjectRow {
  std::string project;
  std::string key;
  JournalId journal;
  std::uint64_t last = 0;
  std::uint64_t epoch = 0;
  std::uint64_t revision = 0;
  std::set<NodeId> refused;
  std::uint64_t nodes = 0;
};

struct OsListsRow {
  std::string id;
  Digest installed_packages, existing_cves, fixed_cves;
};
struct SnapshotRow {
  std::string key;
  std::string value;
};
struct FleetSnapshot {
  std::vector<SnapshotRow> rows;
};

constexpr bool is_known_enum(Indicator indicator) {
  return indicator <= Indicator::idle;
}

void fields(auto& v, Is<Status> auto& e) {
  v("text", e.text, row_text);
  v("indicator", e.indicator);
  v("at_seconds", e.at_seconds, Moment{1000});
}
void fields(auto& v, Is<Run> auto& e) {
  v("id", e.id, row_text);
  v("name", e.name, row_text);
  v("node", e.node);
  v("offer", e.offer);
  v("journal", e.journal);
  v("policy_id", e.policy_id, row_text);
  v("from_os_image_id", e.from_os_image_id, row_text);
  v("to_os_resource_id", e.to_os_resource_id, row_text);
  v("to_os_image_id", e.to_os_image_id, row_text);
  v("status", e.status);
  v("status_details", e.status_details, row_text);
  v("opened_ms", e.opened_ms, Moment{});
  v("start_ms", e.start_ms, Moment{});
  v("end_ms", e.end_ms, Moment{});
  v("outcome", e.outcome);
  v("reason", e.reason);
  v("evidence", e.evidence);
  v("silent", e.silent);
}
void fields(auto& v, Is<IssuedDocument> auto& e) {
  v("document", e.document);
  v("digest", e.digest);
  v("topic", e.topic);
  v("link", e.link);
  v("window", e.window);
}
void fields(auto& v, Is<RetiredJournal> auto& e) {
  v("journal", e.journal);
  v("upto", e.upto);
  v("chain", e.chain);
}
void fields(auto& v, Is<Node> auto& e) {
  v("id", e.id);
  v("host_id", e.host_id, row_text);
  v("instance_id", e.instance_id, row_text);
  v("name", e.name, row_text);
  v("registered_ms", e.registered_ms, Moment{});
  v("updated_ms", e.updated_ms, Moment{});
  v("journal", e.journal);
  v("upto", e.upto);
  v("chain", e.chain);
  v("retired", e.retired, row_items);
  v("conflict", e.conflict);
  v("conflict_with", e.conflict_with);
  v("held", e.held);
  v("held_why", e.held_why, row_text);
  v("identity", e.identity);
  v("slot", e.slot);
  v("boot", e.boot);
  v("session", e.session);
  v("phase", e.phase);
  v("offer", e.offer);
  v("outcome", e.outcome);
  v("taken", e.taken);
  v("accepted_offer", e.accepted_offer);
  v("heard_ms", e.heard_ms);
  v("status", e.status);
  v("policy_id", e.policy_id, row_text);
  v("paused", e.paused);
  v("link_fault", e.link_fault, row_text);
  v("newest", e.newest);
  v("open_window", e.open_window);
  v("os_resource_id", e.os_resource_id, row_text);
  v("os_update_available", e.os_update_available, row_text);
  v("run", e.run);
  v("superseded", e.superseded, row_items);
  v("site_id", e.site_id, row_text);
  v("metadata", e.metadata, metadata_items);
}
void fields(auto& v, Is<ProjectRow> auto& e) {
  v("project", e.project, project_text);
  v("key", e.key, key_bytes);
  v("journal", e.journal);
  v("last", e.last);
  v("epoch", e.epoch);
  v("revision", e.revision);
  v("refused", e.refused, row_items);
  v("nodes", e.nodes);
}
template <class E>
concept IsStamped =
    Is<E, Stamped<OsResource>> || Is<E, Stamped<Policy>> || Is<E, Stamped<Schedule>> || Is<E, Stamped<Region>> || Is<E, Stamped<Site>>;
void fields(auto& v, IsStamped auto& e) {
  v("value", e.value);
  v("created_ms", e.created_ms, Moment{});
  v("updated_ms", e.updated_ms, Moment{});
}
void fields(auto& v, Is<OsListsRow> auto& e) {
  v("id", e.id, row_text);
  v("installed_packages", e.installed_packages);
  v("existing_cves", e.existing_cves);
  v("fixed_cves", e.fixed_cves);
}
void fields(auto& v, Is<Source> auto& e) {
  v("name", e.name, row_text);
  v("error", e.error, row_text);
  v("since_ms", e.since_ms, Moment{});
}
void fields(auto& v, Is<DeletedHost> auto& e) {
  v("node", e.node);
  v("host_id", e.host_id, row_text);
  v("name", e.name, row_text);
  v("deleted_ms", e.deleted_ms, Moment{});
}
void fields(auto& v, Is<SnapshotRow> auto& e) {
  v("key", e.key, snapshot_key_bytes);
  v("value", e.value, row_bytes);
}
void fields(auto& v, Is<FleetSnapshot> auto& e) {
  v("rows", e.rows, snapshot_rows_max);
}

}  // namespace abide::fleet
