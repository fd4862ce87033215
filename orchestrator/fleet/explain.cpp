// Why a node is where it is, nearest cause first: what `explain`, the API and the page print.
#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::fleet {
namespace {

struct Explain {
  const State& state;
  const Now& now;
  const Node& node;
  std::vector<Condition> conditions;

  void add(std::string what, std::string text, std::optional<std::int64_t> at_wall_ms = std::nullopt) {
    std::optional<std::int64_t> look;
    if (at_wall_ms) look = now.mono_ms + (*at_wall_ms > now.wall_ms ? *at_wall_ms - now.wall_ms : 0);
    conditions.push_back({std::move(what), std::move(text), at_wall_ms, look});
  }
  [[nodiscard]] std::string name_of(const Window& window) const {
    const auto found = state.schedules.find(window.id);
    return "window " + (found == state.schedules.end() || found->second.value.name.empty() ? window.id : found->second.value.name);
  }

  [[nodiscard]] std::string place_name(const std::string& id) const {
    if (const auto site = state.sites.find(id); site != state.sites.end()) return "site " + site->second.value.name;
    const auto region = state.regions.find(id);
    return "region " + (region == state.regions.end() ? id : region->second.value.name);
  }

  // What keeps it from hearing and being heard.
  void delivery() {
    if (node.conflict)
      add("conflict", "two machines answer as this node, with journals " + to_hex(node.journal) + " and " + to_hex(node.conflict_with) +
                          ": switch one off, then `abidectl resolve host` with the journal of the right one");
    if (node.held) add("confirmation", "held: the node " + node.held_why + ": `abidectl confirm host` tells it what is asked of it");
    if (!node.journal) add("hello", "nothing was heard of the node yet");
  }

  // Whether anything is asked of it; false: what was added is why not.
  bool asked() {
    const auto applied = policy_of(state, node);
    if (applied.policy == nullptr) {
      add("policy", node.site_id.empty() ? "no update policy is linked" : "no update policy is linked to the host, its site or its regions");
      return false;
    }
    const std::string name = "policy " + applied.policy->name + (applied.place_id.empty() ? "" : " of " + place_name(applied.place_id));
    if (!node.link_fault.empty()) add("policy", name + " asks nothing of the node: " + node.link_fault);
    if (node.newest.link) return true;
    if (!node.link_fault.empty()) return false;
    const auto resolution = resolution_of(state, node);
    if (!resolution.nothing.empty())
      add("newer_image", name + ": " + resolution.nothing);
    else
      add("document", name + ": its document is not issued yet");
    return false;
  }

  // The offer has an outcome, or will get one without the node doing anything new; false: it is open.
  bool ended(const LinkedRelease& link) {
    const std::string image = link.release.os_image_id;
    if (open_run_of(node, link.offer) != nullptr) return false;
    const auto& run = node.run;
    if (run && run->offer == link.offer && run->silent) {
      add("hello", image + ": taken for lost, since " + run->evidence.detail + "; it goes on when the node speaks again");
    } else if (run && run->offer == link.offer && run->outcome == OutcomeKind::succeeded) {
      add("newer_image", "image " + image + " runs, which is what the policy asks for");
    } else if (run && run->offer == link.offer) {
      const std::string reason = run->reason == Reason::none ? "" : " (" + std::string(to_string(run->reason)) + ")";
      add("retry", image + ": " + std::string(to_string(run->outcome)) + reason + ", which is final: link again to retry");
    } else {
      add("retry", image + (link.aborted ? ": aborted" : ": its offer has ended") + ": link again to retry");
    }
    return true;
  }

  void window() {
    const auto& window = node.newest.window;
    if (!window) {
      add("window", "no maintenance window is scheduled");
    } else if (window->opens_at_ms > now.wall_ms) {
      add("window", name_of(*window) + " opens " + to_rfc3339(window->opens_at_ms), window->opens_at_ms);
    } else if (window->closes_at_ms == 0) {
      add("switch", name_of(*window) + " is open: the node has not begun to switch yet");
    } else {
      add("switch",
          name_of(*window) + " is open until " + to_rfc3339(window->closes_at_ms) +
              ": the node has not begun to switch yet, which it does only if enough of the window is left",
          window->closes_at_ms);
    }
  }

  void phase(const LinkedRelease& link) {
    const std::string image = link.release.os_image_id;
    switch (node.phase) {
      case Phase::idle:
        add("acceptance", "image " + image + " is offered: the node has not accepted it yet");
        return;
      case Phase::staging:
        add("staging", "the node is downloading and writing image " + image);
        break;
      case Phase::staged:
        break;
      case Phase::switching:
        add("reboot", "the node is about to reboot into image " + image);
        return;
      case Phase::rebooting:
        add("reboot", "the node is rebooting into image " + image);
        return;
      case Phase::on_trial:
        add("trial", "image " + image + " runs on trial: its health checks must pass");
        return;
      case Phase::confirming:
        add("confirmation_of_boot", "image " + image + " is healthy: the boot loader must confirm it");
        return;
      case Phase::rolling_back:
        add("rollback", "the node is going back to the image before");
        return;
    }
    if (link.paused) add("resume", "the update is paused: `abidectl resume host`");
    window();
  }

  void offer(const LinkedRelease& link) {
    const std::string number = to_string(node.newest.document.number);
    if (node.offer && node.offer != link.offer)
      add("outcome", "the node must end what it was asked before: it is " + std::string(to_string(node.phase)));
    if (ended(link)) return;
    if (node.taken < node.newest.document.number) add("document", "document " + number + " is not yet confirmed by the node");
    if (link.aborted) return add("outcome", "aborted: the node has not ended the update yet");
    if (node.offer && node.offer != link.offer) return;
    phase(link);
  }
};

}  // namespace

std::vector<Condition> FleetMachine::waits_for(const State& state, const Link& link, const Now& now, const NodeId& id) const {
  const auto found = state.nodes.find(id);
  if (found == state.nodes.end()) return {};
  Explain explain{state, now, found->second, {}};
  if (link.stopped) explain.add("orchestrator", link.stopped_why);
  explain.delivery();
  if (!explain.asked()) return explain.conditions;
  explain.offer(*found->second.newest.link);
  return explain.conditions;
}

}  // namespace abide::fleet
