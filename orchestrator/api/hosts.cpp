// Hosts and instances: two views of one machine.
#include "common/core/time.hpp"
#include "orchestrator/api/call.hpp"
#include "orchestrator/api/json_input.hpp"
#include "orchestrator/api/render.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::api {

namespace {

constexpr std::size_t host_name_bytes_max = 50;
constexpr std::size_t registered_name_bytes_max = 20;

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

// What the contract has of a host and only reports.
void ignore_reported(Fields& fields) {
  for (const auto& [name, field] : host_fields().fields) fields.ignore({name.c_str()});
  fields.not_served({"desiredPowerState", "powerCommandPolicy", "desiredAmtState", "amtControlMode", "amtDnsSuffix", "desiredKvmState",
                     "desiredSolState"});
}

// A host's UUID may be given, in any case, as it is.
void same_uuid(Fields& fields, const fleet::Node& node) {
  const bool given = fields.has("uuid");
  const auto id = parse_node_id(fields.text("uuid", 36, Charset::version));
  if (given && (!id || *id != node.id)) fields.fault("uuid", "of a host cannot change");
}

// What an instance is asked to have beside its policy: it can be said as it is, and is refused otherwise.
Result<void> as_it_is(Fields& fields, View& view, const fleet::Node& node) {
  if (fields.has("name") && fields.text("name", host_name_bytes_max, Charset::name) != node.name)
    fields.fault("name", "of an instance is that of its host: rename the host");
  if (fields.has("kind") && fields.text("kind", 128, Charset::any) != "INSTANCE_KIND_METAL")
    fields.fault("kind", "is INSTANCE_KIND_METAL and cannot change");
  const std::string security = fields.text("securityFeature", 128, Charset::any);
  const bool has_os = fields.has("osID");
  const std::string os = fields.resource_id("osID", "os", true);
  const bool has_host = fields.has("hostID");
  const std::string host = fields.resource_id("hostID", "host", true);
  fields.not_served({"localAccountID", "customConfigID"});
  fields.ignore({"resourceId",
                 "instanceID",
                 "desiredState",
                 "currentState",
                 "host",
                 "os",
                 "updatePolicy",
                 "instanceStatus",
                 "instanceStatusIndicator",
                 "instanceStatusTimestamp",
                 "instanceStatusDetail",
                 "provisioningStatus",
                 "provisioningStatusIndicator",
                 "provisioningStatusTimestamp",
                 "updateStatus",
                 "updateStatusIndicator",
                 "updateStatusTimestamp",
                 "trustedAttestationStatus",
                 "trustedAttestationStatusIndicator",
                 "trustedAttestationStatusTimestamp",
                 "workloadMembers",
                 "localaccount",
                 "existingCves",
                 "runtimePackages",
                 "osUpdateAvailable",
                 "customConfig",
                 "timestamps",
                 "note",
                 "appliedUpdatePolicy",
                 "updateProgress",
                 "node"});
  if (auto finished = fields.finish(); !finished) return fail(finished.error());
  if (has_host && host != node.host_id) return fail(Code::conflict, "hostID: an instance stays with its host, " + node.host_id);
  if (has_os && os != node.os_resource_id)
    return fail(Code::conflict,
                "osID: the node " +
                    (node.os_resource_id.empty() ? std::string("has not said yet what it runs") : "runs " + node.os_resource_id) +
                    "; it gets another image by an update policy");
  const auto runs = view.os_resource(node.os_resource_id);
  const std::string present = runs == nullptr ? std::string() : runs->value.security_feature;
  if (!security.empty() && security != "SECURITY_FEATURE_UNSPECIFIED" && security != present)
    return fail(Code::conflict, "securityFeature: is that of the image that the node runs" + (present.empty() ? "" : ", " + present));
  return {};
}

// A clear word before anybody is asked.
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
  Json page = object_of(2);
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
  list(call, "hosts", host_fields(), [&](View& view, Pager& pager) { return add_nodes(call, view, pager, needs_of_host, host_json); });
}

// Reads of each node what is looked at, and all of those on the page.
Result<void> Api::add_nodes(const Call& call, View& view, Pager& pager, NodeNeeds (*needs_of)(const Wanted&),
                            Json (*json_of)(View&, const fleet::Node&, const fleet::LiveNode&, const Wanted&)) {
  std::optional<Error> error;
  const auto render = [&](const fleet::NodeRow& row, const Wanted& wanted) -> Json {
    const auto needs = needs_of(wanted);
    fleet::Node node;
    if (auto done = row.read(needs.parts, node); !done) error = done.error();
    if (error) return Json::object();
    return json_of(view, node, needs.live ? backend_.live(call.project, node.id) : fleet::LiveNode{}, wanted);
  };
  const auto extent = pager.chooses_nothing() ? fleet::Extent::few : fleet::Extent::all;
  auto read = view.node_rows(extent, [&](const fleet::NodeRow& row) {
    pager.add([&](const Wanted& wanted) { return render(row, wanted); });
    return !error && !pager.is_full();
  });
  if (!read) return read;
  if (error) return fail(std::move(*error));
  if (!pager.is_full()) return {};
  const auto total = view.count_nodes();
  if (!total) return fail(total.error());
  pager.told_total(*total);
  return {};
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
  Filter filter;
  if (const auto found = call.target.query.find("filter"); found != call.target.query.end()) {
    auto parsed = Filter::parse(found->second, host_fields());
    if (!parsed) return call.refuse(parsed.error());
    filter = std::move(*parsed);
    call.target.query.erase(found);
  }
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  std::int64_t total = 0;
  std::int64_t faulty = 0;
  std::int64_t running = 0;
  std::int64_t unallocated = 0;
  const fleet::NodeParts parts = filter.everything() ? fleet::NodeParts{} : fleet::whole_node;
  auto read = view.nodes(parts, [&](const fleet::Node& node) {
    const auto live = backend_.live(call.project, node.id);
    if (!filter.everything() && !filter.matches(host_json(view, node, live))) return;
    ++total;
    if (node.site_id.empty()) ++unallocated;
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
  operation.name = fields.text("name", by_register ? registered_name_bytes_max : host_name_bytes_max, Charset::name);
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
  operation.site = place.site.value_or("");
  operation.metadata = std::move(place.metadata).value_or(std::vector<Metadata>{});
  change(call, std::move(operation), [this, id, project = call.project](View& view, const fleet::Answer&) -> Result<Json> {
    auto node = view.node(id);
    if (!node) return fail(node.error());
    return host_json(view, *node, backend_.live(project, id));
  });
}

void Api::edit_host(Call& call) {
  const bool whole = call.request.method == Method::put;
  auto patch = call.take_patch();
  if (!patch) return call.refuse(patch.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  Fields fields(*patch);
  const std::string name = fields.text("name", host_name_bytes_max, Charset::name, whole || fields.has("name"));
  fleet::EditHost place = parse_place(fields, whole);
  same_uuid(fields, *node);
  ignore_reported(fields);
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  if (auto known = known_site(view, place); !known) return call.refuse(known.error());
  if (!call.may_change(host_json(view, *node, {}), fleet::as_set(*node))) return;
  place.host = node->host_id;
  if (!name.empty()) place.name = name;
  change(call, std::move(place), [this, id = node->id, project = call.project](View& after, const fleet::Answer&) -> Result<Json> {
    auto edited = after.node(id);
    if (!edited) return fail(edited.error());
    return host_json(after, *edited, backend_.live(project, id));
  });
}

// What was said when it was registered: of that, its name can change.
void Api::edit_registration(Call& call) {
  auto object = parse_object(call.request.body);
  if (!object) return call.refuse(object.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  Fields fields(*object);
  const std::string name = fields.text("name", registered_name_bytes_max, Charset::name, fields.has("name"));
  same_uuid(fields, *node);
  fields.ignore({"autoOnboard", "enableVpro"});
  fields.not_served({"serialNumber", "userLvmSize"});
  if (auto finished = fields.finish(); !finished) return call.refuse(finished.error());
  if (!call.may_change(host_json(view, *node, {}), fleet::as_set(*node))) return;
  change(call, fleet::RenameHost{node->host_id, name.empty() ? node->name : name},
         [this, id = node->id, project = call.project](View& after, const fleet::Answer&) -> Result<Json> {
           auto edited = after.node(id);
           if (!edited) return fail(edited.error());
           return host_json(after, *edited, backend_.live(project, id));
         });
}

// Whoever is registered may come: there is nothing to do.
void Api::onboard(Call& call) {
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  call.answer(Json(Json::object()));
}

// Nodes get their credentials from whoever runs the broker, and lose them there.
void Api::invalidate(Call& call) {
  call.target.query.erase("note");
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  call.refuse({Code::conflict, "the credentials of a node are the broker's: take them away there, or delete host " + node->host_id +
                                   ", and the node is refused"});
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
  list(call, "instances", instance_fields(),
       [&](View& view, Pager& pager) { return add_nodes(call, view, pager, needs_of_instance, instance_json); });
}

void Api::get_instance(Call& call) {
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  Json json = instance_json(view, *node, backend_.live(call.project, node->id));
  put_os_lists(json, view, *node);
  call.answer_one(json);
}

// Every host has its instance from the moment that it is registered: what can be given to it is its policy.
void Api::create_instance(Call& call) {
  auto object = parse_object(call.request.body);
  if (!object) return call.refuse(object.error());
  Fields fields(*object);
  const std::string host = fields.resource_id("hostID", "host", false, true);
  const std::string policy = fields.resource_id("osUpdatePolicyID", "osupdatepolicy", true);
  if (object->contains("resourceId")) fields.fault("resourceId", "is given by the server");
  View view = call.view();
  const auto known = view.host(host);
  if (known == nullptr && is_resource_id(host, "host")) return call.refuse({Code::not_found, "no such host: " + host});
  const fleet::Node node = known == nullptr ? fleet::Node{} : *known;
  if (auto fine = as_it_is(fields, view, node); !fine) return call.refuse(fine.error());
  change_instance(call, node, policy.empty() || policy == node.policy_id ? std::nullopt : std::optional(policy));
}

void Api::edit_instance(Call& call) {
  const bool whole = call.request.method == Method::put;
  auto patch = call.take_patch();
  if (!patch) return call.refuse(patch.error());
  if (auto left = nothing_left(call.target.query); !left) return call.refuse(left.error());
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  Fields fields(*patch);
  const bool has_policy = fields.has("osUpdatePolicyID");
  const std::string policy = fields.resource_id("osUpdatePolicyID", "osupdatepolicy", true);
  if (auto fine = as_it_is(fields, view, *node); !fine) return call.refuse(fine.error());
  if (!call.may_change(instance_json(view, *node, {}), fleet::as_set(*node))) return;
  // Said again by a PATCH it is a wish to try again; by a PUT it is only how things are.
  const bool sets = whole ? policy != node->policy_id : has_policy;
  change_instance(call, *node, sets ? std::optional(policy) : std::nullopt);
}

void Api::change_instance(Call& call, const fleet::Node& node, const std::optional<std::string>& policy) {
  if (!policy) {
    View view = call.view();
    Json json = instance_json(view, node, backend_.live(call.project, node.id));
    json["note"] = "nothing to change";
    return call.answer_one(json);
  }
  fleet::Operation operation = fleet::UnlinkPolicy{node.host_id};
  if (!policy->empty()) operation = fleet::LinkPolicy{node.host_id, *policy};
  change(call, std::move(operation), [this, id = node.id, project = call.project](View& after, const fleet::Answer&) -> Result<Json> {
    auto linked = after.node(id);
    if (!linked) return fail(linked.error());
    return instance_json(after, *linked, backend_.live(project, id));
  });
}

void Api::delete_instance(Call& call) {
  View view = call.view();
  auto node = view.find_host(call.id);
  if (!node) return call.refuse(node.error());
  call.refuse({Code::conflict, "an instance goes with its host: delete host " + node->host_id});
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
  // Only what was shown is confirmed: compared again here, and once more in the commit.
  if (auto list = names_tag(call.request.if_match, {}, false); !list) return call.refuse(list.error());
  auto compared = [exchange = call.exchange, host = *node, tags = call.request.if_match,
                   confirm = prepared(call, std::move(operation), rendered)](Result<fleet::Confirmation> told) {
    if (!told) return exchange->respond(error_response(told.error()));
    const auto named = names_tag(tags, tag_of_all(confirmation_json(host, *told)), false);
    if (!named || !*named) return exchange->respond(error_response(412, "FailedPrecondition", changed_meanwhile));
    confirm(fleet::ConfirmationShown{host.id, std::move(*told)});
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
