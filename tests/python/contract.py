"""Where a binary, its component and the tables people read disagree, in words that name the flag."""

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMON = ["--executor-input", "--dry-run", "--log-format", "--log-level", "--help", "--version"]
# A run with it has no outputs, so it is none of a component.
BY_HAND = [*COMMON, "--validate-only"]


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def wanted_type(contract: dict, flag: dict) -> str:
    """The parameter type a flag has in a pipeline."""
    if (contract["name"], flag["flag"]) == ("finish", "--status"):
        return "TASK_FINAL_STATUS"
    return "LIST" if flag["repeatable"] else "BOOLEAN" if flag["switch"] else flag["type"]


def component_differences(contract: dict, component: dict, where: str) -> list[str]:
    """Binary against component; `component` is a component of a compiled file."""
    name, found = contract["name"], []
    flags = {flag["flag"]: flag for flag in contract["flags"] if flag["flag"] not in BY_HAND}
    inputs = component.get("inputDefinitions", {})
    parameters, artifacts = inputs.get("parameters", {}), inputs.get("artifacts", {})
    outputs = component.get("outputDefinitions", {})
    read = {a["name"]: a for a in contract["input_artifacts"]}
    written = {a["name"]: a for a in contract["output_artifacts"]}
    for flag in flags.values():
        key = flag["flag"].removeprefix("--").replace("-", "_")
        if key in written:
            continue
        declared = artifacts.get(key) if key in read else parameters.get(key)
        if declared is None:
            found.append(f"{name} has the flag {flag['flag']}, {where} has no input {key}")
            continue
        optional = bool(declared.get("isOptional")) or declared.get("parameterType") == "TASK_FINAL_STATUS"
        if optional == flag["required"] and declared.get("parameterType") != "TASK_FINAL_STATUS":
            found.append(f"{name} {flag['flag']} is {'required' if flag['required'] else 'optional'}, {where} says otherwise")
        if key not in read and declared["parameterType"] != wanted_type(contract, flag):
            found.append(f"{name} {flag['flag']} is {wanted_type(contract, flag)}, {where} says {declared['parameterType']}")
        help_text = read[key]["help"] if key in read else flag["help"]
        if " ".join(help_text.split()) != declared.get("description"):
            found.append(f"{name} {flag['flag']} has another help than the input {key} of {where}")
    for key in [*parameters, *artifacts]:
        if flag_of(key) not in flags:
            found.append(f"{where} has the input {key}, {name} has no flag {flag_of(key)}")
    for kind, ours, theirs in (
        ("artifact", written, outputs.get("artifacts", {})),
        ("parameter", {p["name"]: p for p in contract["output_parameters"]}, outputs.get("parameters", {})),
    ):
        for key in sorted(set(ours) ^ set(theirs)):
            has, lacks = (name, where) if key in ours else (where, name)
            found.append(f"{has} has the output {kind} {key}, {lacks} has not")
        for key in set(ours) & set(theirs):
            declared = theirs[key]
            kind_there = declared.get("parameterType") or declared["artifactType"]["schemaTitle"]
            if ours[key]["type"] != kind_there:
                found.append(f"{name} writes {key} as {ours[key]['type']}, {where} says {kind_there}")
    for key, artifact in read.items():
        kind_there = artifacts.get(key, {}).get("artifactType", {}).get("schemaTitle")
        if kind_there not in (None, artifact["type"]):
            found.append(f"{name} reads {key} as {artifact['type']}, {where} says {kind_there}")
    return found


def pipeline_differences(contract: dict, component: dict, whole: dict, where: str) -> list[str]:
    """A component in a pipeline, which has only the inputs given there, against the same alone."""
    found = []
    for group in ("parameters", "artifacts"):
        alone = whole.get("inputDefinitions", {}).get(group, {})
        for key, declared in component.get("inputDefinitions", {}).get(group, {}).items():
            if alone.get(key) != declared:
                found.append(f"{where}: the input {key} of {contract['name']} is not the component's: {flag_of(key)}")
    if component.get("outputDefinitions") != whole.get("outputDefinitions"):
        found.append(f"{where}: the outputs of {contract['name']} are not the component's")
    return found


def table_differences(contract: dict, text: str, where: str) -> list[str]:
    """The row of a component in a table of flags: `a` | reads | writes | hands on."""
    name = contract["name"]
    row = re.search(rf"^\| `{name}` \|(.*)$", text, re.MULTILINE)
    if row is None:
        return [f"{where} has no row for {name}"]
    names = [a["name"] for a in contract["input_artifacts"] + contract["output_artifacts"]]
    words = [f"`{flag_of(n)}`" for n in names] + [f"`{p['name']}`" for p in contract["output_parameters"]]
    found = [f"the row of {name} in {where} does not name {word}" for word in words if word not in row[1]]
    flags = {flag["flag"] for flag in contract["flags"]}
    for flag in re.findall(r"`(--[a-z0-9-]+)", row[1]):
        if flag not in flags:
            found.append(f"the row of {name} in {where} names {flag}, which is no flag")
    return found


def components_of(path: pathlib.Path) -> dict:
    """Component specifications of a compiled file, by the binary's name."""
    with open(path, encoding="utf-8") as file:
        spec = next(yaml.safe_load_all(file))
    executors = spec["deploymentSpec"]["executors"]
    found = {}
    for component in spec["components"].values():
        container = executors.get(component.get("executorLabel"), {}).get("container")
        if container:  # an importer has none, nor has a nested graph
            found[container["command"][-1].removeprefix("/")] = component | {"container": container}
    return found
