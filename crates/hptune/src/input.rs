//! The examples a study looks at: train and eval, never test.

use artifacts::{Split, layout};
use sha2::{Digest, Sha256};
use storage::{Storage, Uri};
use trainer::dataset::{Dataset, DatasetError, Rows};

use crate::Error;

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
pub(crate) async fn read(storage: &Storage, examples: &Uri) -> Result<Input, Error> {
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
    let file = |split| examples.join(&dataset.schema().file_name(split));
    let train = storage.read(&file(Split::Train)).await?;
    let eval = storage.read(&file(Split::Eval)).await?;
    let digest = [&schema, &params, &train, &eval]
        .into_iter()
        .fold(Sha256::new(), Digest::chain_update);
    let splits =
        [Split::Train, Split::Eval, Split::Test].map(|split| dataset.schema().file_name(split));
    let documents = [layout::examples::SCHEMA, layout::examples::TRANSFORM_PARAMS];
    let files = documents.map(str::to_owned).into_iter().chain(splits);
    let files = files.collect();
    let train = dataset.rows(Split::Train, &train).map_err(unusable)?;
    let eval = dataset.rows(Split::Eval, &eval).map_err(unusable)?;
    Ok(Input {
        dataset,
        train,
        eval,
        files,
        digest: hex::encode(digest.finalize()),
    })
}
