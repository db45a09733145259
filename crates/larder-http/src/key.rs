//! What identifies a response, besides the user (that is the region's scope).
//!
//! In this order:
//!
//! 1. the layer: two layers never share a response, since what stands between them (a check of
//!    an API key, say) would be left out,
//! 2. the method class: GET, which HEAD shares (RFC 9111, 4),
//! 3. scheme and host of the original URI,
//! 4. its path and query, byte for byte: nothing is decoded, sorted or cleaned,
//! 5. path and query as the wrapped service sees them where they differ (nested routers, rewrites),
//! 6. the headers the route declares.

use http::{HeaderName, Uri};
use larder_core::Key;
use smallvec::SmallVec;

use crate::head::Head;
use crate::vary::push_header;

/// Returns the key of a request to `host` in the layer numbered `layer`.
///
/// It reads as `7 GET https://example.org/articles?page=2`, so that patterns over keys can be
/// written down. Neither a scheme nor a host has a slash, and no target has a blank, so the parts
/// cannot run into each other; values of headers, which can hold anything, stand behind their
/// lengths.
pub(crate) fn key(layer: u64, host: &str, head: &Head<'_>, declared: &[HeaderName]) -> Key {
    let uri = head.original_uri;
    let mut text = SmallVec::<[u8; 256]>::new();
    push_number(&mut text, layer);
    text.extend_from_slice(b" GET ");
    text.extend_from_slice(uri.scheme_str().unwrap_or_default().as_bytes());
    text.extend_from_slice(b"://");
    text.extend_from_slice(host.as_bytes());
    text.extend_from_slice(target(uri).as_bytes());
    if !std::ptr::eq(uri, head.uri) && target(uri) != target(head.uri) {
        text.extend_from_slice(b" as ");
        text.extend_from_slice(target(head.uri).as_bytes());
    }
    let key = Key::builder();
    let key = match std::str::from_utf8(&text) {
        Ok(text) => key.text(text),
        Err(_) => key.bytes(&text),
    };
    declared
        .iter()
        .fold(key, |key, name| push_header(key, name, head.headers))
        .finish()
}

fn target(uri: &Uri) -> &str {
    uri.path_and_query()
        .map_or("", http::uri::PathAndQuery::as_str)
}

fn push_number(text: &mut SmallVec<[u8; 256]>, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(b"0123456789"[usize::try_from(number % 10).unwrap_or_default()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use proptest::prelude::*;

    fn of(host: &str, uri: &str, headers: &[(&str, &str)]) -> Key {
        let request = Request::builder().uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        key(
            1,
            host,
            &Head::of(&request.body(()).unwrap()),
            &["x".parse().unwrap()],
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
    fn two_layers_never_share_a_key() {
        let request = Request::new(());
        let head = &Head::of(&request);
        assert_ne!(key(1, "", head, &[]), key(2, "", head, &[]));
    }

    #[cfg(feature = "axum")]
    #[test]
    fn the_original_uri_and_the_one_seen_both_count() {
        let of = |original: &str, seen: &str| {
            let mut request = Request::builder().uri(seen).body(()).unwrap();
            request
                .extensions_mut()
                .insert(axum::extract::OriginalUri(original.parse().unwrap()));
            key(1, "", &Head::of(&request), &[])
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
