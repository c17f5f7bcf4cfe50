# Sourced by the shell tests: named checks, one line each, counted by ./test.sh.
# shellcheck shell=bash

failures=0

# check NAME COMMAND…: passes when the command does; its output is shown only when it does not.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf 'ok - %s\n' "$name"
    else
        printf 'not ok - %s\n' "$name"
        # shellcheck disable=SC2001 # every line of it
        sed 's/^/    /' <<<"$output"
        failures=$((failures + 1))
    fi
}

# equal WANTED FOUND: for use with check; shows both when they differ.
equal() { [[ $1 == "$2" ]] || { printf 'wanted: %s\nfound:  %s\n' "$1" "$2"; return 1; }; }

# fails_with STATUS MESSAGE COMMAND…: the command must end with this status and this whole stderr.
fails_with() {
    local wanted=$1 message=$2 status=0 output
    shift 2
    output=$({ "$@" >/dev/null; } 2>&1) || status=$?
    equal "$wanted: $message" "$status: $output"
}

finish() { ((failures == 0)); }
