#!/usr/bin/env bash
# Rows per second of `transform` on this machine and of the same work as a pipeline of Apache Beam,
# run by Beam's DirectRunner behind the fake Google Cloud: medians of 5 runs, and their ratio.
#
#   bench/beam.sh [TABLE.csv]      default: the sample
set -euo pipefail
table=$(realpath "${1:-$(dirname "$0")/../sample/crypto-markets.csv}")
cd "$(dirname "$0")/.."

scripts/binaries.sh
scratch=$(mktemp -d)
scripts/fake_google_cloud.sh "$scratch/environment" &
cloud=$!
trap 'kill "$cloud"; wait "$cloud" || true; rm -rf "$scratch"' EXIT
until [[ -f $scratch/environment ]]; do
    kill -0 "$cloud" || exit 1
    sleep 0.1
done
# shellcheck source=/dev/null
source "$scratch/environment"

rows=$(($(wc -l <"$table") - 1))
# median NAME FLAGS…: of five runs, each a run of its own, since a job that ended well is not run
# again. Prints the figures, sets $seconds.
median() {
    local name=$1 run began
    shift
    seconds=$(for run in 1 2 3 4 5; do
        began=$EPOCHREALTIME
        target/dist/transform --log-level warn --raw-data "$table" --examples "$scratch/$name-$run" \
            --run-id "run-$run" "$@" >/dev/null 2>&1
        awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
    done | sort -n | sed -n 3p)
    awk -v name="$name" -v rows="$rows" -v s="$seconds" \
        'BEGIN { printf "%-10s %9.3f s %12.0f rows/s\n", name, s, rows / s }'
}
echo "$(basename "$table"): $rows rows, medians of 5"
median transform
here=$seconds
median Beam --runner dataflow --staging-location gs://bucket/staging --poll-interval 0.05
awk -v here="$here" -v beam="$seconds" 'BEGIN { printf "ratio %.1f\n", beam / here }'
