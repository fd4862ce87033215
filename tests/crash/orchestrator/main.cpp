// abide-orchestrator-crashing: the orchestrator as it ships, with points to die at around its store and its bus.
#include "orchestrator/serve.hpp"
#include "tests/crash/points.hpp"

namespace abide::test {
namespace {

orchestrator::Parts parts_with(Points& points) {
  orchestrator::Parts parts = orchestrator::product_parts();
  parts.open_store = [open = parts.open_store, &points](const std::string& dir) -> Result<orchestrator::OpenedStore> {
    auto opened = open(dir);
    if (!opened) return opened;
    opened->store = with_points(std::move(opened->store), points);
    return opened;
  };
  parts.make_bus = [make = parts.make_bus, &points](BusSettings settings) { return with_points(make(std::move(settings)), points); };
  return parts;
}

}  // namespace
}  // namespace abide::test

int main(int argc, char** argv) {
  return abide::orchestrator::run_orchestrator(argc, argv, abide::test::parts_with(abide::test::Points::of_environment()));
}
