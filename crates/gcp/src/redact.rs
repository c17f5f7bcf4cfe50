//! Keeps secrets out of messages and logs.

/// What begins a secret wherever it stands: OAuth access tokens of accounts and of federated
/// identities, refresh tokens, JSON web tokens, keys. The first without its dot: whoever searches
/// the program itself for tokens should not find one.
const SECRETS: [&str; 5] = ["ya29", "1//0", "eyJ", "AIza", "-----BEGIN"];

/// `text` without what follows the `?` of each address in it (upload sessions and signatures), and
/// without anything that looks like a token or a key.
pub fn redact(text: &str) -> String {
    let mut words = Vec::new();
    let mut after_scheme = false;
    for word in text.split(' ') {
        let is_scheme = word
            .trim_start_matches(['"', '\''])
            .eq_ignore_ascii_case("bearer");
        words.push(if after_scheme && !word.is_empty() {
            "…".to_owned()
        } else {
            without_secret(&without_query(word))
        });
        after_scheme = is_scheme;
    }
    words.join(" ")
}

fn without_query(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let Some((address, query)) = rest.split_once('?') else {
        return word.to_owned();
    };
    let end = query.find([')', '"', '\'', '>']).unwrap_or(query.len());
    format!("{scheme}://{address}{}", &query[end..])
}

fn without_secret(word: &str) -> String {
    for secret in SECRETS {
        let Some(start) = word.find(secret) else {
            continue;
        };
        // Not within another word: `DeyJoy` is no token.
        if word[..start].ends_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        let end = word[start..].find(['"', '\'', ',', ')', '}', '&', '<']);
        let end = end.map_or(word.len(), |end| start + end);
        return format!("{}…{}", &word[..start], without_secret(&word[end..]));
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_tokens_and_keys_are_left_out() {
        for (text, expected) in [
            (
                "at https://h/o?X-Goog-Signature=abc) now",
                "at https://h/o) now",
            ),
            (
                "Authorization: Bearer abc.def end",
                "Authorization: Bearer … end",
            ),
            (
                r#"{"access_token":"ya29.a0Af","n":1}"#,
                r#"{"access_token":"…","n":1}"#,
            ),
            ("token=eyJhbGciOi.J9", "token=…"),
            ("key -----BEGIN", "key …"),
            (
                "a plain message with 1/2 and money",
                "a plain message with 1/2 and money",
            ),
        ] {
            assert_eq!(redact(text), expected);
        }
    }
}
