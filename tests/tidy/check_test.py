"""Plants violations in a small tree of its own, and looks whether check.py names each of them; and nothing else."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import check  # noqa: E402

# A tree that is in order.
GOOD = {
    "common/core/a.hpp": "#pragma once\n#include <string>\n",
    "common/core/hash.cpp": '#include <openssl/evp.h>\n#include "common/core/a.hpp"\n',
    "common/events/codec.cpp": '#include "schemas/envelope_generated.h"\n#include "common/events/codec_tables.hpp"\n',
    "common/events/codec_tables.hpp": "#include <flatbuffers/flatbuffers.h>\n",
    "common/store/rocks_store.cpp": "#include <rocksdb/db.h>\n",
    "common/service/config.cpp": "#include <CLI/CLI.hpp>\nauto x = std::getenv(name); std::fputs(x, stderr);\n",
    "edge-agent/update/machine.cpp": '#include "common/events/e.hpp"\n#include "edge-agent/link/link.hpp"\n#include <map>\n'
                                     "// std::unordered_map, steady_clock\nauto text = \"sleep_for getenv\"; int big = 1'000; char c = '\"';\n",
    "edge-agent/agent.cpp": '#include "common/service/host.hpp"\n#include "edge-agent/update/machine.hpp"\nauto t = std::chrono::steady_clock::now();\n',
    "orchestrator/fleet/fleet.cpp": '#include "orchestrator/policy_manager/p.hpp"\n',
    "orchestrator/api/api.cpp": '#include <boost/asio/post.hpp>\n#include "common/service/inbox.hpp"\n#include "orchestrator/fleet/state.hpp"\n',
    "tests/unit/a_test.cpp": '#include <gtest/gtest.h>\n#include "orchestrator/fleet/state.hpp"\n',
    "tests/unit/CMakeLists.txt": "add_test(NAME x COMMAND x_test.py)\n",
    "tests/unit/x_test.py": "",
}

# (file, its content, what must be said of it)
PLANTED = [
    ("common/core/b.cpp", '#include "common/events/e.hpp"\n', "b.cpp:1: may not include common/events/e.hpp"),
    ("common/core/b.cpp", '#  include   "common/events/e.hpp"\n', "b.cpp:1: may not include common/events/e.hpp"),
    ("common/core/b.cpp", "#include <openssl/evp.h>\n", "OpenSSL has no place here"),
    ("common/core/b.hpp", "#include <fmt/format.h>\n", "fmt belongs into a .cpp"),
    ("common/core/b.cpp", "\n#include <unheard/of.hpp>\n", "b.cpp:2: <unheard/of.hpp> is neither standard nor"),
    ("common/events/b.cpp", "#include <flatbuffers/flatbuffers.h>\n", "FlatBuffers has no place here"),
    ("common/events/print.cpp", '#include "common/events/codec_tables.hpp"\n', "is the inside of common/events/codec.cpp"),
    ("common/events/print.cpp", '#include "schemas/envelope_generated.h"\n', "may not include schemas/"),
    ("common/bus/b.cpp", '#include "common/service/inbox.hpp"\n', "may not include common/service/inbox.hpp"),
    ("common/bus/memory_bus.cpp", "#include <mqtt/async_client.h>\n", "Paho has no place here"),
    ("common/store/journal.cpp", "#include <rocksdb/db.h>\n", "RocksDB has no place here"),
    ("common/service/host.cpp", "#include <spdlog/spdlog.h>\n", "spdlog has no place here"),
    ("common/service/signals.cpp", '#include "abide_build.hpp"\n', "may not include abide_build.hpp"),
    ("common/service/host.cpp", '#include "edge-agent/update/machine.hpp"\n', "may not include edge-agent/update/machine.hpp"),
    ("edge-agent/update/b.cpp", '#include "common/store/store.hpp"\n', "may not include common/store/store.hpp"),
    ("edge-agent/update/b.cpp", '#include "edge-agent/boot/boot_control.hpp"\n', "may not include edge-agent/boot/boot_control.hpp"),
    ("edge-agent/link/b.cpp", '#include "edge-agent/update/machine.hpp"\n', "may not include edge-agent/update/machine.hpp"),
    ("edge-agent/boot/b.cpp", '#include "common/service/host.hpp"\n', "may not include common/service/host.hpp"),
    ("edge-agent/health/b.cpp", '#include "edge-agent/image/fetch.hpp"\n', "may not include edge-agent/image/fetch.hpp"),
    ("edge-agent/agent.cpp", '#include "orchestrator/fleet/state.hpp"\n', "edge-agent never includes orchestrator"),
    ("orchestrator/main.cpp", '#include "edge-agent/agent.hpp"\n', "orchestrator never includes edge-agent"),
    ("orchestrator/policy_manager/b.cpp", '#include "orchestrator/maintenance_manager/m.hpp"\n', "may not include orchestrator/maintenance_manager"),
    ("orchestrator/policy_manager/b.cpp", '#include "orchestrator/fleet/state.hpp"\n', "may not include orchestrator/fleet"),
    ("orchestrator/fleet/b.cpp", '#include "orchestrator/api/api.hpp"\n', "may not include orchestrator/api/api.hpp"),
    ("orchestrator/discovery/b.cpp", '#include "orchestrator/api/api.hpp"\n', "may not include orchestrator/api/api.hpp"),
    ("orchestrator/fleet/b.cpp", "auto now = std::chrono::system_clock::now();\n", "a clock: system_clock"),
    ("edge-agent/update/b.cpp", "auto now = time(nullptr);\n", "a clock: time(nullptr"),
    ("common/events/b.cpp", "\n\nstd::unordered_map<int, int> m;\n", "b.cpp:3: a container without order: unordered_map"),
    ("common/core/b.cpp", "#include <mutex>\n", "a thread, lock, file or process"),
    ("edge-agent/link/b.cpp", "#include <unistd.h>\n", "a thread, lock, file or process"),
    ("orchestrator/rollout/b.cpp", "#include <iostream>\n", "a thread, lock, file or process"),
    ("edge-agent/image/b.cpp", "std::random_device device;\n", "a standard generator of random numbers"),
    ("edge-agent/image/b.cpp", "std::this_thread::sleep_for(pause);\n", "a sleep: sleep_for"),
    ("edge-agent/image/b.cpp", "::usleep(10);\n", "a sleep: usleep("),
    ("edge-agent/boot/b.cpp", 'auto x = ::getenv("HOME");\n', "the environment: getenv"),
    ("orchestrator/api/b.cpp", "std::cout << x;\n", "standard output or error: std::cout"),
    ("orchestrator/api/b.cpp", 'std::fprintf(stderr, "x");\n', "standard output or error: fprintf("),
    ("tests/unit/b.hpp", "void f() { std::this_thread::sleep_for(1s); }\n", "a sleep: sleep_for"),
    ("orchestrator/new_thing/b.cpp", "", "no rule in tests/tidy/table.py covers this file"),
    ("common/service/notify.cpp", "// asks for nothing\n", "the exception for the environment (systemd's protocol) is not needed any more"),
    ("tools/abidectl/json.hpp", "// no JSON\n", "the exception for nlohmann in this header is not needed any more"),
]


class Tree:
    def __init__(self, files):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        unittest.addModuleCleanup(self.folder.cleanup)
        for path, content in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content, encoding="utf-8")

    def violations(self, built=None):
        checker = check.Checker(self.root)
        checker.check()
        if built is not None:
            commands = self.root / "compile_commands.json"
            commands.write_text(json.dumps([{"directory": str(self.root), "file": path} for path in built]), encoding="utf-8")
            checker.check_built(commands)
        return checker.violations


class CheckTest(unittest.TestCase):
    def test_says_nothing_of_a_tree_that_is_in_order(self):
        self.assertEqual(Tree(GOOD).violations(["tests/unit/a_test.cpp"]), [])

    def test_names_each_planted_violation_and_nothing_else(self):
        for path, content, said in PLANTED:
            with self.subTest(path=path, content=content):
                violations = Tree(GOOD | {path: content}).violations()
                self.assertEqual(len(violations), 1, violations)
                self.assertIn(said, violations[0])
                self.assertTrue(violations[0].startswith(path + ":"))

    def test_names_a_test_that_is_in_no_target(self):
        violations = Tree(GOOD | {"tests/unit/forgotten_test.cpp": ""}).violations(["tests/unit/a_test.cpp"])
        self.assertEqual(violations, ["tests/unit/forgotten_test.cpp:1: is in no target: it is never compiled"])

    def test_names_a_script_that_no_list_runs(self):
        violations = Tree(GOOD | {"tests/system/forgotten_test.py": ""}).violations(["tests/unit/a_test.cpp"])
        self.assertEqual(violations, ["tests/system/forgotten_test.py:1: no CMakeLists.txt names this test: it is never run"])

    def test_ends_with_one_where_something_is_wrong_and_with_zero_where_nothing_is(self):
        self.assertEqual(check.main([str(Tree(GOOD).root)]), 0)
        bad = Tree(GOOD | {"common/core/b.cpp": "#include <mutex>\n"})
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.assertEqual(check.main([str(bad.root)]), 1)
        self.assertEqual(printed.getvalue().count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
