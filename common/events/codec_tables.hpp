#pragma once
// Described structs (fields.hpp) as FlatBuffers tables: a field's place in the list is its id in the table. Private to
// codec.cpp and to the rows.cpp of each component, which alone see FlatBuffers.
//
// Writing is total: text is cut to its limit (clip_text), whole numbers are kept within whole_max; only bytes over their
// limit, which cannot be cut, are a broken invariant. Reading expects a buffer that a verifier has passed, and checks what
// a verifier cannot: lengths of texts and lists, UTF-8, digests, ranges, enums.
//
// How C++ becomes a table's field:
//   bool, std::uint32_t, std::uint64_t, std::int64_t, Id64, enums    scalar, default 0
//   std::optional<std::int64_t>                                      optional scalar
//   Number                                                           struct of two ulongs; none: absent
//   NodeId                                                           string, always there
//   Digest, BootId, Text                                             string; none or empty: absent
//   Bytes                                                            [ubyte], aligned for a nested buffer; empty: absent
//   a described struct, std::optional or Boxed of one                table
//   std::vector or std::set of strings, numbers, described structs   vector; empty: absent
#include <algorithm>
#include <array>
#include <cassert>
#include <flatbuffers/flatbuffers.h>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/core/boxed.hpp"
#include "common/core/result.hpp"
#include "common/events/fields.hpp"
#include "common/events/text.hpp"

namespace abide::tables {

inline constexpr std::size_t fields_max = 64;  // of one table
inline constexpr std::size_t nested_alignment = 8;

using Offset = flatbuffers::uoffset_t;  // 0: nothing
using Strings = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;
using Tables = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::Table>>;

FLATBUFFERS_MANUALLY_ALIGNED_STRUCT(8) WireNumber final {
  std::uint64_t epoch;
  std::uint64_t revision;
};
FLATBUFFERS_STRUCT_END(WireNumber, 16);

template <class T>
struct IsId64 : std::false_type {};
template <class Tag>
struct IsId64<Id64<Tag>> : std::true_type {};
template <class T>
concept AnId64 = IsId64<std::remove_const_t<T>>::value;
template <class T>
concept AnEnum = std::is_enum_v<T>;
template <class T>
concept AWhole = std::same_as<T, std::uint32_t> || std::same_as<T, std::uint64_t> || std::same_as<T, bool>;

inline flatbuffers::voffset_t slot_of(std::size_t index) {
  return flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(index));
}
inline std::int64_t clamp_whole(std::int64_t value) {
  return std::clamp(value, -whole_max, whole_max);
}

// ---- writing -----------------------------------------------------------------------------------------------------------

template <Described T>
Offset write(flatbuffers::FlatBufferBuilder& builder, const T& value);

inline Offset write_text(flatbuffers::FlatBufferBuilder& builder, std::string_view text, std::size_t bytes_max) {
  if (text.empty()) return 0;
  if (text.size() <= bytes_max && is_utf8(text)) return builder.CreateString(text.data(), text.size()).o;
  return builder.CreateString(clip_text(text, bytes_max)).o;
}

// First pass over the fields: everything that lies outside of the table. FlatBuffers wants it written before.
class OutOfLine {
 public:
  OutOfLine(flatbuffers::FlatBufferBuilder& builder, std::array<Offset, fields_max>& offsets) : builder_(builder), offsets_(offsets) {}

  template <class T>
  void operator()(std::string_view, const T& member) {
    if constexpr (std::same_as<T, NodeId>)
      put(builder_.CreateString(to_string(member)).o);
    else if constexpr (std::same_as<T, Digest>)
      put(member ? builder_.CreateString(to_hex(member)).o : 0);
    else if constexpr (std::same_as<T, BootId>)
      put(write_text(builder_, member.text, boot_id_bytes_max));
    else if constexpr (std::same_as<T, std::optional<BootId>>)
      put(member ? builder_.CreateString(clip_text(member->text, boot_id_bytes_max)).o : 0);
    else if constexpr (Described<T>)
      put(write(builder_, member));
    else
      put(0);
  }
  template <Described T>
  void operator()(std::string_view, const std::optional<T>& member) {
    put(member ? write(builder_, *member) : 0);
  }
  template <Described T>
  void operator()(std::string_view, const Boxed<T>& member) {
    put(member ? write(builder_, *member) : 0);
  }
  void operator()(std::string_view, const std::string& member, Text text) { put(write_text(builder_, member, text.bytes_max)); }
  void operator()(std::string_view, const std::string& member, Bytes bytes) { put_bytes(member, bytes.bytes_max); }
  void operator()(std::string_view, const std::string& member, Secret secret) { put_bytes(member, secret.bytes_max); }
  void operator()(std::string_view, const std::vector<std::string>& members, Items items, Text text) {
    std::vector<Offset> offsets;
    for (const auto& member : members) {
      if (offsets.size() == items.count_max) break;
      offsets.push_back(builder_.CreateString(clip_text(member, text.bytes_max)).o);
    }
    put_offsets(offsets);
  }
  template <class List>
  void operator()(std::string_view, const List& members, Items items) {
    using T = typename List::value_type;
    if constexpr (Described<T>) {
      std::vector<Offset> offsets;
      for (const auto& member : members) {
        if (offsets.size() == items.count_max) break;
        offsets.push_back(write(builder_, member));
      }
      put_offsets(offsets);
    } else if constexpr (std::same_as<T, NodeId>) {
      std::vector<Offset> offsets;
      for (const auto& member : members) {
        if (offsets.size() == items.count_max) break;
        offsets.push_back(builder_.CreateString(to_string(member)).o);
      }
      put_offsets(offsets);
    } else if constexpr (AnId64<T>) {
      std::vector<std::uint64_t> values;
      for (const auto& member : members) {
        if (values.size() == items.count_max) break;
        values.push_back(member.value);
      }
      put(values.empty() ? 0 : builder_.CreateVector(values).o);
    } else {
      static_assert(std::same_as<T, std::int64_t>);
      std::vector<std::int64_t> values;
      for (const auto member : members) {
        if (values.size() == items.count_max) break;
        values.push_back(clamp_whole(member));
      }
      put(values.empty() ? 0 : builder_.CreateVector(values).o);
    }
  }
  void operator()(std::string_view, const std::int64_t&, Moment) { put(0); }
  void operator()(std::string_view, const std::uint32_t&, UpTo) { put(0); }

 private:
  void put(Offset offset) {
    assert(count_ < fields_max);
    offsets_[count_++] = offset;
  }
  void put_bytes(const std::string& bytes, std::size_t bytes_max) {
    assert(bytes.size() <= bytes_max);
    if (bytes.empty()) return put(0);
    builder_.ForceVectorAlignment(bytes.size(), 1, nested_alignment);
    put(builder_.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()).o);
  }
  void put_offsets(const std::vector<Offset>& offsets) {
    std::vector<flatbuffers::Offset<flatbuffers::String>> typed(offsets.begin(), offsets.end());
    put(typed.empty() ? 0 : builder_.CreateVector(typed).o);
  }

  flatbuffers::FlatBufferBuilder& builder_;
  std::array<Offset, fields_max>& offsets_;
  std::size_t count_ = 0;
};

// Second pass: the table itself.
class InTable {
 public:
  InTable(flatbuffers::FlatBufferBuilder& builder, const std::array<Offset, fields_max>& offsets) : builder_(builder), offsets_(offsets) {}

  template <class T, class... Limits>
  void operator()(std::string_view, const T& member, Limits... limits) {
    const auto index = count_++;
    const auto slot = slot_of(index);
    if constexpr (std::same_as<T, Number>) {
      if (!member) return;
      const WireNumber number{flatbuffers::EndianScalar(member.epoch), flatbuffers::EndianScalar(member.revision)};
      builder_.AddStruct(slot, &number);
    } else if constexpr (std::same_as<T, bool>) {
      builder_.AddElement<std::uint8_t>(slot, member ? 1 : 0, 0);
    } else if constexpr (AnEnum<T>) {
      assert(is_known(member));
      builder_.AddElement<std::uint8_t>(slot, static_cast<std::uint8_t>(member), 0);
    } else if constexpr (AnId64<T>) {
      builder_.AddElement<std::uint64_t>(slot, member.value, 0);
    } else if constexpr (std::same_as<T, std::int64_t>) {
      builder_.AddElement<std::int64_t>(slot, clamp_whole(member), 0);
    } else if constexpr (std::same_as<T, std::optional<std::int64_t>>) {
      if (member) builder_.AddElement<std::int64_t>(slot, clamp_whole(*member));
    } else if constexpr (AWhole<T>) {
      builder_.AddElement<T>(slot, at_most(member, limits...), 0);
    } else if (offsets_[index] != 0) {
      builder_.AddOffset(slot, flatbuffers::Offset<void>(offsets_[index]));
    }
  }

 private:
  template <class T>
  static T at_most(T value) {
    return value;
  }
  static std::uint32_t at_most(std::uint32_t value, UpTo up_to) { return std::min(value, up_to.max); }

  flatbuffers::FlatBufferBuilder& builder_;
  const std::array<Offset, fields_max>& offsets_;
  std::size_t count_ = 0;
};

template <Described T>
Offset write(flatbuffers::FlatBufferBuilder& builder, const T& value) {
  std::array<Offset, fields_max> offsets;
  OutOfLine out_of_line(builder, offsets);
  fields(out_of_line, value);
  const auto start = builder.StartTable();
  InTable in_table(builder, offsets);
  fields(in_table, value);
  return builder.EndTable(start);
}

inline std::string finish(flatbuffers::FlatBufferBuilder& builder, Offset root, const char* identifier) {
  builder.Finish(flatbuffers::Offset<flatbuffers::Table>(root), identifier);
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

// ---- reading -----------------------------------------------------------------------------------------------------------

struct Limits {
  flatbuffers::uoffset_t depth_max = 16;
  flatbuffers::uoffset_t tables_max = 1024;
};

// The bytes at an address that numbers may be read from; copied only where they do not lie there already. The view must
// outlive it.
class Aligned {
 public:
  explicit Aligned(std::string_view bytes) : bytes_(bytes) {
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::uint64_t) == 0) return;
    char* to = reinterpret_cast<char*>(few_.data());
    if (bytes.size() > sizeof few_) {
      many_.resize(bytes.size() / sizeof(std::uint64_t) + 1);
      to = reinterpret_cast<char*>(many_.data());
    }
    bytes.copy(to, bytes.size());
    bytes_ = {to, bytes.size()};
  }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  [[nodiscard]] const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(bytes_.data()); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  std::array<std::uint64_t, 128> few_;  // events and rows are seldom larger; not zeroed
  std::vector<std::uint64_t> many_;
};

// Root is a generated table: its verifier decides whether the structure may be read at all.
template <class Root>
Result<const flatbuffers::Table*> verified(const Aligned& bytes, std::size_t bytes_max, const char* identifier, Limits limits) {
  if (bytes.size() > bytes_max)
    return fail(Code::corrupt, std::to_string(bytes.size()) + " bytes, at most " + std::to_string(bytes_max) + " are read");
  if (bytes.size() < sizeof(flatbuffers::uoffset_t) + flatbuffers::kFileIdentifierLength)
    return fail(Code::corrupt, std::to_string(bytes.size()) + " bytes are too few");
  if (!flatbuffers::BufferHasIdentifier(bytes.data(), identifier))
    return fail(Code::corrupt, std::string("the file identifier is not ") + identifier);
  flatbuffers::Verifier::Options options;
  options.max_depth = limits.depth_max;
  options.max_tables = limits.tables_max;
  options.check_nested_flatbuffers = false;  // read, and so verified, on their own
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), options);
  if (!verifier.template VerifyBuffer<Root>(identifier)) return fail(Code::corrupt, "not a well-formed buffer");
  return flatbuffers::GetRoot<flatbuffers::Table>(bytes.data());
}

template <Described T>
void read(const flatbuffers::Table& table, T& value, std::optional<Error>& error);

// Fills members; stops at the first that is wrong and says which.
class FromTable {
 public:
  FromTable(const flatbuffers::Table& table, std::optional<Error>& error) : table_(table), error_(error) {}

  template <class T, class... Specs>
  void operator()(std::string_view name, T& member, Specs... specs) {
    const auto slot = slot_of(count_++);
    if (error_) return;
    get(slot, member, specs...);
    if (error_) error_ = error_->in(name);
  }
  void leave_out() { ++count_; }  // the next field

 private:
  using Slot = flatbuffers::voffset_t;
  void refuse(std::string what) { error_ = Error{Code::corrupt, std::move(what)}; }

  void get(Slot slot, Number& member) {
    const auto* number = table_.GetStruct<const WireNumber*>(slot);
    member = number == nullptr ? Number{} : Number{flatbuffers::EndianScalar(number->epoch), flatbuffers::EndianScalar(number->revision)};
  }
  void get(Slot slot, bool& member) { member = table_.GetField<std::uint8_t>(slot, 0) != 0; }
  void get(Slot slot, std::uint32_t& member) { member = table_.GetField<std::uint32_t>(slot, 0); }
  void get(Slot slot, std::uint32_t& member, UpTo up_to) {
    member = table_.GetField<std::uint32_t>(slot, 0);
    if (member > up_to.max) refuse(std::to_string(member) + " is more than " + std::to_string(up_to.max));
  }
  void get(Slot slot, std::uint64_t& member) { member = table_.GetField<std::uint64_t>(slot, 0); }
  template <class Tag>
  void get(Slot slot, Id64<Tag>& member) {
    member.value = table_.GetField<std::uint64_t>(slot, 0);
  }
  void get(Slot slot, std::int64_t& member) {
    member = table_.GetField<std::int64_t>(slot, 0);
    check_whole(member);
  }
  void get(Slot slot, std::int64_t& member, Moment) { get(slot, member); }
  void get(Slot slot, std::optional<std::int64_t>& member) {
    member.reset();
    if (!table_.CheckField(slot)) return;
    member = table_.GetField<std::int64_t>(slot, 0);
    check_whole(*member);
  }
  template <AnEnum E>
  void get(Slot slot, E& member) {
    const auto number = table_.GetField<std::uint8_t>(slot, 0);
    member = static_cast<E>(number);
    if (!is_known(member)) error_ = Error{Code::unavailable, "value " + std::to_string(number) + " is not known to this version"};
  }
  void get(Slot slot, NodeId& member) {
    if (const auto text = text_at(slot))
      get_node(*text, member);
    else
      refuse("a node's UUID is missing");
  }
  void get(Slot slot, Digest& member) {
    member = {};
    const auto text = text_at(slot);
    if (!text) return;
    if (text->size() != 2 * member.bytes.size()) return refuse("a digest of " + std::to_string(text->size()) + " digits");
    auto digest = parse_digest(*text);
    if (!digest || has_upper_case(*text)) return refuse("a digest is not lower-case hex digits");
    if (!*digest) return refuse("a digest of zeros");
    member = *digest;
  }
  void get(Slot slot, BootId& member) { get(slot, member.text, Text{boot_id_bytes_max}); }
  void get(Slot slot, std::optional<BootId>& member) {
    member.reset();
    if (!text_at(slot)) return;
    get(slot, member.emplace());
  }
  void get(Slot slot, std::string& member, Text limit) {
    const auto text = text_at(slot).value_or(std::string_view{});
    check_text(text, limit);
    if (!error_) member = text;
  }
  void get(Slot slot, std::string& member, Bytes limit) {
    const auto* bytes = table_.GetPointer<const flatbuffers::Vector<std::uint8_t>*>(slot);
    member.clear();
    if (bytes == nullptr) return;
    if (bytes->size() > limit.bytes_max) return refuse(too_long(bytes->size(), limit.bytes_max));
    member.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  void get(Slot slot, std::string& member, Secret limit) { get(slot, member, Bytes{limit.bytes_max}); }
  template <Described T>
  void get(Slot slot, T& member) {
    const auto* table = table_.GetPointer<const flatbuffers::Table*>(slot);
    member = T{};
    if (table != nullptr)
      read(*table, member, error_);
    else
      absent(member);
  }
  template <Described T>
  void get(Slot slot, std::optional<T>& member) {
    const auto* table = table_.GetPointer<const flatbuffers::Table*>(slot);
    member.reset();
    if (table != nullptr) read(*table, member.emplace(), error_);
  }
  template <Described T>
  void get(Slot slot, Boxed<T>& member) {
    const auto* table = table_.GetPointer<const flatbuffers::Table*>(slot);
    member.reset();
    if (table != nullptr) read(*table, member.emplace(), error_);
  }
  void get(Slot slot, std::vector<std::string>& members, Items items, Text limit) {
    const auto* strings = list<Strings>(slot, items);
    members.clear();
    if (strings == nullptr) return;
    for (const auto* string : *strings) {
      check_text(string->string_view(), limit);
      if (error_) return;
      members.push_back(string->str());
    }
  }
  template <Described T>
  void get(Slot slot, std::vector<T>& members, Items items) {
    const auto* found = list<Tables>(slot, items);
    members.clear();
    if (found == nullptr) return;
    for (const auto* table : *found) {
      read(*table, members.emplace_back(), error_);
      if (error_) return;
    }
  }
  void get(Slot slot, std::vector<std::int64_t>& members, Items items) {
    const auto* numbers = list<flatbuffers::Vector<std::int64_t>>(slot, items);
    members.clear();
    if (numbers == nullptr) return;
    for (const std::int64_t number : *numbers) {
      check_whole(number);
      members.push_back(number);
    }
  }
  template <class Tag>
  void get(Slot slot, std::set<Id64<Tag>>& members, Items items) {
    const auto* ids = list<flatbuffers::Vector<std::uint64_t>>(slot, items);
    members.clear();
    if (ids == nullptr) return;
    for (const std::uint64_t id : *ids) members.insert(Id64<Tag>{id});
  }
  void get(Slot slot, std::set<NodeId>& members, Items items) {
    const auto* strings = list<Strings>(slot, items);
    members.clear();
    if (strings == nullptr) return;
    for (const auto* string : *strings) {
      NodeId node;
      get_node(string->string_view(), node);
      if (error_) return;
      members.insert(node);
    }
  }

  // A table that is not there is one of defaults; and those must be allowed, too. Whether they are is found out once.
  template <Described T>
  void absent(T& member) {
    static const std::pair<T, std::optional<Error>> defaults = [] {
      flatbuffers::FlatBufferBuilder builder(64);
      const auto start = builder.StartTable();
      builder.Finish(flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start)));
      std::pair<T, std::optional<Error>> found;
      read(*flatbuffers::GetRoot<flatbuffers::Table>(builder.GetBufferPointer()), found.first, found.second);
      return found;
    }();
    member = defaults.first;
    error_ = defaults.second;
  }
  static std::string too_long(std::size_t size, std::size_t most) {
    return std::to_string(size) + " bytes, at most " + std::to_string(most) + " are allowed";
  }
  [[nodiscard]] std::optional<std::string_view> text_at(Slot slot) const {
    const auto* string = table_.GetPointer<const flatbuffers::String*>(slot);
    if (string == nullptr) return std::nullopt;
    return string->string_view();
  }
  // Of hex digits, which are also read in upper case, though nobody writes them so.
  static bool has_upper_case(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char digit) { return digit >= 'A' && digit <= 'F'; });
  }
  void check_text(std::string_view text, Text limit) {
    if (text.size() > limit.bytes_max) return refuse(too_long(text.size(), limit.bytes_max));
    if (!is_utf8(text)) refuse("not UTF-8");
  }
  void check_whole(std::int64_t number) {
    if (number < -whole_max || number > whole_max) refuse(std::to_string(number) + " is out of range");
  }
  void get_node(std::string_view text, NodeId& member) {
    auto node = parse_node_id(text);
    if (!node || has_upper_case(text)) return refuse("not a UUID in lower case");
    member = *node;
  }
  template <class Vector>
  const Vector* list(Slot slot, Items items) {
    const auto* found = table_.GetPointer<const Vector*>(slot);
    if (found != nullptr && found->size() > items.count_max) {
      refuse(std::to_string(found->size()) + " items, at most " + std::to_string(items.count_max) + " are allowed");
      return nullptr;
    }
    return found;
  }

  const flatbuffers::Table& table_;
  std::optional<Error>& error_;
  std::size_t count_ = 0;
};

template <Described T>
void read(const flatbuffers::Table& table, T& value, std::optional<Error>& error) {
  FromTable from_table(table, error);
  fields(from_table, value);
}

// ---- fitting -----------------------------------------------------------------------------------------------------------

// Changes a value to what writing and reading it would give.
class Fit {
 public:
  template <class T, class... Specs>
  void operator()(std::string_view, T& member, Specs... specs) {
    fit(member, specs...);
  }

 private:
  template <class T>
  void fit(T& member) {
    if constexpr (Described<T>)
      fields(*this, member);
    else if constexpr (std::same_as<T, std::int64_t>)
      member = clamp_whole(member);
    else if constexpr (std::same_as<T, BootId>)
      fit(member.text, Text{boot_id_bytes_max});
  }
  template <class T>
  void fit(std::optional<T>& member) {
    if (member) fit(*member);
  }
  template <class T>
  void fit(Boxed<T>& member) {
    if (member) fit(*member);
  }
  void fit(std::int64_t& member, Moment) { member = clamp_whole(member); }
  void fit(std::uint32_t& member, UpTo up_to) { member = std::min(member, up_to.max); }
  void fit(std::string& member, Text limit) {
    if (member.size() > limit.bytes_max || !is_utf8(member)) member = clip_text(member, limit.bytes_max);
  }
  void fit(std::string&, Bytes) {}
  void fit(std::string&, Secret) {}
  void fit(std::vector<std::string>& members, Items items, Text limit) {
    if (members.size() > items.count_max) members.resize(items.count_max);
    for (auto& member : members) fit(member, limit);
  }
  template <class T>
  void fit(std::vector<T>& members, Items items) {
    if (members.size() > items.count_max) members.resize(items.count_max);
    for (auto& member : members) fit(member);
  }
  template <class T>
  void fit(std::set<T>& members, Items items) {
    while (members.size() > items.count_max) members.erase(std::prev(members.end()));
  }
};

}  // namespace abide::tables
