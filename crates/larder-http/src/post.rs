//! Answers to POST that serve whoever reads their target next (RFC 9110, 9.3.3; RFC 9111, 2 and 4).
//!
//! 1. Only where the route goes by the letter, tells no users apart and lets nothing stand over what
//!    responses say; for a request without a condition, a range or another method that it means.
//! 2. Which answers may is decided by [`posted`](crate::semantics::posted), then as for those to a GET
//!    ([`fill`](crate::fill)), under whose key they are kept.
//! 3. Like any unsafe request it makes its target invalid first ([`write`](crate::write)), what its handler
//!    read before it wrote with it. It is kept only if nothing else was published since before the handler
//!    was called ([`Lead::publish`]): by others, who may have changed what it was made of; or by the
//!    handler, which then knew what it wrote without reading it, and nothing would ever make it invalid.
//! 4. Nothing encloses it: what is made of an answer depends on what was read for it before it wrote.

use std::sync::Arc;

use http::{Method, Request, Response};
use http_body::Body;
use larder_core::{Lead, ReadScope, Scope};
use tower_service::Service;

use crate::body::CacheBody;
use crate::fill::fill;
use crate::head::{Head, Traits};
use crate::key::key;
use crate::layer::Settings;
use crate::load::{Asked, Loaded};
use crate::lookup::{Home, Place};
use crate::semantics::cache_status::Forward;
use crate::semantics::directives::Wishes;
use crate::semantics::freshness::Arrival;
use crate::semantics::host::Host;
use crate::semantics::posted::serves_others;
use crate::semantics::{invalidation, request};
use crate::stored::Stored;
use crate::write::{Unanswered, Written, changes, passed};

/// Returns where the answer to a POST may be kept, if it may be at all: rules 1 and 4.
pub(crate) fn place(
    settings: &Settings,
    head: &Head<'_>,
    host: Host<'_>,
) -> Option<Place<'static>> {
    let policy = &settings.policy;
    let refused = [
        Traits::OVERRIDE,
        Traits::PRECONDITION,
        Traits::CONDITIONAL,
        Traits::RANGE,
        Traits::UPGRADE,
    ];
    let is_plain = policy.terms.by_the_letter
        && *head.method == Method::POST
        && policy.scope.is_none()
        && !policy.terms.overrules
        && !refused.into_iter().any(|one| head.traits.has(one))
        && ReadScope::current().is_none();
    let wants_none = || policy.serving.listens && Wishes::of(head.headers).no_store;
    if !is_plain || wants_none() || request::judge_length(head.original_uri).is_err() {
        return None;
    }
    let host = policy.key.hosts.admit(host).ok()?;
    let by_response = policy.serving.credentials_by_response;
    let scope = request::scope(head, None, by_response);
    matches!(scope, Ok(Scope::Public)).then(|| Place {
        region: Home::Own(Box::new(settings.region.clone())),
        key: key(&settings.name, host, head, &policy.key),
        scoped: false,
    })
}

/// Sends a POST on, publishes what it makes invalid, and keeps its answer if it may be kept.
pub(crate) async fn post<S, B, R>(
    settings: Arc<Settings>,
    mut inner: S,
    request: Request<B>,
    place: Place<'static>,
    written: Written,
) -> Result<Response<CacheBody<R>>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body + Send + 'static,
    R::Error: Send,
{
    let (host, uri) = (
        written.host.clone(),
        Head::of(&request).original_uri.clone(),
    );
    let head = Head::of(&request);
    let asked = Asked::new(&settings, &place, &head, &place.key, Forward::Method);
    let mut unanswered = Unanswered::new(&settings.larder, written);
    // Its stamp stands before all that the handler does.
    let mut lead: Lead<Stored> = place.region.alone(&place.key);
    let began = settings.larder.clock().now();
    let call = async {
        settings.larder.reading(None, asked.tags());
        inner.call(request).await
    };
    let answer = lead.run(call).await?;
    drop(inner);
    let came = settings.larder.clock().now();
    let arrival = Arrival {
        at: settings.unix(),
        delay: came.since(began),
    };
    let (head, body) = answer.into_parts();
    let serves = serves_others(&head, &host, &uri, arrival, &settings.policy.terms);
    if let Some(written) = unanswered.answered()
        && invalidation::changes(head.status)
    {
        let changes = changes(&head.headers, &written);
        // What the bus does not take is pending, and published again until it does.
        let _ = if serves {
            lead.publish(changes).await
        } else {
            settings.larder.publish_all(changes).await
        };
    }
    if !serves {
        return Ok(passed(Response::from_parts(head, body)));
    }
    let loaded = Loaded {
        settings,
        lead,
        asked,
        arrival,
        came,
    };
    Ok(fill(loaded, head, body).await)
}
