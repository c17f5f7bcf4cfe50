#!/usr/bin/env bash
# The Python of the virtual environment with bench/requirements-NAME.txt; made once, and again when
# the pins change.
#
#   bench/venv.sh NAME           BENCH_DIR: where it goes
set -euo pipefail
cd "$(dirname "$0")/.."

pins=bench/requirements-${1:?usage: bench/venv.sh NAME}.txt
venv=$(realpath -m "${BENCH_DIR:-target/bench}")/venv-$1
if ! cmp -s "$pins" "$venv/complete"; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins" >&2
    cp "$pins" "$venv/complete"
fi
echo "$venv/bin/python"
