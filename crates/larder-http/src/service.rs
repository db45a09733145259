//! The service: answers from the cache, or sends the request on.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use larder_core::{Region, Scope};
use tower_service::Service;

use crate::body::CacheBody;
use crate::exchange::Exchange;
use crate::future::ResponseFuture;
use crate::head::{Head, Traits};
use crate::key::part_key;
use crate::layer::Settings;
use crate::lookup::{Found, Kept, Missed, Place};
use crate::post::{self, post};
use crate::refresh::{Replaced, refresh};
use crate::semantics::cache_status::{self, CACHE_STATUS, Forward};
use crate::semantics::directives::Wishes;
use crate::semantics::host::host;
use crate::semantics::invalidation::is_unsafe;
use crate::semantics::request::is_read;
use crate::semantics::reuse::{Refresh, Reuse, Why};
use crate::semantics::verdict::Bypass;
use crate::stored::Serving;
use crate::write::{Written, write};

/// A service whose responses are kept. Made by [`CacheLayer`](crate::CacheLayer).
#[derive(Clone)]
pub struct CacheService<S> {
    settings: Arc<Settings>,
    inner: S,
}

/// What the layer does with a request. As small as an answer: it is moved on every hit.
enum Course<B: Body> {
    /// Sends it past the cache, saying this.
    Pass(HeaderValue),
    /// Sends it on, and makes invalid what it changed.
    Write(Written),
    /// Sends a POST on, and keeps its answer if it may be kept.
    Post(Box<(Place<'static>, Written)>),
    /// Answers it.
    Answer(Response<CacheBody<B>>),
    /// Answers it, and asks again in the background.
    Refresh(Response<CacheBody<B>>, Box<(Place<'static>, Kept)>),
    /// Asks the wrapped service.
    Ask(Box<(Place<'static>, Missed, Ask)>),
}

/// How the wrapped service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// By one for all who want the same.
    Together,
    /// By this request for itself.
    Alone,
    /// By this request for itself, for a part.
    ForPart,
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
    B: Body + Send + 'static,
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
        let Self { settings, inner } = self;
        let (mut request, mut scope) = (request, None);
        if let Some(scope_of) = &settings.policy.scope
            && is_read(request.method())
        {
            let (head, body) = request.into_parts();
            scope = scope_of(&head);
            request = Request::from_parts(head, body);
        }
        match course(settings, &request, scope) {
            Course::Pass(status) => ResponseFuture::passed(inner.call(request), status),
            Course::Write(written) => {
                let answer = inner.call(request);
                ResponseFuture::exchange(publish(settings, answer, written))
            }
            Course::Post(posted) => {
                let (place, written) = *posted;
                let (inner, settings) = (take_ready(inner), Arc::clone(settings));
                ResponseFuture::exchange(Box::pin(post(settings, inner, request, place, written)))
            }
            Course::Answer(response) => ResponseFuture::ready(response),
            Course::Refresh(response, stale) => {
                let (place, kept) = *stale;
                refresh_stale(settings, inner, place, &kept, request);
                ResponseFuture::ready(response)
            }
            Course::Ask(asked) => {
                let (inner, settings) = (take_ready(inner), Arc::clone(settings));
                ResponseFuture::exchange(exchange(settings, inner, request, *asked))
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

/// Decides what to do with a request.
fn course<B: Body, R: Body>(
    settings: &Settings,
    request: &Request<B>,
    scope: Option<Scope>,
) -> Course<R> {
    let head = Head::of(request);
    let place = match Place::of(settings, &head, request.body().is_end_stream(), scope) {
        Ok(place) => place,
        Err(Bypass::Method) if is_unsafe(head.method) || head.traits.has(Traits::OVERRIDE) => {
            return written(settings, &head);
        }
        Err(reason) => return pass(reason),
    };
    let wishes = settings
        .policy
        .serving
        .listens
        .then(|| Wishes::of(head.headers));
    if wishes.is_some_and(|wishes| wishes.no_store) {
        return pass(Bypass::NoStore);
    }
    let peek = place.peek();
    if let Some(response) = place.answer_fresh(&peek, &head, wishes.as_ref()) {
        return Course::Answer(response);
    }
    match place.find_in(peek, head.headers) {
        Found::Kept(kept) => kept_course(place, kept, &head, wishes.as_ref()),
        Found::Off => {
            place.pass_by();
            pass(Bypass::Off)
        }
        Found::Missed(_) if wishes.is_some_and(|wishes| wishes.only_if_cached) => nothing_else(),
        Found::Missed(missed) => missed_course(settings, place, missed, &head),
    }
}

fn kept_course<R: Body>(
    place: Place<'_>,
    kept: Kept,
    head: &Head<'_>,
    wishes: Option<&Wishes>,
) -> Course<R> {
    let verdict = kept.decide(wishes);
    let Reuse::Ask(why) = verdict else {
        place.serve(&kept);
        let serving = Serving {
            now: kept.now,
            told: None,
        };
        let response = kept.stored().answer(head, serving);
        return match verdict {
            Reuse::Stale(Refresh::Yes) => {
                Course::Refresh(response, Box::new((place.into_owned(), kept)))
            }
            _ => Course::Answer(response),
        };
    };
    if wishes.is_some_and(|wishes| wishes.only_if_cached) {
        return nothing_else();
    }
    place.region.pass_over(&place.key);
    let missed = Missed {
        variant: kept.variant.map(|key| *key),
        why: match why {
            Why::Stale => Forward::Stale,
            Why::Request => Forward::Request,
        },
        first: None,
    };
    // A HEAD's answer is nobody else's, and who wants something newer does not wait for another.
    let alone = *head.method == Method::HEAD || why == Why::Request;
    let ask = if alone { Ask::Alone } else { Ask::Together };
    Course::Ask(Box::new((place.into_owned(), missed, ask)))
}

fn missed_course<R: Body>(
    settings: &Settings,
    place: Place<'_>,
    missed: Missed,
    head: &Head<'_>,
) -> Course<R> {
    place.region.pass_over(&place.key);
    // A HEAD has no body that could be kept, and a part is not all of it.
    if *head.method == Method::HEAD {
        return Course::Pass(cache_status::missed(missed.why, "head"));
    }
    if head.traits.has(Traits::RANGE) {
        return part_course(settings, place, missed.why, head);
    }
    let key = missed.variant.as_ref().unwrap_or(&place.key);
    let (now, everything) = (
        settings.larder.clock().now(),
        settings.larder.node().everything(),
    );
    let known = settings.uncacheable.holds(key, now, everything);
    let ask = if known { Ask::Alone } else { Ask::Together };
    Course::Ask(Box::new((place.into_owned(), missed, ask)))
}

/// Answers a request for a part from a part that is kept, or asks for it to be kept.
fn part_course<R: Body>(
    settings: &Settings,
    place: Place<'_>,
    why: Forward,
    head: &Head<'_>,
) -> Course<R> {
    if !settings.policy.terms.by_the_letter || head.traits.has(Traits::CONDITIONAL) {
        return Course::Pass(cache_status::missed(why, "range"));
    }
    let key = part_key(&place.key);
    let kept = place.look(&key, head.headers);
    let fresh = kept.filter(|kept| kept.decide(None) == Reuse::Fresh);
    let answer = fresh.and_then(|kept| {
        let serving = Serving {
            now: kept.now,
            told: None,
        };
        let answer = kept.stored().answer_part(head, serving);
        answer.inspect(|_| place.serve(&kept))
    });
    if let Some(answer) = answer {
        return Course::Answer(answer);
    }
    let missed = Missed {
        variant: Some(key),
        why,
        first: None,
    };
    Course::Ask(Box::new((place.into_owned(), missed, Ask::ForPart)))
}

fn written<R: Body>(settings: &Settings, head: &Head<'_>) -> Course<R> {
    match host(head.original_uri, head) {
        Ok(host) => {
            let written = Written {
                host: host.as_str().to_ascii_lowercase(),
                target: settings.policy.key.target(head.original_uri).into_owned(),
            };
            match post::place(settings, head, host) {
                Some(place) => Course::Post(Box::new((place, written))),
                None => Course::Write(written),
            }
        }
        Err(_) => pass(Bypass::Method),
    }
}

fn pass<R: Body>(why: Bypass) -> Course<R> {
    tracing::debug!(reason = why.as_str(), "a request passes by the cache");
    Course::Pass(cache_status::bypassed(why))
}

/// RFC 9111, 5.2.1.7: a request that wants nothing but what is kept, which is nothing.
fn nothing_else<R: Body>() -> Course<R> {
    let mut response = Response::new(CacheBody::empty());
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    let status = cache_status::only_if_cached();
    response.headers_mut().insert(CACHE_STATUS, status);
    Course::Answer(response)
}

/// Asks the wrapped service. On its own: its future is large, and a hit shall not make room for it.
#[inline(never)]
fn exchange<S, B, R>(
    settings: Arc<Settings>,
    inner: S,
    request: Request<B>,
    (place, missed, ask): (Place<'static>, Missed, Ask),
) -> BoxFuture<'static, Result<Response<CacheBody<R>>, S::Error>>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: Body + Send + 'static,
    R::Error: Send,
{
    let exchange = Exchange {
        key: missed.variant.unwrap_or_else(|| place.key.clone()),
        settings,
        inner,
        request,
        place,
        why: missed.why,
        first: missed.first,
        ask,
    };
    Box::pin(exchange.run())
}

/// Waits for the answer of an unsafe request. On its own, as [`exchange`] is.
#[inline(never)]
fn publish<F, R, E>(
    settings: &Settings,
    answer: F,
    written: Written,
) -> BoxFuture<'static, Result<Response<CacheBody<R>>, E>>
where
    F: Future<Output = Result<Response<R>, E>> + Send + 'static,
    R: Body + Send + 'static,
    E: Send + 'static,
{
    Box::pin(write(settings.larder.clone(), answer, written))
}

/// Takes the service that `poll_ready` readied, and leaves a clone of it.
fn take_ready<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    std::mem::replace(inner, clone)
}

/// Loads a stale response anew in the background, unless that is under way. On its own, as
/// [`exchange`] is.
#[inline(never)]
fn refresh_stale<S, B, R>(
    settings: &Arc<Settings>,
    inner: &S,
    place: Place<'static>,
    kept: &Kept,
    request: Request<B>,
) where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Send,
{
    let key = kept.variant.as_deref().unwrap_or(&place.key).clone();
    if let Some(lead) = place.region.try_lead(&key) {
        let stays = settings.policy.stale_on_error || kept.bridges_failure();
        let region = Region::clone(&place.region);
        let replaced = Replaced::new(region, key, stays);
        refresh(
            Arc::clone(settings),
            inner.clone(),
            lead,
            place,
            replaced,
            request,
        );
    }
}
