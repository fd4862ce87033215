// Held hosts: what they show, what they would be asked, and then the asking.
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/time.hpp"
#include "tools/abidectl/commands.hpp"

namespace abide::ctl {

namespace {

std::string path_of(const Json& host, const std::string& below) {
  return kind_of("host").path + "/" + text_at(host, "resourceId") + "/" + below;
}

// Those named, or all that are held; each with what confirming would do.
Result<std::vector<Json>> compare(Session& session, const Hosts& hosts) {
  const Kind& kind = kind_of("host");
  std::vector<Json> found;
  if (hosts.all) {
    auto all = session.client.list(kind.path, kind.list_key);
    if (!all) return fail(all.error());
    for (auto& host : *all)
      if (text_at(host, "instance.node.held") == "true") found.push_back(std::move(host));
  }
  for (const auto& name : hosts.names) {
    auto host = find(session, kind, name);
    if (!host) return fail(host.error());
    found.push_back(std::move(*host));
  }
  std::vector<Json> compared;
  for (const auto& host : found) {
    auto told = session.client.get(path_of(host, "confirmation"));
    if (!told) return fail(told.error());
    compared.push_back(std::move(*told));
  }
  return compared;
}

std::string shows(const Json& host) {
  const auto document = text_at(host, "shows.document");
  std::string text = document.empty() ? "no document" : "document " + document;
  if (text_at(host, "shows.documentKnown") == "false") text += " (not known here)";
  text += ", " + text_at(host, "shows.phase");
  if (const auto offer = text_at(host, "shows.offer"); !offer.empty()) text += " with update " + offer;
  if (const auto image = text_at(host, "shows.osImageId"); !image.empty()) text += ", runs image " + image;
  return text;
}

std::string asks(const Json& host) {
  const auto policy = text_at(host, "asks.policyName");
  std::string text = text_at(host, "asks.osImageId");
  if (text.empty()) {
    text = "nothing: " + text_at(host, "asks.nothing");
  } else {
    text = "image " + text + " by policy " + policy;
    if (text_at(host, "asks.aborted") == "true") text += ", aborted";
    if (text_at(host, "asks.paused") == "true") text += ", paused";
  }
  if (text_at(host, "asks.windowOpen") == "true") return text + "; its window is open";
  if (const auto opens = text_at(host, "asks.window.opensAt"); !opens.empty()) return text + "; its window opens " + opens;
  return text + "; no window";
}

void print_comparison(std::ostream& out, const Json& host) {
  if (text_at(host, "held") != "true") {
    out << "host " << text_at(host, "name") << " is not held\n";
    return;
  }
  out << "host " << text_at(host, "name") << " " << text_at(host, "heldWhy") << "\n";
  out << "  shows    " << shows(host) << "\n";
  out << "  is asked " << asks(host) << "\n";
  const Json& differences = member_at(host, "differences");
  if (!differences.is_array() || differences.empty()) {
    out << "  no difference\n";
    return;
  }
  for (const auto& difference : differences) out << "  ! " << difference.get<std::string>() << "\n";
}

}  // namespace

Result<void> confirm_hosts(Session& session, const Confirming& confirming) {
  auto& out = *session.around.out;
  auto compared = compare(session, confirming.hosts);
  if (!compared) return fail(compared.error());
  const bool document = session.as_document();
  if (!document && compared->empty()) {
    out << "no host is held\n";
    return {};
  }
  if (!document)
    for (const auto& host : *compared) print_comparison(out, host);
  if (confirming.dry_run) {
    if (document) print_document(session, Json(*compared));
    return {};
  }
  std::vector<std::string> ids;
  for (const auto& host : *compared)
    if (text_at(host, "held") == "true") ids.push_back(text_at(host, "resourceId"));
  if (!document && ids.empty()) return {};
  if (!document && session.around.out_is_terminal && !confirming.yes) {
    out << "confirm " << ids.size() << (ids.size() == 1 ? " host" : " hosts") << "? [y/N] " << std::flush;
    std::string answer;
    std::getline(*session.around.in, answer);
    if (answer != "y" && answer != "yes") return fail(Code::denied, "nothing was confirmed");
  }
  return order_hosts(session, "confirm", "confirmed", {std::move(ids), false});
}

}  // namespace abide::ctl
