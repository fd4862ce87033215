#pragma once
// A std::optional whose value lies elsewhere: for what is large, and absent in most of the many that have it. Copies copy it.
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

namespace abide {

template <class T>
class Boxed {
 public:
  using value_type = T;

  Boxed() = default;
  Boxed(std::nullopt_t) {}                                           // NOLINT(google-explicit-constructor)
  Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT(google-explicit-constructor)
  Boxed(std::optional<T> value) {                                    // NOLINT(google-explicit-constructor)
    if (value) value_ = std::make_unique<T>(std::move(*value));
  }
  Boxed(const Boxed& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) {
    if (this != &other) *this = Boxed(other);
    return *this;
  }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;
  operator std::optional<T>() const { return value_ ? std::optional<T>(*value_) : std::nullopt; }  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const T& operator*() const {
    assert(value_);
    return *value_;
  }
  [[nodiscard]] T& operator*() {
    assert(value_);
    return *value_;
  }
  const T* operator->() const { return &**this; }
  T* operator->() { return &**this; }
  T& emplace() {
    value_ = std::make_unique<T>();
    return *value_;
  }
  void reset() { value_.reset(); }

  friend bool operator==(const Boxed& left, const Boxed& right) {
    return left.has_value() == right.has_value() && (!left.has_value() || *left == *right);
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace abide
