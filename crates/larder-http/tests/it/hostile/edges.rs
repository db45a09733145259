//! At the limits of what the types hold.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use larder_core::Share;
use larder_http::HttpPolicy;

use super::{Origin, assert_unharmed, read_for, site_of};
use crate::site::{Site, get, minute, request, respond};

/// As many headers as a map holds.
fn full() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for number in 0.. {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        if headers
            .try_append(name, HeaderValue::from_static("v"))
            .is_err()
        {
            break;
        }
    }
    headers
}

/// A head without room for a line of the cache's own is passed on as it is.
#[tokio::test]
async fn a_head_that_is_full_is_passed_on() {
    let headers = full();
    let origin: Origin = Arc::new(move |_| {
        let mut response: Response<Body> = Response::new(Body::from("the page"));
        *response.headers_mut() = headers.clone();
        response
    });
    for method in ["POST", "GET", "HEAD"] {
        for cookie in [false, true] {
            let ask = || request(method, "/", if cookie { &[("cookie", "a")] } else { &[] });
            assert_unharmed(minute(), Arc::clone(&origin), ask, method).await;
        }
    }
    let site = site_of(minute(), &origin);
    site.larder.switches().set_service(Share::OFF);
    assert_eq!(site.get("/").await.text(), "the page");
}

/// A request without room for a line of the cache's own is answered all the same.
#[tokio::test]
async fn a_request_that_is_full_is_answered() {
    let headers = full();
    let site = Site::new(minute().grace(crate::site::MINUTE), |_| async {
        respond(
            &[
                ("etag", "\"a\""),
                ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ],
            "the page",
        )
    });
    for _ in 0..4 {
        let mut request = get("/", &[]);
        *request.headers_mut() = headers.clone();
        let got = read_for(site.open(request).await, usize::MAX).await;
        assert_eq!(got.body, b"the page");
        site.clock.advance(crate::site::SECOND * 61);
    }
}

/// A body that says it is longer than any memory.
struct Boaster(bool);

impl http_body::Body for Boaster {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let first = std::mem::replace(&mut self.0, false);
        std::task::Poll::Ready(first.then(|| Ok(Frame::data(Bytes::from_static(b"the page")))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::MAX / 4)
    }
}

#[tokio::test]
async fn no_memory_is_taken_for_what_a_body_only_says() {
    let origin: Origin = Arc::new(|_| Response::new(Body::new(Boaster(true))));
    let policy = || minute().body_limit(usize::MAX);
    assert_unharmed(policy(), origin, || get("/", &[]), "boaster").await;
}

/// One page with variants without end does not take the place of all others.
#[tokio::test]
async fn variants_of_one_page_are_bounded() {
    let site = Site::new(HttpPolicy::new(), |_| async {
        respond(
            &[("cache-control", "max-age=60"), ("vary", "x-v")],
            "the page",
        )
    });
    for number in 0..20_000 {
        let mut request: Request<Body> = get("/", &[]);
        request
            .headers_mut()
            .insert("x-v", HeaderValue::from(number));
        assert_eq!(site.send(request).await.text(), "the page");
    }
    let kept = site.larder.snapshot().regions[0].entries;
    assert!(kept <= 1024, "{kept} variants of one page are kept");
}
