"""`deploy serve` under more than it can do, and under everything at once; called by bench/resilience.sh."""

import argparse
import asyncio
import collections
import contextlib
import json
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.asynccontextmanager
async def serving(args, *source):
    """A started server: its port and process."""
    port = free_port()
    flags = ["--host", "127.0.0.1", "--port", port, "--access-log", "off", "--model-name", "m"]
    argv = [str(a) for a in (args.deploy, "serve", *source, *flags)]
    log = (args.work / "serve.log").open("w")
    process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        for _ in range(500):
            with contextlib.suppress(OSError):
                if (await ask(port, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"))[0] == 200:
                    break
            await asyncio.sleep(0.01)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


class Connection:
    """A kept connection; one request at a time."""

    def __init__(self, port):
        self.port, self.streams = port, None

    async def ask(self, request):
        """Status, headers and body of the answer."""
        if not self.streams:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        try:
            writer.write(request)
            await writer.drain()
            return await self.answer(reader)
        except BaseException:
            self.close()
            raise

    async def answer(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), headers, body

    def close(self):
        if self.streams:
            self.streams[1].close()
            self.streams = None


async def ask(port, request):
    connection = Connection(port)
    try:
        return await connection.ask(request)
    finally:
        connection.close()


def post(body, path="/v1/models/m:predict"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


# Overload.


async def overload(args):
    golden = json.loads((args.large / "golden.json").read_text())["instances"]
    request = post({"instances": [golden[i % len(golden)] for i in range(256)]})
    async with serving(args, "--model", args.large) as (port, _):
        async def closed_loop(seconds):
            """Answers a second with as many clients as keep the server busy and make nobody wait long."""
            end, count = time.monotonic() + seconds, 0

            async def client():
                nonlocal count
                connection = Connection(port)
                while time.monotonic() < end:
                    status, _, _ = await connection.ask(request)
                    assert status == 200, status
                    count += 1
                connection.close()

            await asyncio.gather(*(client() for _ in range(4)))
            return count / seconds

        async def open_loop(rate, seconds):
            """(sent at, status, milliseconds) of requests that are sent on time whatever the answers."""
            idle, results, tasks = [], [], []

            async def one(at):
                connection = idle.pop() if idle else Connection(port)
                started = time.monotonic()
                try:
                    status, headers, _ = await connection.ask(request)
                    if status == 503:
                        assert "retry-after" in headers, headers
                except (OSError, asyncio.IncompleteReadError) as error:
                    status = type(error).__name__
                results.append((at, status, (time.monotonic() - started) * 1e3))
                idle.append(connection)

            begin = time.monotonic()
            for i in range(int(rate * seconds)):
                at = i / rate
                await asyncio.sleep(max(0, begin + at - time.monotonic()))
                tasks.append(asyncio.create_task(one(at)))
            await asyncio.gather(*tasks)
            for connection in idle:
                connection.close()
            return results

        await closed_loop(2)
        capacity = await closed_loop(8)
        seconds = 20
        results = await open_loop(3 * capacity, seconds)
        after = await open_loop(0.5 * capacity, 5)
        again = await closed_loop(5)
    statuses = collections.Counter(status for _, status, _ in results)
    goodput = statuses[200] / seconds
    shed = [took for _, status, took in results if status == 503]
    late = [at for at, status, _ in after if status != 200]
    recovery = max(late, default=0.0)
    cuts = statistics.quantiles(shed, n=100)
    print(f"capacity           {capacity:8.1f} requests/s of 256 rows")
    print(f"sent               {3 * capacity:8.1f} requests/s for {seconds} s: {dict(statuses)}")
    print(f"goodput            {goodput:8.1f} requests/s, {goodput / capacity:.2f} of the capacity")
    print(f"503 after          {cuts[49]:8.2f} ms median, {cuts[98]:.2f} ms at the 99th percentile, {max(shed):.2f} ms at most")
    print(f"recovered after    {recovery:8.2f} s at half the capacity ({len(late)} of {len(after)} refused)")
    print(f"capacity afterwards{again:8.1f} requests/s")
    return set(statuses) == {200, 503} and goodput >= 0.9 * capacity and cuts[98] <= 10 and recovery < 1


# Soak.


async def soak(args):
    counts, failures, memory = collections.Counter(), [], []
    rng = random.Random(1)
    models = [args.work / "model", args.work / "model-b"]
    sessions = [onnxruntime.InferenceSession(model / "model.onnx") for model in models]
    golden = numpy.array(json.loads((models[0] / "golden.json").read_text())["instances"], dtype=numpy.float32)

    def question(rows):
        """A request and, for each model, its answer."""
        inputs = golden[[rng.randrange(len(golden)) for _ in range(rows)]]
        inputs = (inputs * numpy.float32(rng.uniform(0.9, 1.1))).astype(numpy.float32)
        answers = [session.run(None, {"inputs": inputs})[0].ravel() for session in sessions]
        return post({"instances": inputs.tolist()}), answers

    small = [question(rng.choice([1, 1, 1, 2, 8, 64])) for _ in range(400)]
    huge = [question(15000) for _ in range(3)]
    bad = [
        (post(b"{"), 400),
        (post({"instances": [[1, 2]]}), 400),
        (post({"instances": [["a", "b", "c"]]}), 400),
        (post({"rows": []}), 400),
        (post({"instances": [[-1, 0, 0]]}), 400),
        (post({"instances": []}, "/v1/models/other:predict"), 404),
        (post({"instances": []}, "/nowhere"), 404),
        (b"DELETE /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 405),
        (post(b"", "/predict").replace(b"content-length: 0", b"content-length: 9000000"), 413),
        (b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}", 415),
    ]
    served_by = {}  # which model a version is, learnt from the first answer

    def verify(kind, answers, status, headers, body):
        counts[kind] += 1
        if status != 200:
            return failures.append(f"{kind}: {status} {body[:200]!r}")
        found = numpy.array(json.loads(body)["predictions"])
        right = {i for i, wanted in enumerate(answers) if numpy.allclose(found, wanted, rtol=1e-5, atol=0)}
        version = headers.get("x-model-version")
        model = served_by.setdefault(version, next(iter(right), None) if len(right) == 1 else None)
        if model is None and right:
            served_by.pop(version)
        elif model not in right:
            failures.append(f"{kind}: a wrong answer of version {version}")

    end = time.monotonic() + 60 * args.minutes
    repository = args.work / "soak_repository"

    async def deploy(model, wanted=0):
        process = await asyncio.create_subprocess_exec(
            str(args.deploy), "--model", str(model), "--model-repository", str(repository), "--model-name", "m",
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        _, said = await process.communicate()
        if process.returncode != wanted:
            failures.append(f"deploy ended with {process.returncode}: {said[-300:]!r}")

    async with contextlib.AsyncExitStack() as stack:
        subprocess.run(["rm", "-rf", str(repository)], check=True)
        await deploy(models[0])
        port, process = await stack.enter_async_context(serving(args, "--model-repository", repository))

        async def good(pause):
            connection = Connection(port)
            while time.monotonic() < end:
                request, answers = rng.choice(small)
                verify("good", answers, *await connection.ask(request))
                await asyncio.sleep(pause)

        async def large():
            while time.monotonic() < end:
                request, answers = rng.choice(huge)
                verify("huge", answers, *await ask(port, request))
                await asyncio.sleep(0.5)

        async def slow():
            while time.monotonic() < end:
                request, answers = rng.choice(small)
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                step = max(1, len(request) // 40)
                for start in range(0, len(request), step):
                    writer.write(request[start : start + step])
                    await writer.drain()
                    await asyncio.sleep(0.1)
                verify("slow", answers, *await Connection(port).answer(reader))
                writer.close()

        async def broken():
            while time.monotonic() < end:
                request, wanted = rng.choice(bad)
                status, _, body = await ask(port, request)
                counts["bad"] += 1
                if status != wanted:
                    failures.append(f"bad: {status} instead of {wanted} for {request[:80]!r}: {body[:200]!r}")
                # Somebody who goes away in the middle of a request.
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(rng.choice(small)[0][:-5])
                writer.transport.abort()
                counts["gone"] += 1
                await asyncio.sleep(0.02)

        async def switch():
            corrupt = args.work / "model-corrupt"
            subprocess.run(["rm", "-rf", str(corrupt)], check=True)
            subprocess.run(["cp", "-r", str(models[0]), str(corrupt)], check=True)
            onnx = (corrupt / "model.onnx").read_bytes()
            (corrupt / "model.onnx").write_bytes(onnx[: len(onnx) // 2])
            for turn in range(1, 1 << 30):
                await asyncio.sleep(10)
                if time.monotonic() > end:
                    break
                await deploy(models[turn % 2])
                counts["switches"] += 1
                if turn % 3 == 0:
                    await deploy(corrupt, wanted=1)
                    counts["refused models"] += 1

        async def watch():
            pages = pathlib.Path(f"/proc/{process.pid}/statm")
            while time.monotonic() < end:
                await asyncio.sleep(5)
                memory.append(int(pages.read_text().split()[1]) * 4096 / 2**20)

        await asyncio.gather(
            good(0.002), good(0.002), good(0.01), good(0.1), large(), slow(), slow(), slow(), broken(), switch(), watch()
        )
    third = max(1, len(memory) // 3)
    first, last = (statistics.median(part) for part in (memory[:third], memory[-third:]))
    print(f"{args.minutes:g} minutes: {dict(counts)}; versions seen {len(served_by)}")
    print(f"memory, MiB: median of the first third {first:.1f}, of the last {last:.1f}; at most {max(memory):.1f}")
    print(f"failures: {len(failures)}")
    for failure, times in collections.Counter(failures).most_common(10):
        print(f"  {times} times {failure}")
    return not failures and last <= 1.1 * first + 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["overload", "soak"])
    parser.add_argument("--deploy", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--large", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=30)
    args = parser.parse_args()
    is_good = asyncio.run({"overload": overload, "soak": soak}[args.what](args))
    print("as promised" if is_good else "not as promised")
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
