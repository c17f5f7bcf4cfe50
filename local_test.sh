#!/usr/bin/env bash
# Runs the pipeline on this machine, from a table of market data to a served, tested prediction.
#
#   ./local_test.sh                          all five components, each from its image
#   ./local_test.sh train                    one component, on what earlier steps left in ./work
#   ./local_test.sh --source URL|FILE        other data than the sample
#   ./local_test.sh --native                 the same binaries without docker
#   ./local_test.sh --work-dir DIR           where everything is written (default ./work)
#
# Every flag of a component is an environment variable too, and reaches it from here: for example
# TRANSFORM_SERIES_VALUE=ethereum, HPTUNE_MAX_TRIAL_COUNT=5, TRAIN_SEED=7 (README.md lists them).
set -euo pipefail
cd "$(dirname "$0")"

fail() { printf 'local_test.sh: %s\n  next: %s\n' "$1" "$2" >&2; exit "${3:-1}"; }
say() { printf '\n== %s\n' "$*" >&2; }

steps=(gcs-ingest transform hptune train deploy)
wanted=all source=sample/crypto-markets-sample.csv work=work native=
while (($#)); do
    case $1 in
    --native) native='asked for with --native' ;;
    --source) source=${2:?--source needs a URL or a file}; shift ;;
    --work-dir) work=${2:?--work-dir needs a folder}; shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit ;;
    all | gcs-ingest | transform | hptune | train | deploy) wanted=$1 ;;
    *) fail "there is no component or option $1" 'see ./local_test.sh --help' 2 ;;
    esac
    shift
done
[[ $source == *://* ]] || source=$(realpath -e "$source") || fail "there is no file $source" 'name a file or a URL after --source' 2
mkdir -p "$work"
work=$(realpath "$work")
[[ -n $native ]] || docker info >/dev/null 2>&1 || native='no docker engine answers'

if [[ -n $native ]]; then
    say "natively: $native"
    docker/binaries.sh
else
    say 'from the images, with docker run'
    ./build.sh --no-push
    tag=${TAG:-$(docker/revision.sh)}
    # The images' own user is nobody in particular; the folder on this machine decides who may
    # write into it. Root hands it over, anybody else runs the containers as themselves.
    user=()
    if ((EUID == 0)); then chown -R 65532:65532 "$work"; else user=(--user "$(id -u):$(id -g)"); fi
fi

# Runs a component the way a pipeline does; its outputs, one JSON document, go to $work/NAME.json.
component() {
    local name=$1 command mounts=(-v "$work:$work") environment=() variable
    shift
    say "$name"
    if [[ -n $native ]]; then
        command=("target/dist/$name")
    else
        [[ $source == *://* ]] || mounts+=(-v "$source:$source:ro")
        if [[ -n ${GOOGLE_APPLICATION_CREDENTIALS:-} ]]; then
            mounts+=(-v "$(realpath "$GOOGLE_APPLICATION_CREDENTIALS"):/var/secrets/gcp/key.json:ro"
                -e GOOGLE_APPLICATION_CREDENTIALS=/var/secrets/gcp/key.json)
        fi
        for variable in $(compgen -e | grep -E '^(GCS_INGEST|TRANSFORM|HPTUNE|TRAIN|DEPLOY|AIP)_|^STORAGE_EMULATOR_HOST$'); do
            environment+=(-e "$variable")
        done
        command=(docker run --rm --network host "${user[@]}" "${mounts[@]}" "${environment[@]}"
            --entrypoint '' "${REGISTRY:-kfp-components}/$name:$tag" "/$name")
    fi
    "${command[@]}" "$@" >"$work/$name.json"
}

# The last file each component writes: where it is missing, the component has not finished.
marker() {
    case $1 in
    gcs-ingest) echo "$work/raw_data.csv" ;;
    transform) echo "$work/examples/schema.json" ;;
    hptune) echo "$work/best_hyperparameters.json" ;;
    train) echo "$work/model/model.onnx" ;;
    deploy) echo "$work/deployment.json" ;;
    esac
}

run() {
    case $1 in
    gcs-ingest) component gcs-ingest --source "$source" --raw-data "$work/raw_data.csv" ;;
    transform) component transform --raw-data "$work/raw_data.csv" \
        --examples "$work/examples" --report "$work/data_report.html" ;;
    hptune) component hptune --examples "$work/examples" \
        --best-hyperparameters "$work/best_hyperparameters.json" --trials "$work/trials.json" \
        --metrics "$work/tuning_metrics.json" --report "$work/tuning_report.html" ;;
    train) component train --examples "$work/examples" \
        --best-hyperparameters "$work/best_hyperparameters.json" --model "$work/model" \
        --metrics "$work/metrics.json" --report "$work/training_report.html" ;;
    deploy) component deploy --model "$work/model" --model-repository "$work/model_repository" \
        --model-name crypto-regressor --deployment "$work/deployment.json" ;;
    esac
}

for step in "${steps[@]}"; do
    if [[ $wanted == all || $wanted == "$step" || ! -e $(marker "$step") ]]; then run "$step"; fi
    [[ $wanted != "$step" ]] || break
done
