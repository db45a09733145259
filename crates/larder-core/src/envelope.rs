//! The checked bytes around a value in the remote tier.
//!
//! ```text
//! at  0  magic          LRDR
//!     4  version        1
//!     5  flags          1 compressed, 2 authenticated, 4 there is no value
//!     6  incarnation    which log the position belongs to        eight bytes each,
//!    14  fingerprint    of codec and policy                      the lowest first
//!    22  key            32 bytes: the hash of all that identifies the entry
//!    54  position       every change below it was visible to the load
//!    62  loaded_at      milliseconds since 1970, as are
//!    70  expires
//!    78  stale_until
//!    86  lengths        of provenance, of value as it stands, of value in plain: four bytes each
//!    98  provenance, value
//!        seal           of all before it: BLAKE3 under the deployment's key, 32 bytes,
//!                       or without a key rapidhash, eight bytes
//! ```
//! The seal is looked at first. Without a key it tells damage only: whoever may write to the store
//! is believed. Nothing is reserved: what changes is another version, and a miss.

mod compression;
mod header;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::header::{ABSENT, AUTHENTICATED, COMPRESSED, HEADER, Header};
use crate::hash::stable_hash;

/// More than this is not decompressed to.
const MOST_PLAIN: usize = 2 * 1024 * 1024;

/// Why bytes of the remote tier are no entry: each is a miss, and a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// They are no envelope.
    Foreign,
    /// They are an envelope of another version.
    Version,
    /// They are cut off, or longer than they say.
    Length,
    /// They are damaged.
    Corrupt,
    /// They are not sealed with this deployment's key.
    Unauthenticated,
    /// They were stored under another key, or as another service's, region's or scope's.
    Key,
    /// They are a value of another type, table, codec or policy.
    Schema,
    /// Their position is one of another log.
    Incarnation,
    /// The value is compressed in a way that cannot be undone here.
    Compression,
    /// They would be larger than what is read.
    TooLarge,
    /// What the value was made of cannot be read.
    Provenance,
    /// The codec cannot read the value.
    Value,
}

/// How entries are sealed.
pub(crate) struct Sealing {
    key: Option<[u8; 32]>,
}

/// An entry to be sealed; times are milliseconds since 1970.
pub(crate) struct Sealed<'a> {
    pub(crate) key: &'a [u8; 32],
    pub(crate) fingerprint: u64,
    pub(crate) incarnation: u64,
    pub(crate) position: u64,
    pub(crate) loaded_at: u64,
    pub(crate) expires: u64,
    pub(crate) stale_until: u64,
    pub(crate) provenance: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
}

/// What an entry must be to be read.
pub(crate) struct Expected<'a> {
    pub(crate) key: &'a [u8; 32],
    pub(crate) fingerprint: u64,
    pub(crate) incarnation: u64,
    pub(crate) sealing: &'a Sealing,
}

/// An entry as it was sealed.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) incarnation: u64,
    pub(crate) position: u64,
    pub(crate) expires: u64,
    pub(crate) stale_until: u64,
    pub(crate) provenance: Bytes,
    pub(crate) value: Option<Bytes>,
}

impl Unreadable {
    pub(crate) const ALL: [Self; 12] = [
        Self::Foreign,
        Self::Version,
        Self::Length,
        Self::Corrupt,
        Self::Unauthenticated,
        Self::Key,
        Self::Schema,
        Self::Incarnation,
        Self::Compression,
        Self::TooLarge,
        Self::Provenance,
        Self::Value,
    ];

    /// Returns the reason as counters name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Version => "version",
            Self::Length => "length",
            Self::Corrupt => "corrupt",
            Self::Unauthenticated => "unauthenticated",
            Self::Key => "key",
            Self::Schema => "schema",
            Self::Incarnation => "incarnation",
            Self::Compression => "compression",
            Self::TooLarge => "too_large",
            Self::Provenance => "provenance",
            Self::Value => "value",
        }
    }
}

impl Sealing {
    /// Seals with `key`, or without one against damage only.
    pub(crate) fn new(key: Option<[u8; 32]>) -> Self {
        Self { key }
    }

    fn flags(&self) -> u8 {
        u8::from(self.key.is_some()) * AUTHENTICATED
    }

    pub(crate) fn seal(&self, bytes: &mut Vec<u8>) {
        match &self.key {
            Some(key) => {
                let seal = blake3::keyed_hash(key, bytes);
                bytes.extend_from_slice(seal.as_bytes());
            }
            None => bytes.extend_from_slice(&stable_hash(bytes).to_le_bytes()),
        }
    }

    fn seal_length(&self) -> usize {
        if self.key.is_some() { 32 } else { 8 }
    }

    fn check(&self, content: &[u8], seal: &[u8]) -> Result<(), Unreadable> {
        match &self.key {
            // Hashes are compared in constant time.
            Some(key) => (blake3::keyed_hash(key, content) == *seal)
                .then_some(())
                .ok_or(Unreadable::Unauthenticated),
            None => (stable_hash(content).to_le_bytes() == *seal)
                .then_some(())
                .ok_or(Unreadable::Corrupt),
        }
    }
}

/// Returns the bytes of an entry.
pub(crate) fn seal(sealed: &Sealed<'_>, sealing: &Sealing) -> Bytes {
    let plain = sealed.value.unwrap_or_default();
    let packed = compression::pack(plain);
    let value = packed.as_deref().unwrap_or(plain);
    let compressed = u8::from(packed.is_some()) * COMPRESSED;
    let absent = u8::from(sealed.value.is_none()) * ABSENT;
    let header = Header {
        flags: sealing.flags() | compressed | absent,
        incarnation: sealed.incarnation,
        fingerprint: sealed.fingerprint,
        key: *sealed.key,
        position: sealed.position,
        loaded_at: sealed.loaded_at,
        expires: sealed.expires,
        stale_until: sealed.stale_until,
        provenance: sealed.provenance.len(),
        stored: value.len(),
        plain: plain.len(),
    };
    let mut bytes = Vec::with_capacity(header.content_length() + sealing.seal_length());
    header.write(&mut bytes);
    bytes.extend_from_slice(sealed.provenance);
    bytes.extend_from_slice(value);
    sealing.seal(&mut bytes);
    bytes.into()
}

/// Reads an entry, if it is the one that is expected; a value in plain is a slice of `bytes`.
pub(crate) fn open(bytes: &Bytes, expected: &Expected<'_>) -> Result<Opened, Unreadable> {
    let header = Header::read(bytes)?;
    let sealing = expected.sealing;
    if header.flags & AUTHENTICATED != sealing.flags() {
        return Err(Unreadable::Unauthenticated);
    }
    let length = header.content_length();
    if length + sealing.seal_length() != bytes.len() {
        return Err(Unreadable::Length);
    }
    sealing.check(&bytes[..length], &bytes[length..])?;
    header.check(expected)?;
    let value_at = HEADER + header.provenance;
    let value = (header.flags & ABSENT == 0).then(|| bytes.slice(value_at..length));
    Ok(Opened {
        incarnation: header.incarnation,
        position: header.position,
        expires: header.expires,
        stale_until: header.stale_until,
        provenance: bytes.slice(HEADER..value_at),
        value: value.map(|value| in_plain(value, &header)).transpose()?,
    })
}

fn in_plain(value: Bytes, header: &Header) -> Result<Bytes, Unreadable> {
    if header.flags & COMPRESSED == 0 {
        let whole = header.plain == header.stored;
        return whole.then_some(value).ok_or(Unreadable::Length);
    }
    if header.plain > MOST_PLAIN {
        return Err(Unreadable::TooLarge);
    }
    compression::unpack(&value, header.plain).map(Bytes::from)
}
