#pragma once
// The fields that C++ lists for a struct, and those that the schema gives a table, in one notation: name, and type as
// the schema would write it.
#include <cstdlib>
#include <cxxabi.h>
#include <flatbuffers/idl.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "common/core/boxed.hpp"
#include "common/events/fields.hpp"

namespace abide::test {

using Listed = std::vector<std::pair<std::string, std::string>>;

// "Release" for abide::Release.
template <class T>
std::string type_name() {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(abi::__cxa_demangle(typeid(T).name(), nullptr, nullptr, &status), &std::free);
  const std::string name = demangled ? demangled.get() : "?";
  return name.substr(name.rfind(':') + 1);
}

class Types {
 public:
  Listed listed;
  template <class T, class... Specs>
  void operator()(std::string_view name, const T& member, Specs... specs) {
    listed.emplace_back(name, type(member, specs...));
  }

 private:
  template <class T>
  static std::string type(const T&) {
    if constexpr (Described<T>)
      return "table " + type_name<T>();
    else if constexpr (std::is_same_v<T, bool>)
      return "bool";
    else if constexpr (std::is_same_v<T, std::uint32_t>)
      return "uint";
    else if constexpr (std::is_same_v<T, std::uint64_t>)
      return "ulong";
    else if constexpr (std::is_same_v<T, std::int64_t>)
      return "long";
    else if constexpr (std::is_same_v<T, Number>)
      return "struct Number";
    else if constexpr (std::is_enum_v<T>)
      return "enum " + type_name<T>();
    else if constexpr (std::is_same_v<T, NodeId> || std::is_same_v<T, Digest> || std::is_same_v<T, BootId>)
      return "string";
    else
      return "ulong";  // Id64
  }
  template <class T>
  static std::string type(const std::optional<T>&) {
    return std::is_same_v<T, std::int64_t> ? "long?" : type(T{});
  }
  template <class T>
  static std::string type(const Boxed<T>&) {
    return type(T{});
  }
  static std::string type(const std::int64_t&, Moment) { return "long"; }
  static std::string type(const std::uint32_t&, UpTo) { return "uint"; }
  static std::string type(const std::string&, Text) { return "string"; }
  static std::string type(const std::string&, Bytes) { return "[ubyte]"; }
  static std::string type(const std::string&, Secret) { return "[ubyte]"; }
  static std::string type(const std::vector<std::string>&, Items, Text) { return "[string]"; }
  template <class List>
  static std::string type(const List&, Items) {
    return "[" + type(typename List::value_type{}) + "]";
  }
};

template <class T>
Listed listed_of() {
  Types types;
  T value;
  fields(types, value);
  return types.listed;
}

inline std::string type_in_schema(const flatbuffers::Type& type) {
  switch (type.base_type) {
    case flatbuffers::BASE_TYPE_BOOL:
      return "bool";
    case flatbuffers::BASE_TYPE_UINT:
      return "uint";
    case flatbuffers::BASE_TYPE_ULONG:
      return "ulong";
    case flatbuffers::BASE_TYPE_LONG:
      return "long";
    case flatbuffers::BASE_TYPE_STRING:
      return "string";
    case flatbuffers::BASE_TYPE_UCHAR:
      return type.enum_def != nullptr ? "enum " + type.enum_def->name : "ubyte";
    case flatbuffers::BASE_TYPE_STRUCT:
      return (type.struct_def->fixed ? "struct " : "table ") + type.struct_def->name;
    case flatbuffers::BASE_TYPE_VECTOR:
      return "[" + type_in_schema(type.VectorType()) + "]";
    default:
      return "another type";
  }
}

inline Listed listed_in_schema(const flatbuffers::StructDef& definition) {
  Listed listed(definition.fields.vec.size());
  std::size_t count = 0;
  for (const auto* field : definition.fields.vec) {
    // A table's vtable begins with two lengths of two bytes; a struct has its fields in order.
    const auto id = definition.fixed ? count++ : static_cast<std::size_t>(field->value.offset - 4) / 2;
    listed.at(id) = {field->name, type_in_schema(field->value.type) + (field->IsScalarOptional() ? "?" : "")};
  }
  return listed;
}

}  // namespace abide::test
