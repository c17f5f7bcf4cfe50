//! Copies one object between any two addresses: `copy SOURCE DESTINATION`.

use std::error::Error;

use bytes::Bytes;
use futures::StreamExt as _;
use storage::{ByteRange, PutOptions, Reader, Source, SourceError, Storage, Uri};

/// An object as the source of another. Seeking opens it anew.
struct Object {
    storage: Storage,
    reader: Reader,
}

impl Source for Object {
    fn size(&self) -> Option<u64> {
        Some(self.reader.meta().size)
    }

    async fn next(&mut self) -> Option<Result<Bytes, SourceError>> {
        Some(self.reader.next().await?.map_err(Into::into))
    }

    async fn seek(&mut self, offset: u64) -> Result<(), SourceError> {
        let uri = self.reader.meta().uri.clone();
        self.reader = self.storage.open(&uri, ByteRange::From(offset)).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(source), Some(destination)) = (arguments.next(), arguments.next()) else {
        return Err("usage: copy SOURCE DESTINATION".into());
    };
    let storage = Storage::from_env();
    let reader = storage
        .open(&source.parse::<Uri>()?, ByteRange::All)
        .await?;
    let object = Object {
        storage: storage.clone(),
        reader,
    };
    let destination: Uri = destination.parse()?;
    storage
        .put(&destination, object, PutOptions::default())
        .await?;
    Ok(())
}
