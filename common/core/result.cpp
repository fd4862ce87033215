#include "common/core/result.hpp"

namespace abide {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::invalid_input:
      return "invalid_input";
    case Code::not_found:
      return "not_found";
    case Code::conflict:
      return "conflict";
    case Code::corrupt:
      return "corrupt";
    case Code::unavailable:
      return "unavailable";
    case Code::timeout:
      return "timeout";
    case Code::denied:
      return "denied";
  }
  return "unknown";
}

}  // namespace abide
