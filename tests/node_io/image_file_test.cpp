#include "edge-agent/boot/image_file.hpp"

#include <chrono>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "common/release/image_header.hpp"
#include "edge-agent/inventory/measure.hpp"
#include "tests/support/child.hpp"
#include "tools/image/image.hpp"

namespace abide::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr std::uint64_t image_bytes = 100'000;
constexpr std::uint64_t slot_bytes = 200'000;

image::Content content_of(const std::string& version) {
  image::Content content;
  content.header.profile_name = "harbour";
  content.header.os_image_id = version;
  content.header.architecture = "x86_64";
  content.header.raw_bytes = image_bytes;
  return content;
}

class ImageFile : public ::testing::Test {
 protected:
  ImageFile() {
    EXPECT_TRUE(image::create_image(base, content_of("1.0.0")));
    EXPECT_TRUE(create_image_file_node(node, base, slot_bytes));
  }

  std::unique_ptr<ImageFileBoot> open() {
    Result<std::unique_ptr<ImageFileBoot>> boot = ImageFileBoot::open(node, [this]() -> Result<void> {
      restarts += 1;
      return {};
    });
    EXPECT_TRUE(boot) << boot.error().message;
    return *std::move(boot);
  }
  BootState state() { return open()->read().value(); }
  // Puts an image into slot b, as staging would.
  void stage(const std::string& version) {
    EXPECT_TRUE(image::create_image(folder / "next", content_of(version)));
    std::ofstream slot(node + "/slot-b", std::ios::binary | std::ios::in);
    slot << test::read_file(folder / "next");
  }
  std::string error_with(const std::string& boot_json) {
    std::ofstream(node + "/boot.json") << boot_json;
    const Result<std::unique_ptr<ImageFileBoot>> boot = ImageFileBoot::open(node);
    return boot ? "no error" : std::string(to_string(boot.error().code)) + ": " + boot.error().message;
  }
  std::string good_json() { return test::read_file(node + "/boot.json"); }

  test::TemporaryDirectory folder;
  std::string base = folder / "base";
  std::string node = folder / "node";
  int restarts = 0;
};

TEST_F(ImageFile, ANewNodeRunsSlotAByDefault) {
  const BootState boot = state();
  EXPECT_THAT(boot.boot.text, MatchesRegex("image-file-[0-9a-f]{16}-1"));
  EXPECT_EQ(boot.running, Slot::a);
  EXPECT_EQ(boot.default_slot, Slot::a);
  EXPECT_EQ(boot.one_shot, std::nullopt);
  EXPECT_FALSE(boot.came_up);
  EXPECT_EQ(boot.cause, BootCause::other);
}

TEST_F(ImageFile, BothSlotsOfANewNodeAreAsLongAsWasAsked) {
  for (const Slot slot : {Slot::a, Slot::b}) {
    struct stat found {};
    ASSERT_EQ(::stat(open()->path_of(slot).c_str(), &found), 0);
    EXPECT_EQ(static_cast<std::uint64_t>(found.st_size), slot_bytes);
  }
}

TEST_F(ImageFile, TwoNodesNeverShareABoot) {
  ASSERT_TRUE(create_image_file_node(folder / "other", base, slot_bytes));
  EXPECT_NE(ImageFileBoot::open(folder / "other").value()->read()->boot, state().boot);
}

TEST_F(ImageFile, AStartWithoutARebootIsTheSameBoot) {
  const BootState before = state();
  EXPECT_EQ(state(), before);
}

TEST_F(ImageFile, ARebootIsANewBootOfTheDefaultSlot) {
  ASSERT_TRUE(open()->reboot());
  EXPECT_EQ(restarts, 1);
  const BootState boot = state();
  EXPECT_THAT(boot.boot.text, MatchesRegex("image-file-[0-9a-f]{16}-2"));
  EXPECT_EQ(boot.running, Slot::a);
  EXPECT_FALSE(boot.came_up);
}

TEST_F(ImageFile, AnArmedSlotRunsOnceAndThenTheDefaultAgain) {
  stage("2.0.0");
  ASSERT_TRUE(open()->arm_once(Slot::b));
  EXPECT_EQ(state().one_shot, Slot::b);
  EXPECT_EQ(state().running, Slot::a);
  ASSERT_TRUE(open()->reboot());
  EXPECT_EQ(state().running, Slot::b);
  EXPECT_EQ(state().default_slot, Slot::a);
  EXPECT_EQ(state().one_shot, std::nullopt);
  EXPECT_TRUE(state().came_up);
  ASSERT_TRUE(open()->reboot());
  EXPECT_EQ(state().running, Slot::a);
  EXPECT_TRUE(state().came_up);  // until it is cleared: the mark tells that the slot had come up
  ASSERT_TRUE(open()->clear_came_up());
  EXPECT_FALSE(state().came_up);
}

TEST_F(ImageFile, AConfirmedSlotStaysOverReboots) {
  stage("2.0.0");
  ASSERT_TRUE(open()->arm_once(Slot::b));
  ASSERT_TRUE(open()->reboot());
  ASSERT_TRUE(open()->confirm(Slot::b));
  ASSERT_TRUE(open()->confirm(Slot::b));
  ASSERT_TRUE(open()->reboot());
  EXPECT_EQ(state().running, Slot::b);
  EXPECT_EQ(state().default_slot, Slot::b);
}

TEST_F(ImageFile, OnlyTheRunningSlotIsConfirmed) {
  const Result<void> confirmed = open()->confirm(Slot::b);
  ASSERT_FALSE(confirmed);
  EXPECT_EQ(confirmed.error().code, Code::conflict);
  EXPECT_EQ(state().default_slot, Slot::a);
}

TEST_F(ImageFile, ASlotThatHoldsNoImageDoesNotComeUp) {
  ASSERT_TRUE(open()->arm_once(Slot::b));  // it is all zero bytes
  ASSERT_TRUE(open()->reboot());
  EXPECT_EQ(state().running, Slot::a);
  EXPECT_EQ(state().one_shot, std::nullopt);
  EXPECT_FALSE(state().came_up);
}

TEST_F(ImageFile, ADisarmedSlotDoesNotRun) {
  stage("2.0.0");
  ASSERT_TRUE(open()->arm_once(Slot::b));
  ASSERT_TRUE(open()->disarm());
  ASSERT_TRUE(open()->disarm());
  ASSERT_TRUE(open()->reboot());
  EXPECT_EQ(state().running, Slot::a);
}

TEST_F(ImageFile, NeitherTheRunningNorABadSlotIsArmed) {
  EXPECT_EQ(open()->arm_once(Slot::a).error().code, Code::conflict);
  ASSERT_TRUE(open()->mark_bad(Slot::b));
  EXPECT_TRUE(state().bad[1]);
  EXPECT_EQ(open()->arm_once(Slot::b).error().code, Code::conflict);
  ASSERT_TRUE(open()->clear_bad(Slot::b));
  EXPECT_TRUE(open()->arm_once(Slot::b));
}

TEST_F(ImageFile, AResetByTheWatchdogIsToldByTheNextBoot) {
  stage("2.0.0");
  ASSERT_TRUE(open()->arm_once(Slot::b));
  ASSERT_TRUE(open()->reboot());
  const Result<BootState> reset = reset_image_file_node(node, BootCause::watchdog);
  ASSERT_TRUE(reset);
  EXPECT_EQ(*reset, state());
  EXPECT_EQ(state().running, Slot::a);
  EXPECT_EQ(state().cause, BootCause::watchdog);
  ASSERT_TRUE(open()->reboot());
  EXPECT_EQ(state().cause, BootCause::other);
}

TEST_F(ImageFile, ARefusedRestartIsTold) {
  const Result<std::unique_ptr<ImageFileBoot>> boot = ImageFileBoot::open(node, []() -> Result<void> { return fail(Code::denied, "no"); });
  ASSERT_TRUE(boot);
  EXPECT_EQ((*boot)->reboot().error().message, "no");
}

TEST_F(ImageFile, ADamagedBootStateIsSaidToBeCorruptAndBy) {
  const std::string good = good_json();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return error_with(text.replace(at, from.size(), to));
  };
  EXPECT_THAT(error_with(""), HasSubstr("corrupt: boot state " + node + "/boot.json: is not JSON"));
  EXPECT_THAT(error_with("[]"), HasSubstr("is not an object"));
  EXPECT_THAT(error_with(good.substr(0, good.size() / 2)), HasSubstr("is not JSON"));
  EXPECT_THAT(error_with(std::string(5000, ' ')), HasSubstr("longer than 4096 bytes"));
  EXPECT_THAT(with("\"format\": 1", "\"format\": 2"), HasSubstr("written by a newer version"));
  EXPECT_THAT(with("\"boot\": 1", "\"boot\": 0"), HasSubstr("boot is not a number from 1 on"));
  EXPECT_THAT(with("\"boot\": 1", "\"boot\": -1"), HasSubstr("boot is not a number from 1 on"));
  EXPECT_THAT(with("\"running\": \"a\"", "\"running\": \"c\""), HasSubstr("running is neither"));
  EXPECT_THAT(with("\"running\": \"a\",", ""), HasSubstr("running is missing"));
  EXPECT_THAT(with("\"one_shot\": null", "\"one_shot\": 1"), HasSubstr("one_shot is neither"));
  EXPECT_THAT(with("\"came_up\": false", "\"came_up\": 0"), HasSubstr("came_up is neither true nor false"));
  EXPECT_THAT(with("\"cause\": \"other\"", "\"cause\": \"magic\""), HasSubstr("cause is neither"));
  EXPECT_THAT(with("\"bad\": []", "\"bad\": [\"x\"]"), HasSubstr("bad is neither"));
  EXPECT_THAT(with("\"bad\": []", "\"bad\": [], \"more\": 1"), HasSubstr("has a key that is not known"));
}

TEST_F(ImageFile, AMissingFolderOrSlotIsNotFound) {
  EXPECT_EQ(ImageFileBoot::open(folder / "nowhere").error().code, Code::not_found);
  ::unlink((node + "/slot-b").c_str());
  EXPECT_EQ(ImageFileBoot::open(node).error().code, Code::not_found);
}

TEST_F(ImageFile, ANodeIsNotMadeTwiceNorOfWhatIsNoImage) {
  EXPECT_EQ(create_image_file_node(node, base, slot_bytes).error().code, Code::conflict);
  EXPECT_EQ(create_image_file_node(folder / "small", base, image_bytes - 1).error().code, Code::invalid_input);
  std::ofstream(folder / "text") << "hello";
  EXPECT_EQ(create_image_file_node(folder / "text-node", folder / "text", slot_bytes).error().code, Code::invalid_input);
  EXPECT_EQ(create_image_file_node(folder / "no-node", folder / "nowhere", slot_bytes).error().code, Code::not_found);
}

TEST_F(ImageFile, TheProcessReplacesItselfWithItsArgumentsAndNothingElse) {
  test::Child child = test::Child::start({ABIDE_RESTARTER, node, "two words"}, folder / "out", folder / "err");
  ASSERT_EQ(child.wait(std::chrono::seconds(20)), 0) << test::read_file(folder / "err");
  const std::string out = test::read_file(folder / "out");
  const std::string first = out.substr(0, out.find('\n'));
  const std::string rest = first.substr(first.find(' '));
  EXPECT_THAT(rest, HasSubstr("argument=two words"));
  EXPECT_THAT(rest, HasSubstr("term_blocked=0"));
  EXPECT_EQ(out, "-1" + rest + "\n-2" + rest + "\n-3" + rest + "\n");
}

TEST_F(ImageFile, WhatANodeRunsIsMeasuredOverExactlyTheImagesBytes) {
  const Result<Identity> identity = measure(node + "/slot-a", "0.1.0");
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->profile_name, "harbour");
  EXPECT_EQ(identity->os_image_id, "1.0.0");
  EXPECT_EQ(identity->architecture, "x86_64");
  EXPECT_EQ(identity->agent_version, "0.1.0");
  EXPECT_EQ(identity->digest, image::create_image(folder / "same", content_of("1.0.0")).value());

  std::fstream slot(node + "/slot-a", std::ios::binary | std::ios::in | std::ios::out);
  slot.seekp(image_bytes);
  slot << "behind the image";
  slot.flush();
  EXPECT_EQ(measure(node + "/slot-a", "")->digest, identity->digest);
  slot.seekp(image_bytes - 1);
  slot.put('!');
  slot.flush();
  EXPECT_NE(measure(node + "/slot-a", "")->digest, identity->digest);
}

TEST_F(ImageFile, AnEmptyOrShortSlotCannotBeMeasured) {
  EXPECT_EQ(measure(node + "/slot-b", "").error().code, Code::corrupt);
  ASSERT_EQ(::truncate((node + "/slot-a").c_str(), image_bytes / 2), 0);
  const Result<Identity> identity = measure(node + "/slot-a", "");
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, Code::corrupt);
  EXPECT_THAT(identity.error().message, HasSubstr("ends after 50000 bytes"));
  EXPECT_EQ(measure(node + "/slot-c", "").error().code, Code::not_found);
}

}  // namespace
}  // namespace abide::agent
