//! Keeps an answer if it may be kept, while it is passed on.
//!
//! 1. The head decides first. A response that is not kept goes on untouched, its followers at once, and
//!    its key is remembered as such.
//! 2. A body that is there is gathered and kept before the response is answered, so that the answer
//!    can carry its tag. One that has to be waited for is read by the client while it is gathered.
//! 3. Those who wait read a running body along ([`ride`](crate::ride)).
//! 4. Kept is only what ended cleanly, with the length announced, within the limit and, if nobody can
//!    read it along or it does not say how long it is, within [`PATIENCE`]: some have to wait for its end.
//!    In all other cases the client gets what it would have got without the cache.

mod keep;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::response::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;
use larder_core::ReadScope;
use rapidhash::v3::rapidhash_v3;

use crate::body::feed::{self, Abandoned, Writer};
use crate::body::gather::{End, Gathered};
use crate::body::{CacheBody, Tail};
use crate::dress::{add_tag, tell_to_ask_again, undress};
use crate::load::{Loaded, depend_on_groups};
use crate::ride::Ride;
use crate::semantics::cache_status::{self, Forward, Outcome};
use crate::semantics::conditions;
use crate::semantics::dates::Unix;
use crate::semantics::ranges::part_of;
use crate::semantics::storing::{Plan, judge};
use crate::semantics::vary::Variant;
use crate::semantics::verdict::Skip;
use crate::stored::weight_of;

/// How long a body may run before those who wait for it are told to load for themselves.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most the headers of a kept response, and what it was chosen by, may weigh.
const HEAD_LIMIT: usize = 64 * 1024;

/// A response that will be kept if its body ends well.
struct Fill {
    loaded: Loaded,
    plan: Plan,
    status: StatusCode,
    variant: Variant,
}

/// Answers with the service's answer, kept or not.
pub(crate) async fn fill<R>(loaded: Loaded, head: Parts, body: R) -> Response<CacheBody<R>>
where
    R: Body + Send + 'static,
    R::Error: Send,
{
    match verdict(&loaded, &head, &body) {
        Ok((plan, variant)) => {
            let status = head.status;
            depend_on_groups(
                &loaded.settings,
                &loaded.lead,
                &loaded.asked.host,
                &head.headers,
            )
            .await;
            let fill = Fill {
                loaded,
                plan,
                status,
                variant,
            };
            fill.run(head, body).await
        }
        Err(outcome) => not_kept(loaded, head, body, outcome),
    }
}

/// Decides by the response's head, and by what is known of its reads so far.
fn verdict<R: Body>(loaded: &Loaded, head: &Parts, body: &R) -> Result<(Plan, Variant), Outcome> {
    let Loaded {
        settings,
        lead,
        asked,
        arrival,
        ..
    } = loaded;
    let policy = &settings.policy;
    let length = body.size_hint().lower();
    let plan = judge(head, length, asked.terms(), *arrival, &policy.terms);
    let plan = plan.map_err(Outcome::Skipped)?;
    if let Some(refusal) = lead.refusal() {
        return Err(Outcome::Refused(refusal));
    }
    let variant = Variant::new(&plan.vary, &asked.client.headers, policy.serving.order);
    if weight_of(&head.headers) + variant.weight() > HEAD_LIMIT {
        return Err(Outcome::Skipped(Skip::LargeHead));
    }
    let hash = rapidhash_v3(asked.key.as_bytes());
    match &asked.first {
        Some(first) if !first.admits(hash, policy.variants) => {
            Err(Outcome::Skipped(Skip::Variants))
        }
        _ => Ok((plan, variant)),
    }
}

fn not_kept<R: Body>(
    loaded: Loaded,
    head: Parts,
    body: R,
    outcome: Outcome,
) -> Response<CacheBody<R>> {
    let Loaded {
        settings,
        lead,
        asked,
        arrival,
        came,
    } = loaded;
    tracing::debug!(reason = outcome.as_str(), "a response is not kept");
    let is_whole = asked.part_of.is_none() && !head.status.is_server_error();
    if is_whole && matches!(outcome, Outcome::Skipped(_)) {
        settings.uncacheable.remember(&asked.key, came);
    }
    match asked.replaced {
        Some(replaced) => replaced.answered(head.status),
        None if asked.why == Forward::Stale && !head.status.is_server_error() => {
            asked.region.evict(&asked.key);
        }
        None => {}
    }
    lead.release_as(outcome.refusal());
    let told = cache_status::forwarded(asked.why, outcome);
    let body = CacheBody::passed(body);
    answer_head(head, body, &asked.client.headers, arrival.at, told)
}

impl Fill {
    async fn run<R>(self, mut head: Parts, body: R) -> Response<CacheBody<R>>
    where
        R: Body + Send + 'static,
        R::Error: Send,
    {
        undress(&self.loaded.settings, &mut head.headers);
        if self.plan.ours {
            tell_to_ask_again(&mut head.headers);
        }
        let length = body.size_hint();
        let mut body = Box::pin(body);
        let limit = self.loaded.settings.policy.terms.body_limit;
        let mut gathered = Gathered::new(limit, length.lower());
        let gather = poll_fn(|cx| Poll::Ready(gathered.poll(body.as_mut(), cx)));
        match self.loaded.lead.run(gather).await {
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
        if !is_length(self.status, &head.headers, gathered.len()) {
            let trailers = gathered.trailers().cloned();
            return self.give_up(head, gathered, Tail::Ended(trailers), Skip::Length);
        }
        let (bytes, trailers) = gathered.into_parts();
        let own_tag = add_tag(&self.loaded.settings, &mut head.headers, &bytes);
        let (request, why) = (
            self.loaded.asked.client.headers.clone(),
            self.loaded.asked.why,
        );
        let came_at = self.loaded.arrival.at;
        let outcome = self.keep(&head.headers, bytes.clone(), trailers.clone(), own_tag);
        let told = cache_status::forwarded(why, outcome);
        answer_head(
            head,
            CacheBody::kept(bytes, trailers),
            &request,
            came_at,
            told,
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
        let body = CacheBody::replayed(gathered.into_parts().0, tail);
        let (request, why) = (
            self.loaded.asked.client.headers.clone(),
            self.loaded.asked.why,
        );
        let came_at = self.loaded.arrival.at;
        self.release(skip);
        let told = cache_status::forwarded(why, Outcome::Skipped(skip));
        answer_head(head, body, &request, came_at, told)
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
        let (request, why) = (
            self.loaded.asked.client.headers.clone(),
            self.loaded.asked.why,
        );
        let came_at = self.loaded.arrival.at;
        let larder = self.loaded.settings.larder.clone();
        let is_shared = self.plan.is_for_all();
        if is_shared {
            let ride = Ride {
                status: self.status,
                headers: head.headers.clone(),
                variant: self.variant.clone(),
                length,
                came_at,
                feed: writer.feed(),
                witness: self.loaded.lead.witness(),
            };
            self.loaded.lead.announce(Arc::new(ride));
        }
        let has_end = is_shared && length.is_some();
        larder.spawn(self.gather(head.headers.clone(), body, writer, has_end));
        let told = cache_status::forwarded(why, Outcome::Running);
        answer_head(
            head,
            CacheBody::running(reader, length),
            &request,
            came_at,
            told,
        )
    }

    /// Gathers a running body to its end and keeps it.
    async fn gather<R: Body>(
        self,
        headers: HeaderMap,
        mut body: Pin<Box<R>>,
        writer: Writer<R>,
        has_end: bool,
    ) {
        // Those who may want it read along where they can, and it will end: nobody loses patience.
        let patience = if has_end {
            Either::Left(std::future::pending())
        } else {
            Either::Right(self.loaded.settings.larder.clock().sleep(PATIENCE))
        };
        let gather = poll_fn(|cx| writer.poll(body.as_mut(), cx));
        let end = match self.loaded.lead.run(select(gather, patience)).await {
            Either::Left((end, _)) => end,
            Either::Right(_) => return self.pass_on(body, writer, Skip::TooSlow).await,
        };
        match end {
            // Dropping the lead lets one of those who wait go on in its place.
            Err(Abandoned) => {}
            Ok(End::Clean) => self.end(headers, writer),
            Ok(End::TooLarge) => self.pass_on(body, writer, Skip::TooLarge).await,
            Ok(End::Broken(error)) => {
                self.release(Skip::Broken);
                writer.end(Tail::Failed(error));
            }
        }
    }

    /// Passes on a body that is not kept after all to those who have begun to read it.
    async fn pass_on<R: Body>(self, body: Pin<Box<R>>, writer: Writer<R>, skip: Skip) {
        let limit = self.loaded.settings.policy.terms.body_limit;
        self.release(skip);
        // What it reads from here on is read for no entry.
        let rest = writer.pass_on(body, limit);
        ReadScope::untracked().run(rest).await;
    }

    /// Keeps a body that has come to its end, then lets its reader know of the end: what encloses
    /// this response has all its dependencies by then.
    fn end<R: Body>(self, mut headers: HeaderMap, writer: Writer<R>) {
        let (bytes, trailers) = writer.close();
        if is_length(self.status, &headers, bytes.len()) {
            let own_tag = add_tag(&self.loaded.settings, &mut headers, &bytes);
            self.keep(&headers, bytes, trailers.clone(), own_tag);
        } else {
            self.release(Skip::Length);
        }
        writer.end(Tail::Ended(trailers));
    }
}

/// Answers the request that loaded, or tells its client that it has the response already.
pub(crate) fn answer_head<R: Body>(
    mut head: Parts,
    body: CacheBody<R>,
    request: &HeaderMap,
    came_at: Unix,
    told: HeaderValue,
) -> Response<CacheBody<R>> {
    cache_status::append(&mut head.headers, told);
    let is_ok = head.status == StatusCode::OK;
    if is_ok && conditions::not_modified(request, &head.headers, came_at) {
        head.status = StatusCode::NOT_MODIFIED;
        conditions::remove_description(&mut head.headers);
        body.detach();
        return Response::from_parts(head, CacheBody::empty());
    }
    Response::from_parts(head, body)
}

/// Tells whether a body of this length is what the headers announced, if they did.
fn is_length(status: StatusCode, headers: &HeaderMap, length: usize) -> bool {
    let announced = |value: &HeaderValue| value.to_str().ok()?.parse::<usize>().ok();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_part = status == StatusCode::PARTIAL_CONTENT;
    let part = part_of(headers).filter(|_| is_part);
    lengths.all(|value| announced(value) == Some(length))
        && part.is_none_or(|(part, _)| usize::try_from(part.end - part.start) == Ok(length))
}
