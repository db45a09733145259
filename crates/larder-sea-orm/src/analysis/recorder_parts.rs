//! The parts of a statement, as sea-query hands them to the recorder.

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    BinOper, CommonTableExpression, Condition, ConditionHolder, ConditionHolderContents, DynIden,
    EscapeBuilder, ExplainStatement, Expr, JoinExpr, JoinOn, JoinType, LockClause,
    OnConflictAction, OnConflictIdentifier, OnConflictTarget, OnConflictUpdate, Oper,
    OperLeftAssocDecider, PostgresQueryBuilder, PrecedenceDecider, QueryBuilder, Quote,
    QuotedBuilder, ReturningClause, SelectDistinct, SelectExpr, SelectInto, SelectStatement,
    SqlWriter, SqliteQueryBuilder, SubQueryStatement, TableRef, TableRefBuilder, UnionType, Value,
    ValueTuple, Values, WindowSelectType, WithClause,
};

use super::expressions::{cell, column_name};
use super::frame::{FrameKind, Part, Upsert, With};
use super::recorder::{Recorder, relation};
use super::recorder_writers::Cut;
use super::{Cell, Join, Place, Returning, Role, Uncacheable};

impl QuotedBuilder for Recorder {
    fn quote(&self) -> Quote {
        Quote::new(b'"')
    }

    fn prepare_iden(&self, iden: &DynIden, _: &mut impl SqlWriter) {
        self.iden(iden);
    }
}

impl EscapeBuilder for Recorder {}

impl TableRefBuilder for Recorder {}

impl PrecedenceDecider for Recorder {
    fn inner_expr_well_known_greater_precedence(&self, _: &Expr, _: &Oper) -> bool {
        true
    }
}

impl OperLeftAssocDecider for Recorder {
    fn well_known_left_associative(&self, _: &BinOper) -> bool {
        true
    }
}

impl QueryBuilder for Recorder {
    fn prepare_table_ref(&self, table: &TableRef, sql: &mut impl SqlWriter) {
        self.capture_table(table);
        match table {
            TableRef::SubQuery(query, alias) => {
                self.derived(Some(alias));
                self.state.borrow_mut().from_next = true;
                self.nested(FrameKind::Select, || {
                    self.prepare_select_statement(query, sql);
                });
            }
            TableRef::ValuesList(_, alias) => {
                self.derived(Some(alias));
                self.not_plain();
            }
            TableRef::FunctionCall(call, alias) => {
                self.derived(Some(alias));
                self.not_plain();
                self.part(Role::Where, || self.function(call, sql));
            }
            other => match relation(other) {
                Some((name, alias)) => self.table(name, alias),
                None => self.opaque("a table reference of a kind that is not known"),
            },
        }
    }

    fn prepare_expr(&self, expr: &Expr, sql: &mut impl SqlWriter) {
        // What is handed over beside the cells' own expressions are their parts.
        let part = self.frame(|frame| {
            let part = frame.part;
            match part {
                Part::Cells if !frame.selected => frame.cells.push(cell(expr)),
                Part::Assigned => frame.assigned.push(cell(expr)),
                _ => return None,
            }
            frame.part = Part::Body;
            (part == Part::Cells).then_some(part)
        });
        self.walk(expr, sql);
        if let Some(Some(part)) = part {
            self.frame(|frame| frame.part = part);
        }
    }

    fn prepare_select_distinct(&self, _: &SelectDistinct, _: &mut impl SqlWriter) {
        self.untold();
    }

    fn prepare_select_expr(&self, select: &SelectExpr, sql: &mut impl SqlWriter) {
        let output = self.frame(|frame| {
            frame.selected |= frame.kind == FrameKind::Insert;
            let output = frame.output;
            frame.output = output.and_then(|at| at.checked_add(1));
            output
        });
        if let Some(alias) = &select.alias {
            self.aliased(alias);
        }
        if !is_one_value(&select.expr) {
            self.frame(|frame| frame.row_by_row = false);
        }
        match &select.expr {
            Expr::Custom(text) => self.part(Role::Selected, || self.fragment(text, true)),
            Expr::CustomWithExpr(text, exprs) => self.part(Role::Selected, || {
                self.fragment(text, true);
                exprs.iter().for_each(|expr| self.walk(expr, sql));
            }),
            expr => {
                let role = output.flatten().map_or(Role::Selected, Role::Output);
                self.part(whole(expr, role), || self.walk(expr, sql));
            }
        }
        match &select.window {
            None => {}
            Some(WindowSelectType::Query(window)) => {
                self.untold();
                self.prepare_window_statement(window, sql);
            }
            Some(_) => self.untold(),
        }
    }

    fn prepare_join_expr(&self, join: &JoinExpr, sql: &mut impl SqlWriter) {
        let kind = match join.join {
            JoinType::Join | JoinType::CrossJoin | JoinType::InnerJoin | JoinType::StraightJoin => {
                Join::Inner
            }
            JoinType::LeftJoin => Join::Left,
            _ => Join::Other,
        };
        self.frame(|frame| frame.join = kind);
        self.prepare_join_table_ref(join, sql);
        if let Some(on) = &join.on {
            let place = self.last_source();
            self.part(Role::On(place), || self.prepare_join_on(on, sql));
        }
    }

    fn prepare_select_limit_offset(&self, select: &SelectStatement, _: &mut impl SqlWriter) {
        let mut cut = Cut::default();
        PostgresQueryBuilder.prepare_select_limit_offset(select, &mut cut);
        if cut.limited {
            self.limited();
        }
        if cut.skips() {
            self.untold();
        }
    }

    fn prepare_union_statement(
        &self,
        _: UnionType,
        select: &SelectStatement,
        sql: &mut impl SqlWriter,
    ) {
        self.untold();
        self.nested(FrameKind::Select, || {
            self.prepare_select_statement(select, sql);
        });
    }

    fn prepare_query_statement(&self, query: &SubQueryStatement, sql: &mut impl SqlWriter) {
        self.cte(|| match query {
            SubQueryStatement::SelectStatement(select) => {
                self.nested(FrameKind::Select, || {
                    self.prepare_select_statement(select, sql);
                });
            }
            SubQueryStatement::InsertStatement(insert) => {
                self.nested(FrameKind::Insert, || {
                    self.prepare_insert_statement(insert, sql);
                });
            }
            SubQueryStatement::UpdateStatement(update) => {
                self.nested(FrameKind::Update, || {
                    self.prepare_update_statement(update, sql);
                });
            }
            SubQueryStatement::DeleteStatement(delete) => {
                self.nested(FrameKind::Delete, || {
                    self.prepare_delete_statement(delete, sql);
                });
            }
            SubQueryStatement::WithStatement(with) => {
                self.nested(FrameKind::With, || self.prepare_with_query(with, sql));
            }
        });
    }

    fn prepare_with_clause(&self, clause: &WithClause, sql: &mut impl SqlWriter) {
        self.not_plain();
        self.spoil_capture();
        // Only printing tells whether the clause is recursive.
        let mut start = String::new();
        SqliteQueryBuilder.prepare_with_clause_start(clause, &mut start);
        let recursive = start.contains("RECURSIVE");
        self.frame(|frame| frame.with = With::Name { recursive });
        self.prepare_with_clause_common_tables(clause, sql);
        self.frame(|frame| frame.with = With::Outside);
    }

    fn prepare_with_query_clause_materialization(
        &self,
        _: &CommonTableExpression,
        _: &mut impl SqlWriter,
    ) {
    }

    fn prepare_values_rows(&self, _: &[Values], _: &mut impl SqlWriter) {
        self.cte(|| {});
    }

    fn prepare_condition(
        &self,
        condition: &ConditionHolder,
        keyword: &str,
        sql: &mut impl SqlWriter,
    ) {
        if keyword == "WHERE" {
            return self.part(Role::Where, || {
                self.condition(condition, Some(Place::Where), sql);
            });
        }
        if !matches!(condition.contents, ConditionHolderContents::Empty) {
            self.untold();
        }
        self.part(Role::Order, || self.condition(condition, None, sql));
    }

    fn prepare_condition_where(&self, condition: &Condition, sql: &mut impl SqlWriter) {
        self.walk(&Expr::from(condition.clone()), sql);
    }

    fn prepare_join_on(&self, on: &JoinOn, sql: &mut impl SqlWriter) {
        match on {
            JoinOn::Condition(condition) => {
                let place = Place::On(self.last_source());
                self.condition(condition, Some(place), sql);
            }
            JoinOn::Columns(columns) => {
                self.opaque_columns();
                columns.iter().for_each(|column| self.walk(column, sql));
            }
            _ => self.opaque("a join of a kind that is not known"),
        }
    }

    fn prepare_select_lock(&self, _: &LockClause, _: &mut impl SqlWriter) {
        self.refuse(Uncacheable::Lock);
    }

    fn prepare_select_into(&self, _: &SelectInto, _: &mut impl SqlWriter) {
        let mut state = self.state.borrow_mut();
        state.analysis.ddl = true;
        state.analysis.unknown_writes = true;
        state.analysis.refuse(Uncacheable::Write);
    }

    fn prepare_table_sample(&self, select: &SelectStatement, _: &mut impl SqlWriter) {
        let mut sample = String::new();
        if self.backend == DbBackend::Postgres {
            PostgresQueryBuilder.prepare_table_sample(select, &mut sample);
        }
        if !sample.is_empty() {
            self.refuse(Uncacheable::Sample);
        }
    }

    fn prepare_explain_statement(&self, _: &ExplainStatement, _: &mut impl SqlWriter) {
        self.opaque("an EXPLAIN");
    }

    fn prepare_insert(&self, replace: bool, _: &mut impl SqlWriter) {
        self.frame(|frame| {
            frame.replace = replace;
            frame.part = Part::Columns;
        });
    }

    fn prepare_output(&self, _: &Option<ReturningClause>, _: &mut impl SqlWriter) {
        // It stands between the columns of an INSERT and its rows.
        self.frame(|frame| {
            if frame.kind == FrameKind::Insert {
                frame.part = Part::Cells;
            }
        });
    }

    fn insert_default_values(&self, rows: u32, _: &mut impl SqlWriter) {
        let rows = if self.backend == DbBackend::Sqlite {
            1
        } else {
            rows as usize
        };
        self.frame(|frame| frame.default_rows = rows);
    }

    fn prepare_on_conflict_keywords(&self, _: &mut impl SqlWriter) {
        self.frame(|frame| frame.upsert = Upsert::Nothing(None));
    }

    fn prepare_on_conflict_target(&self, target: &OnConflictTarget, sql: &mut impl SqlWriter) {
        let OnConflictTarget::Identifiers(identifiers) = target else {
            return;
        };
        let mut columns = Some(Vec::with_capacity(identifiers.len()));
        for identifier in identifiers {
            match identifier {
                OnConflictIdentifier::Column(column) => {
                    if let Some(columns) = &mut columns {
                        columns.push(column.into());
                    }
                }
                OnConflictIdentifier::Expr(expr) => {
                    self.walk(expr, sql);
                    columns = None;
                }
            }
        }
        // MySQL takes any unique key, whatever is named.
        let named = matches!(self.backend, DbBackend::Postgres | DbBackend::Sqlite);
        let columns = columns.filter(|columns| named && !columns.is_empty());
        self.frame(|frame| frame.upsert = Upsert::Nothing(columns));
    }

    fn prepare_on_conflict_action(
        &self,
        action: &Option<OnConflictAction>,
        sql: &mut impl SqlWriter,
    ) {
        let updates = match action {
            Some(OnConflictAction::Update(updates)) => updates.as_slice(),
            // MySQL is told to set the key to what it is: that fires the triggers of an update.
            Some(OnConflictAction::DoNothing(key))
                if self.backend == DbBackend::MySql && !key.is_empty() =>
            {
                &[]
            }
            _ => return,
        };
        for update in updates {
            let (OnConflictUpdate::Column(column) | OnConflictUpdate::Expr(column, _)) = update;
            let value = match update {
                OnConflictUpdate::Column(_) => Cell::Proposed,
                OnConflictUpdate::Expr(_, expr) => cell(expr),
            };
            self.frame(|frame| {
                frame.set.push(column.into());
                frame.assigned.push(value);
            });
            if let OnConflictUpdate::Expr(_, expr) = update {
                self.walk(expr, sql);
            }
        }
        self.frame(|frame| {
            if let Upsert::Nothing(target) = std::mem::replace(&mut frame.upsert, Upsert::No) {
                frame.upsert = Upsert::Update(target);
            }
        });
    }

    fn prepare_update_column(
        &self,
        _: &Option<Box<TableRef>>,
        _: &[TableRef],
        column: &DynIden,
        _: &mut impl SqlWriter,
    ) {
        self.frame(|frame| {
            frame.set.push(column.into());
            frame.part = Part::Assigned;
        });
    }

    fn prepare_returning(&self, returning: &Option<ReturningClause>, sql: &mut impl SqlWriter) {
        // For MySQL nothing of it is printed: that no row comes back says nothing there.
        if !matches!(self.backend, DbBackend::Postgres | DbBackend::Sqlite) {
            return;
        }
        let returning = match returning {
            None => return,
            Some(ReturningClause::All) => Returning::All,
            Some(ReturningClause::Columns(columns)) => {
                Returning::Columns(columns.iter().filter_map(column_name).collect())
            }
            Some(ReturningClause::Exprs(exprs)) => Returning::Columns(
                exprs
                    .iter()
                    .map(|expr| self.returned(expr, sql))
                    .collect::<Option<_>>()
                    // Another expression may come back under a column's name.
                    .unwrap_or_default(),
            ),
        };
        self.frame(|frame| frame.returning = returning);
    }

    fn prepare_values_list(&self, _: &[ValueTuple], _: &mut impl SqlWriter) {}

    fn prepare_value(&self, _: Value, _: &mut impl SqlWriter) {}

    fn prepare_constant(&self, _: &Value, _: &mut impl SqlWriter) {}

    fn write_value(&self, _: &mut impl std::fmt::Write, _: &Value) -> std::fmt::Result {
        Ok(())
    }
}

/// Returns what a part of the select list names columns for: only a column alone is one of the answer's.
fn whole(expr: &Expr, role: Role) -> Role {
    match expr {
        Expr::Column(_) => role,
        Expr::AsEnum(_, inner) => whole(inner, role),
        _ => Role::Selected,
    }
}

/// Tells whether a part of the select list gives each row one value: it calls no function that may return several.
fn is_one_value(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Value(_) | Expr::Constant(_) => true,
        Expr::AsEnum(_, inner) => is_one_value(inner),
        _ => false,
    }
}
