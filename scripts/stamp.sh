#!/usr/bin/env bash
# Writes the git commit into binaries that are linked already, for their --version.
#
#   scripts/stamp.sh COMMIT BINARY…
set -euo pipefail
commit=${1:?usage: scripts/stamp.sh COMMIT BINARY…}
shift
export LC_ALL=C # bytes, not characters

# As crates/component/src/version.rs has it: the mark, and 40 bytes for the commit.
readonly mark=stamped-with-git-commit:
[[ $commit =~ ^[A-Za-z0-9._-]{1,40}$ ]] || {
    printf "stamp.sh: '%s' is no git commit\n  next: leave GIT_COMMIT unset, or give a commit of at most 40 letters and digits\n" "$commit" >&2
    exit 2
}
padded=$(printf '%-40s' "$commit")
for binary; do
    sed -i "s/$mark.\{40\}/$mark$padded/" "$binary"
    grep -qaF "$mark$padded" "$binary" || {
        printf 'stamp.sh: %s has no room for a commit\n  next: compile it with scripts/cargo_release.sh\n' "$binary" >&2
        exit 1
    }
done
