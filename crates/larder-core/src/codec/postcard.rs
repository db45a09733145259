//! Values of types with `serde`, in the form of postcard.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::bounded::Budget;
use crate::codec::{Codec, CodecError};
use crate::hash::stable_hash;

/// A value may take so much room, beside its text and bytes.
const MOST_ROOM: usize = 2 * 1024 * 1024;

/// A value may have so many levels.
const MOST_LEVELS: usize = 64;

/// The codec of any type with `serde`'s traits.
///
/// A value is read again when it is written, and stays out of the remote tier unless that gives the
/// same bytes: types whose form says too little of itself (`untagged`, `flatten`,
/// `skip_serializing_if`) are not misread. A field that is never serialised is still lost. So is a
/// value of more than 2 MiB, or of more than 64 levels, never written.
pub struct Postcard<V> {
    version: u32,
    of: PhantomData<fn() -> V>,
}

impl<V> Postcard<V> {
    /// Makes the codec of a type; with another version when the type's fields or their meaning change.
    ///
    /// The type's name and version tell its values from those of others.
    pub fn version(version: u32) -> Self {
        Self {
            version,
            of: PhantomData,
        }
    }
}

impl<V> Clone for Postcard<V> {
    fn clone(&self) -> Self {
        Self::version(self.version)
    }
}

impl<V> fmt::Debug for Postcard<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postcard<{}>({})", type_name::<V>(), self.version)
    }
}

impl<V: Serialize + DeserializeOwned + 'static> Codec<V> for Postcard<V> {
    fn fingerprint(&self) -> u64 {
        stable_hash(format!("postcard 1 {} {}", self.version, type_name::<V>()).as_bytes())
    }

    fn encode(&self, value: &V, into: &mut Vec<u8>) -> Result<(), CodecError> {
        let bytes = to_bytes(value)?;
        let again = to_bytes(&from_bytes::<V>(&bytes)?)?;
        if again != bytes {
            return Err(CodecError::new("the value does not come back as it was"));
        }
        into.extend_from_slice(&bytes);
        Ok(())
    }

    fn decode(&self, bytes: Bytes) -> Result<V, CodecError> {
        from_bytes(&bytes)
    }
}

fn to_bytes<V: Serialize>(value: &V) -> Result<Vec<u8>, CodecError> {
    postcard::to_allocvec(value)
        .map_err(|error| CodecError::caused_by("the value cannot be written", error))
}

fn from_bytes<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
    let not_one = |error| CodecError::caused_by("the bytes are no value of this type", error);
    let budget = Budget::new(MOST_ROOM, MOST_LEVELS);
    let mut reader = postcard::Deserializer::from_bytes(bytes);
    let value = V::deserialize(budget.around(&mut reader)).map_err(not_one)?;
    let rest = reader.finalize().map_err(not_one)?;
    rest.is_empty()
        .then_some(value)
        .ok_or_else(|| CodecError::new("there are bytes behind the value"))
}

#[cfg(test)]
mod tests;
