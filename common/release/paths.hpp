#pragma once
// Where the files of a release are: paths below a release service or a file server, and URLs. Pure.
#include <string>
#include <string_view>

namespace abide {

bool is_absolute_url(std::string_view text);  // http(s)
// "root" + "/" + relative path, each byte that a URL cannot carry written %XX. An absolute http(s) URL stays as it is.
std::string absolute_url(std::string_view root, std::string_view path);
// A relative path below the root: no scheme, no leading "/", no "..", no control characters.
bool is_safe_relative_path(std::string_view path);

}  // namespace abide
