//! Loads a response through the wrapped service and keeps it if it may be.
//!
//! 1. The service is called, and its body read, inside the lead's read scope: what they read is
//!    what the entry depends on, complete when the body has ended.
//! 2. The head decides first. A response that is not kept goes on untouched, its followers at once.
//! 3. A body that is there is gathered and kept before the response is answered, so that the answer
//!    can carry its tag. One that has to be waited for is read by the client while it is gathered.
//! 4. Kept is only what ended cleanly, with the length announced, within the limit and within
//!    [`PATIENCE`]. In all other cases the client gets what it would have got without the cache.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, ETAG, HeaderMap};
use http::response::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use larder_core::Lead;
use tower_service::Service;

use crate::body::feed::{self, Abandoned, Writer};
use crate::body::gather::{End, Gathered};
use crate::body::{CacheBody, Tail};
use crate::cache_status::{self, Forward, Outcome};
use crate::layer::Settings;
use crate::refresh::Replaced;
use crate::stored::{Stored, Whole};
use crate::vary::Variant;
use crate::verdict::Skip;
use crate::verdict::response::{Plan, judge};
use crate::{conditions, etag};

/// How long a body may run before those who wait for it are told to load for themselves.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is remembered of a request while it is away.
pub(crate) struct Asked {
    headers: HeaderMap,
    why: Forward,
    /// The stale response this load is to replace.
    replaced: Option<Replaced>,
}

impl Asked {
    pub(crate) fn new(headers: &HeaderMap, why: Forward) -> Self {
        Self {
            headers: headers.clone(),
            why,
            replaced: None,
        }
    }

    pub(crate) fn replacing(headers: &HeaderMap, replaced: Replaced) -> Self {
        Self {
            headers: headers.clone(),
            why: Forward::Stale,
            replaced: Some(replaced),
        }
    }
}

/// A response that will be kept if its body ends well.
struct Fill {
    settings: Arc<Settings>,
    asked: Asked,
    plan: Plan,
    lead: Lead<Stored>,
}

/// Calls the service and answers with its response, kept or not.
pub(crate) async fn load<S, B, R>(
    settings: Arc<Settings>,
    lead: Lead<Stored>,
    mut inner: S,
    mut request: Request<B>,
    asked: Asked,
) -> Result<Response<CacheBody<R>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body + Send + 'static,
    R::Error: Send,
{
    conditions::remove(request.headers_mut());
    let (head, body) = match lead.run(async { inner.call(request).await }).await {
        Ok(response) => response.into_parts(),
        Err(error) => {
            lead.release();
            return Err(error);
        }
    };
    drop(inner);
    match verdict(&lead, &head, &body, &settings) {
        Ok(plan) => Ok(Fill {
            settings,
            asked,
            plan,
            lead,
        }
        .run(head, body)
        .await),
        Err(outcome) => {
            tracing::debug!(reason = outcome.as_str(), "a response is not kept");
            if let Some(replaced) = asked.replaced {
                replaced.answered(head.status);
            }
            lead.release_as(outcome.refusal());
            Ok(answer(
                head,
                CacheBody::passed(body),
                &asked.headers,
                asked.why,
                outcome,
            ))
        }
    }
}

impl Fill {
    async fn run<R>(self, mut head: Parts, body: R) -> Response<CacheBody<R>>
    where
        R: Body + Send + 'static,
        R::Error: Send,
    {
        if self.plan.ours && !head.headers.contains_key(CACHE_CONTROL) {
            head.headers
                .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        let length = body.size_hint();
        let mut body = Box::pin(body);
        let mut gathered = Gathered::new(self.settings.policy.terms.body_limit, length.lower());
        let gather = poll_fn(|cx| Poll::Ready(gathered.poll(body.as_mut(), cx)));
        match self.lead.run(gather).await {
            Poll::Ready(End::Clean) => self.whole(head, gathered),
            Poll::Ready(End::TooLarge) => {
                self.give_up(head, gathered, Tail::Rest(body), Skip::TooLarge)
            }
            Poll::Ready(End::Broken(error)) => {
                self.give_up(head, gathered, Tail::Failed(error), Skip::Broken)
            }
            Poll::Pending => self.stream(head, gathered, body, length.exact()),
        }
    }

    /// Answers with a body that has ended.
    fn whole<R: Body>(self, mut head: Parts, gathered: Gathered) -> Response<CacheBody<R>> {
        if !is_length(&head.headers, gathered.bytes().len()) {
            let trailers = gathered.trailers().cloned();
            return self.give_up(head, gathered, Tail::Ended(trailers), Skip::Length);
        }
        let (bytes, trailers) = gathered.into_parts();
        let bytes = Bytes::from(bytes.into_boxed_slice());
        add_tag(&mut head.headers, &bytes);
        let (request, why) = (self.asked.headers.clone(), self.asked.why);
        let outcome = self.keep(&head.headers, bytes.clone(), trailers.clone());
        answer(
            head,
            CacheBody::kept(bytes, trailers),
            &request,
            why,
            outcome,
        )
    }

    /// Answers with a body that is not kept, from its beginning.
    fn give_up<R: Body>(
        self,
        head: Parts,
        gathered: Gathered,
        tail: Tail<R>,
        skip: Skip,
    ) -> Response<CacheBody<R>> {
        let body = CacheBody::replayed(gathered.into_parts().0.into(), tail);
        let (request, why) = (self.asked.headers.clone(), self.asked.why);
        self.release(skip);
        answer(head, body, &request, why, Outcome::Skipped(skip))
    }

    /// Answers with a body that runs, and gathers it meanwhile.
    fn stream<R>(
        self,
        head: Parts,
        gathered: Gathered,
        body: Pin<Box<R>>,
        length: Option<u64>,
    ) -> Response<CacheBody<R>>
    where
        R: Body + Send + 'static,
        R::Error: Send,
    {
        let (writer, reader) = feed::open(gathered);
        let (request, why) = (self.asked.headers.clone(), self.asked.why);
        let larder = self.settings.larder.clone();
        larder.spawn(self.gather(head.headers.clone(), body, writer));
        answer(
            head,
            CacheBody::running(reader, length),
            &request,
            why,
            Outcome::Running,
        )
    }

    /// Gathers a running body to its end and keeps it.
    async fn gather<R: Body>(self, headers: HeaderMap, mut body: Pin<Box<R>>, writer: Writer<R>) {
        let patience = self.settings.larder.clock().sleep(PATIENCE);
        let gather = poll_fn(|cx| writer.poll(body.as_mut(), cx));
        let end = match self.lead.run(select(gather, patience)).await {
            Either::Left((end, _)) => end,
            Either::Right(_) => {
                self.release(Skip::TooSlow);
                return writer.end(Tail::Rest(body));
            }
        };
        match end {
            // Dropping the lead lets one of those who wait go on in its place.
            Err(Abandoned) => {}
            Ok(End::Clean) => self.end(headers, writer),
            Ok(End::TooLarge) => {
                self.release(Skip::TooLarge);
                writer.end(Tail::Rest(body));
            }
            Ok(End::Broken(error)) => {
                self.release(Skip::Broken);
                writer.end(Tail::Failed(error));
            }
        }
    }

    /// Keeps a body that has come to its end, then lets its reader know of the end: what encloses
    /// this response has all its dependencies by then.
    fn end<R: Body>(self, mut headers: HeaderMap, writer: Writer<R>) {
        let (bytes, trailers) = writer.look(|gathered| {
            (
                Bytes::copy_from_slice(gathered.bytes()),
                gathered.trailers().cloned(),
            )
        });
        if is_length(&headers, bytes.len()) {
            add_tag(&mut headers, &bytes);
            self.keep(&headers, bytes, trailers.clone());
        } else {
            self.release(Skip::Length);
        }
        writer.end(Tail::Ended(trailers));
    }

    fn keep(self, headers: &HeaderMap, body: Bytes, trailers: Option<HeaderMap>) -> Outcome {
        let Self {
            asked, plan, lead, ..
        } = self;
        let variant = Variant::new(&plan.vary, &asked.headers);
        let (age, ttl) = (plan.age, plan.lifetime.ttl);
        let stored = Stored::new(Whole {
            headers,
            body,
            trailers,
            variant,
            age,
            ttl,
        });
        let kept = lead.finish(Some(Arc::new(stored)), plan.lifetime).kept;
        match (asked.replaced, kept) {
            (Some(replaced), Ok(())) => replaced.renewed(),
            (Some(replaced), Err(_)) => replaced.answered(StatusCode::OK),
            (None, _) => {}
        }
        kept.map_or_else(Outcome::Refused, |()| Outcome::Stored)
    }

    /// Keeps nothing; those who wait load for themselves.
    fn release(self, skip: Skip) {
        tracing::debug!(reason = skip.as_str(), "a response is not kept");
        match self.asked.replaced {
            Some(replaced) if skip == Skip::Broken => drop(replaced),
            Some(replaced) => replaced.answered(StatusCode::OK),
            None => {}
        }
        self.lead.release_as(Outcome::Skipped(skip).refusal());
    }
}

/// Decides by the response's head, and by what is known of its reads so far.
fn verdict<R: Body>(
    lead: &Lead<Stored>,
    head: &Parts,
    body: &R,
    settings: &Settings,
) -> Result<Plan, Outcome> {
    let plan = judge(head, body.size_hint().lower(), &settings.policy.terms);
    let plan = plan.map_err(Outcome::Skipped)?;
    match lead.refusal() {
        Some(refusal) => Err(Outcome::Refused(refusal)),
        None => Ok(plan),
    }
}

/// Answers the request that loaded, or tells its client that it has the response already.
fn answer<R: Body>(
    mut head: Parts,
    body: CacheBody<R>,
    request: &HeaderMap,
    why: Forward,
    outcome: Outcome,
) -> Response<CacheBody<R>> {
    let status = cache_status::forwarded(why, outcome);
    cache_status::append(&mut head.headers, status);
    if head.status == StatusCode::OK && conditions::not_modified(request, &head.headers) {
        head.status = StatusCode::NOT_MODIFIED;
        conditions::remove_description(&mut head.headers);
        body.detach();
        return Response::from_parts(head, CacheBody::empty());
    }
    Response::from_parts(head, body)
}

fn add_tag(headers: &mut HeaderMap, body: &[u8]) {
    if !headers.contains_key(ETAG) {
        let tag = etag::of_body(headers, body);
        headers.insert(ETAG, tag);
    }
}

/// Tells whether a body of this length is what the headers announced, if they did.
fn is_length(headers: &HeaderMap, length: usize) -> bool {
    let announced = |value: &HeaderValue| value.to_str().ok()?.parse::<usize>().ok();
    headers
        .get_all(CONTENT_LENGTH)
        .iter()
        .all(|value| announced(value) == Some(length))
}
