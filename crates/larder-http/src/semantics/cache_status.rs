//! Says what the cache did (RFC 9211).
//!
//! 1. `hit` with its `ttl`, negative when stale.
//! 2. `fwd` with why the request went on: `bypass`, `method`, `uri-miss`, `vary-miss`, `stale`, `request`,
//!    and `fwd-status` with what came back where the client gets another status.
//! 3. `stored` if the answer was kept; otherwise `detail` says why not, in the words of
//!    [`verdict`](crate::semantics::verdict). A body that still runs when the head is sent has neither.
//! 4. `collapsed` if the answer was made for another request at the same time.
//! 5. `hit` with `detail=remote` if another node made it and this one had it from the remote tier just now.
//! 6. It stands behind what caches further inside said, and is never kept.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::Refusal;

use crate::semantics::verdict::{Bypass, Skip};

/// The header's name.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Why a request went on to the wrapped service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// Nothing is kept for its key.
    UriMiss,
    /// Something is kept for its key, chosen by other headers.
    VaryMiss,
    /// What is kept is stale, or must be asked about each time.
    Stale,
    /// The request wants something newer than what is kept.
    Request,
    /// Its method is not one that is answered from the cache.
    Method,
}

/// What became of the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It is kept.
    Stored,
    /// It will be kept if its body ends well.
    Running,
    /// A rule of HTTP, or of the route, keeps it out.
    Skipped(Skip),
    /// What it was made of keeps it out.
    Refused(Refusal),
}

/// Says that the request passed by.
pub(crate) fn bypassed(reason: Bypass) -> HeaderValue {
    HeaderValue::from_static(match reason {
        Bypass::Method => "larder; fwd=method",
        reason => reason.status(),
    })
}

/// Says that a request was sent on for which nothing was kept, nor will be, and what it was.
pub(crate) fn missed(why: Forward, what: &'static str) -> HeaderValue {
    made(format!("larder; fwd={}; detail={what}", why.as_str()).into())
}

/// Says that nothing is kept for a request that wants nothing else.
pub(crate) fn only_if_cached() -> HeaderValue {
    HeaderValue::from_static("larder; detail=only-if-cached")
}

/// Says that a kept response was asked about, what came back, and what became of the two.
pub(crate) fn asked(why: Forward, status: Option<StatusCode>, end: &str) -> HeaderValue {
    let status = status.map_or(String::new(), |status| {
        format!("; fwd-status={}", status.as_str())
    });
    made(format!("larder; fwd={}{status}; {end}", why.as_str()).into())
}

/// Says that the request went on, and what became of the answer.
pub(crate) fn forwarded(why: Forward, outcome: Outcome) -> HeaderValue {
    if let (Forward::UriMiss, Outcome::Skipped(skip)) = (why, outcome) {
        return HeaderValue::from_static(skip.status());
    }
    let why = why.as_str();
    match outcome {
        Outcome::Stored => made(format!("larder; fwd={why}; stored").into()),
        Outcome::Running => made(format!("larder; fwd={why}").into()),
        Outcome::Skipped(skip) => {
            made(format!("larder; fwd={why}; detail={}", skip.as_str()).into())
        }
        Outcome::Refused(refusal) => {
            let word = refusal
                .as_str()
                .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            made(format!("larder; fwd={why}; detail=refused-{word}").into())
        }
    }
}

/// Says that the request waited for another one's answer.
pub(crate) fn collapsed(why: Forward) -> HeaderValue {
    HeaderValue::from_static(match why {
        Forward::UriMiss => "larder; fwd=uri-miss; collapsed",
        Forward::VaryMiss => "larder; fwd=vary-miss; collapsed",
        Forward::Stale => "larder; fwd=stale; collapsed",
        Forward::Request => "larder; fwd=request; collapsed",
        Forward::Method => "larder; fwd=method; collapsed",
    })
}

/// Says that another node made the answer, which has so many seconds left.
pub(crate) fn remote(left: i64) -> HeaderValue {
    made(format!("larder; hit; ttl={left}; detail=remote").into())
}

/// Returns a number as a header value.
pub(crate) fn number(number: u64) -> HeaderValue {
    let mut text = Text::default();
    text.push_number(number);
    made(Bytes::copy_from_slice(text.as_bytes()))
}

/// Adds our member behind those of caches further inside.
pub(crate) fn append(headers: &mut HeaderMap, status: HeaderValue) {
    // Headers that hold as many lines as they can are left as they are.
    let _ = headers.try_append(CACHE_STATUS, status);
}

/// Returns `Age` and `Cache-Status` of a hit at this age, with so many seconds left, in one buffer.
pub(crate) fn hit(seconds: u64, left: i64) -> (HeaderValue, HeaderValue) {
    let mut text = Text::default();
    text.push_number(seconds);
    let end = text.length;
    text.push(b"larder; hit; ttl=");
    if left < 0 {
        text.push(b"-");
    }
    text.push_number(left.unsigned_abs());
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    (made(bytes.slice(..end)), made(bytes.slice(end..)))
}

impl Outcome {
    /// Returns what became of the answer, or why it is not kept, as one word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Running => "running",
            Self::Skipped(skip) => skip.as_str(),
            Self::Refused(refusal) => refusal.as_str(),
        }
    }

    /// Returns what is told of it besides why the request went on.
    pub(crate) fn told(self) -> String {
        match self {
            Self::Stored => "stored".to_owned(),
            outcome => format!("detail={}", outcome.as_str()),
        }
    }

    /// Returns it as the reason why an answer is not kept.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Stored | Self::Running | Self::Skipped(_) => Refusal::Uncacheable(self.as_str()),
        }
    }
}

impl Forward {
    fn as_str(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Method => "method",
        }
    }
}

/// A short text put together without the formatting machinery, which costs more than the rest.
struct Text {
    bytes: [u8; 64],
    length: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            bytes: [0; 64],
            length: 0,
        }
    }
}

impl Text {
    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    fn push_number(&mut self, mut number: u64) {
        let mut digits = [0_u8; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b"0123456789"[usize::try_from(number % 10).unwrap_or_default()];
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.push(&digits[start..]);
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn made(value: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(value).unwrap_or_else(|_| HeaderValue::from_static("larder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_says_how_old_it_is_and_how_long_it_lasts() {
        for (seconds, left) in [(0, 59), (1, -3), (u64::MAX, i64::MIN)] {
            let (age, hit) = hit(seconds, left);
            assert_eq!(age, seconds.to_string());
            assert_eq!(hit, format!("larder; hit; ttl={left}"));
        }
        assert_eq!(number(u64::MAX), "18446744073709551615");
    }

    #[test]
    fn a_request_sent_on_says_why() {
        assert_eq!(bypassed(Bypass::Method), "larder; fwd=method");
        assert_eq!(bypassed(Bypass::Host), "larder; fwd=bypass; detail=host");
        assert_eq!(
            asked(Forward::Stale, Some(StatusCode::NOT_MODIFIED), "stored"),
            "larder; fwd=stale; fwd-status=304; stored"
        );
        assert_eq!(
            forwarded(Forward::UriMiss, Outcome::Stored),
            "larder; fwd=uri-miss; stored"
        );
        assert_eq!(
            forwarded(Forward::Stale, Outcome::Skipped(Skip::Private)),
            "larder; fwd=stale; detail=private"
        );
        let strange = Outcome::Refused(Refusal::Uncacheable("a b;\""));
        assert_eq!(
            forwarded(Forward::VaryMiss, strange),
            "larder; fwd=vary-miss; detail=refused-a-b--"
        );
    }
}
