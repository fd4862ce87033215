#pragma once
// One agent with everything real but bus, clock and workers, and an orchestrator that plays its half of the protocol.
#include <deque>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/bus/memory_bus.hpp"
#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/topics.hpp"
#include "common/release/image_header.hpp"
#include "common/store/memory_store.hpp"
#include "edge-agent/agent.hpp"
#include "edge-agent/boot/image_file.hpp"
#include "tests/support/child.hpp"
#include "tests/support/fake_orchestrator.hpp"

namespace abide::agent {

class Bench {
 public:
  Bench() : orchestrator_bus(broker, orchestrator_settings()), orchestrator(orchestrator_bus) {
    (void)orchestrator_bus.start([this](BusEvent event) {
      if (auto* received = std::get_if<BusReceived>(&event)) orchestrator.hear(*received);
    });
    std::ofstream(directory / "base.raw", std::ios::binary) << make_image("3.0.1");
    const auto created = create_image_file_node(directory / "node", directory / "base.raw", 2 * image_bytes);
    if (!created) throw std::runtime_error(created.error().message);
    machine.hello_every_ms = 900'000;
    machine.switch_time_ms = 1'000;
    (void)broker.pump();
  }
  ~Bench() { end_process(); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // A new process: what it does not store, it has forgotten.
  std::optional<Agent::Ended> start() {
    end_process();
    rebooted = false;
    boot = std::move(*ImageFileBoot::open(directory / "node", [this]() -> Result<void> {
      rebooted = true;
      return {};
    }));
    AgentSettings settings;
    settings.self = {project, node_id};
    settings.machine = machine;
    settings.session = SessionId{++session};
    settings.seed = 100 + session;
    settings.journal_keep = journal_keep;
    settings.agent_version = "0.1.0";
    settings.measure = measure;
    settings.on_event = on_event;
    BusSettings bus_settings;
    bus_settings.client_id = "node";
    bus_settings.filters = {topics::node_filter(project, node_id), topics::roll_call(project)};
    bus_settings.will = presence_message(settings.self, settings.session, false, now());
    bus = std::make_unique<MemoryBus>(broker, bus_settings);
    staging.reset();
    checking.reset();
    Workers workers;
    workers.start_staging = [this](StageOrder order, Stager::OnProgress on_progress, Stager::OnEnd on_end) {
      if (staging == order) return;  // as the Stager: under way, or ended and not stopped since
      staging = std::move(order);
      stagings += 1;
      staging_progress = std::move(on_progress);
      staging_end = std::move(on_end);
    };
    workers.stop_staging = [this] { staging.reset(); };
    workers.start_health = [this](HealthOrder order, HealthRunner::OnEnd on_end) {
      checking = std::move(order);
      health_end = std::move(on_end);
    };
    workers.stop_health = [this] { checking.reset(); };
    agent = std::make_unique<Agent>(settings, *store, *boot, *bus, std::move(workers), [this] { return now(); });
    auto ended = agent->begin();
    if (!ended) ended = settle();
    return ended;
  }
  void end_process() {
    if (bus) bus->stop();
    agent.reset();
    bus.reset();
  }

  // Messages and turns until nothing moves any more; a reboot that was ordered happens, like in a real process.
  std::optional<Agent::Ended> settle() {
    for (int round = 0; round < 50; ++round) {
      const auto moved = broker.pump();
      if (!agent) continue;
      if (auto ended = agent->turn(std::chrono::steady_clock::now())) return ended;
      if (rebooted && reboots) return start();
      if (moved == 0 && round > 2) break;
    }
    return std::nullopt;
  }
  std::optional<Agent::Ended> pass(std::int64_t ms) {
    wall_ms += ms;
    mono_ms += ms;
    orchestrator.now_ms += ms;
    return settle();
  }
  [[nodiscard]] Now now() const { return {wall_ms, mono_ms, boot ? boot->read().value().boot : BootId{}, true}; }

  // The stager's end: the image stands in the slot.
  void image_staged() {
    const auto order = *staging;
    const auto image = make_image(order.release.os_image_id);
    std::fstream slot(boot->path_of(order.slot), std::ios::binary | std::ios::in | std::ios::out);
    slot << image;
    slot.close();
    (void)boot->clear_bad(order.slot);
    staging_end({order.offer, order.boot, Reason::none, {}, order.slot, sha256(image), image.size(), 10, false});
  }
  void judge(bool healthy) {
    node::HealthJudged judged;
    judged.offer = checking->offer;
    judged.boot = checking->boot;
    judged.healthy = healthy;
    judged.checks = {{"answers", healthy, 3, healthy ? "" : "connection refused"}};
    if (!healthy) {
      judged.reason = Reason::unhealthy;
      judged.evidence.check = "answers";
      judged.evidence.output_tail = "connection refused";
    }
    health_end(std::move(judged));
  }
  [[nodiscard]] Window window_for(std::int64_t ms) const { return {"singlesche-00000001", wall_ms - 60'000, wall_ms + ms}; }
  [[nodiscard]] const node::State& state() const { return agent->host().state(); }
  // The journal's fold is what the rows say, and the chain is whole.
  [[nodiscard]] std::vector<std::string> differences() const {
    auto verified = AgentHost::verify(*store, std::string(agent_scope));
    return verified ? *verified : std::vector<std::string>{verified.error().message};
  }

  std::function<Result<Identity>(const BootState&)> measure;
  std::function<void(const Recorded<NodeEvent>&)> on_event;
  test::TemporaryDirectory directory;
  MemoryBroker broker;
  MemoryBus orchestrator_bus;
  FakeOrchestrator orchestrator;
  std::unique_ptr<MemoryStore> store = std::make_unique<MemoryStore>();
  node::Settings machine;
  std::uint64_t journal_keep = 1'024;
  std::uint64_t session = 0;
  std::int64_t wall_ms = noon_ms;
  std::int64_t mono_ms = 1'000'000;
  bool reboots = true;
  bool rebooted = false;
  std::unique_ptr<ImageFileBoot> boot;
  std::unique_ptr<MemoryBus> bus;
  std::unique_ptr<Agent> agent;
  std::optional<StageOrder> staging;
  int stagings = 0;
  Stager::OnProgress staging_progress;
  Stager::OnEnd staging_end;
  std::optional<HealthOrder> checking;
  HealthRunner::OnEnd health_end;
};

}  // namespace abide::agent
