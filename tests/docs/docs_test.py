"""docs_test.py links|commands|tests|examples SOURCE-DIR BUILD-DIR: what README and docs/ say exists, does."""

import fnmatch
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from transcripts_test import parts  # noqa: E402

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# At the begin of a line of a block, or of a span of code: elsewhere the word is only talked about.
COMMAND = re.compile(r"(?:^\$? *|`)abidectl ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.M)
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
TEST_NAME = re.compile(r"`([A-Za-z0-9*]+(?:[.-][A-Za-z0-9*_]+)+)`")


def pages(source):
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in ("build", ".git")]
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.join(folder, name)


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def anchors(text):
    """The anchors that a forge gives to headings."""
    found = set()
    for line in text.splitlines():
        if line.startswith("#"):
            title = line.lstrip("#").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def check_links(source, _build):
    wrong = []
    seen = 0
    for page in pages(source):
        for link in LINK.findall(re.sub(r"```.*?```", "", text_of(page), flags=re.S)):
            if "://" in link or link.startswith("mailto:"):
                continue
            seen += 1
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(target):
                wrong.append(f"{os.path.relpath(page, source)}: {link} leads nowhere")
            elif anchor and target.endswith(".md") and anchor not in anchors(text_of(target)):
                wrong.append(f"{os.path.relpath(page, source)}: {link}: no such heading")
    return seen, wrong


def check_commands(source, build):
    """Every `abidectl VERB NOUN` is one, and every flag beside one of our programs is known to it."""
    wrong = []
    seen = 0
    binaries = os.path.join(build, "bin")
    helps = {}

    def help_of(program, words=()):
        key = (program, *words)
        if key not in helps:
            path = os.path.join(source, program) if program.startswith("tools/") else os.path.join(binaries, program)
            done = subprocess.run([path, *words, "--help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
            helps[key] = done.stdout if done.returncode == 0 else None
        return helps[key]

    for name in ("README.md", "CONTRIBUTING.md", "docs/operators-guide.md", "docs/abidectl.md", "docs/behaviours.md", "docs/simulator.md", "docs/node-fleet.md"):
        text = text_of(os.path.join(source, name))
        for verb, noun in COMMAND.findall(text):
            seen += 1
            words = (verb, noun) if noun else (verb,)
            # An unknown word gets the help of what is before it.
            usage = re.search(r"Usage: abidectl((?: [a-z-]*[a-z])*)", help_of("abidectl", words) or "")
            if not usage or len(usage.group(1).split()) != len(words):
                wrong.append(f"{name}: abidectl {verb} {noun} is no command")
        for line in text.replace("\\\n", " ").splitlines():
            spans = re.findall(r"`([^`]+)`", line) if "`" in line else [line]
            for span in spans:
                match = re.match(r"\$? *(tools/demo|abide-agent|abide-orchestrator|abide-fleet-sim|abide-node-fleet)\b(.*)", span)
                if not match:
                    continue
                program, rest = match.groups()
                command = re.match(r" +(check|backup|restore)\b", rest)
                told = help_of(program, command.groups() if command else ())
                if told is None:
                    wrong.append(f"{name}: {program} --help fails")
                    continue
                for flag in FLAG.findall(rest):
                    seen += 1
                    if flag not in told:
                        wrong.append(f"{name}: {program} has no flag {flag}")
        for span in re.findall(r"`(abide-replay [^`]+)`", text) + re.findall(r"^\$? *(abide-replay .+)$", text, flags=re.M):
            word = span.split()[1]
            told = help_of("abide-replay", (word,))
            seen += 1
            if told is None or f"abide-replay {word} " not in told:
                wrong.append(f"{name}: abide-replay {word} is no command")
                continue
            for flag in FLAG.findall(span):
                seen += 1
                if flag not in told:
                    wrong.append(f"{name}: abide-replay {word} has no flag {flag}")
    for program in ("tools/demo", "tools/test"):
        if not os.access(os.path.join(source, program), os.X_OK):
            wrong.append(f"{program} is not there, or cannot be started")
    return seen, wrong


def test_names(source, build):
    """As ctest lists them, and as the sources have them: what a sanitizer's build leaves out is a test all the same, and that
    no file is left out of every build is for tests/tidy."""
    listed = subprocess.run(["ctest", "--show-only=json-v1", "-C", "full"], cwd=build, stdout=subprocess.PIPE, text=True, check=True)
    names = {test["name"] for test in json.loads(listed.stdout)["tests"]}
    for folder, _, files in os.walk(os.path.join(source, "tests")):
        for file in files:
            if file.endswith(".cpp"):
                text = text_of(os.path.join(folder, file))
                names.update(f"{suite}.{name}" for suite, name in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", text, flags=re.M))
    return names


def check_tests(source, build):
    names = test_names(source, build)
    wrong = []
    promised = TEST_NAME.findall(text_of(os.path.join(source, "docs", "behaviours.md")))
    for name in promised:
        if not fnmatch.filter(names, name):
            wrong.append(f"docs/behaviours.md: there is no test {name}")
    return len(promised), wrong


def check_examples(source, build):
    """What the guide shows of commands that need no server is what they print, to the byte. docs/abidectl.md is transcripts_test.py's."""
    wrong = []
    seen = 0
    name = "docs/operators-guide.md"
    environment = {"PATH": os.path.join(build, "bin") + ":" + os.environ["PATH"], "TZ": "UTC", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    for step in parts(os.path.join(source, name)):
        if step[0] != "run":
            continue
        _, line, command, expected = step
        seen += 1
        if not command.startswith("abidectl next "):
            wrong.append(f"{name}:{line}: {command} needs a server: it belongs into docs/abidectl.md, or into a plain block without $")
            continue
        done = subprocess.run(["bash", "-c", command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.stdout.rstrip("\n") != expected.rstrip("\n"):
            wrong.append(f"{name}:{line}: $ {command}\n{done.stdout}---- and the page says\n{expected}")
    for block in re.findall(r"^```\n(.*?)^```$", text_of(os.path.join(source, name)), flags=re.S | re.M):
        for command in re.findall(r"^\$ abidectl .*$", block, flags=re.M):
            wrong.append(f"{name}: {command} is in a block that is not run: make it ```console")
    return seen, wrong


def main():
    promise, source, build = sys.argv[1:]
    seen, wrong = {"links": check_links, "commands": check_commands, "tests": check_tests, "examples": check_examples}[promise](source, build)
    for line in wrong:
        print(line)
    print(f"{seen} looked at, {len(wrong)} wrong")
    if seen == 0:
        print("nothing was found to look at: this check is broken")
    return 1 if wrong or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
