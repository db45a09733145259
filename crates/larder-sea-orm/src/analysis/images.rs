//! A row before and after a write, as far as the statement and the rows it returns tell.
//!
//! 1. What the WHERE of an UPDATE or DELETE pins, a row was before.
//! 2. A column that is not set is after an UPDATE what it was before, unless the database computes it or a trigger
//!    may set it.
//! 3. A value that is set or inserted is there afterwards if it fits, and no trigger may set the column.
//! 4. A row that is returned is the row after the write, of a DELETE the row before.
//! 5. An upsert leaves open whether there was a row.

use std::sync::Arc;

use larder_core::{Image, KeyPart, RowKey};
use sea_orm::{DbBackend, QueryResult};

use super::{Cell, Columns, KeyKnowledge, Name, Pins, Returning, Write, WriteKind};
use crate::canonical::part_hash;
use crate::catalog::{Column, Table};

/// Values of some columns, by their places, as hashes.
type Values = Vec<(usize, u64)>;

/// What a write tells of the rows it writes.
#[derive(Clone, Debug)]
pub(super) struct Images {
    kind: Kind,
    /// The table's columns.
    columns: Arc<[Column]>,
    /// The places of the key's columns.
    key: Vec<usize>,
    /// The columns that may change, if only those; of an UPDATE.
    changed: Option<Vec<usize>>,
    /// What every row was before.
    pinned: Values,
    /// What every row is set to.
    set: Values,
    /// The columns that rows returned tell.
    told: Vec<usize>,
    /// The columns that code of the database's may set as well.
    rewritten: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Insert,
    Update,
    Delete,
    /// An upsert, or anything else.
    Any,
}

impl Images {
    pub(super) fn of(table: &Table, write: &Write, backend: DbBackend) -> Self {
        let columns = table.shared_columns();
        let place = |name: &Name| table.column(name, backend);
        let kind = match write.kind {
            WriteKind::Insert => Kind::Insert,
            WriteKind::Update => Kind::Update,
            WriteKind::Delete => Kind::Delete,
            _ => Kind::Any,
        };
        let pinned = match &write.key {
            KeyKnowledge::Pinned(pins) => pinned(pins, table, backend),
            _ => Values::new(),
        };
        let told = match &write.returning {
            Returning::Nothing | Returning::Elsewhere => Vec::new(),
            Returning::All => (0..columns.len()).collect(),
            Returning::Columns(names) => names.iter().filter_map(place).collect(),
        };
        let key = table
            .key()
            .iter()
            .filter_map(|column| columns.iter().position(|own| *own.name == *column.name));
        let (changed, set) = match (kind, &write.columns) {
            (Kind::Update, Columns::Named(names)) => (
                changed(names, table, backend),
                set(names, write, table, backend),
            ),
            _ => (None, Values::new()),
        };
        Self {
            kind,
            key: key.collect(),
            changed,
            pinned,
            set,
            told,
            rewritten: rewritten(table),
            columns,
        }
    }

    /// Returns the columns that may change of rows that were there before and are there after.
    pub(super) fn columns(&self) -> larder_core::Columns {
        let named = |places: &Vec<usize>| {
            larder_core::Columns::named(
                places
                    .iter()
                    .map(|place| Arc::clone(&self.columns[*place].name)),
            )
        };
        self.changed
            .as_ref()
            .map_or(larder_core::Columns::All, named)
    }

    /// Returns what all rows were before and are after.
    pub(super) fn common(&self) -> (Image, Image) {
        match self.kind {
            Kind::Insert => (Image::Absent, Image::Unknown),
            Kind::Delete => (self.image(self.pinned.clone()), Image::Absent),
            Kind::Update => {
                let mut after = self.unchanged(self.pinned.clone());
                after.extend_from_slice(&self.set);
                (self.image(self.pinned.clone()), self.image(after))
            }
            Kind::Any => (Image::Unknown, Image::Unknown),
        }
    }

    /// Returns what a row that was returned was before and is after.
    pub(super) fn returned(&self, row: &QueryResult) -> (Image, Image) {
        let read = |place: &usize| Some((*place, self.columns[*place].read(row)?));
        let values: Values = self.told.iter().filter_map(read).collect();
        match self.kind {
            Kind::Insert => (Image::Absent, self.image(values)),
            Kind::Delete => (self.image(values), Image::Absent),
            Kind::Update => {
                let mut before = self.unchanged(values.clone());
                before.extend(
                    self.pinned
                        .iter()
                        .filter(|(place, _)| !values_have(&before, *place))
                        .copied()
                        .collect::<Values>(),
                );
                (self.image(before), self.image(values))
            }
            Kind::Any => (Image::Unknown, self.image(values)),
        }
    }

    /// Returns what a row that was read before it was written was, and is after.
    pub(super) fn read_before(&self, row: &QueryResult) -> (Image, Image) {
        let columns = self.columns.iter().enumerate();
        let read = |(place, column): (usize, &Column)| Some((place, column.read(row)?));
        let before: Values = columns.filter_map(read).collect();
        let after = if self.kind == Kind::Delete {
            Image::Absent
        } else {
            let mut after = self.unchanged(before.clone());
            after.extend_from_slice(&self.set);
            self.image(after)
        };
        (self.image(before), after)
    }

    /// Returns what an inserted row is; `None` if that is not certain.
    pub(super) fn inserted(
        &self,
        columns: &[Name],
        cells: &[Cell],
        backend: DbBackend,
    ) -> Option<Image> {
        if self.kind != Kind::Insert {
            return None;
        }
        let value = |(name, cell): (&Name, &Cell)| {
            let place = self
                .columns
                .iter()
                .position(|column| name.is_column(&column.name, backend))
                .filter(|place| !self.rewritten.contains(place))?;
            Some((place, self.columns[place].stored(cell.value()?)?))
        };
        Some(self.image(columns.iter().zip(cells).filter_map(value).collect()))
    }

    /// Adds the columns of a key to an image.
    pub(super) fn with_key(&self, image: Image, key: &RowKey) -> Image {
        let known: &[_] = match &image {
            Image::Known(known) => known,
            Image::Unknown => &[],
            Image::Absent => return image,
        };
        let part = |(place, part): (&usize, &KeyPart)| {
            let name = &self.columns[*place].name;
            let is_missing = !known.iter().any(|(known, _)| known == name);
            is_missing.then_some((Arc::clone(name), part_hash(part)?))
        };
        let own = self.key.iter().zip(key.parts()).filter_map(part);
        Image::Known(known.iter().cloned().chain(own).collect())
    }

    /// Leaves those columns that an UPDATE does not change.
    fn unchanged(&self, values: Values) -> Values {
        match &self.changed {
            Some(changed) => values
                .into_iter()
                .filter(|(place, _)| !changed.contains(place))
                .collect(),
            None => Values::new(),
        }
    }

    fn image(&self, values: Values) -> Image {
        if values.is_empty() {
            return Image::Unknown;
        }
        let named = |(place, value): (usize, u64)| (Arc::clone(&self.columns[place].name), value);
        Image::Known(values.into_iter().map(named).collect())
    }
}

fn values_have(values: &Values, place: usize) -> bool {
    values.iter().any(|(own, _)| *own == place)
}

/// Returns the columns that code of the database's may set, whatever a statement says.
fn rewritten(table: &Table) -> Vec<usize> {
    let columns = 0..table.columns().len();
    columns.filter(|place| table.may_rewrite(*place)).collect()
}

/// Returns the columns that an UPDATE of these may change; `None` if any may.
fn changed(names: &[Name], table: &Table, backend: DbBackend) -> Option<Vec<usize>> {
    let mut places: Vec<usize> = names
        .iter()
        .map(|name| table.column(name, backend))
        .collect::<Option<_>>()?;
    let columns = table.columns().iter().enumerate();
    places.extend(rewritten(table));
    places.extend(
        columns
            .filter(|(_, it)| it.generated)
            .map(|(place, _)| place),
    );
    Some(places)
}

/// Returns the values that columns are certainly set to.
fn set(names: &[Name], write: &Write, table: &Table, backend: DbBackend) -> Values {
    if names.len() != write.assigned.len() {
        return Values::new();
    }
    let twice = |name: &Name| names.iter().filter(|other| *other == name).count() > 1;
    let value = |(name, cell): (&Name, &Cell)| {
        let place = table
            .column(name, backend)
            .filter(|place| !twice(name) && !table.may_rewrite(*place))?;
        Some((place, table.columns()[place].stored(cell.value()?)?))
    };
    names
        .iter()
        .zip(&write.assigned)
        .filter_map(value)
        .collect()
}

/// Returns what every row is that equalities pick.
fn pinned(pins: &Pins, table: &Table, backend: DbBackend) -> Values {
    let mut values = Values::new();
    for atom in pins.atoms() {
        let ([name], [value]) = (atom.columns.as_slice(), atom.values.as_slice()) else {
            continue;
        };
        let Some(place) = table.column(name, backend) else {
            continue;
        };
        if let Some(hash) = table.columns()[place].compared(value)
            && !values_have(&values, place)
        {
            values.push((place, hash));
        }
    }
    values
}
