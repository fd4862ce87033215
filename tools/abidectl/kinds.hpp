#pragma once
// The nouns: where each is in the API, how people name it, and what a table shows of it.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/abidectl/json.hpp"
#include "tools/abidectl/settings.hpp"
#include "tools/abidectl/table.hpp"

namespace abide::ctl {

struct Reading {  // how it is shown
  Output output = Output::table;
  std::int64_t now_ms = 0;
};

struct Column {
  std::string head;
  bool wide = false;  // only with --output wide
  std::function<std::string(const Json& object, const Reading& reading)> text;
};

// A second place of the API that has objects of the same kind: repeated schedules beside single ones.
struct Beside {
  std::string path;
  std::string list_key;
  std::string id_prefix;
};

struct Kind {
  std::string noun;                  // "osupdatepolicy", as in "no osupdatepolicy is named …"
  std::vector<std::string> aliases;  // plural and short forms
  std::string path;                  // below the project
  std::string list_key;
  std::string id_prefix;  // of resource ids: "osupdatepolicy-"
  std::vector<Column> columns;
  std::optional<Beside> beside = std::nullopt;
  bool filters = true;  // its list takes the API's filter
  // Of one of its elements, where the UUID is by which its list can be gone through to the end, however long. The API also
  // takes names of such in paths.
  std::string uuid_path = {};
};

const std::vector<Kind>& kinds();
const Kind& kind_of(const std::string& noun);  // noun must be one of `kinds()`

// By noun, plural or short form, in any case; null: none.
const Kind* kind_called(const std::string& word);

// Of one object, below the project.
std::string path_of(const Kind& kind, const std::string& id);

// "edge-2" before "edge-10".
bool natural_less(const std::string& left, const std::string& right);

Table table_of(const Kind& kind, const Json& objects, const Reading& reading);

// RFC 3339 in local time; with --output wide also how long ago. "" for nothing and for 0.
std::string shown_time(std::optional<std::int64_t> at_ms, const Reading& reading);

// "singlesche-…" and "repeatedsche-…" are both a schedule.
bool is_resource_id(const Kind& kind, const std::string& text);

// The policy that counts for an instance, and where it comes from if not from itself: "newest (site)".
std::string shown_policy(const Json& instance);

// A region with all that it lies in, from the root downwards: "europe/bavaria".
std::string shown_region(const Json& region);

// What clocks are shown of a repeated schedule: "30 2 * * mon-fri Europe/Berlin".
std::string shown_cron(const Json& schedule);

// Phase of the update machine with a bar where it moves: "Staging ██████░░░░ 61%".
std::string shown_progress(const Json& host, int bar_cells);

}  // namespace abide::ctl
