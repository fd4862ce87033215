// make-fuzz-seeds FOLDER: seeds for codec, document_body and topics, one file each: every payload with every field set, and a
// topic of each kind.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/events/print.hpp"
#include "common/events/topics.hpp"
#include "tests/support/filled.hpp"

int main(int count, char** arguments) {
  using namespace abide;
  if (count != 2) {
    std::fprintf(stderr, "usage: make-fuzz-seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  bool good = true;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    const auto path = folder / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    out << bytes;
    good = good && out.flush();
  };
  for (const auto& envelope : test::every_envelope()) write("codec/" + std::string(name_of(envelope.payload)), encode(envelope));
  write("document_body/nothing", encode_body(DocumentBody{}));
  write("document_body/everything", encode_body(test::filled_from<DocumentBody>()));
  DocumentBody window;
  window.window = test::filled_from<Window>();
  write("document_body/window", encode_body(window));
  const auto node = test::filled_from<NodeConfirmed>().node;
  write("topics/roll-call", topics::roll_call("plant 7"));
  write("topics/profile", topics::profile_discovered("p", "ubuntu-22.04"));
  write("topics/document", topics::document("p", node, DocumentTopic::window_opened));
  write("topics/received", topics::received("p", node));
  write("topics/status", topics::from_node("p", node, topics::FromNode::status));
  return good ? 0 : 1;
}
