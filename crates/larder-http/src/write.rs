//! Requests that are not safe: what they change is invalid before their answer is seen.

use std::future::Future;

use http::Response;
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
    let mut response = match ReadScope::current() {
        Some(_) => answer.await?,
        None => ReadScope::untracked().run(answer).await?,
    };
    if invalidation::changes(response.status()) {
        // What the bus does not take is pending, and published again until it does.
        let _ = larder.publish_all(changes(&response, &written)).await;
    }
    let status = cache_status::bypassed(Bypass::Method);
    cache_status::append(response.headers_mut(), status);
    Ok(response.map(CacheBody::passed))
}

fn changes<R>(response: &Response<R>, written: &Written) -> Vec<Change> {
    let Written { host, target } = written;
    let targets = invalidation::targets(host, target, response.headers());
    let targets = targets.iter().map(|target| tag(host, target));
    targets
        .chain(groups::invalidated(host, response.headers()))
        .map(Change::tag)
        .collect()
}
