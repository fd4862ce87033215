// Hosts and instances: two views of one machine.
#include "common/core/time.hpp"
#include "orchestrator/api/call.hpp"
#include "orchestrator/api/json_input.hpp"
#include "orchestrator/api/render.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::api {

namespace {

constexpr std::size_t host_name_bytes_max = 50;

// With `whole`, what is not given is taken away.
fleet::EditHost parse_place(Fields& fields, bool whole) {
  fleet::EditHost place;
  const bool has_site = fields.has("siteId");
  auto site = fields.resource_id("siteId", "site", true);
  if (whole || has_site) place.site = std::move(site);
  place.metadata = fields.metadata("metadata");
  if (whole && !place.metadata) place.metadata.emplace();
  return place;
}

// Seen before anything is changed: a new name and a new place are two operations.
Result<void> known_site(View view, const fleet::EditHost& place) {
  if (place.site && !place.site->empty() && view.site(*place.site) == nullptr) return fail(Code::not_found, "no such site: " + *place.site);
  return {};
}

}  // namespace

void Api::list_after(Call& call, const char* key, const FieldTree& fields, const std::function<Json(View&, const fleet::Node&)>& render) {
  auto& asked = call.target.query;
  const auto after = parse_node_id(asked.find("after")->second);
  if (!after) return call.refuse(after.error().in("after"));
  asked.erase("after");
  for (const char* other : {"offset", "orderBy"})
    if (asked.contains(other))
      return call.refuse({Code::invalid_input, std::string(other) + ": goes not with after, which is an order by UUID"});
  auto query = take_list_query(asked, &fields);
  if (!query) return call.refuse(query.error());
  if (auto left = nothing_left(asked); !left) return call.refuse(left.error());
  View view = call.view();
  Json page = Json::object();
  Json& items = page[key] = Json::array();
  bool more = false;
  auto read = view.nodes_after(*after, [&](const fleet::Node& node) {
    Json item = render(view, node);
    if (!query->filter.matches(item)) return true;
    more = static_cast<std::int64_t>(items.size()) == query->page_size;
    if (!more) items.push_back(std::move(item));
    return !more;
  });
  if (!read) return call.refuse(read.error());
  page["hasNext"] = more;
  call.answer(page);
}

void Api::list_hosts(Call& call) {
  if (call.target.query.contains("after"))
    return list_after(call, "hosts", host_fields(),
                      [&](View& view, const fleet::Node& node) { return host_json(view, node, backend_.live(call.project, node.id)); });
  list(call, "hosts", host_fields(), [&](View& view, Pager& pager) {
    return view.nodes([&](const auto& node) { pager.add([&] { return host_json(view, node, backend_.live(call.project, node.id)); }); });
  });
}

void Api::get_host(Call& call) {
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  Json json = host_json(view, *node, backend_.live(call.project, node->id));
  put_os_lists(json["instance"], view, *node);
  call.answer_one(json);
}

void Api::summary(Call& call) {
  call.target.query.erase("filter");
  View view = call.view();
  std::int64_t total = 0;
  std::int64_t faulty = 0;
  std::int64_t running = 0;
  std::int64_t unallocated = 0;
  auto read = view.nodes([&](const fleet::Node& node) {
    ++total;
    if (node.site_id.empty()) ++unallocated;
    const auto live = backend_.live(call.project, node.id);
    if (node.conflict || node.status.indicator == fleet::Indicator::error) {
      ++faulty;
    } else if (live.online.value_or(false)) {
      ++running;
    }
  });
  if (!read) return call.refuse(read.error());
  Json json = Json::object();
  json["total"] = total;
  json["error"] = faulty;
  json["running"] = running;
  json["unallocated"] = unallocated;  // hosts without a site
  call.answer(json);
}

void Api::register_host(Call& call) {
  auto object = parse_object(call.request.body);
  if (!object) return call.refuse(object.error());
  Fields fields(*object);
  fleet::RegisterHost operation;
  const bool by_register = call.last == "register";
  operation.name = fields.text("name", by_register ? 20 : host_name_bytes_max, Charset::name);
  const std::string uuid = fields.text("uuid", 36, Charset::version, true);
  if (!uuid.empty()) {
    auto node = parse_node_id(uuid);
    if (node) operation.node = *node;
    if (!node) fields.fault("uuid", "is not a UUID");
  }
  fields.ignore({"autoOnboard", "enableVpro"});
  fields.not_served({"serialNumber", "userLvmSize"});
  fleet::EditHost place;
  if (!by_register) place = parse_place(fields, true);
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  const NodeId id = operation.node;
  if (operation.name.empty()) operation.name = to_string(id);
  place.host = to_string(id);
  if (auto known = known_site(call.view(), place); !known) return call.refuse(known.error());
  const bool placed = !place.site.value_or("").empty() || !place.metadata.value_or(std::vector<Metadata>{}).empty();
  std::vector<fleet::Operation> operations;
  operations.emplace_back(std::move(operation));
  if (placed) operations.emplace_back(std::move(place));
  change(call, std::move(operations), [this, id, project = call.project](View& view, const fleet::Answer&) -> Result<Json> {
    auto node = view.node(id);
    if (!node) return fail(node.error());
    return host_json(view, *node, backend_.live(project, id));
  });
}

void Api::edit_host(Call& call) {
  const bool whole = call.request.method == Method::put;
  auto object = whole ? parse_object(call.request.body) : masked_body(call.request.body, call.target.query);
  if (!object) return call.refuse(object.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  Fields fields(*object);
  const std::string name = fields.text("name", host_name_bytes_max, Charset::name, whole || fields.has("name"));
  fleet::EditHost place = parse_place(fields, whole);
  const std::string uuid = fields.text("uuid", 36, Charset::version);
  if (const auto id = parse_node_id(uuid); !uuid.empty() && (!id || *id != node->id)) fields.fault("uuid", "of a host cannot change");
  fields.not_served({"desiredPowerState", "desiredAmtState", "powerCommandPolicy"});
  fields.ignore({"resourceId", "site", "inheritedMetadata", "instance", "desiredState", "currentState", "cpuArchitecture", "hostStatus",
                 "hostStatusIndicator", "hostStatusTimestamp", "note", "timestamps"});
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  if (auto known = known_site(view, place); !known) return call.refuse(known.error());
  if (!call.may_change(host_json(view, *node, {}), fleet::as_set(*node))) return;
  place.host = node->host_id;
  std::vector<fleet::Operation> operations;
  if (!name.empty() && name != node->name) operations.emplace_back(fleet::RenameHost{node->host_id, name});
  const bool moves = (place.site && *place.site != node->site_id) || (place.metadata && *place.metadata != node->metadata);
  if (moves || operations.empty()) operations.emplace_back(std::move(place));
  change(call, std::move(operations), [this, id = node->id, project = call.project](View& after, const fleet::Answer&) -> Result<Json> {
    auto edited = after.node(id);
    if (!edited) return fail(edited.error());
    return host_json(after, *edited, backend_.live(project, id));
  });
}

// Its instance goes with it, its runs stay. What its node does from now on is nobody's business here: it is refused.
void Api::delete_host(Call& call) {
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  if (!call.may_change(host_json(view, *node, {}), fleet::as_set(*node))) return;
  change(call, fleet::DeleteHost{node->host_id}, [](View&, const fleet::Answer&) -> Result<Json> { return Json(Json::object()); });
}

void Api::list_instances(Call& call) {
  if (call.target.query.contains("after"))
    return list_after(call, "instances", instance_fields(),
                      [&](View& view, const fleet::Node& node) { return instance_json(view, node, backend_.live(call.project, node.id)); });
  list(call, "instances", instance_fields(), [&](View& view, Pager& pager) {
    return view.nodes(
        [&](const auto& node) { pager.add([&] { return instance_json(view, node, backend_.live(call.project, node.id)); }); });
  });
}

void Api::get_instance(Call& call) {
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  Json json = instance_json(view, *node, backend_.live(call.project, node->id));
  put_os_lists(json, view, *node);
  call.answer_one(json);
}

void Api::patch_instance(Call& call) {
  auto object = masked_body(call.request.body, call.target.query);
  if (!object) return call.refuse(object.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  Fields fields(*object);
  const std::string policy = fields.resource_id("osUpdatePolicyID", "osupdatepolicy", true, true);
  fields.not_served({"name", "kind", "osID", "hostID", "localAccountID", "customConfigID", "securityFeature"});
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  if (!call.may_change(instance_json(view, *node, {}), fleet::as_set(*node))) return;
  fleet::Operation operation = fleet::UnlinkPolicy{node->host_id};
  if (!policy.empty()) operation = fleet::LinkPolicy{node->host_id, policy};
  change(call, std::move(operation), [this, id = node->id, project = call.project](View& after, const fleet::Answer&) -> Result<Json> {
    auto linked = after.node(id);
    if (!linked) return fail(linked.error());
    return instance_json(after, *linked, backend_.live(project, id));
  });
}

void Api::explain(Call& call) {
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  auto explained = [exchange = call.exchange, host = *node](Result<std::vector<Condition>> conditions) {
    if (!conditions) return exchange->respond(error_response(conditions.error()));
    Json json = Json::object();
    json["resourceId"] = host.host_id;
    json["name"] = host.name;
    json["uuid"] = to_string(host.id);
    json["phase"] = std::string(to_string(host.phase));
    json["updateStatus"] = host.status.text;
    Json& list = json["conditions"] = Json::array();
    for (const auto& condition : *conditions) {
      Json item = Json::object();
      item["what"] = condition.what;
      item["text"] = condition.text;
      if (condition.at_wall_ms) item["at"] = to_rfc3339(*condition.at_wall_ms);
      list.push_back(std::move(item));
    }
    exchange->respond(json_response(json));
  };
  if (!backend_.explain(call.project, node->id, std::move(explained)))
    call.refuse({Code::unavailable, "too much to do at the moment; try again"});
}

// Asks the owner, as explain does: it alone knows what confirming would do now.
void Api::confirmation(Call& call) {
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  auto compared = [exchange = call.exchange, host = *node](Result<fleet::Confirmation> told) {
    if (!told) return exchange->respond(error_response(told.error()));
    const Json json = confirmation_json(host, *told);
    auto response = json_response(json);
    response.headers.emplace_back("ETag", tag_of_all(json));
    exchange->respond(std::move(response));
  };
  if (!backend_.confirmation(call.project, node->id, std::move(compared)))
    call.refuse({Code::unavailable, "too much to do at the moment; try again"});
}

void Api::order(Call& call) {
  if (!call.request.body.empty()) {
    auto object = parse_object(call.request.body);
    if (!object) return call.refuse(object.error());
    Fields fields(*object);
    if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  }
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  fleet::Operation operation = fleet::ConfirmNode{node->host_id};
  if (call.last == "pause") operation = fleet::PauseUpdate{node->host_id, true};
  if (call.last == "resume") operation = fleet::PauseUpdate{node->host_id, false};
  if (call.last == "abort") operation = fleet::AbortUpdate{node->host_id};
  const Rendered rendered = [id = node->host_id](View&, const fleet::Answer&) -> Result<Json> { return Json{{"resourceId", id}}; };
  if (call.last != "confirm" || call.request.if_match.empty()) return change(call, std::move(operation), rendered);
  // Only what was shown is confirmed: compared again, and confirmed if it comes out the same.
  if (auto list = names_tag(call.request.if_match, {}, false); !list) return call.refuse(list.error());
  auto compared = [exchange = call.exchange, host = *node, tags = call.request.if_match,
                   confirm = prepared(call, std::move(operation), rendered)](Result<fleet::Confirmation> told) {
    if (!told) return exchange->respond(error_response(told.error()));
    const auto named = names_tag(tags, tag_of_all(confirmation_json(host, *told)), false);
    if (!named || !*named) return exchange->respond(error_response(412, "FailedPrecondition", changed_meanwhile));
    confirm();
  };
  if (!backend_.confirmation(call.project, node->id, std::move(compared)))
    call.refuse({Code::unavailable, "too much to do at the moment; try again"});
}

void Api::resolve(Call& call) {
  auto object = parse_object(call.request.body);
  if (!object) return call.refuse(object.error());
  Fields fields(*object);
  const std::string journal = fields.text("journal", 16, Charset::version, true);
  fleet::ResolveConflict operation;
  if (!journal.empty()) {
    std::uint64_t value = 0;
    bool hex = journal.size() == 16;
    for (const char c : journal) {
      const bool digit = c >= '0' && c <= '9';
      if (!digit && !(c >= 'a' && c <= 'f')) hex = false;
      if (hex) value = value * 16 + static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    if (!hex || value == 0) fields.fault("journal", "must be 16 hex digits, as in the host's node.journal or node.conflictWith");
    operation.journal = JournalId{value};
  }
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  operation.host = node->host_id;
  change(call, std::move(operation), [id = node->host_id](View&, const fleet::Answer&) -> Result<Json> {
    return Json{{"resourceId", id}};
  });
}

}  // namespace abide::api
