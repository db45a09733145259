//! The layer: what a router is wrapped in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use http::Uri;
use http::uri::Authority;
use larder_core::{Change, Larder, PublishError, Region};
use tower_layer::Layer;

use crate::error::PolicyError;
use crate::key::{LayerName, tag};
use crate::policy::HttpPolicy;
use crate::policy::checked::CheckedPolicy;
use crate::semantics::dates::Unix;
use crate::service::CacheService;
use crate::stored::Stored;
use crate::stored::codec::ResponseCodec;
use crate::uncacheable::Uncacheable;

/// Makes a [`CacheLayer`] of a [`Larder`].
pub trait HttpLayer {
    /// Returns a layer that keeps the responses that say themselves how long they are fresh.
    ///
    /// # Panics
    /// If a region `"http"` was declared for something else, under another policy. Give the layer
    /// one of its own with [`HttpPolicy::region`].
    fn http_layer(&self) -> CacheLayer;

    /// Returns a layer that keeps responses under a policy of its own.
    ///
    /// # Errors
    /// A setting of the policy cannot be; the error names it.
    fn http_layer_with(&self, policy: HttpPolicy) -> Result<CacheLayer, PolicyError>;
}

impl HttpLayer for Larder {
    fn http_layer(&self) -> CacheLayer {
        match self.http_layer_with(HttpPolicy::new()) {
            Ok(layer) => layer,
            Err(error) => panic!("the default HTTP layer cannot be built: {error:?}"),
        }
    }

    fn http_layer_with(&self, policy: HttpPolicy) -> Result<CacheLayer, PolicyError> {
        let policy = policy.check()?;
        let region = self
            .region_weighed::<Stored>(&policy.region, policy.keeping.clone(), Stored::weight)
            .map_err(|source| PolicyError::Region {
                name: policy.region.clone(),
                source,
            })?;
        let name = policy.name.clone();
        // Other nodes may have given another layer the number of this one.
        let region = match &name {
            Some(_) => region.with_codec(ResponseCodec::new(self.clone(), policy.fingerprint())),
            None => region,
        };
        Ok(CacheLayer(Arc::new(Settings {
            name: name.map_or_else(
                || LayerName::number(next_id()),
                |name| LayerName::given(&name),
            ),
            larder: self.clone(),
            region,
            policy,
            uncacheable: Uncacheable::new(),
        })))
    }
}

/// Keeps the responses of the service it wraps.
///
/// On a whole `Router`, on a single route, or around any other `Service<Request<B>>`.
#[derive(Clone)]
pub struct CacheLayer(pub(crate) Arc<Settings>);

impl CacheLayer {
    /// Makes invalid all that is kept for a URL, of every user and variant, on every node.
    ///
    /// The URL is as clients ask for it: with its host if they name one. Its scheme does not count.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use larder_core::Larder;
    /// # use larder_http::HttpLayer as _;
    /// # let larder = Larder::builder("shop").build()?;
    /// let layer = larder.http_layer();
    /// layer.purge(&"https://shop.example/articles/7".parse()?).await?;
    /// // By what responses are tagged with, and all of it:
    /// larder.invalidate("articles").await?;
    /// layer.purge_all().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The change is queued: what it touches is not served from this node's cache until it is
    /// published.
    pub async fn purge(&self, url: &Uri) -> Result<(), PublishError> {
        self.0.uncacheable.clear();
        let change = Change::tag(self.tag(url));
        self.0.larder.publish(change).await.map(drop)
    }

    /// Ages all that is kept for a URL: served stale where that is allowed, or asked about.
    ///
    /// # Errors
    /// The change is queued until the bus takes it.
    pub async fn purge_soft(&self, url: &Uri) -> Result<(), PublishError> {
        let change = Change::tag(self.tag(url)).soft();
        self.0.larder.publish(change).await.map(drop)
    }

    /// Makes invalid all that is kept in the layer's region, on every node.
    ///
    /// # Errors
    /// The change is queued: the region is not served from this node's cache until then.
    pub async fn purge_all(&self) -> Result<(), PublishError> {
        self.0.uncacheable.clear();
        self.0.region.invalidate_all().await
    }

    fn tag(&self, url: &Uri) -> String {
        let host = url.authority().map_or("", Authority::as_str);
        tag(host, &self.0.policy.key.target(url))
    }
}

/// What all services under one layer share.
pub(crate) struct Settings {
    /// Keeps the keys of two layers apart.
    pub(crate) name: LayerName,
    pub(crate) larder: Larder,
    pub(crate) region: Region<Stored>,
    pub(crate) policy: CheckedPolicy,
    pub(crate) uncacheable: Uncacheable,
}

impl Settings {
    /// Returns the wall clock's time in seconds since 1970.
    pub(crate) fn unix(&self) -> Unix {
        let wall = self.larder.clock().wall();
        let since = wall.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| {
            Unix::try_from(since.as_secs()).unwrap_or(Unix::MAX)
        })
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(Arc::clone(&self.0), inner)
    }
}

impl fmt::Debug for CacheLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer")
            .field("region", &self.0.region)
            .finish_non_exhaustive()
    }
}

/// Numbers the layers in the order they are built in, which may be another on each node.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
