//! What identifies a response, besides the user (that is the region's scope).
//!
//! In this order, each part behind its length, so that no two requests share a key by accident:
//!
//! 1. the method class: GET, which HEAD shares (RFC 9111, 4),
//! 2. the layer: two layers never share a response, since what stands between them (a check of
//!    an API key, say) would be left out,
//! 3. scheme and host of the original URI,
//! 4. its path and query, byte for byte: nothing is decoded, sorted or cleaned,
//! 5. path and query as the wrapped service sees them where they differ (nested routers, rewrites),
//! 6. the headers the route declares.

use http::request::Parts;
use http::{HeaderName, Uri};
use larder_core::Key;

use crate::vary::push_header;

/// Returns the URI the client asked for.
pub(crate) fn original_uri(head: &Parts) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(original) = head.extensions.get::<axum::extract::OriginalUri>() {
        return &original.0;
    }
    &head.uri
}

/// Returns the key of a request to `host` in the layer numbered `layer`.
pub(crate) fn key(layer: u64, host: &str, head: &Parts, declared: &[HeaderName]) -> Key {
    let uri = original_uri(head);
    let seen = if std::ptr::eq(uri, &raw const head.uri) || target(uri) == target(&head.uri) {
        ""
    } else {
        target(&head.uri)
    };
    let key = Key::builder()
        .text("G")
        .int(layer)
        .text(uri.scheme_str().unwrap_or_default())
        .text(host)
        .text(target(uri))
        .text(seen);
    declared
        .iter()
        .fold(key, |key, name| push_header(key, name, &head.headers))
        .finish()
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

    fn of(host: &str, uri: &str, headers: &[(&str, &str)]) -> Key {
        let request = Request::builder().uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        key(
            1,
            host,
            &request.body(()).unwrap().into_parts().0,
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
        let head = Request::new(()).into_parts().0;
        assert_ne!(key(1, "", &head, &[]), key(2, "", &head, &[]));
    }

    #[cfg(feature = "axum")]
    #[test]
    fn the_original_uri_and_the_one_seen_both_count() {
        let of = |original: &str, seen: &str| {
            let mut head = Request::builder()
                .uri(seen)
                .body(())
                .unwrap()
                .into_parts()
                .0;
            head.extensions
                .insert(axum::extract::OriginalUri(original.parse().unwrap()));
            key(1, "", &head, &[])
        };
        assert_ne!(of("/a/x", "/x"), of("/b/x", "/x"));
        assert_ne!(of("/a", "/tenant1"), of("/a", "/tenant2"));
    }

    proptest! {
        #[test]
        fn hosts_and_targets_do_not_run_into_each_other(
            a in "[a/]{0,3}", b in "/[a/?]{0,3}", c in "[a/]{0,3}", d in "/[a/?]{0,3}",
        ) {
            let key = |host: &str, target: &str| of(host, &format!("http://h{target}"), &[("x", host)]);
            prop_assert_eq!(key(&a, &b) == key(&c, &d), (a, b) == (c, d));
        }
    }
}
