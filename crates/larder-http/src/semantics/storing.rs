//! May this response be kept, and under which terms?
//!
//! A response is kept if and only if
//!
//! 1. its status is final (RFC 9111, 3) and one the route keeps: without more, 200 and those that
//!    caches may even guess about or follow (301, 404, ...), never 401, 407, 416, 5xx; where all are
//!    kept, 206 and 304 still have rules of their own (3.3, 3.4) and 416 speaks of a range,
//! 2. it has no `Set-Cookie`, or the route keeps it and the response says itself how long it is fresh,
//! 3. its directives - the targeted ones if there are (RFC 9213), else `Cache-Control` - can be read and
//!    have neither `no-store` nor, in a shared cache, `private` (RFC 9111, 3; 5.2.2.5, 5.2.2.7).
//!    `must-understand` keeps out a status this cache does not know and stands over `no-store` for one
//!    it does (5.2.2.3). Without `Cache-Control`, `Pragma: no-cache` counts as `no-cache` unless the
//!    route goes by the letter, which knows no such response field (5.4),
//! 4. its request carried no `Authorization`, or the response says `public`, `must-revalidate` or
//!    `s-maxage` (3.5) - in a shared cache, and where the route did not say whom the answer is for,
//! 5. `Vary` names headers, never `*` (4.1), at most [`MAX_VARY`](crate::semantics::vary::MAX_VARY);
//!    if it is encoded, `Vary` names `Accept-Encoding`, and if it is open to one origin only
//!    (`Access-Control-Allow-Origin`), `Origin`, unless the route goes by the letter,
//! 6. its body has an end and fits the limit as far as it says,
//! 7. it says itself how long it is fresh, or the route does (which may overrule what it says), or the route lets it be guessed
//!    ([`freshness`](crate::semantics::freshness)), or it has a validator to ask with,
//! 8. it can be of use: it is fresh still, or may be served stale, or can be asked about.

use std::time::Duration;

use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, ORIGIN, PRAGMA, SET_COOKIE,
};
use http::response::Parts;
use http::{HeaderValue, StatusCode};
use larder_core::Lifetime;

use crate::semantics::directives::CacheControl;
use crate::semantics::fields::has_token;
use crate::semantics::freshness::{self, Arrival, Source};
use crate::semantics::ranges::part_of;
use crate::semantics::reuse::Rules;
use crate::semantics::validation::has_validator;
use crate::semantics::vary::VaryNames;
use crate::semantics::verdict::Skip;
use crate::semantics::{directives, targeted};

/// What of a route's policy decides here.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one setting")]
pub(crate) struct Terms {
    /// How long a response is fresh that does not say it itself.
    pub(crate) ttl: Option<Duration>,
    /// That stands over what a response says of its freshness.
    pub(crate) overrules: bool,
    /// How long it may be served stale while it is refreshed, if it does not say it itself.
    pub(crate) grace: Duration,
    /// How long it may be served stale when asking fails, if it does not say it itself.
    pub(crate) if_error: Duration,
    /// How long it is kept past its freshness to be asked about.
    pub(crate) retention: Duration,
    pub(crate) body_limit: u64,
    /// The cache is shared by several users.
    pub(crate) shared: bool,
    pub(crate) heuristics: bool,
    pub(crate) cookies: bool,
    pub(crate) all_statuses: bool,
    /// What only caution asks for is left out.
    pub(crate) by_the_letter: bool,
    pub(crate) targets: Vec<HeaderName>,
}

/// What a response was asked for with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// The route says whom the answer is for.
    pub(crate) scoped: bool,
    /// A part was asked for, which may be kept as such.
    pub(crate) for_part: bool,
}

/// How a response is to be kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How long it is fresh, from its birth.
    pub(crate) fresh_for: Duration,
    /// How old the response was when it came.
    pub(crate) age: Duration,
    /// How long it is kept past its freshness.
    pub(crate) kept_for: Duration,
    pub(crate) rules: Rules,
    /// The request headers it was chosen by.
    pub(crate) vary: VaryNames,
    /// Its freshness is the route's, which is Larder's own: clients are told to ask again.
    pub(crate) ours: bool,
}

impl Plan {
    /// Returns how long the core keeps it, counted from `before` its arrival.
    pub(crate) fn lifetime(&self, before: Duration) -> Lifetime {
        let left = self.fresh_for.saturating_sub(self.age);
        let ttl = if self.rules.ask_always || left.is_zero() {
            Duration::ZERO
        } else {
            left.saturating_add(before)
        };
        let over = self.age.saturating_sub(self.fresh_for);
        // What came stale has used up a part of its time already.
        let grace = self.kept_for.saturating_sub(over);
        Lifetime { ttl, grace }
    }
}

impl Plan {
    /// Tells whether those who wait for it may have it: it need not be asked about each time.
    pub(crate) fn is_for_all(&self) -> bool {
        !self.rules.ask_always && self.age < self.fresh_for
    }
}

/// Judges a response by its head and what its body says of its length.
pub(crate) fn judge(
    head: &Parts,
    least_length: u64,
    asked: Asked<'_>,
    arrival: Arrival,
    terms: &Terms,
) -> Result<Plan, Skip> {
    let headers = &head.headers;
    let targeted = targeted::directives(headers, &terms.targets);
    let is_targeted = targeted.is_some();
    let directives = targeted.unwrap_or_else(|| directives::CacheControl::of(headers));
    let explicit = freshness::explicit(headers, &directives, terms.shared, is_targeted, arrival);
    status(head.status, headers, asked, terms)?;
    if headers.contains_key(SET_COOKIE) && !(terms.cookies && explicit.is_some()) {
        return Err(Skip::SetCookie);
    }
    permitted(head.status, &directives, terms)?;
    authorized(asked, &directives, terms)?;
    let vary = varied(headers, terms)?;
    bounded(headers, least_length, terms.body_limit)?;
    let said = directives.no_cache || !is_targeted && says_pragma(headers, terms);
    let no_cache = said && !overrules(head, terms);
    let (fresh_for, source) = fresh_for(head, &directives, explicit, arrival, terms, no_cache)?;
    let age = freshness::age(headers, arrival);
    // A response whose own freshness is over was not made to be served again.
    let graceful = match source {
        Source::Explicit => age < fresh_for,
        Source::Heuristic => false,
        Source::Route => true,
    };
    let rules = rules(&directives, no_cache, graceful, terms);
    let plan = Plan {
        fresh_for,
        age,
        kept_for: kept_for(head, &rules, terms),
        rules,
        vary,
        ours: source == Source::Route,
    };
    useful(plan, no_cache)
}

/// Rule 1.
fn status(
    status: StatusCode,
    headers: &HeaderMap,
    asked: Asked<'_>,
    terms: &Terms,
) -> Result<(), Skip> {
    if asked.for_part {
        let is_part = status == StatusCode::PARTIAL_CONTENT && part_of(headers).is_some();
        return if is_part { Ok(()) } else { Err(Skip::Partial) };
    }
    let code = status.as_u16();
    let usual = status.as_u16() < 500
        && (freshness::is_heuristic(status) || matches!(code, 302 | 303 | 307));
    if code == 206 || code == 200 && headers.contains_key(CONTENT_RANGE) && !terms.by_the_letter {
        Err(Skip::Partial)
    } else if code == 304 || code == 416 || code < 200 || !(usual || terms.all_statuses) {
        Err(Skip::Status)
    } else {
        Ok(())
    }
}

/// Rule 3.
fn permitted(status: StatusCode, directives: &CacheControl, terms: &Terms) -> Result<(), Skip> {
    if directives.malformed {
        Err(Skip::Malformed)
    } else if directives.must_understand && !is_understood(status) {
        Err(Skip::NotUnderstood)
    } else if directives.no_store && !directives.must_understand {
        Err(Skip::NoStore)
    } else if directives.private && terms.shared {
        Err(Skip::Private)
    } else {
        Ok(())
    }
}

/// Tells whether this cache knows what the RFCs say of caching this status.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=204 | 206 | 300..=303 | 305 | 307 | 308 | 400..=405 | 407..=415 | 417 | 421 | 422 | 426
            | 428 | 429 | 431 | 451 | 500..=505 | 511
    )
}

/// Rule 4.
fn authorized(asked: Asked<'_>, directives: &CacheControl, terms: &Terms) -> Result<(), Skip> {
    let allowed = directives.public || directives.must_revalidate || directives.s_maxage.is_some();
    let in_question = terms.shared && !asked.scoped && asked.headers.contains_key(AUTHORIZATION);
    if in_question && !allowed {
        Err(Skip::Authorization)
    } else {
        Ok(())
    }
}

/// Rule 5.
fn varied(headers: &HeaderMap, terms: &Terms) -> Result<VaryNames, Skip> {
    let vary = VaryNames::of(headers)?;
    if is_encoded(headers) && !vary.contains(&ACCEPT_ENCODING) && !terms.by_the_letter {
        return Err(Skip::Encoding);
    }
    if is_for_one_origin(headers) && !vary.contains(&ORIGIN) && !terms.by_the_letter {
        return Err(Skip::Origin);
    }
    Ok(vary)
}

/// The fetch standard, "CORS protocol and HTTP caches".
fn is_for_one_origin(headers: &HeaderMap) -> bool {
    let allowed = headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter();
    allowed
        .map(|origin| origin.as_bytes().trim_ascii())
        .any(|origin| origin != b"*")
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let coding = value.as_bytes().trim_ascii();
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    })
}

fn says_pragma(headers: &HeaderMap, terms: &Terms) -> bool {
    !terms.by_the_letter
        && !headers.contains_key(CACHE_CONTROL)
        && has_token(headers, &PRAGMA, "no-cache")
}

/// Rule 6.
fn bounded(headers: &HeaderMap, least_length: u64, limit: u64) -> Result<(), Skip> {
    let endless = |value: &HeaderValue| {
        let kind = value.as_bytes().split(|byte| *byte == b';').next();
        let kind = kind.unwrap_or_default().trim_ascii();
        kind.eq_ignore_ascii_case(b"text/event-stream")
            || kind.eq_ignore_ascii_case(b"multipart/x-mixed-replace")
    };
    if headers.get_all(CONTENT_TYPE).iter().any(endless) {
        return Err(Skip::Endless);
    }
    let announced = announced_length(headers).unwrap_or_default();
    if announced.max(least_length) > limit {
        Err(Skip::TooLarge)
    } else {
        Ok(())
    }
}

/// Returns the first `Content-Length` that is a number.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get_all(CONTENT_LENGTH)
        .iter()
        .find_map(|value| value.to_str().ok()?.parse().ok())
}

/// Rule 7.
fn fresh_for(
    head: &Parts,
    directives: &CacheControl,
    explicit: Option<Duration>,
    arrival: Arrival,
    terms: &Terms,
    no_cache: bool,
) -> Result<(Duration, Source), Skip> {
    if let Some(explicit) = explicit.filter(|_| !overrules(head, terms)) {
        return Ok((explicit, Source::Explicit));
    }
    if let Some(ttl) = terms.ttl.filter(|_| head.status == StatusCode::OK) {
        return Ok((ttl, Source::Route));
    }
    let guess = || freshness::heuristic(head.status, &head.headers, directives, arrival);
    if let Some(guess) = terms.heuristics.then(guess).flatten() {
        return Ok((guess, Source::Heuristic));
    }
    let asked_for = no_cache || terms.heuristics && freshness::is_heuristic(head.status);
    if asked_for && has_validator(&head.headers) {
        return Ok((Duration::ZERO, Source::Heuristic));
    }
    Err(if no_cache {
        Skip::NoCache
    } else {
        Skip::NoFreshness
    })
}

/// Tells whether the route's freshness counts whatever the response says of its own.
fn overrules(head: &Parts, terms: &Terms) -> bool {
    terms.overrules && terms.ttl.is_some() && head.status == StatusCode::OK
}

fn rules(directives: &CacheControl, no_cache: bool, graceful: bool, terms: &Terms) -> Rules {
    let shared = terms.shared && (directives.proxy_revalidate || directives.s_maxage.is_some());
    let never_stale = directives.must_revalidate || shared;
    let grace = if graceful {
        terms.grace
    } else {
        Duration::ZERO
    };
    Rules {
        ask_always: no_cache,
        never_stale,
        immutable: directives.immutable,
        while_revalidating: directives.stale_while_revalidate.unwrap_or(grace),
        if_error: directives.stale_if_error.unwrap_or(terms.if_error),
    }
}

/// Returns how long it can be of use past its freshness.
fn kept_for(head: &Parts, rules: &Rules, terms: &Terms) -> Duration {
    let stale = if rules.never_stale || rules.ask_always {
        Duration::ZERO
    } else {
        rules.while_revalidating.max(rules.if_error)
    };
    if head.status.is_success() && has_validator(&head.headers) {
        stale.max(terms.retention)
    } else {
        stale
    }
}

/// Rule 8.
fn useful(plan: Plan, no_cache: bool) -> Result<Plan, Skip> {
    let lifetime = plan.lifetime(Duration::ZERO);
    // A route may say "always refresh in the background" (ttl zero, some grace); a response of the
    // route's freshness that came too old for it was not made to be served again.
    let too_old = plan.ours && lifetime.ttl.is_zero() && !plan.age.is_zero();
    if lifetime == Lifetime::default() || too_old && !plan.rules.ask_always {
        Err(if no_cache {
            Skip::NoCache
        } else {
            Skip::NotFresh
        })
    } else {
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;

    const MINUTE: Duration = Duration::from_mins(1);
    /// 2026-07-01.
    const ARRIVAL: Arrival = Arrival {
        at: 1_782_864_000,
        delay: Duration::ZERO,
    };
    const OLD: &str = "Mon, 07 Dec 2020 10:00:00 GMT";

    /// The terms of the safe profile, with some grace.
    fn safe() -> Terms {
        Terms {
            ttl: None,
            overrules: false,
            grace: Duration::from_secs(10),
            if_error: Duration::ZERO,
            retention: 60 * MINUTE,
            body_limit: 100,
            shared: true,
            heuristics: false,
            cookies: false,
            all_statuses: false,
            by_the_letter: false,
            targets: Vec::new(),
        }
    }

    /// The same of a route with a freshness of its own.
    fn route() -> Terms {
        Terms {
            ttl: Some(MINUTE),
            ..safe()
        }
    }

    /// All that the RFC permits.
    fn rfc() -> Terms {
        Terms {
            heuristics: true,
            cookies: true,
            all_statuses: true,
            by_the_letter: true,
            targets: vec![HeaderName::from_static("cdn-cache-control")],
            ..safe()
        }
    }

    struct Case<'a> {
        status: u16,
        headers: &'a [(&'a str, &'a str)],
        request: &'a [(&'a str, &'a str)],
        length: u64,
        for_part: bool,
    }

    impl<'a> Case<'a> {
        fn of(headers: &'a [(&'a str, &'a str)]) -> Self {
            Self {
                status: 200,
                headers,
                request: &[],
                length: 0,
                for_part: false,
            }
        }

        fn judge(&self, terms: &Terms) -> Result<Plan, Skip> {
            let response = Response::builder().status(self.status);
            let response = self
                .headers
                .iter()
                .fold(response, |response, (name, value)| {
                    response.header(*name, *value)
                });
            let mut request = HeaderMap::new();
            for (name, value) in self.request {
                let name: HeaderName = name.parse().unwrap();
                request.append(name, value.parse().unwrap());
            }
            let asked = Asked {
                headers: &request,
                scoped: false,
                for_part: self.for_part,
            };
            let head = response.body(()).unwrap().into_parts().0;
            judge(&head, self.length, asked, ARRIVAL, terms)
        }

        fn skip(&self, terms: &Terms) -> Option<Skip> {
            self.judge(terms).err()
        }
    }

    #[test]
    fn only_explicit_freshness_or_the_routes_policy_keeps_a_response() {
        for headers in [
            &[][..],
            &[("cache-control", "public")],
            &[("last-modified", OLD)],
            &[("etag", "\"a\"")],
        ] {
            let skip = Case::of(headers).skip(&safe());
            assert_eq!(skip, Some(Skip::NoFreshness), "{headers:?}");
        }
        let own = [("cache-control", "max-age=5")];
        let own = Case::of(&own).judge(&route()).unwrap();
        assert_eq!((own.fresh_for, own.ours), (Duration::from_secs(5), false));
        let ours = Case::of(&[]).judge(&route()).unwrap();
        assert_eq!((ours.fresh_for, ours.ours), (MINUTE, true));
    }

    #[test]
    fn a_route_may_overrule_what_is_said_of_freshness_and_nothing_else() {
        let terms = Terms {
            overrules: true,
            ..route()
        };
        for value in ["max-age=5", "max-age=0", "no-cache", "s-maxage=9999"] {
            let headers = [("cache-control", value)];
            let plan = Case::of(&headers).judge(&terms).unwrap();
            assert_eq!(plan.fresh_for, MINUTE, "{value}");
            assert!(!plan.rules.ask_always, "{value}");
        }
        for value in ["no-store", "private"] {
            let headers = [("cache-control", value)];
            assert!(Case::of(&headers).skip(&terms).is_some(), "{value}");
        }
    }

    #[test]
    fn a_guess_is_made_where_the_route_lets_it() {
        let modified = [("last-modified", OLD)];
        let guessed = Case::of(&modified).judge(&rfc()).unwrap();
        assert_eq!(guessed.fresh_for, Duration::from_hours(24));
        assert_eq!(guessed.rules.while_revalidating, Duration::ZERO);
        let forbidden = Case {
            status: 403,
            ..Case::of(&modified)
        };
        assert_eq!(forbidden.skip(&rfc()), Some(Skip::NoFreshness));
        let tagged = Case::of(&[("etag", "\"a\"")]).judge(&rfc()).unwrap();
        assert_eq!(tagged.lifetime(Duration::ZERO).ttl, Duration::ZERO);
        assert_eq!(tagged.lifetime(Duration::ZERO).grace, 60 * MINUTE);
    }

    #[test]
    fn whatever_speaks_against_it_wins_over_the_policy() {
        for (headers, skip) in [
            (&[("set-cookie", "a=b")][..], Some(Skip::SetCookie)),
            (
                &[("set-cookie", "a=b"), ("cache-control", "max-age=9")],
                Some(Skip::SetCookie),
            ),
            (
                &[("cache-control", "max-age=9, no-store")],
                Some(Skip::NoStore),
            ),
            (
                &[("cache-control", "max-age=9, private")],
                Some(Skip::Private),
            ),
            (
                &[("cache-control", "no-cache, max-age=9")],
                Some(Skip::NoCache),
            ),
            (
                &[("cache-control", "max-age=9, x=\"")],
                Some(Skip::Malformed),
            ),
            (&[("pragma", "no-cache")], Some(Skip::NoCache)),
            (
                &[("pragma", "no-cache"), ("cache-control", "max-age=9")],
                None,
            ),
            (&[("expires", "0")], Some(Skip::NotFresh)),
            (&[("cache-control", "max-age=0")], Some(Skip::NotFresh)),
            (&[("content-range", "bytes 0-1/2")], Some(Skip::Partial)),
            (&[("content-encoding", "gzip")], Some(Skip::Encoding)),
            (
                &[
                    ("content-encoding", "gzip"),
                    ("vary", "origin, Accept-Encoding"),
                ],
                None,
            ),
            (&[("content-encoding", "identity")], None),
            (
                &[("access-control-allow-origin", "https://a.org")],
                Some(Skip::Origin),
            ),
            (
                &[
                    ("access-control-allow-origin", "https://a.org"),
                    ("vary", "Origin"),
                ],
                None,
            ),
            (&[("access-control-allow-origin", "*")], None),
            (&[("vary", "accept, *")], Some(Skip::VaryStar)),
            (&[("vary", "a b")], Some(Skip::VaryInvalid)),
        ] {
            assert_eq!(Case::of(headers).skip(&route()), skip, "{headers:?}");
        }
    }

    #[test]
    fn by_the_letter_only_what_the_rfc_forbids_is_refused() {
        for (headers, skip) in [
            (&[("set-cookie", "a=b")][..], Some(Skip::SetCookie)),
            (
                &[("set-cookie", "a=b"), ("cache-control", "max-age=9")],
                None,
            ),
            (&[("pragma", "no-cache"), ("last-modified", OLD)], None),
            (
                &[("content-encoding", "gzip"), ("expires", "0")],
                Some(Skip::NotFresh),
            ),
            (
                &[("content-encoding", "gzip"), ("cache-control", "max-age=9")],
                None,
            ),
            (
                &[("cache-control", "no-store, max-age=9")],
                Some(Skip::NoStore),
            ),
        ] {
            assert_eq!(Case::of(headers).skip(&rfc()), skip, "{headers:?}");
        }
    }

    #[test]
    fn each_profile_keeps_its_statuses() {
        let fresh = [("cache-control", "max-age=9")];
        let kept = |status, terms: &Terms| {
            let case = Case {
                status,
                ..Case::of(&fresh)
            };
            case.skip(terms).is_none()
        };
        let usual = [
            200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414,
        ];
        for status in usual {
            assert!(kept(status, &safe()) && kept(status, &rfc()), "{status}");
        }
        for status in [
            201, 299, 400, 401, 403, 407, 429, 499, 500, 502, 503, 504, 599,
        ] {
            assert!(!kept(status, &safe()), "{status}");
            assert!(kept(status, &rfc()), "{status}");
        }
        for status in [206, 304, 416] {
            assert!(!kept(status, &rfc()), "{status}");
        }
    }

    #[test]
    fn a_part_is_kept_where_one_was_asked_for() {
        let fresh = ("cache-control", "max-age=9");
        let part = [fresh, ("content-range", "bytes 0-1/4")];
        let lost = [fresh, ("content-range", "bytes 0-1/*")];
        for (status, headers, for_part, skip) in [
            (206, &part, true, None),
            (206, &lost, true, Some(Skip::Partial)),
            (200, &part, true, Some(Skip::Partial)),
            (206, &part, false, Some(Skip::Partial)),
        ] {
            let case = Case {
                status,
                for_part,
                ..Case::of(headers)
            };
            assert_eq!(case.skip(&rfc()), skip, "{status} {headers:?}");
        }
    }

    #[test]
    fn must_understand_speaks_of_the_status() {
        let kept = |status, value| {
            let headers = [("cache-control", value)];
            let case = Case {
                status,
                ..Case::of(&headers)
            };
            case.skip(&rfc())
        };
        let understood = "max-age=9, must-understand";
        assert_eq!(kept(200, understood), None);
        assert_eq!(kept(599, understood), Some(Skip::NotUnderstood));
        assert_eq!(kept(200, "max-age=9, must-understand, no-store"), None);
    }

    #[test]
    fn an_answer_to_credentials_is_shared_only_if_it_says_so() {
        for (value, skip) in [
            ("max-age=9", Some(Skip::Authorization)),
            ("max-age=9, public", None),
            ("max-age=9, must-revalidate", None),
            ("s-maxage=9", None),
            ("max-age=9, proxy-revalidate", Some(Skip::Authorization)),
        ] {
            let headers = [("cache-control", value)];
            let case = Case {
                request: &[("authorization", "Token a")],
                ..Case::of(&headers)
            };
            assert_eq!(case.skip(&rfc()), skip, "{value}");
            let private = Terms {
                shared: false,
                ..rfc()
            };
            let only_shared = value == "s-maxage=9";
            let skip = only_shared.then_some(Skip::NoFreshness);
            assert_eq!(case.skip(&private), skip, "{value}");
        }
        let private = Terms {
            shared: false,
            ..safe()
        };
        let headers = [("cache-control", "private, max-age=5, s-maxage=9")];
        let plan = Case::of(&headers).judge(&private).unwrap();
        assert_eq!(plan.fresh_for, Duration::from_secs(5));
        assert!(!plan.rules.never_stale);
    }

    #[test]
    fn a_target_field_stands_over_the_others() {
        let skip = |headers: &[(&str, &str)]| Case::of(headers).skip(&rfc());
        let aged = [
            ("cdn-cache-control", "max-age=60"),
            ("cache-control", "no-store"),
            ("expires", "0"),
            ("age", "20"),
        ];
        let plan = Case::of(&aged).judge(&rfc()).unwrap();
        assert_eq!(plan.lifetime(Duration::ZERO).ttl, Duration::from_secs(40));
        let fresh = ("cache-control", "max-age=60");
        assert_eq!(
            skip(&[("cdn-cache-control", "no-store"), fresh]),
            Some(Skip::NoStore)
        );
        assert_eq!(
            skip(&[("cdn-cache-control", "private"), fresh]),
            Some(Skip::Private)
        );
        assert_eq!(
            skip(&[("cdn-cache-control", "no-cache"), fresh]),
            Some(Skip::NoCache)
        );
        assert_eq!(skip(&[("cdn-cache-control", "no-store, &"), fresh]), None);
        let unnamed = [("cdn-cache-control", "no-store"), fresh];
        assert_eq!(Case::of(&unnamed).skip(&safe()), None);
    }

    #[test]
    fn the_age_it_came_with_counts_against_it() {
        let headers = [("cache-control", "max-age=60"), ("age", "20")];
        let plan = Case::of(&headers).judge(&safe()).unwrap();
        let lifetime = plan.lifetime(Duration::ZERO);
        assert_eq!(
            (lifetime.ttl, plan.age),
            (Duration::from_secs(40), Duration::from_secs(20))
        );
        let old = [("cache-control", "max-age=60"), ("age", "70")];
        assert_eq!(Case::of(&old).skip(&safe()), Some(Skip::NotFresh));
        let aged = [("age", "99999999999999999999")];
        assert_eq!(Case::of(&aged).skip(&route()), Some(Skip::NotFresh));
    }

    #[test]
    fn what_came_stale_is_kept_to_be_asked_about() {
        let headers = [
            ("cache-control", "max-age=60"),
            ("age", "70"),
            ("etag", "\"a\""),
        ];
        let plan = Case::of(&headers).judge(&safe()).unwrap();
        let lifetime = plan.lifetime(Duration::ZERO);
        assert_eq!(lifetime.ttl, Duration::ZERO);
        assert_eq!(lifetime.grace, Duration::from_secs(3590));
    }

    #[test]
    fn what_must_be_revalidated_has_no_grace() {
        let rules = |value: &str| {
            let headers = [("cache-control", value)];
            Case::of(&headers).judge(&safe()).unwrap()
        };
        let graceful = rules("max-age=9");
        assert_eq!(graceful.kept_for, Duration::from_secs(10));
        for value in [
            "max-age=9, must-revalidate",
            "max-age=9, proxy-revalidate",
            "s-maxage=9",
        ] {
            let plan = rules(value);
            assert!(plan.rules.never_stale, "{value}");
            assert_eq!(plan.kept_for, Duration::ZERO, "{value}");
        }
        let own = rules("max-age=9, stale-while-revalidate=3, stale-if-error=99");
        assert_eq!(own.rules.while_revalidating, Duration::from_secs(3));
        assert_eq!(own.kept_for, Duration::from_secs(99));
    }

    #[test]
    fn a_route_may_always_refresh_in_the_background() {
        let always = Terms {
            ttl: Some(Duration::ZERO),
            ..safe()
        };
        let plan = Case::of(&[]).judge(&always).unwrap();
        let lifetime = Lifetime {
            ttl: Duration::ZERO,
            grace: Duration::from_secs(10),
        };
        assert_eq!(plan.lifetime(Duration::ZERO), lifetime);
        let strict = [("cache-control", "must-revalidate")];
        assert_eq!(Case::of(&strict).skip(&always), Some(Skip::NotFresh));
    }

    #[test]
    fn bodies_without_an_end_or_above_the_limit_are_not_kept() {
        for (name, value, skip) in [
            (
                "content-type",
                "Text/Event-Stream; charset=utf-8",
                Some(Skip::Endless),
            ),
            (
                "content-type",
                "multipart/x-mixed-replace",
                Some(Skip::Endless),
            ),
            ("content-length", "101", Some(Skip::TooLarge)),
            ("content-length", "100", None),
        ] {
            let headers = [(name, value)];
            assert_eq!(Case::of(&headers).skip(&route()), skip, "{value}");
        }
        let long = Case {
            length: 101,
            ..Case::of(&[])
        };
        assert_eq!(long.skip(&route()), Some(Skip::TooLarge));
    }
}
