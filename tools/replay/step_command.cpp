// step: the command. Keys on a terminal, lines from a pipe.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <termios.h>
#include <unistd.h>

#include "tools/replay/step.hpp"

namespace abide::replay {
namespace {

// A terminal that gives each key at once; as it was before when this ends.
class RawTerminal {
 public:
  RawTerminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (raw_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool raw_ = false;
};

// One key as a letter of the stepper; arrows are n and b. Nothing: the terminal is gone.
std::optional<char> read_key() {
  const RawTerminal raw;
  char key = 0;
  if (read(STDIN_FILENO, &key, 1) != 1) return std::nullopt;
  if (key != '\x1b') return key == ' ' || key == '\n' || key == '\r' ? 'n' : key;
  char sequence[2] = {};
  if (read(STDIN_FILENO, sequence, 1) != 1 || read(STDIN_FILENO, sequence + 1, 1) != 1) return std::nullopt;
  if (sequence[1] == 'C' || sequence[1] == 'B') return 'n';
  if (sequence[1] == 'D' || sequence[1] == 'A') return 'b';
  return 's';
}

void step_on_terminal(Stepper& stepper) {
  std::cout << Stepper::help();
  stepper.show();
  while (true) {
    std::cout.flush();
    const auto key = read_key();
    if (!key || *key == '\x04') return;
    std::string line(1, *key);
    if (*key == 'g' || *key == 'e' || *key == 'u' || *key == 'w') {
      std::cout << *key << " " << std::flush;
      std::string rest;
      if (!std::getline(std::cin, rest)) return;
      line += " " + rest;
    } else {
      std::cout << "\x1b[2J\x1b[H";
    }
    if (!stepper.command(line)) return;
  }
}

}  // namespace

Command add_step(CLI::App& root) {
  CLI::App* app = root.add_subcommand("step", "walk through a history by hand");
  app->footer(
      std::string("Forward, back, to a place, with a node's state in view, changes marked. On a terminal by keys (arrows, too); from\n"
                  "a pipe the same letters, one command a line.\n\n") +
      Stepper::help() + "\n" + exit_codes_text);
  struct Options {
    HistoryOptions history;
    std::string node, at;
  };
  const auto options = std::make_shared<Options>();
  add_history_options(*app, options->history, false);
  app->add_option("-n,--node", options->node, "watch this node from the start");
  app->add_option("--at", options->at, "begin after this event: a sequence, first, last, or a time");
  return {app, [options](const Surroundings& around) {
            auto opened = open_history(options->history, around);
            if (!opened) return complain(around, opened.error());
            auto track = Track::open(*opened);
            if (!track) return complain(around, track.error());
            if (!options->at.empty()) {
              const auto place = find_place(*opened, options->at);
              if (!place) return complain(around, place.error().in("--at"));
              if (auto gone = (*track)->go(*place); !gone) return complain(around, gone.error());
            }
            const bool terminal = isatty(STDIN_FILENO) == 1 && around.out_is_terminal;
            Stepper stepper(*opened, **track, *around.out, terminal);
            if (!options->node.empty()) {
              if (const auto node = find_node(*opened, options->node); !node) return complain(around, node.error().in("--node"));
              stepper.command("w " + options->node);
            }
            if (terminal) {
              step_on_terminal(stepper);
            } else {
              std::string line;
              while (std::getline(std::cin, line))
                if (!stepper.command(line)) break;
            }
            return end_of(*opened);
          }};
}

}  // namespace abide::replay
