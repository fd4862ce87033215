#include "edge-agent/check.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/service/config.hpp"
#include "common/service/exit_codes.hpp"
#include "common/store/rocks_store.hpp"
#include "edge-agent/agent.hpp"

namespace abide::agent {

namespace {

int failed(const Error& error) {
  std::fprintf(stderr, "abide-agent check: %s\n", error.message.c_str());
  return to_int(error.code == Code::not_found ? ExitCode::usage : exit_code_of_open(error));
}

// What the journal still holds of offers: how many began, and how they ended.
Result<nlohmann::ordered_json> count_offers(const Reader& reader, const std::string& scope, const JournalHead& head) {
  nlohmann::ordered_json counts = {{"accepted", 0}, {"Succeeded", 0}, {"Failed", 0}, {"RolledBack", 0}, {"Cancelled", 0}};
  const auto one_more = [&](std::string_view what) { counts[std::string(what)] = counts[std::string(what)].get<std::size_t>() + 1; };
  std::optional<Error> wrong;
  auto read = Journal::read(reader, scope, head.id, head.base + 1, head.last, [&](std::uint64_t sequence, Chain chain, std::string_view bytes) {
    auto recorded = decode_recorded<NodeEvent>(bytes, sequence, chain);
    if (!recorded) {
      wrong = recorded.error();
      return false;
    }
    if (std::holds_alternative<Accepted>(recorded->event)) one_more("accepted");
    if (const auto outcome = outcome_of(recorded->event); outcome.kind != OutcomeKind::none) one_more(to_string(outcome.kind));
    return true;
  });
  if (!read) return fail(read.error());
  if (wrong) return fail(*wrong);
  return counts;
}

}  // namespace

int check_store(int argc, const char* const* argv) {
  std::string state_dir;
  SettingsTable table("abide-agent check", "compares an agent's state with its journal, also while it runs");
  table.text("state", &state_dir, "directory of the journal").required();
  if (const auto code = table.settle(argc, argv)) return *code;

  auto store = RocksStore::open_read_only(state_dir);
  if (!store) return failed(store.error());
  const std::string scope(agent_scope);
  auto head = Journal::read_head(**store, scope);
  if (!head) return failed(head.error());
  auto state = node::Rows::load(**store, scope);
  if (!state) return failed(state.error());
  auto differences = AgentHost::verify(**store, scope);
  std::size_t number = 1;
  if (differences) {
    number = differences->size();
    for (const auto& key : *differences)
      std::fprintf(stderr, "abide-agent check: the journal tells something else than row %s\n", key.c_str());
  } else {
    std::fprintf(stderr, "abide-agent check: %s\n", differences.error().message.c_str());
  }
  auto offers = count_offers(**store, scope, *head);
  if (!offers && differences) {  // a journal that cannot be read was told of above
    ++number;
    std::fprintf(stderr, "abide-agent check: %s\n", offers.error().message.c_str());
  }
  const nlohmann::ordered_json line = {{"journal", to_hex(head->id)},
                                       {"last", head->last},
                                       {"acked", head->acked},
                                       {"base", head->base},
                                       {"phase", to_string(state->phase)},
                                       {"offer", to_string(state->offer)},
                                       {"outcome", to_string(state->outcome.kind)},
                                       {"reason", to_string(state->outcome.reason)},
                                       {"os_image_id", state->identity.os_image_id},
                                       {"offers", offers.value_or(nlohmann::ordered_json())},
                                       {"differences", number}};
  std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  return to_int(number == 0 ? ExitCode::ok : ExitCode::failed);
}

}  // namespace abide::agent
