#!/usr/bin/env bash
# Runs the pipeline on this machine, from a table of market data to a served, tested prediction.
#
#   ./local_test.sh                          all five components, each from its image
#   ./local_test.sh train                    one component, on what earlier steps left in ./work
#   ./local_test.sh pipeline                 the compiled pipeline, by Kubeflow's own DockerRunner
#   ./local_test.sh --source URL|FILE        other data than the sample
#   ./local_test.sh --native                 the same binaries without docker
#   ./local_test.sh --work-dir DIR           where everything is written (default ./work)
#   ./local_test.sh --engine fake-gcp        every step's work on a fake Google Cloud
#   ./local_test.sh pipeline -p horizon=1    a parameter of the pipeline; repeatable
#
# Every flag of a component is an environment variable too: TRANSFORM_HORIZON=1, TRAIN_SEED=7, …
set -euo pipefail
here=$PWD
cd "$(dirname "$0")"

fail() { printf 'local_test.sh: %s\n  next: %s\n' "$1" "$2" >&2; exit "${3:-1}"; }
say() { printf '\n== %s\n' "$*"; }

wanted=all source=sample/crypto-markets.csv work=work native='' engine=local parameters=()
# value OPTION [VALUE]: the option has one.
value() { (($# > 1)) || fail "$1 needs a value" 'see ./local_test.sh --help' 2; }
# from PATH: as the caller means it, who may stand in another folder.
from() { [[ $1 == /* ]] && echo "$1" || echo "$here/$1"; }
while (($#)); do
    case $1 in
    --engine | --source | -p | --work-dir) value "${@:1:2}" ;;
    esac
    case $1 in
    --native) native='as asked for' ;;
    --engine) engine=$2; shift ;;
    --source) source=$2; [[ $2 == *://* ]] || source=$(from "$2"); shift ;;
    -p) parameters+=(-p "$2"); shift ;;
    --work-dir) work=$(from "$2"); shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit ;;
    all | pipeline | gcs-ingest | transform | hptune | train | deploy) wanted=$1 ;;
    *) fail "there is no component or option $1" 'see ./local_test.sh --help' 2 ;;
    esac
    shift
done
if [[ $source != *://* ]]; then
    [[ -f $source ]] || fail "there is no file $source" 'name a file or a URL after --source' 2
    source=$(realpath "$source")
fi
mkdir -p "$work" 2>/dev/null || fail "there is no folder $work and none can be made" 'name another --work-dir' 2
work=$(realpath "$work")
[[ -n $native ]] || docker info >/dev/null 2>&1 || native='no docker engine answers'
[[ $engine == local || $engine == fake-gcp ]] || fail "there is no engine $engine" 'name local or fake-gcp' 2
[[ $wanted != pipeline || -z $native ]] ||
    fail "the pipeline runs in containers, not natively: $native" 'start docker, or leave out --native'

image_of() { echo "${REGISTRY:-kfp-components}/$1:${TAG:-$(scripts/revision.sh)}"; }
start=() # docker run and its options
if [[ -n $native ]]; then
    say "natively: $native"
    scripts/binaries.sh
else
    say 'in docker, each component from its image'
    ./build.sh --no-push
    start=(docker run --rm --network host --volume "$work:$work")
    [[ $source == *://* ]] || start+=(--volume "$source:$source:ro")
    # The folder on this machine decides who may write into it: root hands it to the images' own
    # user, anybody else runs the containers as themselves.
    if ((EUID == 0)); then chown -R 65532:65532 "$work"; else start+=(--user "$(id -u):$(id -g)"); fi
    if [[ -n ${GOOGLE_APPLICATION_CREDENTIALS:-} ]]; then # read in place, never copied
        start+=(--volume "$(realpath "$GOOGLE_APPLICATION_CREDENTIALS"):/var/secrets/gcp/key.json:ro"
            --env GOOGLE_APPLICATION_CREDENTIALS=/var/secrets/gcp/key.json)
    fi
fi

# The flags of a Google Cloud engine, as variables; the fake is found by the endpoints' own.
if [[ $engine == fake-gcp ]]; then
    say 'a fake Google Cloud'
    environment=$(mktemp -d)/environment
    options=(--docker)
    [[ -z $native ]] || options=()
    scripts/fake_google_cloud.sh "$environment" "${options[@]}" &
    cloud=$!
    trap 'kill "$cloud" 2>/dev/null; wait "$cloud" 2>/dev/null; rm -r "${environment%/*}"' EXIT
    until [[ -f $environment ]]; do
        kill -0 "$cloud" 2>/dev/null || fail 'the fake Google Cloud did not start' 'see the lines above'
        sleep 0.1
    done
    # shellcheck source=/dev/null
    source "$environment"
    export TRANSFORM_RUNNER=dataflow HPTUNE_RUNNER=vertex TRAIN_RUNNER=vertex DEPLOY_TARGET=vertex
    HPTUNE_IMAGE=$(image_of train) TRAIN_IMAGE=$(image_of train) DEPLOY_IMAGE=$(image_of deploy)
    export HPTUNE_IMAGE TRAIN_IMAGE DEPLOY_IMAGE
    for component in TRANSFORM HPTUNE TRAIN DEPLOY; do
        export "${component}_STAGING_LOCATION=gs://bucket/staging" "${component}_RUN_ID=local-test" \
            "${component}_POLL_INTERVAL=0.2"
    done
fi
if [[ -z $native ]]; then
    names='(GCS_INGEST|TRANSFORM|HPTUNE|TRAIN|DEPLOY|CLOUDSDK_API_ENDPOINT_OVERRIDES)_'
    for variable in $(compgen -e | grep -E "^($names|(STORAGE_EMULATOR_HOST|GCE_METADATA_HOST|GOOGLE_CLOUD_PROJECT)\$)"); do
        start+=(--env "$variable")
        # A file to read that lies elsewhere is where it is in the container too.
        file=${!variable}
        if [[ $variable =~ _(CONFIG|WARM_START)$ && -f $file ]]; then
            file=$(realpath "$file")
            start+=(--volume "$file:$file:ro" --env "$variable=$file")
        fi
    done
fi

# The compiled pipeline as it is uploaded, with these images.
if [[ $wanted == pipeline ]]; then
    python=$(scripts/python.sh)
    say 'the compiled pipeline'
    TAG=${TAG:-$(scripts/revision.sh)} "$python" pipeline/crypto_pipeline.py "$work/crypto_pipeline.yaml"
    "$python" pipeline/run_local.py "$work/crypto_pipeline.yaml" --source "$source" \
        --root "$work/pipeline" --network host "${parameters[@]}"
fi

# Sets $command as a pipeline starts it: absolute, no shell, no entrypoint.
command_of() {
    command=("target/dist/$1")
    [[ -n $native ]] || command=("${start[@]}" --entrypoint '' "$(image_of "$1")" "/$1")
    command+=("${@:2}" --log-format text)
}

# step NAME MARKER FLAGS…: runs a component where it is wanted, or where its marker, the file it
# writes last, is missing. What it says of its outputs, one JSON document, is kept in NAME.json.
step() {
    local name=$1 marker=$2
    shift 2
    [[ -z $finished ]] || return 0
    if [[ $wanted == all || $wanted == "$name" || ! -e $marker ]]; then
        say "$name"
        command_of "$name" "$@"
        "${command[@]}" >"$work/$name.json"
        scripts/outputs.sh "$work/$name.json"
    fi
    [[ $wanted != "$name" ]] || finished=yes
}

finished=
[[ $wanted != pipeline ]] || finished=yes
step gcs-ingest "$work/raw_data.csv" --source "$source" --raw-data "$work/raw_data.csv"
step transform "$work/examples/schema.json" --raw-data "$work/raw_data.csv" \
    --examples "$work/examples" --report "$work/data_report.html"
step hptune "$work/best_hyperparameters.json" --examples "$work/examples" \
    --best-hyperparameters "$work/best_hyperparameters.json" --trials "$work/trials.json" \
    --metrics "$work/tuning_metrics.json" --report "$work/tuning_report.html"
step train "$work/model/model.onnx" --examples "$work/examples" \
    --best-hyperparameters "$work/best_hyperparameters.json" --model "$work/model" \
    --metrics "$work/metrics.json" --report "$work/training_report.html" \
    --model-card "$work/model_card.md"
step deploy "$work/deployment.json" --model "$work/model" --model-repository "$work/model_repository" \
    --deployment "$work/deployment.json"

if [[ $wanted == pipeline ]]; then
    say 'served'
    served=$work/pipeline/model_repository
    newest=$(find "$served" -name golden.json | sort -V | tail -n 1)
    command_of deploy serve --model-repository "$served" --model-name bitcoin --host 127.0.0.1 --port 0
    scripts/ask_server.sh "$newest" "${command[@]}"
    exit
fi
if [[ $engine == fake-gcp && ($wanted == all || $wanted == deploy) ]]; then
    say 'served'
    scripts/ask.sh "$work/model/golden.json" "$(scripts/outputs.sh "$work/deploy.json" served_endpoint)" \
        "$(scripts/ask.sh --token)"
    say 'taken down'
    command_of deploy teardown --target vertex --yes
    "${command[@]}" >/dev/null
elif [[ $wanted == all || $wanted == deploy ]]; then
    if [[ $(scripts/outputs.sh "$work/deploy.json" deployed) != true ]]; then
        say 'not deployed, and nothing to ask'
        exit
    fi
    say 'served'
    command_of deploy serve --model-repository "$work/model_repository" --host 127.0.0.1 --port 0
    scripts/ask_server.sh "$work/model/golden.json" "${command[@]}"
fi
say 'reports'
find "$work" -maxdepth 1 -name '*.html' | sort
