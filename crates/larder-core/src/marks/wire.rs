//! The provenance of an entry as bytes, for other nodes.
//!
//! ```text
//! tables   count, each: domain, table                       texts behind their lengths
//! shapes   count, each: table, equalities, uses, [entering]
//! marks    count, each: kind, and as it needs: table or shape, hash
//! ```
//! Tables and shapes are told by their places in the lists, in varints; hashes are those of this
//! version of the envelope. A node that reads it registers the tables and shapes as its own: an
//! entry that is older than a shape's registration depends on anything in the table, as ever.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::{Mark, Marks};
use crate::envelope::Unreadable;
use crate::name::TableName;
use crate::node::Node;
use crate::shape::{Columns, Shape};
use crate::table::{ShapeClock, Table};
use crate::wire::{Malformed, Reader, Write};

const ROW: u8 = 0;
const MATCH: u8 = 1;
const PART: u8 = 2;
const MEMBER: u8 = 3;
const TABLE: u8 = 4;
const NAMED: u8 = 5;

const ALL: u8 = 0;
const SOME: u8 = 1;
const NONE: u8 = 2;

/// More bytes are not read.
const MOST_BYTES: usize = 256 * 1024;

/// So many tables are read, and so many shapes: each may become this node's own.
const MOST_TABLES: usize = 256;
const MOST_SHAPES: usize = 1024;

/// So many marks are read: an entry of more rows depends on whole tables.
const MOST_MARKS: usize = 16 * 1024;

/// So many columns are read of all shapes together.
const MOST_COLUMNS: usize = 8192;

impl Marks {
    /// Returns these dependencies as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // A filter stays here: without it more changes concern the rows, and none is missed.
        let list: Vec<Mark> = self.list.iter().flat_map(Mark::unfiltered).collect();
        let shapes = shapes(&list);
        let mut bytes = Vec::new();
        bytes.put_count(self.tables.len());
        for table in &self.tables {
            bytes.put_counted(table.name.domain().as_bytes());
            bytes.put_counted(table.name.table().as_bytes());
        }
        bytes.put_count(shapes.len());
        for (table, clock) in &shapes {
            bytes.put_number((*table).into());
            put_shape(&clock.shape, &mut bytes);
        }
        bytes.put_count(list.len());
        for mark in &list {
            put_mark(mark, &shapes, &mut bytes);
        }
        bytes
    }

    /// Takes dependencies back from bytes; their tables and shapes become known to `node`.
    ///
    /// Nothing of what cannot be read as a whole becomes known.
    pub(crate) fn decode(bytes: &[u8], node: &Node) -> Result<Self, Unreadable> {
        if bytes.len() > MOST_BYTES {
            return Err(Unreadable::TooLarge);
        }
        let provenance = Provenance::read(bytes).map_err(|_| Unreadable::Provenance)?;
        provenance.on(node).ok_or(Unreadable::TooLarge)
    }
}

/// Returns the shapes of these marks, each once, with their tables.
fn shapes(list: &[Mark]) -> Vec<(u32, &Arc<ShapeClock>)> {
    let mut shapes: Vec<(u32, &Arc<ShapeClock>)> = Vec::new();
    for mark in list {
        if let Some((table, clock)) = shape_of(mark)
            && !shapes.iter().any(|(_, known)| Arc::ptr_eq(known, clock))
        {
            shapes.push((table, clock));
        }
    }
    shapes
}

impl Mark {
    /// Returns the same rows, as their equalities alone pick them.
    fn unfiltered(&self) -> SmallVec<[Self; 1]> {
        let Self::Filtered(table, filtered) = self else {
            return smallvec![self.clone()];
        };
        let clock = || Arc::clone(&filtered.clock);
        let mut slots = filtered.slots().iter();
        let whole = slots.next().map(|hash| Self::Match(*table, *hash, clock()));
        let parts = slots.map(|hash| Self::Part(*table, *hash, clock()));
        whole.into_iter().chain(parts).collect()
    }
}

fn shape_of(mark: &Mark) -> Option<(u32, &Arc<ShapeClock>)> {
    match mark {
        Mark::Match(table, _, clock)
        | Mark::Part(table, _, clock)
        | Mark::Member(table, _, clock) => Some((*table, clock)),
        Mark::Row(..) | Mark::Table(_) | Mark::Named(_) | Mark::Filtered(..) => None,
    }
}

fn put_mark(mark: &Mark, shapes: &[(u32, &Arc<ShapeClock>)], into: &mut Vec<u8>) {
    let of_shape = |kind, clock, hash, into: &mut Vec<u8>| {
        let same = |(_, known): &(u32, &Arc<ShapeClock>)| Arc::ptr_eq(known, clock);
        into.put_byte(kind);
        into.put_count(shapes.iter().position(same).unwrap_or(usize::MAX));
        into.put_u64(hash);
    };
    match mark {
        Mark::Row(table, hash) => {
            into.put_byte(ROW);
            into.put_number((*table).into());
            into.put_u64(*hash);
        }
        Mark::Match(_, hash, clock) => of_shape(MATCH, clock, *hash, into),
        Mark::Part(_, hash, clock) => of_shape(PART, clock, *hash, into),
        Mark::Member(_, hash, clock) => of_shape(MEMBER, clock, *hash, into),
        Mark::Table(table) => {
            into.put_byte(TABLE);
            into.put_number((*table).into());
        }
        Mark::Filtered(..) => unreachable!("filters stay here"),
        Mark::Named(hash) => {
            into.put_byte(NAMED);
            into.put_u64(*hash);
        }
    }
}

fn put_shape(shape: &Shape, into: &mut Vec<u8>) {
    put_names(shape.equalities(), into);
    put_columns(Some(shape.uses()), into);
    put_columns(shape.entering(), into);
}

fn put_columns(columns: Option<&Columns>, into: &mut Vec<u8>) {
    match columns {
        None => into.put_byte(NONE),
        Some(Columns::All) => into.put_byte(ALL),
        Some(Columns::Named(names)) => {
            into.put_byte(SOME);
            put_names(names, into);
        }
    }
}

fn put_names(names: &[Arc<str>], into: &mut Vec<u8>) {
    into.put_count(names.len());
    names
        .iter()
        .for_each(|name| into.put_counted(name.as_bytes()));
}

/// Dependencies that were read, and are of no node yet.
struct Provenance {
    tables: Vec<TableName>,
    shapes: Vec<(u32, Arc<Shape>)>,
    marks: Vec<ReadMark>,
}

/// A mark by the places of its table and shape.
enum ReadMark {
    Row(u32, u64),
    OfShape(u8, usize, u64),
    Table(u32),
    Named(u64),
}

impl Provenance {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let reader = &mut Reader::new(bytes);
        let count = limited(reader, 2, MOST_TABLES)?;
        let tables = (0..count).map(|_| {
            let domain = reader.text()?;
            Ok(TableName::new(domain, reader.text()?))
        });
        let mut read = Self {
            tables: tables.collect::<Result<_, Malformed>>()?,
            shapes: Vec::new(),
            marks: Vec::new(),
        };
        let mut columns = MOST_COLUMNS;
        for _ in 0..limited(reader, 4, MOST_SHAPES)? {
            let table = read.table(reader)?;
            read.shapes.push((table, shape(reader, &mut columns)?));
        }
        let count = limited(reader, 2, MOST_MARKS)?;
        read.marks.reserve_exact(count);
        for _ in 0..count {
            let mark = read.mark(reader)?;
            read.marks.push(mark);
        }
        reader.end()?;
        Ok(read)
    }

    fn mark(&self, reader: &mut Reader<'_>) -> Result<ReadMark, Malformed> {
        Ok(match reader.byte()? {
            ROW => ReadMark::Row(self.table(reader)?, reader.u64()?),
            kind @ (MATCH | PART | MEMBER) => {
                let shape = place(reader, self.shapes.len())?;
                ReadMark::OfShape(kind, shape, reader.u64()?)
            }
            TABLE => ReadMark::Table(self.table(reader)?),
            NAMED => ReadMark::Named(reader.u64()?),
            _ => return Err(Malformed),
        })
    }

    fn table(&self, reader: &mut Reader<'_>) -> Result<u32, Malformed> {
        let place = place(reader, self.tables.len())?;
        u32::try_from(place).map_err(|_| Malformed)
    }

    /// Makes these the dependencies of an entry of `node`; `None` if it knows too many tables.
    fn on(self, node: &Node) -> Option<Marks> {
        let tables = self.tables.iter().map(|name| node.table_of_others(name));
        let tables: Vec<Arc<Table>> = tables.collect::<Option<_>>()?;
        let watermark = || node.watermark().get();
        let clocks: Vec<_> = self
            .shapes
            .iter()
            .map(|(table, shape)| (*table, tables[*table as usize].clock(shape, watermark)))
            .collect();
        let list = self.marks.iter().map(|mark| mark.by(&clocks)).collect();
        let mut marks = Marks {
            named: self
                .marks
                .iter()
                .any(|mark| matches!(mark, ReadMark::Named(_))),
            tables: tables.into(),
            list,
        };
        if clocks.iter().any(|(_, clock)| clock.is_none()) {
            marks.drop_covered();
        }
        Some(marks)
    }
}

impl ReadMark {
    /// Returns the mark with the clock of its shape; of a shape too many it is the whole table.
    fn by(&self, clocks: &[(u32, Option<Arc<ShapeClock>>)]) -> Mark {
        match *self {
            Self::Row(table, hash) => Mark::Row(table, hash),
            Self::Table(table) => Mark::Table(table),
            Self::Named(hash) => Mark::Named(hash),
            Self::OfShape(kind, shape, hash) => match &clocks[shape] {
                (table, None) => Mark::Table(*table),
                (table, Some(clock)) => {
                    let clock = Arc::clone(clock);
                    match kind {
                        MATCH => Mark::Match(*table, hash, clock),
                        PART => Mark::Part(*table, hash, clock),
                        _ => Mark::Member(*table, hash, clock),
                    }
                }
            },
        }
    }
}

fn shape(reader: &mut Reader<'_>, columns: &mut usize) -> Result<Arc<Shape>, Malformed> {
    let equalities = names(reader, columns)?;
    let uses = some_columns(reader, columns)?.ok_or(Malformed)?;
    Ok(match some_columns(reader, columns)? {
        None => Shape::of_set(equalities, uses),
        Some(entering) => Shape::of_rows(equalities, uses, entering),
    })
}

fn some_columns(
    reader: &mut Reader<'_>,
    columns: &mut usize,
) -> Result<Option<Columns>, Malformed> {
    Ok(match reader.byte()? {
        NONE => None,
        ALL => Some(Columns::All),
        SOME => Some(Columns::named(names(reader, columns)?)),
        _ => return Err(Malformed),
    })
}

fn names(reader: &mut Reader<'_>, columns: &mut usize) -> Result<Vec<Arc<str>>, Malformed> {
    let count = limited(reader, 1, *columns)?;
    *columns -= count;
    (0..count).map(|_| reader.text().map(Arc::from)).collect()
}

fn limited(reader: &mut Reader<'_>, least: usize, most: usize) -> Result<usize, Malformed> {
    let count = reader.count(least)?;
    (count <= most).then_some(count).ok_or(Malformed)
}

fn place(reader: &mut Reader<'_>, count: usize) -> Result<usize, Malformed> {
    let place = usize::try_from(reader.number()?).map_err(|_| Malformed)?;
    (place < count).then_some(place).ok_or(Malformed)
}

#[cfg(test)]
mod tests;
