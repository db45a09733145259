//! A `QueryBuilder` that records what a statement does instead of printing it.
//!
//! The fields of sea-query's statements are private, but its builders hand every part to a method of this trait.
//! Parts whose default method would only print are left to it and print into nothing.

use std::borrow::Cow;
use std::cell::RefCell;

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    ConditionHolder, ConditionHolderContents, DeleteStatement, DynIden, Expr, InsertStatement,
    QueryBuilder, SelectStatement, SqlWriter, TableRef, UpdateStatement, WithQuery,
};

use super::counted::forget_what_is_only_counted;
use super::frame::{Frame, FrameKind, Part, With};
use super::recorder_state::State;
use super::recorder_writers::Nowhere;
use super::{Analysis, Mention, Name, Place, RelationName, Role, Uncacheable, fragment};

/// Records what the statement handed to it does.
pub(super) struct Recorder {
    pub(super) backend: DbBackend,
    pub(super) state: RefCell<State>,
}

/// What is kept of a write of which the rows are asked for.
#[derive(Default)]
pub(super) struct Capture {
    captured: Option<Captured>,
    /// More than one table and a WHERE decides which rows are written.
    spoiled: bool,
}

/// The table and the WHERE of a write.
pub(super) struct Captured {
    pub(super) table: TableRef,
    pub(super) condition: Option<ConditionHolder>,
}

/// Takes the table and the WHERE out of an UPDATE or DELETE; `None` if there is more to it.
pub(super) fn captured(
    backend: DbBackend,
    hand_over: impl FnOnce(&Recorder, &mut Nowhere<'_>),
) -> Option<Captured> {
    let recorder = Recorder::new(FrameKind::Update, backend);
    recorder.state.borrow_mut().capture = Some(Capture::default());
    recorder.within(FrameKind::Update, || {
        hand_over(&recorder, &mut Nowhere(&recorder));
    });
    let capture = recorder.state.into_inner().capture?;
    capture.captured.filter(|_| !capture.spoiled)
}

pub(super) fn select(statement: &SelectStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Select, backend, |recorder| {
        recorder.prepare_select_statement(statement, &mut Nowhere(recorder));
    })
}

pub(super) fn insert(statement: &InsertStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Insert, backend, |recorder| {
        recorder.prepare_insert_statement(statement, &mut Nowhere(recorder));
    })
}

pub(super) fn update(statement: &UpdateStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Update, backend, |recorder| {
        recorder.prepare_update_statement(statement, &mut Nowhere(recorder));
    })
}

pub(super) fn delete(statement: &DeleteStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Delete, backend, |recorder| {
        recorder.prepare_delete_statement(statement, &mut Nowhere(recorder));
    })
}

pub(super) fn with(statement: &WithQuery, backend: DbBackend) -> Analysis {
    record(FrameKind::With, backend, |recorder| {
        recorder.prepare_with_query(statement, &mut Nowhere(recorder));
    })
}

fn record(kind: FrameKind, backend: DbBackend, hand_over: impl FnOnce(&Recorder)) -> Analysis {
    let recorder = Recorder::new(kind, backend);
    recorder.within(kind, || hand_over(&recorder));
    let State {
        mut analysis,
        coarse,
        row_by_row,
        ..
    } = recorder.state.into_inner();
    if coarse {
        analysis.blocks.clear();
    } else if kind == FrameKind::Select {
        forget_what_is_only_counted(&mut analysis.blocks, |at| row_by_row.contains(&at));
    }
    analysis
}

impl Recorder {
    fn new(kind: FrameKind, backend: DbBackend) -> Self {
        let state = State {
            analysis: Analysis::default(),
            frames: Vec::with_capacity(2),
            ctes: Vec::new(),
            plain: kind == FrameKind::Select,
            // What a write reads is not kept.
            coarse: !matches!(kind, FrameKind::Select | FrameKind::With),
            capture: None,
            from_next: false,
            row_by_row: Vec::new(),
        };
        Self {
            backend,
            state: RefCell::new(state),
        }
    }

    /// Keeps the table of a write whose rows are asked for.
    pub(super) fn capture_table(&self, table: &TableRef) {
        let mut state = self.state.borrow_mut();
        let top = state.frames.len() == 1;
        if let Some(capture) = state.capture.as_mut().filter(|_| top) {
            Captured::table(&mut capture.captured, &mut capture.spoiled, table);
        }
    }

    fn capture_condition(&self, condition: &ConditionHolder) {
        let mut state = self.state.borrow_mut();
        let top = state.frames.len() == 1;
        if let Some(capture) = state.capture.as_mut().filter(|_| top) {
            match &mut capture.captured {
                Some(captured) if captured.condition.is_none() => {
                    captured.condition = Some(condition.clone());
                }
                _ => capture.spoiled = true,
            }
        }
    }

    /// Notes that more than a WHERE decides which rows are written.
    pub(super) fn spoil_capture(&self) {
        let mut state = self.state.borrow_mut();
        let top = state.frames.len() == 1;
        if let Some(capture) = state.capture.as_mut().filter(|_| top) {
            capture.spoiled = true;
        }
    }

    /// Records a statement inside another one.
    pub(super) fn nested(&self, kind: FrameKind, hand_over: impl FnOnce()) {
        self.state.borrow_mut().plain = false;
        self.within(kind, hand_over);
    }

    fn within(&self, kind: FrameKind, hand_over: impl FnOnce()) {
        self.state.borrow_mut().open(kind);
        hand_over();
        self.state.borrow_mut().close(self.backend);
    }

    /// Looks at the innermost statement.
    pub(super) fn frame<T>(&self, look: impl FnOnce(&mut Frame) -> T) -> Option<T> {
        self.state.borrow_mut().frames.last_mut().map(look)
    }

    pub(super) fn refuse(&self, reason: Uncacheable) {
        self.state.borrow_mut().analysis.refuse(reason);
    }

    pub(super) fn call(&self, name: impl Into<Cow<'static, str>>) {
        self.state
            .borrow_mut()
            .analysis
            .call(name.into(), self.backend);
    }

    pub(super) fn not_plain(&self) {
        self.state.borrow_mut().plain = false;
    }

    /// Records a piece of raw SQL; in a select list it may go on with FROM.
    pub(super) fn fragment(&self, text: &str, in_select_list: bool) {
        let Some(fragment) = fragment::take_apart(text, in_select_list, self.backend) else {
            self.untold();
            // `1` after ORDER BY is the first column.
            if self.may_be_place() {
                self.opaque_columns();
            }
            return;
        };
        let ordinal = self.may_be_place();
        let mut state = self.state.borrow_mut();
        let analysis = &fragment.analysis;
        state.plain &= analysis.reads.is_empty() && analysis.refusal.is_none();
        state.plain &= fragment.block.is_some();
        match &fragment.block {
            Some(block) => state.put_in(block, fragment.columns, ordinal),
            None => state.coarse = true,
        }
        // What cannot be parsed may close parentheses that are not its own: nothing is pinned any more.
        if matches!(
            analysis.refusal,
            Some(Uncacheable::Opaque(_) | Uncacheable::Unparsed)
        ) {
            state
                .frames
                .iter_mut()
                .for_each(|frame| frame.joined = true);
        }
        state.analysis.absorb(analysis.clone());
    }

    /// Tells whether a number here may be the place of a column of the answer.
    fn may_be_place(&self) -> bool {
        matches!(
            self.frame(|frame| frame.role),
            Some(None | Some(Role::Order))
        )
    }

    /// Records a part whose meaning is not known: it may be a call of anything.
    pub(super) fn opaque(&self, part: &'static str) {
        let mut state = self.state.borrow_mut();
        state.plain = false;
        state.opaque_block();
        state.analysis.refuse(Uncacheable::Opaque(part));
        state.analysis.unknown_writes = true;
    }

    pub(super) fn table(&self, name: RelationName, alias: Option<&DynIden>) {
        let backend = self.backend;
        self.state
            .borrow_mut()
            .table(name, alias.map(Name::from), backend);
    }

    /// Takes the name of a CTE or a column; other identifiers need no attention.
    pub(super) fn iden(&self, iden: &DynIden) {
        self.frame(|frame| match frame.with {
            With::Name { recursive } => {
                frame.with = With::Body {
                    name: iden.into(),
                    recursive,
                };
            }
            With::Outside if frame.part == Part::Columns => frame.columns.push(iden.into()),
            _ => {}
        });
    }

    /// Records the body of a CTE, if the next query is one.
    pub(super) fn cte(&self, body: impl FnOnce()) {
        let with = self.frame(|frame| std::mem::replace(&mut frame.with, With::Outside));
        let Some(With::Body { name, recursive }) = with else {
            return body();
        };
        // A body sees the CTEs before it, and itself only when the clause is recursive.
        if recursive {
            self.state.borrow_mut().ctes.push(name);
            body();
        } else {
            body();
            self.state.borrow_mut().ctes.push(name);
        }
        self.frame(|frame| frame.with = With::Name { recursive });
    }

    /// Notes that columns are used which cannot be told.
    pub(super) fn opaque_columns(&self) {
        self.state.borrow_mut().opaque_block();
    }

    /// Records a source of the innermost SELECT that is no relation.
    pub(super) fn derived(&self, alias: Option<&DynIden>) {
        self.state.borrow_mut().source(None, alias.map(Name::from));
    }

    /// Records that a column is named; `None`: every column.
    pub(super) fn mention(&self, qualifier: Option<Name>, column: Option<Name>) {
        let mut state = self.state.borrow_mut();
        let Some((frame, block)) = state.frame_and_block() else {
            return;
        };
        block.mentions.push(Mention {
            qualifier,
            column,
            role: frame.role.unwrap_or(Role::Order),
        });
    }

    /// Records a part of a statement, in which columns are named for `role`.
    pub(super) fn part(&self, role: Role, record: impl FnOnce()) {
        let outer = self.frame(|frame| frame.role.replace(role));
        record();
        self.frame(|frame| frame.role = outer.flatten());
    }

    /// Notes that the answer's rows do not tell the rows they are made of.
    pub(super) fn untold(&self) {
        self.frame(Frame::puts_together);
    }

    /// Notes a function that may make one value of many rows, those of a query around this one too.
    pub(super) fn combines(&self) {
        let mut state = self.state.borrow_mut();
        let frames = state.frames.iter_mut();
        frames.for_each(Frame::puts_together);
    }

    /// Notes that the innermost SELECT skips rows, or not all are asked for.
    pub(super) fn limited(&self) {
        if let Some((_, block)) = self.state.borrow_mut().frame_and_block() {
            block.limited = true;
        }
    }

    /// Notes a name given to a part of the select list.
    pub(super) fn aliased(&self, name: &DynIden) {
        if let Some((_, block)) = self.state.borrow_mut().frame_and_block() {
            block.aliases.push(name.into());
        }
    }

    /// Records a condition and what it says for certain.
    pub(super) fn condition(
        &self,
        condition: &ConditionHolder,
        place: Option<Place>,
        sql: &mut impl SqlWriter,
    ) {
        if place == Some(Place::Where) {
            self.capture_condition(condition);
        }
        match &condition.contents {
            ConditionHolderContents::Empty => {}
            ConditionHolderContents::Chain(chain) => {
                if let Some(place) = place {
                    self.frame(|frame| frame.equalities.of_chain(chain, place));
                }
                for link in chain {
                    self.link(link, sql);
                }
            }
            ConditionHolderContents::Condition(condition) => {
                let expr = Expr::from(condition.clone());
                if let Some(place) = place {
                    self.frame(|frame| frame.equalities.of_expr(&expr, place));
                }
                self.walk(&expr, sql);
            }
        }
    }

    /// Returns the place of the source recorded last.
    pub(super) fn last_source(&self) -> u16 {
        let mut state = self.state.borrow_mut();
        let sources = state
            .frame_and_block()
            .map_or(0, |(_, block)| block.sources.len());
        u16::try_from(sources.saturating_sub(1)).unwrap_or(u16::MAX)
    }
}

/// Reads the name of a table reference that is a plain table.
pub(super) fn relation(table: &TableRef) -> Option<(RelationName, Option<&DynIden>)> {
    match table {
        TableRef::Table(name, alias) => Some((name.into(), alias.as_ref())),
        _ => None,
    }
}
