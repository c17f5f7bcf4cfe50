#!/usr/bin/env bash
# Builds the components' images and pushes them.
#
#   REGISTRY=europe-docker.pkg.dev/my-project/kfp ./build.sh     all five
#   REGISTRY=… ./build.sh train deploy                           only these
#   ./build.sh --no-push                                         into the local engine only
#
# REGISTRY  where to push: host[:port]/path; without it, --no-push names images kfp-components/…
# TAG       default: the git commit, with -dirty when files differ from it; never "latest"
# SOURCE    the sources' address for the image label; default: git's origin, where it is public
# BUILDER   docker, host or auto: see scripts/binaries.sh
set -euo pipefail
cd "$(dirname "$0")"

fail() { printf 'build.sh: %s\n  next: %s\n' "$1" "$2" >&2; exit "${3:-1}"; }

# Largest size of a component's image, in MB (10^6 bytes); fails for a name that is no component.
budget() { awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' docker/components; }

# Pushes image $1 and prints its digest; says in one line why it cannot.
push() {
    local said reason host=${REGISTRY%%/*}
    if said=$(docker push "$1" 2>&1); then
        grep -o 'sha256:[0-9a-f]\{64\} size' <<<"$said" | cut -d ' ' -f 1
        return
    fi
    reason=$(tail -n 1 <<<"$said")
    case $reason in
    *unauthorized* | *denied* | *authentication* | *"no basic auth"* | *Forbidden*)
        fail "the registry $host refused $1: $reason" "log in with 'docker login $host' (Google: 'gcloud auth configure-docker $host') as someone who may write there" ;;
    *) fail "the registry $host did not take $1: $reason" "check REGISTRY=$REGISTRY, and that the registry is up and reachable from this machine" ;;
    esac
}

push=yes components=()
for argument in "$@"; do
    case $argument in
    --no-push) push=no ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit ;;
    *) budget "$argument" >/dev/null || fail "there is no component or option $argument" 'see ./build.sh --help' 2
        components+=("$argument") ;;
    esac
done
((${#components[@]})) || mapfile -t components < <(cut -d ' ' -f 1 docker/components)

revision=$(scripts/revision.sh)
tag=${TAG:-$revision}
[[ $tag != latest ]] ||
    fail 'TAG=latest is refused: pipelines cache by tag, so what a tag names must never change' 'leave TAG unset to use the git commit' 2
[[ $tag != unknown ]] || fail 'there is no git commit to tag the images with' 'set TAG' 2
[[ $push == no || -n ${REGISTRY:-} ]] ||
    fail 'REGISTRY is not set' 'say where to push, for example REGISTRY=europe-docker.pkg.dev/my-project/kfp, or use --no-push' 2
docker info >/dev/null 2>&1 ||
    fail 'no docker engine answers' "start docker, or do without it: './local_test.sh --native'"

GIT_COMMIT=$revision scripts/binaries.sh
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# A label anyone can read: an https address or nothing, and never the credentials in it.
origin=$(git config --get remote.origin.url | sed -nE 's#^(https://)([^/@]*@)?#\1#p; s#^git@([^:]+):#https://\1/#p' || true)

# The pipeline on the images just pushed, pinned by digest; its compiler is Python, which nobody
# else needs.
compile_pipeline() {
    local python how="'REGISTRY=$REGISTRY TAG=$tag python3 pipeline/crypto_pipeline.py crypto_pipeline.yaml --digests target/pushed'"
    if python=$(scripts/python.sh --at-hand); then
        TAG=$tag "$python" pipeline/crypto_pipeline.py target/crypto_pipeline.yaml --digests target/pushed
        echo 'build.sh: upload target/crypto_pipeline.yaml, the pipeline on these images' >&2
    else
        echo "build.sh: the pipeline on these images: 'pip install -r pipeline/requirements.txt', then $how" >&2
    fi
}

over=() pushed=()
for component in "${components[@]}"; do
    image=${REGISTRY:-kfp-components}/$component:$tag
    said=$(docker build --quiet --file docker/component.Dockerfile --tag "$image" \
        --build-arg "COMPONENT=$component" --build-arg "VERSION=$version" \
        --build-arg "REVISION=$revision" --build-arg "SOURCE=${SOURCE:-$origin}" target/dist 2>&1) ||
        fail "cannot build $image: $(tail -n 1 <<<"$said")" "see the whole output: docker build -f docker/component.Dockerfile --build-arg COMPONENT=$component target/dist"
    bytes=$(docker image inspect --format '{{.Size}}' "$image") limit=$(budget "$component")
    if ((bytes > limit * 1000000)); then
        over+=("$component") digest='too large to be pushed'
    elif [[ $push == yes ]]; then
        digest=$(push "$image")
        pushed+=("$image $digest")
    else
        digest="$(docker image inspect --format '{{.Id}}' "$image") (not pushed)"
    fi
    printf '%s  %d.%d MB of %d  %s\n' "$image" $((bytes / 1000000)) $((bytes / 100000 % 10)) "$limit" "$digest"
done
((${#over[@]} == 0)) ||
    fail "over the size budget: ${over[*]}" "see what grew with 'cargo tree -e normal -p ${over[0]}'; the budgets are in docker/components"
if [[ $push == yes ]]; then
    printf '%s\n' "${pushed[@]}" >target/pushed
    compile_pipeline
fi
