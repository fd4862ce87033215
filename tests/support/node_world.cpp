#include "tests/support/node_world.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "common/events/print.hpp"

namespace abide::test {

using namespace node;  // NOLINT(google-build-using-namespace): the machine's own words, in its own test

namespace {

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

constexpr std::int64_t step_takes_ms = 5;

// Not SHA-256: only that two histories differ matters here.
Chain chain_with(const Recorded<NodeEvent>& recorded) {
  Random mix{recorded.after.value ^ recorded.session.value ^ static_cast<std::uint64_t>(recorded.at_ms) ^ (recorded.event.index() << 56)};
  return Chain{mix.next_id()};
}

}  // namespace

const Image base_image{1, "1.0"};
const Image good_image{2, "2.0"};
const Image newer_image{3, "3.0"};
const Image sick_image{4, "2.5", true, false, false};
const Image dead_image{5, "2.6", false};
const Image hung_image{6, "2.7", true, true};
const Image restless_image{7, "2.8", true, false, true, true};
const Image unreachable_image{8, "2.9", true, false, true, false, true};

const std::vector<const Image*>& catalogue() {
  static const std::vector<const Image*> images = {&base_image, &good_image, &newer_image,    &sick_image,
                                                   &dead_image, &hung_image, &restless_image, &unreachable_image};
  return images;
}

Digest digest_of(std::uint8_t id) {
  Digest digest;
  if (id == 0) return digest;
  digest.bytes.fill(id);
  return digest;
}

Release Image::release() const {
  Release release;
  release.os_resource_id = "os-0000000" + std::to_string(id);
  release.profile_name = "microvisor";
  release.os_image_id = version;
  release.architecture = "x86_64";
  release.artifact = {digest_of(id), 1'000};
  release.raw = release.artifact;
  release.urls = {"http://releases/" + version + ".raw"};
  release.policy_id = "policy";
  release.manifest = digest_of(static_cast<std::uint8_t>(id + 100));
  return release;
}

std::string Move::text() const {
  switch (kind) {
    case Kind::boot:
      return "power comes, the machine boots";
    case Kind::start_agent:
      return "the agent starts";
    case Kind::feed:
      return "the agent takes an input";
    case Kind::take_up:
      return "the orchestrator takes a message";
    case Kind::take_down:
      return "a message comes to the node";
    case Kind::connect:
      return "the node connects";
    case Kind::publish:
      return "the node publishes an event";
    case Kind::effect:
      return "effect " + std::to_string(index);
    case Kind::time:
      return "time passes";
  }
  return "";
}

// ---- the agent's process ---------------------------------------------------------------------------------------------

class NodeWorld::Sink final : public Out<NodeEvent, Message> {
 public:
  explicit Sink(NodeWorld& world) : world_(world) {}
  void event(NodeEvent event) override {
    auto& journal = world_.journal_;
    Recorded<NodeEvent> recorded;
    recorded.journal = journal.id;
    recorded.sequence = journal.events.size() + 1;
    recorded.after = journal.events.empty() ? Chain{journal.id.value} : journal.events.back().chain;
    recorded.at_ms = world_.now().wall_ms;
    recorded.clock_trusted = world_.trusted_;
    recorded.session = world_.session_;
    recorded.event = std::move(event);
    recorded.chain = chain_with(recorded);
    if (world_.log) world_.say("    " + print(recorded.event));
    world_.check_event(recorded, world_.state_);
    UpdateMachine::apply(world_.state_, recorded);
    journal.events.push_back(std::move(recorded));
  }
  void message(Message message) override { messages.push_back(std::move(message)); }
  void new_journal(JournalId id) override { world_.journal_ = {id, world_.state_, {}, 0}; }
  void acknowledged(std::uint64_t upto) override {
    if (upto > world_.journal_.events.size()) world_.break_rule("more was acknowledged than there is");
    world_.journal_.acked = upto;
  }
  void blob(std::string_view, std::string) override { ++world_.blobs_; }

  std::vector<Message> messages;

 private:
  NodeWorld& world_;
};

NodeWorld::NodeWorld(std::uint64_t seed) : random_{seed} {
  life_ = LifeId{random_.next_id()};
  booted_at_ms_ = now_ms_ - 60'000;
}

Now NodeWorld::now() const {
  return {now_ms_ + skew_ms_, now_ms_ - booted_at_ms_, boot_id(), trusted_};
}

void NodeWorld::say(std::string text) {
  if (log) log->push_back(std::move(text));
}

bool NodeWorld::broke(std::string_view what) const {
  return std::any_of(broken_.begin(), broken_.end(), [&](const std::string& one) { return one.find(what) != std::string::npos; });
}

// Decide and commit are one step: a crash between the two loses the input, as a crash before them does.
void NodeWorld::feed(Input input) {
  assert(agent_);
  if (std::holds_alternative<StagingEnded>(input)) staging_.reset();  // as the agent forgets the order that has ended
  Sink sink(*this);
  machine.decide(state_, link_, input, now(), sink);
  for (const auto& message : sink.messages) {
    std::visit(Overload{[&](const SayHello&) {
                          const auto base_chain = Chain{journal_.id.value};
                          up_.emplace_back(HelloOf{journal_.id, make_hello(state_, link_, 0, base_chain)});
                        },
                        [&](const EventOmitted&) { ++omitted_; }},
               message);
  }
}

void NodeWorld::start_agent(bool feed_booted) {
  assert(power_ && !agent_);
  agent_ = true;
  if (!journal_.id) journal_ = {JournalId{random_.next_id()}, State{}, {}, 0};
  if (folded() != state_) break_rule("the fold of the journal is not the state");
  session_ = SessionId{random_.next_id()};
  link_ = Link{};
  link_.random = Random{random_.next()};
  link_.acked = journal_.acked;
  link_.started_at_mono_ms = now().mono_ms;
  if (!feed_booted) return;
  Booted booted;
  booted.boot = boot_id();
  booted.running = running_;
  booted.default_slot = default_slot_;
  booted.came_up = came_up_;
  booted.cause = cause_;
  booted.default_is_bad = default_is_bad || marked_bad_[index(default_slot_)];
  booted.identity = identity();
  feed(booted);
}

State NodeWorld::folded() const {
  State state = journal_.snapshot;
  for (const auto& recorded : journal_.events) UpdateMachine::apply(state, recorded);
  return state;
}

void NodeWorld::forget_process() {
  agent_ = false;
  link_ = Link{};
  inbox_.clear();
  staging_.reset();
  next_to_send_ = welcomes_ = 0;
  lose_messages();
}

void NodeWorld::kill_agent() {
  say("-- the agent is killed");
  forget_process();
}

// ---- running ---------------------------------------------------------------------------------------------------------

std::vector<Move> NodeWorld::moves() const {
  using Kind = Move::Kind;
  if (!power_) return {{Kind::boot}};
  if (!agent_) return {{Kind::start_agent}};
  std::vector<Move> moves;
  if (!inbox_.empty()) moves.push_back({Kind::feed});
  if (!up_.empty()) moves.push_back({Kind::take_up});
  if (!down_.empty()) moves.push_back({Kind::take_down});
  if (network_ && !link_.connected) moves.push_back({Kind::connect});
  const std::uint64_t next = welcomes_ == link_.welcomes ? next_to_send_ : std::max<std::uint64_t>(link_.send_from, 1);
  if (may_send_events(link_) && next <= journal_.events.size()) moves.push_back({Kind::publish});
  const auto effects = todo();
  for (std::size_t i = 0; i < effects.size(); ++i)
    if (!end_is_waiting(effects[i])) moves.push_back({Kind::effect, i});
  if (!moves.empty()) return moves;
  if (const auto look = machine.look_again(state_, link_, now()))
    moves.push_back({Kind::time, 0, std::max(now_ms_, booted_at_ms_ + *look)});
  return moves;
}

void NodeWorld::make(const Move& move) {
  say("   " + move.text());
  now_ms_ += step_takes_ms;
  switch (move.kind) {
    case Move::Kind::boot:
      return boot_now();
    case Move::Kind::start_agent: {
      const Image* image = image_in(running_);
      if (running_ != default_slot_ && image != nullptr && image->hangs) return cut_power(false, BootCause::watchdog);
      return start_agent();
    }
    case Move::Kind::feed: {
      const Input input = inbox_.front();  // stays until it is taken: the checks look at it
      feed(input);
      inbox_.pop_front();
      return;
    }
    case Move::Kind::take_up: {
      const Up message = std::move(up_.front());
      up_.pop_front();
      return take_up(message);
    }
    case Move::Kind::take_down: {
      const Down message = std::move(down_.front());
      down_.pop_front();
      return take_down(message);
    }
    case Move::Kind::connect:
      return connect();
    case Move::Kind::publish: {
      if (welcomes_ != link_.welcomes) {
        welcomes_ = link_.welcomes;
        next_to_send_ = std::max<std::uint64_t>(link_.send_from, 1);
      }
      up_.emplace_back(EventOf{journal_.events.at(next_to_send_ - 1)});
      ++next_to_send_;
      return;
    }
    case Move::Kind::effect: {
      const auto effects = todo();
      if (move.index < effects.size()) perform(effects[move.index]);  // a few ms later it may no longer be asked for
      return;
    }
    case Move::Kind::time:
      now_ms_ = std::max(now_ms_, move.until_ms);
      {
        const auto events = journal_.events.size();
        const auto order = link_.order;
        const auto nonce = link_.nonce;
        feed(Tick{});
        const auto again = machine.look_again(state_, link_, now());
        const bool nothing_new = events == journal_.events.size() && order == link_.order && nonce == link_.nonce;
        if (nothing_new && todo().empty() && again && *again <= now().mono_ms)
          break_rule("asks to be looked at again at once, for nothing");
      }
      return;
  }
}

bool NodeWorld::step() {
  const auto possible = moves();
  if (possible.empty()) return false;
  make(possible.front());
  return true;
}

std::size_t NodeWorld::run(std::size_t steps_max) {
  std::size_t steps = 0;
  while (steps < steps_max && !not_at_rest().empty() && step()) ++steps;
  return steps;
}

std::string NodeWorld::not_at_rest() const {
  if (!power_) return "no power";
  if (!agent_) return "no agent";
  if (!inbox_.empty() || !up_.empty() || !down_.empty()) return "messages are on their way";
  if (network_ && (!link_.connected || !synced(state_, link_))) return "not synced";
  if (network_ && !link_.hello_answered) return "a hello is not answered";
  if (network_ && (known_journal_ != journal_.id || upto_ != journal_.events.size())) return "the orchestrator lacks events";
  if (network_ && journal_.acked != journal_.events.size()) return "events are not acknowledged";
  if (state_.fresh) return "the boot state of a new journal is not clear";
  if (!todo().empty()) return "there is something to do";
  if (one_shot_) return "the one-shot is armed";
  if (running_ != default_slot_) return "the running slot is not the default";
  if (state_.phase == Phase::staged) {
    if (!state_.window) return "";
    const bool over =
        state_.window->closes_at_ms != 0 && state_.window->closes_at_ms - switch_time_needed_ms(machine.settings, state_) <= now_ms_;
    return over || state_.link->paused ? "" : "a window is to come";
  }
  if (state_.phase != Phase::idle) return "phase " + std::string(to_string(state_.phase));
  if (network_ && state_.link && !state_.link->aborted && state_.outcome.offer != state_.link->offer) return "an offer was not accepted";
  return "";
}

std::vector<std::string> NodeWorld::event_names() const {
  std::vector<std::string> names;
  for (const auto& recorded : journal_.events) names.emplace_back(name_of(recorded.event));
  return names;
}

std::string NodeWorld::newest_outcome() const {
  if (state_.outcome.kind == OutcomeKind::none) return "";
  std::string text(to_string(state_.outcome.kind));
  if (state_.outcome.reason != Reason::none) text += " " + std::string(to_string(state_.outcome.reason));
  return text;
}

std::size_t NodeWorld::outcomes_of(Number offer) const {
  std::size_t all = 0;
  for (const auto& [key, count] : outcomes_)
    if (key.second == offer) all += count;
  return all;
}

}  // namespace abide::test
