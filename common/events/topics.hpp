#pragma once
// Topic names (schemas/README.md). A level contains only [A-Za-z0-9_-]; any other byte of a name is written =XX.
#include <string>
#include <string_view>
#include <variant>

#include "common/core/ids.hpp"
#include "common/core/result.hpp"
#include "common/events/document.hpp"

namespace abide::topics {

std::string escape(std::string_view name);
Result<std::string> unescape(std::string_view level);

// Every function takes names as people write them.
std::string roll_call(std::string_view project);                                  // .../orchestrator
std::string profile_discovered(std::string_view project, std::string_view profile);
std::string document(std::string_view project, const NodeId& node, DocumentTopic topic);
std::string received(std::string_view project, const NodeId& node);
enum class FromNode { status, rollback, progress, presence };
std::string from_node(std::string_view project, const NodeId& node, FromNode what);

std::string node_filter(std::string_view project, const NodeId& node);            // .../to/{n}/+
std::string orchestrator_filter(std::string_view project, FromNode what);         // .../from/+/status

// What a topic is, for the one who receives a message on it.
struct RollCallTopic { std::string project; friend bool operator==(const RollCallTopic&, const RollCallTopic&) = default; };
struct ProfileTopic { std::string project; std::string profile; friend bool operator==(const ProfileTopic&, const ProfileTopic&) = default; };
struct DocumentTopicOf { std::string project; NodeId node; DocumentTopic topic{}; friend bool operator==(const DocumentTopicOf&, const DocumentTopicOf&) = default; };
struct ReceivedTopic { std::string project; NodeId node; friend bool operator==(const ReceivedTopic&, const ReceivedTopic&) = default; };
struct FromNodeTopic { std::string project; NodeId node; FromNode what{}; friend bool operator==(const FromNodeTopic&, const FromNodeTopic&) = default; };
using Parsed = std::variant<RollCallTopic, ProfileTopic, DocumentTopicOf, ReceivedTopic, FromNodeTopic>;
Result<Parsed> parse(std::string_view topic);

}  // namespace abide::topics
