//! What makes statements: the sources they read and the names in them.

use sea_orm::DbBackend;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, Order, SelectStatement, Value};

use super::dice::Dice;
use super::image::{Images, Part, Row};
use super::schema::{Column, Kind, Schema};
use super::values::{Values, cell, value_of};

const ALIASES: [&str; 12] = [
    "s0", "s1", "s2", "S3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
];

/// Something a statement reads rows from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// What it is called in the statement.
    pub(super) name: &'static str,
    /// `None` for what is no table.
    pub(super) table: Option<usize>,
    pub(super) columns: Vec<Column>,
    /// What orders its rows; empty: all columns do.
    pub(super) key: Vec<usize>,
    /// Its place among the parts of the statement.
    pub(super) part: Option<usize>,
    /// Its columns are named without it.
    pub(super) bare: bool,
}

impl Source {
    /// A column, named as its own query does.
    pub(super) fn own(&self, at: usize) -> Expr {
        if self.bare {
            Expr::col(self.columns[at].name)
        } else {
            self.full(at)
        }
    }

    /// A column, named with its source.
    pub(super) fn full(&self, at: usize) -> Expr {
        Expr::col((self.name, self.columns[at].name))
    }

    /// The columns of a kind.
    pub(super) fn of_kind(&self, kind: Kind) -> Vec<usize> {
        let all = 0..self.columns.len();
        all.filter(|at| self.columns[*at].kind == kind).collect()
    }
}

/// Makes statements for one schema.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) values: Values<'a>,
    pub(super) schema: &'a Schema,
    /// What the tables hold: values that are there are more telling than others.
    pub(super) rows: Images,
    /// The tables named so far in the statement being made.
    pub(super) parts: Vec<Part>,
    /// Collations decide which of several values is in the answer.
    pub(super) folded: bool,
    /// Columns of tables that pages were sorted by.
    pub(super) sorted: Vec<(usize, usize)>,
    named: usize,
}

impl<'a> Maker<'a> {
    /// Makes statements for a schema.
    pub(super) fn new(dice: &'a mut Dice, schema: &'a Schema) -> Self {
        let backend = schema.backend;
        Self {
            values: Values {
                dice,
                backend,
                plain: schema.plain,
            },
            schema,
            rows: vec![Vec::new(); schema.tables.len()],
            parts: Vec::new(),
            folded: false,
            sorted: Vec::new(),
            named: 0,
        }
    }

    /// Begins another statement.
    pub(super) fn begin(&mut self) {
        self.parts.clear();
        self.folded = false;
        self.named = 0;
    }

    pub(super) fn dice(&mut self) -> &mut Dice {
        self.values.dice
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.schema.backend
    }

    /// Statements as most services send them, and no others.
    pub(super) fn plain(&self) -> bool {
        self.schema.plain
    }

    /// Statements as odd as the databases take them.
    pub(super) fn wild(&self) -> bool {
        self.schema.wild
    }

    /// Returns one of these: of what most services send, of what else is asked for, of all there is.
    pub(super) fn sort<T>(&self, plain: T, listed: T, wild: T) -> T {
        match (self.plain(), self.wild()) {
            (true, _) => plain,
            (_, false) => listed,
            (_, true) => wild,
        }
    }

    pub(super) fn any_table(&mut self) -> usize {
        let tables = self.schema.tables.len();
        self.dice().below(tables)
    }

    /// A name no other source of the statement has.
    pub(super) fn alias(&mut self) -> &'static str {
        self.named += 1;
        ALIASES[(self.named - 1) % ALIASES.len()]
    }

    /// A table as a source, under its own name or another.
    pub(super) fn table(&mut self, table: usize, name: Option<&'static str>) -> Source {
        let shape = &self.schema.tables[table];
        self.parts.push(Part {
            table,
            equal: Vec::new(),
        });
        Source {
            name: name.unwrap_or(shape.name),
            table: Some(table),
            columns: shape.columns.clone(),
            key: if shape.has_total_key() {
                shape.key.clone()
            } else {
                Vec::new()
            },
            part: Some(self.parts.len() - 1),
            bare: false,
        }
    }

    /// The view as a source, where there is one.
    pub(super) fn view(&mut self, name: &'static str) -> Option<Source> {
        let view = self.schema.view.as_ref()?;
        self.parts.push(Part {
            table: view.table,
            equal: Vec::new(),
        });
        Some(Source {
            name,
            table: None,
            columns: view.columns.clone(),
            key: Vec::new(),
            part: None,
            bare: false,
        })
    }

    /// A value to compare a column with, often one it holds.
    pub(super) fn compared(&mut self, source: &Source, at: usize) -> Value {
        let column = source.columns[at];
        let there = source.table.filter(|_| !self.values.dice.one_in(3));
        let there = there.and_then(|table| self.held(table, at));
        there.unwrap_or_else(|| self.values.compared(&column))
    }

    /// A value to store, where it may be stored if there is such.
    pub(super) fn stored(&mut self, table: usize, at: usize) -> Value {
        let column = self.schema.tables[table].columns[at];
        if let Some((parent, _)) = column.refers
            && !self.dice().one_in(5)
        {
            let key = self.schema.tables[parent].key[0];
            if let Some(value) = self.held(parent, key) {
                return value;
            }
        }
        let key = self.schema.tables[table].key.contains(&at);
        let mut value = self.values.stored(&column);
        for _ in 0..6 {
            if key && column.kind == Kind::Int {
                value = i32::try_from(self.dice().below(14))
                    .expect("it fits")
                    .into();
            }
            let cell = cell(&value, &column);
            let taken = |row: &Row| cell.is_some() && row[at] == cell;
            if !(key || column.unique) || !self.rows[table].iter().any(taken) {
                break;
            }
            value = self.values.stored(&column);
        }
        value
    }

    /// A value some row of a table has.
    fn held(&mut self, table: usize, at: usize) -> Option<Value> {
        let rows = &self.rows[table];
        let row = rows.get(self.values.dice.below(rows.len().max(1)))?;
        value_of(
            row[at].as_deref(),
            self.schema.tables[table].columns[at].kind,
            self.schema.backend,
        )
    }

    /// A column of a source.
    pub(super) fn any_column(&mut self, source: &Source) -> usize {
        let key = source.table.map(|table| &self.schema.tables[table].key);
        match key {
            Some(key) if !key.is_empty() && self.values.dice.one_in(4) => {
                self.values.dice.pick(key)
            }
            _ => self.dice().below(source.columns.len()),
        }
    }

    /// Adds to an order what makes it total.
    pub(super) fn total_order(&mut self, sources: &[Source], mut add: impl FnMut(Expr, Order)) {
        for source in sources {
            let all: Vec<usize> = (0..source.columns.len()).collect();
            let keyed = !source.key.is_empty();
            let columns = if keyed { source.key.clone() } else { all };
            for at in columns {
                let direction = self.direction();
                add(source.full(at), direction.clone());
                if source.columns[at].folding && !keyed {
                    add(Func::cust("hex").arg(source.full(at)).into(), direction);
                }
            }
        }
    }

    pub(super) fn direction(&mut self) -> Order {
        if self.dice().one_in(3) {
            Order::Desc
        } else {
            Order::Asc
        }
    }

    /// Something computed from a column, and its kind.
    pub(super) fn computed(&mut self, source: &Source) -> (Expr, Kind) {
        let at = self.any_column(source);
        let column = source.columns[at];
        let kind = column.kind;
        let own = source.own(at);
        let expr = match (kind, self.dice().below(3)) {
            (Kind::Int, 0) => own.add(1),
            (Kind::Int, 1) => own.mul(-1),
            (Kind::Text, 0) => Func::lower(own).into(),
            (Kind::Text, 1) => return (Func::char_length(own).into(), Kind::Int),
            (Kind::Bool, _) => return (Expr::case(own.eq(true), 1).finally(2).into(), Kind::Int),
            (Kind::Int | Kind::Text | Kind::Uuid, _) => {
                let other = self.values.of_kind(kind);
                Func::coalesce([own, other]).into()
            }
            (Kind::Bytes, _) => return (own.is_null(), Kind::Bool),
        };
        (expr, kind)
    }

    /// Limits and offsets, once the order is total.
    pub(super) fn page(&mut self, select: &mut SelectStatement) -> &'static str {
        let limit = self.dice().within(1, 4) as u64;
        select.limit(limit);
        if self.dice().one_in(3) {
            let offset = self.dice().within(0, 3) as u64;
            select.offset(offset);
            return "offset";
        }
        "limit"
    }
}
