//! The Tower layer of Larder: keeps HTTP responses for as long as what they were made of stands.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use std::time::Duration;
//!
//! use axum::{Router, routing::get};
//! use larder_core::Larder;
//! use larder_http::{HttpLayer as _, HttpPolicy};
//!
//! let larder = Larder::builder("shop").build()?;
//! let minutes = HttpPolicy::new().ttl(Duration::from_secs(600)).grace(Duration::from_secs(10));
//!
//! let app: Router = Router::new()
//!     // Responses of this route are kept for ten minutes, or until something they show is written.
//!     .route("/articles", get(|| async { "..." }).layer(larder.http_layer_with(minutes)?))
//!     .route("/about", get(|| async { ([("cache-control", "max-age=60")], "...") }))
//!     // All others only if they say so themselves.
//!     .layer(larder.http_layer());
//! # let _ = app;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })
//! # }
//! ```
//!
//! # What happens to a request
//!
//! The module named at each step begins with its rules, numbered.
//!
//! 1. May it be looked up? (`verdict::request`, `host`). If not, it passes by, untouched.
//! 2. Its key is made (`key`) and looked up (`lookup`); `Vary` picks the variant (`vary`).
//! 3. A response that is kept answers it (`stored`): whole, as a 304 (`conditions`, `etag`)
//!    or as the head. A stale one is refreshed in the background (`refresh`).
//! 4. Otherwise it leads or follows (`exchange`). A leader calls the wrapped service inside a
//!    read scope (`load`), so the response depends on whatever was read for it.
//! 5. May the response be kept? (`verdict::response`, `directives`). If so its body is gathered
//!    while or before it is sent (`body`), and kept when it has ended well.
//! 6. `Cache-Status` says what happened and why (`cache_status`).
//!
//! [`CacheLayer::explain`] tells of a request what of this would happen to it, and why.
//!
//! # What to know
//!
//! * Credentials other than `Authorization` and `Cookie` - an API key in a header of its own, a
//!   client certificate - are unknown here: name them with [`HttpPolicy::vary_by_user`], or put the
//!   layer behind what checks them.
//! * `Cache-Control` in a request decides nothing: clients cannot switch a shared cache off.
//! * `s-maxage` implies `proxy-revalidate` (RFC 9111, 5.2.2.10): no grace for such a response.
//! * Requests for one key wait for the head of the first one's response, also when that turns out
//!   not to be kept; then they go on side by side. No key is remembered as such yet.
//! * A body that takes longer than ten seconds is passed on, but not kept.
//! * A Tokio runtime is needed for refreshes and for bodies that are sent while they are made.
//! * The request's body must have a `Default` that is empty, which refreshes ask with.

mod body;
mod cache_status;
mod conditions;
mod directives;
mod error;
mod etag;
mod exchange;
mod explain;
mod future;
mod head;
mod host;
mod key;
mod layer;
mod load;
mod lookup;
mod policy;
mod refresh;
mod service;
mod stored;
mod vary;
mod verdict;

pub use crate::body::CacheBody;
pub use crate::error::PolicyError;
pub use crate::future::ResponseFuture;
pub use crate::layer::{CacheLayer, HttpLayer};
pub use crate::policy::HttpPolicy;
pub use crate::service::CacheService;
