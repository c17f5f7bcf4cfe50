//! Writes the examples folder so that its marker only ever stands beside complete files.

use std::io::Write;

use artifacts::{ExamplesFormat, Schema, Split, TransformParams, layout::examples, to_json};
use storage::{PutOptions, Storage, Uri};
use tempfile::NamedTempFile;

use crate::Error;
use crate::statistics::Statistics;

/// Everything a run publishes.
#[derive(Debug)]
pub struct Folder {
    /// The example files, one a split, in [`Split::ALL`]'s order.
    pub splits: Vec<NamedTempFile>,
    /// The rejected rows.
    pub rejected: NamedTempFile,
    /// The fitted feature transform.
    pub transform_params: TransformParams,
    /// Counts, distributions and findings.
    pub statistics: Statistics,
    /// Their contract; the folder's marker.
    pub schema: Schema,
    /// The data report; its address is not in the folder.
    pub report: String,
}

/// Publishes the folder at `uri` and the data report at `report`: the folder's marker is removed
/// first and written last, each file appears whole, and files an earlier run left in the other
/// format go.
pub async fn publish(
    storage: &Storage,
    uri: &Uri,
    report: Option<&Uri>,
    folder: &Folder,
) -> Result<(), Error> {
    let schema = &folder.schema;
    storage.delete(&uri.join(examples::SCHEMA)).await?;
    if let Some(report) = report {
        let options = content_type("text/html; charset=utf-8");
        storage
            .write(report, folder.report.clone(), options)
            .await?;
    }
    let other = match schema.format {
        ExamplesFormat::Parquet => ExamplesFormat::Csv,
        ExamplesFormat::Csv => ExamplesFormat::Parquet,
    };
    for (split, file) in Split::ALL.into_iter().zip(&folder.splits) {
        let stale = format!("{}.{}", split.as_str(), other.extension());
        storage.delete(&uri.join(&stale)).await?;
        let target = uri.join(&schema.file_name(split));
        storage
            .put_file(&target, file.path(), options(schema.format))
            .await?;
    }
    let rejected = uri.join(examples::REJECTED);
    storage
        .put_file(
            &rejected,
            folder.rejected.path(),
            options(ExamplesFormat::Csv),
        )
        .await?;
    for (name, json) in [
        (
            examples::TRANSFORM_PARAMS,
            to_json(&folder.transform_params),
        ),
        (examples::STATISTICS, to_json(&folder.statistics)),
        (examples::SCHEMA, to_json(schema)),
    ] {
        let options = content_type("application/json");
        storage.write(&uri.join(name), json, options).await?;
    }
    Ok(())
}

/// A temporary file that `fill` wrote.
pub fn temporary(
    fill: impl FnOnce(&mut std::fs::File) -> Result<(), Error>,
) -> Result<NamedTempFile, Error> {
    let failed = |action| move |source| Error::Temporary { action, source };
    let mut file = NamedTempFile::new().map_err(failed("make"))?;
    fill(file.as_file_mut())?;
    file.flush().map_err(failed("write"))?;
    Ok(file)
}

fn options(format: ExamplesFormat) -> PutOptions {
    content_type(match format {
        ExamplesFormat::Parquet => "application/vnd.apache.parquet",
        ExamplesFormat::Csv => "text/csv",
    })
}

fn content_type(name: &str) -> PutOptions {
    PutOptions {
        content_type: Some(name.to_owned()),
        ..PutOptions::default()
    }
}
