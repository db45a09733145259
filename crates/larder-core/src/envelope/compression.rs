//! Compression of large values: zstd, its contexts used again.

use super::Unreadable;

#[cfg(feature = "zstd")]
pub(super) use self::zstandard::{pack, unpack};

/// Without the feature `zstd` all values stay plain.
#[cfg(not(feature = "zstd"))]
pub(super) fn pack(_: &[u8]) -> Option<Vec<u8>> {
    None
}

/// Without the feature `zstd` compressed values are not read.
#[cfg(not(feature = "zstd"))]
pub(super) fn unpack(_: &[u8], _: usize) -> Result<Vec<u8>, Unreadable> {
    Err(Unreadable::Compression)
}

#[cfg(feature = "zstd")]
mod zstandard {
    use std::sync::{Mutex, PoisonError};

    use zstd::bulk::{Compressor, Decompressor};

    use super::super::MOST_PLAIN;
    use super::Unreadable;

    /// Smaller values stay plain: it would cost more than the bytes it saves.
    const LEAST: usize = 4096;

    const LEVEL: i32 = 1;

    /// So many contexts are kept of each kind, of up to a few hundred KiB each.
    const MOST_KEPT: usize = 4;

    static COMPRESSORS: Kept<Compressor<'static>> = Kept::new();
    static DECOMPRESSORS: Kept<Decompressor<'static>> = Kept::new();

    /// Returns the value compressed, if it is large enough and becomes smaller by an eighth.
    pub(in super::super) fn pack(plain: &[u8]) -> Option<Vec<u8>> {
        if !(LEAST..=MOST_PLAIN).contains(&plain.len()) {
            return None;
        }
        let most = plain.len() - plain.len() / 8;
        let mut context = COMPRESSORS.take_or(|| Compressor::new(LEVEL))?;
        let mut packed = Vec::with_capacity(zstd::zstd_safe::compress_bound(plain.len()));
        let done = context.compress_to_buffer(plain, &mut packed);
        COMPRESSORS.keep(context);
        (done.is_ok() && packed.len() <= most).then_some(packed)
    }

    /// Returns a value of `length` bytes in plain: never more than that is allocated.
    pub(in super::super) fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, Unreadable> {
        if zstd::zstd_safe::get_frame_content_size(packed)
            .ok()
            .flatten()
            != Some(length as u64)
        {
            return Err(Unreadable::Compression);
        }
        let context = DECOMPRESSORS.take_or(Decompressor::new);
        let mut context = context.ok_or(Unreadable::Compression)?;
        let mut plain = Vec::with_capacity(length);
        let done = context.decompress_to_buffer(packed, &mut plain);
        DECOMPRESSORS.keep(context);
        (done.is_ok() && plain.len() == length)
            .then_some(plain)
            .ok_or(Unreadable::Compression)
    }

    /// Contexts that wait for their next use.
    struct Kept<T>(Mutex<Vec<T>>);

    impl<T> Kept<T> {
        const fn new() -> Self {
            Self(Mutex::new(Vec::new()))
        }

        fn take_or(&self, make: impl FnOnce() -> std::io::Result<T>) -> Option<T> {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
            kept.or_else(|| make().ok())
        }

        fn keep(&self, context: T) {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < MOST_KEPT {
                kept.push(context);
            }
        }
    }
}
