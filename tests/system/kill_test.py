"""Kills orchestrator, broker and agents with -9 while tools/demo --once runs, and wants the same closing line each time.

  kill_test.py --bin DIR --slow-boot-state LIB --seed S [--short] [--rounds N]

A round kills each of the three in each phase of the update (with --short: one of the three in each phase). Where a phase is
met, by which node and after how long, is drawn from the seed. The phases are seen in the agents' own logs, which print an event
when it is durable; a kill counts only if the node was still in that phase. What a run of the demo did not offer is
tried again in the next run of the same round; a phase that was not hit after `RUNS_MAX` runs is a failure.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from subprocess import DEVNULL, PIPE, Popen

from demo import EXPECTED, command, counts, processes

VICTIMS = ("agent", "orchestrator", "broker")
PHASES = ("Staging", "Staged", "Switching", "Rebooting", "OnTrial", "Confirming", "RollingBack")
RARE = ("RollingBack", "Confirming")  # met once or a few times in a run: all that is left is done at the first occasion
ENTERS = {"Accepted": "Staging", "ImageStaged": "Staged", "SwitchBegan": "Switching", "RebootOrdered": "Rebooting", "SwitchWithdrawn": "Switching",
          "SwitchCleared": "Staged", "TrialStarted": "OnTrial", "TrialInterrupted": "Staging", "TrialPassed": "Confirming",
          "RollbackBegan": "RollingBack", "Succeeded": "Idle", "Failed": "Idle", "RolledBack": "Idle", "Cancelled": "Idle"}
EVENT = re.compile(r"^\S+ info (\w+) ")
RUNS_MAX = 3
SLOW_MS = 250  # of the preloaded library: each change of boot.json takes twice that
RUN_PATIENCE = 240.0  # the demo gives up an act earlier, and says which
BETWEEN_KILLS = 0.4  # of one victim: it shall have come up again, and not only be killed in its start
LOOK_EVERY = 0.005


class Log:
    """What a node does, by the log of its agent."""

    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.offset = 0
        self.rest = ""
        self.phase = "Idle"
        self.news = False  # a line of an event since it was asked last

    def read(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                block = file.read()
        except FileNotFoundError:
            return
        self.offset += len(block)
        *lines, self.rest = (self.rest + block.decode(errors="replace")).split("\n")
        for line in lines:
            match = EVENT.match(line)
            if match:
                self.phase = ENTERS.get(match.group(1), self.phase)
                self.news = True


class Run:
    """One run of the demo, and the kills in it."""

    def __init__(self, given, wanted, draw, directory):
        self.given = given
        self.wanted = wanted  # (victim, phase) that are still to be hit; shared with the runs before and after
        self.draw = draw
        self.directory = directory
        self.logs = [Log(f"edge-{n}", os.path.join(directory, "logs", f"edge-{n}.log")) for n in range(1, EXPECTED["nodes"] + 1)]
        self.killed_at = {}
        self.kills = []

    def run(self):
        demo = Popen(command(self.given.bin, "--once", "--state", self.directory, "--deadline", "100", "--check-takes", "0.5", "--download-rate", "24",
                             "--agent-env", f"LD_PRELOAD={self.given.slow_boot_state}", "--agent-env", f"ABIDE_SLOW_BOOT_STATE_MS={SLOW_MS}"),
                     stdin=DEVNULL, stdout=open(os.path.join(self.directory, "demo.out"), "w", encoding="utf-8"), stderr=PIPE, text=True)
        until = time.monotonic() + RUN_PATIENCE
        while demo.poll() is None:
            if time.monotonic() > until:
                demo.send_signal(signal.SIGTERM)
                demo.wait()
                break
            self._step()
            time.sleep(LOOK_EVERY)
        errors = demo.stderr.read()
        with open(os.path.join(self.directory, "demo.out"), encoding="utf-8") as file:
            output = file.read()
        told = counts(output)
        if told != EXPECTED or demo.returncode != 0:
            print(output + errors)
            self._print_logs()
            print(f"FAILED: exit code {demo.returncode}, {told} in place of {EXPECTED}")
            return False
        print(f"  {json.dumps(told, separators=(',', ':'))}")
        return True

    def _step(self):
        logs = list(self.logs)
        self.draw.shuffle(logs)
        for log in logs:
            log.read()
            if not log.news:
                continue
            log.news = False
            victims = [victim for victim, phase in sorted(self.wanted) if phase == log.phase]
            if not victims:
                continue
            self.draw.shuffle(victims)
            # An agent's death ends what the node is in; it comes last.
            victims.sort(key=lambda victim: victim == "agent")
            if log.phase not in RARE:
                victims = victims[:1]
            for victim in victims:
                self._kill(victim, log)

    def _kill(self, victim, log):
        phase = log.phase
        name = log.name if victim == "agent" else victim
        wait = self.draw.uniform(0, SLOW_MS / 1000 / 2 if victim == "agent" else SLOW_MS / 1000 / 6)
        if time.monotonic() - self.killed_at.get(name, 0) < BETWEEN_KILLS:
            log.news = True  # once more, if the phase lasts
            return
        time.sleep(wait)
        pid = self._pid(name)
        log.read()
        if log.phase != phase or pid is None:
            return
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        # Written before the kill, but read after it?
        log.read()
        if log.phase != phase:
            print(f"  too late      {victim:12} pid {pid:<7} {log.name} went from {phase} to {log.phase}")
            return
        self.killed_at[name] = time.monotonic()
        self.wanted.discard((victim, phase))
        self.kills.append((phase, victim, pid))
        print(f"  {phase:12}  {victim:12} pid {pid:<7} {log.name}, {wait * 1000:.0f} ms after it was seen", flush=True)

    def _pid(self, name):
        try:
            with open(os.path.join(self.directory, "demo.json"), encoding="utf-8") as file:
                return json.load(file)["processes"].get(name)
        except (OSError, ValueError, KeyError):
            return None

    def _print_logs(self):
        for name in ["orchestrator", "broker"] + [log.name for log in self.logs]:
            try:
                with open(os.path.join(self.directory, "logs", name + ".log"), encoding="utf-8", errors="replace") as file:
                    lines = file.readlines()[-25:]
            except OSError:
                continue
            print(f"--- {name}")
            print("".join(line[:300] + ("" if line.endswith("\n") else "\n") for line in lines), end="")


def one_round(given, seed):
    draw = random.Random(seed)
    if given.short:
        order = list(VICTIMS) * 3
        draw.shuffle(order)
        wanted = set(zip(order, PHASES))
    else:
        wanted = {(victim, phase) for victim in VICTIMS for phase in PHASES}
    total = len(wanted)
    kills = 0
    for number in range(1, RUNS_MAX + 1):
        print(f"seed {seed}, run {number}: {len(wanted)} of {total} still to be hit", flush=True)
        directory = tempfile.mkdtemp(prefix="abide-kill-")
        try:
            run = Run(given, wanted, draw, directory)
            if not run.run():
                return False
            kills += len(run.kills)
        finally:
            for pid in processes(directory):
                os.kill(pid, signal.SIGKILL)
            if given.keep:
                print(f"  kept: {directory}")
            else:
                shutil.rmtree(directory, ignore_errors=True)
        if not wanted:
            print(f"seed {seed}: {kills} kills, every one of {total} pairs of process and phase was hit")
            return True
    print(f"FAILED: not hit in {RUNS_MAX} runs: {sorted(wanted)}")
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--slow-boot-state", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the state directories")
    given = parser.parse_args()
    return 0 if all(one_round(given, seed) for seed in range(given.seed, given.seed + given.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
