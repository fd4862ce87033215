#pragma once
// A machine's boot loader, played by a folder: `slot-a`, `slot-b`, and `boot.json`, which alone decides which slot runs.
// A reboot rewrites boot.json as a boot loader would and replaces the process; a start without it is the same boot.
//
// The one-shot slot is used up by the boot that tries it. A slot whose first 4 KiB are no image header does not boot:
// the default comes up instead, and the came-up mark stays as it was.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "edge-agent/boot/boot_control.hpp"

namespace abide::agent {

// Replaces the process by itself, with the arguments that it was started with; returns only on failure. Signals that
// were blocked are not blocked in the new process. Every descriptor must be close-on-exec.
Result<void> restart_this_process();

class ImageFileBoot final : public BootControl {
 public:
  using Restart = std::function<Result<void>()>;

  // not_found: no such folder, or a file of it is missing; corrupt: boot.json is not what it should be (a newer format
  // is said as such); denied.
  static Result<std::unique_ptr<ImageFileBoot>> open(const std::string& folder, Restart restart = restart_this_process);

  [[nodiscard]] Result<BootState> read() override;
  [[nodiscard]] Result<void> arm_once(Slot slot) override;
  [[nodiscard]] Result<void> disarm() override;
  [[nodiscard]] Result<void> clear_came_up() override;
  [[nodiscard]] Result<void> confirm(Slot slot) override;
  [[nodiscard]] Result<void> mark_bad(Slot slot) override;
  [[nodiscard]] Result<void> clear_bad(Slot slot) override;
  [[nodiscard]] Result<void> reboot() override;
  [[nodiscard]] std::string path_of(Slot slot) const override;

 private:
  ImageFileBoot(std::string folder, Restart restart) : folder_(std::move(folder)), restart_(std::move(restart)) {}

  std::string folder_;
  Restart restart_;
  std::mutex mutex_;
};

// What the machine does when it is reset, without the process: for a supervisor that plays the watchdog or a power cut.
Result<BootState> reset_image_file_node(const std::string& folder, BootCause cause);

// Makes the folder: slot-a gets the image, slot-b is empty, both `slot_bytes` long; slot a runs and is the default.
// conflict: there is a boot.json already; invalid_input: the image is larger than the slot, or has no header.
Result<void> create_image_file_node(const std::string& folder, const std::string& image_path, std::uint64_t slot_bytes);

}  // namespace abide::agent
