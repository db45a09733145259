//! Values as the database compares them.
//!
//! Two values a database takes as equal in a column have the same canonical part, or none. Coarser does no harm:
//! two rows with one canonical key are invalidated together.

mod row;

use std::sync::Arc;

use larder_core::{KeyPart, NULL_HASH, hash_number, hash_value};
use sea_orm::sea_query::{OptionEnum, Value};
use smallvec::SmallVec;

pub use row::row_value;
pub(crate) use row::row_value_at;

/// `MySQL` compares an integer column with a string as floating-point numbers; up to here they are exact.
const EXACT_IN_A_DOUBLE: i64 = 1 << 53;

/// The kinds of canonical forms, as they are hashed.
const TEXT: u8 = 2;
const BYTES: u8 = 3;

/// How a column's values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnClass {
    /// An integer.
    Int,
    /// A boolean, which as a string has many spellings.
    Bool,
    /// A string, under a collation that folds no more than [`fold`] does.
    Text,
    /// A column of `SQLite` that holds strings and blobs alike: one is never equal to the other. Its collations know
    /// no letters beyond ASCII.
    TextOrBlob,
    /// A string that equals none but itself: the label of an enum.
    Exact,
    /// A UUID, which can be written as a string.
    Uuid,
    /// Bytes; zeros at the end may be padding.
    Bytes,
    /// Anything else: its values are not told apart.
    Other,
}

/// Returns the canonical form of `value` in a column of this class; `None` if it has none that is certain.
pub fn key_part(value: &Value, class: ColumnClass) -> Option<KeyPart> {
    match class {
        ColumnClass::Int => integer(value).map(KeyPart::Int),
        ColumnClass::Bool => match value {
            Value::Bool(value) => value.map(|value| KeyPart::Int(value.into())),
            _ => None,
        },
        ColumnClass::Text => fold(text(value)?).map(KeyPart::Text),
        ColumnClass::TextOrBlob => match text(value) {
            Some(text) => fold_ascii(text).map(KeyPart::Text),
            None => bytes(value).map(KeyPart::Bytes),
        },
        ColumnClass::Exact => text(value).map(|text| KeyPart::Text(text.into())),
        ColumnClass::Uuid => match value {
            Value::Uuid(Some(uuid)) => Some(trimmed(uuid.as_bytes())),
            other => Some(trimmed(&parse_uuid(text(other)?)?)),
        }
        .map(KeyPart::Bytes),
        ColumnClass::Bytes => bytes(value).map(KeyPart::Bytes),
        ColumnClass::Other => None,
    }
}

/// Hashes the canonical form of `value` in a column of this class; `None` if it has none that is certain.
///
/// NULL has one hash in every column. Two values with different hashes are not equal to the database; two with one
/// hash may differ.
pub fn value_hash(value: &Value, class: ColumnClass) -> Option<u64> {
    if is_null(value) {
        return Some(NULL_HASH);
    }
    part_hash(&key_part(value, class)?)
}

/// Hashes a canonical form: one byte for its kind, then what it holds.
pub(crate) fn part_hash(part: &KeyPart) -> Option<u64> {
    let mut canonical: SmallVec<[u8; 64]> = SmallVec::new();
    match part {
        KeyPart::Int(value) => return hash_number(*value),
        KeyPart::Text(text) => {
            canonical.push(TEXT);
            canonical.extend_from_slice(text.as_bytes());
        }
        KeyPart::Bytes(bytes) => {
            canonical.push(BYTES);
            canonical.extend_from_slice(bytes);
        }
        _ => return None,
    }
    Some(hash_value(&canonical))
}

/// Tells whether a value is NULL, of whatever type.
pub(crate) fn is_null(value: &Value) -> bool {
    *value == value.as_null()
}

/// Folds a string more coarsely than the collations of `SQLite`, which leave letters beyond ASCII as they are.
fn fold_ascii(text: &str) -> Option<Arc<str>> {
    if text.is_ascii() || text.contains('\0') {
        return fold(text);
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            folded.push_str(&fold(letter.encode_utf8(&mut [0; 4]))?);
        } else {
            folded.push(letter);
        }
    }
    Some(folded.into())
}

/// Folds a string more coarsely than any usual collation; `None` if it is not ASCII, or goes on after a NUL.
///
/// Case, and whatever is not a letter or a digit, does not count; nor does the difference between letters that
/// some language's collation takes as one (`v` and `w` in Swedish, `i`, `j` and `y` in Latin and Latvian, `u` and
/// `v` in Latin).
pub fn fold(text: &str) -> Option<Arc<str>> {
    // SQLite's NOCASE compares what stands after a NUL by its length alone.
    (text.is_ascii() && !text.contains('\0')).then(|| {
        let folded: String = text
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| match byte.to_ascii_lowercase() {
                b'j' | b'y' => 'i',
                b'u' | b'w' => 'v',
                other => char::from(other),
            })
            .collect();
        folded.into()
    })
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => value.map(i64::from),
        Value::TinyInt(value) => value.map(i64::from),
        Value::SmallInt(value) => value.map(i64::from),
        Value::Int(value) => value.map(i64::from),
        Value::BigInt(value) => *value,
        Value::TinyUnsigned(value) => value.map(i64::from),
        Value::SmallUnsigned(value) => value.map(i64::from),
        Value::Unsigned(value) => value.map(i64::from),
        Value::BigUnsigned(value) => value.and_then(|value| i64::try_from(value).ok()),
        other => decimal(text(other)?),
    }
}

/// Reads a string that is the one way to write an integer.
fn decimal(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text && number.abs() < EXACT_IN_A_DOUBLE).then_some(number)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(Some(text)) => Some(text),
        Value::Enum(OptionEnum::Some(label)) => Some(&label.value),
        _ => None,
    }
}

fn bytes(value: &Value) -> Option<Arc<[u8]>> {
    match value {
        Value::Bytes(Some(bytes)) => Some(trimmed(bytes)),
        Value::Uuid(Some(uuid)) => Some(trimmed(uuid.as_bytes())),
        _ => None,
    }
}

/// Leaves out zeros at the end: `BINARY(n)` is padded with them when it is stored.
fn trimmed(bytes: &[u8]) -> Arc<[u8]> {
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    bytes[..end].into()
}

/// Reads a UUID in any of the ways it may be written.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'-' | b'{' | b'}'))
        .map(|byte| {
            char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit))
        .collect();
    (digits.len() == 32).then(|| bytes.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColumnClass::{Bool, Bytes, Exact, Int, Other, Text, TextOrBlob, Uuid};
    use sea_orm::prelude::Uuid as Id;

    #[test]
    fn integers_of_all_widths_are_one() {
        let sevens: [Value; 9] = [
            7i8.into(),
            7i16.into(),
            7i32.into(),
            7i64.into(),
            7u8.into(),
            7u16.into(),
            7u32.into(),
            7u64.into(),
            "7".into(),
        ];
        for seven in sevens {
            assert_eq!(key_part(&seven, Int), Some(KeyPart::Int(7)), "{seven:?}");
        }
        assert_eq!(key_part(&true.into(), Int), Some(KeyPart::Int(1)));
    }

    #[test]
    fn what_a_database_may_take_for_an_integer_has_no_canonical_form() {
        for text in [
            "07",
            "+7",
            " 7",
            "7 ",
            "7.0",
            "7e0",
            "seven",
            "",
            "-0",
            "9007199254740993",
        ] {
            assert_eq!(key_part(&text.into(), Int), None, "{text}");
        }
        assert_eq!(key_part(&u64::MAX.into(), Int), None);
        assert_eq!(key_part(&7.0f64.into(), Int), None);
        assert_eq!(key_part(&Value::BigInt(None), Int), None);
        assert_eq!(key_part(&vec![0x37u8].into(), Int), None);
    }

    #[test]
    fn text_is_folded_more_coarsely_than_collations_compare() {
        for (a, b) in [
            ("Bob", "bob"),
            ("bob ", "bob"),
            ("b-o_b", "BOB"),
            ("wow", "vov"),
            ("jury", "IVRI"),
        ] {
            assert_eq!(key_part(&a.into(), Text), key_part(&b.into(), Text));
            assert!(key_part(&a.into(), Text).is_some());
        }
        assert_ne!(key_part(&"bob".into(), Text), key_part(&"rob".into(), Text));
        for beyond in ["é", "ß", "bob\u{200b}", "bob\0a"] {
            assert_eq!(key_part(&beyond.into(), Text), None);
        }
        for (a, b) in [("é", "É"), ("Zoé", "zoe"), ("ä", "a")] {
            let form = |text: &'static str| key_part(&text.into(), TextOrBlob);
            assert!(form(a).is_some() && form(a) != form(b), "{a} {b}");
        }
        assert_eq!(
            key_part(&"ZOË ".into(), TextOrBlob),
            key_part(&"zoË".into(), TextOrBlob)
        );
        assert_eq!(key_part(&"é\0".into(), TextOrBlob), None);
        assert_eq!(key_part(&7.into(), Text), None);
        assert_eq!(
            key_part(&vec![b'a'].into(), Text),
            None,
            "MySQL takes bytes for text"
        );
    }

    #[test]
    fn a_uuid_is_one_however_it_is_written() {
        let id = Id::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11);
        let whole = key_part(&id.into(), Uuid);
        for text in [
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc999c0b4ef8bb6d6bb9bd380a11}",
        ] {
            assert_eq!(key_part(&text.into(), Uuid), whole);
        }
        assert_eq!(key_part(&"a0eebc99".into(), Uuid), None);
        assert_eq!(key_part(&id.into(), Bytes), whole);
        assert_eq!(key_part(&id.into(), TextOrBlob), whole);
    }

    #[test]
    fn padding_of_bytes_does_not_count() {
        assert_eq!(
            key_part(&vec![1u8, 0, 0].into(), Bytes),
            key_part(&vec![1u8].into(), Bytes)
        );
        assert_ne!(
            key_part(&vec![0u8, 1].into(), Bytes),
            key_part(&vec![1u8].into(), Bytes)
        );
    }

    #[test]
    fn a_text_is_no_blob_in_sqlite() {
        assert_ne!(
            key_part(&"a".into(), TextOrBlob),
            key_part(&vec![b'a'].into(), TextOrBlob)
        );
    }

    #[test]
    fn a_boolean_has_one_form_and_strings_for_it_have_none() {
        assert_eq!(key_part(&true.into(), Bool), Some(KeyPart::Int(1)));
        assert_eq!(key_part(&false.into(), Bool), Some(KeyPart::Int(0)));
        for value in [Value::from("t"), "true".into(), 1.into()] {
            assert_eq!(key_part(&value, Bool), None);
        }
    }

    #[test]
    fn labels_of_an_enum_are_told_apart_by_case() {
        assert_eq!(key_part(&"Gut é".into(), Exact), Some("Gut é".into()));
        assert_ne!(key_part(&"a".into(), Exact), key_part(&"A".into(), Exact));
        assert_eq!(key_part(&1.into(), Exact), None);
    }

    #[test]
    fn null_has_one_hash_of_its_own() {
        let null = value_hash(&Value::BigInt(None), Int);
        assert!(null.is_some());
        for value in [Value::String(None), Value::Bool(None), Value::Bytes(None)] {
            for class in [Int, Bool, Text, TextOrBlob, Exact, Uuid, Bytes, Other] {
                assert_eq!(value_hash(&value, class), null);
            }
        }
        let empty = [
            value_hash(&0.into(), Int),
            value_hash(&"".into(), Text),
            value_hash(&Vec::<u8>::new().into(), Bytes),
        ];
        assert!(empty.iter().all(|hash| hash.is_some() && *hash != null));
        assert!(empty[0] != empty[1] && empty[1] != empty[2]);
    }

    #[test]
    fn values_of_one_canonical_form_have_one_hash() {
        assert_eq!(value_hash(&7.into(), Int), value_hash(&"7".into(), Int));
        assert_ne!(value_hash(&7.into(), Int), value_hash(&8.into(), Int));
        assert_eq!(value_hash(&7.0.into(), Int), None);
        assert_ne!(
            value_hash(&"a".into(), TextOrBlob),
            value_hash(&vec![b'a'].into(), TextOrBlob)
        );
        assert_eq!(value_hash(&7.into(), Other), None);
    }

    #[test]
    fn the_rest_is_not_told_apart() {
        for value in [Value::from(7), "a".into(), true.into(), vec![1u8].into()] {
            assert_eq!(key_part(&value, Other), None);
        }
    }
}
