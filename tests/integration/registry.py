"""Debian's docker-registry on a free loopback port, and profiles in it as their publisher pushes them."""

import hashlib
import http.client
import json
import os
import shutil
import subprocess

from api_world import eventually, free_port

ARTIFACT = "application/vnd.intel.orch.en"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.process = None
        os.makedirs(directory)
        with open(os.path.join(directory, "config.yml"), "w", encoding="utf-8") as file:
            file.write(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {directory}/storage\nhttp:\n  addr: 127.0.0.1:{self.port}\n")
        self.start()

    def start(self):
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen([shutil.which("docker-registry"), "serve", os.path.join(self.directory, "config.yml")],
                                            stdout=log, stderr=log, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})

        def up():
            try:
                return self.ask("GET", "/v2/")[0] == 200
            except OSError:
                return False
        eventually("docker-registry answers", up)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ask(self, method, target, body=None, kind="application/octet-stream"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, body, {"Content-Type": kind})
            response = connection.getresponse()
            response.read()
            return response.status, response.headers
        finally:
            connection.close()

    def push_blob(self, repository, content):
        status, headers = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        assert status == 202, status
        target = headers["Location"].split(f":{self.port}", 1)[-1]
        status, _ = self.ask("PUT", target + ("&" if "?" in target else "?") + "digest=" + digest_of(content), content)
        assert status == 201, status

    def push(self, repository, tag, name, content):
        """As `oras push --artifact-type ... NAME.yaml` does."""
        self.push_blob(repository, b"{}")
        self.push_blob(repository, content)
        layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(content), "size": len(content),
                 "annotations": {"org.opencontainers.image.title": name + ".yaml"}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": ARTIFACT,
                    "config": {"mediaType": ARTIFACT, "digest": digest_of(b"{}"), "size": 2}, "layers": [layer]}
        status, _ = self.ask("PUT", f"/v2/{repository}/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST)
        assert status == 201, status
