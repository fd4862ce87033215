"""Who may include what, and what is banned where: the one readable place. check.py applies it to the tree.

A rule belongs to a folder (its files, not its subfolders) or to one file, which goes before its folder's. Paths are relative
to the root of the repository.

  may     folders and files of ours that it may include, besides its own folder
  third   third parties that its .cpp files may include
  pure    no clock, thread, file, process, log, or container whose order differs from run to run
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    may: tuple[str, ...] = ()
    third: tuple[str, ...] = ()
    pure: bool = False


CORE = ("common/core",)
EVENTS = CORE + ("common/events",)
# What an adapter sees of the shells: the way in, and words that all programs share.
ADAPTER = EVENTS + ("common/store", "common/release", "common/service/inbox.hpp", "common/service/build_version.hpp", "common/service/logging.hpp", "common/service/thread_name.hpp")
SHELL = ADAPTER + ("common/bus", "common/service")
NODE = ("edge-agent", "edge-agent/update", "edge-agent/link", "edge-agent/boot", "edge-agent/image", "edge-agent/health", "edge-agent/inventory")
# Plain data and pure questions of the node's machine that its adapters may name.
NODE_PLAIN = ("edge-agent/update", "edge-agent/link")
MANAGERS = ("orchestrator/os_resource_manager", "orchestrator/policy_manager", "orchestrator/maintenance_manager", "orchestrator/rollout")
SERVER = ("orchestrator", "orchestrator/fleet", "orchestrator/discovery", "orchestrator/api", "orchestrator/ui") + MANAGERS
SERVER_PLAIN = ("orchestrator/fleet",) + MANAGERS

RULES: dict[str, Rule] = {
    # ---- common
    "common/core": Rule(third=("fmt",), pure=True),
    "common/core/hash.cpp": Rule(third=("OpenSSL",), pure=True),
    # Reads the zone files of the machine, once a zone, and keeps what it read behind a lock.
    "common/core/zone.cpp": Rule(third=("cctz",)),
    "common/events": Rule(may=CORE, third=("fmt",), pure=True),
    "common/events/codec.cpp": Rule(may=CORE + ("schemas",), third=("FlatBuffers", "fmt"), pure=True),
    "common/bus": Rule(may=CORE, third=("fmt",)),
    "common/bus/mqtt_bus.cpp": Rule(may=CORE, third=("Paho", "fmt")),
    "common/store": Rule(may=CORE, third=("fmt",)),
    "common/store/rocks_store.cpp": Rule(may=CORE, third=("RocksDB", "fmt")),
    "common/store/backup.cpp": Rule(may=CORE, third=("RocksDB", "fmt")),
    "common/release": Rule(may=EVENTS, third=("fmt", "nlohmann")),
    "common/release/yaml_tree.cpp": Rule(may=EVENTS, third=("yaml-cpp", "fmt")),
    "common/service": Rule(may=EVENTS + ("common/store", "common/bus")),
    "common/service/logging.cpp": Rule(may=EVENTS, third=("spdlog",)),
    "common/service/config.cpp": Rule(may=EVENTS, third=("CLI11", "toml++")),
    "common/service/wrong_usage.cpp": Rule(may=EVENTS, third=("CLI11",)),
    # Generated, and seen by this file alone, so that a commit rebuilds one file.
    "common/service/build_version.cpp": Rule(may=("abide_build.hpp",)),
    # ---- the broker
    "broker-config/limits": Rule(may=CORE),
    "broker-config/limits/plugin.cpp": Rule(may=CORE, third=("Mosquitto",)),
    # ---- the node
    "edge-agent/update": Rule(may=EVENTS + ("edge-agent/link",), pure=True),
    "edge-agent/link": Rule(may=EVENTS, pure=True),
    "edge-agent/boot": Rule(may=ADAPTER + NODE_PLAIN, third=("fmt", "nlohmann")),
    "edge-agent/image": Rule(may=ADAPTER + NODE_PLAIN + ("edge-agent/boot/boot_control.hpp",), third=("fmt", "nlohmann", "libcurl")),
    "edge-agent/health": Rule(may=ADAPTER + NODE_PLAIN, third=("fmt",)),
    "edge-agent/inventory": Rule(may=ADAPTER + NODE_PLAIN, third=("fmt",)),
    "edge-agent": Rule(may=SHELL + NODE, third=("fmt", "spdlog", "CLI11", "nlohmann")),
    "edge-agent/rows.cpp": Rule(may=EVENTS + ("common/store", "schemas") + NODE_PLAIN, third=("FlatBuffers",)),
    # ---- the orchestrator
    "orchestrator/os_resource_manager": Rule(may=EVENTS, pure=True),
    "orchestrator/policy_manager": Rule(may=EVENTS, pure=True),
    "orchestrator/maintenance_manager": Rule(may=EVENTS, pure=True),
    "orchestrator/rollout": Rule(may=EVENTS + MANAGERS, pure=True),
    "orchestrator/fleet": Rule(may=EVENTS + MANAGERS, pure=True),
    "orchestrator/discovery": Rule(may=ADAPTER + SERVER_PLAIN, third=("fmt", "nlohmann", "libcurl")),
    # Loopback is the same to a registry as to a broker.
    "orchestrator/discovery/oci_words.cpp": Rule(may=ADAPTER + SERVER_PLAIN + ("common/bus/mqtt_url.hpp",), third=("nlohmann",)),
    "orchestrator/discovery/registry.cpp": Rule(may=ADAPTER + SERVER_PLAIN + ("common/bus/mqtt_url.hpp",)),
    "orchestrator/api": Rule(may=ADAPTER + SERVER_PLAIN + ("orchestrator/rows.hpp",), third=("fmt", "nlohmann", "Boost")),
    # Reads recorded events with the shell's words for them (decode_recorded).
    "orchestrator/api/events.cpp": Rule(may=ADAPTER + SERVER_PLAIN + ("orchestrator/rows.hpp", "common/service/host.hpp"), third=("nlohmann",)),
    "orchestrator/ui": Rule(may=ADAPTER + SERVER_PLAIN, third=("fmt",)),
    "orchestrator": Rule(may=SHELL + SERVER, third=("fmt", "spdlog", "CLI11", "nlohmann")),
    "orchestrator/rows.cpp": Rule(may=EVENTS + ("common/store", "schemas") + SERVER_PLAIN, third=("FlatBuffers",)),
    # ---- simulators and tools: pure parts and common; tests: everything
    # The simulated world is as pure as what it runs: it has one order of things, and no time but its own.
    "simulators/world": Rule(may=SHELL + NODE + SERVER, third=("fmt",), pure=True),
    "simulators/checkers": Rule(may=SHELL + NODE + SERVER + ("simulators/world",), third=("fmt",), pure=True),
    "simulators/situations": Rule(may=SHELL + NODE + SERVER + ("simulators/world", "simulators/situations/page"), third=("fmt",), pure=True),
    "simulators/": Rule(may=SHELL + NODE + SERVER + ("simulators",), third=("fmt", "nlohmann", "CLI11")),
    # Real nodes on a real broker: a client of MQTT and of the REST API, as a node and an operator are.
    "simulators/node-fleet/network.cpp": Rule(may=SHELL + ("simulators/node-fleet",), third=("OpenSSL",)),
    "simulators/node-fleet/node_bus.cpp": Rule(may=SHELL + ("simulators/node-fleet",), third=("OpenSSL",)),
    "simulators/node-fleet/rest.cpp": Rule(may=SHELL + ("simulators/node-fleet",), third=("libcurl",)),
    "tools/": Rule(may=SHELL + NODE + SERVER, third=("fmt", "nlohmann", "CLI11", "toml++", "yaml-cpp", "libcurl")),
    # Tables and bars look like those of abidectl.
    "tools/replay": Rule(may=SHELL + NODE + SERVER + ("tools/abidectl/table.hpp",), third=("fmt", "nlohmann", "CLI11", "yaml-cpp")),
    "tools/replay/what_if_file.cpp": Rule(may=SHELL + NODE + SERVER, third=("yaml-cpp",)),
    "tests/": Rule(may=SHELL + NODE + SERVER + ("schemas", "tests", "simulators", "tools", "broker-config/limits"),
                   third=("fmt", "nlohmann", "RocksDB", "FlatBuffers", "yaml-cpp", "Boost", "libcurl", "Paho", "OpenSSL", "GoogleTest")),
    "tests/bench": Rule(may=SHELL + NODE + SERVER + ("tests/bench", "tests/support"), third=("CLI11", "nlohmann", "RocksDB")),
    "tests/crash/disk/losing_fs.cpp": Rule(may=CORE + ("tests",), third=("libfuse",)),
}

# Two programs that only talk over the bus: neither includes anything of the other, wherever the table might allow it.
NEVER_EACH_OTHER = ("edge-agent", "orchestrator")

THIRD_PARTIES = {  # beginning of what stands between < and >
    "fmt/": "fmt", "openssl/": "OpenSSL", "flatbuffers/": "FlatBuffers", "mqtt/": "Paho", "MQTT": "Paho", "rocksdb/": "RocksDB",
    "yaml-cpp/": "yaml-cpp", "spdlog/": "spdlog", "CLI/": "CLI11", "toml++/": "toml++", "nlohmann/": "nlohmann", "boost/": "Boost",
    "curl/": "libcurl", "cctz/": "cctz", "gtest/": "GoogleTest", "gmock/": "GoogleTest", "fuse3/": "libfuse", "mosquitto": "Mosquitto",
}

# Everything else between < and > is C++'s own (no dot in it), or one of these, of POSIX and Linux.
SYSTEM_HEADERS = ("sys/", "netinet/", "arpa/", "linux/", "fcntl.h", "unistd.h", "signal.h", "malloc.h", "poll.h", "pthread.h", "sched.h", "spawn.h", "stdlib.h",
                  "time.h", "netdb.h", "termios.h", "dirent.h", "ifaddrs.h", "net/", "sanitizer/", "dlfcn.h", "cxxabi.h")

# Third parties in a header, each with its reason. Everywhere else they stay in the .cpp.
THIRD_PARTY_HEADERS = {
    "common/events/codec_tables.hpp": ("FlatBuffers", "the inside of codec.cpp and of each component's rows.cpp; nobody else includes it"),
    "orchestrator/api/json_input.hpp": ("nlohmann", "the inside of the API, whose subject is JSON"),
    "orchestrator/api/query.hpp": ("nlohmann", "the inside of the API, whose subject is JSON"),
    "tools/abidectl/json.hpp": ("nlohmann", "the inside of abidectl; forward declarations"),
    "tools/abidectl/manifests.hpp": ("nlohmann", "the inside of abidectl, whose subject is JSON; holds such"),
    "tools/abidectl/update_plan.hpp": ("nlohmann", "the inside of abidectl, whose subject is JSON; holds such"),
}
# And who may include those that are the inside of something.
INSIDES = {
    "common/events/codec_tables.hpp": ("common/events/codec.cpp", "edge-agent/rows.cpp", "orchestrator/rows.cpp"),
}


@dataclass(frozen=True)
class Ban:
    name: str
    pattern: str  # searched for in code without comments and string literals
    where: str    # "pure", "product" (all but tests and tools), "tests"


BANS = (
    Ban("a clock", r"\b(system_clock|steady_clock|high_resolution_clock|utc_clock|clock_gettime|gettimeofday|localtime(_r)?|gmtime(_r)?|strftime|mktime|timegm"
                   r"|clock_nanosleep)\b|\bstd::time\b|\btime\s*\(\s*(nullptr|NULL|0|&)", "pure"),
    Ban("a container without order", r"\bunordered_(map|set|multimap|multiset)\b", "pure"),
    Ban("a thread, lock, file or process", r"#\s*include\s*<(thread|mutex|shared_mutex|condition_variable|future|atomic|semaphore|latch|barrier|stop_token"
                                           r"|fstream|iostream|filesystem|cstdio|ctime|random|csignal|locale|((sys|linux|net|netinet|arpa)/)?[a-z_]+\.h)>", "pure"),
    Ban("a locale", r"\bstd::locale\b|\bsetlocale\b", "pure"),
    Ban("a standard generator of random numbers", r"\b(random_device|mt19937(_64)?|default_random_engine|minstd_rand0?)\b|\bs?rand\s*\(", "product"),
    Ban("a sleep", r"\bsleep_(for|until)\b|\b(u|nano)?sleep\s*\(", "product"),
    Ban("the environment", r"\b(secure_)?getenv\b", "product"),
    Ban("standard output or error", r"\bstd::(cout|cerr|clog)\b|\b(std::)?(printf|puts|putchar|perror)\s*\(|\bfprintf\s*\(|\bfputs\s*\(", "product"),
    Ban("a sleep", r"\bsleep_(for|until)\b|\b(u|nano)?sleep\s*\(", "tests"),
)

# (ban, file): why. An entry that is not needed any more is an error, too.
BAN_EXCEPTIONS = {
    ("a thread, lock, file or process", "orchestrator/fleet/live.hpp"): "what is shown of nodes just now: written by the owner, read by the API; no part of the machine",
    ("a standard generator of random numbers", "common/bus/mqtt_bus.cpp"): "client ids, which must differ between clones of one disk; the bus may not include service",
    ("the environment", "common/service/config.cpp"): "the one reader of settings",
    ("the environment", "common/service/notify.cpp"): "systemd's protocol",
    ("standard output or error", "common/service/config.cpp"): "--help, --version, and what is wrong with a setting",
    ("the environment", "simulators/fleet-sim/main.cpp"): "NO_COLOR and TERM",
    ("the environment", "simulators/node-fleet/main.cpp"): "NO_COLOR and TERM",
    ("standard output or error", "simulators/node-fleet/main.cpp"): "hands them to the program, whose answer is its output",
    ("standard output or error", "simulators/fleet-sim/main.cpp"): "hands them to the program, whose answer is its output",
    ("standard output or error", "edge-agent/config.cpp"): "what is wrong with a setting",
    ("standard output or error", "edge-agent/check.cpp"): "a command whose answer is its output",
    ("standard output or error", "orchestrator/check.cpp"): "a command whose answer is its output",
    ("standard output or error", "orchestrator/backup.cpp"): "a command whose answer is its output",
    ("a sleep", "tests/unit/backup/control_test.cpp"): "polls for a condition, up to a named limit",
    ("a sleep", "tests/support/broker.cpp"): "polls for a condition, up to a named limit",
    ("a sleep", "tests/support/child.cpp"): "polls for a condition, up to a named limit",
    ("a sleep", "tests/system/slow_boot_state.cpp"): "its purpose: a disk that is slow on command",
    ("a sleep", "tests/integration/agent/agent_process_test.cpp"): "polls for a condition, up to a named limit",
}

# Files under tests/ that only one preset builds.
BUILT_ELSEWHERE = ("tests/fuzz/",)
