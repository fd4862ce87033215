#pragma once
// Bodies of requests, read strictly: a key that is not known, a value of another type or out of its range is refused, and
// the answer names the field.
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "common/events/orchestrator_events.hpp"

namespace abide::api {

inline constexpr int json_depth_max = 16;
inline constexpr std::size_t metadata_items_max = 100;
inline constexpr std::size_t metadata_key_bytes_max = 316;
inline constexpr std::size_t metadata_value_bytes_max = 63;

// invalid_input: not JSON, not an object, a key twice in one object, nested too deeply, bytes that are not UTF-8.
Result<nlohmann::json> parse_object(std::string_view body);

// A PATCH: its object and, if the query has one, its field mask: what it names is changed, and nothing else.
struct Patch {
  nlohmann::json object;
  std::optional<std::vector<std::string>> mask;  // as written
};
// The same of the body. The mask is taken out of the query; whether there are such fields is for who reads them.
Result<Patch> parse_patch(std::string_view body, std::map<std::string, std::string, std::less<>>& query);

// What a text may consist of.
enum class Charset {
  any,          // UTF-8 without control characters but newline
  name,         // letters, digits, blank, and - _ . / :
  os_name,      // name, and ( )
  description,  // name, and ; = ? @ ! # , < > * ( )
  os_text,      // description, and " and backslash
  os_description,
  version,
};
bool matches(Charset charset, std::string_view text);

// Fields are asked for one by one; the first fault is kept, and finish() tells it. After a fault values are empty. With a mask
// a field that it does not name is absent, and one that it names without a value is there with its default: "", 0, false, [].
class Fields {
 public:
  explicit Fields(const nlohmann::json& object) : object_(object) {}
  explicit Fields(const Patch& patch) : object_(patch.object), mask_(patch.mask ? &*patch.mask : nullptr) {}

  [[nodiscard]] bool has(const char* key);
  std::string text(const char* key, std::size_t bytes_max, Charset charset, bool required = false);
  std::optional<std::int64_t> integer(const char* key, std::int64_t least, std::int64_t most, bool required = false);
  std::optional<bool> boolean(const char* key);
  // One of the names, else a fault; empty if absent.
  std::string one_of(const char* key, std::initializer_list<std::string_view> names, bool required = false);
  // "<prefix>-" and 8 hex digits; or empty if that is allowed.
  std::string resource_id(const char* key, std::string_view prefix, bool empty_allowed = false, bool required = false);
  // A list of {key, value} without a key twice; none: absent.
  std::optional<std::vector<Metadata>> metadata(const char* key);
  // Read-only fields that clients send back as they got them: allowed, and not looked at.
  void ignore(std::initializer_list<const char*> keys);
  // Known to the contract and not served here: named in the fault.
  void not_served(std::initializer_list<const char*> keys);
  // What cannot change: a fault unless it is given as it is. `present` null: it is not there.
  void fixed(const char* key, const nlohmann::json& present);
  void fault(std::string_view key, std::string_view what);
  // Any key, and any name in the mask, that was not asked for is a fault.
  [[nodiscard]] Result<void> finish();

 private:
  const nlohmann::json* find(const char* key, bool required, const nlohmann::json& initial = nullptr);
  [[nodiscard]] bool masked(std::string_view key) const;

  const nlohmann::json& object_;
  const std::vector<std::string>* mask_ = nullptr;  // none: the body says what is changed
  std::set<std::string, std::less<>> known_;
  std::optional<Error> fault_;
};

bool is_resource_id(std::string_view text, std::string_view prefix);

}  // namespace abide::api
