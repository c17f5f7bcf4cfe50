#!/usr/bin/env python3
"""The price pipeline: from a table of daily market data to a served, tested model.

    python3 pipeline/crypto_pipeline.py crypto_pipeline.yaml

compiles it into the file that Kubeflow Pipelines takes. Registry and tag of the images are those of
build.sh: REGISTRY and TAG, or the options.
"""

import argparse
import dataclasses
import os
import pathlib
import sys
from typing import List

from kfp import compiler, dsl, kubernetes

import images
import steps

SOURCE = (
    "https://raw.githubusercontent.com/dvdbisong/gcp-learningmodels-book/master/Chapter_09/crypto-markets.csv"
)
SECRET_PATH = "/var/secrets/gcp"
MODELS_PATH = "/models"


@dataclasses.dataclass(frozen=True)
class Platform:
    """Where the pipeline will run, and what the tasks find there."""

    # kubernetes: open-source Kubeflow Pipelines; vertex: Vertex AI Pipelines, which takes no
    # Kubernetes settings.
    target: str = "kubernetes"
    # Kubernetes secret with a service account's key as `key.json`; none means workload identity.
    secret: str = ""
    # PersistentVolumeClaim that holds the model repository, at /models; none means no volume.
    model_volume: str = "model-repository"
    # Whether every run asks the source for its data: the cache knows an address, not what is there.
    fresh_data: bool = False


@dataclasses.dataclass(frozen=True)
class Needs:
    """What one task asks of the cluster."""

    title: str
    cpu: tuple[str, str]  # request, limit
    memory: tuple[str, str]  # request, limit
    hours: float  # time limit of one attempt
    retries: int = 2
    cached: bool = True
    sees_models: bool = False


NEEDS = {
    "gcs_ingest": Needs("Fetch raw data", ("100m", "1"), ("64Mi", "512Mi"), hours=6),
    "transform": Needs("Make examples", ("500m", "2"), ("256Mi", "2Gi"), hours=1),
    "hptune": Needs("Tune hyperparameters", ("1", "4"), ("256Mi", "2Gi"), hours=6),
    "train": Needs("Train model", ("500m", "2"), ("256Mi", "2Gi"), hours=2),
    "deploy": Needs("Deploy if better", ("100m", "1"), ("128Mi", "1Gi"), hours=0.5, sees_models=True),
    # It answers for what is there now, whatever a run before it found.
    "finish": Needs(
        "Report and clean up", ("100m", "1"), ("64Mi", "512Mi"), hours=0.5, cached=False, sees_models=True
    ),
}


def configure(task: dsl.PipelineTask, step: images.Step, image: str, platform: Platform) -> None:
    """Gives a task its resources, retries, limits, name, labels and credentials."""
    name = step.name
    prefix = "_".join(step.command).strip("/").upper().replace("-", "_")  # of its flags' variables
    needs = NEEDS[name]
    task.set_display_name(needs.title)
    task.set_cpu_request(needs.cpu[0]).set_cpu_limit(needs.cpu[1])
    task.set_memory_request(needs.memory[0]).set_memory_limit(needs.memory[1])
    task.set_retry(needs.retries, backoff_duration="10s", backoff_factor=2, backoff_max_duration="300s")
    task.set_caching_options(needs.cached and not (platform.fresh_data and name == "gcs_ingest"))
    task.set_env_variable("COMPONENT_IMAGE", image)  # which image made these bytes, for the lineage
    if platform.target != "kubernetes":
        return
    kubernetes.set_timeout(task, seconds=int(needs.hours * 3600))
    kubernetes.add_pod_label(task, "app.kubernetes.io/part-of", "kfp-components")
    kubernetes.add_pod_label(task, "app.kubernetes.io/component", name.replace("_", "-"))
    if platform.secret:
        kubernetes.use_secret_as_volume(task, secret_name=platform.secret, mount_path=SECRET_PATH)
        task.set_env_variable("GOOGLE_APPLICATION_CREDENTIALS", f"{SECRET_PATH}/key.json")
    # Not a parameter of the task: the cache would take every run for a new one.
    kubernetes.use_field_path_as_env(
        task, env_name=f"{prefix}_RUN_ID", field_path="metadata.labels['pipeline/runid']"
    )
    if needs.sees_models and platform.model_volume:
        kubernetes.mount_pvc(task, pvc_name=platform.model_volume, mount_path=MODELS_PATH)


def define(references: dict[str, str], platform: Platform = Platform()):
    """The pipeline, on these images and for this platform."""

    def task(step: images.Step, **arguments) -> dsl.PipelineTask:
        image = references[step.binary]
        created = step.on(image, arguments)(**arguments)
        configure(created, step, image, platform)
        return created

    def crypto_pipeline(
        source: List[str] = [SOURCE],
        sha256: List[str] = [],
        data_version: str = "",
        transform_config: str = "",
        series_value: str = "bitcoin",
        horizon: int = 0,
        study_config: str = "",
        max_trial_count: int = 20,
        seed: int = 0,
        baseline: str = "",
        min_improvement: float = 0.0,
        gate: str = "report",
        model_name: str = "bitcoin",
        model_repository: str = MODELS_PATH,
        endpoint: str = "",
        transform_runner: str = "local",
        tune_runner: str = "local",
        train_runner: str = "local",
        deploy_target: str = "local",
        project: str = "",
        region: str = "us-central1",
        staging_location: str = "",
        service_account: str = "",
        encryption_key: str = "",
    ):
        """Fetches market data, tunes and trains a price model, and deploys it if it is good enough.

        Args:
            source: Where the raw table is: https or http addresses; several are read as one
            sha256: SHA-256 the raw table must have, in hex, one for each source; [] takes any
            data_version: Any text that names the version of the data wanted, for example a date; a new
                one asks the source again instead of taking the raw table from the cache
            transform_config: gs:// address of transform's configuration; empty takes the default
            series_value: Which series of the table: the value of its series column
            horizon: Rows between a row and the close to predict; 0 predicts the same day's
            study_config: gs:// address of a Vertex AI StudySpec; empty takes the classic one
            max_trial_count: Trials of the study, in all
            seed: Seed of the search, of the first weights and of the order of the rows
            baseline: Baseline the model has to beat; empty takes the naive one
            min_improvement: Fraction of the baseline's error the model has to remove: 0.05 is 5 %
            gate: What a model that is not good enough means: report ends well with deployed=false,
                enforce fails the run
            model_name: Name the model is served under
            model_repository: Directory that holds the served models and their versions
            endpoint: Predict address of a running server to check; empty starts one for the check
            transform_runner: Where the table is read: local is the task's own container, dataflow a job
                of Dataflow
            tune_runner: Where the trials run: local is the task's own container, vertex a tuning job of
                Vertex AI
            train_runner: Where the model is trained: local is the task's own container, vertex a custom
                job of Vertex AI
            deploy_target: Where the model is served: local is a model repository, vertex an endpoint of
                Vertex AI
            project: Google Cloud project of remote jobs; needed for dataflow and vertex
            region: Region of remote jobs
            staging_location: gs:// folder for what goes to remote jobs and comes from them
            service_account: Account remote jobs have; empty takes the services' own
            encryption_key: Cloud KMS key for what the services store
        """
        place = {"project": project, "region": region}
        cloud = place | {
            "staging_location": staging_location,
            "service_account": service_account,
            "encryption_key": encryption_key,
        }
        finish = task(steps.finish, model_name=model_name, model_repository=model_repository, **place)
        with dsl.ExitHandler(finish, name="price-model"):
            ingest = task(
                steps.gcs_ingest, source=source, sha256=sha256, data_version=data_version
            )
            transform = task(
                steps.transform,
                raw_data=ingest.outputs["raw_data"],
                config=transform_config,
                series_value=series_value,
                horizon=horizon,
                runner=transform_runner,
                **cloud,
            )
            tune = task(
                steps.hptune,
                examples=transform.outputs["examples"],
                study_config=study_config,
                max_trial_count=max_trial_count,
                seed=seed,
                runner=tune_runner,
                image=references["train"],
                **cloud,
            )
            train = task(
                steps.train,
                examples=transform.outputs["examples"],
                best_hyperparameters=tune.outputs["best_hyperparameters"],
                seed=seed,
                runner=train_runner,
                **cloud,
            )
            task(
                steps.deploy,
                model=train.outputs["model"],
                model_name=model_name,
                model_repository=model_repository,
                baseline=baseline,
                min_improvement=min_improvement,
                gate=gate,
                endpoint=endpoint,
                target=deploy_target,
                **cloud,
            )

    crypto_pipeline.__doc__ = images.unwrapped(crypto_pipeline.__doc__)
    return dsl.pipeline(crypto_pipeline, name="crypto-price", display_name="Crypto price model")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compiles the price pipeline for Kubeflow Pipelines.")
    parser.add_argument("output", nargs="?", type=pathlib.Path, default=pathlib.Path("crypto_pipeline.yaml"))
    parser.add_argument(
        "--registry",
        default=os.environ.get("REGISTRY"),
        help=f"registry the images are in: host[:port]/path [REGISTRY; default: {images.DEFAULT_REGISTRY}]",
    )
    parser.add_argument(
        "--tag", default=os.environ.get("TAG"), help="the images' tag [TAG; default: the release]"
    )
    parser.add_argument(
        "--digests",
        type=pathlib.Path,
        default=os.environ.get("DIGESTS"),
        help="file with what build.sh printed: pins each image in it by digest [DIGESTS]",
    )
    parser.add_argument(
        "--target",
        choices=["kubernetes", "vertex"],
        default=Platform.target,
        help="vertex leaves out what only open-source Kubeflow Pipelines takes [default: %(default)s]",
    )
    parser.add_argument(
        "--secret",
        default=Platform.secret,
        help="Kubernetes secret with a key.json to mount [default: none, for workload identity]",
    )
    parser.add_argument(
        "--model-volume",
        metavar="CLAIM",
        default=Platform.model_volume,
        help="PersistentVolumeClaim with the model repository; '' for none [default: %(default)s]",
    )
    parser.add_argument(
        "--fresh-data", action="store_true", help="ask the source in every run, not the cache: for recurring runs"
    )
    parser.add_argument(
        "--components", type=pathlib.Path, metavar="DIR", help="write each component on its own, too"
    )
    return parser.parse_args()


def main() -> int:
    options = arguments()
    try:
        digests = pathlib.Path(options.digests).read_text() if options.digests else ""
        references = images.references(options.registry, options.tag, digests)
    except (OSError, images.ImageError) as error:
        print(f"crypto_pipeline.py: {error}", file=sys.stderr)
        return 2
    platform = Platform(options.target, options.secret, options.model_volume, options.fresh_data)
    compiler.Compiler().compile(define(references, platform), str(options.output))
    if options.components:
        options.components.mkdir(parents=True, exist_ok=True)
        for step in images.Step.all:
            path = options.components / f"{step.name}.yaml"
            compiler.Compiler().compile(step.on(references[step.binary]), str(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
