#pragma once
// A piece of hardware in truth, and the agent's process on it while power is on. The process is what edge-agent/agent.cpp
// does, turn for turn: drain, decide, one commit, publish what is durable, then effects; it may be killed between any two.
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "simulators/world/broker.hpp"
#include "simulators/world/disk.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {

inline constexpr const char* node_scope = "node/";

class Machine {
 public:
  // What a slot holds: a whole image, or nothing that boots.
  struct Content {
    std::string version;  // that was written, whole or not; empty: never anything
    bool whole = false;
    bool corrupt = false;  // whole by its length, with other bytes
  };
  struct Clock {
    std::int64_t off_ms = 0;  // from true time, at power on
    std::int64_t drift_ppm = 0;
    bool trusted = true;  // the kernel says synchronised
  };

  Machine(World& world, MachineIndex index, NodeId id, std::string name);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // ---- what happens to it; each is safe at any time
  void power_on();                          // boots, then the agent starts
  void cut_power(std::int64_t off_for_ms);  // comes back by itself; < 0: never
  void kill_agent(std::string_view why);    // started again by its supervisor
  void start_agent();
  void lose_state();  // re-imaged: the disk with the journal is empty, the boot variables stay
  [[nodiscard]] Disk::Content copy_disk() const;
  void put_back(Disk::Content content);  // ends the agent, and power
  void step_clock(std::int64_t ms);
  void leave_for_ever();                                     // never returns
  std::unique_ptr<Machine> clone(MachineIndex index) const;  // a copy of everything, without power
  // Effects of the boot loader that fail from now on: how many of the next calls.
  struct LoaderErrors {
    int arm = 0, clear = 0, confirm = 0, reboot = 0, clear_state = 0;
  } loader_errors;
  bool default_is_bad = false;
  bool confirm_lies = false;  // the default is read back otherwise

  // ---- what is
  [[nodiscard]] MachineIndex index() const { return index_; }
  [[nodiscard]] const NodeId& id() const { return id_; }           // UUID that it claims
  [[nodiscard]] const std::string& name() const { return name_; }  // "n1", "n1-clone"
  [[nodiscard]] bool powered() const { return powered_; }
  [[nodiscard]] bool gone() const { return gone_; }  // never returns
  [[nodiscard]] bool agent_runs() const { return host_.has_value(); }
  [[nodiscard]] const AgentHost& host() const { return *host_; }  // only while the agent runs
  [[nodiscard]] const Disk& disk() const { return disk_; }
  // The node's durable state: of the process, or as its disk has it.
  [[nodiscard]] node::State state() const;
  [[nodiscard]] JournalHead head() const;
  [[nodiscard]] Slot running() const { return running_; }
  [[nodiscard]] Slot default_slot() const { return default_slot_; }
  [[nodiscard]] std::optional<Slot> one_shot() const { return one_shot_; }
  [[nodiscard]] bool came_up() const { return came_up_; }
  [[nodiscard]] const Content& slot(Slot slot) const { return slots_[static_cast<std::size_t>(slot)]; }
  [[nodiscard]] bool writing() const { return staging_.has_value(); }
  [[nodiscard]] BootId boot_id() const;
  [[nodiscard]] Now now() const;  // by its own clock
  [[nodiscard]] bool connected() const;
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] std::int64_t powered_off_since_ms() const { return off_since_ms_; }
  [[nodiscard]] bool at_rest() const;  // no input waits, nothing is under way; time may still change something

  // ---- for scenarios: an input as if a worker or the bus had posted it
  void post(node::Input input);
  // What the world is asked to do, once, at the machine's next turn. For scenarios that stage a race.
  enum class Point : std::uint8_t { before_commit, after_commit, after_publish, before_effect, after_effect };
  void break_at(Point point, std::string event_or_effect, bool power);  // name of event or effect; kills the agent, or cuts power

 private:
  friend class Process;  // machine_process.cpp and machine_effects.cpp share it

  struct Staging {
    node::Stage order;
    BootId boot;
    std::uint64_t number = 0;
    bool erased = false;
  };
  struct Health {
    node::CheckHealth order;
    std::uint64_t number = 0;
  };
  using Item = std::variant<BusEvent, node::Input>;
  struct Trap {
    Point point;
    std::string name;
    bool power = false;
  };

  // machine_process.cpp: one turn of the agent
  void wake_at(std::int64_t at_ms);
  void turn();
  bool take(const node::Input& input, const Cause& cause, Batch& batch);
  std::optional<node::Input> hear(const BusEvent& event, Cause& cause);
  bool commit(Batch& batch);  // false: the process is dead
  void publish(BusMessage message);
  void pump_outbox();
  bool dies_here(Point point, std::string_view name);
  void schedule();
  void forget_process();
  // machine_effects.cpp
  void perform_orders();
  std::optional<node::Input> perform(const node::Effect& effect);
  void start_workers();
  void stage_step(std::uint64_t number);
  void end_staging(std::uint64_t number, Reason failure, std::string detail, bool reused);
  void judge_health(std::uint64_t number);
  // machine_hardware.cpp
  void boot();
  void connect();
  [[nodiscard]] Identity measure() const;
  [[nodiscard]] std::optional<Digest> read_slot(Slot slot) const;  // none: nothing whole

  World& world_;
  MachineIndex index_;
  NodeId id_;
  std::string name_;
  Random random_;

  // hardware
  bool powered_ = false, gone_ = false;
  std::array<Content, 2> slots_;
  std::array<bool, 2> bad_{};
  Slot running_ = Slot::a, default_slot_ = Slot::a;
  std::optional<Slot> one_shot_;
  bool came_up_ = false;
  BootCause cause_ = BootCause::other;
  std::uint64_t boots_ = 0;
  std::int64_t booted_at_ms_ = 0, off_since_ms_ = 0;
  Clock clock_;
  Disk disk_;

  // process
  std::optional<AgentHost> host_;
  std::uint64_t process_ = 0;  // counts starts: what carries another number is of a process that has ended
  std::deque<Item> inbox_;
  std::optional<Staging> staging_;
  std::optional<Health> health_;
  std::uint64_t next_number_ = 1;
  std::uint64_t welcomes_ = 0, next_to_send_ = 0;
  std::map<std::uint64_t, std::uint64_t> in_flight_;  // ticket -> sequence
  std::uint64_t next_ticket_ = 1;
  std::int64_t reconnect_doublings_ = 0;
  Heap::Ticket wake_;
  bool going_down_ = false;
  std::vector<Trap> traps_;
  std::optional<node::CheckHealth> judged_;
  std::optional<node::Stage> staged_;
};

}  // namespace abide::sim
