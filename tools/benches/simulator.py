"""abide-fleet-sim: node-updates per second of one core. There is nothing to set beside it; what it found would be told, and fail this."""
import argparse
import json
import os
import subprocess
import sys

from stack import row

BENCH_FAILED = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="the programs")
    parser.add_argument("--seeds", default="1..30")
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="rows of name, value, baseline, ratio, goal, met")
    parser.add_argument("--no-limits", action="store_true", help="as the other benches have it; there is no goal here")
    options = parser.parse_args()
    command = [os.path.join(options.bin, "abide-fleet-sim"), "--seeds", options.seeds, "--nodes", str(options.nodes), "--shrink-runs", "0", "-o", "json"]
    before = os.times()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        told = json.loads(done.stdout)
        updates = told["node_updates"]
    except (OSError, ValueError, KeyError) as error:
        print(f"bench simulator: {' '.join(command)}: {error}", file=sys.stderr)
        return BENCH_FAILED
    after = os.times()
    # Its CPU time, not the clock: the machine may have other users.
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    if done.returncode != 0 or updates == 0 or cpu_s <= 0:
        print(f"bench simulator: {' '.join(command)} ended with {done.returncode}: {told}", file=sys.stderr)
        return BENCH_FAILED
    print(f"simulator: {told['outcomes']} in {told['virtual_hours']:.0f} hours of their time, {cpu_s:.1f} s of CPU", file=sys.stderr)
    rows = [row("fleet simulator, node-updates a second and core", updates / cpu_s, None, None, at_least=True)]
    print(json.dumps(rows, indent=2) if options.json else f"{rows[0]['name']}: {rows[0]['value']:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
