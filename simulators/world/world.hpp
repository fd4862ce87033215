#pragma once
// One orchestrator, a broker, and a fleet of machines: the pure code of the product in its Hosts, with its codec, topics and
// rows, in one process, under a clock that only moves from event to event. Everything that happens is drawn from one seed, so
// that a run can be had again to the byte, with any compiler.
//
//   heap.hpp          what happens when
//   broker.hpp        connections, topics, retained messages, and what a network does to them
//   disk.hpp          a Store that forgets what was not flushed
//   machine.hpp       hardware: slots, boot variables, power, clock; and the agent's process on it
//   control.hpp       the orchestrator's process, its disk, its backups
//   operator.hpp      releases, policies, windows: the work of the people
//   faults.hpp        what can go wrong, by name
//   observer.hpp      who watches
//
// One thread per world; worlds share nothing.
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/random.hpp"
#include "common/service/host.hpp"
#include "edge-agent/rows.hpp"
#include "edge-agent/update/machine.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/rows.hpp"
#include "simulators/world/faults.hpp"
#include "simulators/world/image.hpp"
#include "simulators/world/observer.hpp"

namespace abide::sim {

using AgentHost = Host<node::UpdateMachine, node::Rows>;
using FleetHost = Host<fleet::FleetMachine, fleet::Rows>;

inline constexpr const char* project = "sim";

struct Past;

struct Plan {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::int64_t hours = 48;        // with faults and an operator at work
  std::int64_t quiet_hours = 24;  // then: faults stop, everything must come to rest
  FaultSet faults;
  bool operator_works = true;  // false: only what a scenario orders
  // Faults that a shrunk run leaves out although they would be drawn: numbers of FaultHappened, counted from 0.
  std::vector<std::uint64_t> left_out;
  std::shared_ptr<const Past> past;  // to go on from: its nodes, not `nodes`; none: a new fleet
};

class Broker;
class Control;
class Heap;
class Machine;
class Operator;

class World {
 public:
  explicit World(Plan plan);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void watch(Observer& observer);

  // The next thing that happens. False: the run is over (`ended` was told).
  bool step();
  // To the end; at most `steps_max` steps: a run that takes more is a finding of its own.
  bool run(std::uint64_t steps_max = 50'000'000);
  // Steps until it is so, or `within_ms` of true time have passed.
  bool run_until(const std::function<bool()>& so, std::int64_t within_ms);
  // True time passes, with all that happens in it.
  void pass(std::int64_t ms);

  // ---- what is, in truth
  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }  // true wall clock, since 1970; starts at a fixed moment
  [[nodiscard]] bool is_quiet() const { return quiet_; }         // faults have stopped
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t faults_happened() const { return faults_happened_; }
  [[nodiscard]] std::size_t machine_count() const { return machines_.size(); }
  [[nodiscard]] const Machine& machine(MachineIndex index) const { return *machines_[index]; }
  [[nodiscard]] Machine& machine(MachineIndex index) { return *machines_[index]; }
  [[nodiscard]] const Control& control() const { return *control_; }
  [[nodiscard]] Control& control() { return *control_; }
  [[nodiscard]] const Broker& broker() const { return *broker_; }
  [[nodiscard]] Broker& broker() { return *broker_; }
  [[nodiscard]] Operator& people() { return *operator_; }
  [[nodiscard]] const Operator& people() const { return *operator_; }
  // The image of a version; it was published at some time. Asserts that it was.
  [[nodiscard]] const Image& image(std::string_view version) const;
  [[nodiscard]] const Image* find_image(std::string_view version) const;
  [[nodiscard]] const Image* image_of_digest(const Digest& raw) const;
  void add_image(Image image);

  // ---- for the parts of the world
  [[nodiscard]] Heap& heap() { return *heap_; }
  // Random draws of one purpose do not shift those of another: so a shrunk run stays like the one it was made of.
  enum class Stream : std::uint8_t { network, faults, people, control, machine, count_ };
  [[nodiscard]] Random& random(Stream stream) { return random_[static_cast<std::size_t>(stream)]; }
  // Does this fault happen here? Once in `one_in` times, where the plan has it, faults have not stopped and it is not left
  // out. Tells the observers if so; what is drawn from Stream::faults right after it depends on this one only.
  bool strikes(Fault fault, std::uint64_t one_in, std::optional<MachineIndex> machine = std::nullopt);
  void tell_fault(Fault fault, std::optional<MachineIndex> machine);  // by order of a scenario
  // A line of the transcript: time, who, what.
  void say(std::string_view who, std::string_view what);
  [[nodiscard]] bool is_read() const { return is_read_; }  // somebody reads lines
  template <class F>
  void tell(F&& f) {
    for (auto* observer : observers_) f(*observer);
  }
  Machine& add_machine(std::unique_ptr<Machine> machine);

 private:
  friend class Heap;
  // weather.cpp: what befalls the bus and the orchestrator now and then
  void begin_weather();
  void back_up_again();
  void weather();
  void weather_of_connections();
  void weather_of_control();
  void stop_faults();
  void go_on_from(const Past& past);

  Plan plan_;
  std::int64_t now_ms_;
  std::int64_t quiet_at_ms_ = 0, end_at_ms_ = 0;
  bool quiet_ = false, over_ = false;
  std::uint64_t steps_ = 0, faults_happened_ = 0;
  std::vector<Random> random_;        // by stream
  std::vector<Random> fault_random_;  // by fault: whether it strikes
  bool is_read_ = false;
  std::unique_ptr<Heap> heap_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<Operator> operator_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::map<std::string, Image, std::less<>> images_;
  std::map<Digest, std::string> by_digest_;
  std::vector<Observer*> observers_;
};

}  // namespace abide::sim
