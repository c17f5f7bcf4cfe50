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

row=$(tr -d ' \n' <"$golden" | sed 's/.*"instances":\[\(\[[^]]*\]\).*/\1/')
body="{\"instances\": [$row]}"
printf 'POST http://127.0.0.1:%s/predict  %s\n' "$port" "$body"
# Bash's own TCP, so that nothing else has to be installed.
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'POST /predict HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' \
    "$port" "${#body}" "$body" >&3
read -r _ status _ <&3
printf '%s  %s\n' "$status" "$(sed '1,/^\r*$/d' <&3)" # the headers end at the first empty line
[[ $status == 200 ]]
