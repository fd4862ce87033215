"""A fleet's whole story as its operator lives it with curl alone: a real registry, file server, broker, orchestrator and node.

Every answer is validated as those of api_test.py are. ABIDE_REFERENCE_SAMPLES: a folder with real files in os-profiles/ and
release-service/; with it the real profiles are pushed, too; those of tests/samples, which have their shape, are always."""

import datetime
import json
import os
import subprocess
import sys
import unittest
import urllib.parse

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from api_test import Case, HEALTH_CHECK, UUID  # noqa: E402
from api_world import ROOT, Answer, eventually  # noqa: E402
from registry import Registry  # noqa: E402

SAMPLES = os.path.join(ROOT, "tests", "samples")
REPOSITORY = "edge-orch/en/files/os-profile"
PACKAGES = {"Repo": [{"Name": "zlib", "Version": "1.3.1-1", "Architecture": "x86_64", "License": "zlib license"}]}
CVES = [{"cve_id": "CVE-2026-1", "priority": "HIGH", "affected_packages": ["zlib"]}]
FIXED = [{"cve_id": "CVE-2025-9", "priority": "LOW", "affected_packages": ["curl"]}]
LATER = [*CVES, {"cve_id": "CVE-2026-2", "priority": "LOW", "affected_packages": ["zlib"]}]


def in_order(row, *names):
    """Whether these times of a row are one after the other."""
    times = [datetime.datetime.fromisoformat(row[name]) for name in names]
    return all(earlier < later for earlier, later in zip(times, times[1:]))


class Curl:
    """The API by curl; what it answers is kept for whoever checks it."""

    def __init__(self, url, project="demo"):
        self.base = f"{url}/v1/projects/{project}/"
        self.answers = []

    def ask(self, method, path, body=None, **query):
        url = self.base + path
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "--request", method, "--write-out", "\n%{http_code} %{content_type}"]
        if query:
            url += "?" + urllib.parse.urlencode(query)
        if body is not None:
            command += ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
        out = subprocess.run([*command, url], check=True, stdout=subprocess.PIPE, text=True).stdout
        content, _, end = out.rpartition("\n")
        status, _, kind = end.partition(" ")
        answer = Answer(int(status), {"Content-Type": kind}, content)
        self.answers.append((method.lower(), urllib.parse.urlsplit(self.base).path + path, answer))
        return answer

    def good(self, method, path, body=None, **query):
        answer = self.ask(method, path, body, **query)
        if answer.status != 200:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body}")
        return answer.json

    def get(self, path, **query):
        return self.good("GET", path, **query)

    def source(self, name):
        """Its row, found by how its name ends; none: there is no such row."""
        rows = self.get("profiles/sources", pageSize=100)["sources"]
        return next((row for row in rows if row["name"].endswith(name)), None)

    def watched(self, seconds, **query):
        """What an event stream brings in so many seconds."""
        url = self.base + "events?" + urllib.parse.urlencode({"watch": "true", **query})
        done = subprocess.run(["curl", "--silent", "--no-buffer", "--max-time", str(seconds), url], check=False, stdout=subprocess.PIPE, text=True)
        return [line[len("event: "):] for line in done.stdout.splitlines() if line.startswith("event: ")]


class Story(Case):
    def setUp(self):
        super().setUp()
        self.registry = Registry(self.world.path("registry"))
        self.addCleanup(self.registry.stop)

    def push(self, profile, tag, content):
        self.registry.push(f"{REPOSITORY}/{profile}", tag, profile, content)

    def orchestrator(self, *more):
        process = self.serve("--files", self.releases.url, "--profile-revision", "~0.10.0", "--ack-after", "50ms", "--spread-per-node", "0ms", *more,
                             releases=f"oci://127.0.0.1:{self.registry.port}/{REPOSITORY}")
        process.api = Curl(f"http://{process.api.url.netloc}")
        return process

    def make(self, version, seed):
        """An image on the file server, and its profile as it is published, with lists."""
        world = self.world
        image = world.path("image-" + version)
        with open(world.path("content"), "w", encoding="utf-8") as file:
            file.write("workload=fine\n")
        world.tool("abide-image", "create", image, "--profile", "harbour-gateway", "--version", version, "--size", "1048576", "--seed", str(seed), "--content",
                   world.path("content"))
        world.tool("abide-image", "publish", "--root", world.path("files"), "--image", image, "--name", f"Harbour {version}", "--description", "for harbours")
        with open(world.path("files", "profiles", "harbour-gateway", version + ".yaml"), encoding="utf-8") as file:
            text = file.read()
        for key, name, content in (("osPackageManifestURL", "packages", PACKAGES), ("osExistingCvesURL", "cves", CVES), ("osFixedCvesURL", "fixed", FIXED)):
            path = f"lists/{version}.{name}.json"
            text += f"  {key}: {path}\n"
            self.releases.files[path] = json.dumps(content, indent=2).encode()
        return text.encode()

    def test_the_whole_story_with_curl_alone(self):
        world, pushed = self.world, {}
        self.releases.root = world.path("files")
        for number, version in enumerate(("1.0.0", "1.1.0"), 1):
            pushed[version] = self.make(version, number)
            self.push("harbour-gateway", f"0.10.{number}", pushed[version])
        self.push("harbour-gateway", "0.10.3", b"spec: [")
        self.push("harbour-gateway", "0.11.0", b"of no concern here")
        self.push("harbour-gateway", "main", b"of no concern either")
        api = self.orchestrator("--enabled-profiles", "harbour-gateway").api

        # Discovery: what is good is there with its lists, what is broken has a row of its own.
        self.assertEqual(api.good("POST", "sources/refresh", {})["found"], 2)
        images = {os_resource["imageId"]: os_resource for os_resource in api.get("compute/os")["OperatingSystemResources"]}
        self.assertEqual(sorted(images), ["1.0.0", "1.1.0"])
        for image in images.values():
            self.assertEqual((json.loads(image["installedPackages"]), json.loads(image["existingCves"]), json.loads(image["fixedCves"])), (PACKAGES, CVES, FIXED))
            self.assertEqual(api.get(f"compute/os/{image['resourceId']}"), image)
        broken = api.source("harbour-gateway:0.10.3")
        self.assertGreaterEqual(broken["attempts"], 1)
        self.assertTrue(in_order(broken, "lastTryAt", "nextTryAt"), broken)
        self.assertNotIn("lastSuccessAt", broken)
        service = api.source(REPOSITORY)
        self.assertEqual((service["error"], service["found"]), ("", 2))
        self.assertTrue(in_order(service, "lastSuccessAt", "nextTryAt"), service)
        self.assertEqual(api.get("sources")["totalElements"], 2)

        # Places, a policy for all below, and a window that comes again and again.
        north = api.good("POST", "regions", {"name": "north"})["resourceId"]
        harbour = api.good("POST", f"regions/{north}/sites", {"name": "harbour", "regionId": north})["resourceId"]
        policy = api.good("POST", "os-update-policies", {"name": "newest", "updatePolicy": "UPDATE_POLICY_LATEST"})["resourceId"]
        host = api.good("POST", "compute/hosts/register", {"name": "crane-1", "uuid": UUID % 1})["resourceId"]
        api.good("PATCH", f"compute/hosts/{host}", {"siteId": harbour})
        world.tool("abide-image", "init-node", world.path("boot"), "--image", world.path("image-1.0.0"), "--slot-size", "1148576")
        with open(world.path("health"), "w", encoding="utf-8") as file:
            file.write(HEALTH_CHECK)
        os.chmod(world.path("health"), 0o755)
        world.start_agent(UUID % 1, world.path("boot"), "--check", f"workload={world.path('health')}", "--check-again-every", "50ms", "--check-deadline", "2s",
                          "--trial-deadline", "1s", "--switch-time", "100ms", "--progress-every", "50ms")
        seen = lambda: api.get(f"compute/hosts/{host}")
        eventually("the node says what it runs", lambda: seen()["instance"].get("os", {}).get("imageId") == "1.0.0")
        self.assertEqual(seen()["instance"]["osUpdateAvailable"], "Harbour 1.1.0")
        api.good("PATCH", f"regions/{north}", {"osUpdatePolicyID": policy})
        eventually("the image is there, and waits", lambda: seen()["instance"]["updateStatus"] == "Download complete")
        applied = seen()["instance"]["appliedUpdatePolicy"]
        self.assertEqual((applied["from"], applied["resourceId"], applied["policy"]["name"]), ("region", north, "newest"))
        waits = api.get(f"compute/hosts/{host}/explain")["conditions"]
        self.assertTrue(any("window" in condition["text"].lower() for condition in waits), waits)
        schedule = api.good("POST", "schedules/repeated", {"name": "each minute", "scheduleStatus": "SCHEDULE_STATUS_OS_UPDATE", "targetRegionId": north,
                                                           "durationSeconds": 58, "cronMinutes": "*", "cronHours": "*", "cronDayMonth": "*", "cronMonth": "*",
                                                           "cronDayWeek": "*", "timeZone": "Europe/Oslo"})
        self.assertEqual([s["resourceId"] for s in api.get("schedules", hostId=host)["repeatedSchedules"]], [schedule["resourceId"]])

        # The run, its end, and what is told of it.
        eventually("the new image runs", lambda: seen()["instance"]["os"]["imageId"] == "1.1.0" and seen()["instance"]["updateStatusIndicator"] == "STATUS_INDICATION_IDLE")
        run = eventually("the run is closed", lambda: [r for r in api.get("os-update-runs")["osUpdateRuns"] if r.get("outcome")])[0]
        self.assertEqual((run["status"], run["outcome"], run["fromOsImageId"], run["toOsImageId"]), ("Update completed", "Succeeded", "1.0.0", "1.1.0"))
        self.assertEqual(run["appliedPolicy"]["resourceId"], policy)
        instance = api.get(f"compute/instances/{seen()['instance']['resourceId']}")
        self.assertEqual((instance["osUpdateAvailable"], json.loads(instance["existingCves"]), json.loads(instance["os"]["fixedCves"])), ("", CVES, FIXED))
        self.assertNotIn("existingCves", api.get("compute/hosts")["hosts"][0]["instance"])
        types = [event["type"] for event in api.get("events", hostId=host, pageSize=1000)["events"]]
        for wanted in ("NodeRegistered", "AgentStarted", "Accepted", "ImageStaged", "WindowOpened", "SwitchBegan", "TrialPassed", "Succeeded", "RunClosed"):
            self.assertIn(wanted, types)
        self.assertIn("RunClosed", api.watched(2, after=0, hostId=host))

        # A list of CVEs that changes is one event, and looking again is none.
        self.releases.files["lists/1.1.0.cves.json"] = json.dumps(LATER).encode()
        listed = lambda: len(api.get("events", type="OsResourceListed", pageSize=1000)["events"])
        self.assertEqual(listed(), 6)
        for _ in range(3):
            api.good("POST", "sources/refresh", {})
        self.assertEqual(listed(), 7)
        changed = api.get(f"compute/os/{images['1.1.0']['resourceId']}")
        self.assertEqual(json.loads(changed["existingCves"]), LATER)
        self.assertGreater(changed["timestamps"]["updatedAt"], images["1.1.0"]["timestamps"]["updatedAt"])
        self.assertEqual(api.get(f"compute/os/{images['1.0.0']['resourceId']}"), images["1.0.0"])
        # One that breaks keeps what was good, and says since when.
        self.releases.files["lists/1.1.0.cves.json"] = b"[]"
        api.good("POST", "sources/refresh", {})
        row = api.source("lists/1.1.0.cves.json")
        self.assertEqual((row["error"], in_order(row, "lastSuccessAt", "lastTryAt", "nextTryAt")), ("the list is empty", True), row)
        self.assertEqual(api.get(f"compute/os/{images['1.1.0']['resourceId']}"), changed)

        # The same version with another digest is an alarm and changes nothing.
        other = pushed["1.1.0"].replace(b"osImageSha256: ", b"osImageSha256: 00000000").splitlines()
        other = [line[:-8] if line.lstrip().startswith(b"osImageSha256") else line for line in other if not line.lstrip().startswith(b"osRaw")]
        self.push("harbour-gateway", "0.10.2", b"\n".join(other))
        api.good("POST", "sources/refresh", {})
        self.assertIn("another digest", api.source("harbour-gateway:0.10.2")["error"])
        alarms = [event for event in api.get("events", type="ProfileSourceFailed")["events"] if "another digest" in event["fields"]["error"]]
        self.assertEqual(len(alarms), 1)
        self.assertEqual(api.get(f"compute/os/{images['1.1.0']['resourceId']}"), changed)
        self.assertEqual(api.get("compute/os")["totalElements"], 2)

        # A registry that is away hurts nobody, and is one row.
        self.registry.stop()
        api.good("POST", "sources/refresh", {})
        row = api.source(REPOSITORY)
        self.assertTrue(row["error"])
        self.assertTrue(in_order(row, "lastSuccessAt", "lastTryAt"), row)
        self.assertEqual(api.get("compute/os")["totalElements"], 2)
        self.registry.start()
        self.push("harbour-gateway", "0.10.2", pushed["1.1.0"])
        self.push("harbour-gateway", "0.10.3", self.make("1.2.0", 3))
        self.assertEqual(api.good("POST", "sources/refresh", {})["found"], 3)
        for name in (REPOSITORY, "harbour-gateway:0.10.2", "harbour-gateway:0.10.3"):
            self.assertEqual(api.source(name)["error"], "", name)
        eventually("the next image runs, too", lambda: seen()["instance"]["os"]["imageId"] == "1.2.0")
        self.assertEqual(world.check()[1]["differences"], 0)

    def discover(self, samples):
        """Pushes these samples, and checks what becomes of them. Gives what their profiles say."""
        def read(*parts):
            with open(os.path.join(samples, *parts), "rb") as file:
                return file.read()
        names = sorted(name[:-5] for name in os.listdir(os.path.join(samples, "os-profiles")) if name.endswith(".yaml"))
        for name in names:
            self.push(name, "0.10.8", read("os-profiles", name + ".yaml"))
        profiles = {name: yaml.safe_load(read("os-profiles", name + ".yaml")) for name in names}
        lists = {"osPackageManifestURL": "package_manifest.json", "osExistingCvesURL": "existing_cves.json", "osFixedCvesURL": "fixed_cves.json"}
        for profile in profiles.values():
            for key, sample in lists.items():
                if profile["spec"].get(key):
                    self.releases.files[profile["spec"][key]] = read("release-service", sample)
        api = self.orchestrator().api
        self.assertEqual(api.good("POST", "sources/refresh", {})["found"], len(names))
        found = {os_resource["profileName"]: os_resource for os_resource in api.get("compute/os", pageSize=100)["OperatingSystemResources"]}
        self.assertEqual(sorted(found), names)
        self.assertEqual([row for row in api.get("sources", pageSize=100)["sources"] if row["error"]], [])
        for name, profile in profiles.items():
            spec, made = profile["spec"], found[name]
            self.assertEqual((made["imageId"], made["sha256"], made["imageUrl"]), (str(spec["osImageVersion"]), spec["osImageSha256"], spec["osImageUrl"]))
            self.assertEqual((made["osType"], made["osProvider"], made["securityFeature"]), (spec["type"], spec["provider"], spec["securityFeature"]))
            as_text = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in profile["metadata"].items()}
            self.assertEqual(json.loads(made["metadata"]), as_text)
            self.assertEqual(json.loads(made.get("platformBundle", "null")), spec["platformBundle"])
            for key, field in (("osPackageManifestURL", "installedPackages"), ("osExistingCvesURL", "existingCves"), ("osFixedCvesURL", "fixedCves")):
                wanted = json.loads(read("release-service", lists[key])) if spec.get(key) and spec["type"] == "OS_TYPE_IMMUTABLE" else None
                self.assertEqual(json.loads(made.get(field, "null")), wanted, (name, field))
        return profiles

    def test_samples_of_the_real_shape_are_discovered_unchanged(self):
        ours = self.discover(SAMPLES)
        real = os.environ.get("ABIDE_REFERENCE_SAMPLES")
        if not real:
            return
        def shapes(profiles):
            """Each key that one of them has, with the kinds of value that it has."""
            return {(part, key, type(value).__name__) for profile in profiles for part in ("metadata", "spec") for key, value in (profile[part] or {}).items()}
        theirs = []
        for name in os.listdir(os.path.join(real, "os-profiles")):
            if name.endswith(".yaml"):
                with open(os.path.join(real, "os-profiles", name), "rb") as file:
                    theirs.append(yaml.safe_load(file))
        self.assertEqual(shapes(theirs) - shapes(ours.values()), set(), "what the real ones have and ours have not")

    @unittest.skipUnless(os.environ.get("ABIDE_REFERENCE_SAMPLES"), "ABIDE_REFERENCE_SAMPLES is not set")
    def test_the_real_samples_are_discovered_unchanged(self):
        self.discover(os.environ["ABIDE_REFERENCE_SAMPLES"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
