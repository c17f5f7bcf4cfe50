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

venv=target/bench/venv
[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement bench/requirements-search.txt
search=${SEARCH:-$(scripts/cargo_release.sh --package trainer --example search)/examples/search}
exec "$venv/bin/python" bench/search.py "$search" "$@"
