//! A hostile origin, and hostile clients: no panic, no memory without bound, and the client gets
//! what it would have got without the cache.

mod bodies;
mod clients;
mod edges;
mod exchange;
mod heads;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use larder_http::HttpPolicy;

use crate::site::{Site, minute, settle};

/// Answers by the request's head alone, so that it can be asked without the cache as well.
type Origin = Arc<dyn Fn(&HeaderMap) -> Response<Body> + Send + Sync>;

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Clean,
    Broken,
    /// Not yet: more may come.
    Waiting,
}

/// What a client got.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    end: End,
}

fn site_of(policy: HttpPolicy, origin: &Origin) -> Site {
    let origin = Arc::clone(origin);
    Site::new(policy, move |call| {
        let response = origin(call.request.headers());
        async move { response }
    })
}

/// Reads a response until it ends, breaks or waits, or until it has sent so many bytes.
async fn read_for<B>(response: Response<B>, most: usize) -> Got
where
    B: http_body::Body<Data = Bytes>,
{
    let (head, body) = response.into_parts();
    let mut body = std::pin::pin!(body);
    let (mut bytes, mut trailers, mut end) = (Vec::new(), None, End::Waiting);
    while bytes.len() < most {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = settle() => break,
        };
        match frame {
            None => end = End::Clean,
            Some(Err(_)) => end = End::Broken,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
        }
        if end != End::Waiting {
            break;
        }
    }
    Got {
        status: head.status,
        headers: head.headers,
        body: bytes,
        trailers,
        end,
    }
}

/// Asserts that a client got what it would have got without the cache.
fn assert_same(got: &Got, plain: &Got, case: &str) {
    assert_eq!((got.status, got.end), (plain.status, plain.end), "{case}");
    assert!(
        got.body == plain.body,
        "{case}: {} bytes instead of {}",
        got.body.len(),
        plain.body.len()
    );
    assert_eq!(got.trailers, plain.trailers, "{case}");
    let announced = plain
        .headers
        .get("content-length")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let lines = |headers: &HeaderMap, name: &http::HeaderName| {
        headers.get_all(name).iter().cloned().collect::<Vec<_>>()
    };
    for name in plain.headers.keys().chain(got.headers.keys()) {
        let own = match name.as_str() {
            "age" | "cache-status" | "date" => true,
            // Added to what has none, so that clients ask again.
            "etag" | "cache-control" => !plain.headers.contains_key(name),
            // A body that is kept tells its own length.
            "content-length" => announced == Some(plain.body.len()),
            _ => false,
        };
        if !own {
            assert_eq!(
                lines(&got.headers, name),
                lines(&plain.headers, name),
                "{case}: {name}"
            );
        }
    }
}

/// Asks several times through the cache, and once without it: it is the same each time.
async fn assert_unharmed(
    policy: HttpPolicy,
    origin: Origin,
    request: impl Fn() -> Request<Body>,
    case: &str,
) {
    let site = site_of(policy, &origin);
    for round in 0..3 {
        let plain = read_for(origin(request().headers()), usize::MAX).await;
        let got = read_for(site.open(request()).await, usize::MAX).await;
        assert_same(&got, &plain, &format!("{case}, round {round}"));
    }
}

/// The policies a hostile answer is judged by.
fn policies() -> [HttpPolicy; 2] {
    [HttpPolicy::new(), minute().body_limit(1000)]
}
