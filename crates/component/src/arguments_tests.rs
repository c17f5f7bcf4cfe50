use super::*;
use crate::{ArtifactKind, Parameter, ParameterKind};

const CONTRACT: Contract = Contract {
    name: "transform",
    about: "Turns a table into examples",
    input_artifacts: &[Artifact {
        name: "raw_data",
        kind: ArtifactKind::Dataset,
        help: "Table",
    }],
    output_artifacts: &[Artifact {
        name: "examples",
        kind: ArtifactKind::Dataset,
        help: "Rows",
    }],
    output_parameters: &[Parameter {
        name: "rows",
        kind: ParameterKind::Integer,
        help: "Count",
    }],
    subcommands: &[Contract {
        name: "check",
        about: "Checks examples",
        input_artifacts: &[Artifact {
            name: "examples",
            kind: ArtifactKind::Dataset,
            help: "Rows",
        }],
        output_artifacts: &[],
        output_parameters: &[],
        subcommands: &[],
    }],
};

/// Flags of a component with subcommands.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
struct Family {
    #[command(subcommand)]
    member: Option<Member>,
    #[command(flatten)]
    flags: Option<Flags>,
}

#[derive(Debug, clap::Subcommand)]
enum Member {
    /// Check examples
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// Rows to check
    #[arg(long)]
    examples: String,
    /// Share of them
    #[arg(long, default_value_t = 0.5)]
    fraction: f64,
}

/// Flags of a component.
#[derive(Debug, clap::Args)]
struct Flags {
    /// The table
    #[arg(long)]
    raw_data: String,
    /// Where examples go
    #[arg(long)]
    examples: String,
    /// Rows ahead
    #[arg(long, default_value_t = 0)]
    horizon: u32,
    /// Columns
    #[arg(long)]
    feature: Vec<String>,
    /// Say more
    #[arg(long)]
    verbose: bool,
}

fn parse_flags(arguments: &[&str]) -> Result<Flags, String> {
    let argv = std::iter::once("transform").chain(arguments.iter().copied());
    match parse::<Flags>(&CONTRACT, argv.map(OsString::from).collect()) {
        Ok(Invocation::Run(parsed)) => Ok(parsed.args),
        Ok(Invocation::Describe(_)) => Err("described".to_owned()),
        Err(ArgumentError::Clap(error)) => Err(error.to_string()),
        Err(ArgumentError::Message(message)) => Err(message),
    }
}

fn input() -> String {
    json!({
        "inputs": {
            "parameterValues": {"horizon": 3.0, "feature": ["open", "high"], "verbose": true},
            "artifacts": {"raw_data": {"artifacts": [{"name": "raw", "uri": "/data/raw.csv"}]}},
        },
        "outputs": {
            "artifacts": {"examples": {"artifacts": [{"name": "examples", "uri": "/out/ex"}]}},
            "outputFile": "/tmp/executor_output.json",
        },
    })
    .to_string()
}

#[test]
fn the_executor_input_fills_the_flags() {
    let flags = parse_flags(&["--executor-input", &input()]).unwrap();
    assert_eq!(
        (flags.raw_data.as_str(), flags.examples.as_str()),
        ("/data/raw.csv", "/out/ex")
    );
    assert_eq!(flags.horizon, 3);
    assert_eq!(flags.feature, ["open", "high"]);
    assert!(flags.verbose);
}

#[test]
fn an_explicit_flag_wins_over_the_executor_input() {
    let given = format!("--executor-input={}", input());
    let flags = parse_flags(&["--horizon=1", &given, "--feature", "low"]).unwrap();
    assert_eq!(flags.horizon, 1);
    assert_eq!(flags.feature, ["low"]);
}

#[test]
fn an_empty_parameter_counts_as_not_given() {
    let input = r#"{"inputs": {"parameterValues": {"horizon": "", "feature": null}}}"#;
    let flags = parse_flags(&["--executor-input", input, "--raw-data=a", "--examples=b"]).unwrap();
    assert_eq!(flags.horizon, 0);
    assert!(flags.feature.is_empty());
}

#[test]
fn a_name_without_a_flag_is_refused() {
    let input = r#"{"inputs": {"parameterValues": {"horizont": 1}}}"#;
    assert_eq!(
        parse_flags(&["--executor-input", input]).unwrap_err(),
        "the executor input names \"horizont\", but transform has no flag --horizont. \
         Next step: compare the pipeline's component with 'transform --help'"
    );
}

/// The contract and the flags of `transform check --executor-input …`.
fn parse_check(input: &str) -> Result<(&'static str, Check), ArgumentError> {
    let argv = ["transform", "check", "--executor-input", input];
    let parsed = match parse::<Family>(&CONTRACT, argv.map(OsString::from).to_vec())? {
        Invocation::Run(parsed) => parsed,
        Invocation::Describe(_) => panic!("described"),
    };
    assert!(parsed.args.flags.is_none());
    let Some(Member::Check(check)) = parsed.args.member else {
        panic!("no subcommand")
    };
    Ok((parsed.contract.name, check))
}

#[test]
fn a_subcommand_of_the_contract_has_an_executor_input_of_its_own() {
    let input = r#"{"inputs": {"parameterValues": {"fraction": 0.25, "examples": "/rows"}}}"#;
    let (contract, check) = parse_check(input).unwrap();
    assert_eq!(contract, "check");
    assert_eq!((check.examples.as_str(), check.fraction), ("/rows", 0.25));
    let input = r#"{"inputs": {"parameterValues": {"horizon": 1}}}"#;
    let Err(ArgumentError::Message(message)) = parse_check(input) else {
        panic!("a flag of the component is none of the subcommand");
    };
    assert_eq!(
        message,
        "the executor input names \"horizon\", but transform check has no flag --horizon. \
         Next step: compare the pipeline's component with 'transform check --help'"
    );
}

#[test]
fn text_that_is_no_executor_input_is_refused() {
    assert_eq!(
        parse_flags(&["--executor-input", "{{$}}"]).unwrap_err(),
        "--executor-input is not a Kubeflow executor input: key must be a string at line 1 \
         column 2. Next step: pass the placeholder {{$}} as one argument"
    );
}

#[test]
fn every_flag_is_described_with_its_environment_variable() {
    let mut command = command::<Family>(&CONTRACT);
    command.build();
    let described = describe(&CONTRACT, &command);
    let flags = described["flags"].as_array().unwrap();
    let horizon = flags
        .iter()
        .find(|flag| flag["flag"] == "--horizon")
        .unwrap();
    assert_eq!(horizon["env"], "TRANSFORM_HORIZON");
    assert_eq!(horizon["default"], "0");
    assert_eq!(horizon["type"], "NUMBER_INTEGER");
    assert_eq!(described["output_artifacts"][0]["type"], "system.Dataset");
    let check = &described["subcommands"][0];
    assert_eq!(check["input_artifacts"][0]["name"], "examples");
    assert_eq!(check["flags"][1]["type"], "NUMBER_DOUBLE");
    crate::testing::assert_contract::<Family>(&CONTRACT);
}
