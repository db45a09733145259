//! Single values as bytes: one tag for type and NULL, then the value.
//!
//! The types that are always there have forms of their own, dates and decimals too if they are turned
//! on here. Of all others (arrays, ranges, ...) this crate does not know whether the user turned
//! them on: they are written by name in sea-query's JSON, read again at once, and stay out of the
//! remote tier unless they come back as they were.

use larder_core::CodecError;
use larder_core::wire::{Malformed, Reader, Write};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Enum, OptionEnum, Value};
use serde_json::Value as Json;

use super::dated;

const BOOL: u8 = 1;
const TINY_INT: u8 = 2;
const SMALL_INT: u8 = 3;
const INT: u8 = 4;
const BIG_INT: u8 = 5;
const TINY_UNSIGNED: u8 = 6;
const SMALL_UNSIGNED: u8 = 7;
const UNSIGNED: u8 = 8;
const BIG_UNSIGNED: u8 = 9;
const FLOAT: u8 = 10;
const DOUBLE: u8 = 11;
const STRING: u8 = 12;
const ENUM: u8 = 13;
const CHAR: u8 = 14;
const BYTES: u8 = 15;
const JSON: u8 = 16;
const UUID: u8 = 17;
const OTHER: u8 = 18;

/// Added to a tag where there is a value.
const SOME: u8 = 0x80;

/// So many parts of JSON are read of one row or list: each takes far more room than its text.
const MOST_PARTS: usize = 20_000;

/// The JSON of one other value: digits without end would take long to read.
pub(super) const MOST_OTHER: usize = 16 * 1024;

/// Writes or reads the values of one row or list, within bounds for all of them.
pub(super) struct Values {
    /// So many more parts of JSON are read or written.
    parts: usize,
}

impl Default for Values {
    fn default() -> Self {
        Self { parts: MOST_PARTS }
    }
}

impl Values {
    /// Appends a value.
    pub(super) fn put(&mut self, value: &Value, into: &mut Vec<u8>) -> Result<(), CodecError> {
        match value {
            Value::Bool(value) => put(BOOL, *value, into, |value, into| {
                into.put_byte(value.into());
            }),
            Value::TinyInt(value) => put_signed(TINY_INT, value.map(i64::from), into),
            Value::SmallInt(value) => put_signed(SMALL_INT, value.map(i64::from), into),
            Value::Int(value) => put_signed(INT, value.map(i64::from), into),
            Value::BigInt(value) => put_signed(BIG_INT, *value, into),
            Value::TinyUnsigned(value) => put_number(TINY_UNSIGNED, value.map(u64::from), into),
            Value::SmallUnsigned(value) => put_number(SMALL_UNSIGNED, value.map(u64::from), into),
            Value::Unsigned(value) => put_number(UNSIGNED, value.map(u64::from), into),
            Value::BigUnsigned(value) => put_number(BIG_UNSIGNED, *value, into),
            Value::Float(value) => put(FLOAT, *value, into, |value, into| {
                into.put(&value.to_bits().to_le_bytes());
            }),
            Value::Double(value) => put(DOUBLE, *value, into, |value, into| {
                into.put_u64(value.to_bits());
            }),
            Value::String(value) => put_bytes(STRING, value.as_deref().map(str::as_bytes), into),
            Value::Char(value) => put_number(CHAR, value.map(|one| u32::from(one).into()), into),
            Value::Bytes(value) => put_bytes(BYTES, value.as_deref(), into),
            Value::Uuid(value) => put(UUID, *value, into, |value, into| {
                into.put(value.as_bytes());
            }),
            Value::Enum(value) => put_enum(value, into),
            Value::Json(None) => into.put_byte(JSON),
            Value::Json(Some(value)) => return self.put_json(value, into),
            // Types that are there only if the user turned them on.
            #[allow(unreachable_patterns, reason = "there are none without them")]
            other => {
                if !dated::put(other, into) {
                    return self.put_other(other, into);
                }
            }
        }
        Ok(())
    }

    /// Takes a value that [`put`](Self::put) appended.
    pub(super) fn take(&mut self, reader: &mut Reader<'_>) -> Result<Value, CodecError> {
        let tag = reader.byte()?;
        let some = tag & SOME != 0;
        Ok(match tag & !SOME {
            BOOL => Value::Bool(take(some, reader, boolean)?),
            TINY_INT => Value::TinyInt(take(some, reader, signed)?),
            SMALL_INT => Value::SmallInt(take(some, reader, signed)?),
            INT => Value::Int(take(some, reader, signed)?),
            BIG_INT => Value::BigInt(take(some, reader, signed)?),
            TINY_UNSIGNED => Value::TinyUnsigned(take(some, reader, number)?),
            SMALL_UNSIGNED => Value::SmallUnsigned(take(some, reader, number)?),
            UNSIGNED => Value::Unsigned(take(some, reader, number)?),
            BIG_UNSIGNED => Value::BigUnsigned(take(some, reader, number)?),
            FLOAT => Value::Float(take(some, reader, |reader| {
                reader
                    .array()
                    .map(|bits| f32::from_bits(u32::from_le_bytes(bits)))
            })?),
            DOUBLE => Value::Double(take(some, reader, |reader| {
                reader.u64().map(f64::from_bits)
            })?),
            STRING => Value::String(take(some, reader, |reader| reader.text().map(Into::into))?),
            CHAR => Value::Char(take(some, reader, |reader| {
                char::from_u32(number(reader)?).ok_or(Malformed)
            })?),
            BYTES => Value::Bytes(take(some, reader, |reader| {
                reader.counted().map(Into::into)
            })?),
            UUID => Value::Uuid(take(some, reader, |reader| {
                reader.array().map(Uuid::from_bytes)
            })?),
            ENUM => Value::Enum(take_enum(some, reader)?),
            JSON if !some => Value::Json(None),
            JSON => Value::Json(Some(Box::new(self.parse(reader.counted()?)?))),
            OTHER if some => self.take_other(reader)?,
            tag => dated::take(tag, some, reader)?,
        })
    }

    fn put_json(&mut self, value: &Json, into: &mut Vec<u8>) -> Result<(), CodecError> {
        let text = serde_json::to_vec(value).map_err(|_| cannot_write())?;
        // Nested too deeply it would not be read.
        let read: Json = self.parse(&text)?;
        if read != *value {
            return Err(CodecError::new("the JSON does not come back as it was"));
        }
        put_bytes(JSON, Some(&text), into);
        Ok(())
    }

    fn put_other(&mut self, value: &Value, into: &mut Vec<u8>) -> Result<(), CodecError> {
        let text = serde_json::to_vec(value).map_err(|_| cannot_write())?;
        if text.len() > MOST_OTHER {
            return Err(CodecError::new("the value is too long"));
        }
        let read: Value = self.parse(&text)?;
        // Times are equal in all their offsets, decimals with any zeros at their ends.
        if read != *value || format!("{read:?}") != format!("{value:?}") {
            return Err(CodecError::new("the value does not come back as it was"));
        }
        put_bytes(OTHER, Some(&text), into);
        Ok(())
    }

    fn take_other(&mut self, reader: &mut Reader<'_>) -> Result<Value, CodecError> {
        let text = reader.counted()?;
        if text.len() > MOST_OTHER {
            return Err(Malformed.into());
        }
        self.parse(text)
    }

    fn parse<T: serde::de::DeserializeOwned>(&mut self, text: &[u8]) -> Result<T, CodecError> {
        let parts = text.iter().filter(|byte| b",:[{".contains(byte)).count();
        let left = self.parts.checked_sub(parts);
        self.parts = left.ok_or_else(|| CodecError::new("the JSON has too many parts"))?;
        // The library's error may show the value.
        serde_json::from_slice(text)
            .map_err(|_| CodecError::new("the text is no JSON of this type"))
    }
}

pub(super) fn put<T>(
    tag: u8,
    value: Option<T>,
    into: &mut Vec<u8>,
    write: impl FnOnce(T, &mut Vec<u8>),
) {
    match value {
        None => into.put_byte(tag),
        Some(value) => {
            into.put_byte(tag | SOME);
            write(value, into);
        }
    }
}

fn put_signed(tag: u8, value: Option<i64>, into: &mut Vec<u8>) {
    put(tag, value, into, |value, into| into.put_signed(value));
}

fn put_number(tag: u8, value: Option<u64>, into: &mut Vec<u8>) {
    put(tag, value, into, |value, into| into.put_number(value));
}

fn put_bytes(tag: u8, value: Option<&[u8]>, into: &mut Vec<u8>) {
    put(tag, value, into, |value, into| into.put_counted(value));
}

fn put_enum(value: &OptionEnum, into: &mut Vec<u8>) {
    match value {
        OptionEnum::None(type_name) => {
            into.put_byte(ENUM);
            into.put_counted(type_name.as_bytes());
        }
        OptionEnum::Some(label) => {
            let Enum { type_name, value } = &**label;
            into.put_byte(ENUM | SOME);
            into.put_counted(type_name.as_bytes());
            into.put_counted(value.as_bytes());
        }
    }
}

fn take_enum(some: bool, reader: &mut Reader<'_>) -> Result<OptionEnum, Malformed> {
    let type_name = reader.text()?.into();
    if !some {
        return Ok(OptionEnum::None(type_name));
    }
    let value = reader.text()?.to_owned().into();
    Ok(OptionEnum::Some(Box::new(Enum { type_name, value })))
}

pub(super) fn take<'a, T>(
    some: bool,
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    some.then(|| read(reader)).transpose()
}

fn boolean(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    match reader.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}

pub(super) fn signed<T: TryFrom<i64>>(reader: &mut Reader<'_>) -> Result<T, Malformed> {
    T::try_from(reader.signed()?).map_err(|_| Malformed)
}

pub(super) fn number<T: TryFrom<u64>>(reader: &mut Reader<'_>) -> Result<T, Malformed> {
    T::try_from(reader.number()?).map_err(|_| Malformed)
}

fn cannot_write() -> CodecError {
    CodecError::new("the value is none that JSON can hold")
}
