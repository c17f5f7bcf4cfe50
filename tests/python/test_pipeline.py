#!/usr/bin/env python3
"""The pipeline and its components, compiled: against the binaries, the committed files, the
specification's own definition, and the tables in the documentation.

usage: test_pipeline.py FOLDER_OF_BINARIES
"""

import contextlib
import copy
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml
from google.protobuf import json_format
from kfp import compiler, components
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

import checks
import contract
from checks import equal

PIPELINE = contract.ROOT / "pipeline"
sys.path.insert(0, str(PIPELINE))
import generate_steps  # noqa: E402
import images  # noqa: E402
import ir  # noqa: E402

BINARIES = pathlib.Path(sys.argv[1]).resolve()
CONTRACTS = generate_steps.describe(BINARIES)
COMMITTED = PIPELINE / "crypto_pipeline.yaml"
PLAIN = {k: v for k, v in os.environ.items() if k not in ("REGISTRY", "TAG", "DIGESTS")}


def compile_to(folder: str, *options: str, **variables: str) -> pathlib.Path:
    path = pathlib.Path(folder) / "crypto_pipeline.yaml"
    command = [sys.executable, PIPELINE / "crypto_pipeline.py", path, *options]
    subprocess.run(command, check=True, env=PLAIN | variables, capture_output=True)
    return path


def refused(*options: str, **variables: str) -> str:
    command = [sys.executable, PIPELINE / "crypto_pipeline.py", os.devnull, *options]
    done = subprocess.run(command, env=PLAIN | variables, capture_output=True, text=True)
    assert done.returncode == 2, done
    return done.stderr.strip()


def documents(path: pathlib.Path) -> list[dict]:
    return list(yaml.safe_load_all(path.read_text()))


def image_of(path: pathlib.Path, component: str) -> str:
    return contract.components_of(path)[component]["container"]["image"]


def file_of(described: dict) -> pathlib.Path:
    return PIPELINE / "components" / f"{described['name'].replace('-', '_')}.yaml"


def component_of(described: dict) -> dict:
    return contract.components_of(file_of(described))[described["name"]]


def test_the_declarations_are_what_the_binaries_say():
    equal(generate_steps.source(CONTRACTS), generate_steps.STEPS.read_text())


def test_every_component_agrees_with_its_binary():
    found = []
    for described in CONTRACTS:
        where = f"pipeline/components/{file_of(described).name}"
        found += contract.component_differences(described, component_of(described), where)
    equal(found, [])


def test_the_pipeline_agrees_with_the_components():
    in_pipeline, found = contract.components_of(COMMITTED), []
    equal(sorted(in_pipeline), sorted([*images.components(), "finish"]))
    for described in CONTRACTS:
        component = in_pipeline.get(described["name"])
        if component:
            found += contract.pipeline_differences(described, component, component_of(described), COMMITTED.name)
    equal(found, [])


def test_the_readme_agrees_with_the_binaries():
    text, found = (contract.ROOT / "README.md").read_text(), []
    for described in CONTRACTS:
        if len(described["command"]) == 1:
            found += contract.table_differences(described, text, "README.md")
    equal(found, [])


def train() -> tuple[dict, dict]:
    described = next(c for c in CONTRACTS if c["name"] == "train")
    return copy.deepcopy(described), component_of(described)


def differences(described: dict, component: dict) -> list[str]:
    """What a change of the description adds to the differences there may be already."""
    before = contract.component_differences(*train(), "train.yaml")
    found = contract.component_differences(described, component, "train.yaml")
    return [difference for difference in found if difference not in before]


def test_a_renamed_flag_is_named():
    described, component = train()
    flag = next(f for f in described["flags"] if f["flag"] == "--seed")
    flag["flag"] = "--first-seed"
    equal(
        differences(described, component),
        [
            "train has the flag --first-seed, train.yaml has no input first_seed",
            "train.yaml has the input seed, train has no flag --seed",
        ],
    )


def test_a_forgotten_output_is_named():
    described, component = train()
    described["output_parameters"] = []
    equal(
        differences(described, component),
        [
            "train.yaml has the output parameter gcp_resources, train has not",
            "train.yaml has the output parameter test_root_mean_squared_error, train has not",
        ],
    )
    described, component = train()
    described["output_artifacts"].append({"name": "log", "type": "system.Artifact", "help": ""})
    equal(differences(described, component), ["train has the output artifact log, train.yaml has not"])


def test_a_wrong_type_is_named():
    described, component = train()
    flag = next(f for f in described["flags"] if f["flag"] == "--seed")
    flag["type"] = "STRING"
    described["output_artifacts"][0]["type"] = "system.Dataset"
    described["input_artifacts"][0]["type"] = "system.Model"
    equal(
        differences(described, component),
        [
            "train --seed is STRING, train.yaml says NUMBER_INTEGER",
            "train writes model as system.Dataset, train.yaml says system.Model",
            "train reads examples as system.Model, train.yaml says system.Dataset",
        ],
    )


def test_a_word_missing_in_the_readme_is_named():
    described, _ = train()
    row = "| `train` | `--examples`; `--best-hyperparameters` | `--modle`, `--metrics`, `--report`, `--model-card` | |"
    equal(
        contract.table_differences(described, row, "README.md"),
        [
            "the row of train in README.md does not name `--model`",
            "the row of train in README.md does not name `test_root_mean_squared_error`",
            "the row of train in README.md does not name `gcp_resources`",
            "the row of train in README.md names --modle, which is no flag",
        ],
    )


def test_the_committed_files_are_what_compiles():
    with tempfile.TemporaryDirectory() as folder:
        path = compile_to(folder, "--components", folder + "/components")
        equal(COMMITTED.read_text(), path.read_text())
        fresh = sorted(pathlib.Path(folder, "components").iterdir())
        committed = sorted((PIPELINE / "components").iterdir())
        equal([p.name for p in committed], [p.name for p in fresh])
        for ours, theirs in zip(committed, fresh):
            equal(ours.read_text(), theirs.read_text())


def test_the_specification_parses_strictly():
    for path in [COMMITTED, *(PIPELINE / "components").iterdir()]:
        first, *rest = documents(path)
        spec = json_format.ParseDict(first, pipeline_spec_pb2.PipelineSpec())
        equal(spec.schema_version, "2.1.0")
        for document in rest:
            platform = json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())
            for executor in platform.platforms["kubernetes"].deployment_spec.executors.values():
                settings = json_format.MessageToDict(executor)
                json_format.ParseDict(settings, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
        assert len(rest) <= 1 and path.stat().st_size < 32_000_000


def test_an_unknown_field_would_not_parse():
    first = documents(COMMITTED)[0]
    first["root"]["dag"]["tasks"]["finish"]["retry"] = 1
    try:
        json_format.ParseDict(first, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError as error:
        assert "retry" in str(error)
    else:
        raise AssertionError("an unknown field was taken")


def test_every_command_is_an_absolute_path_to_a_binary():
    for path in [COMMITTED, *(PIPELINE / "components").iterdir()]:
        for component in contract.components_of(path).values():
            container = component["container"]
            binary = container["command"][0]
            assert binary.startswith("/") and (BINARIES / binary[1:]).is_file(), binary
            equal(container["image"], f"kfp-components/{binary[1:]}:{images.version()}")
            equal(container["args"], ["--executor-input", "{{$}}"])


def test_components_load_into_other_pipelines():
    for described in CONTRACTS:
        loaded = components.load_component_from_file(str(file_of(described)))
        equal(loaded.component_spec.name, described["name"])
        about = described["about"].rstrip(".") + "."
        equal(loaded.component_spec.description, about)


def test_the_documented_pipeline_of_ones_own_compiles():
    text = (PIPELINE / "README.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    namespace = {}
    with contextlib.chdir(contract.ROOT):
        exec(example, namespace)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "own.yaml")
        compiler.Compiler().compile(namespace["just_examples"], str(path))
        assert "transform" in contract.components_of(path)


def test_the_documentation_names_options_that_exist():
    scripts = ("submit.py", "run_local.py", "crypto_pipeline.py", "teardown.sh")
    for page in (contract.ROOT / "docs" / "kubeflow.md", PIPELINE / "README.md"):
        commands = page.read_text().replace("\\\n", " ")
        for script in scripts:
            source = (PIPELINE / script).read_text()
            for line in re.findall(rf"pipeline/{script} (.*)", commands):
                for option in re.findall(r"(?<!\S)--[a-z-]+", line.split("#")[0]):
                    assert f'"{option}"' in source or f"{option} |" in source or f"{option})" in source, (page.name, script, option)


def test_the_documentation_names_parameters_that_exist():
    declared = documents(COMMITTED)[0]["root"]["inputDefinitions"]["parameters"]
    for page in (contract.ROOT / "docs" / "kubeflow.md", PIPELINE / "README.md"):
        for name in re.findall(r"-p '?([a-z_]+)=", page.read_text()):
            assert name in declared, (page.name, name)


def test_registry_and_tag_are_baked_in():
    with tempfile.TemporaryDirectory() as folder:
        wanted = "example.com:5000/a/b/train:abc"
        path = compile_to(folder, "--registry", "example.com:5000/a/b/", "--tag", "abc")
        equal(image_of(path, "train"), wanted)
        tasks = documents(path)[0]["deploymentSpec"]["executors"]["exec-train"]["container"]
        equal(tasks["env"], [{"name": "COMPONENT_IMAGE", "value": wanted}])
        path = compile_to(folder, REGISTRY="example.com:5000/a/b", TAG="abc")
        equal(image_of(path, "train"), wanted)


def test_digests_pin_what_build_printed():
    digest = "sha256:" + "0123456789abcdef" * 4
    with tempfile.TemporaryDirectory() as folder:
        printed = pathlib.Path(folder, "pushed")
        printed.write_text(f"example.com:5000/a/train:abc  11.4 MB of 20  {digest}\n")
        path = compile_to(folder, "--digests", str(printed), "--registry", "example.com:5000/a", "--tag", "abc")
        equal(image_of(path, "train"), f"example.com:5000/a/train@{digest}")
        equal(image_of(path, "deploy"), "example.com:5000/a/deploy:abc")
        printed.write_text(f"example.com/other:abc  1.0 MB of 2  {digest}\n")
        equal(
            refused("--digests", str(printed)),
            "crypto_pipeline.py: the digest of example.com/other:abc is no component's; they are "
            "gcs-ingest, transform, hptune, train, deploy",
        )


def test_references_that_would_break_are_refused():
    equal(
        refused("--tag", "latest"),
        "crypto_pipeline.py: the tag latest is refused: pipelines cache by tag, so what a tag names must never change",
    )
    equal(
        refused("--registry", "https://example.com/a"),
        "crypto_pipeline.py: https://example.com/a is an address, not a registry; say host[:port]/path",
    )
    equal(
        refused("--digests", os.devnull + ".absent"),
        "crypto_pipeline.py: [Errno 2] No such file or directory: '/dev/null.absent'",
    )


def test_vertex_gets_no_kubernetes_document():
    with tempfile.TemporaryDirectory() as folder:
        equal(len(documents(compile_to(folder, "--target", "vertex"))), 1)
        equal(len(documents(compile_to(folder))), 2)


def kubernetes_of(path: pathlib.Path, executor: str) -> dict:
    return documents(path)[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"][executor]


def test_every_task_has_a_time_limit_and_labels():
    for executor in documents(COMMITTED)[0]["deploymentSpec"]["executors"]:
        settings = kubernetes_of(COMMITTED, executor)
        assert int(settings["activeDeadlineSeconds"]) > 0
        equal(
            settings["podMetadata"]["labels"],
            {
                "app.kubernetes.io/part-of": "kfp-components",
                "app.kubernetes.io/component": executor.removeprefix("exec-"),
            },
        )
        resources = documents(COMMITTED)[0]["deploymentSpec"]["executors"][executor]["container"]["resources"]
        for limit in ("resourceCpuRequest", "resourceCpuLimit", "resourceMemoryRequest", "resourceMemoryLimit"):
            assert resources[limit], (executor, limit)


def test_every_task_is_retried_with_backoff_and_has_a_title():
    spec = documents(COMMITTED)[0]
    inner = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    for name, task in [*inner.items(), ("finish", spec["root"]["dag"]["tasks"]["finish"])]:
        equal(task["retryPolicy"]["maxRetryCount"], 2)
        assert task["taskInfo"]["name"] != name, "a task has its bare name"
        equal(task.get("cachingOptions", {}).get("enableCache", False), name != "finish")


def test_only_deploying_tasks_see_the_models():
    for executor in documents(COMMITTED)[0]["deploymentSpec"]["executors"]:
        mounts = kubernetes_of(COMMITTED, executor).get("pvcMount", [])
        wanted = ["/models"] if executor in ("exec-deploy", "exec-finish") else []
        equal([mount["mountPath"] for mount in mounts], wanted)


def test_fresh_data_is_never_taken_from_the_cache():
    with tempfile.TemporaryDirectory() as folder:
        tasks = documents(compile_to(folder, "--fresh-data"))[0]["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    cached = {name: task.get("cachingOptions", {}).get("enableCache", False) for name, task in tasks.items()}
    equal(cached, {"gcs-ingest": False, "transform": True, "hptune": True, "train": True, "deploy": True})


def test_a_secret_is_mounted_when_asked_for():
    with tempfile.TemporaryDirectory() as folder:
        path = compile_to(folder, "--secret", "user-gcp-sa")
        [mount] = kubernetes_of(path, "exec-train")["secretAsVolume"]
        equal((mount["secretName"], mount["mountPath"]), ("user-gcp-sa", "/var/secrets/gcp"))
        container = contract.components_of(path)["train"]["container"]
        assert {"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/var/secrets/gcp/key.json"} in container["env"]
    assert "secretAsVolume" not in COMMITTED.read_text()


def test_the_tasks_come_in_order():
    equal(ir.tasks(ir.load(COMMITTED)), ["gcs-ingest", "transform", "hptune", "train", "deploy", "finish"])


def test_parameters_are_typed():
    spec = ir.load(COMMITTED)
    given = ["horizon=1", "min_improvement=1e-6", "source=gs://b/o", 'sha256=["aa"]', "gate=enforce"]
    equal(
        ir.arguments(spec, given),
        {"horizon": 1, "min_improvement": 1e-6, "source": ["gs://b/o"], "sha256": ["aa"], "gate": "enforce"},
    )
    for wrong in ("horizon=1.5", "horizon=true", "min_improvement=much", "sha256=[1", "nothing=1", "gate"):
        try:
            found = ir.arguments(spec, [wrong])
        except ir.ParameterError:
            continue
        raise AssertionError(f"{wrong} was taken as {found}")


if __name__ == "__main__":
    sys.exit(checks.run(globals()))
