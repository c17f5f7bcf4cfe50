//! Writes the examples folder so that its marker only ever stands beside complete files.

use std::fs::File;

use artifacts::{ExamplesFormat, Schema, Split, TransformParams, layout::examples, to_json};
use storage::{FileSource, PutOptions, Storage, Uri};

use crate::Error;
use crate::statistics::Statistics;

/// Everything a run publishes.
#[derive(Debug)]
pub struct Folder {
    /// The example files, one a split, in [`Split::ALL`]'s order.
    pub splits: Vec<File>,
    /// The rejected rows.
    pub rejected: File,
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
    folder: Folder,
) -> Result<(), Error> {
    let schema = &folder.schema;
    storage.delete(&uri.join(examples::SCHEMA)).await?;
    if let Some(report) = report {
        let options = PutOptions::of_type("text/html; charset=utf-8");
        storage.write(report, folder.report, options).await?;
    }
    let other = match schema.format {
        ExamplesFormat::Parquet => ExamplesFormat::Csv,
        ExamplesFormat::Csv => ExamplesFormat::Parquet,
    };
    for (split, file) in Split::ALL.into_iter().zip(folder.splits) {
        let stale = format!("{}.{}", split.as_str(), other.extension());
        storage.delete(&uri.join(&stale)).await?;
        let target = uri.join(&schema.file_name(split));
        put(storage, &target, file, schema.format).await?;
    }
    let rejected = uri.join(examples::REJECTED);
    put(storage, &rejected, folder.rejected, ExamplesFormat::Csv).await?;
    for (name, json) in [
        (
            examples::TRANSFORM_PARAMS,
            to_json(&folder.transform_params),
        ),
        (examples::STATISTICS, to_json(&folder.statistics)),
        (examples::SCHEMA, to_json(schema)),
    ] {
        let options = PutOptions::of_type("application/json");
        storage.write(&uri.join(name), json, options).await?;
    }
    Ok(())
}

async fn put(
    storage: &Storage,
    uri: &Uri,
    file: File,
    format: ExamplesFormat,
) -> Result<(), Error> {
    let source = FileSource::from_file(file).map_err(|source| Error::Temporary {
        action: "read",
        source,
    })?;
    let options = PutOptions::of_type(match format {
        ExamplesFormat::Parquet => "application/vnd.apache.parquet",
        ExamplesFormat::Csv => "text/csv",
    });
    storage.put(uri, source, options).await?;
    Ok(())
}
