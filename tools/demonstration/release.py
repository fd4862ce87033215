"""The release service: three images that differ in content only, their manifests, and nginx in front of them."""

import json
import os
import subprocess

PROFILE = "microvisor-nonrt"
MIB = 1 << 20
SLOT_SPARE = 8 * MIB  # a slot is larger than its image
# The bad image is the newest: LATEST asks for it.
NEWER_SEED = 1000
VERSIONS = {"base": "3.0.20260317.0732", "good": "3.0.20260602.2200", "bad": "3.0.20260811.0415"}

# What stands in an image right behind its header, and what the health check judges: nothing else tells good from bad.
SERVICES = "[services]\nnetwork=active\nstorage=active\nworkload={workload}\n[end]\n"
WORKLOAD = {"base": "active", "good": "active", "bad": "crash-loop"}

# The same command for every node and image. It sees the bytes of the slot on trial, and these alone.
HEALTH_CHECK = """#!/bin/sh
# Are all services that this slot would start up and running? Its table of services follows the 4 KiB header.
sleep @SECONDS@
table=$(dd if="$ABIDE_SLOT_PATH" bs=4096 skip=1 count=1 2>/dev/null | tr -d '\\000' | LC_ALL=C sed -n '/^\\[services\\]$/,/^\\[end\\]$/p')
case "$table" in
*"[end]"*) ;;
*) echo "this slot has no table of services"; exit 1 ;;
esac
sick=$(printf '%s\\n' "$table" | LC_ALL=C grep = | grep -v '=active$')
[ -z "$sick" ] && exit 0
echo "not active: $sick"
exit 1
"""

SERVER_CONFIG = """{user}daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  log_format bytes '$time_iso8601 $remote_addr "$request" $status $body_bytes_sent range="$http_range"';
  access_log access.log bytes;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  default_type application/octet-stream;
  types {{ application/json json; text/yaml yaml; }}
  sendfile on;
  server {{
    listen 127.0.0.1:{port};
    root {root};
    {rate}
    location / {{ etag on; }}
  }}
}}
"""


class Release:
    def __init__(self, fleet, directory):
        self.fleet = fleet
        self.root = os.path.join(directory, "files")
        self.server_directory = os.path.join(directory, "server")
        self.health_check = os.path.join(directory, "health-check")
        self.images = os.path.join(directory, "images")  # made, but not all published yet
        self.digests = {}
        self.image_size = fleet.given.image_size * MIB

    def prepare(self):
        for folder in (self.root, self.images, os.path.join(self.server_directory, "temp")):
            os.makedirs(folder, exist_ok=True)
        self._write_health_check()
        made = self.fleet.record.get("images")
        if made:
            self.digests = made["sha256"]
            self.image_size = made["size"]
        else:
            for seed, kind in enumerate(VERSIONS, start=1):
                self.digests[kind] = self._make_image(kind, seed)
            self.fleet.remember("images", {"sha256": self.digests, "size": self.image_size})
        self.publish("base")

    def publish_newer(self, number):
        """One more image of the same kind as the good one, newer than all before; the greater `number` the newer."""
        version = f"3.1.{number}"
        path = os.path.join(self.images, version + ".raw")
        self._tool("create", path, "--profile", PROFILE, "--version", version, "--size", str(self.image_size), "--seed", str(NEWER_SEED + number))
        self._tool("publish", "--root", self.root, "--image", path, "--name", f"Edge Microvisor Toolkit {version}")
        os.remove(path)

    def image_path(self, kind):
        return os.path.join(self.images, kind + ".raw")

    def publish(self, kind):
        """Doing it twice changes nothing."""
        self._tool("publish", "--root", self.root, "--image", self.image_path(kind), "--name", f"Edge Microvisor Toolkit {VERSIONS[kind]}",
                   "--description", "Edge Microvisor Toolkit for x86_64 architecture")

    def make_node(self, folder):
        """Two slot files and boot.json; slot a runs the base image."""
        self._tool("init-node", folder, "--image", self.image_path("base"), "--slot-size", str(self.image_size + SLOT_SPARE))

    def write_server_config(self, port, rate_mib):
        path = os.path.join(self.server_directory, "nginx.conf")
        config = SERVER_CONFIG.format(user="user root;\n" if os.geteuid() == 0 else "", port=port, root=self.root,
                                      rate=f"limit_rate {rate_mib}m;" if rate_mib > 0 else "")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        return path

    def _make_image(self, kind, seed):
        table = os.path.join(self.images, kind + ".services")
        with open(table, "w", encoding="utf-8") as file:
            file.write(SERVICES.format(workload=WORKLOAD[kind]))
        made = self._tool("create", self.image_path(kind), "--profile", PROFILE, "--version", VERSIONS[kind], "--size", str(self.image_size),
                          "--seed", str(seed), "--content", table)
        return json.loads(made)["sha256"]

    def _tool(self, *words):
        done = subprocess.run([self.fleet.path_of("abide-image"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"abide-image {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def _write_health_check(self):
        with open(self.health_check + ".new", "w", encoding="utf-8") as file:
            file.write(HEALTH_CHECK.replace("@SECONDS@", str(self.fleet.given.check_takes)))
        os.chmod(self.health_check + ".new", 0o755)
        os.replace(self.health_check + ".new", self.health_check)
