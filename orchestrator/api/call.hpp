#pragma once
// One request on its way through the API. Internal to this folder.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "orchestrator/api/api.hpp"
#include "orchestrator/api/json_input.hpp"

namespace abide::api {

HttpResponse json_response(const Json& json);
inline constexpr std::string_view changed_meanwhile = "it has changed since it was read: read it again";

struct Api::Call {
  const HttpRequest& request;
  std::shared_ptr<Exchange> exchange;
  Target target;
  std::string project;
  std::string scope;
  std::string id;    // the path's variable part
  std::string last;  // the path's last segment
  std::shared_ptr<const Reader> reader;
  bool maintenance_updates = false;
  std::optional<fleet::Seen> seen;  // what an If-Match was found to be of

  void refuse(const Error& error) const { exchange->respond(error_response(error)); }
  void answer(const Json& json) const { exchange->respond(json_response(json)); }
  void answer(const Result<Json>& result) const { result ? answer(*result) : refuse(result.error()); }
  // One resource, with its entity tag; 304 where the caller has it already. Hosts and instances come whole always: what
  // their nodes report is not in their tags.
  void answer_one(const Json& json) const;
  void answer_one(const Result<Json>& result) const { result ? answer_one(*result) : refuse(result.error()); }
  // False, and refused: If-Match is given, and the resource, as it is now, is another. `as_seen` is looked at again when the
  // change is made.
  [[nodiscard]] bool may_change(const Json& json, std::optional<fleet::Seen> as_seen);
  // What a PUT or a PATCH says; the field mask that a PATCH may have is taken out of the query.
  [[nodiscard]] Result<Patch> take_patch();
  [[nodiscard]] View view() const { return View(reader, scope, maintenance_updates); }
};

}  // namespace abide::api
