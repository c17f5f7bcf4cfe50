"""Times the scan of one series beside Python polars and DuckDB; see scan.sh.

The peers are timed inside a Python process of their own, imports left out; this project's
programs as whole processes. All write the same six columns of the same rows.
"""

import argparse
import hashlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 5
GOALS = {"polars": 5.0, "duckdb": 7.0}

POLARS = """
import polars, sys, time
table, out = sys.argv[1:]
start = time.perf_counter()
(polars.scan_csv(table).filter(polars.col("slug") == "bitcoin")
    .select("slug", "date", "open", "high", "low", "close").sink_csv(out))
print(time.perf_counter() - start)
"""
DUCKDB = """
import duckdb, sys, time
table, out = sys.argv[1:]
start = time.perf_counter()
duckdb.sql(f"copy (select slug, date, open, high, low, close from read_csv('{table}') "
           f"where slug = 'bitcoin') to '{out}' (header)")
print(time.perf_counter() - start)
"""


def peer(script, table, out):
    command = [sys.executable, "-c", script, str(table), str(out)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(output.splitlines()[-1])  # DuckDB draws a progress bar before it


def process(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def rows(out):
    """Dates and closing prices: what every tool must agree on, whatever its number format."""
    cells = [line.split(",") for line in out.read_text().splitlines()[1:]]
    kept = [(row[1][:10], float(row[5])) for row in cells]
    return len(kept), hashlib.sha256(repr(sorted(kept)).encode()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("table", "work", "scan", "transform"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    out = {name: args.work / f"scan-{name}.csv" for name in ("scan", "polars", "duckdb")}
    examples = args.work / "scan-examples"
    tools = {
        "scan": lambda: process([args.scan, args.table, out["scan"]]),
        "polars": lambda: peer(POLARS, args.table, out["polars"]),
        "duckdb": lambda: peer(DUCKDB, args.table, out["duckdb"]),
        "transform": lambda: process(
            [args.transform, "--raw-data", args.table, "--examples", examples]
        ),
    }
    tools["scan"]()  # brings the table into the page cache
    times = {name: [] for name in tools}
    for _ in range(RUNS):
        for name, run in tools.items():
            times[name].append(run())
    found = {name: rows(path) for name, path in out.items()}
    if len(set(found.values())) != 1:
        sys.exit(f"the tools found different rows: {found}")

    size = args.table.stat().st_size / 1e9
    median = {name: statistics.median(values) for name, values in times.items()}
    print(f"{size:.2f} GB, {found['scan'][0]} rows kept, medians of {RUNS} runs")
    for name, value in median.items():
        ratio = value / median["scan"]
        print(f"{name:10} {value:7.3f} s  {size / value:6.2f} GB/s  {ratio:5.1f} × the scan's time")
    missed = [name for name, goal in GOALS.items() if median[name] / median["scan"] < goal]
    if missed:
        sys.exit(f"goal missed: {', '.join(missed)} (goals: {GOALS})")


if __name__ == "__main__":
    main()
