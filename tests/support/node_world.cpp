#include "tests/support/node_world.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "common/core/rules.hpp"
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

constexpr std::int64_t boot_takes_ms = 20'000;
constexpr std::int64_t step_takes_ms = 5;

const std::vector<const Image*>& catalogue() {
  static const std::vector<const Image*> images = {&base_image, &good_image, &newer_image,    &sick_image,
                                                   &dead_image, &hung_image, &restless_image, &unreachable_image};
  return images;
}

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

// ---- hardware --------------------------------------------------------------------------------------------------------

const Image* NodeWorld::image_in(Slot slot) const {
  for (const auto* image : catalogue())
    if (image->id == content(slot)) return image;
  return nullptr;
}

Identity NodeWorld::identity() const {
  const Image* image = image_in(running_);
  Identity identity{"microvisor", image != nullptr ? image->version : "", "x86_64", {}, "1"};
  if (image != nullptr) identity.digest = digest_of(image->id);
  return identity;
}

void NodeWorld::cut_power(bool damage, BootCause cause) {
  if (!power_) return;
  say(std::string("-- power is cut") + (damage ? ", with damage" : "") + (cause == BootCause::watchdog ? ", by the watchdog" : ""));
  const bool unfed = !link_.booted;
  const bool in_trial = running_ != default_slot_ && !state_.fresh && state_.phase >= Phase::switching && state_.phase <= Phase::confirming;
  if (in_trial) {
    ended_ = cause == BootCause::watchdog ? Ended::by_watchdog : Ended::interrupted;
  } else if (unfed && ended_ == Ended::by_watchdog && cause == BootCause::other) {
    ended_ = Ended::no;  // nobody was told of the watchdog, and nobody will be
  }
  if (damage && running_ != default_slot_) slots_[index(running_)] = half_a_slot;
  if (damage && staging_ && staging_->done == 2) slots_[index(other(running_))] = half_a_slot;
  cause_ = cause;
  power_ = false;
  forget_process();
}

void NodeWorld::check_boot(Slot slot) {
  if (slot == default_slot_) {
    if (image_in(slot) == nullptr) break_rule("the default slot holds no bootable image");
    return;
  }
  if (ended_ == Ended::by_watchdog) break_rule("tried again though the watchdog had ended the trial");
  if (image_in(slot) == nullptr) break_rule("an image was booted that was not verified");
  if (state_.fresh) return;
  if (state_.phase != Phase::switching && state_.phase != Phase::rebooting)
    break_rule("the new slot was booted though the offer was concluded");
  if (digest_of(content(slot)) != state_.staged) break_rule("an image was booted that was not verified");
}

void NodeWorld::boot_now() {
  assert(!power_);
  Slot slot = one_shot_.value_or(default_slot_);
  one_shot_.reset();
  power_ = true;
  ++boots_;
  now_ms_ += boot_takes_ms;
  booted_at_ms_ = now_ms_ - 5'000;
  check_boot(slot);
  if (slot != default_slot_) {
    if (state_.offer) attempt_booted_ = true;
    const Image* image = image_in(slot);
    if (image != nullptr && image->boots) {
      came_up_ = true;
      ended_ = Ended::no;
    } else {
      slot = default_slot_;  // the loader falls back
    }
  }
  running_ = slot;
  say("   slot " + std::string(to_string(slot)) + " runs");
}

void NodeWorld::reboot() {
  if (reboot_errors > 0) {
    --reboot_errors;
    post(RebootRefused{boot_id(), "the loader is busy"});
    return;
  }
  cut_power();
}

void NodeWorld::lose_journal() {
  say("-- the journal is lost");
  kill_agent();
  journal_ = {};
  state_ = {};
  ended_ = Ended::no;
  attempt_booted_ = false;
}

void NodeWorld::put_back(const Disk& disk) {
  say("-- an older copy of the disk is put back");
  kill_agent();
  journal_ = disk.journal;
  state_ = disk.state;
  ended_ = Ended::no;
}

// ---- effects ---------------------------------------------------------------------------------------------------------

bool NodeWorld::stage_has_work(const Stage& effect) const {
  return !(staging_ && staging_->offer == effect.offer && staging_->boot == boot_id() && staging_->done == 3);
}

bool NodeWorld::end_is_waiting(const Effect& effect) const {
  auto waits = [&](auto matches) { return std::any_of(inbox_.begin(), inbox_.end(), matches); };
  return std::visit(
      Overload{
          [&](const ClearBootState&) { return waits([](const Input& i) { return std::holds_alternative<BootStateCleared>(i); }); },
          [&](const Stage& e) { return !stage_has_work(e); },
          [&](const ArmOnce& e) {
            return waits(
                [&](const Input& i) { return std::holds_alternative<OneShotArmed>(i) && std::get<OneShotArmed>(i).order == e.order; });
          },
          [&](const ClearOneShot& e) {
            return waits(
                [&](const Input& i) { return std::holds_alternative<OneShotCleared>(i) && std::get<OneShotCleared>(i).order == e.order; });
          },
          [&](const CheckHealth&) { return waits([](const Input& i) { return std::holds_alternative<HealthJudged>(i); }); },
          [&](const ConfirmBoot&) { return waits([](const Input& i) { return std::holds_alternative<BootConfirmed>(i); }); },
          [&](const ReturnToDefault&) { return waits([](const Input& i) { return std::holds_alternative<RebootRefused>(i); }); },
          [&](const Reboot&) { return waits([](const Input& i) { return std::holds_alternative<RebootRefused>(i); }); },
          [&](const GoBack&) { return waits([](const Input& i) { return std::holds_alternative<RebootRefused>(i); }); },
      },
      effect);
}

void NodeWorld::stage(const Stage& effect) {
  if (!staging_ || staging_->offer != effect.offer || staging_->boot != boot_id()) staging_ = Staging{effect.offer, boot_id(), 0};
  const auto wanted = effect.release.raw.sha256.bytes[0];
  auto& slot = slots_[index(effect.slot)];
  const Image* image = nullptr;
  for (const auto* one : catalogue())
    if (one->id == wanted) image = one;
  assert(image != nullptr);
  auto ended = [&](bool reused) {
    staging_->done = 3;
    marked_bad_[index(effect.slot)] = false;
    post(StagingEnded{effect.offer, boot_id(), Reason::none, {}, effect.slot, digest_of(slot), effect.release.raw.size, 1, reused});
  };
  switch (staging_->done) {
    case 0:
      came_up_ = false;
      staging_->done = 1;
      return;
    case 1:
      if (slot == wanted) return ended(true);
      if (effect.slot == running_) break_rule("the running slot was written");
      if (effect.slot == default_slot_) break_rule("the default slot was written");
      slot = half_a_slot;
      staging_->done = 2;
      return;
    case 2:
      if (image->download_fails) {
        staging_->done = 3;
        post(StagingEnded{
            effect.offer, boot_id(), Reason::download, {"", "", 5, BootCause::other, "connection refused"}, effect.slot, {}, 0, 1, false});
        return;
      }
      slot = wanted;
      return ended(false);
    default:
      return;
  }
}

void NodeWorld::check_may_reboot(const Reboot& effect) {
  const auto& window = state_.window;
  const bool open = window && now_ms_ >= window->opens_at_ms && (window->closes_at_ms == 0 || now_ms_ < window->closes_at_ms);
  if (!open) break_rule("rebooted to switch outside a window that the node knows");
  if (!state_.link || state_.link->offer != state_.offer || state_.link->aborted || state_.link->paused)
    break_rule("rebooted to switch for an offer that is not asked for");
  if (effect.boot != boot_id() || state_.reboot_boot != boot_id()) break_rule("rebooted by an order of an earlier boot");
  if (link_.connected && state_.held.number < in_force_at_connection_)
    break_rule("switched on a document older than the one in force when it connected");
  if (journal_.acked < state_.accepted_sequence) break_rule("switched before the orchestrator knew that the offer was accepted");
}

void NodeWorld::perform(const Effect& effect) {
  auto take = [](int& errors) { return errors > 0 ? (--errors, std::string("the loader is busy")) : std::string(); };
  std::visit(Overload{
                 [&](const ClearBootState&) {
                   const auto error = take(clear_errors);
                   if (error.empty()) {
                     one_shot_.reset();
                     came_up_ = false;
                   }
                   post(BootStateCleared{boot_id(), error});
                 },
                 [&](const ReturnToDefault&) { reboot(); },
                 [&](const Stage& e) { stage(e); },
                 [&](const ArmOnce& e) {
                   auto error = take(arm_errors);
                   if (error.empty() && marked_bad_[index(e.slot)]) error = "the slot is marked bad";
                   if (error.empty()) one_shot_ = e.slot;
                   post(OneShotArmed{e.offer, boot_id(), error, e.order});
                 },
                 [&](const ClearOneShot& e) {
                   const auto error = take(clear_errors);
                   if (error.empty()) one_shot_.reset();
                   post(OneShotCleared{e.offer, boot_id(), error, e.order});
                 },
                 [&](const Reboot& e) {
                   check_may_reboot(e);
                   reboot();
                 },
                 [&](const CheckHealth& e) {
                   const Image* image = image_in(running_);
                   if (image != nullptr && image->restarts) return cut_power();
                   const bool healthy = image != nullptr && image->healthy;
                   post(HealthJudged{e.offer,
                                     boot_id(),
                                     healthy,
                                     healthy ? Reason::none : Reason::unhealthy,
                                     {{"app", healthy, 10, ""}},
                                     {healthy ? "" : "app", "", 1, BootCause::other, ""}});
                 },
                 [&](const ConfirmBoot& e) {
                   const auto error = take(confirm_errors);
                   if (running_ != e.slot) break_rule("a slot was made default that does not run");
                   if (error.empty()) default_slot_ = e.slot;
                   post(BootConfirmed{e.offer, boot_id(), running_, default_slot_, digest_of(content(running_)), error});
                 },
                 [&](const GoBack& e) {
                   if (e.bad == default_slot_) break_rule("the default slot was marked bad");
                   if (e.mark_bad) marked_bad_[index(e.bad)] = true;
                   reboot();
                 },
             },
             effect);
}

void NodeWorld::check_event(const Recorded<NodeEvent>& recorded, const State& before) {
  const auto key = [&](Number offer) { return std::pair(recorded.journal, offer); };
  if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) {
    if (before.phase != Phase::idle) break_rule("an offer was accepted while another was open");
    if (!accepted_.insert(key(accepted->offer)).second) break_rule("an offer was accepted a second time");
    if (running_ != default_slot_) break_rule("an offer was accepted before the running system was confirmed");
    ended_ = Ended::no;
    attempt_booted_ = false;
  }
  if (std::holds_alternative<JournalForked>(recorded.event) && before.offer) accepted_.insert(key(before.offer));
  if (std::holds_alternative<TrialInterrupted>(recorded.event)) {
    if (ended_ == Ended::interrupted) ended_ = Ended::no;
    attempt_booted_ = false;
  }
  const Outcome outcome = outcome_of(recorded.event);
  if (outcome.kind == OutcomeKind::none) return;
  if (accepted_.count(key(outcome.offer)) == 0) break_rule("an outcome for an offer that was not accepted");
  if (++outcomes_[key(outcome.offer)] > 1) break_rule("a second outcome for one offer");
  if (outcome.kind == OutcomeKind::succeeded) {
    if (digest_of(content(running_)) != before.release.raw.sha256 || running_ != default_slot_)
      break_rule("success was reported while another image runs");
  }
  if (outcome.kind == OutcomeKind::rolled_back) {
    if (!attempt_booted_) break_rule("rolled back though this attempt never booted the new slot");
    if (ended_ == Ended::interrupted && before.interruptions + 1 < machine.settings.trials_max)
      break_rule("rolled back though the trial was only interrupted");
  }
  if (outcome.kind == OutcomeKind::failed && !inbox_.empty()) {
    if (const auto* ended = std::get_if<StagingEnded>(&inbox_.front()); ended != nullptr && ended->offer != outcome.offer)
      break_rule("failed by the end of another offer's download");
  }
  ended_ = Ended::no;
  attempt_booted_ = false;
}

// ---- orchestrator ----------------------------------------------------------------------------------------------------

void NodeWorld::issue() {
  document_.number = {1'000, document_.number.revision + 1};
  if (link_.connected) down_.emplace_back(document_);
}

void NodeWorld::link(const Image& image, bool allow_downgrade) {
  say("-- the operator links " + image.version);
  document_.link = LinkedRelease{{1'000, document_.number.revision + 1}, image.release(), allow_downgrade, false, false};
  issue();
}

void NodeWorld::unlink() {
  say("-- the operator un-links");
  document_.link.reset();
  issue();
}

void NodeWorld::abort() {
  if (!document_.link) return;
  say("-- the operator aborts");
  document_.link->aborted = true;
  issue();
}

void NodeWorld::pause(bool paused) {
  if (!document_.link) return;
  say(paused ? "-- the operator pauses" : "-- the operator resumes");
  document_.link->paused = paused;
  issue();
}

void NodeWorld::open_window(std::int64_t opens_in_ms, std::int64_t lasts_ms) {
  say("-- the operator opens a window");
  document_.window = Window{"w", now_ms_ + opens_in_ms, lasts_ms == 0 ? 0 : now_ms_ + opens_in_ms + lasts_ms};
  issue();
}

void NodeWorld::close_window() {
  say("-- the operator closes the window");
  document_.window.reset();
  issue();
}

void NodeWorld::lose_messages() {
  up_.clear();
  down_.clear();
}

void NodeWorld::lose_connection() {
  lose_messages();
  if (!link_.connected) return;
  say("-- the connection is lost");
  feed(Disconnected{});
}

void NodeWorld::restart_orchestrator() {
  say("-- the orchestrator restarts");
  lose_messages();
  life_ = LifeId{random_.next_id()};
  ask_ = 1;
  if (link_.connected) down_.emplace_back(RollCall{life_, 50, 1});
}

void NodeWorld::connect() {
  say("   the node connects");
  in_force_at_connection_ = document_.number;
  down_.emplace_back(RollCall{life_, 50, 1});
  if (document_.number) down_.emplace_back(document_);
  feed(Connected{});
}

Received NodeWorld::received(std::uint64_t upto) const {
  const Chain chain = upto == 0 ? Chain{journal_.id.value} : journal_.events.at(upto - 1).chain;
  return {life_, ask_, journal_.id, upto, chain, std::nullopt};
}

Received NodeWorld::welcome(Nonce nonce) const {
  Received answer = received(journal_.acked);
  answer.welcome = Welcome{nonce, document_.number, now_ms_};
  return answer;
}

DocumentHeard NodeWorld::document_heard() const {
  return {document_.number, {}, {}, "", document_.link, document_.window, Reason::none, ""};
}

Received NodeWorld::welcome_of_now() const {
  return welcome(link_.nonce);
}

void NodeWorld::drop_documents() {
  down_.erase(std::remove_if(down_.begin(), down_.end(), [](const Down& m) { return std::holds_alternative<Issued>(m); }), down_.end());
}

void NodeWorld::hear(const Received& received) {
  std::optional<Chain> own;
  if (received.upto == 0)
    own = Chain{journal_.id.value};
  else if (received.upto <= journal_.events.size())
    own = journal_.events[received.upto - 1].chain;
  feed(ReceivedHeard{received, own});
}

void NodeWorld::answer(std::optional<Nonce> nonce) {
  Received received;
  received.life = life_;
  received.ask = ask_;
  received.journal = known_journal_;
  received.upto = upto_;
  received.chain = chain_;
  if (nonce) received.welcome = Welcome{*nonce, document_.number, now_ms_};
  if (link_.connected) down_.emplace_back(received);
}

void NodeWorld::take_up(const Up& message) {
  if (const auto* hello = std::get_if<HelloOf>(&message)) {
    if (hello->hello.life != life_) {
      if (link_.connected) down_.emplace_back(RollCall{life_, 50, 1});
      return;
    }
    if (hello->journal != known_journal_) {  // one machine, so it is the living one
      known_journal_ = hello->journal;
      upto_ = hello->hello.base;
      chain_ = hello->hello.base_chain;
      const Number asked = document_.link ? document_.link->offer : Number{};
      const bool knows = hello->hello.offer == asked || hello->hello.outcome.offer == asked;
      if (asked && !knows && unfinished_.count(asked) != 0) abort();
    }
    if (document_.number && hello->hello.held.number < document_.number && link_.connected) down_.emplace_back(document_);
    answer(hello->hello.nonce);
    return;
  }
  const auto& recorded = std::get<EventOf>(message).recorded;
  if (recorded.journal != known_journal_) return answer(std::nullopt);
  if (recorded.sequence == upto_ + 1 && recorded.after == chain_) {
    upto_ = recorded.sequence;
    chain_ = recorded.chain;
    if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) unfinished_.insert(accepted->offer);
    if (const auto* succeeded = std::get_if<Succeeded>(&recorded.event)) unfinished_.erase(succeeded->offer);
  } else if (recorded.sequence > upto_ + 1) {
    ++ask_;
  }
  answer(std::nullopt);
}

void NodeWorld::take_down(const Down& message) {
  std::visit(Overload{
                 [&](const RollCall& m) { post(RollCallHeard{m}); },
                 [&](const Received& m) {
                   std::optional<Chain> own;
                   if (m.upto == 0)
                     own = Chain{journal_.id.value};
                   else if (m.upto <= journal_.events.size())
                     own = journal_.events[m.upto - 1].chain;
                   post(ReceivedHeard{m, own});
                 },
                 [&](const Issued& m) {
                   post(DocumentHeard{m.number, {}, {}, "", m.link, m.window, Reason::none, ""});
                 },
             },
             message);
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
