//! Which host a request is for, in one spelling (RFC 9110, 7.2; RFC 9112, 3.2).
//!
//! 1. The target's authority, else the `Host` line; if both are there they must agree: a handler
//!    may read either, and what it reads must be in the key.
//! 2. Two `Host` lines, user information, or characters no host has: the request passes by.
//! 3. Letters are lower-cased, the port is kept as it is written, and no host at all is allowed
//!    (HTTP/1.0, tests): all requests without one share keys.

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
        (Some(target), Some(line)) if !target.eq_ignore_ascii_case(line) => Err(Bypass::Host),
        (Some(host), _) | (None, Some(host)) => spelled(host),
    }
}

fn spelled(host: &str) -> Result<Cow<'_, str>, Bypass> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if host.is_empty() || host.len() > MAX_HOST || !host.bytes().all(known) {
        Err(Bypass::Host)
    } else if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Ok(Cow::Owned(host.to_ascii_lowercase()))
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
    fn a_host_has_one_spelling() {
        assert_eq!(
            verdict("/a", &["Example.ORG:80"]),
            Ok("example.org:80".into())
        );
        assert_eq!(
            verdict("http://Example.org/a", &[]),
            Ok("example.org".into())
        );
        assert_eq!(
            verdict("http://Example.org/a", &["example.ORG"]),
            Ok("example.org".into())
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
        assert_eq!(verdict("http://user@a/", &[]), Err(Bypass::Host));
    }
}
