#!/usr/bin/env bash
# Training samples a second beside PyTorch on the processor: a large and a small network at batches
# of 20, 256 and 1024, 100,000 rows of 8 inputs, medians of RUNS runs; each side on its better
# number of threads, 1 or 2.
#
#   bench/train.sh [RUNS]        BENCH_DIR: where the virtual environment goes
#
# Fails when a ratio is below what it has to be, or the networks do not learn the same.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(bench/venv.sh train)
built=$(scripts/cargo_release.sh --package trainer --example throughput)
exec "$python" bench/train.py "$built/examples/throughput" "${1:-5}"
