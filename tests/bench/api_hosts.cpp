// What lists of hosts cost an operator of a large fleet, and whether they stay so while events come in: the real shell on a real
// store, the real HTTP server, one client on loopback; first idle, then while nodes say events at a steady rate.
//
// Exit codes: 0 within the limits; 1 not; 2 wrong usage; 4 an answer, or what was stored, is not what it must be.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "common/bus/memory_bus.hpp"
#include "common/service/logging.hpp"
#include "common/service/thread_name.hpp"
#include "common/store/rocks_store.hpp"
#include "orchestrator/api/api.hpp"
#include "orchestrator/api/server.hpp"
#include "orchestrator/orchestrator.hpp"
#include "tests/bench/speaker.hpp"

namespace {

using namespace abide;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr double ratio_max = 2;               // of the 99th percentiles, under events over idle
constexpr double sustained_share = 0.9;       // of the rate that is reached without readers, where that is less than what was asked for
constexpr std::size_t asked_at_once = 1'000;  // requests that nobody waits for; the inbox has room for four times as many
constexpr std::size_t backlog_max = 4'096;    // messages in the inbox; above, nodes wait
constexpr std::chrono::milliseconds pace{1};  // a node speaks at most so much later than it should
constexpr std::chrono::milliseconds merge_look{5};
constexpr std::size_t profiles = 10, sites = 100;
constexpr std::size_t nodes_per_run = 10;
constexpr const char* project = "bench";

struct Options {
  std::size_t nodes = 100'000, streams = 0;
  double rate = 10'000, seconds = 30;
  int rounds = 3;
  std::string only;
  bool no_limits = false, as_json = false;
};

[[noreturn]] void broken(const std::string& what) {
  std::fprintf(stderr, "bench-api-hosts: %s\n", what.c_str());
  std::_Exit(4);
}

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

// ---- the client ----------------------------------------------------------------------------------------------------------

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) broken("cannot connect to the server");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void send_get(int fd, const std::string& path) {
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) broken("cannot send a request");
}

// One connection that is kept open.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(connect_to(port)) {}
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The body of the answer. It must be a 200.
  std::string get(const std::string& path) {
    send_get(fd_, path);
    std::string got;
    std::size_t header = std::string::npos, whole = 0;
    while (header == std::string::npos || got.size() < whole) {
      const ssize_t count = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
      if (count <= 0) broken("the connection ended before the answer to " + path);
      got.append(buffer_.data(), static_cast<std::size_t>(count));
      if (header != std::string::npos) continue;
      header = got.find("\r\n\r\n");
      if (header == std::string::npos) continue;
      const auto length = got.find("Content-Length: ");
      if (!got.starts_with("HTTP/1.1 200") || length > header) broken("not the answer to " + path + ": " + got.substr(0, 500));
      whole = header + 4 + std::strtoull(got.c_str() + length + 16, nullptr, 10);
    }
    return got.substr(header + 4);
  }

 private:
  int fd_;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
};

// Readers of event streams, who read all that they get.
class Streams {
 public:
  Streams(std::uint16_t port, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      open_.push_back({connect_to(port), POLLIN, 0});
      send_get(open_.back().fd, std::string("/v1/projects/") + project + "/events?watch=true");
    }
    if (count != 0) thread_ = std::thread([this] { drain(); });
  }
  ~Streams() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    for (const auto& one : open_) ::close(one.fd);
  }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

 private:
  void drain() {
    std::vector<char> buffer(1 << 16);
    while (!stopping_) {
      if (::poll(open_.data(), open_.size(), 100) <= 0) continue;
      for (auto& one : open_) {
        if ((one.revents & (POLLIN | POLLHUP)) == 0) continue;
        if (::recv(one.fd, buffer.data(), buffer.size(), MSG_DONTWAIT) == 0) one.events = 0;  // it has ended
      }
    }
  }

  std::vector<pollfd> open_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// ---- the fleet -----------------------------------------------------------------------------------------------------------

class Fleet {
 public:
  Fleet(const Options& options, const std::string& dir) : store_(opened(dir)) {
    orchestrator::Settings settings;
    settings.projects = {project};
    settings.fleet.lost_after_ms = 0;
    auto opened = orchestrator::Orchestrator::open(*store_, std::move(settings),
                                                   [this](BusSettings given) { return bus("orchestrator", std::move(given)); });
    if (!opened) broken(opened.error().message);
    orchestrator_ = std::move(*opened);
    handlers_ = std::make_unique<api::Api>(*orchestrator_, api::ApiSettings{},
                                           [this](std::function<void()> work) { server_->post(std::move(work)); });
    auto listening = api::Server::listen(
        {}, [this](api::HttpRequest request, std::shared_ptr<api::Exchange> exchange) { handlers_->handle(request, exchange); });
    if (!listening) broken(listening.error().message);
    server_ = std::move(*listening);
    orchestrator_->on_events([this] { server_->wake_streams(); });
    nodes_bus_ = bus("nodes", listening_to({topics::roll_call(project)}));
    if (!nodes_bus_->start([this](BusEvent event) { heard(event); })) broken("no bus");
    if (!orchestrator_->start()) broken("the orchestrator does not start");
    server_->start();
    for (std::size_t n = 0; n < options.nodes; ++n) speakers_.push_back(bench::speaker_of(project, n));
    prepare();
    talking_ = std::thread([this] { talk(); });
  }
  ~Fleet() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (talking_.joinable()) talking_.join();
    server_->stop();
    orchestrator_.reset();
    nodes_bus_->stop();
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  // Events a second from now on, by nodes in turn.
  void set_rate(double rate) {
    {
      const std::lock_guard lock(mutex_);
      rate_ = rate;
      changed_.notify_all();
    }
    if (rate == 0) settle();
  }
  void speak_for(double seconds) {
    const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [&] { return stopping_; });
  }
  [[nodiscard]] std::uint64_t said() const { return said_; }
  [[nodiscard]] std::size_t backlog() const { return orchestrator_->health().inbox_items; }

  // Is everything that was said stored?
  void check() {
    settle();
    std::size_t wrong = 0, seen = 0;
    const std::lock_guard lock(mutex_);
    const auto read = fleet::scan_nodes(*store_->snapshot(), *orchestrator_->scope_of(project), [&](fleet::Node&& node) {
      const std::size_t n = bench::number_of(node.id);
      if (node.upto != speakers_[n].sequence || node.chain != speakers_[n].chain) ++wrong;
      return ++seen > 0;
    });
    if (!read) broken(read.error().message);
    if (wrong != 0 || seen != speakers_.size()) broken(std::to_string(wrong) + " nodes are not stored as far as they spoke");
  }

 private:
  static std::unique_ptr<RocksStore> opened(const std::string& dir) {
    auto store = RocksStore::open(dir, fleet_store_size);
    if (!store) broken(store.error().message);
    return std::move(*store);
  }
  static BusSettings listening_to(std::vector<std::string> filters) {
    BusSettings settings;
    settings.filters = std::move(filters);
    return settings;
  }
  std::unique_ptr<MemoryBus> bus(const std::string& name, BusSettings settings) {
    settings.client_id = name;
    settings.queue_max = 10'000'000;
    return std::make_unique<MemoryBus>(broker_, std::move(settings));
  }
  void heard(const BusEvent& event) {
    const auto* message = std::get_if<BusReceived>(&event);
    if (message == nullptr) return;
    const auto envelope = decode(message->payload);
    if (const auto* call = envelope ? std::get_if<RollCall>(&envelope->payload) : nullptr) life_ = call->life;
  }
  void pump() {
    broker_.pump();
    broker_.forget_seen();
  }
  // What was said and asked is done. A question goes before the messages that wait, so it is asked until none waits, and once more: the
  // last of them may have been on their way to the disk.
  void wait_for_owner() {
    if (talking_.joinable()) return ask_owner();  // there always is more to come
    pump();
    while (backlog() > 0) ask_owner();
    ask_owner();
  }
  void ask_owner() {
    std::promise<void> counted;
    if (!orchestrator_->count([&](const auto&) { counted.set_value(); })) broken("the inbox is full");
    counted.get_future().wait();
  }
  void settle() {
    wait_for_owner();
    // What is idle is not idle while files are being merged.
    std::unique_lock lock(mutex_);
    while (!store_->is_settled()) changed_.wait_for(lock, merge_look);
  }

  void say(bench::Speaker& speaker, Payload payload, bool is_event) {
    std::string bytes = bench::said_by(speaker, std::move(payload), is_event);
    if (!nodes_bus_->publish({speaker.topic, std::move(bytes), 1, false})) broken("the bus takes nothing");
  }
  // When the inbox has room.
  void say_in_time(bench::Speaker& speaker, Payload payload, bool is_event) {
    if (backlog() > backlog_max) wait_for_owner();
    say(speaker, std::move(payload), is_event);
    pump();
  }
  std::string request(fleet::Operation operation, bool wait) {
    if (backlog() > backlog_max) wait_for_owner();
    auto id = std::make_shared<std::promise<std::string>>();
    if (!orchestrator_->submit(project, std::move(operation), [id](Result<fleet::Answer> answer) {
          if (!answer) broken(answer.error().message);
          id->set_value(answer->id);
        }))
      broken("the inbox is full");
    const bool last = ++asked_ % asked_at_once == 0;  // they are answered in order
    return wait || last ? id->get_future().get() : std::string();
  }

  // Places, releases and a policy; hosts with names and places, that have spoken; every tenth has an update behind it.
  void prepare() {
    while (!life_) {
      pump();
      std::this_thread::yield();
    }
    Region region;
    region.name = "plant";
    region.id = request(fleet::PlaceRegion{region}, true);
    for (std::size_t n = 0; n < sites; ++n) {
      Site site;
      site.name = "hall-" + std::to_string(n);
      site.region_id = region.id;
      request(fleet::PlaceSite{site}, false);
    }
    for (std::size_t n = 0; n < profiles; ++n) {
      OsResource resource;
      resource.name = "Edge " + std::to_string(n);
      resource.architecture = "x86_64";
      resource.image_url = "images/edge.raw";
      resource.image_id = "3.0.20260602.2200";
      resource.artifact = {sha256(resource.name), 1'500'000'000};
      resource.raw = resource.artifact;
      resource.profile_name = "edge-" + std::to_string(n);
      resource.security_feature = "SECURITY_FEATURE_NONE";
      resource.os_type = "OS_TYPE_IMMUTABLE";
      resource.os_provider = "OS_PROVIDER_KIND_INFRA";
      request(fleet::CreateOsResource{resource}, false);
    }
    for (std::size_t n = 0; n < speakers_.size(); ++n) {
      const auto& id = speakers_[n].id;
      char name[32];
      std::snprintf(name, sizeof name, "gate-%06zu", n);
      request(fleet::RegisterHost{id, name}, false);
      request(fleet::EditHost{to_string(id), "hall-" + std::to_string(n % sites), std::vector<Metadata>{{"line", std::to_string(n % 7)}}},
              false);
    }
    wait_for_owner();  // who is not registered is not heard
    for (std::size_t n = 0; n < speakers_.size(); ++n) {
      say_in_time(speakers_[n], bench::hello_of(speakers_[n], *life_, "edge-" + std::to_string(n % profiles)), false);
      if (n % nodes_per_run != 0) continue;
      Release release;
      release.os_resource_id = "os-00000000";
      release.profile_name = "edge-0";
      release.os_image_id = "3.0.20260602.2200";
      release.policy_id = "osupdatepolicy-00000000";
      const Number offer{1, 1};
      say_in_time(speakers_[n], NodeEvent{Accepted{offer, release}}, true);
      say_in_time(speakers_[n], NodeEvent{Succeeded{offer, "3.0.20260101.1000", "3.0.20260602.2200", sha256("image")}}, true);
    }
    settle();
  }

  // The nodes' side, in a thread of its own: it also moves all messages.
  void talk() {
    name_this_thread("nodes");
    std::unique_lock lock(mutex_);
    double due = 0;
    std::size_t next = 0;
    while (!stopping_) {
      if (rate_ == 0) {
        changed_.wait(lock, [&] { return rate_ != 0 || stopping_; });
        due = 0;
        spoken_at_ = Clock::now();
        continue;
      }
      // What could not be said in time is not made up for in one go.
      const auto now = Clock::now();
      due = std::min(due + rate_ * std::chrono::duration<double>(now - spoken_at_).count(), rate_ / 10);
      spoken_at_ = now;
      for (auto room = backlog_max - std::min(backlog(), backlog_max); due >= 1 && room > 0; due -= 1, --room) {
        say(speakers_[next], bench::next_event(speakers_[next]), true);
        ++said_;
        next = (next + 7'919) % speakers_.size();
      }
      pump();
      changed_.wait_until(lock, now + pace);
    }
  }
  std::unique_ptr<RocksStore> store_;
  MemoryBroker broker_;
  std::unique_ptr<orchestrator::Orchestrator> orchestrator_;
  std::unique_ptr<api::Api> handlers_;
  std::unique_ptr<api::Server> server_;
  std::unique_ptr<MemoryBus> nodes_bus_;
  std::optional<LifeId> life_;
  std::size_t asked_ = 0;
  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::vector<bench::Speaker> speakers_;
  double rate_ = 0;
  Clock::time_point spoken_at_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> said_{0};
  std::thread talking_;
};

// ---- what is asked -------------------------------------------------------------------------------------------------------

struct Question {
  const char* name;
  std::function<std::string(std::size_t n)> path;  // of the n-th time
  const char* list;                                // key of the items in the answer; null: it is one
  std::size_t total = 0;                           // items in all; 0: changes with events
  const char* sorted_by = nullptr;                 // descending
};

std::vector<Question> questions(const Options& options) {
  const std::string base = std::string("/v1/projects/") + project + "/";
  const auto fixed = [&](const std::string& path) { return [path = base + path](std::size_t) { return path; }; };
  const std::size_t pages = std::min<std::size_t>(std::max<std::size_t>(options.nodes / 100, 1), 100);
  return {
      {"page", [=](std::size_t n) { return base + "compute/hosts?pageSize=100&offset=" + std::to_string(n * 37 % pages * 100); }, "hosts",
       options.nodes, nullptr},
      {"page, filter status", fixed("compute/hosts?pageSize=100&filter=instance.updateStatus=%22Download%20complete%22"), "hosts", 0,
       nullptr},
      {"page, filter profile", fixed("compute/hosts?pageSize=100&filter=instance.node.profileName=%22edge-3%22"), "hosts",
       options.nodes / profiles, nullptr},
      {"page, filter name", fixed("compute/hosts?pageSize=100&filter=name=%22gate-00002%22"), "hosts", 10, nullptr},
      {"page, orderBy name", fixed("compute/hosts?pageSize=100&orderBy=name%20desc"), "hosts", options.nodes, "name"},
      {"one host",
       [=](std::size_t n) {
         char uuid[48];
         std::snprintf(uuid, sizeof uuid, "ab000000-0000-0000-0000-%012zx", n * 7'919 % options.nodes);
         return base + "compute/hosts/" + uuid;
       },
       nullptr, 0, nullptr},
      {"page of runs", fixed("os-update-runs?pageSize=100"), "osUpdateRuns", (options.nodes + nodes_per_run - 1) / nodes_per_run, nullptr},
  };
}

void check(const Question& question, const std::string& body) {
  const auto answer = json::parse(body, nullptr, false);
  const auto wrong = [&](const char* what) { broken(std::string(question.name) + ": " + what + ": " + body.substr(0, 500)); };
  if (answer.is_discarded()) wrong("no JSON");
  if (question.list == nullptr) {
    if (answer.value("name", "").empty()) wrong("not a host");
    return;
  }
  const auto& items = answer[question.list];
  const auto total = answer.value("totalElements", std::size_t{0});
  if (question.total != 0 && total != question.total) wrong("not as many as there must be");
  if (items.size() != std::min<std::size_t>(total, 100)) wrong("not a page");
  if (question.sorted_by == nullptr) return;
  for (std::size_t i = 1; i < items.size(); ++i)
    if (items[i][question.sorted_by] >= items[i - 1][question.sorted_by]) wrong("not in order");
}

using Samples = std::vector<std::vector<double>>;  // in ms, by question

// Of the whole process: idle, that is what the answers cost, whatever else the machine does.
double cpu_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) { return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3; };
  return of(used.ru_utime) + of(used.ru_stime);
}

// The same by name of thread: what has the cores while events come in.
std::map<std::string, double> cpu_ms_by_thread() {
  std::map<std::string, double> all;
  const double ms_per_tick = 1e3 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::error_code failure;
  for (std::filesystem::directory_iterator task("/proc/self/task", failure), end; !failure && task != end; task.increment(failure)) {
    std::ifstream file(task->path() / "stat");
    std::string stat;
    std::getline(file, stat);
    const auto open = stat.find('('), close = stat.rfind(')');
    if (close == std::string::npos) continue;  // it has just ended
    std::istringstream fields(stat.substr(close + 1));
    std::string skipped;
    for (int field = 0; field < 11; ++field) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    all[stat.substr(open + 1, close - open - 1)] += (user + system) * ms_per_tick;
  }
  return all;
}

// Of all processes of this machine, as far as it is known.
double machine_cpu_ms() {
  std::ifstream file("/proc/stat");
  std::string skipped;
  double user = 0, niced = 0, system = 0;
  file >> skipped >> user >> niced >> system;
  return (user + niced + system) * 1e3 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5)];
}

// Every question for its share of the time, at least once.
void ask_for(double seconds, Client& client, const std::vector<Question>& all, Samples& samples, std::vector<double>& spent) {
  for (std::size_t q = 0; q < all.size(); ++q) {
    const auto begun = Clock::now();
    do {
      const std::string path = all[q].path(samples[q].size());
      const double cpu_before = cpu_ms();
      const auto before = Clock::now();
      const std::string body = client.get(path);
      samples[q].push_back(seconds_since(before) * 1000);
      spent[q] += cpu_ms() - cpu_before;
      check(all[q], body);
    } while (seconds_since(begun) * static_cast<double>(all.size()) < seconds);
  }
}

struct Load {
  double rate = 0;
  double said = 0, seconds = 0;
  Samples samples;
  std::vector<double> spent;              // CPU in ms, by question: with that of the events
  std::map<std::string, double> by_name;  // CPU in ms, by thread
  double machine_ms = 0, own_ms = 0;
};

int run(const Options& options, const std::string& dir) {
  const auto begun = Clock::now();
  auto all = questions(options);
  if (!options.only.empty()) std::erase_if(all, [&](const Question& question) { return question.name != options.only; });
  if (all.empty()) {
    std::fprintf(stderr, "bench-api-hosts: no question is called %s\n", options.only.c_str());
    return 2;
  }
  Fleet fleet(options, dir);
  std::fprintf(stderr, "%zu hosts after %.0f s\n", options.nodes, seconds_since(begun));
  Client client(fleet.port());

  // What it takes without readers.
  double rate = options.rate;
  if (rate > 0 && options.seconds > 0) {
    fleet.set_rate(rate);
    const auto said = fleet.said();
    const auto from = Clock::now();
    fleet.speak_for(std::min(options.seconds / 6, 5.0));
    const double reached = static_cast<double>(fleet.said() - said) / seconds_since(from);
    fleet.set_rate(0);
    std::fprintf(stderr, "without readers %.0f events/s of %.0f\n", reached, rate);
    if (reached < rate * 0.95) rate = reached * sustained_share;
  }
  const Streams streams(fleet.port(), options.streams);
  Samples idle(all.size());
  std::vector<double> spent(all.size());
  std::vector<Load> loads;
  for (const double share : {1.0, 0.5})
    if (rate > 0) loads.push_back({rate * share, 0, 0, Samples(all.size()), std::vector<double>(all.size()), {}, 0, 0});
  const double part = options.seconds / options.rounds;
  for (int round = 0; round < options.rounds; ++round) {
    ask_for(part, client, all, idle, spent);
    for (auto& load : loads) {
      fleet.set_rate(load.rate);
      const auto said = fleet.said();
      const auto before = cpu_ms_by_thread();
      const double machine_before = machine_cpu_ms(), own_before = cpu_ms();
      const auto from = Clock::now();
      ask_for(part, client, all, load.samples, load.spent);
      load.said += static_cast<double>(fleet.said() - said);
      load.seconds += seconds_since(from);
      load.machine_ms += machine_cpu_ms() - machine_before;
      load.own_ms += cpu_ms() - own_before;
      for (const auto& [name, ms] : cpu_ms_by_thread()) load.by_name[name] += ms - (before.contains(name) ? before.at(name) : 0);
      fleet.set_rate(0);
    }
  }
  fleet.check();

  if (!options.as_json) {
    std::printf("%zu hosts, %zu streams; idle\n%-22s %8s %10s %10s %10s\n", options.nodes, options.streams, "ms", "requests", "p50", "p99",
                "CPU each");
    for (std::size_t q = 0; q < all.size(); ++q)
      std::printf("%-22s %8zu %10.2f %10.2f %10.2f\n", all[q].name, idle[q].size(), percentile(idle[q], 0.5), percentile(idle[q], 0.99),
                  spent[q] / static_cast<double>(idle[q].size()));
  }
  bool all_met = true;
  json rows = json::array();
  for (const auto& load : loads) {
    const double reached = load.said / load.seconds;
    if (!options.as_json)
      std::printf("while %.0f events/s come in (of %.0f)\n%-22s %8s %10s %10s %7s %5s %s\n", reached, load.rate, "ms", "requests", "p50",
                  "p99", "ratio", "goal", "met");
    for (std::size_t q = 0; q < all.size(); ++q) {
      const double before = percentile(idle[q], 0.99);
      const double value = percentile(load.samples[q], 0.99);
      const double ratio = value / before;
      const bool met = ratio <= ratio_max;
      all_met = all_met && met;
      rows.push_back({{"name", "API under " + std::to_string(static_cast<int>(reached)) + " events/s: " + all[q].name + ", p99 ms"},
                      {"value", value},
                      {"baseline", before},
                      {"ratio", ratio},
                      {"goal", ratio_max},
                      {"met", met}});
      if (!options.as_json)
        std::printf("%-22s %8zu %10.2f %10.2f %7.2f %5.1f %s\n", all[q].name, load.samples[q].size(), percentile(load.samples[q], 0.5),
                    value, ratio, ratio_max, met ? "yes" : "NO");
    }
    if (options.as_json) continue;
    std::printf("CPU in %% of a core:");
    for (const auto& [name, ms] : load.by_name)
      if (ms / load.seconds >= 1) std::printf("  %s %.0f", name.c_str(), ms / load.seconds / 10);
    std::printf("  other processes %.0f\n", std::max(0.0, load.machine_ms - load.own_ms) / load.seconds / 10);
  }
  if (options.as_json) std::printf("%s\n", rows.dump(2).c_str());
  return all_met || options.no_limits ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("what lists of hosts cost, idle and while events come in");
  app.add_option("--nodes", options.nodes)->check(CLI::Range(200, 1'000'000))->capture_default_str();
  app.add_option("--rate", options.rate, "events a second, and half of it; 0: idle only")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "of questions, idle and at each rate")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "that this time is cut into")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--streams", options.streams, "readers of event streams, from the first question on")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--only", options.only, "one of the questions, by its name");
  app.add_flag("--json", options.as_json, "rows of name, value, baseline, ratio, goal, met");
  app.add_flag("--no-limits", options.no_limits, "0 whatever the times are");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  start_logging(LogLevel::error);
  std::string dir = (std::filesystem::temp_directory_path() / "bench-api-hosts-XXXXXX").string();
  if (::mkdtemp(dir.data()) == nullptr) broken("no temporary folder");
  const int code = run(options, dir);
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  return code;
}
