//! Reads along a response whose body is still running, by requests that waited for its head.
//!
//! 1. It will be kept if it ends well and, as far as it says, it fits the limit. Of one that does not say
//!    how long it is, the rest above the limit is passed on ([`feed`](crate::body::feed)).
//! 2. It was chosen by the headers this request has too; the request wants all of it, or has it.
//! 3. What was read for it so far still stands: who comes after a write never gets what was made before
//!    it. What is read for it later is read after this request came.
//! 4. Nothing encloses the request: what is made of an answer must know all its dependencies, which a
//!    running one has not collected yet.
//! 5. If it breaks, those who read along are told with an error of their own.

use std::any::Any;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Response, StatusCode};
use http_body::Body;
use larder_core::{ReadScope, Witness};

use crate::body::CacheBody;
use crate::body::feed::Feed;
use crate::fill::answer_head;
use crate::head::{Head, Traits};
use crate::semantics::cache_status::{self, Forward, number};
use crate::semantics::dates::Unix;
use crate::semantics::fields;
use crate::semantics::vary::Variant;
use crate::stored::Stored;

/// A response under way.
pub(crate) struct Ride<B: Body> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) variant: Variant,
    pub(crate) length: Option<u64>,
    pub(crate) came_at: Unix,
    pub(crate) feed: Arc<Feed<B>>,
    pub(crate) witness: Witness<Stored>,
}

/// Tells whether a request may read along at all: rule 4.
pub(crate) fn may_ride() -> bool {
    ReadScope::current().is_none()
}

/// Answers a request with a response under way, if it may be.
pub(crate) fn ride<B: Body + Send + 'static>(
    news: &Arc<dyn Any + Send + Sync>,
    request: &Head<'_>,
    why: Forward,
) -> Option<Response<CacheBody<B>>> {
    let ride = news.downcast_ref::<Ride<B>>()?;
    let fits = ride.variant.matches(request.headers) && !request.traits.has(Traits::RANGE);
    if !fits || !ride.witness.stands() {
        return None;
    }
    let reader = ride.feed.reader()?;
    let mut head = Response::new(()).into_parts().0;
    head.status = ride.status;
    head.headers = ride.headers.clone();
    fields::remove_hop_by_hop(&mut head.headers);
    if let Some(length) = ride.length {
        head.headers.insert(CONTENT_LENGTH, number(length));
    }
    let body = CacheBody::running(reader, ride.length);
    let told = cache_status::collapsed(why);
    Some(answer_head(head, body, request.headers, ride.came_at, told))
}
