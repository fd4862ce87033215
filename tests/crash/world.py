"""One node and its orchestrator as real processes, on their way through one update and one rollback; and what must be so at the end.

A World is used by one process of the test alone: its loop tends the children, asks the API and waits, all on one thread.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.append(os.path.join(ROOT, "tools", "demonstration"))

from broker import configuration  # noqa: E402

PROJECT = "crash"
PROFILE = "microvisor-nonrt"
UUID = "7c5f4b1e-9f0a-4d55-8a57-6a6d0c2a0e01"
VERSIONS = {"base": "3.0.1", "good": "3.0.2", "bad": "3.0.3"}
WORKLOAD = {"base": "active", "good": "active", "bad": "crash-loop"}
LOOK_EVERY = 0.03  # seconds
TEND_EVERY = 0.005
STOP_SLOW = 20.0  # then its threads are asked for what they wait
STOP_PATIENCE = 90.0  # for a daemon that is told to stop, on a machine that may stand still for a while
PATIENCE = 120.0  # for one act of a run; a crash costs a second or two
STORE_TRIES = 20  # looks at a store while its owner may be changing it
PORTS = (12_000, 19_999)  # below those that the demo takes, and the kernel for outgoing connections
SETTINGS_ORCHESTRATOR = ["--ack-after", "0ms", "--spread-per-node", "0ms", "--reconnect-max", "50ms", "--roll-call-again", "200ms"]
SETTINGS_AGENT = ["--progress-every", "1h", "--check-again-every", "50ms", "--check-deadline", "3s", "--trial-deadline", "60s", "--switch-time", "1s",
                  "--reconnect-max", "50ms", "--effect-retry", "50ms", "--download-backoff", "50ms", "--download-backoff-max", "200ms", "--hello-every", "2s"]
ALARMS = {"JournalForked", "JournalRetired", "IdentityConflict", "GapNoted", "NodeHeld"}
HEALTH_CHECK = "#!/bin/sh\nexec grep -aqm1 '^workload=active$' \"$ABIDE_SLOT_PATH\"\n"
NGINX = """{user}daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  default_type application/octet-stream;
  server {{ listen 127.0.0.1:{port}; root {root}; location / {{ etag on; }} }}
}}
"""
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


class Wrong(Exception):
    """Something is not as it must be: the text says what."""


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")
    if not path:
        raise RuntimeError(f"{name} is not installed: see tools/packages")
    return path


class Port:
    """A free port on loopback, kept from every other test of this folder as long as this lives: several run at once, and a program
    that is being started again must find its port as it left it."""

    def __init__(self):
        for _ in range(1_000):
            self.number = random.SystemRandom().randint(*PORTS)
            self.lock = open(os.path.join(tempfile.gettempdir(), f"abide-crash-port-{self.number}"), "w", encoding="utf-8")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    probe.bind(("127.0.0.1", self.number))
                    return
                except OSError:
                    self.lock.close()
        raise RuntimeError("no free port on loopback")

    def release(self):
        try:
            os.unlink(self.lock.name)
        except OSError:
            pass
        self.lock.close()


def sha256_of(path, size):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest()


def scratch_folder():
    """Memory, where there is room: these tests are not about the speed of this machine's disk."""
    try:
        if shutil.disk_usage("/dev/shm").free > 256 << 20:
            return "/dev/shm"
    except OSError:
        pass
    return None


class Child:
    """A process that dies with this one."""

    def __init__(self, command, log, environment=None, folder=None):
        parent = os.getpid()

        def prepare():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        self.log = log
        with open(log, "ab") as file:
            self.log_begins = file.tell()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=folder, preexec_fn=prepare,
                                            env={**os.environ, **(environment or {})})

    def ended(self):
        return self.process.poll()

    def ready(self):
        """Has it said so? Before that, a daemon does not know what to do with SIGTERM."""
        with open(self.log, "rb") as file:
            file.seek(self.log_begins)
            return any(line.startswith(b"ready ") for line in file)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def tell_where_it_is(self):
        """Into its log, and here: what every thread of it waits for."""
        command = ["gdb", "-p", str(self.process.pid), "-batch", "-ex", "thread apply all bt"] if shutil.which("gdb") else [
            "sh", "-c", f"grep -H . /proc/{self.process.pid}/task/*/wchan /proc/{self.process.pid}/task/*/comm"]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(told)
        print(f"{self.log}: still there {STOP_SLOW:.0f} s after it was told to stop:\n{told}", file=sys.stderr)

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(STOP_SLOW)
        except subprocess.TimeoutExpired:
            self.tell_where_it_is()
        try:
            return self.process.wait(STOP_PATIENCE - STOP_SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"did not end within {STOP_PATIENCE:.0f} s"


class Releases:
    """Three images that differ in content only, published, behind nginx. Shared by all worlds of a test."""

    def __init__(self, binaries, folder, image_bytes):
        self.binaries = binaries
        self.folder = folder
        self.image_bytes = image_bytes
        self.digests = {}
        self.root = os.path.join(folder, "files")
        self.check = os.path.join(folder, "health-check")
        os.makedirs(os.path.join(folder, "server", "temp"))
        os.makedirs(self.root)
        for seed, kind in enumerate(VERSIONS, start=1):
            table = os.path.join(folder, kind + ".services")
            with open(table, "w", encoding="utf-8") as file:
                file.write(f"[services]\nnetwork=active\nworkload={WORKLOAD[kind]}\n[end]\n")
            self.tool("create", self.image(kind), "--profile", PROFILE, "--version", VERSIONS[kind], "--size", str(image_bytes), "--seed", str(seed),
                      "--content", table)
            self.digests[kind] = sha256_of(self.image(kind), image_bytes)
            self.tool("publish", "--root", self.root, "--image", self.image(kind))
        with open(self.check, "w", encoding="utf-8") as file:
            file.write(HEALTH_CHECK)
        os.chmod(self.check, 0o755)
        self.reserved = Port()
        self.port = self.reserved.number
        config = os.path.join(folder, "server", "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(user="user root;\n" if os.geteuid() == 0 else "", port=self.port, root=self.root))
        self.server = Child([program("nginx"), "-p", os.path.join(folder, "server"), "-c", config, "-e", "stderr"], os.path.join(folder, "nginx.log"))

    def image(self, kind):
        return os.path.join(self.folder, kind + ".raw")

    def tool(self, *words):
        done = subprocess.run([os.path.join(self.binaries, "abide-image"), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"abide-image {words[0]}: {done.stdout.strip()}")

    def kind_of(self, path):
        digest = sha256_of(path, self.image_bytes)
        return next((kind for kind, known in self.digests.items() if known == digest), "something else")

    def __getstate__(self):
        """For the processes of a pool: all but what cannot be passed on."""
        return {**self.__dict__, "server": None, "reserved": None}

    def stop(self):
        self.server.kill()
        self.reserved.release()


class World:
    """Broker, orchestrator, agent. `variant` is the program ("agent" or "orchestrator") that runs with crash points, with this
    environment until it has died once. A process that ends by itself is started again, as systemd would."""

    def __init__(self, binaries, folder, releases, variant=None, environment=None, disks=None):
        self.binaries = binaries
        self.folder = folder
        self.releases = releases
        self.variant = variant
        self.environment = dict(environment or {})
        # Where the two machines keep what must outlive them.
        self.node_disk, self.orchestrator_disk = disks or (os.path.join(folder, "node"), os.path.join(folder, "orchestrator"))
        self.ports = (Port(), Port())
        self.broker_port, self.api_port = (port.number for port in self.ports)
        self.broker = self.orchestrator = self.agent = None
        self.deaths = []  # (program, code)
        self.made = []  # (path, key of its list, name) of what was answered with success
        self.linked = None  # the policy whose link was answered with success
        self.copied = False  # from a template: the orchestrator holds what it does not know to be the newest
        self.unmarked = None  # set to ["a"]: the power may have gone before the mark was set, and the outcome bars the image all the same
        self.may_die = variant  # once, by SIGKILL, and also while it is being stopped
        self.orchestrator_more = []  # settings of it, in every start
        self.always = {}  # {program: environment}, in every start
        self.on_death = lambda name: None  # before it is started again
        os.makedirs(folder, exist_ok=True)

    # -- processes -------------------------------------------------------------------------------------------------------

    def log(self, name):
        return os.path.join(self.folder, name + ".log")

    def start_broker(self):
        path = os.path.join(self.folder, "mosquitto.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(configuration(self.binaries, self.broker_port))
        self.broker = Child([program("mosquitto"), "-c", path], self.log("broker"), folder=self.folder)

    def _program(self, name):
        crashing = self.variant == name and not any(died == name for died, _ in self.deaths)
        path = os.path.join(self.binaries, f"abide-{name}" + ("-crashing" if crashing else ""))
        return path, {**self.always.get(name, {}), **(self.environment if crashing else {})}

    def start_orchestrator(self):
        path, environment = self._program("orchestrator")
        self.orchestrator = Child([path, "--state", self.orchestrator_disk + "/state", "--broker", f"mqtt://127.0.0.1:{self.broker_port}",
                                   "--listen", f"127.0.0.1:{self.api_port}", "--releases", f"http://127.0.0.1:{self.releases.port}", "--project", PROJECT,
                                   *SETTINGS_ORCHESTRATOR, *self.orchestrator_more], self.log("orchestrator"), environment, self.folder)

    def start_agent(self):
        path, environment = self._program("agent")
        self.agent = Child(self._agent(path, UUID, self.node_disk), self.log("agent"), environment, self.folder)

    def _agent(self, path, uuid, disk):
        return [path, "--state", disk + "/state", "--broker", f"mqtt://127.0.0.1:{self.broker_port}", "--project", PROJECT, "--uuid", uuid, "--boot",
                f"image_file:{disk}/boot", "--check", f"services={self.releases.check}", *SETTINGS_AGENT]

    @contextlib.contextmanager
    def another_agent(self, uuid, disk):
        """A second node beside the first, as long as this lasts; tended as the first is."""
        command = self._agent(os.path.join(self.binaries, "abide-agent"), uuid, disk)
        agents = [Child(command, self.log("agent-2"), None, self.folder)]
        tend = self.tend

        def tend_both():
            tend()
            if agents[0].ended() is not None:
                agents[0] = Child(command, self.log("agent-2"), None, self.folder)

        self.tend = tend_both
        try:
            yield
        finally:
            self.tend = tend
            agents[0].kill()

    def make_node(self):
        self.releases.tool("init-node", self.node_disk + "/boot", "--image", self.releases.image("base"), "--slot-size",
                           str(self.releases.image_bytes + (64 << 10)))

    def start(self):
        self.start_broker()
        self.start_orchestrator()
        self.start_agent()

    def tend(self):
        for name in ("orchestrator", "agent"):
            child = getattr(self, name)
            if child is None or child.ended() is None:
                continue
            self.deaths.append((name, child.ended()))
            if len(self.deaths) > 20:
                raise Wrong(f"{name} keeps ending: {self.deaths[-3:]}")
            self.on_death(name)
            getattr(self, "start_" + name)()
        if self.broker.ended() is not None:
            raise Wrong("the broker ended")

    def stop(self):
        """Ends them in order. A daemon that is told to stop ends with 0; its last words may be a point to die at."""
        codes = {}
        for name in ("agent", "orchestrator"):
            if getattr(self, name) is not None:
                codes[name] = getattr(self, name).stop()
                if codes[name] == -signal.SIGKILL and self.may_die == name and not self.deaths:
                    self.deaths.append((name, codes.pop(name)))
                    self.on_death(name)
        if self.broker is not None:
            self.broker.kill()
        bad = {name: code for name, code in codes.items() if code != 0}
        if bad:
            raise Wrong(f"ended badly: {bad}")

    def kill(self):
        for child in (self.agent, self.orchestrator, self.broker):
            if child is not None:
                child.kill()
        for port in self.ports:
            port.release()

    # -- the API -----------------------------------------------------------------------------------------------------------

    def call(self, method, path, body=None):
        """The answer as JSON; None where there is none, or it is "not now"."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=5)
        try:
            connection.request(method, f"/v1/projects/{PROJECT}{path}", None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status in (502, 503, 504):
                return None
            if answer.status >= 400:
                raise Wrong(f"{method} {path}: {answer.status} {text.decode(errors='replace')[:300]}")
            return json.loads(text) if text else {}
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def wait(self, what, reached, patience=PATIENCE, every=LOOK_EVERY):
        until = time.monotonic() + patience
        look_at = 0.0
        while True:
            self.tend()
            if time.monotonic() >= look_at:
                found = reached()
                if found:
                    return found
                look_at = time.monotonic() + every
            if time.monotonic() > until:
                raise Wrong(f"not in {patience:.0f} s: {what}")
            time.sleep(TEND_EVERY)

    def ask(self, method, path, body=None):
        return self.wait(f"an answer to {method} {path}", lambda: self.call(method, path, body))

    def host(self):
        answer = self.call("GET", "/compute/hosts")
        hosts = answer["hosts"] if answer else []
        if len(hosts) > 1:
            raise Wrong(f"{len(hosts)} hosts where there is one node")
        host = hosts[0] if hosts else None
        if host and self.linked and host["instance"].get("updatePolicy", {}).get("resourceId") != self.linked:
            raise Wrong("a link that was answered with success is gone")
        return host

    # -- the story -----------------------------------------------------------------------------------------------------------

    def prepare(self):
        """To the state that each run begins with: a node that is known and runs `base`, two policies, an open window."""
        for kind in ("good", "bad"):
            os_id = self.wait(f"{kind} is discovered", lambda kind=kind: next(
                (one["resourceId"] for one in (self.call("GET", "/compute/os") or {"OperatingSystemResources": []})["OperatingSystemResources"]
                 if one["imageId"] == VERSIONS[kind]), None))
            self._make("/os-update-policies", "osUpdatePolicies", kind, lambda os_id=os_id: {"updatePolicy": "UPDATE_POLICY_TARGET", "targetOsId": os_id})
        host = self.wait("the node is heard of", lambda: self._heard_of(self.host()))
        self._make("/schedules/single", "singleSchedules", "now", lambda: {
            "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "startSeconds": int(time.time()) + 1, "targetHostId": host["resourceId"]})
        self.wait("the window is open", lambda: (self.host() or {}).get("instance", {}).get("node", {}).get("windowOpen")
                  and self.host()["instance"]["node"]["document"]["takenByNode"])

    def _make(self, path, key, name, rest):
        """Until it is there, once. What was answered with success must stay: the next list is asked for that."""

        def made():
            listed = self.call("GET", path)
            if listed is None or any(one["name"] == name for one in listed[key]):
                return listed is not None
            answered = self.call("POST", path, {"name": name, **rest()})
            if answered is not None:
                self.made.append((path, key, name))
            return False

        self.wait(f"{path} {name}", made)

    @staticmethod
    def _heard_of(host):
        return host if host and host["instance"].get("node", {}).get("osImageId") == VERSIONS["base"] else None

    def confirm(self):
        """The state is a copy, which the stamp tells: every node is held until somebody confirms."""

        def confirmed():
            host = self.host()
            if host and host["instance"].get("node", {}).get("held"):
                self.call("POST", f"/compute/hosts/{host['resourceId']}/confirm", {})
                return False
            return host

        self.wait("the node is confirmed", confirmed)

    def link(self, policy_name):
        policies = self.wait("the policies", lambda: self.call("GET", "/os-update-policies"))["osUpdatePolicies"]
        policy = next((one["resourceId"] for one in policies if one["name"] == policy_name), None)
        if policy is None:
            raise Wrong(f"policy {policy_name} is gone")
        host = self.wait("the host", self.host)
        self.linked = None

        def linked():
            # An answer that did not come may have been lost after the deed: asked again, it must change nothing.
            now = self.host()
            if now and now["instance"].get("updatePolicy", {}).get("resourceId") == policy:
                return True
            return now and self.call("PATCH", f"/compute/instances/{host['instance']['resourceId']}", {"osUpdatePolicyID": policy}) is not None

        self.wait(f"policy {policy_name} is linked", linked)
        self.linked = policy

    def wait_for(self, outcome, offers):
        def ended():
            host = self.host()
            if not host:
                return False
            at = host["instance"]["node"]
            runs = (self.call("GET", "/os-update-runs") or {"osUpdateRuns": []})["osUpdateRuns"]
            ends = [run.get("outcome") for run in runs]
            if len(ends) > offers:
                raise Wrong(f"{len(ends)} runs where {offers} were asked for: {ends}")
            if len(ends) == offers and outcome not in ends and None not in ends:
                raise Wrong(f"ended otherwise than {outcome}: {[(run.get('outcome'), run.get('reason'), run.get('evidence')) for run in runs]}")
            return len(ends) == offers and outcome in ends and None not in ends and at["phase"] == "Idle"

        self.wait(f"outcome {outcome}", ended)

    def check_store(self, name):
        state = (self.node_disk if name == "agent" else self.orchestrator_disk) + "/state"
        for _ in range(STORE_TRIES):
            done = subprocess.run([os.path.join(self.binaries, f"abide-{name}"), "check", "--state", state], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=120, check=False)
            lines = done.stdout.strip().splitlines()
            if lines:
                told = json.loads(lines[-1])
                if done.returncode != 0 or told["differences"]:
                    raise Wrong(f"abide-{name} check: {done.stderr.strip()} {lines[-1]}")
                return told
            self.tend()
            time.sleep(LOOK_EVERY)
        raise Wrong(f"abide-{name} check: {done.stderr.strip()}")

    def settle(self):
        """Until the orchestrator has every event of the node."""

        def settled():
            host = self.host()
            if not host:
                return False
            told = self.check_store("agent")
            at = host["instance"]["node"]
            return host if at.get("journal") == told["journal"] and at.get("upto", 0) == told["last"] == told["acked"] and at.get("online") else None

        while True:
            deaths = len(self.deaths)
            host = self.wait("the orchestrator has every event", settled)
            self.wait("both are up", lambda: self.agent.ready() and self.orchestrator.ready())
            self.tend()
            if len(self.deaths) == deaths:  # else the last of it was a point to die at, and a new start is a new event
                return host

    def play(self):
        """One update, one rollback, and everything that must be so afterwards."""
        if self.copied:
            self.confirm()
        self.wait("the node is online", lambda: (self.host() or {}).get("instance", {}).get("node", {}).get("online"))
        self.link("good")
        self.wait_for("Succeeded", 1)
        self.link("bad")
        self.wait_for("RolledBack", 2)
        host = self.settle()
        for path, key, name in self.made:
            if not any(one["name"] == name for one in self.ask("GET", path)[key]):
                raise Wrong(f"{path} {name} was answered with success and is gone")
        events = self.ask("GET", f"/events?hostId={host['resourceId']}&pageSize=1000")
        self.stop()
        self.judge(host, events)

    def judge(self, host, events):
        """API, both journals and the bytes on disk tell the same, and that is one success and one rollback; and nobody has lost a
        journal on the way, which would be noticed as a fork, a new one, or a hold."""
        node = self.check_store("agent")
        fleet = self.check_store("orchestrator")["projects"][0]
        offers = {kind: count for kind, count in node["offers"].items() if count}
        instance = host["instance"]
        stored = fleet["nodes"][0]
        with open(self.node_disk + "/boot/boot.json", encoding="utf-8") as file:
            boot = json.load(file)
        alarms = sorted({event["type"] for event in events["events"]} & ALARMS)
        sequences = [event["nodeSequence"] for event in events["events"] if event.get("source") == "node"]
        told = {
            "offers of the node's journal": (offers, {"accepted": 2, "Succeeded": 1, "RolledBack": 1}),
            "runs of the orchestrator": ((fleet["openRuns"], {kind: count for kind, count in fleet["closedRuns"].items() if count}),
                                         (0, {"Succeeded": 1, "RolledBack": 1})),
            "nodes of the orchestrator": (fleet["nodeCount"], 1),
            "journal of the node": ((stored["journal"], stored["upto"]), (node["journal"], node["last"])),
            "events of the node at the API": (sequences, list(range(1, node["last"] + 1))),
            "alarms": (alarms, []),
            "phase": ((node["phase"], instance["node"]["phase"]), ("Idle", "Idle")),
            "image by journal and API": ((node["os_image_id"], instance["os"]["imageId"]), (VERSIONS["good"], VERSIONS["good"])),
            "slots that run, and will run": ((boot["running"], boot["default"], boot["one_shot"]), ("b", "b", None)),
            "slots marked bad": (boot["bad"] or self.unmarked, ["a"]),
            "bytes of the slots": (tuple(self.releases.kind_of(f"{self.node_disk}/boot/slot-{slot}") for slot in "ab"), ("bad", "good")),
        }
        for what, (found, wanted) in told.items():
            if found != wanted:
                raise Wrong(f"{what}: {found} in place of {wanted}")

    def tail(self, name, lines=15):
        try:
            with open(self.log(name), encoding="utf-8", errors="replace") as file:
                return "".join(line[:300].rstrip("\n") + "\n" for line in file.readlines()[-lines:])
        except OSError:
            return ""
