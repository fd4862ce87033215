"""What the benches of the bus start: broker, orchestrator and release service as tools/demo has them, and nodes that are registered there."""
import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tools", "demonstration"))
from fleet import PROJECT, Fleet  # noqa: E402
from supervisor import die_with_parent  # noqa: E402

REGISTER_AT_ONCE = 8
REGISTER_TRIES_MAX = 100
ANSWER_PATIENCE = 60.0
LINE_PATIENCE = 240.0
SITE_NODES = 1_000


class Failed(Exception):
    pass


class Silent:
    """A screen that says nothing: what the stack does goes into its logs."""

    def say(self, _text):
        pass


class Program:
    """A process of the bench: its lines are read as they come, and it is stopped by its id."""

    def __init__(self, command, merged=False):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if merged else None,
                                        text=True, preexec_fn=die_with_parent(os.getpid()))

    def line(self, patience=LINE_PATIENCE):
        """The next one of stdout. A program that is silent for too long is killed, which ends the wait."""
        killer = threading.Timer(patience, self.process.kill)
        killer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            killer.cancel()
        if not line:
            raise Failed(f"{' '.join(self.command)} ended with {self.process.wait()} and said nothing more")
        return line.strip()

    def result(self):
        told = json.loads(self.line())
        self.end()
        return told

    def end(self, patience=LINE_PATIENCE, well=(0,)):
        """What it says until it has ended well."""
        killer = threading.Timer(patience, self.process.kill)
        killer.start()
        try:
            rest = self.process.stdout.read()
        finally:
            killer.cancel()
        if self.process.wait() not in well:
            raise Failed(f"{' '.join(self.command)} ended with {self.process.returncode}: {rest[-500:]}")
        return rest

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Stack:
    """As a context: everything that was started is stopped, and its directory is gone."""

    def __init__(self, binaries, nodes, settings=None):
        self.binaries = binaries
        self.nodes = nodes
        self.settings = settings or {}  # of the orchestrator, in place of the demo's
        self.programs = []

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="abide-bench-")
        try:
            given = argparse.Namespace(bin=self.binaries, nodes=self.nodes, fleet=True, image_size=1, check_takes=0, download_rate=0, agent_env=[])
            self.fleet = Fleet(ROOT, self.directory, given, Silent())
            theirs = self.fleet.orchestrator_settings
            asked = {**dict(zip(theirs[::2], theirs[1::2])), **self.settings}
            self.fleet.orchestrator_settings = [word for pair in asked.items() for word in pair]
            self.fleet.start()
            self.fleet.release.publish("good")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for program in self.programs:
            program.stop()
        if hasattr(self, "fleet"):
            self.fleet.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def port(self):
        return self.fleet.ports["broker"]

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, program, *words, merged=False):
        started = Program([self.fleet.path_of(program), *words], merged)
        self.programs.append(started)
        return started

    def child(self, name):
        return next(child for child in self.fleet.supervisor.children if child.name == name)

    def restart_broker(self):
        """At once: it is asked to end, has ended, and comes again on its port."""
        broker = self.child("broker")
        broker.process.terminate()
        broker.process.wait(ANSWER_PATIENCE)
        broker.start()

    # -- the API -----------------------------------------------------------------------------------------------------

    def call(self, method, path, body=None, connection=None):
        """One request, on a connection that is kept if there is one."""
        own = connection or http.client.HTTPConnection("127.0.0.1", self.fleet.ports["api"], timeout=ANSWER_PATIENCE)
        try:
            own.request(method, f"/v1/projects/{PROJECT}{path}", None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = own.getresponse()
            text = answer.read()
        finally:
            if connection is None:
                own.close()
        if answer.status >= 300:
            raise Failed(f"{method} {path}: {answer.status} {text[:300].decode(errors='replace')}")
        return json.loads(text) if text else {}

    def register(self, uuids):
        """All in one region, at sites of SITE_NODES each. The region's id."""
        region = self.call("POST", "/regions", {"name": "bench"})["resourceId"]
        sites = [self.call("POST", f"/regions/{region}/sites", {"name": f"bench {n}", "regionId": region})["resourceId"]
                 for n in range((len(uuids) + SITE_NODES - 1) // SITE_NODES)]
        left = list(enumerate(uuids))
        lock, refused = threading.Lock(), []

        def work():
            connection = http.client.HTTPConnection("127.0.0.1", self.fleet.ports["api"], timeout=ANSWER_PATIENCE)
            while not refused:
                with lock:
                    if not left:
                        break
                    number, name = left.pop()
                try:
                    self.call("POST", "/compute/hosts", {"name": f"bench-{number}", "uuid": name, "siteId": sites[number // SITE_NODES]}, connection)
                except (Failed, OSError, http.client.HTTPException) as error:
                    refused.append(error)
            connection.close()

        workers = [threading.Thread(target=work) for _ in range(REGISTER_AT_ONCE)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if refused:
            raise Failed(f"register a node: {refused[0]}")
        return region


def uuid_of(number):
    return str(uuid.UUID(int=(0xAB << 120) | 0x8000_0000_0000_0000_0000 | (2 << 62) | number))


def cpu_seconds(pid):
    """Of all its threads, in user and kernel."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(name, value, baseline, goal, at_least=False):
    """As tests/bench/rows.hpp has them. Without a baseline the goal is of the value; without a goal there is none to miss."""
    ratio = None if baseline is None else value / baseline
    measured = value if ratio is None else ratio
    met = True if goal is None else measured >= goal if at_least else measured <= goal
    return {"name": name, "value": value, "baseline": baseline, "ratio": ratio, "goal": goal, "met": met, "at_least": at_least}
