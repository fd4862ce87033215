"""A broker, a release service, an orchestrator and, if wanted, an agent: real processes on free loopback ports."""

import contextlib
import hashlib
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.append(os.path.join(ROOT, "tools", "demonstration"))

from broker import configuration  # noqa: E402

BIN = os.environ.get("ABIDE_BIN", os.path.join(ROOT, "build", "release", "bin"))
DEADLINE = 20.0

MANIFEST = """appVersion: apps/v1
metadata: {{release: 0.0.0-dev, kubernetes-version: v1.32.4}}
spec:
  name: Demo {version}
  type: OS_TYPE_IMMUTABLE
  provider: OS_PROVIDER_KIND_INFRA
  architecture: x86_64
  profileName: {profile}
  osImageUrl: images/{profile}-{version}.raw
  osImageVersion: {version}
  osImageSha256: {sha256}
  osImageSize: 4096
  osExistingCvesURL: cves/{version}.json
  securityFeature: SECURITY_FEATURE_NONE
  description: an image for tests
"""


def eventually(what, condition):
    """Asks again and again until there is an answer, and gives it."""
    until = time.monotonic() + DEADLINE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"not within {DEADLINE:.0f} s: {what}")
        time.sleep(0.02)


CVES = b'[{"cve_id": "CVE-2026-1", "priority": "LOW", "affected_packages": ["demo"]}]'  # what the manifest's list may be


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def manifest(version, profile="demo"):
    return MANIFEST.format(version=version, profile=profile, sha256=hashlib.sha256(version.encode()).hexdigest()).encode()


class Releases:
    """A release service over HTTP that knows ETags, counts what it is asked for, and can be told to misbehave."""

    def __init__(self):
        self.files = {}
        self.root = None  # what is not in files is looked for there
        self.asked = []
        self.broken = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # header and body leave together

            def do_GET(self):
                path = self.path.lstrip("/")
                body = outer.files.get(path)
                if body is None and outer.root and os.path.isfile(os.path.join(outer.root, path)):
                    with open(os.path.join(outer.root, path), "rb") as file:
                        body = file.read()
                tag = '"' + hashlib.sha256(body or b"").hexdigest() + '"'
                known = self.headers.get("If-None-Match") == tag
                status = outer.broken.get(path) or (404 if body is None else 304 if known else 200)
                outer.asked.append((path, status))
                self.send_response(status)
                self.send_header("ETag", tag)
                content = body if status == 200 else b""
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, *versions, profile="demo"):
        index = json.loads(self.files.get("index.json", b'{"profiles":[]}'))
        for version in versions:
            path = f"profiles/{profile}/{version}.yaml"
            self.files[path] = manifest(version, profile)
            self.files[f"cves/{version}.json"] = CVES
            index["profiles"].append({"profileName": profile, "osImageVersion": version, "manifest": path,
                                      "sha256": hashlib.sha256(self.files[path]).hexdigest()})
        self.files["index.json"] = json.dumps(index).encode()

    def push(self, repository, tag, profile):
        """As a registry has it; its list of tags is the test's."""
        digest = "sha256:" + hashlib.sha256(profile).hexdigest()
        kind = "application/vnd.intel.orch.en"
        layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(profile),
                 "annotations": {"org.opencontainers.image.title": "demo.yaml"}}
        self.files[f"v2/{repository}/manifests/{tag}"] = json.dumps(
            {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": kind, "config": {"mediaType": kind},
             "layers": [layer]}).encode()
        self.files[f"v2/{repository}/blobs/{digest}"] = profile
        self.files.setdefault("cves/1.2.json", CVES)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="abide-api-")
        self.processes = []
        self.broker_port = free_port()
        self.start_broker()

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def run(self, name, *command):
        out, error = self.path(name + ".out"), self.path(name + ".err")
        with open(out, "wb") as out_file, open(error, "ab") as error_file:
            process = subprocess.Popen(command, stdout=out_file, stderr=error_file, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        process.out, process.error = out, error
        return process

    def start_broker(self):
        with open(self.path("mosquitto.conf"), "w", encoding="utf-8") as file:
            file.write(configuration(BIN, self.broker_port))
        self.broker = self.run("mosquitto", shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin"), "-c", self.path("mosquitto.conf"))

        def up():
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.broker_port), 1).close()
                return True
            return False
        eventually("mosquitto listens", up)

    def start_orchestrator(self, releases, *more, state="state", project="demo", wait=True):
        name = f"orchestrator-{len(self.processes)}"
        flags = {"--state": self.path(state), "--broker": f"mqtt://127.0.0.1:{self.broker_port}", "--listen": "127.0.0.1:0", "--releases": releases,
                 "--project": project, "--reconnect-max": "200ms"}
        flags.update(zip(more[::2], more[1::2]))
        given = [(flag, one) for flag, value in flags.items() for one in ([value] if isinstance(value, str) else value)]
        process = self.run(name, os.path.join(BIN, "abide-orchestrator"), *(word for pair in given for word in pair))
        if wait:
            process.api = Api(eventually("the orchestrator is ready", lambda: self.ready(process)), project)
        return process

    def ready(self, process):
        if process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode}: {self.errors(process)}")
        with open(process.out, encoding="utf-8") as file:
            line = file.readline()
        if not line.endswith("\n"):
            return None
        words = dict(word.split("=", 1) for word in line.split()[1:])
        return words["api"]

    def start_agent(self, uuid, boot, *more):
        return self.run("agent-" + uuid[-4:], os.path.join(BIN, "abide-agent"), "--state", self.path("agent-" + uuid[-4:]), "--broker",
                        f"mqtt://127.0.0.1:{self.broker_port}", "--project", "demo", "--uuid", uuid, "--boot", f"image_file:{boot}", *more)

    @staticmethod
    def errors(process):
        with open(process.error, encoding="utf-8", errors="replace") as file:
            return file.read()

    def tool(self, *words):
        return subprocess.run([os.path.join(BIN, words[0]), *words[1:]], check=True, stdout=subprocess.PIPE, text=True).stdout

    def check(self, state="state"):
        done = subprocess.run([os.path.join(BIN, "abide-orchestrator"), "check", "--state", self.path(state)], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    @staticmethod
    def end(process, number=signal.SIGTERM):
        process.send_signal(number)
        return process.wait(DEADLINE)

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.json = json.loads(body) if body and headers.get("Content-Type", "").startswith("application/json") else None


class Api:
    """Asks, and remembers every answer for whoever checks them."""

    def __init__(self, url, project):
        self.url = urllib.parse.urlsplit(url)
        self.project = project
        self.answers = []

    def connect(self):
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=DEADLINE)

    def ask(self, method, path, body=None, headers=None, **query):
        if not path.startswith("/"):
            path = f"/v1/projects/{self.project}/{path}"
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent.update(headers or {})
        data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        connection = self.connect()
        try:
            connection.request(method, target, data, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        self.answers.append((method.lower(), path, answer))
        return answer

    def get(self, path, **query):
        return self.ask("GET", path, **query)

    def good(self, method, path, body=None, **query):
        answer = self.ask(method, path, body, **query)
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body!r}")
        return answer.json

    @contextlib.contextmanager
    def stream(self, path, headers=None):
        """Lines of an event stream, as a file."""
        connection = socket.create_connection((self.url.hostname, self.url.port), DEADLINE)
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        connection.sendall(f"GET /v1/projects/{self.project}/{path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        file = connection.makefile("rb")
        head = file.readline()
        while file.readline() not in (b"\r\n", b""):
            pass
        if b" 200 " not in head:
            raise AssertionError(head)
        try:
            yield file
        finally:
            file.close()
            connection.close()


def next_event(file):
    """The next event of a stream: (id, type, object)."""
    event = {}
    while True:
        line = file.readline()
        if not line:
            raise AssertionError("the stream ended")
        line = line.decode().rstrip("\n")
        if not line and "data" in event:
            return int(event["id"]), event["event"], json.loads(event["data"])
        if line and not line.startswith(":"):
            name, value = line.split(": ", 1)
            event[name] = value
