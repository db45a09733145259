//! Kept responses as bytes, for the remote tier.
//!
//! 1. Written is all that an answer is made of. What other variants stand beside it is not: each node
//!    counts those it holds.
//! 2. When it came is told by the wall clock. A node that reads it makes its time on the way a part
//!    of its age: its own clock may not go back that far.
//! 3. Parts, and what must be asked about each time, stay with the node that has them: no other would
//!    look for them.
//! 4. What is read may be anyone's: bounded, and made into a response the same way as what a handler
//!    gave, so that it cannot hold what is never kept.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AGE, HeaderMap, HeaderName, HeaderValue};
use http::{Error, StatusCode};
use larder_core::wire::{Malformed, Reader, Write};
use larder_core::{Codec, CodecError, Larder, hash_value};

use super::{Stored, Times, Whole};
use crate::semantics::cache_status::CACHE_STATUS;
use crate::semantics::dates::Unix;
use crate::semantics::reuse::Rules;
use crate::semantics::vary::{MAX_VARY, Order, Variant};

/// Changes with the form of responses.
const VERSION: u8 = 1;
/// The most lines of headers, and of trailers.
const MOST_LINES: usize = 256;
/// The most bytes of their names and values.
const MOST_BYTES: usize = 64 * 1024;
/// The last second of the year 9999, which is the last that HTTP can write down.
const LAST: Unix = 253_402_300_799;

/// Writes the responses of one layer.
pub(crate) struct ResponseCodec {
    /// Whose clock it is.
    larder: Larder,
    policy: u64,
}

impl ResponseCodec {
    /// A codec of responses that were kept under the policy of this fingerprint.
    pub(crate) fn new(larder: Larder, policy: u64) -> Self {
        Self { larder, policy }
    }

    /// Returns the wall clock's time in milliseconds since 1970.
    fn wall(&self) -> u64 {
        let wall = self.larder.clock().wall();
        let since = wall.duration_since(SystemTime::UNIX_EPOCH);
        milliseconds(since.unwrap_or_default())
    }

    fn put_times(&self, times: &Times, into: &mut Vec<u8>) {
        let Times {
            age,
            fresh_for,
            came,
            came_at,
        } = *times;
        let ago = self.larder.clock().now().since(came);
        put_duration(age, into);
        put_duration(fresh_for, into);
        into.put_number(self.wall().saturating_sub(milliseconds(ago)));
        into.put_signed(came_at);
    }

    fn times(&self, reader: &mut Reader<'_>) -> Result<Times, Malformed> {
        let (age, fresh_for) = (duration(reader)?, duration(reader)?);
        let (came, came_at) = (reader.number()?, reader.signed()?);
        let ago = Duration::from_millis(self.wall().saturating_sub(came));
        Ok(Times {
            age: age.saturating_add(ago),
            fresh_for,
            came: self.larder.clock().now(),
            came_at: (0..=LAST)
                .contains(&came_at)
                .then_some(came_at)
                .ok_or(Malformed)?,
        })
    }
}

impl Codec<Stored> for ResponseCodec {
    fn fingerprint(&self) -> u64 {
        let policy = self.policy.to_le_bytes();
        hash_value(&[&b"response"[..], &[VERSION], &policy].concat())
    }

    fn encode(&self, stored: &Stored, into: &mut Vec<u8>) -> Result<(), CodecError> {
        let Stored {
            status,
            headers,
            body,
            trailers,
            variant,
            times,
            rules,
            own_tag,
            ours,
            others: _,
            clock_face: _,
        } = stored;
        if *status == StatusCode::PARTIAL_CONTENT || rules.ask_always {
            return Err(CodecError::new("no other node would look for it"));
        }
        into.put_number(status.as_u16().into());
        put_flags([*own_tag, *ours, trailers.is_some()], into);
        self.put_times(times, into);
        put_rules(rules, into);
        put_variant(variant, into)?;
        // The two fields of each answer are put back where it is read.
        put_lines(headers, &[AGE, CACHE_STATUS], into)?;
        if let Some(trailers) = trailers {
            put_lines(trailers, &[], into)?;
        }
        into.put_counted(body);
        Ok(())
    }

    fn decode(&self, bytes: Bytes) -> Result<Stored, CodecError> {
        let mut reader = Reader::new(&bytes);
        let status = status(&mut reader)?;
        let [own_tag, ours, has_trailers] = flags(&mut reader)?;
        let times = self.times(&mut reader)?;
        let rules = rules(&mut reader)?;
        let variant = variant(&mut reader)?;
        let headers = lines(&bytes, &mut reader)?;
        let trailers = has_trailers.then(|| lines(&bytes, &mut reader));
        let trailers = trailers.transpose()?;
        let body = bytes.slice_ref(reader.counted()?);
        reader.end()?;
        Ok(Stored::new(Whole {
            status,
            headers: &headers,
            trailers,
            body,
            variant,
            times,
            rules,
            own_tag,
            ours,
        }))
    }
}

fn status(reader: &mut Reader<'_>) -> Result<StatusCode, CodecError> {
    let status = u16::try_from(reader.number()?).map_err(|_| Malformed)?;
    let status = StatusCode::from_u16(status).map_err(not_a_response)?;
    let is_kept = !status.is_informational() && status != StatusCode::PARTIAL_CONTENT;
    is_kept
        .then_some(status)
        .ok_or_else(|| CodecError::new("no response of this status is kept"))
}

fn put_rules(rules: &Rules, into: &mut Vec<u8>) {
    let Rules {
        ask_always,
        never_stale,
        immutable,
        while_revalidating,
        if_error,
    } = *rules;
    put_flags([ask_always, never_stale, immutable], into);
    put_duration(while_revalidating, into);
    put_duration(if_error, into);
}

fn rules(reader: &mut Reader<'_>) -> Result<Rules, Malformed> {
    let [ask_always, never_stale, immutable] = flags(reader)?;
    Ok(Rules {
        ask_always,
        never_stale,
        immutable,
        while_revalidating: duration(reader)?,
        if_error: duration(reader)?,
    })
}

fn put_variant(variant: &Variant, into: &mut Vec<u8>) -> Result<(), CodecError> {
    let (fields, order) = variant.parts();
    let values = fields.iter().filter_map(|(_, value)| value.as_deref());
    bounded(fields.len(), values.map(<[u8]>::len).sum())?;
    put_flags([order == Order::Ignored], into);
    into.put_count(fields.len());
    for (name, value) in fields {
        into.put_counted(name.as_str().as_bytes());
        put_flags([value.is_some()], into);
        into.put_counted(value.as_deref().unwrap_or_default());
    }
    Ok(())
}

fn variant(reader: &mut Reader<'_>) -> Result<Variant, CodecError> {
    let order = match flags(reader)? {
        [true] => Order::Ignored,
        [false] => Order::Counts,
    };
    let count = reader.count(3)?;
    if count > MAX_VARY {
        return Err(Malformed.into());
    }
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        let name = name(reader)?;
        let [is_there] = flags(reader)?;
        let value = reader.counted()?;
        fields.push((name, is_there.then(|| value.into())));
    }
    Ok(Variant::of_parts(fields, order))
}

/// Appends the lines of headers, but for those of some names.
fn put_lines(
    headers: &HeaderMap,
    without: &[HeaderName],
    into: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let lines = || headers.iter().filter(|(name, _)| !without.contains(name));
    let length = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let count = lines().count();
    bounded(count, lines().map(length).sum())?;
    into.put_count(count);
    for (name, value) in lines() {
        into.put_counted(name.as_str().as_bytes());
        put_flags([value.is_sensitive()], into);
        into.put_counted(value.as_bytes());
    }
    Ok(())
}

/// Takes the lines of headers; their values are slices of all that is read.
fn lines(bytes: &Bytes, reader: &mut Reader<'_>) -> Result<HeaderMap, CodecError> {
    let (count, before) = (reader.count(3)?, reader.rest().len());
    bounded(count, 0)?;
    let mut headers = HeaderMap::new();
    for _ in 0..count {
        let name = name(reader)?;
        let [is_sensitive] = flags(reader)?;
        let value = bytes.slice_ref(reader.counted()?);
        let mut value = HeaderValue::from_maybe_shared(value).map_err(not_a_response)?;
        value.set_sensitive(is_sensitive);
        headers.try_append(name, value).map_err(not_a_response)?;
    }
    // Each line has a flag and two lengths besides.
    let most = MOST_BYTES + count * 7;
    (before - reader.rest().len() <= most)
        .then_some(headers)
        .ok_or_else(|| Malformed.into())
}

fn bounded(lines: usize, bytes: usize) -> Result<(), CodecError> {
    (lines <= MOST_LINES && bytes <= MOST_BYTES)
        .then_some(())
        .ok_or_else(|| CodecError::new("the head is too large"))
}

fn name(reader: &mut Reader<'_>) -> Result<HeaderName, CodecError> {
    HeaderName::from_bytes(reader.counted()?).map_err(not_a_response)
}

/// Appends up to eight answers in one byte.
fn put_flags<const N: usize>(flags: [bool; N], into: &mut Vec<u8>) {
    let bits = flags.iter().rev();
    into.put_byte(bits.fold(0, |byte, flag| byte << 1 | u8::from(*flag)));
}

fn flags<const N: usize>(reader: &mut Reader<'_>) -> Result<[bool; N], Malformed> {
    let byte = reader.byte()?;
    let flags = std::array::from_fn(|place| byte >> place & 1 == 1);
    (usize::from(byte) < 1 << N)
        .then_some(flags)
        .ok_or(Malformed)
}

fn put_duration(duration: Duration, into: &mut Vec<u8>) {
    into.put_number(duration.as_secs());
    into.put_number(duration.subsec_nanos().into());
}

fn duration(reader: &mut Reader<'_>) -> Result<Duration, Malformed> {
    let (seconds, nanos) = (reader.number()?, reader.number()?);
    let nanos = u32::try_from(nanos)
        .ok()
        .filter(|nanos| *nanos < 1_000_000_000);
    nanos
        .map(|nanos| Duration::new(seconds, nanos))
        .ok_or(Malformed)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn not_a_response(error: impl Into<Error>) -> CodecError {
    CodecError::caused_by("the bytes are no response", error.into())
}

#[cfg(test)]
mod tests;
