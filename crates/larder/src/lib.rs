#![doc = include_str!("../../../README.md")]

pub use larder_core::*;

/// The Tower layer for whole responses.
#[cfg(feature = "http")]
pub mod http {
    /// Brings [`http_layer`](larder_http::HttpLayer::http_layer) into scope.
    pub use larder_http::HttpLayer as Layer;
    pub use larder_http::*;
}

/// Redis as remote tier and bus, for several nodes.
#[cfg(feature = "redis")]
pub mod redis {
    pub use larder_redis::*;
}

/// The connection and the repository over SeaORM.
#[cfg(feature = "sea-orm")]
pub mod sea_orm {
    pub use larder_sea_orm::*;
}

#[cfg(feature = "sea-orm")]
pub use larder_sea_orm::CachedEntity;
