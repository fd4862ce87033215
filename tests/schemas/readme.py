#!/usr/bin/env python3
"""readme.py SCHEMAS [--write]: the reference in schemas/README.md is made from the comments of the schemas.

Without --write it compares, and fails where the two differ: a field cannot be added without its line in the README, nor
without a comment that says what it is.
"""
import pathlib
import re
import sys

BEGIN = "<!-- reference: begin (made by tests/schemas/readme.py) -->"
END = "<!-- reference: end -->"
FILES = [
    ("types.fbs", "Parts"),
    ("document.fbs", "The document"),
    ("node_events.fbs", "Events of a node"),
    ("messages.fbs", "Messages"),
    ("orchestrator_events.fbs", "Events of the orchestrator (journaled, never published)"),
    ("envelope.fbs", "The envelope"),
]
# What their name and type say.
SELF_EXPLAINING = {"offer", "passed", "reason", "kind", "boot_cause", "identity", "slot", "phase", "evidence", "number", "release",
                   "held", "sequence", "epoch", "allow_downgrade", "document", "topic", "artifact", "raw", "link", "window", "policy",
                   "schedule", "resource", "status", "outcome", "base", "upto", "online", "clock_trusted", "took_ms", "attempt",
                   "os_type", "os_provider", "existing_cves_url", "fixed_cves_url", "bytes_done", "bytes_total", "bytes_per_second",
                   "cause", "payload"}


def blocks(text):
    """(kind, name, comment, body) of each table, struct, enum and union."""
    pattern = re.compile(
        r"((?:^///[^\n]*\n)*)^(table|struct|enum|union) (\w+)(?::\w+)? \{(.*?)\}$", re.M | re.S)
    for match in pattern.finditer(text):
        yield match.group(2), match.group(3), comment_of(match.group(1)), match.group(4)


def comment_of(lines):
    return " ".join(line.strip().removeprefix("///").strip() for line in lines.strip().splitlines())


def fields(body):
    comment = []
    for line in body.strip().splitlines():
        line = line.strip()
        if line.startswith("///"):
            comment.append(line)
        elif line:
            match = re.match(r"(\w+):(\[?\w+\]?)([^;]*);", line)
            yield match.group(1), match.group(2), comment_of("\n".join(comment))
            comment = []


def enum_values(body):
    comment, number = [], -1
    for line in re.sub(r",\s*(?=\w)", ",\n", body.strip()).splitlines():
        line = line.strip().rstrip(",")
        if line.startswith("///"):
            comment.append(line)
        elif line:
            name, _, given = (part.strip() for part in line.partition("="))
            number = int(given) if given else number + 1
            said = comment_of("\n".join(comment))
            yield f"{number} `{name}`" + (f" ({said})" if said else "")
            comment = []


def reference(schemas):
    out, undocumented = [], []
    for file, title in FILES:
        out.append(f"### {title}\n")
        for kind, name, comment, body in blocks((schemas / file).read_text()):
            head = f"**`{name}`** ({kind})" + (f": {comment}" if comment else "")
            if kind == "enum":
                out.append(f"{head}\n\n{', '.join(enum_values(body))}\n")
            elif kind == "union":
                members = re.findall(r"\w+", body)
                out.append(f"{head}\n\n{', '.join(f'{i} `{member}`' for i, member in enumerate(members, 1))}\n")
            else:
                rows = list(fields(body))
                undocumented += [f"{name}.{field}" for field, _, said in rows if not said and field not in SELF_EXPLAINING]
                table = "\n".join(f"| `{field}` | {type_} | {said} |" for field, type_, said in rows)
                out.append(f"{head}\n\n| field | type | |\n|---|---|---|\n{table}\n")
    return "\n".join(out), undocumented


def main():
    schemas = pathlib.Path(sys.argv[1])
    made, undocumented = reference(schemas)
    if undocumented:
        sys.exit("fields without a comment: " + ", ".join(undocumented))
    path = schemas / "README.md"
    text = path.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    wanted = f"{before}{BEGIN}\n\n{made}\n{END}{after}"
    if "--write" in sys.argv:
        path.write_text(wanted)
    elif wanted != text:
        sys.exit(f"the reference in {path} is not what the schemas say: run tests/schemas/readme.py schemas --write")


main()
