# Compiles all components once, statically; scripts/binaries.sh copies them out of the last stage.
# Needs BuildKit (for the caches) and an engine that can pull the base image.
ARG RUST_IMAGE=rust:1.95-bookworm
FROM ${RUST_IMAGE} AS build
WORKDIR /source
COPY . .
ARG GIT_COMMIT
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/target \
    set -eu; \
    components="$(cut -d ' ' -f 1 docker/components)"; \
    host="$(rustc -vV | sed -n 's/^host: //p')"; \
    RUSTFLAGS='-C target-feature=+crt-static' GIT_COMMIT="${GIT_COMMIT}" \
    cargo build --release --locked --target "$host" --target-dir /target \
        $(printf -- '--package=%s ' $components); \
    mkdir /out; \
    for name in $components; do cp "/target/$host/release/$name" /out/; done; \
    cp /etc/ssl/certs/ca-certificates.crt /out/

FROM scratch
COPY --from=build /out/ /
