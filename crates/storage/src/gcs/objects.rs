//! Objects as a whole: look up, list, delete, change metadata.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Client;
use super::control::Call;
use super::failure::Attempt;
use crate::meta::Depth;
use crate::uri::Address;
use crate::{Error, ObjectMeta, Precondition, Result, Uri};

/// An object resource, as far as it is used. The API writes 64-bit numbers as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    name: String,
    size: String,
    generation: Option<String>,
    crc32c: Option<String>,
    etag: Option<String>,
    content_type: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    items: Vec<Resource>,
    next_page_token: Option<String>,
}

impl Resource {
    fn into_meta(self, bucket: &str) -> Option<ObjectMeta> {
        let uri = Uri(Address::Gcs {
            bucket: bucket.to_owned(),
            object: self.name,
        });
        Some(ObjectMeta {
            crc32c: self.crc32c.as_deref().and_then(decode_crc32c),
            generation: self.generation.and_then(|number| number.parse().ok()),
            etag: self.etag,
            content_type: self.content_type.filter(|kind| !kind.is_empty()),
            metadata: self.metadata,
            ..ObjectMeta::new(uri, self.size.parse().ok()?)
        })
    }
}

/// The API's way to write a CRC32C: Base64 of its big-endian bytes.
fn decode_crc32c(text: &str) -> Option<u32> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Bucket and object of a `gs://` address.
pub(super) fn parts(uri: &Uri) -> (&str, &str) {
    match &uri.0 {
        Address::Gcs { bucket, object } => (bucket, object),
        Address::Local(_) => unreachable!("local addresses never come here"),
    }
}

impl Client {
    pub(super) async fn stat(&self, uri: &Uri) -> Result<Option<ObjectMeta>> {
        let (bucket, object) = parts(uri);
        let found = self
            .call(Call {
                method: Method::GET,
                path: &["b", bucket, "o", object],
                query: &[],
                body: None,
            })
            .await;
        match found {
            Ok(resource) => meta("look up", uri, resource).map(Some),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error.into_error(plain("look up", uri))),
        }
    }

    pub(super) async fn list(&self, folder: &Uri, depth: Depth) -> Result<Vec<ObjectMeta>> {
        let (bucket, object) = parts(folder);
        let folder_name = object.trim_end_matches('/');
        let prefix = match folder_name {
            "" => String::new(),
            name => format!("{name}/"),
        };
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = vec![("prefix", prefix.as_str())];
            if depth == Depth::Children {
                query.push(("delimiter", "/"));
            }
            if let Some(token) = &token {
                query.push(("pageToken", token));
            }
            let page = self
                .call(Call {
                    method: Method::GET,
                    path: &["b", bucket, "o"],
                    query: &query,
                    body: None,
                })
                .await;
            let page = page.map_err(|error| match error.status() {
                Some(404) => Error::BucketNotFound {
                    bucket: bucket.to_owned(),
                },
                _ => error.into_error(plain("list", folder)),
            })?;
            let page: Page = document("list", folder, page)?;
            let metas = page
                .items
                .into_iter()
                .filter_map(|item| item.into_meta(bucket));
            // What ends in `/` is a folder some tool has drawn, not an object of ours.
            found.extend(metas.filter(|meta| !meta.uri.is_dir_like()));
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                found.sort_by_cached_key(|meta| meta.uri.to_string());
                return Ok(found);
            }
        }
    }

    /// Deletes the object, or only that generation of it. Absent is fine.
    pub(super) async fn delete(&self, uri: &Uri, generation: Option<i64>) -> Result<()> {
        let (bucket, object) = parts(uri);
        let generation = generation.map(|generation| generation.to_string());
        let query = generation
            .as_deref()
            .map(|generation| ("ifGenerationMatch", generation));
        let deleted = self
            .call(Call {
                method: Method::DELETE,
                path: &["b", bucket, "o", object],
                query: query.as_slice(),
                body: None,
            })
            .await;
        match deleted {
            Err(error) if error.status() != Some(404) => {
                Err(error.into_error(plain("delete", uri)))
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn set_metadata(
        &self,
        of: &ObjectMeta,
        metadata: BTreeMap<String, String>,
    ) -> Result<ObjectMeta> {
        let (bucket, object) = parts(&of.uri);
        let precondition = of
            .generation
            .map_or(Precondition::None, Precondition::Generation);
        let generation = of.generation.map(|generation| generation.to_string());
        let query = generation
            .as_deref()
            .map(|generation| ("ifGenerationMatch", generation));
        // The call merges; a null removes what was there.
        let gone = of.metadata.keys().map(|key| (key.clone(), Value::Null));
        let new = metadata
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)));
        let pairs: serde_json::Map<String, Value> = gone.chain(new).collect();
        let patched = self
            .call(Call {
                method: Method::PATCH,
                path: &["b", bucket, "o", object],
                query: query.as_slice(),
                body: Some(json!({ "metadata": pairs })),
            })
            .await;
        let attempt = Attempt {
            action: "set the metadata of",
            uri: &of.uri,
            precondition,
        };
        let patched = patched.map_err(|error| error.into_error(attempt))?;
        meta(attempt.action, &of.uri, patched)
    }
}

/// An attempt that depends on nothing.
pub(super) fn plain<'a>(action: &'static str, uri: &'a Uri) -> Attempt<'a> {
    let precondition = Precondition::None;
    Attempt {
        action,
        uri,
        precondition,
    }
}

fn meta(action: &'static str, uri: &Uri, resource: Value) -> Result<ObjectMeta> {
    let resource: Resource = document(action, uri, resource)?;
    let described = resource.into_meta(parts(uri).0);
    described.ok_or_else(|| Error::Remote {
        action,
        uri: uri.clone(),
        reason: "the answer has no size".to_owned(),
    })
}

fn document<T: serde::de::DeserializeOwned>(
    action: &'static str,
    uri: &Uri,
    document: Value,
) -> Result<T> {
    serde_json::from_value(document).map_err(|error| Error::Remote {
        action,
        uri: uri.clone(),
        reason: format!("the answer is not what was asked for: {error}"),
    })
}
