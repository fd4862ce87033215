// Small parts of the staging pipeline and of abide-image.
#include <atomic>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/hash.hpp"
#include "common/release/manifest.hpp"
#include "common/store/durable_file.hpp"
#include "edge-agent/image/fetch.hpp"
#include "edge-agent/image/staging_note.hpp"
#include "tests/support/child.hpp"
#include "tools/image/image.hpp"
#include "tools/image/publish.hpp"

namespace abide {
namespace {

using ::testing::HasSubstr;

TEST(StagingNote, ReadsTheSameAgainAndNothingElse) {
  const agent::StagingNote note{sha256("x"), Slot::a, 12'345, "http://h/i.raw?q=1", "W/\"a=b\""};
  const std::string text = agent::format_note(note);
  EXPECT_EQ(agent::parse_note(text), note);
  for (std::size_t length = 0; length < text.size(); ++length) EXPECT_EQ(agent::parse_note(text.substr(0, length)), std::nullopt) << length;
  EXPECT_EQ(agent::parse_note(text + "x"), std::nullopt);
  EXPECT_EQ(agent::parse_note(text.substr(0, text.size() - 1) + "\r\n"), std::nullopt);  // would not be written so
  EXPECT_EQ(agent::parse_note("abide staging note 2" + text.substr(20)), std::nullopt);
}

TEST(StagingNote, CannotBeForgedByWhatAServerSays) {
  const agent::StagingNote note{sha256("x"), Slot::b, 1, "http://h/\nflushed=99", "\"e\"\nmore"};
  const auto read = agent::parse_note(agent::format_note(note));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->flushed, 1u);
}

TEST(StagingNote, IsGoneOnceRemovedAndMissingWhereItNeverWas) {
  const test::TemporaryDirectory folder;
  EXPECT_EQ(agent::read_note(folder.path()), std::nullopt);
  const agent::StagingNote note{sha256("x"), Slot::b, 1, "u", ""};
  ASSERT_TRUE(agent::write_note(folder.path(), note));
  EXPECT_EQ(agent::read_note(folder.path()), note);
  agent::remove_note(folder.path());
  EXPECT_EQ(agent::read_note(folder.path()), std::nullopt);
}

TEST(ShownUrl, HasNoSecrets) {
  EXPECT_EQ(agent::shown_url("https://user:pass@h:8443/a/b.raw?token=t#f"), "https://h:8443/a/b.raw");
  EXPECT_EQ(agent::shown_url("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(agent::shown_url("http://h"), "http://h");
  EXPECT_EQ(agent::shown_url("nonsense"), "nonsense");
}

TEST(DurableFile, IsReplacedAsAWhole) {
  const test::TemporaryDirectory folder;
  ASSERT_TRUE(replace_file(folder / "f", "one"));
  ASSERT_TRUE(replace_file(folder / "f", "second", 0644));
  EXPECT_EQ(read_file(folder / "f", 100).value(), "second");
  EXPECT_EQ(read_file(folder / "f", 5).error().code, Code::corrupt);
  EXPECT_EQ(read_file(folder / "g", 5).error().code, Code::not_found);
  EXPECT_EQ(replace_file(folder / "no/f", "x").error().code, Code::not_found);
}

TEST(DurableFile, StaysAsItWasWhereTheNewOneCannotBeWritten) {
  const test::TemporaryDirectory folder;
  ASSERT_TRUE(replace_file(folder / "f", "one"));
  ASSERT_EQ(::mkdir((folder / "f.new").c_str(), 0700), 0);  // in the way of the temporary file
  EXPECT_FALSE(replace_file(folder / "f", "two"));
  EXPECT_EQ(read_file(folder / "f", 100).value(), "one");
}

TEST(SlotDigest, CoversTheFirstBytesWhateverTheirNumber) {
  const test::TemporaryDirectory folder;
  std::string text(3'000'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 / 13);
  std::ofstream(folder / "slot", std::ios::binary) << text;
  for (const std::uint64_t bytes : {0u, 1u, 511u, 4096u, 1'048'576u, 1'048'577u, 2'999'999u, 3'000'000u}) {
    EXPECT_EQ(digest_of_slot(folder / "slot", bytes).value(), sha256(std::string_view(text).substr(0, bytes))) << bytes;
  }
  EXPECT_EQ(digest_of_slot(folder / "slot", 3'000'001).error().code, Code::corrupt);
  EXPECT_EQ(digest_of_slot(folder / "none", 1).error().code, Code::not_found);
  const std::atomic<bool> stop{true};
  EXPECT_EQ(digest_of_slot(folder / "slot", 100, &stop).error().code, Code::unavailable);
}

image::Content content() {
  image::Content content;
  content.header.profile_name = "harbour";
  content.header.os_image_id = "1.2.3";
  content.header.architecture = "x86_64";
  content.header.raw_bytes = 2'500'000;
  return content;
}

TEST(ImageTool, MakesTheSameImageFromTheSameSeed) {
  const test::TemporaryDirectory folder;
  const Result<Digest> first = image::create_image(folder / "1", content());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(image::create_image(folder / "2", content()).value(), *first);
  EXPECT_EQ(sha256(test::read_file(folder / "1")), *first);
  image::Content other = content();
  other.seed = 2;
  EXPECT_NE(image::create_image(folder / "3", other).value(), *first);
}

TEST(ImageTool, PutsTextsAndAFileWhereTheyBelong) {
  const test::TemporaryDirectory folder;
  std::ofstream(folder / "content") << "CONTENT";
  image::Content with = content();
  with.content_path = folder / "content";
  with.patches = {{1'048'574, "ACROSS"}, {2'499'997, "END"}, {4096, "c"}};
  ASSERT_TRUE(image::create_image(folder / "image", with));
  const std::string bytes = test::read_file(folder / "image");
  EXPECT_EQ(bytes.size(), 2'500'000u);
  EXPECT_EQ(bytes.substr(4096, 7), "cONTENT");
  EXPECT_EQ(bytes.substr(1'048'574, 6), "ACROSS");
  EXPECT_EQ(bytes.substr(2'499'997), "END");
  EXPECT_EQ(read_image_header(folder / "image").value(), with.header);
}

TEST(ImageTool, RefusesWhatDoesNotFit) {
  const test::TemporaryDirectory folder;
  image::Content with = content();
  with.patches = {{4095, "x"}};
  EXPECT_EQ(image::create_image(folder / "i", with).error().code, Code::invalid_input);
  with.patches = {{2'499'999, "xx"}};
  EXPECT_EQ(image::create_image(folder / "i", with).error().code, Code::invalid_input);
  with = content();
  with.header.raw_bytes = 100;
  EXPECT_EQ(image::create_image(folder / "i", with).error().code, Code::invalid_input);
  with = content();
  with.header.profile_name = "a\nb";
  EXPECT_EQ(image::create_image(folder / "i", with).error().code, Code::invalid_input);
  EXPECT_EQ(image::parse_patch("8192:a:b")->text, "a:b");
  EXPECT_FALSE(image::parse_patch("x:a"));
  EXPECT_FALSE(image::parse_patch("8192"));
}

TEST(ImageTool, PublishesWhatOurOwnReaderTakes) {
  const test::TemporaryDirectory folder;
  const Digest digest = image::create_image(folder / "image", content()).value();
  const Result<image::Published> published = image::publish(folder / "root", folder / "image", {}, false);
  ASSERT_TRUE(published) << published.error().message;
  const std::string yaml = test::read_file(folder / "root" + "/" + published->manifest);
  const Result<Manifest> manifest = parse_manifest(yaml);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->profile_name, "harbour");
  EXPECT_EQ(manifest->image_version, "1.2.3");
  EXPECT_EQ(manifest->image_sha256, digest);
  EXPECT_EQ(manifest->raw_size, 2'500'000u);
  EXPECT_EQ(test::read_file(folder / "root" + "/" + manifest->image_url), test::read_file(folder / "image"));
  EXPECT_THAT(test::read_file(folder / "root/index.json"), HasSubstr(to_hex(sha256(yaml))));
}

TEST(ImageTool, PublishesTwiceOnlyWhatIsTheSameUnlessToldTo) {
  const test::TemporaryDirectory folder;
  ASSERT_TRUE(image::create_image(folder / "image", content()));
  ASSERT_TRUE(image::publish(folder / "root", folder / "image", {}, false));
  const std::string index = test::read_file(folder / "root/index.json");
  ASSERT_TRUE(image::publish(folder / "root", folder / "image", {}, false));
  EXPECT_EQ(test::read_file(folder / "root/index.json"), index);

  image::Content other = content();
  other.seed = 2;
  ASSERT_TRUE(image::create_image(folder / "image", other));
  EXPECT_EQ(image::publish(folder / "root", folder / "image", {}, false).error().code, Code::conflict);
  EXPECT_EQ(test::read_file(folder / "root/index.json"), index);
  ASSERT_TRUE(image::publish(folder / "root", folder / "image", {}, true));
  EXPECT_NE(test::read_file(folder / "root/index.json"), index);

  other.header.os_image_id = "1.2.4";
  ASSERT_TRUE(image::create_image(folder / "image", other));
  ASSERT_TRUE(image::publish(folder / "root", folder / "image", {}, false));
  EXPECT_THAT(test::read_file(folder / "root/index.json"), testing::AllOf(HasSubstr("1.2.3"), HasSubstr("1.2.4")));
}

TEST(ImageTool, PublishesNothingOutsideTheRoot) {
  const test::TemporaryDirectory folder;
  image::Content with = content();
  with.header.profile_name = "../x";
  ASSERT_TRUE(image::create_image(folder / "image", with));
  EXPECT_EQ(image::publish(folder / "root", folder / "image", {}, false).error().code, Code::invalid_input);
  ASSERT_TRUE(image::create_image(folder / "image", content()));
  image::ManifestWords words;
  words.image_url = "http://elsewhere/x.raw";
  EXPECT_EQ(image::publish(folder / "root", folder / "image", words, false).error().code, Code::invalid_input);
}

}  // namespace
}  // namespace abide
