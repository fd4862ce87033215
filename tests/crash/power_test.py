"""Cuts the power of the node's machine, or of the orchestrator's, in one update and one rollback: the disk loses what was not
flushed (losing-fs), the process dies, the machine starts again. The end must be as without a cut, and nothing that was
acknowledged may be gone.

  power_test.py --bin DIR cuts [--sample N --seed S] [--jobs N]     at each flush, at changes drawn by lot, at each persist and effect
  power_test.py --bin DIR bites                                     the disk loses what it should; daemons that do not flush are caught

Where: `flush N` is right after the n-th flush of that disk, when all that is not flushed goes; `change N` right before the n-th
write, flush or change of a name, when each block that is not flushed goes by lot; a point of the program (crash_test.py) is
where abide-...-crashing kills itself, and the power goes with it. A run is `warm`, from a node that is known, or `cold`, from
nothing at all but the node's slots.
"""

import collections
import os
import random
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from losing_disk import NOT_HERE, LosingDisk, NoFuse  # noqa: E402
from runs import Runs, arguments, in_a_folder  # noqa: E402
from world import World, Wrong  # noqa: E402

IMAGE_BYTES = 1536 << 10  # more than the agent writes between two flushes of a slot
NEVER = 10**9
ENOUGH = 0.8  # of the cuts that were asked for: how many flushes there are differs a little from run to run
POINTS_MAX = {"persist": 15, "effect": 15}  # fewer than any run of the agent has
CHANGES_DRAWN = 40  # of each victim, and each beginning
VICTIMS = ("agent", "orchestrator")
POINTS = {"agent": ("persist", "effect"), "orchestrator": ("persist",)}
# `at` is "flush", "change", a kind of point, or None; no_flush: files that the victim flushes in word only
Task = collections.namedtuple("Task", "victim cold at number lose no_flush", defaults=(None,))


def run(binaries, template, folder, releases, task):
    """One run, in a process of the pool. What it came to, as plain data."""
    begin = time.monotonic()
    os.makedirs(folder)
    disk = LosingDisk(binaries, os.path.join(folder, "disk"))
    other = os.path.join(folder, "other")
    node, fleet = (disk.mount, other) if task.victim == "agent" else (other, disk.mount)
    points = os.path.join(folder, "points")
    by_itself = task.at in ("persist", "publish", "effect")
    environment = {"ABIDE_CRASH_FOLDER": points, "ABIDE_CRASH_AT": f"{task.at}:{task.number}:after"} if by_itself else {}
    world = World(binaries, folder, releases, task.victim if by_itself else None, environment, (node, fleet))
    world.may_die = task.victim
    world.copied = not task.cold
    if task.no_flush:
        world.always = {task.victim: {"LD_PRELOAD": os.path.join(binaries, "..", "tests", "crash", "libno_flush.so"), "ABIDE_NO_FLUSH": task.no_flush}}
    wrong = None
    counts = {}
    cut = False
    try:
        for path in (points, other):
            os.makedirs(path)
        if task.cold:
            world.make_node()
        else:
            for machine, path in (("node", node), ("orchestrator", fleet)):
                shutil.copytree(os.path.join(template, machine), path, dirs_exist_ok=True)
        disk.tell("keep")
        if task.at in ("flush", "change"):
            disk.tell(f"cut-at {task.at} {task.number} {'after' if task.at == 'flush' else 'before'} {task.lose}")
        else:
            disk.tell(f"cut-at flush {NEVER} after all")  # counts from here

        def on_death(name):
            if name != task.victim:
                return
            if not disk.counts()["cut"]:
                disk.tell(f"cut {task.lose}")
            disk.tell("power")
            if name == "agent":  # the boot loader's turn
                world.unmarked = ["a"]
                releases.tool("reset-node", node + "/boot")
                disk.tell("keep")

        world.on_death = on_death
        world.start()
        if task.cold:
            world.prepare()
        world.play()
        counts = disk.counts()
        cut = bool(world.deaths)
        if world.deaths not in ([], [(task.victim, -9)]):
            raise Wrong(f"these ended: {world.deaths}")
    except Wrong as error:
        cut = bool(world.deaths)
        wrong = f"{error}\n--- agent\n{world.tail('agent')}--- orchestrator\n{world.tail('orchestrator')}"
    finally:
        world.kill()
        disk.stop()
    if wrong is None:
        shutil.rmtree(folder, ignore_errors=True)
    return {"task": task, "wrong": wrong, "cut": cut, "counts": counts, "seconds": time.monotonic() - begin}


# Cut where each has promised something that it then has not flushed: the slot that is armed; what the orchestrator has acknowledged
# to the node's journal; a link that was answered, and a run that has ended.
LIARS = (Task("agent", False, "effect", "arm_once:b", "all", "/boot/slot-"), Task("agent", False, "effect", "arm_once:b", "all", ".log"),
         Task("orchestrator", False, "persist", "RunClosed", "all", ".log"))


def check_disk(binaries, mount):
    """The disk loses what was not flushed, and nothing else."""
    disk = LosingDisk(binaries, mount)
    try:
        def put(name, flags, flush):
            file = os.open(os.path.join(mount, name), os.O_WRONLY | os.O_CREAT | flags, 0o600)
            os.write(file, b"x" * 10_000)
            if flush:
                os.fsync(file)
            os.close(file)

        def flush_names():
            folder = os.open(mount, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)

        def cut():
            disk.tell("cut all")
            try:
                os.listdir(mount)
            except OSError:
                pass
            else:
                raise Wrong("a machine without power has answered")
            disk.tell("power")
            return {name: os.path.getsize(os.path.join(mount, name)) for name in os.listdir(mount)}

        def expect(what, found, wanted):
            if found != wanted:
                raise Wrong(f"losing-fs, {what}: {found} in place of {wanted}")
            print(f"losing-fs: {what}")

        put("name-only", 0, False)
        flush_names()
        put("bytes-only", 0, True)
        put("lost", 0, False)
        expect("a file has what it and its folder were flushed for", cut(), {"name-only": 0})
        put("both", 0, True)
        put("synced", os.O_SYNC, False)
        put("dsynced", os.O_DSYNC, False)
        flush_names()
        os.rename(os.path.join(mount, "both"), os.path.join(mount, "renamed"))
        os.unlink(os.path.join(mount, "synced"))
        expect("O_SYNC and O_DSYNC flush; a new name, or none, does not last unflushed", cut(),
               {"name-only": 0, "both": 10_000, "synced": 10_000, "dsynced": 10_000})
        os.truncate(os.path.join(mount, "both"), 100)
        put("both", os.O_APPEND, False)
        expect("a length lasts no longer than the bytes", cut()["both"], 10_000)
        os.rename(os.path.join(mount, "both"), os.path.join(mount, "renamed"))
        flush_names()
        expect("a new name lasts once its folder is flushed", sorted(cut()), ["dsynced", "name-only", "renamed", "synced"])
        caller = subprocess.Popen([sys.executable, "-c", "import os, sys\nfile = os.open(sys.argv[1], os.O_RDWR)\nfor _ in range(9):\n"
                                   "    os.pwrite(file, b'y', 0)\n    os.fsync(file)", os.path.join(mount, "renamed")])
        disk.tell("cut-at flush 3 before all")
        expect("whose call the cut meets dies of it", (caller.wait(20), disk.counts()["cut"]), (-9, 1))
    finally:
        disk.stop()


def describe(task):
    how = f"{task.victim} {'cold' if task.cold else 'warm'}"
    where = f", cut at {task.at} {task.number} {task.lose}" if task.at else ", no cut"
    return how + where + (f", not flushing {task.no_flush}" if task.no_flush else "")


class Test(Runs):
    def __init__(self, given, folder):
        super().__init__(given, folder, IMAGE_BYTES, run)
        self.failures = 0

    def failed(self, done):
        self.failures += 1
        print(f"FAILED {describe(done['task'])}{'' if done['cut'] else ' (which did not come)'}: {done['wrong']}", flush=True)

    # -- bites -----------------------------------------------------------------------------------------------------------

    def bites(self):
        """That the disk loses, and that a daemon is caught which does not flush: with the same cuts, one that flushes is not."""
        check_disk(self.given.bin, os.path.join(self.folder, "checked"))
        self.prepare()
        tasks = [task._replace(no_flush=no_flush) for task in LIARS for no_flush in (None, task.no_flush)]
        for done in self.do(tasks):
            task = done["task"]
            if not done["cut"]:
                self.failures += 1
                print(f"FAILED {describe(task)}: was not cut: {done['wrong']}")
            elif task.no_flush is None and done["wrong"]:
                self.failed(done)
            elif task.no_flush and not done["wrong"]:
                self.failures += 1
                print(f"FAILED {describe(task)}: nothing was noticed")
            else:
                print(f"{describe(task)}: " + ("caught: " + done["wrong"].splitlines()[0][:200] if task.no_flush else "right"), flush=True)
        return 1 if self.failures else 0

    # -- cuts ------------------------------------------------------------------------------------------------------------

    def cuts(self):
        self.prepare()
        counted = {}
        for done in self.do([Task(victim, cold, None, 0, "all") for victim in VICTIMS for cold in (False, True)]):
            if done["wrong"]:
                self.failed(done)
            counted[done["task"].victim, done["task"].cold] = done["counts"]
        if self.failures:
            return 1
        for (victim, cold), counts in sorted(counted.items()):
            print(f"{victim} {'cold' if cold else 'warm'}: {counts['flush']} flushes, {counts['change']} changes", flush=True)
        tasks = self.tasks(counted)
        if self.given.sample:
            tasks = random.Random(self.given.seed).sample(tasks, self.given.sample)
        hit = collections.Counter()
        missed = collections.Counter()
        for done in self.do(tasks):
            if done["wrong"]:
                self.failed(done)
            task = done["task"]
            (hit if done["cut"] else missed)[task.victim, "cold" if task.cold else "warm", task.at] += 1
        print(f"{'victim':13} {'begins':6} {'cut at':8} {'cuts':>5} {'beyond the end':>15}")
        for key in sorted(hit | missed):
            print(f"{key[0]:13} {key[1]:6} {key[2]:8} {hit[key]:5} {missed[key]:15}")
        print(f"{hit.total()} power cuts, {self.runs} runs of {self.run_seconds / self.runs:.1f} s; {self.failures} ended wrong")
        return 1 if self.failures or hit.total() < len(tasks) * ENOUGH else 0

    def tasks(self, counted):
        draw = random.Random(self.given.seed)
        tasks = []
        for (victim, cold), counts in sorted(counted.items()):
            tasks += [Task(victim, cold, "flush", number, "all") for number in range(1, counts["flush"] + 1)]
            tasks += [Task(victim, cold, "change", draw.randint(1, counts["change"]), f"torn:{draw.randint(1, NEVER)}") for _ in range(CHANGES_DRAWN)]
        for victim, kinds in POINTS.items():
            tasks += [Task(victim, False, kind, number, "all") for kind in kinds for number in range(1, POINTS_MAX[kind] + 1)]
        return tasks


def main():
    parser = arguments(__doc__)
    parser.add_argument("what", choices=("cuts", "bites"))
    given = parser.parse_args()

    def work(folder):
        try:
            LosingDisk(given.bin, os.path.join(folder, "probe")).stop()
        except NoFuse as why:
            print(f"SKIPPED: this machine has no FUSE, so nothing was tested: {why}")
            return NOT_HERE
        test = Test(given, folder)
        try:
            return getattr(test, given.what)()
        finally:
            test.stop()

    return in_a_folder(given, "abide-power-", work)


if __name__ == "__main__":
    sys.exit(main())
