//! The server that is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, Uri};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use larder::Larder;
use larder::http::{HttpLayer as _, HttpPolicy};

/// The size of the large body.
pub(crate) const LARGE: usize = 32 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const SMALL: usize = 1024;
const HANDLER: Duration = Duration::from_millis(300);
const HALF: Duration = Duration::from_secs(2);

/// Makes it: everything but `/calls` goes through the layer.
pub(crate) fn app() -> Router {
    let larder = Larder::builder("bench").build().expect("it can be built");
    let policy = HttpPolicy::safe().body_limit(2 * LARGE);
    let layer = larder.http_layer_with(policy);
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    Router::new()
        .fallback(move |uri: Uri| {
            counted.fetch_add(1, Ordering::Relaxed);
            answer(uri)
        })
        .layer(layer.expect("the policy is right"))
        .route(
            "/calls",
            get(move || std::future::ready(calls.load(Ordering::Relaxed).to_string())),
        )
}

async fn answer(uri: Uri) -> Response<Body> {
    let mut parts = uri.path().split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(kind @ ("kept" | "private")), _) => {
            tokio::time::sleep(HANDLER).await;
            respond(kind, Body::from("x"))
        }
        (Some("halves"), Some(kind)) => respond(kind, halves()),
        (Some("small"), _) => respond("kept", Body::from(vec![b'x'; SMALL])),
        (Some("whole"), _) => respond("kept", Body::from(vec![b'x'; LARGE])),
        (Some("large" | "slow-reader"), _) => respond("kept", chunks()),
        _ => panic!("{uri}: nothing is there"),
    }
}

fn respond(kind: &str, body: Body) -> Response<Body> {
    let response = match kind {
        "private" => Response::builder().header("cache-control", "private"),
        "events" => Response::builder()
            .header("cache-control", "max-age=3600")
            .header("content-type", "text/event-stream"),
        _ => Response::builder().header("cache-control", "max-age=3600"),
    };
    response.body(body).expect("the headers are right")
}

fn halves() -> Body {
    let halves = stream::iter([Duration::ZERO, HALF]).then(|pause| async move {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok::<_, std::io::Error>(Bytes::from_static(b"half"))
    });
    Body::from_stream(halves)
}

fn chunks() -> Body {
    let chunks = stream::iter(0..LARGE / CHUNK).map(|_| Ok::<_, std::io::Error>(vec![b'x'; CHUNK]));
    Body::from_stream(chunks)
}
