#include "tools/abidectl/version.hpp"

namespace abide::ctl {

std::string version_line() {
  return "abidectl " ABIDE_VERSION " (" ABIDE_COMMIT ")";
}

}  // namespace abide::ctl
