//! A response as it is kept, and the answers made of it.
//!
//! 1. Kept are status, headers, body and trailers, as they are: nothing is encoded. Extensions of
//!    the response are not kept, nor is what belongs to one connection or one cache
//!    ([`fields`](crate::semantics::fields)), `Age`, `Cache-Status`. `Date` stays the origin's, and is
//!    the time it came if it has none (RFC 9110, 6.6.1).
//! 2. Every answer carries `Age` (RFC 9111, 5.1). The two fields of an answer stand in the kept headers
//!    already, so that an answer fills them in instead of growing the map.
//! 3. A 206 is kept under a key of its own, and answers only what lies within it.
//! 4. Of a 200 a condition that is met is answered with a 304, a range with a 206 or a 416, a HEAD
//!    with the headers of the GET (RFC 9110, 9.3.2). Only a HEAD needs to be told the
//!    `Content-Length`: a body tells its own.

pub(crate) mod codec;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, LAST_MODIFIED,
};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use larder_core::{Freshness, Hit, Moment, Peeked};

use crate::body::CacheBody;
use crate::clock_face::{ClockFace, filled};
use crate::head::{Head, Traits};
use crate::semantics::cache_status::{self, CACHE_STATUS, number};
use crate::semantics::dates::{self, Unix};
use crate::semantics::ranges::{self, Wanted};
use crate::semantics::reuse::{Now, Rules};
use crate::semantics::vary::Variant;
use crate::semantics::{conditions, fields, validation};

/// What a header costs besides its bytes, roughly: its place in the map, its shared buffer.
const HEADER_OVERHEAD: usize = 120;

/// A response that is kept.
#[derive(Debug)]
pub(crate) struct Stored {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
    variant: Variant,
    times: Times,
    rules: Rules,
    /// Its tag was made here: its origin does not know it.
    own_tag: bool,
    /// Its freshness is the route's, and clients are told to ask again.
    ours: bool,
    /// The others that stand beside it.
    others: Mutex<Vec<u64>>,
    clock_face: ClockFace,
}

/// When a response came and how long it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// How old it was when it came.
    pub(crate) age: Duration,
    /// How long it is fresh, from its birth.
    pub(crate) fresh_for: Duration,
    pub(crate) came: Moment,
    /// The same by the wall clock.
    pub(crate) came_at: Unix,
}

/// How the core found a kept response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// When it was found.
    pub(crate) at: Moment,
    /// Something it was made of ended, or it was aged by hand.
    is_stale: bool,
    ttl_left: Duration,
    stale_for: Duration,
}

impl From<&Hit<Stored>> for Standing {
    fn from(hit: &Hit<Stored>) -> Self {
        Self {
            at: hit.at,
            is_stale: hit.freshness == Freshness::Stale,
            ttl_left: hit.ttl_left,
            stale_for: hit.stale_for,
        }
    }
}

impl From<&Peeked<Stored>> for Standing {
    #[inline]
    fn from(peeked: &Peeked<Stored>) -> Self {
        Self {
            at: peeked.at(),
            is_stale: peeked.freshness() == Freshness::Stale,
            ttl_left: peeked.ttl_left(),
            stale_for: peeked.stale_for(),
        }
    }
}

/// How a kept response is served this time.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) now: Now,
    /// What is said of it; none for a plain hit.
    pub(crate) told: Option<HeaderValue>,
}

/// What becomes a [`Stored`].
pub(crate) struct Whole<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) variant: Variant,
    pub(crate) times: Times,
    pub(crate) rules: Rules,
    pub(crate) own_tag: bool,
    pub(crate) ours: bool,
}

impl Stored {
    pub(crate) fn new(whole: Whole<'_>) -> Self {
        let mut headers = whole.headers.clone();
        fields::remove_hop_by_hop(&mut headers);
        headers.remove(CONTENT_LENGTH);
        headers.insert(AGE, HeaderValue::from_static("0"));
        headers.insert(CACHE_STATUS, HeaderValue::from_static("larder"));
        headers
            .entry(DATE)
            .or_insert_with(|| dates::format(whole.times.came_at));
        // The first clone of a value makes it one that is shared: once here, not on the first hit.
        drop(headers.clone());
        Self {
            status: whole.status,
            headers,
            body: whole.body,
            trailers: whole.trailers,
            variant: whole.variant,
            times: whole.times,
            rules: whole.rules,
            own_tag: whole.own_tag,
            ours: whole.ours,
            others: Mutex::default(),
            clock_face: ClockFace::default(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers its origin gave it, without what this cache added.
    pub(crate) fn origins(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        if self.own_tag {
            headers.remove(ETAG);
        }
        if self.ours
            && headers
                .get(CACHE_CONTROL)
                .is_some_and(|value| value == "no-cache")
        {
            headers.remove(CACHE_CONTROL);
        }
        headers
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Returns the request headers it was chosen by.
    pub(crate) fn variant(&self) -> &Variant {
        &self.variant
    }

    /// Makes a request ask whether it still stands; false if there is nothing to ask with.
    pub(crate) fn ask(&self, request: &mut HeaderMap) -> bool {
        let origins = !self.own_tag && self.headers.contains_key(ETAG);
        let can_ask = self.status.is_success();
        can_ask
            && (origins || self.headers.contains_key(LAST_MODIFIED))
            && validation::ask(request, &self.headers, self.own_tag)
    }

    /// Takes a place beside it for another variant; false if `most` are taken.
    pub(crate) fn admits(&self, variant: u64, most: usize) -> bool {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if others.contains(&variant) {
            return true;
        }
        // It is one of them itself.
        let free = others.len() + 1 < most;
        if free {
            others.push(variant);
        }
        free
    }

    /// Tells how old it is: by its own times, and no fresher than the core lets it be.
    pub(crate) fn now(&self, standing: Standing) -> Now {
        let Standing { at, .. } = standing;
        let age = self.times.age.saturating_add(at.since(self.times.came));
        let left = self.times.fresh_for.saturating_sub(age);
        if left.is_zero() {
            return Now {
                age,
                fresh_for: left,
                stale_for: Some(age.saturating_sub(self.times.fresh_for)),
            };
        }
        let is_aged = standing.is_stale && !self.rules.ask_always;
        Now {
            age,
            fresh_for: if is_aged {
                Duration::ZERO
            } else {
                left.min(standing.ttl_left)
            },
            stale_for: is_aged.then_some(standing.stale_for),
        }
    }

    /// Tells how old it is at a moment, as if nothing but time mattered.
    pub(crate) fn at(&self, moment: Moment) -> Now {
        let age = self.times.age.saturating_add(moment.since(self.times.came));
        let over = age.checked_sub(self.times.fresh_for);
        Now {
            age,
            fresh_for: self.times.fresh_for.saturating_sub(age),
            stale_for: over,
        }
    }

    /// Answers a GET or a HEAD.
    pub(crate) fn answer<B: Body>(
        &self,
        request: &Head<'_>,
        serving: Serving,
    ) -> Response<CacheBody<B>> {
        let Serving { now, told } = serving;
        let seconds = now.age.as_secs();
        let mut headers = match told {
            None => (self.clock_face).read(&self.headers, seconds, seconds_left(&now)),
            Some(told) => filled(&self.headers, cache_status::number(seconds), told),
        };
        let (status, body) = self.cut(request, &mut headers);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// Answers a request for a part with a part that is kept; `None` if it does not lie within it.
    pub(crate) fn answer_part<B: Body>(
        &self,
        request: &Head<'_>,
        serving: Serving,
    ) -> Option<Response<CacheBody<B>>> {
        let (kept, whole) = ranges::part_of(&self.headers)?;
        let came = self.times.came_at;
        let Wanted::Part(part) = ranges::wanted(request.headers, &self.headers, whole, came) else {
            return None;
        };
        let lies_within = kept.start <= part.start && part.end <= kept.end;
        if !lies_within || length(&self.body) != kept.end - kept.start {
            return None;
        }
        let (mut head, _) = self.answer::<B>(request, serving).into_parts();
        head.headers
            .insert(CONTENT_RANGE, ranges::content_range(&part, whole));
        let within = part.start - kept.start..part.end - kept.start;
        let bytes = slice(&self.body, &within);
        Some(Response::from_parts(head, CacheBody::kept(bytes, None)))
    }

    /// Returns what of it the request gets.
    fn cut<B: Body>(
        &self,
        request: &Head<'_>,
        headers: &mut HeaderMap,
    ) -> (StatusCode, CacheBody<B>) {
        let is_ok = self.status == StatusCode::OK;
        if is_ok && self.is_known_to(request) {
            conditions::remove_description(headers);
            return (StatusCode::NOT_MODIFIED, CacheBody::empty());
        }
        if *request.method == Method::HEAD {
            if self.status != StatusCode::NO_CONTENT {
                headers.insert(CONTENT_LENGTH, number(length(&self.body)));
            }
            return (self.status, CacheBody::empty());
        }
        match self.wanted_by(request) {
            Wanted::Part(part) => {
                headers.insert(
                    CONTENT_RANGE,
                    ranges::content_range(&part, length(&self.body)),
                );
                let bytes = slice(&self.body, &part);
                (StatusCode::PARTIAL_CONTENT, CacheBody::kept(bytes, None))
            }
            Wanted::Nothing => {
                conditions::remove_description(headers);
                headers.insert(CONTENT_RANGE, ranges::unsatisfied(length(&self.body)));
                (StatusCode::RANGE_NOT_SATISFIABLE, CacheBody::empty())
            }
            Wanted::Whole => (
                self.status,
                CacheBody::kept(self.body.clone(), self.trailers.clone()),
            ),
        }
    }

    fn wanted_by(&self, request: &Head<'_>) -> Wanted {
        if self.status != StatusCode::OK || !request.traits.has(Traits::RANGE) {
            return Wanted::Whole;
        }
        let (length, came) = (length(&self.body), self.times.came_at);
        ranges::wanted(request.headers, &self.headers, length, came)
    }

    /// Tells whether the client has it already.
    fn is_known_to(&self, request: &Head<'_>) -> bool {
        request.traits.has(Traits::CONDITIONAL)
            && conditions::not_modified(request.headers, &self.headers, self.times.came_at)
    }

    /// Returns what it weighs in the local tier, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let trailers = self.trailers.as_ref().map_or(0, weight_of);
        size_of::<Self>()
            + self.body.len()
            // They stand there twice: the clock's face holds them too.
            + 2 * weight_of(&self.headers)
            + trailers
            + self.variant.weight()
    }
}

/// Returns how many seconds of freshness are left, negative when stale.
pub(crate) fn seconds_left(now: &Now) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match now.stale_for {
        Some(over) => -seconds(over),
        None => seconds(now.fresh_for),
    }
}

fn slice(body: &Bytes, part: &Range<u64>) -> Bytes {
    let at = |place: u64| usize::try_from(place).map_or(body.len(), |place| place.min(body.len()));
    body.slice(at(part.start)..at(part.end))
}

fn length(body: &Bytes) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

/// Returns what headers weigh, roughly.
pub(crate) fn weight_of(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use http::header::HeaderName;
    use http_body_util::Full;

    fn stored(headers: &[(&'static str, &'static str)]) -> Stored {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        Stored::new(Whole {
            status: StatusCode::OK,
            headers: &headers,
            body: Bytes::from_static(b"body"),
            trailers: None,
            variant: Variant::default(),
            times: Times {
                age: Duration::from_secs(5),
                fresh_for: Duration::from_mins(1),
                came: Moment::from_nanos(1_000_000_000),
                came_at: 784_111_777,
            },
            rules: Rules::default(),
            own_tag: false,
            ours: false,
        })
    }

    fn answer(stored: &Stored, method: Method, range: &str) -> Response<CacheBody<Full<Bytes>>> {
        let now = stored.at(Moment::from_nanos(8_000_000_000));
        let serving = Serving { now, told: None };
        let mut request = Request::builder().method(method).body(()).unwrap();
        if !range.is_empty() {
            request
                .headers_mut()
                .insert("range", range.parse().unwrap());
        }
        stored.answer(&Head::of(&request), serving)
    }

    #[test]
    fn what_belongs_to_a_connection_or_a_cache_is_not_kept() {
        let kept = stored(&[
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("age", "5"),
            ("cache-status", "other; hit"),
            ("date", "then"),
            ("x-end", "1"),
        ]);
        let answer = answer(&kept, Method::GET, "");
        let mut names: Vec<_> = answer.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["age", "cache-status", "date", "x-end"]);
        assert_eq!(answer.headers()["age"], "12");
        assert_eq!(answer.headers().get_all("cache-status").iter().count(), 1);
    }

    #[test]
    fn what_has_no_date_was_made_when_it_came() {
        let answer = answer(&stored(&[]), Method::GET, "");
        assert_eq!(answer.headers()["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_head_has_the_headers_of_the_get() {
        let kept = stored(&[("content-type", "text/plain")]);
        let get = answer(&kept, Method::GET, "");
        let head = answer(&kept, Method::HEAD, "bytes=0-1");
        assert_eq!(head.headers()["content-length"], "4");
        assert_eq!(Body::size_hint(get.body()).exact(), Some(4));
        assert!(
            get.headers()
                .iter()
                .all(|(name, value)| head.headers()[name] == *value)
        );
        assert_eq!(head.status(), 200);
        assert!(http_body::Body::is_end_stream(head.body()));
    }

    #[test]
    fn a_range_is_cut_out_or_said_not_to_be_there() {
        let kept = stored(&[("content-type", "text/plain")]);
        let part = answer(&kept, Method::GET, "bytes=1-2");
        assert_eq!(part.status(), 206);
        assert_eq!(part.headers()["content-range"], "bytes 1-2/4");
        assert_eq!(part.headers()["content-type"], "text/plain");
        assert_eq!(Body::size_hint(part.body()).exact(), Some(2));
        let none = answer(&kept, Method::GET, "bytes=4-");
        assert_eq!(
            (none.status().as_u16(), &none.headers()["content-range"]),
            (416, &HeaderValue::from_static("bytes */4"))
        );
    }

    #[test]
    fn the_seconds_left_go_below_zero() {
        let kept = stored(&[]);
        let left = |nanos| seconds_left(&kept.at(Moment::from_nanos(nanos)));
        assert_eq!(left(1_100_000_000), 54);
        assert_eq!(left(59_000_000_000), -3);
    }

    #[test]
    fn variants_have_their_places_beside_the_first() {
        let kept = stored(&[]);
        assert!(kept.admits(1, 3) && kept.admits(2, 3) && kept.admits(1, 3));
        assert!(!kept.admits(3, 3));
        assert!(!stored(&[]).admits(1, 1));
    }
}
