//! A client that wants it newer decides of its own request only; what its origin then says of what is kept is
//! true on all nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http::{Response, StatusCode};
use larder_http::HttpPolicy;

use super::Cluster;
use crate::site::{Answer, Site, request, respond, settle};

type Fields = &'static [(&'static str, &'static str)];

const NO_CACHE: (&str, &str) = ("cache-control", "no-cache");

/// Answers the first request with a text that is fresh for a minute, all others as `later` says.
fn turning(is_first: bool, status: u16, later: Fields) -> Response<Body> {
    if is_first {
        return respond(&[("cache-control", "max-age=60"), ("etag", "\"a\"")], "old");
    }
    let mut response = respond(later, if status == 304 { "" } else { "new" });
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Two nodes that listen to requests, and hold the same text.
async fn holding(cluster: &Cluster, status: u16, later: Fields) -> [Site; 2] {
    let asked = Arc::<AtomicBool>::default();
    let node = || {
        let (policy, asked) = (HttpPolicy::rfc().name("pages"), Arc::clone(&asked));
        let first = move || !asked.swap(true, Ordering::SeqCst);
        cluster.node_of(policy, move |_| turning(first(), status, later))
    };
    let [a, b] = [node(), node()];
    a.get("/").await;
    cluster.stored(1).await;
    assert_eq!(b.get("/").await.cache(), "hit; ttl=60; detail=remote");
    [a, b]
}

async fn reload(node: &Site, method: &str) -> Answer {
    node.send(request(method, "/", &[NO_CACHE])).await
}

#[tokio::test]
async fn who_wants_it_newer_is_answered_by_the_handler_and_nobody_else_is() {
    for later in [
        &[("cache-control", "no-store")][..],
        &[("cache-control", "private, max-age=60")],
    ] {
        let cluster = Cluster::new();
        let [a, b] = holding(&cluster, 200, later).await;
        let newer = reload(&a, "GET").await;
        assert_eq!(newer.text(), "new", "{later:?}");
        assert!(newer.cache().starts_with("fwd=request"), "{later:?}");
        settle().await;
        for node in [&a, &b] {
            let answer = node.get("/").await;
            assert_eq!((answer.text(), answer.cache()), ("old", "hit; ttl=60"));
        }
        assert_eq!((a.calls(), b.calls()), (2, 0));
    }
}

#[tokio::test]
async fn what_is_confirmed_for_one_is_as_good_for_all() {
    let cluster = Cluster::new();
    let later = &[("cache-control", "max-age=90"), ("etag", "\"a\"")];
    let [a, b] = holding(&cluster, 304, later).await;
    let confirmed = reload(&a, "GET").await;
    assert_eq!(
        (confirmed.text(), confirmed.cache()),
        ("old", "fwd=request; fwd-status=304; stored")
    );
    let answer = a.get("/").await;
    assert_eq!((answer.text(), answer.cache()), ("old", "hit; ttl=90"));
    assert_eq!(b.get("/").await.cache(), "hit; ttl=60");
    assert_eq!((a.calls(), b.calls()), (2, 0));
}

/// Seen failing where it was dropped in the local tier alone: it came back from the store, and other nodes had it
/// all along.
#[tokio::test]
async fn what_its_origin_no_longer_stands_by_is_served_by_no_node() {
    let cases: [(&str, u16, Fields); 3] = [
        // The same response, no longer for all.
        (
            "GET",
            304,
            &[("cache-control", "private"), ("etag", "\"a\"")],
        ),
        // Another response.
        (
            "GET",
            304,
            &[("cache-control", "max-age=60"), ("etag", "\"b\"")],
        ),
        (
            "HEAD",
            200,
            &[("cache-control", "max-age=60"), ("etag", "\"b\"")],
        ),
    ];
    for (method, status, later) in cases {
        let cluster = Cluster::new();
        let [a, b] = holding(&cluster, status, later).await;
        reload(&a, method).await;
        for node in [&a, &b] {
            let answer = node.get("/").await;
            assert_ne!(answer.text(), "old", "{method} {later:?}");
        }
        assert!(a.calls() > 2, "{method} {later:?}");
    }
}
