#include "common/service/exit_codes.hpp"

#include "common/store/rocks_store.hpp"

namespace abide {

ExitCode exit_code_of_open(const Error& error) {
  switch (error.code) {
    case Code::conflict:
      return is_newer_version(error) ? ExitCode::state_newer : ExitCode::state_in_use;
    case Code::corrupt:
      return ExitCode::state_corrupt;
    case Code::unavailable:
      return ExitCode::commit_failed;
    case Code::invalid_input:
    case Code::not_found:
    case Code::timeout:
    case Code::denied:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

}  // namespace abide
