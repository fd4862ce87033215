"""tools/bench: runs the benches and prints one table. What each measures is told in its own --help and in docs/performance.md."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass

HERE = os.path.dirname(os.path.realpath(__file__))
GOALS_MET, GOAL_MISSED, WRONG_USAGE, BENCH_FAILED = 0, 1, 2, 4
RUN_SECONDS_MAX = 3600
GROWTH = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Bench:
    name: str
    what: str
    program: str
    arguments: str = ""
    full: str = ""   # beside or instead of those, as large as the goals say
    small: str = ""  # does it work?
    runs: bool = True  # False: it is costly to begin, and takes its medians itself
    grows_to: int = 0  # nodes that --growth asks for at most; 0: it is not about nodes


BENCHES = (
    Bench("ingest", "durable ingest of a flood, beside mosquitto_sub", "bench-ingest", "--only flood --rounds 1",
          small="--nodes 20 --events 500", grows_to=100_000),
    Bench("durable", "from an event to its fsync, at 1,000 and 5,000 events/s", "bench-ingest", "--only rate --rounds 1",
          small="--nodes 20 --rates 200 --seconds 0", grows_to=100_000),
    Bench("fair", "from an event to its fsync while one node floods", "bench-ingest", "--only fair --rounds 1",
          small="--nodes 20 --rates 200 --seconds 0"),
    Bench("opened", "window-opened to 10,000 nodes, beside a bare publisher", "bus.py", "--only opened", small="--nodes 100", grows_to=100_000),
    Bench("update", "10,000 nodes, one window: CPU, bytes on the bus, losses", "bus.py", "--only update", small="--nodes 30", grows_to=10_000),
    Bench("reconnect", "10,000 nodes after a restart of the broker, beside bare clients", "bus.py", "--only reconnect", small="--nodes 50", grows_to=10_000),
    Bench("simulator", "node-updates a second and core of abide-fleet-sim", "simulator.py", small="--seeds 1..2 --nodes 8"),
    Bench("windows", "next windows of 100,000 nodes", "bench-windows", small="--nodes 500 --schedules 20 --hours 2 --sample 50", grows_to=100_000),
    Bench("api", "lists of 100,000 hosts while 10,000 events/s come in", "bench-api-hosts", "--seconds 70",
          small="--nodes 300 --rate 500 --seconds 0 --rounds 1", grows_to=100_000),
    Bench("replay", "abide-replay verify of 1,000,000 events, beside a bare scan", "bench-history", "--only replay",
          small="--nodes 20 --events 1000 --rounds 1", runs=False, grows_to=100_000),
    Bench("start", "start with 100,000 nodes and 1,000,000 events behind", "bench-history", "--only start --nodes 100000",
          full="--events 10000000", small="--nodes 20 --events 1000 --rounds 1", runs=False, grows_to=100_000),
    Bench("size", "bytes of the journal on disk, beside zstd", "bench-history", "--only size", small="--nodes 20 --events 1000 --rounds 1",
          runs=False, grows_to=100_000),
)


class Failed(Exception):
    pass


def merged(arguments, more):
    """`more` wins where both name an option."""
    found = {}
    for text in (arguments, more):
        words = text.split()
        for option, value in zip(words[::2], words[1::2]):
            found[option] = value
    return [word for pair in found.items() for word in pair]


def program_of(bench, options):
    """One in --bin goes before the script beside this file, which finds its own programs there."""
    built = os.path.join(options.bin, bench.program)
    if bench.program.endswith(".py") and not os.path.exists(built):
        return [sys.executable, os.path.join(HERE, bench.program), "--bin", options.bin]
    return [built]


def run_once(bench, options, nodes=0):
    size = bench.small if options.small else bench.full if options.full else ""
    if nodes:
        size += f" --nodes {nodes}"
    command = [*program_of(bench, options), *merged(bench.arguments, size), "--json", "--no-limits"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=RUN_SECONDS_MAX, check=False,
                              stderr=None if sys.stderr.isatty() else subprocess.PIPE)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)} ended with {done.returncode}" + (": " + done.stderr.decode(errors="replace").strip()[-500:] if done.stderr else ""))
        return json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        raise Failed(f"{' '.join(command)}: {error}") from error


def median_row(runs):
    """The rows of one name in several runs as one."""
    def median(field):
        values = [run[field] for run in runs if run[field] is not None]
        return statistics.median(values) if values else None
    row = {"name": runs[0]["name"], "value": median("value"), "baseline": median("baseline"), "ratio": median("ratio"), "goal": runs[0]["goal"]}
    measured = row["value"] if row["ratio"] is None else row["ratio"]
    if row["goal"] is None:
        row["met"] = True
    elif row["goal"] == 0:  # what must never be: once is too often
        row["value"] = max(run["value"] for run in runs)
        row["met"] = row["value"] == 0
    else:
        row["met"] = measured >= row["goal"] if runs[0].get("at_least", False) else measured <= row["goal"]
    return row


def rows_of(bench, options):
    count = options.runs if bench.runs and not options.small else 1
    by_name = {}
    for run in range(count):
        print(f"{bench.name}: {bench.what}" + (f", run {run + 1} of {count}" if count > 1 else ""), file=sys.stderr)
        for place, row in enumerate(run_once(bench, options)):
            by_name.setdefault(place, []).append(row)
    return [median_row(runs) for runs in by_name.values()]


def grown(benches, options):
    """The rows of each size, one run each: [(nodes, row)], and whether one failed."""
    found, failed = [], False
    for bench in benches:
        for nodes in GROWTH:
            if nodes > bench.grows_to:
                continue
            print(f"{bench.name}: {nodes} nodes", file=sys.stderr)
            try:
                found += [(nodes, median_row([row])) for row in run_once(bench, options, nodes)]
            except Failed as failure:
                print(f"tools/bench: {failure}", file=sys.stderr)
                failed = True
    return found, failed


def print_growth(found, about):
    by_name = {}
    for nodes, row in found:
        by_name.setdefault(row["name"], {})[nodes] = row
    lines = [("", *(text for nodes in GROWTH for text in (f"{nodes:,}", "ratio")))]
    for name, sizes in by_name.items():
        lines.append((name, *(number(sizes[nodes][field]) if nodes in sizes else "-" for nodes in GROWTH for field in ("value", "ratio"))))
    print_lines(lines, about)


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}; load before: {os.getloadavg()[0]:.1f}"


def print_table(rows, about):
    lines = [("", "value", "baseline", "ratio", "goal", "met")]
    lines += [(row["name"], number(row["value"]), number(row["baseline"]), number(row["ratio"]), number(row["goal"]), "yes" if row["met"] else "NO") for row in rows]
    print_lines(lines, about)


def print_lines(lines, about):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    print(about)
    for line in lines:
        print("  ".join([line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]).rstrip())


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", add_help=False)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true")
    size.add_argument("--small", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--bin", default="")
    parser.add_argument("--check-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    known = {bench.name: bench for bench in BENCHES}
    for name in options.names:
        if name not in known:
            parser.error(f"no bench is called {name}; there are {', '.join(known)}")
    if not 1 <= options.runs <= 100:
        parser.error("--runs: 1 to 100")
    if options.list:
        for bench in BENCHES:
            print(f"{bench.name:<11}{bench.what}")
        return GOALS_MET
    if options.check_only:
        return GOALS_MET
    about = machine()
    if options.growth:
        found, failed = grown([bench for bench in [known[name] for name in options.names] or BENCHES if bench.grows_to], options)
        if options.json:
            print(json.dumps([{"nodes": nodes, **row} for nodes, row in found], indent=2))
        else:
            print_growth(found, about)
        return BENCH_FAILED if failed else GOALS_MET
    rows, failed = [], False
    for bench in [known[name] for name in options.names] or BENCHES:
        try:
            rows += rows_of(bench, options)
        except Failed as failure:
            print(f"tools/bench: {failure}", file=sys.stderr)
            failed = True
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print_table(rows, about)
    return BENCH_FAILED if failed else GOALS_MET if all(row["met"] for row in rows) else GOAL_MISSED


if __name__ == "__main__":
    sys.exit(main())
