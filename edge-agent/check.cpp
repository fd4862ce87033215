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
  const nlohmann::ordered_json line = {{"journal", to_hex(head->id)},
                                       {"last", head->last},
                                       {"acked", head->acked},
                                       {"base", head->base},
                                       {"phase", to_string(state->phase)},
                                       {"offer", to_string(state->offer)},
                                       {"outcome", to_string(state->outcome.kind)},
                                       {"reason", to_string(state->outcome.reason)},
                                       {"os_image_id", state->identity.os_image_id},
                                       {"differences", number}};
  std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  return to_int(number == 0 ? ExitCode::ok : ExitCode::failed);
}

}  // namespace abide::agent
