#pragma once
// Rows as the JSON of the REST contract (schemas/openapi.yaml). Pure but for what the view reads.
#include <cstdint>
#include <string>
#include <vector>

#include "orchestrator/api/backend.hpp"
#include "orchestrator/api/query.hpp"
#include "orchestrator/api/view.hpp"
#include "orchestrator/fleet/live.hpp"
#include "orchestrator/fleet/machine.hpp"
#include "orchestrator/rows.hpp"

namespace abide::api {

// What existing clients of the contract take for "not finished": 9999999999 in 32 bits. For ?compat=eim.
inline constexpr std::int64_t open_run_end_seconds = 1'410'065'407;

// An object of which only the wanted fields are made, in the order in which they are given.
class Part {
 public:
  explicit Part(const Wanted& wanted) : wanted_(wanted), json_(object_of(wanted.everything() ? whole_fields : some_fields)) {}
  template <class T>
  void set(const char* key, T&& value) {
    if (wanted_.has(key)) json_[key] = std::forward<T>(value);
  }
  // Not where it is empty.
  void put(const char* key, const std::string& text) {
    if (!text.empty()) set(key, text);
  }
  // What costs something to make; `make` is told what is wanted of it.
  template <class Make>
  void make(const char* key, const Make& make) {
    if (wanted_.has(key)) json_[key] = make(wanted_.in(key));
  }
  [[nodiscard]] bool wants(const char* key) const { return wanted_.has(key); }
  [[nodiscard]] const Wanted& wanted() const { return wanted_; }
  [[nodiscard]] Json take() && { return std::move(json_); }

 private:
  static constexpr std::size_t whole_fields = 32, some_fields = 4;  // room that is made at once
  const Wanted& wanted_;
  Json json_;
};

Json timestamps_json(std::int64_t created_ms, std::int64_t updated_ms);
// As part of something else: without its lists.
Json os_resource_json(const fleet::Stamped<OsResource>& resource, const Wanted& wanted = {});
Json os_resource_json(View& view, const fleet::Stamped<OsResource>& resource);
Json policy_json(View& view, const fleet::Stamped<Policy>& policy, const Wanted& wanted = {});
Json schedule_json(View& view, const fleet::Stamped<Schedule>& schedule);
Json run_json(View& view, const fleet::Run& run, bool compatible, const Wanted& wanted = {});
// With its host, but not that host's instance again; and the other way round.
Json instance_json(View& view, const fleet::Node& node, const fleet::LiveNode& live, const Wanted& wanted = {});
Json host_json(View& view, const fleet::Node& node, const fleet::LiveNode& live, const Wanted& wanted = {});
// What must be known of a node to render that of its host or instance.
struct NodeNeeds {
  fleet::NodeParts parts;
  bool live = false;
};
NodeNeeds needs_of_host(const Wanted& wanted);
NodeNeeds needs_of_instance(const Wanted& wanted);
// Of an instance that was asked for alone: the lists of what it runs. A page of hosts with theirs would be very large.
void put_os_lists(Json& instance, View& view, const fleet::Node& node);
Json confirmation_json(const fleet::Node& node, const fleet::Confirmation& told);
Json metadata_json(const std::vector<Metadata>& metadata);
Json region_json(View& view, const fleet::Stamped<Region>& region);
Json site_json(View& view, const fleet::Stamped<Site>& site);
Json bare_region_json(View& view, const fleet::Stamped<Region>& region);
Json bare_site_json(View& view, const fleet::Stamped<Site>& site, const Wanted& wanted = {});  // as part of something else
// Where the node is, and the metadata that it has of its own and from there.
void put_place(Part& part, View& view, const fleet::Node& node);
// The entity tag of a resource as it is rendered, in its double quotes; empty: it is none. That of a host or an instance is of
// what operators set: its node's reports are no reason to refuse an operator's change.
std::string tag_of(const Json& json);
std::string tag_of_all(const Json& json);  // of every byte of it
// What the project was told of it, and what is known beside; one of the two may be missing.
Json source_json(const fleet::Source* source, const SourceTimes* times);

const FieldTree& os_resource_fields();
const FieldTree& policy_fields();
const FieldTree& run_fields();
const FieldTree& region_fields();
const FieldTree& site_fields();
const FieldTree& instance_fields();
const FieldTree& host_fields();

}  // namespace abide::api
