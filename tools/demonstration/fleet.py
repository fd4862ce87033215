"""The processes and files of the demo: broker, release service, orchestrator, agents with their slots."""

import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import uuid

import broker
from api import Api
from release import SLOT_SPARE, Release
from supervisor import Child, Supervisor

PROJECT = "demo"
READY_PATIENCE = 20.0
PORTS = (20_000, 32_000)
PORT_TRIES_MAX = 1_000
# Shorter than the defaults, so that what takes minutes on a site takes seconds here.
ORCHESTRATOR_SETTINGS = ["--ack-after", "200ms", "--spread-per-node", "2ms", "--reconnect-max", "1s", "--roll-call-again", "1s"]
AGENT_SETTINGS = ["--progress-every", "200ms", "--check-again-every", "500ms", "--check-deadline", "8s", "--trial-deadline", "40s",
                  "--switch-time", "5s", "--reconnect-max", "1s", "--effect-retry", "500ms", "--download-backoff", "200ms",
                  "--download-backoff-max", "2s", "--hello-every", "10s"]


def is_free(port):
    with socket.socket() as probe:
        # As servers do: a connection of the last run that is still waiting out its time keeps nobody away.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port():
    """Below the range that the kernel takes for outgoing connections: while a server is being started again, one of those
    could sit on its port (on loopback even a connection to that very port, from itself)."""
    for _ in range(PORT_TRIES_MAX):
        port = random.randint(*PORTS)
        if is_free(port):
            return port
    raise RuntimeError("no free port on loopback")


def sha256_of(path, size=None):
    digest = hashlib.sha256()
    left = os.path.getsize(path) if size is None else size
    with open(path, "rb") as file:
        while left > 0:
            block = file.read(min(left, 1 << 20))
            if not block:
                break
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


class Node:
    def __init__(self, directory, number):
        self.number = number
        self.name = f"edge-{number}"
        # The same name in every run: a second start with the same --state finds its nodes again.
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.abide.demo"))
        self.state = os.path.join(directory, "nodes", self.name, "state")
        self.boot = os.path.join(directory, "nodes", self.name, "boot")
        self.child = None

    def boot_state(self):
        with open(os.path.join(self.boot, "boot.json"), encoding="utf-8") as file:
            return json.load(file)

    def slot_path(self, slot):
        return os.path.join(self.boot, f"slot-{slot}")


class Fleet:
    def __init__(self, root, directory, given, screen):
        self.root = root
        self.directory = directory
        self.bin = os.path.abspath(given.bin)
        self.given = given
        self.screen = screen
        self.logs = os.path.join(directory, "logs")
        self.record_path = os.path.join(directory, "demo.json")
        self.record = self._read_record()
        self.supervisor = Supervisor(self._write_record)
        # With --fleet one program has them all.
        self.nodes = [] if given.fleet else [Node(directory, number) for number in range(1, given.nodes + 1)]
        for program in ("abide-orchestrator", "abide-node-fleet" if given.fleet else "abide-agent", "abide-image"):
            if not os.access(os.path.join(self.bin, program), os.X_OK):
                raise RuntimeError(f"{self.bin} has no {program}")
        for folder in (directory, self.logs, os.path.join(directory, "nodes")):
            os.makedirs(folder, exist_ok=True)
        self.ports = self._choose_ports()
        self.release = Release(self, os.path.join(directory, "release"))
        self.orchestrator = None
        self.broker = None
        self.orchestrator_environment = {}
        self.orchestrator_settings = list(ORCHESTRATOR_SETTINGS)

    # -- what is remembered between two starts on one directory ---------------------------------------------------------

    def _read_record(self):
        try:
            with open(self.record_path, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return {}
        except ValueError:
            raise RuntimeError(f"{self.record_path} is damaged; start with another --state") from None

    def _write_record(self):
        self.record["processes"] = {child.name: child.pid for child in self.supervisor.children}
        with open(self.record_path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.record, file, indent=2)
        os.replace(self.record_path + ".new", self.record_path)

    def remember(self, key, value):
        self.record[key] = value
        self._write_record()

    def _choose_ports(self):
        """The same as last time where they are free: the URLs of a document that is under way stay good."""
        ports = self.record.get("ports", {})
        for name in ("broker", "release", "api"):
            if name not in ports or not is_free(ports[name]):
                ports[name] = free_port()
        self.record["ports"] = ports
        return ports

    # -- starting ----------------------------------------------------------------------------------------------------

    def path_of(self, program):
        return os.path.join(self.bin, program)

    def start(self):
        self._check_room()
        self.release.prepare()
        self._start_broker()
        self._start_release_service()
        self._start_orchestrator()
        for node in self.nodes:
            self._make_node(node)

    def _check_room(self):
        """Two slots a node, and each image twice: made, and published."""
        missing = sum(not os.path.exists(os.path.join(node.boot, "boot.json")) for node in self.nodes)
        needed = missing * 2 * (self.release.image_size + SLOT_SPARE) + (0 if "images" in self.record else 6 * self.release.image_size)
        free = shutil.disk_usage(self.directory).free
        if needed > free:
            raise RuntimeError(f"{self.directory} has {free >> 20} MiB left, {len(self.nodes)} nodes need {needed >> 20}; "
                               "take fewer --nodes, or another --state")

    def start_agents(self):
        for node in self.nodes:
            self._start_agent(node)

    def _child(self, name, command, environment=None):
        return self.supervisor.add(Child(name, command, os.path.join(self.logs, name + ".log"), environment, self.directory))

    def _start_broker(self):
        path = os.path.join(self.directory, "mosquitto.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(broker.configuration(self.bin, self.ports["broker"]))
        self.broker = self._child("broker", [program("mosquitto"), "-c", path])
        self._wait_for_port("broker", self.ports["broker"])

    def _start_release_service(self):
        path = self.release.write_server_config(self.ports["release"], self.given.download_rate)
        self._child("release", [program("nginx"), "-p", self.release.server_directory, "-c", path, "-e", "stderr"])
        self._wait_for_port("release service", self.ports["release"])

    def _start_orchestrator(self):
        self.orchestrator = self._child("orchestrator", [
            self.path_of("abide-orchestrator"), "--state", os.path.join(self.directory, "orchestrator"), "--broker", self.broker_url,
            "--listen", f"127.0.0.1:{self.ports['api']}", "--releases", f"http://127.0.0.1:{self.ports['release']}", "--project", PROJECT,
            *self.orchestrator_settings], self.orchestrator_environment)
        self._wait_for_port("orchestrator", self.ports["api"])

    def _make_node(self, node):
        if os.path.exists(os.path.join(node.boot, "boot.json")):
            return
        shutil.rmtree(node.boot, ignore_errors=True)
        os.makedirs(os.path.dirname(node.boot), exist_ok=True)
        self.release.make_node(node.boot)

    def _start_agent(self, node):
        environment = dict(one.split("=", 1) for one in self.given.agent_env)
        node.child = self._child(node.name, [
            self.path_of("abide-agent"), "--state", node.state, "--broker", self.broker_url, "--project", PROJECT, "--uuid", node.uuid,
            "--boot", f"image_file:{node.boot}", "--check", f"services={self.release.health_check}", *AGENT_SETTINGS], environment)

    def _wait_for_port(self, what, port):
        until = time.monotonic() + READY_PATIENCE
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                self.supervisor.tend()
                time.sleep(0.02)
        raise RuntimeError(f"the {what} does not answer on port {port}; see {self.logs}")

    # -- running -----------------------------------------------------------------------------------------------------

    @property
    def broker_url(self):
        return f"mqtt://127.0.0.1:{self.ports['broker']}"

    @property
    def api_url(self):
        return f"http://127.0.0.1:{self.ports['api']}"

    def api(self):
        return Api(self.api_url, PROJECT)

    def tend(self):
        self.supervisor.tend()

    def stop_servers(self):
        """Ends orchestrator and agents in order, so that their stores are at rest."""
        return self.supervisor.stop([node.child for node in self.nodes if node.child] + [self.orchestrator])

    def stop(self):
        self.supervisor.stop()

    def tell_logs(self):
        """The end of each log, for a run that failed and whose directory goes away with it."""
        for child in self.supervisor.children:
            try:
                with open(child.log, encoding="utf-8", errors="replace") as file:
                    lines = file.readlines()[-8:]
            except OSError:
                continue
            print(f"--- {child.name} (restarts: {child.restarts})", file=sys.stderr)
            print("".join(lines), end="", file=sys.stderr)

    # -- the two sources beside the API --------------------------------------------------------------------------------

    def check_store(self, program_name, state, timeout=60):
        """What `check` says of a store: (its line of JSON or None, how much in it does not agree)."""
        done = subprocess.run([self.path_of(program_name), "check", "--state", state], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, check=False)
        try:
            told = json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            self.screen.say(f"{program_name} check --state {state}: {done.stderr.strip() or 'said nothing'}")
            return None, 1
        differences = told.get("differences", 0)
        if done.returncode != 0 or differences:
            self.screen.say(f"{program_name} check --state {state}: {done.stderr.strip() or differences}")
        return told, max(differences, 1 if done.returncode != 0 else 0)


def program(name):
    """Debian keeps servers where not every user looks."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")
    if not path:
        raise RuntimeError(f"{name} is not installed: see tools/packages")
    return path
