//! The way in for the fuzz target of `fuzz/`: rows of the remote tier, which anyone may have written. Only built
//! for it.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::Codec;

use crate::CachedEntity;
use crate::row_codec::{NumberCodec, RowCodec, RowsCodec};

/// Reads a row, a list of rows and a number; what could be read is written as it was read.
///
/// # Panics
/// If a row that was just written is another one, or none.
pub fn rows<E: CachedEntity>(data: &[u8]) {
    same(&RowCodec::<E>::new(), data, |_: &E::Model| ());
    same(&RowsCodec::<E>::new(), data, Vec::<Arc<E::Model>>::len);
    same(&NumberCodec::<E>::new(), data, |number: &u64| *number);
}

/// Bytes are compared, not values: a float may be none that equals itself.
fn same<V, T: PartialEq + std::fmt::Debug>(
    codec: &impl Codec<V>,
    data: &[u8],
    told: impl Fn(&V) -> T,
) {
    let Ok(value) = codec.decode(Bytes::copy_from_slice(data)) else {
        return;
    };
    let (mut written, mut again) = (Vec::new(), Vec::new());
    if codec.encode(&value, &mut written).is_err() {
        return;
    }
    let back = codec.decode(written.clone().into());
    let back = back.expect("it was just written");
    assert_eq!(told(&back), told(&value));
    codec.encode(&back, &mut again).expect("as it was before");
    assert_eq!(again, written);
}
