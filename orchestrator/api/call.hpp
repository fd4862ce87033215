#pragma once
// One request on its way through the API. Internal to this folder.
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "orchestrator/api/api.hpp"

namespace abide::api {

HttpResponse json_response(const Json& json);

struct Api::Call {
  const HttpRequest& request;
  std::shared_ptr<Exchange> exchange;
  Target target;
  std::string project;
  std::string scope;
  std::string id;    // the path's variable part
  std::string last;  // the path's last segment
  std::shared_ptr<const Reader> reader;

  void refuse(const Error& error) const { exchange->respond(error_response(error)); }
  void answer(const Json& json) const { exchange->respond(json_response(json)); }
  void answer(const Result<Json>& result) const { result ? answer(*result) : refuse(result.error()); }
  [[nodiscard]] View view() const { return View(reader, scope); }
};

}  // namespace abide::api
