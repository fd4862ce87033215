#pragma once
// The orchestrator's process: what orchestrator/orchestrator.cpp does, turn for turn, over a disk with backups.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "simulators/world/broker.hpp"
#include "simulators/world/disk.hpp"
#include "simulators/world/heap.hpp"
#include "simulators/world/world.hpp"

namespace abide::sim {

class Control {
 public:
  explicit Control(World& world);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  void take_over(Disk::Content content);  // another orchestrator's disk, before the first start
  void start();
  void kill(std::string_view why);  // started again by its supervisor
  void back_up();                   // keeps a copy of the disk, the newest few
  [[nodiscard]] std::size_t backups() const { return backups_.size(); }
  void restore(std::size_t backup);  // ends the process; the next start is declared a restore: everything is held
  void step_clock(std::int64_t ms);
  void drop_message_of(const NodeId& node);  // its inbox was full just then: the node is asked

  // Asks, and has the answer of a turn that is made at once; unavailable: the process died in it, or does not run. Not from
  // within a turn.
  Result<fleet::Answer> ask(fleet::Operation operation);
  // The same without waiting: answered from the heap.
  void ask(fleet::Operation operation, std::function<void(Result<fleet::Answer>)> answered);
  void read_profiles(fleet::ProfilesRead read);  // a pass of discovery

  [[nodiscard]] bool runs() const { return host_.has_value(); }
  [[nodiscard]] bool connected() const;
  [[nodiscard]] const FleetHost& host() const { return *host_; }  // only while it runs
  [[nodiscard]] const fleet::State& state() const;                // of the process; while it does not run: as it last was
  [[nodiscard]] const Disk& disk() const { return disk_; }
  [[nodiscard]] const std::string& scope() const { return scope_; }
  [[nodiscard]] Now now() const;
  [[nodiscard]] std::int64_t clock_off_ms() const { return clock_off_ms_; }
  [[nodiscard]] const fleet::Node* node(const NodeId& id) const;
  [[nodiscard]] bool at_rest() const;

 private:
  struct Asked {
    fleet::Operation operation;
    std::function<void(Result<fleet::Answer>)> answered;
  };
  using Item = std::variant<BusReceived, Asked, fleet::ProfilesRead>;
  using Answered = std::pair<std::function<void(Result<fleet::Answer>)>, Result<fleet::Answer>>;

  void post(Item item);
  void wake_at(std::int64_t at_ms);
  void turn();
  void take(const fleet::Input& input, const Cause& cause, Batch& batch);
  void take_bus_changes(Batch& batch);
  void take_item(Item& item, Batch& batch);
  void take_message(BusReceived& message, Batch& batch);
  void take_pass(Batch& batch);
  void take_ticks(Batch& batch);
  bool commit(Batch& batch);  // false: the process is dead
  bool settle();              // what is durable is published; false: the process is dead
  void schedule();
  void connect();
  void hear_bus(BusEvent event);
  void end_process(std::string_view why, std::int64_t again_in_ms);
  [[nodiscard]] std::int64_t draw_ms(std::int64_t from_ms, std::int64_t to_ms);

  World& world_;
  std::string scope_;
  Disk disk_;
  std::deque<Disk::Content> backups_;  // oldest first
  std::optional<FleetHost> host_;
  fleet::State last_state_;  // as the disk has it, while no process runs
  SessionId session_;
  std::uint64_t process_ = 0;
  bool restored_ = false;  // the next start is told so
  bool in_turn_ = false;
  std::deque<Item> inbox_;
  std::deque<BusEvent> bus_changes_;  // beside the inbox, and before it
  std::set<NodeId> dropped_;          // a message of theirs found the inbox full
  FleetHost::Done done_;              // decided in this turn
  std::map<std::string, std::function<void(Result<fleet::Answer>)>> pending_;
  std::vector<Answered> answers_;  // that this turn has for its end
  std::optional<fleet::ProfilesRead> last_pass_;
  unsigned pass_turns_ = 0;
  Heap::Ticket wake_;
  bool connected_ = false;
  std::uint32_t reconnect_doublings_ = 0;
  std::int64_t clock_off_ms_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace abide::sim
