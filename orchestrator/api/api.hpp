#pragma once
// The REST API: paths to what they mean. Reads are answered from a snapshot, writes by the owner thread after its commit.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "orchestrator/api/backend.hpp"
#include "orchestrator/api/events.hpp"
#include "orchestrator/api/http.hpp"
#include "orchestrator/api/query.hpp"
#include "orchestrator/api/view.hpp"

namespace abide::api {

// The description of everything that is served, schemas/openapi.yaml.
std::string_view openapi_yaml();

struct NodeNeeds;

struct ApiSettings {
  std::string files_root;  // absolute; what an image URL of a resource that is made by hand is relative to
  std::function<HttpStats()> http = nullptr;
  bool maintenance_updates = false;  // MAINTENANCE schedules open windows for updates, too
};

// Thread safety: handle from any thread. `post` runs work on a thread that may read the store.
class Api {
 public:
  using Post = std::function<void(std::function<void()>)>;
  Api(Backend& backend, ApiSettings settings, Post post);

  void handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange);

 private:
  struct Call;  // one request on its way
  struct Routes;
  using Rendered = std::function<Result<Json>(View&, const fleet::Answer&)>;
  using Handle = void (Api::*)(Call&);
  friend struct Routes;

  Result<void> name_project(Call& call) const;
  void route(Call& call);
  // Sends the operation to the owner; after its commit `rendered` makes the answer from a fresh snapshot.
  void change(Call& call, fleet::Operation operation, Rendered rendered);
  // What sends such a change once it is called, from any thread.
  std::function<void(fleet::Seen)> prepared(Call& call, fleet::Operation operation, Rendered rendered);
  struct Change;
  void send(const std::shared_ptr<Change>& change);
  // Hosts or instances behind `after`: of a fleet of any size, each page for the price of its own size.
  void list_after(Call& call, const char* key, const FieldTree& fields, const std::function<Json(View&, const fleet::Node&)>& render);
  void list(Call& call, const char* key, const FieldTree& fields, const std::function<Result<void>(View&, Pager&)>& collect);

  Result<void> add_nodes(const Call& call, View& view, Pager& pager, NodeNeeds (*needs_of)(const Wanted&),
                         Json (*json_of)(View&, const fleet::Node&, const fleet::LiveNode&, const Wanted&));

  void health(Call& call);
  void ready(Call& call);
  void metrics(Call& call);
  void openapi(Call& call);
  void list_projects(Call& call);
  void put_project(Call& call);

  void list_os(Call& call);
  void create_os(Call& call);
  void get_os(Call& call);
  void edit_os(Call& call);  // PUT, PATCH
  void delete_os(Call& call);
  void list_policies(Call& call);
  void create_policy(Call& call);
  void get_policy(Call& call);
  void patch_policy(Call& call);
  void delete_policy(Call& call);
  void list_runs(Call& call);
  void get_run(Call& call);
  void delete_run(Call& call);

  void list_regions(Call& call);
  void create_region(Call& call);
  void get_region(Call& call);
  void edit_region(Call& call);  // PUT, PATCH
  void delete_region(Call& call);
  void list_sites(Call& call);
  void create_site(Call& call);
  void get_site(Call& call);
  void edit_site(Call& call);  // PUT, PATCH
  void delete_site(Call& call);
  void list_locations(Call& call);

  void list_hosts(Call& call);
  void get_host(Call& call);
  void summary(Call& call);
  void register_host(Call& call);
  void edit_host(Call& call);  // PUT, PATCH
  void edit_registration(Call& call);
  void onboard(Call& call);
  void invalidate(Call& call);  // of host or instance
  void delete_host(Call& call);
  void list_instances(Call& call);
  void get_instance(Call& call);
  void create_instance(Call& call);
  void edit_instance(Call& call);  // PUT, PATCH
  void delete_instance(Call& call);
  void change_instance(Call& call, const fleet::Node& node, const std::optional<std::string>& policy);
  void explain(Call& call);
  void confirmation(Call& call);
  void timeline(Call& call);
  void order(Call& call);  // pause, resume, abort, confirm
  void resolve(Call& call);

  void list_schedules(Call& call);
  void create_schedule(Call& call);
  void get_schedule(Call& call);
  void edit_schedule(Call& call);  // PUT, PATCH
  void delete_schedule(Call& call);

  void events(Call& call);
  void list_sources(Call& call);
  void refresh(Call& call);

  Backend& backend_;
  ApiSettings settings_;
  Post post_;
  std::shared_ptr<EventLog> events_;
};

}  // namespace abide::api
