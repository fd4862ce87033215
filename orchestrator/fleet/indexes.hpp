#pragma once
// Keeping the indexes of State true, for apply and for rebuild_indexes. Internal to this folder.
#include <cstddef>
#include <map>
#include <string>
#include <vector>

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

// What goes into the indexes of all nodes, gathered while each of them is at hand: later it would have to be fetched from memory again.
class OfNodes {
 public:
  void expect(std::size_t nodes);  // as many will come
  void add(const Node& node);
  void add(OfNodes&& more);
  // Into the indexes, in the place of what is in them; in two parts of about the same work that have nothing to do with each other.
  void put_hosts_and_groups(State& state);
  void put_instances_and_names(State& state);

 private:
  struct Group {
    std::string of;
    std::vector<NodeId> nodes;
  };
  // Many nodes have the same text as the one before, and few texts are there in all.
  class Groups {
   public:
    void add(const std::string& of, const NodeId& node);
    void add(Groups&& more);
    void put(std::map<std::string, SortedBlocks<NodeId>>& index);

   private:
    std::vector<NodeId>& nodes_of(const std::string& text);
    std::vector<Group> groups_;
    std::map<std::string, std::size_t> places_;  // in groups_
    std::size_t last_ = 0;
  };
  std::vector<TextIndex::Entry> hosts_, instances_, names_;
  Groups policies_, profiles_, os_resources_, sites_;
};

// All others.
void add_things(State& state);
void clear(State& state);

}  // namespace abide::fleet::indexes
