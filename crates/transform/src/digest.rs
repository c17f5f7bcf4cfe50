//! SHA-256 of a stream while someone else reads it.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

/// Blocks on their way to the hashing thread: bounds memory and lets the two sides run apart.
const BLOCKS: usize = 4;

/// Hands on what it reads, and hashes a copy on a thread of its own: hashing is slower than
/// scanning, and a second core is free.
pub struct Tee<R> {
    inner: R,
    bytes: u64,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    hasher: JoinHandle<Sha256>,
}

impl<R: Read> Tee<R> {
    /// Begins a digest.
    pub fn new(inner: R) -> Self {
        let (full, blocks) = sync_channel::<Vec<u8>>(BLOCKS);
        let (give_back, empty): (Sender<Vec<u8>>, _) = channel();
        let hasher = std::thread::spawn(move || {
            let mut hash = Sha256::new();
            for block in blocks {
                hash.update(&block);
                // The reading side may be gone already; then the block is simply freed.
                let _ = give_back.send(block);
            }
            hash
        });
        Self {
            inner,
            bytes: 0,
            full,
            empty,
            hasher,
        }
    }

    /// The number of bytes read and their SHA-256 in lower-case hex.
    ///
    /// # Panics
    /// Never: hashing does not panic.
    pub fn finish(self) -> (u64, String) {
        drop(self.full);
        let hash = self
            .hasher
            .join()
            .expect("hashing does not panic")
            .finalize();
        (
            self.bytes,
            hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        )
    }
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read > 0 {
            self.bytes += read as u64;
            let mut block = self.empty.try_recv().unwrap_or_default();
            block.clear();
            block.extend_from_slice(&buffer[..read]);
            self.full
                .send(block)
                .map_err(|_| io::Error::other("the hashing thread ended"))?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_all_bytes_read() {
        let data = vec![b'a'; 1_000_000];
        let mut tee = Tee::new(&data[..]);
        let mut copy = Vec::new();
        tee.read_to_end(&mut copy).unwrap();
        assert_eq!(copy, data);
        // FIPS 180-4's third example: one million times `a`.
        let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(tee.finish(), (1_000_000, expected.to_owned()));
    }
}
