#include "tools/replay/publish.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "common/events/codec.hpp"
#include "common/events/topics.hpp"

namespace abide::replay {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds look_every{50};  // whether it is to stop
constexpr double speed_max = 1'000'000;

// What an orchestrator says carries no journal; the life of its connection is not recorded.
Envelope said_at(std::int64_t at_ms, bool trusted, SessionId session, Payload payload) {
  Envelope envelope;
  envelope.session = session;
  envelope.at_ms = at_ms;
  envelope.clock_trusted = trusted;
  envelope.payload = std::move(payload);
  return envelope;
}

std::vector<BusMessage> of_node(const std::string& project, const NodeId& node, const NodeEvent& event, std::string_view bytes) {
  using topics::FromNode;
  std::vector<BusMessage> messages;
  messages.push_back({topics::from_node(project, node, FromNode::status), std::string(bytes), 1, false});
  if (std::holds_alternative<RolledBack>(event))
    messages.push_back({topics::from_node(project, node, FromNode::rollback), std::string(bytes), 1, false});
  return messages;
}

}  // namespace

Result<double> parse_speed(std::string_view text) {
  if (text == "max") return 0.0;
  double speed = 0;
  const auto digits = text.ends_with('x') ? text.substr(0, text.size() - 1) : std::string_view{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), speed);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || !(speed > 0) || speed > speed_max)
    return fail(Code::invalid_input, "\"" + std::string(text) + "\" is no speed such as 1x, 10x or max");
  return speed;
}

std::string own_words_filter(const std::string& project) {
  return topics::orchestrator_filter(project, topics::FromNode::status);
}

std::vector<BusMessage> messages_of(const std::string& project, const Recorded<OrchestratorEvent>& recorded) {
  if (const auto* e = std::get_if<NodeEventStored>(&recorded.event)) return of_node(project, e->node, e->event, e->envelope);
  if (const auto* e = std::get_if<DocumentIssued>(&recorded.event)) {
    const auto envelope = said_at(recorded.at_ms, recorded.clock_trusted, recorded.session, e->document);
    return {{topics::document(project, e->node, e->topic), encode(envelope), 1, true}};
  }
  if (const auto* e = std::get_if<OsResourceCreated>(&recorded.event)) {
    const auto& r = e->resource;
    ProfileDiscovered discovered{r.profile_name, r.image_id, r.id, r.architecture, r.artifact, r.manifest};
    const auto envelope = said_at(recorded.at_ms, recorded.clock_trusted, recorded.session, std::move(discovered));
    return {{topics::profile_discovered(project, r.profile_name), encode(envelope), 1, true}};
  }
  return {};
}

std::vector<BusMessage> messages_of(const std::string& project, const NodeId& node, const Recorded<NodeEvent>& recorded,
                                    std::string_view bytes) {
  return of_node(project, node, recorded.event, bytes);
}

// Outlives the publisher where the bus's threads still hold it.
struct Publisher::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool connected = false;
  bool lost = false;
  bool heard = false;  // something of what was said came back
  std::string lost_why;
  std::set<std::uint64_t> early;  // acknowledged before publish() had told the ticket
  std::set<std::uint64_t> in_flight;
};

Publisher::Publisher(Bus& bus, double speed, const std::atomic<bool>& stop)
    : bus_(bus), speed_(speed), stop_(stop), shared_(std::make_shared<Shared>()) {}

Publisher::~Publisher() {
  if (started_) bus_.stop();
}

Result<void> Publisher::connect() {
  auto started = bus_.start([shared = shared_](BusEvent event) {
    const std::lock_guard lock(shared->mutex);
    if (std::holds_alternative<BusConnected>(event)) shared->connected = true;
    if (std::holds_alternative<BusReceived>(event)) shared->heard = true;
    if (const auto* lost = std::get_if<BusDisconnected>(&event); lost != nullptr && shared->connected) {
      shared->lost = true;
      shared->lost_why = lost->reason;
    }
    if (const auto* published = std::get_if<BusPublished>(&event); published != nullptr && shared->in_flight.erase(published->ticket) == 0)
      shared->early.insert(published->ticket);
    shared->changed.notify_all();
  });
  if (!started) return started;
  started_ = true;
  std::unique_lock lock(shared_->mutex);
  const auto until = std::chrono::steady_clock::now() + milliseconds(connect_within_ms);
  while (!shared_->connected && !stop_ && std::chrono::steady_clock::now() < until) shared_->changed.wait_for(lock, look_every);
  if (shared_->connected || stop_) return {};
  return fail(Code::timeout, "no connection to the broker within " + std::to_string(connect_within_ms / 1000) + " s");
}

Result<bool> Publisher::say(std::int64_t at_ms, std::vector<BusMessage> messages) {
  const auto gone = [&] { return fail(Code::unavailable, "the connection to the broker is lost: " + shared_->lost_why); };
  std::unique_lock lock(shared_->mutex);
  if (before_ms_ && speed_ > 0 && at_ms > *before_ms_) {
    const auto pause_ms = static_cast<double>(std::min(at_ms - *before_ms_, pause_ms_max)) / speed_;
    const auto until = std::chrono::steady_clock::now() + milliseconds(static_cast<std::int64_t>(pause_ms));
    while (!stop_ && !shared_->lost && std::chrono::steady_clock::now() < until)
      shared_->changed.wait_until(lock, std::min(until, std::chrono::steady_clock::now() + look_every));
  }
  before_ms_ = std::max(at_ms, before_ms_.value_or(at_ms));
  for (auto& message : messages) {
    auto until = std::chrono::steady_clock::now() + milliseconds(acknowledged_within_ms);
    while (!stop_ && !shared_->lost && shared_->in_flight.size() >= in_flight_max) {
      if (std::chrono::steady_clock::now() >= until) return fail(Code::timeout, "the broker acknowledges nothing any more");
      shared_->changed.wait_for(lock, look_every);
    }
    if (stop_) return false;
    if (shared_->lost) return gone();
    if (message.topic.ends_with("/status")) said_status_ = true;
    lock.unlock();  // a bus may call the handler from within
    auto ticket = bus_.publish(std::move(message));
    lock.lock();
    if (!ticket) return fail(ticket.error().in("publish"));
    ++published_;
    if (*ticket != 0 && shared_->early.erase(*ticket) == 0) shared_->in_flight.insert(*ticket);
  }
  return !stop_.load();
}

Result<void> Publisher::finish() {
  std::unique_lock lock(shared_->mutex);
  const auto until = std::chrono::steady_clock::now() + milliseconds(acknowledged_within_ms);
  while (!shared_->in_flight.empty() && !shared_->lost && !stop_ && std::chrono::steady_clock::now() < until)
    shared_->changed.wait_for(lock, look_every);
  if (shared_->in_flight.empty() && said_status_ && !stop_) {
    const auto heard_until = std::chrono::steady_clock::now() + milliseconds(heard_within_ms);
    while (!shared_->heard && !stop_ && std::chrono::steady_clock::now() < heard_until) shared_->changed.wait_for(lock, look_every);
    if (!shared_->heard && !stop_)
      return fail(Code::denied, "the broker took what nodes said and gave it to nobody: its ACL does not let one user speak for nodes");
  }
  if (shared_->in_flight.empty() || stop_) return {};
  return fail(shared_->lost ? Code::unavailable : Code::timeout,
              std::to_string(shared_->in_flight.size()) + " messages were not acknowledged by the broker" +
                  (shared_->lost ? ": the connection is lost: " + shared_->lost_why : std::string()));
}

}  // namespace abide::replay
