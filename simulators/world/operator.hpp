#pragma once
// The people: they publish images, link policies, plan windows, change their minds, and mend what was held or doubled. What
// they do is drawn from the seed; or ordered by a scenario. They keep a notebook of what they want, and go by it: what an
// orchestrator that died, or was restored, does not know any more, they enter again, before they confirm anything.
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulators/world/world.hpp"

namespace abide::sim {

class Operator {
 public:
  explicit Operator(World& world) : world_(world) {}

  void begin();   // base image, policies, first windows; then acts now and then
  void settle();  // faults have stopped: confirms what is held, resolves conflicts, gives every node a window, and rests

  // Something happens on this node just now: do they change their minds at the same moment?
  void coincide(MachineIndex machine);

  // ---- single acts, for scenarios too; the answer is the orchestrator's
  void publish(Image image);
  Result<fleet::Answer> create_policy(std::string name, std::string target_version, bool allow_downgrade);  // "" : LATEST
  Result<fleet::Answer> link(MachineIndex machine, std::string_view policy);
  Result<fleet::Answer> unlink(MachineIndex machine);
  Result<fleet::Answer> pause(MachineIndex machine, bool paused);
  Result<fleet::Answer> abort(MachineIndex machine);
  Result<fleet::Answer> open_window(MachineIndex machine, std::int64_t in_ms, std::int64_t lasts_ms);  // 0: open-ended
  Result<fleet::Answer> edit_window(std::string_view id, std::int64_t in_ms, std::int64_t lasts_ms);
  Result<fleet::Answer> close_window(std::string_view id);  // deletes the schedule
  Result<fleet::Answer> confirm(MachineIndex machine);
  Result<fleet::Answer> resolve(MachineIndex machine);  // names the journal that this machine has

  [[nodiscard]] std::vector<std::string> policies() const;  // that the notebook has, by name
  [[nodiscard]] std::vector<std::string> windows() const;   // ids at the orchestrator, as far as it has them

  // ---- the notebook: what the people want, whatever the orchestrator knows of it
  struct Wish {
    std::string policy;  // by name; empty: none
    bool paused = false;
    std::string aborted_image;  // the update to it was aborted, and not asked for since
  };
  struct PolicyNote {
    std::string target;  // version; empty: LATEST
    bool allow_downgrade = false;
  };
  struct WindowNote {  // seconds by the orchestrator's clock
    NodeId node;
    std::int64_t start_seconds = 0, end_seconds = 0;
  };
  [[nodiscard]] const Wish& wish(const NodeId& node) { return wishes_[node]; }

 private:
  struct Order {
    fleet::Operation operation;
    std::function<bool()> still;  // asked before it is sent: is it still right? none: it is
  };
  // operator.cpp
  void take_over();
  void act();
  void act_on_policy(MachineIndex machine, std::uint64_t draw);
  void act_on_windows(MachineIndex machine);
  void make_just_long_enough(MachineIndex machine, WindowNote& note);
  void publish_next();
  [[nodiscard]] Image::Nature draw_nature();
  [[nodiscard]] std::string draw_policy();
  void order(fleet::Operation operation, std::function<bool()> still = {});
  void send_next();
  void plan_next();
  std::string note_window(const NodeId& node, std::int64_t in_ms, std::int64_t lasts_ms);
  void read_releases();
  [[nodiscard]] std::int64_t draw_ms(std::int64_t from_ms, std::int64_t to_ms);
  [[nodiscard]] std::int64_t clock_seconds() const;  // the orchestrator's
  [[nodiscard]] std::optional<std::string> schedule_id(const std::string& name) const;
  // operator_care.cpp: the orchestrator is brought to what the notebook says
  void look_after();
  [[nodiscard]] std::vector<fleet::Operation> in_the_plan();  // that differs: hosts, policies, windows
  void in_policies(std::vector<fleet::Operation>& differences) const;
  void in_windows(std::vector<fleet::Operation>& differences);
  [[nodiscard]] std::optional<fleet::Operation> in_node(const NodeId& id, const fleet::Node& node);
  [[nodiscard]] std::optional<fleet::Operation> wrongly_held(const NodeId& id, const fleet::Node& node);
  void visit_stranded();
  [[nodiscard]] fleet::Operation in_conflict(const NodeId& id, const fleet::Node& node);

  World& world_;
  std::map<NodeId, Wish> wishes_;
  std::map<std::string, PolicyNote> policies_;  // by name
  std::map<std::string, WindowNote> windows_;   // by name
  std::vector<std::string> published_;          // versions, oldest first
  std::map<NodeId, std::int64_t> seen_at_ms_;   // when something is done about a hold or a conflict
  std::map<MachineIndex, std::int64_t> visit_at_ms_;
  std::deque<Order> orders_;
  bool busy_ = false, refused_ = false, settling_ = false, acting_ = false;
  std::uint64_t builds_ = 0, names_ = 0, resolutions_ = 0;
  std::uint64_t day_ = 1, minute_of_day_ = 0;
};

}  // namespace abide::sim
