"""The orchestrator's REST API, from outside: a real process, a real broker, a release service, an agent.

Every answer is validated against schemas/openapi.yaml; where ABIDE_REFERENCE_OPENAPI names another description of
the same paths, against that, too, but for what ours marks `x-abide`."""

import contextlib
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from api_schema import Description  # noqa: E402
from api_world import BIN, CVES, ROOT, Api, Releases, World, eventually, manifest, next_event  # noqa: E402

UUID = "11111111-2222-3333-4444-5555555555%02d"
HEALTH_CHECK = "#!/bin/sh\ngrep -q 'workload=fine' \"$ABIDE_SLOT_PATH\"\n"


class Case(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.stop)
        self.releases = Releases()
        self.addCleanup(self.releases.stop)

    def serve(self, *more, **options):
        process = self.world.start_orchestrator(options.pop("releases", self.releases.url), *more, **options)
        self.serving = process
        self.addCleanup(self.validate, process)
        return process

    def validate(self, process):
        """Every answer that this test has got."""
        if not hasattr(process, "api"):
            return
        with open(os.path.join(ROOT, "schemas", "openapi.yaml"), encoding="utf-8") as file:
            ours = Description(file.read())
        theirs = None
        if os.environ.get("ABIDE_REFERENCE_OPENAPI"):
            with open(os.environ["ABIDE_REFERENCE_OPENAPI"], encoding="utf-8") as file:
                theirs = Description(file.read())
        faults = []
        for verb, path, answer in process.api.answers:
            if answer.status == 304:  # to If-None-Match of any GET; it has no body
                faults += [f"{verb} {path} 304: has a body"] if answer.body else []
                continue
            template = ours.template_of(path)
            schema = ours.schema_of(verb, template, answer.status, answer.headers.get("Content-Type", "application/json").split(";")[0])
            if schema is None and answer.status >= 400:
                schema = {"$ref": "#/components/schemas/Error"}
            if schema is False or (schema is None and template is None):
                continue
            where = f"{verb} {path} {answer.status}"
            if schema is None:
                faults.append(f"{where}: is not described")
                continue
            CHECKED.add((verb, template, answer.status))
            faults += [f"{where}: {fault}" for fault in ours.faults(schema, answer.json)]
            their_schema = theirs.schema_of(verb, template, answer.status) if theirs and answer.status == 200 else None
            if their_schema:
                faults += [f"{where}: reference: {fault}" for fault in theirs.faults(their_schema, ours.without_own(schema, answer.json))]
        self.assertEqual(faults, [])


CHECKED = set()


class Answers(Case):
    def test_a_whole_update_is_seen_through_the_api(self):
        world = self.world
        os.makedirs(world.path("images"))
        for version, workload, seed in (("1.0.0", "fine", "1"), ("1.1.0", "fine", "2"), ("1.2.0", "broken", "3")):
            with open(world.path("images", "content"), "w", encoding="utf-8") as file:
                file.write(f"workload={workload}\n")
            world.tool("abide-image", "create", world.path("images", version), "--profile", "demo", "--version", version, "--size", "1048576", "--seed", seed,
                       "--content", world.path("images", "content"))
        publish = lambda version: world.tool("abide-image", "publish", "--root", world.path("releases"), "--image", world.path("images", version),
                                             "--name", f"Demo {version}", "--description", "an image for tests")
        publish("1.0.0")
        world.tool("abide-image", "init-node", world.path("boot"), "--image", world.path("images", "1.0.0"), "--slot-size", "1148576")
        with open(world.path("health"), "w", encoding="utf-8") as file:
            file.write(HEALTH_CHECK)
        os.chmod(world.path("health"), 0o755)
        self.releases.root = world.path("releases")  # the same directory over HTTP, for the node
        api = self.serve("--releases-poll", "100ms", "--ack-after", "50ms", "--spread-per-node", "0ms", "--files", self.releases.url,
                         releases=world.path("releases")).api
        host = api.good("POST", "compute/hosts/register", {"name": "edge-1", "uuid": UUID % 1})
        self.assertEqual(host["hostStatus"], "Not Connected")
        self.assertEqual(host["instance"]["updateStatus"], "No Current Update")
        policy = api.good("POST", "os-update-policies", {"name": "newest", "description": "keep on newest", "updatePolicy": "UPDATE_POLICY_LATEST"})
        world.start_agent(UUID % 1, world.path("boot"), "--check", f"workload={world.path('health')}", "--check-again-every", "50ms", "--check-deadline", "2s",
                          "--trial-deadline", "1s", "--switch-time", "100ms", "--progress-every", "50ms")
        seen = lambda: api.good("GET", f"compute/hosts/{host['resourceId']}")
        instance = host["instance"]["resourceId"]
        eventually("the node says what it runs", lambda: seen()["instance"].get("os", {}).get("imageId") == "1.0.0")
        self.assertEqual(seen()["instance"]["updateStatus"], "No new updates available")
        eventually("its presence is known", lambda: seen()["hostStatus"] == "Running")

        api.good("PATCH", f"compute/instances/{instance}", {"osUpdatePolicyID": policy["resourceId"]})
        publish("1.1.0")
        start = int(time.time()) + 2
        window = api.good("POST", "schedules/single", {"name": "now", "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "startSeconds": start, "endSeconds": start + 3600,
                                                       "targetHostId": host["resourceId"]})
        eventually("the new image runs", lambda: seen()["instance"]["os"]["imageId"] == "1.1.0" and seen()["instance"]["updateStatusIndicator"] == "STATUS_INDICATION_IDLE")
        told = "updated from 1.0.0 to 1.1.0"
        history = eventually("its history tells it", lambda: [e["text"] for e in api.good("GET", f"compute/hosts/{host['resourceId']}/timeline")["entries"]
                                                              if e["text"] == told])
        self.assertEqual(history, [told], "once")
        self.assertIn(told, api.get(f"compute/hosts/{host['resourceId']}/timeline", format="text").body.decode())
        run = eventually("the run is closed", lambda: [r for r in api.good("GET", "os-update-runs")["osUpdateRuns"] if r.get("outcome")])[0]
        self.assertEqual((run["status"], run["outcome"]), ("Update completed", "Succeeded"))
        self.assertGreaterEqual(run["endTime"], run["startTime"])
        self.assertEqual(run["instance"]["resourceId"], instance)
        self.assertEqual(run["appliedPolicy"]["name"], "newest")

        publish("1.2.0")
        failed = eventually("the bad image is rolled back", lambda: [r for r in api.good("GET", "os-update-runs", filter="status=\"failed\"")["osUpdateRuns"]])[0]
        self.assertEqual((failed["outcome"], failed["reason"]), ("RolledBack", "unhealthy"))
        self.assertIn("rolledback", failed["statusDetails"])
        self.assertEqual(failed["evidence"]["check"], "workload")
        self.assertEqual(failed["statusIndicator"], "STATUS_INDICATION_ERROR")
        self.assertEqual(seen()["instance"]["os"]["imageId"], "1.1.0")
        self.assertEqual(seen()["instance"]["osUpdateAvailable"], "Demo 1.2.0")

        # Lists, one after the other, with what people filter by.
        self.assertEqual(api.good("GET", "os-update-runs", filter=f'instance.resourceId="{instance}"')["totalElements"], 2)
        self.assertEqual(api.good("GET", "os-update-runs", filter='instance.resourceId="inst-00000000"')["totalElements"], 0)
        self.assertEqual(api.good("GET", "os-update-runs", orderBy="startTime", pageSize=1)["osUpdateRuns"][0]["resourceId"], run["resourceId"])
        self.assertTrue(api.good("GET", "compute/os", pageSize=2)["hasNext"])
        for path, key in (("compute/hosts", "hosts"), ("compute/instances", "instances")):
            behind = api.good("GET", path, after="00000000-0000-0000-0000-000000000000")
            self.assertEqual(len(behind[key]), api.good("GET", path)["totalElements"])
        self.assertEqual(api.good("GET", "compute/hosts", filter='instance.os.imageId="1.1.0" AND has(instance.update_policy)')["totalElements"], 1)
        for path in (f"os-update-runs/{run['resourceId']}", f"os-update-policies/{policy['resourceId']}", f"compute/instances/{instance}", "compute/instances",
                     f"schedules/single/{window['resourceId']}", "schedules", "schedules/single", "os-update-policies", "compute/hosts/summary", "sources", "profiles/sources",
                     "events", f"compute/hosts/{host['resourceId']}/explain", f"compute/hosts/{host['resourceId']}/confirmation", "/healthz", "/v1/projects", "sites", "regions", "regions/region-00000000/sites",
                     "locations", "schedules/repeated", "/readyz", f"compute/os/{seen()['instance']['os']['resourceId']}"):
            api.good("GET", path)
        events = api.good("GET", "events", hostId=host["resourceId"], pageSize=1000)["events"]
        types = [event["type"] for event in events]
        for wanted in ("NodeRegistered", "AgentStarted", "Accepted", "ImageStaged", "SwitchBegan", "TrialPassed", "Succeeded", "RollbackBegan", "RolledBack", "RunClosed"):
            self.assertIn(wanted, types)
        self.assertEqual([e["nodeSequence"] for e in events if e["source"] == "node"], list(range(1, 1 + sum(e["source"] == "node" for e in events))))

        # What instances, hosts and OS resources can be told beside that.
        os_id = seen()["instance"]["os"]["resourceId"]
        as_it_is = {"name": "edge-1", "kind": "INSTANCE_KIND_METAL", "osID": os_id, "osUpdatePolicyID": policy["resourceId"]}
        self.assertEqual(api.good("POST", "compute/instances", {"hostID": host["resourceId"]})["resourceId"], instance)
        self.assertEqual(api.good("PUT", f"compute/instances/{instance}", as_it_is)["updatePolicy"]["name"], "newest")
        self.assertEqual(api.ask("PATCH", f"compute/instances/{instance}", {"osID": "os-00000000"}).json["code"], "FailedPrecondition")
        self.assertEqual(api.ask("DELETE", f"compute/instances/{instance}").json["code"], "FailedPrecondition")
        self.assertEqual(api.ask("PUT", f"compute/instances/{instance}/invalidate").json["code"], "FailedPrecondition")
        self.assertEqual(api.ask("PUT", f"compute/hosts/{host['resourceId']}/invalidate", note="stolen").json["code"], "FailedPrecondition")
        api.good("PATCH", f"compute/hosts/{host['resourceId']}/onboard")
        api.good("PATCH", f"compute/hosts/{host['resourceId']}/register", {"name": "edge-1"})
        self.assertEqual(api.good("PATCH", f"compute/os/{os_id}", {"metadata": '{"tested":"yes"}'})["metadata"], '{"tested":"yes"}')
        self.assertNotIn("metadata", api.good("PUT", f"compute/os/{os_id}", {"architecture": "x86_64"}))
        self.assertEqual(api.good("GET", "compute/hosts_summary", filter="onboardingStatus=onboarded")["total"], 1)
        self.assertEqual(api.get("/edge-infra.orchestrator.apis/v2/instances").json["instances"][0]["resourceId"], instance)
        self.assertEqual(run["description"], "OS update for Demo 1.0.0")

        # Orders.
        for order in ("pause", "resume"):
            self.assertEqual(api.good("POST", f"compute/hosts/edge-1/{order}")["resourceId"], host["resourceId"])
        for order in ("abort", "confirm"):
            self.assertIn(api.ask("POST", f"compute/hosts/edge-1/{order}", {}).status, (200, 400))
        self.assertIn("no conflict", api.good("POST", "compute/hosts/edge-1/resolve", {"journal": "0123456789abcdef"})["note"])
        api.good("PATCH", f"compute/hosts/{host['resourceId']}", {"name": "edge-one"})
        api.good("PATCH", f"schedules/single/{window['resourceId']}", {"name": "later"})
        api.good("PUT", f"schedules/single/{window['resourceId']}", {"scheduleStatus": "SCHEDULE_STATUS_MAINTENANCE", "startSeconds": start + 7200})
        api.good("DELETE", f"schedules/single/{window['resourceId']}")
        self.places(api, host["resourceId"], policy["resourceId"])
        api.good("PATCH", f"compute/instances/{instance}", {"osUpdatePolicyID": policy["resourceId"]})  # once more
        eventually("the node knows", lambda: seen()["instance"]["node"]["document"]["takenByNode"])
        api.good("PATCH", f"compute/instances/{instance}", {"osUpdatePolicyID": ""})
        closed = lambda: all("endTime" in r for r in api.good("GET", "os-update-runs")["osUpdateRuns"])
        eventually("and that it is taken back", closed)
        api.good("DELETE", f"os-update-policies/{policy['resourceId']}")
        api.good("DELETE", f"os-update-runs/{run['resourceId']}")
        made = api.good("POST", "compute/os", {"name": "By hand", "imageUrl": "https://images.example/x.raw", "imageId": "9.9", "profileName": "by-hand",
                                               "sha256": "ab" * 32, "osType": "OS_TYPE_IMMUTABLE", "osProvider": "OS_PROVIDER_KIND_INFRA"})
        api.good("DELETE", f"compute/os/{made['resourceId']}")
        api.good("POST", "sources/refresh", {})
        api.good("POST", "refresh")
        second = api.good("POST", "compute/hosts", {"name": "edge-2", "uuid": (UUID % 2).upper()})
        api.good("DELETE", f"compute/hosts/{second['resourceId']}")
        self.assertEqual(api.good("PUT", "/v1/projects/second"), {"name": "second"})
        self.assertEqual(api.get("/openapi.yaml").status, 200)
        code, report = world.check()
        self.assertEqual((code, report["differences"]), (0, 0), report)
        demo = next(project for project in report["projects"] if project["project"] == "demo")
        self.assertEqual((demo["openRuns"], demo["closedRuns"].get("Succeeded", 0), demo["closedRuns"]["RolledBack"]), (0, 0, 1))

        # Runs that are kept for a second only; the newest of a host stays.
        newest = api.good("GET", "os-update-runs")["osUpdateRuns"][0]["resourceId"]
        self.assertNotEqual(newest, failed["resourceId"])
        self.assertEqual(self.world.end(self.serving), 0)
        api = self.serve("--keep-runs", "1s", releases=world.path("releases")).api
        eventually("the old run is gone", lambda: api.get(f"os-update-runs/{failed['resourceId']}").status == 404)
        self.assertEqual([r["resourceId"] for r in api.good("GET", "os-update-runs")["osUpdateRuns"]], [newest])
        expired = api.good("GET", "events", type="RunDeleted")["events"]
        self.assertIn({"node": UUID % 1, "run_id": failed["resourceId"], "expired": "true"}, [e["fields"] for e in expired])
        code, report = world.check()
        self.assertEqual((code, report["differences"]), (0, 0), report)

    def places(self, api, host, policy):
        """Regions, sites, what is linked to them and what is repeated, all verbs of each."""
        metadata = [{"key": "tier", "value": "gold"}]
        world = api.good("POST", "regions", {"name": "world", "metadata": metadata})["resourceId"]
        north = api.good("POST", "regions", {"name": "north", "parentId": world})["resourceId"]
        inner = api.good("POST", f"regions/{north}/sites", {"name": "oslo", "siteLat": 599139000, "siteLng": 107522000})["resourceId"]
        outer = api.good("POST", "sites", {"name": "turku", "regionId": north, "metadata": metadata})["resourceId"]
        for path, more in ((f"regions/{world}", {}), (f"sites/{outer}", {"regionId": north}), (f"regions/{north}/sites/{inner}", {"regionId": north})):
            api.good("PUT", path, {"name": "renamed", "metadata": metadata, **more})
            self.assertEqual(api.good("PATCH", path, {"osUpdatePolicyID": policy})["updatePolicy"]["resourceId"], policy)
            self.assertEqual(api.good("GET", path)["metadata"], metadata)
        self.assertEqual(api.good("GET", "regions", showTotalSites="true", filter="NOT has(parentRegion)")["regions"][0]["totalSites"], 2)
        self.assertEqual(api.good("GET", "sites", filter=f"region.parentRegion.resourceId={world}")["totalElements"], 2)
        self.assertEqual(len(api.good("GET", f"regions/{north}/sites")["sites"]), 2)
        self.assertEqual(api.good("GET", "locations", name="renamed", showSites="true")["outputElements"], 4)
        api.good("PATCH", f"compute/hosts/{host}", {"siteId": outer})
        # Of a request that is refused nothing is done: the name neither.
        named = lambda: [api.good("GET", path)["name"] for path in (f"compute/hosts/{host}", f"sites/{outer}", f"regions/{world}")]
        before = named()
        for path, body in ((f"compute/hosts/{host}", {"name": "half", "siteId": "site-00000000"}), (f"sites/{outer}", {"name": "half", "osUpdatePolicyID": "osupdatepolicy-00000000"}),
                           (f"regions/{world}", {"name": "half", "osUpdatePolicyID": "osupdatepolicy-00000000"})):
            self.assertEqual(api.ask("PATCH", path, body).status, 404)
        self.assertEqual(named(), before)
        linked = api.good("POST", "sites", {"name": "linked", "osUpdatePolicyID": policy})
        self.assertEqual(linked["updatePolicy"]["resourceId"], policy)
        api.good("PATCH", f"sites/{linked['resourceId']}", {"osUpdatePolicyID": ""})
        api.good("DELETE", f"sites/{linked['resourceId']}")
        placed = api.good("PUT", f"compute/hosts/{host}", {"name": "edge-one", "siteId": inner, "metadata": [{"key": "rack", "value": "7"}]})
        self.assertEqual((placed["site"]["resourceId"], placed["inheritedMetadata"]), (inner, metadata))
        self.assertEqual(placed["instance"]["appliedUpdatePolicy"]["from"], "instance")
        api.good("GET", "compute/hosts", filter=f"site.region.resourceId={north}")
        api.good("PATCH", f"os-update-policies/{policy}", {"name": "newest of all"})
        weekly = {"scheduleStatus": "SCHEDULE_STATUS_MAINTENANCE", "durationSeconds": 3600, "cronMinutes": "0", "cronHours": "2", "cronDayMonth": "*",
                  "cronMonth": "*", "cronDayWeek": "6"}
        path = "schedules/repeated/" + api.good("POST", "schedules/repeated", {**weekly, "targetRegionId": world})["resourceId"]
        api.good("PUT", path, {**weekly, "targetSiteId": inner, "timeZone": "Europe/Oslo"})
        api.good("PATCH", path, {"name": "weekly"})
        self.assertEqual(api.good("GET", path)["targetSite"]["resourceId"], inner)
        self.assertEqual(api.good("GET", "schedules", hostId=host)["repeatedSchedules"][0]["name"], "weekly")
        api.good("GET", "schedules/repeated", unixEpoch=1767405600)
        api.good("DELETE", path)
        api.good("PATCH", f"compute/hosts/{host}", {"siteId": ""})
        for path in (f"regions/{north}/sites/{inner}", f"sites/{outer}", f"regions/{north}", f"regions/{world}"):
            if "sites" not in path:
                api.good("PATCH", path, {"osUpdatePolicyID": ""})
            api.good("DELETE", path)

    def test_everything_that_is_described_was_asked_for(self):
        with open(os.path.join(ROOT, "schemas", "openapi.yaml"), encoding="utf-8") as file:
            ours = Description(file.read())
        answered = {(verb, template) for verb, template, status in CHECKED if status < 500}
        answered |= {("get", "/openapi.yaml"), ("get", "/metrics")}  # no JSON
        self.assertEqual(ours.operations() - answered, set())
        if os.environ.get("ABIDE_REFERENCE_OPENAPI"):
            with open(os.environ["ABIDE_REFERENCE_OPENAPI"], encoding="utf-8") as file:
                self.assertEqual(Description(file.read()).operations() - ours.operations(), set())


class Streams(Case):
    def test_hundreds_of_streams_stay_open_and_get_each_event_in_journal_order(self):
        api = self.serve("--stream-keep-alive", "200ms").api
        opened = [api.stream("events?watch=true&type=PolicyCreated") for _ in range(300)]
        files = [stream.__enter__() for stream in opened]
        try:
            for file in files:
                self.assertEqual(file.readline(), b"retry: 2000\n")
            for number in range(20):
                api.good("POST", "os-update-policies", {"name": f"p{number}", "updatePolicy": "UPDATE_POLICY_LATEST"})
            for file in files:
                got = [next_event(file) for _ in range(20)]
                self.assertEqual([event[2]["fields"]["policy.name"] for event in got], [f"p{number}" for number in range(20)])
                self.assertEqual([event[0] for event in got], sorted(event[0] for event in got))
            self.assertEqual(files[0].readline(), b": keep-alive\n")
            self.assertEqual(api.get("/healthz").status, 200)
        finally:
            for stream in opened:
                stream.__exit__(None, None, None)

    def test_a_stream_goes_on_after_the_last_event_that_its_reader_saw(self):
        process = self.serve()
        api = process.api
        for number in range(5):
            api.good("POST", "os-update-policies", {"name": f"p{number}", "updatePolicy": "UPDATE_POLICY_LATEST"})
        last = api.good("GET", "events")["last"]
        with api.stream("events?watch=true", {"Last-Event-ID": str(last - 2)}) as file:
            self.assertEqual([next_event(file)[0] for _ in range(2)], [last - 1, last])
        # Also over a restart: the sequence is the journal's.
        self.assertEqual(self.world.end(process, signal.SIGKILL), -signal.SIGKILL)
        again = self.serve().api
        with again.stream(f"events?watch=true&after={last - 1}") as file:
            self.assertEqual(next_event(file)[0], last)
        with again.stream("events?watch=true&type=PolicyCreated&after=0", {"Last-Event-ID": str(last - 1)}) as file:
            self.assertEqual(next_event(file)[0], last, "the header goes before what the address says")
            again.good("POST", "os-update-policies", {"name": "later", "updatePolicy": "UPDATE_POLICY_LATEST"})
            sequence, _, event = next_event(file)
            self.assertEqual(event["fields"]["policy.name"], "later")
            self.assertGreater(sequence, last)
        for wrong in ("-1", "x", "1.5", "99999999999999999999"):
            self.assertEqual(again.ask("GET", "events?watch=true", headers={"Last-Event-ID": wrong}).status, 400, wrong)
        self.assertEqual(again.ask("GET", "events?watch=true", headers={"Last-Event-ID": str(sequence + 1000)}).status, 410)

    def test_more_streams_than_the_limit_are_refused(self):
        api = self.serve("--streams-max", "2").api
        with api.stream("events?watch=true") as first, api.stream("events?watch=true") as second:
            first.readline(), second.readline()
            self.assertEqual(api.get("events", watch="true").status, 503)
        eventually("there is room again", lambda: self.opens(api))

    @staticmethod
    def opens(api):
        try:
            with api.stream("events?watch=true") as file:
                return file.readline() == b"retry: 2000\n"
        except AssertionError:
            return False


class Retention(Case):
    """Events that are kept for a second only."""

    def test_old_events_go_and_the_store_still_proves_itself(self):
        world = self.world
        self.releases.publish("1.0.0", "1.1.0")
        process = self.serve("--keep-events", "1s")
        api = process.api
        eventually("the images and their lists are known", lambda: all(
            "CVE-2026-1" in os_resource.get("existingCves", "") for os_resource in
            [api.good("GET", "compute/os/" + found["resourceId"]) for found in api.good("GET", "compute/os")["OperatingSystemResources"]] or [{}]))
        host = api.good("POST", "compute/hosts", {"name": "edge-1", "uuid": UUID % 1})["resourceId"]
        gone = api.good("POST", "compute/hosts", {"name": "edge-2", "uuid": UUID % 2})["resourceId"]
        api.good("DELETE", f"compute/hosts/{gone}")
        self.churn(api, host, lambda: api.good("GET", "events")["oldest"] > 1)
        page = api.good("GET", "events")
        self.assertGreater(page["oldest"], 1000)

        # Whoever wants what is gone is told so, also where the oldest moves on meanwhile.
        for headers, query in (({"Last-Event-ID": "5"}, {}), ({}, {"after": 0}), ({}, {"after": 5}), ({}, {"since": "2020-01-01T00:00:00Z"})):
            refused = api.ask("GET", "events", headers=headers, watch="true", **query)
            self.assertEqual((refused.status, refused.json["code"]), (410, "OutOfRange"), (headers, query))
            self.assertGreaterEqual(refused.json["oldest"], page["oldest"])
            self.assertIn(f"the oldest is {refused.json['oldest']}", refused.json["message"])

        def oldest_of_stream():
            oldest = api.good("GET", "events")["oldest"]
            try:
                with api.stream(f"events?watch=true&after={oldest - 1}") as file:
                    return next_event(file)[0] == oldest
            except AssertionError:
                return False
        eventually("a stream begins with the oldest", oldest_of_stream)
        oldest = self.pages_end(api)
        self.assertGreaterEqual(oldest, page["oldest"])
        told = subprocess.run([os.path.join(BIN, "abidectl"), "get", "events", "--limit", "3"], stdout=subprocess.PIPE, text=True, check=True,
                              env={**os.environ, "ABIDE_SERVER": api.url.geturl(), "ABIDE_PROJECT": "demo"}).stdout
        self.assertEqual(len(told.splitlines()), 3)
        self.assertEqual(api.good("GET", f"compute/hosts/{host}/timeline")["hasNext"], False)
        api.good("GET", f"compute/hosts/{host}/explain")
        self.proves_itself()

        # Whenever it dies.
        for _ in range(3):
            killer = threading.Timer(0.7, lambda: self.serving.kill())
            killer.start()
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                self.churn(self.serving.api, host, lambda: False)
            killer.join()
            self.assertEqual(self.serving.wait(20), -signal.SIGKILL)
            self.proves_itself()
            self.serving = world.start_orchestrator(self.releases.url, "--keep-events", "1s")
        before = self.proves_itself()
        api = self.serving.api
        self.churn(api, host, lambda: api.good("GET", "events")["oldest"] > before + 1)
        self.assertEqual(world.end(self.serving), 0)
        base = self.proves_itself()
        self.assertGreater(base, before)

        # A backup of it, and a part of it.
        world.tool("abide-orchestrator", "backup", world.path("backups"), "--state", world.path("state"))
        world.tool("abide-orchestrator", "restore", world.path("backups"), "--state", world.path("restored"))
        self.assertEqual(self.proves_itself("restored"), base)
        world.tool("abide-replay", "export", world.path("state"), "--since", str(base + 5), "--out", world.path("part.abide"))
        world.tool("abide-replay", "import", world.path("part.abide"), "--state", world.path("part"))
        self.assertEqual(self.proves_itself("part", check=False), base + 4)
        api = self.serve(state="restored").api
        self.assertEqual(api.good("GET", f"compute/hosts/{host}")["name"], "edge-1")
        self.assertEqual(self.pages_end(api), base + 1)

    @staticmethod
    def churn(api, host, done):
        """Many events, until it is so; several at once, as each is a commit."""
        until = time.monotonic() + 60
        failed = []
        window = {"scheduleStatus": "SCHEDULE_STATUS_MAINTENANCE", "startSeconds": int(time.time()) + 86400, "targetHostId": host}
        once = Api(api.url.geturl(), api.project)  # whose thousand answers need no look

        def work():
            try:
                while time.monotonic() < until and not failed and not over.is_set():
                    made = once.good("POST", "schedules/single", window)["resourceId"]
                    once.good("DELETE", f"schedules/single/{made}")
            except Exception as failure:  # pylint: disable=broad-except
                failed.append(failure)
        over = threading.Event()
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            while time.monotonic() < until and not failed and not done():
                time.sleep(0.02)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        if failed:
            raise failed[0]
        if not done():
            raise AssertionError("not within 60 s")

    def pages_end(self, api):
        """Back over all pages; gives the oldest."""
        query, seen = {}, []
        while True:
            page = api.good("GET", "events", pageSize=500, **query)
            seen = [event["sequence"] for event in page["events"]] + seen
            if not page["hasNext"]:
                self.assertEqual(seen, list(range(page["oldest"], seen[-1] + 1)))
                return page["oldest"]
            query = {"before": page["before"]}

    def proves_itself(self, state="state", check=True):
        """Gives the base."""
        if check:
            code, report = self.world.check(state)
            self.assertEqual((code, report["differences"]), (0, 0), report)
        verdict = json.loads(self.world.tool("abide-replay", "verify", self.world.path(state), "--output", "json"))
        self.assertTrue(verdict["holds"], verdict)
        return verdict["scopes"][0]["base"]


class Operators(Case):
    def test_of_two_who_change_the_same_thing_one_is_told_so(self):
        api = self.serve().api
        region = api.good("POST", "regions", {"name": "north"})["resourceId"]
        for round_number in range(5):
            tag = api.get(f"regions/{region}").headers["ETag"]
            statuses = []
            threads = [threading.Thread(target=lambda name=name: statuses.append(
                api.ask("PATCH", f"regions/{region}", {"name": name}, headers={"If-Match": tag}).status)) for name in
                       (f"r{round_number}.{n}" for n in range(8))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(statuses), [200] + [412] * 7)
        tag = api.get(f"regions/{region}").headers["ETag"]
        known = api.ask("GET", f"regions/{region}", headers={"If-None-Match": f'"other", {tag}'})
        self.assertEqual((known.status, known.body, known.headers["ETag"]), (304, b"", tag))
        self.assertEqual(api.ask("DELETE", f"regions/{region}", headers={"If-Match": '"other"'}).status, 412)
        self.assertEqual(api.ask("DELETE", f"regions/{region}", headers={"If-Match": tag}).status, 200)

    def test_numbers_for_prometheus_are_there_and_right(self):
        process = self.serve()
        api = process.api
        self.assertEqual(eventually("it is ready", lambda: api.get("/readyz").status == 200 and api.get("/readyz").json), {"status": "ready", "waitsFor": []})
        api.good("POST", "compute/hosts", {"name": "edge-1", "uuid": UUID % 1})
        self.assertEqual(api.get("compute/hosts/host-00000000").status, 404)
        with api.stream("events?watch=true") as file:
            file.readline()
            numbers = self.numbers(api)
        self.assertEqual(numbers['abide_nodes{project="demo",phase="Idle",status="unspecified"}'], 1)
        self.assertEqual(sum(value for name, value in numbers.items() if name.startswith("abide_nodes{")), 1)
        self.assertEqual(numbers['abide_events_stored_total{project="demo"}'], api.good("GET", "events")["last"])
        self.assertEqual((numbers["abide_bus_connected"], numbers["abide_owner_alive"], numbers["abide_http_streams"]), (1, 1, 1))
        self.assertGreaterEqual(numbers['abide_http_answers_total{code="404"}'], 1)
        self.assertEqual(numbers['abide_http_answer_seconds_bucket{le="+Inf"}'], numbers["abide_http_answer_seconds_count"])
        self.assertEqual(numbers['abide_sources_failing{project="demo"}'], 1)  # there is no index.json
        self.world.end(self.world.broker)
        waits = eventually("the broker is missed", lambda: api.get("/readyz").status == 503 and api.get("/readyz").json)
        self.assertEqual(waits, {"status": "not ready", "waitsFor": ["there is no connection to the broker"]})
        self.assertEqual(self.numbers(api)["abide_bus_connected"], 0)
        self.assertEqual(api.get("/healthz").status, 200)

    def numbers(self, api):
        answer = api.get("/metrics")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        numbers, told = {}, set()
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                told.add(line.split()[2])
            if line.startswith("#"):
                continue
            match = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? ([0-9.]+)', line)
            self.assertIsNotNone(match, line)
            self.assertIn(re.sub("_(bucket|sum|count)$", "", match[1]) if match[1] not in told else match[1], told, line)
            self.assertNotIn(match[1] + (match[2] or ""), numbers)
            numbers[match[1] + (match[2] or "")] = float(match[3])
        return numbers

    def test_a_deleted_host_is_forgotten_by_the_bus_and_refused_until_it_is_registered_again(self):
        world = self.world
        os.makedirs(world.path("images"))
        with open(world.path("images", "content"), "w", encoding="utf-8") as file:
            file.write("workload=fine\n")
        world.tool("abide-image", "create", world.path("images", "1.0.0"), "--profile", "demo", "--version", "1.0.0", "--size", "1048576", "--seed", "1",
                   "--content", world.path("images", "content"))
        world.tool("abide-image", "init-node", world.path("boot"), "--image", world.path("images", "1.0.0"), "--slot-size", "1148576")
        options = ("--spread-per-node", "0ms", "--registration", "auto")
        process = self.serve(*options)
        api = process.api
        world.start_agent(UUID % 1, world.path("boot"), "--switch-time", "100ms")
        seen = lambda: api.get(f"compute/hosts/{UUID % 1}")
        host = eventually("it has said hello", lambda: seen().status == 200 and seen().json)["resourceId"]
        api.good("POST", "schedules/single", {"scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "startSeconds": int(time.time()) + 3600, "targetHostId": host})
        eventually("the node knows its window", lambda: seen().json["instance"]["node"].get("document", {}).get("takenByNode"))
        self.assertNotEqual(self.kept(), [])
        self.assertEqual(api.ask("DELETE", f"compute/hosts/{host}", headers={"If-Match": '"other"'}).status, 412)
        api.good("DELETE", f"compute/hosts/{host}")
        eventually("the broker keeps nothing for it", lambda: self.kept() == [])
        self.assertEqual(api.good("GET", "schedules")["totalElements"], 0)
        self.assertEqual(api.get(f"compute/hosts/{UUID % 1}").status, 404)
        self.assertEqual(world.end(process, signal.SIGKILL), -signal.SIGKILL)
        process = self.serve(*options)
        api = process.api
        refused = eventually("its hello is refused", lambda: api.good("GET", "events", type="NodeRefused", node=UUID % 1)["events"])
        self.assertIn("was deleted", refused[0]["fields"]["why"])
        self.assertEqual(api.good("GET", "compute/hosts")["totalElements"], 0)
        self.assertEqual(api.good("GET", f"compute/hosts/{host}/timeline")["entries"][-1]["type"], "NodeRefused")
        again = api.good("POST", "compute/hosts", {"name": "back", "uuid": UUID % 1})
        self.assertNotEqual(again["resourceId"], host)
        eventually("it is heard again", lambda: seen().json["instance"]["node"].get("osImageId") == "1.0.0")
        eventually("and takes what it is told", lambda: seen().json["instance"]["node"]["document"]["takenByNode"])
        self.assertFalse(seen().json["instance"]["node"]["held"])
        code, report = world.check()
        self.assertEqual((code, report["differences"]), (0, 0), report)

    def kept(self):
        """What the broker keeps for nodes."""
        done = subprocess.run(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.world.broker_port), "-u", "observer", "-t", "abide/v1/#",
                               "--retained-only", "-W", "1", "-F", "%t"], stdout=subprocess.PIPE, text=True, check=False)
        return sorted({topic for topic in done.stdout.split() if "/to/" in topic})


class BadInput(Case):
    def test_filters_tags_and_queries_that_mean_nothing_are_refused(self):
        api = self.serve().api
        api.good("POST", "compute/hosts", {"name": "edge-1", "uuid": UUID % 1})
        before = api.good("GET", "events")["last"]
        for text in ("name!", "name<", "hostStatusTimestamp<x", "hostStatusTimestamp>1e999", "hostStatusTimestamp<" + "9" * 400, "timestamps.createdAt>soon",
                     "timestamps.createdAt>-1", "instance>1", "name<>x", "name==x", "name=!x", "\u2264", "name<\x00", "(" * 200 + "name>x" + ")" * 200,
                     "NOT " * 200 + "name>x", "name>" + "x" * 1000):
            self.assertEqual(api.get("compute/hosts", filter=text).status, 400, text)
        for tag in ("x", '"', '"a" "b"', ",", '"a",', "w/\"a\"", '"' + "a" * 4000):
            self.assertEqual(api.ask("PATCH", f"compute/hosts/{UUID % 1}", {"name": "x"}, headers={"If-Match": tag}).status, 400, tag)
        self.assertEqual(api.ask("PATCH", f"compute/hosts/{UUID % 1}", {"name": "x"}, headers={"If-Match": '"a",' * 3000 + '"b"'}).status, 412)
        for path in ("compute/hosts/%2e%2e/timeline", "compute/hosts/..%2f..%2fetc/timeline", "compute/hosts/" + "x" * 4000 + "/timeline",
                     "compute/hosts/%ff%fe/timeline", "compute/hosts/nobody"):
            self.assertEqual(api.get(path).status, 404, path)
            self.assertIn(api.ask("DELETE", path).status, (404, 405), path)
        for query in ("format=xml", "pageSize=0", "before=x", "since=never", "watch=true", "type=", "format=json&format=json"):
            self.assertEqual(api.get(f"compute/hosts/{UUID % 1}/timeline?{query}").status, 400, query)
        self.assertEqual(api.get("os-update-runs", compat="EIM").status, 400)
        self.assertEqual(api.ask("DELETE", f"compute/hosts/{UUID % 1}?force=true").status, 400)
        self.assertEqual(api.good("GET", "events")["last"], before, "it left no trace")

    def raw(self, api, content):
        with socket.create_connection((api.url.hostname, api.url.port), 10) as connection:
            try:
                connection.sendall(content)
            except OSError:
                pass  # it may have hung up already
            answer = b""
            try:
                while chunk := connection.recv(65536):
                    answer += chunk
            except ConnectionResetError:
                pass
            return answer

    def test_requests_beyond_a_limit_get_the_status_that_says_so(self):
        api = self.serve().api
        self.assertEqual(api.ask("POST", "compute/os", b"{" + b" " * 100 * 1024 + b"}").status, 413)
        self.assertEqual(api.ask("POST", "compute/os", b" " * (100 * 1024 - 2) + b"{}").status, 400)
        self.assertEqual(api.ask("GET", "compute/os?filter=" + "a" * 9000).status, 414)
        self.assertTrue(self.raw(api, b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 4000 + b"\r\n").startswith(b"HTTP/1.1 431"))
        self.assertTrue(self.raw(api, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400"))
        self.assertTrue(self.raw(api, b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n").startswith(b"HTTP/1.1 413"))
        self.assertEqual(api.ask("POST", "os-update-policies", b"{}", headers={"Content-Type": "text/plain"}).status, 415)
        self.assertEqual(api.get("/healthz").status, 200)

    def test_pages_from_elsewhere_are_refused(self):
        api = self.serve().api
        self.assertEqual(api.ask("POST", "refresh", headers={"Origin": "http://evil.example"}).status, 403)
        self.assertEqual(api.ask("GET", "/healthz", headers={"Host": "evil.example"}).status, 403)
        here = f"127.0.0.1:{api.url.port}"
        self.assertEqual(api.ask("GET", "/healthz", headers={"Host": here, "Origin": "http://" + here}).status, 200)

    def test_a_connection_is_kept_for_many_requests(self):
        api = self.serve().api
        connection = api.connect()
        connection.connect()
        first = connection.sock
        for _ in range(50):
            connection.request("GET", "/v1/projects")
            self.assertEqual(connection.getresponse().read()[:12], b'{"projects":')
            for path, status in (("/v1/projects", 200), ("/nothing", 404), ("/v1/projects/demo/compute/hosts?colour=red", 400)):
                connection.request("HEAD", path)
                answer = connection.getresponse()
                self.assertEqual((answer.status, answer.read()), (status, b""))
                self.assertGreater(int(answer.headers["Content-Length"]), 10)
        self.assertIs(connection.sock, first)
        connection.close()

    def test_more_connections_than_the_limit_are_turned_away(self):
        api = self.serve("--connections-max", "3").api
        idle = [socket.create_connection((api.url.hostname, api.url.port)) for _ in range(3)]
        self.assertTrue(self.raw(api, b"").startswith(b"HTTP/1.1 503"))
        for connection in idle:
            connection.close()

        def served():
            try:
                return api.get("/healthz").status == 200
            except OSError:
                return False
        eventually("there is room again", served)


class Starting(Case):
    def refused(self, *more, **options):
        process = self.world.start_orchestrator(options.pop("releases", self.releases.url), *more, wait=False, **options)
        return process.wait(20), self.world.errors(process).strip().splitlines()[-1]

    def test_says_in_one_line_why_it_does_not_start(self):
        code, line = self.refused("--listen", "0.0.0.0:0")
        self.assertEqual(code, 2)
        self.assertIn("not a loopback address", line)
        code, line = self.refused("--listen", "nowhere")
        self.assertEqual((code, "HOST:PORT" in line), (2, True), line)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            code, line = self.refused("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        self.assertEqual((code, "listen on" in line), (8, True), line)
        code, line = self.refused(releases="ftp://nowhere")
        self.assertEqual((code, "releases" in line), (2, True), line)
        code, line = self.refused("--broker", "mqtt://192.0.2.1:1883")
        self.assertEqual(code, 2, line)
        self.serve()
        code, line = self.refused()
        self.assertEqual(code, 3, line)

    def test_ends_cleanly_when_asked_to(self):
        process = self.serve()
        process.api.good("POST", "os-update-policies", {"name": "p", "updatePolicy": "UPDATE_POLICY_LATEST"})
        with process.api.stream("events?watch=true") as file:
            file.readline()
            self.assertEqual(self.world.end(process), 0)
        again = self.serve()
        self.assertEqual(again.api.good("GET", "os-update-policies")["totalElements"], 1)
        self.assertEqual(self.world.check()[0], 0)

    def test_serves_while_the_broker_is_away_and_finds_it_again(self):
        process = self.serve()
        connected = lambda: process.api.good("GET", "/healthz")["bus"] == "connected"
        eventually("the broker is found", connected)
        self.world.end(self.world.broker)
        eventually("its absence is noticed", lambda: not connected())
        process.api.good("POST", "os-update-policies", {"name": "p", "updatePolicy": "UPDATE_POLICY_LATEST"})
        self.world.start_broker()
        eventually("the broker is found again", connected)

    def test_two_orchestrators_of_one_project_do_not_both_go_on(self):
        first = self.serve(state="one")
        eventually("it is connected", lambda: first.api.good("GET", "/healthz")["bus"] == "connected")
        second = self.world.start_orchestrator(self.releases.url, state="two", wait=False)
        ended = eventually("one of them ends", lambda: next((p for p in (first, second) if p.poll() is not None), None))
        self.assertEqual(ended.returncode, 7, self.world.errors(ended))
        self.assertIn("another orchestrator", self.world.errors(ended).strip().splitlines()[-1])

    def test_projects_made_while_it_runs_are_there_after_a_restart_and_on_the_bus(self):
        process = self.serve()
        self.assertEqual(process.api.get("/v1/projects/later/compute/hosts").status, 404)
        process.api.good("PUT", "/v1/projects/later")
        process.api.good("PUT", "/v1/projects/later")  # again: nothing
        self.assertEqual(process.api.get("/v1/projects/later/compute/hosts").status, 200)
        self.assertEqual(process.api.ask("PUT", "/v1/projects/" + "x" * 101).status, 400)
        self.assertEqual(self.world.end(process, signal.SIGKILL), -signal.SIGKILL)
        self.assertEqual([p["name"] for p in self.serve().api.good("GET", "/v1/projects")["projects"]], ["demo", "later"])

    def test_maintenance_windows_update_where_a_setting_says_so(self):
        process = self.serve()
        host = process.api.good("POST", "compute/hosts/register", {"name": "edge-1", "uuid": UUID % 1})["resourceId"]
        made = process.api.good("POST", "schedules/single", {"scheduleStatus": "SCHEDULE_STATUS_MAINTENANCE", "startSeconds": int(time.time()) + 1,
                                                             "targetHostId": host})["resourceId"]
        for opens in (False, True, False):
            with open(self.world.path("settings.toml"), "w", encoding="utf-8") as file:
                file.write(f"maintenance_updates = {str(opens).lower()}\n")
            self.assertEqual(self.world.end(process), 0)
            process = self.serve("--config", self.world.path("settings.toml"))
            self.assertEqual(process.api.good("GET", f"schedules/single/{made}")["opensForUpdates"], opens)
            seen = lambda: process.api.good("GET", f"compute/hosts/{host}")["instance"]["node"].get("windowOpen", False)
            eventually(f"the window is {'open' if opens else 'closed'}", lambda: seen() == opens)
        types = [event["type"] for event in process.api.good("GET", "events", hostId=host, pageSize=1000)["events"]]
        self.assertEqual([kind for kind in types if kind in ("WindowOpened", "WindowClosed")], ["WindowOpened", "WindowClosed"])


class Discovery(Case):
    def versions(self, api):
        return sorted(os["imageId"] for os in api.good("GET", "compute/os")["OperatingSystemResources"])

    def test_one_broken_entry_never_stops_the_others(self):
        self.releases.publish("1.0", "1.1", "1.2", "1.3", "1.4")
        self.releases.files["profiles/demo/1.1.yaml"] = manifest("1.1") + b"# touched\n"   # another digest than the index says
        del self.releases.files["profiles/demo/1.2.yaml"]
        self.releases.broken["profiles/demo/1.3.yaml"] = 500
        api = self.serve().api
        self.assertEqual(api.good("POST", "refresh")["found"], 2)
        self.assertEqual(self.versions(api), ["1.0", "1.4"])
        errors = {source["name"].rsplit("/", 1)[1]: source["error"] for source in api.good("GET", "sources")["sources"] if source["error"]}
        self.assertEqual(sorted(errors), ["1.1.yaml", "1.2.yaml", "1.3.yaml"])
        self.assertIn("SHA-256", errors["1.1.yaml"])
        self.assertIn("404", errors["1.2.yaml"])
        self.assertIn("500", errors["1.3.yaml"])
        self.releases.broken.clear()
        api.good("POST", "refresh")
        self.assertEqual(self.versions(api), ["1.0", "1.3", "1.4"])
        self.assertEqual(sum(bool(source["error"]) for source in api.good("GET", "sources")["sources"]), 2)

    def test_what_has_not_changed_is_not_fetched_again(self):
        self.releases.publish("1.0", "1.1")
        api = self.serve().api
        api.good("POST", "refresh")
        del self.releases.asked[:]
        api.good("POST", "refresh")
        self.assertEqual(sorted(self.releases.asked), [("cves/1.0.json", 304), ("cves/1.1.json", 304), ("index.json", 304)])
        self.releases.publish("1.2")
        del self.releases.asked[:]
        api.good("POST", "refresh")
        self.assertEqual(sorted(self.releases.asked), [("cves/1.0.json", 304), ("cves/1.1.json", 304), ("cves/1.2.json", 200), ("index.json", 200),
                                                       ("profiles/demo/1.2.yaml", 200)])
        self.assertEqual(self.versions(api), ["1.0", "1.1", "1.2"])

    def test_a_registry_and_another_service_are_read_side_by_side(self):
        self.releases.publish("1.0", "1.1")
        self.releases.publish("2.0", profile="other")
        self.releases.push("edge/os/demo", "0.9.1", manifest("1.2"))
        self.releases.push("edge/os/demo", "0.9.2", manifest("1.1"))
        self.releases.files["v2/edge/os/demo/tags/list?n=200"] = b'{"tags":["main","0.9.1","0.9.2","0.9.3"]}'
        registry = self.releases.url.replace("http://", "oci://") + "/edge/os"
        api = self.serve("--files", self.releases.url, "--profile-revision", "~0.9.1", "--enabled-profiles", "demo",
                         releases=[self.releases.url, registry]).api
        api.good("POST", "refresh")
        self.assertEqual(self.versions(api), ["1.0", "1.1", "1.2"])
        errors = {source["name"]: source["error"] for source in api.good("GET", "sources")["sources"] if source["error"]}
        self.assertEqual(list(errors), [registry + "/demo:0.9.3"])
        self.assertIn("404", errors[registry + "/demo:0.9.3"])

    def test_a_service_that_is_away_or_talks_nonsense_is_one_failure_and_keeps_what_was_found(self):
        self.releases.publish("1.0")
        api = self.serve().api
        api.good("POST", "refresh")
        for wrong in ("503", "nonsense", "too much"):
            if wrong == "503":
                self.releases.broken["index.json"] = 503
            else:
                self.releases.broken.clear()
                self.releases.files["index.json"] = b"nonsense" if wrong == "nonsense" else b" " * (4 * 1024 * 1024 + 1)
            self.assertEqual(len(api.good("POST", "refresh")["failures"]), 1, wrong)
            self.assertEqual(self.versions(api), ["1.0"], wrong)
        self.releases.files.clear()
        self.releases.publish("1.0", "1.1")
        self.assertEqual(api.good("POST", "refresh")["failures"], [])
        self.assertEqual(self.versions(api), ["1.0", "1.1"])
        self.assertEqual([s for s in api.good("GET", "sources")["sources"] if s["error"]], [])

    def test_what_was_broken_is_not_fine_because_its_service_is_away(self):
        directory = self.world.path("releases")
        os.makedirs(directory)
        with open(os.path.join(directory, "broken.yaml"), "wb") as file:
            file.write(b"[")
        self.releases.publish("1.0", "1.1")
        self.releases.files["profiles/demo/1.1.yaml"] = manifest("1.1") + b"# touched\n"
        both = {"releases": [self.releases.url, directory]}
        failing = lambda process: sorted(s["name"].rsplit("/", 1)[1] for s in process.api.good("GET", "sources")["sources"] if s["error"])
        process = self.serve("--files", self.releases.url, **both)
        process.api.good("POST", "refresh")
        self.assertEqual(failing(process), ["1.1.yaml", "broken.yaml"])
        self.assertEqual(self.world.end(process), 0)
        self.releases.broken["index.json"] = 503
        process = self.serve("--files", self.releases.url, **both)
        process.api.good("POST", "refresh")
        service = self.releases.url.rsplit("/", 1)[1]
        self.assertEqual(failing(process), sorted([service, "1.1.yaml", "broken.yaml"]))
        self.assertEqual(process.api.good("GET", "events", type="ProfileSourceRecovered")["events"], [])
        # Once it is there and says that the entry is gone, so is its row.
        self.releases.broken.clear()
        self.releases.files.clear()
        self.releases.publish("1.0")
        process.api.good("POST", "refresh")
        self.assertEqual(failing(process), ["broken.yaml"])
        self.assertEqual([s["name"] for s in process.api.good("GET", "sources")["sources"] if s["name"].endswith("1.1.yaml")], [])

    def test_after_a_restart_the_entry_with_another_image_is_blamed_and_not_the_known_one(self):
        directory = self.world.path("releases")
        os.makedirs(directory)
        def write(name, content):
            with open(os.path.join(directory, name), "wb") as file:
                file.write(content.replace(b"  osExistingCvesURL: cves/1.0.json\n", b""))
        write("b.yaml", manifest("1.0"))
        process = self.serve(releases=directory)
        process.api.good("POST", "refresh")
        write("a.yaml", re.sub(rb"osImageSha256: ......", b"osImageSha256: 000000", manifest("1.0")))
        for _ in range(2):
            process.api.good("POST", "refresh")
            errors = {s["name"].rsplit("/", 1)[1]: s["error"] for s in process.api.good("GET", "sources")["sources"] if s["error"]}
            self.assertEqual(list(errors), ["a.yaml"])
            self.assertIn("another digest", errors["a.yaml"])
            self.assertEqual(self.world.end(process), 0)
            process = self.serve(releases=directory)
        self.assertEqual(len(process.api.good("GET", "events", type="ProfileSourceFailed")["events"]), 1)

    def test_a_file_that_moves_is_followed(self):
        self.releases.publish("1.0")
        process = self.serve()
        process.api.good("POST", "refresh")
        before = process.api.good("GET", "compute/os")["OperatingSystemResources"][0]
        self.releases.files["profiles/demo/1.0.yaml"] = manifest("1.0").replace(b"images/demo", b"elsewhere/demo")
        del self.releases.files["index.json"]
        index = {"profiles": [{"profileName": "demo", "osImageVersion": "1.0", "manifest": "profiles/demo/1.0.yaml",
                               "sha256": hashlib.sha256(self.releases.files["profiles/demo/1.0.yaml"]).hexdigest()}]}
        self.releases.files["index.json"] = json.dumps(index).encode()
        process.api.good("POST", "refresh")
        after = process.api.good("GET", "compute/os")["OperatingSystemResources"][0]
        self.assertEqual((after["resourceId"], after["imageUrl"]), (before["resourceId"], "elsewhere/demo-1.0.raw"))
        process.api.good("POST", "refresh")
        moved = process.api.good("GET", "events", type="OsResourceMoved")["events"]
        self.assertEqual([event["fields"]["urls"] for event in moved], [self.releases.url + "/elsewhere/demo-1.0.raw"])
        self.assertEqual(self.world.end(process), 0)
        self.assertEqual(self.world.check()[0], 0)

    def test_a_profile_that_is_enabled_and_nowhere_has_a_row(self):
        self.releases.publish("1.0")
        api = self.serve("--enabled-profiles", ["demo", "dmo"]).api
        api.good("POST", "refresh")
        errors = {s["name"]: s["error"] for s in api.good("GET", "sources")["sources"] if s["error"]}
        self.assertEqual(list(errors), [self.releases.url + "#dmo"])
        self.assertIn("enabled-profiles", errors[self.releases.url + "#dmo"])

    def test_more_failures_than_are_told_are_not_taken_for_fine(self):
        directory = self.world.path("releases")
        os.makedirs(directory)
        for number in range(2100):
            with open(os.path.join(directory, f"{number:04}.yaml"), "wb") as file:
                file.write(b"[")
        process = self.serve("--log-level", "warn", releases=directory)
        process.api.good("POST", "refresh")
        rows = lambda: process.api.good("GET", "sources", pageSize=1)["totalElements"]
        eventually("all that are told, and the service", lambda: rows() == 2001)
        # A failure that comes before them pushes one out; nothing says that it is mended.
        with open(os.path.join(directory, "0000-a.yaml"), "wb") as file:
            file.write(b"[")
        process.api.good("POST", "refresh")
        self.assertEqual(process.api.good("GET", "events", type="ProfileSourceRecovered")["events"], [])

    def test_a_large_release_service_is_taken_in_whole(self):
        self.releases.publish(*(f"1.{number}" for number in range(2500)))
        api = self.serve("--log-level", "warn").api
        eventually("all are there", lambda: api.good("GET", "compute/os", pageSize=1)["totalElements"] == 2500)

    def test_a_directory_is_looked_at_again_and_again(self):
        os.makedirs(self.world.path("releases", "deep", "er"))
        api = self.serve("--releases-poll", "50ms", releases=self.world.path("releases")).api
        with open(self.world.path("releases", "deep", "er", "one.yaml"), "wb") as file:
            file.write(manifest("1.0"))
        eventually("it is found", lambda: self.versions(api) == ["1.0"])
        eventually("its list is not", lambda: [s["error"] for s in api.good("GET", "sources")["sources"] if s["error"]] == ["no such file"])
        os.makedirs(self.world.path("releases", "cves"))
        with open(self.world.path("releases", "cves", "1.0.json"), "wb") as file:
            file.write(CVES)
        eventually("now it is", lambda: not any(s["error"] for s in api.good("GET", "sources")["sources"]))
        with open(self.world.path("releases", "two.yaml"), "wb") as file:
            file.write(b"[")
        eventually("what cannot be read is told", lambda: any(s["error"] for s in api.good("GET", "sources")["sources"]))
        os.remove(self.world.path("releases", "two.yaml"))
        eventually("and that it is gone", lambda: not any(s["error"] for s in api.good("GET", "sources")["sources"]))


if __name__ == "__main__":
    # In the order above: the operations that are asked for are counted up.
    unittest.defaultTestLoader.sortTestMethodsUsing = None
    unittest.main(verbosity=2)
