#!/usr/bin/env python3
"""readable_bus_test.py SOURCE BINARIES: what schemas/README.md says about reading the bus works, word for word.

A real Mosquitto with our configuration and ACL, on a free port. Messages are those that an earlier build encoded (the
fuzzer's seeds), published by their own speakers; the shell commands are taken out of the README.
"""
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(sys.argv[1]).resolve()
BINARIES = pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(SOURCE / "tools" / "demonstration"))

from broker import configuration  # noqa: E402
MARK = "<!-- tested by tests/integration/readable_bus_test.py -->"
NODE = "02020202-0202-0202-0202-020202020202"
UP_WITHIN_S = 10
PROMPT_WITHIN_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_broker(work):
    """The broker and its port; another port where somebody else took the first."""
    for _ in range(5):
        port = free_port()
        (work / "mosquitto.conf").write_text(configuration(BINARIES, port))
        broker = subprocess.Popen(["mosquitto", "-c", work / "mosquitto.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + UP_WITHIN_S
        while broker.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return broker, port
        broker.kill()
        broker.wait()
    sys.exit("mosquitto does not start")


def commands_of_readme(port):
    text = (SOURCE / "schemas/README.md").read_text()
    found = re.findall(re.escape(MARK) + r"\n```sh\n(.*?)```", text, re.S)
    assert len(found) == 2, f"{len(found)} blocks of commands are marked as tested"
    for block in found:
        assert "-p 1883" in block, block
    return [block.replace("-p 1883", f"-p {port}") for block in found]


def seed(name):
    return SOURCE / "tests/fuzz/corpus/codec" / name


def publish(port, user, topic, name, *options):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-u", user, "-t", topic, "-f", seed(name), "-q", "1", *options],
                   check=True, timeout=PROMPT_WITHIN_S)


def check_one_message(port, command, work):
    """The first block: a retained document becomes JSON, with its body readable."""
    publish(port, "orchestrator", f"abide/v1/p/to/{NODE}/policy-linked", "Document", "-r")
    (work / "schemas").symlink_to(SOURCE / "schemas")
    out = subprocess.run(["bash", "-euc", command], cwd=work, capture_output=True, text=True, timeout=PROMPT_WITHIN_S)
    assert out.returncode == 0, out.stdout + out.stderr
    assert (work / "m.bin").read_bytes() == seed("Document").read_bytes(), "mosquitto_sub did not give the payload byte for byte"
    message = json.loads(out.stdout)
    assert message["payload_type"] == "Document", message
    assert message["journal"] == 0x0123456789ABCDEF, message
    body = message["payload"]["body"]
    assert body["link"]["release"]["os_image_id"].startswith("os_image_id-"), body
    assert body["window"]["opens_at_ms"] > 0, body
    assert bytes(body["manifest"]).startswith(b"manifest"), body


def read_line(process, wanted):
    """The next line that contains `wanted`; the process's own end is a failure."""
    while True:
        line = process.stdout.readline()
        assert line, f"schemas/watch ended before it said {wanted!r}"
        if wanted in line:
            return line


def check_all_messages(port, command, work):
    """The second block: every message, a line each; and what is no envelope is said to be none."""
    watch = subprocess.Popen(shlex.split(command), cwd=work, stdout=subprocess.PIPE, text=True)
    try:
        read_line(watch, "Document")  # the retained one: it has subscribed
        names = sorted(path.name for path in (SOURCE / "tests/fuzz/corpus/codec").iterdir())
        for name in names:
            publish(port, NODE, f"abide/v1/p/from/{NODE}/status", name)
        (work / "junk").write_bytes(b"junk that is no envelope")
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-u", NODE, "-t", f"abide/v1/p/from/{NODE}/rollback", "-f",
                        work / "junk", "-q", "1"], check=True, timeout=PROMPT_WITHIN_S)
        for name in names:
            topic, _, text = read_line(watch, "/status").partition(" ")
            assert topic == f"abide/v1/p/from/{NODE}/status", topic
            assert json.loads(text)["payload_type"] == name, f"{name}: {text}"
        assert "not an envelope: 24 bytes" in read_line(watch, "/rollback")
    finally:
        watch.terminate()
        watch.wait()


def main():
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        broker, port = start_broker(work)
        try:
            one, every = commands_of_readme(port)
            check_one_message(port, one, work)
            check_all_messages(port, every, work)
        finally:
            broker.terminate()
            broker.wait()
    print("ok")


main()
