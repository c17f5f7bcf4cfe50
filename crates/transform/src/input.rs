//! The raw files: opening them wherever they are, undoing compression, taking their digest.

use std::fs::File;
use std::io::{self, Cursor, Read};

use artifacts::FileDigest;
use storage::{ByteRange, ObjectMeta, Storage};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::digest::Tee;

/// A raw file.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name inside the folder, or the last part of its address.
    pub name: String,
    /// Where it is, and its size.
    pub meta: ObjectMeta,
}

/// What a stream of a raw file is given.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where the files are.
    pub storage: Storage,
    /// The runtime that waits for remote data.
    pub runtime: Handle,
    /// Stops the stream with an error.
    pub cancel: CancellationToken,
    /// Counts the bytes read.
    pub progress: component::Progress,
}

/// Calls `read` with the file's text, decompressed, and returns its result and the digest of the
/// stored bytes. Blocks: not for a runtime's own thread.
pub fn with_text<T>(
    input: &Input,
    access: &Access,
    read: impl FnOnce(&mut dyn Read) -> Result<T, Error>,
) -> Result<(T, FileDigest), Error> {
    let failed = |source| Error::Read {
        file: input.name.clone(),
        source,
    };
    let stored: Box<dyn Read + Send> = if let Some(path) = input.meta.uri.local_path() {
        // Blocks of a file come straight from the system, without a runtime in between.
        Box::new(File::open(path).map_err(failed)?)
    } else {
        let opened = access.storage.open(&input.meta.uri, ByteRange::All);
        let reader = access.runtime.block_on(opened)?;
        Box::new(storage::blocking_reader(reader, access.runtime.clone()))
    };
    let watched = Watched {
        inner: stored,
        access: access.clone(),
    };
    let mut tee = Tee::new(watched);
    let result = {
        let mut text = decompressed(&mut tee, &input.name)?;
        read(&mut *text)?
    };
    // A decoder may leave bytes behind the last frame; they belong to the file's digest.
    io::copy(&mut tee, &mut io::sink()).map_err(failed)?;
    let (bytes, sha256) = tee.finish();
    Ok((
        result,
        FileDigest {
            name: input.name.clone(),
            bytes,
            sha256,
        },
    ))
}

/// Undoes the compression that the first bytes name.
fn decompressed<'a>(mut stored: impl Read + 'a, name: &str) -> Result<Box<dyn Read + 'a>, Error> {
    let failed = |source| Error::Read {
        file: name.to_owned(),
        source,
    };
    let mut magic = Vec::new();
    (&mut stored)
        .take(4)
        .read_to_end(&mut magic)
        .map_err(failed)?;
    let format = match magic[..] {
        [0x1f, 0x8b, ..] => {
            let whole = io::BufReader::new(Cursor::new(magic).chain(stored));
            return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(whole)));
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let whole = Cursor::new(magic).chain(stored);
            return Ok(Box::new(
                zstd::stream::read::Decoder::new(whole).map_err(failed)?,
            ));
        }
        [b'P', b'K', 3, 4] => "a ZIP archive or a spreadsheet",
        [b'P', b'A', b'R', b'1'] => "a Parquet file",
        [b'B', b'Z', b'h', _] => "bzip2 data",
        [0xfd, b'7', b'z', b'X'] => "xz data",
        _ => return Ok(Box::new(Cursor::new(magic).chain(stored))),
    };
    Err(Error::NotCsv {
        file: name.to_owned(),
        format,
    })
}

/// Counts what is read, and fails once the run is cancelled.
struct Watched {
    inner: Box<dyn Read + Send>,
    access: Access,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.access.cancel.is_cancelled() {
            return Err(io::Error::other("the run was cancelled"));
        }
        let read = self.inner.read(buffer)?;
        self.access.progress.inc(read as u64);
        Ok(read)
    }
}
