#pragma once
// The part of YAML that a manifest may use, as a small tree: maps, sequences and texts of one document. What makes YAML
// dangerous or ambiguous is refused while it is read: anchors and aliases (bombs), tags, keys that come twice, more than
// one document, and trees that are deep or large.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace abide {

struct YamlField;

struct YamlNode {
  enum class Kind { null, text, sequence, map };

  Kind kind = Kind::null;
  int line = 0;                   // 1, 2, ... of its key, or where it begins
  std::string text;               // of a scalar, as written: 22.04 stays "22.04"
  std::vector<YamlNode> items;    // of a sequence
  std::vector<YamlField> fields;  // of a map, in order of the file; keys are texts, each once

  [[nodiscard]] const YamlNode* find(std::string_view key) const;  // nullptr: no such key, or no map
};

struct YamlField {
  std::string key;
  YamlNode value;
};

inline constexpr std::size_t yaml_nodes_max = 4096;
inline constexpr std::size_t yaml_depth_max = 8;

// invalid_input with the line, where it is not YAML of this kind. The caller bounds the size of the text.
Result<YamlNode> parse_yaml(std::string_view yaml);

}  // namespace abide
