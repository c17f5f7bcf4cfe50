#!/usr/bin/env python3
"""Runs the compiled pipeline on this machine, with Kubeflow Pipelines' own DockerRunner.

    python3 pipeline/run_local.py crypto_pipeline.yaml --source table.csv

runs exactly the file that is uploaded to a cluster. Everything is written below --root: each run's
artifacts, the model repository, the cache, and run.log with what kfp and the containers say.

The runner can report a container that failed as a success (kubeflow/pipelines#13332), so every
task's declared outputs are verified, and a task without them counts as failed, here and for the
tasks after it.

Exit codes: 0 all tasks ended well, 1 a task failed, 2 wrong usage.
"""

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import sys
import time
from unittest import mock

import docker
import kfp.components
import kfp.local
from google.protobuf import json_format
from kfp import dsl
from kfp.local import docker_task_handler, task_dispatcher
from kfp.local.orchestrator import task_executor
from kfp.local.status import Status

import ir

IMAGE_USER = 65532  # the user of the images
PYTHON_TYPES = {
    "BOOLEAN": bool,
    "LIST": list,
    "NUMBER_DOUBLE": (int, float),
    "NUMBER_INTEGER": int,
    "STRING": str,
    "STRUCT": dict,
}


def missing_outputs(component: dict, outputs: dict) -> list[str]:
    """What a task declared and did not produce, in words."""
    declared = component.get("outputDefinitions", {})
    problems = []
    # Sorted: the specification's own order changes from run to run.
    for name, spec in sorted(declared.get("parameters", {}).items()):
        if name not in outputs:
            problems.append(f"parameter {name} is missing")
        elif not isinstance(outputs[name], PYTHON_TYPES[spec["parameterType"]]):
            problems.append(f"parameter {name} is {outputs[name]!r}, not of type {spec['parameterType']}")
    for name, spec in sorted(declared.get("artifacts", {}).items()):
        artifact, kind = outputs.get(name), spec["artifactType"]["schemaTitle"]
        if artifact is None:
            problems.append(f"artifact {name} is missing")
        elif artifact.schema_title != kind:
            problems.append(f"artifact {name} is a {artifact.schema_title}, not a {kind}")
        elif "://" not in artifact.uri and not is_filled(pathlib.Path(artifact.uri)):
            problems.append(f"artifact {name} is not at {artifact.uri}")
    return problems


def is_filled(path: pathlib.Path) -> bool:
    """Whether there is a file with bytes, or a folder with files."""
    return any(path.iterdir()) if path.is_dir() else path.is_file() and path.stat().st_size > 0


@dataclasses.dataclass
class Result:
    """What became of a task."""

    state: str  # done, cached, failed
    seconds: float
    outputs: dict
    problem: str = ""


class Log:
    """A file that remembers what was written since the last look."""

    def __init__(self, path: pathlib.Path) -> None:
        self.file, self.recent = path.open("a"), ""

    def write(self, text: str) -> int:
        self.recent += text
        return self.file.write(text)

    def flush(self) -> None:
        self.file.flush()


class Recorder:
    """Watches kfp's local runner: times, results and exit codes, and verifies every output."""

    def __init__(self, log: Log) -> None:
        self.log, self.results = log, {}
        self.executions, self.exit_code, self.problem = 0, 0, ""

    @contextlib.contextmanager
    def watching(self):
        with contextlib.ExitStack() as stack:
            for module, name, hook in (
                (task_executor, "execute_single_task", self.task),
                (task_dispatcher, "run_single_task_implementation", self.attempt),
                (docker_task_handler, "run_docker_container", self.container),
            ):
                original = getattr(module, name)
                stack.enter_context(mock.patch.object(module, name, self.wrap(hook, original)))
            yield

    @staticmethod
    def wrap(hook, original):
        return lambda *args, **kwargs: hook(original, *args, **kwargs)

    def container(self, original, *args, **kwargs) -> int:
        self.exit_code = original(*args, **kwargs)
        return self.exit_code

    def attempt(self, original, **kwargs):
        """One execution; a success without its outputs is none, and is retried and never cached."""
        self.log.recent, self.executions = "", self.executions + 1
        outputs, status = original(**kwargs)
        component = json_format.MessageToDict(kwargs["component_spec"])
        problems = missing_outputs(component, outputs) if status == Status.SUCCESS else []
        said = [line.strip() for line in self.log.recent.splitlines() if line.strip().startswith("error: ")]
        if status != Status.SUCCESS and self.exit_code == 137:
            self.problem = "the container was killed (exit code 137)"
        elif status != Status.SUCCESS or problems:
            self.problem = said[-1].removeprefix("error: ") if said else "; ".join(problems)
            self.problem = self.problem or f"exit code {self.exit_code}, without a word; see run.log"
        return (outputs, status) if not problems else ({}, Status.FAILURE)

    def task(self, original, **kwargs):
        """A task with its retries, or its outputs from the cache."""
        before, self.problem, started = self.executions, "", time.monotonic()
        name = kwargs["task_name"]
        say(f"-- {name}")
        outputs, status = original(**kwargs)
        state = "failed" if status != Status.SUCCESS else "done" if self.executions > before else "cached"
        result = Result(state, time.monotonic() - started, outputs, self.problem if state == "failed" else "")
        self.results[name] = result
        show(result)
        return outputs, status


def say(text: str) -> None:
    print(text, file=sys.__stdout__, flush=True)


def show(result: Result) -> None:
    say(f"   {result.state}" + (f" in {result.seconds:.1f} s" if result.state != "cached" else ""))
    if result.problem:
        say(f"   {result.problem}")
    for name, value in sorted(result.outputs.items()):
        say(f"   {name:<28} {value.uri if isinstance(value, dsl.Artifact) else value}")


def plain(value):
    """An output as JSON."""
    if not isinstance(value, dsl.Artifact):
        return value
    return {"uri": value.uri, "type": value.schema_title, "metadata": value.metadata}


def runner(options: argparse.Namespace, arguments: dict) -> kfp.local.DockerRunner:
    """The DockerRunner: local sources are mounted read-only where they are."""
    mounts = [
        docker.types.Mount(source, source, type="bind", read_only=True)
        for source in arguments.get("source", [])
        if source.startswith("/")
    ]
    settings = {"mounts": mounts, "network_mode": options.network}
    # Root hands the folder to the images' own user, anybody else runs the containers as themselves.
    if os.geteuid() == 0:
        for folder in (options.root, options.root / "model_repository"):
            os.chown(folder, IMAGE_USER, IMAGE_USER)
    else:
        settings["user"] = f"{os.getuid()}:{os.getgid()}"
    return kfp.local.DockerRunner(**settings)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs the compiled pipeline with kfp's DockerRunner.")
    parser.add_argument("pipeline", type=pathlib.Path, help="compiled pipeline: crypto_pipeline.yaml")
    parser.add_argument("--source", action="append", help="the raw table: a file or an address; repeatable")
    parser.add_argument(
        "--parameter", "-p", action="append", default=[], metavar="NAME=VALUE", help="any other parameter"
    )
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("work/pipeline"), help="[%(default)s]")
    parser.add_argument("--network", default="bridge", help="docker network of the containers [%(default)s]")
    parser.add_argument("--no-cache", action="store_true", help="execute every task")
    return parser.parse_args()


def main() -> int:
    given = options()
    given.root = given.root.resolve()
    spec = ir.load(given.pipeline)
    try:
        arguments = ir.arguments(spec, given.parameter)
        sources = [str(pathlib.Path(s).resolve(strict=True)) if "://" not in s else s for s in given.source or []]
    except (ir.ParameterError, OSError) as error:
        print(f"run_local.py: {error}", file=sys.stderr)
        return 2
    if sources:
        arguments["source"] = sources
    repository = given.root / "model_repository"
    repository.mkdir(parents=True, exist_ok=True)
    arguments.setdefault("model_repository", str(repository))

    log = Log(given.root / "run.log")
    logging.getLogger().handlers = []
    recorder = Recorder(log)
    kfp.local.init(
        runner=runner(given, arguments),
        pipeline_root=str(given.root),
        enable_caching=not given.no_cache,
    )
    pipeline = kfp.components.load_component_from_file(str(given.pipeline))
    failed = ""
    with recorder.watching(), contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        try:
            pipeline(**arguments)
        except RuntimeError as error:
            failed = str(error)

    tasks = ir.tasks(spec)
    results = recorder.results
    say("== result")
    for name in tasks:
        state = results[name].state if name in results else "not run"
        say(f"   {name:<14} {state}")
    document = {
        "succeeded": not failed and all(name in results for name in tasks),
        "tasks": {
            name: {
                "state": result.state,
                "problem": result.problem,
                "outputs": {key: plain(value) for key, value in result.outputs.items()},
            }
            for name, result in results.items()
        },
    }
    (given.root / "result.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    if document["succeeded"]:
        return 0
    problems = [f"{name}: {result.problem}" for name, result in results.items() if result.problem]
    for problem in problems or [failed]:
        print(f"run_local.py: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
