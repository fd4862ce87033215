#pragma once
// The nouns: where each is in the API, how people name it, and what a table shows of it.
#include <cstdint>
#include <functional>
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

struct Kind {
  std::string noun;                  // "osupdatepolicy", as in "no osupdatepolicy is named …"
  std::vector<std::string> aliases;  // plural and short forms
  std::string path;                  // below the project
  std::string list_key;
  std::string id_prefix;  // of resource ids: "osupdatepolicy-"
  std::vector<Column> columns;
};

const std::vector<Kind>& kinds();
const Kind& kind_of(const std::string& noun);  // noun must be one of `kinds()`

// "edge-2" before "edge-10".
bool natural_less(const std::string& left, const std::string& right);

Table table_of(const Kind& kind, const Json& objects, const Reading& reading);

// RFC 3339 in local time; with --output wide also how long ago. "" for nothing and for 0.
std::string shown_time(std::optional<std::int64_t> at_ms, const Reading& reading);

// Phase of the update machine with a bar where it moves: "Staging ██████░░░░ 61%".
std::string shown_progress(const Json& host, int bar_cells);

}  // namespace abide::ctl
