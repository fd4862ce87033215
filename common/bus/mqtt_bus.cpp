#include "common/bus/mqtt_bus.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mqtt/async_client.h>
#include <mutex>
#include <random>
#include <thread>

#include "common/bus/mqtt_url.hpp"

// Four properties of Paho C++ 1.2.0 over Paho C 1.3.12 shape this file:
//
// * Callbacks run while Paho holds a lock that every call into it takes, too. So none of our locks is held during a call
//   into Paho, and no callback calls Paho; else two threads wait for each other. For the same reason the handlers are
//   set without async_client::set_callback, which holds the client's lock over such a call.
// * What was queued but not sent survives the loss of a connection inside a client, and is sent in the next one. So each
//   connection has a client of its own, and nothing of the old one can surface in the new one.
// * When the last client of a process goes, Paho stops its threads while others may be starting. So one client that never
//   connects keeps them alive.
// * It refuses a message when so many wait for its sending thread as it may buffer, 100 unless told, also while it is
//   connected. So it is told the window.

namespace abide {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t early_messages_max = 10'000;        // between SUBSCRIBE and SUBACK: retained ones
constexpr std::int64_t still_connected_check_ms = 1'000;  // should Paho lose a connection without a word
constexpr milliseconds room_look{100};                    // while there is none: is the connection still wanted?
constexpr unsigned attempt_max = 30;                      // of 2^attempt seconds
constexpr unsigned bad_subscribe = 0x80;

void keep_paho_threads_alive() {
  static auto* const forever = new mqtt::async_client("tcp://127.0.0.1:1", "");
  (void)forever;
}

// Paho passes CONNACK's return codes on as they are.
std::string failure_text(int code) {
  switch (code) {
    case 1:
      return "the broker refuses this version of MQTT";
    case 2:
      return "the broker refuses the client id";
    case 3:
      return "the broker is unavailable";
    case 4:
      return "the broker refuses user name or password";
    case 5:
      return "the broker does not authorise this client";
    default:
      return "no connection (Paho code " + std::to_string(code) + ")";
  }
}

std::uint64_t random_seed() {
  std::random_device device;
  const std::uint64_t high = device();
  return high << 32 | device();
}

mqtt::connect_options connect_options(const BusSettings& settings, const BrokerAddress& address, std::int64_t connect_ms) {
  mqtt::connect_options options;
  options.set_mqtt_version(MQTTVERSION_3_1_1);
  options.set_clean_session(true);
  options.set_automatic_reconnect(false);
  options.set_keep_alive_interval(settings.keep_alive_s);
  options.set_connect_timeout(static_cast<int>(std::max<std::int64_t>(1, connect_ms / 1000)));
  options.set_max_inflight(static_cast<int>(settings.in_flight_max));
  if (!settings.user_name.empty()) options.set_user_name(settings.user_name);
  if (settings.will) {
    const auto& will = *settings.will;
    options.set_will(mqtt::will_options(will.topic, will.payload.data(), will.payload.size(), will.qos, will.retain));
  }
  if (address.tls) {
    mqtt::ssl_options tls;
    if (!settings.ca_file.empty()) tls.set_trust_store(settings.ca_file);
    if (!settings.certificate_file.empty()) tls.set_key_store(settings.certificate_file);
    if (!settings.key_file.empty()) tls.set_private_key(settings.key_file);
    tls.set_enable_server_cert_auth(true);
    tls.set_verify(true);
    options.set_ssl(tls);
  }
  return options;
}

Result<void> check(const BusSettings& settings) {
  const auto wrong = [](std::string why) { return fail(Code::invalid_input, "bus settings: " + std::move(why)); };
  if (settings.client_id.empty()) return wrong("client id is empty");
  if (settings.in_flight_max == 0 || settings.in_flight_max > 65'535) return wrong("in_flight_max must be 1 to 65535");
  if (settings.keep_alive_s < 1 || settings.keep_alive_s > 65'535) return wrong("keep_alive_s must be 1 to 65535");
  if (settings.reconnect_ms_max < 0) return wrong("reconnect_ms_max is negative");
  return {};
}

}  // namespace

std::int64_t reconnect_delay_ms(Random& random, unsigned attempt, std::int64_t max_ms) {
  const std::int64_t limit = std::min(max_ms, std::int64_t{1000} << std::min(attempt, attempt_max));
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(limit)));
}

std::string random_client_id() {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device device;
  std::uniform_int_distribution<std::size_t> draw(0, alphabet.size() - 1);
  std::string id(22, '0');
  for (char& c : id) c = alphabet[draw(device)];
  return id;
}

// All state is under mutex_. The handler is called with it held, which keeps its calls in order and one at a time.
class MqttBus::Connection {
 public:
  Connection(const BusSettings& settings, BusDeadlines deadlines, BrokerAddress address, BusHandler handler)
      : settings_(settings), deadlines_(deadlines), address_(std::move(address)), handler_(std::move(handler)), random_{random_seed()} {}

  void run();
  Result<std::uint64_t> publish(BusMessage message);
  // True: the thread has ended.
  bool stop();

 private:
  enum class Phase { down, connecting, subscribing, up, lost };

  // Paho's side: the generation, or the ticket, travels as the token's user context.
  class Listener final : public mqtt::iaction_listener {
   public:
    using Ended = void (Connection::*)(std::uint64_t context, const mqtt::token& token, bool well);
    Listener(Connection& connection, Ended ended) : connection_(connection), ended_(ended) {}
    void on_success(const mqtt::token& token) override { (connection_.*ended_)(context(token), token, true); }
    void on_failure(const mqtt::token& token) override { (connection_.*ended_)(context(token), token, false); }

   private:
    static std::uint64_t context(const mqtt::token& token) { return reinterpret_cast<std::uintptr_t>(token.get_user_context()); }
    Connection& connection_;
    Ended ended_;
  };
  static void* as_context(std::uint64_t number) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(number)); }

  void connect_ended(std::uint64_t generation, const mqtt::token& token, bool well);
  void subscribe_ended(std::uint64_t generation, const mqtt::token& token, bool well);
  void publish_ended(std::uint64_t ticket, const mqtt::token& token, bool well);
  void connection_lost(std::uint64_t generation, const std::string& cause);
  void message_arrived(std::uint64_t generation, const mqtt::message& message);
  void wait_for_room(std::uint64_t generation);

  using Lock = std::unique_lock<std::mutex>;
  void lose(const std::string& why);  // with the lock
  bool one_connection();              // true: it came up
  void open(std::uint64_t generation);
  void subscribe(std::uint64_t generation);
  void send_while_up();
  void close();
  template <class Call>
  void guarded(const char* doing, Call call);

  const BusSettings settings_;
  const BusDeadlines deadlines_;
  const BrokerAddress address_;

  std::mutex mutex_;
  std::condition_variable changed_;
  BusHandler handler_;
  Phase phase_ = Phase::down;
  bool stopping_ = false;
  bool ended_ = false;
  bool asking_ = false;  // whether there is room, just now
  std::string reason_;
  bool told_up_ = false;  // the handler has heard BusConnected, and not yet BusDisconnected
  std::uint64_t generation_ = 0;
  std::size_t subscriptions_open_ = 0;
  std::deque<BusReceived> early_;
  struct Queued {
    std::uint64_t ticket = 0;
    BusMessage message;
  };
  std::deque<Queued> queue_;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t first_ticket_ = 1;  // of the present connection
  std::size_t in_flight_ = 0;
  Clock::time_point acknowledged_at_{};  // last PUBACK, or when the window stopped being empty

  // the bus's own thread only
  Random random_;
  std::unique_ptr<mqtt::async_client> client_;
  Listener connect_listener_{*this, &Connection::connect_ended};
  Listener subscribe_listener_{*this, &Connection::subscribe_ended};
  Listener publish_listener_{*this, &Connection::publish_ended};
};

// ---- Paho's threads ---------------------------------------------------------------------------------------------------

void MqttBus::Connection::connect_ended(std::uint64_t generation, const mqtt::token& token, bool well) {
  const std::lock_guard lock(mutex_);
  if (generation != generation_ || phase_ != Phase::connecting) return;
  if (well) {
    phase_ = Phase::subscribing;
    subscriptions_open_ = settings_.filters.size();
    changed_.notify_all();
  } else {
    lose("connect: " + failure_text(token.get_return_code()));
  }
}

void MqttBus::Connection::subscribe_ended(std::uint64_t generation, const mqtt::token& token, bool well) {
  if (well) {
    try {
      const auto response = token.get_subscribe_response();
      for (const auto code : response.get_reason_codes()) well = well && static_cast<unsigned>(code) < bad_subscribe;
    } catch (const std::exception&) {
      well = false;
    }
  }
  const std::lock_guard lock(mutex_);
  if (generation != generation_ || phase_ != Phase::subscribing) return;
  if (!well) return lose("subscribe: the broker refused it");
  --subscriptions_open_;
  changed_.notify_all();
}

void MqttBus::Connection::publish_ended(std::uint64_t ticket, const mqtt::token& token, bool well) {
  const std::lock_guard lock(mutex_);
  if (ticket < first_ticket_ || phase_ != Phase::up) return;
  if (!well) return lose("publish: " + failure_text(token.get_return_code()));
  --in_flight_;
  acknowledged_at_ = Clock::now();
  if (!queue_.empty() || stopping_) changed_.notify_all();
  // The tickets of QoS 0 were never told.
  const auto* delivery = dynamic_cast<const mqtt::delivery_token*>(&token);
  if (handler_ && delivery != nullptr && delivery->get_message() && delivery->get_message()->get_qos() > 0) handler_(BusPublished{ticket});
}

void MqttBus::Connection::connection_lost(std::uint64_t generation, const std::string& cause) {
  const std::lock_guard lock(mutex_);
  if (generation == generation_) lose(cause.empty() ? "connection lost" : cause);
}

void MqttBus::Connection::message_arrived(std::uint64_t generation, const mqtt::message& message) {
  wait_for_room(generation);
  BusReceived received{message.get_topic(), message.get_payload_str(), message.is_retained()};
  const std::lock_guard lock(mutex_);
  if (generation != generation_) return;
  if (phase_ == Phase::up) {
    if (handler_) handler_(std::move(received));
  } else if (phase_ == Phase::subscribing && early_.size() < early_messages_max) {
    early_.push_back(std::move(received));
  }
}

// Without our lock, since who makes room may be about to publish. While this waits, Paho reads nothing, the socket fills, and the
// broker stops sending.
void MqttBus::Connection::wait_for_room(std::uint64_t generation) {
  if (!settings_.room) return;
  const auto until = Clock::now() + milliseconds(deadlines_.hold_ms);
  bool room = false;
  Lock lock(mutex_);
  for (milliseconds look{0}; !room && generation == generation_ && phase_ == Phase::up && !stopping_; look = room_look) {
    asking_ = true;
    lock.unlock();
    room = settings_.room(look) || Clock::now() >= until;
    lock.lock();
    asking_ = false;
  }
  if (stopping_) changed_.notify_all();
}

void MqttBus::Connection::lose(const std::string& why) {
  if (phase_ == Phase::down || phase_ == Phase::lost) return;
  phase_ = Phase::lost;
  reason_ = why;
  changed_.notify_all();
}

// ---- the bus's own thread ---------------------------------------------------------------------------------------------

template <class Call>
void MqttBus::Connection::guarded(const char* doing, Call call) {
  std::string error;
  try {
    call();
    return;
  } catch (const std::exception& caught) {
    error = caught.what();
  }
  const std::lock_guard lock(mutex_);
  lose(std::string(doing) + ": " + error);
}

void MqttBus::Connection::open(std::uint64_t generation) {
  guarded("connect", [&] {
    const bool ipv6 = address_.host.find(':') != std::string::npos;
    const std::string uri = std::string(address_.tls ? "ssl://" : "tcp://") + (ipv6 ? "[" + address_.host + "]" : address_.host) + ":" +
                            std::to_string(address_.port);
    mqtt::create_options created;
    created.set_max_buffered_messages(static_cast<int>(settings_.in_flight_max));
    client_ = std::make_unique<mqtt::async_client>(uri, settings_.client_id, created);
    client_->set_connection_lost_handler([this, generation](const std::string& cause) { connection_lost(generation, cause); });
    client_->set_message_callback([this, generation](const mqtt::const_message_ptr& message) {
      if (message) message_arrived(generation, *message);
    });
    client_->connect(connect_options(settings_, address_, deadlines_.connect_ms), as_context(generation), connect_listener_);
  });
}

void MqttBus::Connection::subscribe(std::uint64_t generation) {
  // One SUBSCRIBE a filter: a refused filter among several is reported as a success.
  guarded("subscribe", [&] {
    for (const auto& filter : settings_.filters) client_->subscribe(filter, 1, as_context(generation), subscribe_listener_);
  });
}

bool MqttBus::Connection::one_connection() {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    generation = ++generation_;
    phase_ = Phase::connecting;
    reason_.clear();
    early_.clear();
  }
  const auto wait = [&](std::int64_t ms, const char* what, auto ready) {
    Lock lock(mutex_);
    const bool in_time = changed_.wait_for(lock, milliseconds(ms), [&] { return stopping_ || phase_ == Phase::lost || ready(); });
    if (!in_time) lose(std::string(what) + ": no answer in time");
    return !stopping_ && phase_ != Phase::lost;
  };
  open(generation);
  bool well = wait(deadlines_.connect_ms, "connect", [&] { return phase_ != Phase::connecting; });
  if (well) {
    subscribe(generation);
    well = wait(deadlines_.subscribe_ms, "subscribe", [&] { return subscriptions_open_ == 0; });
  }
  if (well) {
    const std::lock_guard lock(mutex_);
    well = phase_ == Phase::subscribing;
    if (well) {
      phase_ = Phase::up;
      first_ticket_ = next_ticket_;
      in_flight_ = 0;
      acknowledged_at_ = Clock::now();
      told_up_ = true;
      if (handler_) {
        handler_(BusConnected{});
        for (auto& message : early_) handler_(std::move(message));
      }
      early_.clear();
    }
  }
  if (well) send_while_up();
  close();
  return well;
}

void MqttBus::Connection::send_while_up() {
  Lock lock(mutex_);
  while (phase_ == Phase::up) {
    const bool may_send = !queue_.empty() && in_flight_ < settings_.in_flight_max;
    if (!may_send) {
      if (stopping_ && queue_.empty() && in_flight_ == 0) return;
      const bool woken = changed_.wait_for(lock, milliseconds(stopping_ ? deadlines_.flush_ms : still_connected_check_ms), [&] {
        return phase_ != Phase::up || (!queue_.empty() && in_flight_ < settings_.in_flight_max) ||
               (stopping_ && queue_.empty() && in_flight_ == 0);
      });
      if (woken) continue;
      if (stopping_) return;
      if (in_flight_ > 0 && Clock::now() - acknowledged_at_ > milliseconds(deadlines_.acknowledge_ms))
        lose("publish: no acknowledgement in time");
      lock.unlock();
      const bool connected = client_->is_connected();
      lock.lock();
      if (!connected) lose("connection lost");
      continue;
    }
    std::vector<Queued> batch;
    if (in_flight_ == 0) acknowledged_at_ = Clock::now();
    while (!queue_.empty() && in_flight_ < settings_.in_flight_max) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
      ++in_flight_;
    }
    lock.unlock();
    guarded("publish", [&] {
      for (auto& [ticket, message] : batch)
        client_->publish(mqtt::make_message(std::move(message.topic), std::move(message.payload), message.qos, message.retain),
                         as_context(ticket), publish_listener_);
    });
    lock.lock();
  }
}

void MqttBus::Connection::close() {
  bool goodbye = false;
  {
    const std::lock_guard lock(mutex_);
    goodbye = phase_ == Phase::up;
    phase_ = Phase::down;
    queue_.clear();
    in_flight_ = 0;
    early_.clear();
    const bool was_up = std::exchange(told_up_, false);
    if (was_up && handler_) handler_(BusDisconnected{goodbye ? "stopped" : reason_});
    if (!was_up && !stopping_ && settings_.on_attempt_failed) settings_.on_attempt_failed(reason_);
  }
  if (!client_) return;
  try {
    if (client_->is_connected()) {
      const auto token = client_->disconnect(milliseconds(0));
      token->wait_for(milliseconds(deadlines_.flush_ms));
    }
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it is gone either way
  }
  client_.reset();
}

void MqttBus::Connection::run() {
  unsigned attempt = 0;
  while (true) {
    const bool came_up = one_connection();
    attempt = came_up ? 0 : std::min(attempt + 1, attempt_max);
    const auto delay = milliseconds(reconnect_delay_ms(random_, attempt, settings_.reconnect_ms_max));
    Lock lock(mutex_);
    if (changed_.wait_for(lock, delay, [&] { return stopping_; })) break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

// ---- callers' threads -------------------------------------------------------------------------------------------------

Result<std::uint64_t> MqttBus::Connection::publish(BusMessage message) {
  if (message.qos != 0 && message.qos != 1)
    return fail(Code::invalid_input, "publish: QoS " + std::to_string(message.qos) + " is not used here");
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::up || stopping_) return fail(Code::unavailable, "publish: not connected");
  if (queue_.size() >= settings_.queue_max)
    return fail(Code::unavailable, "publish: " + std::to_string(queue_.size()) + " messages wait already");
  const std::uint64_t ticket = next_ticket_++;
  const bool acknowledged = message.qos == 1;
  queue_.push_back({ticket, std::move(message)});
  if (in_flight_ < settings_.in_flight_max) changed_.notify_all();
  return acknowledged ? ticket : 0;
}

bool MqttBus::Connection::stop() {
  Lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, milliseconds(deadlines_.stop_ms), [&] { return ended_; });
  changed_.wait(lock, [&] { return !asking_; });
  handler_ = nullptr;
  return ended_;
}

MqttBus::MqttBus(BusSettings settings, BusDeadlines deadlines) : settings_(std::move(settings)), deadlines_(deadlines) {}

MqttBus::~MqttBus() {
  stop();
}

Result<void> MqttBus::start(BusHandler handler) {
  if (connection_ || stopped_) return fail(Code::conflict, "bus: started already");
  if (auto checked = check(settings_); !checked) return checked;
  auto address = parse_broker_url(settings_.url);
  if (!address) return fail(address.error());
  if (auto allowed = check_plain_text(*address); !allowed) return allowed;
  keep_paho_threads_alive();
  connection_ = std::make_shared<Connection>(settings_, deadlines_, std::move(*address), std::move(handler));
  thread_ = std::thread([connection = connection_] { connection->run(); });
  return {};
}

void MqttBus::stop() {
  if (stopped_ || !connection_) return;
  stopped_ = true;
  if (connection_->stop()) {
    thread_.join();
  } else {
    thread_.detach();  // Paho does not return; the thread keeps the connection alive, and nobody hears of it again
  }
}

Result<std::uint64_t> MqttBus::publish(BusMessage message) {
  if (!connection_) return fail(Code::unavailable, "publish: not started");
  return connection_->publish(std::move(message));
}

}  // namespace abide
