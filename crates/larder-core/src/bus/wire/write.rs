//! Writing changes.

use std::collections::HashMap;

use super::{
    ABSENT, ALL, BYTES, EVERYTHING, HAS_TABLE, INT, KEY, KNOWN, MOST_BYTES, MOST_CHANGES,
    MOST_NAMES, MOST_PARTS, NAMED, ROW, ROWS, SOFT, TABLE, TAG, TEXT, UNKNOWN, VERSION,
};
use crate::change::{Change, Image, RowChange, RowsChange, What};
use crate::name::{KeyPart, RowKey, TableName};
use crate::shape::Columns;
use crate::wire::Write;

/// A message that is being written; tables and names get their places as they come up.
#[derive(Default)]
pub(super) struct Writing<'a> {
    tables: Places<&'a TableName>,
    names: Places<&'a str>,
    count: usize,
    parts: usize,
    changes: Vec<u8>,
}

impl<'a> Writing<'a> {
    pub(super) fn of(changes: &'a [Change]) -> Self {
        let mut message = Self::default();
        for change in changes {
            message.change(change);
            if message.is_too_much() {
                break;
            }
        }
        message
    }

    /// Returns the bytes of one change of everything.
    pub(super) fn everything() -> Vec<u8> {
        vec![VERSION, 0, 0, 1, 2, EVERYTHING, 0]
    }

    /// Returns the bytes; `None` if a reader would not take them.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        if self.is_too_much() {
            return None;
        }
        let mut bytes = vec![VERSION];
        bytes.put_count(self.tables.list.len());
        for table in &self.tables.list {
            bytes.put_counted(table.domain().as_bytes());
            bytes.put_counted(table.table().as_bytes());
        }
        bytes.put_count(self.names.list.len());
        for name in &self.names.list {
            bytes.put_counted(name.as_bytes());
        }
        bytes.put_count(self.count);
        bytes.put(&self.changes);
        (bytes.len() <= MOST_BYTES).then_some(bytes)
    }

    fn is_too_much(&self) -> bool {
        self.changes.len() > MOST_BYTES
            || self.count > MOST_CHANGES
            || self.parts > MOST_PARTS
            || self.tables.list.len() > MOST_NAMES
            || self.names.list.len() > MOST_NAMES
    }

    fn change(&mut self, change: &'a Change) {
        let Change { what, soft } = change;
        let mut into = Vec::new();
        into.put_byte(match what {
            What::Row(_) => ROW,
            What::Rows(_) => ROWS,
            What::Table(_) => TABLE,
            What::Tag(_) => TAG,
            What::Key(..) => KEY,
            What::Everything => EVERYTHING,
        });
        let table = what.table();
        let has_table = if table.is_some() { HAS_TABLE } else { 0 };
        into.put_byte((u8::from(*soft) * SOFT) | has_table);
        if let Some(table) = table {
            into.put_count(self.tables.place(table));
        }
        self.fields(what, &mut into);
        self.changes.put_counted(&into);
        self.count += 1;
    }

    fn fields(&mut self, what: &'a What, into: &mut Vec<u8>) {
        match what {
            What::Row(RowChange {
                table: _,
                key,
                columns,
                before,
                after,
            }) => {
                self.row_key(key, into);
                self.columns(columns, into);
                self.image(before, into);
                self.image(after, into);
            }
            What::Rows(RowsChange {
                table: _,
                columns,
                before,
                after,
            }) => {
                self.columns(columns, into);
                self.image(before, into);
                self.image(after, into);
            }
            What::Table(_) | What::Everything => {}
            What::Tag(name) => into.put_counted(name.as_bytes()),
            What::Key(region, scope, key) => {
                into.put_counted(region.as_bytes());
                into.put_counted(&scope.encoded());
                into.put_counted(key.as_bytes());
            }
        }
    }

    fn row_key(&mut self, key: &RowKey, into: &mut Vec<u8>) {
        into.put_count(key.parts().len());
        self.parts += key.parts().len();
        for part in key.parts() {
            match part {
                KeyPart::Int(value) => {
                    into.put_byte(INT);
                    into.put_signed(*value);
                }
                KeyPart::Text(value) => {
                    into.put_byte(TEXT);
                    into.put_counted(value.as_bytes());
                }
                KeyPart::Bytes(value) => {
                    into.put_byte(BYTES);
                    into.put_counted(value);
                }
            }
        }
    }

    fn columns(&mut self, columns: &'a Columns, into: &mut Vec<u8>) {
        match columns {
            Columns::All => into.put_byte(ALL),
            Columns::Named(columns) => {
                into.put_byte(NAMED);
                into.put_count(columns.len());
                self.parts += columns.len();
                for column in &**columns {
                    into.put_count(self.names.place(column));
                }
            }
        }
    }

    fn image(&mut self, image: &'a Image, into: &mut Vec<u8>) {
        match image {
            Image::Unknown => into.put_byte(UNKNOWN),
            Image::Absent => into.put_byte(ABSENT),
            Image::Known(columns) => {
                into.put_byte(KNOWN);
                into.put_count(columns.len());
                self.parts += columns.len();
                for (column, value) in &**columns {
                    into.put_count(self.names.place(column));
                    into.put_u64(*value);
                }
            }
        }
    }
}

/// Things by the order in which they came up first.
struct Places<T> {
    list: Vec<T>,
    places: HashMap<T, usize>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Places<T> {
    fn place(&mut self, thing: T) -> usize {
        *self.places.entry(thing).or_insert_with(|| {
            self.list.push(thing);
            self.list.len() - 1
        })
    }
}
