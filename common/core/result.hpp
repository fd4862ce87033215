#pragma once
// Expected failures are values. Result<T> has the member names of std::expected, which gcc 12 lacks, so that the day it
// arrives is a rename. An Error says by its code what the caller can do, and by its message what was being done.
#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace abide {

enum class Code {
  invalid_input,  // the caller's words are wrong: the same call fails again
  not_found,      // no such thing
  conflict,       // the thing is not in a state that allows this
  corrupt,        // bytes that were stored or received are not what was written
  unavailable,    // not now: try again later
  timeout,        // no answer in the time given; whether it happened is not known
  denied,         // not allowed
};

std::string_view to_string(Code code);

struct Error {
  Code code = Code::invalid_input;
  std::string message;

  // Adds what this layer was doing: "open store: /x: permission denied".
  [[nodiscard]] Error in(std::string_view doing) const& { return {code, std::string(doing) + ": " + message}; }
  friend bool operator==(const Error&, const Error&) = default;
};

struct Unexpected {
  Error error;
};

inline Unexpected fail(Code code, std::string message) { return {Error{code, std::move(message)}}; }
inline Unexpected fail(Error error) { return {std::move(error)}; }

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}                        // NOLINT(google-explicit-constructor)
  Result(Unexpected unexpected) : content_(std::in_place_index<1>, std::move(unexpected.error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return content_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const T& value() const& { assert(has_value()); return std::get<0>(content_); }
  [[nodiscard]] T& value() & { assert(has_value()); return std::get<0>(content_); }
  [[nodiscard]] T&& value() && { assert(has_value()); return std::get<0>(std::move(content_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }
  [[nodiscard]] const Error& error() const { assert(!has_value()); return std::get<1>(content_); }
  template <class U>
  [[nodiscard]] T value_or(U&& other) const& { return has_value() ? value() : static_cast<T>(std::forward<U>(other)); }

 private:
  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Unexpected unexpected) : error_(std::move(unexpected.error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  void value() const { assert(has_value()); }
  [[nodiscard]] const Error& error() const { assert(error_); return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace abide
