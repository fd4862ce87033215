#include "common/release/yaml_tree.hpp"

#include <exception>
#include <fmt/format.h>
#include <sstream>
#include <stdexcept>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace abide {
namespace {

// Leaves yaml-cpp's parser from within a callback; caught below.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void refuse(const YAML::Mark& mark, std::string_view why) {
  throw Refused(fmt::format("line {}: {}", mark.line + 1, why));
}

// Builds the tree from the parser's events, so that the limits act before the memory is spent.
class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "more than one document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor, YamlNode::Kind::null, {}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases are not allowed"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check_tag(mark, tag);
    leaf(mark, anchor, YamlNode::Kind::text, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, anchor, YamlNode::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    std::string key;  // of the value that comes next; maps only
    int key_line = 0;
    bool has_key = false;
  };

  // yaml-cpp says "?" for a plain scalar or collection and "!" for a quoted one; everything else was written by hand.
  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") refuse(mark, "tags are not allowed");
  }

  YamlNode make(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (anchor != YAML::NullAnchor) refuse(mark, "anchors are not allowed");
    if (++nodes_ > yaml_nodes_max) refuse(mark, fmt::format("more than {} values", yaml_nodes_max));
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    return node;
  }

  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind, std::string text) {
    YamlNode node = make(mark, anchor, kind);
    node.text = std::move(text);
    add(mark, std::move(node));
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (open_.size() >= yaml_depth_max) refuse(mark, fmt::format("deeper than {} levels", yaml_depth_max));
    if (!open_.empty() && open_.back().node.kind == YamlNode::Kind::map && !open_.back().has_key) refuse(mark, "a key must be a text");
    open_.push_back({make(mark, anchor, kind), {}, 0, false});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    YAML::Mark mark;
    mark.line = node.line - 1;
    add(mark, std::move(node));
  }

  void add(const YAML::Mark& mark, YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::sequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      if (node.kind != YamlNode::Kind::text || node.text.empty()) refuse(mark, "a key must be a text");
      if (parent.node.find(node.text) != nullptr) refuse(mark, fmt::format("key \"{}\" comes twice", node.text.substr(0, 64)));
      parent.key = std::move(node.text);
      parent.key_line = node.line;
      parent.has_key = true;
    } else {
      node.line = parent.key_line;
      parent.node.fields.push_back({std::move(parent.key), std::move(node)});
      parent.has_key = false;
    }
  }

  YamlNode root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& [name, value] : fields) {
    if (name == key) return &value;
  }
  return nullptr;
}

Result<YamlNode> parse_yaml(std::string_view yaml) {
  try {
    std::istringstream stream{std::string(yaml)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    if (!parser.HandleNextDocument(builder)) return fail(Code::invalid_input, "is empty");
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refused& refused) {
    return fail(Code::invalid_input, refused.what());
  } catch (const YAML::Exception& exception) {
    return fail(Code::invalid_input, fmt::format("line {}: is not YAML: {}", exception.mark.line + 1, exception.msg));
  } catch (const std::exception& exception) {
    return fail(Code::invalid_input, fmt::format("is not YAML: {}", exception.what()));
  }
}

}  // namespace abide
