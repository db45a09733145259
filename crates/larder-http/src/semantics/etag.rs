//! Entity tags: compared as lists, and made from a body that has none.
//!
//! 1. `If-None-Match` compares weakly: `W/` is left out of account (RFC 9110, 8.8.3.2, 13.1.2).
//! 2. It may be `*`, a list, or several lines. What cannot be read ends the list: tags after it
//!    do not match, which costs a full answer.
//! 3. A tag made here is strong: it changes with the bytes, their type, coding and language, and
//!    is the same on every node and after every restart (RFC 9110, 8.8.1).

use std::fmt::Write as _;

use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap};
use rapidhash::v3::{RapidSecrets, rapidhash_v3, rapidhash_v3_seeded};

/// Makes a strong entity tag for `body` as described by `headers`.
pub(crate) fn of_body(headers: &HeaderMap, body: &[u8]) -> HeaderValue {
    let mut description = Vec::new();
    for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
        for value in headers.get_all(name) {
            description.extend_from_slice(value.as_bytes());
            description.push(b'\n');
        }
        description.push(b'\0');
    }
    let seeded = rapidhash_v3_seeded(body, &RapidSecrets::seed(rapidhash_v3(&description)));
    let mut tag = String::with_capacity(34);
    let _ = write!(tag, "\"{:016x}{seeded:016x}\"", rapidhash_v3(body));
    HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Tells whether one of the tags in `If-None-Match` is `tag`, compared weakly.
pub(crate) fn any_matches<'a>(
    lines: impl IntoIterator<Item = &'a HeaderValue>,
    tag: Option<&HeaderValue>,
) -> bool {
    let tag = tag.and_then(|tag| Some(split_tag(tag.as_bytes())?.0));
    lines.into_iter().any(|line| {
        let mut rest = line.as_bytes().trim_ascii();
        if rest == b"*" {
            return true;
        }
        while let Some((one, tail)) = split_tag(rest) {
            if Some(one) == tag {
                return true;
            }
            rest = tail;
        }
        false
    })
}

/// Tells whether two tags are the same and both strong (RFC 9110, 8.8.3.2).
pub(crate) fn matches_strongly(one: &HeaderValue, other: &HeaderValue) -> bool {
    let strong = |tag: &HeaderValue| tag.as_bytes().starts_with(b"\"");
    strong(one) && strong(other) && one == other
}

/// Tells whether an answer's tag names the response of `kept`: a strong one strongly, a weak one
/// weakly. A tag without quotes is compared as it stands.
pub(crate) fn matches_as_given(answer: &HeaderValue, kept: &HeaderValue) -> bool {
    if answer.as_bytes().starts_with(b"W/") {
        let opaque = |tag: &HeaderValue| split_tag(tag.as_bytes()).map(|(tag, _)| tag.to_owned());
        opaque(answer).is_some() && opaque(answer) == opaque(kept)
    } else {
        answer == kept
    }
}

/// Splits the first tag off a list: what stands between its quotes, and what follows.
fn split_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = list.iter().position(|byte| !b" \t,".contains(byte))?;
    let list = &list[start..];
    let list = list
        .strip_prefix(b"W/")
        .unwrap_or(list)
        .strip_prefix(b"\"")?;
    let end = list.iter().position(|byte| *byte == b'"')?;
    Some((&list[..end], &list[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(lines: &[&str], tag: &str) -> bool {
        let lines: Vec<HeaderValue> = lines.iter().map(|line| line.parse().unwrap()).collect();
        any_matches(&lines, Some(&tag.parse().unwrap()))
    }

    #[test]
    fn tags_compare_weakly() {
        for (list, tag) in [
            ("\"a\"", "\"a\""),
            ("W/\"a\"", "\"a\""),
            ("\"a\"", "W/\"a\""),
            ("\"\"", "\"\""),
        ] {
            assert!(matches(&[list], tag), "{list} {tag}");
        }
        assert!(!matches(&["\"a\""], "\"b\""));
        assert!(!matches(&["\"a\""], "a"));
        assert!(!matches(&["a"], "\"a\""));
    }

    #[test]
    fn lists_and_lines_and_the_star_are_read() {
        assert!(matches(&["\"a\", W/\"b\",\"c,d\""], "\"c,d\""));
        assert!(matches(&["\"a\"", "\"b\""], "\"b\""));
        assert!(matches(&[" * "], "\"b\""));
        assert!(!matches(&["\"a\", b, \"c\""], "\"c\""));
        assert!(!matches(&[""], "\"\""));
        let star: [HeaderValue; 1] = ["*".parse().unwrap()];
        assert!(any_matches(&star, None));
    }

    #[test]
    fn a_made_tag_changes_with_body_type_and_coding() {
        let headers = |name, value: &'static str| {
            HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
        };
        let plain = of_body(&HeaderMap::new(), b"x");
        assert_eq!(plain, of_body(&HeaderMap::new(), b"x"));
        assert_ne!(plain, of_body(&HeaderMap::new(), b"y"));
        assert_ne!(plain, of_body(&headers(CONTENT_TYPE, "text/plain"), b"x"));
        assert_ne!(
            of_body(&headers(CONTENT_TYPE, "gzip"), b"x"),
            of_body(&headers(CONTENT_ENCODING, "gzip"), b"x")
        );
        assert!(matches(&[plain.to_str().unwrap()], plain.to_str().unwrap()));
    }

    proptest! {
        #[test]
        fn any_list_is_read_without_a_panic(line in r"[ -~\t]{0,40}") {
            matches(&[&line], "\"a\"");
        }
    }
}
