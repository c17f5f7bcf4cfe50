"""The compiled pipeline as data: its tasks and its parameters."""

import json
import pathlib

import yaml


class ParameterError(ValueError):
    """A parameter the pipeline does not take."""


def load(path: pathlib.Path) -> dict:
    """The pipeline specification, the first document of a compiled file."""
    with open(path, encoding="utf-8") as file:
        return next(yaml.safe_load_all(file))


def tasks(spec: dict) -> list[str]:
    """Names of the tasks that run a container, those in nested graphs included, in order of need."""

    def of(component: dict) -> list[str]:
        graph, names = component["dag"]["tasks"], []
        pending = dict(sorted(graph.items()))
        while pending:
            ready = [n for n, task in pending.items() if not set(task.get("dependentTasks", [])) & set(pending)]
            for name in ready:
                inner = spec["components"][pending.pop(name)["componentRef"]["name"]]
                names += of(inner) if "dag" in inner else [name]
        return names

    return of(spec["root"])


def arguments(spec: dict, given: list[str]) -> dict:
    """NAME=VALUE texts as values of the parameters' types; one value will do for a list."""
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in declared:
            raise ParameterError(f"{text} is not NAME=VALUE of a parameter; they are {', '.join(sorted(declared))}")
        values[name] = typed(name, value, declared[name]["parameterType"])
    return values


def typed(name: str, text: str, kind: str):
    """A text as a value of a parameter type."""
    if kind == "STRING":
        return text
    if kind == "LIST" and not text.lstrip().startswith("["):
        return [text]
    try:
        value = json.loads(text)
        if kind == "NUMBER_INTEGER":
            value = int(text)
    except ValueError:
        raise ParameterError(f"{name}={text} is not of type {kind}") from None
    wanted = {
        "NUMBER_INTEGER": int,
        "NUMBER_DOUBLE": (int, float),
        "BOOLEAN": bool,
        "LIST": list,
        "STRUCT": dict,
    }[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "BOOLEAN"):
        raise ParameterError(f"{name}={text} is not of type {kind}")
    return value
