#pragma once
// Free text from outside (what a program printed, what a file said) made fit for the contract's text fields.
#include <cstddef>
#include <string>
#include <string_view>

namespace abide {

[[nodiscard]] bool is_utf8(std::string_view bytes);  // well-formed: no overlong forms, no surrogates, nothing above U+10FFFF

// At most `bytes_max` bytes of UTF-8: what is not UTF-8 becomes '?', what is too much is cut off after a whole character.
[[nodiscard]] std::string clip_text(std::string_view bytes, std::size_t bytes_max);

}  // namespace abide
