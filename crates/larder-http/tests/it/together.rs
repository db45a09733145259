//! Many at once: who waits, who does not, and who reads along.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use larder_core::{Change, Dependency, TableName};
use larder_http::HttpPolicy;
use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;

use crate::site::{Answer, Site, get, read, respond, settle, until, within};

type Part = Result<Bytes, std::io::Error>;
type Pens = Arc<Mutex<Vec<mpsc::UnboundedSender<Part>>>>;

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// A site whose bodies of eight bytes are written by the test, made of the articles.
fn written() -> (Site, Pens) {
    let pens = Pens::default();
    let kept = Arc::clone(&pens);
    let site = Site::new(HttpPolicy::new(), move |call| {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        kept.lock().unwrap().push(sender);
        async move {
            let articles = TableName::new("main", "article");
            let read = Dependency::table(&articles);
            call.larder.reading(None, &[read]);
            let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
            respond(&[FRESH], Sized::eight(stream))
        }
    });
    (site, pens)
}

/// A body that says that it is eight bytes long.
struct Sized(Body);

impl Sized {
    fn eight<S>(stream: S) -> Body
    where
        S: futures_util::Stream<Item = Part> + Send + 'static,
    {
        Body::new(Self(Body::from_stream(stream)))
    }
}

impl http_body::Body for Sized {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(8)
    }
}

fn write(pens: &Pens, call: usize, text: &'static str) {
    let pens = pens.lock().unwrap();
    pens[call].send(Ok(Bytes::from(text))).unwrap();
}

async fn first_chunk(response: &mut http::Response<larder_http::CacheBody<Body>>) -> Bytes {
    let frame = within(http_body_util::BodyExt::frame(response.body_mut())).await;
    frame.unwrap().unwrap().into_data().unwrap()
}

/// Seen failing with nothing announced in `Fill::stream`.
#[tokio::test]
async fn those_who_wait_read_a_running_body_along() {
    let (site, pens) = written();
    let mut leader = site.open(get("/", &[])).await;
    write(&pens, 0, "half");
    let mut rider = site.open(get("/", &[])).await;
    assert_eq!(
        rider.headers()["cache-status"],
        "larder; fwd=uri-miss; collapsed"
    );
    assert_eq!(rider.headers()["content-length"], "8");
    assert_eq!(first_chunk(&mut rider).await, "half");
    assert_eq!(first_chunk(&mut leader).await, "half");
    write(&pens, 0, "more");
    pens.lock().unwrap().clear();
    assert_eq!(read(rider).await.text(), "more");
    assert_eq!(read(leader).await.text(), "more");
    settle().await;
    let hit = site.get("/").await;
    assert_eq!((hit.text(), site.calls()), ("halfmore", 1));
}

/// Seen failing with `stands` returning true.
#[tokio::test]
async fn who_comes_after_a_write_does_not_read_along() {
    let (site, pens) = written();
    let leader = site.open(get("/", &[])).await;
    write(&pens, 0, "half");
    let articles = TableName::new("main", "article");
    site.larder.publish(Change::table(&articles)).await.unwrap();
    let after = tokio::spawn({
        let site = site.clone();
        async move { site.get("/").await }
    });
    settle().await;
    write(&pens, 0, "more");
    pens.lock().unwrap().remove(0);
    assert_eq!(read(leader).await.text(), "halfmore");
    until(|| site.calls() == 2).await;
    write(&pens, 0, "newer be");
    pens.lock().unwrap().clear();
    assert_eq!(within(after).await.unwrap().text(), "newer be");
}

/// Seen failing with the writer stopped by the first reader that leaves.
#[tokio::test]
async fn those_who_read_along_are_not_cut_short_when_the_leader_leaves() {
    let (site, pens) = written();
    let leader = site.open(get("/", &[])).await;
    write(&pens, 0, "half");
    let rider = site.open(get("/", &[])).await;
    drop(leader);
    settle().await;
    write(&pens, 0, "more");
    pens.lock().unwrap().clear();
    assert_eq!(read(rider).await.text(), "halfmore");
    settle().await;
    assert_eq!((site.get("/").await.text(), site.calls()), ("halfmore", 1));
}

#[tokio::test]
async fn when_all_readers_leave_the_body_is_let_go() {
    let (site, pens) = written();
    let (leader, rider) = (
        site.open(get("/", &[])).await,
        site.open(get("/", &[])).await,
    );
    drop((leader, rider));
    settle().await;
    let pen = pens.lock().unwrap().remove(0);
    assert!(pen.is_closed());
    let next = tokio::spawn({
        let site = site.clone();
        async move { site.get("/").await }
    });
    until(|| site.calls() == 2).await;
    write(&pens, 0, "eightful");
    pens.lock().unwrap().clear();
    assert_eq!(within(next).await.unwrap().text(), "eightful");
}

/// A server lets go of a body once it has sent what was announced.
#[tokio::test]
async fn a_client_that_has_all_of_it_need_not_wait_for_the_end() {
    let (site, pens) = written();
    let mut leader = site.open(get("/", &[])).await;
    write(&pens, 0, "eightful");
    assert_eq!(first_chunk(&mut leader).await, "eightful");
    drop(leader);
    pens.lock().unwrap().clear();
    settle().await;
    assert_eq!((site.get("/").await.text(), site.calls()), ("eightful", 1));
}

/// Half a body ends with an error, for those who read along too.
#[tokio::test]
async fn a_body_that_breaks_is_never_passed_off_as_whole() {
    let (site, pens) = written();
    let mut leader = site.open(get("/", &[])).await;
    write(&pens, 0, "half");
    let rider = site.open(get("/", &[])).await;
    assert_eq!(first_chunk(&mut leader).await, "half");
    let pen = pens.lock().unwrap().remove(0);
    pen.send(Err(std::io::Error::other("broken"))).unwrap();
    let frame = within(http_body_util::BodyExt::frame(leader.body_mut())).await;
    assert!(frame.unwrap().is_err());
    let mut rider = rider;
    assert_eq!(first_chunk(&mut rider).await, "half");
    let frame = within(http_body_util::BodyExt::frame(rider.body_mut())).await;
    let cut = frame.unwrap().unwrap_err();
    assert!(matches!(cut, larder_http::BodyError::Cut), "{cut}");
}

/// A site whose bodies are written by the test and do not say how long they are.
fn unannounced(policy: HttpPolicy) -> (Site, Pens) {
    let pens = Pens::default();
    let kept = Arc::clone(&pens);
    let site = Site::new(policy, move |_| {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        kept.lock().unwrap().push(sender);
        let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
        async move { respond(&[FRESH], Body::from_stream(stream)) }
    });
    (site, pens)
}

/// Seen failing with nothing announced of what has no length: the rider waited for the end.
#[tokio::test]
async fn a_body_of_unknown_length_is_read_along_too() {
    let (site, pens) = unannounced(HttpPolicy::new());
    let leader = site.open(get("/", &[])).await;
    write(&pens, 0, "half");
    let mut rider = site.open(get("/", &[])).await;
    assert!(!rider.headers().contains_key("content-length"));
    assert_eq!(first_chunk(&mut rider).await, "half");
    write(&pens, 0, "more");
    pens.lock().unwrap().clear();
    assert_eq!(read(rider).await.text(), "more");
    assert_eq!(read(leader).await.text(), "halfmore");
    settle().await;
    assert_eq!((site.get("/").await.text(), site.calls()), ("halfmore", 1));
}

/// Those who have begun get all of it; those who come later do not wait, and nothing is kept.
#[tokio::test]
async fn what_turns_out_too_large_is_passed_on_to_all_who_have_begun() {
    for leader_leaves in [false, true] {
        let (site, pens) = unannounced(HttpPolicy::new().body_limit(6));
        let leader = site.open(get("/", &[])).await;
        write(&pens, 0, "half");
        let mut rider = site.open(get("/", &[])).await;
        assert_eq!(first_chunk(&mut rider).await, "half");
        write(&pens, 0, "more");
        assert_eq!(first_chunk(&mut rider).await, "more");
        let leader = (!leader_leaves).then_some(leader);
        let alone = site.open(get("/", &[])).await;
        assert_eq!(site.calls(), 2);
        write(&pens, 0, "rest");
        pens.lock().unwrap().clear();
        drop(alone);
        assert_eq!(read(rider).await.text(), "rest");
        if let Some(leader) = leader {
            assert_eq!(read(leader).await.text(), "halfmorerest");
        }
    }
}

/// Seen failing without the window: all of it was held for the one that does not read.
#[tokio::test]
async fn who_falls_far_behind_a_body_too_large_is_cut_and_holds_up_nobody() {
    const CHUNKS: usize = 300;
    let (site, pens) = unannounced(HttpPolicy::new().body_limit(64 * 1024));
    let mut leader = site.open(get("/", &[])).await;
    let mut idle = site.open(get("/", &[])).await;
    let chunk = Bytes::from(vec![b'x'; 32 * 1024]);
    let pen = pens.lock().unwrap().remove(0);
    let mut read_so_far = 0;
    for _ in 0..CHUNKS {
        pen.send(Ok(chunk.clone())).unwrap();
        read_so_far += first_chunk(&mut leader).await.len();
    }
    drop(pen);
    let rest = read(leader).await.body.len();
    assert_eq!(read_so_far + rest, CHUNKS * chunk.len());
    let frame = within(http_body_util::BodyExt::frame(idle.body_mut())).await;
    let cut = frame.unwrap().unwrap_err();
    assert!(matches!(cut, larder_http::BodyError::Cut), "{cut}");
}

async fn ask(site: &Site, callers: usize) -> Vec<Answer> {
    let mut asking = JoinSet::new();
    for _ in 0..callers {
        let site = site.clone();
        asking.spawn(async move { site.get("/").await });
    }
    within(asking.join_all()).await
}

/// All twenty are inside at once, or none ever leaves. Seen failing with nothing remembered.
#[tokio::test]
async fn nobody_waits_for_what_was_not_kept_a_moment_ago() {
    let together = Arc::new(Barrier::new(20));
    let site = Site::new(HttpPolicy::new(), move |call| {
        let together = Arc::clone(&together);
        async move {
            if call.number > 1 {
                together.wait().await;
            }
            respond(&[("cache-control", "private")], call.number.to_string())
        }
    });
    site.get("/").await;
    let answers = ask(&site, 20).await;
    assert_eq!(site.calls(), 21);
    assert!(
        answers
            .iter()
            .all(|answer| answer.cache() == "fwd=uri-miss; detail=private")
    );
}

#[tokio::test]
async fn what_is_kept_at_last_is_waited_for_again() {
    let site = Site::new(HttpPolicy::new(), |call| async move {
        tokio::task::yield_now().await;
        let value = if call.number == 1 {
            "private"
        } else {
            "max-age=60"
        };
        respond(&[("cache-control", value)], call.number.to_string())
    });
    site.get("/").await;
    assert_eq!(site.get("/").await.cache(), "fwd=uri-miss; stored");
    site.clock.advance(crate::site::MINUTE);
    let before = site.calls();
    ask(&site, 20).await;
    assert_eq!(site.calls(), before + 1);
}

/// `no-cache` answers are nobody else's, but nobody waits in line for one either.
#[tokio::test]
async fn what_must_be_asked_about_each_time_is_asked_about_by_all_at_once() {
    let together = Arc::new(Barrier::new(19));
    let site = Site::new(HttpPolicy::new(), move |call| {
        let together = Arc::clone(&together);
        async move {
            if call.number > 2 {
                together.wait().await;
            }
            let fields = [("cache-control", "no-cache"), ("etag", "\"a\"")];
            let mut response = respond(&fields, call.number.to_string());
            if call.request.headers().contains_key("if-none-match") {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.body_mut() = Body::empty();
            }
            tokio::task::yield_now().await;
            response
        }
    });
    site.get("/").await;
    let answers = ask(&site, 20).await;
    assert!(answers.iter().all(|answer| answer.text() == "1"));
    assert_eq!(site.calls(), 21);
}

/// One that nobody answers leaves all who waited with what is stale.
#[tokio::test]
async fn a_failure_is_bridged_for_all_who_wait() {
    let site = Site::new(HttpPolicy::new(), |call| async move {
        if call.number == 1 {
            return respond(&[("cache-control", "max-age=60, stale-if-error=60")], "1");
        }
        settle().await;
        let mut response = respond(&[], "");
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    });
    site.get("/").await;
    site.clock.advance(crate::site::MINUTE);
    let answers = ask(&site, 20).await;
    assert!(answers.iter().all(|answer| answer.text() == "1"));
    assert_eq!(site.calls(), 2);
}

/// Returns whose answer it is, and in which language.
fn owner(request: &http::Request<Body>) -> String {
    let field = |name| {
        let value = request.headers().get(name);
        value.map_or("none", |value| value.to_str().unwrap())
    };
    format!("{} {}", field("authorization"), field("accept-language"))
}

/// Every answer carries its owner; clients leave at any time, variants and users are mixed.
#[tokio::test]
async fn nobody_ever_gets_an_answer_of_somebody_else() {
    let policy = HttpPolicy::rfc().vary_by_user(|head| {
        let user = head.headers.get("authorization")?.to_str().ok()?;
        (user != "-").then(|| user.to_owned())
    });
    let site = Site::new(policy, |call| async move {
        let owner = owner(&call.request);
        for _ in 0..call.number % 4 {
            tokio::task::yield_now().await;
        }
        let control = [
            "max-age=60",
            "private",
            "no-cache",
            "max-age=0, stale-while-revalidate=9",
        ];
        let fields = [
            ("cache-control", control[call.number % 4]),
            ("vary", "accept-language"),
            ("etag", "\"a\""),
        ];
        let mut response = respond(&fields, owner);
        if call.number % 5 == 0 && call.request.headers().contains_key("if-none-match") {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
        }
        response
    });
    for round in 0..200 {
        let mut asking = JoinSet::new();
        for client in 0..20_usize {
            let (site, who) = (site.clone(), ["ann", "bob", "-"][client % 3]);
            let language = ["de", "en"][(client / 3 + round) % 2];
            asking.spawn(async move {
                let fields = [("authorization", who), ("accept-language", language)];
                let answer = site.send(get("/", &fields));
                let leaves = client % 7 == 0;
                let patience = async {
                    for _ in 0..client % 4 {
                        tokio::task::yield_now().await;
                    }
                    if !leaves {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    answer = answer => assert_eq!(answer.text(), format!("{who} {language}")),
                    () = patience => {}
                }
            });
        }
        within(asking.join_all()).await;
        site.clock.advance(crate::site::SECOND * 7);
    }
}
