//! Two nodes over one store: what one node's handler has answered the other's need not.

mod refreshes;
mod wishes;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use larder_core::test_util::{FaultyStore, ManualClock, MemoryStore, StoreFault};
use larder_core::{Change, Dependency, LocalBus, Scope, TableName};
use larder_http::HttpPolicy;

use crate::site::{
    Answer, Call, MINUTE, SECOND, Site, builder, minute, request, respond, settle, until,
};

/// What nodes have in common.
struct Cluster {
    store: MemoryStore,
    faulty: FaultyStore,
    bus: LocalBus,
    clock: ManualClock,
}

impl Cluster {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::with_clock(clock.clone());
        Self {
            faulty: FaultyStore::over(store.clone()),
            store,
            bus: LocalBus::new(),
            clock,
        }
    }

    /// A node whose handler says its name and the number of the call.
    fn node(&self, name: &'static str, policy: HttpPolicy) -> Site {
        self.node_of(policy, move |call| answer(name, &call))
    }

    fn node_of<F>(&self, policy: HttpPolicy, answer: F) -> Site
    where
        F: Fn(Call) -> Response<Body> + Send + Sync + 'static,
    {
        let larder = builder(&self.clock).bus(self.bus.clone());
        let larder = larder.store(self.faulty.clone());
        Site::built(larder, self.clock.clone(), policy, move |call| {
            let answer = answer(call);
            async move { answer }
        })
    }

    /// Two nodes of the same make.
    fn pair(&self, policy: &HttpPolicy) -> (Site, Site) {
        let node = |name| self.node(name, policy.clone());
        (node("a"), node("b"))
    }

    async fn stored(&self, puts: u64) {
        until(|| self.store.puts() >= puts).await;
    }
}

fn pages() -> HttpPolicy {
    minute().name("pages")
}

fn article() -> TableName {
    TableName::new("main", "article")
}

/// A 203, made of row 7; says who answered, whom, and in which language.
fn answer(name: &str, call: &Call) -> Response<Body> {
    call.larder.reading(None, &[Dependency::row(&article(), 7)]);
    let header = |name| {
        let value = call.request.headers().get(name);
        value.map_or("-", |value| value.to_str().unwrap())
    };
    let (user, language) = (header("authorization"), header("accept-language"));
    let text = format!("{name}{} {user} {language}", call.number);
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())]);
    let frames = [Frame::data(Bytes::from(text)), Frame::trailers(trailers)];
    let stream = futures_util::stream::iter(frames).map(Ok::<_, std::io::Error>);
    let headers = [
        ("cache-control", "max-age=60"),
        ("vary", "accept-language"),
        ("link", "</a>"),
        ("link", "</b>"),
        ("x-made-by", name),
    ];
    let mut response = respond(&headers, Body::new(StreamBody::new(stream)));
    *response.status_mut() = http::StatusCode::NON_AUTHORITATIVE_INFORMATION;
    response
}

/// All a client sees, but for what the cache did.
fn seen(mut answer: Answer) -> (u16, HeaderMap, Bytes, Option<HeaderMap>) {
    answer.headers.remove("cache-status");
    let status = answer.status.as_u16();
    (status, answer.headers, answer.body, answer.trailers)
}

/// Without the codec in `http_layer_with` nothing is ever put, and it waits to its deadline.
#[tokio::test]
async fn what_one_node_answered_the_other_answers_without_its_handler() {
    let cluster = Cluster::new();
    let (a, b) = cluster.pair(&pages());
    assert_eq!(a.get("/").await.cache(), "fwd=uri-miss; stored");
    cluster.stored(1).await;
    cluster.clock.advance(10 * SECOND);
    let there = b.get("/").await;
    assert_eq!(there.cache(), "hit; ttl=50; detail=remote");
    assert_eq!((there.header("age"), there.text()), ("10", "a1 - -"));
    assert_eq!(there.headers.get_all("link").iter().count(), 2);
    assert_eq!(there.trailers.as_ref().unwrap()["x-sum"], "1");
    assert_eq!(seen(there), seen(a.get("/").await));
    let again = b.get("/").await;
    assert_eq!(again.cache(), "hit; ttl=50");
    assert_eq!(seen(again), seen(a.get("/").await));
    assert_eq!((a.calls(), b.calls(), cluster.store.gets()), (1, 0, 2));
}

/// Seen failing, with what was older than a node's start, where the bus within a process did not tell a
/// node that comes late that anything may have changed.
#[tokio::test]
async fn a_write_makes_it_unusable_on_both_and_one_of_them_makes_it_anew() {
    let cluster = Cluster::new();
    let (a, b) = cluster.pair(&pages());
    a.get("/").await;
    cluster.stored(1).await;
    assert_eq!(b.get("/").await.text(), "a1 - -");
    let change = Change::row(&article(), 7);
    b.larder.publish(change).await.unwrap();
    assert_eq!(b.get("/").await.text(), "b1 - -");
    cluster.stored(2).await;
    assert_eq!(a.get("/").await.text(), "b1 - -");
    let change = Change::row(&article(), 7);
    a.larder.publish(change).await.unwrap();
    // A node that holds nothing yet is not given what was made before either.
    let cold = cluster.node("c", pages());
    assert_eq!(cold.get("/").await.text(), "c1 - -");
    assert_eq!((a.calls(), b.calls()), (1, 1));
}

#[tokio::test]
async fn each_variant_is_found_by_what_it_was_chosen_by() {
    let cluster = Cluster::new();
    let (a, b) = cluster.pair(&pages());
    let languages = [("de", 1), ("en", 2), ("fr", 3)];
    for (language, _) in languages {
        a.get_with(&[("accept-language", language)]).await;
    }
    cluster.stored(3).await;
    for (language, number) in languages.into_iter().rev() {
        let answer = b.get_with(&[("accept-language", language)]).await;
        assert_eq!(answer.text(), format!("a{number} - {language}"));
        // The first of all was asked for already, to learn of the `Vary`.
        let told = if language == "de" {
            "hit; ttl=60"
        } else {
            "hit; ttl=60; detail=remote"
        };
        assert_eq!(answer.cache(), told);
    }
    assert_eq!(b.calls(), 0);
    let answer = b.get_with(&[("accept-language", "it")]).await;
    assert_eq!(answer.cache(), "fwd=vary-miss; stored");
    assert_eq!(answer.text(), "b1 - it");
}

/// Seen failing with the scope taken out of `Remote::key`.
#[tokio::test]
async fn an_answer_never_leaves_its_scope() {
    fn token(head: &http::request::Parts) -> Option<&str> {
        head.headers.get("authorization")?.to_str().ok()
    }
    let users = pages().vary_by_user(|head| token(head).map(str::to_owned));
    let tenants = pages().vary_by_scope(|head| token(head).map(Scope::tenant));
    for policy in [users, tenants] {
        let cluster = Cluster::new();
        let (a, b) = cluster.pair(&policy);
        a.get_with(&[("authorization", "ann")]).await;
        cluster.stored(1).await;
        let bobs = b.get_with(&[("authorization", "bob")]).await;
        assert_eq!(bobs.text(), "b1 bob -");
        assert_eq!(b.get("/").await.text(), "b2 - -");
        let anns = b.get_with(&[("authorization", "ann")]).await;
        assert_eq!(anns.text(), "a1 ann -");
        assert_eq!(b.calls(), 2);
        cluster.stored(3).await;
        let bobs = a.get_with(&[("authorization", "bob")]).await;
        assert_eq!((bobs.text(), a.calls()), ("b1 bob -", 1));
    }
}

#[tokio::test]
async fn a_condition_is_met_and_a_part_cut_out_by_what_another_node_made() {
    let cluster = Cluster::new();
    let plain = || cluster.node_of(pages(), |_| respond(&[], "0123456789"));
    let (a, b, c) = (plain(), plain(), plain());
    let tag = a.get("/").await.header("etag").to_owned();
    cluster.stored(1).await;
    let known = b.get_with(&[("if-none-match", &tag)]).await;
    assert_eq!((known.status.as_u16(), known.text()), (304, ""));
    let part = b.get_with(&[("range", "bytes=2-4")]).await;
    assert_eq!((part.status.as_u16(), part.text()), (206, "234"));
    let head = b.send(request("HEAD", "/", &[])).await;
    assert_eq!(head.header("content-length"), "10");
    assert_eq!(b.calls(), 0);
    // Where nothing is held yet, neither is worth asking for.
    let part = c.get_with(&[("range", "bytes=2-4")]).await;
    assert_eq!(part.cache(), "fwd=uri-miss; detail=range");
    let head = c.send(request("HEAD", "/", &[])).await;
    assert_eq!(head.cache(), "fwd=uri-miss; detail=head");
}

#[tokio::test]
async fn a_layer_without_a_name_shares_nothing() {
    let cluster = Cluster::new();
    let (a, b) = cluster.pair(&minute());
    a.get("/").await;
    settle().await;
    assert_eq!(b.get("/").await.text(), "b1 - -");
    assert_eq!((cluster.store.len(), cluster.faulty.calls()), (0, 0));
}

#[tokio::test]
async fn layers_of_other_names_and_policies_share_nothing() {
    for other in [minute().name("others"), pages().grace(SECOND)] {
        let cluster = Cluster::new();
        let (a, b) = (cluster.node("a", pages()), cluster.node("b", other));
        a.get("/").await;
        cluster.stored(1).await;
        assert_eq!(b.get("/").await.text(), "b1 - -");
    }
}

#[tokio::test]
async fn what_may_not_be_kept_or_must_be_asked_about_is_not_shared() {
    for headers in [
        [("set-cookie", "a=b")],
        [("cache-control", "private, max-age=60")],
        [("cache-control", "no-store")],
        [("cache-control", "no-cache")],
    ] {
        let cluster = Cluster::new();
        let nodes = || cluster.node_of(pages(), move |_| respond(&headers, "text"));
        let (a, b) = (nodes(), nodes());
        a.get("/").await;
        settle().await;
        b.get("/").await;
        settle().await;
        assert_eq!((b.calls(), cluster.store.len()), (1, 0), "{headers:?}");
    }
}

#[tokio::test]
async fn a_part_stays_with_the_node_that_has_it() {
    let cluster = Cluster::new();
    let part = [
        ("content-range", "bytes 0-3/10"),
        ("etag", "\"1\""),
        ("cache-control", "max-age=60"),
    ];
    let policy = HttpPolicy::rfc().name("edge");
    let a = cluster.node_of(policy, move |_| {
        let mut response = respond(&part, "0123");
        *response.status_mut() = http::StatusCode::PARTIAL_CONTENT;
        response
    });
    let asked = [("range", "bytes=0-3")];
    a.get_with(&asked).await;
    assert_eq!(a.get_with(&asked).await.cache(), "hit; ttl=60");
    settle().await;
    assert!(cluster.store.is_empty());
}

#[tokio::test]
async fn those_who_wait_for_one_that_asks_have_what_it_gets() {
    let cluster = Cluster::new();
    let (a, b) = cluster.pair(&pages());
    a.get("/").await;
    cluster.stored(1).await;
    cluster.faulty.set(StoreFault::Hangs);
    let asking: Vec<_> = (0..5)
        .map(|_| {
            let b = b.clone();
            tokio::spawn(async move { b.get("/").await })
        })
        .collect();
    settle().await;
    let gets = cluster.store.gets();
    cluster.faulty.set(StoreFault::None);
    for answer in asking {
        let answer = answer.await.unwrap();
        assert_eq!(answer.cache(), "hit; ttl=60; detail=remote");
    }
    assert_eq!((b.calls(), cluster.store.gets() - gets), (0, 1));
}

#[tokio::test]
async fn a_response_past_its_time_is_no_other_nodes() {
    let cluster = Cluster::new();
    let (a, b) = cluster.pair(&pages().grace(MINUTE).stale_if_error(MINUTE));
    a.get("/").await;
    cluster.stored(1).await;
    cluster.clock.advance(MINUTE + SECOND);
    assert_eq!(b.get("/").await.text(), "b1 - -");
    cluster.stored(2).await;
}

#[tokio::test]
async fn whatever_the_store_gives_the_handler_answers() {
    for fault in [
        StoreFault::Corrupts,
        StoreFault::Truncates,
        StoreFault::MixesUp,
        StoreFault::AnswersShort,
        StoreFault::Fails,
        StoreFault::TimesOut,
        StoreFault::Down,
    ] {
        let cluster = Cluster::new();
        let (a, b) = cluster.pair(&pages());
        let both = ["/x", "/y"];
        for uri in both {
            a.get(uri).await;
        }
        cluster.stored(2).await;
        cluster.faulty.set(fault);
        if fault == StoreFault::MixesUp {
            mix_up(&cluster.store);
        }
        for (uri, number) in both.iter().zip(1..) {
            let answer = b.get(uri).await;
            assert_eq!(answer.text(), format!("b{number} - -"), "{fault:?}");
            assert_eq!(answer.cache(), "fwd=uri-miss; stored", "{fault:?}");
        }
    }
}

/// Gives each key the other's value: the layer asks for one key at a time.
fn mix_up(store: &MemoryStore) {
    let all = store.dump();
    let values = all.iter().rev().map(|(_, bytes)| bytes.clone());
    for ((key, _), bytes) in all.iter().zip(values) {
        store.plant(key.clone(), bytes);
    }
}

/// Fails without the lease: each handler is called.
#[tokio::test]
async fn of_nodes_that_miss_a_response_at_once_one_asks_its_handler_under_a_lease() {
    let cluster = Cluster::new();
    let (a, b) = cluster.pair(&pages().lease(10 * SECOND));
    let both = async { tokio::join!(a.get("/"), b.get("/")) };
    let mut both = std::pin::pin!(both);
    let (first, second) = loop {
        tokio::select! {
            biased;
            answers = &mut both => break answers,
            () = settle() => cluster.clock.advance(SECOND / 1000),
        }
    };
    assert_eq!((first.text(), second.text()), ("a1 - -", "a1 - -"));
    assert_eq!((a.calls(), b.calls()), (1, 0));
    assert!(second.cache().ends_with("detail=remote"));
}

/// What one may not keep nobody waits for: the others ask at once, and not one after the other.
#[tokio::test]
async fn under_a_lease_an_answer_that_is_not_kept_lets_all_nodes_go() {
    let cluster = Cluster::new();
    let policy = pages().lease(10 * SECOND);
    let private = |_| respond(&[("cache-control", "private")], "mine");
    let nodes = [0; 3].map(|_| cluster.node_of(policy.clone(), private));
    let all = async { tokio::join!(nodes[0].get("/"), nodes[1].get("/"), nodes[2].get("/")) };
    let mut all = std::pin::pin!(all);
    let mut waited = 0;
    loop {
        tokio::select! {
            biased;
            _ = &mut all => break,
            () = settle() => {
                cluster.clock.advance(SECOND / 1000);
                waited += 1;
            }
        }
    }
    assert!(waited < 100, "{waited} ms");
    assert_eq!(nodes.each_ref().map(Site::calls), [1, 1, 1]);
}
