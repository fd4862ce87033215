#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/core/ids.hpp"
#include "common/core/time.hpp"
#include "common/service/build_version.hpp"
#include "orchestrator/api/call.hpp"
#include "orchestrator/api/metrics.hpp"
#include "orchestrator/api/render.hpp"

namespace abide::api {

void Api::Call::answer_one(const Json& json) const {
  const std::string tag = tag_of(json);
  const bool reported = json.contains("hostStatus") || json.contains("instanceStatus");
  if (!request.if_none_match.empty() && !tag.empty() && !reported) {
    auto known = names_tag(request.if_none_match, tag, true);
    if (!known) return refuse(known.error());
    if (*known) {
      HttpResponse response;
      response.status = 304;
      response.headers.emplace_back("ETag", tag);
      return exchange->respond(std::move(response));
    }
  }
  auto response = json_response(json);
  if (!tag.empty()) response.headers.emplace_back("ETag", tag);
  exchange->respond(std::move(response));
}

bool Api::Call::may_change(const Json& json, std::optional<fleet::Seen> as_seen) {
  if (request.if_match.empty()) return true;
  auto named = names_tag(request.if_match, tag_of(json), false);
  if (!named) {
    refuse(named.error());
    return false;
  }
  if (!*named) {
    exchange->respond(error_response(412, "FailedPrecondition", changed_meanwhile));
    return false;
  }
  seen = std::move(as_seen);
  return true;
}

Result<Patch> Api::Call::take_patch() {
  if (request.method == Method::patch) return parse_patch(request.body, target.query);
  auto object = parse_object(request.body);
  if (!object) return fail(object.error());
  return Patch{std::move(*object), std::nullopt};
}

HttpResponse json_response(const Json& json) {
  HttpResponse response;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

struct Api::Routes {
  struct Route {
    Method method;
    std::string_view path;  // below /v1/projects/{projectName}/; {} is the variable part
    Handle handle;
    bool queried;  // it reads the query, and refuses what it does not know; else nothing can be asked
  };
  static constexpr bool queried = true;
  static constexpr bool plain = false;
  static constexpr std::array table = {
      Route{Method::get, "compute/os", &Api::list_os, queried},
      Route{Method::post, "compute/os", &Api::create_os, plain},
      Route{Method::get, "compute/os/{}", &Api::get_os, plain},
      Route{Method::put, "compute/os/{}", &Api::edit_os, queried},
      Route{Method::patch, "compute/os/{}", &Api::edit_os, queried},
      Route{Method::erase, "compute/os/{}", &Api::delete_os, plain},
      Route{Method::get, "os-update-policies", &Api::list_policies, queried},
      Route{Method::post, "os-update-policies", &Api::create_policy, plain},
      Route{Method::get, "os-update-policies/{}", &Api::get_policy, plain},
      Route{Method::patch, "os-update-policies/{}", &Api::patch_policy, queried},
      Route{Method::erase, "os-update-policies/{}", &Api::delete_policy, plain},
      Route{Method::get, "os-update-runs", &Api::list_runs, queried},
      Route{Method::get, "os-update-runs/{}", &Api::get_run, queried},
      Route{Method::erase, "os-update-runs/{}", &Api::delete_run, plain},
      Route{Method::get, "compute/hosts", &Api::list_hosts, queried},
      Route{Method::post, "compute/hosts", &Api::register_host, plain},
      Route{Method::post, "compute/hosts/register", &Api::register_host, plain},
      Route{Method::get, "compute/hosts/summary", &Api::summary, queried},
      Route{Method::get, "compute/hosts_summary", &Api::summary, queried},
      Route{Method::get, "compute/hosts/{}", &Api::get_host, plain},
      Route{Method::put, "compute/hosts/{}", &Api::edit_host, queried},
      Route{Method::patch, "compute/hosts/{}", &Api::edit_host, queried},
      Route{Method::erase, "compute/hosts/{}", &Api::delete_host, plain},
      Route{Method::patch, "compute/hosts/{}/register", &Api::edit_registration, plain},
      Route{Method::patch, "compute/hosts/{}/onboard", &Api::onboard, plain},
      Route{Method::put, "compute/hosts/{}/invalidate", &Api::invalidate, queried},
      Route{Method::get, "compute/hosts/{}/explain", &Api::explain, plain},
      Route{Method::get, "compute/hosts/{}/confirmation", &Api::confirmation, plain},
      Route{Method::get, "compute/hosts/{}/timeline", &Api::timeline, queried},
      Route{Method::post, "compute/hosts/{}/pause", &Api::order, plain},
      Route{Method::post, "compute/hosts/{}/resume", &Api::order, plain},
      Route{Method::post, "compute/hosts/{}/abort", &Api::order, plain},
      Route{Method::post, "compute/hosts/{}/confirm", &Api::order, plain},
      Route{Method::post, "compute/hosts/{}/resolve", &Api::resolve, plain},
      Route{Method::get, "compute/instances", &Api::list_instances, queried},
      Route{Method::post, "compute/instances", &Api::create_instance, plain},
      Route{Method::get, "compute/instances/{}", &Api::get_instance, plain},
      Route{Method::put, "compute/instances/{}", &Api::edit_instance, queried},
      Route{Method::patch, "compute/instances/{}", &Api::edit_instance, queried},
      Route{Method::erase, "compute/instances/{}", &Api::delete_instance, plain},
      Route{Method::put, "compute/instances/{}/invalidate", &Api::invalidate, plain},
      Route{Method::get, "schedules", &Api::list_schedules, queried},
      Route{Method::get, "schedules/single", &Api::list_schedules, queried},
      Route{Method::post, "schedules/single", &Api::create_schedule, plain},
      Route{Method::get, "schedules/single/{}", &Api::get_schedule, plain},
      Route{Method::put, "schedules/single/{}", &Api::edit_schedule, queried},
      Route{Method::patch, "schedules/single/{}", &Api::edit_schedule, queried},
      Route{Method::erase, "schedules/single/{}", &Api::delete_schedule, plain},
      Route{Method::get, "schedules/repeated", &Api::list_schedules, queried},
      Route{Method::post, "schedules/repeated", &Api::create_schedule, plain},
      Route{Method::get, "schedules/repeated/{}", &Api::get_schedule, plain},
      Route{Method::put, "schedules/repeated/{}", &Api::edit_schedule, queried},
      Route{Method::patch, "schedules/repeated/{}", &Api::edit_schedule, queried},
      Route{Method::erase, "schedules/repeated/{}", &Api::delete_schedule, plain},
      Route{Method::get, "regions", &Api::list_regions, queried},
      Route{Method::post, "regions", &Api::create_region, plain},
      Route{Method::get, "regions/{}", &Api::get_region, plain},
      Route{Method::put, "regions/{}", &Api::edit_region, queried},
      Route{Method::patch, "regions/{}", &Api::edit_region, queried},
      Route{Method::erase, "regions/{}", &Api::delete_region, plain},
      Route{Method::get, "sites", &Api::list_sites, queried},
      Route{Method::post, "sites", &Api::create_site, queried},
      Route{Method::get, "sites/{}", &Api::get_site, queried},
      Route{Method::put, "sites/{}", &Api::edit_site, queried},
      Route{Method::patch, "sites/{}", &Api::edit_site, queried},
      Route{Method::erase, "sites/{}", &Api::delete_site, queried},
      Route{Method::get, "locations", &Api::list_locations, queried},
      Route{Method::get, "events", &Api::events, queried},
      Route{Method::get, "sources", &Api::list_sources, queried},
      Route{Method::post, "sources/refresh", &Api::refresh, plain},
      Route{Method::post, "refresh", &Api::refresh, plain},
  };

  // Other names of the same things.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> aliases = {{
      {"compute/operating_systems", "compute/os"},
      {"os_update_policy", "os-update-policies"},
      {"os_update_run", "os-update-runs"},
      {"compute/schedules", "schedules"},
      {"profiles/sources", "sources"},
  }};

  static bool matches(std::string_view pattern, const std::string& path, std::string& variable) {
    const std::size_t brace = pattern.find("{}");
    if (brace == std::string_view::npos) return pattern == path;
    const std::string_view before = pattern.substr(0, brace);
    const std::string_view after = pattern.substr(brace + 2);
    const std::string_view whole = path;
    if (whole.size() <= before.size() + after.size() || !whole.starts_with(before) || !whole.ends_with(after)) return false;
    const auto middle = whole.substr(before.size(), whole.size() - before.size() - after.size());
    if (middle.find('\n') != std::string_view::npos) return false;
    variable = std::string(middle);
    return true;
  }
};

namespace {

std::string_view method_name(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::erase:
      return "DELETE";
    case Method::other:
      return "";
  }
  return "";
}

HttpResponse not_allowed(const std::string& allowed) {
  auto response = error_response(405, "Unimplemented", "this path takes " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

Api::Api(Backend& backend, ApiSettings settings, Post post)
    : backend_(backend), settings_(std::move(settings)), post_(std::move(post)), events_(std::make_shared<EventLog>()) {}

void Api::handle(const HttpRequest& request, const std::shared_ptr<Exchange>& exchange) {
  auto target = parse_target(request.target);
  if (!target) return exchange->respond(error_response(target.error()));
  Call call{request, exchange, std::move(*target), {}, {}, {}, {}, nullptr, settings_.maintenance_updates, std::nullopt};
  const auto& segments = call.target.segments;
  const auto only = [&](Method method, Handle handle_it) {
    if (request.method != method) return exchange->respond(not_allowed(std::string(method_name(method))));
    (this->*handle_it)(call);
  };
  if (segments.size() == 1 && segments[0] == "healthz") return only(Method::get, &Api::health);
  if (segments.size() == 1 && segments[0] == "readyz") return only(Method::get, &Api::ready);
  if (segments.size() == 1 && segments[0] == "metrics") return only(Method::get, &Api::metrics);
  if (segments.size() == 1 && segments[0] == "openapi.yaml") return only(Method::get, &Api::openapi);
  if (segments.size() > 2 && segments[0] == "edge-infra.orchestrator.apis" && segments[1] == "v2") {
    if (auto named = name_project(call); !named) return call.refuse(named.error());
  }
  if (segments.size() < 2 || segments[0] != "v1" || segments[1] != "projects")
    return exchange->respond(error_response(404, "NotFound", "no such path"));
  if (segments.size() == 2) return only(Method::get, &Api::list_projects);
  call.project = segments[2];
  if (segments.size() == 3) return only(Method::put, &Api::put_project);
  const auto scope = backend_.scope_of(call.project);
  if (!scope) return call.refuse({Code::not_found, "no such project: " + call.project});
  call.scope = *scope;
  route(call);
}

// The same paths in their older form, /edge-infra.orchestrator.apis/v2/operating_systems: without a project in them, which a
// header then names, and without compute/.
Result<void> Api::name_project(Call& call) const {
  std::string project = call.request.project;
  if (project.empty()) {
    const auto all = backend_.projects();
    if (all.size() != 1)
      return fail(Code::invalid_input,
                  "this path has no project, and " + std::to_string(all.size()) + " are served: name one in the header ActiveProjectID");
    project = all.front();
  }
  auto& segments = call.target.segments;
  static constexpr std::array<std::string_view, 4> of_compute = {"hosts", "hosts_summary", "instances", "operating_systems"};
  const bool compute = std::find(of_compute.begin(), of_compute.end(), segments[2]) != of_compute.end();
  std::vector<std::string> full{"v1", "projects", project};
  if (compute) full.emplace_back("compute");
  full.insert(full.end(), segments.begin() + 2, segments.end());
  segments = std::move(full);
  return {};
}

void Api::route(Call& call) {
  // Segments are joined by a byte that none can contain but as a separator: "/" inside a segment is not one.
  std::string path;
  for (std::size_t i = 3; i < call.target.segments.size(); ++i) {
    std::string segment = call.target.segments[i];
    for (char& c : segment) {
      if (c == '/') c = '\n';
    }
    path += (path.empty() ? "" : "/") + segment;
  }
  call.last = call.target.segments.back();
  for (const auto& [alias, name] : Routes::aliases) {
    if (path.starts_with(alias) && (path.size() == alias.size() || path[alias.size()] == '/')) {
      path = std::string(name) + path.substr(alias.size());
      break;
    }
  }
  // regions/{regionId}/sites is sites?regionId=: those of one region, "*" standing for all.
  if (const auto& segments = call.target.segments; segments.size() >= 6 && segments[3] == "regions" && segments[5] == "sites") {
    call.target.query.insert_or_assign("regionId", segments[4]);
    path = "sites" + path.substr(path.find("/sites") + 6);
  }
  std::string allowed;
  for (const auto& route : Routes::table) {
    std::string variable;
    if (!Routes::matches(route.path, path, variable) || variable.find('/') != std::string::npos) continue;
    if (route.method != call.request.method) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(method_name(route.method));
      continue;
    }
    if (!route.queried) {
      if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
    }
    call.id = variable;
    call.reader = backend_.snapshot();
    return (this->*route.handle)(call);
  }
  if (allowed.empty()) return call.exchange->respond(error_response(404, "NotFound", "no such path"));
  call.exchange->respond(not_allowed(allowed));
}

struct Api::Change {
  std::string project, scope;
  std::shared_ptr<Exchange> exchange;
  fleet::Operation operation;
  std::optional<fleet::Seen> seen;
  Rendered rendered;
};

void Api::change(Call& call, fleet::Operation operation, Rendered rendered) {
  send(std::make_shared<Change>(
      Change{call.project, call.scope, call.exchange, std::move(operation), std::move(call.seen), std::move(rendered)}));
}

std::function<void(fleet::Seen)> Api::prepared(Call& call, fleet::Operation operation, Rendered rendered) {
  auto change =
      std::make_shared<Change>(Change{call.project, call.scope, call.exchange, std::move(operation), std::nullopt, std::move(rendered)});
  return [this, change = std::move(change)](fleet::Seen seen) {
    change->seen = std::move(seen);
    post_([this, change] { send(change); });
  };
}

void Api::send(const std::shared_ptr<Change>& change) {
  auto answered = [this, change](Result<fleet::Answer> answer) {
    if (!answer) return change->exchange->respond(error_response(answer.error()));
    if (answer->changed_meanwhile) return change->exchange->respond(error_response(412, "FailedPrecondition", changed_meanwhile));
    post_([this, change, committed = std::move(*answer)] {
      View view(backend_.snapshot(), change->scope, settings_.maintenance_updates);
      auto json = change->rendered(view, committed);
      if (!json) return change->exchange->respond(error_response(json.error()));
      const std::string tag = tag_of(*json);
      if (!committed.note.empty()) (*json)["note"] = committed.note;
      auto response = json_response(*json);
      if (!tag.empty()) response.headers.emplace_back("ETag", tag);
      change->exchange->respond(std::move(response));
    });
  };
  if (!backend_.submit(change->project, std::move(change->operation), std::move(answered), std::exchange(change->seen, std::nullopt)))
    change->exchange->respond(error_response({Code::unavailable, "too much to do at the moment; try again"}));
}

void Api::list(Call& call, const char* key, const FieldTree& fields, const std::function<Result<void>(View&, Pager&)>& collect) {
  auto query = take_list_query(call.target.query, &fields);
  if (!query) return call.refuse(query.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  Pager pager(*query);
  do {
    if (auto collected = collect(view, pager); !collected) return call.refuse(collected.error());
  } while (pager.again());
  call.answer(std::move(pager).finish(key));
}

// ---- what belongs to no resource -----------------------------------------------------------------------------------------

void Api::health(Call& call) {
  const auto health = backend_.health();
  Json json = Json::object();
  json["status"] = health.healthy ? "ok" : "stuck";
  json["version"] = std::string(build_version());
  json["bus"] = health.bus_connected ? "connected" : "disconnected";
  json["projects"] = health.projects;
  json["releases"] = health.releases;
  if (health.releases_read_at_ms != 0) json["releasesReadAt"] = to_rfc3339(health.releases_read_at_ms);
  json["releasesFound"] = health.releases_found;
  auto response = json_response(json);
  response.status = health.healthy ? 200 : 503;
  call.exchange->respond(std::move(response));
}

void Api::ready(Call& call) {
  const auto health = backend_.health();
  Json json = Json::object();
  Json waits = Json::array();
  if (!health.healthy) waits.push_back("the owner thread stands still");
  if (!health.bus_connected) waits.push_back("there is no connection to the broker");
  const bool ready = waits.empty();
  json["status"] = ready ? "ready" : "not ready";
  json["waitsFor"] = std::move(waits);
  auto response = json_response(json);
  response.status = ready ? 200 : 503;
  call.exchange->respond(std::move(response));
}

void Api::metrics(Call& call) {
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  const auto health = backend_.health();
  auto http = settings_.http ? settings_.http() : HttpStats{};
  const auto respond = [exchange = call.exchange, health, http](const std::optional<std::vector<ProjectCounts>>& counted) {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_text(health, http, counted, build_version());
    exchange->respond(std::move(response));
  };
  // An owner that stands still counts nothing: what is known without it is told all the more.
  auto counted = [this, respond](std::vector<ProjectCounts> counts) { post_([respond, counts = std::move(counts)] { respond(counts); }); };
  if (!health.healthy || !backend_.count(std::move(counted))) respond(std::nullopt);
}

void Api::openapi(Call& call) {
  HttpResponse response;
  response.content_type = "application/yaml";
  response.body = std::string(openapi_yaml());
  call.exchange->respond(std::move(response));
}

void Api::list_projects(Call& call) {
  auto query = take_list_query(call.target.query, nullptr);
  if (!query) return call.refuse(query.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  std::vector<Json> items;
  for (const auto& name : backend_.projects()) items.push_back(Json{{"name", name}});
  call.answer(list_page("projects", std::move(items), *query));
}

void Api::put_project(Call& call) {
  if (auto checked = check_project_name(call.project); !checked) return call.refuse(checked.error());
  auto created = [exchange = call.exchange, name = call.project](Result<void> done) {
    if (!done) return exchange->respond(error_response(done.error()));
    exchange->respond(json_response(Json{{"name", name}}));
  };
  if (!backend_.create_project(call.project, std::move(created)))
    call.refuse({Code::unavailable, "too much to do at the moment; try again"});
}

}  // namespace abide::api
