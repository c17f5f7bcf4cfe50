"""A stub of Kubeflow Pipelines' v2beta1 API: what a client sends is held against the API's own
models, and an unknown path, field or specification is refused as the backend refuses it.

The models are those of the client library kfp-server-api, which is generated from the API.
"""

import email.parser
import email.policy
import http.server
import itertools
import json
import re
import threading
import urllib.parse

import kfp_server_api
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

CREATED = "2026-01-01T00:00:00Z"


class Refused(Exception):
    """A request the backend would refuse."""


def check_fields(body, model: str) -> None:
    """Refuses fields that the API's model does not have, at any depth."""
    listed = re.fullmatch(r"list\[(.+)\]", model)
    if listed:
        for item in body:
            check_fields(item, listed[1])
    elif hasattr(kfp_server_api, model) and isinstance(body, dict):  # else it is one of an enumeration
        known = getattr(kfp_server_api, model)
        types = {known.attribute_map[name]: kind for name, kind in known.openapi_types.items()}
        for name, value in body.items():
            if name not in types:
                raise Refused(f"unknown field {model}.{name}")
            if value is not None:
                check_fields(value, types[name])


def check_specification(documents: list[dict]) -> dict:
    """Parses the documents strictly, as the API server does, and returns the pipeline."""
    if not 1 <= len(documents) <= 2:
        raise Refused(f"{len(documents)} documents")
    try:
        json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())
        for platform in documents[1:]:
            json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    except json_format.ParseError as error:
        raise Refused(str(error)) from None
    if documents[0]["schemaVersion"] != "2.1.0":
        raise Refused(f"schema version {documents[0]['schemaVersion']}")
    return documents[0]


class Stub:
    """State of one API server; `script` is the list of states a run goes through."""

    def __init__(self, script=("PENDING", "RUNNING", "SUCCEEDED"), token: str | None = None, error: str = "") -> None:
        self.script, self.token, self.error = script, token, error
        self.ids = itertools.count(1)
        self.uploads, self.runs, self.recurring = [], [], []
        self.pipelines, self.versions, self.experiments, self.looks = {}, {}, {}, {}
        self.changes = []
        self.failures = 0  # answers 503 this many times when a run is looked at
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_arguments):
                pass

            def do(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                try:
                    status, answer = stub.answer(self.command, self.path, self.headers, body)
                except Refused as refused:
                    status, answer = 400, {"code": 3, "message": str(refused)}
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = do

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method: str, path: str, headers, body: bytes) -> tuple[int, dict]:
        url = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"code": 16, "message": "the request has no valid token"}
        route = (method, re.sub(r"^/apis/v2beta1", "", url.path))
        if route == ("GET", "/healthz"):
            return 200, {"multi_user": False}
        if route == ("GET", "/pipelines"):
            return 200, {"pipelines": self.filtered(self.pipelines, query)}
        if route in (("POST", "/pipelines/upload"), ("POST", "/pipelines/upload_version")):
            return 200, self.upload(route[1], query, headers, body)
        found = re.fullmatch(r"/pipelines/([^/]+)/versions", route[1])
        if found and method == "GET":
            versions = {
                key: {name: value for name, value in version.items() if name != "spec"}
                for key, version in self.versions.items()
                if version["pipeline_id"] == found[1]
            }
            return 200, {"pipeline_versions": self.filtered(versions, query)}
        if route == ("GET", "/experiments"):
            return 200, {"experiments": self.filtered(self.experiments, query)}
        if route == ("POST", "/experiments"):
            return 200, self.create(body, "V2beta1Experiment", "experiment_id", self.experiments)
        if route == ("POST", "/runs"):
            created = self.create(body, "V2beta1Run", "run_id", {})
            self.check_run(created)
            self.runs.append(created)
            return 200, created
        if route == ("POST", "/recurringruns"):
            created = self.create(body, "V2beta1RecurringRun", "recurring_run_id", {})
            self.check_run(created)
            self.recurring.append(created)
            return 200, created
        if route == ("GET", "/runs"):
            wanted = query.get("experiment_id")
            return 200, {"runs": [r for r in self.runs if not wanted or r["experiment_id"] == wanted]}
        if route == ("GET", "/recurringruns"):
            return 200, {"recurringRuns": self.recurring}
        found = re.fullmatch(r"/runs/([^/:]+)", route[1])
        if found and method == "GET":
            return self.look(found[1])
        if method == "DELETE" or route[1].endswith(":terminate"):
            return self.change(method, route[1])
        raise Refused(f"no such method: {method} {path}")

    @staticmethod
    def filtered(known: dict, query: dict) -> list[dict]:
        wanted = None
        for predicate in json.loads(query.get("filter") or "{}").get("predicates", []):
            if predicate["key"] not in ("display_name", "name"):
                raise Refused(f"no filter on {predicate['key']}")
            wanted = predicate.get("stringValue") or predicate.get("string_value")
        return [v for v in known.values() if wanted is None or v["display_name"] == wanted]

    def create(self, body: bytes, model: str, key: str, into: dict) -> dict:
        sent = json.loads(body)
        check_fields(sent, model)
        sent |= {key: f"{key}-{next(self.ids)}", "created_at": CREATED}
        into[sent[key]] = sent
        return sent

    def check_run(self, run: dict) -> None:
        """The parameters must be the pipeline's, and the version one that was uploaded."""
        if "pipeline_spec" in run:
            sent = run["pipeline_spec"]
            spec = check_specification([sent["pipeline_spec"], sent.get("platform_spec", {})])
        else:
            reference = run["pipeline_version_reference"]
            version = self.versions.get(reference.get("pipeline_version_id"))
            if version is None or version["pipeline_id"] != reference["pipeline_id"]:
                raise Refused("no such pipeline version")
            spec = version["spec"]
        declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        for name in (run.get("runtime_config") or {}).get("parameters") or {}:
            if name not in declared:
                raise Refused(f"the pipeline has no parameter {name}")

    def upload(self, route: str, query: dict, headers, body: bytes) -> dict:
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
            b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body
        )
        [part] = [p for p in message.iter_parts() if p.get_param("name", header="content-disposition") == "uploadfile"]
        content = part.get_payload(decode=True)
        self.uploads.append(content)
        spec = check_specification(list(yaml.safe_load_all(content)))
        if route.endswith("upload"):
            key = f"pipeline-{next(self.ids)}"
            created = {"pipeline_id": key, "display_name": query["name"], "created_at": CREATED}
            self.pipelines[key] = created
            name = query["name"]
        else:
            key, name = query["pipelineid"], query["name"]
            if key not in self.pipelines:
                raise Refused(f"no pipeline {key}")
        version = {
            "pipeline_id": key,
            "pipeline_version_id": f"version-{next(self.ids)}",
            "display_name": name,
            "created_at": CREATED,
        }
        self.versions[version["pipeline_version_id"]] = version | {"spec": spec}
        return created if route.endswith("upload") else version

    def change(self, method: str, path: str) -> tuple[int, dict]:
        """Deletes or terminates; a pipeline goes only after its versions, a run only when it ended."""
        self.changes.append(f"{method} {path}")
        kind, key, *rest = re.split("[/:]", path[1:])
        if kind == "runs":
            run = next((r for r in self.runs if r["run_id"] == key), None)
            if run is None:
                return 404, {"message": f"no run {key}"}
            if rest == ["terminate"]:
                run["state"] = "CANCELED"
            else:
                self.runs.remove(run)
        elif kind == "recurringruns":
            self.recurring = [r for r in self.recurring if r["recurring_run_id"] != key]
        elif kind == "experiments":
            del self.experiments[key]
        elif kind == "pipelines" and rest:
            del self.versions[rest[1]]
        elif kind == "pipelines":
            if any(v["pipeline_id"] == key for v in self.versions.values()):
                raise Refused(f"the pipeline {key} has versions")
            del self.pipelines[key]
        return 200, {}

    def look(self, run_id: str) -> tuple[int, dict]:
        if self.failures:
            self.failures -= 1
            return 503, {"message": "upstream is away"}
        look = self.looks[run_id] = self.looks.get(run_id, -1) + 1
        state = self.script[min(look, len(self.script) - 1)]
        run = {"run_id": run_id, "display_name": "run", "state": state, "created_at": CREATED}
        task = {"display_name": "Make examples", "state": state}
        run["run_details"] = {"task_details": [task]}
        if state == "FAILED" and self.error:
            run["error"] = {"code": 9, "message": self.error}
        return 200, run
