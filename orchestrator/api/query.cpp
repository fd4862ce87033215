#include "orchestrator/api/query.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/core/time.hpp"
#include "common/core/version.hpp"

namespace abide::api {

namespace {

bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

struct Resolved {
  std::vector<std::string> path;
  FieldTree::Kind kind = FieldTree::Kind::text;
};

Result<Resolved> resolve(std::string_view text, const FieldTree& tree) {
  Resolved resolved;
  const FieldTree* at = &tree;
  std::string_view rest = text;
  while (true) {
    const std::size_t end = std::min(rest.find('.'), rest.size());
    const std::string_view name = rest.substr(0, end);
    const std::string wanted = folded(name);
    const auto found = at == nullptr ? decltype(at->fields.begin()){}
                                     : std::find_if(at->fields.begin(), at->fields.end(),
                                                    [&](const auto& field) { return folded(field.first) == wanted; });
    if (at == nullptr || name.empty() || found == at->fields.end())
      return fail(Code::invalid_input, "no such field: " + std::string(text.substr(0, 100)));
    resolved.path.push_back(found->first);
    resolved.kind = found->second.kind;
    at = found->second.nested;
    if (end == rest.size()) return resolved;
    rest.remove_prefix(end + 1);
  }
}

const Json* value_at(const Json& item, const std::vector<std::string>& path) {
  const Json* at = &item;
  for (const auto& name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

// resource_id and resourceId and resourceID are one name.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '_') out += lower(c);
  }
  return out;
}

// ---- wanted fields -----------------------------------------------------------------------------------------------------

Wanted Wanted::nothing() {
  Wanted wanted;
  wanted.all_ = false;
  return wanted;
}

const Wanted* Wanted::find(std::string_view name) const {
  const auto part = std::find_if(parts_.begin(), parts_.end(), [&](const Part& one) { return one.name == name; });
  return part == parts_.end() ? nullptr : &part->wanted;
}

void Wanted::add(const std::vector<std::string>& path, bool bare) {
  Wanted* at = this;
  for (const auto& name : path) {
    if (at->all_) return;
    auto part = std::find_if(at->parts_.begin(), at->parts_.end(), [&](const Part& one) { return one.name == name; });
    if (part == at->parts_.end()) part = at->parts_.insert(part, Part{name, nothing()});
    at = &part->wanted;
  }
  if (!bare) *at = Wanted();
}

bool Wanted::has(std::string_view name) const {
  return all_ || find(name) != nullptr;
}

const Wanted& Wanted::in(std::string_view name) const {
  static const Wanted none = nothing();
  if (all_) return *this;
  const auto* found = find(name);
  return found == nullptr ? none : *found;
}

bool text_matches(std::string_view text, std::string_view pattern) {
  // "contains" is "*pattern*": each piece between stars where it is found first.
  const std::string in = lowered(text);
  const std::string wanted = lowered(pattern);
  const std::string_view pieces = wanted;
  std::size_t from = 0;
  for (std::size_t begin = 0; begin <= pieces.size();) {
    const std::size_t end = std::min(pieces.find('*', begin), pieces.size());
    const auto piece = pieces.substr(begin, end - begin);
    const std::size_t at = in.find(piece, from);
    if (at == std::string::npos) return false;
    from = at + piece.size();
    begin = end + 1;
  }
  return true;
}

// ---- filter ----------------------------------------------------------------------------------------------------------

namespace {

// What a value of < <= > >= is, by the kind of its field.
struct Bound {
  std::string text;
  std::int64_t whole = 0;  // of a number without a fraction, and of a time in milliseconds
  double number = 0;
  bool is_whole = false;
};

Result<Bound> bound_of(FieldTree::Kind field, const std::string& value) {
  Bound bound;
  bound.text = field == FieldTree::Kind::exact ? value : lowered(value);
  const char* end = value.data() + value.size();
  const auto whole = std::from_chars(value.data(), end, bound.whole);
  bound.is_whole = whole.ec == std::errc{} && whole.ptr == end;
  if (field == FieldTree::Kind::time) {
    if (bound.is_whole) {
      if (bound.whole < 0 || bound.whole > INT64_MAX / 1000) return fail(Code::invalid_input, "is no time: " + value);
      bound.whole *= 1000;
      return bound;
    }
    auto at = parse_rfc3339(value);
    if (!at) return fail(Code::invalid_input, "is neither an RFC 3339 time nor seconds since 1970: " + value);
    bound.whole = *at;
    return bound;
  }
  if (field != FieldTree::Kind::number) return bound;
  const auto number = std::from_chars(value.data(), end, bound.number);
  if (number.ec != std::errc{} || number.ptr != end || !std::isfinite(bound.number))
    return fail(Code::invalid_input, "is no number: " + value);
  return bound;
}

// How what an item has stands to the bound; none: it has nothing that can be compared.
std::optional<std::partial_ordering> compared(FieldTree::Kind field, const Json& found, const Bound& bound) {
  if (field == FieldTree::Kind::number) {
    if (!found.is_number()) return std::nullopt;
    const bool fits = !found.is_number_unsigned() || found.get<std::uint64_t>() <= INT64_MAX;
    if (found.is_number_integer() && bound.is_whole && fits) return found.get<std::int64_t>() <=> bound.whole;
    return found.get<double>() <=> bound.number;
  }
  const std::string text = plain(found);
  if (text.empty()) return std::nullopt;
  if (field == FieldTree::Kind::time) {
    const auto at = parse_rfc3339(text);
    if (!at) return std::nullopt;
    return *at <=> bound.whole;
  }
  if (field == FieldTree::Kind::version) {
    if (const auto order = compare_versions(text, bound.text)) return *order;
  }
  return (field == FieldTree::Kind::exact ? text : lowered(text)) <=> bound.text;
}

}  // namespace

struct Filter::Node {
  enum class Kind { all, any, negation, equals, less, less_or_equal, greater, greater_or_equal, has } kind = Kind::equals;
  std::vector<std::shared_ptr<const Node>> children;
  std::vector<std::string> path;
  FieldTree::Kind field = FieldTree::Kind::text;
  std::string value;
  Bound bound;  // of the four that compare

  [[nodiscard]] bool in_order(const Json& item) const {
    const Json* found = value_at(item, path);
    if (found == nullptr || found->is_null()) return false;
    const auto order = compared(field, *found, bound);
    if (!order) return false;
    switch (kind) {
      case Kind::less:
        return *order < 0;
      case Kind::less_or_equal:
        return *order <= 0;
      case Kind::greater:
        return *order > 0;
      default:
        return *order >= 0;
    }
  }
  void look_at(Wanted& wanted) const {
    for (const auto& child : children) child->look_at(wanted);
    if (!path.empty()) wanted.add(path, kind == Kind::has && field == FieldTree::Kind::object);
  }
  [[nodiscard]] bool matches(const Json& item) const {
    switch (kind) {
      case Kind::all:
        return std::all_of(children.begin(), children.end(), [&](const auto& child) { return child->matches(item); });
      case Kind::any:
        return std::any_of(children.begin(), children.end(), [&](const auto& child) { return child->matches(item); });
      case Kind::negation:
        return !children.front()->matches(item);
      case Kind::has: {
        const Json* found = value_at(item, path);
        return found != nullptr && !found->is_null() && !(found->is_string() && found->get_ref<const std::string&>().empty()) &&
               !(found->is_array() && found->empty());
      }
      case Kind::less:
      case Kind::less_or_equal:
      case Kind::greater:
      case Kind::greater_or_equal:
        return in_order(item);
      case Kind::equals:
        break;
    }
    const Json* found = value_at(item, path);
    const std::string text = found == nullptr || found->is_null() ? std::string() : plain(*found);
    if (value.empty()) return text.empty();
    const bool whole = field == FieldTree::Kind::exact || field == FieldTree::Kind::number;
    return whole ? text == value : text_matches(text, value);
  }
};

namespace {

class FilterParser {
 public:
  FilterParser(std::string_view text, const FieldTree& tree) : text_(text), tree_(tree) {}
  using NodePointer = std::shared_ptr<const Filter::Node>;

  Result<NodePointer> parse() {
    auto node = all(0);
    if (!node) return node;
    blanks();
    if (at_ < text_.size()) return syntax("something is left over");
    return node;
  }

 private:
  [[nodiscard]] Unexpected syntax(std::string_view what) const {
    return fail(Code::invalid_input, "filter: " + std::string(what) + " at position " + std::to_string(at_ + 1));
  }
  void blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  // A word on its own: AND, OR, NOT.
  bool word(std::string_view wanted) {
    blanks();
    if (!text_.substr(at_).starts_with(wanted)) return false;
    const std::size_t end = at_ + wanted.size();
    if (end < text_.size() && is_path_character(text_[end])) return false;
    at_ = end;
    return true;
  }
  bool symbol(char wanted) {
    blanks();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  Result<NodePointer> all(int depth) {
    auto node = std::make_shared<Filter::Node>();
    node->kind = Filter::Node::Kind::all;
    while (true) {
      auto child = any(depth);
      if (!child) return child;
      node->children.push_back(std::move(*child));
      if (word("AND")) continue;
      blanks();
      if (at_ >= text_.size() || text_[at_] == ')') break;
    }
    return node->children.size() == 1 ? node->children.front() : NodePointer(node);
  }

  Result<NodePointer> any(int depth) {
    auto node = std::make_shared<Filter::Node>();
    node->kind = Filter::Node::Kind::any;
    do {
      auto child = term(depth);
      if (!child) return child;
      node->children.push_back(std::move(*child));
    } while (word("OR"));
    return node->children.size() == 1 ? node->children.front() : NodePointer(node);
  }

  static NodePointer not_of(NodePointer child) {
    auto node = std::make_shared<Filter::Node>();
    node->kind = Filter::Node::Kind::negation;
    node->children.push_back(std::move(child));
    return node;
  }

  Result<NodePointer> term(int depth) {
    if (depth > filter_depth_max) return syntax("nested too deeply");
    if (word("NOT") || symbol('-')) {
      auto child = term(depth + 1);
      if (!child) return child;
      return not_of(std::move(*child));
    }
    if (symbol('(')) {
      auto node = all(depth + 1);
      if (!node) return node;
      if (!symbol(')')) return syntax(") is missing");
      return node;
    }
    blanks();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_path_character(text_[at_])) ++at_;
    const std::string_view path = text_.substr(begin, at_ - begin);
    if (path.empty()) return syntax("a field is expected");
    auto node = std::make_shared<Filter::Node>();
    if (path == "has" && symbol('(')) {
      blanks();
      const std::size_t inner = at_;
      while (at_ < text_.size() && is_path_character(text_[at_])) ++at_;
      auto resolved = resolve(text_.substr(inner, at_ - inner), tree_);
      if (!resolved) return fail(resolved.error().in("filter"));
      if (!symbol(')')) return syntax(") is missing");
      node->kind = Filter::Node::Kind::has;
      node->field = resolved->kind;
      node->path = std::move(resolved->path);
      return NodePointer(node);
    }
    auto resolved = resolve(path, tree_);
    if (!resolved) return fail(resolved.error().in("filter"));
    const auto comparison = this->comparison();
    if (!comparison) return syntax("= != < <= > or >= is expected");
    node->path = std::move(resolved->path);
    node->field = resolved->kind;
    node->kind = comparison->kind;
    auto value = this->value();
    if (!value) return fail(value.error());
    node->value = std::move(*value);
    if (node->field == FieldTree::Kind::object) {
      if (node->kind != Filter::Node::Kind::equals || !node->value.empty())
        return fail(Code::invalid_input,
                    "filter: " + std::string(path) + " has fields of its own: name one, or say has(" + std::string(path) + ")");
      node->kind = Filter::Node::Kind::has;
      return comparison->negated ? NodePointer(node) : not_of(std::move(node));
    }
    if (node->kind != Filter::Node::Kind::equals) {
      auto bound = bound_of(node->field, node->value);
      if (!bound) return fail(bound.error().in("filter: " + std::string(path)));
      node->bound = std::move(*bound);
    }
    return comparison->negated ? not_of(std::move(node)) : NodePointer(node);
  }

  struct Comparison {
    std::string_view text;
    Filter::Node::Kind kind;
    bool negated = false;
  };
  std::optional<Comparison> comparison() {
    using Kind = Filter::Node::Kind;
    static constexpr Comparison all[] = {{"!=", Kind::equals, true}, {"<=", Kind::less_or_equal}, {">=", Kind::greater_or_equal},
                                         {"<", Kind::less},          {">", Kind::greater},        {"=", Kind::equals}};
    blanks();
    for (const auto& one : all) {
      if (!text_.substr(at_).starts_with(one.text)) continue;
      at_ += one.text.size();
      return one;
    }
    return std::nullopt;
  }

  Result<std::string> value() {
    blanks();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const char quote = text_[at_++];
      const std::size_t end = text_.find(quote, at_);
      if (end == std::string_view::npos) return syntax("the closing quote is missing");
      std::string value(text_.substr(at_, end - at_));
      at_ = end + 1;
      return value;
    }
    const std::size_t begin = at_;
    constexpr std::string_view ends = " ()=<>!";
    while (at_ < text_.size() && ends.find(text_[at_]) == std::string_view::npos) ++at_;
    if (at_ == begin) return syntax("a value is expected");
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string_view text_;
  const FieldTree& tree_;
  std::size_t at_ = 0;
};

bool is_filter_character(char c) {
  static constexpr std::string_view more = "-_.,:/=*(){}\"' !<>+";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
}

}  // namespace

Result<Filter> Filter::parse(std::string_view text, const FieldTree& tree) {
  if (text.size() > filter_bytes_max)
    return fail(Code::invalid_input, "filter: longer than " + std::to_string(filter_bytes_max) + " bytes");
  if (!std::all_of(text.begin(), text.end(), is_filter_character))
    return fail(Code::invalid_input, "filter: has a character that is not allowed");
  auto root = FilterParser(text, tree).parse();
  if (!root) return fail(root.error());
  Filter filter;
  filter.root_ = std::move(*root);
  return filter;
}

bool Filter::matches(const Json& item) const {
  return root_ == nullptr || root_->matches(item);
}

void Filter::look_at(Wanted& wanted) const {
  if (root_ != nullptr) root_->look_at(wanted);
}

// ---- order and pages ---------------------------------------------------------------------------------------------------

Result<std::vector<OrderKey>> parse_order_by(std::string_view text, const FieldTree& tree) {
  if (text.size() > filter_bytes_max)
    return fail(Code::invalid_input, "orderBy: longer than " + std::to_string(filter_bytes_max) + " bytes");
  std::vector<OrderKey> keys;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    OrderKey key;
    const std::size_t blank = std::min(item.find(' '), item.size());
    std::string_view direction = item.substr(blank);
    while (direction.starts_with(' ')) direction.remove_prefix(1);
    if (!direction.empty() && direction != "asc" && direction != "desc")
      return fail(Code::invalid_input, "orderBy: `" + std::string(direction.substr(0, 100)) + "` is neither asc nor desc");
    key.descending = direction == "desc";
    auto resolved = resolve(item.substr(0, blank), tree);
    if (!resolved) return fail(resolved.error().in("orderBy"));
    if (resolved->kind == FieldTree::Kind::object)
      return fail(Code::invalid_input, "orderBy: " + std::string(item) + " has fields of its own: name one");
    key.path = std::move(resolved->path);
    key.kind = resolved->kind;
    const bool comes_again = std::any_of(keys.begin(), keys.end(), [&](const OrderKey& other) { return other.path == key.path; });
    if (!comes_again) keys.push_back(std::move(key));
    if (keys.size() > order_keys_max) return fail(Code::invalid_input, "orderBy: more than " + std::to_string(order_keys_max) + " fields");
    if (comma == text.size()) return keys;
    text.remove_prefix(comma + 1);
  }
}

Result<std::int64_t> parse_integer(std::string_view name, std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most)
    return fail(Code::invalid_input,
                std::string(name) + ": must be an integer between " + std::to_string(least) + " and " + std::to_string(most));
  return number;
}

Result<bool> take_flag(std::map<std::string, std::string, std::less<>>& query, std::string_view name) {
  const auto found = query.find(name);
  if (found == query.end()) return false;
  if (found->second != "true" && found->second != "false") return fail(Code::invalid_input, std::string(name) + ": must be true or false");
  const bool value = found->second == "true";
  query.erase(found);
  return value;
}

Result<ListQuery> take_list_query(std::map<std::string, std::string, std::less<>>& query, const FieldTree* tree) {
  ListQuery list;
  if (const auto found = query.find("pageSize"); found != query.end()) {
    auto number = parse_integer("pageSize", found->second, 1, page_size_max);
    if (!number) return fail(number.error());
    list.page_size = *number;
    query.erase(found);
  }
  if (const auto found = query.find("offset"); found != query.end()) {
    auto number = parse_integer("offset", found->second, 0, offset_max);
    if (!number) return fail(number.error());
    list.offset = *number;
    query.erase(found);
  }
  if (tree == nullptr) return list;
  if (const auto found = query.find("orderBy"); found != query.end()) {
    auto keys = parse_order_by(found->second, *tree);
    if (!keys) return fail(keys.error());
    list.order_by = std::move(*keys);
    query.erase(found);
  }
  if (const auto found = query.find("filter"); found != query.end()) {
    auto filter = Filter::parse(found->second, *tree);
    if (!filter) return fail(filter.error());
    list.filter = std::move(*filter);
    query.erase(found);
  }
  return list;
}

Result<void> nothing_left(const std::map<std::string, std::string, std::less<>>& query) {
  if (query.empty()) return {};
  return fail(Code::invalid_input, "no such query parameter: " + query.begin()->first.substr(0, 100));
}

namespace {

// What is no version comes before all that are: as text among themselves, but never between two versions.
bool earlier_version(const Json& left, const Json& right) {
  const std::string a = plain(left);
  const std::string b = plain(right);
  if (const auto order = compare_versions(a, b)) return *order < 0;
  const bool version = is_version(a);
  return version != is_version(b) ? !version : a < b;
}

}  // namespace

Json list_page(const char* key, std::vector<Json> items, const ListQuery& query) {
  if (!query.filter.everything())
    items.erase(std::remove_if(items.begin(), items.end(), [&](const Json& item) { return !query.filter.matches(item); }), items.end());
  for (auto order = query.order_by.rbegin(); order != query.order_by.rend(); ++order) {
    std::stable_sort(items.begin(), items.end(), [&](const Json& left, const Json& right) {
      const Json* a = value_at(order->descending ? right : left, order->path);
      const Json* b = value_at(order->descending ? left : right, order->path);
      if (a == nullptr || b == nullptr) return a == nullptr && b != nullptr;  // absent comes first
      return order->kind == FieldTree::Kind::version ? earlier_version(*a, *b) : *a < *b;
    });
  }
  const auto total = static_cast<std::int64_t>(items.size());
  const std::int64_t begin = std::min(query.offset, total);
  const std::int64_t end = std::min(begin + query.page_size, total);
  Json page = object_of(3);
  Json& list = page[key] = Json::array();
  for (std::int64_t i = begin; i < end; ++i) list.push_back(std::move(items[static_cast<std::size_t>(i)]));
  page["totalElements"] = total;
  page["hasNext"] = end < total;
  return page;
}

Pager::Pager(const ListQuery& query) : query_(query) {
  query_.filter.look_at(looked_at_);
  for (const auto& key : query_.order_by) looked_at_.add(key.path);
}

void Pager::keep_keys(std::int64_t position, const Json& item) {
  ++count_;
  positions_.push_back(position);
  for (const auto& key : query_.order_by) {
    const Json* value = value_at(item, key.path);
    keys_.push_back(value == nullptr ? Json(Json::value_t::discarded) : *value);
  }
}

bool Pager::again() {
  if (!std::exchange(needs_second_pass_, false)) return false;
  second_pass_ = true;
  const auto& order = query_.order_by;
  const auto before = [&](std::size_t left, std::size_t right) {
    for (std::size_t k = 0; k < order.size(); ++k) {
      const Json& a = keys_[(order[k].descending ? right : left) * order.size() + k];
      const Json& b = keys_[(order[k].descending ? left : right) * order.size() + k];
      if (a.is_discarded() != b.is_discarded()) return a.is_discarded();  // absent comes first
      if (a.is_discarded()) continue;
      const bool versions = order[k].kind == FieldTree::Kind::version;
      if (versions ? earlier_version(a, b) : a < b) return true;
      if (versions ? earlier_version(b, a) : b < a) return false;
    }
    return positions_[left] < positions_[right];
  };
  std::vector<std::size_t> places(positions_.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  const auto begin = std::min(query_.offset, count_);
  const auto end = std::min(query_.offset + query_.page_size, count_);
  std::partial_sort(places.begin(), places.begin() + end, places.end(), before);
  for (auto at = begin; at < end; ++at) places_.emplace(positions_[places[static_cast<std::size_t>(at)]], places_.size());
  items_.resize(places_.size());
  position_ = 0;
  keys_ = {};
  return !places_.empty();
}

Json* Pager::place_of(std::int64_t position) {
  const auto place = places_.find(position);
  return place == places_.end() ? nullptr : &items_[place->second];
}

Json Pager::finish(const char* key) && {
  Json page = object_of(3);
  Json& list = page[key] = Json::array();
  for (auto& item : items_) list.push_back(std::move(item));
  page["totalElements"] = count_;
  page["hasNext"] = query_.offset + query_.page_size < count_;
  return page;
}

}  // namespace abide::api
