//! What identifies a response, besides the user (that is the region's scope).
//!
//! In this order:
//!
//! 1. the layer: two layers never share a response, since what stands between them (a check of
//!    an API key, say) would be left out. A layer with a name is known by it, on every node and after
//!    every restart; one without by the order in which it was built in this process,
//! 2. the method class: GET, which HEAD shares (RFC 9111, 4),
//! 3. scheme and host of the original URI,
//! 4. its path, byte for byte, and its query, byte for byte unless the route says which of its
//!    parameters count: nothing is decoded or cleaned, and a query with an encoded name counts whole,
//! 5. path and query as the wrapped service sees them where they differ (nested routers, rewrites),
//! 6. what a proxy says of the URL it was asked for ([`forwarded`](crate::semantics::forwarded)),
//! 7. the headers the route declares, line for line.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, Uri};
use larder_core::{Key, KeyBuilder};

use crate::head::{Head, Traits};
use crate::semantics::forwarded;
use crate::semantics::host::Host;

/// What a layer is known by in its keys, and the method class: what they begin with.
#[derive(Clone, Debug)]
pub(crate) struct LayerName {
    text: String,
    /// The same, before the host of a request whose target has no scheme.
    plain: String,
}

impl LayerName {
    /// A name its user gave it.
    pub(crate) fn given(name: &str) -> Self {
        Self {
            text: format!("{name} GET "),
            plain: format!("{name} GET ://"),
        }
    }

    /// Its number in this process.
    pub(crate) fn number(number: u64) -> Self {
        Self::given(&number.to_string())
    }
}

/// What of a request a route's keys are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyPolicy {
    /// The request headers declared.
    pub(crate) headers: Vec<HeaderName>,
    pub(crate) query: Query,
    /// Parameters are put in order.
    pub(crate) sorted: bool,
}

/// Which parameters of a query count.
#[derive(Clone, Debug, Default)]
pub(crate) enum Query {
    /// All of them.
    #[default]
    Whole,
    /// These only.
    Only(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

impl KeyPolicy {
    /// Returns path and query of a target as far as they count.
    #[inline]
    pub(crate) fn target<'a>(&self, uri: &'a Uri) -> Cow<'a, str> {
        let target = target(uri);
        if matches!(self.query, Query::Whole) && !self.sorted {
            return Cow::Borrowed(target);
        }
        match target.split_once('?') {
            // What a handler reads out of an encoded name is not known here.
            Some((path, query)) if !has_encoded_name(query) => {
                Cow::Owned(self.reduced(path, query))
            }
            _ => Cow::Borrowed(target),
        }
    }

    fn reduced(&self, path: &str, query: &str) -> String {
        let mut kept: Vec<_> = query
            .split('&')
            .filter(|parameter| self.counts(parameter))
            .collect();
        if self.sorted {
            // Stable: values of one name stay in their order.
            kept.sort_by_key(|parameter| name_of(parameter));
        }
        if kept.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", kept.join("&"))
        }
    }

    fn counts(&self, parameter: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == name_of(parameter));
        match &self.query {
            Query::Whole => true,
            Query::Only(names) => named(names),
            Query::Without(names) => !named(names),
        }
    }
}

fn has_encoded_name(query: &str) -> bool {
    query
        .split('&')
        .any(|parameter| name_of(parameter).contains(['%', '+']))
}

fn name_of(parameter: &str) -> &str {
    parameter
        .split_once('=')
        .map_or(parameter, |(name, _)| name)
}

/// Returns the key of a request to `host` in a layer.
///
/// It reads as `7 GET https://example.org/articles?page=2`, so that patterns over keys can be
/// written down. Neither a scheme nor a host has a slash, no target has a blank and no layer's name
/// either, so the parts cannot run into each other; values of headers, which can hold anything, stand
/// behind their lengths.
pub(crate) fn key(layer: &LayerName, host: Host<'_>, head: &Head<'_>, policy: &KeyPolicy) -> Key {
    let uri = head.original_uri;
    let asked = policy.target(uri);
    let (layer, scheme, slashes) = match uri.scheme_str() {
        None => (layer.plain.as_bytes(), &b""[..], &b""[..]),
        Some(scheme) => (layer.text.as_bytes(), scheme.as_bytes(), &b"://"[..]),
    };
    let (host, asked) = (host.as_bytes(), asked.as_bytes());
    let is_rewritten = !std::ptr::eq(uri, head.uri) && target(uri) != target(head.uri);
    let key = Key::builder();
    let key = if is_rewritten {
        let seen = policy.target(head.uri);
        key.text_of(&[
            layer,
            scheme,
            slashes,
            host,
            asked,
            b" as ",
            seen.as_bytes(),
        ])
    } else {
        key.text_of(&[layer, scheme, slashes, host, asked])
    };
    if policy.headers.is_empty() && !head.traits.has(Traits::FORWARDED) {
        return key.finish();
    }
    let key = if head.traits.has(Traits::FORWARDED) {
        let all = forwarded::all(head.headers).into_iter();
        all.fold(key, |key, (name, line)| key.text(name).bytes(&line))
    } else {
        key
    };
    policy
        .headers
        .iter()
        .fold(key, |key, name| push_declared(key, name, head.headers))
        .finish()
}

/// Adds a declared header line for line, byte for byte: what a handler reads of it is not known here.
fn push_declared(key: KeyBuilder, name: &HeaderName, headers: &HeaderMap) -> KeyBuilder {
    let lines = headers.get_all(name).iter();
    lines.fold(key.text(name.as_str()).text(""), |key, line| {
        key.bytes(line.as_bytes())
    })
}

/// Returns the key under which a part of what stands under `key` is kept.
pub(crate) fn part_key(key: &Key) -> Key {
    Key::builder().text("part").key(key).finish()
}

/// Returns the tag that everything kept for a target depends on, whatever the layer and the scheme.
pub(crate) fn tag(host: &str, target: &str) -> String {
    format!("larder:http:uri:{}{target}", host.to_ascii_lowercase())
}

fn target(uri: &Uri) -> &str {
    uri.path_and_query()
        .map_or("", http::uri::PathAndQuery::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use proptest::prelude::*;

    fn policy() -> KeyPolicy {
        KeyPolicy {
            headers: vec!["x".parse().unwrap()],
            ..KeyPolicy::default()
        }
    }

    fn of(host: &str, uri: &str, headers: &[(&str, &str)]) -> Key {
        let request = Request::builder().uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let request = request.body(()).unwrap();
        key(
            &LayerName::number(1),
            Host::of(host),
            &Head::of(&request),
            &policy(),
        )
    }

    #[test]
    fn every_part_counts() {
        let keys = [
            of("a", "/p", &[]),
            of("b", "/p", &[]),
            of("a", "/P", &[]),
            of("a", "/p?", &[]),
            of("a", "/p?q", &[]),
            of("a", "/p/", &[]),
            of("a", "/%70", &[]),
            of("a", "//p", &[]),
            of("a", "http://a/p", &[]),
            of("a", "/p", &[("x", "")]),
            of("a", "/p", &[("x", "1")]),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key), "{key}");
        }
        assert_eq!(of("a", "/p", &[("y", "1")]), of("a", "/p", &[]));
    }

    #[test]
    fn the_url_a_proxy_was_asked_for_counts() {
        let keys = [
            of("a", "/p", &[]),
            of("a", "/p", &[("x-forwarded-host", "b")]),
            of("a", "/p", &[("x-forwarded-host", "c")]),
            of("a", "/p", &[("x-forwarded-proto", "b")]),
            of("a", "/p", &[("forwarded", "host=b")]),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key), "{key}");
        }
        assert_eq!(keys[0], of("a", "/p", &[("x-forwarded-for", "b")]));
    }

    #[test]
    fn a_host_has_one_tag() {
        assert_eq!(tag("A.org", "/P"), tag("a.ORG", "/P"));
        assert_ne!(tag("a.org", "/P"), tag("a.org", "/p"));
    }

    #[test]
    fn two_layers_never_share_a_key() {
        let request = Request::new(());
        let of = |layer: LayerName| {
            key(
                &layer,
                Host::of(""),
                &Head::of(&request),
                &KeyPolicy::default(),
            )
        };
        assert_ne!(of(LayerName::number(1)), of(LayerName::number(2)));
        assert_ne!(of(LayerName::number(1)), of(LayerName::given("one")));
    }

    #[cfg(feature = "axum")]
    #[test]
    fn the_original_uri_and_the_one_seen_both_count() {
        let of = |original: &str, seen: &str| {
            let mut request = Request::builder().uri(seen).body(()).unwrap();
            request
                .extensions_mut()
                .insert(axum::extract::OriginalUri(original.parse().unwrap()));
            key(
                &LayerName::number(1),
                Host::of(""),
                &Head::of(&request),
                &KeyPolicy::default(),
            )
        };
        assert_ne!(of("/a/x", "/x"), of("/b/x", "/x"));
        assert_ne!(of("/a", "/tenant1"), of("/a", "/tenant2"));
    }

    #[test]
    fn a_key_reads_as_its_request() {
        assert_eq!(
            of("a.org:80", "https://a.org:80/p?q", &[]).to_string(),
            "1 GET https://a.org:80/p?q/x/"
        );
    }

    #[test]
    fn parameters_count_as_the_route_says() {
        let target = |query, sorted, uri: &str| {
            let policy = KeyPolicy {
                query,
                sorted,
                ..KeyPolicy::default()
            };
            policy.target(&uri.parse().unwrap()).into_owned()
        };
        let uri = "/p?b=2&utm=x&a=1&b=1&a";
        let only = || Query::Only(vec!["a".into(), "b".into()]);
        assert_eq!(target(only(), false, uri), "/p?b=2&a=1&b=1&a");
        assert_eq!(target(only(), true, uri), "/p?a=1&a&b=2&b=1");
        let without = || Query::Without(vec!["utm".into()]);
        assert_eq!(target(without(), false, uri), "/p?b=2&a=1&b=1&a");
        assert_eq!(target(without(), false, "/p?utm=x"), "/p");
        assert_eq!(target(Query::Whole, true, "/p?b&a"), "/p?a&b");
        assert_eq!(target(Query::Whole, false, uri), uri);
        for encoded in ["/p?id=1&i%64=2", "/p?z+z=1&id=2"] {
            assert_eq!(target(only(), true, encoded), encoded);
            assert_eq!(target(without(), true, encoded), encoded);
        }
    }

    proptest! {
        #[test]
        fn hosts_and_targets_do_not_run_into_each_other(
            a in "[a.:]{0,3}", b in "/[a/?]{0,3}", c in "[a.:]{0,3}", d in "/[a/?]{0,3}",
        ) {
            let key = |host: &str, target: &str| of(host, &format!("http://h{target}"), &[("x", host)]);
            prop_assert_eq!(key(&a, &b) == key(&c, &d), (a, b) == (c, d));
        }
    }
}
