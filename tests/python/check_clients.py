"""Clients that others wrote, unmodified, against `deploy serve`.

usage: check_clients.py BINARIES TABLE.csv

Trains a small model with the binaries in the folder BINARIES, deploys and serves it on loopback,
and predicts its golden rows through every client, each in a process of its own: KServe's and
Triton's packages register the same protobuf names. Prints a line for each check.
"""

import asyncio
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

MODEL = "btc"
ENDPOINT = "projects/p/locations/l/endpoints/1"
PROTO = pathlib.Path(__file__).parents[2] / "crates/deploy/proto"

passed = failed = 0


def check(name, succeeded, found=""):
    global passed, failed
    passed, failed = passed + bool(succeeded), failed + (not succeeded)
    print(f"ok - {name}" if succeeded else f"not ok - {name}: {found}", flush=True)


def serve(binaries, table, work):
    """A served model: the process and its address. The model is in the folder `model`."""
    run = lambda *command: subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    run(binaries / "transform", "--raw-data", table, "--examples", "examples")
    run(binaries / "train", "--examples", "examples", "--model", "model", "--train-steps", "200")
    target = ["--model-repository", "repository", "--model-name", MODEL]
    run(binaries / "deploy", "--model", "model", *target, "--gate", "report", "--min-improvement", "-9")
    flags = ["--host", "127.0.0.1", "--port", "0", "--predict-route", f"/v1/{ENDPOINT}:predict"]
    log = work / "serve.log"
    server = subprocess.Popen(
        [binaries / "deploy", "serve", *target, *flags], cwd=work, stderr=log.open("w")
    )
    while server.poll() is None:
        for line in log.read_text().splitlines():
            if "address" in (entry := json.loads(line)):
                return server, entry["address"]
        time.sleep(0.05)
    raise SystemExit(f"the server did not start: {log.read_text()}")


def close(found, expected):
    found = np.asarray(found, dtype=np.float64).ravel()
    return found.shape == expected.shape and np.allclose(found, expected, rtol=1e-5)


def triton_http(address, rows, expected):
    import tritonclient.http

    triton("tritonclient, HTTP", tritonclient.http, address, rows, expected)


def triton_grpc(address, rows, expected):
    import tritonclient.grpc

    triton("tritonclient, gRPC", tritonclient.grpc, address, rows, expected)


def triton(name, module, address, rows, expected):
    client = module.InferenceServerClient(address)
    check(f"{name}: the server and the model are ready",
          client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL, "1"))
    metadata = client.get_model_metadata(MODEL)
    signature = metadata["inputs"][0] if isinstance(metadata, dict) else metadata.inputs[0]
    shape = signature["shape"] if isinstance(signature, dict) else list(signature.shape)
    check(f"{name}: the model's metadata", shape == [-1, rows.shape[1]], metadata)
    for kind, array in (("FP32", rows.astype(np.float32)), ("FP64", rows)):
        tensor = module.InferInput("inputs", array.shape, kind)
        tensor.set_data_from_numpy(array)
        answer = client.infer(MODEL, [tensor], request_id="7").as_numpy("predictions")
        check(f"{name}: {kind} tensors", close(answer, expected), answer)
    if module.__name__.endswith("http"):
        tensor.set_data_from_numpy(rows, binary_data=False)
        output = module.InferRequestedOutput("predictions", binary_data=False)
        answer = client.infer(MODEL, [tensor], outputs=[output]).as_numpy("predictions")
        check(f"{name}: tensors as JSON", close(answer, expected), answer)
    try:
        client.infer("other", [tensor])
        check(f"{name}: another model is refused", False, "it was served")
    except module.InferenceServerException as error:
        check(f"{name}: another model is refused", "`other` is not served" in str(error), error)
    client.close()


def kserve(address, rows, expected):
    asyncio.run(ask_kserve(address, rows, expected))


async def ask_kserve(address, rows, expected):
    from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

    url = f"http://{address}"
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    answer = await client.infer(url, {"instances": rows.tolist()}, model_name=MODEL)
    check("kserve, first protocol: predict", close(answer["predictions"], expected), answer)
    check("kserve, first protocol: ready", await client.is_model_ready(url, MODEL))
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    check("kserve, Open Inference Protocol: server live", await client.is_server_live(url))
    check("kserve, Open Inference Protocol: server ready", await client.is_server_ready(url))
    check("kserve, Open Inference Protocol: model ready", await client.is_model_ready(url, MODEL))
    tensor = lambda: InferInput("inputs", list(rows.shape), "FP64", rows.ravel().tolist())
    request = InferRequest(model_name=MODEL, infer_inputs=[tensor()])
    answer = await client.infer(url, request, model_name=MODEL)
    check("kserve, Open Inference Protocol: infer", close(answer.outputs[0].data, expected), answer)
    client = InferenceGRPCClient(address)
    check("kserve, gRPC: ready", await client.is_server_ready() and await client.is_model_ready(MODEL))
    answer = await client.infer(InferRequest(model_name=MODEL, infer_inputs=[tensor()]))
    check("kserve, gRPC: infer", close(answer.outputs[0].as_numpy(), expected), answer)


def vertex(address, rows, expected):
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.aiplatform_v1 import PredictionServiceClient
    from google.protobuf import json_format, struct_pb2

    options = ClientOptions(api_endpoint=f"http://{address}")
    client = PredictionServiceClient(
        client_options=options, transport="rest", credentials=AnonymousCredentials()
    )
    instances = [json_format.ParseDict(row, struct_pb2.Value()) for row in rows.tolist()]
    answer = client.predict(endpoint=ENDPOINT, instances=instances)
    check("google-cloud-aiplatform: predict", close(answer.predictions, expected), answer)


def reflection(address, _rows, _expected):
    import grpc
    from google.protobuf.descriptor_pool import DescriptorPool
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
        ProtoReflectionDescriptorDatabase,
    )

    channel = grpc.insecure_channel(address)
    database = ProtoReflectionDescriptorDatabase(channel)
    services = sorted(database.get_services())
    check("reflection: services", services == ["grpc.health.v1.Health", "inference.GRPCInferenceService"], services)
    service = DescriptorPool(database).FindServiceByName("inference.GRPCInferenceService")
    methods = {method.name for method in service.methods}
    check("reflection: methods", {"ModelInfer", "ModelReady", "ServerLive"} <= methods, methods)
    health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    check("gRPC health: serving", health.status == health_pb2.HealthCheckResponse.SERVING, health)
    channel.close()


def curl(address, rows, expected):
    body = json.dumps({"instances": rows.tolist()})
    command = ["curl", "-sS", "-H", "Content-Type: application/json", "-d", body]
    out = subprocess.run([*command, f"http://{address}/v1/models/{MODEL}:predict"], capture_output=True)
    check("curl: predict", close(json.loads(out.stdout)["predictions"], expected), out)


def chromium(address, rows, expected):
    """The page predicts its example as soon as it is open."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        print("SKIPPED: the page in a browser: there is no chromium", flush=True)
        return
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    page = subprocess.run([browser, *flags, f"http://{address}/"], capture_output=True, text=True).stdout
    answer = re.search(r'<output id="answer"[^>]*>([^<]*)', page)
    value = answer and re.search(r"close: ([0-9,.]+)", answer[1])
    close_enough = value and abs(float(value[1].replace(",", "")) - expected[0]) < 0.01
    check("chromium: the page shows the prediction of its example", close_enough, answer)
    check("chromium: the page shows the model card", "least_squares_raw" in page, page[-500:])
    worth = re.search(r"% interval; [0-9.]+ % of the test rows lie in theirs", page)
    check("chromium: the page says what the interval held on test", worth, answer)


def compiled(work):
    """The descriptor that reflection hands out is what the proto files compile to."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", "--descriptor_set_out=now.bin"]
    subprocess.run([*command, "open_inference.proto", "health.proto"], cwd=work, check=True)
    same = (work / "now.bin").read_bytes() == (PROTO / "open_inference.bin").read_bytes()
    check("open_inference.bin is compiled from its sources", same)


CLIENTS = [curl, vertex, triton_http, triton_grpc, kserve, reflection, chromium]


def ask(client, address, golden):
    golden = json.loads(pathlib.Path(golden).read_text())
    client(address, np.array(golden["instances"]), np.array(golden["predictions"]))


def main(binaries, table):
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        compiled(work)
        server, address = serve(pathlib.Path(binaries).resolve(), pathlib.Path(table).resolve(), work)
        try:
            for client in CLIENTS:
                command = [sys.executable, __file__, client.__name__, address, work / "model/golden.json"]
                run = subprocess.run(command, timeout=300)
                check(f"{client.__name__} ends well", run.returncode == 0)
        finally:
            server.terminate()
            check("the server drains and ends well", server.wait(timeout=60) == 0)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        ask({client.__name__: client for client in CLIENTS}[sys.argv[1]], *sys.argv[2:])
    elif len(sys.argv) == 3:
        main(*sys.argv[1:])
    else:
        sys.exit(__doc__)
    sys.exit(failed > 0)
