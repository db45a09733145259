//! Asks about a stale response in the background.
//!
//! 1. One refresh a key runs at a time; meanwhile everybody is served the stale response.
//! 2. It is the request that was just answered with the stale response, extensions included, but for a
//!    whole GET without conditions of its own.
//! 3. What comes replaces or confirms the stale response. If it may not be kept, the stale one goes: the
//!    handler no longer stands by it.
//! 4. A refresh that fails - an error, a panic, a 5xx, a broken body - leaves the stale response in
//!    place only if the route's policy, or the response, says so. Otherwise the next request meets the
//!    failure.

use std::future::poll_fn;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use larder_core::{Key, Lead, Region};
use tower_service::Service;

use crate::head::Head;
use crate::layer::Settings;
use crate::load::{Asked, load};
use crate::lookup::Place;
use crate::semantics::cache_status::Forward;
use crate::stored::Stored;

/// A stale response that is being replaced. Dropped before that is settled, its refresh failed.
pub(crate) struct Replaced {
    region: Region<Stored>,
    key: Key,
    stays_on_failure: bool,
}

/// Spawns the refresh of what `replaced` is, by a request that was answered with it.
pub(crate) fn refresh<S, B, R>(
    settings: Arc<Settings>,
    inner: S,
    lead: Lead<Stored>,
    place: &Place<'static>,
    replaced: Replaced,
    mut request: Request<B>,
) where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Send,
{
    *request.method_mut() = Method::GET;
    let head = Head::of(&request);
    let kept = place.look(&replaced.key, head.headers);
    let mut asked = Asked::new(&settings, place, &head, &replaced.key, Forward::Stale);
    asked.replaced = Some(replaced);
    let larder = settings.larder.clone();
    larder.spawn(async move {
        let mut inner = inner;
        if poll_fn(|cx| inner.poll_ready(cx)).await.is_ok()
            && let Ok(response) = load(settings, lead, inner, request, asked, kept).await
        {
            response.into_body().detach();
        }
    });
}

impl Replaced {
    pub(crate) fn new(region: Region<Stored>, key: Key, stays_on_failure: bool) -> Self {
        Self {
            region,
            key,
            stays_on_failure,
        }
    }

    /// Settles that another response was kept in its place.
    pub(crate) fn renewed(mut self) {
        self.stays_on_failure = true;
    }

    /// Settles that the handler answered with something that is not kept. A 5xx is a failure.
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.stays_on_failure &= status.is_server_error();
    }
}

impl Drop for Replaced {
    fn drop(&mut self) {
        if !self.stays_on_failure {
            self.region.evict(&self.key);
        }
    }
}
