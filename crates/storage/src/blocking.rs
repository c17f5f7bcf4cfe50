//! A reader for code that computes rather than waits.

use std::io::{self, BufRead, Read};

use bytes::{Buf as _, Bytes};
use futures::StreamExt as _;
use tokio::runtime::Handle;

use crate::Reader;

/// Makes `reader` a [`Read`] and [`BufRead`] for code in [`tokio::task::spawn_blocking`].
pub fn blocking_reader(reader: Reader, runtime: Handle) -> BlockingReader {
    BlockingReader {
        reader,
        runtime,
        piece: Bytes::new(),
    }
}

/// See [`blocking_reader`]. An error is a [`crate::Error`] inside an [`io::Error`].
#[derive(Debug)]
pub struct BlockingReader {
    reader: Reader,
    runtime: Handle,
    piece: Bytes,
}

impl BufRead for BlockingReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.reader.next()) {
                None => break,
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        self.piece.advance(amount);
    }
}

impl Read for BlockingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
