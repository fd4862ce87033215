"""The live table: redrawn in place in a terminal, a line a change elsewhere."""

import os
import re
import shutil
import sys
import time

BAR_CELLS = 20
PLAIN_STEP = 25  # percent: elsewhere than in a terminal, progress gets a line every so often


def bar(percent):
    full = max(0, min(BAR_CELLS, percent * BAR_CELLS // 100))
    return "█" * full + "░" * (BAR_CELLS - full) + f" {percent:3d}%"


class Screen:
    def __init__(self, out):
        self.out = out
        self.redraw = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.lines = 0
        self.told = {}
        self.began = time.monotonic()

    def say(self, text):
        """A line that stays."""
        self._wipe()
        stamp = f"{time.monotonic() - self.began:6.1f} s  "
        for line in text.split("\n"):
            print(stamp + line, file=self.out)
            stamp = " " * len(stamp)
        self.out.flush()

    def show(self, rows, footer):
        """rows: dicts with host, phase, percent (or None), image, status, detail."""
        if self.redraw:
            self._draw(rows, footer)
        else:
            self._tell(rows)

    def end(self):
        """What is drawn stays; what comes next is below it."""
        self.lines = 0

    def _draw(self, rows, footer):
        heads = ["HOST", "PHASE", "PROGRESS", "IMAGE", "STATUS", ""]
        cells = [[row["host"], row["phase"], bar(row["percent"]) if row["percent"] is not None else "", row["image"], row["status"],
                  row["detail"]] for row in rows]
        widths = [max(len(line[i]) for line in [heads] + cells) for i in range(len(heads))]
        widths[2] = BAR_CELLS + 5
        size = shutil.get_terminal_size()
        room = max(3, size.lines - 3)
        text = []
        for line in [heads] + cells[:room]:
            text.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()[: size.columns - 1])
        if len(cells) > room:
            text.append(f"… and {len(cells) - room} more")
        text.append(footer[: size.columns - 1])
        self._wipe()
        print("\n".join(text), file=self.out, flush=True)
        self.lines = len(text)

    def _wipe(self):
        if self.lines:
            print(f"\x1b[{self.lines}A\r\x1b[J", end="", file=self.out)
            self.lines = 0

    def _tell(self, rows):
        for row in rows:
            percent = row["percent"]
            step = percent // PLAIN_STEP * PLAIN_STEP if percent is not None else None
            line = (row["phase"], step, row["image"], row["status"], row["detail"])
            if self.told.get(row["host"]) == line:
                continue
            self.told[row["host"]] = line
            parts = [row["host"], row["phase"], f"{percent}%" if percent is not None else "", row["image"], row["status"], row["detail"]]
            self.say(re.sub(r"  +$", "", "  ".join(part for part in parts if part)))


def plain_stderr(text):
    print(text, file=sys.stderr, flush=True)
