"""Load on model servers, one after another; called by bench/serve.sh."""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import time
import urllib.request

import numpy
import onnxruntime

HERE = pathlib.Path(__file__).parent
LUA = HERE / "serve.lua"
V2 = {"kserve", "mlserver"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(peer, args, port):
    """Command line, environment and path of a peer's predict call."""
    model = args.work / "model"
    onnx = model / "model.onnx"
    python = args.work / "venv-serve/bin/python"
    if peer == "deploy":
        flags = ["--host", "127.0.0.1", "--port", port, "--access-log", args.access_log]
        return [args.deploy, "serve", "--model", model, "--model-name", "m", *flags], {}, "/v1/models/m:predict"
    if peer == "fastapi":
        return [python, HERE / "peers/fastapi_server.py", onnx, port], {}, "/predict"
    if peer == "kserve":
        return [python, HERE / "peers/kserve_server.py", onnx, port], {}, "/v1/models/m:predict"
    folder = args.work / "mlserver"
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({
        "http_port": port, "grpc_port": free_port(), "metrics_port": free_port(),
        "host": "127.0.0.1", "parallel_workers": 0, "debug": False, "use_structured_logging": False,
    }))
    (folder / "model-settings.json").write_text(json.dumps({
        "name": "m", "implementation": "mlserver_model.OnnxModel", "parameters": {"uri": str(onnx.resolve())},
    }))
    environment = {"PYTHONPATH": str((HERE / "peers").resolve())}
    return [args.work / "venv-mlserver/bin/mlserver", "start", folder], environment, "/v2/models/m/infer"


@contextlib.contextmanager
def running(peer, args):
    """A started peer: its address, path, process, and milliseconds until it answered."""
    port = free_port()
    argv, environment, path = command(peer, args, port)
    log = (args.work / f"serve-{peer}.log").open("w")
    started = time.monotonic()
    process = subprocess.Popen(
        [str(a) for a in argv], stdout=log, stderr=log, env={**os.environ, **environment}, start_new_session=True
    )
    try:
        address = f"127.0.0.1:{port}"
        while True:
            if process.poll() is not None or time.monotonic() - started > 120:
                raise SystemExit(f"{peer} did not start; see {log.name}")
            with contextlib.suppress(OSError):
                if ask(address, path, body(args, peer, 1)):
                    break
            time.sleep(0.002)
        ready = (time.monotonic() - started) * 1e3
        yield address, path, process, ready
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def ask(address, path, text):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{address}{path}", text.encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def body(args, peer, rows):
    golden = json.loads((args.work / "model/golden.json").read_text())["instances"]
    instances = [golden[i % len(golden)] for i in range(rows)]
    if peer != "mlserver":
        return json.dumps({"instances": instances})
    tensor = {"name": "inputs", "shape": [rows, len(instances[0])], "datatype": "FP32"}
    return json.dumps({"inputs": [{**tensor, "data": [x for row in instances for x in row]}]})


def values(answer):
    return answer.get("predictions") or answer["outputs"][0]["data"]


def load(address, path, text, connections, seconds, work):
    """Requests per second and latencies in milliseconds."""
    posted = work / "body.json"
    posted.write_text(text)
    # As many as there are processors: one alone falls behind the fastest server.
    threads = min(connections, os.cpu_count())
    argv = ["wrk", "-t", threads, "-c", connections, "-d", f"{seconds:.0f}s", "-s", LUA, f"http://{address}{path}"]
    out = subprocess.run(
        [str(a) for a in argv], capture_output=True, text=True, check=True, env={**os.environ, "BODY": str(posted)}
    ).stdout
    return json.loads(re.search(r"^RESULT (.*)$", out, re.M)[1])


def in_process(args, rows, threads, seconds=3):
    """Rows per second of onnxruntime called from Python, without any server."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(args.work / "model/model.onnx", options)
    golden = json.loads((args.work / "model/golden.json").read_text())["instances"]
    batch = numpy.array([golden[i % len(golden)] for i in range(rows)], dtype=numpy.float32)
    name = session.get_inputs()[0].name
    best = 0.0
    # The best of a few: what else runs can only slow it down.
    for _ in range(seconds):
        count, end = 0, time.monotonic() + 1
        while time.monotonic() < end:
            for _ in range(50):
                session.run(None, {name: batch})
            count += 50 * rows
        best = max(best, count / (time.monotonic() - end + 1))
    return best


def resident(process):
    """MiB of the process and its children."""
    out = subprocess.run(["ps", "-o", "rss=", "-g", str(process.pid)], capture_output=True, text=True).stdout
    return sum(map(int, out.split())) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--deploy", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=9, help="of load a figure")
    parser.add_argument("--runs", type=int, default=3, help="it is shared out to; figures are medians")
    parser.add_argument("--access-log", default="off", help="of deploy; the peers log no requests")
    parser.add_argument("--peers", default="deploy fastapi kserve mlserver")
    args = parser.parse_args()
    results, expected = {}, None
    print(f"{'server':10}{'conns':>6}{'batch':>6}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>9}{'errors':>8}")
    for peer in args.peers.split():
        with running(peer, args) as (address, path, process, ready):
            found = [float(x[0] if isinstance(x, list) else x) for x in values(ask(address, path, body(args, peer, 3)))]
            expected = expected or found
            assert all(abs(a / b - 1) < 1e-5 for a, b in zip(found, expected)), (peer, found, expected)
            for connections in (1, 64):
                for rows in (1, 64):
                    text = body(args, peer, rows)
                    load(address, path, text, connections, 1, args.work)
                    seconds = args.seconds / args.runs
                    runs = [load(address, path, text, connections, seconds, args.work) for _ in range(args.runs)]
                    r = {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
                    r["errors"] = sum(run["errors"] for run in runs)
                    results[peer, connections, rows] = r
                    print(
                        f"{peer:10}{connections:6}{rows:6}{r['rate']:12.0f}{r['p50']:9.3f}{r['p99']:9.3f}"
                        f"{r['p999']:9.3f}{r['errors']:8}", flush=True,
                    )
            print(f"{peer:10}ready in {ready:.0f} ms, {resident(process):.0f} MiB after the load", flush=True)
    bare = {threads: in_process(args, 64, threads) for threads in (1, 2)}
    print("onnxruntime in this process, batch 64: " + ", ".join(f"{r:.0f} rows/s with {t} threads" for t, r in bare.items()))
    ours = results.get(("deploy", 64, 64))
    if ours:
        ratios = ", ".join(f"{ours['rate'] * 64 / rate:.2f} x with {threads}" for threads, rate in bare.items())
        print(f"deploy answers {ours['rate'] * 64:.0f} rows/s of batch 64 over HTTP: {ratios}")
    others = {key[0] for key in results} - {"deploy"}
    for connections in (1, 64):
        for rows in (1, 64):
            ours = results.get(("deploy", connections, rows))
            if ours and others:
                best = max((results[p, connections, rows] for p in others), key=lambda r: r["rate"])
                print(
                    f"{connections:3} connections, batch {rows:2}: {ours['rate'] / best['rate']:.1f} x the requests of the "
                    f"best peer, p99 {ours['p99'] / best['p99']:.3f} of its"
                )


if __name__ == "__main__":
    main()
