#include "common/events/topics.hpp"

#include <array>
#include <cassert>
#include <vector>

namespace abide::topics {
namespace {

constexpr std::string_view root = "abide/v1/";
constexpr std::size_t level_bytes_max = 3 * profile_name_bytes_max;  // of a name of 128 bytes, all escaped
constexpr std::size_t levels_max = 6;

bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

int hex_value(char c) {  // upper case only: a name has one escaped form
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string project_prefix(std::string_view project) {
  return std::string(root) + escape(project) + "/";
}

struct DocumentWord {
  DocumentTopic topic;
  std::string_view word;
};
constexpr std::array document_words = {DocumentWord{DocumentTopic::policy_linked, "policy-linked"},
                                       DocumentWord{DocumentTopic::window_scheduled, "window-scheduled"},
                                       DocumentWord{DocumentTopic::window_opened, "window-opened"}};
struct FromWord {
  FromNode what;
  std::string_view word;
};
constexpr std::array from_words = {FromWord{FromNode::status, "status"}, FromWord{FromNode::rollback, "rollback"},
                                   FromWord{FromNode::progress, "progress"}, FromWord{FromNode::presence, "presence"}};

std::string_view word_of(DocumentTopic topic) {
  for (const auto& [value, word] : document_words)
    if (value == topic) return word;
  assert(false);
  return "";
}
std::string_view word_of(FromNode what) {
  for (const auto& [value, word] : from_words)
    if (value == what) return word;
  assert(false);
  return "";
}

Result<std::string> name_in(std::string_view level, std::string_view what, std::size_t bytes_max) {
  auto name = unescape(level);
  if (!name) return fail(name.error().in(what));
  if (name->size() > bytes_max)
    return fail(Code::invalid_input,
                std::string(what) + ": " + std::to_string(name->size()) + " bytes, at most " + std::to_string(bytes_max));
  return name;
}

Result<NodeId> node_in(std::string_view level) {
  auto node = parse_node_id(level);
  if (!node) return fail(node.error().in("node"));
  if (to_string(*node) != level) return fail(Code::invalid_input, "node: a UUID is written in lower case here");
  return node;
}

Unexpected unknown_topic() {
  return fail(Code::invalid_input, "not a topic of " + std::string(root) + "{project}/");
}

Result<Parsed> parse_to_node(std::string project, NodeId node, std::string_view word) {
  if (word == "received") return Parsed{ReceivedTopic{std::move(project), node}};
  for (const auto& [topic, name] : document_words)
    if (word == name) return Parsed{DocumentTopicOf{std::move(project), node, topic}};
  return unknown_topic();
}

Result<Parsed> parse_from_node(std::string project, NodeId node, std::string_view word) {
  for (const auto& [what, name] : from_words)
    if (word == name) return Parsed{FromNodeTopic{std::move(project), node, what}};
  return unknown_topic();
}

}  // namespace

std::string escape(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string level;
  for (const char c : name) {
    if (is_plain(c)) {
      level += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    level += '=';
    level += digits[byte >> 4];
    level += digits[byte & 15];
  }
  return level;
}

Result<std::string> unescape(std::string_view level) {
  if (level.empty()) return fail(Code::invalid_input, "an empty level");
  if (level.size() > level_bytes_max) return fail(Code::invalid_input, "a level of " + std::to_string(level.size()) + " bytes is too long");
  std::string name;
  for (std::size_t i = 0; i < level.size(); ++i) {
    if (is_plain(level[i])) {
      name += level[i];
      continue;
    }
    if (level[i] != '=') return fail(Code::invalid_input, "a byte that would be escaped stands at " + std::to_string(i));
    const int high = i + 2 < level.size() ? hex_value(level[i + 1]) : -1;
    const int low = i + 2 < level.size() ? hex_value(level[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(Code::invalid_input, "no two upper-case hex digits after '=' at " + std::to_string(i));
    const char byte = static_cast<char>(high * 16 + low);
    if (is_plain(byte)) return fail(Code::invalid_input, "a byte that needs no escape is escaped at " + std::to_string(i));
    name += byte;
    i += 2;
  }
  return name;
}

std::string roll_call(std::string_view project) {
  return project_prefix(project) + "orchestrator";
}

std::string profile_discovered(std::string_view project, std::string_view profile) {
  return project_prefix(project) + "profiles/" + escape(profile) + "/discovered";
}

std::string document(std::string_view project, const NodeId& node, DocumentTopic topic) {
  return project_prefix(project) + "to/" + to_string(node) + "/" + std::string(word_of(topic));
}

std::string received(std::string_view project, const NodeId& node) {
  return project_prefix(project) + "to/" + to_string(node) + "/received";
}

std::string from_node(std::string_view project, const NodeId& node, FromNode what) {
  return project_prefix(project) + "from/" + to_string(node) + "/" + std::string(word_of(what));
}

std::string node_filter(std::string_view project, const NodeId& node) {
  return project_prefix(project) + "to/" + to_string(node) + "/+";
}

std::string orchestrator_filter(std::string_view project, FromNode what) {
  return project_prefix(project) + "from/+/" + std::string(word_of(what));
}

Result<Parsed> parse(std::string_view topic) {
  if (!topic.starts_with(root)) return unknown_topic();
  std::vector<std::string_view> levels;
  for (auto rest = topic.substr(root.size());;) {
    const auto slash = rest.find('/');
    levels.push_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    if (levels.size() == levels_max) return unknown_topic();
    rest.remove_prefix(slash + 1);
  }
  auto project = name_in(levels[0], "project", project_name_bytes_max);
  if (!project) return fail(project.error());
  if (levels.size() == 2 && levels[1] == "orchestrator") return Parsed{RollCallTopic{std::move(*project)}};
  if (levels.size() != 4) return unknown_topic();
  if (levels[1] == "profiles" && levels[3] == "discovered") {
    auto profile = name_in(levels[2], "profile", profile_name_bytes_max);
    if (!profile) return fail(profile.error());
    return Parsed{ProfileTopic{std::move(*project), std::move(*profile)}};
  }
  if (levels[1] != "to" && levels[1] != "from") return unknown_topic();
  auto node = node_in(levels[2]);
  if (!node) return fail(node.error());
  return levels[1] == "to" ? parse_to_node(std::move(*project), *node, levels[3]) : parse_from_node(std::move(*project), *node, levels[3]);
}

}  // namespace abide::topics
