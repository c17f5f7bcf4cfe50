#!/usr/bin/env bash
# Starts a model server, asks it for one prediction over HTTP, shows both, and stops it.
#
#   scripts/ask_server.sh GOLDEN.json COMMAND…
#
# COMMAND is `deploy serve` in some form, listening on a port of 127.0.0.1 that it logs;
# GOLDEN.json is the model's own list of rows, of which the first is asked for.
set -euo pipefail
golden=${1:?usage: scripts/ask_server.sh GOLDEN.json COMMAND…}
shift

log=$(mktemp)
"$@" >/dev/null 2>"$log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -f "$log"' EXIT
port=
for _ in {1..100}; do
    port=$(sed -nE 's/.*127\.0\.0\.1:([0-9]+).*/\1/p' "$log" | head -n 1)
    if [[ -n $port ]] || ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.1
done
[[ -n $port ]] || { cat "$log" >&2; exit 1; }

"$(dirname "$0")/ask.sh" "$golden" "http://127.0.0.1:$port/predict"
