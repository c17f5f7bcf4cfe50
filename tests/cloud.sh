#!/usr/bin/env bash
# The chain with every step's work on a fake Google Cloud, beside the same chain on this machine:
# what is computed by the same program has the same bytes, and tables read by Apache Beam give the
# examples that the own scan gives.
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/lib.sh

scratch=$(mktemp -d) logs=target/test-logs/cloud # kept for the scan for secrets
mkdir -p "$logs"
started=()
trap 'kill "${started[@]}" 2>/dev/null; wait; rm -rf "$scratch"' EXIT

# chain NAME OPTION…: every step's work on the fake Google Cloud, and what came of it.
chain() {
    local name=$1 output kind log=$logs/chain-$1.log folder=$scratch/$1
    ran() { ./local_test.sh --engine fake-gcp --work-dir "$folder" "$@" >"$log" 2>&1 || { cat "$log"; return 1; }; }
    check "$name: the whole chain on the fake Google Cloud" ran "${@:2}"
    for output in raw_data.csv examples/schema.json data_report.html best_hyperparameters.json trials.json \
        tuning_metrics.json tuning_report.html model/model.onnx metrics.json training_report.html \
        model_card.md deployment.json; do
        check "$name: the chain wrote $output" test -s "$folder/$output"
    done
    check "$name: the endpoint answered with a prediction" grep -Eq '^200 .*"predictions":\[[0-9.]+\]' "$log"
    for kind in DataflowJob HyperparameterTuningJob CustomJob VertexLro; do
        check "$name: a link leads to the $kind" grep -q "resourceType.*$kind" "$log"
    done
    check "$name: the model of the custom job is the one trained here" trained_here "$folder"
}
# The same program with the same inputs, here: the same bytes.
trained_here() {
    target/dist/train --examples "$1/examples" --model "$scratch/here" \
        --best-hyperparameters "$1/best_hyperparameters.json" >/dev/null
    cmp "$scratch/here/model.onnx" "$1/model/model.onnx"
}
real=${KFP_REAL_DATA_DIR:-}/crypto-markets-iso.csv
source=(--source "$real")
if [[ ! -f $real ]]; then
    echo 'SKIPPED: the chain on the real table: KFP_REAL_DATA_DIR names no folder with it'
    source=()
fi
chain native --native "${source[@]}"
if docker info >/dev/null 2>&1; then
    chmod 755 "$scratch"
    chain docker "${source[@]}"
    check 'both chains made the same model' cmp "$scratch"/{native,docker}/model/model.onnx
else
    echo 'SKIPPED: the chain from the images on the fake Google Cloud: no docker engine answers'
fi

# Tables of every kind through Beam and through the own scan.
mkdir "$scratch/tables"
cp sample/crypto-markets.csv "$scratch/tables/sample.csv"
rows() { awk -F, 'NR == 1 || ($1 == "bitcoin" && n++ < 400)' sample/crypto-markets.csv; }
rows >"$scratch/tables/plain.csv"
rows | sed 's/$/\r/' >"$scratch/tables/crlf.csv"
{ printf '\xef\xbb\xbf'; rows; } >"$scratch/tables/byte-order-mark.csv"
rows | awk -F, -v OFS=, 'NR % 7 == 2 { $3 = "\"Bit \"\"the\"\" coin, so called\"" } NR % 11 == 3 { $6 = "\"" $6 "\"" } 1' >"$scratch/tables/quotes.csv"
rows | awk -F, -v OFS=, 'NR % 9 == 4 { $3 = "\"Bit\ncoin\"" } NR % 10 == 4 { $3 = "\"Bit\r\ncoin\"" } 1' >"$scratch/tables/line-breaks.csv"
rows | awk -F, -v OFS=, 'NR == 20 { $6 = "" } NR == 30 { $9 = "n/a" } NR == 40 { $7 = "1e999" } NR == 50 { $4 = "" } NR == 60 { $4 = "soon" } 1' >"$scratch/tables/bad-cells.csv"
rows | awk 'NR == 15 { print $0 ",more" ; next } NR == 25 { sub(/,[^,]*$/, "") } NR == 35 { print "" } 1' >"$scratch/tables/bad-rows.csv"
if [[ -n ${KFP_REAL_DATA_DIR:-} ]]; then
    cp "$KFP_REAL_DATA_DIR"/crypto-markets*.csv "$scratch/tables/"
else
    echo 'SKIPPED: real tables: KFP_REAL_DATA_DIR names no folder with them'
fi
scripts/fake_google_cloud.sh "$scratch/environment" &
started+=($!)
until [[ -f $scratch/environment ]]; do
    kill -0 "${started[0]}" 2>/dev/null || { echo 'not ok - the fake Google Cloud starts'; exit 1; }
    sleep 0.1
done
# shellcheck source=/dev/null
source "$scratch/environment"

# transformed TABLE FOLDER FLAGS…
transformed() {
    local log
    log=$logs/$(basename "$2").log
    target/dist/transform --raw-data "$1" --examples "$2" "${@:3}" >/dev/null 2>"$log" ||
        { tail -n 1 "$log"; return 1; }
}
# The rejected rows without their place, which is in the file that was scanned.
rejected() {
    python3 -c '
import csv, sys
for row in csv.DictReader(open(sys.argv[1], newline="")):
    print({name: cell for name, cell in row.items() if name not in ("file", "line", "detail")})
' "$1/rejected.csv"
}
# Everything but where the rows came from and who counted them.
alike() {
    local name
    name=$(basename "$1" .csv)
    transformed "$1" "$scratch/$name-here" || return
    transformed "$1" "$scratch/$name-beam" --runner dataflow --staging-location gs://bucket/staging \
        --run-id "$name" --poll-interval 0.1 || return
    diff -r --exclude '.*' --exclude schema.json --exclude statistics.json --exclude rejected.csv \
        "$scratch/$name-here" "$scratch/$name-beam" || return
    equal "$(rejected "$scratch/$name-here")" "$(rejected "$scratch/$name-beam")"
}
for table in "$scratch"/tables/*.csv; do
    check "Beam gives the same examples: $(basename "$table" .csv)" alike "$table"
done
finish
