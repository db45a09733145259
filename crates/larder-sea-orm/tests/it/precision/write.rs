//! Random writes of one statement.

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    CommonTableExpression, DeleteStatement, Expr, ExprTrait as _, InsertStatement, OnConflict,
    Query, SelectStatement, UpdateStatement, WithClause, WithQuery,
};

use super::maker::{Maker, Source};
use super::schema::{Column, Kind};
use super::values::value_of;

/// A write.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) statement: Writing,
    pub(super) sort: &'static str,
    /// It answers with rows.
    pub(super) returns: bool,
}

/// A statement that writes.
#[derive(Clone, Debug)]
pub(super) enum Writing {
    Insert(InsertStatement),
    Update(UpdateStatement),
    Delete(DeleteStatement),
    With(WithQuery),
    /// Text of which there is no tree.
    Text(String),
}

#[derive(Clone, Copy)]
enum Form {
    Insert,
    InsertSelect,
    Upsert,
    UpdateRow,
    UpdateMany,
    DeleteRow,
    DeleteMany,
    Text,
    WithCte,
}

/// How often each is written; the second are for tables with too many rows.
const FORMS: [(usize, usize, Form); 9] = [
    (30, 6, Form::Insert),
    (2, 1, Form::InsertSelect),
    (8, 5, Form::Upsert),
    (32, 28, Form::UpdateRow),
    (9, 9, Form::UpdateMany),
    (11, 34, Form::DeleteRow),
    (4, 12, Form::DeleteMany),
    (4, 4, Form::Text),
    (1, 1, Form::WithCte),
];

/// All but text that has no tree, and rows of another query.
const LISTED: [(usize, usize, Form); 9] = [
    (30, 6, Form::Insert),
    (0, 0, Form::InsertSelect),
    (8, 5, Form::Upsert),
    (32, 28, Form::UpdateRow),
    (9, 9, Form::UpdateMany),
    (11, 34, Form::DeleteRow),
    (4, 12, Form::DeleteMany),
    (0, 0, Form::Text),
    (0, 0, Form::WithCte),
];

/// What most services write.
const PLAIN: [(usize, usize, Form); 9] = [
    (34, 8, Form::Insert),
    (0, 0, Form::InsertSelect),
    (4, 2, Form::Upsert),
    (36, 34, Form::UpdateRow),
    (8, 8, Form::UpdateMany),
    (14, 40, Form::DeleteRow),
    (4, 8, Form::DeleteMany),
    (0, 0, Form::Text),
    (0, 0, Form::WithCte),
];

impl Maker<'_> {
    /// Invents a write.
    pub(super) fn write(&mut self) -> Write {
        self.begin();
        let table = self.any_table();
        let full = self.rows[table].len() > 9;
        let forms = self.sort(PLAIN, LISTED, FORMS);
        let forms = forms.map(|(few, many, form)| (if full { many } else { few }, form));
        match self.dice().weighed(&forms) {
            Form::Insert => self.insert(table),
            Form::InsertSelect => self.insert_select(table),
            Form::Upsert => self.upsert(table),
            Form::UpdateRow => self.update(table, true),
            Form::UpdateMany => self.update(table, false),
            Form::DeleteRow => self.delete(table, true),
            Form::DeleteMany => self.delete(table, false),
            Form::Text => self.text(table),
            Form::WithCte => self.with_cte(table),
        }
    }

    /// A row inserted as raw SQL, to begin with.
    pub(super) fn seeded(&mut self, table: usize) -> InsertStatement {
        self.begin();
        self.values_of(table, 1).0
    }

    fn values_of(&mut self, table: usize, rows: usize) -> (InsertStatement, Vec<usize>) {
        let shape = &self.schema.tables[table];
        let mut given = shape.given();
        given.retain(|at| {
            let auto = shape.auto && shape.key == [*at];
            let left_out = shape.columns[*at].default || shape.columns[*at].nullable;
            let optional = auto || left_out && !self.values.plain;
            !(optional && self.values.dice.one_in(if auto { 2 } else { 8 }))
        });
        if given.is_empty() {
            given.push(shape.given()[0]);
        }
        let mut insert = Query::insert();
        insert.into_table(shape.name);
        insert.columns(given.iter().map(|at| shape.columns[*at].name));
        for _ in 0..rows {
            let values = given.iter().map(|at| self.stored(table, *at));
            let values: Vec<Expr> = values.map(Expr::from).collect();
            insert.values_panic(values);
        }
        (insert, given)
    }

    fn insert(&mut self, table: usize) -> Write {
        let rows = self.dice().pick(&[1, 1, 1, 2, 3]);
        let (mut insert, _) = self.values_of(table, rows);
        let shape = &self.schema.tables[table];
        if self.wild() && self.backend() != DbBackend::Postgres && self.dice().one_in(12) {
            insert.replace();
            return self.inserted(insert, table, "replace");
        }
        // MariaDB refuses a row without a value a column needs in a way that tells nothing of what was done.
        let needed = |column: &Column| !(column.default || column.nullable || column.generated);
        let needs = shape.rest().iter().any(|at| needed(&shape.columns[*at]));
        if shape.auto && self.dice().one_in(20) && !(self.plain() && needs) {
            insert = Query::insert()
                .into_table(shape.name)
                .or_default_values()
                .take();
        }
        self.inserted(
            insert,
            table,
            if rows > 1 { "insert rows" } else { "insert" },
        )
    }

    fn inserted(&mut self, mut insert: InsertStatement, table: usize, sort: &'static str) -> Write {
        let returns = self.returning(table, |it| match it {
            None => {
                insert.returning_all();
            }
            Some(name) => {
                insert.returning_col(name);
            }
        });
        Write {
            statement: Writing::Insert(insert),
            sort,
            returns,
        }
    }

    /// Asks for all columns, one, or nothing; tells whether rows come back.
    fn returning(&mut self, table: usize, mut ask: impl FnMut(Option<&'static str>)) -> bool {
        if self.backend() == DbBackend::MySql || self.dice().coin() {
            return false;
        }
        let shape = &self.schema.tables[table];
        let whole = self.dice().coin();
        let key = shape.key.first().copied();
        let at = key.filter(|_| self.values.dice.coin());
        let at = at.unwrap_or(self.values.dice.below(shape.columns.len()));
        ask((!whole).then(|| shape.columns[at].name));
        true
    }

    /// Rows of another table, or of the same.
    fn insert_select(&mut self, table: usize) -> Write {
        let shape = &self.schema.tables[table];
        let given: Vec<usize> = shape.given();
        let given: Vec<usize> = given
            .into_iter()
            .filter(|at| !(shape.auto && shape.key == [*at]))
            .collect();
        let (select, source) = self.rows_of_any();
        let mut select = select;
        for at in &given {
            let column = shape.columns[*at];
            let same = source.of_kind(column.kind);
            if same.is_empty() || self.dice().coin() {
                let value = self.stored(table, *at);
                select.expr(Expr::from(value));
            } else {
                let at = self.dice().pick(&same);
                select.expr(source.full(at));
            }
        }
        let mut insert = Query::insert();
        insert.into_table(shape.name);
        insert.columns(given.iter().map(|at| shape.columns[*at].name));
        if given.is_empty() || insert.select_from(select).is_err() {
            return self.insert(table);
        }
        self.inserted(insert, table, "insert select")
    }

    /// A query of some table's rows, without columns.
    fn rows_of_any(&mut self) -> (SelectStatement, Source) {
        let other = self.any_table();
        let alias = self.alias();
        let source = [self.table(other, Some(alias))];
        let mut select = Query::select();
        select.from_as(self.schema.tables[other].name, alias);
        select.and_where(self.atom(&source, 0, 1).expr);
        let [source] = source;
        (select, source)
    }

    fn upsert(&mut self, table: usize) -> Write {
        let rows = self.dice().pick(&[1, 1, 2]);
        let (mut insert, given) = self.values_of(table, rows);
        let shape = &self.schema.tables[table];
        let unique = (0..shape.columns.len()).find(|at| shape.columns[*at].unique);
        let target = match unique {
            Some(unique) if self.values.dice.one_in(3) => vec![unique],
            _ if !shape.key.is_empty() => shape.key.clone(),
            _ => return self.inserted(insert, table, "insert"),
        };
        let target = target.iter().map(|at| shape.columns[*at].name);
        let mut conflict = OnConflict::columns(target.clone());
        let set: Vec<usize> = given
            .into_iter()
            .filter(|at| !shape.key.contains(at))
            .collect();
        if set.is_empty() || self.dice().one_in(4) {
            match self.backend() {
                DbBackend::MySql => conflict.do_nothing_on(target),
                _ => conflict.do_nothing(),
            };
            insert.on_conflict(conflict);
            return self.inserted(insert, table, "insert or nothing");
        }
        if self.dice().coin() {
            let set = self.dice().some(&set, 1);
            conflict.update_columns(set.iter().map(|at| shape.columns[*at].name));
        } else {
            let at = self.dice().pick(&set);
            let value = self.assigned(table, at);
            conflict.value(shape.columns[at].name, value);
        }
        if self.backend() != DbBackend::MySql && self.dice().one_in(4) {
            let source = [self.table(table, None)];
            conflict.action_and_where(self.atom(&source, 0, 2).expr);
        }
        insert.on_conflict(conflict);
        self.inserted(insert, table, "upsert")
    }

    /// What a column is set to.
    fn assigned(&mut self, table: usize, at: usize) -> Expr {
        let shape = &self.schema.tables[table];
        let column = shape.columns[at];
        let own = Expr::col((shape.name, column.name));
        match (column.kind, self.dice().below(8)) {
            (Kind::Int, 0) => own.add(1),
            (Kind::Int, 1) if column.refers.is_none() => {
                let outer: &[Source] = &[];
                self.scalar(outer, 1)
            }
            (Kind::Bool, 0) => own.not(),
            _ => self.stored(table, at).into(),
        }
    }

    fn update(&mut self, table: usize, row: bool) -> Write {
        let shape = &self.schema.tables[table];
        let mut rest = shape.rest();
        let of_key = !self.plain() && !shape.key.is_empty() && self.dice().one_in(10);
        if of_key || rest.is_empty() {
            rest.clone_from(&shape.key);
        }
        let mut update = Query::update();
        update.table(shape.name);
        let moved = if row { self.moved(table) } else { None };
        if let Some((at, value)) = moved {
            update.value(shape.columns[at].name, value);
        } else {
            for at in self.dice().some(&rest, 1).into_iter().take(2) {
                let value = self.assigned(table, at);
                update.value(shape.columns[at].name, value);
            }
        }
        for condition in self.picked(table, row) {
            update.and_where(condition);
        }
        let returns = self.returning(table, |it| match it {
            None => {
                update.returning_all();
            }
            Some(name) => {
                update.returning_col(name);
            }
        });
        Write {
            statement: Writing::Update(update),
            sort: match row {
                _ if of_key => "update key",
                true => "update row",
                false => "update many",
            },
            returns,
        }
    }

    fn delete(&mut self, table: usize, row: bool) -> Write {
        let mut delete = Query::delete();
        delete.from_table(self.schema.tables[table].name);
        for condition in self.picked(table, row) {
            delete.and_where(condition);
        }
        let returns = self.returning(table, |it| match it {
            None => {
                delete.returning_all();
            }
            Some(name) => {
                delete.returning_col(name);
            }
        });
        Write {
            statement: Writing::Delete(delete),
            sort: if row { "delete row" } else { "delete many" },
            returns,
        }
    }

    /// The conditions of an update or a delete: one row's key, or whatever comes.
    pub(super) fn picked(&mut self, table: usize, row: bool) -> Vec<Expr> {
        let mut source = self.table(table, None);
        source.bare = self.dice().coin();
        let key = self.schema.tables[table].key.clone();
        if row && !key.is_empty() && !self.rows[table].is_empty() {
            let at = self.values.dice.below(self.rows[table].len());
            let row = &self.rows[table][at];
            let mut picked: Vec<Expr> = key
                .iter()
                .map(|at| {
                    match value_of(
                        row[*at].as_deref(),
                        source.columns[*at].kind,
                        self.backend(),
                    ) {
                        Some(value) => source.own(*at).eq(value),
                        None => source.own(*at).is_null(),
                    }
                })
                .collect();
            if self.dice().one_in(8) {
                picked.push(self.atom(&[source], 0, 2).expr);
            }
            return picked;
        }
        if row && !self.rows[table].is_empty() {
            let at = self.any_column(&source);
            let value = self.compared(&source, at);
            return vec![source.own(at).eq(value)];
        }
        let sources = [source];
        // MySQL does not let a statement read the table it writes: most of those are refused there.
        let depth = if self.backend() == DbBackend::MySql && !self.dice().one_in(4) {
            2
        } else {
            1
        };
        (0..self.dice().weighed(&[(2, 0), (20, 1), (5, 2)]))
            .map(|_| self.atom(&sources, 0, depth).expr)
            .collect()
    }

    /// A write behind a CTE it may read.
    fn with_cte(&mut self, table: usize) -> Write {
        if self.backend() == DbBackend::MySql {
            return self.update(table, false);
        }
        let (mut select, source) = self.rows_of_any();
        let at = self.any_column(&source);
        select.expr_as(source.full(at), "c");
        let kind = source.columns[at].kind;
        let mut cte = CommonTableExpression::new();
        cte.table_name("picked").query(select);
        let mut with = WithClause::new();
        with.cte(cte);
        let own = self.table(table, None);
        let same = own.of_kind(kind);
        if same.is_empty() {
            return self.update(table, false);
        }
        let column = own.full(self.dice().pick(&same));
        let chosen = column.in_subquery(Query::select().column("c").from("picked").take());
        let (query, sort) = if self.dice().one_in(3) {
            let delete = Query::delete()
                .from_table(own.name)
                .and_where(chosen)
                .take();
            (delete.with(with), "with delete")
        } else {
            let rest = self.schema.tables[table].given();
            let at = self.dice().pick(&rest);
            let value = self.assigned(table, at);
            let mut update = Query::update();
            update
                .table(own.name)
                .and_where(chosen)
                .value(own.columns[at].name, value);
            (update.take().with(with), "with update")
        };
        Write {
            statement: Writing::With(query),
            sort,
            returns: false,
        }
    }
}
