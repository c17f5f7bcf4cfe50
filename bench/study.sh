#!/usr/bin/env bash
# A tuning study of the real task beside Optuna with PyTorch: 30 trials of the default space, the
# same examples, steps and error. Wall clock of the whole study, and until both had found as good a
# trial; medians of STUDIES seeds.
#
#   bench/study.sh DATA.csv [STUDIES]      BENCH_DIR: where the virtual environment goes
#                                          WORKERS: processes of the peer, default 2
#
# Fails when either is less than 8 times as fast as the peer.
set -euo pipefail
data=$(realpath "${1:?usage: bench/study.sh DATA.csv [STUDIES]}") studies=${2:-5}
cd "$(dirname "$0")/.."

python=$(bench/venv.sh train)
built=$(scripts/cargo_release.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$built/transform" --log-level warn --raw-data "$data" --examples "$work/examples" --format csv >/dev/null
"$python" bench/study.py --hptune "$built/hptune" --examples "$work/examples" --work "$work" \
    --studies "$studies" --workers "${WORKERS:-2}"
