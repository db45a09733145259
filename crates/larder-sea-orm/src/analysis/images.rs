//! A row before and after a write, as far as the statement and the rows it returns tell.
//!
//! 1. What the WHERE of an UPDATE or DELETE pins, a row was before.
//! 2. A column that is not set is after an UPDATE what it was before, unless the database computes it or a trigger
//!    may set it.
//! 3. A value that is set or inserted is there afterwards if it fits, and no trigger may set the column.
//! 4. A row that is returned is the row after the write, of a DELETE the row before.
//! 5. An upsert inserts a row, or updates the one that was there: both are told.
//! 6. A row that was read just before keeps the columns that are set to what they hold.

use std::sync::Arc;

use larder_core::{Image, KeyPart, NULL_HASH, RowKey};
use sea_orm::sea_query::Value;
use sea_orm::{DbBackend, QueryResult};
use smallvec::{SmallVec, smallvec};

use super::{Cell, Columns, KeyKnowledge, Name, Pins, Returning, Write, WriteKind};
use crate::canonical::{ColumnClass, is_null, key_part, part_hash, row_value};
use crate::catalog::{Column, Table};

/// Values of some columns, by their places, as hashes.
type Values = Vec<(usize, u64)>;

/// One way in which a row may have changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// The columns that may have changed, if the row was there before and is there after.
    pub(super) columns: larder_core::Columns,
    pub(super) before: Image,
    pub(super) after: Image,
}

/// The ways in which a row may have changed: an upsert has two.
pub(super) type Ways = SmallVec<[Told; 2]>;

/// What a write tells of the rows it writes.
#[derive(Clone, Debug)]
pub(super) struct Images {
    kind: Kind,
    /// The table's columns.
    columns: Arc<[Column]>,
    /// The places of the key's columns.
    key: Vec<usize>,
    /// The columns that may change of a row that was there, if only those; of an UPDATE or an upsert.
    changed: Option<Vec<usize>>,
    /// What every row was before.
    pinned: Values,
    /// What every row that was there is set to.
    set: Values,
    /// The same, as it was given.
    assigned: Vec<(usize, Value)>,
    /// The columns that an upsert sets to what it would have inserted.
    proposed: Vec<usize>,
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
    Upsert,
    Replace,
    /// Anything else.
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
            WriteKind::Upsert(_) => Kind::Upsert,
            WriteKind::Replace => Kind::Replace,
            WriteKind::Truncate | WriteKind::Merge => Kind::Any,
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
        let mut images = Self {
            kind,
            key: key.collect(),
            changed: None,
            pinned,
            set: Values::new(),
            assigned: Vec::new(),
            proposed: Vec::new(),
            told,
            rewritten: rewritten(table),
            columns,
        };
        if let (Kind::Update | Kind::Upsert, Columns::Named(names)) = (kind, &write.columns) {
            images.changed = changed(names, table, backend);
            images.assign(names, &write.assigned, table, backend);
        }
        images
    }

    /// Returns the table's columns.
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Tells nothing of the rows any more.
    pub(super) fn forget(&mut self) {
        self.kind = Kind::Any;
    }

    /// Notes what columns are certainly set to.
    fn assign(&mut self, names: &[Name], cells: &[Cell], table: &Table, backend: DbBackend) {
        if names.len() != cells.len() {
            return;
        }
        let twice = |name: &Name| names.iter().filter(|other| *other == name).count() > 1;
        for (name, cell) in names.iter().zip(cells) {
            let place = table.column(name, backend);
            let Some(place) = place.filter(|place| !twice(name) && !table.may_rewrite(*place))
            else {
                continue;
            };
            match cell {
                Cell::Proposed => self.proposed.push(place),
                Cell::Value(value) => {
                    if let Some(hash) = self.columns[place].stored(value) {
                        self.set.push((place, hash));
                        self.assigned.push((place, value.clone()));
                    }
                }
                Cell::Default | Cell::Unknown => {}
            }
        }
    }

    /// Returns the columns that may change of rows that were there before and are there after.
    fn changing(&self) -> larder_core::Columns {
        self.changed
            .as_ref()
            .map_or(larder_core::Columns::All, |places| self.named(places))
    }

    fn named(&self, places: &[usize]) -> larder_core::Columns {
        let name = |place: &usize| Arc::clone(&self.columns[*place].name);
        larder_core::Columns::named(places.iter().map(name))
    }

    /// Returns what rows were before and are after; `given`: what the statement says of one that is inserted.
    pub(super) fn common(&self, given: Option<&Image>) -> Ways {
        let inserted = || given.cloned().unwrap_or(Image::Unknown);
        match self.kind {
            Kind::Insert => smallvec![whole(Image::Absent, inserted())],
            Kind::Delete => smallvec![whole(self.image(self.pinned.clone()), Image::Absent)],
            Kind::Update => smallvec![self.updated(self.pinned.clone(), Values::new(), None)],
            Kind::Upsert => smallvec![
                whole(Image::Absent, inserted()),
                self.updated(Values::new(), Values::new(), given),
            ],
            Kind::Replace => smallvec![whole(Image::Unknown, inserted())],
            Kind::Any => smallvec![whole(Image::Unknown, Image::Unknown)],
        }
    }

    /// Returns what a row that was returned was before and is after.
    pub(super) fn returned(&self, row: &QueryResult, given: Option<&Image>) -> Ways {
        let values = self.told_by(row);
        match self.kind {
            Kind::Insert => smallvec![whole(Image::Absent, self.completed(values, given))],
            Kind::Delete => smallvec![whole(self.image(values), Image::Absent)],
            Kind::Update => {
                let mut before = self.unchanged(values.clone());
                add_missing(&mut before, &self.pinned);
                smallvec![self.updated(before, values, None)]
            }
            Kind::Upsert => smallvec![
                whole(Image::Absent, self.completed(values.clone(), given)),
                self.updated(self.unchanged(values.clone()), values, given),
            ],
            Kind::Replace => smallvec![whole(Image::Unknown, self.completed(values, given))],
            Kind::Any => smallvec![whole(Image::Unknown, self.image(values))],
        }
    }

    /// Returns how a row changed that was read before it was written, and perhaps returned; nothing if it did not.
    pub(super) fn found(
        &self,
        row: &QueryResult,
        returned: Option<&QueryResult>,
        given: Option<&Image>,
    ) -> Option<Told> {
        let columns = self.columns.iter().enumerate();
        let read = |(place, column): (usize, &Column)| Some((place, column.read(row)?));
        let before: Values = columns.filter_map(read).collect();
        let after = returned.map_or_else(Values::new, |row| self.told_by(row));
        match self.kind {
            Kind::Delete => Some(whole(self.image(before), Image::Absent)),
            Kind::Update | Kind::Upsert => {
                let mut told = self.updated(before, after, given);
                if let Some(changed) = &self.changed {
                    let kept = |place: &usize| self.keeps(*place, row, given);
                    let changed: Vec<usize> =
                        changed.iter().copied().filter(|it| !kept(it)).collect();
                    if changed.is_empty() {
                        return None;
                    }
                    told.columns = self.named(&changed);
                }
                Some(told)
            }
            _ => Some(whole(self.image(before), self.completed(after, given))),
        }
    }

    /// Returns how a row changed that was certainly not there; nothing if it was not inserted either.
    pub(super) fn not_found(
        &self,
        returned: Option<&QueryResult>,
        given: Option<&Image>,
    ) -> Option<Told> {
        if matches!(self.kind, Kind::Update | Kind::Delete) {
            return None;
        }
        let after = returned.map_or_else(Values::new, |row| self.told_by(row));
        Some(whole(Image::Absent, self.completed(after, given)))
    }

    /// Tells whether a column is set to the very value that was read of it, and nothing else sets it.
    fn keeps(&self, place: usize, row: &QueryResult, given: Option<&Image>) -> bool {
        let column = &self.columns[place];
        if self.proposed.contains(&place) && column.class == ColumnClass::Int {
            // The hashes of integers are told apart.
            let proposed = given.and_then(|given| given.value(&column.name));
            return proposed.is_some() && proposed == column.read(row);
        }
        let mut assigned = self.assigned.iter().filter(|(own, _)| *own == place);
        assigned.next().is_some_and(|(_, value)| {
            let read = row_value(row, column);
            read.is_some_and(|read| is_same(&read, value, column))
        })
    }

    /// Returns how a row changed that was there and is there: `after` is what is known beyond what it is set to.
    fn updated(&self, before: Values, after: Values, given: Option<&Image>) -> Told {
        let mut after = after;
        add_missing(&mut after, &self.set);
        let proposed = |place: &usize| Some((*place, given?.value(&self.columns[*place].name)?));
        let proposed: Values = self.proposed.iter().filter_map(proposed).collect();
        add_missing(&mut after, &proposed);
        add_missing(&mut after, &self.unchanged(before.clone()));
        Told {
            columns: self.changing(),
            before: self.image(before),
            after: self.image(after),
        }
    }

    fn told_by(&self, row: &QueryResult) -> Values {
        let read = |place: &usize| Some((*place, self.columns[*place].read(row)?));
        self.told.iter().filter_map(read).collect()
    }

    /// Returns an image of these values, and of those of another that are not among them.
    fn completed(&self, values: Values, given: Option<&Image>) -> Image {
        let image = self.image(values);
        match (image, given) {
            (Image::Known(own), Some(Image::Known(given))) => {
                let is_missing =
                    |(name, _): &&(Arc<str>, u64)| !own.iter().any(|(known, _)| known == name);
                let missing = given.iter().filter(is_missing);
                Image::Known(own.iter().chain(missing).cloned().collect())
            }
            (Image::Unknown, Some(given)) => given.clone(),
            (image, _) => image,
        }
    }

    /// Returns what an inserted row is; `None` if that is not certain.
    pub(super) fn inserted(
        &self,
        columns: &[Name],
        cells: &[Cell],
        backend: DbBackend,
    ) -> Option<Image> {
        if !matches!(self.kind, Kind::Insert | Kind::Upsert | Kind::Replace) {
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
        let mut values: Values = columns.iter().zip(cells).filter_map(value).collect();
        values.extend(self.left_out(&columns[..columns.len().min(cells.len())], backend));
        Some(self.image(values))
    }

    /// Returns the columns that are NULL in a row for which these are given; none if one of those is not known.
    fn left_out(&self, given: &[Name], backend: DbBackend) -> Values {
        let place = |name: &Name| {
            let mut columns = self.columns.iter();
            columns.position(|column| name.is_column(&column.name, backend))
        };
        let Some(given) = given.iter().map(place).collect::<Option<Vec<usize>>>() else {
            return Values::new();
        };
        let is_left_out = |place: &usize| {
            let column = &self.columns[*place];
            let empty = column.empty && !column.generated && !self.rewritten.contains(place);
            empty && !given.contains(place)
        };
        let places = (0..self.columns.len()).filter(is_left_out);
        places.map(|place| (place, NULL_HASH)).collect()
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

fn whole(before: Image, after: Image) -> Told {
    Told {
        columns: larder_core::Columns::All,
        before,
        after,
    }
}

/// Tells whether two values are the same to the last bit, not only equal to the database.
fn is_same(read: &Value, given: &Value, column: &Column) -> bool {
    match (is_null(read), is_null(given)) {
        (false, false) if column.class == ColumnClass::Int => {
            let part = |value| key_part(value, column.class);
            part(read).is_some() && part(read) == part(given)
        }
        (false, false) => read == given,
        (one, other) => one && other,
    }
}

fn add_missing(values: &mut Values, others: &Values) {
    let missing = |(place, _): &&(usize, u64)| !values_have(values, *place);
    let missing: Values = others.iter().filter(missing).copied().collect();
    values.extend(missing);
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
