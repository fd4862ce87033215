"""The closing count, from three sources that know nothing of each other: the API's answers, the agents' journals, and the
bytes of the slots with boot.json. Where they do not agree, that is counted."""

import os
from collections import Counter

from fleet import sha256_of
from release import VERSIONS

OUTCOMES = ("Succeeded", "Failed", "RolledBack", "Cancelled")


def kind_of_slot(fleet, node, slot):
    digest = sha256_of(node.slot_path(slot), fleet.release.image_size)
    return next((kind for kind, known in fleet.release.digests.items() if known == digest), "something else")


def kind_of_version(version):
    return next((kind for kind, known in VERSIONS.items() if known == version), version or "nothing")


class Tally:
    def __init__(self):
        self.disagreements = 0
        self.lost = 0
        self.remarks = []

    def agree(self, what, **sources):
        """The value that all sources tell; counted, and None, where they do not."""
        if len(set(map(str, sources.values()))) == 1:
            return next(iter(sources.values()))
        self.disagreements += 1
        self.remarks.append(f"DISAGREE  {what}: " + ", ".join(f"{name} says {value}" for name, value in sources.items()))
        return None

    def lose(self, count, what):
        if count:
            self.lost += count
            self.remarks.append(f"LOST  {what}: {count}")


def judge(fleet, hosts, runs):
    """(the line's counts, remarks for people). The processes that own the stores must have ended."""
    tally = Tally()
    updated = rolled_back = waiting = 0
    by_uuid = {host["uuid"]: host for host in hosts}
    stored, differences = fleet.check_store("abide-orchestrator", os.path.join(fleet.directory, "orchestrator"))
    tally.disagreements += differences
    stored_nodes = {node["uuid"]: node for project in (stored or {"projects": []})["projects"] for node in project["nodes"]}

    for node in fleet.nodes:
        host = by_uuid.get(node.uuid)
        told, differences = fleet.check_store("abide-agent", node.state)
        tally.disagreements += differences
        if host is None or told is None:
            tally.lose(1, f"{node.name} is not in the API, or has no journal")
            continue
        at = host["instance"]["node"]
        mine = [run for run in runs if run.get("instance", {}).get("resourceId") == host["instance"]["resourceId"]]

        # Events that the orchestrator lacks.
        kept = stored_nodes.get(node.uuid, {"journal": None, "upto": 0})
        tally.agree(f"{node.name}: its journal", api=at.get("journal"), store=kept["journal"], node=told["journal"])
        tally.lose(max(0, told["last"] - kept["upto"]), f"{node.name}: events that the orchestrator lacks")

        # What it runs.
        boot = node.boot_state()
        tally.agree(f"{node.name}: the slot that runs is the confirmed one", running=boot["running"], default=boot["default"])
        image = tally.agree(f"{node.name}: its image", api=kind_of_version(host["instance"].get("os", {}).get("imageId")),
                            journal=kind_of_version(told["os_image_id"]), bytes=kind_of_slot(fleet, node, boot["running"]))
        updated += image == "good"

        # What it is doing.
        phase = tally.agree(f"{node.name}: its phase", api=at["phase"], journal=told["phase"])
        if phase == "Staged":
            spare = "b" if boot["running"] == "a" else "a"
            staged = tally.agree(f"{node.name}: what is staged", api=kind_of_version(at.get("document", {}).get("osImageId")),
                                 bytes=kind_of_slot(fleet, node, spare))
            waiting += staged is not None

        # How its runs ended. A run is open only as long as its offer is open on the node.
        for run in mine:
            if "outcome" not in run and not (run["offer"] == told["offer"] and phase != "Idle"):
                tally.lose(1, f"{node.name}: run {run['name']} without an outcome")
        ended = Counter(run["outcome"] for run in mine if "outcome" in run and run["accepted"])
        if told["base"] == 0:  # the journal is still whole
            offers = told["offers"]
            tally.agree(f"{node.name}: offers that it accepted", api=sum(run["accepted"] for run in mine), journal=offers["accepted"])
            tally.lose(offers["accepted"] - sum(offers[kind] for kind in OUTCOMES) - (phase != "Idle"),
                       f"{node.name}: offers without an outcome")
            for kind in OUTCOMES:
                tally.agree(f"{node.name}: runs that ended {kind}", api=ended[kind], journal=offers[kind])
        if told["outcome"] == "RolledBack" and phase == "Idle":
            spare = "b" if boot["running"] == "a" else "a"
            tally.agree(f"{node.name}: the slot that failed is barred", journal=True, bytes=spare in boot["bad"])
        rolled_back += ended["RolledBack"]

    result = {"nodes": len(fleet.nodes), "updated": updated, "rolled_back": rolled_back, "waiting": waiting, "lost": tally.lost,
              "disagreements": tally.disagreements}
    return result, tally.remarks
