//! The fixed part of an envelope.

use super::{Expected, Unreadable};
use crate::wire::{Malformed, Reader, Write};

const MAGIC: [u8; 4] = *b"LRDR";

/// Changes with the form of the header, of provenance, or with how dependencies are hashed.
const VERSION: u8 = 1;

pub(super) const COMPRESSED: u8 = 1;
pub(super) const AUTHENTICATED: u8 = 2;
pub(super) const ABSENT: u8 = 4;

/// The bytes of a header.
pub(super) const HEADER: usize = 98;

pub(super) struct Header {
    pub(super) flags: u8,
    pub(super) incarnation: u64,
    pub(super) fingerprint: u64,
    pub(super) key: [u8; 32],
    pub(super) position: u64,
    pub(super) loaded_at: u64,
    pub(super) expires: u64,
    pub(super) stale_until: u64,
    /// The length of the provenance.
    pub(super) provenance: usize,
    /// The length of the value as it stands.
    pub(super) stored: usize,
    /// The length of the value in plain.
    pub(super) plain: usize,
}

impl Header {
    pub(super) fn content_length(&self) -> usize {
        HEADER
            .saturating_add(self.provenance)
            .saturating_add(self.stored)
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        into.put(&MAGIC);
        into.put(&[VERSION, self.flags]);
        into.put_u64(self.incarnation);
        into.put_u64(self.fingerprint);
        into.put(&self.key);
        [
            self.position,
            self.loaded_at,
            self.expires,
            self.stale_until,
        ]
        .iter()
        .for_each(|number| into.put_u64(*number));
        [self.provenance, self.stored, self.plain]
            .iter()
            .for_each(|length| into.put(&narrow(*length).to_le_bytes()));
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut reader = Reader::new(bytes);
        if reader.array().ok() != Some(MAGIC) {
            return Err(Unreadable::Foreign);
        }
        match reader.byte() {
            Ok(VERSION) => {}
            Ok(_) => return Err(Unreadable::Version),
            Err(_) => return Err(Unreadable::Length),
        }
        let header = Self::fields(&mut reader).map_err(|_| Unreadable::Length)?;
        if header.flags & !(COMPRESSED | AUTHENTICATED | ABSENT) != 0 {
            return Err(Unreadable::Version);
        }
        Ok(header)
    }

    fn fields(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            flags: reader.byte()?,
            incarnation: reader.u64()?,
            fingerprint: reader.u64()?,
            key: reader.array()?,
            position: reader.u64()?,
            loaded_at: reader.u64()?,
            expires: reader.u64()?,
            stale_until: reader.u64()?,
            provenance: length(reader)?,
            stored: length(reader)?,
            plain: length(reader)?,
        })
    }

    /// Compares what the entry says of itself with what is asked for.
    pub(super) fn check(&self, expected: &Expected<'_>) -> Result<(), Unreadable> {
        if self.key != *expected.key {
            return Err(Unreadable::Key);
        }
        if self.fingerprint != expected.fingerprint {
            return Err(Unreadable::Schema);
        }
        if self.incarnation != expected.incarnation {
            return Err(Unreadable::Incarnation);
        }
        Ok(())
    }
}

/// What is longer than 4 GiB says another length than it has, and is not read.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn length(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let length = u32::from_le_bytes(reader.array()?);
    usize::try_from(length).map_err(|_| Malformed)
}
