#!/usr/bin/env python3
"""Compares `deploy predict` with onnxruntime on 10,000 rows a model, extreme values among them.

usage: check_parity.py DEPLOY MODEL_DIR...

The rows are market prices, prices of any level a float has (the smallest subnormal numbers and the
largest numbers included), any floats at all, and special values. Each must be predicted alike, to
1e-5 relative. Where a model takes a row so far out that f32 cannot hold that (sums of terms that
cancel, exponents in the hundreds, results that are subnormal), both predictions must be within the
rounding error bound of the graph's value in f64; the number of such rows is printed.

A row without a prediction must be one that `deploy` documents to have none: a value that is not
finite or outside of its encoding's domain, or a computation that leaves the range of f32.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

METADATA_KEY = "kfp.model_metadata"
RELATIVE = 1e-5
COUNTS = {"market": 4000, "any level": 3000, "any floats": 2000, "special": 1000}
LARGEST = float(numpy.finfo(numpy.float32).max)
ROUNDING = 2.0**-24  # of one operation, relative
SMALLEST = 2.0**-149  # of one operation whose result is subnormal, absolute
FUNCTION = 4 * ROUNDING  # of a logarithm or an exponential, relative
SPECIAL = [0.0, -0.0, SMALLEST, 2.0**-127, 2.0**-126, 1.0, 3e4, LARGEST, -1.0, -LARGEST, numpy.inf, -numpy.inf, numpy.nan]


def rows_of(width: int, reference: int, random: numpy.random.Generator) -> dict[str, numpy.ndarray]:
    """Rows of each kind, the same in every run; near a level, values are within a few percent."""

    def around(levels):
        near = levels[:, None].astype(numpy.float64) * numpy.exp(0.05 * random.standard_normal((len(levels), width)))
        near = numpy.minimum(near, LARGEST).astype(numpy.float32)
        near[:, reference] = levels
        return near

    def floats(shape, bits):
        found = random.integers(1, bits, shape, dtype=numpy.uint32).view(numpy.float32)
        return numpy.where(numpy.isfinite(found), found, numpy.float32(1))

    market = numpy.exp(random.uniform(numpy.log(0.01), numpy.log(1e5), COUNTS["market"])).astype(numpy.float32)
    signed = (COUNTS["any floats"] // 2, width)
    return {
        "market": around(market),
        "any level": around(floats(COUNTS["any level"], 0x7F800000)),
        "any floats": numpy.concatenate([floats(signed, 0x7F800000), floats(signed, 0xFFFFFFFF)]),
        "special": random.choice(numpy.array(SPECIAL, dtype=numpy.float32), (COUNTS["special"], width)),
    }


def exact(graph: onnx.GraphProto, rows: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The graph's value in f64 for each row, and a bound on the error of computing it in f32.

    The bound follows every operation: what its operands' errors become, and a rounding of its own
    (Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 3). It is not finite where
    a value can leave the range of f32.
    """
    known = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    known = {name: (x.astype(numpy.float64), 0.0) if x.dtype == numpy.float32 else x for name, x in known.items()}
    known[graph.input[0].name] = (rows.astype(numpy.float64), numpy.zeros(rows.shape))
    for node in graph.node:
        operands = [known[name] for name in node.input]
        (a, error_a), *others = operands
        b, error_b = others[0] if others and isinstance(others[0], tuple) else (None, None)
        match node.op_type:
            case "Gather":
                value, error = a[:, others[0]], error_a[:, others[0]]
            case "Concat":
                value, error = (numpy.concatenate(parts, axis=1) for parts in zip(*operands))
            case "Add":
                value, error = a + b, error_a + error_b
            case "Sub":
                value, error = a - b, error_a + error_b
            case "Mul":
                value, error = a * b, error_a * abs(b) + error_b * abs(a) + error_a * error_b
            case "Div":
                value = a / b
                error = (error_a + abs(value) * error_b) / positive(abs(b) - error_b)
            case "Log":
                value = numpy.log(a)
                error = error_a / positive(a - error_a) + FUNCTION * abs(value)
            case "Exp":
                value = numpy.exp(a)
                error = value * (numpy.expm1(error_a) + FUNCTION * numpy.exp(error_a))
            case "Relu":
                value, error = numpy.maximum(a, 0), error_a
            case "Gemm":
                (weights, _), (bias, _) = others
                terms = abs(a) @ abs(weights) + abs(bias)
                value, error = a @ weights + bias, error_a @ abs(weights)
                error = error + (len(weights) + 2) * (ROUNDING * (terms + error) + SMALLEST)
                # A partial sum may be larger than the sum.
                error = numpy.where(terms + error > LARGEST, numpy.inf, error)
            case other:
                raise AssertionError(f"the graph has a node {other}")
        if node.op_type not in ("Gather", "Concat", "Relu", "Gemm"):
            error = error + ROUNDING * (abs(value) + error) + SMALLEST
        error = numpy.where(abs(value) + error <= LARGEST, error, numpy.inf)
        known[node.output[0]] = (value, error)
    value, error = known[graph.output[0].name]
    return value[:, 0], error[:, 0]


def positive(x):
    return numpy.where(x > 0, x, numpy.nan)


def in_domain(transform: dict, rows: numpy.ndarray) -> numpy.ndarray:
    """Whether a row has what the encodings demand of it: all finite, logarithms of what is above 0."""
    column = {name: rows[:, i] for i, name in enumerate(transform["inputs"])}
    good = numpy.isfinite(rows).all(axis=1)
    encodings = [feature["encoding"] for feature in transform["features"]] + [transform["label"]["encoding"]]
    if {"ratio", "log_ratio"} & set(encodings):
        good &= column[transform["reference"]] > 0
    for feature in transform["features"]:
        if feature["encoding"] == "log_ratio":
            good &= column[feature["input"]] > 0
        if feature["encoding"] == "log1p":
            good &= column[feature["input"]] >= 0
    return good


def own_predictions(deploy: str, folder: pathlib.Path, inputs: list[str], rows: numpy.ndarray) -> numpy.ndarray:
    """What `deploy predict` says; NaN where it has no prediction."""
    with tempfile.TemporaryDirectory() as scratch:
        table, predicted = pathlib.Path(scratch, "rows.csv"), pathlib.Path(scratch, "predicted.csv")
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(inputs)
            writer.writerows([str(value) for value in row] for row in rows)
        command = [deploy, "predict", "--model", folder, "--input", table, "--output", predicted]
        subprocess.run(command, check=True, capture_output=True)
        with predicted.open(newline="") as file:
            cells = [row["prediction"] for row in csv.DictReader(file)]
    found = numpy.array([float(cell) if cell else numpy.nan for cell in cells])
    assert len(found) == len(rows), f"{len(found)} predictions for {len(rows)} rows"
    assert sum(cell != "" for cell in cells) == numpy.isfinite(found).sum(), "a prediction is not finite"
    return found


def check(deploy: str, folder: pathlib.Path) -> str:
    model = onnx.load(folder / "model.onnx")
    metadata = json.loads({entry.key: entry.value for entry in model.metadata_props}[METADATA_KEY])
    transform = metadata["transform_params"]
    inputs = transform["inputs"]
    reference = inputs.index(transform["reference"]) if "reference" in transform else 0
    kinds = rows_of(len(inputs), reference, numpy.random.default_rng(4))
    kind = numpy.repeat(list(kinds), [len(rows) for rows in kinds.values()])
    rows = numpy.concatenate(list(kinds.values()))

    own = own_predictions(deploy, folder, inputs, rows)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    peer = session.run(["predictions"], {"inputs": rows})[0][:, 0].astype(numpy.float64)
    with numpy.errstate(all="ignore"):
        value, bound = exact(model.graph, rows)
        alike = abs(own - peer) <= RELATIVE * abs(own)
        rounded = (abs(own - value) <= bound) & (abs(peer - value) <= bound)
        worst = numpy.nanmax(numpy.where(alike, abs(own - peer) / abs(own), 0))
    domain, predicted = in_domain(transform, rows), numpy.isfinite(own)
    in_range = domain & numpy.isfinite(bound)

    def no_row(wrong, what):
        places = numpy.flatnonzero(wrong)
        if len(places):
            i = places[0]
            raise AssertionError(
                f"{len(places)} rows {what}; the first is {rows[i].tolist()}: deploy says {own[i]}, "
                f"onnxruntime {peer[i]}, in f64 it is {value[i]} ± {bound[i]:.1e}"
            )

    no_row(predicted & ~domain, "outside of the domain have a prediction")
    no_row(in_range & ~predicted, "inside of the range of f32 have no prediction")
    no_row(in_range & ~numpy.isfinite(peer), "inside of the range of f32 have none in onnxruntime")
    no_row(predicted & in_range & ~alike & ~rounded, "are predicted differently")
    beyond = predicted & ~in_range & numpy.isfinite(peer)
    # So many rows keep the bound from being all that is checked.
    usual = (predicted & alike & (kind == "market")).sum()
    assert usual > COUNTS["market"] / 2, f"only {usual} rows of market prices are alike to {RELATIVE}"
    return (
        f"{len(rows)} rows, {predicted.sum()} predicted; {(predicted & alike).sum()} alike "
        f"(largest relative difference {worst:.1e}), {(predicted & in_range & ~alike).sum()} within the rounding "
        f"error bound, {beyond.sum()} out of range but finite in both, "
        f"{(~domain).sum()} outside of the domain, {(domain & ~predicted).sum()} not finite"
    )


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    failed = 0
    for folder in map(pathlib.Path, sys.argv[2:]):
        try:
            print(f"ok - {folder}: {check(sys.argv[1], folder)}")
        except Exception as error:  # every folder is reported, whatever is wrong with it
            print(f"not ok - {folder}: {error}")
            failed += 1
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
