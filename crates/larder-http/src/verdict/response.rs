//! May this response be kept, and for how long?
//!
//! A response is kept if and only if
//!
//! 1. its status is 200 (RFC 9111, 3 allows more; the first version does not) and it is whole: no
//!    `Content-Range`,
//! 2. it has no `Set-Cookie`,
//! 3. `Cache-Control` has none of `no-store`, `private`, `no-cache` (RFC 9111, 5.2.2) and can be
//!    read; without `Cache-Control`, `Pragma: no-cache` counts as `no-cache`,
//! 4. it says itself how long it is fresh - `s-maxage`, else `max-age` (RFC 9111, 4.2.1) - or the
//!    route's policy does. `Expires` alone keeps it out, and nothing is kept by a guess,
//! 5. that freshness is not over: the `Age` it came with counts against it (RFC 9111, 4.2.3),
//! 6. `Vary` names headers, never `*` (RFC 9111, 4.1), at most [`MAX_VARY`](crate::vary::MAX_VARY),
//! 7. if it is encoded, `Vary` names `Accept-Encoding`,
//! 8. its body has an end and fits the limit as far as it says.
//!
//! It is served stale within the route's grace, but never with `must-revalidate`,
//! `proxy-revalidate` (RFC 9111, 5.2.2.2 and 5.2.2.8) or `s-maxage`, which implies the latter
//! (RFC 9111, 5.2.2.10).

use std::time::Duration;

use http::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPIRES,
    HeaderMap, PRAGMA, SET_COOKIE,
};
use http::response::Parts;
use http::{HeaderValue, StatusCode, header::ACCEPT_ENCODING};
use larder_core::Lifetime;

use crate::directives::{CacheControl, delta_seconds};
use crate::vary::VaryNames;
use crate::verdict::Skip;

/// What of a route's policy decides here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) ttl: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) body_limit: u64,
}

/// How a response is to be kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) lifetime: Lifetime,
    /// How old the response was when it came.
    pub(crate) age: Duration,
    /// The request headers it was chosen by.
    pub(crate) vary: VaryNames,
    /// Its freshness is the route's, which is Larder's own: clients are told to ask again.
    pub(crate) ours: bool,
}

/// Judges a response by its head and what its body says of its length.
pub(crate) fn judge(head: &Parts, least_length: u64, terms: &Terms) -> Result<Plan, Skip> {
    let headers = &head.headers;
    if head.status != StatusCode::OK {
        return Err(Skip::Status);
    }
    if headers.contains_key(CONTENT_RANGE) {
        return Err(Skip::Partial);
    }
    if headers.contains_key(SET_COOKIE) {
        return Err(Skip::SetCookie);
    }
    let directives = CacheControl::of(headers);
    permitted(headers, &directives)?;
    let vary = VaryNames::of(headers)?;
    if is_encoded(headers) && !vary.contains(&ACCEPT_ENCODING) {
        return Err(Skip::Encoding);
    }
    bounded(headers, least_length, terms.body_limit)?;
    let age = age(headers);
    let (lifetime, ours) = lifetime(headers, &directives, age, terms)?;
    Ok(Plan {
        lifetime,
        age,
        vary,
        ours,
    })
}

/// Rule 3.
fn permitted(headers: &HeaderMap, directives: &CacheControl) -> Result<(), Skip> {
    let pragma = || {
        headers
            .get_all(PRAGMA)
            .iter()
            .any(|value| contains_word(value, b"no-cache"))
    };
    match directives.refusal {
        Some(skip) => Err(skip),
        None if !headers.contains_key(CACHE_CONTROL) && pragma() => Err(Skip::NoCache),
        None => Ok(()),
    }
}

/// Rules 4 and 5, and how long it may be stale.
fn lifetime(
    headers: &HeaderMap,
    directives: &CacheControl,
    age: Duration,
    terms: &Terms,
) -> Result<(Lifetime, bool), Skip> {
    let own = directives.freshness();
    if own.is_none() && headers.contains_key(EXPIRES) {
        return Err(Skip::Expires);
    }
    let ttl = own
        .or(terms.ttl)
        .ok_or(Skip::NoFreshness)?
        .saturating_sub(age);
    let never_stale = directives.revalidate || directives.s_maxage.is_some();
    let grace = if never_stale {
        Duration::ZERO
    } else {
        terms.grace
    };
    // A route may say "always refresh in the background" (ttl zero, some grace); a response
    // whose own freshness is over was not made to be served again.
    if ttl.is_zero() && (own.is_some() || grace.is_zero() || !age.is_zero()) {
        return Err(Skip::NotFresh);
    }
    Ok((Lifetime { ttl, grace }, own.is_none()))
}

/// Rule 8.
fn bounded(headers: &HeaderMap, least_length: u64, limit: u64) -> Result<(), Skip> {
    let endless = |value: &HeaderValue| {
        let kind = value
            .as_bytes()
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
            || kind
                .trim_ascii()
                .eq_ignore_ascii_case(b"multipart/x-mixed-replace")
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

/// Returns how old the response says it is; an `Age` that is no number says nothing.
fn age(headers: &HeaderMap) -> Duration {
    let first = |value: &HeaderValue| {
        let member = value
            .as_bytes()
            .split(|byte| *byte == b',')
            .next()
            .unwrap_or_default();
        delta_seconds(member.trim_ascii())
    };
    headers.get(AGE).and_then(first).unwrap_or_default()
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        !value.as_bytes().trim_ascii().is_empty()
            && !value
                .as_bytes()
                .trim_ascii()
                .eq_ignore_ascii_case(b"identity")
    })
}

fn contains_word(value: &HeaderValue, word: &[u8]) -> bool {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;

    const MINUTE: Duration = Duration::from_mins(1);

    fn terms() -> Terms {
        Terms {
            ttl: None,
            grace: Duration::from_secs(10),
            body_limit: 100,
        }
    }

    fn route() -> Terms {
        Terms {
            ttl: Some(MINUTE),
            ..terms()
        }
    }

    fn verdict_of(headers: &[(&str, &str)], length: u64, terms: &Terms) -> Result<Plan, Skip> {
        let response = headers
            .iter()
            .fold(Response::builder(), |response, (name, value)| {
                response.header(*name, *value)
            });
        judge(&response.body(()).unwrap().into_parts().0, length, terms)
    }

    fn skip(headers: &[(&str, &str)]) -> Option<Skip> {
        verdict_of(headers, 0, &route()).err()
    }

    #[test]
    fn only_explicit_freshness_or_the_routes_policy_keeps_a_response() {
        assert_eq!(verdict_of(&[], 0, &terms()).err(), Some(Skip::NoFreshness));
        assert_eq!(
            verdict_of(&[("cache-control", "public")], 0, &terms()).err(),
            Some(Skip::NoFreshness)
        );
        assert_eq!(
            verdict_of(
                &[("last-modified", "Mon, 07 Dec 2020 10:00:00 GMT")],
                0,
                &terms()
            )
            .err(),
            Some(Skip::NoFreshness)
        );
        let own = verdict_of(&[("cache-control", "max-age=5")], 0, &route()).unwrap();
        assert_eq!(
            (own.lifetime.ttl, own.ours),
            (Duration::from_secs(5), false)
        );
        let ours = verdict_of(&[], 0, &route()).unwrap();
        assert_eq!((ours.lifetime.ttl, ours.ours), (MINUTE, true));
    }

    #[test]
    fn whatever_speaks_against_it_wins_over_the_policy() {
        assert_eq!(skip(&[("set-cookie", "a=b")]), Some(Skip::SetCookie));
        assert_eq!(
            skip(&[("set-cookie", "a=b"), ("cache-control", "max-age=9")]),
            Some(Skip::SetCookie)
        );
        assert_eq!(
            skip(&[("cache-control", "max-age=9, no-store")]),
            Some(Skip::NoStore)
        );
        assert_eq!(
            skip(&[("cache-control", "max-age=9, private")]),
            Some(Skip::Private)
        );
        assert_eq!(
            skip(&[("cache-control", "no-cache, max-age=9")]),
            Some(Skip::NoCache)
        );
        assert_eq!(
            skip(&[("cache-control", "max-age=9, x=\"")]),
            Some(Skip::Malformed)
        );
        assert_eq!(skip(&[("pragma", "no-cache")]), Some(Skip::NoCache));
        assert_eq!(
            skip(&[("pragma", "no-cache"), ("cache-control", "max-age=9")]),
            None
        );
        assert_eq!(skip(&[("expires", "0")]), Some(Skip::Expires));
        assert_eq!(
            skip(&[("cache-control", "max-age=0")]),
            Some(Skip::NotFresh)
        );
        assert_eq!(
            skip(&[("content-range", "bytes 0-1/2")]),
            Some(Skip::Partial)
        );
    }

    #[test]
    fn only_200_is_kept() {
        for status in [201, 203, 204, 206, 301, 304, 401, 404, 500, 503] {
            let response = Response::builder()
                .status(status)
                .header("cache-control", "max-age=9")
                .body(())
                .unwrap();
            assert_eq!(
                judge(&response.into_parts().0, 0, &route()).err(),
                Some(Skip::Status),
                "{status}"
            );
        }
    }

    #[test]
    fn the_age_it_came_with_counts_against_it() {
        let plan = verdict_of(
            &[("cache-control", "max-age=60"), ("age", "20")],
            0,
            &terms(),
        )
        .unwrap();
        assert_eq!(
            (plan.lifetime.ttl, plan.age),
            (Duration::from_secs(40), Duration::from_secs(20))
        );
        assert_eq!(
            skip(&[("cache-control", "max-age=60"), ("age", "60")]),
            Some(Skip::NotFresh)
        );
        assert_eq!(
            skip(&[("age", "99999999999999999999")]),
            Some(Skip::NotFresh)
        );
        for age in ["-1", "x", "1.5", ""] {
            assert_eq!(
                skip(&[("cache-control", "max-age=60"), ("age", age)]),
                None,
                "{age}"
            );
        }
    }

    #[test]
    fn what_must_be_revalidated_has_no_grace() {
        let grace = |value: &str| {
            verdict_of(&[("cache-control", value)], 0, &terms())
                .unwrap()
                .lifetime
                .grace
        };
        assert_eq!(grace("max-age=9"), Duration::from_secs(10));
        for value in [
            "max-age=9, must-revalidate",
            "max-age=9, proxy-revalidate",
            "s-maxage=9",
        ] {
            assert_eq!(grace(value), Duration::ZERO, "{value}");
        }
    }

    #[test]
    fn a_route_may_always_refresh_in_the_background() {
        let always = Terms {
            ttl: Some(Duration::ZERO),
            ..terms()
        };
        let plan = verdict_of(&[], 0, &always).unwrap();
        assert_eq!(
            plan.lifetime,
            Lifetime {
                ttl: Duration::ZERO,
                grace: Duration::from_secs(10)
            }
        );
        assert_eq!(
            verdict_of(&[("cache-control", "must-revalidate")], 0, &always).err(),
            Some(Skip::NotFresh)
        );
    }

    #[test]
    fn encoded_bytes_need_their_vary() {
        assert_eq!(skip(&[("content-encoding", "gzip")]), Some(Skip::Encoding));
        assert_eq!(
            skip(&[
                ("content-encoding", "gzip"),
                ("vary", "origin, Accept-Encoding")
            ]),
            None
        );
        assert_eq!(skip(&[("content-encoding", "identity")]), None);
        assert_eq!(skip(&[("vary", "accept, *")]), Some(Skip::VaryStar));
        assert_eq!(skip(&[("vary", "a b")]), Some(Skip::VaryInvalid));
    }

    #[test]
    fn bodies_without_an_end_or_above_the_limit_are_not_kept() {
        assert_eq!(
            skip(&[("content-type", "Text/Event-Stream; charset=utf-8")]),
            Some(Skip::Endless)
        );
        assert_eq!(
            skip(&[("content-type", "multipart/x-mixed-replace")]),
            Some(Skip::Endless)
        );
        assert_eq!(skip(&[("content-length", "101")]), Some(Skip::TooLarge));
        assert_eq!(skip(&[("content-length", "100")]), None);
        assert_eq!(verdict_of(&[], 101, &route()).err(), Some(Skip::TooLarge));
    }
}
