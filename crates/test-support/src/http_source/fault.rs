//! What goes wrong.

use super::Resource;

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing: a placeholder in a script.
    None,
    /// The connection is closed once this many bytes of the body have been sent.
    Cut(u64),
    /// Nothing follows this many bytes of the body, and the connection stays open.
    Stall(u64),
    /// The connection is closed before any byte of an answer.
    Refuse,
    /// This status, these headers, this body.
    Answer(u16, Vec<(String, String)>, String),
    /// The resource is replaced for good, then the request is answered from the new one.
    Replace(Resource),
}

impl Fault {
    /// An answer of only a status.
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), String::new())
    }

    /// A 503 or 429 that asks to come back later.
    pub fn retry_after(status: u16, value: &str) -> Self {
        Self::Answer(
            status,
            vec![("Retry-After".into(), value.into())],
            String::new(),
        )
    }

    /// A redirect (302).
    pub fn redirect(to: &str) -> Self {
        Self::Answer(302, vec![("Location".into(), to.into())], String::new())
    }

    /// What a captive portal or a "file not found" page looks like: HTML with status 200.
    pub fn html_page() -> Self {
        let headers = vec![("Content-Type".into(), "text/html; charset=utf-8".into())];
        Self::Answer(
            200,
            headers,
            "<!DOCTYPE html>\n<html><body>Sorry!</body></html>\n".into(),
        )
    }
}
