#!/usr/bin/env python3
"""Uploads the compiled pipeline, starts a run of it, and follows the run to its end.

    python3 pipeline/submit.py crypto_pipeline.yaml --endpoint http://localhost:8080 \\
        -p source=gs://my-bucket/crypto-markets.csv -p horizon=1

The pipeline is made when there is none of its name; else the file becomes a new version of it. The
same file is the same version. With --cron a recurring run is made instead of a run.

A token, where the endpoint wants one, is taken from the variable KFP_TOKEN and never printed.

Exit codes: 0 the run succeeded (or was started, with --no-wait), 1 it did not, 2 wrong usage.
"""

import argparse
import hashlib
import json
import os
import pathlib
import sys
import time
import warnings

import kfp_server_api
import urllib3
from kfp import client as kfp_client

import ir

ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}
OUTAGE = 300  # seconds without an answer after which following is given up; the run goes on
TRANSIENT = (urllib3.exceptions.HTTPError, ConnectionError)


class SubmitError(Exception):
    """What went wrong and what to do, in one line."""


def connect(endpoint: str, namespace: str) -> kfp_client.Client:
    """A client, once the endpoint has answered: kfp's own first call hides the reason it fails."""
    token = os.environ.get("KFP_TOKEN")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    address = f"{endpoint.rstrip('/')}/apis/v2beta1/healthz"
    answer = urllib3.PoolManager(retries=False).request("GET", address, headers=headers, timeout=30)
    if answer.status >= 300:
        raise kfp_server_api.ApiException(http_resp=Answer(answer))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kfp_client.Client(host=endpoint, existing_token=token, namespace=namespace)


class Answer:
    """An HTTP answer in the form the API's exception takes."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self.status, self.reason, self.data = answer.status, answer.reason, answer.data

    def getheaders(self) -> dict:
        return {}


def default_version(path: pathlib.Path, spec: dict) -> str:
    """A version's name: the images' tag, and the content of the file."""
    executors = spec["deploymentSpec"]["executors"].values()
    image = next(executor["container"]["image"] for executor in executors)
    tag = image.rsplit("@sha256:" if "@" in image else ":", 1)[-1][:12]
    return f"{tag}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"


def upload(client: kfp_client.Client, path: pathlib.Path, name: str, version: str) -> tuple[str, str]:
    """Ids of the pipeline and of the version that is this file."""
    pipeline = client.get_pipeline_id(name)
    if pipeline is None:
        pipeline = client.upload_pipeline(str(path), pipeline_name=name).pipeline_id
        print(f"pipeline {name} created")
    equals = {"operation": "EQUALS", "key": "display_name", "stringValue": version}
    found = client.list_pipeline_versions(pipeline, filter=json.dumps({"predicates": [equals]}))
    known = found.pipeline_versions or []
    if known:
        print(f"version {version} is there already")
        return pipeline, known[0].pipeline_version_id
    uploaded = client.upload_pipeline_version(str(path), pipeline_version_name=version, pipeline_id=pipeline)
    print(f"version {version} uploaded")
    return pipeline, uploaded.pipeline_version_id


def follow(client: kfp_client.Client, run_id: str, timeout: float, pause: float) -> kfp_server_api.V2beta1Run:
    """Prints each change of a task's state until the run has ended."""
    deadline, answered, states = time.monotonic() + timeout, time.monotonic(), {}
    while True:
        try:
            run = client.get_run(run_id)
        except (kfp_server_api.ApiException, *TRANSIENT) as error:
            status = getattr(error, "status", 503)
            if status < 500 and status != 429:
                raise
            if time.monotonic() - answered > OUTAGE:
                raise SubmitError(f"no answer for {OUTAGE} s; the run {run_id} goes on without being followed") from None
        else:
            answered = time.monotonic()
            tasks = (run.run_details and run.run_details.task_details) or []
            for task in [*tasks, run]:
                name = "run" if task is run else task.display_name
                if task.state and states.get(name) != task.state:
                    states[name] = task.state
                    print(f"{time.strftime('%H:%M:%S')}  {name:<24} {task.state}", flush=True)
                    if task.error and task.error.message:
                        print(f"          {'':<24} {task.error.message}", flush=True)
            if run.state in ENDED:
                return run
        if time.monotonic() > deadline:
            raise SubmitError(f"the run {run_id} has not ended after {timeout:.0f} s; it goes on without being followed")
        time.sleep(pause)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Uploads the compiled pipeline, runs it and follows the run.")
    parser.add_argument("pipeline", type=pathlib.Path, help="compiled pipeline: crypto_pipeline.yaml")
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("KF_PIPELINES_ENDPOINT"),
        help="address of the Kubeflow Pipelines API [KF_PIPELINES_ENDPOINT]",
    )
    parser.add_argument("--parameter", "-p", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--experiment", default="crypto-price", help="made when it is not there [%(default)s]")
    parser.add_argument("--run-name", help="[the pipeline's name and version]")
    parser.add_argument("--pipeline-name", help="[the name in the file]")
    parser.add_argument("--pipeline-version", help="[the images' tag and the file's hash]")
    parser.add_argument("--pipeline-root", help="gs:// folder for the artifacts [the cluster's default]")
    parser.add_argument("--service-account", help="Kubernetes service account of the tasks [the default one]")
    parser.add_argument("--namespace", default="kubeflow", help="of a multi-user installation [%(default)s]")
    parser.add_argument("--cron", help="make a recurring run: 6 fields, seconds first, as in '0 0 6 * * *'")
    parser.add_argument("--no-wait", action="store_true", help="start the run and leave")
    parser.add_argument("--timeout", type=float, default=24 * 3600, help="seconds to follow the run [%(default)s]")
    parser.add_argument("--poll-interval", type=float, default=5, help="seconds between two looks [%(default)s]")
    return parser.parse_args()


def submit(given: argparse.Namespace) -> int:
    spec = ir.load(given.pipeline)
    parameters = ir.arguments(spec, given.parameter)
    client = connect(given.endpoint, given.namespace)
    name = given.pipeline_name or spec["pipelineInfo"]["name"]
    version = given.pipeline_version or default_version(given.pipeline, spec)
    pipeline_id, version_id = upload(client, given.pipeline, name, version)
    experiment = client.create_experiment(given.experiment)
    common = {
        "experiment_id": experiment.experiment_id,
        "job_name": given.run_name or f"{name} {version}",
        "params": parameters,
        "pipeline_id": pipeline_id,
        "version_id": version_id,
        "pipeline_root": given.pipeline_root,
        "service_account": given.service_account,
    }
    if given.cron:
        recurring = client.create_recurring_run(
            **common, cron_expression=given.cron, max_concurrency=1, no_catchup=True
        )
        print(f"recurring run {recurring.recurring_run_id}: {given.cron}")
        return 0
    run = client.run_pipeline(**common)
    if given.no_wait:
        return 0
    ended = follow(client, run.run_id, given.timeout, given.poll_interval)
    if ended.state == "SUCCEEDED":
        return 0
    message = ended.error.message if ended.error and ended.error.message else "see the failed task's log"
    raise SubmitError(f"the run ended {ended.state}: {message}")


def main() -> int:
    given = options()
    if not given.endpoint:
        print("submit.py: --endpoint is missing; next: give the address of the Kubeflow Pipelines API", file=sys.stderr)
        return 2
    if "://" not in given.endpoint:
        given.endpoint = f"https://{given.endpoint}"
    try:
        return submit(given)
    except (ir.ParameterError, OSError) as error:
        print(f"submit.py: {error}", file=sys.stderr)
        return 2
    except kfp_server_api.ApiException as error:
        hint = "; next: put a valid token into KFP_TOKEN" if error.status in (401, 403) else ""
        print(f"submit.py: {given.endpoint} answered {error.status}: {said(error.body)}{hint}", file=sys.stderr)
    except SubmitError as error:
        print(f"submit.py: {error}", file=sys.stderr)
    except TRANSIENT as error:
        reason = str(error).rsplit(": ", 1)[-1]
        print(f"submit.py: {given.endpoint} does not answer: {reason}; next: check --endpoint", file=sys.stderr)
    return 1


def said(body: str | bytes | None) -> str:
    """The service's own message out of its answer."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        return json.loads(text).get("message") or text
    except (ValueError, AttributeError):
        return text.strip()[:300]


if __name__ == "__main__":
    sys.exit(main())
