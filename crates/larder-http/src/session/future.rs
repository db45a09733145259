//! The future of a response that tells its client what it has written.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::TryFuture;
use futures_util::future::BoxFuture;
use http::Response;
use larder_core::Writes;
use pin_project_lite::pin_project;

use super::carrier::Carrier;

pin_project! {
    /// The future of [`SessionService`](super::SessionService).
    pub struct SessionFuture<F, B>
    where
        F: TryFuture,
    {
        #[pin]
        kind: Kind<F, B>,
        writes: Writes,
        carrier: Carrier,
    }
}

pin_project! {
    #[project = KindProjected]
    enum Kind<F, B>
    where
        F: TryFuture,
    {
        AtOnce { #[pin] future: F },
        // It waits for this node first.
        AfterWaiting { future: BoxFuture<'static, Result<Response<B>, F::Error>> },
    }
}

impl<F: TryFuture, B> SessionFuture<F, B> {
    pub(crate) fn at_once(future: F, writes: Writes, carrier: Carrier) -> Self {
        Self {
            kind: Kind::AtOnce { future },
            writes,
            carrier,
        }
    }

    pub(crate) fn after_waiting(
        future: BoxFuture<'static, Result<Response<B>, F::Error>>,
        writes: Writes,
        carrier: Carrier,
    ) -> Self {
        Self {
            kind: Kind::AfterWaiting { future },
            writes,
            carrier,
        }
    }
}

impl<F, B> Future for SessionFuture<F, B>
where
    F: TryFuture<Ok = Response<B>>,
{
    type Output = Result<Response<B>, F::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let kind = this.kind;
        let poll = this.writes.enter(|| match kind.project() {
            KindProjected::AtOnce { future } => future.try_poll(cx),
            KindProjected::AfterWaiting { future } => future.as_mut().poll(cx),
        });
        let mut response = ready!(poll)?;
        if let Some(position) = this.writes.position() {
            this.carrier.write(response.headers_mut(), position);
        }
        Poll::Ready(Ok(response))
    }
}

impl<F: TryFuture, B> fmt::Debug for SessionFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionFuture")
    }
}
