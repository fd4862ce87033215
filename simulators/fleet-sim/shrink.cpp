#include "simulators/fleet-sim/shrink.hpp"

#include <algorithm>
#include <set>

#include "simulators/fleet-sim/jobs.hpp"

namespace abide::fleet_sim {

namespace {

// Counts of nodes and hours that are tried, before halves, thirds and quarters of what there is.
constexpr std::size_t small_counts[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
constexpr int rounds_max = 4;

class Search {
 public:
  Search(const sim::Plan& failing, std::string checker, const Runner& runner, const ShrinkOptions& options)
      : runner_(runner), options_(options) {
    best_.plan = failing;
    best_.checker = std::move(checker);
  }

  Shrunk run() {
    if (!keep_if_it_fails(best_.plan)) {
      best_.repeated = best_.limit_reached;
      return std::move(best_);
    }
    for (int round = 0; round < rounds_max && !best_.limit_reached; ++round) {
      bool smaller = fewer_nodes();
      smaller = fewer_kinds() || smaller;
      smaller = fewer_hours() || smaller;
      smaller = fewer_faults() || smaller;
      if (!smaller) break;
    }
    only_what_happened();
    with_lines();
    return std::move(best_);
  }

 private:
  [[nodiscard]] RunOptions how() const {
    RunOptions options;
    options.checks = std::vector<std::string>{best_.checker};
    if (best_.checker == endless) options.checks = options_.run.checks;
    if (best_.checker == unreachable) options.checks = std::vector<std::string>{};
    options.stop_at_finding = true;
    options.list_faults = true;
    options.count_situations = best_.checker == unreachable;
    options.lines = false;
    return options;
  }

  // True: it fails by the same checker, and is the best from now on.
  bool keep_if_it_fails(const sim::Plan& plan) {
    if (best_.runs >= options_.runs_max) {
      best_.limit_reached = true;
      return false;
    }
    auto result = runner_(plan, how());
    ++best_.runs;
    const bool fails =
        std::any_of(result.findings.begin(), result.findings.end(), [&](const Found& one) { return one.checker == best_.checker; });
    if (fails) {
      best_.plan = plan;
      best_.result = std::move(result);
    }
    if (options_.progress) options_.progress(best_.runs, best_.plan, best_.result.faults.size());
    return fails;
  }

  // Small counts first: they cost least, and say most.
  template <class Count, class Set>
  bool fewer(Count now, Count least, Set set) {
    std::set<Count> counts;
    for (const auto count : small_counts) counts.insert(static_cast<Count>(count));
    for (const auto part : {8, 4, 3, 2}) counts.insert(now / static_cast<Count>(part));
    counts.insert(now * 2 / 3);
    counts.insert(now - 1);
    for (const auto count : counts) {
      if (count < least || count >= now) continue;
      sim::Plan plan = best_.plan;
      set(plan, count);
      if (keep_if_it_fails(plan)) return true;
    }
    return false;
  }

  bool fewer_nodes() {
    if (best_.plan.past) return false;  // they are those of its history
    return fewer<std::size_t>(best_.plan.nodes, 1, [](sim::Plan& plan, std::size_t count) { plan.nodes = count; });
  }

  // Quiet hours stay: in too few of them no world comes to rest, which would be another failure under the same name.
  bool fewer_hours() {
    return fewer<std::int64_t>(best_.plan.hours, 1, [](sim::Plan& plan, std::int64_t count) { plan.hours = count; });
  }

  bool fewer_kinds() {
    const auto kinds = kinds_of(best_.plan.faults);
    bool smaller = false;
    // In halves first, so that a failure of one kind costs few runs; at last one by one.
    for (std::size_t chunk = kinds.size(); chunk > 0; chunk /= 2) {
      for (std::size_t first = 0; first < kinds.size(); first += chunk) {
        sim::Plan plan = best_.plan;
        for (std::size_t i = first; i < std::min(first + chunk, kinds.size()); ++i) plan.faults.remove(kinds[i]);
        if (plan.faults == best_.plan.faults) continue;
        // Numbers are those of another run then: left out by kind is more than left out by number.
        smaller = keep_if_it_fails(plan) || smaller;
      }
    }
    return smaller;
  }

  // Delta debugging over the faults that happened: pieces are left out, smaller and smaller ones. A fault that is left out
  // may bring others about, under numbers that were not there before; these are taken as they come.
  bool fewer_faults() {
    bool smaller = false;
    std::size_t pieces = 1;
    while (!best_.result.faults.empty() && !best_.limit_reached) {
      const auto happened = best_.result.faults;
      pieces = std::min(pieces, happened.size());
      bool less = false;
      // From the end: what happened last has changed the least.
      for (std::size_t piece = pieces; piece-- > 0 && !less;) {
        const std::size_t from = happened.size() * piece / pieces, to = happened.size() * (piece + 1) / pieces;
        sim::Plan plan = best_.plan;
        for (std::size_t i = from; i < to; ++i) plan.left_out.push_back(happened[i].number);
        if (plan.left_out.size() > left_out_max) return smaller;
        std::sort(plan.left_out.begin(), plan.left_out.end());
        const auto before = best_;
        if (!keep_if_it_fails(plan)) continue;
        // Kept only if there are fewer indeed: or it would not end.
        if (best_.result.faults.size() < happened.size()) {
          less = true;
        } else {
          const auto runs = best_.runs;
          best_ = before;
          best_.runs = runs;
        }
      }
      smaller = smaller || less;
      if (less) {
        pieces = std::max<std::size_t>(pieces - 1, 1);
      } else if (pieces == happened.size()) {
        break;
      } else {
        pieces = std::min(pieces * 2, happened.size());
      }
    }
    return smaller;
  }

  // Kinds of which no fault is left are named no more.
  void only_what_happened() {
    sim::Plan plan = best_.plan;
    for (const auto kind : kinds_of(plan.faults)) {
      const auto& faults = best_.result.faults;
      if (std::none_of(faults.begin(), faults.end(), [&](const Struck& one) { return one.fault == kind; })) plan.faults.remove(kind);
    }
    if (!(plan.faults == best_.plan.faults)) keep_if_it_fails(plan);
  }

  // The end of its transcript is wanted of the smallest run alone. Not counted against the limit.
  void with_lines() {
    auto whole = how();
    whole.lines = true;
    best_.result = runner_(best_.plan, whole);
    ++best_.runs;
  }

  const Runner& runner_;
  const ShrinkOptions& options_;
  Shrunk best_;
};

}  // namespace

Shrunk shrink(const sim::Plan& failing, const std::string& checker, const Runner& runner, const ShrinkOptions& options) {
  return Search(failing, checker, runner, options).run();
}

}  // namespace abide::fleet_sim
