//! The codecs that come with the core.

#![no_main]

use std::collections::BTreeMap;

use bytes::Bytes;
use larder_core::{Codec, Plain, Postcard};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Summary {
    title: String,
    score: f64,
    parts: Vec<Part>,
    by_name: BTreeMap<String, Option<u32>>,
    pair: (bool, char),
}

#[derive(Serialize, Deserialize)]
enum Part {
    Empty,
    Text(String),
    Both(u8, i64),
    Named { inner: Box<Option<Part>> },
}

#[derive(Serialize, Deserialize)]
struct Nested(Option<Box<Self>>);

/// Reads a value; one that could be read is written, and read as the same again.
fn same<V>(codec: &impl Codec<V>, data: &[u8]) {
    let Ok(value) = codec.decode(Bytes::copy_from_slice(data)) else {
        return;
    };
    let (mut written, mut again) = (Vec::new(), Vec::new());
    if codec.encode(&value, &mut written).is_err() {
        return;
    }
    let back = codec.decode(written.clone().into());
    let back = back.expect("it was just written");
    codec.encode(&back, &mut again).expect("as it was before");
    assert_eq!(again, written);
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz::cheaply(data, |data| {
    same::<Bytes>(&Plain, data);
    same::<Vec<u8>>(&Plain, data);
    same::<String>(&Plain, data);
    same::<u64>(&Plain, data);
    same::<i64>(&Plain, data);
    same(&Postcard::<Summary>::version(1), data);
    same(&Postcard::<Nested>::version(1), data);
    same(&Postcard::<Vec<Vec<()>>>::version(1), data);
    same(&Postcard::<Vec<u64>>::version(1), data);
}));
