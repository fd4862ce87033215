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
#include <type_traits>
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

// An object for so many fields. One that has to grow copies all that lies in it, however deep: keys in it are const.
inline Json object_of(std::size_t fields) {
  Json object = Json::object();
  object.get_ref<Json::object_t&>().reserve(fields);
  return object;
}

// The fields that a resource can be asked for, so that a wrong name is refused even where no item has it.
struct FieldTree {
  enum class Kind { text, exact, number, object, time, version };  // exact: enum names, booleans, numbers of documents
  struct Field {
    Kind kind = Kind::text;
    const FieldTree* nested = nullptr;  // objects
  };
  std::map<std::string, Field, std::less<>> fields;
};

// Which fields of an item are looked at; of a new one: all. What is not is not rendered: a filter on one field of 100,000 hosts
// must not make all the JSON of each.
class Wanted {
 public:
  static Wanted nothing();
  // What lies at the path; `bare`: only whether something does.
  void add(const std::vector<std::string>& path, bool bare = false);
  [[nodiscard]] bool everything() const { return all_; }
  [[nodiscard]] bool has(std::string_view name) const;
  // Of what lies in that field.
  [[nodiscard]] const Wanted& in(std::string_view name) const;

 private:
  struct Part;
  [[nodiscard]] const Wanted* find(std::string_view name) const;
  bool all_ = true;
  std::vector<Part> parts_;
};
struct Wanted::Part {
  std::string name;
  Wanted wanted;
};

class Filter {
 public:
  // invalid_input: the syntax, a character that is not allowed, a field that the resource does not have.
  static Result<Filter> parse(std::string_view text, const FieldTree& tree);
  [[nodiscard]] bool matches(const Json& item) const;
  [[nodiscard]] bool everything() const { return root_ == nullptr; }
  void look_at(Wanted& wanted) const;  // adds what it looks at

  struct Node;

 private:
  std::shared_ptr<const Node> root_;  // none: everything
};

struct OrderKey {
  std::vector<std::string> path;
  FieldTree::Kind kind = FieldTree::Kind::text;  // versions are compared as such
  bool descending = false;
};
inline constexpr std::size_t order_keys_max = 16;
// A field that comes again changes nothing, and is left out.
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

// The same for items that come one by one. Of those that are not on the page only what filter and order look at is rendered.
// With an order it takes two passes over the same items in the same order: the second renders the page.
//
//   do {
//     for (item : items) pager.add([&](const Wanted& wanted) { return item_json(item, wanted); });
//   } while (pager.again());
class Pager {
 public:
  explicit Pager(const ListQuery& query);
  // `render` gives the item as JSON, at least what is wanted of it; without an argument: all of it.
  template <class Render>
  void add(const Render& render) {
    if (!query_.order_by.empty()) return add_out_of_order(position_++, render);
    const bool chosen = count_ >= query_.offset && count_ < query_.offset + query_.page_size;
    if (chooses_nothing()) {
      if (chosen) items_.push_back(rendered(render, everything_));
      ++count_;
      return;
    }
    Json item = rendered(render, looked_at_);
    if (!query_.filter.matches(item)) return;
    ++count_;
    if (!chosen) return;
    constexpr bool is_whole = !std::is_invocable_v<const Render&, const Wanted&>;
    items_.push_back(is_whole ? std::move(item) : rendered(render, everything_));
  }
  // Where items do not come in the order that they have without an orderBy; their places in it are different numbers.
  template <class Render>
  void add_out_of_order(std::int64_t position, const Render& render) {
    if (second_pass_) {
      if (Json* place = place_of(position)) *place = rendered(render, everything_);
      return;
    }
    needs_second_pass_ = true;
    const Json item = rendered(render, looked_at_);
    if (query_.filter.matches(item)) keep_keys(position, item);
  }
  // Neither filter nor order.
  [[nodiscard]] bool chooses_nothing() const { return query_.order_by.empty() && query_.filter.everything(); }
  [[nodiscard]] bool is_second_pass() const { return second_pass_; }
  // The page is full, and no filter chooses: it is only to be counted how many more there are, or to be told.
  [[nodiscard]] bool is_full() const { return chooses_nothing() && count_ >= end(); }
  [[nodiscard]] std::int64_t end() const { return query_.offset + query_.page_size; }  // of the page
  void told_total(std::int64_t total) { count_ = total; }
  // All were added. True: they must be once more.
  [[nodiscard]] bool again();
  [[nodiscard]] Json finish(const char* key) &&;

 private:
  template <class Render>
  static Json rendered(const Render& render, const Wanted& wanted) {
    if constexpr (std::is_invocable_v<const Render&, const Wanted&>)
      return render(wanted);
    else
      return render();
  }
  void keep_keys(std::int64_t position, const Json& item);
  Json* place_of(std::int64_t position);  // on the page; null: it is not on it

  const ListQuery& query_;
  const Wanted everything_;
  Wanted looked_at_ = Wanted::nothing();
  std::int64_t position_ = 0;
  std::int64_t count_ = 0;  // that match, so far
  std::vector<Json> items_;
  // For a second pass: of each that matches its position, and the values that it is ordered by; absent ones are discarded values.
  std::vector<std::int64_t> positions_;
  std::vector<Json> keys_;
  std::map<std::int64_t, std::size_t> places_;  // of the page's items, by position
  bool needs_second_pass_ = false, second_pass_ = false;
};

// resource_id and resourceId and resourceID are one name.
std::string folded(std::string_view name);

// Case-insensitive (ASCII) "contains", with * for any run of characters.
bool text_matches(std::string_view text, std::string_view pattern);

}  // namespace abide::api
