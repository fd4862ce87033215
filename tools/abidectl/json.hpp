#pragma once
// JSON as the server sent it: keys keep their order, so that what is printed reads like the API's documentation.
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace abide::ctl {

using Json = nlohmann::ordered_json;

// The member at a path such as "instance.os.name" as text: "" where it is missing, null, an object or a list.
std::string text_at(const Json& object, std::string_view path);
std::optional<std::int64_t> number_at(const Json& object, std::string_view path);
// null where it is missing.
const Json& member_at(const Json& object, std::string_view path);

std::string to_yaml(const Json& value);

}  // namespace abide::ctl
