// The agent's half that acts. Owner thread.
#include <string>

#include "edge-agent/agent.hpp"

namespace abide::agent {

namespace {

std::string error_of(const Result<void>& result) {
  return result ? std::string() : result.error().message;
}

template <class... Alternatives>
struct Overloaded : Alternatives... {
  using Alternatives::operator()...;
};
template <class... Alternatives>
Overloaded(Alternatives...) -> Overloaded<Alternatives...>;

}  // namespace

std::optional<Agent::Performed> Agent::perform_one() {
  // Judged anew, by the time of now, right before the order is given.
  const auto effects = host_->todo(read_clock_());
  bool stage = false;
  bool check = false;
  std::optional<Performed> performed;
  for (const auto& effect : effects) {
    std::visit(Overloaded{[&](const node::Stage& order) {
                            stage = true;
                            start(order);
                          },
                          [&](const node::CheckHealth& order) {
                            check = true;
                            start(order);
                          },
                          [&](const auto& order) {
                            if (!performed) performed = Performed{perform(order)};
                          }},
               effect);
  }
  if (!stage && staging_) {
    workers_.stop_staging();
    staging_.reset();
  }
  if (!check && checking_) {
    workers_.stop_health();
    checking_.reset();
  }
  return performed;
}

void Agent::start(const node::Stage& effect) {
  StageOrder order{effect.offer, host_->link().boot, effect.release, effect.slot};
  if (staging_ == order) return;
  staging_ = order;
  workers_.start_staging(
      std::move(order), [this](const Progress& progress) { (void)inbox_.try_post(progress); },
      [this](node::StagingEnded end) { (void)inbox_.post(node::Input{std::move(end)}); });
}

void Agent::start(const node::CheckHealth& effect) {
  HealthOrder order{effect.offer,           host_->link().boot, effect.slot, boot_.path_of(effect.slot), host_->state().release.os_image_id,
                    effect.deadline_mono_ms};
  if (checking_ == order) return;
  checking_ = order;
  workers_.start_health(std::move(order), [this](node::HealthJudged judged) { (void)inbox_.post(node::Input{std::move(judged)}); });
}

std::optional<node::Input> Agent::perform(const node::ClearBootState&) {
  auto cleared = boot_.disarm();
  if (cleared) cleared = boot_.clear_came_up();
  return node::BootStateCleared{host_->link().boot, error_of(cleared)};
}

std::optional<node::Input> Agent::perform(const node::ArmOnce& effect) {
  return node::OneShotArmed{effect.offer, host_->link().boot, error_of(boot_.arm_once(effect.slot)), effect.order};
}

std::optional<node::Input> Agent::perform(const node::ClearOneShot& effect) {
  return node::OneShotCleared{effect.offer, host_->link().boot, error_of(boot_.disarm()), effect.order};
}

std::optional<node::Input> Agent::perform(const node::ConfirmBoot& effect) {
  node::BootConfirmed end;
  end.offer = effect.offer;
  end.boot = host_->link().boot;
  end.error = error_of(boot_.confirm(effect.slot));
  auto state = boot_.read();
  if (!state) {
    end.error = state.error().message;
    return end;
  }
  end.running = state->running;
  end.default_slot = state->default_slot;
  // Measured when this process started; nobody writes the slot that runs.
  end.digest = identity_.digest;
  return end;
}

std::optional<node::Input> Agent::perform(const node::ReturnToDefault& effect) {
  return reboot(effect.boot, "to the default slot: a new journal");
}

std::optional<node::Input> Agent::perform(const node::Reboot& effect) {
  return reboot(effect.boot, "into the new slot");
}

std::optional<node::Input> Agent::perform(const node::GoBack& effect) {
  // The mark only bars what the offer's outcome bars already. A node that cannot set it still gets off an image that failed.
  if (effect.mark_bad) {
    if (auto marked = boot_.mark_bad(effect.bad); !marked)
      log_warn("slot " + std::string(to_string(effect.bad)) + " could not be marked bad: " + marked.error().message);
  }
  return reboot(effect.boot, "back to the slot that ran before");
}

std::optional<node::Input> Agent::reboot(const BootId& boot, std::string_view why) {
  log_info("reboot ordered boot=" + boot.text + " why=\"" + std::string(why) + "\"");
  auto ordered = boot_.reboot();
  if (!ordered) return node::RebootRefused{boot, ordered.error().message};
  going_down_ = true;
  return std::nullopt;
}

}  // namespace abide::agent
