// abide-agent-crashing: the agent as it ships, with points to die at around its store, its bus, its boot loader and the
// orders to its workers.
#include "common/core/result.hpp"
#include "edge-agent/boot/image_file.hpp"
#include "edge-agent/serve.hpp"
#include "tests/crash/points.hpp"

namespace abide::test {
namespace {

using agent::BootControl;
using agent::BootState;

std::string named(const char* what, Slot slot) {
  return std::string(what) + ":" + std::string(to_string(slot));
}

class CountedBoot final : public BootControl {
 public:
  CountedBoot(std::unique_ptr<BootControl> boot, Points& points) : boot_(std::move(boot)), points_(points) {}
  [[nodiscard]] Result<BootState> read() override { return boot_->read(); }
  [[nodiscard]] Result<void> arm_once(Slot slot) override {
    return at(named("arm_once", slot), [&] { return boot_->arm_once(slot); });
  }
  [[nodiscard]] Result<void> disarm() override {
    return at("disarm", [&] { return boot_->disarm(); });
  }
  [[nodiscard]] Result<void> clear_came_up() override {
    return at("clear_came_up", [&] { return boot_->clear_came_up(); });
  }
  [[nodiscard]] Result<void> confirm(Slot slot) override {
    return at(named("confirm", slot), [&] { return boot_->confirm(slot); });
  }
  [[nodiscard]] Result<void> mark_bad(Slot slot) override {
    return at(named("mark_bad", slot), [&] { return boot_->mark_bad(slot); });
  }
  [[nodiscard]] Result<void> clear_bad(Slot slot) override {
    return at(named("clear_bad", slot), [&] { return boot_->clear_bad(slot); });
  }
  // Its other moment is where the machine is reset already, and this process is not yet replaced: see open_boot.
  [[nodiscard]] Result<void> reboot() override {
    reboot_number = points_.before(PointKind::effect, "reboot");
    return boot_->reboot();
  }
  [[nodiscard]] std::string path_of(Slot slot) const override { return boot_->path_of(slot); }

  static inline std::uint64_t reboot_number = 0;  // owner thread

 private:
  template <class Act>
  Result<void> at(const std::string& what, Act act) {
    return points_.around(PointKind::effect, what, std::move(act));
  }

  std::unique_ptr<BootControl> boot_;
  Points& points_;
};

agent::Parts parts_with(Points& points) {
  agent::Parts parts = agent::product_parts();
  parts.open_store = [open = parts.open_store, &points](const std::string& dir) -> Result<std::unique_ptr<Store>> {
    auto store = open(dir);
    if (!store) return store;
    return with_points(std::move(*store), points);
  };
  parts.open_boot = [&points](const std::string& folder) -> Result<std::unique_ptr<BootControl>> {
    auto boot = agent::ImageFileBoot::open(folder, [&points]() -> Result<void> {
      points.after(PointKind::effect, CountedBoot::reboot_number, "reboot");
      return agent::restart_this_process();
    });
    if (!boot) return fail(boot.error());
    return std::unique_ptr<BootControl>(std::make_unique<CountedBoot>(std::move(*boot), points));
  };
  parts.make_bus = [make = parts.make_bus, &points](BusSettings settings) { return with_points(make(std::move(settings)), points); };
  parts.start_workers = [start = parts.start_workers, &points](BootControl& boot, const agent::Config& config) {
    auto workers = start(boot, config);
    workers.orders.start_staging = [start_staging = workers.orders.start_staging, &points](auto order, auto on_progress, auto on_end) {
      points.around(PointKind::effect, "start_staging", [&] {
        start_staging(std::move(order), std::move(on_progress), std::move(on_end));
        return true;
      });
    };
    workers.orders.start_health = [start_health = workers.orders.start_health, &points](auto order, auto on_end) {
      points.around(PointKind::effect, "start_health", [&] {
        start_health(std::move(order), std::move(on_end));
        return true;
      });
    };
    return workers;
  };
  return parts;
}

}  // namespace
}  // namespace abide::test

int main(int argc, char** argv) {
  return abide::agent::run_agent(argc, argv, abide::test::parts_with(abide::test::Points::of_environment()));
}
