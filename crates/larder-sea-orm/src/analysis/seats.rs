//! The tables of a statement's blocks, and the columns of each that are named anywhere.
//!
//! A name that may belong to several tables belongs to each of them; one that belongs to none that is known makes
//! every column used that can be seen from where it stands. A column too many costs precision, never freshness.

use std::sync::Arc;

use larder_core::Shape;
use sea_orm::DbBackend;
use smallvec::SmallVec;

use super::bits::Bits;
use super::carry::Candidate;
use super::{Block, Join, Mention, Name, Place, Role, Source};
use crate::canonical::ColumnClass;
use crate::catalog::{Catalog, Table};
use crate::members::KeyAt;

/// One table in one block.
pub(super) struct Seat<'a> {
    pub(super) table: &'a Table,
    pub(super) block: usize,
    pub(super) source: usize,
    pub(super) join: Join,
    uses: Bits,
    enters: Bits,
    /// The columns that are named elsewhere than in the select list and in ORDER BY.
    asked: Bits,
    /// Only rows that have no partner in it are asked for.
    absent: bool,
    /// It is named in WHERE, in the ON of a later join, or in a subquery.
    filtered: bool,
    outputs: SmallVec<[(usize, u16); 4]>,
}

/// The tables of all blocks.
pub(super) struct Seats<'a> {
    pub(super) blocks: &'a [Block],
    pub(super) backend: DbBackend,
    /// The values bound are marks of their places.
    pub(super) bound_by_mark: bool,
    pub(super) list: SmallVec<[Seat<'a>; 4]>,
}

impl<'a> Seat<'a> {
    pub(super) fn new(table: &'a Table, block: usize, source: usize, blocks: &[Block]) -> Self {
        Self {
            table,
            block,
            source,
            join: blocks[block].sources[source].join,
            uses: Bits::default(),
            enters: Bits::default(),
            asked: Bits::default(),
            absent: false,
            filtered: false,
            outputs: SmallVec::new(),
        }
    }

    /// Takes note that a column is named for `role`; `None`: any column may be.
    fn name(&mut self, column: Option<usize>, role: Role, from_inside: bool) {
        let all = self.table.columns().len();
        let mark = |bits: &mut Bits| match column {
            Some(column) => bits.insert(column),
            None => bits.fill(all),
        };
        mark(&mut self.uses);
        let selected = matches!(role, Role::Output(_) | Role::Selected);
        if !selected || from_inside {
            mark(&mut self.enters);
        }
        if from_inside || matches!(role, Role::Where | Role::On(_)) {
            mark(&mut self.asked);
        }
        let later = |at: u16| usize::from(at) > self.source;
        self.filtered |=
            from_inside || role == Role::Where || matches!(role, Role::On(at) if later(at));
        if let (Role::Output(at), Some(column), false) = (role, column, from_inside) {
            self.outputs.push((column, at));
        }
    }

    pub(super) fn name_all(&mut self) {
        self.name(None, Role::Where, true);
    }

    pub(super) fn shape(
        &self,
        equalities: &[&Candidate],
        rows: bool,
        catalog: &Catalog,
    ) -> Arc<Shape> {
        let mut compared = Bits::default();
        equalities
            .iter()
            .flat_map(|it| &it.columns)
            .for_each(|column| compared.insert(*column));
        let enters = rows.then_some(&self.enters);
        // What is shown of a row that is not there is NULL, whatever there is.
        let uses = if self.absent { &self.asked } else { &self.uses };
        catalog.shapes.get(self.table, &compared, uses, enters)
    }
}

impl<'a> Seats<'a> {
    /// Takes the joins for what the WHERE leaves of them.
    ///
    /// What asks for a value of a table joined by LEFT JOIN makes an INNER JOIN of it, and what asks for NULL where
    /// a row has none leaves only rows without a partner.
    pub(super) fn settle_joins(&mut self) {
        for at in 0..self.list.len() {
            let seat = &self.list[at];
            let block = seat.block;
            if seat.join != Join::Left || self.has_outer_joins(block) || self.blocks[block].opaque {
                continue;
            }
            let (absent, present) = (self.asks_for_none(at), self.asks_for_value(at));
            self.list[at].absent = absent;
            if present && !absent {
                self.list[at].join = Join::Inner;
            }
        }
    }

    /// Tells whether a column of a seat that is never NULL must be.
    fn asks_for_none(&self, at: usize) -> bool {
        let seat = &self.list[at];
        let mut nulls = self.blocks[seat.block].atoms.iter();
        nulls.any(|atom| {
            let [column] = atom.columns.as_slice() else {
                return false;
            };
            let found = self.locate(seat.block, column);
            let never_null = |place: usize| self.is_never_null(seat.table, place);
            atom.is_null
                && atom.place == Place::Where
                && found.is_some_and(|(of, place)| of == at && never_null(place))
        })
    }

    /// Tells whether a column is certainly never NULL: one of a primary key, which in `SQLite` may be.
    ///
    /// Only integers: of others `MySQL` may find something by IS NULL.
    fn is_never_null(&self, table: &Table, place: usize) -> bool {
        let column = &table.columns()[place];
        let mut key = table.key().iter();
        let sqlite = self.backend == DbBackend::Sqlite;
        !table.is_family()
            && column.class == ColumnClass::Int
            && key.any(|own| *own.name == *column.name && (!sqlite || own.automatic))
    }

    /// Tells whether a WHERE holds for no row that has NULL in the place of a seat.
    fn asks_for_value(&self, at: usize) -> bool {
        let block = &self.blocks[self.list[at].block];
        let mut atoms = block.atoms.iter();
        let own = |column| {
            let found = self.locate(self.list[at].block, column);
            found.is_some_and(|(of, _)| of == at)
        };
        atoms
            .any(|atom| !atom.is_null && atom.place == Place::Where && atom.columns.iter().any(own))
            || self.checks_for_value(&self.list[at])
    }

    /// Attributes each column that is named to the seats it may belong to.
    pub(super) fn attribute(&mut self) {
        let mut by_alias: SmallVec<[usize; 2]> = SmallVec::new();
        for (at, block) in self.blocks.iter().enumerate() {
            if block.opaque {
                self.everything_seen_from(at);
                continue;
            }
            for mention in &block.mentions {
                self.mention(at, mention);
                let alias = mention.qualifier.is_none()
                    && !matches!(mention.role, Role::Output(_) | Role::Selected)
                    && mention
                        .column
                        .as_ref()
                        .is_some_and(|name| Self::is_alias(block, name));
                if alias {
                    by_alias.push(at);
                }
            }
        }
        // What is sorted by the name of a part of the answer is sorted by the columns of that part.
        for block in by_alias {
            for seat in &mut self.list {
                if seat.block == block {
                    seat.enters = seat.uses.clone();
                }
            }
        }
    }

    fn is_alias(block: &Block, name: &Name) -> bool {
        block
            .aliases
            .iter()
            .any(|alias| alias.text().eq_ignore_ascii_case(name.text()) || !name.text().is_ascii())
    }

    fn mention(&mut self, at: usize, mention: &Mention) {
        match (&mention.qualifier, &mention.column) {
            (Some(qualifier), column) => {
                self.qualified(at, qualifier, column.as_ref(), mention.role);
            }
            (None, Some(column)) => self.unqualified(at, column, mention.role),
            (None, None) => {
                for seat in self.list.iter_mut().filter(|seat| seat.block == at) {
                    seat.name(None, mention.role, false);
                }
            }
        }
    }

    fn qualified(&mut self, at: usize, qualifier: &Name, column: Option<&Name>, role: Role) {
        let Some(block) = self
            .seen_from(at)
            .find(|block| self.goes_by(*block, qualifier))
        else {
            return self.everything_seen_from(at);
        };
        // A source without a name may go by any, and hide the one that is meant.
        if !self.blocks[block].sources.iter().all(Source::has_name) {
            return self.everything_seen_from(at);
        }
        for seat in self.list.iter_mut().filter(|seat| seat.block == block) {
            if self.blocks[block].sources[seat.source].goes_by(qualifier, self.backend) {
                // A column that is not known may be one of those no catalog lists.
                let column = column.and_then(|name| seat.table.column(name, self.backend));
                seat.name(column, role, block != at);
            }
        }
    }

    fn unqualified(&mut self, at: usize, name: &Name, role: Role) {
        let (backend, mut found) = (self.backend, false);
        let seen: SmallVec<[usize; 4]> = self.seen_from(at).collect();
        for seat in self
            .list
            .iter_mut()
            .filter(|seat| seen.contains(&seat.block))
        {
            let inside = seat.block != at;
            if let Some(column) = seat.table.column(name, backend) {
                seat.name(Some(column), role, inside);
                found = true;
            } else if seat.may_be_named(name, self.blocks, backend) {
                seat.name(None, role, inside);
                found = true;
            }
        }
        let elsewhere = seen.iter().any(|at| {
            let block = &self.blocks[*at];
            let seated = self.list.iter().filter(|seat| seat.block == *at).count();
            Self::is_alias(block, name) || seated < block.sources.len()
        });
        if !found && (!elsewhere || is_system(name)) {
            self.everything_seen_from(at);
        }
    }

    fn goes_by(&self, block: usize, name: &Name) -> bool {
        let mut sources = self.blocks[block].sources.iter();
        sources.any(|source| source.goes_by(name, self.backend))
    }

    /// Returns the block and those around it, innermost first.
    pub(super) fn seen_from(&self, at: usize) -> impl Iterator<Item = usize> + use<'a> {
        let blocks = self.blocks;
        std::iter::successors(Some(at), move |at| blocks.get(*at)?.outer)
    }

    fn everything_seen_from(&mut self, at: usize) {
        let seen: SmallVec<[usize; 4]> = self.seen_from(at).collect();
        for seat in self
            .list
            .iter_mut()
            .filter(|seat| seen.contains(&seat.block))
        {
            seat.name_all();
        }
    }

    /// Returns where the answer tells the keys of a seat's rows; `None` if its rows are not told.
    pub(super) fn told_key(&self, seat: &Seat<'_>) -> Option<SmallVec<[KeyAt; 1]>> {
        let block = &self.blocks[seat.block];
        let certain = block.tells_rows()
            && !seat.table.key().is_empty()
            && block
                .sources
                .iter()
                .all(|source| source.join != Join::Other);
        // A row without a partner appears when the last partner goes, which need not be in the answer.
        let partner = seat.join == Join::Left && (block.limited || seat.filtered);
        if !certain || partner {
            return None;
        }
        seat.table
            .key()
            .iter()
            .map(|column| {
                let mut columns = seat.table.columns().iter();
                self.told_column(seat, columns.position(|it| *it.name == *column.name)?)
            })
            .collect()
    }

    /// Returns where the answer tells a column of a seat, if its rows are those of the seat's block.
    pub(super) fn told_column(&self, seat: &Seat<'_>, column: usize) -> Option<KeyAt> {
        let own = &seat.table.columns()[column];
        let output = seat.outputs.iter().find(|(at, _)| *at == column);
        output
            .map(|(_, at)| KeyAt::index(usize::from(*at), own.class))
            .or_else(|| {
                is_whole(&self.blocks[seat.block]).then(|| KeyAt::named(&own.name, own.class))
            })
    }
}

impl Seat<'_> {
    /// Tells whether only rows that have no partner in it are asked for.
    pub(super) fn is_absent(&self) -> bool {
        self.absent
    }

    /// Tells whether it has a part in WHERE, in the ON of a later join, or in a subquery.
    pub(super) fn is_filtered(&self) -> bool {
        self.filtered
    }

    /// Tells whether a name may be this table's row as a whole, or a column of it in a spelling of the server's.
    fn may_be_named(&self, name: &Name, blocks: &[Block], backend: DbBackend) -> bool {
        let source = &blocks[self.block].sources[self.source];
        let as_row = backend == DbBackend::Postgres && source.goes_by(name, backend);
        let spelled = |column: &str| name.may_be_column(column, backend);
        as_row
            || self
                .table
                .columns()
                .iter()
                .any(|column| spelled(&column.name))
    }
}

/// Tells whether the answer is every column of one table, under their own names.
fn is_whole(block: &Block) -> bool {
    let star = |mention: &Mention| {
        mention.qualifier.is_none() && mention.column.is_none() && mention.role == Role::Selected
    };
    block.sources.len() == 1
        && block.aliases.is_empty()
        && block.mentions.iter().any(star)
        && !block
            .mentions
            .iter()
            .any(|mention| matches!(mention.role, Role::Output(_)))
}

/// Tells whether a name may be a column that a database adds to each table.
fn is_system(name: &Name) -> bool {
    const SYSTEM: [&str; 11] = [
        "rowid", "oid", "_rowid_", "_rowid", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid",
        "rank",
    ];
    SYSTEM
        .iter()
        .any(|system| name.text().eq_ignore_ascii_case(system))
}
