//! The examples a study looks at: train and eval, never test.

use artifacts::{Split, layout};
use sha2::{Digest, Sha256};
use storage::Storage;
use trainer::{
    dataset::{Dataset, DatasetError, Rows},
    examples::Content,
    store::{Keep, Room},
};

use crate::{Args, Error};

/// What trials are fitted to and measured on.
pub(crate) struct Input {
    pub(crate) dataset: Dataset,
    pub(crate) train: Rows,
    pub(crate) eval: Rows,
    /// Names of the files, in the examples folder.
    pub(crate) files: Vec<String>,
    /// SHA-256 of everything read, in lower-case hex.
    pub(crate) digest: String,
}

/// Reads the documents and the two splits.
pub(crate) async fn read(storage: &Storage, args: &Args) -> Result<Input, Error> {
    let examples = &args.examples;
    let unusable = |source: DatasetError| Error::Examples {
        uri: examples.clone(),
        source: Box::new(source),
    };
    let schema = storage
        .read(&examples.join(layout::examples::SCHEMA))
        .await?;
    let params = storage
        .read(&examples.join(layout::examples::TRANSFORM_PARAMS))
        .await?;
    let dataset = Dataset::parse(&schema, &params).map_err(unusable)?;
    let mut digest = Sha256::new_with_prefix(&schema).chain_update(&params);
    let mut room = Room::new(args.memory_limit.bytes() as u64);
    // The eval split is looked at more often than the train split.
    let [eval, train] = dataset.places([Split::Eval, Split::Train], &mut room);
    let mut rows = Vec::new();
    for (split, keep) in [(Split::Train, train), (Split::Eval, eval)] {
        let file = examples.join(&dataset.schema().file_name(split));
        let content = match keep {
            Keep::InMemory => {
                let bytes = storage.read(&file).await?;
                digest.update(&bytes);
                Content::Bytes(bytes)
            }
            Keep::OnDisk => {
                tracing::info!(
                    "more rows than the memory limit has room for: {file} goes through {}",
                    std::env::temp_dir().display()
                );
                let seen = |piece: &[u8]| digest.update(piece);
                Content::File(storage.read_to_file(&file, seen).await?)
            }
        };
        let dataset = dataset.clone();
        let decoded = component::blocking(move || dataset.rows(split, content, keep)).await;
        rows.push(decoded.map_err(unusable)?);
    }
    let [train, eval] = rows.try_into().expect("there are two splits");
    let splits = Split::ALL.map(|split| dataset.schema().file_name(split));
    let documents = [layout::examples::SCHEMA, layout::examples::TRANSFORM_PARAMS];
    let files = documents.map(str::to_owned).into_iter().chain(splits);
    Ok(Input {
        files: files.collect(),
        dataset,
        train,
        eval,
        digest: hex::encode(digest.finalize()),
    })
}
