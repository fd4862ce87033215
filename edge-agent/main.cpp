#include "edge-agent/serve.hpp"

int main(int argc, char** argv) {
  return abide::agent::run_agent(argc, argv, abide::agent::product_parts());
}
