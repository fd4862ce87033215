#pragma once
// Counts of values over a wide range at a fixed relative precision: the log-linear layout of HdrHistogram (Gil Tene), with 3
// significant digits. A value of up to 2047 has a cell of its own; above, a cell is at most a thousandth of its value wide. Cells
// come as they are needed. No thread of its own.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace abide::node_fleet {

class Histogram {
 public:
  // Above: counted as this, and in clipped(). With microseconds about 10 hours.
  static constexpr std::uint64_t value_max = (std::uint64_t{1} << 35U) - 1;

  void record(std::uint64_t value, std::uint64_t times = 1);
  void add(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t clipped() const { return clipped_; }
  [[nodiscard]] std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const;
  [[nodiscard]] double deviation() const;  // of the population
  // The greatest value of the cell that the given share of all values (0 to 100) lies at or below. 0 where there is none.
  [[nodiscard]] std::uint64_t percentile(double percent) const;

  // What HdrHistogram's outputPercentileDistribution prints, five steps a half distance, values divided by `unit`: any plotter of
  // .hgrm files reads it.
  [[nodiscard]] std::string percentile_text(double unit) const;

  struct Step {
    double percent = 0;  // 0 to 100
    std::uint64_t value = 0;
    std::uint64_t count = 0;  // at or below
  };
  [[nodiscard]] std::vector<Step> steps(unsigned per_half_distance = 5) const;

 private:
  static std::size_t index_of(std::uint64_t value);
  static std::uint64_t lowest_of(std::size_t index);
  static std::uint64_t highest_of(std::size_t index);

  std::vector<std::uint64_t> cells_;
  std::uint64_t count_ = 0, clipped_ = 0, min_ = 0, max_ = 0;
};

}  // namespace abide::node_fleet
