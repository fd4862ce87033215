#include "tests/support/node_walk.hpp"

#include <iterator>

namespace abide::test {
namespace {

const Image& any_image(Random& random) {
  static const Image* images[] = {&good_image, &good_image, &newer_image,    &newer_image,       &base_image, &sick_image,
                                  &dead_image, &hung_image, &restless_image, &unreachable_image, &good_image};
  return *images[random.below(std::size(images))];
}

void act_as_operator(NodeWorld& world, Random& random) {
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return world.link(any_image(random), random.below(2) == 0);
    case 3:
      return world.unlink();
    case 4:
      return world.abort();
    case 5:
      return world.pause(true);
    case 6:
      return world.pause(false);
    case 7:
    case 8: {
      const auto opens = static_cast<std::int64_t>(random.below(400'000)) - 100'000;
      const auto lasts = random.below(3) == 0 ? 0 : 100'000 + static_cast<std::int64_t>(random.below(600'000));
      return world.open_window(opens, lasts);
    }
    default:
      return world.close_window();
  }
}

void go_wrong(NodeWorld& world, Random& random) {
  switch (random.below(17)) {
    case 0:
    case 1:
      return world.agent_runs() ? world.kill_agent() : void();
    case 2:
      return world.cut_power();
    case 3:
      return world.cut_power(true);
    case 4:
      // A clock without battery. It is wrong, and says so, until the kernel has synchronised it.
      world.cut_power();
      return world.set_clock(static_cast<std::int64_t>(random.below(2'000'000)) - 1'000'000, false);
    case 5:
      return world.lose_connection();
    case 6:
      return world.lose_messages();
    case 7:
      return world.restart_orchestrator();
    case 8:
      return world.wedge_network(random.below(3) != 0);
    case 9:
      return world.set_clock(static_cast<std::int64_t>(random.below(50'000)) - 25'000, random.below(2) == 0);
    case 10:
      return random.below(6) == 0 && world.powered() ? world.lose_journal() : void();
    case 11:
      world.arm_errors = static_cast<int>(random.below(8));
      return;
    case 12:
      world.clear_errors = static_cast<int>(random.below(4));
      return;
    case 13:
      world.confirm_errors = static_cast<int>(random.below(8));
      return;
    case 14:
      world.reboot_errors = static_cast<int>(random.below(8));
      return;
    case 15:
      return world.drop_documents();
    default:
      if (world.agent_runs() && !world.inbox().empty()) world.post(world.inbox().front());  // twice
      return;
  }
}

void heal(NodeWorld& world) {
  world.wedge_network(false);
  world.set_clock(0, true);
  world.arm_errors = world.clear_errors = world.confirm_errors = world.reboot_errors = 0;
}

}  // namespace

std::string transcript(const NodeWorld& world) {
  std::string all;
  const auto& lines = *world.log;
  for (std::size_t i = lines.size() > 400 ? lines.size() - 400 : 0; i < lines.size(); ++i) all += lines[i] + "\n";
  return all;
}

std::string walk(NodeWorld& world, std::uint64_t seed, int steps) {
  Random random{seed * 7'919 + 1};
  for (int i = 0; i < steps; ++i) {
    const auto dice = random.below(100);
    if (dice < 6) {
      act_as_operator(world, random);
    } else if (dice < 12) {
      go_wrong(world, random);
    } else if (dice < 14) {
      world.pass(static_cast<std::int64_t>(random.below(90'000)));
    } else {
      const auto moves = world.moves();
      if (!moves.empty()) world.make(moves[random.below(moves.size())]);
    }
    if (!world.broken().empty()) return *world.broken().begin();
    if (world.agent_runs() && world.node_link().booted && world.waits_for().empty()) return "waits for nothing";
  }
  heal(world);
  for (int i = 0; i < 4'000 && !world.not_at_rest().empty(); ++i) {
    if (!world.step()) return "nothing can happen";
    if (!world.broken().empty()) return *world.broken().begin();
  }
  return world.not_at_rest();
}

}  // namespace abide::test
