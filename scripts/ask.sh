#!/usr/bin/env bash
# Asks a model server for one prediction over HTTP, and shows both.
#
#   scripts/ask.sh GOLDEN.json http://HOST:PORT/PATH [TOKEN]
#   scripts/ask.sh --token    prints an access token of the metadata server, GCE_METADATA_HOST
#
# GOLDEN.json is the model's own list of rows, of which the first is asked for.
set -euo pipefail

# call METHOD URL BODY HEADERS…: sets $status and $answer. By Bash's own TCP, so that nothing else
# has to be installed.
call() {
    local method=$1 address=${2#http://} body=$3 header
    shift 3
    local host=${address%%/*}
    exec 3<>"/dev/tcp/${host%:*}/${host##*:}"
    {
        printf '%s /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' "$method" "${address#*/}" "$host"
        for header; do printf '%s\r\n' "$header"; done
        printf 'Content-Length: %d\r\n\r\n%s' "${#body}" "$body"
    } >&3
    read -r _ status _ <&3
    answer=$(sed '1,/^\r*$/d' <&3) # the headers end at the first empty line
    exec 3>&-
}

if [[ ${1:-} == --token ]]; then
    path=computeMetadata/v1/instance/service-accounts/default/token
    call GET "http://${GCE_METADATA_HOST:?names no metadata server}/$path" '' 'Metadata-Flavor: Google'
    grep -oE '"access_token": *"[^"]+"' <<<"$answer" | cut -d '"' -f 4
    exit
fi
golden=${1:?usage: scripts/ask.sh GOLDEN.json URL [TOKEN]} url=${2:?usage: scripts/ask.sh GOLDEN.json URL [TOKEN]}
row=$(tr -d ' \n' <"$golden" | sed 's/.*"instances":\[\(\[[^]]*\]\).*/\1/')
body="{\"instances\": [$row]}"
printf 'POST %s  %s\n' "$url" "$body"
call POST "$url" "$body" 'Content-Type: application/json' ${3:+"Authorization: Bearer $3"}
printf '%s  %s\n' "$status" "$answer"
[[ $status == 200 ]]
