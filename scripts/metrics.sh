#!/usr/bin/env bash
# Prints a metrics.json as a table: the model beside the baselines, on both held-out splits.
set -euo pipefail
file=${1:?usage: scripts/metrics.sh METRICS.json}

# One token a line; awk keeps the path of keys to each number.
grep -oE '"[^"]*" *:|"[^"]*"|[{}]|-?[0-9][-+.0-9eE]*' "$file" | awk '
    function row(split_name, name, label) {
        printf "%-32s %10.2f %10.2f %9.2f%% %9.4f\n", label,
            value[split_name, name, "root_mean_squared_error"],
            value[split_name, name, "mean_absolute_error"],
            100 * value[split_name, name, "mean_absolute_percentage_error"],
            value[split_name, name, "r_squared"]
    }
    /:$/ { gsub(/[":]/, ""); sub(/ +$/, ""); key = $0; next }
    /^\{/ { path[++depth] = key; next }
    /^\}/ { depth--; next }
    /^"/ { if (key == "unit") { gsub(/"/, ""); unit = " in " $0 }; next }
    depth >= 3 {
        value[path[2], path[depth], key] = $0
        if (path[3] == "baselines" && !(path[depth] in seen)) { seen[path[depth]]; names[++count] = path[depth] }
    }
    END {
        for (s = 1; s <= 2; s++) {
            split_name = s == 1 ? "eval" : "test"
            printf "%-32s %10s %10s %10s %9s\n",
                split_name ", " value[split_name, "model", "count"] " rows" unit, "RMSE", "MAE", "MAPE", "R2"
            row(split_name, "model", "  this model")
            for (i = 1; i <= count; i++) row(split_name, names[i], "  baseline " names[i])
        }
    }'
