"""tools/bench: its medians, its exit codes, its words. The programs behind it are stood in for by scripts; --small runs the real ones."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "benches"))
import bus  # noqa: E402
import stack  # noqa: E402
import fleet  # noqa: E402  of tools/demonstration, which stack has added
import supervisor  # noqa: E402

REAL_BIN = os.environ.get("ABIDE_BIN", "")
PROGRAMS = ("bench-windows", "bench-api-hosts", "bench-ingest", "bench-history", "bus.py", "simulator.py")
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

    def test_a_row_without_a_goal_misses_none(self):
        self.program("simulator.py", [{"name": "speed", "value": 9.0, "baseline": None, "ratio": None, "goal": None, "met": True, "at_least": True}])
        done = bench("--bin", self.bin, "simulator")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^speed +9 +- +- +- +yes$")

    def test_what_must_never_be_is_not_lost_in_a_median(self):
        self.program("bus.py", *([{"name": "lost", "value": value, "baseline": None, "ratio": None, "goal": 0, "met": value == 0}] for value in (0, 3, 0)))
        done = bench("--bin", self.bin, "--json", "update")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual([(row["value"], row["met"]) for row in json.loads(done.stdout)], [(3, False)])

    def test_asks_for_other_sizes(self):
        for argument, asked in (("--full", "--only start --nodes 100000 --events 10000000"), ("--small", "--only start --nodes 20 --events 1000 --rounds 1")):
            self.assertEqual(bench("--bin", self.bin, argument, "start").returncode, 0)
            self.assertEqual(pathlib.Path(self.bin, "bench-history.asked").read_text(encoding="utf-8"), asked + " --json --no-limits\n")

    def test_shows_how_rows_grow_with_the_nodes(self):
        self.program("bench-windows", *([{"name": "tick", "value": value, "baseline": None, "ratio": None, "goal": 2, "met": True}] for value in (1.0, 2.0, 30.0)))
        done = bench("--bin", self.bin, "--growth", "windows")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^ +1,000 +ratio +10,000 +ratio +100,000 +ratio$")
        self.assertRegex(done.stdout, r"(?m)^tick +1 +- +2 +- +30 +-$")
        self.assertEqual(pathlib.Path(self.bin, "bench-windows.asked").read_text(encoding="utf-8"), "--nodes 100000 --json --no-limits\n")
        rows = json.loads(bench("--bin", self.bin, "--growth", "--json", "windows").stdout)
        self.assertEqual([row["nodes"] for row in rows], [1_000, 10_000, 100_000])

    def test_refuses_what_it_does_not_know_before_anything_is_built(self):
        for arguments in (("speed",), ("--runs", "0"), ("--runs", "x"), ("--small", "--full"), ("--fast",)):
            self.assertEqual(bench(*arguments).returncode, 2, arguments)
        self.assertIn("there are ingest,", bench("speed").stderr)
        helped = bench("--help")
        self.assertEqual(helped.returncode, 0)
        self.assertIn("Exit codes: 0 every goal is met; 1 one is missed; 2 wrong usage;", helped.stdout)
        listed = bench("--list")
        self.assertEqual((listed.returncode, len(listed.stdout.splitlines())), (0, 12))


@unittest.skipUnless(REAL_BIN, "ABIDE_BIN is not set")
class Small(unittest.TestCase):
    def test_every_row_is_measured(self):
        done = bench("--bin", REAL_BIN, "--small", "--json")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual({frozenset(row) for row in rows}, {frozenset(FIELDS)})
        names = [row["name"] for row in rows]
        for name in ("durable ingest", "event to durable at 200 events/s, p99", "next windows", "API under", "replay", "start", "journal on disk", "window-opened",
                     "update of all", "bytes of a node", "events lost", "reconnect", "messages of a node", "fleet simulator"):
            self.assertTrue(any(one.startswith(name) for one in names), (name, names))
        self.assertTrue(all((row["value"] > 0 or row["goal"] == 0) and row["baseline"] != 0 for row in rows), rows)
        by_name = {row["name"]: row for row in rows}
        self.assertEqual((by_name["events lost"]["value"], by_name["events lost"]["met"]), (0, True))
        self.assertLess(by_name["bytes of a node on the bus; of its payloads"]["ratio"], 2)


@unittest.skipUnless(REAL_BIN, "ABIDE_BIN is not set")
class Bus(unittest.TestCase):
    """The bare clients against a real broker, and what is said where there is none."""

    def bare(self, *words):
        process = subprocess.Popen([pathlib.Path(REAL_BIN, "bench-bare"), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def stop():
            process.kill()
            process.communicate()

        self.addCleanup(stop)
        return process

    def broker(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        port = fleet.free_port()
        source = (ROOT / "broker-config" / "mosquitto-sandbox.conf").read_text(encoding="utf-8").replace("@PORT@", str(port))
        config = pathlib.Path(directory.name, "mosquitto.conf")
        config.write_text(source + ("\nuser root\n" if os.geteuid() == 0 else ""), encoding="utf-8")
        child = supervisor.Child("broker", [fleet.program("mosquitto"), "-c", str(config)], config.with_suffix(".log"))

        def start():
            child.start()
            while True:
                try:
                    return socket.create_connection(("127.0.0.1", port), 1).close()
                except OSError:
                    self.assertIsNone(child.process.poll())

        def stop():
            child.process.terminate()
            child.process.wait()

        start()
        self.addCleanup(stop)
        return port, directory.name, lambda: (stop(), start())

    def test_what_was_watched_is_published_again_the_same(self):
        port, directory, _ = self.broker()
        first, second = os.path.join(directory, "first"), os.path.join(directory, "second")
        messages = {f"abide/v1/p/to/n{number}/window-opened": bytes([number]) * number * 50 for number in range(1, 8)}
        pathlib.Path(first).write_bytes(b"".join(len(topic).to_bytes(2, "big") + topic.encode() + len(payload).to_bytes(4, "big") + payload
                                                for topic, payload in messages.items()))
        watch = self.bare("watch", port, "abide/v1/+/to/+/window-opened", len(messages), second)
        self.assertEqual(watch.stdout.readline(), "ready\n")
        publish = self.bare("publish", port, 2, first)
        said = [json.loads(process.communicate(timeout=60)[0].splitlines()[-1]) for process in (publish, watch)]
        self.assertEqual((publish.returncode, watch.returncode), (0, 0))
        self.assertEqual([one["messages"] for one in said], [len(messages)] * 2)
        self.assertLess(said[0]["began_s"], said[1]["last_s"])
        self.assertEqual(pathlib.Path(first).read_bytes(), pathlib.Path(second).read_bytes())
        self.assertEqual(bus.messages_of(second), [(topic, len(payload)) for topic, payload in messages.items()])

    def test_bare_clients_come_back_after_a_restart(self):
        port, _, restart = self.broker()
        clients = self.bare("reconnect", port, 30, 200)
        self.assertEqual(clients.stdout.readline(), "ready\n")
        restart()
        told = json.loads(clients.communicate(timeout=60)[0])
        self.assertEqual((clients.returncode, told["clients"]), (0, 30))
        self.assertLess(0, told["lost_s"])
        self.assertLessEqual(told["lost_s"], told["first_s"])
        self.assertLessEqual(told["first_s"], told["last_s"])

    def test_says_what_is_wrong(self):
        nobody = fleet.free_port()
        for words, code, text in ((("publish", nobody, 10, __file__), 4, "no connection"), (("publish", nobody, 0, __file__), 2, "0 is not within 1"),
                                  (("publish", "x", 1, __file__), 2, "x is not within"), (("watch", 1), 2, "bench-bare watch PORT"),
                                  (("publish", nobody, 10, "/nowhere"), 4, "/nowhere")):
            process = self.bare(*words)
            _, said = process.communicate(timeout=60)
            self.assertEqual(process.returncode, code, words)
            self.assertIn(text, said)
        with tempfile.TemporaryDirectory() as empty:
            for program in ("bus.py --only opened", "simulator.py"):
                script, *words = program.split()
                done = subprocess.run([sys.executable, ROOT / "tools" / "benches" / script, "--bin", empty, *words], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn(empty, done.stderr)

    def test_a_row_is_judged_by_its_ratio_or_its_value(self):
        for given, met in (((1, 2, 0.4), False), ((1, 2, 0.5), True), ((3, None, 2), False), ((0, None, 0), True), ((3, None, None), True)):
            self.assertEqual(stack.row("a", *given)["met"], met, given)
        self.assertTrue(stack.row("a", 9, 10, 0.9, at_least=True)["met"])
        self.assertFalse(stack.row("a", 8, 10, 0.9, at_least=True)["met"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
