// Held hosts: what they show, what they would be asked, and then the asking.
#include <algorithm>
#include <istream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/time.hpp"
#include "tools/abidectl/commands.hpp"

namespace abide::ctl {

namespace {

// Of more hosts than these, what differs is counted, and only the first are shown whole.
constexpr std::size_t hosts_shown_max = 20;
constexpr std::size_t kinds_shown_max = 20;

std::string path_of(const HostName& host, const std::string& below) {
  return ctl::path_of(kind_of("host"), host.id) + "/" + below;
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

bool is_held(const Json& host) {
  return text_at(host, "held") == "true";
}

const Json& differences_of(const Json& host) {
  static const Json none = Json::array();
  const Json& differences = member_at(host, "differences");
  return is_held(host) && differences.is_array() ? differences : none;
}

void print_comparison(std::ostream& out, const Json& host) {
  if (!is_held(host)) {
    out << "host " << text_at(host, "name") << " is not held\n";
    return;
  }
  out << "host " << text_at(host, "name") << " " << text_at(host, "heldWhy") << "\n";
  out << "  shows    " << shows(host) << "\n";
  out << "  is asked " << asks(host) << "\n";
  const Json& differences = differences_of(host);
  if (differences.empty()) out << "  no difference\n";
  for (const auto& difference : differences) out << "  ! " << difference.get<std::string>() << "\n";
}

// The same for all hosts that it is so of: without the numbers of documents and updates.
std::string kind_of_difference(const std::string& text) {
  std::string kind;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text[at] == '(' ? text.find_first_not_of("0123456789,", at + 1) : std::string::npos;
    if (end != std::string::npos && text[end] == ')' && end > at + 1) {
      kind += "(…)";
      at = end + 1;
    } else {
      kind += text[at++];
    }
  }
  return kind;
}

// A host that was compared, and what the comparison goes by.
struct Compared {
  HostName host;
  std::string tag;
};

// What is said of many hosts: the first ones with a difference, then how many have which.
class Summary {
 public:
  explicit Summary(std::size_t hosts) : whole_(hosts <= hosts_shown_max) {}
  void take(std::ostream& out, const Json& host) {
    const Json& differences = differences_of(host);
    if (whole_) return print_comparison(out, host);
    ++(!is_held(host) ? not_held_ : differences.empty() ? same_ : differing_);
    if (!differences.empty() && differing_ <= hosts_shown_max) print_comparison(out, host);
    for (const auto& difference : differences) ++kinds_[kind_of_difference(difference.get<std::string>())];
  }
  void print(std::ostream& out) const {
    if (whole_) return;
    if (differing_ > hosts_shown_max)
      out << "... and " << differing_ - hosts_shown_max << " more with differences: --dry-run --output json has all\n";
    out << "\n" << same_ + differing_ << " hosts are held: " << differing_ << " with differences, " << same_ << " without";
    if (not_held_ != 0) out << "; " << not_held_ << " are not held";
    out << "\n";
    if (kinds_.empty()) return;
    std::vector<std::pair<std::string, std::size_t>> kinds(kinds_.begin(), kinds_.end());
    std::stable_sort(kinds.begin(), kinds.end(), [](const auto& left, const auto& right) { return left.second > right.second; });
    Table table{{"HOSTS", "DIFFERENCE"}, {}};
    for (std::size_t i = 0; i < kinds.size() && i < kinds_shown_max; ++i)
      table.rows.push_back({std::to_string(kinds[i].second), kinds[i].first});
    out << to_text(table);
    if (kinds.size() > kinds_shown_max) out << "... and " << kinds.size() - kinds_shown_max << " more kinds of differences\n";
  }

 private:
  bool whole_;
  std::size_t not_held_ = 0, same_ = 0, differing_ = 0;
  std::map<std::string, std::size_t> kinds_;
};

}  // namespace

Result<void> confirm_hosts(Session& session, const Confirming& confirming) {
  auto& out = *session.around.out;
  auto found = find_hosts(session, confirming.hosts, "instance.node.held=true");
  if (!found) return fail(found.error());
  const bool document = session.as_document();
  std::vector<Compared> held;
  Json documents = Json::array();
  Summary summary(found->size());
  for (auto& host : *found) {
    auto told = session.client.get(path_of(host, "confirmation"));
    // Of all, one may have been deleted since.
    if (!told && told.error().code == Code::not_found && confirming.hosts.all) continue;
    if (!told) return fail(told.error());
    if (confirming.hosts.all && !is_held(*told)) continue;
    if (!document) summary.take(out, *told);
    if (is_held(*told)) held.push_back({std::move(host), session.client.tag()});
    if (document && confirming.dry_run) documents.push_back(std::move(*told));
  }
  if (!document && confirming.hosts.all && held.empty()) {
    out << "no host is held\n";
    return {};
  }
  if (!document) summary.print(out);
  if (confirming.dry_run) {
    if (document) print_document(session, documents);
    return {};
  }
  if (!document && held.empty()) return {};
  const bool asks_a_person = !document && session.around.out_is_terminal && !confirming.yes;
  if (asks_a_person) {
    out << "confirm " << held.size() << (held.size() == 1 ? " host" : " hosts") << "? [y/N] " << std::flush;
    std::string answer;
    std::getline(*session.around.in, answer);
    if (answer != "y" && answer != "yes") return fail(Code::denied, "nothing was confirmed");
  }
  std::vector<HostName> hosts;
  std::map<std::string, std::string> tags;
  for (auto& one : held) {
    tags.emplace(one.host.id, std::move(one.tag));
    hosts.push_back(std::move(one.host));
  }
  return each_host(session, hosts, "confirmed", [&](const HostName& host) -> Result<Json> {
    for (int number = 1;; ++number) {
      auto& tag = tags[host.id];
      auto answer = session.client.send("POST", path_of(host, "confirm"), Json::object(), tag);
      if (answer || !session.client.changed_meanwhile()) return answer;
      // A person has agreed to what was shown, and to nothing else.
      if (asks_a_person || number == attempts_max)
        return fail(Code::conflict, "it is not as it was shown any more; it stays held: look again, and confirm it then");
      auto told = session.client.get(path_of(host, "confirmation"));
      if (!told) return told;
      tag = session.client.tag();
      if (!document) out << "host " << host.name << " has changed since it was shown:\n";
      if (!document) print_comparison(out, *told);
      if (!is_held(*told)) return Json{{"note", "nothing to change: it is not held any more"}};
    }
  });
}

}  // namespace abide::ctl
