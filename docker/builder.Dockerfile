# Compiles all components once, statically; scripts/binaries.sh copies them out of the last stage.
# Needs BuildKit (for the caches) and an engine that can pull the base image.
ARG RUST_IMAGE=rust:1.95-bookworm
FROM ${RUST_IMAGE} AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/target \
    set -eu; \
    built="$(CARGO_TARGET_DIR=/target scripts/cargo_release.sh)"; \
    mkdir /out; \
    cut -d ' ' -f 1 docker/components | while read -r name; do cp "$built/$name" /out/; done; \
    cp /etc/ssl/certs/ca-certificates.crt /out/

FROM scratch
COPY --from=build /out/ /
