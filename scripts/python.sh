#!/usr/bin/env bash
# Prints a Python that has what the pipeline's scripts need (pipeline/requirements.txt): PYTHON, or
# python3, where they have it, else a virtual environment below target/, made on first use.
#
#   scripts/python.sh            makes the environment when it is needed
#   scripts/python.sh --at-hand  fails instead
#   scripts/python.sh --beam     one that has Apache Beam (scripts/requirements-beam.txt)
set -euo pipefail
cd "$(dirname "$0")/.."

folder=target/python pins=pipeline/requirements.txt modules='docker, kfp.kubernetes, kfp_server_api'
if [[ ${1:-} == --beam ]]; then
    folder=target/python-beam pins=scripts/requirements-beam.txt modules='apache_beam.yaml.main, yaml'
fi
readonly venv=$PWD/$folder
has_them() { "$1" -c "import $modules" 2>/dev/null; }

if cmp -s "$pins" "$venv/requirements.txt"; then
    echo "$venv/bin/python"
    exit
fi
for python in "${PYTHON:-}" python3; do
    if [[ -n $python ]] && has_them "$python"; then
        command -v "$python"
        exit
    fi
done
[[ ${1:-} != --at-hand ]] || exit 1
if ! command -v python3 >/dev/null; then
    printf 'python.sh: python3 is not installed\n  next: install Python 3.10 or newer, with venv\n' >&2
    exit 1
fi
echo "python.sh: installing $pins into $folder" >&2
if ! { python3 -m venv --clear "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"; } >&2; then
    printf 'python.sh: cannot install %s\n  next: check that python3 has venv and reaches PyPI, or name a Python that has it in PYTHON\n' "$pins" >&2
    exit 1
fi
cp "$pins" "$venv/requirements.txt"
echo "$venv/bin/python"
