//! May a kept response be served now?
//!
//! Its request matches it already ([`vary`](crate::semantics::vary)). In this order:
//!
//! 1. `no-cache` in the response: ask first, always (RFC 9111, 5.2.2.4).
//! 2. `no-cache`, `max-age` and `min-fresh` in the request: ask first if they say so (RFC 9111,
//!    5.2.1) - where the route listens to requests at all. `immutable` in a response that is fresh
//!    stands over a `max-age` of the request that asks for a reload (RFC 8246, 2).
//! 3. Fresh: serve it (RFC 9111, 4.2).
//! 4. Stale, and `must-revalidate`, `proxy-revalidate` or `s-maxage` (the latter two in a shared
//!    cache) stand in it: ask first, whatever else is allowed (RFC 9111, 5.2.2.2, 5.2.2.8, 5.2.2.10).
//! 5. Stale within `stale-while-revalidate`, or the route's grace: serve it and ask in the background
//!    (RFC 5861, 3).
//! 6. Stale within the request's `max-stale`, where requests are listened to: serve it (RFC 9111,
//!    5.2.1.2).
//! 7. Otherwise ask first. If nobody answers, or with 500, 502, 503 or 504, it may be served within
//!    `stale-if-error` or what the route allows (RFC 5861, 4; RFC 9111, 4.2.4 and 4.3.3).

use std::time::Duration;

use http::StatusCode;

use crate::semantics::directives::Wishes;

/// What a kept response says of being served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Rule 1.
    pub(crate) ask_always: bool,
    /// Rule 4.
    pub(crate) never_stale: bool,
    pub(crate) immutable: bool,
    pub(crate) while_revalidating: Duration,
    pub(crate) if_error: Duration,
}

/// How old a kept response is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) age: Duration,
    /// How long it is still fresh; zero if it is stale.
    pub(crate) fresh_for: Duration,
    /// How long it has been stale; none if it is fresh.
    pub(crate) stale_for: Option<Duration>,
}

/// What to do with a kept response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// Serve it.
    Fresh,
    /// Serve it.
    Stale(Refresh),
    /// Ask first whether it still stands.
    Ask(Why),
}

/// Whether a stale response that is served is to be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// In the background.
    Yes,
    /// The client said that it does not mind.
    No,
}

/// Why a kept response is not served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is stale, or must be asked about each time.
    Stale,
    /// The request wants it newer.
    Request,
}

/// Decides whether a kept response is served; `wishes` is none where requests are not listened to.
pub(crate) fn decide(rules: &Rules, now: &Now, wishes: Option<&Wishes>) -> Reuse {
    if rules.ask_always {
        return Reuse::Ask(Why::Stale);
    }
    if wishes.is_some_and(|wishes| wants_newer(rules, now, wishes)) {
        return Reuse::Ask(Why::Request);
    }
    let Some(stale_for) = now.stale_for else {
        return Reuse::Fresh;
    };
    let max_stale = wishes.and_then(|wishes| wishes.max_stale);
    if rules.never_stale {
        Reuse::Ask(Why::Stale)
    } else if stale_for < rules.while_revalidating {
        Reuse::Stale(Refresh::Yes)
    } else if max_stale.is_some_and(|limit| stale_for <= limit) {
        Reuse::Stale(Refresh::No)
    } else {
        Reuse::Ask(Why::Stale)
    }
}

/// Tells whether a kept response may be served because asking failed: rule 7.
pub(crate) fn may_serve_on_error(rules: &Rules, now: &Now) -> bool {
    let stale_for = now.stale_for.unwrap_or_default();
    !rules.never_stale && !rules.ask_always && stale_for < rules.if_error
}

/// Tells whether an answer counts as none (RFC 5861, 4).
pub(crate) fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

fn wants_newer(rules: &Rules, now: &Now, wishes: &Wishes) -> bool {
    let older_than = |limit: Duration| now.age > limit || limit.is_zero();
    let reload = wishes.max_age.is_some_and(older_than);
    let spared = rules.immutable && now.stale_for.is_none();
    wishes.no_cache
        || (reload && !spared && !within_max_stale(now, wishes))
        || wishes.min_fresh.is_some_and(|least| now.fresh_for < least)
}

/// `max-stale` also lets through what is older than `max-age` only because it is stale.
fn within_max_stale(now: &Now, wishes: &Wishes) -> bool {
    let limits = wishes.max_age.zip(wishes.max_stale);
    limits.is_some_and(|(age, stale)| now.age <= age.saturating_add(stale))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn now(age: u64) -> Now {
        let age = Duration::from_secs(age);
        Now {
            age,
            fresh_for: MINUTE.saturating_sub(age),
            stale_for: age.checked_sub(MINUTE),
        }
    }

    fn rules() -> Rules {
        Rules {
            while_revalidating: Duration::from_secs(10),
            if_error: Duration::from_secs(30),
            ..Rules::default()
        }
    }

    fn wishes(text: &'static str) -> Wishes {
        let field = (
            http::header::CACHE_CONTROL,
            http::HeaderValue::from_static(text),
        );
        Wishes::of(&http::HeaderMap::from_iter([field]))
    }

    #[test]
    fn a_response_is_served_fresh_then_stale_then_asked_about() {
        let decide = |age| decide(&rules(), &now(age), None);
        assert_eq!([decide(0), decide(59)], [Reuse::Fresh; 2]);
        assert_eq!([decide(60), decide(69)], [Reuse::Stale(Refresh::Yes); 2]);
        assert_eq!([decide(70), decide(999)], [Reuse::Ask(Why::Stale); 2]);
    }

    #[test]
    fn what_must_be_asked_about_is_never_stale() {
        let never = Rules {
            never_stale: true,
            ..rules()
        };
        assert_eq!(decide(&never, &now(59), None), Reuse::Fresh);
        let lenient = wishes("max-stale");
        assert_eq!(
            decide(&never, &now(60), Some(&lenient)),
            Reuse::Ask(Why::Stale)
        );
        assert!(!may_serve_on_error(&never, &now(60)));
        let always = Rules {
            ask_always: true,
            ..rules()
        };
        assert_eq!(
            decide(&always, &now(0), Some(&lenient)),
            Reuse::Ask(Why::Stale)
        );
        assert!(!may_serve_on_error(&always, &now(0)));
    }

    #[test]
    fn an_error_is_bridged_within_its_window() {
        assert!(may_serve_on_error(&rules(), &now(60)));
        assert!(may_serve_on_error(&rules(), &now(89)));
        assert!(!may_serve_on_error(&rules(), &now(90)));
        let statuses = [500, 502, 503, 504, 501, 404, 200];
        let failures = statuses.map(|status| is_failure(StatusCode::from_u16(status).unwrap()));
        assert_eq!(failures, [true, true, true, true, false, false, false]);
    }

    #[test]
    fn a_request_is_listened_to_where_it_is_asked_for() {
        let decide = |age, text| decide(&rules(), &now(age), Some(&wishes(text)));
        let ask = Reuse::Ask(Why::Request);
        for (age, text, verdict) in [
            (5, "no-cache", ask),
            (0, "max-age=0", ask),
            (5, "max-age=4", ask),
            (5, "max-age=5", Reuse::Fresh),
            (5, "min-fresh=56", ask),
            (5, "min-fresh=55", Reuse::Fresh),
            (75, "max-stale=15", Reuse::Stale(Refresh::No)),
            (76, "max-stale=15", Reuse::Ask(Why::Stale)),
            (76, "max-stale", Reuse::Stale(Refresh::No)),
            (70, "max-age=60, max-stale=10", Reuse::Stale(Refresh::No)),
            (71, "max-age=60, max-stale=10", ask),
            (5, "nothing-to-see-here", Reuse::Fresh),
        ] {
            assert_eq!(decide(age, text), verdict, "{age} {text}");
        }
    }

    #[test]
    fn what_is_immutable_is_not_reloaded_while_it_is_fresh() {
        let immutable = Rules {
            immutable: true,
            ..rules()
        };
        let reload = wishes("max-age=0");
        assert_eq!(decide(&immutable, &now(5), Some(&reload)), Reuse::Fresh);
        let ask = Reuse::Ask(Why::Request);
        assert_eq!(decide(&immutable, &now(65), Some(&reload)), ask);
        assert_eq!(decide(&immutable, &now(5), Some(&wishes("no-cache"))), ask);
    }
}
