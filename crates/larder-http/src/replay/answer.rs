//! An answer that was read to its end, and how two of them are compared.

use std::future::poll_fn;
use std::pin::pin;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CACHE_CONTROL, ETAG, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::Body;

/// What tells of the connection or the cache, not of the answer.
pub(super) const IGNORED: &[&str] = &[
    "age",
    "cache-status",
    "cache-tag",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "surrogate-key",
    "transfer-encoding",
];

/// How much of a text is shown where it differs.
const SHOWN: usize = 48;

/// An answer that was read to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// None if the service failed.
    status: Option<StatusCode>,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
    /// The error of the service or of the body, in words.
    failure: String,
}

/// What the service answers without the cache, and what of it is the same each time.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    answer: Answer,
    unsteady: Vec<HeaderName>,
    pub(super) steady_body: bool,
}

impl Answer {
    pub(super) async fn of<R, E>(result: Result<Response<R>, E>) -> Self
    where
        R: Body,
        R::Error: std::fmt::Debug,
        E: std::fmt::Debug,
    {
        match result {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let (body, trailers, failure) = read(body).await;
                Self {
                    status: Some(head.status),
                    headers: head.headers,
                    body,
                    trailers,
                    failure,
                }
            }
            Err(error) => Self {
                failure: format!("{error:?}"),
                ..Self::default()
            },
        }
    }

    /// Tells whether it came from the cache, as far as the cache says so.
    pub(super) fn is_from_cache(&self) -> bool {
        let says =
            |value: &HeaderValue, word| value.to_str().is_ok_and(|value| value.contains(word));
        self.headers
            .get_all("cache-status")
            .iter()
            .any(|value| says(value, "; hit") || says(value, "; collapsed"))
    }

    /// Returns where in the answer a text stands.
    pub(super) fn place_of(&self, text: &str) -> Option<String> {
        let holds = |bytes: &[u8]| contains(bytes, text.as_bytes());
        let header = |headers: &HeaderMap| {
            let mut lines = headers.iter();
            let found = lines.find(|(_, value)| holds(value.as_bytes()))?;
            Some(format!("header `{}`", found.0))
        };
        if holds(&self.body) {
            return Some("body".to_owned());
        }
        if holds(self.failure.as_bytes()) {
            return Some("error".to_owned());
        }
        header(&self.headers).or_else(|| header(&self.trailers))
    }

    /// Tells whether both set the same cookie.
    pub(super) fn shares_cookie_with(&self, other: &Self) -> bool {
        let cookies = |answer: &Self| answer.headers.get_all(SET_COOKIE).iter().cloned().collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = (cookies(self), cookies(other));
        ours.iter().any(|cookie| theirs.contains(cookie))
    }
}

impl Expected {
    /// Takes two answers to the same request.
    pub(super) fn new(answer: Answer, again: &Answer) -> Self {
        let names = answer.headers.keys().chain(again.headers.keys());
        let unsteady = names
            .filter(|name| !same(&answer.headers, &again.headers, name))
            .cloned()
            .collect();
        let steady_body = answer.body == again.body;
        Self {
            answer,
            unsteady,
            steady_body,
        }
    }

    /// Tells whether each client is given a cookie of its own.
    pub(super) fn sets_own_cookies(&self) -> bool {
        self.unsteady.contains(&SET_COOKIE)
    }

    /// Tells whether a text stands in it by right.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.answer.place_of(text).is_some()
    }

    /// Says what is different in an answer; nothing if it is as it should be.
    pub(super) fn differs(&self, got: &Answer, ignored: &[HeaderName]) -> Option<String> {
        let expected = &self.answer;
        if got.status != expected.status {
            let words = |answer: &Answer| {
                answer
                    .status
                    .map_or_else(|| answer.failure.clone(), |status| status.to_string())
            };
            return Some(format!("{} instead of {}", words(got), words(expected)));
        }
        if got.failure.is_empty() != expected.failure.is_empty() {
            return Some(format!(
                "the body ends with `{}` instead of `{}`",
                got.failure, expected.failure
            ));
        }
        self.differing_header(got, ignored).or_else(|| {
            (self.steady_body && got.body != expected.body).then(|| {
                let (got, expected) = (
                    excerpt(&got.body, &expected.body),
                    excerpt(&expected.body, &got.body),
                );
                format!("body `{got}` instead of `{expected}`")
            })
        })
    }

    fn differing_header(&self, got: &Answer, ignored: &[HeaderName]) -> Option<String> {
        let expected = &self.answer;
        // The layer adds these two to what has none.
        let added = |name: &HeaderName| {
            (*name == ETAG || *name == CACHE_CONTROL) && !expected.headers.contains_key(name)
        };
        let mut names = expected.headers.keys().chain(got.headers.keys());
        let name = names.find(|name| {
            !ignored.contains(name)
                && !self.unsteady.contains(name)
                && !added(name)
                && !same(&expected.headers, &got.headers, name)
        })?;
        let words = |headers: &HeaderMap| {
            let lines = headers.get_all(name).iter();
            let lines: Vec<_> = lines
                .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
                .collect();
            lines.join(" | ")
        };
        Some(format!(
            "header `{name}` is `{}` instead of `{}`",
            words(&got.headers),
            words(&expected.headers)
        ))
    }
}

/// Reads a body to its end: its bytes, its trailers, its error in words.
pub(super) async fn read<B>(body: B) -> (Bytes, HeaderMap, String)
where
    B: Body,
{
    let (mut body, mut bytes, mut trailers) = (pin!(body), BytesMut::new(), HeaderMap::new());
    let mut failure = String::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(mut data)) => bytes.extend_from_slice(&data.copy_to_bytes(data.remaining())),
            Ok(Err(frame)) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            Err(_) => {
                "an error".clone_into(&mut failure);
                break;
            }
        }
    }
    (bytes.freeze(), trailers, failure)
}

fn same(a: &HeaderMap, b: &HeaderMap, name: &HeaderName) -> bool {
    a.get_all(name).iter().eq(b.get_all(name).iter())
}

/// Marks are written in lower case, and a handler may show them in another.
fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window.eq_ignore_ascii_case(text))
}

/// Shows a text from a little before it differs from another.
fn excerpt(text: &[u8], other: &[u8]) -> String {
    let equal = text.iter().zip(other).take_while(|(a, b)| a == b).count();
    let from = equal.saturating_sub(SHOWN / 2);
    let to = text.len().min(from + SHOWN);
    String::from_utf8_lossy(&text[from..to]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        Answer {
            status: Some(StatusCode::OK),
            headers: headers.collect(),
            body: body.into(),
            ..Answer::default()
        }
    }

    fn differs(expected: Answer, got: &Answer) -> Option<String> {
        let again = expected.clone();
        Expected::new(expected, &again).differs(got, &[])
    }

    #[test]
    fn a_difference_is_told_where_it_is() {
        let plain = answer(&[("x", "1")], "long enough");
        assert_eq!(differs(plain.clone(), &plain), None);
        assert_eq!(
            differs(plain.clone(), &answer(&[("x", "2")], "long enough")).unwrap(),
            "header `x` is `2` instead of `1`"
        );
        assert_eq!(
            differs(plain.clone(), &answer(&[("x", "1")], "long")).unwrap(),
            "body `long` instead of `long enough`"
        );
        let missing = Answer {
            status: Some(StatusCode::NOT_FOUND),
            ..plain.clone()
        };
        assert_eq!(
            differs(plain, &missing).unwrap(),
            "404 Not Found instead of 200 OK"
        );
    }

    #[test]
    fn what_the_layer_adds_is_no_difference() {
        let plain = answer(&[], "a");
        let tagged = answer(&[("etag", "\"1\""), ("cache-control", "no-cache")], "a");
        assert_eq!(differs(plain, &tagged), None);
        assert!(differs(answer(&[("etag", "\"2\"")], "a"), &tagged).is_some());
    }

    #[test]
    fn what_is_new_each_time_is_not_compared() {
        let (first, second) = (
            answer(&[("x-nonce", "1")], "1"),
            answer(&[("x-nonce", "2")], "2"),
        );
        let expected = Expected::new(first, &second);
        assert_eq!(
            expected.differs(&answer(&[("x-nonce", "3")], "3"), &[]),
            None
        );
        assert!(!expected.steady_body);
    }

    #[test]
    fn a_mark_is_found_in_any_case_and_place() {
        let shown = answer(&[("location", "http://Mark7.example")], "see MARK9");
        assert_eq!(shown.place_of("mark9").unwrap(), "body");
        assert_eq!(shown.place_of("mark7").unwrap(), "header `location`");
        assert_eq!(shown.place_of("mark8"), None);
    }
}
