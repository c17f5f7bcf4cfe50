"""Runs a Beam YAML pipeline with Apache Beam's DirectRunner, and prints its counters in the shape of
Dataflow's job metrics, as one line of JSON.

    python3 scripts/beam_job.py PIPELINE.yaml
"""

import json
import sys

import apache_beam as beam
from apache_beam.yaml import main


def metric(counter):
    name = counter.key.metric
    context = {"namespace": name.namespace, "step": counter.key.step}
    return {"name": {"origin": "user", "name": name.name, "context": context}, "scalar": counter.committed}


options, build, _ = main.build_pipeline_components_from_argv(["--yaml_pipeline_file", sys.argv[1]])
pipeline = beam.Pipeline(options=options)
build(pipeline)
result = pipeline.run()
result.wait_until_finish()
print(json.dumps([metric(counter) for counter in result.metrics().query()["counters"]]))
