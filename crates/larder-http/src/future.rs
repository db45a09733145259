//! The future of a response: sent on, answered from the cache, or an exchange.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_util::TryFuture;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Response};
use http_body::Body;
use larder_core::ReadScope;
use pin_project_lite::pin_project;

use crate::body::CacheBody;
use crate::semantics::cache_status;

pin_project! {
    /// The future of [`CacheService`](crate::CacheService).
    pub struct ResponseFuture<F, B>
    where
        F: TryFuture,
        B: Body,
    {
        #[pin]
        kind: Kind<F, B>,
    }
}

pin_project! {
    #[project = KindProjected]
    enum Kind<F, B>
    where
        F: TryFuture,
        B: Body,
    {
        // Sent on: neither boxed nor looked into.
        Passed { #[pin] future: F, status: Option<HeaderValue> },
        // Answered from the cache.
        Ready { response: Option<Response<CacheBody<B>>> },
        // Waiting for another request, or loading.
        Exchange { future: BoxFuture<'static, Result<Response<CacheBody<B>>, F::Error>> },
    }
}

impl<F: TryFuture, B: Body> ResponseFuture<F, B> {
    pub(crate) fn passed(future: F, status: HeaderValue) -> Self {
        Self {
            kind: Kind::Passed {
                future,
                status: Some(status),
            },
        }
    }

    pub(crate) fn ready(response: Response<CacheBody<B>>) -> Self {
        Self {
            kind: Kind::Ready {
                response: Some(response),
            },
        }
    }

    pub(crate) fn exchange(
        future: BoxFuture<'static, Result<Response<CacheBody<B>>, F::Error>>,
    ) -> Self {
        Self {
            kind: Kind::Exchange { future },
        }
    }
}

impl<F, B> Future for ResponseFuture<F, B>
where
    F: TryFuture<Ok = Response<B>>,
    B: Body,
{
    type Output = Result<Response<CacheBody<B>>, F::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjected::Passed { future, status } => {
                let mut response = ready!(poll_in_scope(future, cx))?;
                if let Some(status) = status.take() {
                    cache_status::append(response.headers_mut(), status);
                }
                Poll::Ready(Ok(response.map(CacheBody::passed)))
            }
            KindProjected::Ready { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => panic!("a response future was polled after its end"),
            },
            KindProjected::Exchange { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F: TryFuture, B: Body> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Passed { .. } => "passed",
            Kind::Ready { .. } => "ready",
            Kind::Exchange { .. } => "exchange",
        };
        f.debug_struct("ResponseFuture")
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}

/// Polls a request that passes by inside the enclosing read scope, or, without one, inside a
/// scope that collects nothing: its reads are made for no entry, and are not lost either.
fn poll_in_scope<F: TryFuture>(
    mut future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Ok, F::Error>> {
    if ReadScope::current().is_some() {
        return future.try_poll(cx);
    }
    let poll = std::future::poll_fn(|cx| future.as_mut().try_poll(cx));
    pin!(ReadScope::untracked().run(poll)).poll(cx)
}
