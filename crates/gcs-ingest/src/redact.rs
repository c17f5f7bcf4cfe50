//! Addresses without their secrets, for logs, errors and metadata.

use url::Url;

const REDACTED: &str = "REDACTED";

/// A value at least this long without a separator is taken for a token.
const TOKEN_LENGTH: usize = 32;

/// The address without user name, password and fragment, and with the value of every query
/// parameter hidden that signs the request or may open a door.
pub(crate) fn url(url: &Url) -> String {
    let mut shown = url.clone();
    // Neither fails for http and https, and no other address comes here.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if let Some(query) = url.query() {
        let pairs: Vec<String> = query.split('&').map(pair).collect();
        shown.set_query(Some(&pairs.join("&")));
    }
    shown.into()
}

/// The same for text that is not a valid address: cut rather than understood.
pub(crate) fn text(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
    format!("{scheme}{rest}")
}

fn pair(pair: &str) -> String {
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    if !is_secret(name, value) {
        pair.to_owned()
    } else if name.is_empty() {
        REDACTED.to_owned()
    } else {
        format!("{name}={REDACTED}")
    }
}

/// Signing parameters of Google (`X-Goog-*`) and Amazon (`X-Amz-*`) go as a whole: they differ
/// from one signed address of an object to the next, and the address shown must not.
fn is_secret(name: &str, value: &str) -> bool {
    const PREFIXES: [&str; 2] = ["x-goog-", "x-amz-"];
    const PARTS: [&str; 8] = [
        "sig", "token", "key", "secret", "pass", "auth", "cred", "session",
    ];
    let name = name.to_ascii_lowercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || PARTS.iter().any(|part| name.contains(part))
        || matches!(name.as_str(), "code" | "expires" | "pwd")
        || value.len() >= TOKEN_LENGTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_is_kept() {
        for (given, shown) in [
            ("https://example.com/a.csv", "https://example.com/a.csv"),
            (
                "https://u:p@example.com:8443/a.csv#x",
                "https://example.com:8443/a.csv",
            ),
            (
                "https://example.com/a?id=7&year=2018",
                "https://example.com/a?id=7&year=2018",
            ),
            (
                "https://example.com/a?X-Goog-Date=20260101&X-Goog-Signature=ab&id=7",
                "https://example.com/a?X-Goog-Date=REDACTED&X-Goog-Signature=REDACTED&id=7",
            ),
            (
                "https://example.com/a?access_token=abc&Signature=x&api_key=k&sig=s",
                "https://example.com/a?access_token=REDACTED&Signature=REDACTED\
                 &api_key=REDACTED&sig=REDACTED",
            ),
            (
                "https://example.com/a?0123456789abcdef0123456789abcdef",
                "https://example.com/a?REDACTED",
            ),
            (
                "https://example.com/a?t=0123456789abcdef0123456789abcdef",
                "https://example.com/a?t=REDACTED",
            ),
        ] {
            assert_eq!(url(&Url::parse(given).unwrap()), shown);
        }
    }

    #[test]
    fn text_that_is_no_address_loses_what_could_be_a_secret() {
        assert_eq!(
            text("https://u:p@host:99999/a?token=x"),
            "https://host:99999/a"
        );
        assert_eq!(text("ftp://u:p@host/a#t"), "ftp://host/a");
        assert_eq!(text("u:p@host"), "host");
    }
}
