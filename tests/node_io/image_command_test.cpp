// abide-image as a script calls it.
#include <algorithm>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <unistd.h>
#include <vector>

#include "tests/support/child.hpp"

namespace abide {
namespace {

using ::testing::HasSubstr;

class ImageCommand : public ::testing::Test {
 protected:
  // The exit code; what was printed is in `out` and `error`.
  int run(std::vector<std::string> words) {
    words.insert(words.begin(), ABIDE_IMAGE);
    ::unlink((folder / "out").c_str());  // a child appends
    ::unlink((folder / "error").c_str());
    test::Child child = test::Child::start(words, folder / "out", folder / "error");
    const std::optional<int> code = child.wait(std::chrono::seconds(30));
    out = test::read_file(folder / "out");
    error = test::read_file(folder / "error");
    return code.value_or(-1);
  }
  int create(const std::string& version, const std::string& seed) {
    return run(
        {"create", image, "--profile", "harbour", "--version", version, "--size", "1MiB", "--seed", seed, "--put", "8192:HEALTH=good"});
  }

  test::TemporaryDirectory folder;
  std::string image = folder / "image.raw";
  std::string out, error;
};

TEST_F(ImageCommand, SaysWhatItMadeAndShowsTheSame) {
  ASSERT_EQ(create("1.0.0", "7"), 0) << error;
  const nlohmann::json made = nlohmann::json::parse(out);
  EXPECT_EQ(made["size"], 1'048'576);
  ASSERT_EQ(run({"show", image}), 0) << error;
  const nlohmann::json shown = nlohmann::json::parse(out);
  EXPECT_EQ(shown["sha256"], made["sha256"]);
  EXPECT_EQ(shown["profile"], "harbour");
  EXPECT_EQ(shown["version"], "1.0.0");
}

TEST_F(ImageCommand, GoesFromAnImageToAReleaseAndANode) {
  ASSERT_EQ(create("1.0.0", "7"), 0) << error;
  ASSERT_EQ(run({"manifest", "--image", image}), 0) << error;
  const std::string manifest = out;
  ASSERT_EQ(run({"publish", "--root", folder / "releases", "--image", image}), 0) << error;
  EXPECT_EQ(test::read_file(folder / "releases/profiles/harbour/1.0.0.yaml"), manifest);
  ASSERT_EQ(run({"init-node", folder / "node", "--image", image, "--slot-size", "2MiB"}), 0) << error;
  ASSERT_EQ(run({"show", folder / "node/slot-a"}), 0) << error;
  ASSERT_EQ(run({"reset-node", folder / "node", "--cause", "watchdog"}), 0) << error;
  EXPECT_EQ(nlohmann::json::parse(out)["running"], "a");
}

TEST_F(ImageCommand, SaysByItsExitCodeWhatIsWrong) {
  EXPECT_EQ(run({"--help"}), 0);
  for (const char* const verb : {"create", "show", "manifest", "publish", "init-node", "reset-node"}) {
    EXPECT_EQ(run({verb, "--help"}), 0);
    EXPECT_THAT(out, HasSubstr("exit codes:"));
  }
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_THAT(out, HasSubstr("abide-image "));

  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"paint"}), 2);
  EXPECT_EQ(run({"create", image, "--profile", "p", "--version", "1", "--size", "100"}), 2);
  EXPECT_THAT(error, HasSubstr("IMAGE_RAW_SIZE"));
  EXPECT_EQ(run({"show", folder / "nowhere"}), 3);
  ASSERT_EQ(create("1.0.0", "7"), 0);
  ASSERT_EQ(run({"init-node", folder / "node", "--image", image, "--slot-size", "1MiB"}), 0);
  EXPECT_EQ(run({"init-node", folder / "node", "--image", image, "--slot-size", "1MiB"}), 5);
  EXPECT_EQ(run({"show", folder / "node/slot-b"}), 1);
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1);
  ASSERT_EQ(run({"publish", "--root", folder / "releases", "--image", image}), 0);
  ASSERT_EQ(create("1.0.0", "8"), 0);
  EXPECT_EQ(run({"publish", "--root", folder / "releases", "--image", image}), 5);
  EXPECT_EQ(run({"publish", "--root", folder / "releases", "--image", image, "--replace"}), 0);
}

}  // namespace
}  // namespace abide
