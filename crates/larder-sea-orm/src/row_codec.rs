//! Rows as bytes, column by column.
//!
//! The model's own `serde` is not asked: it may skip fields or write them for another purpose.
//! What a column's type makes of its value for the database is what is written here, and it is
//! read back as a row of the database is. Relations are no columns, and not part of a model.

#[cfg(feature = "with-chrono")]
mod chrono_values;
mod dated;
#[cfg(any(feature = "with-bigdecimal", feature = "with-rust_decimal"))]
mod decimals;
#[cfg(feature = "with-time")]
mod time_values;
mod value;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use larder_core::wire::{Reader, Write};
use larder_core::{Codec, CodecError, hash_value};
use sea_orm::{ActiveModelTrait, EntityTrait, Iterable, ModelTrait, TryIntoModel};

use self::dated::FORMS;
use self::value::Values;
use crate::CachedEntity;
use crate::entity::fingerprint;

/// Changes with the form of values.
const VERSION: u8 = 1;

/// The rows of a list may take so much room, without what their columns hold on the heap.
const MOST_ROOM: usize = 2 * 1024 * 1024;

/// Writes single rows.
pub(crate) struct RowCodec<E>(PhantomData<fn() -> E>);

/// Writes lists of rows.
pub(crate) struct RowsCodec<E>(PhantomData<fn() -> E>);

/// Writes counts, and whether there is anything.
pub(crate) struct NumberCodec<E>(PhantomData<fn() -> E>);

macro_rules! codecs {
    ($($codec:ident)*) => {$(
        impl<E> $codec<E> {
            pub(crate) fn new() -> Self {
                Self(PhantomData)
            }
        }

        impl<E> fmt::Debug for $codec<E> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($codec))
            }
        }
    )*};
}
codecs!(RowCodec RowsCodec NumberCodec);

impl<E: CachedEntity> Codec<E::Model> for RowCodec<E> {
    fn fingerprint(&self) -> u64 {
        fingerprint_of::<E>(b"row")
    }

    fn encode(&self, row: &E::Model, into: &mut Vec<u8>) -> Result<(), CodecError> {
        put_row::<E>(row, &mut Values::default(), into)
    }

    fn decode(&self, bytes: Bytes) -> Result<E::Model, CodecError> {
        let mut reader = Reader::new(&bytes);
        let row = row::<E>(&mut Values::default(), &mut reader)?;
        reader.end()?;
        Ok(row)
    }
}

impl<E: CachedEntity> Codec<Vec<Arc<E::Model>>> for RowsCodec<E> {
    fn fingerprint(&self) -> u64 {
        fingerprint_of::<E>(b"rows")
    }

    fn encode(&self, rows: &Vec<Arc<E::Model>>, into: &mut Vec<u8>) -> Result<(), CodecError> {
        room_for::<E>(rows.len())?;
        into.put_count(rows.len());
        let mut values = Values::default();
        rows.iter()
            .try_for_each(|row| put_row::<E>(row, &mut values, into))
    }

    fn decode(&self, bytes: Bytes) -> Result<Vec<Arc<E::Model>>, CodecError> {
        let mut reader = Reader::new(&bytes);
        let count = reader.count(E::Column::iter().count())?;
        room_for::<E>(count)?;
        let mut values = Values::default();
        let rows = (0..count).map(|_| row::<E>(&mut values, &mut reader).map(Arc::new));
        let rows = rows.collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(rows)
    }
}

impl<E: CachedEntity> Codec<u64> for NumberCodec<E> {
    fn fingerprint(&self) -> u64 {
        fingerprint_of::<E>(b"number")
    }

    fn encode(&self, number: &u64, into: &mut Vec<u8>) -> Result<(), CodecError> {
        into.put_number(*number);
        Ok(())
    }

    fn decode(&self, bytes: Bytes) -> Result<u64, CodecError> {
        let mut reader = Reader::new(&bytes);
        let number = reader.number()?;
        reader.end()?;
        Ok(number)
    }
}

fn fingerprint_of<E: CachedEntity>(what: &[u8]) -> u64 {
    hash_value(&[what, &[VERSION], &FORMS, &fingerprint::<E>().to_le_bytes()].concat())
}

fn room_for<E: EntityTrait>(rows: usize) -> Result<(), CodecError> {
    let each = size_of::<E::Model>() + size_of::<Arc<E::Model>>();
    (rows.saturating_mul(each) <= MOST_ROOM)
        .then_some(())
        .ok_or_else(|| CodecError::new("the list has too many rows"))
}

fn put_row<E: EntityTrait>(
    row: &E::Model,
    values: &mut Values,
    into: &mut Vec<u8>,
) -> Result<(), CodecError> {
    E::Column::iter().try_for_each(|column| values.put(&row.get(column), into))
}

/// Reads a row as one of the database is read: each column by its type.
fn row<E: CachedEntity>(
    values: &mut Values,
    reader: &mut Reader<'_>,
) -> Result<E::Model, CodecError> {
    let mut row = <E::ActiveModel as ActiveModelTrait>::default();
    for column in E::Column::iter() {
        row.try_set(column, values.take(reader)?)
            .map_err(not_a_row)?;
    }
    row.try_into_model().map_err(not_a_row)
}

fn not_a_row(error: sea_orm::DbErr) -> CodecError {
    CodecError::caused_by("the values are no row of this entity", error)
}

#[cfg(test)]
mod tests;
