// Inputs put together again from what they made. Each root event has its row here; events that only follow others have none.
#include <algorithm>

#include "common/core/hash.hpp"
#include "tools/replay/rerun.hpp"

namespace abide::replay {
namespace {

using namespace fleet;

// Above every ask that a life gave out: the one who says hello so is alive.
constexpr std::uint32_t freshest_ask = 1'000'000'000;

class Rebuild {
 public:
  Rebuild(const Recording& recording, std::size_t at, const State& state) : recording_(recording), at_(at), state_(state) {}

  std::optional<Rebuilt> make() {
    auto rebuilt = std::visit([this](const auto& event) { return this->of(event); }, first().event);
    if (rebuilt) rebuilt->maintenance_updates = maintenance_opens();
    return rebuilt;
  }

 private:
  [[nodiscard]] const Recorded<OrchestratorEvent>& first() const { return recording_[at_]; }
  // The event `ahead` places on, if it may be of the same input.
  [[nodiscard]] const Recorded<OrchestratorEvent>* next(std::size_t ahead) const {
    if (at_ + ahead >= recording_.size()) return nullptr;
    const auto& other = recording_[at_ + ahead];
    if (const auto* epoch = std::get_if<EpochRaised>(&other.event); epoch != nullptr && epoch->why == "started") return nullptr;
    const bool same = other.at_ms == first().at_ms && other.session == first().session && other.cause == first().cause;
    return same ? &other : nullptr;
  }
  template <class E>
  [[nodiscard]] const E* next_is(std::size_t ahead) const {
    const auto* other = next(ahead);
    return other == nullptr ? nullptr : std::get_if<E>(&other->event);
  }
  // Whether what follows opens, or tells, a window that a MAINTENANCE schedule makes.
  [[nodiscard]] bool maintenance_opens() const {
    const auto* made = std::get_if<WindowScheduled>(&first().event);
    const auto is_maintenance = [&](const std::string& schedule_id) {
      if (made != nullptr && made->schedule.id == schedule_id) return made->schedule.status == ScheduleStatus::maintenance;
      const auto found = state_.schedules.find(schedule_id);
      return found != state_.schedules.end() && found->second.value.status == ScheduleStatus::maintenance;
    };
    for (std::size_t ahead = 0; next(ahead) != nullptr; ++ahead) {
      if (const auto* opened = next_is<WindowOpened>(ahead); opened != nullptr && is_maintenance(opened->window.id)) return true;
      const auto* issued = next_is<DocumentIssued>(ahead);
      if (issued != nullptr && issued->window && is_maintenance(issued->window->id)) return true;
    }
    return false;
  }
  [[nodiscard]] const Node* known(const NodeId& id) const {
    const auto found = state_.nodes.find(id);
    return found == state_.nodes.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::string host_of(const NodeId& id) const {
    const Node* node = known(id);
    return node == nullptr ? to_string(id) : node->host_id;
  }

  static Rebuilt just(Input input) {
    Rebuilt rebuilt;
    rebuilt.input = std::move(input);
    return rebuilt;
  }
  [[nodiscard]] Rebuilt request(Operation operation, std::string drawn = {}) const {
    const auto& cause = first().cause.request;
    Rebuilt rebuilt = just(Request{cause.empty() ? "recorded" : cause, std::move(operation)});
    if (!drawn.empty()) rebuilt.drawn.push_back(std::move(drawn));
    return rebuilt;
  }

  // ---- starts and the calendar
  [[nodiscard]] std::optional<Rebuilt> of(const ProjectCreated& e) const { return just(CreateProject{e.project, e.key}); }
  std::optional<Rebuilt> of(const EpochRaised& e) const {
    if (e.why == "started") {
      Started started;
      if (const auto* held = next_is<NodeHeld>(1); held != nullptr && held->node == every_node && !held->shown) {
        started.restored = true;
        started.why = held->why;
      }
      Rebuilt rebuilt = just(std::move(started));
      rebuilt.restart = true;
      return rebuilt;
    }
    if (const auto* held = next_is<NodeHeld>(1); held != nullptr && held->node != every_node) return hello(held->node);
    // A retained roll call of an orchestrator that was.
    RollCallHeard heard;
    heard.roll_call.life = LifeId{UINT64_MAX};
    heard.roll_call.epoch = e.epoch - 1;
    heard.retained = true;
    return just(heard);
  }
  static std::optional<Rebuilt> tick() { return just(Tick{}); }
  static std::optional<Rebuilt> of(const WindowOpened&) { return tick(); }
  static std::optional<Rebuilt> of(const WindowClosed&) { return tick(); }
  static std::optional<Rebuilt> of(const DocumentIssued&) { return tick(); }

  // ---- discovery
  std::optional<Rebuilt> of(const OsResourceCreated& e) const {
    if (e.source != "api") return pass();
    if (state_.os_resources.contains(e.resource.id))
      return request(EditOsResource{e.resource.id, e.resource.architecture, e.resource.metadata});
    CreateOsResource create{e.resource};
    create.resource.id.clear();
    return request(std::move(create), e.resource.id);
  }
  std::optional<Rebuilt> of(const ProfileSourceFailed&) const { return pass(); }
  std::optional<Rebuilt> of(const ProfileSourceRecovered&) const { return pass(); }

  std::optional<Rebuilt> of(const OsResourceListed&) const { return pass(); }
  std::optional<Rebuilt> of(const OsResourceMoved&) const { return pass(); }

  // What one pass tells: first what is new, then the sources whose state has changed, by name. Sources that failed before
  // and are not told of are failing still.
  [[nodiscard]] Rebuilt pass() const {
    ProfilesRead read;
    Rebuilt rebuilt;
    std::size_t ahead = 0;
    std::map<std::string, std::pair<std::string, std::string>> made;
    for (; const auto* created = next_is<OsResourceCreated>(ahead); ++ahead) {
      if (created->source == "api") break;
      ProfilesRead::Found found{created->source, created->resource};
      found.resource.id.clear();
      read.found.push_back(std::move(found));
      rebuilt.drawn.push_back(created->resource.id);
      made[created->resource.id] = {created->resource.profile_name, created->resource.image_id};
    }
    for (; const auto* moved = next_is<OsResourceMoved>(ahead); ++ahead) {
      const auto known = state_.os_resources.find(moved->id);
      if (known == state_.os_resources.end()) break;
      ProfilesRead::Found found{moved->source, known->second.value};
      found.resource.image_url = moved->image_url;
      found.resource.urls = moved->urls;
      found.resource.package_manifest_url = moved->package_manifest_url;
      found.resource.existing_cves_url = moved->existing_cves_url;
      found.resource.fixed_cves_url = moved->fixed_cves_url;
      found.resource.manifest = moved->manifest;
      found.resource.signature = moved->signature;
      read.found.push_back(std::move(found));
    }
    std::map<std::string, std::string> failing;
    for (const auto& [name, source] : state_.sources)
      if (!source.error.empty()) failing[name] = source.error;
    for (; next(ahead) != nullptr; ++ahead) {
      const auto* failed = next_is<ProfileSourceFailed>(ahead);
      const auto* recovered = next_is<ProfileSourceRecovered>(ahead);
      if (failed == nullptr && recovered == nullptr) break;
      if (failed != nullptr) {
        failing[failed->source] = failed->error;
        continue;
      }
      failing.erase(recovered->source);
      if (!recovered->gone) read.reach.fine.push_back(recovered->source);
    }
    for (; const auto* listed_now = next_is<OsResourceListed>(ahead); ++ahead) {
      if (const auto known = state_.os_resources.find(listed_now->id); known != state_.os_resources.end())
        made[listed_now->id] = {known->second.value.profile_name, known->second.value.image_id};
      const auto release = made.find(listed_now->id);
      if (release == made.end()) break;
      auto& lists = read.lists[release->second];
      auto list = std::make_shared<const ReleaseList>(ReleaseList{listed_now->text, sha256(listed_now->text)});
      (listed_now->list == OsList::installed_packages ? lists.installed_packages
       : listed_now->list == OsList::existing_cves    ? lists.existing_cves
                                                      : lists.fixed_cves) = std::move(list);
    }
    for (auto& [name, error] : failing) read.failures.push_back({name, error});
    rebuilt.input = std::move(read);
    return rebuilt;
  }

  // ---- what an operator asks for
  [[nodiscard]] std::optional<Rebuilt> of(const OsResourceDeleted& e) const { return request(DeleteOsResource{e.id}); }
  [[nodiscard]] std::optional<Rebuilt> of(const PolicyCreated& e) const {
    if (state_.policies.contains(e.policy.id)) return request(EditPolicy{e.policy.id, e.policy.name, e.policy.description});
    CreatePolicy create{e.policy};
    create.policy.id.clear();
    return request(std::move(create), e.policy.id);
  }
  [[nodiscard]] std::optional<Rebuilt> of(const PolicyDeleted& e) const { return request(DeletePolicy{e.id}); }
  [[nodiscard]] std::optional<Rebuilt> of(const PolicyLinked& e) const { return request(LinkPolicy{host_of(e.node), e.policy_id}); }
  [[nodiscard]] std::optional<Rebuilt> of(const PolicyUnlinked& e) const { return request(UnlinkPolicy{host_of(e.node)}); }
  [[nodiscard]] std::optional<Rebuilt> of(const UpdatePaused& e) const { return request(PauseUpdate{host_of(e.node), e.paused}); }
  [[nodiscard]] std::optional<Rebuilt> of(const UpdateAborted& e) const { return request(AbortUpdate{host_of(e.node)}); }
  [[nodiscard]] std::optional<Rebuilt> of(const WindowScheduled& e) const {
    if (state_.schedules.contains(e.schedule.id)) return request(EditSchedule{e.schedule});
    CreateSchedule create{e.schedule};
    create.schedule.id.clear();
    return request(std::move(create), e.schedule.id);
  }
  [[nodiscard]] std::optional<Rebuilt> of(const HostEdited& e) const { return request(EditHost{host_of(e.node), e.site_id, e.metadata}); }
  [[nodiscard]] std::optional<Rebuilt> of(const RegionPlaced& e) const {
    if (state_.regions.contains(e.region.id)) return request(PlaceRegion{e.region});
    PlaceRegion place{e.region};
    place.region.id.clear();
    return request(std::move(place), e.region.id);
  }
  [[nodiscard]] std::optional<Rebuilt> of(const RegionDeleted& e) const { return request(DeleteRegion{e.id}); }
  [[nodiscard]] std::optional<Rebuilt> of(const SitePlaced& e) const {
    if (state_.sites.contains(e.site.id)) return request(PlaceSite{e.site});
    PlaceSite place{e.site};
    place.site.id.clear();
    return request(std::move(place), e.site.id);
  }
  [[nodiscard]] std::optional<Rebuilt> of(const SiteDeleted& e) const { return request(DeleteSite{e.id}); }
  [[nodiscard]] std::optional<Rebuilt> of(const PlacePolicyLinked& e) const {
    const bool site = state_.sites.contains(e.place_id);
    return request(LinkPlacePolicy{site ? e.place_id : "", site ? "" : e.place_id, e.policy_id});
  }
  [[nodiscard]] std::optional<Rebuilt> of(const RunDeleted& e) const {
    if (!e.expired) return request(DeleteRun{host_of(e.node), e.run_id, false});
    RunsExpired expired;
    for (std::size_t ahead = 0; const auto* deleted = next_is<RunDeleted>(ahead); ++ahead) {
      if (!deleted->expired) break;
      expired.runs.push_back({deleted->node, deleted->run_id});
    }
    return just(std::move(expired));
  }
  [[nodiscard]] std::optional<Rebuilt> of(const HostDeleted& e) const { return request(DeleteHost{host_of(e.node)}); }
  [[nodiscard]] std::optional<Rebuilt> of(const WindowDeleted& e) const {
    if (const auto* host = deleted_host()) return request(DeleteHost{host->host_id});
    return request(DeleteSchedule{e.id});
  }
  [[nodiscard]] std::optional<Rebuilt> of(const IdentityResolved& e) const { return request(ResolveConflict{host_of(e.node), e.journal}); }
  [[nodiscard]] std::optional<Rebuilt> of(const NodeConfirmed& e) const { return request(ConfirmNode{host_of(e.node)}); }
  std::optional<Rebuilt> of(const NodeRegistered& e) const {
    if (e.automatic) {
      auto rebuilt = hello(e.node);
      if (rebuilt) rebuilt->registered = e;
      return rebuilt;
    }
    if (known(e.node) != nullptr) return request(RenameHost{e.host_id, e.host_name});
    Rebuilt rebuilt = request(RegisterHost{e.node, e.host_name});
    rebuilt.registered = e;
    return rebuilt;
  }

  // ---- what nodes say
  std::optional<Rebuilt> of(const NodeRefused& e) const {
    Rebuilt rebuilt = just(HelloHeard{e.node, JournalId{1}, {}, {}});
    rebuilt.auto_register = false;
    rebuilt.hello_of = e.node;
    return rebuilt;
  }
  std::optional<Rebuilt> of(const JournalAdopted& e) const { return hello(e.node); }
  std::optional<Rebuilt> of(const JournalRetired& e) const { return hello(e.node); }
  std::optional<Rebuilt> of(const GapNoted& e) const { return hello(e.node); }
  std::optional<Rebuilt> of(const PictureCorrected& e) const { return hello(e.node); }
  std::optional<Rebuilt> of(const IdentityConflict& e) const { return hello(e.node); }
  std::optional<Rebuilt> of(const NodeHeld& e) const { return hello(e.node); }
  // The host whose deletion these events are the beginning of.
  [[nodiscard]] const HostDeleted* deleted_host() const {
    for (std::size_t ahead = 0; next(ahead) != nullptr; ++ahead) {
      if (const auto* deleted = next_is<HostDeleted>(ahead)) return deleted;
      if (next_is<RunClosed>(ahead) == nullptr && next_is<WindowDeleted>(ahead) == nullptr) return nullptr;
    }
    return nullptr;
  }
  std::optional<Rebuilt> of(const RunClosed& e) const {
    if (const auto* host = deleted_host()) return request(DeleteHost{host->host_id});
    return e.silent ? std::optional(just(Tick{})) : hello(e.node);
  }
  std::optional<Rebuilt> of(const RunReopened& e) const {  // in front of what it came back with
    const auto* stored = next_is<NodeEventStored>(1);
    if (stored != nullptr && stored->node == e.node) return heard(*stored, 1);
    return hello(e.node);
  }
  std::optional<Rebuilt> of(const RunOpened& e) const {  // in front of the Accepted that nobody here had asked for
    const auto* stored = next_is<NodeEventStored>(1);
    if (stored == nullptr || stored->node != e.node) return std::nullopt;
    return heard(*stored, 1);
  }
  std::optional<Rebuilt> of(const NodeEventStored& e) const { return heard(e, 0); }

  [[nodiscard]] std::optional<Rebuilt> heard(const NodeEventStored& e, std::size_t ahead) const {
    const Node* node = known(e.node);
    NodeEventHeard heard;
    heard.node = e.node;
    heard.journal = e.journal;
    heard.sequence = e.sequence;
    heard.after = node == nullptr ? Chain{} : node->chain;
    heard.chain = e.chain;
    heard.at_ms = e.at_ms;
    heard.clock_trusted = e.clock_trusted;
    heard.envelope = e.envelope;
    heard.event = e.event;
    Rebuilt rebuilt = just(std::move(heard));
    for (std::size_t more = ahead + 1; next(more) != nullptr && !next_is<NodeEventStored>(more); ++more) {
      const auto* corrected = next_is<PictureCorrected>(more);
      if (corrected == nullptr || corrected->node != e.node) continue;
      rebuilt.told = hello_of(*corrected);
      rebuilt.told->last = e.sequence;
      break;
    }
    return rebuilt;
  }
  static Hello hello_of(const PictureCorrected& e) {
    Hello hello;
    hello.offer = e.offer;
    hello.phase = e.phase;
    hello.outcome = e.outcome;
    hello.slot = e.slot;
    hello.boot = e.boot;
    hello.identity = e.identity;
    hello.held.number = e.held;
    return hello;
  }

  // Everything about this node that one hello may have changed, from the first event on.
  struct Changes {
    const JournalAdopted* adopted = nullptr;
    const JournalRetired* retired = nullptr;
    const GapNoted* gap = nullptr;
    const PictureCorrected* corrected = nullptr;
    const IdentityConflict* conflict = nullptr;
    const NodeHeld* held = nullptr;
    bool all_held = false;
    bool aborted = false;      // a document that says so was issued
    std::vector<Number> lost;  // offers whose runs it closed
  };
  [[nodiscard]] Changes changes_of(const NodeId& id) const {
    Changes changes;
    bool settled = false;  // a second hello of the same millisecond begins with one of these again
    for (std::size_t ahead = 0; next(ahead) != nullptr && !settled; ++ahead) {
      const auto note = [&]<class E>(const E& e, const E*& place) {
        if (e.node != id) return;
        if (place != nullptr) settled = true;
        if (place == nullptr) place = &e;
      };
      std::visit(
          [&]<class E>(const E& e) {
            if constexpr (std::is_same_v<E, JournalAdopted>) note(e, changes.adopted);
            if constexpr (std::is_same_v<E, JournalRetired>) note(e, changes.retired);
            if constexpr (std::is_same_v<E, GapNoted>) note(e, changes.gap);
            if constexpr (std::is_same_v<E, PictureCorrected>) note(e, changes.corrected);
            if constexpr (std::is_same_v<E, IdentityConflict>) note(e, changes.conflict);
            if constexpr (std::is_same_v<E, NodeHeld>) {
              if (e.node == every_node) changes.all_held = true;
              note(e, changes.held);
            }
            if constexpr (std::is_same_v<E, RunClosed>)
              if (e.node == id && !e.silent) changes.lost.push_back(e.offer);
            if constexpr (std::is_same_v<E, DocumentIssued>)
              if (e.node == id && e.link && e.link->aborted) changes.aborted = true;
            if constexpr (std::is_same_v<E, NodeEventStored>) settled = true;
          },
          next(ahead)->event);
    }
    return changes;
  }

  [[nodiscard]] std::optional<Rebuilt> hello(const NodeId& id) const {
    const Changes changes = changes_of(id);
    const Node* node = known(id);
    HelloHeard heard;
    heard.node = id;
    Hello& hello = heard.hello;
    if (changes.corrected != nullptr) {
      hello = hello_of(*changes.corrected);
    } else if (node != nullptr) {
      hello.offer = node->offer;
      hello.phase = node->phase;
      hello.outcome = node->outcome;
      hello.slot = node->slot;
      hello.boot = node->boot;
      hello.identity = node->identity;
      hello.held.number = node->taken;
    }
    hello.ask = freshest_ask;
    heard.journal = changes.adopted != nullptr    ? changes.adopted->journal
                    : changes.conflict != nullptr ? changes.conflict->other
                    : node != nullptr             ? node->journal
                                                  : JournalId{1};
    if (changes.adopted != nullptr) {
      hello.base = changes.adopted->base;
      hello.base_chain = changes.adopted->base_chain;
    } else if (changes.gap != nullptr) {
      hello.base = changes.gap->upto;
      hello.base_chain = changes.gap->chain;
    }
    show_document(hello, id, node, changes);
    const std::uint64_t stored = changes.adopted != nullptr || changes.gap != nullptr ? hello.base : node != nullptr ? node->upto : 0;
    // What it says wins where all up to its `last` is stored. Where nothing was corrected, and no run was closed, there was
    // more to come, or it said what was known.
    hello.last = changes.corrected != nullptr || !changes.lost.empty() ? stored : stored + 1;
    if (changes.adopted != nullptr && node != nullptr && changes.corrected == nullptr) {
      // Of the offers that were open it must know those whose runs stayed so.
      hello.last = stored + 1;
      hello.offer = {};
      if (node->run && node->run->end_ms == 0 &&
          std::find(changes.lost.begin(), changes.lost.end(), node->run->offer) == changes.lost.end())
        hello.offer = node->run->offer;
      if (changes.aborted) hello.outcome = {};
    }
    Rebuilt rebuilt;
    rebuilt.input = std::move(heard);
    rebuilt.hello_of = id;
    rebuilt.shows_unknown = changes.held != nullptr;
    if (changes.retired != nullptr && changes.adopted != nullptr) rebuilt.pending = changes.adopted->journal;
    return rebuilt;
  }
  void show_document(Hello& hello, const NodeId& id, const Node* node, const Changes& changes) const {
    if (changes.held != nullptr) {
      hello.held.number = changes.held->shown;
      hello.held.digest = sha256("a document that is not known here");
      if (changes.all_held) hello.held.tag = document_tag(state_.key, id, hello.held.number, hello.held.digest);
      return;
    }
    if (node != nullptr && hello.held.number == node->newest.document.number) {
      hello.held.digest = node->newest.digest;
      hello.held.tag = node->newest.document.tag;
    }
  }

  const Recording& recording_;
  std::size_t at_;
  const State& state_;
};

}  // namespace

std::optional<Rebuilt> rebuild(const Recording& recording, std::size_t at, const fleet::State& state) {
  return Rebuild(recording, at, state).make();
}

}  // namespace abide::replay
