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
//! 5. Another node may have loaded it anew: the remote tier is asked first, as by any request that leads. Under
//!    the key all variants have in common that node may have kept another; then the one beside it is meant.

use std::future::poll_fn;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use larder_core::{Key, Lead, Region, Turn};
use tower_service::Service;

use crate::head::Head;
use crate::layer::Settings;
use crate::load::{Asked, load};
use crate::lookup::{Found, Missed, Place};
use crate::semantics::cache_status::Forward;
use crate::stored::Stored;

/// A stale response that is being replaced. Dropped before that is settled, its refresh failed.
pub(crate) struct Replaced {
    region: Region<Stored>,
    key: Key,
    stays_on_failure: bool,
}

/// What is still to be loaded.
struct Due {
    lead: Lead<Stored>,
    replaced: Replaced,
    /// The response beside which it will stand, if that is another.
    first: Option<Arc<Stored>>,
}

/// Spawns the refresh of what `replaced` is, by a request that was answered with it.
pub(crate) fn refresh<S, B, R>(
    settings: Arc<Settings>,
    inner: S,
    lead: Lead<Stored>,
    place: Place<'static>,
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
    let kept = place.look(&replaced.key, request.headers());
    let larder = settings.larder.clone();
    larder.spawn(async move {
        let mut inner = inner;
        let (head, body) = request.into_parts();
        let due = Due::new(lead, replaced);
        let Some(due) = due.unless_elsewhere(&place, &head.headers).await else {
            return;
        };
        let request = Request::from_parts(head, body);
        let head = Head::of(&request);
        let mut asked = Asked::new(&settings, &place, &head, &due.replaced.key, Forward::Stale);
        asked.first = due.first;
        asked.replaced = Some(due.replaced);
        if poll_fn(|cx| inner.poll_ready(cx)).await.is_ok()
            && let Ok(response) = load(settings, due.lead, inner, request, asked, kept).await
        {
            response.into_body().detach();
        }
    });
}

impl Due {
    fn new(lead: Lead<Stored>, replaced: Replaced) -> Self {
        Self {
            lead,
            replaced,
            first: None,
        }
    }

    /// Has the remote tier asked; none if nothing is to be loaded any more: rule 5.
    async fn unless_elsewhere(self, place: &Place<'static>, request: &HeaderMap) -> Option<Self> {
        let Self {
            mut lead,
            mut replaced,
            mut first,
        } = self;
        loop {
            let hit = match lead.fetch_first().await {
                Turn::Hit(hit) => hit,
                Turn::Lead(lead) | Turn::Alone(lead) => {
                    return Some(Self {
                        lead,
                        replaced,
                        first,
                    });
                }
                Turn::Failed(_) => return None,
            };
            let stays = replaced.stays_on_failure;
            replaced.renewed();
            if hit.value.is_none_or(|it| it.variant().matches(request)) {
                return None;
            }
            let Found::Missed(Missed {
                variant: Some(key),
                first: other,
                ..
            }) = place.find(request)
            else {
                return None;
            };
            // None if somebody loads it, or it was fetched just now.
            lead = place.region.try_lead(&key)?;
            replaced = Replaced::new(Region::clone(&place.region), key, stays);
            first = other;
        }
    }
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
