#include "common/core/semver.hpp"

#include <algorithm>

namespace abide {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_number(std::string_view text) {
  return is_digits(text) && (text.size() == 1 || text.front() != '0');
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

std::vector<std::string> split_at_dots(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const auto dot = text.find('.');
    parts.emplace_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

// Without leading zeros the longer number is the greater.
std::weak_ordering compare_numbers(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return left.size() <=> right.size();
  return left.compare(right) <=> 0;
}

std::weak_ordering compare_identifiers(std::string_view left, std::string_view right) {
  const bool left_is_number = is_digits(left);
  const bool right_is_number = is_digits(right);
  if (left_is_number && right_is_number) return compare_numbers(left, right);
  if (left_is_number != right_is_number) return left_is_number ? std::weak_ordering::less : std::weak_ordering::greater;
  return left.compare(right) <=> 0;
}

Unexpected wrong(std::string_view why) {
  return fail(Code::invalid_input, "is no semantic version (MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]): " + std::string(why));
}

}  // namespace

Result<Semver> parse_semver(std::string_view text) {
  if (text.size() > semver_bytes_max) return wrong("longer than " + std::to_string(semver_bytes_max) + " bytes");
  Semver version;
  if (const auto plus = text.find('+'); plus != std::string_view::npos) {
    version.build = text.substr(plus + 1);
    const auto parts = split_at_dots(version.build);
    if (!std::all_of(parts.begin(), parts.end(), is_identifier)) return wrong("what follows '+'");
    text = text.substr(0, plus);
  }
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    version.prerelease = split_at_dots(text.substr(dash + 1));
    const auto good = [](const std::string& part) { return is_identifier(part) && (!is_digits(part) || is_number(part)); };
    if (!std::all_of(version.prerelease.begin(), version.prerelease.end(), good)) return wrong("what follows '-'");
    text = text.substr(0, dash);
  }
  auto numbers = split_at_dots(text);
  if (numbers.size() != 3 || !std::all_of(numbers.begin(), numbers.end(), is_number)) return wrong("must begin with three numbers");
  version.major = std::move(numbers[0]);
  version.minor = std::move(numbers[1]);
  version.patch = std::move(numbers[2]);
  return version;
}

std::weak_ordering compare(const Semver& left, const Semver& right) {
  if (const auto order = compare_numbers(left.major, right.major); order != 0) return order;
  if (const auto order = compare_numbers(left.minor, right.minor); order != 0) return order;
  if (const auto order = compare_numbers(left.patch, right.patch); order != 0) return order;
  if (left.is_prerelease() != right.is_prerelease()) return left.is_prerelease() ? std::weak_ordering::less : std::weak_ordering::greater;
  for (std::size_t i = 0; i < std::min(left.prerelease.size(), right.prerelease.size()); ++i) {
    if (const auto order = compare_identifiers(left.prerelease[i], right.prerelease[i]); order != 0) return order;
  }
  return left.prerelease.size() <=> right.prerelease.size();
}

Result<TildeRange> parse_tilde_range(std::string_view text) {
  if (!text.starts_with('~')) return fail(Code::invalid_input, "a range is ~X.Y.Z");
  auto least = parse_semver(text.substr(1));
  if (!least) return fail(Code::invalid_input, "a range is ~X.Y.Z, and what follows '~' " + least.error().message);
  return TildeRange{*std::move(least)};
}

bool contains(const TildeRange& range, const Semver& version) {
  if (version.major != range.least.major || version.minor != range.least.minor) return false;
  if (version.is_prerelease() && !range.least.is_prerelease()) return false;
  return compare(version, range.least) >= 0;
}

}  // namespace abide
