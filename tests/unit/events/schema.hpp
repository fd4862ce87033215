#pragma once
// The contract as schemas/*.fbs say it, read by FlatBuffers' own parser: an eye that does not know our code. It also makes
// buffers from JSON that our encoder would never make.
#include <array>
#include <flatbuffers/idl.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace abide::test {

inline constexpr std::array<std::string_view, 8> schema_files = {
    "types.fbs",    "document.fbs",  "node_events.fbs", "messages.fbs", "orchestrator_events.fbs",
    "envelope.fbs", "rows_node.fbs", "rows_fleet.fbs"};

inline std::string read_schema(std::string_view file) {
  std::ifstream in(std::string(ABIDE_SOURCE_DIR) + "/schemas/" + std::string(file));
  std::stringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty()) throw std::runtime_error("cannot read schema " + std::string(file));
  return text.str();
}

// The files up to and with `last` as one text, without includes and roots; of a folder below schemas/.
inline std::string joined_schemas(std::string_view last, const std::string& folder = "") {
  std::string joined;
  for (const auto file : schema_files) {
    std::istringstream lines(read_schema(folder + std::string(file)));
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("include ") && !line.starts_with("root_type ") && !line.starts_with("file_identifier ")) joined += line + "\n";
    if (file == last) break;
  }
  return joined;
}

// Root and identifier are added to the text.
inline std::unique_ptr<flatbuffers::Parser> parse_schema(const std::string& text, const std::string& root = "Envelope",
                                                         const std::string& identifier = "ABD1") {
  flatbuffers::IDLOptions options;
  options.strict_json = true;
  options.allow_non_utf8 = true;
  auto parser = std::make_unique<flatbuffers::Parser>(options);
  if (!parser->Parse((text + "\nroot_type " + root + ";\nfile_identifier \"" + identifier + "\";\n").c_str()))
    throw std::runtime_error("schema: " + parser->error_);
  return parser;
}

inline std::string from_json(flatbuffers::Parser& parser, const std::string& json) {
  if (!parser.Parse(json.c_str())) throw std::runtime_error("json: " + parser.error_ + " in " + json.substr(0, 200));
  return {reinterpret_cast<const char*>(parser.builder_.GetBufferPointer()), parser.builder_.GetSize()};
}

}  // namespace abide::test
