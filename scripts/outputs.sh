#!/usr/bin/env bash
# Prints what a component said on stdout as a list: each artifact's address, each parameter's value.
# With a NAME, the value of that one alone.
set -euo pipefail
awk -F '"' -v wanted="${2:-}" '
    function show(name, value) {
        if (wanted == "") printf "  %-30s %s\n", name, value
        else if (name == wanted) { gsub(/^"|"$/, "", value); print value }
    }
    /^    ".*\{$/ { name = $2 }
    /^      "uri"/ { show(name, $4) }
    /^    "[^"]*": [^{]/ { name = $2; gsub(/^.*": |,$/, ""); show(name, $0) }
' "${1:?usage: scripts/outputs.sh OUTPUTS.json [NAME]}"
