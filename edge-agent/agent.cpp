#include "edge-agent/agent.hpp"

#include <algorithm>
#include <utility>

#include "common/events/codec.hpp"
#include "common/service/clock.hpp"
#include "edge-agent/inventory/measure.hpp"

namespace abide::agent {

namespace {

constexpr std::size_t items_per_turn_max = 128;
// Boot loader orders that follow from each other in one turn: clear, arm, reboot, and their failures.
constexpr int orders_per_turn_max = 16;
constexpr std::int64_t repeated_lines_ms = 60'000;
constexpr std::chrono::milliseconds tick_pause_min{5};  // should the machine want to be asked again at once, for ever
// A trim reads all kept events, so it is not done for each one; nor is more kept beyond what is wanted than half of that.
constexpr std::uint64_t trim_step_min = 16, trim_step_max = 256;
constexpr std::string_view owner_key = "node/m/owner";

}  // namespace

Agent::Agent(AgentSettings settings, Store& store, BootControl& boot, Bus& bus, Workers workers, ReadClock read_clock)
    : settings_(std::move(settings)),
      store_(store),
      boot_(boot),
      bus_(bus),
      workers_(std::move(workers)),
      read_clock_(std::move(read_clock)),
      repeated_(repeated_lines_ms) {}

// ---- start ------------------------------------------------------------------------------------------------------------

// A journal tells one node's history: it is not continued under another name.
Result<void> Agent::claim_store() {
  const std::string owner = settings_.self.project + "\n" + to_string(settings_.self.node);
  auto before = store_.get(owner_key);
  if (!before) return fail(before.error());
  if (!*before) {
    batch_.put(std::string(owner_key), owner);
    return {};
  }
  if (**before == owner) return {};
  const auto line = (*before)->find('\n');
  return fail(Code::conflict, "the state directory belongs to node " + (*before)->substr(line == std::string::npos ? 0 : line + 1) +
                                  " of project " + one_line((*before)->substr(0, line)));
}

std::optional<Agent::Ended> Agent::begin() {
  const auto ended = [](ExitCode code, const Error& error) { return Ended{code, error.message}; };
  auto boot = boot_.read();
  if (!boot) return ended(ExitCode::failed, boot.error().in("boot loader"));
  auto identity = settings_.measure ? settings_.measure(*boot) : measure(boot_.path_of(boot->running), settings_.agent_version);
  if (!identity) return ended(ExitCode::failed, identity.error().in("measure the running slot " + std::string(to_string(boot->running))));
  identity_ = std::move(*identity);

  node::Link link;
  link.random = Random{settings_.seed};
  auto host = AgentHost::open(node::UpdateMachine{settings_.machine}, store_, std::string(agent_scope), std::move(link), settings_.session);
  if (!host) return ended(exit_code_of_open(host.error()), host.error());
  host_.emplace(std::move(*host));
  host_->link().acked = host_->journal().head().acked;
  if (auto claimed = claim_store(); !claimed) return ended(ExitCode::usage, claimed.error());
  if (host_->empty()) host_->begin(JournalId{host_->link().random.next_id()}, batch_);

  const Now now = read_clock_();
  silent_since_mono_ms_ = now.mono_ms;
  phase_told_.begin(host_->state());
  take(node::Booted{boot->boot, boot->running, boot->default_slot, boot->came_up, boot->cause,
                    boot->bad[static_cast<std::size_t>(boot->default_slot)], identity_},
       {});
  if (auto failed = commit()) return failed;
  if (auto started = bus_.start(bus_handler()); !started) return ended(ExitCode::usage, started.error());
  auto failed = settle();
  look_mono_ms_ = host_->look_again(read_clock_());
  next_turn_ = wait_until(std::nullopt);
  return failed;
}

// On the bus's threads.
BusHandler Agent::bus_handler() {
  return [this](BusEvent event) {
    if (std::holds_alternative<BusConnected>(event)) bus_connected_ = true;
    if (std::holds_alternative<BusDisconnected>(event)) bus_connected_ = false;
    if (!inbox_.try_post(std::move(event))) bus_overflow_ = true;
  };
}

// ---- turns ------------------------------------------------------------------------------------------------------------

std::optional<std::chrono::steady_clock::time_point> Agent::wait_until(std::optional<std::chrono::steady_clock::time_point> until) const {
  const auto no_later = [&](std::chrono::steady_clock::time_point moment) {
    if (!until || moment < *until) until = moment;
  };
  if (look_mono_ms_ && !going_down_) {
    auto moment = steady_at(*look_mono_ms_);
    if (idle_tick_) moment = std::max(moment, std::chrono::steady_clock::now() + tick_pause_min);
    no_later(moment);
  }
  if (outbox_.look_mono_ms()) no_later(steady_at(*outbox_.look_mono_ms()));
  if (!warned_) no_later(steady_at(silent_since_mono_ms_ + settings_.roll_call_warning_ms));
  return until;
}

std::optional<Agent::Ended> Agent::turn(std::optional<std::chrono::steady_clock::time_point> until) {
  auto items = inbox_.drain(items_per_turn_max, stopping_ ? std::chrono::steady_clock::now() : wait_until(until));
  bool heard = false;
  for (auto& item : items) {
    Cause cause;
    std::optional<node::Input> input;
    if (auto* event = std::get_if<BusEvent>(&item)) {
      input = hear(std::move(*event), cause);
    } else if (auto* end = std::get_if<node::Input>(&item)) {
      input = std::move(*end);
      if (const auto* staged = std::get_if<node::StagingEnded>(&*input);
          staged != nullptr && staging_ && staging_->offer == staged->offer) {
        staging_.reset();
        workers_.stop_staging();  // forgets it: a fork may ask for the same again
      }
      if (const auto* judged = std::get_if<node::HealthJudged>(&*input);
          judged != nullptr && checking_ && checking_->offer == judged->offer)
        checking_.reset();
    } else if (auto* progress = std::get_if<Progress>(&item)) {
      say_progress(*progress);
    }
    if (input) {
      take(*input, cause);
      heard = true;
    }
  }
  if (bus_overflow_.exchange(false)) {
    log_warn("inbox was full: the connection is begun anew");
    outbox_.disconnected();
    take(node::Disconnected{}, {});
    if (bus_connected_) take(node::Connected{}, {});
    heard = true;
  }
  const Now now = read_clock_();
  // The moment that was told before the wait: asked again, a moment that has come is over.
  const bool due = look_mono_ms_ && *look_mono_ms_ <= now.mono_ms;
  if (due) take(node::Tick{}, {});
  const bool nothing = batch_.empty();
  auto ended = settle();
  if (ended) return ended;
  idle_tick_ = due && nothing && !heard;
  look_mono_ms_ = host_->look_again(read_clock_());
  warn_if_nobody_calls(now);
  next_turn_ = wait_until(std::nullopt);
  if (stopping_) {
    goodbye();
    return Ended{ExitCode::ok, "stopped"};
  }
  return std::nullopt;
}

std::optional<node::Input> Agent::hear(BusEvent event, Cause& cause) {
  if (std::holds_alternative<BusConnected>(event)) {
    log_info("connected");
    const auto presence = presence_message(settings_.self, settings_.session, true, read_clock_());
    publish(topics::FromNode::presence, presence.payload, presence.qos, presence.retain);
    return node::Connected{};
  }
  if (const auto* gone = std::get_if<BusDisconnected>(&event)) {
    repeated_.warn("disconnected", "connection lost reason=" + one_line(gone->reason), read_clock_().mono_ms);
    outbox_.disconnected();
    return node::Disconnected{};
  }
  if (const auto* published = std::get_if<BusPublished>(&event)) {
    outbox_.published(published->ticket);
    return std::nullopt;
  }
  const auto& message = std::get<BusReceived>(event);
  auto translated = translate(message, settings_.self);
  if (!translated) {
    repeated_.warn("message " + std::string(to_string(translated.error().code)),
                   "message ignored topic=" + one_line(message.topic) + " bytes=" + std::to_string(message.payload.size()) +
                       " why=" + one_line(translated.error().message),
                   read_clock_().mono_ms);
    return std::nullopt;
  }
  cause = translated->cause;
  if (auto* received = std::get_if<node::ReceivedHeard>(&translated->input)) {
    auto chain = host_->journal().chain_at(received->received.upto);
    if (!chain) {
      repeated_.warn("chain", chain.error().message, read_clock_().mono_ms);
      return std::nullopt;
    }
    received->own_chain = *chain;
  }
  return std::move(translated->input);
}

void Agent::take(const node::Input& input, const Cause& cause) {
  host_->take(input, read_clock_(), cause, batch_);
}

std::optional<Agent::Ended> Agent::commit() {
  if (!batch_.empty()) {
    host_->save(batch_);
    auto committed = store_.commit(batch_);
    if (!committed) return Ended{ExitCode::commit_failed, committed.error().in("commit").message};
    batch_.clear();
  }
  const auto done = host_->committed();
  publish_committed(done);
  trim();
  return std::nullopt;
}

std::optional<Agent::Ended> Agent::settle() {
  if (auto failed = commit()) return failed;
  for (int orders = 0; orders < orders_per_turn_max && !going_down_; ++orders) {
    auto performed = perform_one();
    if (!performed || !performed->end) break;
    take(*performed->end, {});
    if (auto failed = commit()) return failed;
  }
  pump_outbox();
  return std::nullopt;
}

void Agent::trim() {
  Batch batch;
  auto trimmed = host_->trim(settings_.journal_keep, batch, std::clamp(settings_.journal_keep / 2, trim_step_min, trim_step_max));
  if (trimmed) trimmed = store_.commit(batch);
  if (!trimmed) repeated_.warn("trim", "journal not trimmed: " + trimmed.error().message, read_clock_().mono_ms);
}

void Agent::goodbye() {
  workers_.stop_staging();
  workers_.stop_health();
  if (bus_connected_) {
    const auto presence = presence_message(settings_.self, settings_.session, false, read_clock_());
    publish(topics::FromNode::presence, presence.payload, presence.qos, presence.retain);
  }
  bus_.stop();
}

}  // namespace abide::agent
