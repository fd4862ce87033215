#pragma once
// The fields of a struct (fields.hpp, and lists beside it) as names and values that people read: what lines, JSON and
// comparisons of rows are made of.
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/core/boxed.hpp"
#include "common/core/hash.hpp"
#include "common/core/time.hpp"
#include "common/events/fields.hpp"

namespace abide {

struct ListedField {
  std::string name;
  std::string value;
  bool digest = false;  // lines show its beginning only
};

namespace detail {

inline std::string_view text_of(DocumentTopic topic) {
  switch (topic) {
    case DocumentTopic::policy_linked:
      return "policy-linked";
    case DocumentTopic::window_scheduled:
      return "window-scheduled";
    case DocumentTopic::window_opened:
      return "window-opened";
  }
  return "unknown";
}
inline std::string_view text_of(UpdatePolicy policy) {
  switch (policy) {
    case UpdatePolicy::latest:
      return "latest";
    case UpdatePolicy::target:
      return "target";
  }
  return "unknown";
}
inline std::string_view text_of(OsList list) {
  switch (list) {
    case OsList::installed_packages:
      return "installed_packages";
    case OsList::existing_cves:
      return "existing_cves";
    case OsList::fixed_cves:
      return "fixed_cves";
  }
  return "unknown";
}
inline std::string_view text_of(ScheduleStatus status) {
  switch (status) {
    case ScheduleStatus::unspecified:
      return "unspecified";
    case ScheduleStatus::maintenance:
      return "maintenance";
    case ScheduleStatus::os_update:
      return "os_update";
    case ScheduleStatus::blackout:
      return "blackout";
  }
  return "unknown";
}
template <class E>
requires requires(E value) {
  to_string(value);
}
std::string_view text_of(E value) {
  return to_string(value);
}

// Lists what is there: empty texts, absent parts and "none" are left out, numbers and truths never.
class Lister {
 public:
  explicit Lister(std::vector<ListedField>& list) : list_(list) {}

  template <class T, class... Specs>
  void operator()(std::string_view name, const T& member, Specs... specs) {
    add(prefix_ + std::string(name), member, specs...);
  }

 private:
  void put(std::string name, std::string value) { list_.push_back({std::move(name), std::move(value)}); }

  template <class T>
  void add(std::string name, const T& member) {
    if constexpr (Described<T>) {
      Lister inner(list_);
      inner.prefix_ = name + ".";
      fields(inner, member);
    } else if constexpr (std::is_same_v<T, bool>) {
      put(std::move(name), member ? "true" : "false");
    } else if constexpr (std::is_same_v<T, Number>) {
      if (member) put(std::move(name), to_string(member));
    } else if constexpr (std::is_same_v<T, NodeId>) {
      put(std::move(name), to_string(member));
    } else if constexpr (std::is_same_v<T, Digest>) {
      if (member) list_.push_back({std::move(name), to_hex(member), true});
    } else if constexpr (std::is_same_v<T, BootId>) {
      if (member) put(std::move(name), member.text);
    } else if constexpr (std::is_enum_v<T>) {
      if (const auto text = text_of(member); text != "none") put(std::move(name), std::string(text));
    } else if constexpr (std::is_arithmetic_v<T>) {
      put(std::move(name), std::to_string(member));
    } else {
      if (member) put(std::move(name), to_hex(member));  // Id64
    }
  }
  template <class T>
  void add(std::string name, const std::optional<T>& member) {
    if (member) add(std::move(name), *member);
  }
  template <class T>
  void add(std::string name, const Boxed<T>& member) {
    if (member) add(std::move(name), *member);
  }
  void add(std::string name, const std::string& member, Text) {
    if (!member.empty()) put(std::move(name), member);
  }
  void add(const std::string& name, const std::string& member, Bytes) {
    if (member.empty()) return;
    put(name + "_bytes", std::to_string(member.size()));
    list_.push_back({name + "_sha256", to_hex(sha256(member)), true});
  }
  void add(const std::string&, const std::string&, Secret) {}
  void add(const std::string& name, const std::int64_t& member, Moment moment) {
    if (member == 0) return;
    put(name.substr(0, name.rfind('_')), to_rfc3339(member * moment.unit_ms));
  }
  void add(std::string name, const std::uint32_t& member, UpTo) { put(std::move(name), std::to_string(member)); }
  void add(std::string name, const std::vector<std::string>& members, Items, Text) {
    if (members.empty()) return;
    std::string all;
    for (const auto& member : members) all += (all.empty() ? "" : " ") + member;
    put(std::move(name), std::move(all));
  }
  void add(std::string name, const std::set<NodeId>& members, Items) {
    std::string all;
    for (const auto& member : members) all += (all.empty() ? "" : " ") + to_string(member);
    if (!all.empty()) put(std::move(name), std::move(all));
  }
  template <class T>
  void add(const std::string& name, const std::vector<T>& members, Items) {
    for (std::size_t i = 0; i < members.size(); ++i) add(name + "." + std::to_string(i), members[i]);
  }

  std::vector<ListedField>& list_;
  std::string prefix_;
};

}  // namespace detail

// All fields of a struct that lists its own, those of its parts as "part.field".
template <Described T>
std::vector<ListedField> listed(const T& value) {
  std::vector<ListedField> list;
  detail::Lister lister(list);
  fields(lister, value);
  return list;
}

}  // namespace abide
