// What confirming a held node would ask of it, and where that differs from what the node shows.
#include <algorithm>

#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/machine.hpp"

namespace abide::fleet {
namespace {

std::string image_of_offer(const Node& node, Number offer) {
  const auto& link = node.newest.link;
  return link && link->offer == offer ? " (image " + link->release.os_image_id + ")" : "";
}

struct Compare {
  const Node& node;
  Confirmation& told;

  void differs(std::string text) const { told.differences.push_back(std::move(text)); }

  void document() const {
    const Number newest = node.newest.document.number;
    if (!told.holds && !newest) return;
    if (!told.holds) return differs("it holds no document, and " + to_string(newest) + " is the newest here");
    const std::string holds = "it holds document " + to_string(told.holds);
    if (!told.known) return differs(holds + ", which is not known here: what it asks of the node is lost");
    if (told.holds != newest) differs(holds + ", and " + to_string(newest) + " is the newest here");
  }

  void update() const {
    const auto& ended = node.outcome;
    if (node.phase != Phase::idle) {
      differs("it is " + std::string(to_string(node.phase)) + " with update " + to_string(node.offer) + image_of_offer(node, node.offer) +
              (told.image.empty() || told.aborted ? ", and is told to give that up" : ", and is asked anew, for image " + told.image));
    } else if (told.image.empty() || told.aborted) {
      return;
    } else if (ended.offer && node.newest.link && ended.offer == node.newest.link->offer && ended.kind != OutcomeKind::succeeded &&
               told.image == node.newest.link->release.os_image_id) {
      differs("its update " + to_string(ended.offer) + " to image " + told.image + " ended as " + std::string(to_string(ended.kind)) +
              ", and is asked for again");
    } else if (node.identity.os_image_id != told.image) {
      differs("it runs image " + (node.identity.os_image_id.empty() ? std::string("(unknown)") : node.identity.os_image_id) +
              ", and is asked for " + told.image);
    }
    if (told.open_now && !told.image.empty() && !told.aborted && !told.paused && node.identity.os_image_id != told.image)
      differs("its window is open: it may switch as soon as it is ready");
  }
};

}  // namespace

Result<Confirmation> FleetMachine::confirmation(const State& state, const Link& link, const Now& now, const NodeId& id) const {
  const auto found = state.nodes.find(id);
  if (found == state.nodes.end()) return fail(Code::not_found, "no host " + to_string(id));
  const Node& node = found->second;
  Confirmation told;
  told.held = node.held;
  const auto live = link.nodes.find(id);
  told.holds = std::max(node.taken, live == link.nodes.end() ? Number{} : live->second.shown);
  const Number newest = node.newest.document.number;
  told.known = told.holds && told.holds <= newest && (live == link.nodes.end() || live->second.shown < told.holds || !live->second.shown_unknown);
  const auto applied = policy_of(state, node);
  if (applied.policy == nullptr) {
    told.nothing = "no update policy applies to it";
  } else {
    told.policy = applied.policy->name;
    const auto resolution = resolution_of(state, node);
    if (resolution.resource != nullptr) {
      told.image = resolution.resource->image_id;
      told.aborted = node.newest.link && node.newest.link->aborted && node.newest.link->release.os_resource_id == resolution.resource->id;
    } else {
      told.nothing = resolution.fault.empty() ? resolution.nothing : resolution.fault;
    }
  }
  told.paused = node.paused;
  const auto window = maintenance_manager::window_at(plans_of(state, node), now.wall_ms, settings.maintenance_updates);
  const auto plan = maintenance_manager::plan_with(node.open_window, window, now.wall_ms);
  told.window = plan.window;
  told.open_now = plan.window && plan.window->opens_at_ms <= now.wall_ms;
  const Compare compare{node, told};
  compare.document();
  compare.update();
  return told;
}

}  // namespace abide::fleet
