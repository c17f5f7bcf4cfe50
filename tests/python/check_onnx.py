#!/usr/bin/env python3
"""Checks model folders against the ONNX tools and runtime.

usage: check_onnx.py MODEL_DIR...

model.onnx must pass the checker and strict shape inference, have the declared signature, and
onnxruntime must predict the rows of golden.json, all at once and one by one, as recorded there.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

METADATA_KEY = "kfp.model_metadata"
LARGEST_TOLERANCE = 1e-5


def check(folder: pathlib.Path) -> str:
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)

    golden = json.loads((folder / "golden.json").read_text())
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    inputs = json.loads(metadata[METADATA_KEY])["schema"]["inputs"]
    assert golden["inputs"] == inputs, f"golden rows have {golden['inputs']}, the model {inputs}"
    assert golden["relative_tolerance"] <= LARGEST_TOLERANCE, "the tolerance is too wide"
    assert golden["instances"], "there are no golden rows"

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    signature = [(x.name, x.type, x.shape) for x in session.get_inputs() + session.get_outputs()]
    width = len(inputs)
    expected_signature = [
        ("inputs", "tensor(float)", ["batch", width]),
        ("predictions", "tensor(float)", ["batch", 1]),
    ]
    assert signature == expected_signature, f"the signature is {signature}"

    rows = numpy.array(golden["instances"], dtype=numpy.float32)
    expected = numpy.array(golden["predictions"], dtype=numpy.float64)
    together = session.run(["predictions"], {"inputs": rows})[0][:, 0]
    alone = [session.run(["predictions"], {"inputs": row[None, :]})[0][0, 0] for row in rows]
    worst = 0.0
    for found in (together, numpy.array(alone)):
        difference = numpy.abs(found - expected) / numpy.abs(expected)
        assert numpy.all(numpy.isfinite(difference)), "a prediction is not a finite number"
        worst = max(worst, float(difference.max()))
    assert worst <= golden["relative_tolerance"], f"predictions differ by {worst:.2e} relative"
    return f"{len(rows)} rows, largest relative difference {worst:.1e}"


def main() -> int:
    folders = [pathlib.Path(argument) for argument in sys.argv[1:]]
    if not folders:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for folder in folders:
        try:
            print(f"{folder}: {check(folder)}")
        except Exception as error:  # every folder is reported, whatever is wrong with it
            print(f"{folder}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
