//! A response as it is kept, and the answers made of it.
//!
//! 1. Kept are status, headers, body and trailers, as they are: nothing is encoded. Extensions of
//!    the response are not kept, nor is what belongs to one connection or one cache: `Connection`
//!    and what it names, `Keep-Alive`, `Proxy-*`, `TE`, `Transfer-Encoding`, `Upgrade` (RFC 9111,
//!    3.1; RFC 9110, 7.6.1), `Age`, `Cache-Status`. `Date` stays the origin's.
//! 2. Every answer carries `Age` (RFC 9111, 5.1): the age it came with and the time since its load
//!    began. The two fields of an answer stand in the kept headers already, so that an answer
//!    fills them in instead of growing the map.
//! 3. A HEAD is answered with the headers of the GET (RFC 9110, 9.3.2), a condition that is met
//!    with a 304. Only a HEAD needs to be told the `Content-Length`: a body tells its own.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AGE, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;

use crate::body::CacheBody;
use crate::cache_status::{self, CACHE_STATUS, ClockFace, Forward, number};
use crate::conditions;
use crate::head::{Head, Traits};
use crate::vary::Variant;

/// What a header costs besides its bytes, roughly: its place in the map, its shared buffer.
const HEADER_OVERHEAD: usize = 120;

/// A response that is kept.
#[derive(Debug)]
pub(crate) struct Stored {
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
    variant: Variant,
    /// How old it was when it came.
    age: Duration,
    /// How long it was to be fresh from then on.
    ttl: Duration,
    clock_face: ClockFace,
}

/// How a kept response is served this time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    /// The time since its load began.
    pub(crate) age: Duration,
    /// How long it is still fresh; zero when stale.
    pub(crate) ttl_left: Duration,
    /// Why the request that waited for it had been sent on; none for a plain hit.
    pub(crate) collapsed: Option<Forward>,
}

/// What becomes a [`Stored`].
pub(crate) struct Whole<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) variant: Variant,
    pub(crate) age: Duration,
    pub(crate) ttl: Duration,
}

impl Stored {
    pub(crate) fn new(whole: Whole<'_>) -> Self {
        let Whole {
            headers,
            body,
            trailers,
            variant,
            age,
            ttl,
        } = whole;
        let mut headers = end_to_end(headers);
        headers.insert(AGE, HeaderValue::from_static("0"));
        headers.insert(CACHE_STATUS, HeaderValue::from_static("larder"));
        // The first clone of a value makes it one that is shared: once here, not on the first hit.
        drop(headers.clone());
        Self {
            headers,
            body,
            trailers,
            variant,
            age,
            ttl,
            clock_face: ClockFace::default(),
        }
    }

    /// Returns the request headers it was chosen by.
    pub(crate) fn variant(&self) -> &Variant {
        &self.variant
    }

    /// Answers a GET or a HEAD.
    pub(crate) fn answer<B: Body>(
        &self,
        request: &Head<'_>,
        serving: Serving,
    ) -> Response<CacheBody<B>> {
        let (age, hit) = self.clock_face.read(
            serving.age.saturating_add(self.age).as_secs(),
            self.seconds_left(serving),
        );
        let mut headers = self.headers.clone();
        fill_in(&mut headers, &AGE, age);
        fill_in(
            &mut headers,
            &CACHE_STATUS,
            serving.collapsed.map_or(hit, cache_status::collapsed),
        );
        let (status, body) = if self.is_known_to(request) {
            conditions::remove_description(&mut headers);
            (StatusCode::NOT_MODIFIED, CacheBody::empty())
        } else if *request.method == Method::HEAD {
            headers.insert(CONTENT_LENGTH, number(length(&self.body)));
            (StatusCode::OK, CacheBody::empty())
        } else {
            (
                StatusCode::OK,
                CacheBody::kept(self.body.clone(), self.trailers.clone()),
            )
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// Tells whether the client has it already.
    fn is_known_to(&self, request: &Head<'_>) -> bool {
        request.traits.has(Traits::CONDITIONAL)
            && conditions::not_modified(request.headers, &self.headers)
    }

    /// Returns how many seconds of freshness are left, negative when stale.
    fn seconds_left(&self, serving: Serving) -> i64 {
        if serving.ttl_left.is_zero() {
            let over = serving.age.saturating_sub(self.ttl).as_secs();
            i64::try_from(over).map_or(i64::MIN, |over| -over)
        } else {
            i64::try_from(serving.ttl_left.as_secs()).unwrap_or(i64::MAX)
        }
    }

    /// Returns what it weighs in the local tier, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let trailers = self.trailers.as_ref().map_or(0, weight_of);
        size_of::<Self>()
            + self.body.len()
            + weight_of(&self.headers)
            + trailers
            + self.variant.weight()
    }
}

fn length(body: &Bytes) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

fn weight_of(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD)
        .sum()
}

/// Fills in a field that is there; `insert` makes room for one more first.
fn fill_in(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    if let Some(slot) = headers.get_mut(name) {
        *slot = value;
    }
}

/// Returns the headers that are for the client, whichever connection it comes by.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for line in headers.get_all(CONNECTION) {
        for name in line.as_bytes().split(|byte| *byte == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                kept.remove(name);
            }
        }
    }
    for name in [
        CONNECTION,
        CONTENT_LENGTH,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        kept.remove(name);
    }
    for name in [
        "keep-alive",
        "proxy-connection",
        "proxy-authentication-info",
    ] {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
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
            headers: &headers,
            body: Bytes::from_static(b"body"),
            trailers: None,
            variant: Variant::default(),
            age: Duration::from_secs(5),
            ttl: Duration::from_mins(1),
        })
    }

    fn serving(age: Duration, ttl_left: Duration) -> Serving {
        Serving {
            age,
            ttl_left,
            collapsed: None,
        }
    }

    fn answer(stored: &Stored, method: Method) -> Response<CacheBody<Full<Bytes>>> {
        let serving = serving(Duration::from_secs(7), Duration::from_secs(53));
        let request = Request::builder().method(method).body(()).unwrap();
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
        let answer = answer(&kept, Method::GET);
        let mut names: Vec<_> = answer.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["age", "cache-status", "date", "x-end"]);
        assert_eq!(answer.headers()["age"], "12");
        assert_eq!(answer.headers().get_all("cache-status").iter().count(), 1);
    }

    #[test]
    fn a_head_has_the_headers_of_the_get() {
        let kept = stored(&[("content-type", "text/plain")]);
        let (get, head) = (answer(&kept, Method::GET), answer(&kept, Method::HEAD));
        assert_eq!(head.headers()["content-length"], "4");
        assert_eq!(Body::size_hint(get.body()).exact(), Some(4));
        assert!(
            get.headers()
                .iter()
                .all(|(name, value)| head.headers()[name] == *value)
        );
        assert!(http_body::Body::is_end_stream(head.body()));
    }

    #[test]
    fn the_seconds_left_go_below_zero() {
        let kept = stored(&[]);
        let left = |age, ttl_left| kept.seconds_left(serving(age, ttl_left));
        assert_eq!(left(Duration::ZERO, Duration::from_millis(8_900)), 8);
        assert_eq!(left(Duration::from_secs(63), Duration::ZERO), -3);
    }
}
