//! Clients that ask for more than there is room for, and handlers that panic.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use larder_core::Larder;
use larder_core::test_util::ManualClock;
use larder_http::{BodyError, CacheBody, HttpLayer, HttpPolicy};
use tower::{Layer, ServiceExt};

use crate::panics::{PLANNED, hush, is_planned};
use crate::site::{SECOND, Site, get, minute, respond, settle, until};

/// How much room there is.
const ROOM: u64 = 4 << 20;
const REQUESTS: usize = 100_000;

/// Sends so many requests to a cache with little room, and returns the `Larder`.
async fn flood(
    policy: HttpPolicy,
    vary: &'static str,
    request: impl Fn(usize) -> Request<Body>,
) -> Larder {
    let larder = Larder::builder("test")
        .clock(ManualClock::new())
        .local_capacity(ROOM)
        .environment(std::iter::empty::<(String, String)>())
        .build()
        .unwrap();
    let service = tower::service_fn(move |_: Request<Body>| async move {
        Ok::<Response<Body>, Infallible>(respond(&[("vary", vary)], "the page"))
    });
    let service = larder.http_layer_with(policy).unwrap().layer(service);
    for number in 0..REQUESTS {
        let response = service.clone().oneshot(request(number)).await.unwrap();
        assert_eq!(response.status(), 200);
        if number % 1000 == 0 {
            assert_bounded(&larder);
        }
    }
    larder
}

/// Housekeeping comes a little late, so that there is some room above the room.
fn assert_bounded(larder: &Larder) {
    let region = &larder.snapshot().regions[0];
    assert!(region.bytes <= ROOM + ROOM / 2, "{region:?}");
}

#[tokio::test]
async fn a_hundred_thousand_variants_of_one_page_stay_within_bounds() {
    let larder = flood(minute(), "x-v", |number| {
        let mut request = get("/", &[]);
        request
            .headers_mut()
            .insert("x-v", HeaderValue::from(number));
        request
    })
    .await;
    until(|| larder.snapshot().regions[0].bytes <= ROOM).await;
}

#[tokio::test]
async fn a_hundred_thousand_pages_stay_within_bounds() {
    let larder = flood(minute(), "", |number| get(&format!("/?{number}"), &[])).await;
    until(|| larder.snapshot().regions[0].bytes <= ROOM).await;
}

/// A value of a header that is part of the key takes room like all else.
#[tokio::test]
async fn keys_without_end_stay_within_bounds() {
    for declared in [false, true] {
        let policy = if declared {
            minute().vary_by_header("x-v")
        } else {
            minute()
        };
        let larder = Larder::builder("test")
            .clock(ManualClock::new())
            .local_capacity(ROOM)
            .environment(std::iter::empty::<(String, String)>())
            .build()
            .unwrap();
        let service = tower::service_fn(move |_: Request<Body>| async move {
            Ok::<Response<Body>, Infallible>(respond(&[("vary", "x-v")], "the page"))
        });
        let service = larder.http_layer_with(policy).unwrap().layer(service);
        for number in 0..200 {
            let mut request = get("/", &[]);
            let value = format!("{number}{}", "v".repeat(100_000));
            request.headers_mut().insert("x-v", value.parse().unwrap());
            assert_eq!(
                service.clone().oneshot(request).await.unwrap().status(),
                200
            );
            assert_bounded(&larder);
        }
    }
}

/// Where a handler panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    InCall,
    InFuture,
    AfterWaiting,
    InBody,
    InBodyAfterWaiting,
}

fn planned() -> ! {
    panic!("{PLANNED}: a handler")
}

fn panicking_body(after: usize) -> Body {
    let mut polls = 0;
    Body::from_stream(futures_util::stream::poll_fn(move |cx| {
        polls += 1;
        match polls {
            1 => Poll::Ready(Some(Ok::<_, Infallible>(Bytes::from_static(b"half ")))),
            _ if polls > after => planned(),
            _ => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }))
}

fn panicking(at: Where) -> Site {
    Site::new(minute().grace(SECOND * 60), move |call| {
        let panics = call.number % 2 == 1;
        if panics && at == Where::InCall {
            planned();
        }
        async move {
            match at {
                _ if !panics => {}
                Where::InCall => {}
                Where::InFuture => planned(),
                Where::AfterWaiting => {
                    tokio::task::yield_now().await;
                    planned();
                }
                Where::InBody => return respond(&[], panicking_body(1)),
                Where::InBodyAfterWaiting => return respond(&[], panicking_body(5)),
            }
            tokio::task::yield_now().await;
            respond(&[], "the page")
        }
    })
}

/// Reads an answer: none for a planned panic, which is what there would be without the cache.
async fn ask(site: &Site) -> Option<Bytes> {
    let asking = async {
        let response: Response<CacheBody<Body>> = site.open(get("/", &[])).await;
        match response.into_body().collect().await {
            Ok(body) => Some(body.to_bytes()),
            Err(BodyError::Cut) => None,
            Err(error) => panic!("{error}"),
        }
    };
    match AssertUnwindSafe(asking).catch_unwind().await {
        Ok(body) => body,
        Err(panic) if is_planned(&*panic) => None,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A panic is its caller's; those who waited with it get the page, and so does everybody after. One in a
/// body ends it for those who had begun to read it along, too.
#[tokio::test]
async fn a_handler_that_panics_harms_its_caller_alone() {
    hush();
    for at in [
        Where::InCall,
        Where::InFuture,
        Where::AfterWaiting,
        Where::InBody,
        Where::InBodyAfterWaiting,
    ] {
        for _ in 0..50 {
            let site = panicking(at);
            let asking: Vec<_> = (0..6)
                .map(|_| {
                    let site = site.clone();
                    tokio::spawn(async move { ask(&site).await })
                })
                .collect();
            let (mut panics, mut pages) = (0, 0);
            for answer in asking {
                match answer.await.unwrap() {
                    None => panics += 1,
                    Some(page) => {
                        assert_eq!(page, "the page", "{at:?}");
                        pages += 1;
                    }
                }
            }
            // Who reads a body along that breaks is told: nobody is given half of it as all of it.
            let is_shared = matches!(at, Where::InBody | Where::InBodyAfterWaiting);
            assert!(
                panics >= 1 && (is_shared || pages >= 1),
                "{at:?}: {panics} panics, {pages} pages"
            );
            assert!(
                is_shared || panics <= site.calls().div_ceil(2),
                "{at:?}: {panics} panics of {} calls",
                site.calls()
            );
            assert_eq!(ask(&site).await.unwrap(), "the page", "{at:?}");
        }
    }
}

/// A refresh that panics leaves the cache able to answer.
#[tokio::test]
async fn a_refresh_that_panics_is_nobodys() {
    hush();
    let site = Site::new(minute().grace(SECOND * 600), |call| async move {
        if call.number == 2 || call.number == 3 {
            planned();
        }
        respond(&[], call.number.to_string())
    });
    assert_eq!(ask(&site).await.unwrap(), "1");
    site.clock.advance(SECOND * 61);
    assert_eq!(
        ask(&site).await.unwrap(),
        "1",
        "stale while it is refreshed"
    );
    until(|| site.calls() == 2).await;
    settle().await;
    // Refreshed or not, an answer comes or the handler's own panic does.
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(ask(&site).await);
        settle().await;
    }
    assert!(answers.last().unwrap().is_some(), "{answers:?}");
}
