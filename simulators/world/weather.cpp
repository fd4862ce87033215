// What befalls the bus and the orchestrator now and then, and how it ends. What befalls a machine: machine_faults.cpp.
#include "simulators/world/broker.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {
namespace {

constexpr std::int64_t weather_ms = 10 * 60'000;
constexpr std::int64_t minute_ms = 60'000, hour_ms = 3'600'000;
constexpr std::int64_t backup_ms_min = 2 * hour_ms, backup_ms_max = 8 * hour_ms;
constexpr std::int64_t without_network_ms_min = minute_ms, without_network_ms_short = 10 * minute_ms, without_network_ms_max = 12 * hour_ms;
constexpr std::int64_t clock_step_ms_max = 8 * hour_ms;

// Once in so many looks, of which there are six an hour.
constexpr std::uint64_t connection_one_in = 40, control_connection_one_in = 70;
constexpr std::uint64_t broker_restart_one_in = 100, broker_amnesia_one_in = 120;
constexpr std::uint64_t restore_one_in = 150, control_clock_one_in = 120;

std::int64_t draw_ms(Random& random, std::int64_t from_ms, std::int64_t to_ms) {
  return from_ms + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(to_ms - from_ms + 1)));
}

}  // namespace

void World::begin_weather() {
  heap_->at(now_ms_ + weather_ms, [this] { weather(); });
  if (plan_.faults.has(Fault::orchestrator_restore)) back_up_again();
}

void World::back_up_again() {
  if (quiet_) return;
  const auto in_ms = draw_ms(random(Stream::control), backup_ms_min, backup_ms_max);
  heap_->at(now_ms_ + in_ms, [this] {
    control_->back_up();
    back_up_again();
  });
}

void World::weather() {
  if (quiet_) return;
  weather_of_connections();
  weather_of_control();
  heap_->at(now_ms_ + weather_ms, [this] { weather(); });
}

void World::weather_of_connections() {
  auto& draws = random(Stream::faults);
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (!strikes(Fault::lose_connection, connection_one_in, i)) continue;
    const auto kind = draws.below(4);
    if (kind < 2) {
      broker_->lose_connection(i);
      continue;
    }
    const auto most = kind == 2 ? without_network_ms_short : without_network_ms_max;
    const auto lasts_ms = draw_ms(draws, without_network_ms_min, most);
    broker_->wedge(i, true);
    heap_->at(now_ms_ + lasts_ms, [this, i] { broker_->wedge(i, false); });
  }
  if (strikes(Fault::lose_connection, control_connection_one_in)) {
    const bool wedged = draws.below(3) == 0;
    const auto lasts_ms = draw_ms(draws, without_network_ms_min, without_network_ms_short);
    if (!wedged) {
      broker_->lose_connection(std::nullopt);
    } else {
      broker_->wedge(std::nullopt, true);
      heap_->at(now_ms_ + lasts_ms, [this] { broker_->wedge(std::nullopt, false); });
    }
  }
  if (strikes(Fault::broker_restart, broker_restart_one_in)) broker_->restart(false);
  if (strikes(Fault::broker_amnesia, broker_amnesia_one_in)) broker_->restart(true);
}

void World::weather_of_control() {
  auto& draws = random(Stream::faults);
  if (control_->backups() > 0 && strikes(Fault::orchestrator_restore, restore_one_in)) control_->restore(draws.below(control_->backups()));
  if (strikes(Fault::orchestrator_clock_step, control_clock_one_in)) {
    const auto ms = draw_ms(draws, -clock_step_ms_max, clock_step_ms_max);
    const auto lasts_ms = draw_ms(draws, minute_ms, 6 * hour_ms);
    control_->step_clock(ms);
    heap_->at(now_ms_ + lasts_ms, [this] { control_->step_clock(-control_->clock_off_ms()); });
  }
}

// Machines mend by themselves, see machine_faults.cpp; power comes back, and processes are started again, as it was drawn.
void World::stop_faults() {
  quiet_ = true;
  say("world", "faults stop");
  for (std::size_t i = 0; i < machines_.size(); ++i) broker_->wedge(i, false);
  broker_->wedge(std::nullopt, false);
  control_->step_clock(-control_->clock_off_ms());
  tell([&](Observer& observer) { observer.quiet(*this); });
  if (plan_.operator_works) operator_->settle();
}

}  // namespace abide::sim
