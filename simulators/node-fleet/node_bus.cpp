#include "simulators/node-fleet/node_bus.hpp"

#include <algorithm>
#include <cerrno>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "common/bus/mqtt_bus.hpp"

namespace abide::node_fleet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds handshake_max{30};  // from the first SYN to the SUBACK: a broker that a whole fleet comes to takes its time
constexpr seconds goodbye_max{1};
constexpr std::uint16_t subscribe_id = 65'535;  // tickets never take it
constexpr std::uint64_t ids = 65'534;
constexpr std::size_t early_messages_max = 100;
constexpr unsigned attempt_max = 30;
constexpr std::size_t idle_buffer_max = 4'096;  // a larger one is given back once it is empty

SteadyTime now_steady() {
  return std::chrono::steady_clock::now();
}

std::uint16_t id_of(std::uint64_t ticket) {
  return static_cast<std::uint16_t>(ticket % ids + 1);
}

std::string client_id_from(Random& random) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string id(22, '0');
  for (char& letter : id) letter = alphabet[random.below(alphabet.size())];
  return id;
}

void give_back(std::string& buffer) {
  if (buffer.empty() && buffer.capacity() > idle_buffer_max) buffer.shrink_to_fit();
}

}  // namespace

NodeBus::NodeBus(Network& network, const BusWeather& weather, std::size_t tag, Random random)
    : network_(network), weather_(weather), tag_(tag), random_(random) {}

NodeBus::~NodeBus() {
  drop_socket();
}

Result<void> NodeBus::start(BusHandler handler) {
  drop_socket();  // the goodbye of an earlier life may still have been under way
  handler_ = std::move(handler);
  attempt_ = 0;
  phase_ = Phase::waiting;
  moment_ = now_steady();
  return {};
}

void NodeBus::stop() {
  handler_ = nullptr;
  delayed_.clear();
  if (phase_ != Phase::up) {
    drop_socket();
    phase_ = Phase::off;
    return;
  }
  mqtt::append_disconnect(out_);
  packet_begins();
  phase_ = Phase::closing;
  moment_ = now_steady() + goodbye_max;
}

Result<std::uint64_t> NodeBus::publish(BusMessage message) {
  if (phase_ != Phase::up) return fail(Code::unavailable, "publish: not connected");
  if (message.qos > 0 && in_flight_ >= in_flight_max)
    return fail(Code::unavailable, "publish: " + std::to_string(in_flight_) + " messages are not acknowledged yet");
  const std::uint64_t ticket = next_ticket_++;
  const bool acknowledged = message.qos > 0;
  if (acknowledged) ++in_flight_;
  if (weather_.latency_ms > 0 || !delayed_.empty()) {
    delayed_.push_back({now_steady() + milliseconds(weather_.latency_ms), {}, std::move(message), ticket});
  } else {
    send(ticket, message);
  }
  return acknowledged ? ticket : 0;
}

void NodeBus::send(std::uint64_t ticket, const BusMessage& message) {
  mqtt::append_publish(out_, id_of(ticket), message.topic, message.payload, message.qos, message.retain);
  ++network_.traffic.messages_out;
  network_.traffic.payload_out += message.payload.size();
  packet_begins();
}

void NodeBus::packet_begins() {
  ++network_.traffic.packets_out;
  if (phase_ == Phase::up) moment_ = now_steady() + seconds(weather_.keep_alive_s);
}

// ---- the connection -----------------------------------------------------------------------------------------------------

void NodeBus::attempt() {
  auto fd = network_.connect(tag_);
  if (!fd) return lose(fd.error().message);
  fd_ = *fd;
  write_watched_ = true;
  phase_ = Phase::connecting;
  moment_ = now_steady() + handshake_max;
}

void NodeBus::drop_socket() {
  if (tls_ != nullptr) SSL_free(tls_);
  tls_ = nullptr;
  if (fd_ >= 0) network_.close(fd_);
  fd_ = -1;
  write_watched_ = false;
  ping_open_ = false;
  in_.clear();
  in_.shrink_to_fit();
  out_.clear();
  out_.shrink_to_fit();
  early_.clear();
  early_.shrink_to_fit();
  delayed_.clear();
  in_flight_ = 0;
}

void NodeBus::lose(const std::string& why) {
  const auto before = phase_;
  drop_socket();
  if (before == Phase::closing || before == Phase::off) {
    phase_ = Phase::off;
    return;
  }
  if (before == Phase::up) {
    ++network_.traffic.losses;
    attempt_ = 0;
  } else {
    ++network_.traffic.attempts_failed;
    network_.traffic.last_failure = why;
    attempt_ = std::min(attempt_ + 1, attempt_max);
  }
  phase_ = Phase::waiting;
  moment_ = now_steady() + milliseconds(reconnect_delay_ms(random_, attempt_, weather_.reconnect_ms_max));
  if (before == Phase::up && handler_) handler_(BusDisconnected{why});
}

void NodeBus::cut(const std::string& why) {
  if (phase_ == Phase::up) lose(why);
}

void NodeBus::hold(bool held) {
  held_ = held;
  if (held && phase_ != Phase::off && phase_ != Phase::waiting && phase_ != Phase::closing) lose("offline");
}

void NodeBus::shake_hands() {
  if (phase_ == Phase::connecting) {
    int code = 0;
    socklen_t bytes = sizeof code;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &code, &bytes) != 0 || code != 0)
      return lose("connect: " + std::generic_category().message(code));
    auto tls = network_.new_tls(fd_, identity_.uuid);
    if (!tls) return lose(tls.error().message);
    tls_ = *tls;
    phase_ = Phase::handshake;
  }
  if (phase_ != Phase::handshake) return;
  if (tls_ != nullptr) {
    ERR_clear_error();
    const int done = SSL_do_handshake(tls_);
    if (done != 1) {
      const int wants = SSL_get_error(tls_, done);
      const bool writes = wants == SSL_ERROR_WANT_WRITE;
      if (!writes && wants != SSL_ERROR_WANT_READ) {
        const char* reason = ERR_reason_error_string(ERR_peek_error());
        return lose(std::string("TLS: ") + (reason == nullptr ? "the broker closed the connection" : reason));
      }
      if (writes != write_watched_) network_.want_write(fd_, tag_, writes);
      write_watched_ = writes;
      return;
    }
  }
  mqtt::append_connect(out_, client_id_from(random_), identity_.uuid, identity_.will, weather_.keep_alive_s);
  packet_begins();
  phase_ = Phase::connack;
}

void NodeBus::ready(bool readable, bool writable) {
  if (fd_ < 0) return;
  if (phase_ == Phase::connecting || phase_ == Phase::handshake) {
    if (phase_ == Phase::connecting && !writable) return;
    shake_hands();
    return;
  }
  if (readable) read_all();
}

std::ptrdiff_t NodeBus::receive(char* into, std::size_t most) {
  if (tls_ == nullptr) {
    const auto got = ::recv(fd_, into, most, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return -1;
    return got < 0 ? 0 : got;
  }
  ERR_clear_error();
  const int got = SSL_read(tls_, into, static_cast<int>(most));
  if (got > 0) return got;
  const int wants = SSL_get_error(tls_, got);
  return wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE ? -1 : 0;
}

std::ptrdiff_t NodeBus::write_some(const char* from, std::size_t bytes) {
  if (tls_ == nullptr) {
    const auto put = ::send(fd_, from, bytes, MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) return -1;
    return put < 0 ? 0 : put;
  }
  ERR_clear_error();
  const int put = SSL_write(tls_, from, static_cast<int>(bytes));
  if (put > 0) return put;
  const int wants = SSL_get_error(tls_, put);
  return wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE ? -1 : 0;
}

void NodeBus::read_all() {
  while (fd_ >= 0) {
    const auto got = receive(network_.scratch.data(), network_.scratch.size());
    if (got < 0) return;
    if (got == 0) return lose("the broker closed the connection");
    network_.traffic.bytes_in += static_cast<std::uint64_t>(got);
    std::string_view bytes(network_.scratch.data(), static_cast<std::size_t>(got));
    std::string whole;
    if (!in_.empty()) {
      whole = std::exchange(in_, {});
      whole += bytes;
      bytes = whole;
    }
    std::size_t taken = 0;
    if (!take_all(bytes, taken)) return;
    if (taken < bytes.size()) in_ = std::string(bytes.substr(taken));
    if (static_cast<std::size_t>(got) < network_.scratch.size() && tls_ == nullptr) return;
  }
}

bool NodeBus::take_all(std::string_view bytes, std::size_t& taken) {
  while (taken < bytes.size()) {
    auto next = mqtt::next_packet(bytes.substr(taken));
    if (!next) {
      lose(next.error().message);
      return false;
    }
    if (!*next) return true;
    taken += (*next)->bytes;
    ++network_.traffic.packets_in;
    if (!take((*next)->packet)) return false;
  }
  return true;
}

bool NodeBus::take(const mqtt::Packet& packet) {
  if (const auto* connack = std::get_if<mqtt::Connack>(&packet)) {
    if (phase_ != Phase::connack || connack->code != 0) {
      lose(phase_ == Phase::connack ? mqtt::refusal_text(connack->code) : "the broker answered what was not asked");
      return false;
    }
    phase_ = Phase::suback;
    mqtt::append_subscribe(out_, subscribe_id, identity_.filters);
    packet_begins();
  } else if (const auto* suback = std::get_if<mqtt::Suback>(&packet)) {
    if (phase_ != Phase::suback || suback->id != subscribe_id || !suback->granted) {
      lose("subscribe: the broker refused it");
      return false;
    }
    came_up();
  } else if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    ++network_.traffic.messages_in;
    network_.traffic.payload_in += publish->payload.size();
    if (publish->qos == 1) {
      mqtt::append_puback(out_, publish->id);
      ++network_.traffic.packets_out;
    }
    BusReceived received{std::string(publish->topic), std::string(publish->payload), publish->retained};
    if (phase_ == Phase::up) {
      deliver(std::move(received));
    } else if (phase_ == Phase::suback && early_.size() < early_messages_max) {
      early_.push_back(std::move(received));
    }
  } else if (const auto* puback = std::get_if<mqtt::Puback>(&packet)) {
    if (in_flight_ > 0) --in_flight_;
    // At most in_flight_max are open: the newest ticket with this id is the one.
    const std::uint64_t newest = next_ticket_ - 1;
    const std::uint64_t back = (newest % ids + ids + 1 - puback->id) % ids;
    if (back < newest && newest - back >= first_ticket_) deliver(BusPublished{newest - back});
  } else {
    ping_open_ = false;
  }
  return true;
}

void NodeBus::came_up() {
  phase_ = Phase::up;
  attempt_ = 0;
  in_flight_ = 0;
  first_ticket_ = next_ticket_;
  moment_ = now_steady() + seconds(weather_.keep_alive_s);
  ++network_.traffic.connects;
  deliver(BusConnected{});
  for (auto& received : std::exchange(early_, {})) deliver(std::move(received));
}

// A change of the connection itself is known at once; what travels takes its time.
void NodeBus::deliver(BusEvent event) {
  const bool travels = !std::holds_alternative<BusConnected>(event);
  if (travels && (weather_.latency_ms > 0 || !delayed_.empty())) {
    delayed_.push_back({now_steady() + milliseconds(weather_.latency_ms), std::move(event), std::nullopt, 0});
  } else if (handler_) {
    handler_(std::move(event));
  }
}

void NodeBus::flush() {
  if (fd_ < 0 || phase_ == Phase::connecting || phase_ == Phase::handshake) return;
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const auto put = write_some(out_.data() + sent, out_.size() - sent);
    if (put == 0) return lose("write: the broker closed the connection");
    if (put < 0) break;
    sent += static_cast<std::size_t>(put);
    network_.traffic.bytes_out += static_cast<std::uint64_t>(put);
  }
  out_.erase(0, sent);
  give_back(out_);
  if (phase_ == Phase::closing && out_.empty()) {
    drop_socket();
    phase_ = Phase::off;
    return;
  }
  if (write_watched_ != !out_.empty()) {
    write_watched_ = !out_.empty();
    network_.want_write(fd_, tag_, write_watched_);
  }
}

// ---- time ---------------------------------------------------------------------------------------------------------------

SteadyTime NodeBus::next_moment() const {
  SteadyTime next = SteadyTime::max();
  if (phase_ == Phase::off || (phase_ == Phase::waiting && held_)) return next;
  next = moment_;
  if (!delayed_.empty()) next = std::min(next, delayed_.front().at);
  return next;
}

void NodeBus::advance(SteadyTime now) {
  while (!delayed_.empty() && delayed_.front().at <= now) {
    auto delayed = std::move(delayed_.front());
    delayed_.pop_front();
    if (delayed.message) {
      send(delayed.ticket, *delayed.message);
    } else if (handler_) {
      handler_(std::move(delayed.event));
    }
  }
  if (phase_ == Phase::off || moment_ > now) return;
  switch (phase_) {
    case Phase::waiting:
      if (!held_) attempt();
      break;
    case Phase::up:
      if (ping_open_) return lose("the broker does not answer a ping");
      ping_open_ = true;
      mqtt::append_pingreq(out_);
      packet_begins();
      break;
    case Phase::closing:
      lose("");
      break;
    default:
      lose("the broker does not answer in time");
      break;
  }
}

std::size_t NodeBus::bytes_held() const {
  std::size_t bytes = in_.capacity() + out_.capacity();
  for (const auto& delayed : delayed_) bytes += sizeof delayed + (delayed.message ? delayed.message->payload.size() : 0);
  return bytes;
}

}  // namespace abide::node_fleet
