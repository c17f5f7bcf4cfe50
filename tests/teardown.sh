#!/usr/bin/env bash
# pipeline/teardown.sh with stand-ins for kubectl and gcloud that write down what they are told.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for tool in kubectl gcloud; do
    cat >"$scratch/$tool" <<EOF
#!/bin/sh
echo "$tool \$*" >>"$scratch/told"
case "\$* " in
    *absent*) echo 'ERROR: (gcloud) NOT_FOUND: it was not found' >&2; exit 1 ;;
    *locked*) echo 'ERROR: (gcloud) PERMISSION_DENIED: not yours' >&2; exit 1 ;;
esac
EOF
    chmod +x "$scratch/$tool"
done
# Runs it on a terminal's absence; what the tools were told is in the file told.
teardown() { : >"$scratch/told"; PATH="$scratch:$PATH" pipeline/teardown.sh "$@" </dev/null; }
told() { cat "$scratch/told"; }
everything=(--models --kubeflow --cluster c1 --location europe-west4-a --project p1
    --bucket gs://b1 --images europe-docker.pkg.dev/p1/kfp)
manifests=github.com/kubeflow/pipelines/manifests/kustomize
wanted="kubectl delete --namespace kubeflow --ignore-not-found persistentvolumeclaim/model-repository job/model-repository
kubectl delete --namespace kubeflow --ignore-not-found secret/user-gcp-sa
kubectl delete --ignore-not-found --wait -k $manifests/env/platform-agnostic?ref=2.17.0
kubectl delete --ignore-not-found --wait -k $manifests/cluster-scoped-resources?ref=2.17.0
gcloud container clusters delete c1 --location europe-west4-a --quiet --project p1
gcloud storage rm --recursive gs://b1 --quiet --project p1
gcloud artifacts repositories delete kfp --location europe --quiet --project p1"

check 'everything goes, in the right order' teardown --yes "${everything[@]}"
check 'the commands are these' equal "$wanted" "$(told)"
check 'a dry run ends well' teardown --dry-run "${everything[@]}"
check 'a dry run tells the tools nothing' equal '' "$(told)"
printed=$(teardown --dry-run "${everything[@]}")
check 'a dry run prints the commands' equal "$wanted" "$(sed "s/^+ //; s/'gone' '[^']*' //; s/'//g" <<<"$printed")"
check 'nobody to ask: nothing is deleted' fails_with 1 'teardown.sh: the bucket gs://b1 was not deleted: nobody can answer here
  next: give --yes, or --dry-run to see the commands' teardown --bucket gs://b1
check 'nobody to ask: the tools were told nothing' equal '' "$(told)"
if command -v script >/dev/null; then
    answered() { # answered ANSWER: what a person on a terminal sees
        : >"$scratch/told"
        PATH="$scratch:$PATH" script --quiet --return --command 'pipeline/teardown.sh --bucket gs://b1' /dev/null <<<"$1" >/dev/null
    }
    check 'no is an answer' answered n
    check 'no deletes nothing' equal '' "$(told)"
    check 'yes is an answer' answered y
    check 'yes deletes it' equal 'gcloud storage rm --recursive gs://b1 --quiet' "$(told)"
else
    echo 'SKIPPED: the question on a terminal: script is not installed'
fi
check 'what is gone already is no failure' teardown --yes --bucket gs://absent
check 'what may not be deleted is named, and the rest goes' fails_with 1 'ERROR: (gcloud) PERMISSION_DENIED: not yours
teardown.sh: not deleted: the cluster locked
  next: see the messages above, and run it again: what is gone stays gone' \
    teardown --yes --cluster locked --location europe-west4-a --bucket gs://b1
check 'the rest went' equal 'gcloud storage rm --recursive gs://b1 --quiet' "$(tail -n 1 "$scratch/told")"
check 'nothing named is refused' fails_with 2 'teardown.sh: nothing was named to take down
  next: see pipeline/teardown.sh --help' teardown --yes
check 'a folder is no bucket' fails_with 2 'teardown.sh: gs://b1/models is not a bucket
  next: give gs:// and the name of a bucket alone: it goes with everything in it' teardown --bucket gs://b1/models
check 'a cluster has a place' fails_with 2 'teardown.sh: --cluster needs --location
  next: give its zone or region' teardown --cluster c1
check 'another registry is refused' fails_with 2 "teardown.sh: example.com/kfp is not a repository of Artifact Registry
  next: give LOCATION-docker.pkg.dev/PROJECT/REPOSITORY; elsewhere delete the images with the registry's own tools" \
    teardown --images example.com/kfp
finish
