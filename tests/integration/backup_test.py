#!/usr/bin/env python3
"""Backups while events flow, restores, and what comes after: on real processes. The world is that of tests/crash, without deaths."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "crash"))

from world import PROJECT, ROOT, UUID, VERSIONS, Releases, World, Wrong, scratch_folder  # noqa: E402

BIN = os.environ.get("ABIDE_BIN", os.path.join(ROOT, "build", "release", "bin"))
OTHER = "00000000-0000-4000-8000-%012d"
QUIET = 3.0  # seconds in which a node that may switch would have


class Case(unittest.TestCase):
    orchestrator_more = []

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="abide-backup-", dir=scratch_folder())
        self.addCleanup(shutil.rmtree, self.folder, True)
        os.makedirs(os.path.join(self.folder, "releases"))
        self.releases = Releases(BIN, os.path.join(self.folder, "releases"), 1 << 20)
        self.addCleanup(self.releases.stop)
        self.world = World(BIN, os.path.join(self.folder, "world"), self.releases)
        self.addCleanup(self.world.kill)
        self.world.orchestrator_more = self.orchestrator_more
        os.makedirs(self.world.node_disk)
        os.makedirs(self.world.orchestrator_disk)
        self.state = self.world.orchestrator_disk + "/state"
        self.backups = os.path.join(self.folder, "backups")
        self.numbers = itertools.count(1)
        self.world.make_node()
        self.world.start()
        for kind in ("good", "bad"):
            found = self.world.wait(f"{kind} is discovered", lambda kind=kind: next(
                (one["resourceId"] for one in (self.world.call("GET", "/compute/os") or {"OperatingSystemResources": []})["OperatingSystemResources"]
                 if one["imageId"] == VERSIONS[kind]), None))
            self.world.ask("POST", "/os-update-policies", {"name": kind, "updatePolicy": "UPDATE_POLICY_TARGET", "targetOsId": found})
        self.host_id = self.world.wait("the node is heard of", lambda: self.world._heard_of(self.world.host()))["resourceId"]

    # -- the programs --------------------------------------------------------------------------------------------------------

    def orchestrator(self, *words):
        done = subprocess.run([os.path.join(BIN, "abide-orchestrator"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def back_up(self):
        code, out, err = self.orchestrator("backup", self.backups, "--state", self.state)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def restore(self, *more):
        return self.orchestrator("restore", self.backups, "--state", self.state, *more)

    def ctl(self, *words, code=0):
        done = subprocess.run([os.path.join(BIN, "abidectl"), "--server", f"http://127.0.0.1:{self.world.api_port}", "--project", PROJECT, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done.stdout

    def stop_orchestrator(self):
        self.assertEqual(self.world.orchestrator.stop(), 0)

    def begin_orchestrator(self):
        self.world.start_orchestrator()
        self.world.wait("the orchestrator is ready", self.world.orchestrator.ready)

    # -- the story -------------------------------------------------------------------------------------------------------------

    def node(self):
        host = self.world.host()
        return host["instance"]["node"] if host else {}

    def until(self, what, condition):
        return self.world.wait(what, lambda: (lambda node: condition(node) if node else None)(self.node()))

    def open_window(self):
        self.world.ask("POST", "/schedules/single", {"name": "now", "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "startSeconds": int(time.time()) + 1,
                                                     "targetHostId": self.host_id})

    def unlink(self):
        self.world.linked = None
        host = self.world.wait("the host", self.world.host)
        self.world.ask("PATCH", f"/compute/instances/{host['instance']['resourceId']}", {"osUpdatePolicyID": ""})

    def running(self):
        with open(self.world.node_disk + "/boot/boot.json", encoding="utf-8") as file:
            return json.load(file)["running"]

    def events(self, kind):
        return [event for event in self.world.ask("GET", "/events?pageSize=1000")["events"] if event["type"] == kind]

    def keep_busy(self):
        self.going = True

        def work():
            while self.going:
                number = next(self.numbers)
                try:
                    made = self.world.call("POST", "/os-update-policies", {"name": f"p{number}", "updatePolicy": "UPDATE_POLICY_LATEST"})
                    if made is not None:
                        self.world.call("DELETE", f"/os-update-policies/{made['resourceId']}")
                except Wrong:
                    pass
        self.busy = threading.Thread(target=work, daemon=True)
        self.busy.start()
        self.addCleanup(self.idle)

    def idle(self):
        self.going = False
        self.busy.join()


class Story(Case):
    def test_what_was_withdrawn_since_the_backup_does_not_come_back(self):
        self.world.link("good")
        self.until("the update waits for its window", lambda node: node["phase"] == "Staged")
        self.keep_busy()
        first = self.back_up()
        self.assertTrue(first["whileRunning"])
        self.idle()
        again = self.back_up()
        self.assertGreaterEqual(again["projects"][PROJECT], first["projects"][PROJECT])
        third = self.back_up()
        self.assertLess(third["bytesAdded"], 100_000, "nothing was new")

        # Withdrawn, known to the node; and a window that is open. The backup knows neither.
        self.unlink()
        self.until("the node has given it up", lambda node: node["phase"] == "Idle" and node["document"]["takenByNode"])
        self.open_window()
        self.until("the window is open", lambda node: node["windowOpen"] and node["document"]["takenByNode"])
        code, _, err = self.restore("--force")
        self.assertEqual(code, 3, err)  # it runs
        self.stop_orchestrator()
        code, _, err = self.restore()
        self.assertEqual((code, "--force" in err), (1, True), err)
        code, out, err = self.restore("--force")
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)["backup"], third["backup"])

        self.begin_orchestrator()
        node = self.until("it is held", lambda node: node["held"] and node)
        self.assertIn("restored from backup 3", node["heldWhy"])
        self.assertEqual(self.world.host()["instance"]["updatePolicy"]["name"], "good", "the backup asks for it")
        self.assertIn("held", self.ctl("get", "hosts"))
        self.assertIn("abidectl confirm", self.ctl("explain", "host", self.host_id))
        # Events flow all the same; nothing is told, and nobody switches, though a window is open again.
        self.assertEqual(self.world.agent.stop(), 0)
        self.world.start_agent()
        self.world.settle()
        documents = len(self.events("DocumentIssued"))
        self.open_window()
        time.sleep(QUIET)
        self.assertEqual(self.running(), "a")
        self.assertEqual(len(self.events("DocumentIssued")), documents)
        self.assertTrue(self.node()["held"])
        self.stop_orchestrator()
        self.begin_orchestrator()
        self.until("it is held still", lambda node: node["held"])

        # A person looks, takes back what the backup had not yet taken back, and confirms.
        self.world.settle()
        shown = self.ctl("confirm", "--all", "--dry-run")
        self.assertIn("not known here", shown)
        self.assertIn(f"to image {VERSIONS['good']} ended as Cancelled, and is asked for again", shown)
        self.assertIn("its window is open", shown)
        self.assertTrue(self.node()["held"])
        self.unlink()
        self.assertIn("is asked nothing", self.ctl("confirm", "--all", "--dry-run"))
        told = self.ctl("confirm", "--all")
        self.assertIn("confirmed", told)
        self.until("the node has what was confirmed", lambda node: not node["held"] and node["document"]["takenByNode"])
        time.sleep(QUIET)
        self.assertEqual(self.running(), "a", "what was withdrawn has not come back")
        self.assertEqual(self.ctl("confirm", "--all"), "no host is held\n")

        # And it goes on.
        self.world.link("good")
        self.world.wait("the update is done", lambda: self.running() == "b")
        self.until("it is known", lambda node: node["phase"] == "Idle" and node.get("osImageId") == VERSIONS["good"])
        self.world.settle()
        self.world.check_store("orchestrator")
        self.assertEqual([event for kind in ("JournalForked", "IdentityConflict") for event in self.events(kind)], [])


class Undeclared(Case):
    def test_a_state_directory_that_was_copied_back_is_noticed(self):
        self.stop_orchestrator()
        copy = os.path.join(self.folder, "copy")
        shutil.copytree(self.state, copy)
        self.begin_orchestrator()
        self.until("it is served", lambda node: not node["held"])
        self.world.link("good")
        self.until("it has accepted", lambda node: node["phase"] == "Staged")
        self.stop_orchestrator()
        shutil.rmtree(self.state)
        shutil.copytree(copy, self.state)
        self.world.linked = None
        self.begin_orchestrator()
        node = self.until("it is held", lambda node: node["held"] and node)
        self.assertIn("is not as it left it", node["heldWhy"])
        self.assertIn("every node is held", self.world.tail("orchestrator", 2_000))
        self.world.settle()
        self.open_window()
        time.sleep(QUIET)
        self.assertEqual(self.running(), "a", "its update is staged and its window is open, and nobody has confirmed")
        self.assertIn("is told to give that up", self.ctl("confirm", "host", self.host_id))
        self.until("the node has given up what this state does not ask for", lambda node: not node["held"] and node["phase"] == "Idle")
        self.assertEqual(self.running(), "a")

    def test_a_document_of_another_orchestrator_holds_its_node_alone(self):
        self.world.link("good")
        self.until("it has accepted", lambda node: node["phase"] == "Staged" and node["document"]["takenByNode"])
        self.stop_orchestrator()
        shutil.rmtree(self.state)
        self.world.linked = None
        # A second node, that has heard of no orchestrator yet; the one that comes now has a key of its own and knows nothing.
        disk = os.path.join(self.folder, "second")
        os.makedirs(disk)
        self.releases.tool("init-node", disk + "/boot", "--image", self.releases.image("base"), "--slot-size", str(self.releases.image_bytes + (64 << 10)))
        first_id = UUID
        with self.world.another_agent(OTHER % 2, disk):
            self.begin_orchestrator()

            def host_of(uuid):
                answer = self.world.call("GET", "/compute/hosts")
                return next((host for host in (answer or {"hosts": []})["hosts"] if host["uuid"] == uuid), None)

            def of(uuid, what, condition):
                return self.world.wait(what, lambda: (lambda host: condition(host["instance"].get("node", {}), host))(host_of(uuid) or {"instance": {}}))

            why = of(first_id, "the first is held", lambda node, _: node.get("held") and node["heldWhy"])
            self.assertIn("which another orchestrator has issued", why)
            second = of(OTHER % 2, "the second is known", lambda node, host: node.get("osImageId") == VERSIONS["base"] and host)
            first = host_of(first_id)
            found = self.world.wait("good is discovered", lambda: next(
                (one["resourceId"] for one in (self.world.call("GET", "/compute/os") or {"OperatingSystemResources": []})["OperatingSystemResources"]
                 if one["imageId"] == VERSIONS["good"]), None))
            policy = self.world.ask("POST", "/os-update-policies", {"name": "good", "updatePolicy": "UPDATE_POLICY_TARGET", "targetOsId": found})
            for host in (first, second):
                self.world.ask("PATCH", f"/compute/instances/{host['instance']['resourceId']}", {"osUpdatePolicyID": policy["resourceId"]})
                self.world.ask("POST", "/schedules/single", {"name": host["resourceId"], "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE",
                                                             "startSeconds": int(time.time()) + 1, "targetHostId": host["resourceId"]})
            of(OTHER % 2, "the second is updated", lambda node, _: node["phase"] == "Idle" and node.get("osImageId") == VERSIONS["good"])
            self.assertEqual(self.running(), "a", "what it has staged is another orchestrator's wish")
            held = [event for event in self.events("NodeHeld") if event.get("node") == first_id]
            self.assertEqual((len(held), len(self.events("NodeHeld"))), (1, 1))
            self.assertIn(first["name"], self.ctl("confirm", "--all", "--dry-run"))
            self.ctl("confirm", "host", first["resourceId"])
            of(first_id, "the first is updated", lambda node, _: node["phase"] == "Idle" and node.get("osImageId") == VERSIONS["good"])

    def test_a_start_after_a_kill_or_a_move_is_none(self):
        self.world.orchestrator.kill()
        self.begin_orchestrator()
        self.until("it is served", lambda node: node["document"]["takenByNode"] if "document" in node else True)
        self.assertFalse(self.node()["held"])
        self.stop_orchestrator()
        os.rename(self.state, self.state + "-moved")
        os.rename(self.state + "-moved", self.state)
        self.begin_orchestrator()
        self.assertFalse(self.until("it is served", lambda node: node)["held"])
        self.assertEqual(self.events("NodeHeld"), [])


class Load(Case):
    def test_backups_of_a_busy_orchestrator_are_each_whole(self):
        self.keep_busy()
        made = [self.back_up() for _ in range(6)]
        self.idle()
        ends = [one["projects"][PROJECT] for one in made]
        self.assertEqual(ends, sorted(ends))
        self.assertGreater(ends[-1], ends[0])
        for one in made:
            into = os.path.join(self.folder, f"into-{one['backup']}")
            # Restoring compares its rows with its journals.
            code, _, err = self.orchestrator("restore", self.backups, "--state", into, "--backup", str(one["backup"]))
            self.assertEqual(code, 0, err)
            done = subprocess.run([os.path.join(BIN, "abide-orchestrator"), "check", "--state", into], stdout=subprocess.PIPE, text=True, check=False)
            self.assertEqual(json.loads(done.stdout)["projects"][0]["last"], one["projects"][PROJECT])
        self.assertEqual(os.path.exists(self.state + "/checkpoint"), False)

    def test_a_backup_that_was_killed_is_none_and_leaves_nothing_behind(self):
        self.back_up()
        self.keep_busy()
        listed = lambda: json.loads(self.orchestrator("restore", self.backups, "--list")[1])
        whole = len(listed())
        for milliseconds in range(0, 60, 3):
            process = subprocess.Popen([os.path.join(BIN, "abide-orchestrator"), "backup", self.backups, "--state", self.state, "--keep", "0"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            time.sleep(milliseconds / 1000)
            process.send_signal(signal.SIGKILL)
            out = process.communicate()[0]
            now = len(listed())
            self.assertIn(now - whole, (1,) if out.endswith(b"\n") else (0, 1))
            whole = now
        self.idle()
        self.world.wait("the last checkpoint is removed", lambda: not os.path.exists(self.state + "/checkpoint"))
        last = self.back_up()
        self.assertEqual(listed()[-1]["backup"], last["backup"])
        for one in listed():
            into = os.path.join(self.folder, f"into-{one['backup']}")
            code, _, err = self.orchestrator("restore", self.backups, "--state", into, "--backup", str(one["backup"]))
            self.assertEqual(code, 0, err)
            shutil.rmtree(into)
        self.assertIsNone(self.world.orchestrator.ended())


if __name__ == "__main__":
    unittest.main()
