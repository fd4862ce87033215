#pragma once
// A project's journal that says what a test wants, at the times that it wants, with the rows that it folds to.
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <utility>

#include "common/events/codec.hpp"
#include "common/service/host.hpp"
#include "common/store/memory_store.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/rows.hpp"

namespace abide::test {

class Written {
 public:
  using FleetHost = Host<fleet::FleetMachine, fleet::Rows>;

  explicit Written(Store& store, std::string project = "demo")
      : store_(store), project_(std::move(project)), scope_(orchestrator::scope_of_project(project_)) {
    auto host = FleetHost::open({}, store_, scope_, {}, {});
    Batch batch;
    orchestrator::put_project_row(batch, project_);
    host->begin(JournalId{0xabcd}, batch);
    EXPECT_TRUE(store_.commit(batch));
    journal_.emplace(Journal::open(store_, scope_).value());
  }
  // Committed with the next flush, or when there is much.
  void add(OrchestratorEvent event, std::int64_t at_ms, bool trusted = true) {
    Envelope envelope;
    envelope.journal = journal_->head().id;
    envelope.sequence = journal_->head().last + 1;
    envelope.after = journal_->head().chain;
    envelope.at_ms = at_ms;
    envelope.clock_trusted = trusted;
    envelope.payload = std::move(event);
    const auto bytes = encode(envelope);
    journal_->append(batch_, bytes);
    auto recorded = decode_recorded<OrchestratorEvent>(bytes, envelope.sequence, journal_->head().chain);
    fleet::FleetMachine::apply(state_, recorded.value());
    fleet::Rows::save(state_, batch_, scope_);
    if (batch_.size() > 1'000) flush();
  }
  void flush() {
    EXPECT_TRUE(store_.commit(batch_));
    batch_.clear();
  }
  [[nodiscard]] const std::string& scope() const { return scope_; }
  [[nodiscard]] std::uint64_t last() const { return journal_->head().last; }

 private:
  Store& store_;
  std::string project_, scope_;
  std::optional<Journal> journal_;
  fleet::State state_;
  Batch batch_;
};

// Everything that leaves rows which no state keeps: runs that newer ones replaced, those of deleted hosts, texts of lists.
inline void write_a_life(Written& written, std::int64_t at_ms = 1'000) {
  const NodeId one = parse_node_id("11111111-2222-3333-4444-555555555551").value();
  const NodeId two = parse_node_id("11111111-2222-3333-4444-555555555552").value();
  const auto say = [&](OrchestratorEvent event) { written.add(std::move(event), at_ms += 10); };
  const auto run = [&](const NodeId& node, std::uint64_t number) {
    const std::string id = "osupdaterun-" + std::to_string(number);
    say(RunOpened{node, id, "run " + id, Number{1, number}, "osupdatepolicy-1", "1.0", "os-00000001"});
    say(RunClosed{node, id, Number{1, number}, OutcomeKind::cancelled, Reason::never_begun, "taken back", false});
  };
  OsResource resource;
  resource.id = "os-00000001";
  resource.name = "Demo 2.0";
  resource.image_id = "2.0";
  resource.profile_name = "demo";
  say(ProjectCreated{"demo", std::string(32, 'k')});
  say(EpochRaised{1, "started"});
  say(OsResourceCreated{resource, "releases"});
  say(OsResourceListed{resource.id, OsList::existing_cves, R"([{"cve_id":"CVE-2026-1"}])"});
  say(OsResourceListed{resource.id, OsList::installed_packages, R"([{"Name":"demo"}])"});
  say(NodeRegistered{one, "host-00000001", "inst-00000001", "edge-1", false});
  say(NodeRegistered{two, "host-00000002", "inst-00000002", "edge-2", false});
  run(one, 1);
  run(one, 2);
  run(two, 3);
  say(HostDeleted{two, "host-00000002", "inst-00000002", "edge-2"});
  run(one, 4);
  say(RunDeleted{one, "osupdaterun-1", true});
  say(OsResourceListed{resource.id, OsList::existing_cves, ""});
  say(NodeRegistered{two, "host-00000003", "inst-00000003", "edge-2 again", false});
  run(two, 5);
  say(HostDeleted{one, "host-00000001", "inst-00000001", "edge-1"});
  say(EpochRaised{2, "started"});
  written.flush();
}

}  // namespace abide::test
