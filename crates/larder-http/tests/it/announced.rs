//! A body that says how long it is, as one that comes over a connection does.

use std::pin::Pin;
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;

/// A body that says how long it is.
pub(crate) struct Announced(pub(crate) Body, pub(crate) u64);

impl http_body::Body for Announced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.1)
    }
}
