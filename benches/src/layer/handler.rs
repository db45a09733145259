//! The thing that is cached: a handler that clones a response it holds ready.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use tower::Service;

/// Counts how often a handler was asked, so that a hit can be told from a miss.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<AtomicU64>);

impl Calls {
    /// Returns the count so far.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Answers every request with the same four headers and body; `B` is the body's type.
pub(crate) struct Handler<B> {
    response: Arc<Response<Bytes>>,
    calls: Calls,
    body: PhantomData<fn() -> B>,
}

impl<B> Handler<B> {
    /// Makes a handler that answers with `size` bytes.
    pub(crate) fn new(size: usize, calls: &Calls) -> Self {
        Self {
            response: Arc::new(response(size)),
            calls: calls.clone(),
            body: PhantomData,
        }
    }
}

impl<B> Clone for Handler<B> {
    fn clone(&self) -> Self {
        Self {
            response: Arc::clone(&self.response),
            calls: self.calls.clone(),
            body: PhantomData,
        }
    }
}

impl<R, B: From<Bytes>> Service<Request<R>> for Handler<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Answer<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<R>) -> Self::Future {
        Answer(self.clone())
    }
}

/// Does the handler's work when it is polled, as an `async` handler does.
///
/// A layer may make this future on a hit too, as long as it does not poll it.
pub(crate) struct Answer<B>(Handler<B>);

impl<B: From<Bytes>> Future for Answer<B> {
    type Output = Result<Response<B>, Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.calls.add();
        Poll::Ready(Ok(Response::clone(&self.0.response).map(B::from)))
    }
}

/// Returns the response every handler answers with: explicitly fresh for an hour.
pub(crate) fn response(size: usize) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(vec![b'x'; size]));
    let headers = response.headers_mut();
    let fields = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "max-age=3600"),
        (header::ETAG, "\"5d8c72a5edda8d6a\""),
        (header::LAST_MODIFIED, "Tue, 03 Mar 2026 10:00:00 GMT"),
    ];
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
