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

# registry NAME [CONFIG LINES]: starts a registry on a free loopback port and sets $address; needs
# $scratch, a folder, and $started, the processes to end.
# shellcheck disable=SC2154 # scratch is the sourcing script's
registry() {
    local name=$1 port try
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    address=127.0.0.1:$port
    printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n%s\n' \
        "$scratch/$name" "$address" "${2:-}" >"$scratch/$name.yml"
    docker-registry serve "$scratch/$name.yml" >"$scratch/$name.log" 2>&1 &
    started+=($!)
    for try in {1..100}; do
        ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.1
    done
    echo "no registry after $try tries"; cat "$scratch/$name.log"
    return 1
}

finish() { ((failures == 0)); }
