// The frame: which order is which, time, and what is told.
#include "simulators/scenario/player.hpp"

#include <algorithm>
#include <charconv>

#include "common/core/time.hpp"
#include "simulators/world/control.hpp"
#include "simulators/world/machine.hpp"
#include "simulators/world/operator.hpp"

namespace abide::scenario {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t until_ms_max = 5 * 24 * hour_ms;
constexpr std::int64_t hours_max = 24 * 6;  // of a scenario, from its first order to its last
constexpr std::int64_t begins_ms = 60'000;   // the first nodes have come up
constexpr std::size_t nodes_max = 20;

// key=value words that a scenario leaves out.
constexpr std::string_view dull_keys[] = {
    "chain",           "base_chain",     "tag",          "digest",      "sha256",         "size",    "urls",
    "architecture",    "policy_id",      "body_bytes",   "body_sha256", "envelope_bytes", "mono_ms", "agent_version",
    "envelope_sha256", "image_url",      "os_type",      "os_provider", "run_name",       "source",  "bytes",
    "took_ms",         "os_resource_id", "profile_name", "at",          "clock_trusted"};

constexpr std::string_view stored = "control NodeEventStored ";

bool says_nothing(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const auto key = word.substr(0, equals);
  const auto last = key.substr(key.rfind('.') == std::string_view::npos ? 0 : key.rfind('.') + 1);
  if (word.substr(equals) == "=false" || word.substr(equals) == "=other") return true;
  return std::find(std::begin(dull_keys), std::end(dull_keys), last) != std::end(dull_keys);
}

std::string two_digits(std::int64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

const std::vector<Player::Act>& Player::acts() {
  static const std::vector<Act> list{
      {"fleet of NODES", &Player::fleet_of},
      {"wait TIME", &Player::wait},
      {"until NODE is PHASE", &Player::until_phase},
      {"until NODE says EVENT", &Player::until_event},
      {"show NODE", &Player::show},
      {"show the run of NODE", &Player::show_run},
      {"publish VERSION", &Player::publish},
      {"publish VERSION that is NATURE", &Player::publish_that},
      {"publish VERSION of profile PROFILE", &Player::publish_profile},
      {"policy NAME follows latest", &Player::policy_latest},
      {"policy NAME targets VERSION", &Player::policy_target},
      {"policy NAME targets VERSION and allows a downgrade", &Player::policy_downgrade},
      {"link NODE to POLICY", &Player::link},
      {"unlink NODE", &Player::unlink},
      {"pause NODE", &Player::pause},
      {"resume NODE", &Player::resume},
      {"abort NODE", &Player::abort},
      {"confirm NODE", &Player::confirm},
      {"resolve NODE", &Player::resolve},
      {"window NAME on NODE opens in TIME for TIME", &Player::window},
      {"window NAME on NODE opens in TIME without end", &Player::window_open_ended},
      {"maintenance NAME on NODE opens in TIME for TIME", &Player::window_of_maintenance},
      {"window NAME on NODE is moved to in TIME for TIME", &Player::window_moves},
      {"window NAME is deleted", &Player::window_deleted},
      {"power of NODE is cut for TIME", &Player::power},
      {"agent of NODE is killed", &Player::kill_agent},
      {"agent of NODE will be killed POINT NAME", &Player::kill_at},
      {"power of NODE will be cut POINT NAME", &Player::power_at},
      {"NODE loses its connection", &Player::connection},
      {"NODE is offline", &Player::offline},
      {"NODE is online", &Player::online},
      {"clock of NODE steps by TIME", &Player::clock_steps},
      {"NODE is re-imaged", &Player::re_imaged},
      {"disk of NODE is copied as NAME", &Player::keep_disk},
      {"copy NAME is put back on NODE", &Player::put_back},
      {"NODE is cloned", &Player::clone},
      {"NODE leaves for ever", &Player::leaves},
      {"broker restarts", &Player::broker_restarts},
      {"broker restarts without its memory", &Player::broker_forgets},
      {"orchestrator is killed", &Player::orchestrator_dies},
      {"orchestrator is backed up", &Player::orchestrator_backup},
      {"orchestrator is restored", &Player::orchestrator_restored},
  };
  return list;
}

std::vector<std::string> Player::orders() {
  std::vector<std::string> list;
  for (const auto& act : acts()) list.emplace_back(act.pattern);
  return list;
}

Player::Player() = default;
Player::~Player() = default;

Result<std::vector<std::string>> Player::play(const Block& block) {
  for (const auto& order : block.orders) {
    const Act* found = nullptr;
    std::optional<Caught> caught;
    for (const auto& act : acts()) {
      caught = match(act.pattern, order.words);
      if (caught) {
        found = &act;
        break;
      }
    }
    const auto where = "line " + std::to_string(order.line) + ": " + order.words;
    if (found == nullptr) {
      std::string known;
      for (const auto& act : acts()) known += "\n  " + std::string(act.pattern);
      return fail(Code::invalid_input, where + ": no such order; there are" + known);
    }
    if (found->make != &Player::fleet_of) {
      if (auto ready = need_world(); !ready) return fail(ready.error());
    }
    if (auto done = (this->*found->make)(*caught); !done) return fail(done.error().in(where));
  }
  looked_at_ = 0;
  return std::exchange(lines_, {});
}

std::vector<std::string> Player::finish() {
  std::vector<std::string> list;
  if (!world_) return list;
  // So that what is asked for can end: whoever is asked for something gets a window, and nobody is paused.
  for (sim::MachineIndex i = 0; i < world_->machine_count(); ++i) {
    const auto* node = world_->control().runs() ? world_->control().node(world_->machine(i).id()) : nullptr;
    if (node == nullptr || world_->machine(i).gone()) continue;
    if (node->paused) (void)world_->people().pause(i, false);
    (void)world_->people().open_window(i, 1'000, 0);
  }
  if (!world_->run(50'000'000)) list.emplace_back("the world does not come to its end");
  for (const auto& finding : checkers_->findings()) list.push_back(finding.checker + ": " + finding.what);
  return list;
}

Player::Done Player::begin(std::size_t nodes, std::uint64_t seed) {
  sim::Plan plan;
  plan.seed = seed;
  plan.nodes = nodes;
  plan.hours = hours_max;
  plan.quiet_hours = 24;
  plan.operator_works = false;
  world_ = std::make_unique<sim::World>(plan);
  checkers_ = std::make_unique<sim::Checkers>(*world_);
  world_->watch(*this);
  began_ms_ = world_->now_ms();
  const auto all_there = [&] {
    for (std::size_t i = 0; i < nodes; ++i) {
      const auto* node = world_->control().node(world_->machine(i).id());
      if (node == nullptr || !node->heard_ms || node->identity.os_image_id.empty()) return false;
    }
    return true;
  };
  if (!world_->run_until(all_there, 2 * hour_ms)) return fail(Code::timeout, "the fleet does not come up");
  world_->people().publish(sim::base_image());
  world_->pass(begins_ms);
  lines_.clear();
  began_ms_ = world_->now_ms();
  return {};
}

Player::Done Player::need_world() {
  if (world_) return {};
  return begin(1, 1);
}

void Player::line(const sim::World&, std::string_view text) {
  // "<time> <who> <what>"
  const auto space = text.find(' ');
  lines_.push_back(since_begin(world_->now_ms()) + " " + readable(text.substr(std::min(space + 1, text.size()))));
}

std::string Player::since_begin(std::int64_t at_ms) const {
  const auto ms = at_ms - began_ms_;
  const auto seconds = (ms < 0 ? -ms : ms) / 1000;
  return (ms < 0 ? "-" : "+") + two_digits(seconds / 3600) + ":" + two_digits(seconds / 60 % 60) + ":" + two_digits(seconds % 60);
}

void Player::say(std::string text) {
  lines_.push_back("  " + readable(text));
}

// A line without what tells a reader of a scenario nothing: digests, sizes, what never differs in a scenario; with short
// names for long numbers.
std::string Player::readable(std::string_view text) {
  if (text.starts_with(stored)) {  // the node has said it already
    std::string short_line = "control stores";
    for (const auto* key : {" node=", " sequence=", " event="}) {
      const auto at = text.find(key);
      if (at == std::string_view::npos) continue;
      const auto value = text.substr(at + std::string_view(key).size());
      short_line += " " + shorten(value.substr(0, value.find(' ')));
    }
    return short_line;
  }
  std::string result;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (says_nothing(word)) continue;
    if (!result.empty()) result += ' ';
    const auto equals = word.find('=');
    const auto at_ms = parse_rfc3339(word.substr(equals == std::string_view::npos ? 0 : equals + 1));
    result += at_ms ? std::string(word.substr(0, equals == std::string_view::npos ? 0 : equals + 1)) + since_begin(*at_ms) : shorten(word);
  }
  return result;
}

// Identifiers: of nodes their names, of journals and the like a number in the order of their appearance, of documents
// the epoch as a letter.
std::string Player::shorten(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string result;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = at;
    while (end < text.size() && (is_hex(text[end]) || text[end] == '-')) ++end;
    const auto word = text.substr(at, end - at);
    const bool whole = (at == 0 || !is_letter(text[at - 1])) && (end == text.size() || !is_letter(text[end]));
    if (whole && word.size() >= 8 && (word.size() >= 12 || text.substr(0, at).ends_with('-'))) {
      result += short_name(word);
      at = end;
    } else {
      const auto next = std::max(end, at + 1);
      result.append(text.substr(at, next - at));
      at = next;
    }
  }
  return result;
}

std::string Player::short_name(std::string_view word) {
  const auto known = short_names_.find(word);
  if (known != short_names_.end()) return known->second;
  std::string name;
  for (std::size_t i = 0; world_ && i < world_->machine_count(); ++i) {
    if (to_string(world_->machine(i).id()) == word && name.empty()) name = world_->machine(i).name();
  }
  const bool is_number = word.find_first_not_of("0123456789") == std::string_view::npos;
  if (name.empty() && is_number && word.size() == 13) {
    name = std::string(1, static_cast<char>('a' + epochs_ % 26));
    ++epochs_;
  }
  if (name.empty()) name = "<" + std::to_string(++others_) + ">";
  short_names_.emplace(word, name);
  return name;
}

Result<sim::MachineIndex> Player::machine(std::string_view name) const {
  for (std::size_t i = 0; i < world_->machine_count(); ++i) {
    if (world_->machine(i).name() == name) return i;
  }
  return fail(Code::not_found, "no machine is called " + std::string(name));
}

Player::Done Player::fleet_of(const Caught& words) {
  if (world_) return fail(Code::invalid_input, "the fleet is there already: this order must be the first");
  std::size_t nodes = 0;
  const auto [end, error] = std::from_chars(words[0].data(), words[0].data() + words[0].size(), nodes);
  if (error != std::errc{} || *end != '\0' || nodes == 0 || nodes > nodes_max)
    return fail(Code::invalid_input, "a fleet has 1 to " + std::to_string(nodes_max) + " nodes");
  return begin(nodes, 1);
}

Player::Done Player::wait(const Caught& words) {
  const auto ms = parse_time_ms(words[0]);
  if (!ms) return fail(ms.error());
  world_->pass(*ms);
  return {};
}

Player::Done Player::until_phase(const Caught& words) {
  const auto index = machine(words[0]);
  if (!index) return fail(index.error());
  const auto so = [&] {
    const auto& machine = world_->machine(*index);
    return machine.agent_runs() && to_string(machine.host().state().phase) == words[1];
  };
  if (world_->run_until(so, until_ms_max)) return {};
  return fail(Code::timeout, "it never was");
}

Player::Done Player::until_event(const Caught& words) {
  if (auto index = machine(words[0]); !index) return fail(index.error());
  looked_at_ = lines_.size();
  const auto who = " " + words[0] + " ";
  const auto so = [&] {
    for (; looked_at_ < lines_.size(); ++looked_at_) {
      const auto& text = lines_[looked_at_];
      if (text.find(who) != std::string::npos && text.find(" " + words[1]) != std::string::npos) return true;
    }
    return false;
  };
  if (world_->run_until(so, until_ms_max)) return {};
  return fail(Code::timeout, "it never did");
}

// What is so in truth, what the orchestrator believes, and for what it waits.
Player::Done Player::show(const Caught& words) {
  const auto index = machine(words[0]);
  if (!index) return fail(index.error());
  const auto& machine = world_->machine(*index);
  const auto state = machine.state();
  std::string truth = "truth   ";
  if (!machine.powered()) {
    truth += "no power";
  } else {
    truth += "runs " + machine.slot(machine.running()).version + ", slot " + std::string(to_string(machine.running())) + "; phase " +
             std::string(to_string(state.phase));
  }
  say(truth);
  if (machine.agent_runs()) {
    const auto& agent = machine.host();
    for (const auto& condition : agent.machine().waits_for(agent.state(), agent.link(), machine.now()))
      say("node waits for " + condition.what + ": " + condition.text);
  }
  const auto* node = world_->control().runs() ? world_->control().node(machine.id()) : nullptr;
  if (node == nullptr) {
    say("picture none");
    return {};
  }
  std::string picture = "picture runs " + node->identity.os_image_id + "; phase " + std::string(to_string(node->phase)) + "; \"" +
                        node->status.text + "\" " + std::string(fleet::to_string(node->status.indicator));
  if (!node->os_update_available.empty()) picture += "; update available: " + node->os_update_available;
  if (node->held) picture += "; held: " + node->held_why;
  if (node->conflict) picture += "; conflict";
  say(picture);
  const auto& host = world_->control().host();
  for (const auto& condition : host.machine().waits_for(host.state(), host.link(), world_->control().now(), machine.id()))
    say("orchestrator waits for " + condition.what + ": " + condition.text);
  return {};
}

Player::Done Player::show_run(const Caught& words) {
  const auto index = machine(words[0]);
  if (!index) return fail(index.error());
  const auto* node = world_->control().runs() ? world_->control().node(world_->machine(*index).id()) : nullptr;
  if (node == nullptr || !node->run) {
    say("no run");
    return {};
  }
  const auto& run = *node->run;
  say("run     " + run.from_os_image_id + " to " + run.to_os_image_id + ": " +
      (run.end_ms == 0
           ? "open"
           : std::string(to_string(run.outcome)) + (run.reason == Reason::none ? "" : ", " + std::string(to_string(run.reason)))) +
      "; \"" + run.status.text + "\" " + std::string(fleet::to_string(run.status.indicator)));
  if (!run.status_details.empty()) say("details " + run.status_details);
  return {};
}

}  // namespace abide::scenario
