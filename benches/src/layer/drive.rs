//! Sends prepared requests through a service and reads the answers to their end.

use std::fmt::Debug;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use axum::body::Body;
use bytes::Buf;
use http::{HeaderValue, Request, Response, Uri, header};
use tokio::runtime::Runtime;
use tower::Service;

use super::handler::Calls;
use crate::rounds::Contestant;
use crate::stopwatch::Stopwatch;

/// Requests made ready before the clock runs; few enough to stay in the processor's cache.
const PREPARED: u64 = 128;

/// Makes a contestant of a service whose cache is filled by the first request.
///
/// # Panics
///
/// When the handler behind it is asked again: then it was no hit that was measured.
pub(crate) fn cached<S, B>(
    name: &str,
    runtime: &Rc<Runtime>,
    mut service: S,
    size: usize,
    calls: Calls,
) -> Contestant
where
    S: Service<Request<Body>, Response = Response<B>> + 'static,
    S::Error: Debug,
    B: http_body::Body,
    B::Error: Debug,
{
    let (name, runtime) = (name.to_owned(), Rc::clone(runtime));
    assert_eq!(
        runtime.block_on(exchange(&mut service, request())),
        size,
        "{name}"
    );
    let filled = calls.count();
    Contestant::new(name.clone(), move |times| {
        let elapsed = timed(&runtime, &mut service, times);
        assert_eq!(
            calls.count(),
            filled,
            "{name} did not answer from its cache"
        );
        elapsed
    })
}

/// Makes a contestant of a service without a cache.
pub(crate) fn bare<S, B>(name: &str, runtime: &Rc<Runtime>, mut service: S) -> Contestant
where
    S: Service<Request<Body>, Response = Response<B>> + 'static,
    S::Error: Debug,
    B: http_body::Body,
    B::Error: Debug,
{
    let runtime = Rc::clone(runtime);
    Contestant::new(name, move |times| timed(&runtime, &mut service, times))
}

fn timed<S, B>(runtime: &Runtime, service: &mut S, times: u64) -> Duration
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Debug,
    B: http_body::Body,
    B::Error: Debug,
{
    let mut elapsed = Duration::ZERO;
    let mut left = times;
    while left > 0 {
        let now = left.min(PREPARED);
        let requests: Vec<_> = (0..now).map(|_| request()).collect();
        elapsed += runtime.block_on(async {
            let start = Stopwatch::start();
            for request in requests {
                black_box(exchange(service, request).await);
            }
            start.elapsed()
        });
        left -= now;
    }
    elapsed
}

/// Returns how long cloning and reading a response takes that many times.
pub(crate) fn response_clones<B>(runtime: &Runtime, response: &Response<B>, times: u64) -> Duration
where
    B: http_body::Body + Clone,
    B::Error: Debug,
{
    runtime.block_on(async {
        let start = Stopwatch::start();
        for _ in 0..times {
            black_box(read(black_box(response).clone()).await);
        }
        start.elapsed()
    })
}

async fn exchange<S, B>(service: &mut S, request: Request<Body>) -> usize
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Debug,
    B: http_body::Body,
    B::Error: Debug,
{
    poll_fn(|context| service.poll_ready(context))
        .await
        .expect("a service in a bench is ready");
    let response = service.call(request).await;
    read(response.expect("a service in a bench answers")).await
}

async fn read<B>(response: Response<B>) -> usize
where
    B: http_body::Body,
    B::Error: Debug,
{
    let (head, body) = response.into_parts();
    black_box(&head);
    let mut body = pin!(body);
    let mut length = 0;
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.expect("a body in a bench is whole");
        length += frame.data_ref().map_or(0, Buf::remaining);
    }
    length
}

fn request() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/api/articles?limit=20");
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("conduit.example"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    request
}
