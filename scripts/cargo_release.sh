#!/usr/bin/env bash
# Compiles the components as static release binaries with this machine's cargo, and prints the
# folder they are in. More arguments go to cargo: other packages, examples.
#
# All components are named every time, because cargo's features are those of everything named:
# any other choice would compile most dependencies once more.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t components < <(cut -d ' ' -f 1 docker/components)
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --locked --target "$host" \
    "${components[@]/#/--package=}" "$@" >&2
echo "${CARGO_TARGET_DIR:-target}/$host/release"
