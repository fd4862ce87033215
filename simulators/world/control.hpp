#pragma once
// The orchestrator's process: what orchestrator/orchestrator.cpp does, turn for turn, over a disk with backups.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
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

  void start();
  void kill(std::string_view why);  // started again by its supervisor
  void back_up();                   // keeps a copy of the disk, the newest few
  [[nodiscard]] std::size_t backups() const { return backups_.size(); }
  void restore(std::size_t backup);  // ends the process; the next start is declared a restore: everything is held
  void step_clock(std::int64_t ms);

  // Asks, and lets true time pass until it is answered or the process dies; unavailable: it did, or does not run.
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
  using Item = std::variant<BusEvent, Asked, fleet::ProfilesRead>;

  void turn();
  void take(const fleet::Input& input, const Cause& cause, Batch& batch);
  void hear(const BusEvent& event, Batch& batch);
  bool commit(Batch& batch);
  void perform(const fleet::Message& message);
  void publish(std::string topic, Payload payload, bool retain);
  void schedule();
  void connect();
  void forget_process();

  World& world_;
  std::string scope_;
  Disk disk_;
  std::deque<Disk::Content> backups_;
  std::optional<FleetHost> host_;
  fleet::State last_state_;
  std::uint64_t process_ = 0;
  bool restored_ = false;  // the next start is told so
  std::deque<Item> inbox_;
  std::map<std::string, std::function<void(Result<fleet::Answer>)>> pending_;
  fleet::ProfilesRead last_pass_;
  Heap::Ticket wake_;
  std::int64_t clock_off_ms_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace abide::sim
