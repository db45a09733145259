//! Dependencies as an entry holds them: hashes, and handles to its tables' clocks.

mod wire;

use std::collections::HashSet;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::dependency::{Dependency, key_hash, member_hash, tag_hash};
use crate::filtered::Filtered;
use crate::hash::BuildPassThrough;
use crate::node::Node;
use crate::spot::Spot;
use crate::table::{ShapeClock, Table};

/// With more rows than this, an entry depends on their whole tables instead.
const MOST_MARKS: usize = 4096;

/// One dependency.
#[derive(Clone)]
pub(crate) enum Mark {
    /// A row: the table's index and the row's hash.
    Row(u32, u64),
    /// Rows picked by equalities.
    Match(u32, u64, Arc<ShapeClock>),
    /// Rows picked by equalities and a filter.
    Filtered(u32, Arc<Filtered>),
    /// Rows picked by some of the equalities of the match beside it.
    Part(u32, u64, Arc<ShapeClock>),
    /// A row of an answer, in the columns used; beside a match of the same shape.
    Member(u32, u64, Arc<ShapeClock>),
    /// Anything in a table.
    Table(u32),
    /// A tag or the key of an entry.
    Named(u64),
}

/// The dependencies of an entry.
#[derive(Clone, Default)]
#[repr(C)]
pub(crate) struct Marks {
    pub(crate) tables: SmallVec<[Arc<Table>; 2]>,
    pub(crate) list: SmallVec<[Mark; 1]>,
    /// Some mark is a tag or a key.
    pub(crate) named: bool,
}

impl Mark {
    /// Tells whether nothing at or after `position` touched this dependency.
    #[inline]
    pub(crate) fn untouched_since(&self, position: u64, marks: &Marks, node: &Node) -> bool {
        let untouched = self.every_spot(position, marks, &mut |spot| spot.latest(node) < position);
        untouched || self.is_acquitted(position, marks)
    }

    /// Tells whether what touched it is known, and did not concern it.
    fn is_acquitted(&self, position: u64, marks: &Marks) -> bool {
        match self {
            Self::Filtered(table, filtered) => {
                filtered.is_unconcerned_since(position, marks.table(*table))
            }
            _ => false,
        }
    }

    /// Tells whether `holds` of every spot that decides about an entry of this position.
    #[inline]
    pub(crate) fn every_spot<'a>(
        &'a self,
        position: u64,
        marks: &'a Marks,
        holds: &mut impl FnMut(Spot<'a>) -> bool,
    ) -> bool {
        match self {
            Self::Row(table, hash) => {
                holds(Spot::Keyless(marks.table(*table))) && holds(Spot::Slot(*hash))
            }
            Self::Named(hash) => holds(Spot::Pending(*hash)) && holds(Spot::Slot(*hash)),
            Self::Match(_, hash, shape) if position >= shape.since => {
                holds(Spot::Unknown(shape)) && holds(Spot::Slot(*hash))
            }
            Self::Filtered(_, filtered) if position >= filtered.clock.since => {
                filtered.every_spot(holds)
            }
            Self::Member(_, hash, shape) | Self::Part(_, hash, shape)
                if position >= shape.since =>
            {
                holds(Spot::Slot(*hash))
            }
            // Its shape was not known yet when a change above the stamp may have come.
            Self::Table(table)
            | Self::Match(table, ..)
            | Self::Filtered(table, _)
            | Self::Part(table, ..)
            | Self::Member(table, ..) => holds(Spot::Any(marks.table(*table))),
        }
    }

    /// Returns the shape it was read by, if any, with the index of its table.
    pub(crate) fn shape(&self) -> Option<(u32, &ShapeClock)> {
        match self {
            Self::Match(table, _, shape) | Self::Member(table, _, shape) => Some((*table, shape)),
            Self::Filtered(table, filtered) => Some((*table, &filtered.clock)),
            Self::Row(..) | Self::Table(_) | Self::Named(_) | Self::Part(..) => None,
        }
    }

    /// Returns the index of its table, if it is of one.
    pub(crate) fn table(&self) -> Option<u32> {
        match self {
            Self::Row(table, _)
            | Self::Match(table, ..)
            | Self::Filtered(table, _)
            | Self::Part(table, ..)
            | Self::Member(table, ..)
            | Self::Table(table) => Some(*table),
            Self::Named(_) => None,
        }
    }

    /// Returns the hash a soft change of this dependency touches.
    pub(crate) fn soft_hash(&self, marks: &Marks) -> u64 {
        match self {
            Self::Row(_, hash) | Self::Named(hash) => *hash,
            Self::Match(table, ..)
            | Self::Filtered(table, _)
            | Self::Part(table, ..)
            | Self::Member(table, ..)
            | Self::Table(table) => marks.table(*table).any_hash,
        }
    }

    /// Returns what tells this dependency from others of the same entry, its kind included.
    fn identity(&self) -> (u64, u32, u8) {
        match self {
            Self::Row(table, hash) => (*hash, *table, 0),
            Self::Match(table, hash, _) => (*hash, *table, 1),
            Self::Table(table) => (0, *table, 2),
            Self::Named(hash) => (*hash, 0, 3),
            Self::Member(table, hash, _) => (*hash, *table, 4),
            Self::Part(table, hash, _) => (*hash, *table, 5),
            Self::Filtered(table, filtered) => (filtered.identity, *table, 6),
        }
    }
}

impl Marks {
    pub(crate) fn table(&self, index: u32) -> &Table {
        &self.tables[index as usize]
    }

    /// Returns roughly the heap bytes these take.
    pub(crate) fn weight(&self) -> usize {
        let tables = if self.tables.spilled() {
            self.tables.len() * 8
        } else {
            0
        };
        let list = if self.list.spilled() {
            self.list.capacity() * size_of::<Mark>()
        } else {
            0
        };
        let filtered = self.list.iter().map(|mark| match mark {
            Mark::Filtered(_, filtered) => filtered.weight(),
            _ => 0,
        });
        tables + list + filtered.sum::<usize>()
    }
}

/// Collects dependencies, each once.
#[derive(Default)]
pub(crate) struct MarkSet {
    marks: Marks,
    seen: HashSet<(u64, u32, u8), BuildPassThrough>,
}

impl MarkSet {
    /// Adds a dependency; registers its shape, so call it before the statement is sent.
    ///
    /// [`Dependency::Everything`] is left out: every entry has it.
    pub(crate) fn add(&mut self, dependency: &Dependency, node: &Node) {
        match dependency {
            Dependency::Row(name, key) => {
                let table = self.table(&node.table(name));
                let hash = key.hash_in(name);
                node.names.learn(hash, || dependency.to_string());
                self.push(Mark::Row(table, hash));
            }
            Dependency::Match(name, rows) => {
                let handle = node.table(name);
                let table = self.table(&handle);
                match handle.clock(rows.shape(), || node.watermark().get()) {
                    Some(clock) if rows.filter().is_some() => {
                        let filtered = Arc::new(Filtered::new(rows, name, clock));
                        self.push(Mark::Filtered(table, filtered));
                    }
                    Some(clock) => {
                        self.push(Mark::Match(table, rows.hash_in(name), Arc::clone(&clock)));
                        for hash in rows.parts_in(name) {
                            self.push(Mark::Part(table, hash, Arc::clone(&clock)));
                        }
                    }
                    None => self.push(Mark::Table(table)),
                }
            }
            Dependency::Member(name, member) => {
                let handle = node.table(name);
                let table = self.table(&handle);
                let hash = member_hash(member.key.hash_in(name), &member.shape);
                node.names.learn(hash, || dependency.to_string());
                match handle.clock(&member.shape, || node.watermark().get()) {
                    Some(clock) => self.push(Mark::Member(table, hash, clock)),
                    None => self.push(Mark::Table(table)),
                }
            }
            Dependency::Table(name) => {
                let table = self.table(&node.table(name));
                self.push(Mark::Table(table));
            }
            Dependency::Tag(name) => {
                let hash = tag_hash(name);
                node.names.learn(hash, || dependency.to_string());
                self.push(Mark::Named(hash));
            }
            Dependency::Key(region, scope, key) => {
                let hash = key_hash(region, &scope.encoded(), key.as_bytes());
                node.names.learn(hash, || dependency.to_string());
                self.push(Mark::Named(hash));
            }
            Dependency::Everything => {}
        }
    }

    pub(crate) fn add_named(&mut self, hash: u64) {
        self.push(Mark::Named(hash));
    }

    /// Adds all that `inner` was made of.
    pub(crate) fn add_all(&mut self, inner: &Marks) {
        let indices: SmallVec<[u32; 8]> =
            inner.tables.iter().map(|table| self.table(table)).collect();
        for mark in &inner.list {
            self.push(match mark {
                Mark::Row(table, hash) => Mark::Row(indices[*table as usize], *hash),
                Mark::Match(table, hash, shape) => {
                    Mark::Match(indices[*table as usize], *hash, Arc::clone(shape))
                }
                Mark::Filtered(table, filtered) => {
                    Mark::Filtered(indices[*table as usize], Arc::clone(filtered))
                }
                Mark::Member(table, hash, shape) => {
                    Mark::Member(indices[*table as usize], *hash, Arc::clone(shape))
                }
                Mark::Part(table, hash, shape) => {
                    Mark::Part(indices[*table as usize], *hash, Arc::clone(shape))
                }
                Mark::Table(table) => Mark::Table(indices[*table as usize]),
                Mark::Named(hash) => Mark::Named(*hash),
            });
        }
    }

    /// Returns what was collected so far.
    pub(crate) fn so_far(&self) -> Marks {
        self.marks.clone()
    }

    /// Returns what was collected, in as little room as it takes.
    pub(crate) fn take(&mut self) -> Marks {
        self.seen.clear();
        let mut marks = std::mem::take(&mut self.marks);
        if marks.list.len() > MOST_MARKS {
            marks.widen();
        }
        marks.drop_covered();
        marks.list.shrink_to_fit();
        marks
    }

    fn table(&mut self, table: &Arc<Table>) -> u32 {
        let tables = &mut self.marks.tables;
        let index = tables.iter().position(|known| Arc::ptr_eq(known, table));
        let index = index.unwrap_or_else(|| {
            tables.push(Arc::clone(table));
            tables.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    fn push(&mut self, mark: Mark) {
        if self.seen.insert(mark.identity()) {
            self.marks.named |= matches!(mark, Mark::Named(_));
            self.marks.list.push(mark);
        }
    }
}

impl Marks {
    /// Makes every row and match a dependency on its whole table.
    fn widen(&mut self) {
        self.list.retain(|mark| matches!(mark, Mark::Named(_)));
        self.list.extend(
            (0..self.tables.len())
                .filter_map(|i| u32::try_from(i).ok())
                .map(Mark::Table),
        );
    }

    /// Drops rows of tables that are depended on as a whole.
    fn drop_covered(&mut self) {
        let whole: SmallVec<[u32; 8]> = self
            .list
            .iter()
            .filter_map(|mark| {
                if let Mark::Table(table) = mark {
                    Some(*table)
                } else {
                    None
                }
            })
            .collect();
        if !whole.is_empty() {
            self.list.retain(|mark| match mark {
                Mark::Row(table, _)
                | Mark::Match(table, ..)
                | Mark::Filtered(table, _)
                | Mark::Part(table, ..)
                | Mark::Member(table, ..) => !whole.contains(table),
                Mark::Table(_) | Mark::Named(_) => true,
            });
        }
    }
}
