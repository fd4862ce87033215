#pragma once
// How far a long run has come: a bar that is redrawn in a terminal, now and then a line elsewhere. On stderr, so that the
// answer alone is on stdout. One thread at a time.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

namespace abide::fleet_sim {

// The world around one call of the program, so that tests can bring their own.
struct Surroundings {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  bool err_is_terminal = false;
  bool colours = false;                  // of that terminal; NO_COLOR is not set
  std::function<std::size_t()> columns;  // of that terminal; 0: not known
  std::function<std::int64_t()> now_ms;  // never steps back
  std::size_t cores = 1;
};

inline constexpr std::int64_t redraw_ms = 100;        // between two pictures of a bar
inline constexpr std::int64_t plain_line_ms = 5'000;  // between two lines elsewhere

class Progress {
 public:
  // `what` stands before the bar: "seeds", "shrinking".
  Progress(const Surroundings& around, std::string what) : around_(around), what_(std::move(what)), began_ms_(around.now_ms()) {}
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `whole` 1 and above; `note` is short: "1 finding".
  void at(double done, double whole, const std::string& note, bool bad = false);
  void end();  // takes the bar away

 private:
  void draw(double done, double whole, const std::string& note, bool bad);

  const Surroundings& around_;
  std::string what_;
  std::int64_t began_ms_;
  std::int64_t drawn_ms_ = -1;  // none yet
  bool visible_ = false;
};

// "1 min 5 s", "12 s"
std::string seconds_text(std::int64_t ms);

}  // namespace abide::fleet_sim
