//! What must hold for the bytes that arrive.

use sha2::{Digest as _, Sha256};

use crate::ReadError;

/// How much of the beginning tells a web page from data, bytes.
const HEAD: usize = 512;

/// What is expected of a source's content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectation {
    /// SHA-256 in lower-case hex.
    pub(crate) sha256: Option<String>,
    /// Whether a web page is what was asked for.
    pub(crate) html: bool,
}

/// Looks at every byte once, whatever is read again after a broken connection.
#[derive(Debug)]
pub(crate) struct Inspection {
    expectation: Expectation,
    inspected: u64,
    sha256: Sha256,
    /// The first [`HEAD`] bytes.
    head: Vec<u8>,
}

impl Inspection {
    pub(crate) fn new(expectation: Expectation) -> Self {
        Self {
            expectation,
            inspected: 0,
            sha256: Sha256::new(),
            head: Vec::with_capacity(HEAD),
        }
    }

    /// Looks at the piece at `offset`, which is never beyond what was seen before.
    pub(crate) fn inspect(&mut self, offset: u64, piece: &[u8]) -> Result<(), ReadError> {
        let seen = self
            .inspected
            .saturating_sub(offset)
            .min(piece.len() as u64);
        let fresh = &piece[seen as usize..];
        self.sha256.update(fresh);
        self.inspected += fresh.len() as u64;
        if self.head.len() < HEAD {
            let wanted = fresh.len().min(HEAD - self.head.len());
            self.head.extend_from_slice(&fresh[..wanted]);
            if self.head.len() == HEAD {
                self.check_head()?;
            }
        }
        Ok(())
    }

    /// Judges the whole; the SHA-256 in hex if nothing is wrong with it.
    pub(crate) fn finish(&self) -> Result<String, ReadError> {
        if self.inspected == 0 {
            return Err(ReadError::Empty);
        }
        self.check_head()?;
        let actual = hex::encode(self.sha256.clone().finalize());
        match &self.expectation.sha256 {
            Some(expected) if *expected != actual => Err(ReadError::Digest {
                expected: expected.clone(),
                actual,
            }),
            _ => Ok(actual),
        }
    }

    fn check_head(&self) -> Result<(), ReadError> {
        if self.expectation.html || !is_html(&self.head) {
            return Ok(());
        }
        Err(ReadError::HtmlPage {
            evidence: "the content starts like one".to_owned(),
        })
    }
}

/// Whether content starts as a web page does: after a byte order mark, white space and comments.
fn is_html(head: &[u8]) -> bool {
    let mut text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    while let Some(comment) = text.strip_prefix(b"<!--") {
        let Some(end) = comment.windows(3).position(|window| window == b"-->") else {
            return false;
        };
        text = comment[end + 3..].trim_ascii_start();
    }
    [&b"<!doctype html"[..], b"<html"].iter().any(|start| {
        text.get(..start.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect(expectation: Expectation, pieces: &[(u64, &[u8])]) -> Result<String, ReadError> {
        let mut inspection = Inspection::new(expectation);
        for (offset, piece) in pieces {
            inspection.inspect(*offset, piece)?;
        }
        inspection.finish()
    }

    /// `printf abc | sha256sum`
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn bytes_read_again_count_once() {
        let pieces = [(0, &b"ab"[..]), (0, b"a"), (1, b"bc"), (3, b"")];
        assert_eq!(inspect(Expectation::default(), &pieces).unwrap(), ABC);
    }

    #[test]
    fn a_pinned_digest_must_match() {
        let pinned = Expectation {
            sha256: Some(ABC.to_owned()),
            html: false,
        };
        assert_eq!(inspect(pinned.clone(), &[(0, b"abc")]).unwrap(), ABC);
        assert_eq!(
            inspect(pinned, &[(0, b"abd")]).unwrap_err().to_string(),
            "the SHA-256 is a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9, \
             not the expected ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn web_pages_are_recognised_however_they_arrive() {
        for page in [
            "<!DOCTYPE html><p>Sorry",
            "\u{feff}\n <HTML lang=en>",
            "<!-- a --> <!-- b -->\n<!doctype HTML>",
        ] {
            let pieces: Vec<(u64, &[u8])> = page
                .as_bytes()
                .chunks(1)
                .zip(0..)
                .map(|(byte, at)| (at, byte))
                .collect();
            assert_eq!(
                inspect(Expectation::default(), &pieces)
                    .unwrap_err()
                    .to_string(),
                "a web page came instead of data: the content starts like one"
            );
            let asked_for = Expectation {
                sha256: None,
                html: true,
            };
            assert!(inspect(asked_for, &pieces).is_ok());
        }
        for data in [
            "slug,date\n<html>",
            "<?xml version=\"1.0\"?>",
            "<htm",
            "<!-- open",
        ] {
            assert!(
                inspect(Expectation::default(), &[(0, data.as_bytes())]).is_ok(),
                "{data}"
            );
        }
    }

    #[test]
    fn nothing_is_not_data() {
        assert_eq!(
            inspect(Expectation::default(), &[])
                .unwrap_err()
                .to_string(),
            "the source is empty"
        );
    }
}
