//! Values come back as they were, or stay out; and nobody's bytes cost much.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Postcard, from_bytes, to_bytes};
use crate::codec::Codec;
use crate::hostile::{Mutations, cheaply};
use crate::wire::Write;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Summary {
    title: String,
    score: f64,
    parts: Vec<Part>,
    by_name: BTreeMap<String, Option<u32>>,
    pair: (bool, char),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Part {
    Empty,
    Text(String),
    Both(u8, i64),
    Named { inner: Box<Option<Part>> },
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested(Option<Box<Self>>);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sparse {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    second: u8,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Skipped {
    #[serde(skip)]
    _beside: [u64; 32],
}

fn summary() -> Summary {
    let named = Part::Named {
        inner: Box::new(Some(Part::Both(7, i64::MIN))),
    };
    Summary {
        title: "a title".to_owned(),
        score: -0.0,
        parts: vec![Part::Empty, Part::Text(String::new()), named],
        by_name: [("a".to_owned(), None), ("b".to_owned(), Some(7))].into(),
        pair: (true, 'é'),
    }
}

fn encoded<V>(value: &V) -> Result<Vec<u8>, crate::CodecError>
where
    Postcard<V>: Codec<V>,
{
    let mut bytes = Vec::new();
    Postcard::<V>::version(1).encode(value, &mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_value_comes_back_as_it_was() {
    let bytes = encoded(&summary()).unwrap();
    let back = Postcard::<Summary>::version(1).decode(bytes.into());
    assert_eq!(back.unwrap(), summary());
}

#[test]
fn a_value_that_would_be_misread_is_not_written() {
    let whole = Sparse {
        first: Some(1),
        second: 2,
    };
    assert!(encoded(&whole).is_ok());
    assert!(encoded(&Sparse::default()).is_err());
}

#[test]
fn a_value_of_another_type_or_version_has_another_fingerprint() {
    let one = Postcard::<Summary>::version(1).fingerprint();
    assert_ne!(one, Postcard::<Summary>::version(2).fingerprint());
    assert_ne!(one, Postcard::<Sparse>::version(1).fingerprint());
}

#[test]
fn bytes_that_are_cut_off_or_longer_are_no_value() {
    let mut bytes = encoded(&summary()).unwrap();
    for cut in 0..bytes.len() {
        assert!(from_bytes::<Summary>(&bytes[..cut]).is_err(), "{cut}");
    }
    bytes.push(0);
    assert!(from_bytes::<Summary>(&bytes).is_err());
}

/// Known bombs: a list of units in five bytes, a type within itself, announced lengths.
#[test]
fn bombs_cost_little() {
    let mut units = Vec::new();
    units.put_number(u32::MAX.into());
    assert!(cheaply(&units, from_bytes::<Vec<()>>).is_err());
    assert!(cheaply(&units, from_bytes::<Vec<Skipped>>).is_err());
    assert!(cheaply(&units, from_bytes::<Vec<[u64; 32]>>).is_err());
    let nested = vec![1; 1 << 20];
    assert!(cheaply(&nested, from_bytes::<Nested>).is_err());
    let lists = units.repeat(1000);
    assert!(cheaply(&lists, from_bytes::<Vec<Vec<Vec<Vec<u8>>>>>).is_err());
    let text = [&units[..], b"text"].concat();
    assert!(cheaply(&text, from_bytes::<String>).is_err());
}

#[test]
fn values_by_anyone_are_read_cheaply() {
    let seed = to_bytes(&vec![summary(), summary()]).unwrap();
    let mut mutations = Mutations::of(vec![seed]);
    for _ in 0..100_000 {
        let _ = cheaply(&mutations.next(), from_bytes::<Vec<Summary>>);
    }
}
