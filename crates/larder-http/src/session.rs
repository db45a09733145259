//! A layer by which a client sees its own writes on every node.
//!
//! 1. A response to a request that wrote carries how far its writes reach in the order of changes: in
//!    `Larder-Position`, or in a cookie. It is never kept with a response.
//! 2. A request that brings it waits until this node has applied as much, for a short bound. If that is
//!    not confirmed by then, nothing is answered from the cache: all it reads is loaded.
//! 3. What is no position, or none that can be, is as if it were not there.
//!
//! Put it around all that reads and writes, outside of every [`CacheLayer`](crate::CacheLayer).

mod carrier;
mod future;
mod service;

use std::time::Duration;

use larder_core::Larder;
use tower_layer::Layer;

use self::carrier::Carrier;
pub use self::carrier::POSITION;
pub use self::future::SessionFuture;
pub use self::service::SessionService;
use crate::error::PolicyError;

/// How long a request waits for this node, unless it is told otherwise.
const BOUND: Duration = Duration::from_millis(50);

/// Makes a [`SessionLayer`] of a [`Larder`].
pub trait HttpSessions {
    /// Returns a layer by which clients that hand back `Larder-Position` see their writes on every node.
    fn session_layer(&self) -> SessionLayer;
}

impl HttpSessions for Larder {
    fn session_layer(&self) -> SessionLayer {
        SessionLayer {
            larder: self.clone(),
            carrier: Carrier::Header,
            bound: BOUND,
        }
    }
}

/// Lets clients see their own writes on every node.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use larder_http::{HttpLayer as _, HttpSessions as _};
///
/// let larder = larder_core::Larder::builder("shop").build()?;
/// let app: axum::Router = axum::Router::new()
///     .layer(larder.http_layer())
///     .layer(larder.session_layer().cookie("shop-position")?);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SessionLayer {
    larder: Larder,
    carrier: Carrier,
    bound: Duration,
}

impl SessionLayer {
    /// Carries the position in a cookie of this name, as browsers hand it back. Default: the header
    /// `Larder-Position`, which the client has to send by itself.
    ///
    /// The cookie is for the whole host, not for scripts, and for as long as the browser runs.
    ///
    /// # Errors
    /// The name cannot be one of a cookie (RFC 6265, 4.1.1).
    pub fn cookie(mut self, name: impl Into<String>) -> Result<Self, PolicyError> {
        let name = name.into();
        self.carrier = Carrier::cookie(&name).ok_or(PolicyError::Cookie(name))?;
        Ok(self)
    }

    /// Waits for this node at most so long. Default: 50 ms.
    #[must_use]
    pub fn wait(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService::new(self.clone(), inner)
    }
}
