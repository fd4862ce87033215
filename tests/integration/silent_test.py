#!/usr/bin/env python3
"""A node that falls silent, on real processes: its run is lost, and goes on as the same one when the node is back."""

import sys
import unittest

sys.dont_write_bytecode = True
import backup_test  # noqa: E402
from world import VERSIONS  # noqa: E402


class Silent(backup_test.Case):
    orchestrator_more = ["--lost-after", "2s"]

    def run_of_node(self):
        runs = (self.world.call("GET", "/os-update-runs") or {"osUpdateRuns": []})["osUpdateRuns"]
        return runs[0] if runs else {}

    def test_its_run_is_lost_and_goes_on_when_it_is_back(self):
        self.world.link("good")
        self.until("the update waits for its window", lambda node: node["phase"] == "Staged")
        before = self.run_of_node()
        self.assertNotIn("outcome", before)
        self.assertEqual(self.world.agent.stop(), 0)
        self.world.agent = None
        lost = self.world.wait("the run is lost", lambda: (lambda run: run.get("reason") == "lost" and run)(self.run_of_node()))
        self.assertEqual((lost["resourceId"], lost["outcome"], lost["silent"]), (before["resourceId"], "Failed", True))
        self.assertIn("it goes on when the node speaks again", self.ctl("explain", "host", self.host_id))
        self.open_window()
        self.world.start_agent()
        self.world.wait("the update is done", lambda: self.running() == "b")
        self.until("it is known", lambda node: node["phase"] == "Idle" and node.get("osImageId") == VERSIONS["good"])
        ended = self.world.wait("the run has ended", lambda: (lambda run: run.get("outcome") == "Succeeded" and run)(self.run_of_node()))
        self.assertEqual(ended["resourceId"], before["resourceId"])
        self.assertEqual((len(self.events("RunOpened")), len(self.events("RunReopened"))), (1, 1))


if __name__ == "__main__":
    unittest.main()
