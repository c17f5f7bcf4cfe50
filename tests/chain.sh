#!/usr/bin/env bash
# local_test.sh, whole and component by component; --native without docker.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

mode=docker how='in docker, each component from its image' options=()
if [[ ${1:-} == --native ]]; then
    mode=native how='natively: as asked for' options=(--native)
elif ! docker info >/dev/null 2>&1; then
    echo 'SKIPPED: the chain in docker: no docker engine answers'
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

local_test() { ./local_test.sh "${options[@]}" --work-dir "$work/$1" "${@:2}"; }
said() { local_test "$@" >"$work/said" 2>"$work/log" || { cat "$work/log"; return 1; }; }
# Every output by its hash, but for what names the folder (the components' own words) or a time.
whole() {
    (cd "$work/$1" && find . -type f ! -path './model_repository/*' ! -name '.*' \
        ! -name gcs-ingest.json ! -name transform.json ! -name hptune.json ! -name train.json ! -name deploy.json \
        -exec sha256sum {} + | LC_ALL=C sort -k 2)
}

check "$mode: the whole chain" said all
says() { grep -E "$1" "$work/said"; }
logged() { grep -E "$1" "$work/log"; }
check "$mode: it says how the components run" says "^== $how"
check "$mode: it shows the metrics" logged '^  this model( +-?[0-9.]+( %)?){4}$'
check "$mode: it shows the naive baseline" logged '^  baseline [a-z_]+( +-?[0-9.]+( %)?){4}$'
check "$mode: it shows a prediction over HTTP" says '^200  \{"predictions":\[[0-9.]+\]'
check "$mode: it names the reports" says "^$work/all/training_report.html$"
for component in gcs-ingest transform hptune train deploy; do
    check "$mode: $component alone, on what is there" local_test all "$component"
done
# From nothing, the last component brings all the others with it, to the same result.
check "$mode: deploy alone, from nothing" local_test fresh deploy
check "$mode: the same outputs again" equal "$(whole all)" "$(whole fresh)"
check "$mode: the model runs in onnxruntime" "${PYTHON:-python3}" tests/python/check_onnx.py "$work/all/model"
[[ $mode == docker ]] ||
    check "$mode: it predicts any row as onnxruntime does" \
        "${PYTHON:-python3}" tests/python/check_parity.py target/dist/deploy "$work/all/model"
if [[ $mode == native ]]; then
    fallback() { DOCKER_HOST=tcp://127.0.0.1:1 ./local_test.sh --work-dir "$work/all" gcs-ingest | grep '^== natively: no docker engine answers$'; }
    check 'without a docker engine it runs natively and says why' fallback
else
    # The example stands for a key: it is readable where the component runs, and nothing keeps it.
    with_key() { GOOGLE_APPLICATION_CREDENTIALS=service_account.example.json local_test key gcs-ingest; }
    check 'a key is mounted' with_key
    check 'a key is not copied' equal '' "$(grep -rl 'EXAMPLE-NOT-A-KEY' "$work" || true)"
fi
# A configuration outside the work folder, and paths as a caller in another folder means them.
root=$PWD elsewhere=$work/elsewhere
mkdir "$elsewhere"
cp sample/crypto-markets.csv "$elsewhere/table.csv"
echo 'series: {column: slug, value: ethereum}' >"$elsewhere/table.yaml"
from_elsewhere() {
    cd "$elsewhere"
    TRANSFORM_CONFIG=$elsewhere/table.yaml "$root/local_test.sh" "${options[@]}" --source table.csv --work-dir out transform
    grep '"ethereum"' out/examples/schema.json
}
check "$mode: files lie where the caller says" from_elsewhere
tomorrow() {
    TRANSFORM_SERIES_VALUE=ethereum TRANSFORM_HORIZON=1 DEPLOY_GATE=report local_test tomorrow |
        grep '^== not deployed, and nothing to ask$'
}
check "$mode: a model that is not deployed ends well where the gate reports" tomorrow
check "$mode: a source that is not there" fails_with 2 "local_test.sh: there is no file /nowhere.csv
  next: name a file or a URL after --source" ./local_test.sh --source /nowhere.csv
check "$mode: an unknown component" fails_with 2 "local_test.sh: there is no component or option trian
  next: see ./local_test.sh --help" ./local_test.sh trian
check "$mode: an option without its value" fails_with 2 "local_test.sh: --source needs a value
  next: see ./local_test.sh --help" ./local_test.sh --source
check "$mode: a work folder that cannot be" fails_with 2 "local_test.sh: there is no folder /dev/null/work and none can be made
  next: name another --work-dir" ./local_test.sh --work-dir /dev/null/work
finish
