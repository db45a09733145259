//! Values as bytes, for the remote tier.

#[cfg(feature = "postcard")]
mod bounded;
mod plain;
#[cfg(feature = "postcard")]
mod postcard;

use bytes::Bytes;
use thiserror::Error;

pub use self::plain::Plain;
#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;

/// Turns values of one type into bytes and back.
///
/// What it reads may be anything: bytes of another version, half a value, or made up by somebody
/// with access to the store. It fails then, and never panics, recurses without a bound or allocates
/// much more than it was given.
pub trait Codec<V>: Send + Sync + 'static {
    /// Returns a number that differs for forms that cannot read each other: of the type's fields,
    /// a table's columns, the codec itself.
    ///
    /// Values under another fingerprint are misses; so a rolling deploy keeps two versions apart.
    fn fingerprint(&self) -> u64;

    /// Appends the bytes of a value.
    ///
    /// # Errors
    /// The value cannot be written; it stays out of the remote tier.
    fn encode(&self, value: &V, into: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Makes a value of all of `bytes`.
    ///
    /// # Errors
    /// They are not what [`encode`](Self::encode) wrote.
    fn decode(&self, bytes: Bytes) -> Result<V, CodecError>;
}

/// A value cannot be written, or bytes are no value.
#[derive(Debug, Error)]
#[error("{trouble}")]
pub struct CodecError {
    trouble: &'static str,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl CodecError {
    /// Says what is wrong; never shows the value.
    pub fn new(trouble: &'static str) -> Self {
        Self {
            trouble,
            source: None,
        }
    }

    /// Wraps what a library failed with.
    pub fn caused_by(
        trouble: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            trouble,
            source: Some(source.into()),
        }
    }
}
