//! Reads targeted cache control (RFC 9213).
//!
//! 1. A route names the fields that are meant for it, in order: its target list (2.2).
//! 2. The first that is there, can be read and is not empty counts; `Cache-Control` and `Expires`
//!    then say nothing (2.2).
//! 3. It is a Structured Fields Dictionary (2.1). If it is none, it is ignored whole (2.1): names in
//!    upper case and quotes of another kind are errors here, not variations.
//! 4. A directive with a value of another type is ignored; parameters are too (2.1).
//! 5. `Surrogate-Control`, which is older than that and no Structured Field, is read like
//!    `Cache-Control` where a route names it. This cache says so to its origin (`Surrogate-Capability`):
//!    what is said to it by that name counts alone, what is said to others does not.
//! 6. Fields that are not named are passed on like any other.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use sfv::{Dictionary, ListEntry, Parser};

use crate::semantics::directives::CacheControl;

/// The name of the field of rule 5.
const SURROGATE: &str = "surrogate-control";
/// The name by which this cache is spoken to in it.
const DEVICE: &[u8] = b"larder";
/// How this cache says what it understands.
const CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");

/// Returns the directives meant for this cache: of the first target field that counts.
pub(crate) fn directives(headers: &HeaderMap, targets: &[HeaderName]) -> Option<CacheControl> {
    targets.iter().find_map(|target| {
        let there = headers.contains_key(target);
        there
            .then(|| match target.as_str() {
                SURROGATE => surrogate(headers, target),
                _ => structured(headers, target),
            })
            .flatten()
    })
}

/// Rules 3 and 4.
fn structured(headers: &HeaderMap, target: &HeaderName) -> Option<CacheControl> {
    let mut field = Vec::new();
    for line in headers.get_all(target) {
        if !field.is_empty() {
            field.extend_from_slice(b", ");
        }
        field.extend_from_slice(line.as_bytes());
    }
    let members = Parser::new(&field).parse::<Dictionary>().ok()?;
    if members.is_empty() {
        return None;
    }
    let mut read = CacheControl::default();
    for (name, member) in &members {
        let ListEntry::Item(item) = member else {
            continue;
        };
        let name = name.as_str().as_bytes();
        if let Some(seconds) = item.bare_item.as_integer() {
            let seconds = u64::try_from(i64::from(seconds)).unwrap_or_default();
            let seconds = Duration::from_secs(seconds).as_secs().to_string();
            read.add(name, Some(seconds.as_bytes()));
        } else if item.bare_item.as_boolean() == Some(true) && !takes_seconds(name) {
            read.add(name, None);
        }
    }
    Some(read)
}

/// Says to the origin that this cache understands the older field, where the route names it.
pub(crate) fn say_capability(request: &mut HeaderMap, targets: &[HeaderName]) {
    if targets.iter().any(|target| target.as_str() == SURROGATE) {
        let capability = HeaderValue::from_static("larder=\"Surrogate/1.0\"");
        // A request that holds as many lines as it can goes on without it.
        let _ = request.try_append(CAPABILITY, capability);
    }
}

/// Rule 5.
fn surrogate(headers: &HeaderMap, target: &HeaderName) -> Option<CacheControl> {
    let members = || {
        let lines = headers.get_all(target).iter();
        lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .map(split_device)
    };
    let named = members().any(|(_, device)| device == Some(DEVICE));
    let ours = members()
        .filter(|(_, device)| *device == named.then_some(DEVICE))
        .map(|(directive, _)| directive.trim_ascii())
        .filter(|directive| !directive.is_empty())
        .collect::<Vec<_>>()
        .join(&b',');
    let field = HeaderValue::from_bytes(&ours).ok()?;
    let read = CacheControl::of_field(&HeaderMap::from_iter([(target.clone(), field)]), target);
    (!ours.is_empty() && !read.malformed).then_some(read)
}

/// Splits a directive from the device it is meant for.
fn split_device(member: &[u8]) -> (&[u8], Option<&[u8]>) {
    match member.iter().position(|byte| *byte == b';') {
        Some(at) => (&member[..at], Some(member[at + 1..].trim_ascii())),
        None => (member, None),
    }
}

fn takes_seconds(name: &[u8]) -> bool {
    [
        &b"max-age"[..],
        b"s-maxage",
        b"stale-while-revalidate",
        b"stale-if-error",
    ]
    .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(fields: &[(&str, &str)]) -> Option<CacheControl> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        directives(
            &headers,
            &[
                "our-cache-control".parse().unwrap(),
                "cdn-cache-control".parse().unwrap(),
                "surrogate-control".parse().unwrap(),
            ],
        )
    }

    fn max_age(value: &str) -> Result<Option<Duration>, Ignored> {
        let read = read(&[("cdn-cache-control", value)]);
        read.map(|read| read.max_age).ok_or(Ignored)
    }

    /// The field was ignored whole.
    #[derive(Debug, PartialEq, Eq)]
    struct Ignored;

    #[test]
    fn the_first_that_can_be_read_counts() {
        let read = read(&[
            ("our-cache-control", "max-age=\"10"),
            ("cdn-cache-control", "max-age=60, no-store"),
            ("cdn-cache-control", "must-revalidate=?0, x;y=1"),
            ("cache-control", "private"),
        ]);
        let expected = CacheControl {
            no_store: true,
            max_age: Some(Duration::from_mins(1)),
            ..CacheControl::default()
        };
        assert_eq!(read, Some(expected));
    }

    #[test]
    fn a_field_with_an_error_is_ignored_whole() {
        for value in [
            "max-age=10, &&&&&",
            "MaX-aGe=3600",
            "max-age =100",
            "max-age= 100",
            "",
            "no-store, \"",
        ] {
            assert_eq!(max_age(value), Err(Ignored), "{value}");
        }
        assert_eq!(max_age("max-age=\"10000\""), Ok(None));
        assert_eq!(max_age("max-age=1.5"), Ok(None));
        assert_eq!(max_age("max-age"), Ok(None));
        assert_eq!(max_age("max-age=-5"), Ok(Some(Duration::ZERO)));
        assert_eq!(
            max_age("max-age=99999999999"),
            Ok(Some(Duration::from_secs(1 << 31)))
        );
        assert_eq!(
            max_age("max-age=60;foo=bar"),
            Ok(Some(Duration::from_mins(1)))
        );
    }

    #[test]
    fn the_older_field_is_read_as_its_authors_wrote_it() {
        let max_age = |value: &str| read(&[("surrogate-control", value)]).map(|read| read.max_age);
        assert_eq!(
            max_age("foo, MaX-aGe=60"),
            Some(Some(Duration::from_mins(1)))
        );
        assert_eq!(max_age("max-age=60;other"), None);
        assert_eq!(
            max_age("max-age=60;larder, max-age=5, no-store;other"),
            Some(Some(Duration::from_mins(1)))
        );
        assert!(read(&[("surrogate-control", "no-store")]).unwrap().no_store);
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(line in r"[ -~]{0,40}") {
            read(&[("cdn-cache-control", &line)]);
            read(&[("surrogate-control", &line)]);
        }
    }
}
