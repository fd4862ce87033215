#include "simulators/world/past.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "common/service/host.hpp"
#include "edge-agent/rows.hpp"
#include "orchestrator/rows.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::string_view head_suffix = "m/head";
constexpr std::string_view agents_prefix = "node/";
constexpr std::size_t key_bytes = 32;
constexpr std::uint64_t boots_before = 1'000'000;  // more than any history has

std::size_t index_of(Slot slot) {
  return static_cast<std::size_t>(slot);
}

// Drawn anew, the same each time: what is signed with it stays in this world.
std::string fresh_key(const std::string& project) {
  std::string key;
  for (std::size_t i = 0; key.size() < key_bytes; ++i) {
    const auto digest = sha256("key of " + project + " " + std::to_string(i));
    key.append(digest.bytes.begin(), digest.bytes.end());
  }
  key.resize(key_bytes);
  return key;
}

// ---- images --------------------------------------------------------------------------------------------------------------

// One that no orchestrator has told of: a node runs it, or holds a document that asks for it.
OsResource immutable(const std::string& version) {
  OsResource resource;
  resource.name = "Image " + version;
  resource.image_id = version;
  resource.os_type = "OS_TYPE_IMMUTABLE";
  resource.os_provider = "OS_PROVIDER_KIND_INFRA";
  return resource;
}

class Images {
 public:
  void publish(const OsResource& resource) {
    if (resource.image_id.empty()) return;
    auto& image = of(resource.image_id);
    image.profile = resource.profile_name;
    image.architecture = resource.architecture;
    image.bytes = resource.artifact.size;
    image.known = resource;
  }
  void runs(const Identity& identity) {
    if (identity.os_image_id.empty() || by_version_.contains(identity.os_image_id)) return;
    auto resource = immutable(identity.os_image_id);
    resource.profile_name = identity.profile_name;
    resource.architecture = identity.architecture;
    resource.raw.sha256 = resource.artifact.sha256 = identity.digest;
    publish(resource);
  }
  void proved(const std::string& version, const Outcome& outcome) {
    if (!by_version_.contains(version)) return;
    auto& nature = of(version).nature;
    if (outcome.kind == OutcomeKind::succeeded) nature = Image::Nature::good;
    switch (outcome.reason) {
      case Reason::unhealthy:
        nature = Image::Nature::unhealthy;
        break;
      case Reason::deadline:
        nature = Image::Nature::silent;
        break;
      case Reason::boot_failed:
        nature = Image::Nature::dead;
        break;
      case Reason::watchdog:
        nature = Image::Nature::hung;
        break;
      case Reason::trial_interrupted:
        nature = Image::Nature::restless;
        break;
      case Reason::wrong_digest:
        nature = Image::Nature::wrong_digest;
        break;
      case Reason::download:
        nature = Image::Nature::unreachable;
        break;
      case Reason::too_large:
        nature = Image::Nature::too_large;
        break;
      default:
        break;
    }
  }
  [[nodiscard]] std::vector<Image> all() const {
    std::vector<Image> list;
    for (const auto& [version, image] : by_version_) list.push_back(image);
    return list;
  }

 private:
  Image& of(const std::string& version) {
    auto& image = by_version_[version];
    image.version = version;
    return image;
  }
  std::map<std::string, Image> by_version_;
};

// ---- a node ----------------------------------------------------------------------------------------------------------------

struct NodeJournal {
  JournalId id;
  std::vector<std::string> events;  // from its first one on
  bool whole = true;
};

// The agent's disk with this journal, and the state that it folds to.
Result<std::pair<MemoryStore::Content, node::State>> disk_of(const NodeJournal& journal, const node::State& before) {
  MemoryStore store;
  auto written = Journal::open(store, std::string(agents_prefix));
  if (!written) return fail(written.error());
  Batch batch;
  written->begin(batch, journal.id);
  batch.put(snapshot_key(agents_prefix), node::Rows::snapshot(before));
  node::State state = before;
  for (const auto& bytes : journal.events) {
    const auto sequence = written->head().last + 1;
    written->append(batch, bytes);
    auto recorded = decode_recorded<NodeEvent>(bytes, sequence, written->head().chain);
    if (!recorded) return fail(recorded.error());
    node::UpdateMachine::apply(state, *recorded);
  }
  written->set_acked(batch, written->head().last);
  node::Rows::save_all(state, batch, std::string(agents_prefix));
  if (auto done = store.commit(batch); !done) return fail(done.error());
  return std::pair(store.content(), std::move(state));
}

// What the hardware must be like, for the node to have told what it told.
void furnish(PastNode& node, const node::State& state) {
  const bool on_trial = state.phase == Phase::on_trial || state.phase == Phase::confirming || state.phase == Phase::rolling_back;
  node.running = state.default_slot;
  node.slots[index_of(state.running)] = state.identity.os_image_id;
  if (state.staged != Digest{}) node.slots[index_of(state.target)] = state.release.os_image_id;
  if (state.default_slot != state.running) node.slots[index_of(state.default_slot)] = state.from;
  node.came_up = on_trial;
  if (state.phase == Phase::rebooting) node.one_shot = state.target;
  node.boots = boots_before;
}

void furnish(PastNode& node, const Identity& identity, Slot slot) {
  node.running = slot;
  node.slots[index_of(slot)] = identity.os_image_id;
  node.boots = boots_before;
}

// ---- an orchestrator -------------------------------------------------------------------------------------------------------

// Its journal once more, with another secret and therefore another chain, and the rows that it folds to.
class Rebuilt {
 public:
  Rebuilt(const MemoryStore& source, std::string from, std::string to) : source_(source), from_(std::move(from)), to_(std::move(to)) {}

  Result<Past> build() {
    auto head = Journal::read_head(source_, from_);
    if (!head) return fail(head.error());
    if (!head->id) return fail(Code::invalid_input, "there is no event in it");
    if (auto begun = begin(*head); !begun) return fail(begun.error());
    std::optional<Error> broken;
    auto read = Journal::read(source_, from_, head->id, head->base + 1, head->last, [&](std::uint64_t, Chain, std::string_view bytes) {
      auto added = add(bytes);
      if (!added) broken = added.error();
      return added.has_value();
    });
    if (!read) return fail(read.error());
    if (broken) return fail(*broken);
    fleet::Rows::save_all(state_, batch_, to_);
    if (auto done = store_.commit(batch_); !done) return fail(done.error());
    return past();
  }

 private:
  Result<void> begin(const JournalHead& head) {
    auto journal = Journal::open(store_, to_);
    if (!journal) return fail(journal.error());
    journal_.emplace(std::move(*journal));
    journal_->begin(batch_, head.id);
    auto snapshot = source_.get(snapshot_key(from_));
    if (!snapshot) return fail(snapshot.error());
    if (*snapshot) {
      auto state = fleet::Rows::from_snapshot(**snapshot);
      if (!state) return fail(state.error());
      state_ = std::move(*state);
    }
    if (head.base != 0)
      return fail(Code::invalid_input, "events up to " + std::to_string(head.base) + " are trimmed: a world begins with the first");
    batch_.put(snapshot_key(to_), fleet::Rows::snapshot(state_));
    return {};
  }

  Result<void> add(std::string_view bytes) {
    auto envelope = decode(bytes);
    if (!envelope) return fail(envelope.error());
    auto* event = std::get_if<OrchestratorEvent>(&envelope->payload);
    if (event == nullptr) return fail(Code::corrupt, "an event that is none of an orchestrator");
    if (auto* created = std::get_if<ProjectCreated>(event)) created->key = fresh_key(created->project);
    if (const auto* stored = std::get_if<NodeEventStored>(event)) note(*stored);
    now_ms_ = std::max(now_ms_, envelope->at_ms);
    envelope->after = journal_->head().chain;
    const auto anew = encode(*envelope);
    const auto sequence = journal_->head().last + 1;
    journal_->append(batch_, anew);
    auto recorded = decode_recorded<OrchestratorEvent>(anew, sequence, journal_->head().chain);
    if (!recorded) return fail(recorded.error());
    fleet::FleetMachine::apply(state_, *recorded);
    return {};
  }

  void note(const NodeEventStored& stored) {
    auto& journal = journals_[{stored.node, stored.journal}];
    journal.id = stored.journal;
    if (stored.sequence != journal.events.size() + 1) journal.whole = false;
    journal.events.push_back(stored.envelope);
    const auto* ended = std::get_if<RolledBack>(&stored.event);
    const auto* failed = std::get_if<Failed>(&stored.event);
    const auto* succeeded = std::get_if<Succeeded>(&stored.event);
    const auto outcome = outcome_of(stored.event);
    if (ended != nullptr) proofs_.emplace_back(ended->from, outcome);
    if (failed != nullptr) proofs_.emplace_back(failed->to, outcome);
    if (succeeded != nullptr) proofs_.emplace_back(succeeded->to, outcome);
  }

  // A journal that a fork began carries the state on; that of the one before is not known to the byte.
  Result<void> add_node(const fleet::Node& known, Past& past) {
    PastNode node;
    node.id = known.id;
    const auto found = journals_.find({known.id, known.journal});
    const bool whole = found != journals_.end() && found->second.whole && found->second.events.size() == known.upto &&
                       !found->second.events.empty() && !begins_with_fork(found->second);
    if (whole) {
      auto disk = disk_of(found->second, {});
      if (!disk) return fail(disk.error().in("journal of node " + to_string(known.id)));
      furnish(node, disk->second);
      node.disk = std::move(disk->first);
    } else {
      furnish(node, known.identity, known.slot);
    }
    images_.runs(known.identity);
    past.nodes.push_back(std::move(node));
    return {};
  }

  static bool begins_with_fork(const NodeJournal& journal) {
    const auto envelope = decode(journal.events.front());
    if (!envelope) return true;
    const auto* event = std::get_if<NodeEvent>(&envelope->payload);
    return event == nullptr || std::holds_alternative<JournalForked>(*event);
  }

  Result<Past> past() {
    Past past;
    past.now_ms = now_ms_ + 1;
    past.control = store_.content();
    for (const auto& [id, resource] : state_.os_resources) images_.publish(resource.value);
    if (state_.nodes.size() > past_nodes_max)
      return fail(Code::invalid_input,
                  std::to_string(state_.nodes.size()) + " nodes; a world goes on with " + std::to_string(past_nodes_max));
    for (const auto& [id, node] : state_.nodes) {
      if (auto added = add_node(node, past); !added) return fail(added.error());
    }
    for (const auto& [version, outcome] : proofs_) images_.proved(version, outcome);
    // What is confirmed somewhere boots there.
    for (const auto& node : past.nodes)
      images_.proved(node.slots[index_of(node.running)], {Number{}, OutcomeKind::succeeded, Reason::none});
    past.images = images_.all();
    return past;
  }

  const MemoryStore& source_;
  std::string from_, to_;
  MemoryStore store_;
  std::optional<Journal> journal_;
  Batch batch_;
  fleet::State state_;
  std::int64_t now_ms_ = 0;
  std::map<std::pair<NodeId, JournalId>, NodeJournal> journals_;
  std::vector<std::pair<std::string, Outcome>> proofs_;
  Images images_;
};

// ---- an agent ------------------------------------------------------------------------------------------------------------

Result<Past> past_of_agent(const MemoryStore& store, const MemoryStore::Content& rows) {
  auto state = node::Rows::load(store, std::string(agents_prefix));
  if (!state) return fail(state.error());
  auto head = Journal::read_head(store, std::string(agents_prefix));
  if (!head) return fail(head.error());
  if (!head->id) return fail(Code::invalid_input, "there is no event in it");
  Past past;
  auto read = Journal::read(store, agents_prefix, head->id, head->base + 1, head->last, [&](std::uint64_t, Chain, std::string_view bytes) {
    if (const auto envelope = decode(bytes)) past.now_ms = std::max(past.now_ms, envelope->at_ms + 1);
    return true;
  });
  if (!read) return fail(read.error());
  PastNode node;
  const auto owner = store.get("node/m/owner");
  if (owner && *owner) {
    const auto line = (*owner)->find('\n');
    if (const auto id = parse_node_id((*owner)->substr(line == std::string::npos ? 0 : line + 1))) node.id = *id;
  }
  furnish(node, *state);
  node.disk = rows;
  Images images;
  images.runs(state->identity);
  if (state->link) {
    const auto& release = state->link->release;
    auto resource = immutable(release.os_image_id);
    resource.profile_name = release.profile_name;
    resource.architecture = release.architecture;
    resource.artifact = release.artifact;
    resource.raw = release.raw;
    resource.urls = release.urls;
    images.publish(resource);
  }
  images.proved(state->release.os_image_id, state->outcome);
  past.images = images.all();
  past.nodes.push_back(std::move(node));
  return past;
}

}  // namespace

Result<Past> past_of(const MemoryStore::Content& rows, const std::string& wanted) {
  const MemoryStore store(rows);
  std::vector<std::string> scopes;
  for (const auto& [key, value] : rows) {
    if (key.ends_with(head_suffix)) scopes.push_back(key.substr(0, key.size() - head_suffix.size()));
  }
  if (scopes.size() == 1 && scopes.front() == agents_prefix) return past_of_agent(store, rows);
  if (!wanted.empty()) {
    const auto scope = topics::escape(wanted) + "/";
    if (std::find(scopes.begin(), scopes.end(), scope) == scopes.end())
      return fail(Code::not_found, "there is no project " + wanted + " in it");
    scopes = {scope};
  }
  if (scopes.empty()) return fail(Code::invalid_input, "there is no journal in it");
  if (scopes.size() > 1) {
    std::string names;
    for (const auto& scope : scopes) names += (names.empty() ? "" : ", ") + scope.substr(0, scope.size() - 1);
    return fail(Code::invalid_input, "several projects are in it, name one: " + names);
  }
  return Rebuilt(store, scopes.front(), topics::escape(project) + "/").build();
}

}  // namespace abide::sim
