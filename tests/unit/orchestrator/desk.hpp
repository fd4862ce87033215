#pragma once
// An operator's desk: the API in front of a real fleet over a store in memory, everything on the test's own thread.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/core/hash.hpp"
#include "common/service/host.hpp"
#include "common/store/memory_store.hpp"
#include "orchestrator/api/api.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/projects.hpp"
#include "orchestrator/rows.hpp"

namespace abide::test {

using FleetHost = Host<fleet::FleetMachine, fleet::Rows>;

// Runs each input in a commit of its own, as the shell does with a batch of one.
class Fleet final : public api::Backend {
 public:
  explicit Fleet(const std::string& project = "demo") : project_(project), scope_(orchestrator::scope_of_project(project)) {
    fleet::Link link;
    link.random.state = 7;
    host_.emplace(std::move(FleetHost::open(fleet::FleetMachine{}, store, scope_, link, SessionId{5})).value());
    Batch batch;
    host_->begin(JournalId{0xabcd}, batch);
    host_->take(fleet::CreateProject{project, std::string(32, 'k')}, now, {}, batch);
    orchestrator::put_project_row(batch, project);
    finish(batch);
  }

  void take(const fleet::Input& input) {
    Batch batch;
    host_->take(input, now, {}, batch);
    finish(batch);
  }
  // Deletes the events up to this one.
  void trim(std::uint64_t base) {
    auto made = FleetHost::make_trim(store, scope_, base, [] { return true; });
    Batch batch;
    if (!host_->trim(made.value().value(), batch)) std::abort();
    batch.put(newest_gone_key(scope_), big_endian(static_cast<std::uint64_t>(now.wall_ms)));
    (void)store.commit(batch).value();
  }
  [[nodiscard]] const fleet::State& state() const { return host_->state(); }
  [[nodiscard]] const std::string& scope() const { return scope_; }

  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override { return store.snapshot(); }
  [[nodiscard]] std::optional<std::string> scope_of(const std::string& project) const override {
    if (project != project_) return std::nullopt;
    return scope_;
  }
  [[nodiscard]] std::vector<std::string> projects() const override { return {project_}; }
  [[nodiscard]] fleet::LiveNode live(const std::string& project, const NodeId& node) const override {
    return live_nodes.get(project, node);
  }
  [[nodiscard]] api::Health health() const override { return {true, true, 1, "/releases", 0, 0}; }
  [[nodiscard]] std::vector<api::SourceTimes> source_times() const override { return times; }
  [[nodiscard]] bool submit(const std::string&, fleet::Operation operation, Answered answered,
                            std::optional<fleet::Seen> seen = std::nullopt) override {
    if (full) return false;
    if (before_next) std::exchange(before_next, nullptr)();
    Batch batch;
    const std::string id = "req-" + std::to_string(++requests_);
    Cause cause;
    cause.request = id;
    host_->take(fleet::Request{id, std::move(operation), std::move(seen)}, now, cause, batch);
    for (auto& message : finish(batch)) {
      if (auto* reply = std::get_if<fleet::Reply>(&message); reply != nullptr && reply->request == id) answered(std::move(reply->answer));
    }
    return true;
  }
  [[nodiscard]] bool explain(const std::string&, const NodeId& node, Explained explained) override {
    if (full) return false;
    explained(host_->machine().waits_for(host_->state(), host_->link(), now, node));
    return true;
  }
  [[nodiscard]] bool confirmation(const std::string&, const NodeId& node, Compared compared) override {
    if (full) return false;
    compared(host_->machine().confirmation(host_->state(), host_->link(), now, node));
    return true;
  }
  [[nodiscard]] bool count(Counted counted) override {
    if (full) return false;
    counted({{project_, fleet::count(host_->state())}});
    return true;
  }
  [[nodiscard]] bool create_project(const std::string&, ProjectCreated created) override {
    if (full) return false;
    created({});
    return true;
  }
  [[nodiscard]] bool refresh(Refreshed refreshed) override {
    refreshed(api::RefreshDone{3, {{"a.yaml", "not YAML"}}});
    return true;
  }

  MemoryStore store;
  Now now{1'795'000'000'000, 1'000'000, BootId{"b"}, true};
  fleet::Live live_nodes;
  bool full = false;
  std::vector<api::SourceTimes> times;
  std::function<void()> before_next;  // done between what the next change has seen and the change

 private:
  std::vector<fleet::Message> finish(Batch& batch) {
    host_->save(batch);
    if (!batch.empty()) (void)store.commit(batch).value();
    return host_->committed().messages;
  }

  std::string project_, scope_;
  std::optional<FleetHost> host_;
  int requests_ = 0;
};

class Told final : public api::Exchange {
 public:
  void respond(api::HttpResponse given) override { response = std::move(given); }
  void stream(std::unique_ptr<api::EventSource> given) override { source = std::move(given); }
  std::optional<api::HttpResponse> response;
  std::unique_ptr<api::EventSource> source;
};

struct Answered {
  unsigned status = 0;
  nlohmann::json json;
  std::string body;
  std::string tag;  // ETag
  [[nodiscard]] std::string code() const { return json.value("code", ""); }
  [[nodiscard]] std::string message() const { return json.value("message", ""); }
};

class Desk {
 public:
  Fleet fleet;
  api::Api api{fleet, {"http://files.example/root"}, [](const std::function<void()>& work) { work(); }};

  Answered ask(api::Method method, const std::string& path, const std::string& body = "") {
    api::HttpRequest request;
    request.method = method;
    request.body = body;
    return ask(std::move(request), path);
  }
  Answered ask(api::HttpRequest request, const std::string& path) {
    const auto told = std::make_shared<Told>();
    request.target = path.starts_with('/') ? path : "/v1/projects/demo/" + path;
    api.handle(request, told);
    Answered answered;
    if (!told->response) return answered;
    answered.status = told->response->status;
    answered.body = told->response->body;
    answered.json = nlohmann::json::parse(told->response->body, nullptr, false);
    for (const auto& [name, value] : told->response->headers)
      if (name == "ETag") answered.tag = value;
    return answered;
  }
  // With If-Match, or If-None-Match where it reads.
  Answered ask_if(api::Method method, const std::string& path, const std::string& condition, const std::string& body = "") {
    api::HttpRequest request;
    request.method = method;
    request.body = body;
    (method == api::Method::get ? request.if_none_match : request.if_match) = condition;
    return ask(std::move(request), path);
  }
  std::shared_ptr<Told> ask_raw(api::Method method, const std::string& path, const std::string& body = "",
                                const std::string& last_event_id = "") {
    const auto told = std::make_shared<Told>();
    api::HttpRequest request;
    request.method = method;
    request.target = path.starts_with('/') ? path : "/v1/projects/demo/" + path;
    request.body = body;
    request.last_event_id = last_event_id;
    api.handle(request, told);
    return told;
  }
  Answered get(const std::string& path) { return ask(api::Method::get, path); }
  Answered post(const std::string& path, const std::string& body = "") { return ask(api::Method::post, path, body); }
  Answered put(const std::string& path, const std::string& body) { return ask(api::Method::put, path, body); }
  Answered patch(const std::string& path, const std::string& body) { return ask(api::Method::patch, path, body); }
  Answered erase(const std::string& path) { return ask(api::Method::erase, path); }

  std::string register_host(const std::string& name, const std::string& uuid) {
    return post("compute/hosts/register", R"({"name":")" + name + R"(","uuid":")" + uuid + "\"}").json.at("resourceId").get<std::string>();
  }
  std::string create_os(const std::string& version) {
    const auto made = post(
        "compute/os",
        R"({"name":"Demo )" + version + R"(","imageUrl":"images/demo.raw","imageId":")" + version +
            R"(","profileName":"demo","architecture":"x86_64","osType":"OS_TYPE_IMMUTABLE","osProvider":"OS_PROVIDER_KIND_INFRA","sha256":")" +
            to_hex(sha256(version)) + R"(","imageSizeBytes":4096})");
    return made.json.at("resourceId").get<std::string>();
  }
};

inline constexpr const char* uuid_1 = "11111111-2222-3333-4444-555555555551";
inline constexpr const char* uuid_2 = "11111111-2222-3333-4444-555555555552";

}  // namespace abide::test
