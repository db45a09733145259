//! One statement or subquery while it is recorded.

use sea_orm::DbBackend;

use super::equalities::Equalities;
use super::pins::Scope;
use super::{
    Cell, Columns, Join, KeyKnowledge, Name, Pins, RelationName, Returning, Role, Write, WriteKind,
};

/// One statement or subquery.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    pub(super) part: Part,
    pub(super) with: With,
    pub(super) table: Option<RelationName>,
    pub(super) alias: Option<Name>,
    pub(super) joined: bool,
    pub(super) equalities: Equalities,
    pub(super) outer_ctes: usize,
    /// Its block, if it is a SELECT whose tables are told apart.
    pub(super) block: Option<usize>,
    /// What columns are named for in the part that is being handed over; `None`: no part that is known.
    pub(super) role: Option<Role>,
    /// How the next table is joined.
    pub(super) join: Join,
    /// The place of the next column of the answer; `None` once it cannot be told.
    pub(super) output: Option<u16>,
    /// Its rows are told by its answer, as far as it has been seen.
    pub(super) rows_told: bool,
    /// It stands in the FROM of another one.
    pub(super) in_from: bool,
    /// It gives a row for each row it reads, as far as it has been seen.
    pub(super) row_by_row: bool,
    pub(super) columns: Vec<Name>,
    pub(super) set: Vec<Name>,
    /// The values of an UPDATE's SET, in the order of `set`.
    pub(super) assigned: Vec<Cell>,
    pub(super) cells: Vec<Cell>,
    pub(super) default_rows: usize,
    /// An INSERT whose rows come from a SELECT.
    pub(super) selected: bool,
    pub(super) replace: bool,
    pub(super) upsert: Upsert,
    pub(super) returning: Returning,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Select,
    Insert,
    Update,
    Delete,
    With,
}

/// Which part of a statement is being handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Anything that needs no attention.
    Body,
    /// The columns of an INSERT.
    Columns,
    /// The cells of an INSERT.
    Cells,
    /// The value of a column an UPDATE sets.
    Assigned,
}

/// Where in a WITH clause we are.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum With {
    Outside,
    /// The next identifier is the name of a CTE.
    Name {
        recursive: bool,
    },
    /// The next query is the body of the CTE of this name.
    Body {
        name: Name,
        recursive: bool,
    },
}

/// What an INSERT does about conflicts.
#[derive(Clone, PartialEq)]
pub(super) enum Upsert {
    No,
    /// There is an ON CONFLICT clause on these columns, so far without an action.
    Nothing(Option<Vec<Name>>),
    /// It updates the row that conflicts in these columns.
    Update(Option<Vec<Name>>),
}

impl Frame {
    pub(super) fn new(kind: FrameKind, outer_ctes: usize) -> Self {
        Self {
            kind,
            part: Part::Body,
            with: With::Outside,
            table: None,
            alias: None,
            joined: false,
            equalities: Equalities::default(),
            outer_ctes,
            block: None,
            role: None,
            join: Join::Inner,
            output: Some(0),
            rows_told: true,
            in_from: false,
            row_by_row: true,
            columns: Vec::new(),
            set: Vec::new(),
            assigned: Vec::new(),
            cells: Vec::new(),
            default_rows: 0,
            selected: false,
            replace: false,
            upsert: Upsert::No,
            returning: Returning::Nothing,
        }
    }

    /// Notes that its rows do not tell the rows they are made of.
    pub(super) fn puts_together(&mut self) {
        self.rows_told = false;
        self.row_by_row = false;
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(
            self.kind,
            FrameKind::Insert | FrameKind::Update | FrameKind::Delete
        )
    }

    /// Returns what its WHERE pins of its first table.
    pub(super) fn pins(&self, backend: DbBackend) -> Pins {
        let table = self
            .alias
            .as_ref()
            .or(self.table.as_ref().map(|table| &table.name));
        table.map_or_else(Pins::default, |table| {
            Pins::of(&self.equalities.atoms, Scope { table, backend })
        })
    }

    /// Returns what the statement writes.
    pub(super) fn write(self, backend: DbBackend) -> Option<Write> {
        let pins = self.pins(backend);
        let write = Write::wide(self.table?, WriteKind::Insert);
        let unpinned = self.joined || pins.is_empty();
        let key = match self.kind {
            FrameKind::Insert => {
                inserted(self.selected, self.columns, self.cells, self.default_rows)
            }
            _ if unpinned => KeyKnowledge::Unknown,
            _ => KeyKnowledge::Pinned(pins),
        };
        let (kind, set) = match (self.kind, self.upsert) {
            (FrameKind::Insert, _) if self.replace => (WriteKind::Replace, Columns::Unknown),
            (FrameKind::Insert, Upsert::Update(target)) => {
                (WriteKind::Upsert(target), Columns::Named(self.set))
            }
            (FrameKind::Insert, _) => (WriteKind::Insert, Columns::Named(Vec::new())),
            (FrameKind::Delete, _) => (WriteKind::Delete, Columns::Unknown),
            _ => (WriteKind::Update, Columns::Named(self.set)),
        };
        Some(Write {
            kind,
            columns: set,
            key,
            assigned: self.assigned,
            returning: self.returning,
            ..write
        })
    }
}

fn inserted(
    selected: bool,
    columns: Vec<Name>,
    cells: Vec<Cell>,
    default_rows: usize,
) -> KeyKnowledge {
    if selected {
        return KeyKnowledge::Unknown;
    }
    if columns.is_empty() && default_rows > 0 {
        return KeyKnowledge::Inserted {
            columns,
            rows: vec![Vec::new(); default_rows],
        };
    }
    if columns.is_empty() || cells.is_empty() || !cells.len().is_multiple_of(columns.len()) {
        return KeyKnowledge::Unknown;
    }
    let mut rows = Vec::with_capacity(cells.len() / columns.len());
    let mut cells = cells.into_iter().peekable();
    while cells.peek().is_some() {
        rows.push(cells.by_ref().take(columns.len()).collect::<Vec<_>>());
    }
    KeyKnowledge::Inserted { columns, rows }
}
