#include "orchestrator/serve.hpp"

int main(int argc, char** argv) {
  return abide::orchestrator::run_orchestrator(argc, argv, abide::orchestrator::product_parts());
}
