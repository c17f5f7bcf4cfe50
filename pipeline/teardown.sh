#!/usr/bin/env bash
# Takes down what the pipeline made and runs on, from the outside in: runs and pipeline, Kubeflow
# Pipelines, the cluster, the bucket, the images. Each part is left alone unless it is named.
#
#   pipeline/teardown.sh --endpoint URL                     runs, recurring runs, pipeline, experiment
#   pipeline/teardown.sh --models                           the model repository's volume, and its secret
#   pipeline/teardown.sh --kubeflow                         Kubeflow Pipelines itself
#   pipeline/teardown.sh --cluster NAME --location ZONE     the GKE cluster, its disks included
#   pipeline/teardown.sh --bucket gs://BUCKET               the bucket with everything in it
#   pipeline/teardown.sh --images HOST/PROJECT/REPOSITORY   the images: an Artifact Registry repository
#
# Parts may be combined; their order is the one above. Asks before each, and goes on with the rest
# when a part is gone already.
#
# --yes        do not ask, for scripts
# --dry-run    print the commands and run none
# --project P  Google Cloud project of cluster, bucket and images; default: gcloud's own
# --namespace N, --version V, --pipeline NAME
#              of Kubeflow Pipelines (kubeflow, 2.17.0) and of the pipeline in it (crypto-price)
set -euo pipefail
here=$(dirname "$0")

fail() { printf 'teardown.sh: %s\n  next: %s\n' "$1" "$2" >&2; exit "${3:-1}"; }

endpoint='' models='' kubeflow='' cluster='' location='' bucket='' images='' project=''
namespace=kubeflow version=2.17.0 pipeline=crypto-price yes='' dry=''
while (($#)); do
    case $1 in
    --yes) yes=yes ;;
    --dry-run) dry=yes ;;
    --models) models=yes ;;
    --kubeflow) kubeflow=yes ;;
    --endpoint | --cluster | --location | --bucket | --images | --project | --namespace | --version | --pipeline)
        declare "${1#--}=${2:?$1 needs a value}"
        shift ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit ;;
    *) fail "there is no option $1" "see $0 --help" 2 ;;
    esac
    shift
done
[[ -n $endpoint$models$kubeflow$cluster$bucket$images ]] ||
    fail 'nothing was named to take down' "see $0 --help" 2
[[ -z $cluster || -n $location ]] || fail '--cluster needs --location' 'give its zone or region' 2
[[ -z $bucket || $bucket =~ ^gs://[a-z0-9][-_.a-z0-9]+/?$ ]] ||
    fail "$bucket is not a bucket" 'give gs:// and the name of a bucket alone: it goes with everything in it' 2
IFS=/ read -r registry owner repository rest <<<"$images"
[[ -z $images || ($registry == *-docker.pkg.dev && -n $repository && -z $rest) ]] ||
    fail "$images is not a repository of Artifact Registry" 'give LOCATION-docker.pkg.dev/PROJECT/REPOSITORY; elsewhere delete the images with the registry'"'"'s own tools' 2

failed=()
# part WHAT WHAT_IS_LOST COMMAND…: asks, runs, and remembers what failed.
part() {
    local what=$1 lost=$2 answer=
    shift 2
    if [[ -n $dry ]]; then
        printf '+ %s\n' "${*@Q}"
        return
    fi
    if [[ -z $yes ]]; then
        [[ -t 0 ]] || fail "$what was not deleted: nobody can answer here" 'give --yes, or --dry-run to see the commands'
        read -r -p "Delete $what? $lost [y/N] " answer
        [[ $answer == [yY]* ]] || { echo "$what: left as it is"; return; }
    fi
    if "$@"; then echo "$what: deleted"; else failed+=("$what"); fi
}
# gone PATTERN COMMAND…: runs a command; what it cannot find is deleted already.
gone() {
    local pattern=$1 said
    shift
    if said=$("$@" 2>&1); then return; fi
    grep -qiE "$pattern" <<<"$said" || { printf '%s\n' "$said" >&2; return 1; }
}
google=(--quiet)
[[ -z $project ]] || google+=(--project "$project")
readonly absent='not.?found|404|does not exist'
manifests=github.com/kubeflow/pipelines/manifests/kustomize

if [[ -n $endpoint ]]; then
    python=python3
    [[ -n $dry ]] || python=$("$here/../scripts/python.sh")
    part "the pipeline $pipeline at $endpoint" 'Its runs, recurring runs and versions go with it; artifacts stay in the bucket.' \
        "$python" "$here/delete_pipeline.py" --endpoint "$endpoint" --pipeline "$pipeline" --namespace "$namespace"
fi
if [[ -n $models ]]; then
    part "the volume model-repository in $namespace" 'The deployed models and their versions are lost.' \
        kubectl delete --namespace "$namespace" --ignore-not-found persistentvolumeclaim/model-repository job/model-repository
    part "the secret user-gcp-sa in $namespace" 'The key stays valid: delete it with its service account.' \
        kubectl delete --namespace "$namespace" --ignore-not-found secret/user-gcp-sa
fi
if [[ -n $kubeflow ]]; then
    # The installation's own order, backwards: the last step removes the namespace's resources.
    part "Kubeflow Pipelines in $namespace" 'All pipelines, runs and their history are lost.' \
        kubectl delete --ignore-not-found --wait -k "$manifests/env/platform-agnostic?ref=$version"
    part 'the cluster-wide resources of Kubeflow Pipelines' 'Other installations in this cluster need them.' \
        kubectl delete --ignore-not-found --wait -k "$manifests/cluster-scoped-resources?ref=$version"
fi
if [[ -n $cluster ]]; then
    part "the cluster $cluster" 'Everything in it is lost.' \
        gone "$absent" gcloud container clusters delete "$cluster" --location "$location" "${google[@]}"
fi
if [[ -n $bucket ]]; then
    part "the bucket $bucket" 'Data, artifacts and models in it are lost.' \
        gone "$absent" gcloud storage rm --recursive "${bucket%/}" "${google[@]}"
fi
if [[ -n $images ]]; then
    part "the images in $images" 'Pipelines compiled on them cannot run any more.' \
        gone "$absent" gcloud artifacts repositories delete "$repository" \
        --location "${registry%-docker.pkg.dev}" --quiet --project "$owner"
fi
((${#failed[@]} == 0)) || fail "not deleted: ${failed[*]}" 'see the messages above, and run it again: what is gone stays gone'
