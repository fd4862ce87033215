"""tools/bench: its medians, its exit codes, its words. The programs behind it are stood in for by scripts; --small runs the real ones."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REAL_BIN = os.environ.get("ABIDE_BIN", "")
PROGRAMS = ("bench-windows", "bench-api-hosts", "bench-ingest", "bench-history")
FIELDS = {"name", "value", "baseline", "ratio", "goal", "met"}


def bench(*arguments):
    return subprocess.run([ROOT / "tools" / "bench", *arguments], capture_output=True, text=True, timeout=600, check=False)


class Table(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.bin = directory.name
        for program in PROGRAMS:
            self.program(program, [{"name": program, "value": 1.0, "baseline": None, "ratio": None, "goal": 2, "met": True}])

    def program(self, name, *runs, code=0):
        """A program that prints other rows with each run."""
        path = pathlib.Path(self.bin, name)
        for number, rows in enumerate(runs):
            pathlib.Path(self.bin, f"{name}.{number}").write_text(json.dumps(rows), encoding="utf-8")
        path.write_text(f'#!/bin/sh\nn=$(ls "$0".ran* 2>/dev/null | wc -l)\ntouch "$0".ran$n\necho "$@" >"$0".asked\ncat "$0".$((n % {len(runs)}))\n'
                        f'echo it broke >&2\nexit {code}\n', encoding="utf-8")
        path.chmod(0o755)

    def test_takes_the_median_of_several_runs_and_judges_that(self):
        row = {"name": "rate", "baseline": 100.0, "goal": 0.8, "met": True, "at_least": True}
        self.program("bench-ingest", *([dict(row, value=value, ratio=value / 100)] for value in (10.0, 90.0, 85.0)))
        done = bench("--bin", self.bin, "--json", "ingest")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual([set(one) for one in rows], [FIELDS])
        self.assertEqual((rows[0]["value"], rows[0]["ratio"], rows[0]["met"]), (85.0, 0.85, True))

    def test_says_by_its_exit_code_that_a_goal_is_missed_or_a_bench_failed(self):
        self.program("bench-windows", [{"name": "slow", "value": 3.0, "baseline": None, "ratio": None, "goal": 2, "met": False}])
        missed = bench("--bin", self.bin)
        self.assertEqual(missed.returncode, 1, missed.stderr)
        self.assertRegex(missed.stdout, r"(?m)^slow +3 +- +- +2 +NO$")
        self.assertRegex(missed.stdout, r"(?m)^bench-api-hosts +1 +- +- +2 +yes$")
        self.program("bench-windows", [], code=7)
        failed = bench("--bin", self.bin)
        self.assertEqual(failed.returncode, 4)
        self.assertIn("ended with 7: it broke", failed.stderr)
        self.assertIn("bench-api-hosts", failed.stdout, "the others are shown all the same")

    def test_asks_for_other_sizes(self):
        for argument, asked in (("--full", "--only start --nodes 100000 --events 10000000"), ("--small", "--only start --nodes 20 --events 1000 --rounds 1")):
            self.assertEqual(bench("--bin", self.bin, argument, "start").returncode, 0)
            self.assertEqual(pathlib.Path(self.bin, "bench-history.asked").read_text(encoding="utf-8"), asked + " --json --no-limits\n")

    def test_refuses_what_it_does_not_know_before_anything_is_built(self):
        for arguments in (("speed",), ("--runs", "0"), ("--runs", "x"), ("--small", "--full"), ("--fast",)):
            self.assertEqual(bench(*arguments).returncode, 2, arguments)
        self.assertIn("there are ingest,", bench("speed").stderr)
        helped = bench("--help")
        self.assertEqual(helped.returncode, 0)
        self.assertIn("Exit codes: 0 every goal is met; 1 one is missed; 2 wrong usage;", helped.stdout)
        listed = bench("--list")
        self.assertEqual((listed.returncode, len(listed.stdout.splitlines())), (0, 7))


@unittest.skipUnless(REAL_BIN, "ABIDE_BIN is not set")
class Small(unittest.TestCase):
    def test_every_row_is_measured(self):
        done = bench("--bin", REAL_BIN, "--small", "--json")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual({frozenset(row) for row in rows}, {frozenset(FIELDS)})
        names = [row["name"] for row in rows]
        for name in ("durable ingest", "event to durable at 200 events/s, p99", "next windows", "API under", "replay", "start", "journal on disk"):
            self.assertTrue(any(one.startswith(name) for one in names), (name, names))
        self.assertTrue(all(row["value"] > 0 and row["baseline"] != 0 for row in rows), rows)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
