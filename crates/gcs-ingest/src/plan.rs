//! What is to be transferred where: the command line, checked.

use std::collections::BTreeMap;
use std::fs;

use storage::{BucketOptions, Uri};

use crate::{Args, Error, SourceAddress};

/// One source and its place.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) source: SourceAddress,
    pub(crate) destination: Uri,
    /// SHA-256 in lower-case hex.
    pub(crate) sha256: Option<String>,
}

/// All that is to be done.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The destination as a whole: one object, or a folder.
    pub(crate) destination: Uri,
    /// The bucket to make if it is not there.
    pub(crate) bucket: Option<(String, BucketOptions)>,
    pub(crate) transfers: Vec<Transfer>,
}

impl Plan {
    /// Checks the command line. Contacts nobody.
    pub(crate) fn new(args: &Args) -> Result<Self, Error> {
        let destination = args.destination.as_ref().or(args.raw_data.as_ref());
        let destination: Uri = destination.ok_or(Error::NoDestination)?.parse()?;
        let into_folder = args.source.len() > 1 || destination.is_dir_like();
        let mut transfers = Vec::with_capacity(args.source.len());
        for (source, sha256) in args.source.iter().zip(pins(args)?) {
            let source = SourceAddress::parse(source)?;
            let destination = if into_folder {
                in_folder(&source, &destination)?
            } else {
                destination.clone()
            };
            refuse_itself(&source, &destination)?;
            transfers.push(Transfer {
                source,
                destination,
                sha256,
            });
        }
        refuse_same_names(&transfers)?;
        Ok(Self {
            bucket: bucket(args, &destination)?,
            destination,
            transfers,
        })
    }

    /// The plan in words.
    pub(crate) fn describe(&self) -> component::Plan {
        let mut plan = component::Plan::default();
        if let Some((bucket, options)) = &self.bucket {
            plan.writes.push(format!(
                "the bucket gs://{bucket} in project {}, unless it exists",
                options.project
            ));
        }
        for Transfer {
            source,
            destination,
            sha256,
        } in &self.transfers
        {
            plan.reads.push(source.to_string());
            plan.does.push(match sha256 {
                None => format!("transfers {source} unless {destination} already holds it"),
                Some(sha256) => format!(
                    "transfers {source} unless {destination} already holds it, and compares it with \
                     SHA-256 {sha256}"
                ),
            });
            plan.writes.push(destination.to_string());
        }
        plan
    }
}

/// One optional digest for each source.
fn pins(args: &Args) -> Result<Vec<Option<String>>, Error> {
    if args.sha256.is_empty() {
        return Ok(vec![None; args.source.len()]);
    }
    if args.sha256.len() != args.source.len() {
        return Err(Error::PinCount {
            pins: args.sha256.len(),
            sources: args.source.len(),
        });
    }
    let pin = |text: &String| {
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest
            .then(|| Some(text.to_ascii_lowercase()))
            .ok_or_else(|| Error::Pin { text: text.clone() })
    };
    args.sha256.iter().map(pin).collect()
}

fn in_folder(source: &SourceAddress, folder: &Uri) -> Result<Uri, Error> {
    let name = source.file_name().ok_or_else(|| Error::NoFileName {
        address: source.to_string(),
        folder: folder.to_string(),
    })?;
    Ok(folder.join(&name))
}

fn refuse_itself(source: &SourceAddress, destination: &Uri) -> Result<(), Error> {
    let (SourceAddress::File(from), Some(to)) = (source, destination.local_path()) else {
        return Ok(());
    };
    match (fs::canonicalize(from), fs::canonicalize(to)) {
        (Ok(from), Ok(to)) if from == to => Err(Error::SourceIsDestination {
            address: source.to_string(),
        }),
        _ => Ok(()),
    }
}

fn refuse_same_names(transfers: &[Transfer]) -> Result<(), Error> {
    let mut seen = BTreeMap::new();
    for transfer in transfers {
        if let Some(first) = seen.insert(&transfer.destination, &transfer.source) {
            return Err(Error::SameName {
                first: first.to_string(),
                second: transfer.source.to_string(),
                destination: transfer.destination.to_string(),
            });
        }
    }
    Ok(())
}

fn bucket(args: &Args, destination: &Uri) -> Result<Option<(String, BucketOptions)>, Error> {
    if !args.create_bucket {
        return Ok(None);
    }
    let bucket = destination.bucket().ok_or_else(|| Error::NoBucket {
        destination: destination.to_string(),
    })?;
    let project = args.project.clone().ok_or_else(|| Error::NoProject {
        bucket: format!("gs://{bucket}"),
    })?;
    let options = BucketOptions {
        project,
        location: args.location.clone(),
        storage_class: args.storage_class.clone(),
        uniform_access: args.uniform_access,
    };
    Ok(Some((bucket.to_owned(), options)))
}
