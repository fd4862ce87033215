"""What tools/demo shows, once everything is built."""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile

from fleet import Fleet
from interrupts import end_on_signals, end_undisturbed
from load import Load
from screen import Screen
from story import Story

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))

NODES_MAX = 200
FLEET_NODES_MAX = 100_000
FLEET_IMAGE_SIZE = 1  # nobody downloads it

ABOUT = """Starts a broker, a release service, an orchestrator and agents on loopback, and shows a fleet that takes a good image
and one node that rolls back a bad one. Everything is real but the reboot: an agent replaces its own process.

With --fleet one program, abide-node-fleet, plays all the nodes: thousands of them, real but for the machines under them, through one
update. A report with plots is written into the state directory, and stays when that is a temporary one.

Without --once it stays up until Ctrl-C. With --once it ends after the story; the last line of stdout is one JSON object of
counts, taken from the API, from the agents' journals and from the slots' bytes. Exit code 1 if these disagree, or
anything is lost."""


def arguments():
    parser = argparse.ArgumentParser(prog="tools/demo", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=5, metavar="N", help="how many agents [5]")
    parser.add_argument("--fleet", action="store_true", help=f"abide-node-fleet in place of agent processes; --nodes up to {FLEET_NODES_MAX}")
    parser.add_argument("--once", action="store_true", help="end after the story, with one line of JSON")
    parser.add_argument("--state", metavar="DIR", help="keep stores, slots and logs there, and go on from there [a temporary directory]")
    parser.add_argument("--bin", metavar="DIR", default=os.path.join(ROOT, "build", "release", "bin"),
                        help="take the programs from there, and build nothing")
    parser.add_argument("--image-size", type=int, default=64, metavar="MIB", help="size of each image [64]")
    parser.add_argument("--download-rate", type=int, default=20, metavar="MIB",
                        help="MiB/s a download, so that there is something to see; 0: as fast as it goes [20]")
    parser.add_argument("--check-takes", type=float, default=0.5, metavar="SECONDS", help="time that a health check takes [0.5]")
    parser.add_argument("--deadline", type=float, default=300, metavar="SECONDS", help="give up an act of the story after that [300]")
    parser.add_argument("--agent-env", action="append", default=[], metavar="NAME=VALUE", help="environment of the agents; repeatable")
    given = parser.parse_args()
    most = FLEET_NODES_MAX if given.fleet else NODES_MAX
    if not 1 <= given.nodes <= most:
        parser.error(f"--nodes is 1 to {most}" + ("" if given.fleet else ", or more with --fleet"))
    if given.fleet:
        given.image_size = FLEET_IMAGE_SIZE
    if not 0 <= given.check_takes <= 3:
        parser.error("--check-takes is 0 to 3")
    if given.image_size < 1:
        parser.error("--image-size is at least 1")
    for one in given.agent_env:
        if "=" not in one:
            parser.error(f"--agent-env {one}: not NAME=VALUE")
    return given


def remove_but(left, directory):
    """All that lies in the directory but these files, and the directory, too, if none of them is there."""
    with contextlib.suppress(OSError):  # as much as can be removed
        for entry in os.scandir(directory):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.path not in left:
                os.unlink(entry.path)
        if not os.listdir(directory):
            os.rmdir(directory)


def main():
    given = arguments()
    end_on_signals()
    kept = given.state is not None
    directory = os.path.abspath(given.state) if kept else tempfile.mkdtemp(prefix="abide-demo-")
    os.makedirs(directory, exist_ok=True)
    screen = Screen(sys.stdout)
    fleet = None
    story = None
    try:
        fleet = Fleet(ROOT, directory, given, screen)
        story = Load(fleet, screen, given) if given.fleet else Story(fleet, screen, given)
        story.run()
        if given.once:
            return story.verdict()
        story.stay()
        return 0
    except KeyboardInterrupt:
        screen.say("stopping")
        return 130
    except (RuntimeError, OSError) as wrong:
        screen.end()
        print(f"tools/demo: {wrong}", file=sys.stderr)
        if fleet:
            fleet.tell_logs()
        return 1
    finally:
        end_undisturbed()
        screen.end()
        if given.fleet and story:
            story.stop()
        if fleet:
            fleet.stop()
        if not kept:
            remove_but(story.leaves if given.fleet and story else (), directory)


if __name__ == "__main__":
    sys.exit(main())
