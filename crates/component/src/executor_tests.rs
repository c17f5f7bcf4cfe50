use super::*;
use crate::{Artifact, ArtifactKind, Parameter, ParameterKind};

const CONTRACT: Contract = Contract {
    name: "train",
    about: "Trains",
    input_artifacts: &[],
    output_artifacts: &[Artifact {
        name: "model",
        kind: ArtifactKind::Model,
        help: "The model",
    }],
    output_parameters: &[Parameter {
        name: "rmse",
        kind: ParameterKind::Double,
        help: "USD",
    }],
    subcommands: &[],
};

fn input(folder: &Path) -> ExecutorInput {
    let json = json!({
        "inputs": {},
        "outputs": {
            "parameters": {"rmse": {"outputFile": folder.join("a/b/rmse")}},
            "artifacts": {
                "model": {"artifacts": [{"name": "model", "uri": "/out/model",
                    "type": {"schemaTitle": "system.Model"}, "metadata": {}}]},
                "report": {"artifacts": [{"name": "report", "uri": "/out/report"}]},
            },
            "outputFile": folder.join("c/executor_output.json"),
        },
    });
    ExecutorInput::parse(&json.to_string()).unwrap()
}

#[test]
fn outputs_are_written_where_the_pipeline_asked() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = Outputs::new()
        .artifact(
            "model",
            "gs://bucket/model",
            json!({"rows": 3, "nothing": null}),
        )
        .parameter("rmse", 223.15);
    input(folder.path())
        .write_outputs(&CONTRACT, &outputs)
        .unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join("a/b/rmse")).unwrap(),
        "223.15"
    );
    let written = fs::read(folder.path().join("c/executor_output.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&written).unwrap(),
        json!({"artifacts": {
            "model": {"artifacts": [{"name": "model", "uri": "gs://bucket/model",
                "metadata": {"rows": 3, "build": format!("train {}", version())},
                "type": {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}}]},
            "report": {"artifacts": [{"name": "report", "uri": "/out/report", "metadata": {}}]},
        }})
    );
}

#[test]
fn a_missing_output_parameter_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = input(folder.path())
        .write_outputs(&CONTRACT, &Outputs::new())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the output parameter \"rmse\" was declared by the pipeline but not produced"
    );
}

#[test]
fn whole_numbers_lose_their_fraction_and_small_ones_keep_their_digits() {
    assert_eq!(flag_value(&json!(20.0)).unwrap(), "20");
    assert_eq!(flag_value(&json!(1e-6)).unwrap(), "1e-6");
    assert_eq!(flag_value(&json!({"a": 1})).unwrap(), r#"{"a":1}"#);
    assert_eq!(flag_value(&json!("")), None);
}

#[test]
fn an_object_store_that_is_not_mounted_keeps_its_address() {
    assert_eq!(input_address("s3://bucket/raw.csv"), "s3://bucket/raw.csv");
    assert_eq!(output_address("minio://bucket/out"), "minio://bucket/out");
    assert_eq!(output_address("/local/out"), "/local/out");
}
