#!/usr/bin/env bash
# Scan of a generated 1 GB table for one series, beside Python polars and DuckDB on the same file:
# medians of 5 runs from the page cache, their ratios, and the whole transform for comparison.
#
#   bench/scan.sh [BYTES]        BENCH_DIR: where the table and the virtual environment go
set -euo pipefail
cd "$(dirname "$0")/.."

bytes=${1:-1000000000}
work=${BENCH_DIR:-target/bench}
mkdir -p "$work"

built=$(scripts/cargo_release.sh --package test-support --bins --example scan)

table=$work/scan-$bytes.csv
if [[ ! -f $table ]]; then
    "$built/generate-market-data" --clean --bitcoin-at 700 --bytes "$bytes" >"$table.part"
    mv "$table.part" "$table"
fi
venv=$work/venv-scan
if [[ ! -f $venv/complete ]]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --requirement bench/requirements-scan.txt
    touch "$venv/complete"
fi
"$venv/bin/python" bench/scan.py --table "$table" --work "$work" \
    --scan "$built/examples/scan" --transform "$built/transform"
