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
  // An event stream that says nothing for so long is no more: four times what the server leaves between two signs of life.
  std::int64_t silence_seconds = 60;
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

// Whether find() takes this name for this object.
bool goes_by(const Json& object, const std::string& name);

// All of a kind, in the API's order. Of hosts and instances there is no end to how many.
Result<void> visit_all(Session& session, const Kind& kind, const Query& query, const Client::Visit& visit);
Result<Json> list_all(Session& session, const Kind& kind, const Query& query = {});

// Changes what is at `path`, as it is then: it is read, `body_of` makes what is to be sent from it, and that counts only if nobody
// was faster. Else it is read and tried again, a few times; then it is a conflict.
Result<Json> change(Session& session, const std::string& path, const std::function<Result<Json>(const Json& present)>& body_of);
// The same, for what sends something else than a PATCH.
using Attempt = std::function<Result<Json>(const Json& present, const std::string& tag)>;
Result<Json> attempt(Session& session, const std::string& path, const Attempt& make);
inline constexpr int attempts_max = 5;

void print_document(Session& session, const Json& document);  // as --output says: json or yaml
void print_table(Session& session, const Kind& kind, const Json& objects);

// One line for people ("schedule night (singlesche-1b3c0f44) created"), the object itself with --output json or yaml.
void print_done(Session& session, const Kind& kind, const Json& object, const std::string& done);

}  // namespace abide::ctl
