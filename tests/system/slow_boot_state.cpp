// Preloaded into an agent: every change of boot.json takes longer, before and after the file is replaced. Switching, Rebooting,
// Confirming and RollingBack last a few milliseconds otherwise, and a kill from outside would hardly ever meet them.
// ABIDE_SLOW_BOOT_STATE_MS says how much longer. The program itself knows nothing of this.
#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace {

std::chrono::milliseconds delay() {
  const char* text = std::getenv("ABIDE_SLOW_BOOT_STATE_MS");
  return std::chrono::milliseconds(text == nullptr ? 0 : std::atoi(text));
}

}  // namespace

extern "C" int rename(const char* from, const char* to) noexcept {
  using Rename = int (*)(const char*, const char*);
  static const auto next = reinterpret_cast<Rename>(dlsym(RTLD_NEXT, "rename"));
  constexpr std::string_view watched = "/boot.json";
  const std::string_view target(to);
  const bool slow = target.size() >= watched.size() && target.substr(target.size() - watched.size()) == watched;
  if (slow) std::this_thread::sleep_for(delay());
  const int result = next(from, to);
  if (slow) std::this_thread::sleep_for(delay());
  return result;
}
