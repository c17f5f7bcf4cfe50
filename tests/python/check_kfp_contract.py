#!/usr/bin/env python3
"""Runs the five binaries the way Kubeflow Pipelines' launcher does: one `--executor-input` argument.

usage: check_kfp_contract.py FOLDER_OF_BINARIES RAW_DATA.csv

Each component is described by its own `--describe`, so a new output is checked without a change
here. Every declared output must exist with the declared type, and a retry (same arguments, same
output addresses) must leave the same bytes.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

PARAMETER_TYPES = {
    "STRING": lambda text: text == text.rstrip("\n"),  # the launcher does not trim strings
    "NUMBER_INTEGER": lambda text: int(text) is not None,
    "NUMBER_DOUBLE": lambda text: float(text) is not None,
    "BOOLEAN": lambda text: text in ("true", "false"),
    "LIST": lambda text: isinstance(json.loads(text), list),
    "STRUCT": lambda text: isinstance(json.loads(text), dict),
}
# What differs between two runs of the same work: when data was fetched, when a model was installed.
TIMED = {"raw_data", "deployment"}


def describe(binary: pathlib.Path) -> dict:
    return json.loads(subprocess.run([binary, "--describe"], check=True, capture_output=True).stdout)


def digest(path: pathlib.Path) -> str:
    """One hash over a file, or over a folder's visible files by name."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    total = hashlib.sha256()
    for file in files:
        if not file.name.startswith("."):
            total.update(str(file.relative_to(path)).encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


class Chain:
    """The five components in order; each one's output artifacts are the next ones' inputs."""

    def __init__(self, binaries: pathlib.Path, root: pathlib.Path) -> None:
        self.binaries, self.root = binaries, root
        self.artifacts: dict[str, str] = {}

    def run(self, name: str, parameters: dict) -> dict:
        contract = describe(self.binaries / name)
        folder = self.root / name
        executor_input = {
            "inputs": {
                "parameterValues": parameters,
                "artifacts": {
                    artifact["name"]: self._slot(artifact, self.artifacts[artifact["name"]])
                    for artifact in contract["input_artifacts"]
                    if artifact["name"] in self.artifacts
                },
            },
            "outputs": {
                "parameters": {
                    p["name"]: {"outputFile": str(folder / "parameters" / p["name"])}
                    for p in contract["output_parameters"]
                },
                "artifacts": {
                    artifact["name"]: self._slot(artifact, str(folder / artifact["name"]))
                    for artifact in contract["output_artifacts"]
                },
                "outputFile": str(folder / "executor_output.json"),
            },
        }
        first = self._attempt(name, contract, executor_input, folder, retry=0)
        again = self._attempt(name, contract, executor_input, folder, retry=1)
        assert first == again, f"{name}: a retry changed {[k for k in first if first[k] != again.get(k)]}"
        return {
            p["name"]: (folder / "parameters" / p["name"]).read_text()
            for p in contract["output_parameters"]
        }

    @staticmethod
    def _slot(artifact: dict, uri: str) -> dict:
        kind = {"schemaTitle": artifact["type"], "schemaVersion": "0.0.1"}
        return {"artifacts": [{"name": artifact["name"], "uri": uri, "type": kind, "metadata": {}}]}

    def _attempt(self, name, contract, executor_input, folder, retry) -> dict:
        environment = {"PATH": "/nowhere", "TMPDIR": str(self.root), "KFP_RETRY_INDEX": str(retry)}
        command = [self.binaries / name, "--executor-input", json.dumps(executor_input)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
        assert done.returncode == 0, f"{name} exited {done.returncode}:\n{done.stderr}"
        json.loads(done.stdout)
        for line in done.stderr.splitlines():
            assert json.loads(line)["severity"], line  # Cloud Logging's JSON, line by line
        output = json.loads((folder / "executor_output.json").read_text())
        assert set(output) <= {"artifacts", "parameterValues"}, output.keys()
        digests = {}
        for artifact in contract["output_artifacts"]:
            [entry] = output["artifacts"][artifact["name"]]["artifacts"]
            for key, value in entry["metadata"].items():
                assert isinstance(value, (str, int, float, bool)), f"{name}: {key} = {value!r} is not flat"
            path = pathlib.Path(entry["uri"])
            assert path.exists(), f"{name}: output {artifact['name']} is missing at {path}"
            self.artifacts[artifact["name"]] = entry["uri"]
            if artifact["name"] not in TIMED:
                digests[artifact["name"]] = digest(path)
        for parameter in contract["output_parameters"]:
            text = (folder / "parameters" / parameter["name"]).read_text()
            assert PARAMETER_TYPES[parameter["type"]](text), f"{name}: {parameter['name']} = {text!r}"
        return digests


def main() -> None:
    binaries, raw_data = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as root:
        chain = Chain(binaries, pathlib.Path(root))
        # Numbers arrive as doubles from the backend, and as 1e-06 from the local runner.
        chain.run("gcs-ingest", {"source": [str(raw_data)]})
        chain.run("transform", {"horizon": 0.0})
        chain.run("hptune", {"max_trial_count": 3.0, "parallel_trial_count": 2.0})
        chain.run("train", {"train_steps": 800.0, "weight_decay": "1e-06"})
        repository = os.path.join(root, "repository")
        deployed = chain.run("deploy", {"model_repository": repository, "model_name": "bitcoin"})
        assert deployed["deployed"] == "true", deployed
    print("5 passed, 0 failed")


if __name__ == "__main__":
    main()
