//! Which version of a source an answer was about.

use std::time::Duration;

use crate::retry::http_date;

/// What a source says about its current content before giving it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entity {
    /// The address after redirects, without secrets.
    pub(crate) final_url: String,
    /// Size in bytes, where announced.
    pub(crate) bytes: Option<u64>,
    /// `ETag`, as sent.
    pub(crate) etag: Option<String>,
    /// `Last-Modified`, as sent.
    pub(crate) last_modified: Option<String>,
    /// `Date`, as sent.
    pub(crate) date: Option<String>,
    /// `Content-Type`, as sent.
    pub(crate) content_type: Option<String>,
}

impl Entity {
    /// What an `If-Range` header may hold for this entity, so that a rest of it is certain to
    /// belong to the beginning (RFC 9110, 13.1.5): a strong entity tag; where there is no tag at
    /// all, a modification date at least a second older than the answer.
    pub(crate) fn validator(&self) -> Option<&str> {
        let Some(etag) = &self.etag else {
            let modified = self.last_modified.as_deref()?;
            let age = http_date(self.date.as_deref()?)?.duration_since(http_date(modified)?);
            let strong = Duration::try_from(age).is_ok_and(|age| age >= Duration::from_secs(1));
            return strong.then_some(modified);
        };
        (!etag.starts_with("W/")).then_some(etag)
    }

    /// The same with another announced size.
    pub(crate) fn with_size(self, bytes: Option<u64>) -> Self {
        Self { bytes, ..self }
    }

    /// What an answer to a range request says, together with what it need not repeat (RFC 9110,
    /// 15.3.7): by answering with a range the server confirmed the validator of `expected`.
    pub(crate) fn completed_by(self, expected: &Self) -> Self {
        Self {
            etag: self.etag.or_else(|| expected.etag.clone()),
            last_modified: self
                .last_modified
                .or_else(|| expected.last_modified.clone()),
            date: self.date.or_else(|| expected.date.clone()),
            ..self
        }
    }

    /// Whether two answers were certainly about the same entity.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.validator().is_some() && self.validator() == other.validator()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(etag: Option<&str>, last_modified: Option<&str>) -> Entity {
        Entity {
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            date: Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
            ..Entity::default()
        }
    }

    #[test]
    fn only_what_identifies_bytes_validates_a_range() {
        let old = "Sun, 06 Nov 1994 08:49:36 GMT";
        let new = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (etag, last_modified, validator) in [
            (Some("\"a\""), Some(old), Some("\"a\"")),
            (Some("W/\"a\""), None, None),
            (Some("W/\"a\""), Some(old), None),
            (None, Some(old), Some(old)),
            (None, Some(new), None),
            (None, Some("yesterday"), None),
            (None, None, None),
        ] {
            assert_eq!(entity(etag, last_modified).validator(), validator);
        }
        let undated = Entity {
            date: None,
            ..entity(None, Some(old))
        };
        assert_eq!(undated.validator(), None);
    }

    #[test]
    fn entities_without_a_validator_are_never_the_same() {
        let tagged = entity(Some("\"a\""), None);
        assert!(tagged.is_same_as(&tagged));
        assert!(!tagged.is_same_as(&entity(Some("\"b\""), None)));
        assert!(!entity(None, None).is_same_as(&entity(None, None)));
    }

    #[test]
    fn an_answer_to_a_range_request_need_not_repeat_the_validators() {
        let expected = entity(Some("\"a\""), None);
        let answer = Entity::default().with_size(Some(7)).completed_by(&expected);
        assert!(answer.is_same_as(&expected));
        assert_eq!(answer.bytes, Some(7));
        let other = entity(Some("\"b\""), None).completed_by(&expected);
        assert!(!other.is_same_as(&expected));
    }
}
