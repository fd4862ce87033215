"""tools/demo --fleet: one program with all the nodes, in place of an agent process each."""

import json
import os
import subprocess
import sys
import time

from fleet import PROJECT
from supervisor import die_with_parent

TEND_EVERY = 0.05
SEED = 1
# So that there is something to see, and some that go wrong.
WEATHER = ["--speed", "20", "--rollback-rate", "5%", "--update-failure-rate", "2%", "--reconnect-max", "1s"]


class Load:
    def __init__(self, fleet, screen, given):
        self.fleet = fleet
        self.screen = screen
        self.given = given
        self.report = os.path.join(fleet.directory, "report.json")
        self.page = os.path.join(fleet.directory, "report.html")
        self.leaves = (self.report, self.page)  # also of a temporary directory: it has told where they are
        self.code = None
        self.child = None

    def run(self):
        fleet = self.fleet
        self.screen.say(f"{self.given.nodes} nodes in one program, state in {fleet.directory}")
        fleet.start()
        self.screen.say(f"broker {fleet.broker_url}   API {fleet.api_url}")
        fleet.release.publish("good")
        command = [fleet.path_of("abide-node-fleet"), "--broker", fleet.broker_url, "--project", PROJECT, "--nodes", str(self.given.nodes), "--seed", str(SEED),
                   "--api", fleet.api_url, "--drive", "--deadline", f"{max(1, round(self.given.deadline))}s", "--report", self.report, "--html", self.page, *WEATHER]
        self.screen.say(" ".join(command))
        # Its view and its report are this program's.
        sys.stdout.flush()
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent(os.getpid()))
        while (code := self.child.poll()) is None:
            fleet.tend()
            time.sleep(TEND_EVERY)
        self.code = code
        if not os.path.exists(self.report):
            raise RuntimeError(f"abide-node-fleet ended with {code} and without a report")
        self.screen.say(f"report {self.report}   page {self.page}")

    def verdict(self):
        with open(self.report, encoding="utf-8") as file:
            report = json.load(file)
        outcomes = report["outcomes"]
        told = {"nodes": report["nodes"], "updated": outcomes["Succeeded"], "rolled_back": outcomes["RolledBack"], "failed": outcomes["Failed"],
                "lost": report["losses"]["all"]}
        print(json.dumps(told), flush=True)
        return 0 if self.code == 0 and sum(outcomes.values()) == report["nodes"] else 1

    def stay(self):
        self.screen.say("up until Ctrl-C. To try:")
        ctl = f"{self.fleet.path_of('abidectl')} --server {self.fleet.api_url} --project {PROJECT}"
        for words in ("get runs", "get hosts", "get events"):
            self.screen.say(f"    {ctl} {words}")
        while True:
            self.fleet.tend()
            time.sleep(TEND_EVERY)

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
