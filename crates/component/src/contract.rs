//! What a component declares about itself besides its flags.

/// Name, artifacts and output parameters of a component, as the pipeline sees them.
#[derive(Debug)]
pub struct Contract {
    /// The binary's name, for example `gcs-ingest`.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// Artifacts it reads; each is a flag of that name.
    pub input_artifacts: &'static [Artifact],
    /// Artifacts it writes; each is a flag of that name.
    pub output_artifacts: &'static [Artifact],
    /// Parameters it hands on.
    pub output_parameters: &'static [Parameter],
    /// Subcommands that a pipeline starts as components of their own, by name; each has its own
    /// executor input. Subcommands that only people use are not listed.
    pub subcommands: &'static [Contract],
}

/// An artifact a component reads or writes.
#[derive(Clone, Copy, Debug)]
pub struct Artifact {
    /// Name in the pipeline, `snake_case`.
    pub name: &'static str,
    /// Its type in the pipeline.
    pub kind: ArtifactKind,
    /// One line of documentation.
    pub help: &'static str,
}

/// Kubeflow Pipelines artifact types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    /// Any file or folder.
    Artifact,
    /// A table or a folder of tables.
    Dataset,
    /// A trained model.
    Model,
    /// Named numbers, shown as a table; the numbers are the artifact's metadata.
    Metrics,
    /// A self-contained page.
    Html,
    /// A Markdown text.
    Markdown,
}

impl ArtifactKind {
    /// The type's schema title, for example `system.Dataset`.
    pub fn schema_title(self) -> &'static str {
        match self {
            Self::Artifact => "system.Artifact",
            Self::Dataset => "system.Dataset",
            Self::Model => "system.Model",
            Self::Metrics => "system.Metrics",
            Self::Html => "system.HTML",
            Self::Markdown => "system.Markdown",
        }
    }
}

/// A parameter a component hands on.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Name in the pipeline, `snake_case`.
    pub name: &'static str,
    /// Its type in the pipeline.
    pub kind: ParameterKind,
    /// One line of documentation, with the unit.
    pub help: &'static str,
}

/// Kubeflow Pipelines parameter types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A real number.
    Double,
    /// True or false.
    Boolean,
    /// A JSON list.
    List,
    /// A JSON object.
    Struct,
}

impl ParameterKind {
    /// The name in the pipeline specification, for example `NUMBER_INTEGER`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Integer => "NUMBER_INTEGER",
            Self::Double => "NUMBER_DOUBLE",
            Self::Boolean => "BOOLEAN",
            Self::List => "LIST",
            Self::Struct => "STRUCT",
        }
    }

    /// Whether a JSON value is of this type.
    pub(crate) fn accepts(self, value: &serde_json::Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Double => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Struct => value.is_object(),
        }
    }
}
