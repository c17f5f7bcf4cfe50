#!/usr/bin/env bash
# Prints a Python that has what the pipeline's scripts need (pipeline/requirements.txt): PYTHON, or
# python3, where they have it, else a virtual environment below target/, made on first use.
#
#   scripts/python.sh            makes the environment when it is needed
#   scripts/python.sh --at-hand  fails instead
set -euo pipefail
cd "$(dirname "$0")/.."

readonly venv=$PWD/target/python pins=pipeline/requirements.txt
has_kfp() { "$1" -c 'import docker, kfp.kubernetes, kfp_server_api' 2>/dev/null; }

if cmp -s "$pins" "$venv/requirements.txt"; then
    echo "$venv/bin/python"
    exit
fi
for python in "${PYTHON:-}" python3; do
    if [[ -n $python ]] && has_kfp "$python"; then
        command -v "$python"
        exit
    fi
done
[[ ${1:-} != --at-hand ]] || exit 1
if ! command -v python3 >/dev/null; then
    printf 'python.sh: python3 is not installed\n  next: install Python 3.10 or newer, with venv\n' >&2
    exit 1
fi
echo "python.sh: installing $pins into target/python" >&2
if ! { python3 -m venv --clear "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"; } >&2; then
    printf 'python.sh: cannot install %s\n  next: check that python3 has venv and reaches PyPI, or name a Python that has kfp in PYTHON\n' "$pins" >&2
    exit 1
fi
cp "$pins" "$venv/requirements.txt"
echo "$venv/bin/python"
