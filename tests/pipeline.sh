#!/usr/bin/env bash
# The pipeline from the sources to a prediction: images pushed to a registry on loopback, the
# pipeline compiled on them, and run by Kubeflow's DockerRunner, also when something goes wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

for tool in docker docker-registry; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: pipeline: $tool is not installed"; exit 0; }
done
docker info >/dev/null 2>&1 || { echo 'SKIPPED: pipeline: no docker engine answers'; exit 0; }

export TAG=pipeline-$$ SOURCE=https://example.com/kfp-pipeline
scratch=$(mktemp -d)
chmod 755 "$scratch"
started=()
cleanup() {
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
    docker image ls --quiet --filter "label=org.opencontainers.image.source=$SOURCE" |
        sort -u | xargs -r docker image rm --force >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap cleanup EXIT
registry open
export REGISTRY=$address/kfp

python=$(scripts/python.sh)
./build.sh >"$scratch/pushed" 2>"$scratch/built" || { cat "$scratch/built"; echo 'not ok - build.sh pushes the images'; exit 1; }
check 'build.sh compiles the pipeline it has pushed the images of' \
    equal 'build.sh: upload target/crypto_pipeline.yaml, the pipeline on these images' "$(tail -n 1 "$scratch/built")"
pinned() { grep -oE "image: $REGISTRY/[a-z-]+@sha256:[0-9a-f]{64}" target/crypto_pipeline.yaml | sort -u | wc -l; }
check 'every image is pinned by its digest' equal 5 "$(pinned)"
# A machine without kfp: a copy of the scripts over the binaries just built, and a Python that fails.
copy=$scratch/copy
mkdir -p "$copy/target" "$scratch/bin"
cp -r build.sh docker scripts pipeline Cargo.toml "$copy/"
cp -r target/dist "$copy/target/"
printf '#!/bin/sh\n' >"$copy/scripts/binaries.sh"
printf '#!/bin/sh\nexit 1\n' >"$scratch/bin/python3"
chmod +x "$scratch/bin/python3"
check 'build.sh does without Python, and says what compiles the pipeline' fails_with 0 \
    "build.sh: the pipeline on these images: 'pip install -r pipeline/requirements.txt', then 'REGISTRY=$REGISTRY TAG=$TAG python3 pipeline/crypto_pipeline.py crypto_pipeline.yaml --digests target/pushed'" \
    env PATH="$scratch/bin:$PATH" PYTHON='' "$copy/build.sh"

./local_test.sh pipeline -p max_trial_count=3 --work-dir "$scratch/work" >"$scratch/said" 2>"$scratch/log" ||
    { cat "$scratch/said" "$scratch/log"; echo 'not ok - local_test.sh pipeline'; exit 1; }
says() { grep -E "$1" "$scratch/said"; }
for task in gcs-ingest transform hptune train deploy finish; do
    check "local_test.sh pipeline: $task ended well" says "^   $task +done$"
done
check 'local_test.sh pipeline: a prediction was served' says '^200  \{"predictions":\[[0-9.]+\]'
check 'local_test.sh pipeline needs an engine' fails_with 1 "local_test.sh: the pipeline runs in containers, not natively: as asked for
  next: start docker, or leave out --native" ./local_test.sh pipeline --native --work-dir "$scratch/native"

real=${KFP_REAL_DATA_DIR:-}/crypto-markets-iso.csv
if [[ ! -f $real ]]; then
    echo 'SKIPPED: the pipeline on the real table: KFP_REAL_DATA_DIR names no folder with it'
    real=sample/crypto-markets.csv
fi
"$python" tests/python/test_run_local.py target/crypto_pipeline.yaml "$real" sample/crypto-markets.csv || failures=$((failures + 1))
finish
