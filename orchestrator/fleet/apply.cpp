// What each event changes. Total: an event that no longer makes sense (a node that is unknown) changes nothing.
#include <algorithm>
#include <cstddef>

#include "common/core/hash.hpp"
#include "orchestrator/fleet/indexes.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/fleet/picture.hpp"
#include "orchestrator/fleet/status.hpp"

namespace abide::fleet {
namespace {

struct Apply {
  State& state;
  std::int64_t at_ms;

  // Runs `change` on the node and marks its row.
  template <class Change>
  void node(const NodeId& id, const Change& change) const {
    const auto found = state.nodes.find(id);
    if (found == state.nodes.end()) return;
    change(found->second);
    found->second.updated_ms = at_ms;
    state.touched.nodes.insert(id);
  }
  // The images of a profile have changed: so has what its nodes could run.
  void refresh_profile(const std::string& profile) const {
    const auto found = state.by_profile.find(profile);
    if (found == state.by_profile.end()) return;
    const std::vector<NodeId> ids(found->second.begin(), found->second.end());
    for (const auto& id : ids) {
      Node& node = state.nodes.at(id);
      picture::refresh_os(state, node);
      picture::refresh_link_fault(state, node, at_ms);
    }
  }

  void operator()(const ProjectCreated& event) const {
    state.project = event.project;
    state.key = event.key;
  }
  void operator()(const EpochRaised& event) const { state.epoch = std::max(state.epoch, event.epoch); }

  void operator()(const OsResourceCreated& event) const {
    const auto& id = event.resource.id;
    const auto known = state.os_resources.find(id);
    const std::int64_t created_ms = known == state.os_resources.end() ? at_ms : known->second.created_ms;
    if (known != state.os_resources.end()) {  // edited
      const auto before = known->second.value;
      indexes::remove(state, before);
    }
    state.os_resources[id] = {event.resource, created_ms, at_ms};
    indexes::add(state, event.resource);
    state.touched.os_resources.insert(id);
    refresh_profile(event.resource.profile_name);
  }
  void operator()(const OsResourceDeleted& event) const {
    const auto found = state.os_resources.find(event.id);
    if (found == state.os_resources.end()) return;
    const auto resource = found->second.value;
    indexes::remove(state, resource);
    state.os_resources.erase(found);
    state.touched.os_resources.insert(event.id);
    if (state.os_lists.erase(event.id) != 0) {
      state.touched.os_lists.insert(event.id);
      for (const auto list : {OsList::installed_packages, OsList::existing_cves, OsList::fixed_cves})
        state.touched.os_texts[{event.id, list}] = "";
    }
    refresh_profile(resource.profile_name);
  }
  void operator()(const OsResourceListed& event) const {
    const auto found = state.os_resources.find(event.id);
    if (found == state.os_resources.end()) return;
    digest_of(state.os_lists[event.id], event.list) = sha256(event.text);
    found->second.updated_ms = at_ms;
    state.touched.os_resources.insert(event.id);
    state.touched.os_lists.insert(event.id);
    state.touched.os_texts[{event.id, event.list}] = event.text;
  }
  void operator()(const OsResourceMoved& event) const {
    const auto found = state.os_resources.find(event.id);
    if (found == state.os_resources.end()) return;
    auto& resource = found->second.value;
    resource.image_url = event.image_url;
    resource.urls = event.urls;
    resource.package_manifest_url = event.package_manifest_url;
    resource.existing_cves_url = event.existing_cves_url;
    resource.fixed_cves_url = event.fixed_cves_url;
    resource.manifest = event.manifest;
    resource.signature = event.signature;
    found->second.updated_ms = at_ms;
    state.touched.os_resources.insert(event.id);
  }
  void operator()(const ProfileSourceFailed& event) const { source(event.source, event.error); }
  void operator()(const ProfileSourceRecovered& event) const {
    if (!event.gone) return source(event.source, {});
    state.sources.erase(event.source);
    state.touched.sources.insert(event.source);
  }
  void source(const std::string& name, const std::string& error) const {
    state.sources[name] = {name, error, at_ms};
    state.touched.sources.insert(name);
    if (error.empty()) forget_recovered();
  }
  void forget_recovered() const {
    std::size_t recovered = 0;
    auto oldest = state.sources.end();
    for (auto at = state.sources.begin(); at != state.sources.end(); ++at) {
      if (!at->second.error.empty()) continue;
      ++recovered;
      if (oldest == state.sources.end() || at->second.since_ms < oldest->second.since_ms) oldest = at;
    }
    if (recovered <= recovered_sources_max) return;
    state.touched.sources.insert(oldest->first);
    state.sources.erase(oldest);
  }

  // Of a thing that is known already: what it is from now on.
  template <class T>
  void put(std::map<std::string, Stamped<T>>& things, std::set<std::string>& touched, const T& value) const {
    const auto found = things.find(value.id);
    const auto created = found == things.end() ? at_ms : found->second.created_ms;
    if (found != things.end()) indexes::remove(state, found->second.value);
    things[value.id] = {value, created, at_ms};
    indexes::add(state, value);
    touched.insert(value.id);
  }
  template <class T>
  void erase(std::map<std::string, Stamped<T>>& things, std::set<std::string>& touched, const std::string& id) const {
    const auto found = things.find(id);
    if (found == things.end()) return;
    indexes::remove(state, found->second.value);
    things.erase(found);
    touched.insert(id);
  }
  // What applies to the hosts in a place has changed.
  void refresh_place(const std::string& id) const {
    for (const auto& node : nodes_in(state, id)) picture::refresh_link_fault(state, state.nodes.at(node), at_ms);
  }

  void operator()(const PolicyCreated& event) const { put(state.policies, state.touched.policies, event.policy); }
  void operator()(const PolicyDeleted& event) const { erase(state.policies, state.touched.policies, event.id); }
  void operator()(const PolicyLinked& event) const {
    node(event.node, [&](Node& n) {
      indexes::remove(state, n);
      n.policy_id = event.policy_id;
      indexes::add(state, n);
      picture::refresh_link_fault(state, n, at_ms);
    });
  }
  void operator()(const PolicyUnlinked& event) const {
    node(event.node, [&](Node& n) {
      indexes::remove(state, n);
      n.policy_id.clear();
      indexes::add(state, n);
      n.paused = false;
      picture::refresh_link_fault(state, n, at_ms);
    });
  }
  void operator()(const PlacePolicyLinked& event) const {
    if (const auto site = state.sites.find(event.place_id); site != state.sites.end()) {
      Site changed = site->second.value;
      changed.policy_id = event.policy_id;
      put(state.sites, state.touched.sites, changed);
    } else if (const auto region = state.regions.find(event.place_id); region != state.regions.end()) {
      Region changed = region->second.value;
      changed.policy_id = event.policy_id;
      put(state.regions, state.touched.regions, changed);
    }
    refresh_place(event.place_id);
  }

  void operator()(const RegionPlaced& event) const {
    put(state.regions, state.touched.regions, event.region);
    refresh_place(event.region.id);
  }
  void operator()(const RegionDeleted& event) const { erase(state.regions, state.touched.regions, event.id); }
  void operator()(const SitePlaced& event) const {
    put(state.sites, state.touched.sites, event.site);
    refresh_place(event.site.id);
  }
  void operator()(const SiteDeleted& event) const { erase(state.sites, state.touched.sites, event.id); }
  void operator()(const HostEdited& event) const {
    node(event.node, [&](Node& n) {
      indexes::remove(state, n);
      n.site_id = event.site_id;
      n.metadata = event.metadata;
      indexes::add(state, n);
      picture::refresh_link_fault(state, n, at_ms);
    });
  }
  void operator()(const UpdatePaused& event) const {
    node(event.node, [&](Node& n) { n.paused = event.paused; });
  }
  void operator()(const UpdateAborted& event) const {
    node(event.node, [](Node&) {});  // the document that follows says it
  }

  void operator()(const WindowScheduled& event) const { put(state.schedules, state.touched.schedules, event.schedule); }
  void operator()(const WindowDeleted& event) const { erase(state.schedules, state.touched.schedules, event.id); }
  void operator()(const WindowOpened& event) const {
    node(event.node, [&](Node& n) { n.open_window = event.window; });
  }
  void operator()(const WindowClosed& event) const {
    node(event.node, [&](Node& n) { n.open_window.reset(); });
  }

  // Of a node that is known already: its new name.
  void operator()(const NodeRegistered& event) const {
    const auto [place, added] = state.nodes.try_emplace(event.node);
    auto& n = place->second;
    if (added) {
      state.touched.nodes_new.insert(event.node);
      n.id = event.node;
      n.host_id = event.host_id;
      n.instance_id = event.instance_id;
      n.registered_ms = at_ms;
      n.status = {std::string(text_nothing_heard), Indicator::unspecified, at_ms / 1000};
    } else {
      indexes::remove(state, n);
    }
    n.name = event.host_name;
    n.updated_ms = at_ms;
    indexes::add(state, n);
    state.refused.erase(event.node);
    if (state.deleted.erase(event.node) != 0) state.touched.deleted.insert(event.node);
    state.touched.nodes.insert(event.node);
  }
  void operator()(const HostDeleted& event) const {
    const auto found = state.nodes.find(event.node);
    if (found == state.nodes.end()) return;
    const Node& n = found->second;
    indexes::remove(state, n);
    if (n.run) state.touched.runs[n.run->id] = *n.run;  // the rows of its runs stay
    for (const auto& run : n.superseded) state.touched.runs[run.id] = run;
    state.touched.hosts_gone.emplace_back(n.host_id, n.instance_id);
    state.nodes.erase(found);
    state.touched.nodes.insert(event.node);
    if (state.deleted.size() >= deleted_max) {
      const auto oldest = std::min_element(state.deleted.begin(), state.deleted.end(),
                                           [](const auto& a, const auto& b) { return a.second.deleted_ms < b.second.deleted_ms; });
      state.touched.deleted.insert(oldest->first);
      state.deleted.erase(oldest);
    }
    state.deleted[event.node] = {event.node, event.host_id, event.host_name, at_ms};
    state.touched.deleted.insert(event.node);
  }
  void operator()(const NodeRefused& event) const {
    if (state.refused.size() < refused_max) state.refused.insert(event.node);
  }

  void operator()(const DocumentIssued& event) const {
    state.revision = std::max(state.revision, event.document.number.revision);
    node(event.node, [&](Node& n) { n.newest = {event.document, sha256(event.document.body), event.topic, event.link, event.window}; });
  }
  void operator()(const RunOpened& event) const {
    node(event.node, [&](Node& n) { picture::open_run(state, n, event, at_ms); });
  }
  void operator()(const RunClosed& event) const {
    node(event.node, [&](Node& n) { picture::close_run(state, n, event, at_ms); });
  }
  void operator()(const RunReopened& event) const {
    node(event.node, [&](Node& n) { picture::reopen_run(state, n, event.run_id, at_ms); });
  }
  void operator()(const RunDeleted& event) const {
    node(event.node, [&](Node& n) {
      if (n.run && n.run->id == event.run_id) n.run.reset();
      std::erase_if(n.superseded, [&](const Run& run) { return run.id == event.run_id; });
    });
    state.touched.runs.erase(event.run_id);  // also of a host that is deleted
    state.touched.runs_gone.insert(event.run_id);
  }

  void operator()(const NodeEventStored& event) const {
    node(event.node, [&](Node& n) { picture::hear(state, n, event, at_ms); });
  }
  void operator()(const JournalAdopted& event) const {
    node(event.node, [&](Node& n) { picture::begin_journal(state, n, event.journal, event.base, event.base_chain, at_ms); });
  }
  void operator()(const JournalRetired& event) const {
    node(event.node, [](Node& n) { picture::retire_journal(n); });
  }
  void operator()(const GapNoted& event) const {
    node(event.node, [&](Node& n) {
      n.upto = event.upto;
      n.chain = event.chain;
    });
  }
  void operator()(const PictureCorrected& event) const {
    node(event.node, [&](Node& n) { picture::correct(state, n, event, at_ms); });
  }
  void operator()(const IdentityConflict& event) const {
    node(event.node, [&](Node& n) {
      n.conflict = true;
      n.conflict_with = event.other;
    });
  }
  void operator()(const IdentityResolved& event) const {
    node(event.node, [&](Node& n) {
      n.conflict = false;
      n.conflict_with = {};
      if (n.journal == event.journal) return;
      picture::retire_journal(n);
      const auto found =
          std::find_if(n.retired.begin(), n.retired.end(), [&](const RetiredJournal& r) { return r.journal == event.journal; });
      const RetiredJournal back = found == n.retired.end() ? RetiredJournal{event.journal, 0, chain_start(event.journal)} : *found;
      picture::begin_journal(state, n, back.journal, back.upto, back.chain, at_ms);
    });
  }
  void operator()(const NodeHeld& event) const {
    const auto hold = [&](Node& n) {
      n.held = true;
      n.held_why = event.why;
    };
    if (event.node != every_node) return node(event.node, hold);
    for (auto& [id, n] : state.nodes)
      if (!n.held) node(id, hold);
  }
  void operator()(const NodeConfirmed& event) const {
    node(event.node, [&](Node& n) {
      n.held = false;
      n.held_why.clear();
    });
  }
};

void fetch(const void* first, const void* last) {
  constexpr std::ptrdiff_t line = 64;
  const auto* const end = static_cast<const char*>(last);
  for (const auto* at = static_cast<const char*>(first); at < end; at += line) __builtin_prefetch(at, 1);
  __builtin_prefetch(end, 1);
}

}  // namespace

void FleetMachine::expect(const State& state, const Event& event) {
  const auto* const stored = std::get_if<NodeEventStored>(&event);  // of these long histories are made
  if (stored == nullptr) return;
  const auto found = state.nodes.find(stored->node);
  if (found == state.nodes.end()) return;
  const Node& node = found->second;
  fetch(&node.updated_ms, &node.chain);
  fetch(&node.phase, &node.link_fault);
  fetch(reinterpret_cast<const char*>(&node.run + 1) - 1, &node.superseded);  // is there a run?
}

void FleetMachine::apply(State& state, const Recorded<Event>& recorded) {
  state.journal = recorded.journal;
  state.last = recorded.sequence;
  state.touched.project = true;
  std::visit(Apply{state, recorded.at_ms}, recorded.event);
}

}  // namespace abide::fleet
