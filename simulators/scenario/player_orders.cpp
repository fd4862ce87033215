// What people do, and what breaks.
#include "simulators/scenario/player.hpp"
#include "simulators/world/broker.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"

namespace abide::scenario {
namespace {

struct Nature {
  std::string_view name;
  sim::Image::Nature nature;
};
using enum sim::Image::Nature;
constexpr Nature natures[] = {
    {"unhealthy", unhealthy}, {"late-unhealthy", late_unhealthy}, {"silent", silent},           {"dead", dead},           {"hung", hung},
    {"restless", restless},   {"wrong-digest", wrong_digest},     {"unreachable", unreachable}, {"too-large", too_large},
};

constexpr std::uint64_t image_bytes = 2'000'000'000;

sim::Image image_of(const std::string& version) {
  sim::Image image;
  image.version = version;
  image.bytes = image_bytes;
  return image;
}

using Point = sim::Machine::Point;
Result<Point> point_of(std::string_view name) {
  constexpr std::pair<std::string_view, Point> points[] = {{"before-commit-of", Point::before_commit},
                                                           {"after-commit-of", Point::after_commit},
                                                           {"after-publish-of", Point::after_publish},
                                                           {"before", Point::before_effect},
                                                           {"after", Point::after_effect}};
  for (const auto& [text, point] : points) {
    if (text == name) return point;
  }
  return fail(Code::invalid_input, "a point is before-commit-of, after-commit-of, after-publish-of (an event), before, after (an effect)");
}

}  // namespace

// ---- people ------------------------------------------------------------------------------------------------------------

Player::Done Player::answered(const Result<fleet::Answer>& answer) {
  if (!answer) {
    say("refused " + std::string(to_string(answer.error().code)) + ": " + answer.error().message);
  } else if (!answer->note.empty()) {
    say("note    " + answer->note);
  }
  return {};
}

Player::Done Player::publish(const Caught& words) {
  world_->people().publish(image_of(words[0]));
  world_->pass(1'000);
  return {};
}

Player::Done Player::publish_that(const Caught& words) {
  auto image = image_of(words[0]);
  for (const auto& [name, nature] : natures) {
    if (name != words[1]) continue;
    image.nature = nature;
    world_->people().publish(image);
    world_->pass(1'000);
    return {};
  }
  std::string known;
  for (const auto& [name, nature] : natures) known += (known.empty() ? "" : ", ") + std::string(name);
  return fail(Code::invalid_input, "an image is one of " + known);
}

Player::Done Player::publish_profile(const Caught& words) {
  auto image = image_of(words[0]);
  image.profile = words[1];
  world_->people().publish(image);
  world_->pass(1'000);
  return {};
}

Player::Done Player::policy_latest(const Caught& words) {
  return answered(world_->people().create_policy(words[0], "", false));
}
Player::Done Player::policy_target(const Caught& words) {
  return answered(world_->people().create_policy(words[0], words[1], false));
}
Player::Done Player::policy_downgrade(const Caught& words) {
  return answered(world_->people().create_policy(words[0], words[1], true));
}

Player::Done Player::link(const Caught& words) {
  const auto index = machine(words[0]);
  if (!index) return fail(index.error());
  return answered(world_->people().link(*index, words[1]));
}

Player::Done Player::unlink(const Caught& words) {
  return on(words[0], [&](sim::Machine& machine) { return answered(world_->people().unlink(machine.index())); });
}
Player::Done Player::pause(const Caught& words) {
  return on(words[0], [&](sim::Machine& machine) { return answered(world_->people().pause(machine.index(), true)); });
}
Player::Done Player::resume(const Caught& words) {
  return on(words[0], [&](sim::Machine& machine) { return answered(world_->people().pause(machine.index(), false)); });
}
Player::Done Player::abort(const Caught& words) {
  return on(words[0], [&](sim::Machine& machine) { return answered(world_->people().abort(machine.index())); });
}
Player::Done Player::confirm(const Caught& words) {
  return on(words[0], [&](sim::Machine& machine) { return answered(world_->people().confirm(machine.index())); });
}
Player::Done Player::resolve(const Caught& words) {
  return on(words[0], [&](sim::Machine& machine) { return answered(world_->people().resolve(machine.index())); });
}

Player::Done Player::window(const Caught& words) {
  const auto index = machine(words[1]);
  const auto in = parse_time_ms(words[2]), lasts = parse_time_ms(words[3]);
  if (!index) return fail(index.error());
  if (!in) return fail(in.error());
  if (!lasts) return fail(lasts.error());
  const auto answer = world_->people().open_window(*index, *in, *lasts);
  if (answer) windows_[words[0]] = answer->id;
  return answered(answer);
}

Player::Done Player::window_open_ended(const Caught& words) {
  const auto index = machine(words[1]);
  const auto in = parse_time_ms(words[2]);
  if (!index) return fail(index.error());
  if (!in) return fail(in.error());
  const auto answer = world_->people().open_window(*index, *in, 0);
  if (answer) windows_[words[0]] = answer->id;
  return answered(answer);
}

Player::Done Player::window_of_maintenance(const Caught& words) {
  const auto index = machine(words[1]);
  const auto in = parse_time_ms(words[2]), lasts = parse_time_ms(words[3]);
  if (!index) return fail(index.error());
  if (!in) return fail(in.error());
  if (!lasts) return fail(lasts.error());
  const auto host = world_->control().node(world_->machine(*index).id());
  if (host == nullptr) return fail(Code::not_found, "the orchestrator does not know it");
  Schedule schedule;
  schedule.name = words[0];
  schedule.status = ScheduleStatus::maintenance;
  schedule.host_id = host->host_id;
  schedule.start_seconds = (world_->control().now().wall_ms + *in) / 1000;
  schedule.end_seconds = schedule.start_seconds + *lasts / 1000;
  const auto answer = world_->control().ask(fleet::CreateSchedule{schedule});
  if (answer) windows_[words[0]] = answer->id;
  return answered(answer);
}

Player::Done Player::window_moves(const Caught& words) {
  const auto known = windows_.find(words[0]);
  const auto in = parse_time_ms(words[2]), lasts = parse_time_ms(words[3]);
  if (known == windows_.end()) return fail(Code::not_found, "no window is called so");
  if (!in) return fail(in.error());
  if (!lasts) return fail(lasts.error());
  return answered(world_->people().edit_window(known->second, *in, *lasts));
}

Player::Done Player::window_deleted(const Caught& words) {
  const auto known = windows_.find(words[0]);
  if (known == windows_.end()) return fail(Code::not_found, "no window is called so");
  return answered(world_->people().close_window(known->second));
}

// ---- what breaks -------------------------------------------------------------------------------------------------------

Player::Done Player::power(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    const auto ms = parse_time_ms(words[1]);
    if (!ms) return fail(ms.error());
    hardware.cut_power(*ms);
    return {};
  });
}
Player::Done Player::kill_agent(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    hardware.kill_agent("killed");
    return {};
  });
}
Player::Done Player::kill_at(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    const auto point = point_of(words[1]);
    if (!point) return fail(point.error());
    hardware.break_at(*point, words[2], false);
    return {};
  });
}
Player::Done Player::power_at(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    const auto point = point_of(words[1]);
    if (!point) return fail(point.error());
    hardware.break_at(*point, words[2], true);
    return {};
  });
}
Player::Done Player::connection(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    world_->broker().lose_connection(hardware.index());
    return {};
  });
}
Player::Done Player::offline(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    world_->broker().wedge(hardware.index(), true);
    return {};
  });
}
Player::Done Player::online(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    world_->broker().wedge(hardware.index(), false);
    return {};
  });
}
Player::Done Player::clock_steps(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    const bool back = words[1].front() == '-';
    const auto ms = parse_time_ms(std::string_view(words[1]).substr(back ? 1 : 0));
    if (!ms) return fail(ms.error());
    hardware.step_clock(back ? -*ms : *ms);
    return {};
  });
}
Player::Done Player::re_imaged(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    hardware.lose_state();
    return {};
  });
}
Player::Done Player::keep_disk(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    disks_[words[1]] = hardware.copy_disk();
    return {};
  });
}
Player::Done Player::leaves(const Caught& words) {
  return on(words[0], [&](sim::Machine& hardware) -> Done {
    hardware.leave_for_ever();
    return {};
  });
}

Player::Done Player::put_back(const Caught& words) {
  const auto kept = disks_.find(words[0]);
  const auto index = machine(words[1]);
  if (kept == disks_.end()) return fail(Code::not_found, "no copy is called so");
  if (!index) return fail(index.error());
  world_->machine(*index).put_back(kept->second);
  return {};
}

Player::Done Player::clone(const Caught& words) {
  const auto index = machine(words[0]);
  if (!index) return fail(index.error());
  auto& copy = world_->add_machine(world_->machine(*index).clone(world_->machine_count()));
  copy.power_on();
  return {};
}

Player::Done Player::broker_restarts(const Caught&) {
  world_->broker().restart(false);
  return {};
}
Player::Done Player::broker_forgets(const Caught&) {
  world_->broker().restart(true);
  return {};
}
Player::Done Player::orchestrator_dies(const Caught&) {
  world_->control().kill("killed");
  return {};
}
Player::Done Player::orchestrator_backup(const Caught&) {
  world_->control().back_up();
  return {};
}
Player::Done Player::orchestrator_restored(const Caught&) {
  if (world_->control().backups() == 0) return fail(Code::not_found, "there is no backup");
  world_->control().restore(world_->control().backups() - 1);
  return {};
}

}  // namespace abide::scenario
