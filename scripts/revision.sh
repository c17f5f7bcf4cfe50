#!/usr/bin/env bash
# Prints the commit that the work tree is at, short, with -dirty when files differ from it.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! commit=$(git rev-parse --short=12 HEAD 2>/dev/null); then
    echo unknown
elif [[ -n $(git status --porcelain) ]]; then
    echo "$commit-dirty"
else
    echo "$commit"
fi
