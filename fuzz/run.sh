#!/usr/bin/env bash
# Fuzzes what reads bytes from outside, and prints executions, coverage and memory of each target.
# It needs the nightly toolchain, cargo-fuzz (cargo install cargo-fuzz) and a C++ compiler.
#
#   fuzz/run.sh [SECONDS [TARGET…]]     60 seconds for every target
#
# What is found stays in fuzz/artifacts (inputs that fail) and fuzz/corpus (inputs that reach new
# code); fuzz/seeds, where each begins, is part of the repository.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
targets=("${@:2}")
((${#targets[@]})) || mapfile -t targets < <(basename -s .rs fuzz_targets/*.rs)

# Without a sanitizer: the project has no unsafe code, panics and memory are what is looked for.
cargo +nightly fuzz build --fuzz-dir . --sanitizer none
host=$(rustc -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-target}/$host/release
status=0
for target in "${targets[@]}"; do
    log=$(mktemp)
    mkdir -p "corpus/$target" "artifacts/$target"
    "$built/$target" "corpus/$target" "seeds/$target" -artifact_prefix="artifacts/$target/" \
        -max_total_time="$seconds" -max_len=16384 -rss_limit_mb=512 -timeout=10 -print_final_stats=1 \
        >"$log" 2>&1 || { status=1; grep -vE '^#[0-9]+' "$log" | tail -n 40; }
    awk -v target="$target" '
        /number_of_executed_units/ { runs = $2 }
        /peak_rss_mb/ { memory = $2 }
        match($0, /cov: [0-9]+/) { covered = substr($0, RSTART + 5, RLENGTH - 5) }
        END { printf "%-18s %12d executions %8d edges %6d MiB\n", target, runs, covered, memory }' "$log"
    rm "$log"
done
exit "$status"
