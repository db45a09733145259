//! The service: answers from the cache, or sends the request on.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use http_body::Body;
use larder_core::Scope;
use tower_service::Service;

use crate::body::CacheBody;
use crate::cache_status;
use crate::exchange::Exchange;
use crate::future::ResponseFuture;
use crate::head::Head;
use crate::layer::Settings;
use crate::lookup::{Answer, Found, Place};
use crate::refresh::{Replaced, refresh};
use crate::verdict::Bypass;
use crate::verdict::request::is_read;

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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Self { settings, inner } = self;
        let scope = scope_of(&mut request, settings);
        let head = Head::of(&request);
        let place = match Place::of(settings, &head, request.body().is_end_stream(), scope) {
            Ok(place) => place,
            Err(reason) => return bypass(inner, request, reason),
        };
        match place.find(head.headers) {
            Found::Hit(answer) => {
                if answer.is_stale {
                    refresh_stale(settings, inner, &place, &answer, &request);
                }
                ResponseFuture::ready(answer.hit(&head))
            }
            Found::Off => {
                place.pass_by();
                bypass(inner, request, Bypass::Off)
            }
            // A HEAD has no body that could be kept.
            Found::Missed(..) if *head.method == Method::HEAD => {
                ResponseFuture::passed(inner.call(request), cache_status::head_missed())
            }
            Found::Missed(variant, why) => {
                let key = variant.unwrap_or_else(|| place.key.clone());
                let place = place.into_owned();
                let settings = Arc::clone(settings);
                let inner = take_ready(inner);
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

impl<S: fmt::Debug> fmt::Debug for CacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// Asks the route whom the answer is for.
fn scope_of<B: Default>(request: &mut Request<B>, settings: &Settings) -> Option<Scope> {
    let scope_of = settings.policy.scope.as_ref()?;
    if !is_read(request.method()) {
        return None;
    }
    let (head, body) = std::mem::take(request).into_parts();
    let scope = scope_of(&head);
    *request = Request::from_parts(head, body);
    scope
}

fn bypass<S, B, R>(inner: &mut S, request: Request<B>, why: Bypass) -> ResponseFuture<S::Future, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    tracing::debug!(reason = why.as_str(), "a request passes by the cache");
    ResponseFuture::passed(inner.call(request), cache_status::bypassed(why))
}

/// Takes the service that `poll_ready` readied, and leaves a clone of it.
fn take_ready<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    std::mem::replace(inner, clone)
}

/// Loads a stale response anew in the background, unless that is under way.
fn refresh_stale<S, B, R>(
    settings: &Arc<Settings>,
    inner: &S,
    place: &Place<'_>,
    answer: &Answer,
    request: &Request<B>,
) where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Default + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Send,
{
    let key = answer.variant.as_ref().unwrap_or(&place.key);
    if let Some(lead) = place.region.try_lead(key) {
        let region = place.region.clone().into_owned();
        let replaced = Replaced::new(region, key.clone(), settings.policy.stale_on_error);
        refresh(Arc::clone(settings), inner.clone(), lead, replaced, request);
    }
}
