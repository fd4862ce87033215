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

#include "common/events/topics.hpp"
#include "edge-agent/outbox.hpp"
#include "edge-agent/speech.hpp"
#include "simulators/world/broker.hpp"
#include "simulators/world/disk.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {

inline constexpr const char* node_scope = "node/";

[[nodiscard]] std::string_view name_of(const node::Effect& effect);  // "ArmOnce"

struct PastNode;

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

  void begin_as(const PastNode& past);  // before anything else

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
  bool confirm_lies = false;  // it says that it has set the default, and has not

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
  // An order that a worker has, as far as its end was not heard.
  struct Staging {
    node::Stage order;
    std::uint64_t number = 0;  // of the order: what comes for another one is late
    std::uint64_t done = 0;    // bytes
    std::int64_t began_ms = 0;
    bool writing = false;
    int wrong_contents = 0;
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
  enum class Death : std::uint8_t { none, killed, power };
  // What an update passes through, and mostly in seconds.
  struct Moment {
    Phase phase = Phase::idle;
    bool fresh = false;      // a journal that has begun, and its boot variables are not cleared yet
    bool returning = false;  // idle, on its way back to the default slot
    [[nodiscard]] bool is_short() const { return phase >= Phase::staged || fresh || returning; }
    friend bool operator==(const Moment&, const Moment&) = default;
  };
  [[nodiscard]] static Moment moment_of(const node::State& state);

  // ---- machine_process.cpp: one turn of the agent. Where a bool is given: false, the process is dead.
  void wake_at(std::int64_t at_ms);
  void stall(std::uint64_t one_in, std::int64_t ms_min, std::int64_t ms_max);  // its disk or processor is busy: inputs pile up
  void turn();
  void take(const node::Input& input, const Cause& cause, Batch& batch);
  [[nodiscard]] std::optional<node::Input> hear(const BusEvent& event, Cause& cause);
  void note_end(const node::Input& end);
  bool settle(Batch& batch);
  bool commit(Batch& batch);
  bool publish_committed(const AgentHost::Done& done);
  bool say_hello();
  void say_progress(const Progress& progress);
  bool pump_outbox();
  void trim();
  std::uint64_t publish(topics::FromNode what, std::string bytes, int qos, bool retain);  // 0: not connected
  [[nodiscard]] Death dies_here(Point point, std::string_view name);
  bool survives(Point point, std::string_view name);  // false: it has died here
  void die(Death death);
  void schedule(bool idle);
  void forget_process();
  void connect();
  void hear_bus(BusEvent event);

  // ---- machine_effects.cpp
  // Nothing: no order to the boot loader is due. An empty input: the machine is going down, or has died.
  struct Performed {
    std::optional<node::Input> end;
  };
  std::optional<Performed> perform_one();
  std::optional<node::Input> perform(const node::Effect& effect);
  std::string error_of(int& failures);
  std::optional<node::Input> reboot(const node::Effect& effect, const BootId& boot);
  bool start(const node::Stage& effect);
  bool start(const node::CheckHealth& effect);
  void stop_staging();
  void stop_health();
  void stage_look(std::uint64_t number);
  void stage_write(std::uint64_t number);
  void stage_finish(std::uint64_t number);
  void end_staging(std::uint64_t number, Reason failure, std::string detail, bool reused);
  [[nodiscard]] bool staging_goes_on(std::uint64_t number);
  void judge_health(std::uint64_t number);
  void post_if(std::uint64_t process, node::Input input, std::int64_t in_ms);

  // ---- machine_hardware.cpp
  void in(std::int64_t ms, void (Machine::*what)());  // unless power goes first
  void load();
  void fall_back();
  void first_unit();
  void watchdog_bites();
  void restart_by_itself();
  void go_down();  // by an order to reboot
  void reset(BootCause cause);
  void synchronise_clock();
  [[nodiscard]] std::int64_t draw_ms(std::int64_t from_ms, std::int64_t to_ms);
  [[nodiscard]] Identity measure() const;
  [[nodiscard]] std::optional<Digest> read_slot(Slot slot) const;  // none: nothing whole
  void begin_writing(Slot slot, const node::Effect& effect);
  void write_slot(Slot slot, std::string version, bool corrupt);  // not flushed yet
  void flush_slot(Slot slot);
  [[nodiscard]] std::string image_in(Slot slot) const;  // version; empty: nothing whole
  void tell(HardwareDid::Kind kind, Slot slot, const node::Effect* effect = nullptr);
  [[nodiscard]] std::int64_t off_for_ms();

  // ---- machine_faults.cpp: what befalls it now and then
  void weather();
  void bad_weather();
  void loader_error(std::uint64_t which);
  void loader_error_in(Phase phase);
  void greet_new_journal();
  void enter(const node::State& state);  // committed; another moment than before: what may coincide with it
  void coincide_soon();
  void coincide();
  void be_cloned(std::int64_t off_ms_max);
  void keep_disk(const node::State& state);
  void put_back_short();
  void crash();
  void mend();

  static constexpr std::size_t index_of(Slot slot) { return static_cast<std::size_t>(slot); }

  World& world_;
  MachineIndex index_;
  NodeId id_;
  std::string name_;
  Random random_;

  // hardware
  bool powered_ = false, gone_ = false;
  std::uint64_t power_ = 0;  // counts switching on: what carries another number is of a time that has ended
  std::array<Content, 2> slots_;
  std::array<bool, 2> bad_{}, unflushed_{};
  Slot running_ = Slot::a, default_slot_ = Slot::a;
  std::optional<Slot> one_shot_;
  bool one_shot_taken_ = false;  // in this boot
  bool came_up_ = false;
  BootCause cause_ = BootCause::other;
  std::uint64_t boots_ = 0;
  std::int64_t booted_at_ms_ = 0, off_since_ms_ = 0;
  Clock clock_;
  std::int64_t clock_at_ms_ = 0;  // moment, in true time, of clock_.off_ms
  Disk disk_;
  std::optional<Disk::Content> old_disk_;    // a copy that somebody keeps
  std::optional<Disk::Content> short_disk_;  // one of a short moment
  bool short_disk_is_rare_ = false;          // and of one that seldom is
  bool hangs_once_ = false;                  // the next boot, at its first unit
  bool weather_began_ = false;
  std::int64_t crash_loop_until_ms_ = 0;
  std::uint64_t bytes_per_second_ = 0;

  // process
  std::optional<AgentHost> host_;
  std::uint64_t process_ = 0;  // counts starts: what carries another number is of a process that has ended
  std::deque<Item> inbox_;
  AgentHost::Done done_;  // decided, not committed
  agent::Outbox outbox_;
  std::optional<Staging> staging_;
  std::optional<Health> health_;
  std::optional<node::CheckHealth> judged_;  // the last order that came to its end
  std::uint64_t next_number_ = 1;
  std::uint64_t next_ticket_ = 1;
  std::uint32_t reconnect_doublings_ = 0;
  Heap::Ticket wake_;
  std::int64_t busy_until_ms_ = 0;
  std::optional<std::int64_t> look_mono_ms_;
  agent::PhaseTold phase_told_;
  Moment entered_;
  std::int64_t coincides_ms_ = 0;     // the next look at the same moment is at most so far away
  std::int64_t coincides_at_ms_ = 0;  // that look; one that comes at another time is of a moment before
  bool going_down_ = false;
  bool loader_failed_ = false;  // the order just given
  std::vector<Trap> traps_;
};

}  // namespace abide::sim
