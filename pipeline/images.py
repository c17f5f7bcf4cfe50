"""Which images a compiled pipeline names, and the declaration of a component on one of them.

A reference must be whole when the pipeline is compiled: the backend resolves no part of it later,
and caches by its text. So registry and tag are baked in, and `latest` is refused.
"""

import inspect
import pathlib
import re
from collections.abc import Collection

from kfp import dsl

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What `TAG=<version> ./build.sh --no-push` names the images: the committed files' references.
DEFAULT_REGISTRY = "kfp-components"


class ImageError(ValueError):
    """A reference that cannot be baked into a pipeline."""


def version() -> str:
    """The release, from the workspace's manifest."""
    manifest = (ROOT / "Cargo.toml").read_text()
    return re.search(r'^version = "(.+)"$', manifest, re.MULTILINE).group(1)


def components() -> list[str]:
    """Names of the components, each an image and its binary."""
    return [line.split()[0] for line in (ROOT / "docker" / "components").read_text().splitlines()]


def references(registry: str | None = None, tag: str | None = None, digests: str = "") -> dict[str, str]:
    """Each component's image. `digests`, the output of build.sh, pins those it names by digest."""
    registry, tag = registry or DEFAULT_REGISTRY, tag or version()
    if tag == "latest":
        raise ImageError("the tag latest is refused: pipelines cache by tag, so what a tag names must never change")
    if "://" in registry:
        raise ImageError(f"{registry} is an address, not a registry; say host[:port]/path")
    result = {name: f"{registry.rstrip('/')}/{name}:{tag}" for name in components()}
    for line in digests.splitlines():
        words = line.split()
        name = words[0].rsplit("/", 1)[-1].split(":")[0].split("@")[0] if words else ""
        if not words or not re.fullmatch("sha256:[0-9a-f]{64}", words[-1]):
            continue
        if name not in result:
            raise ImageError(f"the digest of {words[0]} is no component's; they are {', '.join(result)}")
        repository = re.sub(r"(:[^/:]+)?$", "", words[0].split("@")[0])
        result[name] = f"{repository}@{words[-1]}"
    if digests and not any("@" in reference for reference in result.values()):
        raise ImageError("there is no digest in the file; it holds the lines build.sh prints after a push")
    return result


class Step:
    """A component without its image: a signature, and the command that is the same for all."""

    all: "list[Step]" = []

    def __init__(self, command: tuple[str, ...], declaration) -> None:
        self.binary, self.declaration, self.name = command[0], declaration, declaration.__name__
        self.command = [f"/{command[0]}", *command[1:]]
        Step.all.append(self)

    def on(self, image: str, given: Collection[str] | None = None):
        """The component on an image, ready for a pipeline.

        With `given`, only with the optional inputs named there: the local runner of kfp 2.17 fails
        on every optional whole number that is not given.
        """
        signature = inspect.signature(self.declaration)
        if given is not None:
            parameters = signature.parameters.values()
            kept = [p for p in parameters if p.default is p.empty or p.name in given]
            signature = signature.replace(parameters=kept)

        def container(*_arguments) -> dsl.ContainerSpec:
            # The whole executor input as one argument: the binary finds its flags in it, writes
            # its outputs' metadata back, and works the same in the backend and the local runner.
            return dsl.ContainerSpec(
                image=image,
                command=self.command,
                args=["--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER],
            )

        container.__name__, container.__doc__ = self.name, unwrapped(self.declaration.__doc__)
        container.__signature__ = signature
        return dsl.container_component(container)


def unwrapped(docstring: str) -> str:
    """A docstring whose descriptions are one line each, as the user interface shows them."""
    return re.sub(r"\n {8,}", " ", inspect.cleandoc(docstring))


def step(*command: str):
    """Declares a component by its signature; `command` is its binary, and a subcommand of it."""
    return lambda declaration: Step(command, declaration)
