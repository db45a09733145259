//! What identifies an entry within its region.

use std::fmt;

use smallvec::SmallVec;

/// Up to so many bytes a key is built without an allocation.
const IN_PLACE: usize = 64;
/// What stands before a part: its kind and its length.
const HEAD: usize = 5;

/// The key of an entry: typed parts behind each other, each behind its length.
///
/// Two keys are equal only if all their parts are: `("a", "bc")` and `("ab", "c")` differ, so do
/// `1` and `"1"`. Keys of up to 64 bytes are built without an allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key(SmallVec<[u8; IN_PLACE]>);

impl Key {
    /// Starts a key without parts.
    #[inline]
    pub fn builder() -> KeyBuilder {
        KeyBuilder(Self::default())
    }

    /// Returns the encoded parts.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes a key from what [`as_bytes`](Self::as_bytes) gave.
    pub(crate) fn from_encoded(bytes: &[u8]) -> Self {
        Self(SmallVec::from_slice(bytes))
    }
}

/// Shows the parts in words, `/` between them: this is what patterns are matched against.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, &self.0)
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, mut rest: &[u8]) -> fmt::Result {
    let mut first = true;
    while let Some((part, tail)) = Part::decode(rest) {
        if !std::mem::take(&mut first) {
            f.write_str("/")?;
        }
        write!(f, "{part}")?;
        rest = tail;
    }
    Ok(())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// Builds a [`Key`] part by part.
#[derive(Clone, Debug, Default)]
pub struct KeyBuilder(Key);

impl KeyBuilder {
    /// Adds a string.
    #[must_use]
    pub fn text(self, value: &str) -> Self {
        self.counted(b't', value.as_bytes())
    }

    /// Adds a string that comes in pieces, as bytes; what is no UTF-8 is shown as bytes.
    ///
    /// As the first part of a key that stays in place it costs no more than copying the pieces.
    #[must_use]
    #[inline]
    pub fn text_of(mut self, pieces: &[&[u8]]) -> Self {
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if self.0.0.is_empty() && HEAD + length <= IN_PLACE {
            let mut bytes = [0; IN_PLACE];
            bytes[..HEAD].copy_from_slice(&head(b't', length));
            let mut end = HEAD;
            for piece in pieces {
                bytes[end..end + piece.len()].copy_from_slice(piece);
                end += piece.len();
            }
            return Self(Key(SmallVec::from_buf_and_len(bytes, end)));
        }
        self.begin(b't', length);
        for piece in pieces {
            self.0.0.extend_from_slice(piece);
        }
        self
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, value: &[u8]) -> Self {
        self.counted(b'b', value)
    }

    /// Adds an integer.
    #[must_use]
    pub fn int(mut self, value: impl Into<i128>) -> Self {
        let value: i128 = value.into();
        if let Ok(small) = i64::try_from(value) {
            self.0.0.push(b'i');
            self.0.0.extend_from_slice(&small.to_le_bytes());
        } else {
            self.0.0.push(b'I');
            self.0.0.extend_from_slice(&value.to_le_bytes());
        }
        self
    }

    /// Adds another key as one part, shown as its parts.
    #[must_use]
    pub fn key(self, key: &Key) -> Self {
        self.counted(b'k', key.as_bytes())
    }

    /// Ends the key.
    #[inline]
    pub fn finish(self) -> Key {
        self.0
    }

    fn counted(mut self, tag: u8, bytes: &[u8]) -> Self {
        self.begin(tag, bytes.len());
        self.0.0.extend_from_slice(bytes);
        self
    }

    /// Writes what stands before a part of this length, and makes room for it.
    fn begin(&mut self, tag: u8, length: usize) {
        self.0.0.reserve(HEAD + length);
        self.0.0.extend_from_slice(&head(tag, length));
    }
}

#[inline]
fn head(tag: u8, length: usize) -> [u8; HEAD] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    [tag, a, b, c, d]
}

impl From<KeyBuilder> for Key {
    fn from(builder: KeyBuilder) -> Self {
        builder.finish()
    }
}

/// What can stand as one part of a key; tuples of parts are keys too.
pub trait KeyPartLike {
    /// Appends this part to a key.
    fn append_to(&self, key: KeyBuilder) -> KeyBuilder;
}

macro_rules! int_parts {
    ($($int:ty)*) => {$(
        impl KeyPartLike for $int {
            fn append_to(&self, key: KeyBuilder) -> KeyBuilder {
                key.int(i128::from(*self))
            }
        }
    )*};
}
int_parts!(i8 i16 i32 i64 u8 u16 u32 u64);

impl KeyPartLike for str {
    fn append_to(&self, key: KeyBuilder) -> KeyBuilder {
        key.text(self)
    }
}

impl KeyPartLike for String {
    fn append_to(&self, key: KeyBuilder) -> KeyBuilder {
        key.text(self)
    }
}

impl KeyPartLike for [u8] {
    fn append_to(&self, key: KeyBuilder) -> KeyBuilder {
        key.bytes(self)
    }
}

impl<T: KeyPartLike + ?Sized> KeyPartLike for &T {
    fn append_to(&self, key: KeyBuilder) -> KeyBuilder {
        (**self).append_to(key)
    }
}

impl<T: KeyPartLike> From<T> for Key {
    fn from(part: T) -> Self {
        part.append_to(Self::builder()).finish()
    }
}

macro_rules! tuple_keys {
    ($(($($name:ident $index:tt),+))*) => {$(
        impl<$($name: KeyPartLike),+> From<($($name,)+)> for Key {
            fn from(parts: ($($name,)+)) -> Self {
                let key = Self::builder();
                $(let key = parts.$index.append_to(key);)+
                key.finish()
            }
        }
    )*};
}
tuple_keys!((A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3));

/// One decoded part, for showing it.
enum Part<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Key(&'a [u8]),
    Int(i128),
}

impl<'a> Part<'a> {
    fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (tag, rest) = bytes.split_first()?;
        match tag {
            b'i' => {
                let (value, rest) = rest.split_first_chunk::<8>()?;
                Some((Self::Int(i64::from_le_bytes(*value).into()), rest))
            }
            b'I' => {
                let (value, rest) = rest.split_first_chunk::<16>()?;
                Some((Self::Int(i128::from_le_bytes(*value)), rest))
            }
            _ => {
                let (length, rest) = rest.split_first_chunk::<4>()?;
                let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                if *tag == b'k' {
                    return Some((Self::Key(value), rest));
                }
                let text = (*tag == b't')
                    .then(|| std::str::from_utf8(value).ok())
                    .flatten();
                Some((text.map_or(Self::Bytes(value), Self::Text), rest))
            }
        }
    }
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(value) => write!(f, "{value}"),
            Self::Key(key) => write_parts(f, key),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_of_different_parts_differ(a in prop::collection::vec(".{0,4}", 0..4), b in prop::collection::vec(".{0,4}", 0..4)) {
            let key = |parts: &[String]| parts.iter().fold(Key::builder(), |key, part| key.text(part)).finish();
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }

    proptest! {
        #[test]
        fn a_string_in_pieces_is_the_string(first in ".{0,2}", pieces in prop::collection::vec(".{0,30}", 0..4)) {
            let bytes: Vec<_> = pieces.iter().map(String::as_bytes).collect();
            let whole = pieces.concat();
            prop_assert_eq!(Key::builder().text_of(&bytes).finish(), Key::from(&*whole));
            let behind = Key::builder().text(&first);
            prop_assert_eq!(behind.text_of(&bytes).finish(), Key::from((&*first, &*whole)));
        }
    }

    #[test]
    fn a_number_and_its_digits_are_different_keys() {
        assert_ne!(Key::from(1), Key::from("1"));
        assert_ne!(Key::from("a"), Key::from("a".as_bytes()));
        assert_eq!(Key::from(1_u8), Key::from(1_i64));
        assert_ne!(Key::from(u64::MAX), Key::from(-1));
    }

    #[test]
    fn a_key_reads_as_its_parts() {
        assert_eq!(
            Key::from(("article", 7, b"\x0a".as_slice())).to_string(),
            "article/7/0a"
        );
    }

    #[test]
    fn a_key_within_a_key_reads_as_its_parts_and_is_one_of_its_own() {
        let inner = Key::from(("article", 7));
        let outer = Key::builder().text("main").key(&inner).finish();
        assert_eq!(outer.to_string(), "main/article/7");
        assert_ne!(outer, Key::from(("main", "article", 7)));
        assert_ne!(outer, Key::from(("main", inner.as_bytes())));
    }
}
