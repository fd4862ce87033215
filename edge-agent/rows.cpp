#include "edge-agent/rows.hpp"

#include "common/events/codec_tables.hpp"
#include "common/store/journal.hpp"
#include "edge-agent/row_fields.hpp"
#include "schemas/rows_node_generated.h"

namespace abide::node {
namespace {

constexpr const char* identifier = "ABDN";
constexpr std::size_t row_bytes_max = 4 * 1024 * 1024;

}  // namespace

std::string Rows::snapshot(const State& state) {
  flatbuffers::FlatBufferBuilder builder(4096);
  const auto root = tables::write(builder, state);
  return tables::finish(builder, root, identifier);
}

Result<State> Rows::from_snapshot(std::string_view bytes) {
  const tables::Aligned aligned(bytes);
  auto verified = tables::verified<wire::NodeState>(aligned, row_bytes_max, identifier, tables::Limits{});
  if (!verified) return fail(verified.error().in("state of the agent"));
  State state;
  std::optional<Error> error;
  tables::read(**verified, state, error);
  if (error) return fail(error->in("state of the agent"));
  return state;
}

Result<void> Rows::unpack(std::string_view bytes, Batch& batch, const std::string& scope) {
  auto state = from_snapshot(bytes);
  if (!state) return fail(state.error());
  save(*state, batch, scope);
  return {};
}

void Rows::save(State& state, Batch& batch, const std::string& scope) {
  batch.put(row_key(scope, "state", ""), snapshot(state));
}

Result<State> Rows::load(const Reader& reader, const std::string& scope) {
  auto row = reader.get(row_key(scope, "state", ""));
  if (!row) return fail(row.error().in("state of the agent"));
  if (!*row) return State{};
  return from_snapshot(**row);
}

}  // namespace abide::node
