//! What is remembered about an ingested object.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use storage::ObjectMeta;

use crate::entity::Entity;

/// Where an object's content came from. Kept in the object's own metadata, so that the next run
/// can tell whether the source has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record(BTreeMap<String, String>);

const SOURCE: &str = "source";
const FINAL_URL: &str = "final_url";
const ETAG: &str = "etag";
const LAST_MODIFIED: &str = "last_modified";
const RETRIEVED_AT: &str = "retrieved_at";
const SHA256: &str = "sha256";

impl Record {
    /// The record of `entity` of `source`, retrieved at `now`; addresses without secrets.
    pub(crate) fn new(source: String, entity: &Entity, now: Timestamp) -> Self {
        let mut pairs = BTreeMap::from([
            (SOURCE.to_owned(), source),
            (FINAL_URL.to_owned(), entity.final_url.clone()),
            (
                RETRIEVED_AT.to_owned(),
                now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            ),
        ]);
        for (key, value) in [(ETAG, &entity.etag), (LAST_MODIFIED, &entity.last_modified)] {
            pairs.extend(value.clone().map(|value| (key.to_owned(), value)));
        }
        Self(pairs)
    }

    /// The record kept with an object; `None` unless it is complete, which means that the object
    /// is.
    pub(crate) fn of(meta: &ObjectMeta) -> Option<Self> {
        let record = Self(meta.metadata.clone());
        (record.get(SOURCE).is_some() && record.get(SHA256).is_some()).then_some(record)
    }

    /// The pairs to keep with the object.
    pub(crate) fn pairs(&self) -> BTreeMap<String, String> {
        self.0.clone()
    }

    /// Completes the record. Returns whether that was news.
    pub(crate) fn set_sha256(&mut self, sha256: &str) -> bool {
        self.0
            .insert(SHA256.to_owned(), sha256.to_owned())
            .is_none()
    }

    /// The address given as the source.
    pub(crate) fn source(&self) -> Option<&str> {
        self.get(SOURCE)
    }

    /// SHA-256 of the content in lower-case hex.
    pub(crate) fn sha256(&self) -> Option<&str> {
        self.get(SHA256)
    }

    /// Whether `entity` is what the object holds already: the same entity tag, or the same date
    /// and size where a tag is missing. A weak tag will do (RFC 9110, 8.8.3.2): nothing is
    /// pieced together here.
    pub(crate) fn describes(&self, entity: &Entity, size: u64) -> bool {
        fn opaque(tag: &str) -> &str {
            tag.strip_prefix("W/").unwrap_or(tag)
        }
        if entity.bytes.is_some_and(|bytes| bytes != size) {
            return false;
        }
        if let (Some(ours), Some(theirs)) = (self.get(ETAG), &entity.etag) {
            return opaque(ours) == opaque(theirs);
        }
        let modified = entity.last_modified.as_deref();
        modified.is_some() && modified == self.get(LAST_MODIFIED) && entity.bytes == Some(size)
    }

    /// The record of a stored object as artifact metadata, each key behind `prefix`.
    pub(crate) fn describe(&self, meta: &ObjectMeta, prefix: &str, into: &mut Map<String, Value>) {
        let mut insert = |key: &str, value: Value| into.insert(format!("{prefix}{key}"), value);
        for key in [SOURCE, FINAL_URL, ETAG, LAST_MODIFIED, RETRIEVED_AT, SHA256] {
            if let Some(value) = self.get(key) {
                insert(key, value.into());
            }
        }
        insert("bytes", meta.size.into());
        if let Some(crc32c) = meta.crc32c {
            // As Cloud Storage writes it.
            insert(
                "crc32c",
                base64::Engine::encode(&BASE64, crc32c.to_be_bytes()).into(),
            );
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

const BASE64: base64::engine::GeneralPurpose = base64::prelude::BASE64_STANDARD;

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(etag: Option<&str>, last_modified: Option<&str>, bytes: Option<u64>) -> Entity {
        Entity {
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            bytes,
            ..Entity::default()
        }
    }

    #[test]
    fn an_object_is_current_if_the_tag_or_date_and_size_agree() {
        let (date, later) = (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:38 GMT",
        );
        for (stored, now, current) in [
            (
                entity(Some("\"a\""), None, None),
                entity(Some("\"a\""), None, Some(7)),
                true,
            ),
            (
                entity(Some("\"a\""), None, None),
                entity(Some("W/\"a\""), None, None),
                true,
            ),
            (
                entity(Some("\"a\""), None, None),
                entity(Some("\"a\""), None, Some(8)),
                false,
            ),
            (
                entity(Some("\"a\""), None, None),
                entity(Some("\"b\""), Some(date), Some(7)),
                false,
            ),
            (
                entity(None, Some(date), None),
                entity(None, Some(date), Some(7)),
                true,
            ),
            (
                entity(None, Some(date), None),
                entity(None, Some(date), None),
                false,
            ),
            (
                entity(None, Some(date), None),
                entity(None, Some(later), Some(7)),
                false,
            ),
            (entity(None, None, None), entity(None, None, Some(7)), false),
        ] {
            let record = Record::new("s".to_owned(), &stored, Timestamp::UNIX_EPOCH);
            assert_eq!(record.describes(&now, 7), current, "{stored:?} {now:?}");
        }
    }

    #[test]
    fn the_record_says_where_and_when_in_seconds() {
        let mut record = Record::new(
            "https://example.com/a".to_owned(),
            &Entity {
                final_url: "https://example.com/b".to_owned(),
                ..entity(Some("\"a\""), None, None)
            },
            "2026-01-02T03:04:05.678Z".parse().unwrap(),
        );
        assert!(record.set_sha256("00"));
        assert!(!record.set_sha256("00"));
        let pairs: Vec<(String, String)> = record.pairs().into_iter().collect();
        let expected = [
            ("etag", "\"a\""),
            ("final_url", "https://example.com/b"),
            ("retrieved_at", "2026-01-02T03:04:05Z"),
            ("sha256", "00"),
            ("source", "https://example.com/a"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }
}
