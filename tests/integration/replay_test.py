#!/usr/bin/env python3
"""abide-replay on the stores of real processes: beside them, after kill -9, where it may not read, and in a sandbox."""

import itertools
import json
import os
import pwd
import shutil
import signal
import subprocess
import threading
import unittest

from api_world import BIN, DEADLINE, Releases, World, eventually

UUID = "00000000-0000-4000-8000-%012d"
REPLAY = os.path.join(BIN, "abide-replay")


def replay(*words, user=None):
    done = subprocess.run([REPLAY, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=DEADLINE, user=user)
    return done.returncode, done.stdout, done.stderr


class Case(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.stop)
        self.releases = Releases()
        self.addCleanup(self.releases.stop)
        self.releases.publish("1.0.0")
        self.numbers = itertools.count(1)
        self.busy = None

    def serve(self):
        process = self.world.start_orchestrator(self.releases.url)
        self.api = process.api
        return process

    def agent(self):
        world = self.world
        if not os.path.exists(world.path("boot")):
            os.makedirs(world.path("images"))
            world.tool("abide-image", "create", world.path("images", "1.0.0"), "--profile", "demo", "--version", "1.0.0", "--size", "1048576", "--seed", "1")
            world.tool("abide-image", "init-node", world.path("boot"), "--image", world.path("images", "1.0.0"), "--slot-size", "1148576")
        return world.start_agent(UUID % 99, world.path("boot"))

    def something(self):
        number = next(self.numbers)
        self.api.ask("POST", "compute/hosts/register", {"name": f"edge-{number}", "uuid": UUID % (1000 + number)})
        self.api.ask("POST", "os-update-policies", {"name": f"p{number}", "updatePolicy": "UPDATE_POLICY_LATEST"})

    def keep_busy(self):
        """Requests, one after the other, until the orchestrator is gone or `idle` is called."""
        self.going = True

        def work():
            while self.going:
                try:
                    self.something()
                except OSError:
                    return
        self.busy = threading.Thread(target=work)
        self.busy.start()
        self.addCleanup(self.idle)

    def idle(self):
        self.going = False
        self.busy.join()

    def verified(self, path):
        code, out, err = replay("verify", path, "--output", "json")
        self.assertEqual((code, err), (0, ""), out)
        told = json.loads(out)
        self.assertTrue(told["holds"], out)
        return told["scopes"][0]


class Running(Case):
    def test_holds_beside_a_busy_orchestrator_and_grows(self):
        process = self.serve()
        agent = self.agent()
        state = self.world.path("state")
        eventually("the agent is heard", lambda: replay("show", state, "--type", "AgentStarted")[1])
        self.keep_busy()
        seen = [self.verified(state)["last"] for _ in range(25)]
        self.idle()
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(seen[-1], seen[0])
        self.verified(self.world.path("agent-0099"))
        self.assertIsNone(process.poll())
        self.assertIsNone(agent.poll())
        # Neither has noticed.
        self.assertEqual(self.world.end(process), 0)
        self.assertEqual(self.world.check()[0], 0)

    def test_follows_what_is_added(self):
        self.serve()
        follow = subprocess.Popen([REPLAY, "show", self.world.path("state"), "--follow", "--type", "PolicyCreated"], stdout=subprocess.PIPE, text=True)
        try:
            self.something()
            self.assertIn("PolicyCreated policy.id=", follow.stdout.readline())
            self.something()
            self.assertIn("policy.name=p2", follow.stdout.readline())
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()


class Killed(Case):
    def test_holds_for_what_a_kill_leaves(self):
        state = self.world.path("state")
        last = 0
        for _ in range(6):
            process = self.serve()
            agent = self.agent()
            self.keep_busy()
            before = last
            eventually("events came", lambda: replay("show", state, "--since", str(before + 12))[1])
            eventually("the agent has begun", lambda: replay("show", self.world.path("agent-0099"))[1])
            self.world.end(process, signal.SIGKILL)
            self.world.end(agent, signal.SIGKILL)
            self.idle()
            now = self.verified(state)["last"]
            self.assertGreater(now, last)
            last = now
            self.verified(self.world.path("agent-0099"))


class WrongPlaces(Case):
    def test_without_the_right_to_read(self):
        self.world.end(self.serve())
        state = self.world.path("state")
        os.chmod(self.world.directory, 0o755)
        user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
        if user is None:
            os.chmod(state, 0)
            self.addCleanup(os.chmod, state, 0o700)
        # The program itself may lie where that user cannot reach it.
        program = shutil.copy(REPLAY, self.world.path("abide-replay"))
        done = subprocess.run([program, "verify", state], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, user=user)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("Permission denied", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_are_one_line_and_a_code(self):
        self.world.end(self.serve())
        state = self.world.path("state")
        os.makedirs(self.world.path("empty"))
        torn = self.world.path("torn")
        shutil.copytree(state, torn)
        os.remove(os.path.join(torn, "CURRENT"))
        for words, wanted in ((("verify", self.world.path("nothing")), 3), (("verify", self.world.path("empty")), 3), (("verify", torn), 5),
                              (("verify", self.world.path("mosquitto.conf")), 2), (("show", state, "--project", "other"), 3), (("verify", self.world.directory), 3)):
            code, out, err = replay(*words)
            self.assertEqual(code, wanted, (words, err))
            self.assertEqual(out, "")
            self.assertEqual(len(err.splitlines()), 1, err)

    def test_that_are_damaged_are_read_up_to_there(self):
        process = self.serve()
        for _ in range(20):
            self.something()
        self.world.end(process, signal.SIGKILL)
        state = self.world.path("state")
        whole = self.verified(state)["last"]
        log = max((os.path.join(state, name) for name in os.listdir(state) if name.endswith(".log")), key=os.path.getsize)
        with open(log, "r+b") as file:
            file.seek(os.path.getsize(log) // 2)
            file.write(b"not what was written")
        code, out, err = replay("show", state)
        self.assertEqual(code, 5)
        last = len(out.splitlines())
        self.assertTrue(0 < last < whole, (last, whole))
        self.assertIn(f"the last good event is {last}", err)
        code, out, _ = replay("state", state, "--output", "json")
        self.assertEqual((code, json.loads(out)["at"]), (5, last))
        self.assertEqual(replay("verify", state)[0], 5)
        # What can be read can be carried away, and is whole there.
        self.assertEqual(replay("export", state, "--out", self.world.path("rest"))[0], 5)
        self.assertEqual(self.verified(self.world.path("rest"))["last"], last)


class Sandbox(Case):
    def test_goes_on_from_an_exported_history(self):
        process = self.serve()
        for _ in range(5):
            self.something()
        hosts = self.api.get("compute/hosts").json["totalElements"]
        file = self.world.path("file")
        self.assertEqual(replay("export", self.world.path("state"), "--out", file)[0], 0)  # beside the running owner
        self.world.end(process)
        code, out, err = replay("import", file, "--state", self.world.path("sandbox"))
        self.assertEqual((code, err), (0, ""))
        self.assertIn("the project's key is left out", out)
        before = self.verified(self.world.path("sandbox"))
        self.assertEqual(before["withoutSecret"], 1)
        again = self.world.start_orchestrator(self.releases.url, state="sandbox")
        self.assertEqual(again.api.get("compute/hosts").json["totalElements"], hosts)
        self.api = again.api
        self.something()
        self.world.end(again)
        self.assertGreater(self.verified(self.world.path("sandbox"))["last"], before["last"])


if __name__ == "__main__":
    unittest.main()
