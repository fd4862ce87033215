#pragma once
// Plays a scenario: does its orders one after the other in a world without faults of its own, and tells what each brought
// about, in lines of the transcript with times from the start. One player per file.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "simulators/checkers/checkers.hpp"
#include "simulators/scenario/patterns.hpp"
#include "simulators/scenario/script.hpp"
#include "simulators/world/disk.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/world.hpp"

namespace abide::scenario {

class Player final : private sim::Observer {
 public:
  Player();
  ~Player() override;
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  // invalid_input: an order that is not one, with the orders there are; the line is named. timeout: an `until` that did not
  // come.
  Result<std::vector<std::string>> play(const Block& block);
  // After the last block: to the end of the world. What checkers found, none where all is well.
  std::vector<std::string> finish();

  // What can be ordered, a line each.
  static std::vector<std::string> orders();

 private:
  using Done = Result<void>;
  struct Act {
    std::string_view pattern;
    Done (Player::*make)(const Caught&);
  };
  static const std::vector<Act>& acts();

  void line(const sim::World&, std::string_view text) override;
  void say(std::string text);
  [[nodiscard]] bool reads_lines() const override { return true; }
  [[nodiscard]] std::string since_begin(std::int64_t at_ms) const;
  [[nodiscard]] std::string readable(std::string_view text);
  [[nodiscard]] std::string shorten(std::string_view text);
  [[nodiscard]] std::string short_name(std::string_view word);
  Done begin(std::size_t nodes, std::uint64_t seed);
  Done need_world();
  Result<sim::MachineIndex> machine(std::string_view name) const;
  // With the machine of that name.
  template <class Make>
  Done on(const std::string& name, Make&& make) {
    const auto index = machine(name);
    if (!index) return fail(index.error());
    return make(world_->machine(*index));
  }
  Done answered(const Result<fleet::Answer>& answer);

  // fleet
  Done fleet_of(const Caught& words);
  Done wait(const Caught& words);
  Done until_phase(const Caught& words);
  Done until_event(const Caught& words);

  Done show(const Caught& words);
  Done show_run(const Caught& words);
  // people
  Done publish(const Caught& words);
  Done publish_that(const Caught& words);
  Done publish_profile(const Caught& words);
  Done policy_latest(const Caught& words);
  Done policy_target(const Caught& words);
  Done policy_downgrade(const Caught& words);
  Done link(const Caught& words);
  Done unlink(const Caught& words);
  Done pause(const Caught& words);
  Done resume(const Caught& words);
  Done abort(const Caught& words);
  Done confirm(const Caught& words);
  Done resolve(const Caught& words);
  Done window(const Caught& words);
  Done window_open_ended(const Caught& words);
  Done window_of_maintenance(const Caught& words);
  Done window_moves(const Caught& words);
  Done window_deleted(const Caught& words);
  // faults
  Done power(const Caught& words);
  Done kill_agent(const Caught& words);
  Done kill_at(const Caught& words);
  Done power_at(const Caught& words);
  Done connection(const Caught& words);
  Done offline(const Caught& words);
  Done online(const Caught& words);
  Done clock_steps(const Caught& words);
  Done re_imaged(const Caught& words);
  Done keep_disk(const Caught& words);
  Done put_back(const Caught& words);
  Done clone(const Caught& words);
  Done leaves(const Caught& words);
  Done broker_restarts(const Caught& words);
  Done broker_forgets(const Caught& words);
  Done orchestrator_dies(const Caught& words);
  Done orchestrator_backup(const Caught& words);
  Done orchestrator_restored(const Caught& words);

  std::unique_ptr<sim::World> world_;
  std::unique_ptr<sim::Checkers> checkers_;
  std::vector<std::string> lines_;
  std::size_t looked_at_ = 0;  // lines that an `until` has passed
  std::int64_t began_ms_ = 0;
  std::map<std::string, std::string, std::less<>> windows_;  // name -> id
  std::map<std::string, std::string, std::less<>> policies_;
  std::map<std::string, sim::Disk::Content, std::less<>> disks_;
  std::map<std::string, std::string, std::less<>> short_names_;
  std::size_t epochs_ = 0, others_ = 0;
};

}  // namespace abide::scenario
