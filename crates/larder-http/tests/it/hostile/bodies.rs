//! Bodies that break, lie about their length, or never end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderValue;
use http_body::{Frame, SizeHint};
use larder_http::HttpPolicy;

use super::{End, Origin, assert_unharmed, policies, read_for, site_of};
use crate::site::{Site, get, minute, respond, settle};

/// A body as it is told to be.
#[derive(Clone)]
struct Script {
    chunks: usize,
    chunk: usize,
    end: End,
    /// It waits before each chunk.
    waits: bool,
    hint: Option<u64>,
    trailers: bool,
    sent: usize,
    waited: bool,
    /// How many chunks were asked for, all together.
    pulled: Arc<AtomicUsize>,
}

impl Script {
    fn new(chunks: usize, chunk: usize, end: End) -> Self {
        Self {
            chunks,
            chunk,
            end,
            waits: false,
            hint: None,
            trailers: false,
            sent: 0,
            waited: false,
            pulled: Arc::default(),
        }
    }
}

impl http_body::Body for Script {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.waited = !self.waited;
        if self.waits && self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.sent += 1;
        if self.sent <= self.chunks {
            self.pulled.fetch_add(1, Ordering::Relaxed);
            let byte = b'a' + u8::try_from(self.sent % 26).unwrap();
            return Poll::Ready(Some(Ok(Frame::data(vec![byte; self.chunk].into()))));
        }
        if self.trailers {
            self.trailers = false;
            let trailers = [("x-sum".parse().unwrap(), HeaderValue::from_static("1"))];
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.into_iter().collect()))));
        }
        match self.end {
            End::Clean => Poll::Ready(None),
            End::Broken => Poll::Ready(Some(Err(std::io::Error::other("broken")))),
            End::Waiting => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn origin(script: Script, lengths: &'static [&'static str]) -> Origin {
    Arc::new(move |_| {
        let mut response = respond(
            &[("cache-control", "max-age=60")],
            Body::new(script.clone()),
        );
        for length in lengths {
            response
                .headers_mut()
                .append("content-length", HeaderValue::from_static(length));
        }
        response
    })
}

/// Every body of eight bytes or none, short of the limit or above it, with every way to end, with
/// every announcement of its length.
#[tokio::test]
async fn a_body_is_as_broken_as_without_the_cache() {
    const LENGTHS: &[&[&str]] = &[
        &[],
        &["8"],
        &["7"],
        &["9"],
        &["0"],
        &["8", "8"],
        &["8", "9"],
        &["9", "8"],
        &["8, 8"],
        &["-8"],
        &["+8"],
        &["x"],
        &[""],
        &["08"],
        &["8 "],
        &["18446744073709551615"],
        &["99999999999999999999999"],
    ];
    for end in [End::Clean, End::Broken, End::Waiting] {
        for (chunks, chunk) in [(0, 0), (1, 8), (4, 2), (8, 1), (3, 0), (200, 10)] {
            for waits in [false, true] {
                // Nothing comes behind trailers, not even an error.
                for trailers in [false, end == End::Clean] {
                    for lengths in LENGTHS {
                        let script = Script {
                            waits,
                            trailers,
                            ..Script::new(chunks, chunk, end)
                        };
                        let case = format!(
                            "{chunks} of {chunk}, {end:?}, waits {waits}, trailers {trailers}, announced {lengths:?}"
                        );
                        for policy in policies() {
                            assert_unharmed(
                                policy,
                                origin(script.clone(), lengths),
                                || get("/", &[]),
                                &case,
                            )
                            .await;
                        }
                    }
                }
            }
        }
    }
}

/// A body's own hint of its length is no more to be trusted than what its head announces.
#[tokio::test]
async fn a_body_that_lies_about_its_length_is_passed_on() {
    for hint in [0, 1, 7, 9, 1 << 20, 1 << 40] {
        for waits in [false, true] {
            let script = Script {
                waits,
                hint: Some(hint),
                ..Script::new(4, 2, End::Clean)
            };
            let case = format!("hint {hint}, waits {waits}");
            for policy in policies() {
                assert_unharmed(policy, origin(script.clone(), &[]), || get("/", &[]), &case).await;
            }
        }
    }
}

/// A body that goes on for ever goes on through the layer, and is pulled only as fast as it is read.
#[tokio::test]
async fn an_endless_body_is_neither_held_back_nor_hoarded() {
    const CHUNK: usize = 1000;
    for waits in [false, true] {
        let script = Script {
            waits,
            ..Script::new(usize::MAX, CHUNK, End::Clean)
        };
        let pulled = Arc::clone(&script.pulled);
        let site = site_of(minute().body_limit(50 * CHUNK), &origin(script, &[]));
        let response = site.open(get("/", &[])).await;
        settle().await;
        let ahead = pulled.load(Ordering::Relaxed);
        assert!(
            ahead <= 52,
            "{ahead} chunks were pulled that nobody read, waits {waits}"
        );
        let got = read_for(response, 5000 * CHUNK).await;
        assert_eq!(got.body.len(), 5000 * CHUNK);
        let ahead = pulled.load(Ordering::Relaxed);
        assert!(
            ahead <= 5052,
            "{ahead} chunks were pulled for 5000, waits {waits}"
        );
        assert_eq!(site.larder.snapshot().regions[0].entries, 0);
    }
}

/// A thousand of them, none read: what is held of each ends at the limit, and goes with its reader.
#[tokio::test]
async fn bodies_nobody_reads_are_held_up_to_the_limit() {
    const CHUNK: usize = 100;
    let script = Script {
        waits: true,
        ..Script::new(usize::MAX, CHUNK, End::Clean)
    };
    let pulled = Arc::clone(&script.pulled);
    let site = site_of(minute().body_limit(10 * CHUNK), &origin(script, &[]));
    let mut open = Vec::new();
    for number in 0..1000 {
        open.push(site.open(get(&format!("/{number}"), &[])).await);
    }
    settle().await;
    assert!(pulled.load(Ordering::Relaxed) <= 12 * 1000);
    drop(open);
    settle().await;
    let stopped = pulled.load(Ordering::Relaxed);
    settle().await;
    assert_eq!(
        pulled.load(Ordering::Relaxed),
        stopped,
        "nobody reads any more"
    );
}

/// A leader goes away at any point of its way; whoever waited with it gets all of the answer.
#[tokio::test]
async fn a_leader_that_leaves_at_any_time_cuts_nobodys_answer() {
    const TRIES: usize = 10_000;
    // Whoever waits reads along a body of announced length, and waits for the end of the others.
    let bodies = |number: usize| Script {
        waits: !number.is_multiple_of(3),
        hint: number.is_multiple_of(2).then_some(number as u64 % 5 * 3),
        ..Script::new(number % 5, 3, End::Clean)
    };
    let site = Site::new(minute(), move |call| async move {
        let tries: usize = call.request.uri().path()[1..].parse().unwrap();
        for _ in 0..tries % 4 {
            tokio::task::yield_now().await;
        }
        respond(&[], Body::new(bodies(tries)))
    });
    for number in 0..TRIES {
        let uri = format!("/{number}");
        let whole = read_for(respond(&[], Body::new(bodies(number))), usize::MAX).await;
        let ask = || {
            let (site, uri) = (site.clone(), uri.clone());
            tokio::spawn(async move { site.send(get(&uri, &[])).await })
        };
        let leader = ask();
        for _ in 0..number / 7 % 3 {
            tokio::task::yield_now().await;
        }
        let followers = [ask(), ask()];
        for _ in 0..number / 20 % 17 {
            tokio::task::yield_now().await;
        }
        leader.abort();
        for follower in followers {
            let answer = follower.await.unwrap();
            assert_eq!(answer.status, 200, "try {number}");
            assert!(
                answer.body == whole.body,
                "try {number}: {} bytes of {}",
                answer.body.len(),
                whole.body.len()
            );
        }
    }
    assert!(
        site.calls() >= TRIES && site.calls() < 2 * TRIES + TRIES / 2,
        "{}",
        site.calls()
    );
}

/// Followers of a body that breaks get the break or an answer of their own, never a short one that
/// ends as if it were whole: what stands around the layer - a compression, say - may not count bytes.
async fn assert_never_cut(announced: bool) {
    for (chunks, waits) in [(0, true), (1, false), (1, true), (4, true), (7, true)] {
        let calls = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&calls);
        let site = Site::new(minute(), move |_| {
            let is_first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                tokio::task::yield_now().await;
                let (chunks, end) = if is_first {
                    (chunks, End::Broken)
                } else {
                    (8, End::Clean)
                };
                let hint = announced.then_some(16);
                let script = Script {
                    waits,
                    hint,
                    ..Script::new(chunks, 2, end)
                };
                respond(&[], Body::new(script))
            }
        });
        let ask =
            |site: Site| async move { read_for(site.open(get("/", &[])).await, usize::MAX).await };
        let asking: Vec<_> = (0..20).map(|_| tokio::spawn(ask(site.clone()))).collect();
        let (mut broken, case) = (
            0,
            format!("{chunks} chunks, waits {waits}, announced {announced}"),
        );
        for answer in asking {
            match answer.await.unwrap() {
                got if got.end == End::Broken => broken += 1,
                got => assert_eq!((got.end, got.body.len()), (End::Clean, 16), "{case}"),
            }
        }
        assert!(broken >= 1, "{case}");
        let after = ask(site.clone()).await;
        assert_eq!(
            (after.end, after.body.len()),
            (End::Clean, 16),
            "{case}, after it"
        );
    }
}

#[tokio::test]
async fn a_body_that_breaks_is_not_cut_for_its_followers() {
    assert_never_cut(false).await;
}

#[tokio::test]
async fn a_body_that_breaks_is_not_cut_for_those_who_read_along() {
    assert_never_cut(true).await;
}

/// A body that is kept in memory is announced before it is known.
#[tokio::test]
async fn a_limit_without_end_takes_no_memory_in_advance() {
    let script = Script {
        hint: Some(8),
        ..Script::new(4, 2, End::Clean)
    };
    let policy = || HttpPolicy::new().body_limit(usize::MAX);
    assert_unharmed(policy(), origin(script, &[]), || get("/", &[]), "no limit").await;
}
