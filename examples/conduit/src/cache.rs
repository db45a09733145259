//! For how long responses are kept, and for whom.

use std::time::Duration;

use axum::http::request::Parts;
use larder::Larder;
use larder::http::{CacheLayer, HttpPolicy, Layer, PolicyError};

use crate::auth::Viewer;

/// The layers over the routes that read.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    /// Over what everybody reads.
    pub(crate) pages: CacheLayer,
    /// Over one's own account, whose token grows old.
    pub(crate) account: CacheLayer,
}

impl Layers {
    /// # Errors
    /// Never with these policies.
    pub(crate) fn new(larder: &Larder) -> Result<Self, PolicyError> {
        let pages = HttpPolicy::new()
            .name("pages")
            .ttl(Duration::from_mins(10))
            .grace(Duration::from_mins(1))
            .vary_by_user(viewer);
        let account = HttpPolicy::new()
            .name("account")
            .ttl(Duration::from_mins(1))
            .vary_by_user(viewer);
        Ok(Self {
            pages: larder.http_layer_with(pages)?,
            account: larder.http_layer_with(account)?,
        })
    }
}

/// Who asks, proven by `authenticate`, which runs before any layer here.
fn viewer(parts: &Parts) -> Option<String> {
    let viewer = parts.extensions.get::<Viewer>();
    viewer.map(|Viewer(user)| user.to_string())
}
