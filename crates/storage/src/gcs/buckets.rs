//! Buckets: find or make.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::Client;
use super::control::{Call, CallError};
use super::objects::plain;
use crate::uri::Address;
use crate::{BucketOptions, BucketOutcome, Error, Result, Uri};

impl Client {
    /// Looks first, so that a caller who may not make buckets can use one that is there.
    pub(super) async fn ensure_bucket(
        &self,
        bucket: &str,
        options: &BucketOptions,
    ) -> Result<BucketOutcome> {
        if let Some(found) = self.find_bucket(bucket).await? {
            self.adopt(bucket, &found, options).await?;
            return Ok(BucketOutcome::Existed);
        }
        let mut body = json!({
            "name": bucket,
            "iamConfiguration": { "uniformBucketLevelAccess": { "enabled": options.uniform_access } },
        });
        for (field, value) in [
            ("location", &options.location),
            ("storageClass", &options.storage_class),
        ] {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        let created = self
            .call(Call {
                method: Method::POST,
                path: &["b"],
                query: &[("project", options.project.as_str())],
                body: Some(body),
            })
            .await;
        match created {
            Ok(_) => Ok(BucketOutcome::Created),
            // Made meanwhile: by an attempt of ours whose answer was lost, or by someone else.
            Err(error) if error.status() == Some(409) => match self.find_bucket(bucket).await? {
                Some(found) => {
                    self.adopt(bucket, &found, options).await?;
                    Ok(BucketOutcome::Existed)
                }
                None => Err(failed("create", bucket, error)),
            },
            Err(error) => Err(failed("create", bucket, error)),
        }
    }

    async fn find_bucket(&self, bucket: &str) -> Result<Option<Value>> {
        let found = self
            .call(Call {
                method: Method::GET,
                path: &["b", bucket],
                query: &[],
                body: None,
            })
            .await;
        match found {
            Ok(resource) => Ok(Some(resource)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(failed("look up", bucket, error)),
        }
    }

    /// Whether a bucket that is there is the one that is wished for.
    async fn adopt(&self, bucket: &str, found: &Value, options: &BucketOptions) -> Result<()> {
        let actual = found["location"].as_str().unwrap_or_default();
        if let Some(wished) = &options.location
            && !wished.eq_ignore_ascii_case(actual)
        {
            return Err(Error::BucketElsewhere {
                bucket: bucket.to_owned(),
                actual: actual.to_owned(),
                wished: wished.clone(),
            });
        }
        if self.is_in_project(bucket, found, &options.project).await? {
            return Ok(());
        }
        Err(Error::BucketOfOther {
            bucket: bucket.to_owned(),
            project: options.project.clone(),
        })
    }

    /// A bucket names its project's number, while people name projects by their ids; so the
    /// project is asked whether the bucket is among its own. Whoever may not ask is believed.
    async fn is_in_project(&self, bucket: &str, found: &Value, project: &str) -> Result<bool> {
        if project.is_empty() || found["projectNumber"] == project {
            return Ok(true);
        }
        let listed = self
            .call(Call {
                method: Method::GET,
                path: &["b"],
                query: &[("project", project), ("prefix", bucket)],
                body: None,
            })
            .await;
        match listed {
            Ok(page) => {
                let items = page["items"].as_array();
                Ok(items.is_some_and(|items| items.iter().any(|item| item["name"] == bucket)))
            }
            Err(error) if error.status() == Some(403) => {
                tracing::debug!(bucket, project, "may not list the project's buckets");
                Ok(true)
            }
            Err(error) => Err(failed("look up", bucket, error)),
        }
    }
}

/// The error of a call about a bucket. Names are shared by all customers, so a refusal may mean
/// that the bucket is someone else's, and so may a conflict.
fn failed(action: &'static str, bucket: &str, error: CallError) -> Error {
    match error {
        CallError::Failure(failure) if matches!(failure.status, Some(403 | 409)) => {
            Error::BucketDenied {
                action,
                bucket: bucket.to_owned(),
                reason: failure.reason,
            }
        }
        error => error.into_error(plain(
            action,
            &Uri(Address::Gcs {
                bucket: bucket.to_owned(),
                object: String::new(),
            }),
        )),
    }
}
