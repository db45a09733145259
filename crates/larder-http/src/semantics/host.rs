//! Which host a request is for (RFC 9110, 7.2; RFC 9112, 3.2).
//!
//! 1. The target's authority, else the `Host` line; if both are there they must be the same: a handler
//!    may read either, and what it reads must be in the key.
//! 2. Two `Host` lines, user information, or characters no host has: the request passes by.
//! 3. It counts as it is written: browsers send lower case, and a handler that shows, or minds, another
//!    spelling must not do so to others. No host at all is allowed (HTTP/1.0, tests): all requests
//!    without one share keys.

use std::borrow::Cow;

use http::Uri;

use crate::head::{Head, Traits};
use crate::semantics::verdict::Bypass;

/// The longest name of a host (RFC 1035, 2.3.4), with room for a port.
const MAX_HOST: usize = 261;

/// Returns the host a request to `uri` is for, empty if it names none.
pub(crate) fn host<'a>(uri: &'a Uri, head: &Head<'a>) -> Result<Cow<'a, str>, Bypass> {
    if head.traits.has(Traits::HOSTS) {
        return Err(Bypass::Host);
    }
    let line = head
        .host
        .map(|line| line.to_str().map_err(|_| Bypass::Host))
        .transpose()?;
    match (uri.authority().map(http::uri::Authority::as_str), line) {
        (None, None) => Ok(Cow::Borrowed("")),
        (Some(target), Some(line)) if target != line => Err(Bypass::Host),
        (Some(host), _) | (None, Some(host)) => checked(host),
    }
}

fn checked(host: &str) -> Result<Cow<'_, str>, Bypass> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if host.is_empty() || host.len() > MAX_HOST || !host.bytes().all(known) {
        Err(Bypass::Host)
    } else {
        Ok(Cow::Borrowed(host))
    }
}

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
        host(request.uri(), &Head::of(&request)).map(Cow::into_owned)
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
