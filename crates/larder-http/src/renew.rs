//! Renews a kept response that its origin says still stands (RFC 9111, 4.3.4 and 4.3.5).
//!
//! 1. What the answer says replaces what was kept of the same fields; the body stays.
//! 2. All rules of keeping are asked again, of the fields as they are now. If they say no, the kept
//!    response goes, after it has answered this request.
//! 3. The renewed response depends on what the kept one depended on, and on what was read to say that
//!    it stands. A kept response that is invalid is never asked about.
//! 4. A 304 that is about another response renews nothing: the kept one answers this request, whose
//!    condition its origin found met, and goes.
//! 5. What goes because a client asked about it (`no-cache`) goes on all nodes and in the remote tier: it is
//!    fresh there. An answer to such a request that is no word about what is kept, and is not kept itself, leaves
//!    it in place (RFC 9111, 3: it was a response of its own).

use std::sync::Arc;

use http::header::{DATE, HeaderMap};
use http::response::Parts;
use http::{Response, StatusCode};
use http_body::Body;

use crate::body::CacheBody;
use crate::dress::dress;
use crate::fill::answer_head;
use crate::load::{Loaded, depend_on_groups};
use crate::lookup::Kept;
use crate::semantics::cache_status::{self, Outcome};
use crate::semantics::storing::{Plan, judge};
use crate::semantics::vary::Variant;
use crate::semantics::{dates, validation};
use crate::stored::{Serving, Stored, Times, Whole};

/// Answers with a kept response that is confirmed by a 304.
pub(crate) async fn confirmed<R: Body>(
    loaded: Loaded,
    kept: &Kept,
    head: Parts,
) -> Response<CacheBody<R>> {
    let why = loaded.asked.why;
    let status = Some(StatusCode::NOT_MODIFIED);
    let origins = kept.stored().origins();
    if !validation::is_about(&origins, &head.headers) {
        let told = cache_status::asked(why, status, "detail=other-validator");
        let serving = Serving {
            now: kept.now,
            told: Some(told),
        };
        let answer = kept.stored().answer(&loaded.asked.client.head(), serving);
        loaded.asked.withdraw().await;
        loaded.lead.release();
        return answer;
    }
    let (came, client) = (loaded.came, loaded.asked.client.clone());
    let (stored, outcome) = renewed(loaded, kept, &origins, head).await;
    let told = cache_status::asked(why, status, &outcome.told());
    let serving = Serving {
        now: stored.at(came),
        told: Some(told),
    };
    stored.answer(&client.head(), serving)
}

/// Answers a HEAD that was sent on, and updates what is kept for a GET.
pub(crate) async fn head_answered<R: Body>(
    loaded: Loaded,
    kept: Option<&Kept>,
    head: Parts,
    body: R,
) -> Response<CacheBody<R>> {
    let why = loaded.asked.why;
    let request = loaded.asked.client.headers.clone();
    let came_at = loaded.arrival.at;
    let Some(kept) = kept.filter(|_| head.status == StatusCode::OK) else {
        loaded.lead.release();
        let told = cache_status::missed(why, "head");
        return answer_head(head, CacheBody::passed(body), &request, came_at, told);
    };
    let origins = kept.stored().origins();
    let length = u64::try_from(kept.stored().body().len()).unwrap_or(u64::MAX);
    let mut answer = Response::new(()).into_parts().0;
    answer.status = head.status;
    answer.headers = head.headers.clone();
    let told = if validation::head_is_about(&origins, length, &head.headers) {
        let (_, outcome) = renewed(loaded, kept, &origins, head).await;
        cache_status::asked(why, None, &outcome.told())
    } else {
        loaded.asked.withdraw().await;
        loaded.lead.release();
        cache_status::missed(why, "head")
    };
    answer_head(answer, CacheBody::passed(body), &request, came_at, told)
}

/// Keeps a response with what an answer about it says, if it may be kept so.
async fn renewed(
    loaded: Loaded,
    kept: &Kept,
    origins: &HeaderMap,
    mut head: Parts,
) -> (Arc<Stored>, Outcome) {
    let settings = &loaded.settings;
    let dated = head.headers.contains_key(DATE);
    head.headers = validation::updated(origins, &head.headers);
    head.status = kept.stored().status();
    if !dated {
        let came = dates::format(loaded.arrival.at);
        head.headers.insert(DATE, came);
    }
    let length = u64::try_from(kept.stored().body().len()).unwrap_or(u64::MAX);
    let terms = loaded.asked.terms();
    let plan = judge(&head, length, terms, loaded.arrival, &settings.policy.terms);
    depend_on_groups(settings, &loaded.lead, &loaded.asked.hosts, &head.headers).await;
    let stored = Arc::new(made(&loaded, kept, head, plan.as_ref().ok()));
    let outcome = match plan {
        Ok(plan) => keep(loaded, kept, &stored, &plan),
        Err(skip) => {
            let outcome = Outcome::Skipped(skip);
            loaded.asked.withdraw().await;
            loaded.lead.release_as(outcome.refusal());
            outcome
        }
    };
    (stored, outcome)
}

/// Makes the renewed response; without a plan it answers one request only.
fn made(loaded: &Loaded, kept: &Kept, mut head: Parts, plan: Option<&Plan>) -> Stored {
    let settings = &loaded.settings;
    let own_tag = dress(settings, &mut head.headers, plan, kept.stored().body());
    let variant = |plan: &Plan| {
        let order = settings.policy.serving.order;
        Variant::new(&plan.vary, &loaded.asked.client.headers, order)
    };
    Stored::new(Whole {
        status: head.status,
        headers: &head.headers,
        body: kept.stored().body().clone(),
        trailers: kept.stored().trailers().cloned(),
        variant: plan.map(variant).unwrap_or_default(),
        times: Times {
            age: plan.map_or(loaded.arrival.delay, |plan| plan.age),
            fresh_for: plan.map(|plan| plan.fresh_for).unwrap_or_default(),
            came: loaded.came,
            came_at: loaded.arrival.at,
        },
        rules: plan.map(|plan| plan.rules).unwrap_or_default(),
        own_tag,
        ours: plan.is_some_and(|plan| plan.ours),
    })
}

fn keep(loaded: Loaded, kept: &Kept, stored: &Arc<Stored>, plan: &Plan) -> Outcome {
    let Loaded {
        lead,
        asked,
        arrival,
        ..
    } = loaded;
    lead.confirm(kept.peeked());
    let lifetime = plan.lifetime(arrival.delay);
    let kept = lead.finish(Some(Arc::clone(stored)), lifetime).kept;
    if let (Some(replaced), Ok(())) = (asked.replaced, kept) {
        replaced.renewed();
    }
    kept.map_or_else(Outcome::Refused, |()| Outcome::Stored)
}
