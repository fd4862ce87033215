#pragma once
// Keeping the indexes of State true, for apply and for rebuild_indexes. Internal to this folder.
#include <string>

#include "orchestrator/fleet/state.hpp"

namespace abide::fleet::indexes {

void add(State& state, const OsResource& resource);
void remove(State& state, const OsResource& resource);
void add(State& state, const Policy& policy);
void remove(State& state, const Policy& policy);
void add(State& state, const Schedule& schedule);
void remove(State& state, const Schedule& schedule);
void add(State& state, const Region& region);
void remove(State& state, const Region& region);
void add(State& state, const Site& site);
void remove(State& state, const Site& site);
// Everything of the node that is indexed: call remove before a change of it, add after.
void add(State& state, const Node& node);
void remove(State& state, const Node& node);

// The indexes of all nodes, which are empty still, in two parts that have nothing to do with each other: by ids and names, and by what
// many have.
void add_ids_of_nodes(State& state);
void add_groups_of_nodes(State& state);
// All others.
void add_things(State& state);
void clear(State& state);

}  // namespace abide::fleet::indexes
