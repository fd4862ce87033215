// abidectl link, unlink: policies of instances, of sites and of regions.
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>

#include "tools/abidectl/commands.hpp"

namespace abide::ctl {

namespace {

// Something that can have a policy: a host by its instance, an instance, a site, a region.
struct Linkable {
  std::string called;  // "host edge-1"
  std::string path;    // what is changed
};

// Of all: those only that this policy is linked to, if one is named.
Result<void> take_hosts(Session& session, const Hosts& hosts, const std::string& policy, std::vector<Linkable>& found) {
  const Kind& kind = kind_of("host");
  const auto take = [&](const Json& host) {
    const auto instance = text_at(host, "instance.resourceId");
    found.push_back({"host " + text_at(host, "name"), instance.empty() ? "" : path_of(kind_of("instance"), instance)});
  };
  if (hosts.all) {
    const Query query = policy.empty() ? Query{} : Query{{"filter", "instance.updatePolicy.resourceId=\"" + policy + "\""}};
    auto read = visit_all(session, kind, query, [&](Json&& host) {
      if (policy.empty() || text_at(host, "instance.updatePolicy.resourceId") == policy) take(host);
    });
    if (!read) return read;
  }
  for (const auto& name : hosts.names) {
    auto host = find(session, kind, name);
    if (!host) return fail(host.error());
    take(*host);
  }
  return {};
}

Result<void> take_named(Session& session, const Kind& kind, const std::vector<std::string>& names, std::vector<Linkable>& found) {
  for (const auto& name : names) {
    auto object = find(session, kind, name);
    if (!object) return fail(object.error());
    found.push_back({kind.noun + " " + text_at(*object, "name"), path_of(kind, text_at(*object, "resourceId"))});
  }
  return {};
}

// All are known before the first one is changed.
Result<std::vector<Linkable>> find_all(Session& session, const Targets& targets, const std::string& policy = {}) {
  std::vector<Linkable> found;
  if (auto taken = take_hosts(session, targets.hosts, policy, found); !taken) return fail(taken.error());
  for (const auto& [noun, names] :
       {std::pair{"instance", &targets.instances}, std::pair{"site", &targets.sites}, std::pair{"region", &targets.regions}})
    if (auto taken = take_named(session, kind_of(noun), *names, found); !taken) return fail(taken.error());
  return found;
}

// Goes on after a refusal, so that one does not keep the others from theirs; the first error decides the exit code.
Result<void> each(Session& session, const std::vector<Linkable>& all, const std::string& done,
                  const std::function<Result<Json>(const Linkable&)>& change) {
  std::optional<Error> first;
  Json documents = Json::array();
  for (const auto& one : all) {
    auto answer = one.path.empty() ? Result<Json>(fail(Code::denied, "it has no instance")) : change(one);
    if (!answer) {
      if (all.size() == 1) return fail(answer.error());
      *session.around.err << one.called << ": " << answer.error().message << "\n";
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
    *session.around.out << one.called << (nothing_done ? "" : " " + done) << (note.empty() ? "" : ": " + note) << "\n";
  }
  if (session.as_document()) print_document(session, all.size() == 1 && !documents.empty() ? documents.front() : documents);
  if (first) return fail(first->code, "not all could be done: " + first->message);
  return {};
}

}  // namespace

Result<void> link_policy(Session& session, const std::string& policy, const Targets& targets) {
  auto found = find(session, kind_of("osupdatepolicy"), policy);
  if (!found) return fail(found.error());
  auto all = find_all(session, targets);
  if (!all) return fail(all.error());
  const Json body = {{"osUpdatePolicyID", text_at(*found, "resourceId")}};
  return each(session, *all, "linked to " + text_at(*found, "name"),
              [&](const Linkable& one) { return session.client.send("PATCH", one.path, body); });
}

Result<void> link_policy(Session& session, const std::string& policy, const Selection& selection) {
  Targets targets;
  auto hosts = select(session, kind_of("host"), selection);
  if (!hosts) return fail(hosts.error());
  if (hosts->empty()) return fail(Code::not_found, "there is no such host");
  for (const auto& host : *hosts) targets.hosts.names.push_back(text_at(host, "resourceId"));
  return link_policy(session, policy, targets);
}

Result<void> unlink_policy(Session& session, const std::string& policy, const Targets& targets) {
  std::string expected;
  if (!policy.empty()) {
    auto found = find(session, kind_of("osupdatepolicy"), policy);
    if (!found) return fail(found.error());
    expected = text_at(*found, "resourceId");
  }
  auto all = find_all(session, targets, expected);
  if (!all) return fail(all.error());
  const Json nothing = {{"osUpdatePolicyID", ""}};
  if (!expected.empty() && all->empty() && !session.as_document()) *session.around.out << "no host is linked to " << policy << "\n";
  return each(session, *all, "unlinked", [&](const Linkable& one) -> Result<Json> {
    if (expected.empty()) return session.client.send("PATCH", one.path, nothing);
    // Another policy that somebody links meanwhile stays.
    return change(session, one.path, [&](const Json& present) -> Result<Json> {
      if (text_at(present, "updatePolicy.resourceId") != expected) return fail(Code::denied, "it is not linked to " + policy);
      return nothing;
    });
  });
}

}  // namespace abide::ctl
