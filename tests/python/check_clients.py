"""Clients that others wrote, unmodified, against `deploy serve`.

usage: check_clients.py BINARIES TABLE.csv

Trains a small model with the binaries in the folder BINARIES, deploys and serves it on loopback,
and predicts its golden rows through every client. Prints a line for each check.
"""

import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile

import grpc
import numpy as np
import tritonclient.grpc
import tritonclient.http
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1 import PredictionServiceClient
from google.protobuf import json_format, struct_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "btc"
ENDPOINT = "projects/p/locations/l/endpoints/1"
PROTO = pathlib.Path(__file__).parents[2] / "crates/deploy/proto"

passed = failed = 0


def check(name, succeeded, found=""):
    global passed, failed
    passed, failed = passed + bool(succeeded), failed + (not succeeded)
    print(f"{'ok' if succeeded else 'not ok'} - {name}{'' if succeeded else f': {found}'}", flush=True)


def serve(binaries, table, work):
    """A served model: the process, its address, and the model's golden rows."""
    run = lambda *command: subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    run(binaries / "transform", "--raw-data", table, "--examples", "examples")
    run(binaries / "train", "--examples", "examples", "--model", "model", "--train-steps", "200")
    target = ["--model-repository", "repository", "--model-name", MODEL]
    run(binaries / "deploy", "--model", "model", *target, "--gate", "report", "--min-improvement", "-9")
    flags = ["--host", "127.0.0.1", "--port", "0", "--predict-route", f"/v1/{ENDPOINT}:predict"]
    server = subprocess.Popen(
        [binaries / "deploy", "serve", *target, *flags], cwd=work, stderr=subprocess.PIPE, text=True
    )
    for line in server.stderr:
        if "address" in (entry := json.loads(line)):
            return server, entry["address"], json.loads((work / "model/golden.json").read_text())
    raise SystemExit("the server did not start")


def close(found, expected):
    found = np.asarray(found, dtype=np.float64).ravel()
    return found.shape == expected.shape and np.allclose(found, expected, rtol=1e-5)


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
    if module is tritonclient.http:
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


async def kserve(address, rows, expected):
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
    options = ClientOptions(api_endpoint=f"http://{address}")
    client = PredictionServiceClient(
        client_options=options, transport="rest", credentials=AnonymousCredentials()
    )
    instances = [json_format.ParseDict(row, struct_pb2.Value()) for row in rows.tolist()]
    answer = client.predict(endpoint=ENDPOINT, instances=instances)
    check("google-cloud-aiplatform: predict", close(answer.predictions, expected), answer)


def reflection(address):
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


def compiled(work):
    """The descriptor that reflection hands out is what the proto files compile to."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", "--descriptor_set_out=now.bin"]
    subprocess.run([*command, "open_inference.proto", "health.proto"], cwd=work, check=True)
    same = (work / "now.bin").read_bytes() == (PROTO / "open_inference.bin").read_bytes()
    check("open_inference.bin is compiled from its sources", same)


def main(binaries, table):
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        compiled(work)
        server, address, golden = serve(pathlib.Path(binaries).resolve(), pathlib.Path(table).resolve(), work)
        try:
            rows, expected = np.array(golden["instances"]), np.array(golden["predictions"])
            curl(address, rows, expected)
            vertex(address, rows, expected)
            triton("tritonclient, HTTP", tritonclient.http, address, rows, expected)
            triton("tritonclient, gRPC", tritonclient.grpc, address, rows, expected)
            asyncio.run(kserve(address, rows, expected))
            reflection(address)
        finally:
            server.terminate()
            check("the server drains and ends well", server.wait(timeout=60) == 0)
    sys.exit(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
