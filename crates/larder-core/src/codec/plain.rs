//! Values that are bytes already, or nearly.

use bytes::Bytes;

use crate::codec::{Codec, CodecError};
use crate::hash::stable_hash;
use crate::wire::{Malformed, Reader, Write};

/// The codec of text, bytes and whole numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

macro_rules! plain {
    ($($value:ty, $name:literal, $put:expr, $take:expr;)*) => {$(
        impl Codec<$value> for Plain {
            fn fingerprint(&self) -> u64 {
                stable_hash(concat!("plain ", $name).as_bytes())
            }

            fn encode(&self, value: &$value, into: &mut Vec<u8>) -> Result<(), CodecError> {
                $put(value, into);
                Ok(())
            }

            fn decode(&self, bytes: Bytes) -> Result<$value, CodecError> {
                $take(bytes).map_err(Into::into)
            }
        }
    )*};
}

plain! {
    Bytes, "bytes", |value: &Bytes, into: &mut Vec<u8>| into.put(value), Ok::<_, Malformed>;
    Vec<u8>, "bytes", |value: &Vec<u8>, into: &mut Vec<u8>| into.put(value), |bytes: Bytes| Ok::<_, Malformed>(bytes.to_vec());
    String, "text", |value: &String, into: &mut Vec<u8>| into.put(value.as_bytes()), text;
    u64, "number", |value: &u64, into: &mut Vec<u8>| into.put_number(*value), |bytes: Bytes| whole(&bytes, Reader::number);
    i64, "signed", |value: &i64, into: &mut Vec<u8>| into.put_signed(*value), |bytes: Bytes| whole(&bytes, Reader::signed);
}

fn text(bytes: Bytes) -> Result<String, Malformed> {
    String::from_utf8(bytes.into()).map_err(|_| Malformed)
}

fn whole<'a, T>(
    bytes: &'a Bytes,
    take: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let mut reader = Reader::new(bytes);
    let value = take(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back<V>(value: &V) -> V
    where
        Plain: Codec<V>,
    {
        let mut bytes = Vec::new();
        Plain.encode(value, &mut bytes).unwrap();
        Plain.decode(bytes.into()).unwrap()
    }

    proptest! {
        #[test]
        fn plain_values_come_back(text: String, bytes: Vec<u8>, number: u64, signed: i64) {
            prop_assert_eq!(&back(&text), &text);
            prop_assert_eq!(&back(&bytes), &bytes);
            prop_assert_eq!(back(&Bytes::from(bytes.clone())), bytes);
            prop_assert_eq!((back(&number), back(&signed)), (number, signed));
        }
    }

    #[test]
    fn what_is_no_such_value_is_an_error() {
        let read = |bytes: &'static [u8]| Bytes::from_static(bytes);
        assert!(Codec::<String>::decode(&Plain, read(b"\xff")).is_err());
        assert!(Codec::<u64>::decode(&Plain, read(b"")).is_err());
        assert!(Codec::<u64>::decode(&Plain, read(b"\x01\x01")).is_err());
    }
}
