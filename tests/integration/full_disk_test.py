"""The orchestrator's disk fills while a fleet is in the midst of an update: nothing more is acknowledged, and with room all goes on."""

import json
import os
import random
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from api_world import BIN, eventually, free_port  # noqa: E402
from node_fleet_test import Case  # noqa: E402

NODES = 30
DISK_MIB = 512
LEFT_MIB = 4  # when it is nearly full; RocksDB has taken room for its log before
LISTS = 100
LIST_BYTES = 400_000
COMMIT_FAILED = 6
PATIENCE = 150.0


def noise(seed):
    """A list of CVEs that does not compress."""
    draw = random.Random(seed)
    entries = [{"cve_id": "CVE-2026-" + draw.randbytes(400).hex(), "priority": "LOW", "affected_packages": ["demo"]} for _ in range(LIST_BYTES // 900)]
    return json.dumps(entries).encode()


class FullDisk(Case):
    def setUp(self):
        super().setUp()
        self.disk = self.world.path("disk")
        os.mkdir(self.disk)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", self.disk], stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            self.skipTest("no right to mount a small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        self.port = free_port()

    def serve(self, wait=True):
        return self.world.start_orchestrator(self.releases.url, "--listen", f"127.0.0.1:{self.port}", "--ack-after", "200ms", "--spread-per-node", "1ms",
                                             "--releases-poll", "1s", state=os.path.join("disk", "state"), wait=wait)

    def fill(self):
        free = shutil.disk_usage(self.disk).free
        with open(os.path.join(self.disk, "filler"), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free - (LEFT_MIB << 20), 1))

    def test_it_stops_acknowledging_says_why_and_goes_on_when_there_is_room(self):
        orchestrator = self.serve()
        report = self.world.path("report.json")
        fleet = self.world.run("fleet", os.path.join(BIN, "abide-node-fleet"), "--broker", f"mqtt://127.0.0.1:{self.world.broker_port}", "--project", "demo",
                               "--nodes", str(NODES), "--seed", "7", "--api", f"http://127.0.0.1:{self.port}", "--drive", "--speed", "10", "--reconnect-max", "200ms",
                               "--deadline", "2min", "--report", report)

        def instances():
            return orchestrator.api.good("GET", "compute/instances", pageSize=100)["instances"]
        eventually("half of the nodes are in the midst of an update", lambda: sum(one["node"]["phase"] != "Idle" for one in instances()) > NODES // 2)
        self.fill()
        # What is new in the release service is what fills it.
        for number in range(LISTS):
            version = f"0.1.{number}"
            self.releases.publish(version)
            self.releases.files[f"cves/{version}.json"] = noise(number)
        self.assertEqual(orchestrator.wait(PATIENCE), COMMIT_FAILED, self.world.errors(orchestrator))
        last = self.world.errors(orchestrator).strip().splitlines()[-1]
        self.assertIn("disk is full", last)
        # Still full: it does not serve, and says why.
        again = self.serve(wait=False)
        self.assertNotEqual(again.wait(PATIENCE), 0)
        self.assertIn("disk is full", self.world.errors(again))
        self.assertIsNone(fleet.poll())
        os.remove(os.path.join(self.disk, "filler"))
        orchestrator = self.serve()
        self.assertEqual(fleet.wait(PATIENCE), 0, self.world.errors(fleet))
        with open(report, encoding="utf-8") as file:
            told = json.load(file)
        self.assertEqual(told["losses"]["all"], 0, told["losses"])
        self.assertEqual(told["forks"], 0)
        self.assertEqual(told["outcomes"]["Succeeded"], NODES)
        self.assertEqual(self.world.end(orchestrator), 0)
        code, check = self.world.check(os.path.join("disk", "state"))
        self.assertEqual((code, check.get("differences", 0)), (0, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
