//! Lists that come in pages.

use serde_json::Value;

use super::{Api, Call, CallError};

/// More pages than any list here has: a service that never ends its list is given up.
const MOST_PAGES: usize = 1000;

impl Api {
    /// All entries of the list at `path`, which the pages hold as `field`.
    pub async fn list(
        &self,
        path: &str,
        query: &[(&str, &str)],
        field: &str,
    ) -> Result<Vec<Value>, CallError> {
        let mut entries = Vec::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let mut query = query.to_vec();
            if !token.is_empty() {
                query.push(("pageToken", &token));
            }
            let mut page = self.call(Call::get(path, &query)).await?;
            if let Value::Array(more) = page[field].take() {
                entries.extend(more);
            }
            match page["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => return Ok(entries),
            }
        }
        Err(CallError::Answer {
            call: format!("GET {}", self.address(path)),
            problem: format!("is page {MOST_PAGES} of a list without end"),
        })
    }
}
