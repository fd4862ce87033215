#pragma once
// Values of the contract's structs with every field set, none to its default, no two alike: what a round trip must keep.
// Made from common/events/fields.hpp, so that a new field is filled, and missed, by itself.
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/core/boxed.hpp"
#include "common/core/hash.hpp"
#include "common/events/codec.hpp"
#include "common/events/fields.hpp"

namespace abide::test {

template <class T>
T filled(std::uint64_t& count);

class Filler {
 public:
  explicit Filler(std::uint64_t& count) : count_(count) {}

  template <class T, class... Specs>
  void operator()(std::string_view name, T& member, Specs... specs) {
    ++count_;
    fill(name, member, specs...);
  }

 private:
  template <class T>
  void fill(std::string_view name, T& member) {
    if constexpr (Described<T>) {
      member = filled<T>(count_);
    } else if constexpr (std::is_same_v<T, bool>) {
      member = true;
    } else if constexpr (std::is_same_v<T, Number>) {
      member = {1'764'000'000'000 + count_, count_};
    } else if constexpr (std::is_same_v<T, NodeId>) {
      member.bytes.fill(static_cast<std::uint8_t>(count_ % 255 + 1));
    } else if constexpr (std::is_same_v<T, Digest>) {
      member = sha256(std::to_string(count_));
    } else if constexpr (std::is_same_v<T, BootId>) {
      member.text = std::string(name) + " " + std::to_string(count_);
    } else if constexpr (std::is_enum_v<T>) {
      std::vector<T> known;
      for (int number = 1; number < 256; ++number)
        if (is_known(static_cast<T>(number))) known.push_back(static_cast<T>(number));
      member = known[count_ % known.size()];
    } else if constexpr (std::is_arithmetic_v<T>) {
      member = static_cast<T>(1'000'000 + count_);
    } else {
      member.value = 0xAB1DE00000000000ULL + count_;  // Id64
    }
  }
  template <class T>
  void fill(std::string_view name, std::optional<T>& member) {
    fill(name, member.emplace());
  }
  template <class T>
  void fill(std::string_view name, Boxed<T>& member) {
    fill(name, member.emplace());
  }
  void fill(std::string_view, std::int64_t& member, Moment moment) {
    member = (1'764'000'000'000 + static_cast<std::int64_t>(count_) * 61'001) / moment.unit_ms;
  }
  void fill(std::string_view, std::uint32_t& member, UpTo up_to) { member = 1 + static_cast<std::uint32_t>(count_) % up_to.max; }
  void fill(std::string_view name, std::string& member, Text) { member = std::string(name) + "-" + std::to_string(count_); }
  void fill(std::string_view name, std::string& member, Bytes) { member = bytes(name); }
  void fill(std::string_view name, std::string& member, Secret) { member = bytes(name); }
  void fill(std::string_view name, std::vector<std::string>& members, Items, Text) {
    members = {std::string(name) + "-first-" + std::to_string(count_), std::string(name) + "-second"};
  }
  template <class T>
  void fill(std::string_view name, std::vector<T>& members, Items) {
    members.resize(2);
    for (auto& member : members) {
      ++count_;
      fill(name, member);
    }
  }
  template <class T>
  void fill(std::string_view name, std::set<T>& members, Items) {
    for (int i = 0; i < 2; ++i) {
      T member;
      ++count_;
      fill(name, member);
      members.insert(member);
    }
  }
  // Anything but text: a zero, and bytes that are not UTF-8.
  std::string bytes(std::string_view name) const { return std::string(name) + std::string("\0\xFF\xFE", 3) + std::to_string(count_); }

  std::uint64_t& count_;
};

template <class T>
T filled(std::uint64_t& count) {
  T value;
  Filler filler(count);
  fields(filler, value);
  if constexpr (std::is_same_v<T, Document>) {
    value.body = encode_body(filled<DocumentBody>(count));
  } else if constexpr (std::is_same_v<T, NodeEventStored>) {
    value.event = filled<RolledBack>(count);
    Envelope inner;
    inner.journal = value.journal;
    inner.sequence = value.sequence;
    inner.payload = value.event;
    value.envelope = encode(inner);
  }
  return value;
}

// `start` makes different values of the same type.
template <class T>
T filled_from(std::uint64_t start = 0) {
  return filled<T>(start);
}

template <class T>
Payload payload_of(T value) {
  if constexpr (std::is_constructible_v<NodeEvent, T>)
    return NodeEvent(std::move(value));
  else if constexpr (std::is_constructible_v<OrchestratorEvent, T>)
    return OrchestratorEvent(std::move(value));
  else
    return value;
}

inline Envelope filled_envelope(Payload payload) {
  Envelope envelope;
  envelope.journal.value = 0x0123456789ABCDEFULL;
  envelope.life.value = 0xFEDCBA9876543210ULL;
  envelope.sequence = 43;
  envelope.after.value = 0x1111111111111111ULL;
  envelope.session.value = 0x2222222222222222ULL;
  envelope.at_ms = 1'764'000'000'123;
  envelope.clock_trusted = true;
  envelope.omitted = 7;
  envelope.cause = {JournalId{0x3333333333333333ULL}, 41, "request-1"};
  envelope.payload = std::move(payload);
  return envelope;
}

// One envelope of every payload there is, every field set.
inline std::vector<Envelope> every_envelope(std::uint64_t start = 0) {
  std::vector<Envelope> all;
  const auto add = [&]<class T>(std::type_identity<T>) { all.push_back(filled_envelope(payload_of(filled_from<T>(start)))); };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (add(std::type_identity<std::tuple_element_t<I, PayloadMembers>>{}), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<PayloadMembers>>{});
  return all;
}

}  // namespace abide::test
