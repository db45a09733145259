//! Conditions: of every form a WHERE, an ON or a HAVING may have.

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    Asterisk, Expr, ExprTrait as _, Func, Query, SelectStatement, Value, ValueTuple,
};

use super::maker::{Maker, Source};
use super::schema::Kind;
use super::source::MADE;
use super::values::{Cell, cell};

/// A condition on one source.
pub(super) struct Atom {
    pub(super) expr: Expr,
    /// The column it demands to be one of these.
    pub(super) equal: Option<(usize, Vec<Cell>)>,
}

impl From<Expr> for Atom {
    fn from(expr: Expr) -> Self {
        Self { expr, equal: None }
    }
}

#[derive(Clone, Copy)]
enum Form {
    Equal,
    In,
    Null,
    NotNull,
    Range,
    Between,
    Like,
    NotEqual,
    Or,
    Not,
    Columns,
    Subquery,
    Computed,
    Bare,
    Tuple,
}

const FORMS: [(usize, Form); 15] = [
    (56, Form::Equal),
    (14, Form::In),
    (5, Form::Null),
    (3, Form::NotNull),
    (8, Form::Range),
    (3, Form::Between),
    (3, Form::Like),
    (3, Form::NotEqual),
    (5, Form::Or),
    (3, Form::Not),
    (3, Form::Columns),
    (7, Form::Subquery),
    (3, Form::Computed),
    (2, Form::Bare),
    (2, Form::Tuple),
];

/// What most services ask.
const PLAIN: [(usize, Form); 7] = [
    (60, Form::Equal),
    (18, Form::In),
    (4, Form::Null),
    (1, Form::NotNull),
    (8, Form::Range),
    (4, Form::Or),
    (6, Form::Subquery),
];

impl Maker<'_> {
    /// A condition on `sources[at]`; the others may be named as well.
    pub(super) fn atom(&mut self, sources: &[Source], at: usize, depth: usize) -> Atom {
        let source = &sources[at];
        let column = self.any_column(source);
        let of = source.columns[column];
        let own = source.own(column);
        let forms = if self.plain() { &PLAIN[..] } else { &FORMS[..] };
        match self.dice().weighed(forms) {
            Form::Equal => self.equal(source, column),
            Form::In => self.one_of(source, column),
            Form::Null => Atom {
                expr: own.is_null(),
                equal: Some((column, vec![None])),
            },
            Form::NotNull => own.is_not_null().into(),
            Form::Between => self.between(source, column).into(),
            Form::Like if of.kind == Kind::Text => own.like(self.values.pattern()).into(),
            Form::NotEqual => {
                let value = self.compared(source, column);
                if self.dice().coin() {
                    own.ne(value)
                } else {
                    own.eq(value).not()
                }
                .into()
            }
            Form::Or => self.either(sources, at, depth),
            Form::Not => self.atom(sources, at, depth + 1).expr.not().into(),
            Form::Columns => self.columns(sources, at, column).into(),
            Form::Subquery if depth < 2 => self.subquery(sources, at, depth).into(),
            Form::Computed => self.computed_equals(source).into(),
            Form::Bare if of.kind == Kind::Bool => {
                if self.dice().coin() { own } else { own.not() }.into()
            }
            Form::Tuple => self.tuple(source),
            Form::Range | Form::Like | Form::Subquery | Form::Bare => {
                let value = self.compared(source, column);
                match self.dice().below(4) {
                    0 => own.gt(value),
                    1 => own.gte(value),
                    2 => own.lt(value),
                    _ => own.lte(value),
                }
                .into()
            }
        }
    }

    /// Adds a condition to those a row must meet, and notes what it demands.
    pub(super) fn demand(&mut self, source: &Source, atom: Atom) -> Expr {
        if let (Some(part), Some(equal)) = (source.part, atom.equal) {
            self.parts[part].equal.push(equal);
        }
        atom.expr
    }

    fn equal(&mut self, source: &Source, at: usize) -> Atom {
        let value = self.compared(source, at);
        let cells = vec![cell(&value, &source.columns[at])];
        let own = source.own(at);
        let flipped = self.dice().one_in(6);
        Atom {
            expr: if flipped {
                Expr::value(value).eq(own)
            } else {
                own.eq(value)
            },
            equal: Some((at, cells)),
        }
    }

    fn one_of(&mut self, source: &Source, at: usize) -> Atom {
        let column = source.columns[at];
        let values: Vec<Value> = (0..self.dice().within(1, 4))
            .map(|_| self.compared(source, at))
            .collect();
        let cells = values.iter().map(|value| cell(value, &column)).collect();
        if self.dice().one_in(8) {
            return source.own(at).is_not_in(values).into();
        }
        Atom {
            expr: source.own(at).is_in(values),
            equal: Some((at, cells)),
        }
    }

    fn between(&mut self, source: &Source, at: usize) -> Expr {
        let one = self.compared(source, at);
        let other = self.compared(source, at);
        if self.dice().one_in(4) {
            source.own(at).not_between(one, other)
        } else {
            source.own(at).between(one, other)
        }
    }

    /// Two conditions, of which one is enough; of one column they are alternatives.
    fn either(&mut self, sources: &[Source], at: usize, depth: usize) -> Atom {
        if self.dice().one_in(3) {
            let column = self.any_column(&sources[at]);
            let one = self.equal(&sources[at], column);
            let other = self.equal(&sources[at], column);
            let cells = [one.equal, other.equal].into_iter().flatten();
            return Atom {
                expr: one.expr.or(other.expr),
                equal: Some((column, cells.flat_map(|(_, cells)| cells).collect())),
            };
        }
        let second = self.dice().below(sources.len());
        let one = self.atom(sources, at, depth + 1).expr;
        let other = self.atom(sources, second, depth + 1).expr;
        let third = self.atom(sources, at, depth + 1).expr;
        match self.dice().below(3) {
            0 => one.or(other),
            1 => one.or(other.and(third)),
            _ => one.or(other).or(third),
        }
        .into()
    }

    fn columns(&mut self, sources: &[Source], at: usize, column: usize) -> Expr {
        let kind = sources[at].columns[column].kind;
        let second = self.dice().below(sources.len());
        let others = sources[second].of_kind(kind);
        if others.is_empty() {
            return sources[at].own(column).is_not_null();
        }
        let other = self.dice().pick(&others);
        let (one, other) = (sources[at].own(column), sources[second].own(other));
        if self.dice().one_in(4) {
            one.lt(other)
        } else {
            one.eq(other)
        }
    }

    fn computed_equals(&mut self, source: &Source) -> Expr {
        let (expr, kind) = self.computed(source);
        let value = self.values.of_kind(kind);
        if self.dice().one_in(4) {
            expr.gt(value)
        } else {
            expr.eq(value)
        }
    }

    fn tuple(&mut self, source: &Source) -> Atom {
        let (one, other) = (self.any_column(source), self.any_column(source));
        let mut pair = || {
            let first = self.compared(source, one);
            ValueTuple::Two(first, self.compared(source, other))
        };
        let pairs = [pair(), pair()];
        let tuple = Expr::tuple([source.own(one), source.own(other)]);
        tuple.in_tuples(pairs).into()
    }

    fn subquery(&mut self, sources: &[Source], at: usize, depth: usize) -> Expr {
        let source = &sources[at];
        let column = self.any_column(source);
        match self.dice().below(8) {
            0..=2 => {
                let Some(inner) = self.inner(sources, source.columns[column].kind, depth) else {
                    return source.own(column).is_not_null();
                };
                if self.dice().one_in(3) {
                    source.own(column).not_in_subquery(inner)
                } else {
                    source.own(column).in_subquery(inner)
                }
            }
            3..=6 => {
                let mut inner = self.correlated(sources, depth).0;
                inner.expr(Expr::val(1));
                if self.dice().coin() {
                    Expr::exists(inner)
                } else {
                    Expr::exists(inner).not()
                }
            }
            _ => {
                let scalar = self.scalar(sources, depth);
                let number = self.values.of_kind(Kind::Int);
                number.lte(scalar)
            }
        }
    }

    /// A query of one column of that kind.
    fn inner(&mut self, outer: &[Source], kind: Kind, depth: usize) -> Option<SelectStatement> {
        let (mut select, source) = self.correlated(outer, depth);
        let columns = source.of_kind(kind);
        if columns.is_empty() {
            return None;
        }
        let at = self.dice().pick(&columns);
        select.expr(source.full(at));
        if self.dice().one_in(8) && !source.columns[at].folding {
            select.distinct();
        }
        Some(select)
    }

    /// A number a query finds: `(SELECT count(*) ...)`.
    pub(super) fn scalar(&mut self, outer: &[Source], depth: usize) -> Expr {
        let (mut select, source) = self.correlated(outer, depth);
        let numbers = source.of_kind(Kind::Int);
        match self.dice().below(3) {
            0 if !numbers.is_empty() => {
                let at = self.dice().pick(&numbers);
                select.expr(source.full(at).max());
            }
            1 => {
                let at = self.any_column(&source);
                select.expr(source.full(at).count());
            }
            _ => {
                select.expr(Func::count(Expr::col(Asterisk)));
            }
        }
        Expr::SubQuery(None, Box::new(select.into()))
    }

    /// A query of one table without its columns, which often looks at a row of the query around it.
    fn correlated(&mut self, outer: &[Source], depth: usize) -> (SelectStatement, Source) {
        let table = self.any_table();
        let own = self.schema.tables[table].name;
        let seen = outer.iter().any(|source| source.name == own);
        let alias = (seen || self.dice().coin()).then(|| self.alias());
        let source = self.table(table, alias);
        let mut select = Query::select();
        match alias {
            Some(alias) => select.from_as(own, alias),
            None => select.from(own),
        };
        if !self.dice().one_in(3)
            && let Some(link) = self.link(&self.seen_inside(outer), &source)
        {
            select.and_where(link);
        }
        let sources = [source];
        for _ in 0..self.dice().pick(&[0, 1, 1, 2]) {
            let atom = self.atom(&sources, 0, depth + 1);
            let demanded = self.demand(&sources[0], atom);
            select.and_where(demanded);
        }
        let [source] = sources;
        (select, source)
    }

    /// The sources of a query that a subquery of it may name.
    ///
    /// MariaDB does not always find the columns of a derived table or a view that it makes first, once it has
    /// turned the subquery into a join: whether it answers or refuses (error 1054) changes with the rows.
    fn seen_inside(&self, outer: &[Source]) -> Vec<Source> {
        let made =
            |source: &Source| source.table.is_none() && MADE.contains(&source.columns[0].name);
        let unseen = |source: &Source| self.backend() == DbBackend::MySql && made(source);
        outer.iter().filter(|it| !unseen(it)).cloned().collect()
    }

    /// What joins a source to others: a reference where there is one, or columns of the same kind.
    pub(super) fn link(&mut self, others: &[Source], source: &Source) -> Option<Expr> {
        let mut links = Vec::new();
        // Services join by references only, where there are any.
        let wild = usize::from(!self.plain());
        for (which, other) in others.iter().enumerate() {
            for (mine, column) in source.columns.iter().enumerate() {
                for (theirs, of) in other.columns.iter().enumerate() {
                    if column.kind == of.kind {
                        let refers = |from: Option<(usize, _)>, to: &Source, at: usize| {
                            from.is_some_and(|(table, _)| to.table == Some(table) && to.key == [at])
                        };
                        let refers =
                            refers(column.refers, other, theirs) || refers(of.refers, source, mine);
                        let weight = if refers { 8 * wild + 1 } else { wild };
                        links.push((weight, (which, mine, theirs)));
                    }
                }
            }
        }
        if links.iter().all(|(weight, _)| *weight == 0) {
            links.iter_mut().for_each(|(weight, _)| *weight = 1);
        }
        if links.is_empty() {
            return None;
        }
        let (which, mine, theirs) = self.dice().weighed(&links);
        let (mine, theirs) = (source.full(mine), others[which].full(theirs));
        let plain = self.plain();
        Some(match self.dice().below(20) {
            _ if plain => mine.eq(theirs),
            0 => mine.lt(theirs),
            1 => mine.ne(theirs),
            2..=9 => theirs.eq(mine),
            _ => mine.eq(theirs),
        })
    }

    /// Tells whether the database joins in every way.
    pub(super) fn joins_fully(&self) -> bool {
        self.backend() != DbBackend::MySql
    }
}
