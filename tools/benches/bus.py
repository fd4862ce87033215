"""What goes over the bus for 10,000 nodes, beside bare clients on the same broker.

  opened     one maintenance schedule on a region: from the API call to the last window-opened at a subscriber, beside a bare publisher
             of the very same messages with as many in flight
  update     one update of all by abide-node-fleet, as fast as it goes: CPU of the orchestrator beside the broker's, bytes on the bus beside
             those of the payloads, and what is lost
  reconnect  the broker is restarted: until all nodes are connected, subscribed and welcomed again, beside bare clients that connect and
             subscribe, with the same pauses between attempts; and how many messages each node needs for that
"""
import argparse
import json
import sys
import time

from stack import Failed, Stack, cpu_seconds, row, uuid_of

IN_FLIGHT = 1_000  # as the orchestrator has it
OPENED_GOAL = 0.8
CPU_GOAL = 1
BYTES_GOAL = 2
LOSSES_MAX = 0
WENT_WELL = (0, 1)  # of abide-node-fleet: something is lost, or did not end, which its report tells
RECONNECT_GOAL = 1.5
# Out: presence and hello. In: the roll call, and the welcome.
RECONNECT_MESSAGES = 4
RECONNECT_MAX_S = 60  # the longest pause of a node, and of the bare clients
WINDOW_SECONDS = 4 * 3_600
GOALS_MET, GOAL_MISSED, BENCH_FAILED = 0, 1, 4


def messages_of(path):
    """What `bench-bare watch` has written: (topic, bytes of the payload), each."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = 0, []
    while at < len(data):
        topic = int.from_bytes(data[at:at + 2], "big")
        name = data[at + 2:at + 2 + topic].decode()
        at += 2 + topic
        payload = int.from_bytes(data[at:at + 4], "big")
        found.append((name, payload))
        at += 4 + payload
    return found


def opened(options):
    with Stack(options.bin, options.nodes) as stack:
        began = time.monotonic()
        region = stack.register([uuid_of(number) for number in range(options.nodes)])
        print(f"opened: {options.nodes} nodes are registered after {time.monotonic() - began:.1f} s", file=sys.stderr)
        said = stack.path("opened")
        orchestrator, broker = stack.child("orchestrator").pid, stack.child("broker").pid

        def watched(name):
            watch = stack.run("bench-bare", "watch", stack.port, "abide/v1/demo/to/+/window-opened", options.nodes, said if name == "orchestrator" else said + ".again")
            watch.line()
            return watch

        watch = watched("orchestrator")
        cpu = cpu_seconds(orchestrator), cpu_seconds(broker)
        # Its start is the second that is passing, so that it opens at once; early in that second, since a start in the past is refused.
        time.sleep(1 - time.time() % 1)
        asked = time.monotonic()
        start = int(time.time())
        stack.call("POST", "/schedules/single", {"name": "bench", "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "startSeconds": start,
                                                 "endSeconds": start + WINDOW_SECONDS, "targetRegionId": region})
        answered = time.monotonic()
        seen = watch.result()
        cpu = cpu_seconds(orchestrator) - cpu[0], cpu_seconds(broker) - cpu[1]
        took = seen["last_s"] - asked
        messages = messages_of(said)
        if len({topic for topic, _ in messages}) != options.nodes:
            raise Failed(f"not every node was told: {len(messages)} messages")
        size = sum(payload for _, payload in messages) / len(messages)
        print(f"opened: {took:.2f} s, answered after {answered - asked:.2f} s, the first after {seen['first_s'] - asked:.2f} s; {size:.0f} bytes each; "
              f"CPU of the orchestrator {cpu[0]:.2f} s, of the broker {cpu[1]:.2f} s", file=sys.stderr)
        watch = watched("bare")
        cpu = cpu_seconds(broker)
        told = stack.run("bench-bare", "publish", stack.port, options.in_flight, said)
        told.line()
        told = told.result()
        bare_took = watch.result()["last_s"] - told["began_s"]
        print(f"opened: bare {bare_took:.2f} s, the last PUBACK after {told['acknowledged_s'] - told['began_s']:.2f} s; "
              f"CPU of the broker {cpu_seconds(broker) - cpu:.2f} s", file=sys.stderr)
    return [row("window-opened to all, messages/s", options.nodes / took, options.nodes / bare_took, OPENED_GOAL, at_least=True)]


def update(options):
    with Stack(options.bin, options.nodes) as stack:
        report = stack.path("report.json")
        stack.run("abide-node-fleet", "--broker", stack.fleet.broker_url, "--project", "demo", "--nodes", options.nodes, "--api", stack.fleet.api_url, "--drive",
                  "--speed", "max", "--ramp", 500, "--rollback-rate", "5%", "--update-failure-rate", "2%", "--reconnect-max", "1s",
                  "--deadline", f"{options.deadline}s", "--report", report, merged=True).end(2 * options.deadline, WENT_WELL)
        with open(report, encoding="utf-8") as file:
            told = json.load(file)
    cpu = {process["name"]: process["cpu_s"] for process in told["processes"]}
    traffic, losses = told["traffic"], told["losses"]
    if sum(told["outcomes"].values()) < options.nodes:
        raise Failed(f"{sum(told['outcomes'].values())} of {options.nodes} updates have ended, {told['ending']}")
    each = {what: (traffic[what + "_out"] + traffic[what + "_in"]) / options.nodes for what in ("messages", "packets", "bytes", "payload")}
    print(f"update: {told['took_s']:.1f} s, outcomes {told['outcomes']}; of each node {each['messages']:.1f} messages, {each['packets']:.1f} packets, "
          f"{each['bytes']:.0f} bytes; CPU {cpu}; losses {losses}", file=sys.stderr)
    return [row("update of all, CPU s of the orchestrator; the broker's", cpu["abide-orchestrator"], cpu["mosquitto"], CPU_GOAL),
            row("bytes of a node on the bus; of its payloads", each["bytes"], each["payload"], BYTES_GOAL),
            row("events lost", losses["all"], None, LOSSES_MAX)]


def quiet(fleet, nodes):
    """The lines of abide-node-fleet until all are welcomed and nobody has anything to say."""
    while True:
        words = dict(word.split("=", 1) for word in fleet.line().split() if "=" in word)
        if words.get("welcomed") == str(nodes) and words.get("out/s") == "0" and words.get("in/s") == "0":
            return


def reconnect(options):
    with Stack(options.bin, options.nodes, {"--spread-per-node": options.spread}) as stack:
        bare = stack.run("bench-bare", "reconnect", stack.port, options.nodes, RECONNECT_MAX_S * 1_000)
        bare.line()
        stack.restart_broker()
        seen = bare.result()
        bare_took = seen["last_s"] - seen["lost_s"]
        print(f"reconnect: bare: the first after {seen['first_s'] - seen['lost_s']:.2f} s, all after {bare_took:.2f} s", file=sys.stderr)

        names = ["--broker", stack.fleet.broker_url, "--project", "demo", "--nodes", options.nodes]
        listed = stack.run("abide-node-fleet", *names, "--list-nodes").end()
        stack.register([line.split()[1] for line in listed.splitlines()])
        report = stack.path("report.json")
        fleet = stack.run("abide-node-fleet", *names, "--ramp", 1_000, "--reconnect-max", f"{RECONNECT_MAX_S}s", "--status-every", "1d", "--recoveries", 1,
                          "--report", report, merged=True)
        quiet(fleet, options.nodes)
        stack.restart_broker()
        fleet.end()
        with open(report, encoding="utf-8") as file:
            recovery = json.load(file)["recoveries"][0]
        messages = recovery["messages_out"] + recovery["messages_in"]
        print(f"reconnect: nodes: the first after {recovery['first_s']:.2f} s, all after {recovery['connected_s']:.2f} s, welcomed after "
              f"{recovery['welcomed_s']:.2f} s; messages in each {recovery['slice_s'] * 1_000:.0f} ms: {recovery['slices']}", file=sys.stderr)
    return [row("reconnect after a restart of the broker, s", recovery["welcomed_s"], bare_took, RECONNECT_GOAL),
            row("messages of a node's reconnect; what it needs", messages / options.nodes, RECONNECT_MESSAGES, 1)]


BENCHES = {"opened": opened, "update": update, "reconnect": reconnect}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="the programs")
    parser.add_argument("--only", choices=BENCHES, required=True)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="of the bare publisher")
    parser.add_argument("--deadline", type=int, default=240, help="of an update, in seconds")
    parser.add_argument("--spread", default="0ms", help="of the orchestrator's --spread-per-node, with reconnect: the bare clients wait for nothing")
    parser.add_argument("--json", action="store_true", help="rows of name, value, baseline, ratio, goal, met")
    parser.add_argument("--no-limits", action="store_true", help="0 whatever is missed")
    options = parser.parse_args()
    try:
        rows = BENCHES[options.only](options)
    except (Failed, RuntimeError, OSError, ValueError, KeyError) as error:
        print(f"bench {options.only}: {error}", file=sys.stderr)
        return BENCH_FAILED
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        for one in rows:
            print("  ".join(f"{key} {value}" for key, value in one.items()))
    return GOALS_MET if options.no_limits or all(one["met"] for one in rows) else GOAL_MISSED


if __name__ == "__main__":
    sys.exit(main())
