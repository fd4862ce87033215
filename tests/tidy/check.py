#!/usr/bin/env python3
"""Checks the tree against table.py. Prints one line per violation; exit code 1 if there is any.

  check.py SOURCE_DIR [COMPILE_COMMANDS]
"""
import json
import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import table  # noqa: E402

PRODUCT = ("common", "broker-config", "edge-agent", "orchestrator", "simulators")
ROOTS = PRODUCT + ("tools", "tests")
SUFFIXES = (".cpp", ".hpp")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.MULTILINE)
# Comments, raw strings, strings, characters; a ' between digits is none.
TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def without_comments_and_strings(text, keep_strings=False):
    def blank(match):
        found = match.group(0)
        if keep_strings and not found.startswith(("//", "/*")):
            return found
        return "".join(c if c == "\n" else " " for c in found)

    return TOKENS.sub(blank, text)


def rule_for(path):
    """The rule of a file: its own, its folder's, or that of a whole subtree (a name that ends with /)."""
    if path in table.RULES:
        return table.RULES[path]
    folder = os.path.dirname(path)
    if folder in table.RULES:
        return table.RULES[folder]
    trees = [name for name in table.RULES if name.endswith("/") and path.startswith(name)]
    return table.RULES[max(trees, key=len)] if trees else None


def third_party_of(header):
    for beginning, name in table.THIRD_PARTIES.items():
        if header.startswith(beginning):
            return name
    return None


def is_known_system_header(header):
    if "." not in header and "/" not in header:
        return True
    return any(header == known or (known.endswith("/") and header.startswith(known)) for known in table.SYSTEM_HEADERS)


def covers(allowed, header):
    """`allowed` is a file, a folder, or the top of a subtree that is no source folder of its own (tests, schemas)."""
    if header == allowed or os.path.dirname(header) == allowed:
        return True
    return allowed in ("tests", "tools", "simulators", "schemas") and header.startswith(allowed + "/")


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.violations = []
        self.used_exceptions = set()
        self.used_headers = set()

    def say(self, path, line, what):
        self.violations.append(f"{path}:{line}: {what}")

    def files(self):
        for top in ROOTS:
            for folder, folders, names in os.walk(self.root / top):
                folders.sort()
                for name in sorted(names):
                    if name.endswith(SUFFIXES):
                        yield os.path.relpath(os.path.join(folder, name), self.root)

    def check(self):
        for path in self.files():
            text = (self.root / path).read_text(encoding="utf-8")
            rule = rule_for(path)
            if rule is None:
                self.say(path, 1, "no rule in tests/tidy/table.py covers this file")
                continue
            self.check_includes(path, text, rule)
            self.check_bans(path, text, rule)
        for key, why in table.BAN_EXCEPTIONS.items():
            if key not in self.used_exceptions and (self.root / key[1]).exists():
                self.say(key[1], 1, f"the exception for {key[0]} ({why}) is not needed any more")
        for path, (name, _) in table.THIRD_PARTY_HEADERS.items():
            if path not in self.used_headers and (self.root / path).exists():
                self.say(path, 1, f"the exception for {name} in this header is not needed any more")

    def check_includes(self, path, text, rule):
        code = without_comments_and_strings(text, keep_strings=True)
        for match in INCLUDE.finditer(code):
            line = code.count("\n", 0, match.start(1) if match.group(1) else match.start(2)) + 1
            if match.group(1):
                self.check_system_include(path, line, match.group(1), rule)
            else:
                self.check_own_include(path, line, match.group(2), rule)

    def check_system_include(self, path, line, header, rule):
        party = third_party_of(header)
        if party is None:
            if not is_known_system_header(header):
                self.say(path, line, f"<{header}> is neither standard nor in tests/tidy/table.py")
            return
        if path in table.THIRD_PARTY_HEADERS and table.THIRD_PARTY_HEADERS[path][0] == party:
            self.used_headers.add(path)
            return
        if party not in rule.third:
            self.say(path, line, f"{party} has no place here")
        elif path.endswith(".hpp") and not path.startswith("tests/"):
            self.say(path, line, f"{party} belongs into a .cpp")

    def check_own_include(self, path, line, header, rule):
        own = os.path.dirname(path)
        sides = [side for side in table.NEVER_EACH_OTHER if path.startswith(side + "/")]
        for other in table.NEVER_EACH_OTHER:
            if sides and other not in sides and header.startswith(other + "/"):
                self.say(path, line, f"{sides[0]} never includes {other}: {header}")
                return
        if header in table.INSIDES and path not in table.INSIDES[header] and not path.startswith("tests/"):
            self.say(path, line, f"{header} is the inside of {table.INSIDES[header][0]}")
            return
        if os.path.dirname(header) == own or any(covers(allowed, header) for allowed in rule.may):
            return
        self.say(path, line, f"may not include {header}")

    def check_bans(self, path, text, rule):
        code = without_comments_and_strings(text)
        for ban in table.BANS:
            applies = {"pure": rule.pure, "product": path.startswith(tuple(top + "/" for top in PRODUCT)), "tests": path.startswith("tests/")}
            if not applies[ban.where]:
                continue
            for match in re.finditer(ban.pattern, code):
                if (ban.name, path) in table.BAN_EXCEPTIONS:
                    self.used_exceptions.add((ban.name, path))
                    continue
                self.say(path, code.count("\n", 0, match.start()) + 1, f"{ban.name}: {match.group(0).strip()}")

    def check_built(self, compile_commands):
        """Every .cpp under tests/ is compiled, and every other test is named by a CMakeLists.txt beside or above it."""
        commands = json.loads(Path(compile_commands).read_text(encoding="utf-8"))
        built = {os.path.realpath(os.path.join(entry["directory"], entry["file"])) for entry in commands}
        for path in self.files():
            if not path.startswith("tests/") or not path.endswith(".cpp") or path.startswith(table.BUILT_ELSEWHERE):
                continue
            if os.path.realpath(self.root / path) not in built:
                self.say(path, 1, "is in no target: it is never compiled")
        for script in sorted((self.root / "tests").rglob("*_test.*")):
            path = os.path.relpath(script, self.root)
            if script.suffix in (".py", ".sh") and not self.is_named(script):
                self.say(path, 1, "no CMakeLists.txt names this test: it is never run")

    def is_named(self, script):
        folder = script.parent
        while True:
            lists = folder / "CMakeLists.txt"
            if lists.exists() and (script.name in lists.read_text(encoding="utf-8") or "*_test" + script.suffix in lists.read_text(encoding="utf-8")):
                return True
            if folder == self.root / "tests":
                return False
            folder = folder.parent


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    checker = Checker(arguments[0])
    checker.check()
    if len(arguments) == 2:
        checker.check_built(arguments[1])
    for violation in checker.violations:
        print(violation)
    return 1 if checker.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
