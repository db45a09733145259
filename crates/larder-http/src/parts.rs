//! Puts the parts of a response together (RFC 9110, 15.3.7.3; RFC 9111, 3.3 and 3.4).
//!
//! 1. A part that came and the one that is kept are put together if they share a strong tag and lie side by
//!    side ([`ranges`]); otherwise the new one takes the other's place.
//! 2. The fields of the new one replace those of the kept one, the others stay (RFC 9111, 3.4); so its
//!    freshness counts, which the strong tag lets it say of both.
//! 3. What is put together is made of what both were made of. A part that is invalid is never used.
//! 4. Put together to all of it, it is a 200 like any other, unless one stands there already.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, DATE, HeaderMap};
use larder_core::{Key, Lifetime, Peek, Peeked, Region};
use std::sync::Arc;

use crate::semantics::{ranges, validation};
use crate::stored::Stored;

/// A kept part, put together with one that came.
pub(crate) struct Joined {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) is_whole: bool,
    /// The part that was kept.
    pub(crate) peeked: Peeked<Stored>,
}

/// Puts a part that came together with the one that is kept under `key`, if it may be.
pub(crate) fn join(
    region: &Region<Stored>,
    key: &Key,
    request: &HeaderMap,
    (headers, body): (&HeaderMap, &Bytes),
    limit: u64,
) -> Option<Joined> {
    let Peek::Found(peeked) = region.peek(key) else {
        return None;
    };
    let kept = peeked.value()?;
    if !kept.variant().matches(request) {
        return None;
    }
    let origins = kept.origins();
    let union = ranges::joined(&origins, headers)?;
    let fits = union.part.end - union.part.start <= limit;
    let body = fits.then(|| put_together(&union, kept.body(), body))??;
    let mut headers = fields(&origins, headers);
    let is_whole = union.part == (0..union.length);
    headers.insert(
        CONTENT_RANGE,
        ranges::content_range(&union.part, union.length),
    );
    Some(Joined {
        headers,
        body,
        is_whole,
        peeked,
    })
}

/// Keeps all of a response under the key of the whole, made of what stands under the part's.
pub(crate) fn keep_whole(
    region: &Region<Stored>,
    whole: &Key,
    part: &Key,
    stored: Stored,
    lifetime: Lifetime,
) {
    if matches!(region.peek(whole), Peek::Found(_)) {
        return;
    }
    if let Peek::Found(parts) = region.peek(part) {
        let lead = region.alone(whole);
        lead.confirm(&parts);
        if lead.finish(Some(Arc::new(stored)), lifetime).kept.is_ok() {
            region.evict(part);
        }
    }
}

/// Rule 2.
fn fields(kept: &HeaderMap, came: &HeaderMap) -> HeaderMap {
    let mut fields = validation::updated(kept, came);
    if !came.contains_key(DATE) {
        // The kept one's is too old; what has none gets the time it came.
        fields.remove(DATE);
    }
    fields
}

/// Puts the bytes where they belong; `None` if a part is not as long as it says.
fn put_together(union: &ranges::Joined, kept: &[u8], came: &[u8]) -> Option<Bytes> {
    let at = |place: u64| usize::try_from(place - union.part.start).ok();
    let mut bytes = vec![0; at(union.part.end)?];
    for (part, source) in [(&union.kept, kept), (&union.came, came)] {
        let place = bytes.get_mut(at(part.start)?..at(part.end)?)?;
        (place.len() == source.len()).then(|| place.copy_from_slice(source))?;
    }
    Some(bytes.into())
}
