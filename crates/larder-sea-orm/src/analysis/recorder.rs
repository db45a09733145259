//! A `QueryBuilder` that records what a statement does instead of printing it.
//!
//! The fields of sea-query's statements are private, but its builders hand every part to a method of this trait.
//! Parts whose default method would only print are left to it and print into nothing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    ConditionHolder, ConditionHolderContents, DeleteStatement, DynIden, Expr, InsertStatement,
    QueryBuilder, SelectStatement, SqlWriter, TableRef, UpdateStatement, Value, WithQuery,
};

use super::frame::{Frame, FrameKind, Part, With};
use super::pins::{self, Atom, Scope};
use super::{Analysis, Name, Pins, RelationName, Uncacheable, fragment};

/// Records what the statement handed to it does.
pub(super) struct Recorder {
    pub(super) backend: DbBackend,
    pub(super) state: RefCell<State>,
}

/// What is known so far.
pub(super) struct State {
    pub(super) analysis: Analysis,
    frames: Vec<Frame>,
    /// The CTEs that can be seen here.
    ctes: Vec<Name>,
    /// So far it is one SELECT of one table, nothing inside.
    plain: bool,
}

pub(super) fn select(statement: &SelectStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Select, backend, |recorder| {
        recorder.prepare_select_statement(statement, &mut Nowhere);
    })
}

pub(super) fn insert(statement: &InsertStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Insert, backend, |recorder| {
        recorder.prepare_insert_statement(statement, &mut Nowhere);
    })
}

pub(super) fn update(statement: &UpdateStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Update, backend, |recorder| {
        recorder.prepare_update_statement(statement, &mut Nowhere);
    })
}

pub(super) fn delete(statement: &DeleteStatement, backend: DbBackend) -> Analysis {
    record(FrameKind::Delete, backend, |recorder| {
        recorder.prepare_delete_statement(statement, &mut Nowhere);
    })
}

pub(super) fn with(statement: &WithQuery, backend: DbBackend) -> Analysis {
    record(FrameKind::With, backend, |recorder| {
        recorder.prepare_with_query(statement, &mut Nowhere);
    })
}

fn record(kind: FrameKind, backend: DbBackend, hand_over: impl FnOnce(&Recorder)) -> Analysis {
    let state = State {
        analysis: Analysis::default(),
        frames: Vec::with_capacity(2),
        ctes: Vec::new(),
        plain: kind == FrameKind::Select,
    };
    let recorder = Recorder {
        backend,
        state: RefCell::new(state),
    };
    recorder.within(kind, || hand_over(&recorder));
    recorder.state.into_inner().analysis
}

impl Recorder {
    /// Records a statement inside another one.
    pub(super) fn nested(&self, kind: FrameKind, hand_over: impl FnOnce()) {
        self.state.borrow_mut().plain = false;
        self.within(kind, hand_over);
    }

    fn within(&self, kind: FrameKind, hand_over: impl FnOnce()) {
        self.state.borrow_mut().open(kind);
        hand_over();
        self.state.borrow_mut().close();
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
        let Some(fragment) = fragment::analyse(text, in_select_list, self.backend) else {
            return;
        };
        let mut state = self.state.borrow_mut();
        state.plain &= fragment.reads.is_empty() && fragment.refusal.is_none();
        // What cannot be parsed may close parentheses that are not its own: nothing is pinned any more.
        if matches!(
            fragment.refusal,
            Some(Uncacheable::Opaque(_) | Uncacheable::Unparsed)
        ) {
            state
                .frames
                .iter_mut()
                .for_each(|frame| frame.joined = true);
        }
        state.analysis.absorb(fragment);
    }

    /// Records a part whose meaning is not known: it may be a call of anything.
    pub(super) fn opaque(&self, part: &'static str) {
        let mut state = self.state.borrow_mut();
        state.plain = false;
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

    /// Records a condition; one that is the WHERE of its statement pins rows.
    pub(super) fn condition(
        &self,
        condition: &ConditionHolder,
        keyword: &str,
        sql: &mut impl SqlWriter,
    ) {
        let pinning =
            keyword == "WHERE" && self.frame(|frame| frame.pinnable()).unwrap_or_default();
        match &condition.contents {
            ConditionHolderContents::Empty => {}
            ConditionHolderContents::Chain(chain) => {
                if pinning {
                    self.pin(|scope, atoms| pins::of_chain(chain, scope, atoms));
                }
                for link in chain {
                    self.link(link, sql);
                }
            }
            ConditionHolderContents::Condition(condition) => {
                let expr = Expr::from(condition.clone());
                if pinning {
                    self.pin(|scope, atoms| pins::of_expr(&expr, scope, atoms));
                }
                self.walk(&expr, sql);
            }
        }
    }

    fn pin(&self, collect: impl FnOnce(Scope<'_>, &mut Vec<Atom>)) {
        let backend = self.backend;
        self.frame(|frame| {
            let table = frame
                .alias
                .as_ref()
                .or(frame.table.as_ref().map(|table| &table.name));
            if let Some(table) = table {
                collect(Scope { table, backend }, &mut frame.atoms);
            }
        });
    }
}

impl State {
    fn open(&mut self, kind: FrameKind) {
        self.frames.push(Frame::new(kind, self.ctes.len()));
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.ctes.truncate(frame.outer_ctes);
        match frame.kind {
            FrameKind::Select => {
                if self.plain && self.frames.is_empty() && frame.table.is_some() && !frame.joined {
                    self.analysis.pins = Some(Pins { atoms: frame.atoms });
                }
            }
            FrameKind::With => {}
            _ => {
                let inside = !self.frames.is_empty();
                let write = frame
                    .write()
                    .map(|write| if inside { write.inside() } else { write });
                self.analysis.writes.extend(write);
            }
        }
    }

    fn table(&mut self, name: RelationName, alias: Option<Name>, backend: DbBackend) {
        let cte = name.schema.is_none() && {
            let folded = name.name.folded(backend);
            self.ctes.iter().any(|cte| cte.folded(backend) == folded)
        };
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let is_target = frame.is_write() && frame.table.is_none();
        frame.selected |= !is_target;
        // What a statement writes is a table, even when a CTE has its name.
        if !is_target {
            if cte {
                self.plain = false;
                frame.joined = true;
                return;
            }
            self.analysis.reads.push(name.clone());
        }
        if frame.table.is_none() {
            frame.table = Some(name);
            frame.alias = alias;
        } else {
            frame.joined = true;
        }
    }
}

/// Prints into nothing.
pub(super) struct Nowhere;

impl fmt::Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }

    fn write_char(&mut self, _: char) -> fmt::Result {
        Ok(())
    }

    fn write_fmt(&mut self, _: fmt::Arguments<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Display for Nowhere {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl SqlWriter for Nowhere {
    fn push_param<T: QueryBuilder>(&mut self, _: Value, _: &T) {}

    fn as_writer(&mut self) -> &mut dyn fmt::Write {
        self
    }
}

/// Reads the name of a table reference that is a plain table.
pub(super) fn relation(table: &TableRef) -> Option<(RelationName, Option<&DynIden>)> {
    match table {
        TableRef::Table(name, alias) => Some((name.into(), alias.as_ref())),
        _ => None,
    }
}
