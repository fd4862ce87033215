#pragma once
// One project's rows at one moment, for one request. Remembers what it has read, so that a list of hosts reads each OS
// resource and policy once. One thread.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "common/store/store.hpp"
#include "orchestrator/fleet/state.hpp"
#include "orchestrator/rows.hpp"

namespace abide::api {

class View {
 public:
  View(std::shared_ptr<const Reader> reader, std::string scope, bool maintenance_updates = false)
      : reader_(std::move(reader)), scope_(std::move(scope)), maintenance_updates_(maintenance_updates) {}

  // not_found names the thing as the caller did.
  Result<fleet::Node> node(const NodeId& id);
  // By resource id of host or instance, UUID or name. conflict: the name is not unique.
  Result<fleet::Node> find_host(const std::string& name);
  // All, read as far as `parts` says.
  Result<void> nodes(fleet::NodeParts parts, const std::function<void(const fleet::Node&)>& visit);
  // The same, not read yet; until `visit` returns false.
  Result<void> node_rows(fleet::Extent extent, const std::function<bool(const fleet::NodeRow&)>& visit);
  Result<std::int64_t> count_nodes();
  // Behind this one, in the order of their UUIDs, until `visit` says false.
  Result<void> nodes_after(const NodeId& after, const std::function<bool(const fleet::Node&)>& visit);

  // None: there is no such resource (any more).
  std::shared_ptr<const fleet::Stamped<OsResource>> os_resource(const std::string& id);
  std::shared_ptr<const fleet::Stamped<Policy>> policy(const std::string& id);
  // Of the OS resource of this profile and version; empty: there is none. All of them are read for the first.
  std::string os_name(const std::string& profile, const std::string& image_id);
  // As compact JSON; empty: there is no such list.
  std::string os_list(const std::string& id, OsList list);
  Result<void> os_resources(const std::function<void(const fleet::Stamped<OsResource>&)>& visit);
  Result<void> policies(const std::function<void(const fleet::Stamped<Policy>&)>& visit);
  Result<void> schedules(const std::function<void(const fleet::Stamped<Schedule>&)>& visit);
  Result<fleet::Stamped<Schedule>> schedule(const std::string& id);
  // None: there is no such place (any more).
  std::shared_ptr<const fleet::Stamped<Region>> region(const std::string& id);
  std::shared_ptr<const fleet::Stamped<Site>> site(const std::string& id);
  // This region and those that it lies in, the nearest first.
  std::vector<std::shared_ptr<const fleet::Stamped<Region>>> regions_from(const std::string& id);
  // The policy that applies to a host: its own, else that of the nearest place that has one.
  struct AppliedPolicy {
    std::shared_ptr<const fleet::Stamped<Policy>> policy;  // none: none applies
    const char* from = "";                                 // instance, site, region
    std::string resource_id;                               // of that
  };
  AppliedPolicy applied_policy(const fleet::Node& node);
  Result<void> regions(const std::function<void(const fleet::Stamped<Region>&)>& visit);
  Result<void> sites(const std::function<void(const fleet::Stamped<Site>&)>& visit);
  Result<void> runs(const std::function<void(const fleet::Run&)>& visit);
  // The same, of each only its id and when it was opened and started.
  Result<void> run_times(const std::function<void(const fleet::Run&)>& visit);
  Result<fleet::Run> run(const std::string& id);
  // A host that was deleted, by UUID or by the resource id that it had; none: there was none, or it is back.
  std::optional<fleet::DeletedHost> deleted_host(const std::string& name);
  Result<void> sources(const std::function<void(const fleet::Source&)>& visit);
  // Of a node that schedules and runs refer to; none: unknown.
  std::shared_ptr<const fleet::Node> host(const std::string& host_id);
  std::shared_ptr<const fleet::Node> cached_node(const NodeId& id);  // with its identity, without the other NodeParts

  [[nodiscard]] const Reader& reader() const { return *reader_; }
  [[nodiscard]] const std::string& scope() const { return scope_; }
  [[nodiscard]] bool maintenance_updates() const { return maintenance_updates_; }  // MAINTENANCE schedules open windows for updates

 private:
  std::shared_ptr<const Reader> reader_;
  std::string scope_;
  bool maintenance_updates_;
  std::map<std::string, std::shared_ptr<const fleet::Stamped<OsResource>>> os_resources_;
  std::optional<std::map<std::pair<std::string, std::string>, std::string>> os_names_;  // by profile and version
  std::map<std::string, std::shared_ptr<const fleet::Stamped<Policy>>> policies_;
  std::map<std::string, std::shared_ptr<const fleet::Stamped<Region>>> regions_;
  std::map<std::string, std::shared_ptr<const fleet::Stamped<Site>>> sites_;
  std::map<NodeId, std::shared_ptr<const fleet::Node>> nodes_;
  std::map<std::string, std::shared_ptr<const fleet::Node>> hosts_;
};

}  // namespace abide::api
