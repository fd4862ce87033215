#include "simulators/node-fleet/machine.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/core/hash.hpp"

namespace abide::node_fleet {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::uint64_t share_parts = 1'000'000;  // a share is drawn in millionths
constexpr std::uint64_t kinds_of_bad_image = 4;   // three are unhealthy, one does not come up
constexpr std::uint64_t default_image_bytes = 512U << 20U;
constexpr const char* check_name = "services";

std::size_t index_of(Slot slot) {
  return static_cast<std::size_t>(slot);
}

bool strikes(Random& random, double share) {
  return random.below(share_parts) < static_cast<std::uint64_t>(std::llround(share * static_cast<double>(share_parts)));
}

std::uint64_t seed_of(std::uint64_t seed, const NodeId& node) {
  Random random{seed};
  for (const auto byte : node.bytes) random.state = random.next() ^ byte;
  return random.next();
}

Json json_of(const SlotContent& slot) {
  return {{"profile", slot.profile_name},
          {"image", slot.os_image_id},
          {"architecture", slot.architecture},
          {"digest", to_hex(slot.digest)},
          {"boots", slot.boots}};
}

}  // namespace

Machine::Machine(std::uint64_t seed, const NodeId& node, const Weather& weather, SlotContent factory)
    : seed_(seed_of(seed, node)), weather_(weather) {
  slots_[index_of(Slot::a)] = std::move(factory);
}

// ---- what is kept ---------------------------------------------------------------------------------------------------------

std::string Machine::hardware() const {
  Json json = {{"default", index_of(state_.default_slot)},
               {"came_up", state_.came_up},
               {"boots", boots_},
               {"running", index_of(state_.running)},
               {"bad", {state_.bad[0], state_.bad[1]}},
               {"slots", {json_of(slots_[0]), json_of(slots_[1])}}};
  if (state_.one_shot) json["one_shot"] = index_of(*state_.one_shot);
  return json.dump();
}

Result<void> Machine::restore(const std::string& hardware) {
  const auto slot = [](const Json& json) { return json.get<int>() == 0 ? Slot::a : Slot::b; };
  try {
    const auto json = Json::parse(hardware);
    state_.default_slot = slot(json.at("default"));
    state_.running = slot(json.at("running"));
    state_.came_up = json.at("came_up").get<bool>();
    state_.one_shot.reset();
    if (json.contains("one_shot")) state_.one_shot = slot(json.at("one_shot"));
    boots_ = json.at("boots").get<std::uint64_t>();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto& content = json.at("slots").at(i);
      state_.bad[i] = json.at("bad").at(i).get<bool>();
      auto digest = parse_digest(content.at("digest").get<std::string>());
      if (!digest) return fail(Code::corrupt, "a machine's slots: " + digest.error().message);
      slots_[i] = {content.at("profile"), content.at("image"), content.at("architecture"), *digest, content.at("boots")};
    }
  } catch (const Json::exception& wrong) {
    return fail(Code::corrupt, std::string("a machine's slots: ") + wrong.what());
  }
  changed_ = false;
  return {};
}

// ---- boots ----------------------------------------------------------------------------------------------------------------

void Machine::power_on() {
  reboot_ordered_ = false;
  stop_workers();
  state_.running = state_.default_slot;
  if (state_.one_shot) {
    const Slot tried = *state_.one_shot;
    state_.one_shot.reset();
    // One that does not come up leaves no mark; the watchdog of the loader is back in the default slot by now.
    if (slots_[index_of(tried)].boots && slots_[index_of(tried)].digest) {
      state_.running = tried;
      state_.came_up = true;
    }
  }
  ++boots_;
  Random random{seed_ ^ boots_};
  const auto high = random.next();
  const auto low = random.next();
  NodeId name;
  for (std::size_t i = 0; i < 8; ++i) {
    name.bytes[i] = static_cast<std::uint8_t>(high >> (8 * i));
    name.bytes[8 + i] = static_cast<std::uint8_t>(low >> (8 * i));
  }
  boot_ = BootId{to_string(name)};
  state_.boot = boot_;
  state_.cause = BootCause::other;
  changed_ = true;
}

std::int64_t Machine::boot_takes_ms() {
  Random random{seed_ ^ (boots_ << 20U)};
  return takes_ms(weather_.boot_ms, random);
}

Result<Identity> Machine::measure(const agent::BootState& state, std::string_view agent_version) const {
  const auto& slot = slots_[index_of(state.running)];
  return Identity{slot.profile_name, slot.os_image_id, slot.architecture, slot.digest, std::string(agent_version)};
}

Result<agent::BootState> Machine::read() {
  return state_;
}

Result<void> Machine::arm_once(Slot slot) {
  if (slot == state_.running) return fail(Code::conflict, "the slot runs");
  if (state_.bad[index_of(slot)]) return fail(Code::conflict, "the slot is marked bad");
  state_.one_shot = slot;
  changed_ = true;
  return {};
}

Result<void> Machine::disarm() {
  state_.one_shot.reset();
  changed_ = true;
  return {};
}

Result<void> Machine::clear_came_up() {
  state_.came_up = false;
  changed_ = true;
  return {};
}

Result<void> Machine::confirm(Slot slot) {
  if (slot != state_.running) return fail(Code::conflict, "the slot does not run");
  state_.default_slot = slot;
  changed_ = true;
  return {};
}

Result<void> Machine::mark_bad(Slot slot) {
  state_.bad[index_of(slot)] = true;
  changed_ = true;
  return {};
}

Result<void> Machine::clear_bad(Slot slot) {
  state_.bad[index_of(slot)] = false;
  changed_ = true;
  return {};
}

Result<void> Machine::reboot() {
  reboot_ordered_ = true;
  return {};
}

std::string Machine::path_of(Slot slot) const {
  return std::string("slot-") + std::string(to_string(slot));
}

// ---- how an update goes -----------------------------------------------------------------------------------------------------

Random Machine::drawn_for(const Number& offer) const {
  Random random{seed_};
  random.state = random.next() ^ offer.epoch;
  random.state = random.next() ^ offer.revision;
  return random;
}

Machine::Fate Machine::fate_of(const Number& offer) const {
  auto random = drawn_for(offer);
  const bool fails = strikes(random, weather_.failure_rate);
  const bool falls_back = strikes(random, weather_.rollback_rate);
  const bool silent = random.below(kinds_of_bad_image) == 0;
  if (fails) return Fate::staging_fails;
  if (falls_back) return silent ? Fate::does_not_boot : Fate::unhealthy;
  return Fate::well;
}

std::int64_t Machine::takes_ms(std::int64_t usual_ms, Random& random) const {
  if (weather_.speed <= 0) return 0;
  const auto drawn =
      usual_ms / 2 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(usual_ms, 1))));
  return static_cast<std::int64_t>(static_cast<double>(drawn) / weather_.speed);
}

agent::Workers Machine::workers() {
  agent::Workers workers;
  workers.start_staging = [this](agent::StageOrder order, agent::Stager::OnProgress on_progress, agent::Stager::OnEnd on_end) {
    start_staging(std::move(order), std::move(on_progress), std::move(on_end));
  };
  workers.stop_staging = [this] { staging_.reset(); };
  workers.start_health = [this](agent::HealthOrder order, agent::HealthRunner::OnEnd on_end) {
    start_health(std::move(order), std::move(on_end));
  };
  workers.stop_health = [this] { checking_.reset(); };
  return workers;
}

void Machine::stop_workers() {
  staging_.reset();
  checking_.reset();
}

void Machine::start_staging(agent::StageOrder order, agent::Stager::OnProgress on_progress, agent::Stager::OnEnd on_end) {
  const auto now = std::chrono::steady_clock::now();
  auto random = drawn_for(order.offer);
  const auto takes = milliseconds(takes_ms(weather_.stage_ms, random));
  const auto fate = fate_of(order.offer);
  state_.came_up = false;  // as the agent's stager: the mark goes before the first byte
  changed_ = true;
  const bool reused = slots_[index_of(order.slot)].digest == order.release.raw.sha256;
  staging_ = Staging{std::move(order),
                     std::move(on_progress),
                     std::move(on_end),
                     now,
                     reused ? now : now + takes,
                     now + milliseconds(weather_.progress_every_ms),
                     fate};
}

void Machine::start_health(agent::HealthOrder order, agent::HealthRunner::OnEnd on_end) {
  const auto now = std::chrono::steady_clock::now();
  auto random = drawn_for(order.offer);
  (void)random.next();
  const auto takes = milliseconds(takes_ms(weather_.health_ms, random));
  checking_ = Checking{std::move(order), std::move(on_end), now, now + takes};
}

SteadyTime Machine::next_moment() const {
  auto next = SteadyTime::max();
  if (staging_) next = std::min(staging_->ends, staging_->tells);
  if (checking_) next = std::min(next, checking_->ends);
  return next;
}

void Machine::advance(SteadyTime now) {
  if (staging_ && staging_->ends <= now) {
    end_staging(now);
  } else if (staging_ && staging_->tells <= now) {
    tell_progress(now);
  }
  if (checking_ && checking_->ends <= now) end_health(now);
}

void Machine::tell_progress(SteadyTime now) {
  auto& staging = *staging_;
  const auto size = staging.order.release.raw.size == 0 ? default_image_bytes : staging.order.release.raw.size;
  const double share = std::chrono::duration<double>(now - staging.began) / std::chrono::duration<double>(staging.ends - staging.began);
  const double seconds = std::max(0.001, std::chrono::duration<double>(staging.ends - staging.began).count());
  Progress progress{staging.order.offer, Phase::staging, static_cast<std::uint32_t>(share * 100), 0, size, 0};
  progress.bytes_done = static_cast<std::uint64_t>(share * static_cast<double>(size));
  progress.bytes_per_second = static_cast<std::uint64_t>(static_cast<double>(size) / seconds);
  staging.tells = now + milliseconds(weather_.progress_every_ms);
  staging.on_progress(progress);
}

void Machine::end_staging(SteadyTime now) {
  auto staging = std::move(*staging_);
  staging_.reset();
  auto& slot = slots_[index_of(staging.order.slot)];
  const auto& release = staging.order.release;
  node::StagingEnded ended;
  ended.offer = staging.order.offer;
  ended.boot = staging.order.boot;
  ended.slot = staging.order.slot;
  ended.took_ms = std::chrono::duration_cast<milliseconds>(now - staging.began).count();
  ended.reused = slot.digest == release.raw.sha256;
  if (staging.fate == Fate::staging_fails && !ended.reused) {
    auto random = drawn_for(ended.offer);
    constexpr std::array reasons{Reason::download, Reason::wrong_digest, Reason::no_space};
    ended.failure = reasons[random.below(reasons.size())];
    ended.evidence.detail = "simulated: " + std::string(to_string(ended.failure));
  } else {
    slot = {release.profile_name, release.os_image_id, release.architecture, release.raw.sha256, staging.fate != Fate::does_not_boot};
    ended.digest = release.raw.sha256;
    ended.bytes = release.raw.size;
    state_.bad[index_of(staging.order.slot)] = false;
    changed_ = true;
  }
  staging.on_end(std::move(ended));
}

void Machine::end_health(SteadyTime now) {
  auto checking = std::move(*checking_);
  checking_.reset();
  const auto took_ms = std::chrono::duration_cast<milliseconds>(now - checking.began).count();
  node::HealthJudged judged;
  judged.offer = checking.order.offer;
  judged.boot = checking.order.boot;
  judged.healthy = fate_of(checking.order.offer) == Fate::well;
  judged.checks = {{check_name, judged.healthy, took_ms, ""}};
  if (!judged.healthy) {
    judged.reason = Reason::unhealthy;
    judged.checks.front().output_tail = "not active: workload=crash-loop";
    judged.evidence.check = check_name;
    judged.evidence.output_tail = judged.checks.front().output_tail;
    judged.evidence.attempts = 1;
  }
  checking.on_end(std::move(judged));
}

}  // namespace abide::node_fleet
