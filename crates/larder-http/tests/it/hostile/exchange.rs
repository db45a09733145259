//! Any origin and any client, as chance has it.
//!
//! `LARDER_EXCHANGES` says how many exchanges are tried.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use larder_http::HttpPolicy;
use proptest::prelude::*;

use super::{End, Got, read_for};
use crate::announced::Announced;
use crate::site::{SECOND, Site, minute};

/// What an origin answers, once.
#[derive(Clone, Debug)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static [u8])>,
    chunks: usize,
    end: End,
    length: Option<usize>,
}

/// What a client asks, once.
#[derive(Clone, Debug)]
struct Ask {
    method: &'static str,
    uri: &'static str,
    headers: Vec<(&'static str, &'static [u8])>,
    /// It leaves after so many bytes.
    patience: usize,
    /// How much later it comes.
    seconds: u32,
}

/// What the origin gave, by number.
type Given = Arc<Mutex<HashMap<usize, Reply>>>;

type Pool = &'static [(&'static str, &'static [u8])];

const RESPONSE: Pool = &[
    ("cache-control", b"max-age=60"),
    (
        "cache-control",
        b"s-maxage=5, stale-while-revalidate=60, stale-if-error=600",
    ),
    ("cache-control", b"public, max-age=60, immutable"),
    ("cache-control", b"no-cache"),
    ("cache-control", b"private"),
    ("cache-control", b"no-store"),
    ("cache-control", b"must-understand, no-store"),
    ("cache-control", b"max-age=\xff, x=\""),
    ("cdn-cache-control", b"max-age=60"),
    ("cdn-cache-control", b"max-age=60, (("),
    ("expires", b"Fri, 01 Jan 2100 00:00:00 GMT"),
    ("expires", b"0"),
    ("last-modified", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    ("date", b"Thu, 01 Jan 1970 00:00:01 GMT"),
    ("age", b"7"),
    ("age", b"-7"),
    ("etag", b"\"a\""),
    ("etag", b"W/\"a\""),
    ("etag", b"a"),
    ("vary", b"x-v"),
    ("vary", b"accept, x-v"),
    ("vary", b"*"),
    ("vary", b"\xff"),
    ("content-range", b"bytes 0-3/8"),
    ("content-encoding", b"gzip"),
    ("content-type", b"text/event-stream"),
    ("connection", b"close, etag"),
    ("trailer", b"x-sum"),
    ("cache-groups", b"\"a\", \"b\""),
    ("cache-group-invalidation", b"\"a\""),
    ("location", b"/b"),
    ("content-location", b"/"),
    ("surrogate-key", b"a b \xff"),
];

const REQUEST: Pool = &[
    ("x-v", b"1"),
    ("x-v", b"2"),
    ("x-v", b"\xff"),
    ("accept", b"text/html"),
    ("range", b"bytes=0-3"),
    ("range", b"bytes=4-"),
    ("range", b"bytes=-1"),
    ("range", b"bytes=99-, 0-1"),
    ("range", b"bytes=9-1"),
    ("if-range", b"\"a\""),
    ("if-none-match", b"\"a\""),
    ("if-none-match", b"*"),
    ("if-modified-since", b"Fri, 01 Jan 2100 00:00:00 GMT"),
    ("if-match", b"\"b\""),
    ("if-unmodified-since", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    ("cache-control", b"no-cache"),
    ("cache-control", b"only-if-cached, max-stale"),
    ("cookie", b"a=b"),
    ("authorization", b"Token x"),
    ("content-length", b"5"),
    ("transfer-encoding", b"chunked"),
    ("connection", b"close"),
    ("upgrade", b"x"),
];

fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let status = prop::sample::select(vec![
        200, 200, 200, 200, 204, 206, 206, 301, 304, 304, 404, 412, 416, 500, 503, 599, 999,
    ]);
    let end = prop::sample::select(vec![End::Clean, End::Clean, End::Clean, End::Broken]);
    let length = prop::option::weighted(0.5, prop::sample::select(vec![0, 4, 8, 12, 5]));
    let headers = prop::sample::subsequence(RESPONSE, 0..6);
    let reply = (status, headers, 0..4_usize, end, length);
    let reply = reply.prop_map(|(status, headers, chunks, end, length)| Reply {
        status,
        headers,
        chunks,
        end,
        length,
    });
    prop::collection::vec(reply, 1..6)
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let method = prop::sample::select(vec![
        "GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS",
    ]);
    let uri = prop::sample::select(vec!["/", "/", "/", "/b", "http://a.example/"]);
    let headers = prop::sample::subsequence(REQUEST, 0..4);
    let patience = prop::sample::select(vec![usize::MAX, usize::MAX, usize::MAX, 0, 3]);
    let ask = (method, uri, headers, patience, 0..40_u32);
    let ask = ask.prop_map(|(method, uri, headers, patience, seconds)| Ask {
        method,
        uri,
        headers,
        patience,
        seconds,
    });
    prop::collection::vec(ask, 1..16)
}

impl Reply {
    /// Each answer tells in every chunk, and in a cookie, which one it is.
    fn respond(&self, number: usize) -> Response<Body> {
        let chunk = Bytes::from(format!("{number:04}"));
        let end = (self.end == End::Broken).then(|| Err(std::io::Error::other("broken")));
        let chunks = std::iter::repeat_n(chunk, self.chunks).map(|chunk| Ok(Frame::data(chunk)));
        let mut parts: Vec<_> = chunks.chain(end).rev().collect();
        let mut waited = number.is_multiple_of(2);
        let stream = futures_util::stream::poll_fn(move |cx| {
            waited = !waited;
            if waited {
                cx.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(parts.pop())
        });
        let mut body = Body::new(StreamBody::new(stream));
        // What came over a connection announces itself what its head does, true or not.
        if let Some(length) = self.length {
            body = Body::new(Announced(body, length as u64));
        }
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value).unwrap();
            response
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        if let Some(length) = self.length {
            response
                .headers_mut()
                .insert("content-length", HeaderValue::from(length));
        }
        if number.is_multiple_of(3) {
            response
                .headers_mut()
                .insert("set-cookie", HeaderValue::from(number));
        }
        response
    }
}

impl Ask {
    fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = self.method.parse().unwrap();
        *request.uri_mut() = self.uri.parse().unwrap();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value).unwrap();
            request
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        request
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| *known == name)
    }
}

/// Asserts that an answer is one of those the origin gave, whole or as broken as it was.
fn assert_given(ask: &Ask, got: &Got, given: &HashMap<usize, Reply>) {
    let number = got.body.get(..4).map(|number| {
        std::str::from_utf8(number)
            .unwrap()
            .parse::<usize>()
            .unwrap()
    });
    if let Some(reply) = number
        .and_then(|number| given.get(&number))
        .filter(|_| !ask.has("range"))
    {
        let whole = format!("{:04}", number.unwrap()).repeat(reply.chunks);
        assert!(
            whole.as_bytes().starts_with(&got.body),
            "{ask:?} {got:?} {reply:?}"
        );
        if got.end == End::Clean && ask.patience == usize::MAX {
            assert_eq!(
                (got.body.len(), reply.end),
                (whole.len(), End::Clean),
                "{ask:?} {got:?} {reply:?}"
            );
        }
        assert_eq!(
            got.status.as_u16(),
            reply.status,
            "{ask:?} {got:?} {reply:?}"
        );
    }
    assert_ne!(got.end, End::Waiting, "{ask:?} {got:?}");
    assert_fits(ask, got, given);
}

/// Asserts that a status is the origin's, or what the client asked for in so many words.
fn assert_fits(ask: &Ask, got: &Got, given: &HashMap<usize, Reply>) {
    let has_any = |names: &[&str]| names.iter().any(|name| ask.has(name));
    let asked_for = match got.status.as_u16() {
        304 => has_any(&["if-none-match", "if-modified-since"]),
        206 | 416 => ask.has("range"),
        412 => has_any(&["if-match", "if-unmodified-since", "if-none-match"]),
        504 => ask.has("cache-control"),
        _ => false,
    };
    let is_given = given
        .values()
        .any(|reply| reply.status == got.status.as_u16());
    // The whole of what was kept in parts.
    let is_completed = got.status == 200 && given.values().any(|reply| reply.status == 206);
    assert!(asked_for || is_given || is_completed, "{ask:?} {got:?}");
    if got.status == 304 && !is_given {
        assert!(got.body.is_empty(), "{ask:?} {got:?}");
    }
}

fn policy(kind: u8) -> HttpPolicy {
    match kind {
        0 => HttpPolicy::new(),
        1 => minute(),
        2 => minute().grace(SECOND * 60).stale_on_error(true),
        3 => minute().body_limit(6).vary_by_header("x-v").variants(2),
        4 => minute()
            .keep_any_status(true)
            .heuristics(true)
            .listen_to_requests(true),
        5 => minute()
            .private()
            .stale_if_error(SECOND * 99)
            .retention(SECOND * 99)
            .make_tags(false),
        _ => HttpPolicy::rfc().keep_cookies(false),
    }
}

fn exchanges() -> u32 {
    let number = std::env::var("LARDER_EXCHANGES").ok();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or(1000)
}

/// A site whose origin gives one reply after the other, and remembers which.
fn site_giving(policy: HttpPolicy, replies: Vec<Reply>) -> (Site, Given) {
    let given = Given::default();
    let giving = Arc::clone(&given);
    let site = Site::new(policy, move |call| {
        let reply = replies[call.number % replies.len()].clone();
        let response = reply.respond(call.number);
        giving.lock().unwrap().insert(call.number, reply);
        async move {
            if call.number.is_multiple_of(2) {
                tokio::task::yield_now().await;
            }
            response
        }
    });
    (site, given)
}

/// Asks one after the other, or all at once.
async fn ask_all(site: &Site, asks: Vec<Ask>, at_once: bool) -> Vec<(Ask, Got)> {
    let mut asking = Vec::new();
    for ask in asks {
        site.clock.advance(SECOND * ask.seconds);
        let site = site.clone();
        let task = tokio::spawn(async move {
            let got = read_for(site.open(ask.request()).await, ask.patience.max(1)).await;
            (ask, got)
        });
        if at_once {
            asking.push(task);
        } else {
            asking.push(tokio::spawn(std::future::ready(task.await.unwrap())));
        }
    }
    let mut answers = Vec::new();
    for task in asking {
        answers.push(task.await.unwrap());
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: exchanges(), ..ProptestConfig::default() })]

    /// Whatever they say to each other: an answer is one the origin gave, and a cookie is one client's.
    #[test]
    fn any_exchange_ends_with_an_answer_of_the_origins(
        replies in replies(), asks in asks(), kind in 0..7_u8, at_once in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (site, given) = site_giving(policy(kind), replies);
            let mut cookies = Vec::new();
            for (ask, got) in ask_all(&site, asks, at_once).await {
                if ask.patience == usize::MAX {
                    assert_given(&ask, &got, &given.lock().unwrap());
                }
                cookies.extend(got.headers.get("set-cookie").cloned());
            }
            let all = cookies.len();
            cookies.sort_unstable();
            cookies.dedup();
            assert_eq!(cookies.len(), all, "a cookie was given twice");
            site.larder.close().await;
        });
    }
}
