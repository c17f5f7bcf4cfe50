#!/usr/bin/env python3
"""submit.py and kfp's own command line against a stub of the v2beta1 API."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import checks
from checks import equal
from kfp_stub import Stub

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "pipeline" / "crypto_pipeline.yaml"
KFP = pathlib.Path(sys.executable).with_name("kfp")
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("KF_PIPELINES", "KFP_"))}


def submit(stub, *options: str, **variables: str) -> subprocess.CompletedProcess:
    endpoint = stub if isinstance(stub, str) else stub.endpoint
    command = [sys.executable, ROOT / "pipeline" / "submit.py", FILE, "--endpoint", endpoint]
    return subprocess.run(
        [*command, "--poll-interval", "0.01", *options],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | variables,
    )


def kfp(stub: Stub, *words: str) -> str:
    command = [KFP, "--endpoint", stub.endpoint, "--output", "json", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_kfp_sends_the_file_unchanged():
    with Stub() as stub:
        kfp(stub, "pipeline", "create", "-p", "crypto-price", str(FILE))
        kfp(stub, "pipeline", "create-version", "-n", "crypto-price", "-v", "2", str(FILE))
        equal(stub.uploads, [FILE.read_bytes()] * 2)


def test_kfp_starts_a_run_from_the_file():
    with Stub() as stub:
        kfp(stub, "run", "create", "-e", "prices", "-f", str(FILE), "-t", "60", "horizon=1", "series_value=ethereum")
        [run] = stub.runs
        equal(run["runtime_config"]["parameters"], {"horizon": 1, "series_value": "ethereum"})
        equal(len(run["pipeline_spec"]), 2)


def test_a_run_is_submitted_and_followed():
    with Stub() as stub:
        done = submit(stub, "-p", "horizon=1", "-p", "source=gs://bucket/table.csv")
        assert done.returncode == 0, done.stderr
        equal(stub.uploads, [FILE.read_bytes()] * 2)
        [run] = stub.runs
        equal(run["runtime_config"]["parameters"], {"horizon": 1, "source": ["gs://bucket/table.csv"]})
        version = run["pipeline_version_reference"]["pipeline_version_id"]
        equal(stub.versions[version]["display_name"].split("-")[0], "0.1.0")
        equal([e["display_name"] for e in stub.experiments.values()], ["crypto-price"])
        changes = [line.split()[1:] for line in done.stdout.splitlines() if line[2:3] == ":"]
        tasks = [["Make", "examples", s] for s in stub.script]
        runs = [["run", s] for s in stub.script]
        equal(changes, [line for pair in zip(tasks, runs) for line in pair])


def test_the_same_file_is_the_same_version():
    with Stub() as stub:
        submit(stub)
        done = submit(stub)
        assert done.returncode == 0 and "is there already" in done.stdout, done
        equal(len(stub.uploads), 2)
        first, second = stub.runs
        equal(first["pipeline_version_reference"], second["pipeline_version_reference"])
        equal(first["experiment_id"], second["experiment_id"])


def test_a_failed_run_fails_with_its_message():
    with Stub(script=("RUNNING", "FAILED"), error="the source answered 404") as stub:
        done = submit(stub)
        equal((done.returncode, done.stderr), (1, "submit.py: the run ended FAILED: the source answered 404\n"))


def test_a_cancelled_run_ends_the_wait():
    with Stub(script=("RUNNING", "CANCELING", "CANCELED")) as stub:
        done = submit(stub)
        equal((done.returncode, done.stderr), (1, "submit.py: the run ended CANCELED: see the failed task's log\n"))


def test_an_outage_while_following_is_waited_out():
    with Stub() as stub:
        stub.failures = 3
        done = submit(stub)
        equal((done.returncode, done.stderr), (0, ""))


def test_a_run_that_takes_too_long_is_left_running():
    with Stub(script=("RUNNING",)) as stub:
        done = submit(stub, "--timeout", "0")
        equal(done.returncode, 1)
        assert done.stderr.endswith("it goes on without being followed\n"), done.stderr


def test_a_recurring_run_names_the_version():
    with Stub() as stub:
        done = submit(stub, "--cron", "0 0 6 * * *", "-p", "horizon=1")
        assert done.returncode == 0, done.stderr
        [recurring] = stub.recurring
        equal(recurring["trigger"]["cron_schedule"]["cron"], "0 0 6 * * *")
        equal(recurring["max_concurrency"], 1)
        equal(recurring["runtime_config"]["parameters"], {"horizon": 1})
        equal(stub.runs, [])


def test_a_token_is_sent_and_not_printed():
    with Stub(token="secret-token") as stub:
        done = submit(stub, KFP_TOKEN="secret-token")
        assert done.returncode == 0, done.stderr
        assert "secret-token" not in done.stdout + done.stderr
        done = submit(stub)
        wanted = f"submit.py: {stub.endpoint} answered 401: the request has no valid token; next: put a valid token into KFP_TOKEN\n"
        equal((done.returncode, done.stderr), (1, wanted))


def test_what_the_backend_refuses_is_said():
    with Stub() as stub:
        done = submit(stub, "-p", "horizont=1")
        equal(done.returncode, 2)
        assert done.stderr.startswith("submit.py: horizont=1 is not NAME=VALUE of a parameter; they are baseline,"), done.stderr
        equal(stub.uploads, [])


def test_an_endpoint_that_is_not_there_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = submit(endpoint)
    equal(done.returncode, 1)
    assert f"submit.py: {endpoint} does not answer" in done.stderr, done.stderr
    equal(submit("").returncode, 2)


def delete(stub: Stub) -> subprocess.CompletedProcess:
    command = [ROOT / "pipeline" / "teardown.sh", "--yes", "--endpoint", stub.endpoint]
    environment = ENVIRONMENT | {"PYTHON": sys.executable}
    return subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)


def test_a_teardown_deletes_runs_versions_pipeline_and_experiment():
    with Stub() as stub:
        submit(stub)
        submit(stub, "--cron", "0 0 6 * * *")
        submit(stub, "--no-wait")
        stub.runs[1]["state"] = "RUNNING"
        done = delete(stub)
        equal((done.returncode, done.stderr), (0, ""))
        assert "deleted crypto-price: 1 recurring runs, 2 runs, 2 versions\n" in done.stdout, done.stdout
        equal((stub.runs, stub.recurring, stub.versions, stub.pipelines, stub.experiments), ([], [], {}, {}, {}))
        assert any(change.endswith(":terminate") for change in stub.changes), stub.changes
        again = delete(stub)
        equal(again.returncode, 0)
        assert "there is no pipeline crypto-price" in again.stdout, again


def test_the_stub_refuses_what_the_backend_refuses():
    with Stub() as stub:
        import urllib.error
        import urllib.request

        request = urllib.request.Request(
            stub.endpoint + "/apis/v2beta1/runs", data=json.dumps({"display_nam": "x"}).encode(), method="POST"
        )
        try:
            urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            equal(json.loads(error.read())["message"], "unknown field V2beta1Run.display_nam")
        else:
            raise AssertionError("an unknown field was taken")


if __name__ == "__main__":
    sys.exit(checks.run(globals()))
