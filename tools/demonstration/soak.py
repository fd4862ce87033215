"""What tools/soak does, once everything is built."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from api import Refused, Unreachable
from fleet import PROJECT, Fleet
from interrupts import end_on_signals, end_undisturbed
from screen import Screen
from supervisor import die_with_parent

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SEED = 1
TEND_EVERY = 0.05
SAMPLE_EVERY = 5.0
TELL_EVERY = 10.0
LOOK_EVERY = 1.0
QUIET_LOOKS = 5           # in a row in which no run was open: what follows an outcome is acknowledged, too
MIB = 1 << 20

# In shares of the whole time, so that a short run meets everything, too; in seconds of a run of 30 minutes: 180, 240, 420.
KILL_EVERY = 0.1          # the orchestrator, by SIGKILL
RESTART_EVERY = 0.13      # the broker, by SIGKILL: its retained messages are gone
SLOW_EVERY = 0.23         # the orchestrator's disk
SLOW_FOR = 0.02
SLOW_FLUSH_MS = 50
NEW_IMAGE_EVERY = 0.1
TROUBLE_UNTIL = 0.88      # then it must come to rest
NEW_IMAGE_UNTIL = 0.85
FLAP = 4                  # broken connections a node and hour
CHECK_PATIENCE = 1800.0   # for the rows beside a journal of millions of events
PATIENCE = 600.0          # for what is under way when the time is over
WINDOW_LEAD = 3           # seconds: a single window begins in the future
WINDOW_MIN = 240          # seconds: a node that has not switched yet counts with two minutes for it
GROWTH_MAX = 1.1          # the highest of the last third, by the highest of the middle one
GROWTH_SPARE = 16 * MIB

ABOUT = f"""Broker, orchestrator and abide-node-fleet on loopback. While nodes' connections break ({FLAP} a node and hour), a new image comes
every tenth of the time, with a window for all; the orchestrator is killed as often, the broker nearly as often, and the
orchestrator's disk is slow for a while ({SLOW_FLUSH_MS} ms more each flush). In the last eighth nothing breaks any more, and it waits until
every run has ended and all of every journal is acknowledged.

Fails where a journal or an event is lost, a run has no end, the stores do not agree with themselves, or a process needs over {GROWTH_MAX} times
the memory in the last third of the time that it needed in the middle one."""


def arguments():
    parser = argparse.ArgumentParser(prog="tools/soak", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="how long [30]")
    parser.add_argument("--nodes", type=int, default=10_000, metavar="N", help="how many [10000]")
    parser.add_argument("--report", metavar="FILE", help="the report as JSON [stdout]")
    parser.add_argument("--html", metavar="FILE", help="abide-node-fleet's report, as one page with plots")
    parser.add_argument("--state", metavar="DIR", help="keep stores and logs there [a temporary directory]")
    parser.add_argument("--bin", metavar="DIR", default=os.path.join(ROOT, "build", "release", "bin"), help="take the programs from there, and build nothing")
    given = parser.parse_args()
    if not 0.5 <= given.minutes <= 24 * 60:
        parser.error("--minutes is 0.5 to 1440")
    if not 1 <= given.nodes <= 100_000:
        parser.error("--nodes is 1 to 100000")
    given.fleet = True
    given.image_size = 1  # nobody downloads it
    given.download_rate = 0
    given.check_takes = 0
    return given


def resident(pid):
    """Bytes in memory, or None where the process is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None


class Memory:
    """Of each program over time, whichever process it is at the moment."""

    def __init__(self):
        self.samples = {}

    def take(self, at, processes):
        for name, pid in processes.items():
            bytes_now = resident(pid) if pid else None
            if bytes_now:
                self.samples.setdefault(name, []).append((round(at, 1), bytes_now))

    def judge(self, seconds):
        told = {}
        for name, samples in self.samples.items():
            middle = [size for at, size in samples if seconds / 3 <= at < seconds * 2 / 3]
            last = [size for at, size in samples if at >= seconds * 2 / 3]
            most = max(middle, default=0), max(last, default=0)
            told[name] = {"middle_third_max": most[0], "last_third_max": most[1], "flat": 0 < most[1] <= most[0] * GROWTH_MAX + GROWTH_SPARE,
                          "samples": samples[:: max(1, len(samples) // 100)]}
        return told


class Soak:
    def __init__(self, fleet, screen, given):
        self.fleet = fleet
        self.screen = screen
        self.given = given
        self.seconds = given.minutes * 60
        self.report = os.path.join(fleet.directory, "report.json")
        self.slow_path = os.path.join(fleet.directory, "slow-flush")
        self.nodes_log = os.path.join(fleet.directory, "logs", "nodes.log")
        self.nodes = None
        self.began = None
        self.memory = Memory()
        self.done = {"orchestrator killed": 0, "broker killed": 0, "disk slow": 0, "images": 0, "windows": 0}
        self.log = []
        self.region = None
        self.rested = False
        self.window_seconds = max(WINDOW_MIN, round(self.seconds * NEW_IMAGE_EVERY * 0.8))

    # -- what happens ------------------------------------------------------------------------------------------------

    def at(self):
        return time.monotonic() - self.began

    def note(self, what):
        self.done[what] = self.done.get(what, 0) + 1
        self.log.append((round(self.at(), 1), what))
        self.screen.say(f"{self.at():7.1f}  {what}")

    def kill(self, child, what):
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)
            self.note(what)

    def slow(self, milliseconds):
        with open(self.slow_path, "w", encoding="ascii") as file:
            file.write(str(milliseconds))
        if milliseconds:
            self.note("disk slow")

    def new_image(self, number):
        self.fleet.release.publish_newer(number)
        self.note("images")

    def insist(self, method, path, body):
        """Now or later: the orchestrator may be starting again. None: not yet."""
        try:
            return self.fleet.api().call(method, path, body)
        except Unreachable:
            return None

    def window(self):
        start = int(time.time()) + WINDOW_LEAD
        try:
            made = self.insist("POST", "/schedules/single", {"name": f"soak {start}", "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "startSeconds": start,
                                                             "endSeconds": start + self.window_seconds, "targetRegionId": self.region})
        except Refused as refused:  # its begin has passed meanwhile
            self.screen.say(str(refused))
            made = None
        if made is not None:
            self.note("windows")
        return made is not None

    def schedule(self):
        """Every step: (second, what to do). A step that says False is tried again."""
        steps = []

        def every(share, until, step):
            second = share * self.seconds
            while second < until * self.seconds:
                steps.append((second, step))
                second += share * self.seconds
        every(KILL_EVERY, TROUBLE_UNTIL, lambda: self.kill(self.fleet.orchestrator, "orchestrator killed"))
        every(RESTART_EVERY, TROUBLE_UNTIL, lambda: self.kill(self.fleet.broker, "broker killed"))
        slow = SLOW_EVERY
        while slow < TROUBLE_UNTIL:
            steps.append((slow * self.seconds, lambda: self.slow(SLOW_FLUSH_MS)))
            steps.append(((slow + SLOW_FOR) * self.seconds, lambda: self.slow(0)))
            slow += SLOW_EVERY
        number = 1
        second = NEW_IMAGE_EVERY / 2
        while second < NEW_IMAGE_UNTIL:
            # In between kills and, for the later steps of an update, across them.
            steps.append((second * self.seconds, lambda number=number: self.new_image(number)))
            steps.append((second * self.seconds + 0.1, lambda: self.insist("POST", "/refresh", {}) is not None))
            steps.append((second * self.seconds + 0.2, self.window))
            second += NEW_IMAGE_EVERY
            number += 1
        return sorted(steps, key=lambda step: step[0])

    # -- the run -----------------------------------------------------------------------------------------------------

    def start(self):
        fleet = self.fleet
        self.slow_file()
        fleet.orchestrator_environment = {"LD_PRELOAD": os.path.realpath(os.path.join(fleet.bin, "..", "tests", "crash", "libslow_flush.so")),
                                          "ABIDE_SLOW_FLUSH": self.slow_path}
        if not os.path.exists(fleet.orchestrator_environment["LD_PRELOAD"]):
            raise RuntimeError(f"{fleet.orchestrator_environment['LD_PRELOAD']} is not built")
        fleet.start()
        fleet.release.publish("good")
        scenario = os.path.join(fleet.directory, "weather.txt")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(f"at 0s flap {FLAP}\nat {round(self.seconds * TROUBLE_UNTIL)}s flap 0\n")
        command = [fleet.path_of("abide-node-fleet"), "--broker", fleet.broker_url, "--project", PROJECT, "--nodes", str(self.given.nodes), "--seed", str(SEED),
                   "--api", fleet.api_url, "--drive", "--speed", "max", "--rollback-rate", "5%", "--update-failure-rate", "2%", "--reconnect-max", "20s",
                   "--window", f"{self.window_seconds}s", "--journal-keep", "32", "--scenario", scenario,
                   "--for", f"{round(self.seconds + PATIENCE)}s", "--deadline", f"{round(self.seconds + 2 * PATIENCE)}s", "--report", self.report, *(["--html", self.given.html] if self.given.html else [])]
        self.screen.say(" ".join(command))
        with open(self.nodes_log, "wb") as log:
            self.nodes = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent(os.getpid()))

    def slow_file(self):
        with open(self.slow_path, "w", encoding="ascii") as file:
            file.write("0")

    def find_region(self):
        """Once the fleet's operator has linked it: all nodes are registered then, and the weather begins."""
        while self.nodes.poll() is None:
            self.fleet.tend()
            try:
                for region in self.fleet.api().list("/regions", "regions"):
                    if region["name"] == f"node-fleet {SEED}" and region.get("updatePolicy"):
                        self.region = region["resourceId"]
                        return
            except (Unreachable, Refused):
                pass
            time.sleep(1)
        raise RuntimeError(f"abide-node-fleet ended with {self.nodes.returncode}; see {self.nodes_log}")

    def run(self):
        self.start()
        self.find_region()
        self.began = time.monotonic()
        self.screen.say(f"{self.given.nodes} nodes are linked; {self.given.minutes:g} minutes of trouble begin")
        steps = self.schedule()
        sampled = told = looked = -1e9
        quiet = 0
        while self.nodes.poll() is None:
            now = self.at()
            self.fleet.tend()
            if steps and steps[0][0] <= now and steps[0][1]() is not False:
                steps.pop(0)
            if not steps and now >= self.seconds and now - looked >= LOOK_EVERY:
                looked = now
                quiet = quiet + 1 if self.open_runs() == 0 else 0
                if quiet == QUIET_LOOKS:
                    self.rested = True
                    self.nodes.terminate()
            if now - sampled >= SAMPLE_EVERY:
                sampled = now
                self.memory.take(now, {"mosquitto": self.fleet.broker.pid, "abide-orchestrator": self.fleet.orchestrator.pid, "abide-node-fleet": self.nodes.pid})
            if now - told >= TELL_EVERY:
                told = now
                self.screen.say(f"{now:7.1f}  {self.last_line()}")
            time.sleep(TEND_EVERY)

    def last_line(self):
        with open(self.nodes_log, "rb") as log:
            log.seek(max(0, os.path.getsize(self.nodes_log) - 4096))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def verdict(self):
        if not os.path.exists(self.report):
            raise RuntimeError(f"abide-node-fleet ended with {self.nodes.returncode} and without a report; see {self.nodes_log}")
        with open(self.report, encoding="utf-8") as file:
            nodes = json.load(file)
        took = self.at()
        if (open_runs := self.open_runs()) is None:
            raise RuntimeError("the orchestrator does not answer")
        self.fleet.stop_servers()
        _, differences = self.fleet.check_store("abide-orchestrator", os.path.join(self.fleet.directory, "orchestrator"), CHECK_PATIENCE)
        memory = self.memory.judge(min(took, self.seconds))
        told = {"nodes": nodes["nodes"], "minutes": round(took / 60, 1), "updates": sum(nodes["outcomes"].values()), "outcomes": nodes["outcomes"],
                "ending": nodes["ending"], "losses": nodes["losses"], "forks": nodes["forks"], "runs_without_end": open_runs,
                "differences": differences, "trouble": {**self.done, "connections broken": nodes["traffic"]["broken"]}, "memory": memory, "log": self.log}
        wrong = []
        if not self.rested or self.nodes.returncode != 0:
            wrong.append(f"it did not come to rest: abide-node-fleet ended with {self.nodes.returncode}, {nodes['ending']}")
        if nodes["losses"]["all"]:
            wrong.append(f"{nodes['losses']['all']} events are lost: {nodes['losses']}")
        if open_runs:
            wrong.append(f"{open_runs} runs have no end")
        if differences:
            wrong.append(f"the orchestrator's store has {differences} differences")
        wrong += [f"{what}: not once" for what, count in self.done.items() if not count]
        wrong += [f"{name} grew: {one['middle_third_max'] // MIB} to {one['last_third_max'] // MIB} MiB" for name, one in memory.items() if not one["flat"]]
        told["wrong"] = wrong
        text = json.dumps(told, indent=2)
        if self.given.report:
            with open(self.given.report, "w", encoding="utf-8") as file:
                file.write(text + "\n")
        else:
            print(text)
        self.screen.say(f"{told['updates']} updates in {told['minutes']} min, losses {nodes['losses']['all']}; " + ", ".join(
            f"{name} {one['middle_third_max'] // MIB} -> {one['last_third_max'] // MIB} MiB" for name, one in memory.items()))
        for one in wrong:
            print(f"tools/soak: {one}", file=sys.stderr)
        return 1 if wrong else 0

    def open_runs(self):
        """None: it does not answer just now."""
        try:
            with urllib.request.urlopen(self.fleet.api_url + "/metrics", timeout=30) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in text.splitlines() if line.startswith("abide_runs_open{"))

    def stop(self):
        if self.nodes and self.nodes.poll() is None:
            self.nodes.kill()
            self.nodes.wait()


def main():
    given = arguments()
    end_on_signals()
    directory = os.path.abspath(given.state) if given.state else tempfile.mkdtemp(prefix="abide-soak-")
    os.makedirs(directory, exist_ok=True)
    screen = Screen(sys.stderr)
    fleet = soak = None
    try:
        fleet = Fleet(ROOT, directory, given, screen)
        soak = Soak(fleet, screen, given)
        soak.run()
        return soak.verdict()
    except KeyboardInterrupt:
        return 130
    except (RuntimeError, OSError, subprocess.SubprocessError, Refused, Unreachable) as wrong:
        print(f"tools/soak: {wrong}", file=sys.stderr)
        if fleet:
            fleet.tell_logs()
        return 1
    finally:
        end_undisturbed()
        if soak:
            soak.stop()
        if fleet:
            fleet.stop()
        if not given.state:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
