//! Which host a request is for (RFC 9110, 7.2; RFC 9112, 3.2).
//!
//! 1. The target's authority, else the `Host` line; if both are there they must be the same: a handler
//!    may read either, and what it reads must be in the key.
//! 2. Two `Host` lines, user information, or characters no host has: the request passes by.
//! 3. It counts as it is written: browsers send lower case, and a handler that shows, or minds, another
//!    spelling must not do so to others. No host at all is allowed (HTTP/1.0, tests): all requests
//!    without one share keys.

use http::{HeaderValue, Uri};

use crate::head::{Head, Traits};
use crate::semantics::verdict::Bypass;

/// The longest name of a host (RFC 1035, 2.3.4), with room for a port.
const MAX_HOST: usize = 261;

/// A host as it is written, empty if a request names none. All of it is ASCII.
///
/// Bytes, because that is what a key is made of: to check once more that they are UTF-8 takes longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host<'a>(&'a [u8]);

impl<'a> Host<'a> {
    #[cfg(test)]
    pub(crate) fn of(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn as_str(self) -> &'a str {
        std::str::from_utf8(self.0).unwrap_or_default()
    }
}

/// Returns the host a request to `uri` is for.
pub(crate) fn host<'a>(uri: &'a Uri, head: &Head<'a>) -> Result<Host<'a>, Bypass> {
    if head.traits.has(Traits::HOSTS) {
        return Err(Bypass::Host);
    }
    let target = uri.authority().map(|target| target.as_str().as_bytes());
    match (target, head.host.map(HeaderValue::as_bytes)) {
        (None, None) => Ok(Host(b"")),
        (Some(target), Some(line)) if target != line => Err(Bypass::Host),
        (Some(host), _) | (None, Some(host)) => checked(host),
    }
}

fn checked(host: &[u8]) -> Result<Host<'_>, Bypass> {
    let known = |byte: &u8| KNOWN[usize::from(*byte)];
    if host.is_empty() || host.len() > MAX_HOST || !host.iter().all(known) {
        return Err(Bypass::Host);
    }
    Ok(Host(host))
}

/// The characters of hosts, by a look at a table: this is on every hit.
static KNOWN: [bool; 256] = {
    let mut known = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let is_mark = matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
        known[byte as usize] = byte.is_ascii_alphanumeric() || is_mark;
        byte += 1;
    }
    known
};

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn verdict(uri: &str, lines: &[&str]) -> Result<String, Bypass> {
        let request = lines
            .iter()
            .fold(Request::builder().uri(uri), |request, line| {
                request.header("host", *line)
            });
        let request = request.body(()).unwrap();
        host(request.uri(), &Head::of(&request)).map(|host| host.as_str().to_owned())
    }

    #[test]
    fn a_host_counts_as_it_is_written() {
        assert_eq!(
            verdict("/a", &["Example.ORG:80"]),
            Ok("Example.ORG:80".into())
        );
        assert_eq!(
            verdict("http://Example.org/a", &[]),
            Ok("Example.org".into())
        );
        assert_eq!(
            verdict("http://Example.org/a", &["Example.org"]),
            Ok("Example.org".into())
        );
        assert_eq!(verdict("/a", &["[::1]:3000"]), Ok("[::1]:3000".into()));
        assert_eq!(verdict("/a", &[]), Ok(String::new()));
    }

    #[test]
    fn an_unclear_host_passes_by() {
        for lines in [
            &["a", "a"][..],
            &[""],
            &["a b"],
            &["a/b"],
            &["a@b"],
            &["a,b"],
            &["a\u{e4}"],
        ] {
            assert_eq!(verdict("/a", lines), Err(Bypass::Host), "{lines:?}");
        }
        assert_eq!(verdict("http://a/", &["b"]), Err(Bypass::Host));
        assert_eq!(verdict("http://a/", &["A"]), Err(Bypass::Host));
        assert_eq!(verdict("http://user@a/", &[]), Err(Bypass::Host));
    }
}
