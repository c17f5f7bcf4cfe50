//! What the fake has stored.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::Operation;
use super::faults::Faults;

/// An object as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredObject {
    /// The bytes.
    pub content: Bytes,
    /// The media type, empty if none was given.
    pub content_type: String,
    /// The writer's key-value pairs.
    pub metadata: BTreeMap<String, String>,
    /// Changes with every write.
    pub generation: i64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) faults: Faults,
    pub(super) received: u64,
    pub(super) lost_answers: Vec<Operation>,
    pub(super) calls: Vec<Operation>,
    pub(super) content_ranges: Vec<String>,
    /// The serial number of the only valid token, if one is needed.
    pub(super) token: Option<u32>,
    generation: i64,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) resource: Value,
    pub(super) objects: BTreeMap<String, StoredObject>,
}

/// An upload session.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) name: String,
    pub(super) resource: Value,
    pub(super) if_generation_match: Option<i64>,
    /// What is kept of the content so far.
    pub(super) kept: BytesMut,
    /// The finished object, as the protocol shows it.
    pub(super) finished: Option<Value>,
}

impl State {
    pub(super) fn create_bucket(&mut self, name: &str, project_number: &str, location: &str) {
        let resource = json!({
            "kind": "storage#bucket",
            "name": name,
            "projectNumber": project_number,
            "location": location.to_uppercase(),
        });
        let objects = BTreeMap::new();
        self.buckets
            .insert(name.to_owned(), Bucket { resource, objects });
    }

    pub(super) fn object(&self, bucket: &str, name: &str) -> Option<&StoredObject> {
        self.buckets.get(bucket)?.objects.get(name)
    }

    pub(super) fn object_names(&self, bucket: &str) -> Vec<String> {
        let bucket = self.buckets.get(bucket);
        bucket.map_or_else(Vec::new, |bucket| bucket.objects.keys().cloned().collect())
    }

    /// Stores `object` under a new generation and returns its resource.
    pub(super) fn store(&mut self, bucket: &str, name: &str, mut object: StoredObject) -> Value {
        self.generation += 1;
        object.generation = 1_700_000_000_000_000 + self.generation;
        let resource = object.resource(bucket, name);
        let bucket = self.buckets.entry(bucket.to_owned()).or_default();
        bucket.objects.insert(name.to_owned(), object);
        resource
    }

    /// Whether `ifGenerationMatch` holds for the object; 0 means that there is none.
    pub(super) fn matches(&self, bucket: &str, name: &str, wished: Option<i64>) -> bool {
        let current = self
            .object(bucket, name)
            .map_or(0, |object| object.generation);
        wished.is_none_or(|wished| wished == current)
    }

    /// Whether the answer of this call is to be lost; used up by asking.
    pub(super) fn loses_answer(&mut self, operation: Operation) -> bool {
        let ordered = self.lost_answers.iter().position(|lost| *lost == operation);
        ordered
            .map(|position| self.lost_answers.remove(position))
            .is_some()
    }

    pub(super) fn token_is_good(&self, headers: &HeaderMap) -> bool {
        self.token.is_none_or(|serial| {
            let given = headers.get("authorization");
            given.is_some_and(|given| given == format!("Bearer token-{serial}").as_str())
        })
    }
}

impl StoredObject {
    /// The object as the JSON API shows it.
    pub(super) fn resource(&self, bucket: &str, name: &str) -> Value {
        let mut resource = json!({
            "kind": "storage#object",
            "name": name,
            "bucket": bucket,
            "generation": self.generation.to_string(),
            "metageneration": "1",
            "size": self.content.len().to_string(),
            "crc32c": encode_crc32c(crc32c::crc32c(&self.content)),
            "etag": format!("etag-{}", self.generation),
        });
        if !self.content_type.is_empty() {
            resource["contentType"] = json!(self.content_type);
        }
        if !self.metadata.is_empty() {
            resource["metadata"] = json!(self.metadata);
        }
        resource
    }
}

/// The API's way to write a CRC32C: Base64 of its big-endian bytes.
pub(super) fn encode_crc32c(crc32c: u32) -> String {
    BASE64_STANDARD.encode(crc32c.to_be_bytes())
}
