//! The origin: every answer says all over whose it is.

use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;

use super::PARTS;
use super::ways::Way;
use crate::announced::Announced;
use crate::panics::PLANNED;
use crate::site::{Call, respond};

/// What a call answers: its owner and its page, in the head and all over the body.
pub(super) async fn answer(call: Call, way: &'static Way) -> Response<Body> {
    let mark = mark_of(&call.request, way);
    call.larder.depend_on("all");
    let kind = call.number % 12;
    for _ in 0..call.number % 4 {
        tokio::task::yield_now().await;
    }
    let control = if kind == 7 { "private" } else { "" };
    let is_odd = !(call.number / 12).is_multiple_of(2);
    let tag = format!("\"{}\"", mark.replace([' ', '/', ';'], "-"));
    let mut response = match asked_part(&call.request).filter(|_| is_odd) {
        Some((first, last)) => part(&mark, first, last),
        None if is_odd && is_known(&call.request, &tag) => not_modified(),
        None => whole(&mark, kind, call.number, is_odd),
    };
    for (name, value) in [
        ("x-owner-was", mark.as_str()),
        ("etag", &tag),
        ("vary", way.vary),
        ("cache-control", control),
    ] {
        if !value.is_empty() {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}

fn whole(mark: &str, kind: usize, number: usize, announced: bool) -> Response<Body> {
    let mut response = respond(&[], body(mark, kind, number));
    // Those who wait read along a body whose length is announced.
    if announced && [4, 5, 6, 10].contains(&kind) {
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = Body::new(Announced(body, (mark.len() * PARTS) as u64));
    }
    if kind == 8 {
        response
            .headers_mut()
            .insert("content-length", "3".parse().unwrap());
    }
    if kind == 9 {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}

/// Returns the first and the last byte asked for: clients ask for no more than there is.
pub(super) fn asked_part(request: &Request<Body>) -> Option<(usize, usize)> {
    let range = request.headers().get("range")?.to_str().unwrap();
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn part(mark: &str, first: usize, last: usize) -> Response<Body> {
    let whole = mark.repeat(PARTS);
    let range = format!("bytes {first}-{last}/{}", whole.len());
    let mut response = respond(&[("content-range", &range)], whole[first..=last].to_owned());
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    response
}

fn is_known(request: &Request<Body>, tag: &str) -> bool {
    let mut known = request.headers().get_all("if-none-match").iter();
    known.any(|known| known.to_str().unwrap().contains(tag))
}

fn not_modified() -> Response<Body> {
    let mut response = respond(&[], "");
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

fn mark_of(request: &Request<Body>, way: &Way) -> String {
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.map_or("nobody", |value| value.to_str().unwrap())
    };
    let (owner, path) = (header(way.header), request.uri().path());
    way.mark(owner, path, header("accept-language"))
}

/// A body: at once, in parts, waiting in between, or broken half way.
fn body(mark: &str, kind: usize, number: usize) -> Body {
    if kind < 4 {
        return Body::from(mark.repeat(PARTS));
    }
    let (mark, mut polls, mut sent) = (Bytes::from(mark.to_owned()), number, 0);
    let stream = futures_util::stream::poll_fn(move |cx| {
        polls += 1;
        if polls % 3 == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        sent += 1;
        Poll::Ready(match sent {
            _ if kind == 10 && sent > PARTS / 2 => Some(Err(std::io::Error::other("broken"))),
            _ if kind == 11 && sent > PARTS / 2 => panic!("{PLANNED}: a body"),
            1..=PARTS => Some(Ok(Frame::data(mark.clone()))),
            _ => None,
        })
    });
    Body::new(StreamBody::new(stream))
}
