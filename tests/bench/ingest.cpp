// How fast the orchestrator takes in what nodes say, and how soon it is durable: its shell on RocksDB, a real Mosquitto between, and
// one publisher that floods, or speaks at a rate.
//
//   flood    events a second from the first PUBLISH to the fsync that makes the last one durable, beside `mosquitto_sub -q 1` that drains
//            the same flood from the same broker
//   rate     from a node's PUBLISH to the fsync that makes its event durable, in fsyncs of this disk
//   fair     the same at the first rate, while one more client repeats itself as fast as the broker takes it, with as many in flight as an
//            agent has, and as in the floods: p50 beside the same without it, p99 beside the same where it speaks to nobody. The broker
//            has the limits of broker-config/ for that one
//
// Exit codes: 0 within the limits; 1 not; 2 wrong usage; 4 something is not stored as it was said.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "common/bus/mqtt_bus.hpp"
#include "common/service/logging.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/orchestrator.hpp"
#include "tests/bench/rows.hpp"
#include "tests/bench/speaker.hpp"
#include "tests/support/broker.hpp"

namespace {

using namespace abide;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr double flood_goal = 0.8;                         // of the baseline's rate, at least
constexpr double fair_p50_max = 2;                         // times what it is without the one that floods: half of the events hardly notice
constexpr double fair_p99_max = 2;                         // times what it is when the flood goes to nobody: both cores are as busy then
constexpr double p50_fsyncs_max = 3, p99_fsyncs_max = 10;  // of the median fsync
constexpr std::size_t baseline_fsyncs = 200;               // in each round
constexpr std::size_t fsync_bytes = 4'096;
constexpr std::chrono::seconds silence_max{20};  // nothing more becomes durable: given up
constexpr std::chrono::milliseconds pace{1};
constexpr std::size_t node_in_flight = 16;  // as an agent has
// The broker's limits for all but who speaks for many nodes here.
constexpr const char* limits = "plugin @LIMITS@\nplugin_opt_exempt orchestrator,bench-rate,bench-hellos\n";
constexpr const char* project = "bench";
constexpr const char* stranger = "other";  // a project that nobody serves
constexpr const char* ready_topic = "abide/v1/other/ready";

struct Options {
  std::size_t nodes = 1'000, events = 100'000, in_flight = 1'000;
  std::vector<double> rates{1'000, 5'000};
  double seconds = 4;
  int rounds = 3;
  std::string only;
  bool no_limits = false, as_json = false, open_broker = false;
};

[[noreturn]] void broken(const std::string& what) {
  std::fprintf(stderr, "bench-ingest: %s\n", what.c_str());
  std::_Exit(4);
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5)];
}
double median(const std::vector<double>& samples) {
  return percentile(samples, 0.5);
}

// ---- a publisher that costs as little as can be ---------------------------------------------------------------------------

struct Said {
  std::string topic, payload;
};

// MQTT 3.1.1 by hand: CONNECT, PUBLISH at QoS 1 with so many in flight, PUBACK.
class Publisher {
 public:
  Publisher(std::uint16_t port, const std::string& client_id, std::size_t in_flight_max) : in_flight_max_(in_flight_max) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) broken("no connection to the broker");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::string variable("\0\4MQTT\4\2\0\0", 10);  // clean session, no keep-alive
    variable += length_of(client_id) + client_id;
    out_ = "\x10" + remaining(variable.size()) + variable;
    while (!out_.empty()) turn(-1);
    while (!connected_) turn(-1);
    ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  ~Publisher() { ::close(fd_); }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void add(const Said& said, bool retain = false) {
    const std::uint16_t id = next_id_;
    next_id_ = static_cast<std::uint16_t>(next_id_ == 65'535 ? 1 : next_id_ + 1);
    out_ += static_cast<char>(retain ? 0x33 : 0x32);
    out_ += remaining(2 + said.topic.size() + 2 + said.payload.size());
    out_ += length_of(said.topic) + said.topic;
    out_ += static_cast<char>(id >> 8U);
    out_ += static_cast<char>(id & 0xFFU);
    out_ += said.payload;
    ++in_flight_;
  }
  [[nodiscard]] bool has_room() const { return in_flight_ < in_flight_max_; }
  [[nodiscard]] bool is_done() const { return out_.empty() && in_flight_ == 0; }
  // Sends and receives what can be, and waits for at most so long until something can; -1: for ever.
  void turn(int wait_ms) {
    pollfd ready{fd_, static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0};
    if (::poll(&ready, 1, wait_ms) <= 0) return;
    if ((ready.revents & POLLOUT) != 0) {
      const ssize_t sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) broken("the broker has ended the publisher's connection");
      if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
    }
    if ((ready.revents & (POLLIN | POLLHUP)) == 0) return;
    char buffer[1 << 14];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) broken("the broker has ended the publisher's connection");
    if (got > 0) in_.append(buffer, static_cast<std::size_t>(got));
    std::size_t at = 0;
    for (; in_.size() - at >= 4; at += 4) {  // CONNACK and PUBACK both have 4 bytes
      const auto kind = static_cast<unsigned char>(in_[at]) >> 4U;
      if (kind == 2) connected_ = true;
      if (kind == 4) --in_flight_;
    }
    in_.erase(0, at);
  }
  void publish_all(const std::vector<Said>& all) {
    for (const auto& said : all) {
      while (!has_room() || out_.size() > out_bytes_max) turn(-1);
      add(said);
      if (out_.size() > out_bytes_max / 2) turn(0);
    }
    while (!is_done()) turn(-1);
  }

 private:
  static constexpr std::size_t out_bytes_max = 1 << 16;
  static std::string length_of(const std::string& text) {
    return {static_cast<char>(text.size() >> 8U), static_cast<char>(text.size() & 0xFFU)};
  }
  static std::string remaining(std::size_t size) {
    std::string bytes;
    do {
      const auto low = static_cast<unsigned char>(size % 128);
      size /= 128;
      bytes += static_cast<char>(low | (size > 0 ? 0x80U : 0U));
    } while (size > 0);
    return bytes;
  }

  int fd_ = -1;
  std::size_t in_flight_max_, in_flight_ = 0;
  std::uint16_t next_id_ = 1;
  bool connected_ = false;
  std::string out_, in_;
};

// ---- the orchestrator ------------------------------------------------------------------------------------------------------

class Taker {
 public:
  Taker(const test::Broker& broker, const std::string& dir, std::size_t nodes) : broker_(broker) {
    auto store = RocksStore::open(dir, fleet_store_size);
    if (!store) broken(store.error().message);
    store_ = std::move(*store);
    orchestrator::Settings settings;
    settings.projects = {project};
    settings.fleet.lost_after_ms = 0;
    auto opened = orchestrator::Orchestrator::open(*store_, std::move(settings), [this](BusSettings bus) {
      bus.url = broker_.url();
      bus.client_id = random_client_id();
      return std::make_unique<MqttBus>(std::move(bus));
    });
    if (!opened) broken(opened.error().message);
    orchestrator_ = std::move(*opened);
    scope_ = *orchestrator_->scope_of(project);
    orchestrator_->on_events([this] { committed(); });
    for (std::size_t n = 0; n < nodes; ++n) speakers_.push_back(bench::speaker_of(project, n));
    const LifeId life = started();
    prepare(life);
  }
  ~Taker() { orchestrator_.reset(); }
  Taker(const Taker&) = delete;
  Taker& operator=(const Taker&) = delete;

  // So many events more, by nodes in turn.
  std::vector<Said> events(std::size_t count) {
    std::vector<Said> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      auto& speaker = speakers_[next_];
      next_ = (next_ + 1) % speakers_.size();
      auto bytes = bench::said_by(speaker, bench::next_event(speaker), true);
      all.push_back({speaker.topic, std::move(bytes)});
    }
    return all;
  }

  // Before the first of `count` events is published.
  void expect(std::size_t count) {
    const std::lock_guard lock(mutex_);
    base_ = head();
    durable_at_.assign(count, {});
    durable_ = 0;
  }
  // When each of them became durable.
  std::vector<Clock::time_point> wait() {
    std::unique_lock lock(mutex_);
    while (durable_ < durable_at_.size()) {
      const auto before = durable_;
      changed_.wait_for(lock, silence_max, [&] { return durable_ != before; });
      if (durable_ == before)
        broken(std::to_string(durable_at_.size() - durable_) + " of " + std::to_string(durable_at_.size()) +
               " events did not become durable; " + std::to_string(orchestrator_->health().messages_dropped) + " messages were dropped");
    }
    return durable_at_;
  }
  [[nodiscard]] std::uint64_t messages_dropped() const { return orchestrator_->health().messages_dropped; }
  // Is everything that was said stored?
  void check() {
    std::size_t wrong = 0, seen = 0;
    const auto read = fleet::scan_nodes(*store_->snapshot(), scope_, [&](fleet::Node&& node) {
      const auto& speaker = speakers_[bench::number_of(node.id)];
      if (node.upto != speaker.sequence || node.chain != speaker.chain) ++wrong;
      return ++seen > 0;
    });
    if (!read) broken(read.error().message);
    if (wrong != 0 || seen != speakers_.size()) broken(std::to_string(wrong) + " nodes are not stored as far as they spoke");
  }

 private:
  std::uint64_t head() const {
    const auto told = Journal::told_head(*store_, scope_);
    if (!told || !*told) broken("the journal has no head");
    return (*told)->last;
  }
  // On the owner's thread, after each commit.
  void committed() {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    const auto durable = std::min<std::size_t>(head() - base_, durable_at_.size());
    for (; durable_ < durable; ++durable_) durable_at_[durable_] = now;
    ++commits_;
    changed_.notify_all();
  }

  LifeId started() {
    std::promise<LifeId> life;
    bool told = false;
    BusSettings settings;
    settings.url = broker_.url();
    settings.client_id = "bench-nodes";
    settings.filters = {topics::roll_call(project)};
    MqttBus bus(settings);
    const auto listening = bus.start([&](const BusEvent& event) {
      const auto* message = std::get_if<BusReceived>(&event);
      const auto envelope = message == nullptr ? Result<Envelope>(fail(Code::not_found, "")) : decode(message->payload);
      const auto* call = envelope ? std::get_if<RollCall>(&envelope->payload) : nullptr;
      if (call != nullptr && !std::exchange(told, true)) life.set_value(call->life);
    });
    if (!listening || !orchestrator_->start()) broken("the orchestrator does not start");
    auto heard = life.get_future();
    if (heard.wait_for(silence_max) != std::future_status::ready) broken("the orchestrator calls no roll");
    return heard.get();
  }

  void await_commit() {
    std::unique_lock lock(mutex_);
    const auto before = commits_;
    (void)changed_.wait_for(lock, pace, [&] { return commits_ != before; });
  }

  // Hosts that have spoken.
  void prepare(LifeId life) {
    std::promise<void> registered;
    for (std::size_t n = 0; n < speakers_.size(); ++n) {
      const bool last = n + 1 == speakers_.size();
      while (!orchestrator_->submit(project, fleet::RegisterHost{speakers_[n].id, "gate-" + std::to_string(n), {}, {}},
                                    [&registered, last](const Result<fleet::Answer>& answer) {
                                      if (!answer) broken(answer.error().message);
                                      if (last) registered.set_value();
                                    }))
        await_commit();  // so many are waiting already
    }
    registered.get_future().wait();
    std::vector<Said> hellos;
    for (auto& speaker : speakers_)
      hellos.push_back({speaker.topic, bench::said_by(speaker, bench::hello_of(speaker, life, "edge-0"), false)});
    Publisher(broker_.port(), "bench-hellos", 100).publish_all(hellos);
    const auto adopted = [&] {
      bool all = true;
      const auto read = fleet::scan_nodes(*store_->snapshot(), scope_, [&](fleet::Node&& node) { return all = node.journal.value != 0; });
      return read && all;
    };
    std::unique_lock lock(mutex_);
    while (!adopted()) {
      const auto before = commits_;
      if (!changed_.wait_for(lock, silence_max, [&] { return commits_ != before; })) broken("the nodes are not heard");
    }
  }

  const test::Broker& broker_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<orchestrator::Orchestrator> orchestrator_;
  std::string scope_;
  std::vector<bench::Speaker> speakers_;
  std::size_t next_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t base_ = 0, commits_ = 0;
  std::size_t durable_ = 0;
  std::vector<Clock::time_point> durable_at_;
};

// ---- the rows ---------------------------------------------------------------------------------------------------------------

// Events a second by `mosquitto_sub -q 1`. What it prints is read and dropped: its first line says that it has subscribed.
double drained_by_mosquitto_sub(const test::Broker& broker, const std::vector<Said>& flood, std::size_t in_flight) {
  const test::TemporaryDirectory directory;
  const std::string fifo = directory / "out";
  if (::mkfifo(fifo.c_str(), 0600) != 0) broken("no fifo");
  Publisher publisher(broker.port(), "bench-flood", in_flight);
  publisher.add({ready_topic, std::string(16'384, '.')}, true);
  while (!publisher.is_done()) publisher.turn(-1);
  const int keep_open = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  auto subscriber = test::Child::start({"mosquitto_sub", "-p", std::to_string(broker.port()), "-q", "1", "-t", ready_topic, "-t",
                                        "abide/v1/other/from/+/status", "-C", std::to_string(flood.size() + 1)},
                                       fifo, "");
  std::promise<void> subscribed;
  std::atomic<bool> stop{false};
  std::thread drain([&] {
    std::vector<char> buffer(1 << 20);
    bool first = true;
    while (!stop) {
      pollfd ready{keep_open, POLLIN, 0};
      if (::poll(&ready, 1, 10) <= 0) continue;
      if (::read(keep_open, buffer.data(), buffer.size()) > 0 && std::exchange(first, false)) subscribed.set_value();
    }
  });
  if (subscribed.get_future().wait_for(silence_max) != std::future_status::ready) broken("mosquitto_sub does not subscribe");
  const auto from = Clock::now();
  publisher.publish_all(flood);
  const auto code = subscriber.wait(std::chrono::duration_cast<std::chrono::milliseconds>(silence_max));
  const auto to = Clock::now();
  stop = true;
  drain.join();
  ::close(keep_open);
  if (code != 0) broken("mosquitto_sub has not received all");
  return static_cast<double>(flood.size()) / seconds_between(from, to);
}

double taken_by_orchestrator(const test::Broker& broker, Taker& taker, std::size_t count, std::size_t in_flight) {
  const auto flood = taker.events(count);
  Publisher publisher(broker.port(), "bench-flood", in_flight);
  taker.expect(count);
  const auto from = Clock::now();
  publisher.publish_all(flood);
  return static_cast<double>(count) / seconds_between(from, taker.wait().back());
}

// In ms, each.
std::vector<double> latencies(const test::Broker& broker, Taker& taker, double rate, double seconds) {
  const auto count = std::max<std::size_t>(static_cast<std::size_t>(rate * seconds), 20);
  const auto all = taker.events(count);
  std::vector<Clock::time_point> said_at(count);
  Publisher publisher(broker.port(), "bench-rate", 65'000);
  taker.expect(count);
  const auto from = Clock::now();
  for (std::size_t i = 0; i < count;) {
    const auto due = static_cast<std::size_t>(seconds_between(from, Clock::now()) * rate) + 1;
    for (; i < std::min(due, count); ++i) {
      said_at[i] = Clock::now();
      publisher.add(all[i]);
    }
    publisher.turn(static_cast<int>(pace.count()));
  }
  while (!publisher.is_done()) publisher.turn(-1);
  const auto durable_at = taker.wait();
  std::vector<double> ms;
  for (std::size_t i = 0; i < count; ++i) ms.push_back(seconds_between(said_at[i], durable_at[i]) * 1e3);
  return ms;
}

// A node that says the same again and again, as fast as the broker takes it, until it goes.
class Flood {
 public:
  Flood(const test::Broker& broker, Said said, std::size_t in_flight)
      : thread_([this, &broker, said = std::move(said), in_flight] {
          Publisher publisher(broker.port(), "bench-flooder", in_flight);
          while (!stop_) {
            for (; publisher.has_room(); ++count_) publisher.add(said);
            publisher.turn(static_cast<int>(pace.count()));
          }
        }) {}
  ~Flood() {
    stop_ = true;
    thread_.join();
  }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> count_{0};
  std::thread thread_;  // last: it uses the others
};

// What an fsync of an appended block takes on this disk.
void time_fsyncs(const std::string& dir, std::vector<double>& ms) {
  const std::string path = dir + "/fsync";
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const std::string block(fsync_bytes, 'x');
  for (std::size_t i = 0; i < baseline_fsyncs; ++i) {
    const auto from = Clock::now();
    if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size()) || ::fdatasync(fd) != 0) broken("no fsync");
    ms.push_back(seconds_between(from, Clock::now()) * 1e3);
  }
  ::close(fd);
}

// The same messages to a project that nobody serves.
std::vector<Said> to_nobody(std::size_t nodes, std::size_t count) {
  std::vector<bench::Speaker> speakers;
  for (std::size_t n = 0; n < nodes; ++n) speakers.push_back(bench::speaker_of(stranger, n));
  std::vector<Said> all;
  for (std::size_t i = 0; i < count; ++i) {
    auto& speaker = speakers[i % nodes];
    auto bytes = bench::said_by(speaker, bench::next_event(speaker), true);
    all.push_back({speaker.topic, std::move(bytes)});
  }
  return all;
}

// How long others wait while one floods, beside what they wait when the same flood goes past the orchestrator: then broker and flood take
// the same from the cores, and what is left between the two is whether one line holds up another.
void measure_fairness(const Options& options, const std::string& dir, std::vector<bench::Row>& rows) {
  const test::Broker broker("mosquitto-sandbox.conf", "", options.open_broker ? "" : limits);
  Taker taker(broker, dir, options.nodes);
  const double rate = options.rates.front();
  std::vector<double> alone;
  std::map<std::size_t, std::vector<double>> past, beside;
  const auto append = [](std::vector<double>& all, const std::vector<double>& more) { all.insert(all.end(), more.begin(), more.end()); };
  for (int round = 0; round < options.rounds; ++round) {
    append(alone, latencies(broker, taker, rate, options.seconds));
    for (const std::size_t in_flight : {node_in_flight, options.in_flight}) {
      const auto measure = [&](Said repeated, std::vector<double>& into, const char* where) {
        const Flood flood(broker, std::move(repeated), in_flight);
        const auto from = Clock::now();
        const auto ms = latencies(broker, taker, rate, options.seconds);
        append(into, ms);
        std::fprintf(stderr,
                     "fair %d of %d, %zu in flight, %s the orchestrator: %.0f messages/s of one client; others p50 %.1f, p99 %.1f ms, "
                     "longest %.1f; %llu dropped by the inbox since the start\n",
                     round + 1, options.rounds, in_flight, where, static_cast<double>(flood.count()) / seconds_between(from, Clock::now()),
                     percentile(ms, 0.5), percentile(ms, 0.99), percentile(ms, 1),
                     static_cast<unsigned long long>(taker.messages_dropped()));
      };
      measure(to_nobody(1, 1).front(), past[in_flight], "past");
      auto repeated = taker.events(1);
      taker.expect(1);
      Publisher(broker.port(), "bench-rate", 1).publish_all(repeated);
      taker.wait();
      measure(std::move(repeated.front()), beside[in_flight], "to");
    }
  }
  taker.check();
  std::fprintf(stderr, "fair: without a flood p50 %.1f, p99 %.1f ms\n", percentile(alone, 0.5), percentile(alone, 0.99));
  for (const auto& [in_flight, ms] : beside) {
    const std::string name = "beside a client that floods, " + std::to_string(in_flight) + " in flight: event to durable, ";
    rows.push_back({name + "p50 ms", percentile(ms, 0.5), percentile(alone, 0.5), fair_p50_max, false});
    rows.push_back({name + "p99 ms", percentile(ms, 0.99), percentile(past[in_flight], 0.99), fair_p99_max, false});
  }
}

void measure_speed(const Options& options, const std::string& dir, std::vector<bench::Row>& rows) {
  const test::Broker broker("mosquitto-sandbox.conf", "");
  Taker taker(broker, dir, options.nodes);
  if (options.only.empty() || options.only == "flood") {
    const auto strangers = to_nobody(options.nodes, options.events);
    std::vector<double> taken, drained;
    for (int round = 0; round < options.rounds; ++round) {
      drained.push_back(drained_by_mosquitto_sub(broker, strangers, options.in_flight));
      taken.push_back(taken_by_orchestrator(broker, taker, options.events, options.in_flight));
      std::fprintf(stderr, "flood %d of %d: %.0f events/s durable, %.0f drained\n", round + 1, options.rounds, taken.back(),
                   drained.back());
    }
    taker.check();
    rows.push_back({"durable ingest, events/s", median(taken), median(drained), flood_goal, true});
  }
  if (options.only.empty() || options.only == "rate") {
    for (const double rate : options.rates) {
      std::vector<double> ms, fsyncs;
      for (int round = 0; round < options.rounds; ++round) {
        time_fsyncs(dir, fsyncs);
        const auto more = latencies(broker, taker, rate, options.seconds);
        ms.insert(ms.end(), more.begin(), more.end());
      }
      const std::string name = "event to durable at " + std::to_string(static_cast<int>(rate)) + " events/s, ";
      rows.push_back({name + "p50 ms", percentile(ms, 0.5), median(fsyncs), p50_fsyncs_max, false});
      rows.push_back({name + "p99 ms", percentile(ms, 0.99), median(fsyncs), p99_fsyncs_max, false});
    }
    taker.check();
  }
}

int run(const Options& options, const std::string& dir) {
  std::vector<bench::Row> rows;
  if (options.only != "fair") measure_speed(options, dir + "/state", rows);
  if (options.only.empty() || options.only == "fair") measure_fairness(options, dir + "/fair", rows);
  return bench::print_rows(rows, options.as_json) || options.no_limits ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("how fast what nodes say is taken in, and how soon it is durable");
  app.add_option("--nodes", options.nodes)->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--events", options.events, "in each flood")->check(CLI::Range(100, 10'000'000))->capture_default_str();
  app.add_option("--in-flight", options.in_flight, "PUBLISHes of the flood without PUBACK")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--rates", options.rates, "events a second, each measured")->delimiter(',')->capture_default_str();
  app.add_option("--seconds", options.seconds, "at each rate, in each round")->check(CLI::Range(0.0, 600.0))->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option("--only", options.only, "flood, rate or fair")->check(CLI::IsMember({"flood", "rate", "fair"}));
  app.add_flag("--open-broker", options.open_broker, "fair: a broker that limits nobody");
  app.add_flag("--json", options.as_json, "rows of name, value, baseline, ratio, goal, met");
  app.add_flag("--no-limits", options.no_limits, "0 whatever the times are");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  start_logging(LogLevel::error);
  const test::TemporaryDirectory dir;
  try {
    return run(options, dir.path());
  } catch (const std::exception& error) {
    broken(error.what());
  }
}
