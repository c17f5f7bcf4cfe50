#!/usr/bin/env bash
# The default search beside Optuna at 50 evaluations: medians of 20 seeds on six functions.
#
#   bench/search.sh [EVALUATIONS] [SEEDS]
#
# SEARCH   the search example's binary; built in release mode when not given
#
# Fails when the search is worse than the better peer on any function.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/bench/venv-search
if [[ ! -f $venv/complete ]]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --requirement bench/requirements-search.txt
    touch "$venv/complete"
fi
search=${SEARCH:-$(scripts/cargo_release.sh --package trainer --example search)/examples/search}
exec "$venv/bin/python" bench/search.py "$search" "$@"
