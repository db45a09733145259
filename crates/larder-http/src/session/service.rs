//! The service: waits for what a client has written, and tells it what it writes.

use std::fmt;
use std::task::{Context, Poll};

use http::{Request, Response};
use larder_core::{Reached, Writes, past_the_cache};
use tower_service::Service;

use super::{SessionFuture, SessionLayer};

/// A service whose clients see their own writes. Made by [`SessionLayer`].
#[derive(Clone)]
pub struct SessionService<S> {
    layer: SessionLayer,
    inner: S,
}

impl<S> SessionService<S> {
    pub(crate) fn new(layer: SessionLayer, inner: S) -> Self {
        Self { layer, inner }
    }
}

impl<S, B, R> Service<Request<B>> for SessionService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = SessionFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let writes = Writes::new();
        let carrier = self.layer.carrier.clone();
        let Some(position) = carrier.read(request.headers()) else {
            // The call too: a service may begin its work there.
            let answer = writes.clone();
            let inner = answer.enter(|| self.inner.call(request));
            return SessionFuture::at_once(inner, writes, carrier);
        };
        // `poll_ready` readied this instance, not a clone.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let SessionLayer { larder, bound, .. } = self.layer.clone();
        let answer = async move {
            match larder.reach(position, bound).await {
                Reached::Behind => past_the_cache(async move { inner.call(request).await }).await,
                _ => inner.call(request).await,
            }
        };
        SessionFuture::after_waiting(Box::pin(answer), writes, carrier)
    }
}

impl<S: fmt::Debug> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
