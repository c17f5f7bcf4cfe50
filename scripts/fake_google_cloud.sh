#!/usr/bin/env bash
# Runs the fake Google Cloud of the tests, until it is ended. Jobs and endpoints run the programs of
# target/dist, or with --docker the images they name; Dataflow's pipelines are run by Apache Beam.
# Writes the variables that lead there to a file.
#
#   scripts/fake_google_cloud.sh ENVIRONMENT_FILE [--docker]
set -euo pipefail
environment=$(realpath "${1:?usage: scripts/fake_google_cloud.sh ENVIRONMENT_FILE [--docker]}")
cd "$(dirname "$0")/.."
containers=(--programs "$PWD/target/dist")
[[ ${2:-} != --docker ]] || containers=()

python=$(scripts/python.sh --beam)
# Of the whole workspace, so that what ./test.sh has compiled is of use.
cargo build --quiet --locked --workspace --bin fake-google-cloud
exec "${CARGO_TARGET_DIR:-target}/debug/fake-google-cloud" "${containers[@]}" \
    --beam "$python" --beam-script scripts/beam_job.py --environment "$environment"
