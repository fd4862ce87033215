#pragma once
// How far a run has come: one block that is drawn again in a terminal, now and then a line elsewhere. On stderr.
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "simulators/node-fleet/report.hpp"

namespace abide::node_fleet {

inline constexpr double view_line_every_s = 5;  // between two lines elsewhere

class View {
 public:
  View(std::ostream& err, bool terminal, bool colours, std::size_t nodes, std::vector<std::string> watched)
      : err_(err), terminal_(terminal), colours_(colours), nodes_(nodes), watched_(std::move(watched)) {}
  ~View() { end(); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  void say(const std::string& line);  // above the block
  void show(const Moment& moment);
  void end();  // the block stays as it is

 private:
  [[nodiscard]] std::vector<std::string> lines_of(const Moment& moment) const;
  void erase();

  std::ostream& err_;
  const bool terminal_, colours_;
  const std::size_t nodes_;
  const std::vector<std::string> watched_;
  std::size_t drawn_ = 0;  // lines
  double told_s_ = 0;
};

}  // namespace abide::node_fleet
