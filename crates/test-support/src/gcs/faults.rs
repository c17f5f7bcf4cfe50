//! Which calls there are, and what can go wrong with them.

use std::collections::VecDeque;

use axum::extract::Request;

/// A call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /b`
    CreateBucket,
    /// `GET /b/{bucket}`
    GetBucket,
    /// `GET /b?project=`
    ListBuckets,
    /// `GET /b/{bucket}/o/{object}`
    GetObject,
    /// `GET /b/{bucket}/o`
    ListObjects,
    /// `PATCH /b/{bucket}/o/{object}`
    PatchObject,
    /// `DELETE /b/{bucket}/o/{object}`
    DeleteObject,
    /// `GET /b/{bucket}/o/{object}?alt=media`
    ReadMedia,
    /// `POST /upload/…?uploadType=resumable`
    StartUpload,
    /// `PUT` of bytes to an upload session.
    Upload,
    /// `PUT` without bytes, `Content-Range: bytes */*`: how far is it?
    QueryUpload,
}

impl Operation {
    /// The call that `request` makes; `None` if the fake does not know it.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or_default();
        let method = request.method().as_str();
        if path.starts_with("/upload/storage/v1/b/") {
            let range = request.headers().get("content-range");
            return match method {
                "POST" if query.contains("uploadType=resumable") => Some(Self::StartUpload),
                "PUT" if range.is_some_and(|range| range == "bytes */*") => Some(Self::QueryUpload),
                "PUT" => Some(Self::Upload),
                _ => None,
            };
        }
        let rest = path.strip_prefix("/storage/v1/b")?;
        let parts: Vec<&str> = rest.split('/').skip(1).collect();
        Some(match (method, parts.as_slice()) {
            ("POST", []) => Self::CreateBucket,
            ("GET", []) => Self::ListBuckets,
            ("GET", [_]) => Self::GetBucket,
            ("GET", [_, "o"]) => Self::ListObjects,
            ("GET", [_, "o", _]) if query.contains("alt=media") => Self::ReadMedia,
            ("GET", [_, "o", _]) => Self::GetObject,
            ("PATCH", [_, "o", _]) => Self::PatchObject,
            ("DELETE", [_, "o", _]) => Self::DeleteObject,
            _ => return None,
        })
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call does nothing and answers with this status.
    Status(u16),
    /// There is never an answer.
    Stall,
    /// An upload request keeps only this many bytes of what it gets, and says so with 308.
    Keep(u64),
    /// What is stored differs in one byte from what was sent.
    Corrupt,
    /// A media read breaks off after this many bytes.
    BreakOff(u64),
    /// A media read stops moving after this many bytes, without an end.
    StallAfter(u64),
}

/// Orders, each used up by the first call it fits.
#[derive(Debug, Default)]
pub(super) struct Faults(VecDeque<(Operation, Fault)>);

impl Faults {
    pub(super) fn order(&mut self, operation: Operation, fault: Fault) {
        self.0.push_back((operation, fault));
    }

    pub(super) fn take(&mut self, operation: Operation) -> Option<Fault> {
        let position = self
            .0
            .iter()
            .position(|(ordered, _)| *ordered == operation)?;
        self.0.remove(position).map(|(_, fault)| fault)
    }
}
