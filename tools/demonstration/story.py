"""The acts of the demo. Each looks first whether it has happened, so that a second start goes on where the first ended."""

import json
import time

from api import Refused, Unreachable
from fleet import PROJECT
from release import VERSIONS
from verdict import judge

LOOK_EVERY = 0.2  # seconds
TEND_EVERY = 0.02
POLICY = "newest"
OPEN_TIME = 3600  # seconds a window is planned for


class Story:
    def __init__(self, fleet, screen, given):
        self.fleet = fleet
        self.screen = screen
        self.given = given
        self.api = fleet.api()
        self.reached = fleet.record.get("reached", 0)
        self.looked_at = 0.0
        self.hosts = {}

    # -- the plot --------------------------------------------------------------------------------------------------------

    def run(self):
        acts = [self._begin, self._publish_good, self._link, self._open_windows, self._wait_for_good, self._close_windows,
                self._publish_bad, self._wait_for_staged, self._open_second_window, self._wait_for_rollback, self._tell_why]
        self.screen.say(f"{len(self.fleet.nodes)} nodes, state in {self.fleet.directory}")
        self.fleet.start()
        self.screen.say(f"broker {self.fleet.broker_url}   release service http://127.0.0.1:{self.fleet.ports['release']}   API {self.fleet.api_url}")
        self._register()
        self.fleet.start_agents()
        self._wait("every node is heard of", lambda: all(host["instance"].get("node", {}).get("osImageId") for host in self.hosts.values()))
        for number, act in enumerate(acts, start=1):
            if number <= self.reached:
                continue
            act()
            self.reached = number
            self.fleet.remember("reached", number)

    def _register(self):
        """Names that read better than what a node that registers itself gets."""
        known = {host["uuid"] for host in self._ask(self.api.hosts)}
        for node in self.fleet.nodes:
            if node.uuid not in known:
                try:
                    self._ask(lambda node=node: self.api.call("POST", "/compute/hosts/register", {"name": node.name, "uuid": node.uuid}))
                except Refused as refused:  # it was registered, and only the answer was lost
                    if refused.status not in (400, 409):
                        raise

    def _begin(self):
        self._wait("every node runs the base image", lambda: self._all_run("base"))

    def _publish_good(self):
        self.screen.say(f"publishing {VERSIONS['good']}")
        self._publish("good")

    def _link(self):
        self.screen.say(f"linking policy {POLICY} (LATEST) to all")
        policy = self._policy()
        for host in self.hosts.values():
            if host["instance"].get("updatePolicy", {}).get("resourceId") != policy:
                self._ask(lambda host=host: self.api.call("PATCH", f"/compute/instances/{host['instance']['resourceId']}", {"osUpdatePolicyID": policy}))

    def _open_windows(self):
        self.screen.say("opening one window for each host")
        for node in self.fleet.nodes:
            self._open_window(node, "first")

    def _wait_for_good(self):
        self._wait("every node has confirmed the good image", lambda: self._all_run("good") and self._all_idle())

    def _close_windows(self):
        self.screen.say("closing the windows")
        for schedule in self._schedules():
            self._ask_deleted(f"/schedules/single/{schedule['resourceId']}")
        self._wait("every node knows that its window is closed", lambda: all(
            not host["instance"]["node"]["windowOpen"] and host["instance"]["node"]["document"]["takenByNode"] for host in self.hosts.values()))

    def _publish_bad(self):
        self.screen.say(f"publishing {VERSIONS['bad']}, which never becomes healthy")
        self._publish("bad")

    def _wait_for_staged(self):
        self._wait("every node has staged it", lambda: all(self._phase(host) == "Staged" for host in self.hosts.values()))

    def _open_second_window(self):
        first = self.fleet.nodes[0]
        self.screen.say(f"opening a window for {first.name} alone")
        self._open_window(first, "second")

    def _wait_for_rollback(self):
        first = self.fleet.nodes[0]
        self._wait(f"{first.name} has rolled back", lambda: self._last_run(first).get("outcome") == "RolledBack"
                   and self._phase(self.hosts[first.uuid]) == "Idle")

    def _tell_why(self):
        first = self.fleet.nodes[0]
        run = self._last_run(first)
        evidence = run.get("evidence", {})
        self.screen.say(f"{first.name} rolled back: {run.get('reason')}; {evidence.get('detail', '')}")
        for line in evidence.get("outputTail", "").strip().splitlines()[-3:]:
            self.screen.say(f"    {line}")
        for node in self.fleet.nodes[1:2]:
            host = self.hosts[node.uuid]
            told = self._ask(lambda host=host: self.api.call("GET", f"/compute/hosts/{host['resourceId']}/explain"))
            self.screen.say(f"{node.name} is {told['phase']} and waits: " + "; ".join(condition["text"] for condition in told["conditions"]))

    # -- the end ---------------------------------------------------------------------------------------------------------

    def verdict(self):
        """The closing line. 0 where all three sources agree and nothing is lost."""
        self._settle()
        hosts = list(self.hosts.values())
        runs = self._ask(self.api.runs)
        failed = self.fleet.stop_servers()
        for name, code in failed:
            self.screen.say(f"{name} ended badly: {code}")
        result, remarks = judge(self.fleet, hosts, runs)
        for remark in remarks:
            self.screen.say(remark)
        if self.fleet.supervisor.restarts():
            self.screen.say(f"processes started again: {self.fleet.supervisor.restarts()}")
        self.screen.end()
        print(json.dumps(result, separators=(",", ":")), flush=True)
        return 1 if result["disagreements"] or result["lost"] or failed else 0

    def _settle(self):
        """Until every node has nothing more to say: it is not staging, and the orchestrator has its newest event.

        Both at one look, for an agent that starts with a staged image stages it anew where its bytes have changed. One that
        is still starting will say one more: it is online only after it has journaled that it started."""

        def settled():
            for node in self.fleet.nodes:
                told, _ = self.fleet.check_store("abide-agent", node.state)
                at = self.hosts[node.uuid]["instance"]["node"]
                if told is None or at.get("journal") != told["journal"] or at.get("upto", 0) < told["last"] or not at.get("online"):
                    return False
                if "Staging" in (told["phase"], at["phase"]):
                    return False
            return True

        self._wait("no node is staging, and the orchestrator has every event", settled, every=0.5)

    def stay(self):
        self.screen.end()
        ctl = f"{self.fleet.path_of('abidectl')} --server {self.fleet.api_url} --project {PROJECT}"
        first = self.fleet.nodes[0].name
        last = self.fleet.nodes[-1].name
        self.screen.say("up until Ctrl-C. To try:")
        for words in ("get hosts --output wide", f"explain host {last}", "get runs", f"describe host {first}", f"get events --host {first}",
                      f"create schedule tonight --host {last} --type osupdate --start now", "watch hosts"):
            self.screen.say(f"    {ctl} {words}")
        self.screen.say(f"    mosquitto_sub -p {self.fleet.ports['broker']} -u observer -t 'abide/v1/#' -v | cat -v")
        while True:
            self._look()
            time.sleep(TEND_EVERY)

    # -- asking ----------------------------------------------------------------------------------------------------------

    def _ask(self, call):
        """Once more where the orchestrator does not answer: it may be starting again."""
        until = time.monotonic() + self.given.deadline
        while True:
            try:
                return call()
            except Unreachable as silent:
                if time.monotonic() > until:
                    raise RuntimeError(str(silent)) from None
            self.fleet.tend()
            time.sleep(TEND_EVERY)

    def _ask_deleted(self, path):
        try:
            self._ask(lambda: self.api.call("DELETE", path))
        except Refused as refused:
            if refused.status != 404:  # gone already, and only the answer was lost
                raise

    def _look(self, every=LOOK_EVERY):
        """Tends the processes; looks at the hosts and shows them when it is time. True where it has looked."""
        self.fleet.tend()
        if time.monotonic() - self.looked_at < every:
            return False
        self.looked_at = time.monotonic()
        try:
            mine = {node.uuid for node in self.fleet.nodes}
            self.hosts = {host["uuid"]: host for host in self.api.hosts() if host["uuid"] in mine}
        except Unreachable:
            return False
        self.screen.show([self._row(self.hosts[node.uuid]) for node in self.fleet.nodes if node.uuid in self.hosts],
                         f"API {self.fleet.api_url}   started again: {self.fleet.supervisor.restarts()}")
        return True

    def _wait(self, what, reached, every=LOOK_EVERY):
        until = time.monotonic() + self.given.deadline
        while True:
            if self._look(every):
                try:
                    if len(self.hosts) == len(self.fleet.nodes) and reached():
                        return
                except Unreachable:
                    pass
            if time.monotonic() > until:
                raise RuntimeError(f"not in {self.given.deadline:.0f} s: {what}")
            time.sleep(TEND_EVERY)

    def _publish(self, kind):
        self.fleet.release.publish(kind)

        def found():
            self.api.call("POST", "/refresh", {})
            return any(os["imageId"] == VERSIONS[kind] for os in self.api.list("/compute/os", "OperatingSystemResources"))

        self._wait(f"the orchestrator has found the {kind} image", found)

    def _policy(self):
        for policy in self._ask(lambda: self.api.list("/os-update-policies", "osUpdatePolicies")):
            if policy["name"] == POLICY:
                return policy["resourceId"]
        try:
            self._ask(lambda: self.api.call("POST", "/os-update-policies", {"name": POLICY, "updatePolicy": "UPDATE_POLICY_LATEST"}))
        except Refused as refused:
            if refused.status not in (400, 409):
                raise
        return next(policy["resourceId"] for policy in self._ask(lambda: self.api.list("/os-update-policies", "osUpdatePolicies"))
                    if policy["name"] == POLICY)

    def _schedules(self):
        return self._ask(lambda: self.api.list("/schedules/single", "singleSchedules"))

    def _open_window(self, node, which):
        name = f"{which} {node.name}"

        def there():
            return any(schedule.get("name") == name for schedule in self._schedules())

        until = time.monotonic() + self.given.deadline
        while not there():
            start = int(time.time()) + 1
            try:
                self._ask(lambda: self.api.call("POST", "/schedules/single", {
                    "name": name, "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "startSeconds": start, "endSeconds": start + OPEN_TIME,
                    "targetHostId": self.hosts[node.uuid]["resourceId"]}))
            except Refused:
                # The start has passed while the orchestrator was away: once more, with a later one.
                if time.monotonic() > until:
                    raise

    def _last_run(self, node):
        runs = [run for run in self._ask(self.api.runs) if run.get("instance", {}).get("resourceId") == self.hosts[node.uuid]["instance"]["resourceId"]]
        return max(runs, key=lambda run: [int(part) for part in run["offer"].split(".")], default={})

    # -- what a host shows -------------------------------------------------------------------------------------------------

    @staticmethod
    def _phase(host):
        return host["instance"].get("updateProgress", {}).get("phase", "")

    def _all_run(self, kind):
        return all(host["instance"].get("os", {}).get("imageId") == VERSIONS[kind]
                   and host["instance"]["node"].get("osImageId") == VERSIONS[kind] for host in self.hosts.values())

    def _all_idle(self):
        return all(self._phase(host) == "Idle" for host in self.hosts.values())

    def _row(self, host):
        instance = host["instance"]
        progress = instance.get("updateProgress", {})
        phase = progress.get("phase", "")
        detail = ""
        if host.get("hostStatusIndicator") == "STATUS_INDICATION_ERROR":
            detail = host["hostStatus"]
        elif phase == "Staging" and progress.get("bytesPerSecond") and self.screen.redraw:
            detail = f"{progress['bytesPerSecond'] / (1 << 20):.0f} MiB/s"
        outcome = instance.get("node", {}).get("outcome", {})
        if phase == "Idle" and outcome.get("kind") == "RolledBack":
            detail = f"rolled back: {outcome['reason']}"
        return {"host": host["name"], "phase": phase, "percent": progress.get("percent") if phase == "Staging" else None,
                "image": instance.get("os", {}).get("imageId", "?"), "status": instance.get("updateStatus", ""), "detail": detail}
