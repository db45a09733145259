//! Which request headers a response was chosen by (RFC 9111, 4.1).
//!
//! 1. `*` anywhere in the field means: never reuse. A name that is none means the same here.
//! 2. All headers named must match: the same lines joined by a comma, without the blanks around
//!    members; a header that is missing only matches a missing one.
//! 3. `Accept-Language`, `-Encoding` and `-Charset` are compared in any case. Where the route goes by
//!    the letter, their members are compared in any order: it means nothing there (RFC 9110, 12.5),
//!    though some handlers read it as a wish.
//! 4. The response that came first stands under the request's own key and tells by what it was
//!    chosen; the others stand under that key and the values they were chosen by. So a key holds
//!    any number of variants, and one that is looked up costs at most two lookups.

use std::borrow::Cow;

use http::header::{
    ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue, VARY,
};
use larder_core::{Key, KeyBuilder};

use crate::semantics::verdict::Skip;

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
#[derive(Clone, Default)]
pub(crate) struct Variant {
    fields: Box<[(HeaderName, Value)]>,
    order: Order,
}

/// Whether the order of a list's members tells requests apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// It does.
    #[default]
    Counts,
    /// It does not where its RFC says so.
    Ignored,
}

/// A request header's lines as one list; none if the header is missing.
pub(crate) type Value = Option<Box<[u8]>>;

impl Variant {
    /// Takes the values of `names` from the request.
    pub(crate) fn new(names: &VaryNames, request: &HeaderMap, order: Order) -> Self {
        let value = |name: &HeaderName| joined(request, name, order).map(Into::into);
        let fields = names.0.iter().map(|name| (name.clone(), value(name)));
        Self {
            fields: fields.collect(),
            order,
        }
    }

    /// Puts together what [`parts`](Self::parts) gave.
    pub(crate) fn of_parts(fields: Vec<(HeaderName, Value)>, order: Order) -> Self {
        let fields = fields.into();
        Self { fields, order }
    }

    /// Returns all it is made of.
    pub(crate) fn parts(&self) -> (&[(HeaderName, Value)], Order) {
        let Self { fields, order } = self;
        (fields, *order)
    }

    /// Tells whether a request would have been answered with this response.
    pub(crate) fn matches(&self, request: &HeaderMap) -> bool {
        self.fields
            .iter()
            .all(|(name, value)| joined(request, name, self.order).as_deref() == value.as_deref())
    }

    /// Returns the key under which the variant for `request` stands.
    pub(crate) fn key_for(&self, key: &Key, request: &HeaderMap) -> Key {
        let start = Key::builder().text("variant").key(key);
        self.fields
            .iter()
            .fold(start, |key, (name, _)| {
                push_header(key, name, request, self.order)
            })
            .finish()
    }

    /// Returns its share of an entry's weight, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.fields
            .iter()
            .map(|(name, value)| 48 + name.as_str().len() + value.as_deref().map_or(0, <[u8]>::len))
            .sum()
    }
}

impl std::fmt::Debug for Variant {
    /// Shows the names only: a value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.fields.iter().map(|(name, _)| name))
            .finish()
    }
}

/// Appends a request header to a key; a missing one differs from an empty one.
pub(crate) fn push_header(
    key: KeyBuilder,
    name: &HeaderName,
    request: &HeaderMap,
    order: Order,
) -> KeyBuilder {
    let key = key.text(name.as_str());
    match joined(request, name, order) {
        Some(value) => key.bytes(&value),
        None => key.text(""),
    }
}

/// Returns the lines of a header as one list without blanks around its members.
///
/// A quoted comma is taken for a separator as well: more forms differ, none that differ meet.
fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName, order: Order) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?.as_bytes();
    let in_any_case = [ACCEPT_LANGUAGE, ACCEPT_ENCODING, ACCEPT_CHARSET].contains(name);
    let second = lines.next();
    if second.is_none() && !in_any_case && is_tidy(first) {
        return Some(Cow::Borrowed(first));
    }
    let rest = second.into_iter().chain(lines).map(HeaderValue::as_bytes);
    let members = std::iter::once(first)
        .chain(rest)
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    let mut members: Vec<Cow<'_, [u8]>> = members.map(Cow::Borrowed).collect();
    if in_any_case {
        for member in &mut members {
            member.to_mut().make_ascii_lowercase();
        }
        if order == Order::Ignored {
            members.sort_unstable();
        }
    }
    Some(Cow::Owned(members.join(&b',')))
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
            Order::Counts,
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
    fn languages_and_codings_are_compared_in_any_case_and_where_it_means_nothing_in_any_order() {
        let kept = |order| {
            let names = VaryNames::of(&headers(&[("vary", "accept-language")])).unwrap();
            Variant::new(
                &names,
                &headers(&[("accept-language", "en, de;q=0.5")]),
                order,
            )
        };
        let asks = |value| headers(&[("accept-language", value)]);
        for (value, counts, ignored) in [
            (" eN ,   De;Q=0.5", true, true),
            ("de;q=0.5, en", false, true),
            ("de, en", false, false),
        ] {
            assert_eq!(kept(Order::Counts).matches(&asks(value)), counts, "{value}");
            assert_eq!(
                kept(Order::Ignored).matches(&asks(value)),
                ignored,
                "{value}"
            );
        }
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
            let kept = Variant::new(&VaryNames(vec!["foo".parse().unwrap()]), &a, Order::Counts);
            let key = Key::from("k");
            prop_assert_eq!(kept.matches(&b), kept.key_for(&key, &a) == kept.key_for(&key, &b));
        }
    }
}
