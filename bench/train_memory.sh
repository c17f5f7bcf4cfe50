#!/usr/bin/env bash
# Peak memory of train for examples of 1, 10 and 50 million rows.
#
#   bench/train_memory.sh [ROWS…]      default 1000000 10000000 50000000
#
# TRAIN           the binary, and
# WRITE_EXAMPLES  the example program that writes the rows; both built in release mode when not given
# STEPS           optimizer steps of a run, default 3000
# MEMORY_LIMIT    MiB, default 16: little, because tables fill a larger one to different degrees,
#                 which would look like growth or hide it
#
# The examples and the temporary files are below TMPDIR: about 160 bytes a row at most, 8 GB for 50
# million. Fails when the largest run needs more than a quarter more memory than the one before it.
set -euo pipefail
cd "$(dirname "$0")/.."

counts=("$@")
((${#counts[@]})) || counts=(1000000 10000000 50000000)
steps=${STEPS:-3000}
limit=${MEMORY_LIMIT:-16}
if [[ -z ${TRAIN:-} || -z ${WRITE_EXAMPLES:-} ]]; then
    built=$(scripts/cargo_release.sh --package=trainer --bins --example write_examples)
fi
train=$(realpath "${TRAIN:-$built/train}")
write=$(realpath "${WRITE_EXAMPLES:-$built/examples/write_examples}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work

printf '%d steps, --memory-limit %d, peak resident memory\n' "$steps" "$limit"
printf '%12s %12s %12s %10s %12s\n' rows 'examples MB' 'peak MiB' seconds ratio
first=0 before=0 kib=0
for rows in "${counts[@]}"; do
    before=$kib
    "$write" "$work/examples" "$rows"
    megabytes=$(du -sm --apparent-size "$work/examples" | cut -f 1)
    if ! /usr/bin/time --quiet -f '%M %e' -o "$work/time" "$train" \
        --examples "$work/examples" --model "$work/model" --report "$work/report.html" \
        --model-card "$work/card.md" --memory-limit "$limit" --train-steps "$steps" \
        --eval-steps 1000 --batch-size 256 >"$work/log" 2>&1; then
        tail -n 1 "$work/log" >&2
        exit 1
    fi
    read -r kib seconds <"$work/time"
    ((first)) || first=$kib
    awk -v rows="$rows" -v mb="$megabytes" -v kib="$kib" -v seconds="$seconds" -v first="$first" \
        'BEGIN { printf "%12d %12d %12.1f %10.1f %12.2f\n", rows, mb, kib / 1024, seconds, kib / first }'
    rm -rf "$work/examples"
done
if ((before > 0 && kib * 4 > before * 5)); then
    echo "memory grows with the rows: $((kib / 1024)) MiB after $((before / 1024)) MiB" >&2
    exit 1
fi
