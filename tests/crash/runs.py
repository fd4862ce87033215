"""Many runs at once, each in a process of a pool and on a copy of one prepared state."""

import argparse
import concurrent.futures
import multiprocessing
import os
import shutil
import tempfile
import time

from world import Releases, World, scratch_folder


class Runs:
    """What both tests of this folder are made of. `one_run(binaries, template, folder, releases, task)` runs in the pool and gives
    a dict of plain data with "task", "wrong" (None, or what was) and "seconds"."""

    def __init__(self, given, folder, image_bytes, one_run):
        self.given = given
        self.folder = folder
        self.one_run = one_run
        self.releases = Releases(given.bin, os.path.join(folder, "release"), image_bytes)
        self.template = os.path.join(folder, "template")
        self.pool = concurrent.futures.ProcessPoolExecutor(given.jobs, multiprocessing.get_context("fork"))
        self.runs = 0
        self.run_seconds = 0.0

    def prepare(self):
        world = World(self.given.bin, self.template, self.releases)
        os.makedirs(world.node_disk)
        world.make_node()
        world.start()
        try:
            world.prepare()
            world.stop()
        finally:
            world.kill()

    def do(self, tasks):
        futures = []
        for task in tasks:
            self.runs += 1
            futures.append(self.pool.submit(self.one_run, self.given.bin, self.template, os.path.join(self.folder, f"run-{self.runs}"), self.releases, task))
        for future in concurrent.futures.as_completed(futures):
            done = future.result()
            self.run_seconds += done["seconds"]
            yield done

    def stop(self):
        self.pool.shutdown(cancel_futures=True)
        self.releases.stop()


def arguments(text):
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--sample", type=int, default=0, help="only so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4 * (os.cpu_count() or 1))
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    return parser


def in_a_folder(given, prefix, work):
    """`work(folder)`, and the time that it took; the folder goes afterwards."""
    folder = tempfile.mkdtemp(prefix=prefix, dir=scratch_folder())
    begin = time.monotonic()
    try:
        return work(folder)
    finally:
        print(f"{time.monotonic() - begin:.0f} s" + (f", kept: {folder}" if given.keep else ""))
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
