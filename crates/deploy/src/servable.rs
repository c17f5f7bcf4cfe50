//! A model folder: its three files, and the checked model made from them.

use std::cell::RefCell;
use std::path::Path;

use artifacts::{FileDigest, Golden, Metrics, ModelMetadata, layout::model as layout};
use bytes::Bytes;
use model::{Model, ModelError, PredictScratch, RowError};
use sha2::{Digest, Sha256};
use storage::{Storage, Uri};

use crate::golden::{self, GoldenError};

thread_local! {
    /// Working memory of the predictions made on this thread.
    static SCRATCH: RefCell<PredictScratch> = RefCell::default();
}

/// Golden tolerances above this would let a wrong model pass.
const MAX_TOLERANCE: f64 = 0.01;

/// The files of a model folder, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelFiles {
    onnx: Bytes,
    metrics: Bytes,
    golden: Bytes,
}

/// Why a model folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is not there.
    #[error("{uri} does not exist")]
    Missing {
        /// Address of the file.
        uri: Uri,
    },
    /// The store refused.
    #[error(transparent)]
    Storage(Box<storage::Error>),
    /// The disk refused.
    #[error("cannot read {path}")]
    Disk {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ModelFiles {
    /// Reads the folder from any store, the marker first.
    async fn read(storage: &Storage, folder: &Uri) -> Result<Self, ReadError> {
        let read = async |name: &str| -> Result<Bytes, ReadError> {
            let uri = folder.join(name);
            storage.read(&uri).await.map_err(|error| match error {
                storage::Error::NotFound { uri } => ReadError::Missing { uri },
                other => ReadError::Storage(Box::new(other)),
            })
        };
        Ok(Self {
            onnx: read(layout::ONNX).await?,
            metrics: read(layout::METRICS).await?,
            golden: read(layout::GOLDEN).await?,
        })
    }

    /// Reads an installed version's folder.
    pub(crate) fn read_installed(folder: &Path) -> Result<Self, ReadError> {
        let read = |name: &str| -> Result<Bytes, ReadError> {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(|source| ReadError::Disk {
                path: path.display().to_string(),
                source,
            })?;
            Ok(bytes.into())
        };
        Ok(Self {
            onnx: read(layout::ONNX)?,
            metrics: read(layout::METRICS)?,
            golden: read(layout::GOLDEN)?,
        })
    }

    /// Names and contents, the marker last.
    pub(crate) fn entries(&self) -> [(&'static str, &Bytes); 3] {
        [
            (layout::METRICS, &self.metrics),
            (layout::GOLDEN, &self.golden),
            (layout::ONNX, &self.onnx),
        ]
    }

    /// Which bytes these are.
    pub(crate) fn digests(&self) -> Vec<FileDigest> {
        let digest = |(name, bytes): (&str, &Bytes)| FileDigest {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(bytes)),
        };
        self.entries().into_iter().map(digest).collect()
    }
}

/// Why there is no model to serve in a folder.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not readable.
    #[error("cannot read the model {folder}")]
    Read {
        /// Address of the model folder or of the version's.
        folder: Uri,
        /// Which file, and why.
        source: ReadError,
    },
    /// It is not fit to be served.
    #[error("the model {folder} is not valid")]
    Invalid {
        /// Address of the model folder or of the version's.
        folder: Uri,
        /// What is wrong with it.
        source: Box<InvalidModel>,
    },
}

impl LoadError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } => source.hint(),
            Self::Invalid { .. } => {
                Some("run 'train' again and deploy the folder it writes, unchanged".to_owned())
            }
        }
    }
}

impl ReadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(
                "give the folder that 'train' wrote; its model.onnx is written last, \
                 so without it the training did not finish"
                    .to_owned(),
            ),
            Self::Disk { .. } => {
                Some("make the directory readable for the user this runs as".to_owned())
            }
            Self::Storage(error) => error.hint(),
        }
    }
}

/// Why a model is not fit to be served.
#[derive(Debug, thiserror::Error)]
pub enum InvalidModel {
    /// The model file is corrupt or uses what this build cannot run.
    #[error("{} cannot be loaded", layout::ONNX)]
    Onnx(#[source] ModelError),
    /// A document is not readable.
    #[error(transparent)]
    Document(#[from] artifacts::ParseError),
    /// The folder holds files of different models.
    #[error(
        "{} is not the record inside {}: the folder mixes files of two models",
        layout::METRICS,
        layout::ONNX
    )]
    OtherMetrics,
    /// The golden rows have other inputs than the model.
    #[error(
        "{} has the inputs [{}], the model takes [{}]",
        layout::GOLDEN,
        found.join(", "),
        expected.join(", ")
    )]
    OtherInputs {
        /// Inputs of the golden rows.
        found: Vec<String>,
        /// Inputs of the model's schema.
        expected: Vec<String>,
    },
    /// The golden rows prove nothing.
    #[error("{} proves nothing: {problem}", layout::GOLDEN)]
    EmptyProof {
        /// What is missing.
        problem: String,
    },
    /// A golden row cannot be predicted.
    #[error("golden row {row} cannot be predicted")]
    GoldenRow {
        /// Index of the row, from 0.
        row: usize,
        /// What is wrong with it.
        source: RowError,
    },
    /// The model does not predict what it did when it was trained.
    #[error("the model does not reproduce its own predictions")]
    Golden(#[source] GoldenError),
}

/// A model that loads, fits its documents and reproduces its golden rows.
#[derive(Debug)]
pub(crate) struct Servable {
    model: Model,
    golden: Golden,
}

impl Servable {
    /// Reads, loads and checks a model folder of any store.
    pub(crate) async fn open(
        storage: &Storage,
        folder: &Uri,
    ) -> Result<(ModelFiles, Self), LoadError> {
        Self::check(folder, ModelFiles::read(storage, folder).await)
    }

    /// Reads, loads and checks an installed version.
    pub(crate) fn open_installed(folder: &Path) -> Result<(ModelFiles, Self), LoadError> {
        Self::check(&Uri::local(folder), ModelFiles::read_installed(folder))
    }

    fn check(
        folder: &Uri,
        files: Result<ModelFiles, ReadError>,
    ) -> Result<(ModelFiles, Self), LoadError> {
        let files = files.map_err(|source| LoadError::Read {
            folder: folder.clone(),
            source,
        })?;
        match Self::load(&files) {
            Ok(model) => Ok((files, model)),
            Err(source) => Err(LoadError::Invalid {
                folder: folder.clone(),
                source: Box::new(source),
            }),
        }
    }

    fn load(files: &ModelFiles) -> Result<Self, InvalidModel> {
        let model = Model::from_onnx(&files.onnx).map_err(InvalidModel::Onnx)?;
        let metrics: Metrics = artifacts::parse(layout::METRICS, &files.metrics)?;
        let golden: Golden = artifacts::parse(layout::GOLDEN, &files.golden)?;
        if metrics != model.metadata().metrics {
            return Err(InvalidModel::OtherMetrics);
        }
        let servable = Self { model, golden };
        servable.check_golden()?;
        Ok(servable)
    }

    fn check_golden(&self) -> Result<(), InvalidModel> {
        let Golden {
            inputs,
            instances,
            predictions,
            relative_tolerance,
            ..
        } = &self.golden;
        if inputs != self.inputs() {
            return Err(InvalidModel::OtherInputs {
                found: inputs.clone(),
                expected: self.inputs().to_vec(),
            });
        }
        let empty_proof = |problem: String| Err(InvalidModel::EmptyProof { problem });
        if instances.is_empty() || instances.len() != predictions.len() {
            let (rows, values) = (instances.len(), predictions.len());
            return empty_proof(format!("it has {rows} rows and {values} predictions"));
        }
        if !(*relative_tolerance > 0.0 && *relative_tolerance <= MAX_TOLERANCE) {
            return empty_proof(format!(
                "its relative tolerance is {relative_tolerance}, not above 0 and at most \
                 {MAX_TOLERANCE}"
            ));
        }
        let mut rows = Vec::with_capacity(instances.len() * inputs.len());
        for (row, instance) in instances.iter().enumerate() {
            let values: Vec<f32> = instance.iter().map(|value| *value as f32).collect();
            self.check_row(&values)
                .map_err(|source| InvalidModel::GoldenRow { row, source })?;
            rows.extend(values);
        }
        golden::compare(&self.golden, &self.predict(&rows)).map_err(InvalidModel::Golden)
    }

    /// Names of the raw inputs, in order.
    pub(crate) fn inputs(&self) -> &[String] {
        &self.model.metadata().schema.inputs
    }

    /// What the model is worth.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.model.metadata().metrics
    }

    /// What the model says about itself.
    pub(crate) fn metadata(&self) -> &ModelMetadata {
        self.model.metadata()
    }

    /// The rows that prove a server right.
    pub(crate) fn golden(&self) -> &Golden {
        &self.golden
    }

    /// Whether a raw row can be predicted.
    pub(crate) fn check_row(&self, row: &[f32]) -> Result<(), RowError> {
        self.model.transform().check(row)
    }

    /// Predicts checked raw rows (n × inputs, row-major): n values in the label's unit.
    pub(crate) fn predict(&self, rows: &[f32]) -> Vec<f64> {
        SCRATCH.with_borrow_mut(|scratch| self.model.predict(rows, scratch))
    }

    /// Multiplications a row's prediction takes: what a request costs.
    pub(crate) fn row_cost(&self) -> usize {
        let layers = self.model.network().layers();
        layers.iter().map(|layer| layer.weights().len()).sum()
    }
}
