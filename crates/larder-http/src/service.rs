//! The service: answers from the cache, or sends the request on.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::CacheBody;
use crate::cache_status;
use crate::exchange::Exchange;
use crate::future::ResponseFuture;
use crate::layer::Settings;
use crate::lookup::{Answer, Found, Place};
use crate::refresh::{Replaced, refresh};
use crate::verdict::Bypass;

/// A service whose responses are kept. Made by [`CacheLayer`](crate::CacheLayer).
#[derive(Clone)]
pub struct CacheService<S> {
    settings: Arc<Settings>,
    inner: S,
}

impl<S> CacheService<S> {
    pub(crate) fn new(settings: Arc<Settings>, inner: S) -> Self {
        Self { settings, inner }
    }
}

impl<S, B, R> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + Default + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Send,
{
    type Response = Response<CacheBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let place = match Place::of(&self.settings, &head, body.is_end_stream()) {
            Ok(place) => place,
            Err(reason) => return self.bypass(head, body, reason),
        };
        match place.find(&head.headers) {
            Found::Hit(answer) => {
                if answer.is_stale {
                    self.refresh(&place, &answer, &head);
                }
                ResponseFuture::ready(answer.hit(&head))
            }
            Found::Off => self.bypass(head, body, Bypass::Off),
            // A HEAD has no body that could be kept.
            Found::Missed(..) if head.method == Method::HEAD => {
                self.pass(head, body, cache_status::head_missed())
            }
            Found::Missed(variant, why) => {
                let inner = self.take_ready();
                let settings = Arc::clone(&self.settings);
                let request = Request::from_parts(head, body);
                let key = variant.unwrap_or_else(|| place.key.clone());
                let exchange = Exchange {
                    settings,
                    inner,
                    request,
                    place,
                    key,
                    why,
                };
                ResponseFuture::exchange(Box::pin(exchange.run()))
            }
        }
    }
}

impl<S> CacheService<S> {
    fn bypass<B, R>(&mut self, head: Parts, body: B, why: Bypass) -> ResponseFuture<S::Future, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: Body,
    {
        tracing::debug!(reason = why.as_str(), "a request passes by the cache");
        self.pass(head, body, cache_status::bypassed(why))
    }

    fn pass<B, R>(
        &mut self,
        head: Parts,
        body: B,
        status: HeaderValue,
    ) -> ResponseFuture<S::Future, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: Body,
    {
        ResponseFuture::passed(self.inner.call(Request::from_parts(head, body)), status)
    }

    /// Takes the service that `poll_ready` readied, and leaves a clone of it.
    fn take_ready(&mut self) -> S
    where
        S: Clone,
    {
        let clone = self.inner.clone();
        std::mem::replace(&mut self.inner, clone)
    }

    /// Loads a stale response anew in the background, unless that is under way.
    fn refresh<B, R>(&self, place: &Place, answer: &Answer, head: &Parts)
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        B: Default + Send + 'static,
        R: Body + Send + 'static,
        R::Error: Send,
    {
        let key = answer.variant.as_ref().unwrap_or(&place.key);
        if let Some(lead) = place.region.try_lead(key) {
            let settings = Arc::clone(&self.settings);
            let stays_on_failure = settings.policy.stale_on_error;
            let replaced = Replaced::new(place.region.clone(), key.clone(), stays_on_failure);
            refresh::<S, B, R>(settings, self.inner.clone(), lead, replaced, head);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for CacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
