"""Kills the agent and the orchestrator at each persist, publish and effect of one update and one rollback, before it and after
it; starts the program that died again as it ships; and wants the same end as without a kill.

  crash_test.py --bin DIR [--sample N --seed S] [--jobs N]

Runs without a kill count the points first: abide-agent-crashing and abide-orchestrator-crashing list them as they pass them.
How much of what the two say and write falls together depends on the moment, so the number of points differs a little from run
to run. A point counts as hit when the program's own list says that it died there. One that was not hit is tried again, and
excused only where each of `TRIES` runs had fewer points of its kind; a run that has the point and lives is a failure. Whatever was
persisted, published or done in the runs without a kill, and is not among the points that were hit, is then hit by its name.
"""

import collections
import os
import random
import shutil
import sys
import time

sys.dont_write_bytecode = True
from runs import Runs, arguments, in_a_folder  # noqa: E402
from world import World, Wrong  # noqa: E402

IMAGE_BYTES = 256 << 10
TRIES = 4
COUNT_RUNS = 2
ENOUGH = 0.8  # of the points that the longest run had
MOMENTS = ("before", "after")
KINDS = {"agent": ("persist", "publish", "effect"), "orchestrator": ("persist", "publish")}
Task = collections.namedtuple("Task", "program kind number moment")  # a run without a kill has the kind None; in place of a number: a name


def read_points(folder):
    """(kind, number, moment, what) a line, as the program passed them."""
    try:
        with open(os.path.join(folder, "points"), encoding="utf-8") as file:
            return [(kind, int(number), moment, what) for kind, number, moment, what in (line.rstrip("\n").split(" ", 3) for line in file)]
    except FileNotFoundError:
        return []


def run(binaries, template, folder, releases, task):
    """One run on a copy of the template, in a process of the pool. What it came to, as plain data."""
    begin = time.monotonic()
    points = os.path.join(folder, "points")
    os.makedirs(points)
    for machine in ("node", "orchestrator"):
        shutil.copytree(os.path.join(template, machine), os.path.join(folder, machine))
    environment = {"ABIDE_CRASH_FOLDER": points}
    if task.kind is not None:
        environment["ABIDE_CRASH_AT"] = f"{task.kind}:{task.number}:{task.moment}"
    world = World(binaries, folder, releases, task.program, environment)
    world.copied = True
    wrong = None
    try:
        world.start()
        world.play()
        wanted = [(task.program, -9)] if any(point[2].startswith("died") for point in read_points(points)) else []
        if world.deaths != wanted:
            raise Wrong(f"these ended: {world.deaths}, and these should have: {wanted}")
    except Wrong as error:
        wrong = f"{error}\n--- agent\n{world.tail('agent')}--- orchestrator\n{world.tail('orchestrator')}"
    finally:
        world.kill()
    passed = read_points(points)
    died = next((what for _, _, moment, what in passed if moment == f"died-{task.moment}"), None)
    if wrong is None:
        shutil.rmtree(folder, ignore_errors=True)
    if wrong is None and died is None and any(
            kind == task.kind and (number == task.number or task.number in names_of(what)) for kind, number, _, what in passed):
        wrong = "came to this point and did not die"
    return {"task": task, "wrong": wrong, "died": died, "points": passed if task.kind is None else None, "seconds": time.monotonic() - begin}


def names_of(what):
    """Of a point: a persist has several events."""
    return set(what.split(","))


class Test(Runs):
    def __init__(self, given, folder):
        super().__init__(given, folder, IMAGE_BYTES, run)
        self.failures = []
        self.died = {}  # Task: what the point was

    def do(self, tasks):
        for done in super().do(tasks):
            if done["wrong"]:
                self.failures.append(done["task"])
                print(f"FAILED {describe(done['task'])}, at {done['died'] or 'no point'}: {done['wrong']}", flush=True)
            yield done

    def count(self):
        """{(program, kind): the points of each run, by what they were}."""
        listed = collections.defaultdict(list)
        for done in self.do([Task(program, None, 0, None) for program in KINDS for _ in range(COUNT_RUNS)]):
            for kind in KINDS[done["task"].program]:
                listed[done["task"].program, kind].append([what for point, _, _, what in done["points"] if point == kind])
        return listed

    def hit(self, tasks):
        left = list(tasks)
        for _ in range(TRIES):
            missed = []
            for done in self.do(left):
                if done["died"] is not None:
                    self.died[done["task"]] = done["died"]
                elif not done["wrong"]:
                    missed.append(done["task"])
            left = missed
        return left

    def play(self):
        self.prepare()
        listed = self.count()
        if self.failures:
            return 1
        print("points of one update and one rollback: " + ", ".join(f"{program} {kind} {'/'.join(str(len(points)) for points in runs)}"
                                                                   for (program, kind), runs in sorted(listed.items())), flush=True)
        tasks = [Task(program, kind, number, moment) for (program, kind), runs in listed.items() for number in range(1, max(map(len, runs)) + 1)
                 for moment in MOMENTS]
        if self.given.sample:
            tasks = self.sample([task for task in tasks if task.number <= min(map(len, listed[task.program, task.kind]))])
        excused = self.hit(tasks)
        if not self.given.sample:
            self.hit(self.unmet(listed))
        self.print_table()
        for task in excused:
            print(f"not hit: {describe(task)}; each of {TRIES} runs had fewer points of its kind")
        unmet = [] if self.given.sample else self.unmet(listed)
        for task in unmet:
            print(f"FAILED nothing died {task.moment} {task.program} {task.kind} {task.number}")
        print(f"{len(self.died)} kills, {self.runs} runs of {self.run_seconds / self.runs:.1f} s; {len(self.failures)} ended wrong, "
              f"{len(excused)} points were in no run, {len(unmet)} names were not met")
        return 1 if self.failures or unmet or len(self.died) < len(tasks) * ENOUGH else 0

    def unmet(self, listed):
        """What there was in the runs without a kill, and at which nothing has died."""
        met = collections.defaultdict(set)
        for task, what in self.died.items():
            met[task.program, task.kind, task.moment] |= names_of(what)
        return [Task(program, kind, name, moment) for (program, kind), runs in sorted(listed.items()) for moment in MOMENTS
                for name in sorted(set().union(*(names_of(what) for points in runs for what in points)) - met[program, kind, moment])]

    def sample(self, tasks):
        """Some of each program, kind and moment: all of those come round as the seed changes."""
        draw = random.Random(self.given.seed)
        groups = collections.defaultdict(list)
        for task in tasks:
            groups[task.program, task.kind, task.moment].append(task)
        for group in groups.values():
            draw.shuffle(group)
        chosen = []
        while len(chosen) < min(self.given.sample, len(tasks)):
            for group in groups.values():
                if group and len(chosen) < self.given.sample:
                    chosen.append(group.pop())
        return chosen

    def print_table(self):
        print(f"{'program':13} {'point':12} {'killed':16} what")
        rows = collections.defaultdict(dict)
        for task, what in self.died.items():
            rows[task.program, task.kind, task.number][task.moment] = what
        for (name, kind, number), moments in sorted(rows.items(), key=lambda row: (row[0][:2], str(row[0][2]).zfill(3))):
            whats = sorted(set(moments.values()))
            number = f"{number:3}" if isinstance(number, int) else "  -"
            print(f"{name:13} {kind:8} {number} {' '.join(moment for moment in MOMENTS if moment in moments):16} {' | '.join(whats)}")


def describe(task):
    return f"{task.program} without a kill" if task.kind is None else f"{task.program} killed {task.moment} {task.kind} {task.number}"


def main():
    given = arguments(__doc__).parse_args()

    def work(folder):
        test = Test(given, folder)
        try:
            return test.play()
        finally:
            test.stop()

    return in_a_folder(given, "abide-crash-", work)


if __name__ == "__main__":
    sys.exit(main())
