// abide-image: makes OS images, releases and image-file nodes, and says what is in them. Results are one JSON object on
// stdout, problems one line on stderr.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "common/release/image_header.hpp"
#include "common/service/build_version.hpp"
#include "common/service/wrong_usage.hpp"
#include "edge-agent/boot/image_file.hpp"
#include "edge-agent/inventory/measure.hpp"
#include "tools/image/image.hpp"
#include "tools/image/publish.hpp"

namespace abide::image {
namespace {

using Json = nlohmann::ordered_json;

enum Exit : int { done = 0, failed = 1, usage = 2, not_found = 3, conflict = 5 };
constexpr const char* exit_codes =
    "exit codes: 0 done; 1 it could not be done, or what was read is damaged; 2 wrong usage; 3 no such file; 5 it is there already";

int tell(const Error& error) {
  fmt::print(stderr, "abide-image: {}\n", error.message);
  if (error.code == Code::invalid_input) return usage;
  if (error.code == Code::not_found) return not_found;
  if (error.code == Code::conflict) return conflict;
  return failed;
}
int tell(const Json& result) {
  fmt::print("{}\n", result.dump());
  return done;
}

struct Command {
  CLI::App* app = nullptr;
  std::function<int()> run;
};

Command add_create(CLI::App& root) {
  CLI::App* app = root.add_subcommand("create", "write an image: header, random bytes, texts put into them; prints sha256 and size");
  struct Options {
    std::string path;
    Content content;
    std::vector<std::string> patches;
  };
  const auto options = std::make_shared<Options>();
  app->add_option("FILE", options->path, "the image to write")->required();
  app->add_option("--profile", options->content.header.profile_name, "PROFILE_NAME")->required();
  app->add_option("--version", options->content.header.os_image_id, "IMAGE_ID")->required();
  app->add_option("--arch", options->content.header.architecture, "ARCHITECTURE")->default_val("x86_64");
  app->add_option("--size", options->content.header.raw_bytes, "bytes of the whole image; 64MiB is understood")
      ->required()
      ->transform(CLI::AsSizeValue(false));
  app->add_option("--seed", options->content.seed, "of the random bytes; the same seed gives the same image")->default_val(1);
  app->add_option("--build-number", options->content.header.build_number, "BUILD_NUMBER");
  app->add_option("--build-date", options->content.header.build_date, "IMAGE_BUILD_DATE");
  app->add_option("--content", options->content.content_path, "a file that stands right behind the header")->check(CLI::ExistingFile);
  app->add_option("--put", options->patches, "OFFSET:TEXT puts a text at this byte of the image, behind the header; repeatable")
      ->allow_extra_args(false);
  return {app, [options] {
            for (const std::string& text : options->patches) {
              Result<Patch> patch = parse_patch(text);
              if (!patch) return tell(patch.error());
              options->content.patches.push_back(*std::move(patch));
            }
            const Result<Digest> digest = create_image(options->path, options->content);
            if (!digest) return tell(digest.error());
            return tell(Json{{"sha256", to_hex(*digest)}, {"size", options->content.header.raw_bytes}});
          }};
}

Command add_show(CLI::App& root) {
  CLI::App* app = root.add_subcommand("show", "what an image or a slot says of itself, and its measured digest");
  const auto path = std::make_shared<std::string>();
  app->add_option("FILE", *path, "an image, a slot file or a block device")->required();
  return {app, [path] {
            const Result<ImageHeader> header = read_image_header(*path);
            if (!header) return tell(header.error());
            const Result<Identity> identity = agent::measure(*path, "");
            if (!identity) return tell(identity.error());
            return tell(Json{{"profile", header->profile_name},
                             {"version", header->os_image_id},
                             {"architecture", header->architecture},
                             {"build_number", header->build_number},
                             {"build_date", header->build_date},
                             {"size", header->raw_bytes},
                             {"sha256", to_hex(identity->digest)}});
          }};
}

void add_words(CLI::App& app, ManifestWords& words) {
  app.add_option("--name", words.name, "name of the OS; default: profile and version");
  app.add_option("--description", words.description, "a line for people");
  app.add_option("--type", words.type, "OS_TYPE_...")->capture_default_str();
  app.add_option("--provider", words.provider, "OS_PROVIDER_KIND_...")->capture_default_str();
  app.add_option("--security-feature", words.security_feature, "SECURITY_FEATURE_...")->capture_default_str();
  app.add_option("--url", words.image_url, "osImageUrl; default: images/PROFILE/PROFILE-VERSION.raw");
}

Command add_manifest(CLI::App& root) {
  CLI::App* app = root.add_subcommand("manifest", "print the manifest of an image, as a release service publishes it");
  struct Options {
    std::string path;
    ManifestWords words;
  };
  const auto options = std::make_shared<Options>();
  app->add_option("--image", options->path, "the image")->required();
  add_words(*app, options->words);
  return {app, [options]() -> int {
            const Result<std::string> yaml = write_manifest(options->path, options->words);
            if (!yaml) return tell(yaml.error());
            fmt::print("{}", *yaml);
            return done;
          }};
}

Command add_publish(CLI::App& root) {
  CLI::App* app = root.add_subcommand("publish", "add an image, its manifest and their entry in index.json to a release directory");
  struct Options {
    std::string root, path;
    ManifestWords words;
    bool replace = false;
  };
  const auto options = std::make_shared<Options>();
  app->add_option("--root", options->root, "the release directory; made if it is not there")->required();
  app->add_option("--image", options->path, "the image; it is copied")->required();
  app->add_flag("--replace", options->replace, "also where this profile and version is published with another manifest");
  add_words(*app, options->words);
  return {app, [options] {
            const Result<Published> published = publish(options->root, options->path, options->words, options->replace);
            if (!published) return tell(published.error());
            return tell(Json{
                {"image", published->image}, {"manifest", published->manifest}, {"manifest_sha256", to_hex(published->manifest_sha256)}});
          }};
}

Command add_init_node(CLI::App& root) {
  CLI::App* app = root.add_subcommand("init-node", "make the folder of an image-file node: the image in slot a, slot b empty");
  struct Options {
    std::string folder, image;
    std::uint64_t slot_bytes = 0;
  };
  const auto options = std::make_shared<Options>();
  app->add_option("DIR", options->folder, "the node's folder")->required();
  app->add_option("--image", options->image, "what slot a runs")->required();
  app->add_option("--slot-size", options->slot_bytes, "bytes of a slot; 96MiB is understood")
      ->required()
      ->transform(CLI::AsSizeValue(false));
  return {app, [options] {
            const Result<void> made = agent::create_image_file_node(options->folder, options->image, options->slot_bytes);
            if (!made) return tell(made.error());
            return tell(Json{{"node", options->folder}, {"slot_size", options->slot_bytes}});
          }};
}

Command add_reset_node(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("reset-node", "play a reset of an image-file node: a power cut, or its watchdog. Start the agent afterwards");
  struct Options {
    std::string folder, cause = "other";
  };
  const auto options = std::make_shared<Options>();
  app->add_option("DIR", options->folder, "the node's folder")->required();
  app->add_option("--cause", options->cause, "other or watchdog")->check(CLI::IsMember({"other", "watchdog"}))->capture_default_str();
  return {
      app, [options] {
        const Result<agent::BootState> state =
            agent::reset_image_file_node(options->folder, options->cause == "watchdog" ? BootCause::watchdog : BootCause::other);
        if (!state) return tell(state.error());
        return tell(Json{{"boot", state->boot.text}, {"running", to_string(state->running)}, {"default", to_string(state->default_slot)}});
      }};
}

int run(int count, char** words) {
  CLI::App app("Makes OS images, release directories and image-file nodes for Abide.", "abide-image");
  app.set_version_flag("--version", version_line("abide-image"));
  app.require_subcommand(1);
  app.failure_message(wrong_usage);
  app.footer(exit_codes);
  std::vector<Command> commands = {add_create(app),  add_show(app),      add_manifest(app),
                                   add_publish(app), add_init_node(app), add_reset_node(app)};
  for (const Command& command : commands) command.app->footer(exit_codes);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? done : usage;
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return usage;
}

}  // namespace
}  // namespace abide::image

int main(int count, char** words) {
  return abide::image::run(count, words);
}
