#include "common/service/build_version.hpp"

#include "abide_build.hpp"  // generated when CMake configures; included here alone, so that a commit rebuilds one file

namespace abide {

std::string_view build_version() {
  return ABIDE_BUILD_VERSION;
}
std::string_view build_commit() {
  return ABIDE_BUILD_COMMIT;
}

std::string version_line(std::string_view program) {
  return std::string(program) + " " + std::string(build_version()) + " (" + std::string(build_commit()) + ")";
}

}  // namespace abide
