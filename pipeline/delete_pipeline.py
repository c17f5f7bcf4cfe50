#!/usr/bin/env python3
"""Deletes a pipeline with its recurring runs, runs and versions, and its experiment; teardown.sh asks
first. Runs under way are ended. What is gone already is no failure.
"""

import argparse
import sys

import kfp_server_api

from submit import TRANSIENT, connect, said


def every(page, field: str):
    """All items of a listing, page by page."""
    token = ""
    while True:
        answer = page(page_token=token, page_size=100)
        yield from getattr(answer, field) or []
        token = answer.next_page_token
        if not token:
            return


def gone(action, *arguments) -> None:
    """Does something to a thing, unless it is not there."""
    try:
        action(*arguments)
    except kfp_server_api.ApiException as error:
        if error.status != 404:
            raise


def delete(client, name: str) -> None:
    pipeline = client.get_pipeline_id(name)
    if pipeline is None:
        print(f"there is no pipeline {name}")
        return

    def belongs(item) -> bool:
        reference = item.pipeline_version_reference
        return reference is not None and reference.pipeline_id == pipeline

    recurring = [r.recurring_run_id for r in every(client.list_recurring_runs, "recurring_runs") if belongs(r)]
    runs = [r for r in every(client.list_runs, "runs") if belongs(r)]
    versions = [
        v.pipeline_version_id
        for v in every(lambda **page: client.list_pipeline_versions(pipeline, **page), "pipeline_versions")
    ]
    for run in recurring:
        gone(client.delete_recurring_run, run)
    for run in runs:
        if run.state in ("PENDING", "RUNNING", "PAUSED"):
            gone(client.terminate_run, run.run_id)
        gone(client.delete_run, run.run_id)
    for version in versions:
        gone(client.delete_pipeline_version, pipeline, version)
    gone(client.delete_pipeline, pipeline)
    for experiment in {run.experiment_id for run in runs if run.experiment_id}:
        left = every(lambda **page: client.list_runs(experiment_id=experiment, **page), "runs")
        if next(left, None) is None:
            gone(client.delete_experiment, experiment)
    print(f"deleted {name}: {len(recurring)} recurring runs, {len(runs)} runs, {len(versions)} versions")


def main() -> int:
    parser = argparse.ArgumentParser(description="Deletes a pipeline with all of its runs.")
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--namespace", default="kubeflow")
    given = parser.parse_args()
    try:
        delete(connect(given.endpoint, given.namespace), given.pipeline)
    except kfp_server_api.ApiException as error:
        print(f"delete_pipeline.py: {given.endpoint} answered {error.status}: {said(error.body)}", file=sys.stderr)
        return 1
    except TRANSIENT as error:
        print(f"delete_pipeline.py: {given.endpoint} does not answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
