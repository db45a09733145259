//! Who asks after a write sees it: over several threads, whole, in part, as a 304 or read along.
//!
//! `LARDER_VERSIONS_REPLIES` says how many answers are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use larder_http::HttpPolicy;

use crate::announced::Announced;
use crate::site::{Call, SECOND, Site, minute, read, request, respond};

const PAGES: usize = 4;
const CLIENTS: u64 = 12;
/// How often a body says its version, each time in eight digits.
const PARTS: usize = 6;

/// What the pages say, and what of it was acknowledged.
#[derive(Default)]
struct Pages {
    current: [AtomicU64; PAGES],
    acknowledged: [AtomicU64; PAGES],
    replies: AtomicUsize,
    from_cache: AtomicUsize,
}

fn tag(page: usize) -> String {
    format!("page {page}")
}

fn throw(dice: &mut u64, sides: u64) -> u64 {
    *dice = dice
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*dice >> 33) % sides
}

/// Answers with the page's version, read before the body or while it runs.
async fn answer(pages: Arc<Pages>, call: Call) -> Response<Body> {
    let page: usize = call.request.uri().path()[1..].parse().unwrap();
    if !call.number.is_multiple_of(3) {
        tokio::task::yield_now().await;
    }
    call.larder.depend_on(tag(page));
    let version = pages.current[page].load(Ordering::SeqCst);
    let etag = format!("\"{version}\"");
    let known = call.request.headers().get("if-none-match");
    if known.is_some_and(|known| known.to_str().unwrap().contains(&etag)) {
        let mut response = respond(&[("etag", &etag)], "");
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let mut response = respond(&[("etag", &etag)], body(version, call.number));
    response.headers_mut().insert("x-version", version.into());
    response
}

fn body(version: u64, number: usize) -> Body {
    let part = Bytes::from(format!("{version:08}"));
    if number.is_multiple_of(3) {
        return Body::from(part.repeat(PARTS));
    }
    let (mut polls, mut sent) = (number, 0);
    let stream = futures_util::stream::poll_fn(move |cx| {
        polls += 1;
        if polls.is_multiple_of(2) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        sent += 1;
        let part = (sent <= PARTS).then(|| Ok::<_, axum::Error>(Frame::data(part.clone())));
        Poll::Ready(part)
    });
    let body = Body::new(StreamBody::new(stream));
    if number % 3 == 1 {
        Body::new(Announced(body, 8 * PARTS as u64))
    } else {
        body
    }
}

/// Writes now and then, and reads what must not be older than the last write that was acknowledged.
async fn client(site: Site, pages: Arc<Pages>, seed: u64, replies: usize) {
    let mut dice = seed;
    while pages.replies.fetch_add(1, Ordering::Relaxed) < replies {
        let page = usize::try_from(throw(&mut dice, PAGES as u64)).unwrap();
        match throw(&mut dice, 12) {
            0 => {
                let version = pages.current[page].fetch_add(1, Ordering::SeqCst) + 1;
                site.larder.invalidate(tag(page)).await.unwrap();
                pages.acknowledged[page].fetch_max(version, Ordering::SeqCst);
            }
            1 => site.clock.advance(SECOND * 9),
            _ => {}
        }
        let floor = pages.acknowledged[page].load(Ordering::SeqCst);
        let kept = format!("\"{}\"", floor.saturating_sub(throw(&mut dice, 2)));
        let (method, headers): (_, &[_]) = match throw(&mut dice, 8) {
            0 => ("HEAD", &[]),
            1 => ("GET", &[("range", "bytes=8-15")]),
            2 => ("GET", &[("if-none-match", kept.as_str())]),
            _ => ("GET", &[]),
        };
        let uri = format!("/{page}");
        let asking = site.open(request(method, &uri, headers));
        if throw(&mut dice, 10) == 0 {
            drop(tokio::time::timeout(std::time::Duration::ZERO, asking).await);
            continue;
        }
        let answer = read(asking.await).await;
        let told = answer.cache();
        if told.contains("hit") || told.contains("collapsed") {
            pages.from_cache.fetch_add(1, Ordering::Relaxed);
        }
        let case = format!("seed {seed}: {method} {uri} {headers:?}, {told}");
        assert_not_older(&answer, floor, &case);
    }
}

fn assert_not_older(answer: &crate::site::Answer, floor: u64, case: &str) {
    let tagged: u64 = answer.header("etag").trim_matches('"').parse().unwrap();
    assert!(tagged >= floor, "{case}: {tagged} after {floor}");
    for part in answer.body.chunks(8) {
        let part = std::str::from_utf8(part).unwrap();
        assert_eq!(part.parse::<u64>().unwrap(), tagged, "{case}");
    }
    // A server takes the body off an answer to HEAD.
    let length = match answer.status.as_u16() {
        206 => 8,
        200 => 8 * PARTS,
        _ => 0,
    };
    let is_head = case.contains("HEAD");
    assert!(
        is_head || answer.body.len() == length,
        "{case}: {}",
        answer.status
    );
}

/// Seen failing with a reader that goes along although what was read for it no longer stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_answer_is_older_than_a_write_that_was_acknowledged() {
    let replies = std::env::var("LARDER_VERSIONS_REPLIES").ok();
    let replies = replies.map_or(20_000, |replies| replies.parse().unwrap());
    let policies = [
        minute(),
        minute().grace(SECOND * 60).stale_on_error(true),
        HttpPolicy::rfc().ttl(SECOND * 20).grace(SECOND * 20),
    ];
    for policy in policies {
        let pages = Arc::<Pages>::default();
        let answering = Arc::clone(&pages);
        let site = Site::new(policy, move |call| answer(Arc::clone(&answering), call));
        let clients = (0..CLIENTS).map(|seed| {
            let client = client(site.clone(), Arc::clone(&pages), seed, replies / 3);
            tokio::spawn(client)
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        let from_cache = pages.from_cache.load(Ordering::Relaxed);
        assert!(
            from_cache > replies / 20,
            "{from_cache} answers from the cache"
        );
    }
}
