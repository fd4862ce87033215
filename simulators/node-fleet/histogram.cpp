#include "simulators/node-fleet/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>

namespace abide::node_fleet {
namespace {

// As HdrHistogram names them: 3 digits need 2048 sub-buckets; each bucket after the first has the upper half of them.
constexpr unsigned sub_bits = 11;
constexpr std::uint64_t sub_buckets = std::uint64_t{1} << sub_bits;
constexpr std::uint64_t half = sub_buckets / 2;
constexpr unsigned buckets = 35 - sub_bits + 1;
constexpr double whole = 100.0;

unsigned bucket_of(std::uint64_t value) {
  return static_cast<unsigned>(std::bit_width(value | (sub_buckets - 1))) - sub_bits;
}

}  // namespace

std::size_t Histogram::index_of(std::uint64_t value) {
  const unsigned bucket = bucket_of(value);
  return bucket * half + (value >> bucket);
}

std::uint64_t Histogram::lowest_of(std::size_t index) {
  if (index < sub_buckets) return index;
  const auto bucket = static_cast<unsigned>(index / half) - 1;
  return (index - bucket * half) << bucket;
}

std::uint64_t Histogram::highest_of(std::size_t index) {
  if (index < sub_buckets) return index;
  const auto bucket = static_cast<unsigned>(index / half) - 1;
  return lowest_of(index) + (std::uint64_t{1} << bucket) - 1;
}

void Histogram::record(std::uint64_t value, std::uint64_t times) {
  if (times == 0) return;
  if (value > value_max) {
    clipped_ += times;
    value = value_max;
  }
  const auto index = index_of(value);
  if (index >= cells_.size()) cells_.resize(index + 1);
  cells_[index] += times;
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += times;
}

void Histogram::add(const Histogram& other) {
  if (other.count_ == 0) return;
  if (other.cells_.size() > cells_.size()) cells_.resize(other.cells_.size());
  for (std::size_t i = 0; i < other.cells_.size(); ++i) cells_[i] += other.cells_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  clipped_ += other.clipped_;
}

// Each cell counts as its middle.
double Histogram::mean() const {
  if (count_ == 0) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i)
    if (cells_[i] > 0) sum += static_cast<double>(lowest_of(i) + highest_of(i)) / 2 * static_cast<double>(cells_[i]);
  return sum / static_cast<double>(count_);
}

double Histogram::deviation() const {
  if (count_ == 0) return 0;
  const double middle = mean();
  double sum = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i] == 0) continue;
    const double off = static_cast<double>(lowest_of(i) + highest_of(i)) / 2 - middle;
    sum += off * off * static_cast<double>(cells_[i]);
  }
  return std::sqrt(sum / static_cast<double>(count_));
}

std::uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, whole) / whole;
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_) - 1e-9)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    seen += cells_[i];
    if (seen >= wanted) return std::min(highest_of(i), max_);
  }
  return max_;
}

// The steps get finer towards 100: so many for each halving of what is left.
std::vector<Histogram::Step> Histogram::steps(unsigned per_half_distance) const {
  std::vector<Step> steps;
  if (count_ == 0) return steps;
  double percent = 0;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < cells_.size() && seen < count_; ++i) {
    if (cells_[i] == 0) continue;
    seen += cells_[i];
    const double reached = whole * static_cast<double>(seen) / static_cast<double>(count_);
    while (percent <= reached && percent < whole) {
      steps.push_back({percent, std::min(highest_of(i), max_), seen});
      if (seen == count_) break;
      const double halvings = std::floor(std::log2(whole / (whole - percent))) + 1;
      const double ticks = per_half_distance * std::pow(2, halvings);
      percent += whole / ticks;
    }
  }
  steps.push_back({whole, max_, count_});
  return steps;
}

std::string Histogram::percentile_text(double unit) const {
  std::string text = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
  for (const auto& step : steps()) {
    const double share = step.percent / whole;
    text += fmt::format("{:12.3f} {:2.12f} {:10}", static_cast<double>(step.value) / unit, share, step.count);
    if (share < 1) text += fmt::format(" {:14.2f}", 1 / (1 - share));
    text += "\n";
  }
  text += fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n", mean() / unit, deviation() / unit);
  text += fmt::format("#[Max     = {:12.3f}, Total count    = {:12}]\n", static_cast<double>(max_) / unit, count_);
  text += fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n", buckets, sub_buckets);
  return text;
}

}  // namespace abide::node_fleet
