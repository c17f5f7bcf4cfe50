#!/usr/bin/env bash
# `deploy serve` where it is hard.
#
#   bench/resilience.sh overload         three times the requests it can answer: how many it still
#                                        answers, how fast it refuses the rest, when it is well again
#   bench/resilience.sh soak [MINUTES]   good, bad, slow, huge and broken-off requests at once, another
#                                        version every 10 s, each answer compared with onnxruntime's
#
# Fails where an answer is wrong or missing, or the server does not recover. BENCH_DIR: see bench/serve.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:?usage: bench/resilience.sh overload|soak [MINUTES]}
work=${BENCH_DIR:-target/bench}
mkdir -p "$work"
built=$(scripts/cargo_release.sh)
"$built/transform" --raw-data sample/crypto-markets.csv --examples "$work/examples" >/dev/null
# train FOLDER OPTION…: a model that is good enough to be deployed.
train() { "$built/train" --examples "$work/examples" --model "$work/$1" "${@:2}" >/dev/null; }
train model --train-steps 1500 --first-layer-size 64 --num-layers 2
train model-b --train-steps 1500 --first-layer-size 64 --num-layers 2 --seed 8
[[ $what != overload ]] || train model-large --train-steps 50 --first-layer-size 1024 --num-layers 3 --scale-factor 1

venv=$work/venv-serve
if [[ ! -f $venv/complete ]]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --requirement bench/requirements-serve.txt
    touch "$venv/complete"
fi
"$venv/bin/python" bench/resilience.py "$what" --deploy "$built/deploy" --work "$work" \
    --large "$work/model-large" --minutes "${2:-30}"
