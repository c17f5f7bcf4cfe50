//! What a run reads: hyperparameters and examples.

use std::fs::File;

use artifacts::{BestHyperparameters, FileDigest, Split, layout};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use storage::{Storage, Uri};
use trainer::{
    dataset::{Dataset, DatasetError, Rows},
    examples::Content,
    hyperparameters::Hyperparameters,
    store::{Keep, Room},
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
    let mut room = Room::new(args.memory_limit.bytes() as u64);
    // The eval split is looked at most often, and the train split is the largest.
    let places = dataset.places([Split::Eval, Split::Test, Split::Train], &mut room);
    let [eval, test, train] = places;
    let mut rows = Vec::new();
    for (split, keep) in [
        (Split::Train, train),
        (Split::Eval, eval),
        (Split::Test, test),
    ] {
        let file = args.examples.join(&dataset.schema().file_name(split));
        let content = match keep {
            Keep::InMemory => Content::Bytes(reader.read(&file).await?),
            Keep::OnDisk => Content::File(reader.read_to_file(&file).await?),
        };
        let dataset = dataset.clone();
        let decoded = component::blocking(move || dataset.rows(split, content, keep)).await;
        rows.push(decoded.map_err(unusable)?);
    }
    let [train, eval, test] = rows.try_into().expect("there are three splits");
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
        self.remember(uri, bytes.len() as u64, Sha256::new_with_prefix(&bytes));
        Ok(bytes)
    }

    /// For a file that memory should not hold as a whole.
    async fn read_to_file(&mut self, uri: &Uri) -> Result<File, Error> {
        let (mut bytes, mut digest) = (0, Sha256::new());
        let seen = |piece: &[u8]| {
            bytes += piece.len() as u64;
            digest.update(piece);
        };
        let file = self.storage.read_to_file(uri, seen).await?;
        tracing::info!(
            "more rows than the memory limit has room for: {uri} goes through {}",
            std::env::temp_dir().display()
        );
        self.remember(uri, bytes, digest);
        Ok(file)
    }

    fn remember(&mut self, uri: &Uri, bytes: u64, digest: Sha256) {
        self.files.push(FileDigest {
            name: uri.file_name().unwrap_or_default().to_owned(),
            bytes,
            sha256: hex::encode(digest.finalize()),
        });
    }
}
