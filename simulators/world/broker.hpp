#pragma once
// The broker and the network to it: real topics, real bytes. A client is a machine's agent or the orchestrator. A message
// travels to the broker and from there to each subscriber; each way takes its time, within a topic and connection in order.
// It tells the observers what is published and what is delivered.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/bus/bus.hpp"
#include "simulators/world/observer.hpp"

namespace abide::sim {

// The orchestrator is the client without a machine.
using ClientIndex = std::optional<MachineIndex>;

class Broker {
 public:
  explicit Broker(World& world) : world_(world) {}
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  using Handler = std::function<void(BusEvent)>;  // called from the heap, when it arrives at the client

  // CONNECT with will, SUBSCRIBE: the handler hears BusConnected when both are through, or BusDisconnected if the broker is
  // away; then retained messages and all that comes. A client that is connected already begins a new connection.
  void connect(ClientIndex client, std::vector<std::string> filters, std::optional<BusMessage> will, Handler handler);
  // The process ends, or power is cut: the broker notices later, and publishes the will.
  void vanish(ClientIndex client);
  // The connection ends on both sides; the handler hears it.
  void lose_connection(ClientIndex client);
  // False: not connected. QoS 1 brings BusPublished with the ticket, once the broker has it.
  bool publish(ClientIndex client, BusMessage message, std::uint64_t ticket);
  [[nodiscard]] bool connected(ClientIndex client) const;  // as the client sees it

  void restart(bool forget_retained);
  [[nodiscard]] bool away() const { return away_; }
  [[nodiscard]] const std::map<std::string, BusMessage>& retained() const { return retained_; }
  // The network of one client does not work: connections end and none come about.
  void wedge(ClientIndex client, bool wedged);

 private:
  // One direction of a connection: what was sent first arrives first, save that topics may overtake each other.
  struct Way {
    std::int64_t free_ms = 0;
    std::map<std::string, std::int64_t, std::less<>> held_up;  // topics that others overtook, and when they are free again
  };
  struct Connection {
    std::uint64_t number = 0;  // 0: none. What carries an older number is of a connection that has ended
    bool subscribed = false;   // the broker knows it
    bool heard = false;        // the client knows it
    std::vector<std::string> filters;
    std::optional<BusMessage> will;
    Handler handler;
    bool wedged = false;
    Way up, down;
  };

  void subscribe(ClientIndex client, std::uint64_t number);
  void arrive(ClientIndex from, std::uint64_t number, const BusMessage& message, std::uint64_t ticket);
  void spread(const BusMessage& message);
  void deliver(ClientIndex to, const BusMessage& message, bool retained);
  void hand_over(ClientIndex to, std::uint64_t number, BusEvent event, std::int64_t at_ms);
  void end(ClientIndex client, const std::string& why, std::int64_t will_in_ms, bool tell);
  [[nodiscard]] std::int64_t arrival_ms(Way& way, std::string_view topic, std::optional<MachineIndex> whose);
  [[nodiscard]] bool is_current(ClientIndex client, std::uint64_t number) const;
  [[nodiscard]] std::vector<ClientIndex> subscribers(const std::string& topic) const;
  [[nodiscard]] std::int64_t draw_ms(std::int64_t from_ms, std::int64_t to_ms);

  World& world_;
  std::map<ClientIndex, Connection> connections_;
  std::map<std::string, std::set<ClientIndex>, std::less<>> subscribed_;  // by filter
  std::map<std::string, BusMessage> retained_;
  std::uint64_t next_number_ = 1;
  bool away_ = false;
};

}  // namespace abide::sim
