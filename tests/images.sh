#!/usr/bin/env bash
# build.sh and its images: pushed to a registry on loopback, pulled back, inspected and run.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

for tool in docker docker-registry; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: images: $tool is not installed"; exit 0; }
done
docker info >/dev/null 2>&1 || { echo 'SKIPPED: images: no docker engine answers'; exit 0; }

export TAG=test-$$ SOURCE=https://example.com/kfp-components
scratch=$(mktemp -d)
started=()
cleanup() {
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
    docker image ls --quiet --filter "label=org.opencontainers.image.source=$SOURCE" |
        sort -u | xargs -r docker image rm --force >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap cleanup EXIT

# Looks for key material in what is given on stdin: a PEM header with its body, a token, an API key.
holds_key() {
    tr '\n' ' ' | grep -aqE -- '-----BEGIN [A-Z ]*PRIVATE KEY-----( |\\n)*[A-Za-z0-9+/=]{40}|ya29\.[A-Za-z0-9_-]{30}|AIza[A-Za-z0-9_-]{35}'
}
# Modes and names of an image's files, without what the engine puts into every container.
files_of() {
    local container
    container=$(docker create "$1" /unused)
    docker export "$container" | tar -tv | awk '{ print $1, $6 }' | LC_ALL=C sort |
        grep -vE ' (\.dockerenv|(dev|proc|sys)/.*|etc/|etc/(hosts|hostname|mtab|resolv.conf)|etc/ssl/(certs/)?)$'
    docker rm "$container" >/dev/null
}
# Every layer as the registry has it, not only the files that are visible at the end.
no_key_in() { ! docker save "$1" | tar -xO | holds_key; }

mapfile -t components < <(cut -d ' ' -f 1 docker/components)
registry open
export REGISTRY=$address/kfp
./build.sh >"$scratch/pushed" || { cat "$scratch/pushed"; echo 'not ok - build.sh pushes all five'; exit 1; }
check 'build.sh says one line an image' equal ${#components[@]} "$(wc -l <"$scratch/pushed")"

for component in "${components[@]}"; do
    image=$REGISTRY/$component:$TAG
    digest=$(awk -v image="$image" '$1 == image { print $NF }' "$scratch/pushed")
    docker image rm --force "$image" >/dev/null
    check "$component: the printed digest can be pulled" docker pull --quiet "$REGISTRY/$component@$digest"
    image=$REGISTRY/$component@$digest
    check "$component: runs from the registry" docker run --rm --network none --read-only --cap-drop ALL \
        --entrypoint '' "$image" "/$component" --version
    config() { docker image inspect --format "$1" "$image"; }
    check "$component: numeric non-root user" equal 65532:65532 "$(config '{{.Config.User}}')"
    check "$component: neither entrypoint nor command" equal '[] []' "$(config '{{.Config.Entrypoint}} {{.Config.Cmd}}')"
    label() { config "{{index .Config.Labels \"org.opencontainers.image.$1\"}}"; }
    check "$component: labels" equal "$component $SOURCE $(scripts/revision.sh)" "$(label title) $(label source) $(label revision)"
    check "$component: version label is the binary's" equal \
        "$component $(label version) ($(label revision))" \
        "$(docker run --rm --entrypoint '' "$image" "/$component" --version)"
    check "$component: holds its binary, CA roots and /tmp, nothing else" equal \
        "$(printf '%s\n' "-rwxr-xr-x $component" '-rw-r--r-- etc/ssl/certs/ca-certificates.crt' 'drwxrwxrwt tmp/' | LC_ALL=C sort)" \
        "$(files_of "$image")"
    check "$component: no key in any layer" no_key_in "$image"
done

body=$(head -c 60 /dev/zero | base64 -w 0)
check 'the key search finds a key on lines of its own' holds_key < <(printf -- '-----BEGIN %s KEY-----\n%s\n' PRIVATE "$body")
check 'the key search finds a key inside JSON' holds_key < <(printf -- '"-----BEGIN RSA %s KEY-----\\n%s' PRIVATE "$body")

check 'latest is refused' fails_with 2 'build.sh: TAG=latest is refused: pipelines cache by tag, so what a tag names must never change
  next: leave TAG unset to use the git commit' env TAG=latest ./build.sh
check 'an unknown component is refused' fails_with 2 'build.sh: there is no component or option trian
  next: see ./build.sh --help' ./build.sh trian
check 'a missing registry is refused' fails_with 2 'build.sh: REGISTRY is not set
  next: say where to push, for example REGISTRY=europe-docker.pkg.dev/my-project/kfp, or use --no-push' env REGISTRY= ./build.sh

# The rest needs no compiler: a copy of the scripts over the binaries just built.
copy=$scratch/copy
mkdir -p "$copy/target"
cp -r build.sh docker scripts Cargo.toml "$copy/"
cp -r target/dist "$copy/target/"
printf '#!/bin/sh\n' >"$copy/scripts/binaries.sh"
check 'an engine that does not answer is named' fails_with 1 "build.sh: no docker engine answers
  next: start docker, or do without it: './local_test.sh --native'" env DOCKER_HOST=tcp://127.0.0.1:1 "$copy/build.sh"
check 'a registry that is not there is named' fails_with 1 "build.sh: the registry 127.0.0.1:1 did not take 127.0.0.1:1/kfp/train:$TAG: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused
  next: check REGISTRY=127.0.0.1:1/kfp, and that the registry is up and reachable from this machine" \
    env REGISTRY=127.0.0.1:1/kfp "$copy/build.sh" train
# A registry that knows one user, whose password nobody has.
# shellcheck disable=SC2016 # a bcrypt hash
echo 'nobody:$2y$05$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' >"$scratch/htpasswd"
registry closed "auth: {htpasswd: {realm: test, path: $scratch/htpasswd}}"
check 'a registry that wants a login is named' fails_with 1 "build.sh: the registry $address refused $address/kfp/train:$TAG: no basic auth credentials
  next: log in with 'docker login $address' (Google: 'gcloud auth configure-docker $address') as someone who may write there" \
    env REGISTRY="$address/kfp" "$copy/build.sh" train
sed -i 's/^train .*/train 0/' "$copy/docker/components"
check 'an image over its budget is refused' fails_with 1 "build.sh: over the size budget: train
  next: see what grew with 'cargo tree -e normal -p train'; the budgets are in docker/components" \
    "$copy/build.sh" train
finish
