#include "simulators/fleet-sim/jobs.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <system_error>

namespace abide::fleet_sim {

namespace {

// What a plan draws for itself is drawn apart from what its world draws.
constexpr std::uint64_t draws_of_a_plan = 0x706C616E;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end) return fail(Code::invalid_input, fmt::format("\"{}\" is no number", text));
  return number;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!(line = trimmed(line)).empty()) {
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

Result<Job> parse_line(std::string_view line, std::int64_t quiet_hours) {
  Job job;
  job.quiet_hours = quiet_hours;
  const auto hash = line.find('#');
  if (hash != std::string_view::npos) job.why = trimmed(line.substr(hash + 1));
  const auto words = words_of(line.substr(0, hash));
  if (words.size() != 4) return fail(Code::invalid_input, "is not: seed nodes hours faults  # why");
  const auto seed = parse_number(words[0]);
  if (!seed) return fail(seed.error().in("seed"));
  const auto nodes = parse_span(words[1]);
  if (!nodes) return fail(nodes.error().in("nodes"));
  const auto hours = parse_number(words[2]);
  if (!hours) return fail(hours.error().in("hours"));
  if (*hours < 1 || *hours > static_cast<std::uint64_t>(hours_max))
    return fail(Code::invalid_input, fmt::format("hours: {} is not between 1 and {}", *hours, hours_max));
  auto faults = sim::parse_fault_choice(words[3]);
  if (!faults) return fail(faults.error().in("faults"));
  job.seed = *seed;
  job.nodes = *nodes;
  job.hours = static_cast<std::int64_t>(*hours);
  job.faults = *faults;
  return job;
}

}  // namespace

Result<Span> parse_span(std::string_view text) {
  const auto dots = text.find("..");
  const auto least = parse_number(text.substr(0, dots));
  if (!least) return fail(least.error());
  const auto most = dots == std::string_view::npos ? least : parse_number(text.substr(dots + 2));
  if (!most) return fail(most.error());
  if (*least < 1 || *most > nodes_max || *least > *most)
    return fail(Code::invalid_input, fmt::format("\"{}\" is not N or N..M, between 1 and {}", text, nodes_max));
  return Span{*least, *most};
}

Result<std::vector<std::uint64_t>> parse_numbers(std::string_view text, std::size_t numbers_max) {
  std::vector<std::uint64_t> numbers;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    const auto part = trimmed(rest.substr(0, comma));
    const auto dots = part.find("..");
    const auto first = parse_number(part.substr(0, dots));
    if (!first) return fail(first.error());
    const auto last = dots == std::string_view::npos ? first : parse_number(part.substr(dots + 2));
    if (!last) return fail(last.error());
    if (*last < *first) return fail(Code::invalid_input, fmt::format("\"{}\" ends before it begins", part));
    if (*last - *first >= numbers_max - numbers.size()) return fail(Code::invalid_input, fmt::format("more than {} numbers", numbers_max));
    for (std::uint64_t number = *first;; ++number) {
      numbers.push_back(number);
      if (number == *last) break;
    }
    if (comma == std::string_view::npos) return numbers;
    rest.remove_prefix(comma + 1);
  }
}

std::string to_numbers_text(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (std::size_t first = 0; first < numbers.size();) {
    std::size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ",";
    text += std::to_string(numbers[first]);
    if (last > first) text += (last == first + 1 ? "," : "..") + std::to_string(numbers[last]);
    first = last + 1;
  }
  return text;
}

Result<std::vector<Job>> parse_seeds_file(std::string_view text, std::int64_t quiet_hours) {
  std::vector<Job> jobs;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    auto job = parse_line(line, quiet_hours);
    if (!job) return fail(job.error().in(fmt::format("line {}", number)));
    if (jobs.size() == jobs_max) return fail(Code::invalid_input, fmt::format("line {}: more than {} seeds", number, jobs_max));
    jobs.push_back(*std::move(job));
  }
  return jobs;
}

sim::Plan plan_of(const Job& job) {
  Random random{job.seed ^ draws_of_a_plan};
  sim::Plan plan;
  plan.seed = job.seed;
  plan.nodes = static_cast<std::size_t>(job.nodes.least + random.below(job.nodes.most - job.nodes.least + 1));
  plan.hours = job.hours;
  plan.quiet_hours = job.quiet_hours;
  plan.faults = sim::draw_faults(job.faults, random);
  plan.left_out = job.left_out;
  plan.past = job.past;
  std::sort(plan.left_out.begin(), plan.left_out.end());
  plan.left_out.erase(std::unique(plan.left_out.begin(), plan.left_out.end()), plan.left_out.end());
  return plan;
}

std::string flags_of(const sim::Plan& plan) {
  std::string text = fmt::format("--seed {} --nodes {} --hours {} --quiet-hours {} --faults {}", plan.seed, plan.nodes, plan.hours,
                                 plan.quiet_hours, sim::to_string(plan.faults));
  if (!plan.left_out.empty()) text += " --left-out " + to_numbers_text(plan.left_out);
  return text;
}

std::vector<sim::Fault> kinds_of(const sim::FaultSet& faults) {
  std::vector<sim::Fault> kinds;
  for (const auto fault : sim::every_fault())
    if (faults.has(fault)) kinds.push_back(fault);
  return kinds;
}

}  // namespace abide::fleet_sim
