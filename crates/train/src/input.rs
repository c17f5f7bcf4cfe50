//! What a run reads: hyperparameters and examples.

use artifacts::{BestHyperparameters, FileDigest, Split, layout};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use storage::{Storage, Uri};
use trainer::{
    dataset::{Dataset, DatasetError, Rows},
    hyperparameters::Hyperparameters,
};

use crate::{Args, Error};

/// Everything a run reads.
pub(crate) struct Input {
    pub(crate) dataset: Dataset,
    pub(crate) train: Rows,
    pub(crate) eval: Rows,
    pub(crate) test: Rows,
    pub(crate) hyperparameters: Hyperparameters,
    /// The files, in the order they were read.
    pub(crate) files: Vec<FileDigest>,
}

/// Defaults with the flags over them.
pub(crate) fn from_flags(args: &Args) -> Result<Hyperparameters, Error> {
    let mut hyperparameters = Hyperparameters::default();
    for (name, value) in args.hyperparameters() {
        hyperparameters.set(name, &value).map_err(Error::Flag)?;
    }
    let options = hyperparameters.fit_options(&args.fit_options());
    options.check().map_err(Error::Options)?;
    Ok(hyperparameters)
}

/// Reads the best hyperparameters, if any, and all splits.
pub(crate) async fn read(storage: &Storage, args: &Args) -> Result<Input, Error> {
    let mut reader = Reader {
        storage,
        files: Vec::new(),
    };
    let hyperparameters = hyperparameters(&mut reader, args).await?;
    let unusable = |source: DatasetError| Error::Examples {
        uri: args.examples.clone(),
        source: Box::new(source),
    };
    let schema = reader
        .read(&args.examples.join(layout::examples::SCHEMA))
        .await?;
    let params = args.examples.join(layout::examples::TRANSFORM_PARAMS);
    let params = reader.read(&params).await?;
    let dataset = Dataset::parse(&schema, &params).map_err(unusable)?;
    let mut splits = Vec::new();
    for split in Split::ALL {
        let bytes = reader
            .read(&args.examples.join(&dataset.schema().file_name(split)))
            .await?;
        splits.push((split, bytes));
    }
    let decode = |dataset: &Dataset| -> Result<[Rows; 3], DatasetError> {
        let rows = splits
            .iter()
            .map(|(split, bytes)| dataset.rows(*split, bytes));
        let rows: Vec<Rows> = rows.collect::<Result<_, _>>()?;
        Ok(rows.try_into().expect("there are three splits"))
    };
    let [train, eval, test] = decode(&dataset).map_err(unusable)?;
    Ok(Input {
        dataset,
        train,
        eval,
        test,
        hyperparameters,
        files: reader.files,
    })
}

/// Defaults, the best hyperparameters over them, the flags over both.
async fn hyperparameters(reader: &mut Reader<'_>, args: &Args) -> Result<Hyperparameters, Error> {
    let mut hyperparameters = Hyperparameters::default();
    if let Some(uri) = &args.best_hyperparameters {
        let name = uri
            .file_name()
            .unwrap_or("best_hyperparameters.json")
            .to_owned();
        let bytes = reader.read(uri).await?;
        let best: BestHyperparameters =
            artifacts::parse(&name, &bytes).map_err(|source| Error::Document {
                uri: uri.clone(),
                source,
            })?;
        for (name, value) in &best.hyperparameters {
            hyperparameters
                .set(name, value)
                .map_err(|source| Error::BestHyperparameters {
                    uri: uri.clone(),
                    source,
                })?;
        }
    }
    for (name, value) in args.hyperparameters() {
        hyperparameters.set(name, &value).map_err(Error::Flag)?;
    }
    let options = hyperparameters.fit_options(&args.fit_options());
    options.check().map_err(Error::Options)?;
    Ok(hyperparameters)
}

/// Reads files and remembers which bytes they were.
struct Reader<'a> {
    storage: &'a Storage,
    files: Vec<FileDigest>,
}

impl Reader<'_> {
    async fn read(&mut self, uri: &Uri) -> Result<Bytes, Error> {
        let bytes = self.storage.read(uri).await?;
        self.files.push(FileDigest {
            name: uri.file_name().unwrap_or_default().to_owned(),
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
        });
        Ok(bytes)
    }
}
