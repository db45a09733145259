//! Every answer is its owner's: many clients at once on several threads, who leave at any time,
//! purges, and an origin whose bodies break.
//!
//! `LARDER_OWNERS_REPLIES` says how many answers are read (short by default),
//! `LARDER_OWNERS_SEED` replays what a seed chose.

mod origin;
mod ways;

use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use larder_core::Change;
use larder_http::CacheBody;

use self::ways::{WAYS, Way};
use crate::panics::{hush, is_planned, words};
use crate::site::{SECOND, Site, within};

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

/// What is counted, so that the test is known to have tried what it says.
#[derive(Default)]
struct Counts {
    whole: AtomicUsize,
    from_cache: AtomicUsize,
    parts: AtomicUsize,
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

/// What a client asks for, and how long it stays.
struct Visit {
    mark: String,
    /// The first and the last byte it wants; all of them if none.
    part: Option<(usize, usize)>,
    /// After so many polls it leaves.
    polls: u64,
    /// Of the body it reads so many frames.
    frames: usize,
    case: String,
}

impl Visit {
    /// Returns what is expected under this status.
    fn expected(&self, status: StatusCode) -> String {
        let whole = self.mark.repeat(PARTS);
        match self.part.filter(|_| status == StatusCode::PARTIAL_CONTENT) {
            Some((first, last)) => whole[first..=last].to_owned(),
            None => whole,
        }
    }
}

/// Reads an answer, or some of it, and asserts that all that is read is its owner's.
async fn read(mut response: Response<CacheBody<Body>>, visit: &Visit, counts: &Counts) {
    let (status, case) = (response.status(), &visit.case);
    assert_eq!(response.headers()["x-owner-was"], visit.mark, "{case}");
    assert!(status != 206 || visit.part.is_some(), "{case}: {status}");
    let told = response.headers()["cache-status"].to_str().unwrap();
    let from_cache = told.contains("hit") || told.contains("collapsed");
    let (expected, mut got) = (visit.expected(status), Vec::new());
    for _ in 0..visit.frames {
        match response.body_mut().frame().await {
            Some(Ok(frame)) => got.extend_from_slice(&frame.into_data().unwrap()),
            Some(Err(_)) => return add(&counts.broken),
            None => {
                assert_eq!(String::from_utf8(got).unwrap(), expected, "{case} {status}");
                add(&counts.whole);
                counts
                    .from_cache
                    .fetch_add(usize::from(from_cache), Ordering::Relaxed);
                counts
                    .parts
                    .fetch_add(usize::from(status == 206), Ordering::Relaxed);
                return;
            }
        }
        assert!(
            expected.as_bytes().starts_with(&got),
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
        let page = dice.throw(PAGES);
        let language = ["de", "en"][usize::try_from(dice.throw(2)).unwrap()];
        let (visit, request) = visit(&mut dice, way, owner, page, language, seed);
        match dice.throw(300) {
            0 => drop(site.larder.invalidate("all").await.unwrap()),
            1 => drop(site.larder.invalidate_soft("all").await.unwrap()),
            2 => drop(site.larder.publish(Change::everything()).await.unwrap()),
            3 | 4 => site.clock.advance(SECOND * 20),
            _ => {}
        }
        let asking = async {
            let response = site.open(request).await;
            read(response, &visit, &counts).await;
        };
        // A body that panics does so in its reader's task: here, as it would without the cache.
        let ended = std::panic::AssertUnwindSafe(for_a_while(asking, visit.polls))
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

fn visit(
    dice: &mut Dice,
    way: &Way,
    owner: &str,
    page: u64,
    language: &str,
    seed: u64,
) -> (Visit, Request<Body>) {
    let mark = way.mark(owner, &format!("/{page}"), language);
    let sometimes = |dice: &mut Dice, sides| (dice.throw(6) == 0).then(|| dice.throw(sides));
    let length = (mark.len() * PARTS) as u64;
    let part = sometimes(dice, length).map(|first| {
        let last = first + dice.throw(length - first);
        (
            usize::try_from(first).unwrap(),
            usize::try_from(last).unwrap(),
        )
    });
    let mut request = way.ask(owner, page, language);
    if let Some((first, last)) = part {
        let range = format!("bytes={first}-{last}").parse().unwrap();
        request.headers_mut().insert("range", range);
    }
    let visit = Visit {
        case: format!("{}, client {seed}: {mark} {part:?}", way.name),
        mark,
        part,
        polls: sometimes(dice, 4).unwrap_or(u64::MAX),
        frames: sometimes(dice, 4).map_or(usize::MAX, |frames| usize::try_from(frames).unwrap()),
    };
    (visit, request)
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
        "{} whole replies, {} of them from the cache, {} parts, {} broken, {} left unread",
        count(&counts.whole),
        count(&counts.from_cache),
        count(&counts.parts),
        count(&counts.broken),
        count(&counts.left)
    );
    assert!(count(&counts.whole) >= replies);
    assert!(count(&counts.from_cache) > replies / 10 && count(&counts.left) > replies / 10);
    assert!(count(&counts.broken) > 0 && count(&counts.parts) > replies / 50);
    within(async {
        for (site, _) in sites.iter() {
            site.larder.close().await;
        }
    })
    .await;
}
