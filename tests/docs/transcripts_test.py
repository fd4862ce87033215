"""transcripts_test.py PAGE: what `console` blocks of a page show is what happens, against real processes.

A block is lines of `$ command` (goes on after a backslash), each with its output. Ids, times and the server's address are not
compared. What only reads is asked again until it answers as the page says. Comments steer the world around the story:
`<!-- test: file NAME -->` (the next block is that file), `start agents`, `publish VERSION [bad]`."""

import os
import re
import subprocess
import sys
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SOURCE, "tests", "integration"))

from api_world import BIN, Releases, World  # noqa: E402

SERVER = "http://127.0.0.1:8080"  # as pages name it
PATIENCE = 40.0
UUID = "11111111-2222-3333-4444-5555555555%02d"
HEALTH_CHECK = "#!/bin/sh\ngrep -q 'workload=fine' \"$ABIDE_SLOT_PATH\"\n"
ID = re.compile(r"\b(host|inst|os|osupdatepolicy|osupdaterun|singlesche|repeatedsche|site|region)-[0-9a-f]{8}\b")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
RUN = re.compile(r"\bupdate \d{8}-\d{6}\b")
AGO = re.compile(r"\b(in )?\d+[smhd]( ago)?\b(?=\))")
READS = re.compile(r"abidectl (get|describe|explain|update-os .*--dry-run)")
SPACES = re.compile(r"  +")


def plain(text):
    """Without what differs from run to run. Columns are apart by two blanks or more: how many depends on what is in them."""
    for pattern, word in ((ID, r"\1-ID"), (TIME, "TIME"), (RUN, "update TIME"), (AGO, "AGO")):
        text = pattern.sub(word, text)
    return [SPACES.sub("  ", line).rstrip() for line in text.rstrip("\n").split("\n")] if text.strip() else []


def parts(page):
    """The page as steps: ("test", words), ("file", name, text), ("run", line, command, output)."""
    with open(page, encoding="utf-8") as file:
        lines = file.read().split("\n")
    name = None
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        comment = re.match(r"<!-- test: (.*?) -->", line)
        if comment:
            words = comment.group(1).split()
            if words[0] == "file":
                name = words[1]
            else:
                yield ("test", at, words)
        if not line.startswith("```") or len(line) == 3:
            continue
        begin = at
        while lines[at] != "```":
            at += 1
        block = lines[begin:at]
        at += 1
        if name:
            yield ("file", begin, name, "\n".join(block) + "\n")
            name = None
        elif line == "```console":
            while block:
                command = block.pop(0)
                if not command.startswith("$ "):
                    raise AssertionError(f"{page}:{begin}: a console block begins with a command: {command}")
                where = at - len(block) - 1
                while command.endswith("\\"):
                    command = command[:-1] + block.pop(0)
                output = []
                while block and not block[0].startswith("$ "):
                    output.append(block.pop(0))
                yield ("run", where, command[2:], "\n".join(output))


class Story:
    def __init__(self):
        self.world = World()
        self.releases = Releases()
        self.published = 0
        world = self.world
        os.makedirs(world.path("images"))
        self.publish("1.0.0")
        with open(world.path("health"), "w", encoding="utf-8") as file:
            file.write(HEALTH_CHECK)
        os.chmod(world.path("health"), 0o755)
        self.releases.root = world.path("releases")  # the same directory over HTTP, for the nodes
        self.server = world.start_orchestrator(world.path("releases"), "--releases-poll", "100ms", "--ack-after", "50ms", "--spread-per-node", "0ms",
                                               "--files", self.releases.url)
        self.url = self.server.api.url.geturl()
        os.makedirs(world.path("work"))
        self.environment = {"PATH": BIN + ":" + os.environ["PATH"], "TZ": "UTC", "HOME": world.path("work"), "LC_ALL": "C.UTF-8"}

    def publish(self, version, *how):
        """how: "bad" for an image that does not do its work."""
        world = self.world
        self.published += 1
        with open(world.path("images", "content"), "w", encoding="utf-8") as file:
            file.write("workload=%s\n" % ("broken" if "bad" in how else "fine"))
        world.tool("abide-image", "create", world.path("images", version), "--profile", "demo", "--version", version, "--size", "1048576", "--seed",
                   str(self.published), "--content", world.path("images", "content"))
        world.tool("abide-image", "publish", "--root", world.path("releases"), "--image", world.path("images", version), "--name", f"Demo {version}",
                   "--description", "an image for tests")

    def start(self, _agents):
        world = self.world
        for number in (1, 2):
            boot = world.path(f"boot-{number}")
            world.tool("abide-image", "init-node", boot, "--image", world.path("images", "1.0.0"), "--slot-size", "1148576")
            world.start_agent(UUID % number, boot, "--check", f"workload={world.path('health')}", "--check-again-every", "50ms", "--check-deadline", "2s",
                              "--trial-deadline", "1s", "--switch-time", "100ms", "--progress-every", "50ms")

    def run(self, command):
        done = subprocess.run(["bash", "-c", command.replace(SERVER, self.url)], cwd=self.world.path("work"), env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=PATIENCE)
        return done.stdout.replace(self.url, SERVER)

    def holds(self, command, expected):
        """What it printed in the end, where that is not what is expected."""
        until = time.monotonic() + (PATIENCE if READS.match(command) else 0)
        while True:
            printed = self.run(command)
            if plain(printed) == plain(expected):
                return None
            if time.monotonic() > until:
                return printed
            time.sleep(0.1)

    def stop(self):
        self.world.stop()
        self.releases.stop()


def main():
    page = sys.argv[1]
    story = Story()
    seen = 0
    wrong = 0
    try:
        for step in parts(page):
            if step[0] == "test":
                getattr(story, step[2][0])(*step[2][1:])
            elif step[0] == "file":
                with open(story.world.path("work", step[2]), "w", encoding="utf-8") as file:
                    file.write(step[3])
            else:
                seen += 1
                printed = story.holds(step[2], step[3])
                if printed is not None:
                    wrong += 1
                    print(f"{page}:{step[1]}: $ {step[2]}\n{printed}---- and the page says\n{step[3]}\n")
    finally:
        story.stop()
    print(f"{seen} commands run, {wrong} answered otherwise")
    return 1 if wrong or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
