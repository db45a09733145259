//! Which request headers a response was chosen by (RFC 9111, 4.1).
//!
//! 1. `*` anywhere in the field means: never reuse. A name that is none means the same here.
//! 2. All headers named must match: the same lines joined by a comma, without the blanks around
//!    members; a header that is missing only matches a missing one.
//! 3. The response that came first stands under the request's own key and tells by what it was
//!    chosen; the others stand under that key and the values they were chosen by. So a key holds
//!    any number of variants, and one that is looked up costs at most two lookups.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, VARY};
use larder_core::{Key, KeyBuilder};

use crate::verdict::Skip;

/// The most names a `Vary` that is kept may have.
pub(crate) const MAX_VARY: usize = 16;

/// The names of a `Vary` field, in order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VaryNames(Vec<HeaderName>);

impl VaryNames {
    /// Reads the field of a response.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Skip> {
        let mut names = Vec::new();
        for line in headers.get_all(VARY) {
            for member in line.as_bytes().split(|byte| *byte == b',') {
                match member.trim_ascii() {
                    b"" => {}
                    b"*" => return Err(Skip::VaryStar),
                    name => {
                        names.push(HeaderName::from_bytes(name).map_err(|_| Skip::VaryInvalid)?);
                    }
                }
            }
        }
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        if names.len() > MAX_VARY {
            Err(Skip::VaryInvalid)
        } else {
            Ok(Self(names))
        }
    }

    /// Tells whether the response was chosen by this header.
    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        self.0.contains(name)
    }
}

/// The request headers a kept response was chosen by, with their values.
#[derive(Default)]
pub(crate) struct Variant(Box<[(HeaderName, Value)]>);

/// A request header's lines as one list; none if the header is missing.
type Value = Option<Box<[u8]>>;

impl Variant {
    /// Takes the values of `names` from the request.
    pub(crate) fn new(names: &VaryNames, request: &HeaderMap) -> Self {
        let value = |name: &HeaderName| joined(request, name).map(Into::into);
        Self(
            names
                .0
                .iter()
                .map(|name| (name.clone(), value(name)))
                .collect(),
        )
    }

    /// Tells whether a request would have been answered with this response.
    pub(crate) fn matches(&self, request: &HeaderMap) -> bool {
        self.0
            .iter()
            .all(|(name, value)| joined(request, name).as_deref() == value.as_deref())
    }

    /// Returns the key under which the variant for `request` stands.
    pub(crate) fn key_for(&self, key: &Key, request: &HeaderMap) -> Key {
        let start = Key::builder().text("variant").key(key);
        self.0
            .iter()
            .fold(start, |key, (name, _)| push_header(key, name, request))
            .finish()
    }

    /// Returns its share of an entry's weight, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0
            .iter()
            .map(|(name, value)| 48 + name.as_str().len() + value.as_deref().map_or(0, <[u8]>::len))
            .sum()
    }
}

impl std::fmt::Debug for Variant {
    /// Shows the names only: a value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Appends a request header to a key; a missing one differs from an empty one.
pub(crate) fn push_header(key: KeyBuilder, name: &HeaderName, request: &HeaderMap) -> KeyBuilder {
    let key = key.text(name.as_str());
    match joined(request, name) {
        Some(value) => key.bytes(&value),
        None => key.text(""),
    }
}

/// Returns the lines of a header as one list without blanks around its members.
///
/// A quoted comma is taken for a separator as well: more forms differ, none that differ meet.
fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?.as_bytes();
    let second = lines.next();
    if second.is_none() && is_tidy(first) {
        return Some(Cow::Borrowed(first));
    }
    let mut list = Vec::with_capacity(first.len());
    let rest = second
        .into_iter()
        .chain(lines)
        .map(http::HeaderValue::as_bytes);
    for (index, line) in std::iter::once(first).chain(rest).enumerate() {
        for (at, member) in line.split(|byte| *byte == b',').enumerate() {
            if index + at > 0 {
                list.push(b',');
            }
            list.extend_from_slice(member.trim_ascii());
        }
    }
    Some(Cow::Owned(list))
}

/// Tells whether a line is already as [`joined`] would write it.
fn is_tidy(line: &[u8]) -> bool {
    line.split(|byte| *byte == b',')
        .all(|member| member.trim_ascii().len() == member.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            })
    }

    fn variant(vary: &str, request: &[(&str, &str)]) -> Variant {
        Variant::new(
            &VaryNames::of(&headers(&[("vary", vary)])).unwrap(),
            &headers(request),
        )
    }

    #[test]
    fn all_headers_named_must_match() {
        let kept = variant("Foo, bar", &[("foo", "1"), ("bar", "2")]);
        assert!(kept.matches(&headers(&[("bar", "2"), ("foo", "1"), ("baz", "3")])));
        assert!(!kept.matches(&headers(&[("foo", "1"), ("bar", "3")])));
        assert!(!kept.matches(&headers(&[("foo", "1")])));
    }

    #[test]
    fn missing_differs_from_empty() {
        let kept = variant("foo", &[]);
        assert!(kept.matches(&headers(&[])));
        assert!(!kept.matches(&headers(&[("foo", "")])));
        let key = Key::from("k");
        assert_ne!(
            kept.key_for(&key, &headers(&[])),
            kept.key_for(&key, &headers(&[("foo", "")]))
        );
    }

    #[test]
    fn lines_and_blanks_do_not_make_a_variant() {
        let kept = variant("foo", &[("foo", "a, b"), ("foo", "c")]);
        assert!(kept.matches(&headers(&[("foo", "a,b , c")])));
        assert!(!kept.matches(&headers(&[("foo", "a b, c")])));
        assert!(!kept.matches(&headers(&[("foo", "a,b"), ("foo", "c"), ("foo", "")])));
    }

    #[test]
    fn the_order_of_names_does_not_matter() {
        let (a, b) = (
            variant("x, y, X", &[("x", "1")]),
            variant("y, x", &[("x", "1")]),
        );
        let request = headers(&[("x", "1"), ("y", "2")]);
        assert_eq!(
            a.key_for(&Key::from("k"), &request),
            b.key_for(&Key::from("k"), &request)
        );
    }

    #[test]
    fn names_are_bounded() {
        let many = |count: usize| {
            (0..count)
                .map(|n| format!("h{n}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert!(VaryNames::of(&headers(&[("vary", &many(MAX_VARY))])).is_ok());
        assert_eq!(
            VaryNames::of(&headers(&[("vary", &many(MAX_VARY + 1))])),
            Err(Skip::VaryInvalid)
        );
    }

    proptest! {
        #[test]
        fn a_variant_matches_exactly_the_requests_of_its_key(a in "[ab, ]{0,5}", b in "[ab, ]{0,5}") {
            let (a, b) = (headers(&[("foo", &a)]), headers(&[("foo", &b)]));
            let kept = Variant::new(&VaryNames(vec!["foo".parse().unwrap()]), &a);
            let key = Key::from("k");
            prop_assert_eq!(kept.matches(&b), kept.key_for(&key, &a) == kept.key_for(&key, &b));
        }
    }
}
