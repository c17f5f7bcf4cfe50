#!/usr/bin/env bash
# Test error of the network with tuned hyperparameters, ten seeds, beside the baselines.
#
#   bench/quality.sh DATA.csv [LIMIT]      a raw table, or an examples folder; LIMIT default 220.44
#
# TRANSFORM, HPTUNE, TRAIN   the binaries; built in release mode when not given
# TRAIN_IMAGE                an image of train, to train the first model in it as well
#
# Fails when the median of the ten is above LIMIT (the default: least squares on the raw columns of
# the public table), or the worst above 235, in the label's unit (US dollars); or when the first
# model, trained again, on one thread and in the image, is not the same bytes.
set -euo pipefail
data=$(realpath "${1:?usage: bench/quality.sh DATA.csv [LIMIT]}") limit=${2:-220.44} worst_limit=235
cd "$(dirname "$0")/.."

built=
[[ -n ${TRANSFORM:-} && -n ${HPTUNE:-} && -n ${TRAIN:-} ]] || built=$(scripts/cargo_release.sh)
transform=${TRANSFORM:-$built/transform} hptune=${HPTUNE:-$built/hptune} train=${TRAIN:-$built/train}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet=(--log-level warn)
examples=$data
if [[ -f $data ]]; then
    examples=$work/examples
    "$transform" "${quiet[@]}" --raw-data "$data" --examples "$examples" >/dev/null
fi
started=$EPOCHREALTIME
"$hptune" "${quiet[@]}" --examples "$examples" --best-hyperparameters "$work/best.json" >/dev/null
seconds=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
printf 'tuned in %s s: ' "$seconds"
sed -n '/"hyperparameters"/,/}/{/[{}]/d;s/[",]//g;s/^ *//;p}' "$work/best.json" | paste -sd ' '

# number NAME FILE: a flat number of a component's output document.
number() { sed -n "s/^ *\"$1\": \(.*[0-9]\),\{0,1\}\$/\1/p" "$2" | head -n 1; }

printf '\n%-32s %12s %12s\n' '' 'eval RMSE' 'test RMSE'
for seed in {0..9}; do
    "$train" "${quiet[@]}" --examples "$examples" --best-hyperparameters "$work/best.json" \
        --seed "$seed" --model "$work/model" --metrics "$work/metrics.json" >"$work/out.json"
    test_error=$(number test_root_mean_squared_error "$work/out.json")
    printf '%-32s %12.2f %12.2f\n' "network, seed $seed" \
        "$(number eval_root_mean_squared_error "$work/out.json")" "$test_error"
    echo "$test_error" >>"$work/errors"
    [[ $seed != 0 ]] || cp "$work/model/model.onnx" "$work/first.onnx"
done
sort -g "$work/errors" >"$work/sorted"
median=$(awk 'NR == 5 || NR == 6 { sum += $1 } END { print sum / 2 }' "$work/sorted")
worst=$(tail -n 1 "$work/sorted")
printf '%-32s %12s %12.2f\n' 'network, median of 10' '' "$median"
printf '%-32s %12s %12.2f\n' 'network, worst of 10' '' "$worst"
sed -n 's/^ *"test_\(.*\)_root_mean_squared_error": .*/\1/p' "$work/out.json" | while read -r baseline; do
    printf '%-32s %12.2f %12.2f\n' "$baseline" \
        "$(number "eval_${baseline}_root_mean_squared_error" "$work/out.json")" \
        "$(number "test_${baseline}_root_mean_squared_error" "$work/out.json")"
done

# same HOW COMMAND…: the first model again, by a command that trains into $work/again.
same() {
    rm -rf "$work/again"
    "${@:2}" "${quiet[@]}" --examples "$examples" --best-hyperparameters "$work/best.json" \
        --seed 0 --model "$work/again" >/dev/null
    cmp "$work/first.onnx" "$work/again/model.onnx"
    printf 'seed 0 %s: the same bytes, SHA-256 %s\n' "$1" "$(sha256sum <"$work/again/model.onnx" | cut -c 1-16)…"
}
echo
same again "$train"
same 'on one thread' env RAYON_NUM_THREADS=1 TRAIN_THREADS=1 "$train"
if [[ -n ${TRAIN_IMAGE:-} ]]; then
    same 'in the container' docker run --rm --user "$(id -u):$(id -g)" --volume "$work:$work" \
        --volume "$examples:$examples:ro" "$TRAIN_IMAGE" /train
else
    echo 'SKIPPED: the container, because TRAIN_IMAGE names no image'
fi
awk -v median="$median" -v worst="$worst" -v limit="$limit" -v worst_limit="$worst_limit" \
    'BEGIN { exit !(median <= limit && worst <= worst_limit) }' ||
    { printf 'the median %.2f is above %s or the worst %.2f above %s\n' "$median" "$limit" "$worst" "$worst_limit" >&2; exit 1; }
