//! Heads that are too long, too many, or no text.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

use super::{Got, Origin, assert_unharmed, policies, read_for, site_of};
use crate::site::{get, minute, respond};

/// All fields a cache reads in a response.
const READ: &[&str] = &[
    "age",
    "access-control-allow-origin",
    "cache-control",
    "cache-groups",
    "cache-group-invalidation",
    "cache-status",
    "cache-tag",
    "cdn-cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "pragma",
    "surrogate-control",
    "surrogate-key",
    "trailer",
    "vary",
    "warning",
];

/// What no parser expects.
const VALUES: &[&[u8]] = &[
    b"",
    b" ",
    b",",
    b",,,",
    b";",
    b"=",
    b"\"",
    b"\"\"",
    b"\\",
    b"\"\\",
    b"\"\\\"",
    b"*",
    b"**",
    b"()",
    b"(",
    b"\xff",
    b"\xff\xfe\xfd",
    b"\x80=\x80",
    b"max-age",
    b"max-age=",
    b"max-age=\xff",
    b"max-age=60\xff",
    b"max-age=-1",
    b"max-age=\"60",
    b"max-age=99999999999999999999999999999999",
    b"s-maxage=60, s-maxage=0",
    b"private=\"\xff\"",
    b"=60",
    b"a=b=c",
    b"a;b;c",
    b"0",
    b"-0",
    b"1.5",
    b"99999999999999999999",
    b"Thu, 01 Jan 1970 00:00:00 GMT",
    b"Thu, 32 Jan 1970 25:61:61 GMT",
    b"Thu, 01 Jan 99999 00:00:00 GMT",
    b"Thu, 01 Jan -1 00:00:00 GMT",
    b"W/",
    b"W/\"",
    b"w/\"a\"",
    b"\"a\"b\"",
    b"bytes",
    b"bytes 0-1/2",
    b"bytes 9-1/0",
    b"bytes */*",
    b"bytes 0-18446744073709551615/18446744073709551615",
    b"\tx\t",
    b"a\tb",
    b"?1",
    b":YQ==:",
    b":a:",
    b"@1",
    b"%\"%ff\"",
    b"http://[",
    b"//evil.example/",
    b"/\xff",
    b"http://a/\\..",
    b"gzip, \xff",
    b"text/event-stream\xff",
];

fn with(name: &'static str, value: &'static [u8], lines: usize) -> Origin {
    Arc::new(move |_| {
        let mut response = respond(&[("cache-control", "max-age=60")], "the page");
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value).unwrap(),
        );
        for _ in 0..lines {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response
    })
}

/// Hits leave out what belongs to a connection, and what a cache says of itself.
fn is_compared(name: &str) -> bool {
    !matches!(name, "connection" | "cache-status" | "age")
}

#[tokio::test]
async fn no_field_of_a_response_is_too_odd() {
    for &name in READ {
        for value in VALUES {
            for (lines, policy) in [1, 3].into_iter().zip(policies()) {
                let case = format!("{name}: {} {lines} times", value.escape_ascii());
                let origin = with(name, value, lines);
                if is_compared(name) {
                    assert_unharmed(policy, origin, || get("/", &[]), &case).await;
                } else {
                    let site = site_of(policy, &origin);
                    for _ in 0..2 {
                        assert_eq!(site.get("/").await.text(), "the page", "{case}");
                    }
                }
            }
        }
    }
}

/// All fields a cache reads in a request.
const ASKED: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "pragma",
    "range",
    "te",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-declared",
];

#[tokio::test]
async fn no_field_of_a_request_is_too_odd() {
    for &name in ASKED {
        let site = site_of(
            minute().vary_by_header("x-declared"),
            &with("vary", b"accept, accept-encoding, accept-language, te", 1),
        );
        for value in VALUES {
            for lines in [1, 3] {
                for method in ["GET", "HEAD", "PUT"] {
                    let mut request = get("/", &[]);
                    *request.method_mut() = method.parse().unwrap();
                    for _ in 0..lines {
                        request
                            .headers_mut()
                            .append(name, HeaderValue::from_bytes(value).unwrap());
                    }
                    let case = format!("{method} {name}: {}", value.escape_ascii());
                    let answer = read_for(site.open(request).await, usize::MAX).await;
                    assert_fits(&answer, method, &case);
                }
            }
        }
    }
}

/// Asserts that an answer is the page, its head, a part of it, or a refusal of its own.
fn assert_fits(answer: &Got, method: &str, case: &str) {
    let body = answer.body.as_slice();
    let is_part = || {
        b"the page"
            .windows(body.len().max(1))
            .any(|part| part == body)
    };
    match answer.status.as_u16() {
        200 if method == "HEAD" => assert!(body.is_empty() || body == b"the page", "{case}"),
        200 => assert_eq!(body, b"the page", "{case}"),
        206 => assert!(is_part(), "{case}"),
        304 | 412 | 416 | 504 => assert!(body.is_empty(), "{case}"),
        other => panic!("{case}: {other}"),
    }
}

fn head_of(lines: usize, name: usize, value: usize, same_name: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_bytes(&vec![b'v'; value]).unwrap();
    for line in 0..lines {
        let number = if same_name { 0 } else { line };
        let name = format!("x-{number}-{}", "n".repeat(name));
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.clone(),
        );
    }
    headers
}

fn crowned(headers: HeaderMap) -> Origin {
    Arc::new(move |_| {
        let mut response: Response<Body> = respond(&[("cache-control", "max-age=60")], "the page");
        response.headers_mut().extend(headers.clone());
        response
    })
}

/// Thousands of lines, names and values without end.
#[tokio::test]
async fn heads_of_any_size_are_passed_on() {
    for (lines, name, value, same) in [
        (1000, 10, 10, false),
        (10_000, 1, 1, false),
        (10_000, 1, 1, true),
        (1, 1, 4 << 20, false),
        (1, 60_000, 1, false),
        (500, 10, 20_000, true),
    ] {
        let case = format!("{lines} lines of {name} and {value} bytes, same name {same}");
        for policy in policies() {
            let origin = crowned(head_of(lines, name, value, same));
            assert_unharmed(policy, origin, || get("/", &[]), &case).await;
        }
    }
}

/// The same in a request: what is not looked up is handed on.
#[tokio::test]
async fn requests_of_any_size_are_answered() {
    let origin: Origin =
        Arc::new(|headers| respond(&[("vary", "x-declared")], headers.len().to_string()));
    for (lines, name, value, same) in [
        (1000, 10, 10, false),
        (10_000, 1, 1, false),
        (1, 1, 4 << 20, false),
    ] {
        let headers = head_of(lines, name, value, same);
        let request = || {
            let mut request = get("/", &[]);
            request.headers_mut().extend(headers.clone());
            request
        };
        assert_unharmed(minute(), Arc::clone(&origin), request, "lines").await;
    }
    for name in [
        "x-declared",
        "if-none-match",
        "cookie",
        "accept",
        "range",
        "cache-control",
    ] {
        for value in [
            b"a".repeat(1 << 20),
            b"a,".repeat(1 << 19),
            b"\"a\",".repeat(1 << 18),
            b"a=1;".repeat(1 << 18),
        ] {
            let value = HeaderValue::from_bytes(&value).unwrap();
            let site = site_of(minute().vary_by_header("x-other"), &origin);
            for _ in 0..2 {
                let mut request = get("/", &[]);
                request.headers_mut().insert(name, value.clone());
                let got = read_for(site.open(request).await, usize::MAX).await;
                assert!(
                    [200, 304, 416].contains(&got.status.as_u16()),
                    "{name} {}",
                    got.status
                );
            }
        }
    }
}

#[tokio::test]
async fn targets_of_any_length_are_answered() {
    let origin: Origin = Arc::new(|_| respond(&[], "the page"));
    for length in [1, 100, 8 << 10, (8 << 10) + 1, 60_000] {
        for filler in ["a", "/", "%2f", "?", "&", ".."] {
            let target = format!("/{}", filler.repeat(length / filler.len()));
            let request = || Request::get(&target).body(Body::empty()).unwrap();
            for policy in policies() {
                assert_unharmed(policy, Arc::clone(&origin), request, filler).await;
            }
        }
    }
}
