#!/usr/bin/env bash
# A team's own table by configuration alone: another series of the same file, and a table with
# other column names, dates and unit and no column for a series; the whole chain each time.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# chain NAME [OPTION…]: the five components natively, in a folder of that name.
chain() { ./local_test.sh --native --work-dir "$work/$1" "${@:2}" >"$work/$1.said" 2>"$work/$1.log" || { cat "$work/$1.log"; return 1; }; }
series() { TRANSFORM_SERIES_VALUE=$1 chain "$1"; }
served() { grep -E '^200  \{"predictions":\[[0-9.]+\]' "$work/$1.said"; }
# This model's and its baselines' metrics.
figures() { grep -E '^  (this model|baseline )' "$work/$1.log" | tr -s ' '; }

check 'another series of the sample' series ripple
check 'its prediction is served' served ripple

own() { TRANSFORM_CONFIG=$work/own.yaml chain own --source "$work/own.csv"; }
python3 - "$work/own.csv" <<'PYTHON'
import csv, sys

columns = {"last": "close", "top": "high", "bottom": "low", "first": "open", "traded": "volume", "worth": "market"}
with open("sample/crypto-markets.csv", newline="") as sample, open(sys.argv[1], "w", newline="") as own:
    table = csv.writer(own)
    table.writerow(["trading_day", *columns])
    for row in csv.DictReader(sample):
        if row["slug"] == "ripple":
            year, month, day = row["date"].split("-")
            table.writerow([f"{int(day)}.{int(month)}.{year}", *(row[name] for name in columns.values())])
PYTHON
cat >"$work/own.yaml" <<'YAML'
series: null
date: {column: trading_day}
numeric_columns: {price: [first, top, bottom, last], low: bottom, high: top, volume: [traded, worth]}
label: last
label_unit: EUR
features: [first, top, bottom]
reference: first
YAML
check 'a table with other column names and dates' own
check 'its prediction is served' served own
check 'this model and its baselines have figures' equal 8 "$(figures own | wc -l)"
check 'the same values give the same figures' equal \
    "$(figures ripple | sed 's/_open/_first/')" "$(figures own)"
check 'small figures keep their digits' equal '' "$(figures own | grep -E ' 0\.00 ' || true)"
check 'its model card states its unit' grep -rqw EUR "$work/own" --include='*.md'

real=${KFP_REAL_DATA_DIR:-}/crypto-markets.csv
if [[ -f $real ]]; then
    litecoin() { TRANSFORM_SERIES_VALUE=litecoin chain litecoin --source "$real"; }
    check 'another series of the real table' litecoin
    check 'its prediction is served' served litecoin
else
    echo 'SKIPPED: another series of the real table: KFP_REAL_DATA_DIR names no folder with it'
fi
finish
