"""What tools/demo promises, one promise a call:  demo_test.py --bin DIR PROMISE"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from demo import EXPECTED, counts, fail, processes, start

PATIENCE = 150.0


def run(binaries, *words):
    demo = start(binaries, *words)
    output, _ = demo.communicate(timeout=PATIENCE)
    print(output)
    return demo.returncode, output


def expect_counts(expected, code, output):
    told = counts(output)
    if told != expected:
        fail(f"the last line is {told}, not {expected}")
    if code != 0:
        fail(f"the exit code is {code}")


def expected_counts(binaries, directory):
    expect_counts(EXPECTED, *run(binaries, "--once", "--state", directory, "--download-rate", "0"))
    if left := processes(directory):
        fail(f"still running: {left}")


def fleet_in_place_of_agents(binaries, directory):
    code, output = run(binaries, "--once", "--fleet", "--nodes", "60", "--state", directory, "--deadline", "120")
    told = counts(output)
    if not told or code != 0 or told["nodes"] != 60 or told["lost"] != 0 or told["updated"] + told["rolled_back"] + told["failed"] != 60:
        fail(f"the last line is {told}, the exit code is {code}")
    with open(os.path.join(directory, "report.html"), encoding="utf-8") as page:
        if "<svg" not in page.read():
            fail("the page has no plots")
    if left := processes(directory):
        fail(f"still running: {left}")
    # Without --state what it says that it has written is all that stays.
    code, output = run(binaries, "--once", "--fleet", "--nodes", "20", "--deadline", "120")
    said = re.search(r"report (\S+)   page (\S+)", output)
    if code != 0 or not said:
        fail(f"the exit code is {code}, or it names no report")
    temporary = os.path.dirname(said[1])
    stayed = sorted(os.listdir(temporary))
    shutil.rmtree(temporary)
    if stayed != ["report.html", "report.json"]:
        fail(f"in its temporary directory stays {stayed}")


def explains_the_rollback(binaries, directory):
    """The rolled-back node's health check is named, by its orchestrator's history and by its own; the others wait for a window.
    And decide, run over the orchestrator's history, makes that history again."""
    expect_counts(EXPECTED, *run(binaries, "--once", "--state", directory, "--download-rate", "0"))
    orchestrator = os.path.join(directory, "orchestrator")
    agent = os.path.join(directory, "nodes", "edge-1", "state")
    for words in ((orchestrator, "--node", "edge-1"), (agent,)):
        why = replay(binaries, "explain", *words)
        if why["verdict"] != "unhealthy" or why["evidence"]["check"] != "services" or '"services"' not in why["conclusion"]:
            fail(f"explain {words}: {why['verdict']}, {why.get('evidence')}, {why['conclusion']}")
        if "RollbackBegan" not in [told["event"] for told in why["chain"]]:
            fail(f"explain {words}: no cause in {why['chain']}")
    waits = replay(binaries, "explain", orchestrator, "--node", "edge-2")
    if waits["verdict"] not in ("no_window", "window_too_short", "waiting"):
        fail(f"edge-2: {waits['verdict']}, {waits['conclusion']}")
    check = replay(binaries, "what-if", orchestrator)["check"]
    if check["events"] == 0 or check["reproduced"] != check["events"]:
        fail(f"decide makes {check['reproduced']} of {check['events']} events again: {check['differences']}")


def replay(binaries, *words):
    done = subprocess.run([os.path.join(binaries, "abide-replay"), *words, "--output", "json"], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        fail(f"abide-replay {' '.join(words)}: exit code {done.returncode}, {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def goes_on(binaries, directory):
    """Killed in the middle, started again: the same end. And once more, which is quick."""
    demo = start(binaries, "--once", "--state", directory)
    for line in demo.stdout:
        print(line, end="")
        if "closing the windows" in line:
            demo.kill()
            break
    demo.wait()
    demo.stdout.close()
    wait_until_gone(directory)
    expect_counts(EXPECTED, *run(binaries, "--once", "--state", directory))
    began = time.monotonic()
    expect_counts(EXPECTED, *run(binaries, "--once", "--state", directory))
    if (took := time.monotonic() - began) > 10:
        fail(f"the second start took {took:.1f} s")


def leaves_nothing(binaries, directory):
    """Neither after Ctrl-C nor after kill -9, in the middle of an update."""
    for number, how in enumerate((signal.SIGINT, signal.SIGKILL)):
        state = os.path.join(directory, str(number))
        demo = start(binaries, "--state", state, "--nodes", "3")
        for line in demo.stdout:
            print(line, end="")
            if "Staging" in line:
                break
        running = processes(state)
        if len(running) < 6:
            fail(f"expected broker, release service, orchestrator and three agents, found {running}")
        demo.send_signal(how)
        demo.communicate(timeout=20)
        wait_until_gone(state)


def wait_until_gone(directory):
    until = time.monotonic() + 10
    while left := processes(directory):
        if time.monotonic() > until:
            fail(f"still running: {left}")
        time.sleep(0.05)


def change_a_byte(directory, node, of_the_running):
    boot = os.path.join(directory, "nodes", node, "boot")
    with open(os.path.join(boot, "boot.json"), encoding="utf-8") as file:
        running = json.load(file)["running"]
    slot = running if of_the_running else "b" if running == "a" else "a"
    with open(os.path.join(boot, f"slot-{slot}"), "r+b") as file:
        file.seek(1 << 20)
        byte = file.read(1)
        file.seek(1 << 20)
        file.write(bytes([byte[0] ^ 1]))


def notices_disagreement(binaries, directory):
    """Bytes that are not what everybody says: counted, exit code 1. In a staged slot the agent finds and mends them."""
    words = ("--once", "--state", directory, "--nodes", "2", "--download-rate", "0")
    expected = {**EXPECTED, "nodes": 2, "updated": 2, "waiting": 1}
    expect_counts(expected, *run(binaries, *words))
    change_a_byte(directory, "edge-2", of_the_running=False)
    expect_counts(expected, *run(binaries, *words))
    change_a_byte(directory, "edge-2", of_the_running=True)
    code, output = run(binaries, *words)
    told = counts(output)
    if code != 1 or not told or told["disagreements"] != 1 or told["updated"] != 1:
        fail(f"a changed byte of the running slot: exit code {code}, {told}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--slow-boot-state")
    parser.add_argument("promise", choices=["expected_counts", "fleet_in_place_of_agents", "explains_the_rollback", "goes_on", "leaves_nothing", "notices_disagreement"])
    given = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="abide-test-")
    try:
        globals()[given.promise](given.bin, directory)
    finally:
        for pid in processes(directory):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
