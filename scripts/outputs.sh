#!/usr/bin/env bash
# Prints what a component said on stdout as a list: each artifact's address, each parameter's value.
set -euo pipefail
awk -F '"' '
    /^    ".*\{$/ { name = $2 }
    /^      "uri"/ { printf "  %-30s %s\n", name, $4 }
    /^    "[^"]*": [^{]/ { name = $2; gsub(/^.*": |,$/, ""); printf "  %-30s %s\n", name, $0 }
' "${1:?usage: scripts/outputs.sh OUTPUTS.json}"
