#pragma once
// A project's state as rows in the store (schemas/rows_fleet.fbs), and how they are read. The policy that Host wants, and
// reads of single rows for the API, on a snapshot of the store: those never wait for the owner.
//
// Each thing has a row of its own under row_key(scope, kind, id). A node's row holds its newest run and those that are
// open; the row of a run stays when its host is deleted, until the run itself is. Two kinds more, host and instance, lead
// from those ids to the node. Lists of OS resources are digests in the state and a row of text each.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/store/store.hpp"
#include "orchestrator/fleet/state.hpp"

namespace abide::fleet {

struct Rows {
  // Everything but the runs that no node holds any more and the texts of OS resources' lists. corrupt; unavailable: of a newer version.
  static Result<State> load(const Reader& reader, const std::string& scope);
  // What state.touched names, and the runs that touched nodes hold. What was touched and is no more is erased.
  static void save(State& state, Batch& batch, const std::string& scope);
  static void save_all(State& state, Batch& batch, const std::string& scope);
  // Of what the state keeps: enough where a journal begins, and nothing has left its rows behind yet.
  static std::string snapshot(const State& state);
  static Result<State> from_snapshot(std::string_view bytes);
  // A snapshot of all rows of a scope, and its rows as changes of one: nothing is lost on the way.
  static Result<std::string> pack(const Reader& reader, const std::string& scope);
  static Result<void> unpack(std::string_view bytes, Batch& batch, const std::string& scope);
};

// ---- reads, from any thread, on any reader -----------------------------------------------------------------------------
// An empty optional: there is no such row. Visits end when they return false. Order is that of the ids' bytes.

struct Project {  // never the key
  std::string project;
  JournalId journal;
  std::uint64_t last = 0;
  std::uint64_t epoch = 0;
  std::uint64_t revision = 0;
};
template <class T>
using Visitor = std::function<bool(T&&)>;

// The row with each byte of its key 0.
Result<std::string> project_row_without_key(std::string_view row);

Result<std::optional<Project>> read_project(const Reader& reader, const std::string& scope);

// Of a node, what costs most to read; what is not asked for stays as in a new Node.
struct NodeParts {
  bool identity = false;
  bool documents = false;  // boot, outcome, the newest document, the window, why it is held or its policy at fault
  bool history = false;    // runs, retired journals
};
inline constexpr NodeParts whole_node{true, true, true};

Result<std::optional<Node>> read_node(const Reader& reader, const std::string& scope, const NodeId& id, NodeParts parts = whole_node);
Result<std::optional<Node>> read_node_of_host(const Reader& reader, const std::string& scope, std::string_view host_id);
Result<std::optional<Node>> read_node_of_instance(const Reader& reader, const std::string& scope, std::string_view instance_id);
Result<void> scan_nodes(const Reader& reader, const std::string& scope, const Visitor<Node>& visit);
Result<std::uint64_t> count_nodes(const Reader& reader, const std::string& scope);

// A node's row that is not read yet: a list looks at many, and shows few.
class NodeRow {
 public:
  NodeRow(std::string_view key, std::string_view bytes) : key_(key), bytes_(bytes) {}
  [[nodiscard]] Result<void> read(NodeParts parts, Node& node) const;  // a new one; after an error some of it is filled in

 private:
  std::string_view key_, bytes_;
};
// How far a scan goes. Of few rows the store keeps what it has read for the next scan; all of a large fleet's would take more memory than
// that saves time, and push out what is asked for often.
enum class Extent : std::uint8_t { few, all };
Result<void> scan_node_rows(const Reader& reader, const std::string& scope, Extent extent,
                            const std::function<bool(const NodeRow&)>& visit);
// Those behind this one, in the order of their UUIDs.
Result<void> scan_nodes_after(const Reader& reader, const std::string& scope, const NodeId& after, const Visitor<Node>& visit);

Result<std::optional<Stamped<OsResource>>> read_os_resource(const Reader& reader, const std::string& scope, std::string_view id);
Result<void> scan_os_resources(const Reader& reader, const std::string& scope, const Visitor<Stamped<OsResource>>& visit);

// A list of an OS resource, as compact JSON; empty: it has none.
Result<std::string> read_os_text(const Reader& reader, const std::string& scope, const std::string& id, OsList list);

Result<std::optional<Stamped<Policy>>> read_policy(const Reader& reader, const std::string& scope, std::string_view id);
Result<void> scan_policies(const Reader& reader, const std::string& scope, const Visitor<Stamped<Policy>>& visit);

Result<std::optional<Stamped<Schedule>>> read_schedule(const Reader& reader, const std::string& scope, std::string_view id);
Result<void> scan_schedules(const Reader& reader, const std::string& scope, const Visitor<Stamped<Schedule>>& visit);

Result<std::optional<Stamped<Region>>> read_region(const Reader& reader, const std::string& scope, std::string_view id);
Result<void> scan_regions(const Reader& reader, const std::string& scope, const Visitor<Stamped<Region>>& visit);

Result<std::optional<Stamped<Site>>> read_site(const Reader& reader, const std::string& scope, std::string_view id);
Result<void> scan_sites(const Reader& reader, const std::string& scope, const Visitor<Stamped<Site>>& visit);

Result<std::optional<Source>> read_source(const Reader& reader, const std::string& scope, std::string_view name);
Result<void> scan_sources(const Reader& reader, const std::string& scope, const Visitor<Source>& visit);

Result<std::optional<DeletedHost>> read_deleted_host(const Reader& reader, const std::string& scope, const NodeId& id);
Result<void> scan_deleted_hosts(const Reader& reader, const std::string& scope, const Visitor<DeletedHost>& visit);

Result<std::optional<Run>> read_run(const Reader& reader, const std::string& scope, std::string_view id);
Result<void> scan_runs(const Reader& reader, const std::string& scope, const Visitor<Run>& visit);
// The same, of each only its id and when it was opened and started.
Result<void> scan_run_times(const Reader& reader, const std::string& scope, const Visitor<Run>& visit);

}  // namespace abide::fleet
