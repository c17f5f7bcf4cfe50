#!/usr/bin/env bash
# Peak memory of gcs-ingest for a large input from a local HTTP server, beside other tools.
#
#   bench/ingest_memory.sh [BYTES]      default 2 GiB
#
# GCS_INGEST      the binary; built in release mode when not given
# PYTHON          an interpreter with google-cloud-storage, which is a peer and checksums what
#                 the bucket (bench/gcs_sink.py) gets; without it the uploads are skipped
#
# Fails when gcs-ingest needs more than 32 MiB.
set -euo pipefail
cd "$(dirname "$0")/.."

bytes=${1:-$((2 * 1024 ** 3))}
limit_mib=32
python=${PYTHON:-python3}
GCS_INGEST=${GCS_INGEST:-$(scripts/cargo_release.sh)/gcs-ingest}
ingest=$(realpath "$GCS_INGEST")

work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

# Prints the first line of a log that matches, once it is there.
await() {
    local line
    for _ in {1..200}; do
        if line=$(grep -s -m 1 -oE "$2" "$1"); then
            echo "$line"
            return
        fi
        sleep 0.05
    done
    echo "nothing like '$2' in $1" >&2
    return 1
}

# Runs a command; prints its name, peak memory in MiB, seconds and rate. Children that ran one
# after the other or side by side count by the largest.
failed=0
measure() {
    local name=$1 kib seconds status=0
    shift
    /usr/bin/time --quiet -f '%M %e' -o "$work/time" "$@" >"$work/log" 2>&1 || status=$?
    if ((status != 0)); then
        printf '%-38s failed: %s\n' "$name" "$(tail -n 1 "$work/log")"
        failed=1
        return
    fi
    read -r kib seconds <"$work/time"
    awk -v name="$name" -v kib="$kib" -v seconds="$seconds" -v bytes="$bytes" 'BEGIN {
        printf "%-38s %8.1f MiB %8.1f s %8.0f MB/s\n", name, kib / 1024, seconds, bytes / 1e6 / seconds }'
    if [[ $name == gcs-ingest* ]] && ((kib > limit_mib * 1024)); then
        echo "$name needs more than $limit_mib MiB" >&2
        failed=1
    fi
}

mkdir "$work/served"
# `yes` ends by SIGPIPE.
(yes 'bitcoin,2018-01-01,14112.2,14112.2,13154.7,13657.2,10291200000' || true) |
    head -c "$bytes" >"$work/served/input.csv"
"$python" -u -m http.server 0 --bind 127.0.0.1 --directory "$work/served" >"$work/http.log" 2>&1 &
pids+=($!)
url=http://127.0.0.1:$(await "$work/http.log" 'port [0-9]+' | cut -d ' ' -f 2)/input.csv

printf '%d bytes, peak resident memory\n' "$bytes"
measure 'gcs-ingest to disk' "$ingest" --source "$url" --destination "$work/out.csv"
cmp "$work/served/input.csv" "$work/out.csv"
rm "$work/out.csv"
# shellcheck disable=SC2016 # expanded by the inner shell
measure 'curl | cp to disk' bash -c 'curl -sf "$0" | cp /dev/stdin "$1"' "$url" "$work/out.csv"
rm "$work/out.csv"

if ! "$python" -c 'import google.cloud.storage' 2>/dev/null; then
    echo "SKIPPED: uploads, because $python does not have google-cloud-storage"
    exit "$failed"
fi
"$python" bench/gcs_sink.py >"$work/sink.log" 2>&1 &
pids+=($!)
STORAGE_EMULATOR_HOST=http://127.0.0.1:$(await "$work/sink.log" 'port [0-9]+' | cut -d ' ' -f 2)
export STORAGE_EMULATOR_HOST
measure 'gcs-ingest to a bucket' "$ingest" --source "$url" --destination gs://bench/input.csv
measure 'python google-cloud-storage' "$python" -c '
import shutil, sys, urllib.request, google.auth.credentials, google.cloud.storage
client = google.cloud.storage.Client("bench", google.auth.credentials.AnonymousCredentials())
with client.bucket("bench").blob("python.csv").open("wb") as blob:
    shutil.copyfileobj(urllib.request.urlopen(sys.argv[1]), blob)' "$url"
exit "$failed"
