#include "tools/abidectl/commands.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/time.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

Result<std::vector<Json>> find_hosts(Session& session, const Hosts& hosts) {
  const Kind& kind = kind_of("host");
  std::vector<Json> found;
  if (hosts.all) {
    auto all = session.client.list(kind.path, kind.list_key);
    if (!all) return fail(all.error());
    for (auto& host : *all) found.push_back(std::move(host));
    return found;
  }
  for (const auto& name : hosts.names) {
    auto host = find(session, kind, name);
    if (!host) return fail(host.error());
    found.push_back(std::move(*host));
  }
  return found;
}

// Runs one order a host; goes on after a refusal, so that one host does not keep the others from theirs.
Result<void> each_host(Session& session, const Hosts& hosts, const std::string& done,
                       const std::function<Result<Json>(const Json& host)>& order) {
  auto found = find_hosts(session, hosts);
  if (!found) return fail(found.error());
  std::optional<Error> first;
  Json documents = Json::array();
  for (const auto& host : *found) {
    const auto name = text_at(host, "name");
    auto answer = order(host);
    if (!answer) {
      if (found->size() == 1) return fail(answer.error());
      *session.around.err << "host " << name << ": " << answer.error().message << "\n";
      if (!first) first = answer.error();
      if (answer.error().code == Code::unavailable || answer.error().code == Code::timeout) break;
      continue;
    }
    if (session.as_document()) {
      documents.push_back(std::move(*answer));
      continue;
    }
    const auto note = text_at(*answer, "note");
    // What changed nothing is not told as done.
    const bool nothing_done = note.compare(0, std::string("nothing to change").size(), "nothing to change") == 0;
    *session.around.out << "host " << name << (nothing_done ? "" : " " + done) << (note.empty() ? "" : ": " + note) << "\n";
  }
  if (session.as_document()) print_document(session, found->size() == 1 && !documents.empty() ? documents.front() : documents);
  if (first) return fail(first->code, "not every host could be done: " + first->message);
  return {};
}

std::string instance_path(const Json& host) {
  const auto id = text_at(host, "instance.resourceId");
  return id.empty() ? std::string() : kind_of("instance").path + "/" + id;
}

}  // namespace

namespace {

// Sources are listed only where something is wrong with them; what was read, and when, says the rest.
Result<void> get_sources(Session& session, const Kind& kind) {
  auto answer = session.client.get(kind.path);
  if (!answer) return fail(answer.error());
  if (session.as_document()) {
    print_document(session, *answer);
    return {};
  }
  const auto read_at = parse_rfc3339(text_at(*answer, "readAt"));
  *session.around.out << text_at(*answer, "releases") << ": "
                      << (read_at ? text_at(*answer, "found") + " profiles found, read " + relative(*read_at, session.around.now_ms())
                                  : "not read yet")
                      << "\n";
  const Json& sources = member_at(*answer, kind.list_key);
  if (sources.is_array() && !sources.empty()) *session.around.out << to_text(table_of(kind, sources, session.reading()));
  return {};
}

}  // namespace

Result<void> get(Session& session, const Kind& kind, const Selection& selection) {
  if (selection.watch) return watch(session, kind, selection);
  if (kind.noun == "source" && selection.name.empty()) return get_sources(session, kind);
  if (!selection.name.empty()) {
    auto object = find(session, kind, selection.name);
    if (!object) return fail(object.error());
    if (session.as_document()) {
      print_document(session, *object);
    } else {
      print_table(session, kind, Json::array({std::move(*object)}));
    }
    return {};
  }
  auto objects = select(session, kind, selection);
  if (!objects) return fail(objects.error());
  if (session.as_document()) {
    print_document(session, *objects);
  } else {
    print_table(session, kind, *objects);
  }
  return {};
}

Result<Json> select(Session& session, const Kind& kind, const Selection& selection) {
  Query query;
  if (!selection.filter.empty()) query.emplace_back("filter", selection.filter);
  std::string instance;
  if (!selection.host.empty()) {
    auto host = find(session, kind_of("host"), selection.host);
    if (!host) return host;
    if (kind.noun == "schedule") query.emplace_back("hostId", text_at(*host, "resourceId"));
    instance = text_at(*host, "instance.resourceId");
  }
  auto objects = session.client.list(kind.path, kind.list_key, query);
  if (!objects) return objects;
  // Runs and windows keep the API's order, which is by time.
  if (kind.noun != "osupdaterun" && kind.noun != "schedule") {
    std::stable_sort(objects->begin(), objects->end(),
                     [](const Json& left, const Json& right) { return natural_less(text_at(left, "name"), text_at(right, "name")); });
  }
  if (selection.host.empty() || kind.noun != "osupdaterun") return objects;
  Json belonging = Json::array();
  for (const auto& object : *objects) {
    if (text_at(object, "instance.resourceId") == instance) belonging.push_back(object);
  }
  return belonging;
}

Result<void> remove(Session& session, const Kind& kind, const std::string& name) {
  auto object = find(session, kind, name);
  if (!object) return fail(object.error());
  auto answer = session.client.send("DELETE", kind.path + "/" + text_at(*object, "resourceId"), nullptr);
  if (!answer) return fail(answer.error());
  print_done(session, kind, *object, "deleted");
  return {};
}

Result<void> link_policy(Session& session, const std::string& policy, const Hosts& hosts) {
  auto found = find(session, kind_of("osupdatepolicy"), policy);
  if (!found) return fail(found.error());
  const Json body = {{"osUpdatePolicyID", text_at(*found, "resourceId")}};
  return each_host(session, hosts, "linked to " + text_at(*found, "name"), [&](const Json& host) -> Result<Json> {
    const auto path = instance_path(host);
    if (path.empty()) return fail(Code::denied, "it has no instance");
    return session.client.send("PATCH", path, body);
  });
}

Result<void> unlink_policy(Session& session, const std::string& policy, const Hosts& hosts) {
  std::string expected;
  if (!policy.empty()) {
    auto found = find(session, kind_of("osupdatepolicy"), policy);
    if (!found) return fail(found.error());
    expected = text_at(*found, "resourceId");
  }
  return each_host(session, hosts, "unlinked", [&](const Json& host) -> Result<Json> {
    const auto path = instance_path(host);
    if (path.empty()) return fail(Code::denied, "it has no instance");
    const auto linked = text_at(host, "instance.updatePolicy.resourceId");
    if (!expected.empty() && linked != expected) return fail(Code::denied, "it is not linked to " + policy);
    return session.client.send("PATCH", path, Json{{"osUpdatePolicyID", ""}});
  });
}

Result<void> order_hosts(Session& session, const std::string& verb, const std::string& done, const Hosts& hosts) {
  return each_host(session, hosts, done, [&](const Json& host) {
    return session.client.send("POST", kind_of("host").path + "/" + text_at(host, "resourceId") + "/" + verb, Json::object());
  });
}

Result<void> resolve_host(Session& session, const std::string& host, const std::string& journal) {
  return each_host(session, {{host}, false}, "goes on with journal " + journal, [&](const Json& found) {
    return session.client.send("POST", kind_of("host").path + "/" + text_at(found, "resourceId") + "/resolve", Json{{"journal", journal}});
  });
}

Result<void> explain_host(Session& session, const std::string& host) {
  auto found = find(session, kind_of("host"), host);
  if (!found) return fail(found.error());
  auto answer = session.client.get(kind_of("host").path + "/" + text_at(*found, "resourceId") + "/explain");
  if (!answer) return fail(answer.error());
  if (session.as_document()) {
    print_document(session, *answer);
    return {};
  }
  print_explanation(session, *found, *answer);
  return {};
}

void print_explanation(Session& session, const Json& host, const Json& answer) {
  auto& out = *session.around.out;
  const auto phase = text_at(answer, "phase");
  out << text_at(host, "name") << ": " << text_at(host, "instance.updateStatus") << (phase.empty() ? "" : " (phase " + phase + ")") << "\n";
  const Json& conditions = member_at(answer, "conditions");
  if (!conditions.is_array() || conditions.empty()) {
    out << "  waits for nothing\n";
    return;
  }
  for (const auto& condition : conditions) {
    out << "  - " << text_at(condition, "text");
    if (const auto at = parse_rfc3339(text_at(condition, "at")); at) out << " (" << relative(*at, session.around.now_ms()) << ")";
    out << "\n";
  }
}

Result<void> refresh_sources(Session& session) {
  auto answer = session.client.send("POST", "/refresh", Json::object());
  if (!answer) return fail(answer.error());
  if (session.as_document()) {
    print_document(session, *answer);
  } else {
    const auto note = text_at(*answer, "note");
    *session.around.out << "sources are read again" << (note.empty() ? "" : ": " + note) << "\n";
  }
  return {};
}

}  // namespace abide::ctl
