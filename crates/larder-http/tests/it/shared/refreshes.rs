//! What is stale on every node is asked about by one of them.

use axum::body::Body;
use http::Response;
use larder_core::test_util::StoreFault;
use larder_core::{Change, Dependency};

use super::{Cluster, article, pages};
use crate::site::{Call, MINUTE, SECOND, Site, respond, settle, until};

/// Says who answered, which call it was, and in which language; confirms what one has of that language.
fn confirming(name: &'static str, call: &Call) -> Response<Body> {
    call.larder.reading(None, &[Dependency::row(&article(), 7)]);
    let headers = call.request.headers();
    let language = headers.get("accept-language").map_or("-", text);
    let tag = format!("\"{language}\"");
    let fields = [("vary", "accept-language"), ("etag", &tag)];
    if headers.get("if-none-match").map(text) == Some(&tag) {
        let mut confirmed = respond(&fields, "");
        *confirmed.status_mut() = http::StatusCode::NOT_MODIFIED;
        return confirmed;
    }
    respond(&fields, format!("{name}{} {language}", call.number))
}

fn text(value: &http::HeaderValue) -> &str {
    value.to_str().unwrap()
}

/// Nodes of a site whose responses may be served stale for a minute.
fn nodes<const N: usize>(cluster: &Cluster, names: [&'static str; N]) -> [Site; N] {
    let policy = pages().grace(MINUTE);
    names.map(|name| cluster.node_of(policy.clone(), move |call| confirming(name, &call)))
}

/// Waits until a node answers from what is fresh, and returns that.
async fn fresh(node: &Site) -> String {
    for _ in 0..1000 {
        let answer = node.get("/").await;
        if answer.cache() == "hit; ttl=60" {
            return answer.text().to_owned();
        }
        settle().await;
    }
    panic!("it stays stale");
}

/// Seen failing where a refresh in the background asked its handler at once: each node's was called.
#[tokio::test]
async fn what_all_nodes_hold_is_refreshed_by_one() {
    let cluster = Cluster::new();
    let nodes = nodes(&cluster, ["a", "b", "c", "d"]);
    for node in &nodes {
        assert_eq!(node.get("/").await.text(), "a1 -");
        cluster.stored(1).await;
    }
    cluster.clock.advance(MINUTE + SECOND);
    for node in &nodes {
        assert_eq!(node.get("/").await.cache(), "hit; ttl=-1");
        assert_eq!(fresh(node).await, "a1 -");
        cluster.stored(2).await;
    }
    assert_eq!(nodes.each_ref().map(Site::calls), [2, 0, 0, 0]);
    assert_eq!(cluster.store.puts(), 2);
}

#[tokio::test]
async fn what_is_stale_and_asked_about_at_once_is_asked_of_the_store_first() {
    let cluster = Cluster::new();
    let policy = pages().stale_if_error(10 * MINUTE);
    let node = |name| cluster.node_of(policy.clone(), move |call| confirming(name, &call));
    let nodes = [node("a"), node("b"), node("c")];
    for node in &nodes {
        assert_eq!(node.get("/").await.text(), "a1 -");
        cluster.stored(1).await;
    }
    cluster.clock.advance(MINUTE + SECOND);
    let first = nodes[0].get("/").await;
    assert_eq!(first.cache(), "fwd=stale; fwd-status=304; stored");
    cluster.stored(2).await;
    for node in &nodes[1..] {
        let answer = node.get("/").await;
        assert_eq!(answer.cache(), "hit; ttl=60; detail=remote");
        assert_eq!((answer.text(), node.calls()), ("a1 -", 0));
    }
}

/// Seen failing where what another node keeps under the key all variants have in common was taken for the
/// variant that is refreshed: nobody asked about that one.
#[tokio::test]
async fn each_node_refreshes_the_variant_it_was_asked_for() {
    let cluster = Cluster::new();
    let [a, b] = nodes(&cluster, ["a", "b"]);
    // Each node's first response is another variant.
    b.get_with(&[("accept-language", "en")]).await;
    cluster.stored(1).await;
    cluster.store.clear();
    a.get_with(&[("accept-language", "de")]).await;
    cluster.stored(2).await;
    cluster.clock.advance(MINUTE + SECOND);
    a.get_with(&[("accept-language", "de")]).await;
    cluster.stored(3).await;
    let stale = b.get_with(&[("accept-language", "en")]).await;
    assert_eq!((stale.cache(), stale.text()), ("hit; ttl=-1", "b1 en"));
    until(|| b.calls() == 2).await;
    cluster.stored(4).await;
    let english = b.get_with(&[("accept-language", "en")]).await;
    assert_eq!((english.cache(), english.text()), ("hit; ttl=60", "b1 en"));
    let german = b.get_with(&[("accept-language", "de")]).await;
    assert_eq!((german.cache(), german.text()), ("hit; ttl=60", "a1 de"));
    assert_eq!((a.calls(), b.calls()), (2, 2));
}

#[tokio::test]
async fn what_was_made_invalid_meanwhile_is_refreshed_by_the_handler() {
    let cluster = Cluster::new();
    let [a, b] = nodes(&cluster, ["a", "b"]);
    a.get("/").await;
    cluster.stored(1).await;
    b.get("/").await;
    cluster.clock.advance(MINUTE + SECOND);
    a.get("/").await;
    cluster.stored(2).await;
    cluster.faulty.set(StoreFault::Hangs);
    assert_eq!(b.get("/").await.cache(), "hit; ttl=-1");
    settle().await;
    let change = Change::row(&article(), 7);
    a.larder.publish(change).await.unwrap();
    cluster.faulty.set(StoreFault::None);
    until(|| b.calls() == 1).await;
    settle().await;
    assert_eq!(b.get("/").await.text(), "b2 -");
    assert_eq!(b.calls(), 2);
}
