// A request as bytes: "METHOD target", a newline, the body. A real fleet is behind it. Whatever comes in, there is exactly
// one answer; it is JSON of a known status, and never an internal error.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "tests/fuzz/require.hpp"
#include "tests/unit/orchestrator/desk.hpp"

using namespace abide;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view first = input.substr(0, line);
  const std::size_t blank = std::min(first.find(' '), first.size());
  const std::string_view verb = first.substr(0, blank);
  const std::string target(first.substr(std::min(blank + 1, first.size())));
  const std::string body(input.substr(std::min(line + 1, input.size())));
  const api::Method method = verb == "POST"     ? api::Method::post
                             : verb == "PUT"    ? api::Method::put
                             : verb == "PATCH"  ? api::Method::patch
                             : verb == "DELETE" ? api::Method::erase
                                                : api::Method::get;
  test::Desk desk;
  const auto host = desk.register_host("edge-1", test::uuid_1);
  require(desk.post("os-update-policies", R"({"name":"newest","updatePolicy":"UPDATE_POLICY_LATEST"})").status == 200,
          "a policy can be made");
  const auto told = desk.ask_raw(method, target.starts_with('/') ? target : "/v1/projects/demo/" + target, body);
  require(told->response.has_value() != (told->source != nullptr), "one answer");
  if (told->source) {
    for (int i = 0; i < 100 && told->source->next().more; ++i) {
    }
    return 0;
  }
  static const std::set<unsigned> known = {200, 400, 403, 404, 405, 410, 503};
  require(known.count(told->response->status) == 1, "a known status");
  if (told->response->content_type != "application/json") return 0;
  const auto json = nlohmann::json::parse(told->response->body, nullptr, false);
  require(json.is_object(), "an answer is an object");
  if (told->response->status != 200) require(json.contains("code") && json.contains("message"), "a refusal has code and message");
  // What it changed is what the journal says.
  require(test::FleetHost::verify(desk.fleet.store, desk.fleet.scope()).value().empty(), "rows are what the journal folds to");
  return 0;
}
