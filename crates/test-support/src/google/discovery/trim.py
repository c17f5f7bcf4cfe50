"""Trims Google's discovery documents to the methods the clients use and the types these need.

The documents come with PyPI's google-api-python-client (2.202.0):

    python3 trim.py .../googleapiclient/discovery_cache/documents

writes dataflow.json, aiplatform.json and logging.json beside this file. Descriptions are left out; what they
say about a field being required is kept as `required`.
"""

import json
import pathlib
import re
import sys

KEEP = {
    "logging.v2": re.compile(r"logging\.entries\.list$"),
    "dataflow.v1b3": re.compile(
        r"dataflow\.projects\.locations\.(flexTemplates\.launch|jobs\.(get|list|update|getMetrics)|jobs\.messages\.list)$"
    ),
    "aiplatform.v1": re.compile(
        r"aiplatform\.projects\.locations\."
        r"((customJobs|hyperparameterTuningJobs)\.(create|get|list|cancel|delete)"
        r"|models\.(upload|get|list|patch|delete|deleteVersion|listVersions|mergeVersionAliases)"
        r"|endpoints\.(create|get|list|patch|delete|deployModel|undeployModel|mutateDeployedModel|predict|rawPredict)"
        r"|((models|endpoints)\.)?operations\.(get|list|cancel))$"
    ),
}
FIELD = ("type", "format", "enum", "$ref", "readOnly")


def methods(node):
    yield from node.get("methods", {}).values()
    for child in node.get("resources", {}).values():
        yield from methods(child)


def field(node, needed):
    kept = {key: node[key] for key in FIELD if key in node}
    if re.match(r"Required\.", node.get("description", "")):
        kept["required"] = True
    if "$ref" in node:
        needed.append(node["$ref"])
    for key in ("items", "additionalProperties"):
        if key in node:
            kept[key] = field(node[key], needed)
    if "properties" in node:
        kept["properties"] = {k: field(v, needed) for k, v in node["properties"].items()}
    return kept


def trim(document, keep):
    kept, needed = {}, []
    for method in methods(document):
        if not keep.match(method["id"]):
            continue
        kept[method["id"]] = {
            "httpMethod": method["httpMethod"],
            "path": method["flatPath"],
            "query": {
                name: field(parameter, [])
                for name, parameter in method.get("parameters", {}).items()
                if parameter["location"] == "query"
            },
        }
        for part in ("request", "response"):
            if part in method:
                kept[method["id"]][part] = method[part]["$ref"]
                needed.append(method[part]["$ref"])
    schemas = {}
    while needed:
        name = needed.pop()
        if name not in schemas:
            schemas[name] = field(document["schemas"][name], needed)
    return {
        "revision": document["revision"],
        "methods": dict(sorted(kept.items())),
        "schemas": dict(sorted(schemas.items())),
    }


for name, keep in KEEP.items():
    source = json.loads((pathlib.Path(sys.argv[1]) / f"{name}.json").read_text())
    target = pathlib.Path(__file__).parent / f"{name.split('.')[0]}.json"
    target.write_text(json.dumps(trim(source, keep), separators=(",", ":"), sort_keys=False) + "\n")
