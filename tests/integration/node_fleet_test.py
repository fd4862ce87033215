"""abide-node-fleet against a real broker and a real orchestrator: node_fleet_test.py [Class]."""

import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from api_world import BIN, Releases, World, configuration, eventually, free_port  # noqa: E402

NODES = 50
PATIENCE = 150.0


class Case(unittest.TestCase):
    def setUp(self):
        self.releases = Releases()
        self.addCleanup(self.releases.stop)
        self.releases.publish("1.0.0", "2.0.0")
        self.world = World()
        self.addCleanup(self.world.stop)

    def serve(self):
        return self.world.start_orchestrator(self.releases.url, "--ack-after", "200ms", "--spread-per-node", "1ms")

    def words(self, orchestrator, *more, nodes=NODES):
        return [os.path.join(BIN, "abide-node-fleet"), "--broker", f"mqtt://127.0.0.1:{self.world.broker_port}", "--project", "demo", "--nodes", str(nodes),
                "--seed", "7", "--api", f"http://{orchestrator.api.url.netloc}", "--reconnect-max", "200ms", *more]

    def run_fleet(self, *words, code=0):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def instances(self, orchestrator):
        return orchestrator.api.good("GET", "compute/instances", pageSize=100)["instances"]


class Story(Case):
    def test_fifty_nodes_take_an_update_some_of_them_fall_back_and_nothing_is_lost(self):
        orchestrator = self.serve()
        report_path, page_path, legs = self.world.path("report.json"), self.world.path("report.html"), self.world.path("legs")
        done = self.run_fleet(*self.words(orchestrator, "--drive", "--speed", "max", "--rollback-rate", "20%", "--update-failure-rate", "10%", "--deadline", "2min",
                                          "--report", report_path, "--html", page_path, "--histograms", legs))
        self.assertIn("losses 0", done.stdout)
        with open(report_path, encoding="utf-8") as file:
            report = json.load(file)
        outcomes = report["outcomes"]
        self.assertEqual(sum(outcomes.values()), NODES)
        self.assertGreater(outcomes["Succeeded"], 0)
        self.assertGreater(outcomes["RolledBack"], 0)
        self.assertGreater(outcomes["Failed"], 0)
        self.assertEqual(report["ending"], "all ended")
        self.assertEqual(report["losses"], {"all": 0, "checked_by_api": True, "unacknowledged": 0, "missing": 0, "gaps": 0, "other_journals": 0, "examples": []})
        self.assertEqual(report["forks"], 0)
        for leg in ("link_to_policy_received", "window_to_first_status", "status_to_durable", "status_to_visible", "whole_update"):
            self.assertGreater(report["legs"][leg]["count"], 0, leg)
            self.assertTrue(os.path.getsize(os.path.join(legs, leg + ".hgrm")) > 0)
        self.assertEqual(report["legs"]["whole_update"]["count"], NODES)
        names = [process["name"] for process in report["processes"]]
        self.assertEqual(names[0], "mosquitto")
        self.assertTrue(all(process["resident_max"] > 0 for process in report["processes"]), report["processes"])
        # The API tells the same story.
        ended = {}
        for instance in self.instances(orchestrator):
            kind = instance["node"]["outcome"]["kind"]
            ended[kind] = ended.get(kind, 0) + 1
            self.assertEqual(instance["node"]["osImageId"], "2.0.0" if kind == "Succeeded" else "1.0.0")
        self.assertEqual(ended, {kind: count for kind, count in outcomes.items() if count})
        with open(page_path, encoding="utf-8") as file:
            page = file.read()
        self.assertIn("<svg", page)
        self.assertNotIn("<script", page)
        code, check = self.world.check() if self.world.end(orchestrator) == 0 else (1, {})
        self.assertEqual((code, check.get("differences", 0)), (0, 0))

        # An earlier report is set beside a new one.
        orchestrator = self.serve()
        done = self.run_fleet(*self.words(orchestrator, "--for", "1s", "--compare", report_path, nodes=5))
        self.assertIn("ratio", done.stdout)


class Weather(Case):
    def test_flapping_late_and_offline_nodes_lose_nothing_and_a_scenario_changes_the_weather(self):
        orchestrator = self.serve()
        path = self.world.path("scenario.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("at 0s offline 50%\nat 0s flap 600\nat 0s latency 20\nat 3s offline 0\nat 4s flap 0\n")
        done = self.run_fleet(*self.words(orchestrator, "--drive", "--speed", "20", "--stage-time", "2s", "--boot-time", "2s", "--check-time", "2s", "--scenario", path,
                                          "--deadline", "2min", "--output", "json"))
        report = json.loads(done.stdout)
        self.assertEqual(report["outcomes"]["Succeeded"], NODES)
        self.assertGreater(report["traffic"]["broken"], 0)
        self.assertEqual(report["losses"]["all"], 0)
        self.assertGreaterEqual(report["legs"]["status_to_durable"]["min_us"], 40_000)


class Killed(Case):
    def test_journals_in_files_survive_a_kill_and_are_gone_on_with(self):
        orchestrator = self.serve()
        journals = self.world.path("journals")
        words = self.words(orchestrator, "--drive", "--speed", "30", "--journals", journals, "--deadline", "2min", "--rollback-rate", "10%")
        fleet = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.world.processes.append(fleet)

        def under_way():
            return sum(instance["node"]["phase"] != "Idle" for instance in self.instances(orchestrator)) > NODES // 2
        eventually("more than half of the nodes are in the midst of an update", under_way)
        fleet.send_signal(signal.SIGKILL)
        fleet.wait()
        before = {instance["node"]["uuid"]: (instance["node"]["journal"], instance["node"]["upto"]) for instance in self.instances(orchestrator)}
        # A directory is of one process at a time.
        done = self.run_fleet(*words, "--output", "json")
        report = json.loads(done.stdout)
        self.assertEqual(report["losses"]["all"], 0, report["losses"])
        self.assertEqual(report["forks"], 0)
        self.assertGreater(report["journals"]["commits"], report["journals"]["syncs"])
        for instance in self.instances(orchestrator):
            node = instance["node"]
            journal, upto = before[node["uuid"]]
            self.assertEqual(node["journal"], journal)
            self.assertGreater(node["upto"], upto)
            self.assertIn(node["outcome"]["kind"], ("Succeeded", "RolledBack"))


class Refusals(Case):
    def test_what_cannot_be_run_says_why_and_ends_with_its_code(self):
        orchestrator = self.serve()
        gone = self.words(orchestrator, "--drive")
        gone[gone.index("--api") + 1] = "http://127.0.0.1:1"
        self.assertIn("--api", self.run_fleet(*gone, code=3).stderr)
        self.assertIn("--projects", self.run_fleet(*self.words(orchestrator, "--projects", "1000"), code=2).stderr)
        self.assertIn("plain", self.run_fleet(*[word.replace("mqtt://127.0.0.1", "mqtt://192.0.2.1") for word in self.words(orchestrator)], code=3).stderr)
        self.assertIn("no report", self.run_fleet(*self.words(orchestrator, "--compare", "/dev/null"), code=2).stderr)
        self.assertIn("cannot be written", self.run_fleet(*self.words(orchestrator, "--for", "1s", "--report", "/no/such/folder/report.json"), code=4).stderr)
        # Nobody opens a window: it does not end, and says what did not.
        done = self.run_fleet(*self.words(orchestrator, "--deadline", "2s", nodes=3), code=1)
        self.assertIn("deadline", done.stdout)

    def test_a_stop_is_a_report_all_the_same(self):
        orchestrator = self.serve()
        out = self.world.path("fleet.out")
        with open(out, "wb") as file:
            fleet = subprocess.Popen(self.words(orchestrator, "--drive", "--speed", "0.01", "--output", "json"), stdout=file, stderr=subprocess.DEVNULL)
        self.world.processes.append(fleet)
        eventually("nodes are staging", lambda: any(instance["node"]["phase"] == "Staging" for instance in self.instances(orchestrator)))
        fleet.send_signal(signal.SIGTERM)
        self.assertEqual(fleet.wait(60), 0)
        with open(out, encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual((report["ending"], report["losses"]["all"]), ("stopped", 0))


class Tls(Case):
    def test_each_node_comes_with_its_own_certificate(self):
        folder = self.world.path("certificates")
        os.mkdir(folder)

        def openssl(*words):
            subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

        def signed(name, common, *more):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={common}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "1", "-out", f"{name}.crt", *more)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=fleet-ca", "-keyout", "ca.key", "-out", "ca.crt")
        with open(os.path.join(folder, "san"), "w", encoding="utf-8") as file:
            file.write("subjectAltName=IP:127.0.0.1")
        signed("server", "localhost", "-extfile", "san")
        listed = subprocess.run([os.path.join(BIN, "abide-node-fleet"), "--broker", "mqtt://127.0.0.1:1", "--project", "demo", "--nodes", "4", "--seed", "7", "--list-nodes"],
                                check=True, stdout=subprocess.PIPE, text=True).stdout
        uuids = [line.split()[1] for line in listed.splitlines()]
        for uuid in uuids[:3]:  # the fourth has none, and is not let in
            signed(uuid, uuid)
        world = self.world
        port = free_port()
        with open(world.path("tls.conf"), "w", encoding="utf-8") as file:
            file.write(configuration(BIN, port, "mosquitto-production.conf", folder))
        world.run("mosquitto-tls", "/usr/sbin/mosquitto", "-c", world.path("tls.conf"))
        done = self.run_fleet(os.path.join(BIN, "abide-node-fleet"), "--broker", f"mqtts://127.0.0.1:{port}", "--project", "demo", "--nodes", "4", "--seed", "7",
                              "--reconnect-max", "100ms", "--ca-file", os.path.join(folder, "ca.crt"), "--certificates", folder, "--for", "3s", "--output", "json",
                              code=1)  # nobody is there to acknowledge what they journal
        report = json.loads(done.stdout)
        self.assertEqual(report["connected_at_end"], 3)
        self.assertGreater(report["traffic"]["attempts_failed"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
