#pragma once
// A small world around the real node machine: two slots, boot variables, power, a journal, one honest orchestrator, an
// operator, and time that only passes when it is told to. A plain value: a test copies it, breaks the copy at one step and
// looks where that ends. What must never happen is checked by the world itself and collected in broken().
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge-agent/update/machine.hpp"

namespace abide::test {

// An OS image, and how it behaves on this hardware.
struct Image {
  std::uint8_t id = 0;  // the first byte of its digest; 0: none
  std::string version;  // "1.0"
  bool boots = true;    // else the boot loader falls back by itself
  bool hangs = false;   // comes up, then the watchdog resets it before the agent starts
  bool healthy = true;
  bool restarts = false;  // restarts by itself during its trial
  bool download_fails = false;

  [[nodiscard]] Release release() const;
  friend bool operator==(const Image&, const Image&) = default;
};

extern const Image base_image;         // "1.0", runs at first
extern const Image good_image;         // "2.0"
extern const Image newer_image;        // "3.0", good
extern const Image sick_image;         // "2.5", never healthy
extern const Image dead_image;         // "2.6", does not boot
extern const Image hung_image;         // "2.7", the watchdog ends it
extern const Image restless_image;     // "2.8", restarts by itself during each trial
extern const Image unreachable_image;  // "2.9", cannot be downloaded

Digest digest_of(std::uint8_t id);
const std::vector<const Image*>& catalogue();  // all of them

// The next thing that can happen without anybody outside doing anything.
struct Move {
  enum class Kind : std::uint8_t { boot, start_agent, feed, take_up, take_down, connect, publish, effect, time };
  Kind kind = Kind::time;
  std::size_t index = 0;      // of the effect in todo
  std::int64_t until_ms = 0;  // time: true time to pass to
  [[nodiscard]] std::string text() const;
};

class NodeWorld {
 public:
  struct Journal {
    JournalId id;
    node::State snapshot;
    std::vector<Recorded<NodeEvent>> events;
    std::uint64_t acked = 0;
  };
  struct Disk {
    Journal journal;
    node::State state;
  };

  explicit NodeWorld(std::uint64_t seed = 1);

  // ---- the operator: each makes a newer document ----------------------------------------------------------------------
  void link(const Image& image, bool allow_downgrade = false);
  void unlink();
  void abort();
  void pause(bool paused);
  void open_window(std::int64_t opens_in_ms, std::int64_t lasts_ms);  // lasts 0: open-ended
  void close_window();

  // ---- faults ---------------------------------------------------------------------------------------------------------
  void kill_agent();
  // damage: what was being written, or what runs besides the default, is half a slot afterwards
  void cut_power(bool damage = false, BootCause cause = BootCause::other);
  void lose_connection();       // what is on its way is lost
  void lose_messages();         // the same, but the connection stays
  void restart_orchestrator();  // a new life
  void lose_journal();          // the state directory is gone; the boot variables are not
  // A copy of the agent's disk, and putting it back later: what was written between is forgotten.
  [[nodiscard]] Disk copy_disk() const { return {journal_, state_}; }
  void put_back(const Disk& disk);
  void wedge_network(bool wedged) {
    network_ = !wedged;
    if (wedged) lose_connection();
  }
  void set_clock(std::int64_t skew_ms, bool trusted) {
    skew_ms_ = skew_ms;
    trusted_ = trusted;
  }
  int arm_errors = 0, clear_errors = 0, confirm_errors = 0, reboot_errors = 0;  // how many of the next calls fail
  bool default_is_bad = false;

  // ---- running --------------------------------------------------------------------------------------------------------
  [[nodiscard]] std::vector<Move> moves() const;  // in a fixed order; time only where nothing else is
  void make(const Move& move);
  bool step();                                     // the first move; false: there is none
  std::size_t run(std::size_t steps_max = 2'000);  // until nothing moves; how many steps that took
  template <class Condition>
  bool run_until(Condition&& condition, std::size_t steps_max = 2'000) {
    for (std::size_t i = 0; i < steps_max; ++i) {
      if (condition(*this)) return true;
      if (!step()) return condition(*this);
    }
    return false;
  }
  void feed(node::Input input);  // to the agent, at once
  void post(node::Input input) { inbox_.push_back(std::move(input)); }
  void pass(std::int64_t ms) { now_ms_ += ms; }
  void boot_now();  // power on
  void start_agent(bool feed_booted = true);
  void connect();
  std::optional<std::vector<std::string>> log;  // set: every step is written here

  // ---- what is --------------------------------------------------------------------------------------------------------
  [[nodiscard]] const node::State& state() const { return state_; }
  [[nodiscard]] node::Link& node_link() { return link_; }
  [[nodiscard]] const node::Link& node_link() const { return link_; }
  [[nodiscard]] Now now() const;
  [[nodiscard]] std::vector<node::Effect> todo() const { return machine.todo(state_, link_, now()); }
  [[nodiscard]] std::vector<Condition> waits_for() const { return machine.waits_for(state_, link_, now()); }
  [[nodiscard]] bool powered() const { return power_; }
  [[nodiscard]] bool agent_runs() const { return agent_; }
  [[nodiscard]] Slot running() const { return running_; }
  [[nodiscard]] Slot default_slot() const { return default_slot_; }
  [[nodiscard]] std::optional<Slot> one_shot() const { return one_shot_; }
  [[nodiscard]] std::uint8_t content(Slot slot) const { return slots_[index(slot)]; }  // image id; half_a_slot
  [[nodiscard]] const std::vector<Recorded<NodeEvent>>& journal() const { return journal_.events; }
  [[nodiscard]] std::vector<std::string> event_names() const;
  [[nodiscard]] std::string newest_outcome() const;  // "Succeeded", "RolledBack unhealthy", "" for none
  [[nodiscard]] std::size_t outcomes_of(Number offer) const;
  [[nodiscard]] std::size_t inbox_size() const { return inbox_.size(); }
  [[nodiscard]] Number newest_document() const { return document_.number; }
  [[nodiscard]] Number newest_offer() const { return document_.link ? document_.link->offer : Number{}; }
  // Nothing open but what waits for the operator or for a window, all events at the orchestrator, boot variables clean.
  [[nodiscard]] std::string not_at_rest() const;  // empty: at rest
  // What must never happen, and did.
  [[nodiscard]] const std::set<std::string>& broken() const { return broken_; }
  [[nodiscard]] bool broke(std::string_view what) const;
  // From the snapshot, by apply alone.
  [[nodiscard]] node::State folded() const;

  node::UpdateMachine machine;

  // Low-level access for traces that stage a race.
  std::deque<node::Input>& inbox() { return inbox_; }
  [[nodiscard]] const std::deque<node::Input>& inbox() const { return inbox_; }
  [[nodiscard]] node::DocumentHeard document_heard() const;  // the newest document, as it comes to the node
  // The orchestrator's answer to the newest hello, and any answer of it.
  [[nodiscard]] Received welcome(Nonce nonce) const;
  [[nodiscard]] Received welcome_of_now() const;  // to a node that is synced: the head moves with the newest document
  [[nodiscard]] std::size_t blobs() const { return blobs_; }
  [[nodiscard]] std::size_t omitted() const { return omitted_; }
  [[nodiscard]] Received received(std::uint64_t upto) const;  // with the chain that the node has there
  [[nodiscard]] LifeId life() const { return life_; }
  void drop_upward() { up_.clear(); }
  void drop_documents();                // on their way down
  void hear(const Received& received);  // at once, with the node's own chain beside it
  void damage(Slot slot) { slots_[index(slot)] = half_a_slot; }
  void set_one_shot(std::optional<Slot> slot) { one_shot_ = slot; }
  void perform(const node::Effect& effect);
  static constexpr std::uint8_t half_a_slot = 255;

 private:
  struct Issued {
    Number number;
    std::optional<LinkedRelease> link;
    std::optional<Window> window;
  };
  struct HelloOf {
    JournalId journal;
    Hello hello;
  };
  struct EventOf {
    Recorded<NodeEvent> recorded;
  };
  using Up = std::variant<HelloOf, EventOf>;
  using Down = std::variant<RollCall, Received, Issued>;
  struct Staging {
    Number offer;
    BootId boot;
    int done = 0;  // 0 nothing, 1 mark cleared, 2 slot being written, 3 told
  };
  class Sink;

  static std::size_t index(Slot slot) { return static_cast<std::size_t>(slot); }
  [[nodiscard]] BootId boot_id() const { return BootId{"boot-" + std::to_string(boots_)}; }
  [[nodiscard]] const Image* image_in(Slot slot) const;
  [[nodiscard]] Identity identity() const;
  void say(std::string text);
  void break_rule(std::string what) { broken_.insert(std::move(what)); }
  void forget_process();
  void issue();
  void stage(const node::Stage& effect);
  void reboot();
  void take_up(const Up& message);
  void take_down(const Down& message);
  void answer(std::optional<Nonce> nonce);
  void check_event(const Recorded<NodeEvent>& recorded, const node::State& before);
  void check_may_reboot(const node::Reboot& effect);
  void check_boot(Slot slot);
  [[nodiscard]] bool stage_has_work(const node::Stage& effect) const;
  [[nodiscard]] bool end_is_waiting(const node::Effect& effect) const;

  Random random_;
  std::int64_t now_ms_ = 1'800'000'000'000;  // true time
  std::int64_t skew_ms_ = 0;
  bool trusted_ = true;

  // hardware
  std::uint8_t slots_[2] = {1, 0};
  bool marked_bad_[2] = {false, false};
  Slot default_slot_ = Slot::a;
  Slot running_ = Slot::a;
  std::optional<Slot> one_shot_;
  bool came_up_ = false;
  BootCause cause_ = BootCause::other;
  bool power_ = true;
  std::uint32_t boots_ = 1;
  std::int64_t booted_at_ms_ = 0;

  // the agent's disk
  Journal journal_;
  // the agent's process
  bool agent_ = false;
  node::State state_;
  node::Link link_;
  std::deque<node::Input> inbox_;
  std::optional<Staging> staging_;
  std::size_t blobs_ = 0, omitted_ = 0;
  std::uint64_t next_to_send_ = 0;
  std::uint64_t welcomes_ = 0;
  SessionId session_;

  // bus and orchestrator
  bool network_ = true;
  std::deque<Up> up_;
  std::deque<Down> down_;
  LifeId life_;
  std::uint32_t ask_ = 1;
  JournalId known_journal_;
  std::uint64_t upto_ = 0;
  Chain chain_;
  Issued document_;
  std::set<Number> unfinished_;  // offers that the known journal accepted and has not brought to success

  // for the checks
  Number in_force_at_connection_;
  std::map<std::pair<JournalId, Number>, std::size_t> outcomes_;
  std::set<std::pair<JournalId, Number>> accepted_;
  enum class Ended : std::uint8_t { no, interrupted, by_watchdog };
  Ended ended_ = Ended::no;      // how the boot of the new slot ended while its trial was on
  bool attempt_booted_ = false;  // in this attempt the loader started the new slot, whether it came up or not
  std::set<std::string> broken_;
};

}  // namespace abide::test
