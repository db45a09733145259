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
//! The module named at each step begins with its rules, numbered. What HTTP says is in `semantics`,
//! without I/O and clock; the rest carries it out.
//!
//! 1. May it be looked up? (`semantics::request`, `host`). If not, it passes by, untouched; if it is not
//!    safe, what it changes is made invalid (`write`, `semantics::invalidation`).
//! 2. Its key is made (`key`) and looked up (`lookup`); `Vary` picks the variant (`semantics::vary`).
//! 3. May what is kept be served? (`semantics::reuse`, `freshness`). Then it answers (`stored`): whole, in
//!    part, as a 304 or as the head. A stale one may be asked about in the background (`refresh`).
//! 4. Otherwise the request leads or follows (`exchange`). A leader calls the wrapped service inside a
//!    read scope (`load`), so the response depends on whatever was read for it. What is kept already is
//!    asked about (`semantics::validation`) and renewed (`renew`).
//! 5. May the response be kept? (`semantics::storing`, `directives`). If so its body is gathered while or
//!    before it is sent (`fill`, `body`), and kept when it has ended well. If not, nobody waits for the
//!    next one (`uncacheable`).
//! 6. `Cache-Status` says what happened and why (`semantics::cache_status`).
//!
//! [`CacheLayer::explain`] tells of a request what of this would happen to it, and why.
//!
//! # What to know
//!
//! * There are two profiles: [`HttpPolicy::safe`], the default, and [`HttpPolicy::rfc`].
//! * Credentials other than `Authorization` and `Cookie` - an API key in a header of its own, a
//!   client certificate - are unknown here: name them with [`HttpPolicy::vary_by_user`], or put the
//!   layer behind what checks them.
//! * `Cache-Control` in a request decides nothing unless the route listens to it: clients cannot switch a
//!   shared cache off.
//! * `s-maxage` implies `proxy-revalidate` (RFC 9111, 5.2.2.10): no grace for such a response.
//! * Requests for one key wait for the head of the first one's response. If that is not kept they go on
//!   side by side, and for half a minute nobody waits for that key. If it is, they read its body along
//!   where its length is announced, and wait for its end where it is not.
//! * A body without an announced length that takes longer than ten seconds is passed on, but not kept.
//! * A Tokio runtime is needed for refreshes and for bodies that are sent while they are made.

mod body;
mod clock_face;
mod dress;
mod error;
mod exchange;
mod explain;
mod fill;
mod future;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzz;
mod head;
mod key;
#[cfg(test)]
mod key_fuzz;
mod layer;
mod load;
mod lookup;
mod parts;
mod policy;
mod post;
mod refresh;
mod renew;
#[cfg(feature = "test-util")]
pub mod replay;
mod ride;
mod semantics;
mod service;
mod session;
mod stored;
mod uncacheable;
mod write;

pub use crate::body::CacheBody;
pub use crate::body::error::BodyError;
pub use crate::error::PolicyError;
pub use crate::future::ResponseFuture;
pub use crate::layer::{CacheLayer, HttpLayer};
pub use crate::policy::HttpPolicy;
pub use crate::service::CacheService;
pub use crate::session::{HttpSessions, POSITION, SessionFuture, SessionLayer, SessionService};
