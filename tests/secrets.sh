#!/usr/bin/env bash
# No token, key or signed address is in any log of a test run. What is found is named by file, line
# and kind, never shown.
#
#   tests/secrets.sh FOLDER    the folder with the logs
set -euo pipefail
logs=$(realpath "${1:?usage: tests/secrets.sh FOLDER}")
cd "$(dirname "$0")/.."
source tests/lib.sh

# What a secret looks like where it is long enough to be one, and one that is none. The fake
# Google's own tokens are among them: what leaks those would leak real ones.
kinds=('access token' 'authorization header' 'token in a document' 'refresh token' 'web token'
    'API key' 'private key' 'signed address' 'upload session' "fake service's token")
patterns=(
    '(^|[^A-Za-z0-9])ya29\.[A-Za-z0-9_.-]{8,}'
    '[Bb]earer +[A-Za-z0-9_./-]{6,}'
    '"(access|id|refresh)_token" *: *"[^"…]{4,}"'
    '(^|[^A-Za-z0-9])1//0[A-Za-z0-9_-]{12,}'
    '(^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}'
    '(^|[^A-Za-z0-9])AIza[A-Za-z0-9_-]{20,}'
    '-----BEGIN [A-Z ]*PRIVATE KEY'
    '[?&](X-Goog-Signature|X-Amz-Signature|Signature)=[A-Za-z0-9%]{4,}'
    '[?&]upload_id=[A-Za-z0-9_-]{4,}'
    '(^|[^A-Za-z0-9-])token-[0-9]+([^A-Za-z0-9]|$)'
)
planted=(
    'sent ya29.c.b0AXv0zTPbyP'
    'authorization: Bearer c2VjcmV0LXRva2Vu'
    '{"access_token": "opaque-and-long"}'
    'token=1//0gAbCdEfGhIjKlMn'
    'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln'
    'key=AIzaSyA0123456789abcdefghijklmno'
    '-----BEGIN RSA PRIVATE KEY-----'
    'GET https://storage/b/o?X-Goog-Signature=0a1b2c3d'
    'PUT https://storage/b/o?upload_id=ABPtcPqXyZ'
    'with token-3'
)

# scanned FOLDER: fails, and says where, when a file below it holds a secret.
scanned() {
    local number found status=0
    for number in "${!patterns[@]}"; do
        found=$(grep -arnoE --exclude secrets.log -e "${patterns[number]}" "$1" | cut -d: -f1,2) || true
        [[ -n $found ]] || continue
        awk -v kind="${kinds[number]}" '{ print kind ": " $0 }' <<<"$found"
        status=1
    done
    return "$status"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# finds NUMBER: a secret of that kind is found, alone, and not shown.
finds() {
    local folder=$scratch/$1
    mkdir "$folder"
    printf 'a line before\n%s\n' "${planted[$1]}" >"$folder/step.log"
    equal "${kinds[$1]}: $folder/step.log:2" "$(scanned "$folder" || true)"
}
for number in "${!kinds[@]}"; do
    check "the scan finds a planted secret: ${kinds[number]}" finds "$number"
done
mkdir "$scratch/clean"
echo 'GET https://storage/b/o was answered with 200; Authorization: Bearer …; token by token' >"$scratch/clean/step.log"
check 'the scan leaves a log without secrets alone' scanned "$scratch/clean"

check 'there are logs to scan' test -n "$(find "$logs" -name '*.log' -size +0 -print -quit)"
check 'no log of the tests holds a secret' scanned "$logs"
finish
