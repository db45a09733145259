//! Reading changes.

use std::sync::Arc;

use super::{
    ABSENT, ALL, BYTES, EVERYTHING, HAS_TABLE, INT, KEY, KNOWN, MOST_CHANGES, MOST_NAMES,
    MOST_PARTS, NAMED, ROW, ROWS, SOFT, TABLE, TAG, TEXT, UNKNOWN, VERSION,
};
use crate::change::{Change, Image, RowChange, RowsChange, What};
use crate::key::Key;
use crate::name::{KeyPart, RowKey, TableName};
use crate::scope::Scope;
use crate::shape::Columns;
use crate::wire::{Malformed, Reader};

/// A message that is being read.
pub(super) struct Reading {
    tables: Vec<TableName>,
    names: Vec<Arc<str>>,
    /// So many more columns and parts of keys are read.
    parts: usize,
}

impl Reading {
    pub(super) fn all(bytes: &[u8]) -> Result<Vec<Change>, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(Malformed);
        }
        let tables = list(&mut reader, MOST_NAMES, 2, |reader| {
            let domain = reader.text()?;
            Ok(TableName::new(domain, reader.text()?))
        })?;
        let names = list(&mut reader, MOST_NAMES, 1, |reader| {
            reader.text().map(Arc::from)
        })?;
        let mut message = Self {
            tables,
            names,
            parts: MOST_PARTS,
        };
        let changes = list(&mut reader, MOST_CHANGES, 1, |reader| {
            Ok(message.change_or_wider(reader.counted()?))
        })?;
        reader.end()?;
        Ok(changes)
    }

    fn change_or_wider(&mut self, bytes: &[u8]) -> Change {
        self.change(bytes).unwrap_or_else(|_| {
            let table = self.table_of(bytes).ok().flatten();
            table.map_or_else(Change::everything, |table| Change::table(&table))
        })
    }

    /// Returns the table of a change of any kind, if it is in one.
    fn table_of(&self, bytes: &[u8]) -> Result<Option<TableName>, Malformed> {
        let mut reader = Reader::new(bytes);
        let _kind = reader.byte()?;
        let flags = reader.byte()?;
        self.table(&mut reader, flags)
    }

    fn table(&self, reader: &mut Reader<'_>, flags: u8) -> Result<Option<TableName>, Malformed> {
        if flags & HAS_TABLE == 0 {
            return Ok(None);
        }
        at_place(reader, &self.tables).cloned().map(Some)
    }

    /// Reads a change of which everything is known here.
    fn change(&mut self, bytes: &[u8]) -> Result<Change, Malformed> {
        let mut reader = Reader::new(bytes);
        let kind = reader.byte()?;
        let flags = reader.byte()?;
        if flags & !(SOFT | HAS_TABLE) != 0 {
            return Err(Malformed);
        }
        let table = self.table(&mut reader, flags)?;
        let what = match table {
            Some(table) => self.in_table(kind, table, &mut reader)?,
            None => in_no_table(kind, &mut reader)?,
        };
        reader.end()?;
        let soft = flags & SOFT != 0;
        Ok(Change { what, soft })
    }

    fn in_table(
        &mut self,
        kind: u8,
        table: TableName,
        reader: &mut Reader<'_>,
    ) -> Result<What, Malformed> {
        match kind {
            ROW => Ok(What::Row(RowChange {
                table,
                key: self.row_key(reader)?,
                columns: self.columns(reader)?,
                before: self.image(reader)?,
                after: self.image(reader)?,
            })),
            ROWS => Ok(What::Rows(RowsChange {
                table,
                columns: self.columns(reader)?,
                before: self.image(reader)?,
                after: self.image(reader)?,
            })),
            TABLE => Ok(What::Table(table)),
            _ => Err(Malformed),
        }
    }

    fn row_key(&mut self, reader: &mut Reader<'_>) -> Result<RowKey, Malformed> {
        let count = self.count(reader, 2)?;
        let parts = (0..count).map(|_| key_part(reader));
        Ok(RowKey::new(parts.collect::<Result<Vec<_>, _>>()?))
    }

    fn columns(&mut self, reader: &mut Reader<'_>) -> Result<Columns, Malformed> {
        match reader.byte()? {
            ALL => Ok(Columns::All),
            NAMED => {
                let count = self.count(reader, 1)?;
                let names = (0..count).map(|_| at_place(reader, &self.names).cloned());
                Ok(Columns::named(names.collect::<Result<Vec<_>, _>>()?))
            }
            _ => Err(Malformed),
        }
    }

    fn image(&mut self, reader: &mut Reader<'_>) -> Result<Image, Malformed> {
        match reader.byte()? {
            UNKNOWN => Ok(Image::Unknown),
            ABSENT => Ok(Image::Absent),
            KNOWN => {
                let count = self.count(reader, 9)?;
                let columns = (0..count).map(|_| {
                    let column = Arc::clone(at_place(reader, &self.names)?);
                    Ok((column, reader.u64()?))
                });
                Ok(Image::Known(columns.collect::<Result<_, _>>()?))
            }
            _ => Err(Malformed),
        }
    }

    /// Takes a count of columns or parts, of which only so many are read in all.
    fn count(&mut self, reader: &mut Reader<'_>, least: usize) -> Result<usize, Malformed> {
        let count = reader.count(least)?;
        self.parts = self.parts.checked_sub(count).ok_or(Malformed)?;
        Ok(count)
    }
}

fn in_no_table(kind: u8, reader: &mut Reader<'_>) -> Result<What, Malformed> {
    match kind {
        TAG => Ok(What::Tag(reader.text()?.into())),
        KEY => {
            let region = reader.text()?.into();
            let scope = scope(reader.counted()?)?;
            let key = Key::from_encoded(reader.counted()?);
            Ok(What::Key(region, scope, key))
        }
        EVERYTHING => Ok(What::Everything),
        _ => Err(Malformed),
    }
}

/// Reads a scope, and none of a kind that is not known here.
fn scope(encoded: &[u8]) -> Result<Scope, Malformed> {
    let scope = Scope::decoded(encoded);
    (*scope.encoded() == *encoded)
        .then_some(scope)
        .ok_or(Malformed)
}

fn key_part(reader: &mut Reader<'_>) -> Result<KeyPart, Malformed> {
    match reader.byte()? {
        INT => Ok(KeyPart::Int(reader.signed()?)),
        TEXT => Ok(KeyPart::Text(reader.text()?.into())),
        BYTES => Ok(KeyPart::Bytes(reader.counted()?.into())),
        _ => Err(Malformed),
    }
}

fn at_place<'a, T>(reader: &mut Reader<'_>, list: &'a [T]) -> Result<&'a T, Malformed> {
    let place = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
    list.get(place).ok_or(Malformed)
}

/// Reads a list of at most `most` things of at least `least` bytes each.
fn list<'a, T>(
    reader: &mut Reader<'a>,
    most: usize,
    least: usize,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = reader.count(least)?;
    if count > most {
        return Err(Malformed);
    }
    (0..count).map(|_| one(reader)).collect()
}
