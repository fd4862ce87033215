// abide-orchestrator-crashing: the orchestrator as it ships, with points to die at around its store and its bus.
#include "orchestrator/serve.hpp"
#include "tests/crash/points.hpp"

namespace abide::test {
namespace {

orchestrator::Parts parts_with(Points& points) {
  orchestrator::Parts parts = orchestrator::product_parts();
  parts.open_store = [open = parts.open_store, &points](const std::string& dir) -> Result<std::unique_ptr<Store>> {
    auto store = open(dir);
    if (!store) return store;
    return with_points(std::move(*store), points);
  };
  parts.make_bus = [make = parts.make_bus, &points](BusSettings settings) { return with_points(make(std::move(settings)), points); };
  return parts;
}

}  // namespace
}  // namespace abide::test

int main(int argc, char** argv) {
  return abide::orchestrator::run_orchestrator(argc, argv, abide::test::parts_with(abide::test::Points::of_environment()));
}
