"""fleet_sim_processes_test.py ABIDE-FLEET-SIM: what one process does with a seed, another does as well."""
import json
import os
import subprocess
import sys

ONE = ["--seed", "21", "--nodes", "4", "--hours", "24", "--faults", "all"]
SEVERAL = ["--seeds", "21..26", "--nodes", "1..4", "--hours", "12"]


def run(program, words, **environment):
    done = subprocess.run([program, *words, "--output", "json", "--shrink-runs", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False, env={**os.environ, **environment})
    if done.returncode not in (0, 1):
        sys.exit(f"{words}: exit code {done.returncode}")
    figures = json.loads(done.stdout)
    for name in ("wall_ms", "jobs", "node_updates_per_second_and_core"):  # what differs from run to run
        del figures[name]
    return figures


def main():
    program = sys.argv[1]
    wrong = []

    def same(what, one, other):
        if one != other:
            wrong.append(what)
            print(f"{what}:\n  {one}\n  {other}")

    first = run(program, ONE)
    assert len(first["hash"]) == 64, first
    same("one seed in two processes", first, run(program, ONE, TZ="Asia/Kolkata", LC_ALL="C", MALLOC_PERTURB_="85"))
    on_one = run(program, [*SEVERAL, "--jobs", "1"])
    assert len(on_one["hash"]) == 64, on_one
    same("several seeds on one thread and on three", on_one, run(program, [*SEVERAL, "--jobs", "3"]))
    if first["hash"] == on_one["hash"]:
        wrong.append("different runs have one hash")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
