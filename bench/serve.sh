#!/usr/bin/env bash
# `deploy serve` beside FastAPI with onnxruntime, KServe's Python server and MLServer: the same
# model, the same load generator (wrk), 1 and 64 connections, batches of 1 and 64 rows.
# Prints requests per second, latencies and resident memory, then the ratios; medians of three runs.
#
#   bench/serve.sh [SECONDS]     of load a figure, 9 by default
#                                BENCH_DIR: where model and virtual environments go
#                                PEERS: some of "deploy fastapi kserve mlserver"
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-9}
work=${BENCH_DIR:-target/bench}
mkdir -p "$work"
command -v wrk >/dev/null || {
    echo "serve.sh: wrk is not installed; next: apt-get install wrk" >&2
    exit 1
}

built=$(scripts/cargo_release.sh)
"$built/transform" --raw-data sample/crypto-markets.csv --examples "$work/examples" >/dev/null
# The large network: what a request costs is then partly the model's.
"$built/train" --examples "$work/examples" --model "$work/model" --train-steps 200 \
    --first-layer-size 256 --num-layers 3 --scale-factor 0.7 >/dev/null

# venv NAME: a virtual environment of the peers, made once.
venv() {
    local venv=$work/venv-$1
    if [[ ! -f $venv/complete ]]; then
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --requirement "bench/requirements-$1.txt"
        touch "$venv/complete"
    fi
}
venv serve
venv mlserver

"$work/venv-serve/bin/python" bench/serve.py --deploy "$built/deploy" --work "$work" \
    --seconds "$seconds" --peers "${PEERS:-deploy fastapi kserve mlserver}"
