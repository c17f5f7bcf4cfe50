#!/usr/bin/env python3
"""The compiled pipeline run by kfp's DockerRunner, from a first run to what goes wrong.

usage: test_run_local.py CRYPTO_PIPELINE.yaml REAL_TABLE.csv SAMPLE.csv

The images the pipeline names must be in the local engine. Pauses between retries are left out,
and the study is small; everything else is the file as it is uploaded.
"""

import contextlib
import http.server
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
from unittest import mock

import docker
from kfp.local import docker_task_handler
from kfp.local.orchestrator import task_executor

import checks
import contract
from checks import equal

sys.path.insert(0, str(contract.ROOT / "pipeline"))
import run_local  # noqa: E402

PIPELINE, REAL, SAMPLE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
TASKS = ["gcs-ingest", "transform", "hptune", "train", "deploy", "finish"]
BODY = TASKS[:-1]
SCRATCH = tempfile.TemporaryDirectory()
ROOT = pathlib.Path(SCRATCH.name) / "runs"
pathlib.Path(SCRATCH.name).chmod(0o755)
CLIENT = docker.from_env()


class Run:
    """A run below a root: its exit code, its results, and what it said."""

    def __init__(self, *options: str, root: pathlib.Path = ROOT, pipeline: pathlib.Path = PIPELINE, source=SAMPLE):
        words = [str(pipeline), "--root", str(root), "--network", "host", "--source", str(source)]
        words += ["-p", "max_trial_count=2", *options]
        stdout, stderr = io.StringIO(), io.StringIO()
        root.mkdir(exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(sys, "argv", ["run_local.py", *words]))
            stack.enter_context(mock.patch.object(sys, "__stdout__", stdout))
            stack.enter_context(mock.patch.object(sys, "stderr", stderr))
            stack.enter_context(mock.patch.object(task_executor.time, "sleep"))
            self.code = run_local.main()
        self.said, self.error = stdout.getvalue(), stderr.getvalue().strip()
        document = json.loads((root / "result.json").read_text())
        self.succeeded, self.tasks = document["succeeded"], document["tasks"]

    def states(self) -> dict[str, str]:
        return {name: task["state"] for name, task in self.tasks.items()}

    def executed(self) -> list[str]:
        return [name for name in TASKS if self.states().get(name) == "done"]

    def output(self, task: str, name: str):
        return self.tasks[task]["outputs"][name]

    def text(self, task: str, name: str) -> str:
        return pathlib.Path(self.output(task, name)["uri"]).read_text()

    def ended_well(self) -> None:
        equal((self.code, self.error, self.succeeded), (0, "", True))


def test_every_task_succeeds_with_every_declared_output():
    run = Run()
    run.ended_well()
    equal(run.states(), dict.fromkeys(TASKS, "done"))
    components = contract.components_of(PIPELINE)
    for task in TASKS:
        declared = components[task]["outputDefinitions"]
        wanted = {*declared.get("artifacts", {}), *declared.get("parameters", {})}
        equal(set(run.tasks[task]["outputs"]), wanted)
    equal((run.output("deploy", "deployed"), run.output("finish", "succeeded")), (True, True))
    for task in ("transform", "hptune", "train", "deploy"):
        assert run.text(task, "report").startswith("<!doctype html>"), task
    assert "naive_open" in run.text("train", "model_card")
    assert "version 1 of `bitcoin`" in run.text("finish", "summary")


def test_a_second_run_executes_nothing():
    run = Run()
    run.ended_well()
    equal(run.states(), dict.fromkeys(BODY, "cached") | {"finish": "done"})


def test_the_lineage_says_which_bytes_made_the_model():
    run = Run()
    metadata = {task: {n: o.get("metadata") for n, o in run.tasks[task]["outputs"].items() if isinstance(o, dict)} for task in TASKS}
    raw = metadata["gcs-ingest"]["raw_data"]
    assert raw["source"].endswith(SAMPLE.name) and raw["bytes"] == SAMPLE.stat().st_size, raw
    equal(metadata["transform"]["examples"]["raw_data.sha256"], raw["sha256"])
    examples = pathlib.Path(run.output("transform", "examples")["uri"])
    for file in ("train.parquet", "eval.parquet", "test.parquet"):
        equal(metadata["train"]["model"][f"{file}.sha256"], sha256(examples / file))
    model = pathlib.Path(run.output("train", "model")["uri"])
    equal(metadata["deploy"]["deployment"]["model.onnx.sha256"], sha256(model / "model.onnx"))
    images = {task: c["container"]["image"] for task, c in contract.components_of(PIPELINE).items()}
    for task in TASKS:
        for name, found in metadata[task].items():
            if name != "metrics":
                equal(found["image"], images[task])
                assert found["build"].split()[0] in (task, "finish"), found
    equal(len([name for name in metadata["hptune"]["metrics"] if name.startswith("trial_")]), 2)


def sha256(path: pathlib.Path) -> str:
    return subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]


def test_a_parameter_executes_what_depends_on_it():
    run = Run("-p", "min_improvement=0.001")
    run.ended_well()
    equal(run.executed(), ["deploy", "finish"])
    run = Run("-p", "max_trial_count=3")
    run.ended_well()
    equal(run.executed(), ["hptune", "train", "deploy", "finish"])
    run = Run("-p", "data_version=2")
    run.ended_well()
    equal(run.executed(), TASKS)


def test_another_image_executes_what_depends_on_it():
    name = contract.components_of(PIPELINE)["train"]["container"]["image"]
    repository = name.rsplit("@", 1)[0] if "@" in name else name.rsplit(":", 1)[0]
    other = f"{repository}:other"
    CLIENT.images.get(name).tag(repository, "other")
    try:
        changed = pathlib.Path(SCRATCH.name) / "changed.yaml"
        changed.write_text(PIPELINE.read_text().replace(name, other))
        run = Run(pipeline=changed)
        run.ended_well()
        # Trials may be runs of train's image.
        equal(run.executed(), ["hptune", "train", "deploy", "finish"])
        equal(run.output("train", "model")["metadata"]["image"], other)
    finally:
        CLIENT.images.remove(other)


def test_real_data_gives_a_model_that_beats_the_naive_baseline():
    root = pathlib.Path(SCRATCH.name) / "real"
    run = Run(root=root, source=REAL)
    run.ended_well()
    equal(run.executed(), TASKS)
    deployment = run.output("deploy", "deployment")["metadata"]
    assert deployment["deployed"] and deployment["improvement"] > 0.2, deployment


def test_a_model_that_fails_the_gate_is_not_deployed_and_says_why():
    run = Run("-p", "min_improvement=0.99")
    run.ended_well()
    equal((run.output("deploy", "deployed"), run.states()["deploy"]), (False, "done"))
    reason = run.output("deploy", "deployment")["metadata"]["reason"]
    assert reason.startswith("its test RMSE of ") and reason.endswith("required more than 99.00 %)"), reason
    assert f"Not deployed because {reason}." in run.text("deploy", "report").replace("&#39;", "'")
    assert "version 1 of `bitcoin`" in run.text("finish", "summary")


def test_a_gate_that_enforces_fails_the_run():
    run = Run("-p", "min_improvement=0.99", "-p", "gate=enforce")
    equal((run.code, run.succeeded), (1, False))
    equal(run.states(), dict.fromkeys(BODY, "cached") | {"deploy": "failed", "finish": "done"})
    assert run.error.startswith("run_local.py: deploy: not deployed because its test RMSE of "), run.error
    equal(run.output("finish", "succeeded"), False)
    assert run.text("finish", "summary").startswith("# The run failed\n")


def test_a_broken_source_fails_the_run_before_anything_else():
    class Missing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Missing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_port}/table.csv"
        run = Run(source=source)
        server.shutdown()
    equal((run.code, run.succeeded), (1, False))
    equal(run.states(), {"gcs-ingest": "failed", "finish": "done"})
    assert run.error.startswith(f"run_local.py: gcs-ingest: cannot read {source}"), run.error
    assert "404" in run.error, run.error
    equal(run.output("finish", "succeeded"), False)


@contextlib.contextmanager
def killer(image: str, times: int):
    """Kills the first containers of an image, as an evicted pod is killed; yields their number."""
    killed, stop = [], threading.Event()

    def watch():
        while not stop.is_set() and len(killed) < times:
            for container in CLIENT.containers.list(filters={"ancestor": image}):
                with contextlib.suppress(docker.errors.APIError):
                    container.kill()
                    killed.append(container.id)
            time_to_look.wait(0.02)

    time_to_look = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def hptune_image() -> str:
    return contract.components_of(PIPELINE)["hptune"]["container"]["image"]


def test_a_killed_container_is_started_again():
    with killer(hptune_image(), times=1) as killed:
        run = Run("-p", "seed=5")
    equal(len(killed), 1)
    run.ended_well()
    equal(run.states()["hptune"], "done")


def test_a_container_killed_every_time_fails_the_run():
    with killer(hptune_image(), times=3) as killed:
        run = Run("-p", "seed=6", "-p", "max_trial_count=200")
    equal((len(killed), run.code, run.succeeded), (3, 1, False))
    equal(run.states()["hptune"], "failed")
    equal(run.states()["finish"], "done")
    assert "train" not in run.states() and "deploy" not in run.states()
    message = run.error.removeprefix("run_local.py: hptune: ")
    # Docker may have removed the container before the runner could ask for its exit code.
    outputs = ["parameter best_metric_value", "parameter gcp_resources"]
    outputs += ["artifact " + name for name in ("best_hyperparameters", "metrics", "report", "trials")]
    missing = "; ".join(f"{output} is missing" for output in outputs)
    assert message in ("the container was killed (exit code 137)", missing), run.error
    assert "| served now | version " in run.text("finish", "summary")


def test_a_failure_reported_as_success_is_still_a_failure():
    root = pathlib.Path(SCRATCH.name) / "fooled"
    with mock.patch.object(docker_task_handler, "run_docker_container", return_value=0):
        run = Run(root=root)
    equal((run.code, run.succeeded), (1, False))
    equal(run.states(), {"gcs-ingest": "failed", "finish": "failed"})
    assert "gcs-ingest: parameter raw_data_uri is missing; artifact raw_data is missing" in run.error, run.error
    again = Run(root=root)
    again.ended_well()
    equal(again.executed(), TASKS)


def test_a_missing_file_behind_an_output_is_noticed():
    component = {"outputDefinitions": {"artifacts": {"model": {"artifactType": {"schemaTitle": "system.Model"}}}}}
    found = run_local.missing_outputs(component, {"model": run_local.dsl.Model(uri="/nowhere/model")})
    equal(found, ["artifact model is not at /nowhere/model"])
    found = run_local.missing_outputs(component, {"model": run_local.dsl.Dataset(uri="/")})
    equal(found, ["artifact model is a system.Dataset, not a system.Model"])
    component = {"outputDefinitions": {"parameters": {"rows": {"parameterType": "NUMBER_INTEGER"}}}}
    equal(run_local.missing_outputs(component, {"rows": "3"}), ["parameter rows is '3', not of type NUMBER_INTEGER"])


if __name__ == "__main__":
    sys.exit(checks.run(globals()))
