#include "orchestrator/rows.hpp"

#include <algorithm>

#include "common/events/codec_tables.hpp"
#include "common/store/in_order.hpp"
#include "common/store/journal.hpp"
#include "common/store/large_pages.hpp"
#include "common/store/memory_store.hpp"
#include "common/store/raw_rows.hpp"
#include "orchestrator/fleet/indexes.hpp"
#include "orchestrator/row_fields.hpp"
#include "schemas/rows_fleet_generated.h"

namespace abide::fleet {
namespace {

constexpr const char* identifier = "ABDF";
constexpr std::size_t snapshot_bytes_max = std::size_t{1} << 30;
constexpr flatbuffers::uoffset_t snapshot_tables_max = 32 * 1024 * 1024;

constexpr std::string_view project_kind = "project";
constexpr std::string_view node_kind = "node";
constexpr std::string_view os_kind = "os";
constexpr std::string_view os_lists_kind = "os-lists";
constexpr std::string_view os_text_kind = "os-text";
constexpr std::string_view policy_kind = "policy";
constexpr std::string_view schedule_kind = "schedule";
constexpr std::string_view source_kind = "source";
constexpr std::string_view run_kind = "run";
constexpr std::string_view region_kind = "region";
constexpr std::string_view site_kind = "site";
constexpr std::string_view host_kind = "host";
constexpr std::string_view instance_kind = "instance";
constexpr std::string_view deleted_kind = "deleted";

// The generated table whose verifier passes a row of T.
template <class T>
struct WireOf;
template <>
struct WireOf<ProjectRow> {
  using Table = wire::ProjectRow;
};
template <>
struct WireOf<Node> {
  using Table = wire::NodeRow;
};
template <>
struct WireOf<Stamped<OsResource>> {
  using Table = wire::OsResourceRow;
};
template <>
struct WireOf<OsListsRow> {
  using Table = wire::OsListsRow;
};
template <>
struct WireOf<Stamped<Policy>> {
  using Table = wire::PolicyRow;
};
template <>
struct WireOf<Stamped<Schedule>> {
  using Table = wire::ScheduleRow;
};
template <>
struct WireOf<Stamped<Region>> {
  using Table = wire::RegionRow;
};
template <>
struct WireOf<Stamped<Site>> {
  using Table = wire::SiteRow;
};
template <>
struct WireOf<Source> {
  using Table = wire::SourceRow;
};
template <>
struct WireOf<DeletedHost> {
  using Table = wire::DeletedHostRow;
};
template <>
struct WireOf<Run> {
  using Table = wire::Run;
};
template <>
struct WireOf<FleetSnapshot> {
  using Table = wire::FleetSnapshot;
};

template <class T>
std::string to_row(const T& value) {
  flatbuffers::FlatBufferBuilder builder(1024);
  const auto root = tables::write(builder, value);
  return tables::finish(builder, root, identifier);
}

// Fields of a table, a bit each.
using FieldBits = std::uint64_t;
static_assert(tables::fields_max <= 64);

class BitsOfNames {
 public:
  explicit BitsOfNames(std::initializer_list<std::string_view> names) : names_(names) {}
  template <class T, class... Specs>
  void operator()(std::string_view name, T&, Specs...) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) bits |= FieldBits{1} << count_;
    ++count_;
  }
  FieldBits bits = 0;

 private:
  std::initializer_list<std::string_view> names_;
  std::size_t count_ = 0;
};
template <class T>
FieldBits bits_of(std::initializer_list<std::string_view> names) {
  BitsOfNames found(names);
  T value;
  fields(found, value);
  return found.bits;
}

// Leaves some fields of a table as they are in a new value.
class SomeFromTable {
 public:
  SomeFromTable(const flatbuffers::Table& table, FieldBits left_out, std::optional<Error>& error)
      : from_table_(table, error), left_out_(left_out) {}
  template <class T, class... Specs>
  void operator()(std::string_view name, T& member, Specs... specs) {
    const bool leaves_out = (left_out_ & 1U) != 0;
    left_out_ >>= 1U;
    if (leaves_out) return from_table_.leave_out();
    from_table_(name, member, specs...);
  }

 private:
  tables::FromTable from_table_;
  FieldBits left_out_;
};

// Into a new value: moving one would cost a list as much as reading it.
template <class T>
std::optional<Error> some_from_row_into(std::string_view bytes, T& value, FieldBits left_out) {
  const tables::Aligned aligned(bytes);
  auto verified = tables::verified<typename WireOf<T>::Table>(aligned, row_bytes.bytes_max, identifier, {});
  if (!verified) return verified.error();
  std::optional<Error> error;
  SomeFromTable some(**verified, left_out, error);
  fields(some, value);
  return error;
}

template <class T>
std::optional<Error> from_row_into(std::string_view bytes, T& value, std::size_t bytes_max = row_bytes.bytes_max,
                                   tables::Limits limits = {}) {
  const tables::Aligned aligned(bytes);
  auto verified = tables::verified<typename WireOf<T>::Table>(aligned, bytes_max, identifier, limits);
  if (!verified) return verified.error();
  std::optional<Error> error;
  tables::read(**verified, value, error);
  return error;
}
template <class T>
Result<T> from_row(std::string_view bytes, std::size_t bytes_max = row_bytes.bytes_max, tables::Limits limits = {}) {
  T value;
  if (auto error = from_row_into(bytes, value, bytes_max, limits)) return fail(std::move(*error));
  return value;
}

template <class T>
Result<std::optional<T>> get(const Reader& reader, const std::string& scope, std::string_view kind, std::string_view id) {
  const auto key = row_key(scope, kind, id);
  auto row = reader.get(key);
  if (!row) return fail(row.error().in("row " + key));
  if (!*row) return std::optional<T>{};
  auto value = from_row<T>(**row);
  if (!value) return fail(value.error().in("row " + key));
  return std::optional<T>(std::move(*value));
}

// The rows of a kind, from the first id that is not less than `from`.
Result<void> scan_rows(const Reader& reader, const std::string& scope, std::string_view kind, std::string_view from, Extent extent,
                       const Visit& visit) {
  const auto prefix = row_key(scope, kind, "");
  const std::string begin = prefix + std::string(from);
  auto read =
      extent == Extent::all ? scan_many(reader, begin, after_prefix(prefix), visit) : reader.scan(begin, after_prefix(prefix), visit);
  if (!read) return fail(read.error().in("rows " + prefix));
  return {};
}

template <class T>
Result<void> scan(const Reader& reader, const std::string& scope, std::string_view kind, const Visitor<T>& visit,
                  Extent extent = Extent::few, std::string_view from = {}) {
  std::optional<Error> error;
  auto read = scan_rows(reader, scope, kind, from, extent, [&](std::string_view key, std::string_view bytes) {
    T value;
    error = from_row_into(bytes, value);
    if (!error) return visit(std::move(value));
    error = error->in("row " + std::string(key));
    return false;
  });
  if (!read) return read;
  if (error) return fail(std::move(*error));
  return {};
}

// ---- all nodes --------------------------------------------------------------------------------------------------------------

constexpr std::size_t nodes_expected_max = 1'000'000;  // that room is made for before they come
constexpr std::size_t piece_rows_max = 256;            // of nodes that are decoded at once

// What is read at once, and what becomes of it.
struct SomeNodes {
  RawRows rows;
  std::vector<IdMap<Node>::Made> nodes;
  indexes::OfNodes indexed;
  std::optional<Error> error;  // what came in the place of the next row or node
};

void decode(SomeNodes& some) {
  some.nodes.reserve(some.rows.size());
  for (std::size_t row = 0; row < some.rows.size(); ++row) {
    auto made = IdMap<Node>::make();
    auto& node = made.mapped();
    want_large_pages_at(&node);
    if (auto error = from_row_into(some.rows.value(row), node)) {
      some.error = error->in("row " + std::string(some.rows.key(row)));
      return;
    }
    some.indexed.add(node);
    some.nodes.push_back(std::move(made));
  }
}

// On all cores: a fleet's start is above all this. With what goes into their indexes.
Result<void> load_nodes(const Reader& reader, const std::string& scope, IdMap<Node>& nodes, indexes::OfNodes& indexed) {
  const auto prefix = row_key(scope, node_kind, "");
  const auto cursor = reader.cursor(prefix, after_prefix(prefix));
  using Piece = std::unique_ptr<SomeNodes>;
  Rooms<SomeNodes> rooms;
  bool read_all = false, all_in_place = true;
  std::optional<Error> error;
  in_order(
      [&]() -> std::optional<Piece> {
        if (read_all) return std::nullopt;
        auto some = rooms.get();
        while (some->rows.size() < piece_rows_max && !read_all) {
          auto row = cursor->next();
          if (!row) some->error = row.error().in("rows " + prefix);
          read_all = !row || !*row;
          if (!read_all) some->rows.add((*row)->key, (*row)->value);
        }
        return some;
      },
      [](Piece some) {
        decode(*some);
        return some;
      },
      [&](Piece some) {
        for (auto& node : some->nodes) {
          const auto id = node.mapped().id;
          all_in_place = nodes.insert(id, std::move(node)) && all_in_place;
        }
        indexed.add(std::move(some->indexed));
        error = std::move(some->error);
        *some = SomeNodes{std::move(some->rows), std::move(some->nodes), {}, {}};
        some->rows.clear();
        some->nodes.clear();
        rooms.put(std::move(some));
        return !error;
      });
  if (error) return fail(std::move(*error));
  if (all_in_place) return {};
  indexed = {};  // a row lies under the key of another, and has been left out
  for (const auto& [id, node] : nodes) indexed.add(node);
  return {};
}

constexpr std::size_t nodes_for_two_threads = 4096;  // of fewer the indexes are quicker made than a thread

void make_indexes(State& state, indexes::OfNodes& of_nodes) {
  const auto one = [&] { of_nodes.put_instances_and_names(state); };
  const auto other = [&] {
    indexes::add_things(state);
    of_nodes.put_hosts_and_groups(state);
  };
  if (state.nodes.size() >= nodes_for_two_threads) return both(one, other);
  one();
  other();
}

Result<std::optional<Node>> node_by(const Reader& reader, const std::string& scope, std::string_view kind, std::string_view id) {
  const auto key = row_key(scope, kind, id);
  auto row = reader.get(key);
  if (!row) return fail(row.error().in("row " + key));
  if (!*row) return std::optional<Node>{};
  auto node = parse_node_id(**row);
  if (!node) return fail(Error{Code::corrupt, node.error().message}.in("row " + key));
  return read_node(reader, scope, *node);
}

void put_run(const Run& run, Batch& batch, const std::string& scope) {
  batch.put(row_key(scope, run_kind, run.id), to_row(run));
}

void put_project(const State& state, Batch& batch, const std::string& scope) {
  batch.put(row_key(scope, project_kind, ""), to_row(ProjectRow{state.project, state.key, state.journal, state.last, state.epoch,
                                                                state.revision, state.refused, state.nodes.size()}));
}

void put_ids_of(const Node& node, Batch& batch, const std::string& scope) {
  const auto id = to_string(node.id);
  batch.put(row_key(scope, host_kind, node.host_id), id);
  batch.put(row_key(scope, instance_kind, node.instance_id), id);
}

void put_node(const Node& node, Batch& batch, const std::string& scope) {
  batch.put(row_key(scope, node_kind, to_string(node.id)), to_row(node));
  if (node.run) put_run(*node.run, batch, scope);
  for (const auto& run : node.superseded) put_run(run, batch, scope);
}

std::string os_text_id(const std::string& id, OsList list) {
  return id + "/" + std::to_string(static_cast<int>(list));
}

void put_os_texts(const State& state, Batch& batch, const std::string& scope) {
  for (const auto& [which, text] : state.touched.os_texts) {
    const auto key = row_key(scope, os_text_kind, os_text_id(which.first, which.second));
    if (text.empty())
      batch.erase(key);
    else
      batch.put(key, text);
  }
}

void put_os_lists(const std::string& id, const OsLists& lists, Batch& batch, const std::string& scope) {
  batch.put(row_key(scope, os_lists_kind, id), to_row(OsListsRow{id, lists.installed_packages, lists.existing_cves, lists.fixed_cves}));
}

template <class T>
void put_touched(const std::set<std::string>& touched, const std::map<std::string, T>& things, std::string_view kind, Batch& batch,
                 const std::string& scope) {
  for (const auto& id : touched) {
    const auto found = things.find(id);
    if (found == things.end())
      batch.erase(row_key(scope, kind, id));
    else
      batch.put(row_key(scope, kind, id), to_row(found->second));
  }
}

template <class T>
void put_all(const std::map<std::string, T>& things, std::string_view kind, Batch& batch, const std::string& scope) {
  for (const auto& [id, thing] : things) batch.put(row_key(scope, kind, id), to_row(thing));
}

void put_everything(const State& state, Batch& batch, const std::string& scope) {
  put_project(state, batch, scope);
  for (const auto& [id, run] : state.touched.runs) put_run(run, batch, scope);
  for (const auto& [id, node] : state.nodes) {
    put_node(node, batch, scope);
    put_ids_of(node, batch, scope);
  }
  put_all(state.os_resources, os_kind, batch, scope);
  put_os_texts(state, batch, scope);
  for (const auto& [id, lists] : state.os_lists) put_os_lists(id, lists, batch, scope);
  put_all(state.policies, policy_kind, batch, scope);
  put_all(state.schedules, schedule_kind, batch, scope);
  put_all(state.sources, source_kind, batch, scope);
  put_all(state.regions, region_kind, batch, scope);
  put_all(state.sites, site_kind, batch, scope);
  for (const auto& [id, host] : state.deleted) batch.put(row_key(scope, deleted_kind, to_string(id)), to_row(host));
}

}  // namespace

void Rows::save(State& state, Batch& batch, const std::string& scope) {
  const auto& touched = state.touched;
  if (touched.project) put_project(state, batch, scope);
  for (const auto& [id, run] : touched.runs) put_run(run, batch, scope);
  for (const auto& id : touched.runs_gone) batch.erase(row_key(scope, run_kind, id));
  for (const auto& [host_id, instance_id] : touched.hosts_gone) {
    batch.erase(row_key(scope, host_kind, host_id));
    batch.erase(row_key(scope, instance_kind, instance_id));
  }
  for (const auto& id : touched.nodes.all()) {
    const auto found = state.nodes.find(id);
    if (found == state.nodes.end())
      batch.erase(row_key(scope, node_kind, to_string(id)));
    else
      put_node(found->second, batch, scope);
  }
  for (const auto& id : touched.nodes_new) {
    if (const auto found = state.nodes.find(id); found != state.nodes.end()) put_ids_of(found->second, batch, scope);
  }
  for (const auto& id : touched.deleted) {
    const auto found = state.deleted.find(id);
    const auto key = row_key(scope, deleted_kind, to_string(id));
    if (found == state.deleted.end())
      batch.erase(key);
    else
      batch.put(key, to_row(found->second));
  }
  put_touched(touched.os_resources, state.os_resources, os_kind, batch, scope);
  put_os_texts(state, batch, scope);
  for (const auto& id : touched.os_lists) {
    const auto lists = state.os_lists.find(id);
    if (lists == state.os_lists.end())
      batch.erase(row_key(scope, os_lists_kind, id));
    else
      put_os_lists(id, lists->second, batch, scope);
  }
  put_touched(touched.policies, state.policies, policy_kind, batch, scope);
  put_touched(touched.schedules, state.schedules, schedule_kind, batch, scope);
  put_touched(touched.sources, state.sources, source_kind, batch, scope);
  put_touched(touched.regions, state.regions, region_kind, batch, scope);
  put_touched(touched.sites, state.sites, site_kind, batch, scope);
  state.touched = {};
}

void Rows::save_all(State& state, Batch& batch, const std::string& scope) {
  put_everything(state, batch, scope);
  state.touched = {};
}

Result<State> Rows::load(const Reader& reader, const std::string& scope) {
  State state;
  auto row = get<ProjectRow>(reader, scope, project_kind, "");
  if (!row) return fail(row.error());
  if (*row) {
    auto& project = **row;
    state.project = std::move(project.project);
    state.key = std::move(project.key);
    state.journal = project.journal;
    state.last = project.last;
    state.epoch = project.epoch;
    state.revision = project.revision;
    state.refused = std::move(project.refused);
  }
  indexes::OfNodes of_nodes;
  if (*row) of_nodes.expect(std::min<std::uint64_t>((**row).nodes, nodes_expected_max));
  if (auto nodes = load_nodes(reader, scope, state.nodes, of_nodes); !nodes) return fail(nodes.error());
  const auto by_id = [](auto& things) {
    return [&things](auto&& thing) {
      auto id = thing.value.id;
      things.emplace(std::move(id), std::move(thing));
      return true;
    };
  };
  if (auto done = scan_os_resources(reader, scope, by_id(state.os_resources)); !done) return fail(done.error());
  if (auto done = scan_policies(reader, scope, by_id(state.policies)); !done) return fail(done.error());
  if (auto done = scan_schedules(reader, scope, by_id(state.schedules)); !done) return fail(done.error());
  if (auto done = scan_regions(reader, scope, by_id(state.regions)); !done) return fail(done.error());
  if (auto done = scan_sites(reader, scope, by_id(state.sites)); !done) return fail(done.error());
  const auto lists = scan<OsListsRow>(reader, scope, os_lists_kind, [&](OsListsRow&& one) {
    state.os_lists.emplace(std::move(one.id), OsLists{one.installed_packages, one.existing_cves, one.fixed_cves});
    return true;
  });
  if (!lists) return fail(lists.error());
  const auto sources = scan_sources(reader, scope, [&](Source&& source) {
    auto name = source.name;
    state.sources.emplace(std::move(name), std::move(source));
    return true;
  });
  if (!sources) return fail(sources.error());
  const auto deleted = scan_deleted_hosts(reader, scope, [&](DeletedHost&& host) {
    const auto id = host.node;
    state.deleted.emplace(id, std::move(host));
    return true;
  });
  if (!deleted) return fail(deleted.error());
  make_indexes(state, of_nodes);
  return state;
}

std::string Rows::snapshot(const State& state) {
  Batch batch;
  put_everything(state, batch, "");
  FleetSnapshot snapshot;
  for (const auto& change : batch.changes()) snapshot.rows.push_back({change.key, *change.value});
  return to_row(snapshot);
}

Result<State> Rows::from_snapshot(std::string_view bytes) {
  Batch batch;
  if (auto unpacked = unpack(bytes, batch, ""); !unpacked) return fail(unpacked.error());
  MemoryStore rows;
  if (auto done = rows.commit(batch); !done) return fail(done.error());
  auto state = load(rows, "");
  if (!state) return fail(state.error().in("snapshot of a project"));
  return state;
}

Result<std::string> Rows::pack(const Reader& reader, const std::string& scope) {
  FleetSnapshot snapshot;
  const std::string first = scope + "r/";
  auto read = reader.scan(first, after_prefix(first), [&](std::string_view key, std::string_view value) {
    snapshot.rows.push_back({std::string(key.substr(scope.size())), std::string(value)});
    return true;
  });
  if (!read) return fail(read.error().in("rows " + first));
  return to_row(snapshot);
}

Result<void> Rows::unpack(std::string_view bytes, Batch& batch, const std::string& scope) {
  auto snapshot = from_row<FleetSnapshot>(bytes, snapshot_bytes_max, tables::Limits{.depth_max = 4, .tables_max = snapshot_tables_max});
  if (!snapshot) return fail(snapshot.error().in("snapshot of a project"));
  for (auto& row : snapshot->rows) {
    if (!row.key.starts_with("r/")) return fail(Code::corrupt, "snapshot of a project: a row of it is none of a state");
    batch.put(scope + row.key, std::move(row.value));
  }
  return {};
}

Result<std::string> project_row_without_key(std::string_view row) {
  auto project = from_row<ProjectRow>(row);
  if (!project) return fail(project.error().in("row of a project"));
  project->key.assign(project->key.size(), '\0');
  return to_row(*project);
}

Result<std::optional<Project>> read_project(const Reader& reader, const std::string& scope) {
  auto row = get<ProjectRow>(reader, scope, project_kind, "");
  if (!row) return fail(row.error());
  if (!*row) return std::optional<Project>{};
  return std::optional(Project{(*row)->project, (*row)->journal, (*row)->last, (*row)->epoch, (*row)->revision});
}

Result<std::optional<Node>> read_node(const Reader& reader, const std::string& scope, const NodeId& id, NodeParts parts) {
  const auto key = row_key(scope, node_kind, to_string(id));
  auto row = reader.get(key);
  if (!row) return fail(row.error().in("row " + key));
  if (!*row) return std::optional<Node>{};
  std::optional<Node> node(std::in_place);
  if (auto done = NodeRow(key, **row).read(parts, *node); !done) return fail(done.error());
  return node;
}
Result<std::optional<Node>> read_node_of_host(const Reader& reader, const std::string& scope, std::string_view host_id) {
  return node_by(reader, scope, host_kind, host_id);
}
Result<std::optional<Node>> read_node_of_instance(const Reader& reader, const std::string& scope, std::string_view instance_id) {
  return node_by(reader, scope, instance_kind, instance_id);
}
Result<void> scan_nodes(const Reader& reader, const std::string& scope, const Visitor<Node>& visit) {
  return scan(reader, scope, node_kind, visit, Extent::all);
}
Result<void> scan_nodes_after(const Reader& reader, const std::string& scope, const NodeId& after, const Visitor<Node>& visit) {
  const Visitor<Node> behind = [&](Node&& node) { return node.id == after || visit(std::move(node)); };
  return scan(reader, scope, node_kind, behind, Extent::all, to_string(after));  // page by page through all of them
}

Result<std::uint64_t> count_nodes(const Reader& reader, const std::string& scope) {
  auto project = get<ProjectRow>(reader, scope, project_kind, "");
  if (!project) return fail(project.error());
  if (*project && (*project)->nodes != 0) return (*project)->nodes;
  std::uint64_t count = 0;
  auto read = scan_rows(reader, scope, host_kind, "", Extent::all, [&](std::string_view, std::string_view) { return ++count > 0; });
  if (!read) return fail(read.error());
  return count;
}

Result<void> NodeRow::read(NodeParts parts, Node& node) const {
  static const FieldBits identity = bits_of<Node>({"identity"});
  static const FieldBits documents = bits_of<Node>({"boot", "outcome", "newest", "open_window", "held_why", "link_fault"});
  static const FieldBits history = bits_of<Node>({"retired", "run", "superseded"});
  const auto error =
      some_from_row_into(bytes_, node, (parts.identity ? 0 : identity) | (parts.documents ? 0 : documents) | (parts.history ? 0 : history));
  if (error) return fail(error->in("row " + std::string(key_)));
  return {};
}

Result<void> scan_node_rows(const Reader& reader, const std::string& scope, Extent extent,
                            const std::function<bool(const NodeRow&)>& visit) {
  return scan_rows(reader, scope, node_kind, "", extent,
                   [&](std::string_view key, std::string_view bytes) { return visit(NodeRow(key, bytes)); });
}

Result<std::optional<Stamped<OsResource>>> read_os_resource(const Reader& reader, const std::string& scope, std::string_view id) {
  return get<Stamped<OsResource>>(reader, scope, os_kind, id);
}
Result<void> scan_os_resources(const Reader& reader, const std::string& scope, const Visitor<Stamped<OsResource>>& visit) {
  return scan(reader, scope, os_kind, visit);
}

Result<std::string> read_os_text(const Reader& reader, const std::string& scope, const std::string& id, OsList list) {
  const auto key = row_key(scope, os_text_kind, os_text_id(id, list));
  auto row = reader.get(key);
  if (!row) return fail(row.error().in("row " + key));
  return *row ? std::move(**row) : std::string();
}

Result<std::optional<Stamped<Policy>>> read_policy(const Reader& reader, const std::string& scope, std::string_view id) {
  return get<Stamped<Policy>>(reader, scope, policy_kind, id);
}
Result<void> scan_policies(const Reader& reader, const std::string& scope, const Visitor<Stamped<Policy>>& visit) {
  return scan(reader, scope, policy_kind, visit);
}

Result<std::optional<Stamped<Schedule>>> read_schedule(const Reader& reader, const std::string& scope, std::string_view id) {
  return get<Stamped<Schedule>>(reader, scope, schedule_kind, id);
}
Result<void> scan_schedules(const Reader& reader, const std::string& scope, const Visitor<Stamped<Schedule>>& visit) {
  return scan(reader, scope, schedule_kind, visit);
}

Result<std::optional<Stamped<Region>>> read_region(const Reader& reader, const std::string& scope, std::string_view id) {
  return get<Stamped<Region>>(reader, scope, region_kind, id);
}
Result<void> scan_regions(const Reader& reader, const std::string& scope, const Visitor<Stamped<Region>>& visit) {
  return scan(reader, scope, region_kind, visit);
}

Result<std::optional<Stamped<Site>>> read_site(const Reader& reader, const std::string& scope, std::string_view id) {
  return get<Stamped<Site>>(reader, scope, site_kind, id);
}
Result<void> scan_sites(const Reader& reader, const std::string& scope, const Visitor<Stamped<Site>>& visit) {
  return scan(reader, scope, site_kind, visit);
}

Result<std::optional<Source>> read_source(const Reader& reader, const std::string& scope, std::string_view name) {
  return get<Source>(reader, scope, source_kind, name);
}
Result<void> scan_sources(const Reader& reader, const std::string& scope, const Visitor<Source>& visit) {
  return scan(reader, scope, source_kind, visit);
}

Result<std::optional<DeletedHost>> read_deleted_host(const Reader& reader, const std::string& scope, const NodeId& id) {
  return get<DeletedHost>(reader, scope, deleted_kind, to_string(id));
}
Result<void> scan_deleted_hosts(const Reader& reader, const std::string& scope, const Visitor<DeletedHost>& visit) {
  return scan(reader, scope, deleted_kind, visit, Extent::all);
}

Result<std::optional<Run>> read_run(const Reader& reader, const std::string& scope, std::string_view id) {
  return get<Run>(reader, scope, run_kind, id);
}
Result<void> scan_runs(const Reader& reader, const std::string& scope, const Visitor<Run>& visit) {
  return scan(reader, scope, run_kind, visit, Extent::all);
}
Result<void> scan_run_times(const Reader& reader, const std::string& scope, const Visitor<Run>& visit) {
  static const FieldBits left_out = ~bits_of<Run>({"id", "opened_ms", "start_ms"});
  std::optional<Error> error;
  auto read = scan_rows(reader, scope, run_kind, "", Extent::all, [&](std::string_view key, std::string_view bytes) {
    Run run;
    error = some_from_row_into(bytes, run, left_out);
    if (!error) return visit(std::move(run));
    error = error->in("row " + std::string(key));
    return false;
  });
  if (!read) return read;
  if (error) return fail(std::move(*error));
  return {};
}

}  // namespace abide::fleet
