//! Requests that are not safe: what they change is invalid before their answer is seen.
//!
//! 1. An answer says what is invalid ([`invalidation`]): nothing, if it is an error.
//! 2. A request that nobody answers, or whose client goes away first, may have been carried out, or may
//!    be yet: its target is invalid now and once more after a while, and not kept in between.

use std::future::Future;

use http::{HeaderMap, Response};
use http_body::Body;
use larder_core::{Change, Larder, ReadScope};

use crate::body::CacheBody;
use crate::key::tag;
use crate::semantics::verdict::Bypass;
use crate::semantics::{cache_status, groups, invalidation};

/// The target of an unsafe request.
pub(crate) struct Written {
    pub(crate) host: String,
    pub(crate) target: String,
}

/// Waits for the answer of an unsafe request and publishes what it makes invalid.
pub(crate) async fn write<F, R, E>(
    larder: Larder,
    answer: F,
    written: Written,
) -> Result<Response<CacheBody<R>>, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    let mut written = Unanswered::new(&larder, written);
    let response = match ReadScope::current() {
        Some(_) => answer.await?,
        None => ReadScope::untracked().run(answer).await?,
    };
    if let Some(written) = written.answered()
        && invalidation::changes(response.status())
    {
        // What the bus does not take is pending, and published again until it does.
        let _ = larder
            .publish_all(changes(response.headers(), &written))
            .await;
    }
    Ok(passed(response))
}

/// Answers with what came, which is not kept.
pub(crate) fn passed<R: Body>(mut response: Response<R>) -> Response<CacheBody<R>> {
    let status = cache_status::bypassed(Bypass::Method);
    cache_status::append(response.headers_mut(), status);
    response.map(CacheBody::passed)
}

/// A request that has not been answered yet. Dropped as such, it may have changed its target.
pub(crate) struct Unanswered {
    larder: Larder,
    written: Option<Written>,
}

impl Unanswered {
    pub(crate) fn new(larder: &Larder, written: Written) -> Self {
        Self {
            larder: larder.clone(),
            written: Some(written),
        }
    }

    /// It is answered: returns what it was for.
    pub(crate) fn answered(&mut self) -> Option<Written> {
        self.written.take()
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(written) = self.written.take() {
            self.larder
                .publish_unsure(changes(&HeaderMap::new(), &written));
        }
    }
}

/// Returns what an answer to an unsafe request makes invalid.
pub(crate) fn changes(answer: &HeaderMap, written: &Written) -> Vec<Change> {
    let Written { host, target } = written;
    let targets = invalidation::targets(host, target, answer);
    let targets = targets.iter().map(|target| tag(host, target));
    targets
        .chain(groups::invalidated(host, answer))
        .map(Change::tag)
        .collect()
}
