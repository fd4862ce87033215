#pragma once
#include <string>

namespace abide::ctl {

std::string version_line();  // "abidectl 0.1.0 (d739fb8)"

}  // namespace abide::ctl
