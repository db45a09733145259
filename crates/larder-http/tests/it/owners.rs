//! Every answer is its owner's: many clients at once on several threads, who leave at any time,
//! purges, and an origin whose bodies break.
//!
//! `LARDER_OWNERS_REPLIES` says how many answers are read (short by default),
//! `LARDER_OWNERS_SEED` replays what a seed chose.

use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use larder_core::{Change, Scope};
use larder_http::{CacheBody, HttpPolicy};

use crate::panics::{PLANNED, hush, is_planned, words};
use crate::site::{Call, SECOND, Site, get, minute, respond, within};

const OWNERS: [&str; 5] = ["ann", "bob", "cid", "dan", "nobody"];
const PAGES: u64 = 6;
/// How often a body says whose it is.
const PARTS: usize = 8;
const CLIENTS: u64 = 16;

/// A generator of its own, so that a seed replays.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// By what a site tells its owners apart.
struct Way {
    name: &'static str,
    /// The header that says who it is.
    header: &'static str,
    policy: fn() -> HttpPolicy,
    vary: &'static str,
}

const WAYS: &[Way] = &[
    Way {
        name: "a user by token",
        header: "authorization",
        policy: || minute().vary_by_user(by("authorization")),
        vary: "",
    },
    Way {
        name: "a user by cookie",
        header: "cookie",
        policy: || minute().vary_by_user(by("cookie")),
        vary: "",
    },
    Way {
        name: "a tenant",
        header: "cookie",
        policy: || minute().vary_by_scope(|head| by("cookie")(head).map(Scope::tenant)),
        vary: "",
    },
    Way {
        name: "credentials nobody named",
        header: "authorization",
        policy: minute,
        vary: "",
    },
    Way {
        name: "a header of the route's",
        header: "x-owner",
        policy: || minute().vary_by_header("x-owner"),
        vary: "",
    },
    Way {
        name: "vary",
        header: "x-owner",
        policy: || minute().grace(SECOND * 30),
        vary: "x-owner, x-other",
    },
    Way {
        name: "by the letter, a user by token",
        header: "authorization",
        policy: || {
            HttpPolicy::rfc()
                .ttl(SECOND * 60)
                .vary_by_user(by("authorization"))
        },
        vary: "",
    },
    Way {
        name: "by the letter, vary",
        header: "x-owner",
        policy: || {
            HttpPolicy::rfc()
                .ttl(SECOND * 60)
                .grace(SECOND * 30)
                .variants(2)
        },
        vary: "x-owner",
    },
    Way {
        name: "a user and vary",
        header: "authorization",
        policy: || {
            minute()
                .grace(SECOND * 30)
                .stale_on_error(true)
                .vary_by_user(by("authorization"))
        },
        vary: "accept-language",
    },
];

fn by(header: &'static str) -> impl Fn(&Parts) -> Option<String> + Send + Sync {
    move |head| Some(head.headers.get(header)?.to_str().ok()?.to_owned())
}

impl Way {
    fn site(&'static self) -> Site {
        Site::new((self.policy)(), move |call| answer(call, self))
    }

    /// Says whose answer it is; its language too if that is what it is chosen by.
    fn mark(&self, owner: &str, path: &str, language: &str) -> String {
        let chosen = self.vary.contains("accept-language");
        format!("{owner} {path} {};", if chosen { language } else { "any" })
    }

    fn ask(&self, owner: &str, page: u64, language: &str) -> Request<Body> {
        let uri = format!("/{page}");
        let mut headers = vec![("accept-language", language)];
        if owner != "nobody" {
            headers.push((self.header, owner));
        }
        get(&uri, &headers)
    }
}

/// What a call answers: its owner and its page, in the head and all over the body.
async fn answer(call: Call, way: &'static Way) -> Response<Body> {
    let mark = mark_of(&call.request, way);
    call.larder.depend_on("all");
    let kind = call.number % 12;
    for _ in 0..call.number % 4 {
        tokio::task::yield_now().await;
    }
    let control = if kind == 7 { "private" } else { "" };
    let mut response = respond(&[], body(&mark, kind, call.number));
    for (name, value) in [
        ("x-owner-was", mark.as_str()),
        ("vary", way.vary),
        ("cache-control", control),
    ] {
        if !value.is_empty() {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    if kind == 8 {
        response
            .headers_mut()
            .insert("content-length", "3".parse().unwrap());
    }
    if kind == 9 {
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}

fn mark_of(request: &Request<Body>, way: &Way) -> String {
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.map_or("nobody", |value| value.to_str().unwrap())
    };
    let (owner, path) = (header(way.header), request.uri().path());
    way.mark(owner, path, header("accept-language"))
}

/// A body: at once, in parts, waiting in between, or broken half way.
fn body(mark: &str, kind: usize, number: usize) -> Body {
    if kind < 4 {
        return Body::from(mark.repeat(PARTS));
    }
    let (mark, mut polls, mut sent) = (Bytes::from(mark.to_owned()), number, 0);
    let stream = futures_util::stream::poll_fn(move |cx| {
        polls += 1;
        if polls % 3 == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        sent += 1;
        Poll::Ready(match sent {
            _ if kind == 10 && sent > PARTS / 2 => Some(Err(std::io::Error::other("broken"))),
            _ if kind == 11 && sent > PARTS / 2 => panic!("{PLANNED}: a body"),
            1..=PARTS => Some(Ok(Frame::data(mark.clone()))),
            _ => None,
        })
    });
    Body::new(StreamBody::new(stream))
}

/// What is counted, so that the test is known to have tried what it says.
#[derive(Default)]
struct Counts {
    whole: AtomicUsize,
    from_cache: AtomicUsize,
    left: AtomicUsize,
    broken: AtomicUsize,
}

fn add(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Polls a future so many times, then drops it.
async fn for_a_while<F: Future>(future: F, mut polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        let polled: Poll<F::Output> = Pin::as_mut(&mut future).poll(cx);
        polled.map(Some)
    })
    .await
}

/// Reads an answer, or a part of it, and asserts that all that is read is its owner's.
async fn read(
    mut response: Response<CacheBody<Body>>,
    mark: &str,
    frames: usize,
    counts: &Counts,
    case: &str,
) {
    let status = response.status();
    assert_eq!(response.headers()["x-owner-was"], mark, "{case}");
    let from_cache = response.headers()["cache-status"]
        .to_str()
        .unwrap()
        .contains("hit");
    let (whole, mut got) = (mark.repeat(PARTS), Vec::new());
    for _ in 0..frames {
        match response.body_mut().frame().await {
            Some(Ok(frame)) => got.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(_)) => return add(&counts.broken),
            None => {
                assert_eq!(String::from_utf8(got).unwrap(), whole, "{case} {status}");
                add(&counts.whole);
                if from_cache {
                    add(&counts.from_cache);
                }
                return;
            }
        }
        assert!(
            whole.as_bytes().starts_with(&got),
            "{case}: {}",
            got.escape_ascii()
        );
    }
    add(&counts.left);
}

/// One client: asks as anybody, leaves whenever it likes.
async fn client(
    sites: Arc<Vec<(Site, &'static Way)>>,
    seed: u64,
    replies: usize,
    counts: Arc<Counts>,
) {
    let mut dice = Dice(seed);
    while counts.whole.load(Ordering::Relaxed) < replies {
        let (site, way) = &sites[usize::try_from(dice.throw(sites.len() as u64)).unwrap()];
        let owner = OWNERS[usize::try_from(dice.throw(OWNERS.len() as u64)).unwrap()];
        let (page, language) = (
            dice.throw(PAGES),
            ["de", "en"][usize::try_from(dice.throw(2)).unwrap()],
        );
        let mark = way.mark(owner, &format!("/{page}"), language);
        let case = format!("{}, client {seed}: {mark}", way.name);
        let polls = if dice.throw(6) == 0 {
            dice.throw(4)
        } else {
            u64::MAX
        };
        let frames = if dice.throw(6) == 0 {
            usize::try_from(dice.throw(4)).unwrap()
        } else {
            usize::MAX
        };
        match dice.throw(300) {
            0 => drop(site.larder.invalidate("all").await.unwrap()),
            1 => drop(site.larder.invalidate_soft("all").await.unwrap()),
            2 => drop(site.larder.publish(Change::everything()).await.unwrap()),
            3 | 4 => site.clock.advance(SECOND * 20),
            _ => {}
        }
        let asking = async {
            let response = site.open(way.ask(owner, page, language)).await;
            read(response, &mark, frames, &counts, &case).await;
        };
        // A body that panics does so in its reader's task: here, as it would without the cache.
        let ended = std::panic::AssertUnwindSafe(for_a_while(asking, polls))
            .catch_unwind()
            .await;
        match ended {
            Ok(Some(())) => {}
            Ok(None) => add(&counts.left),
            Err(panic) if is_planned(&*panic) => add(&counts.broken),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        if dice.throw(8) == 0 {
            tokio::task::yield_now().await;
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_reply_is_its_owners() {
    let replies = usize::try_from(number("LARDER_OWNERS_REPLIES").unwrap_or(50_000)).unwrap();
    let random = || std::hash::RandomState::new().build_hasher().finish() >> 16;
    let seed = number("LARDER_OWNERS_SEED").unwrap_or_else(random);
    println!("LARDER_OWNERS_SEED={seed} replays this");
    hush();
    let sites: Arc<Vec<_>> = Arc::new(WAYS.iter().map(|way| (way.site(), way)).collect());
    let counts = Arc::<Counts>::default();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|at| {
            tokio::spawn(client(
                Arc::clone(&sites),
                seed + at,
                replies,
                Arc::clone(&counts),
            ))
        })
        .collect();
    let mut failures = Vec::new();
    for client in clients {
        if let Err(failure) = client.await {
            failures.push(words(&*failure.into_panic()).to_owned());
        }
    }
    assert!(
        failures.is_empty(),
        "LARDER_OWNERS_SEED={seed}: {}",
        failures.join("\n")
    );
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    println!(
        "{} whole replies, {} of them from the cache, {} broken, {} left unread",
        count(&counts.whole),
        count(&counts.from_cache),
        count(&counts.broken),
        count(&counts.left)
    );
    assert!(count(&counts.whole) >= replies);
    assert!(count(&counts.from_cache) > replies / 10 && count(&counts.left) > replies / 10);
    assert!(count(&counts.broken) > 0);
    within(async {
        for (site, _) in sites.iter() {
            site.larder.close().await;
        }
    })
    .await;
}
