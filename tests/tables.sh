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
series() { TRANSFORM_SERIES_VALUE=$2 chain "$@"; }
served() { grep -E '^200  \{"predictions":\[[0-9.]+\]' "$work/$1.said"; }
figures() { grep -E '^  (this model|baseline )' "$work/$1.said" | tr -s ' '; }

check 'another series of the sample' series ripple ripple
check 'its prediction is served' served ripple

own() { TRANSFORM_CONFIG=$work/own.yaml chain own --source "$work/own.csv"; }
awk -F, '$1 == "ripple" {
    split($4, day, "-")
    printf "%d.%d.%d,%s,%s,%s,%s,%s\n", day[3], day[2], day[1], $9, $7, $8, $6, $10
}' sample/crypto-markets.csv | sed '1i trading_day,last,top,bottom,first,traded' >"$work/own.csv"
cat >"$work/own.yaml" <<'YAML'
series: null
date: {column: trading_day}
numeric_columns: {price: [first, top, bottom, last], volume: [traded]}
label: last
label_unit: EUR
features: [first, top, bottom]
reference: first
YAML
check 'a table with other column names and dates' own
check 'its prediction is served' served own
check 'the same values give the same figures' equal \
    "$(figures ripple | sed 's/_open/_first/')" "$(figures own)"
check 'its model card states its unit' grep -rqw EUR "$work/own" --include='*.md'

real=${KFP_REAL_DATA_DIR:-}/crypto-markets.csv
if [[ -f $real ]]; then
    litecoin() { TRANSFORM_SERIES_VALUE=litecoin chain litecoin --source "$real"; }
    check 'another series of the real table' litecoin
    check 'its prediction is served' served litecoin
    figures litecoin
else
    echo 'SKIPPED: another series of the real table: KFP_REAL_DATA_DIR names no folder with it'
fi
finish
