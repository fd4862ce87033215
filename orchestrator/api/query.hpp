#pragma once
// Lists: paging, order and filter over items as JSON.
//
// Filter, a subset of AIP-160:  term { AND|OR term },  term: [NOT|-] path operator value | has(path) | ( filter ).  OR binds
// more tightly than AND; blanks between two terms are an AND. A value is in '' or "", or a bare word. With = text matches if it
// contains the value in any case, with * for any run of characters; enum names, numbers and booleans match as a whole; ""
// matches what is empty or absent, also what has fields of its own. != is what = is not. < <= > >= compare numbers as numbers, times as
// times (RFC 3339, or seconds since 1970), versions as versions, and the rest as text, text in any case; what is absent is neither less nor
// more. Names are as in the JSON, or in snake_case; paths go through nested objects.
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "orchestrator/api/http.hpp"

namespace abide::api {

inline constexpr std::size_t filter_bytes_max = 1'000;
inline constexpr int filter_depth_max = 16;
inline constexpr std::int64_t page_size_max = 100;
inline constexpr std::int64_t page_size_default = 20;
inline constexpr std::int64_t offset_max = 10'000;

using Json = nlohmann::ordered_json;

// The fields that a resource can be asked for, so that a wrong name is refused even where no item has it.
struct FieldTree {
  enum class Kind { text, exact, number, object, time, version };  // exact: enum names, booleans, numbers of documents
  struct Field {
    Kind kind = Kind::text;
    const FieldTree* nested = nullptr;  // objects
  };
  std::map<std::string, Field, std::less<>> fields;
};

class Filter {
 public:
  // invalid_input: the syntax, a character that is not allowed, a field that the resource does not have.
  static Result<Filter> parse(std::string_view text, const FieldTree& tree);
  [[nodiscard]] bool matches(const Json& item) const;
  [[nodiscard]] bool everything() const { return root_ == nullptr; }

  struct Node;

 private:
  std::shared_ptr<const Node> root_;  // none: everything
};

struct OrderKey {
  std::vector<std::string> path;
  FieldTree::Kind kind = FieldTree::Kind::text;  // versions are compared as such
  bool descending = false;
};
Result<std::vector<OrderKey>> parse_order_by(std::string_view text, const FieldTree& tree);

struct ListQuery {
  std::int64_t page_size = page_size_default;
  std::int64_t offset = 0;
  std::vector<OrderKey> order_by;
  Filter filter;
};
// Takes pageSize, offset, orderBy and filter out of the query; what is left is the caller's. With `tree` null neither order
// nor filter is known.
Result<ListQuery> take_list_query(std::map<std::string, std::string, std::less<>>& query, const FieldTree* tree);
// Whatever is left of a query is not known.
Result<void> nothing_left(const std::map<std::string, std::string, std::less<>>& query);

// true or false, taken out of the query; absent: false.
Result<bool> take_flag(std::map<std::string, std::string, std::less<>>& query, std::string_view name);
Result<std::int64_t> parse_integer(std::string_view name, std::string_view text, std::int64_t least, std::int64_t most);

// Filters, sorts (stable), cuts the page: {"<key>": [...], "totalElements": n, "hasNext": b}.
Json list_page(const char* key, std::vector<Json> items, const ListQuery& query);

// The same for items that come one by one. Only those that can be on the page are kept, or even rendered.
class Pager {
 public:
  explicit Pager(const ListQuery& query) : query_(query) {}
  // `render` gives the item as JSON.
  template <class Render>
  void add(Render render) {
    if (!query_.order_by.empty()) {
      Json item = render();
      if (query_.filter.matches(item)) items_.push_back(std::move(item));
      return;
    }
    const bool on_page = count_ >= query_.offset && count_ < query_.offset + query_.page_size;
    if (query_.filter.everything()) {
      if (on_page) items_.push_back(render());
      ++count_;
      return;
    }
    Json item = render();
    if (!query_.filter.matches(item)) return;
    if (on_page) items_.push_back(std::move(item));
    ++count_;
  }
  [[nodiscard]] Json finish(const char* key) &&;

 private:
  const ListQuery& query_;
  std::int64_t count_ = 0;  // without an order: items so far
  std::vector<Json> items_;
};

// resource_id and resourceId and resourceID are one name.
std::string folded(std::string_view name);

// Case-insensitive (ASCII) "contains", with * for any run of characters.
bool text_matches(std::string_view text, std::string_view pattern);

}  // namespace abide::api
