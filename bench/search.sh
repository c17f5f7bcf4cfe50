#!/usr/bin/env bash
# The default search beside Optuna's two at 50 evaluations: medians of SEEDS seeds on six functions
# and of TASK_SEEDS seeds on the real tuning task.
#
#   bench/search.sh [DATA.csv]    the real task needs a table; without one it is left out
#
# EVALUATIONS  default 50       BENCH_DIR  where the virtual environment goes
# SEEDS        default 20       SEARCH     the search example's binary; built in release mode
# TASK_SEEDS   default 5                   when not given
#
# Fails when the search is worse than the better peer on anything, or costs more than a fortieth of
# the processor time of Optuna's Gaussian process.
set -euo pipefail
data=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."

python=$(bench/venv.sh train)
built=
[[ -n ${SEARCH:-} && -z $data ]] || built=$(scripts/cargo_release.sh --package trainer --example search)
task=()
if [[ -n $data ]]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$built/transform" --log-level warn --raw-data "$data" --examples "$work/examples" >/dev/null
    task=(--task "$work/examples" --task-seeds "${TASK_SEEDS:-5}")
fi
"$python" bench/search.py "${SEARCH:-$built/examples/search}" "${task[@]}" \
    --evaluations "${EVALUATIONS:-50}" --seeds "${SEEDS:-20}"
