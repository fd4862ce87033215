#pragma once
// What every command works with.
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "tools/abidectl/client.hpp"
#include "tools/abidectl/kinds.hpp"
#include "tools/abidectl/settings.hpp"

namespace abide::ctl {

// The world around one call of abidectl, so that tests can bring their own.
struct Surroundings {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::istream* in = nullptr;
  Environment environment;
  std::function<std::int64_t()> now_ms;
  std::function<void(std::int64_t milliseconds)> wait;
  bool out_is_terminal = false;
  bool in_is_terminal = false;
  std::function<std::size_t()> columns;  // of that terminal
};

struct Session {
  Surroundings around;
  Settings settings;
  Client client;

  [[nodiscard]] Reading reading() const { return {settings.output, around.now_ms()}; }
  [[nodiscard]] bool as_document() const { return settings.output == Output::json || settings.output == Output::yaml; }
};

// The object of a kind that goes by this resource id, name, or (hosts) UUID. not_found; denied with the candidates listed
// where a name is not enough.
Result<Json> find(Session& session, const Kind& kind, const std::string& name);

// All of a kind, in the API's order.
Result<Json> list_all(Session& session, const Kind& kind, const Query& query = {});

void print_document(Session& session, const Json& document);  // as --output says: json or yaml
void print_table(Session& session, const Kind& kind, const Json& objects);

// One line for people ("schedule night (singlesche-1b3c0f44) created"), the object itself with --output json or yaml.
void print_done(Session& session, const Kind& kind, const Json& object, const std::string& done);

}  // namespace abide::ctl
