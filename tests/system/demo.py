"""Runs tools/demo as a person would, for the tests of this folder."""

import json
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
EXPECTED = {"nodes": 5, "updated": 5, "rolled_back": 1, "waiting": 4, "lost": 0, "disagreements": 0}


def command(binaries, *words):
    return [os.path.join(ROOT, "tools", "demo"), "--bin", binaries, *words]


def start(binaries, *words, output=subprocess.PIPE):
    return subprocess.Popen(command(binaries, *words), stdout=output, stderr=subprocess.STDOUT if output == subprocess.PIPE else output, text=True)


def counts(text):
    """The closing line, or None."""
    try:
        return json.loads(text.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return None


def processes(directory):
    """Processes whose command line names the directory: {pid: command}."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{entry}/stat", "rb") as file:
                state = file.read().rsplit(b")", 1)[1].split()[0]
        except OSError:
            continue
        if directory in words and state != b"Z":
            found[int(entry)] = words
    return found


def fail(message):
    print(f"FAILED: {message}")
    sys.exit(1)
