//! What goes to a job and comes from it, where the job can reach it.
//!
//! What is there already is left as it is: a run started again finds the job of the one before,
//! which may just be reading its inputs and would fail were they replaced under it.

use gcp::job::JobKey;
use storage::{BytesSource, FileSource, PutOptions, Source, Storage, Uri};

use crate::{Error, JobArgs};

/// The folder of one job on Cloud Storage: `in/` has what it reads, `out/` what it writes.
#[derive(Clone, Debug)]
pub struct Staging {
    folder: Uri,
}

impl Staging {
    /// The folder for the job of `key`: every attempt has the same.
    pub fn new(args: &JobArgs, key: &JobKey) -> Result<Self, Error> {
        const FLAG: &str = "--staging-location";
        let location = args.staging_location.as_ref();
        let location = location.ok_or(Error::Missing { flag: FLAG })?;
        if location.bucket().is_none() {
            return Err(Error::NotOnCloudStorage {
                flag: FLAG,
                value: location.clone(),
            });
        }
        Ok(Self {
            folder: location.join(&key.name()),
        })
    }

    /// The folder for what the job writes.
    pub fn outputs(&self) -> Uri {
        self.folder.join("out")
    }

    /// Where the job writes the output of this name.
    pub fn output(&self, name: &str) -> Uri {
        self.outputs().join(name)
    }

    /// Where the job reads the input `from`, a file, or a folder of the `files` named: itself
    /// where it is on Cloud Storage, otherwise the place [`Self::bring`] takes it to.
    pub fn input(&self, name: &str, from: &Uri) -> Uri {
        if let Some(there) = on_cloud_storage(from) {
            return there;
        }
        let to = self.folder.join("in").join(name);
        match from.file_name() {
            Some(file) => to.join(file),
            None => to,
        }
    }

    /// Takes a file that is not on Cloud Storage to where the job reads it.
    pub async fn bring(&self, storage: &Storage, name: &str, from: &Uri) -> Result<(), Error> {
        if on_cloud_storage(from).is_none() {
            copy(storage, from, &self.input(name, from)).await?;
        }
        Ok(())
    }

    /// Takes these files of a folder that is not on Cloud Storage to where the job reads it.
    pub async fn bring_folder(
        &self,
        storage: &Storage,
        name: &str,
        from: &Uri,
        files: impl IntoIterator<Item = &str>,
    ) -> Result<(), Error> {
        if on_cloud_storage(from).is_none() {
            let to = self.input(name, from);
            for file in files {
                copy(storage, &from.join(file), &to.join(file)).await?;
            }
        }
        Ok(())
    }

    /// Puts a document of the program's own beside the inputs, and returns its address.
    pub async fn put(&self, storage: &Storage, name: &str, text: String) -> Result<Uri, Error> {
        let uri = self.document(name);
        let source = BytesSource::new(text);
        place(storage, &uri, async || Ok(source.clone())).await?;
        Ok(uri)
    }

    /// Where [`Self::put`] puts a document.
    pub fn document(&self, name: &str) -> Uri {
        self.folder.join(name)
    }
}

/// Where on Cloud Storage a file is, if it is there: Google's platforms mount a bucket as
/// `/gcs/BUCKET`.
fn on_cloud_storage(uri: &Uri) -> Option<Uri> {
    if uri.bucket().is_some() {
        return Some(uri.clone());
    }
    let mounted = uri.local_path()?.strip_prefix("/gcs").ok()?;
    format!("gs://{}", mounted.to_str()?).parse().ok()
}

/// Copies a file that only this machine can reach.
async fn copy(storage: &Storage, from: &Uri, to: &Uri) -> Result<(), Error> {
    tracing::info!("copying {from} to {to}");
    if let Some(path) = from.local_path() {
        place(storage, to, async || FileSource::open(path).await).await
    } else {
        let source = BytesSource::new(storage.read(from).await?);
        place(storage, to, async || Ok(source.clone())).await
    }
}

/// Makes `to` have these bytes. Of several runs that do so at once, one writes and the others find
/// its bytes at their second try.
async fn place<S: Source>(
    storage: &Storage,
    to: &Uri,
    source: impl AsyncFn() -> storage::Result<S>,
) -> Result<(), Error> {
    const TRIES: usize = 3;
    let mut tried = 1;
    loop {
        let put = storage.put_if_different(to, source().await?, PutOptions::default());
        match put.await {
            Err(storage::Error::Exists { .. } | storage::Error::Changed { .. })
                if tried < TRIES =>
            {
                tried += 1;
            }
            other => break Ok(other.map(drop)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_job_can_reach_stays_where_it_is() {
        let staging = Staging {
            folder: uri("gs://bucket/staging/train-1"),
        };
        for (from, expected) in [
            ("gs://bucket/examples", "gs://bucket/examples"),
            ("/gcs/bucket/run/examples", "gs://bucket/run/examples"),
            (
                "/data/examples",
                "gs://bucket/staging/train-1/in/examples/examples",
            ),
            (
                "best.json",
                "gs://bucket/staging/train-1/in/examples/best.json",
            ),
        ] {
            assert_eq!(
                staging.input("examples", &uri(from)),
                uri(expected),
                "{from}"
            );
        }
        assert_eq!(
            staging.output("model"),
            uri("gs://bucket/staging/train-1/out/model")
        );
    }

    #[tokio::test]
    async fn what_a_job_may_be_reading_is_not_replaced() {
        let storage = Storage::memory();
        let folder = tempfile::tempdir().unwrap();
        let from = Uri::local(folder.path().join("best.json"));
        let staging = Staging {
            folder: uri("gs://bucket/staging/train-1"),
        };
        let bring = async |text: &str| {
            std::fs::write(from.local_path().unwrap(), text).unwrap();
            staging.bring(&storage, "best", &from).await.unwrap();
            let document = staging.put(&storage, "pipeline.yaml", text.into());
            let document = document.await.unwrap();
            let found = [staging.input("best", &from), document].map(async |uri| {
                assert_eq!(storage.read(&uri).await.unwrap(), text);
                storage.stat(&uri).await.unwrap().unwrap().generation
            });
            let [file, document] = found;
            [file.await, document.await]
        };
        let first = bring("one").await;
        assert_eq!(first, bring("one").await);
        for (old, new) in first.iter().zip(bring("two").await) {
            assert_ne!(*old, new);
        }
    }
}
