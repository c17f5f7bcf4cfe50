#!/usr/bin/env bash
# Compiles all components once, as static release binaries, and leaves them in target/dist with
# what else an image holds. Images and native runs use these very files.
#
# BUILDER=docker  in a builder stage (needs BuildKit and a registry to pull the Rust image from)
# BUILDER=host    with this machine's cargo
# BUILDER=auto    docker where that works, else host (default)
set -euo pipefail
cd "$(dirname "$0")/.."

readonly dist=target/dist rust_image=${RUST_IMAGE:-rust:1.95-bookworm}
mapfile -t components < <(cut -d ' ' -f 1 docker/components)

say() { printf 'binaries.sh: %s\n' "$*" >&2; }
fail() { say "$1"; printf '  next: %s\n' "$2" >&2; exit 1; }

# Whether the engine has BuildKit and gets the Rust image; prints the reason when not.
docker_builds() {
    if ! command -v docker >/dev/null; then
        echo 'docker is not installed'
    elif ! docker info >/dev/null 2>&1; then
        echo 'no docker engine answers'
    elif ! printf 'FROM %s\n' "$rust_image" | DOCKER_BUILDKIT=1 docker build -q - >/dev/null 2>&1; then
        echo "the docker engine has no BuildKit or cannot pull $rust_image"
    else
        return 0
    fi
    return 1
}

build_with_docker() {
    DOCKER_BUILDKIT=1 docker build --file docker/builder.Dockerfile \
        --build-arg "RUST_IMAGE=$rust_image" --output "type=local,dest=$dist" .
}

build_on_host() {
    command -v cargo >/dev/null ||
        fail 'cargo is not installed' 'install Rust (https://rustup.rs), or a docker engine that can pull images'
    local built ca
    built=$(scripts/cargo_release.sh)
    # A component may be running from there: its file is replaced, not written over.
    cp --remove-destination "${components[@]/#/$built/}" "$dist/"
    for ca in "${CA_BUNDLE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
        /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
        [[ ! -f $ca ]] || { cp "$ca" "$dist/ca-certificates.crt"; return; }
    done
    fail 'no CA certificates found on this machine' 'install ca-certificates, or name a PEM file in CA_BUNDLE'
}

mkdir -p "$dist"
builder=${BUILDER:-auto}
if [[ $builder == auto ]]; then
    if reason=$(docker_builds); then builder=docker; else builder=host; fi
    say "building with $builder${reason:+: $reason} (BUILDER=docker or BUILDER=host decides otherwise)"
fi
case $builder in
docker) build_with_docker ;;
host) build_on_host ;;
*) fail "there is no builder $builder" 'set BUILDER to docker, host or auto' ;;
esac

scripts/stamp.sh "${GIT_COMMIT:-$(scripts/revision.sh)}" "${components[@]/#/$dist/}"

# What an image holds beside its binary, as a tar because that keeps the mode of /tmp.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/tmp" "$root/etc/ssl/certs"
chmod 1777 "$root/tmp"
mv "$dist/ca-certificates.crt" "$root/etc/ssl/certs/"
chmod -R u=rwX,go=rX "$root/etc"
find "$root" -exec touch -t 197001010000 {} + # the same layer every time
tar -C "$root" --owner 0 --group 0 --numeric-owner -cf "$dist/rootfs.tar" tmp etc
