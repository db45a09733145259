//! Random queries: what is made of the rows they read.

use sea_orm::Statement;
use sea_orm::sea_query::{
    Asterisk, Expr, ExprTrait as _, Func, Order, Query, SelectStatement, UnionType,
    WindowStatement, WithQuery,
};

use super::answer::Defined;
use super::image::Part;
use super::maker::{Maker, Source};
use super::schema::Kind;
use super::source::Body;

/// A query, and what a model of the cache needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) statement: Reading,
    pub(super) parts: Vec<Part>,
    pub(super) defined: Defined,
    pub(super) shape: String,
}

/// A statement that reads.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    Select(SelectStatement),
    With(WithQuery),
    /// The text of another one, with other values.
    Again(Statement),
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Rows,
    Star,
    Latest,
    Partial,
    Aliased,
    Computed,
    Scalar,
    Window,
    Count,
    Exists,
    Aggregate,
    Group,
    Distinct,
    Combined,
}

const FORMS: [(usize, Form); 14] = [
    (30, Form::Rows),
    (8, Form::Star),
    (8, Form::Latest),
    (14, Form::Partial),
    (4, Form::Aliased),
    (4, Form::Computed),
    (4, Form::Scalar),
    (3, Form::Window),
    (9, Form::Count),
    (4, Form::Exists),
    (5, Form::Aggregate),
    (6, Form::Group),
    (4, Form::Distinct),
    (4, Form::Combined),
];

/// All but what is made of rows by expressions: windows, subqueries, computed values.
const LISTED: [(usize, Form); 11] = [
    (30, Form::Rows),
    (8, Form::Star),
    (8, Form::Latest),
    (14, Form::Partial),
    (4, Form::Aliased),
    (9, Form::Count),
    (4, Form::Exists),
    (5, Form::Aggregate),
    (6, Form::Group),
    (4, Form::Distinct),
    (4, Form::Combined),
];

/// What most services read.
const PLAIN: [(usize, Form); 9] = [
    (42, Form::Rows),
    (8, Form::Star),
    (12, Form::Latest),
    (16, Form::Partial),
    (2, Form::Aliased),
    (14, Form::Count),
    (10, Form::Exists),
    (4, Form::Aggregate),
    (4, Form::Group),
];

impl Maker<'_> {
    /// Invents a query.
    pub(super) fn read(&mut self) -> Read {
        self.begin();
        let forms = self.sort(&PLAIN[..], &LISTED[..], &FORMS[..]);
        let form = self.dice().weighed(forms);
        let mut body = if form == Form::Latest {
            self.few_tables()
        } else {
            self.body(0)
        };
        let (order, name) = match form {
            Form::Rows | Form::Star | Form::Partial | Form::Aliased => self.rows(&mut body, form),
            Form::Latest => self.latest(&mut body),
            Form::Computed | Form::Scalar | Form::Window => self.made(&mut body, form),
            Form::Count => self.count(&mut body),
            Form::Exists => self.exists(&mut body),
            Form::Aggregate => self.aggregate(&mut body),
            Form::Group => self.group(&mut body),
            Form::Distinct => self.distinct(&mut body),
            Form::Combined => self.combined(&mut body),
        };
        let shape = format!("{name} of {}", body.shape);
        Read {
            statement: match body.with {
                Some(with) if self.dice().coin() => Reading::With(body.select.with(with)),
                Some(with) => Reading::Select(body.select.with_cte(with).take()),
                None => Reading::Select(body.select),
            },
            parts: std::mem::take(&mut self.parts),
            defined: Defined {
                order,
                folded: self.folded,
            },
            shape,
        }
    }

    fn rows(&mut self, body: &mut Body, form: Form) -> (bool, &'static str) {
        let sources = body.sources.clone();
        match form {
            Form::Star => {
                body.select.column(Asterisk);
            }
            Form::Rows => {
                for source in &sources {
                    for at in 0..source.columns.len() {
                        body.select.expr(source.own(at));
                    }
                }
            }
            Form::Aliased => self.aliased(body, &sources),
            _ => self.partial(body, &sources),
        }
        let (ordered, page) = self.order(body, &sources);
        (
            ordered,
            page.unwrap_or(if form == Form::Partial {
                "columns"
            } else {
                "rows"
            }),
        )
    }

    /// Some columns, sometimes without the key, sometimes twice.
    fn partial(&mut self, body: &mut Body, sources: &[Source]) {
        let mut any = false;
        for source in sources {
            let all: Vec<usize> = (0..source.columns.len()).collect();
            for at in self.dice().some(&all, 0) {
                body.select.expr(source.own(at));
                any = true;
            }
        }
        let source = self.dice().below(sources.len());
        if !any || self.dice().one_in(8) {
            let at = self.any_column(&sources[source]);
            body.select.expr(sources[source].own(at));
        }
    }

    /// Columns under other names, sometimes each other's.
    fn aliased(&mut self, body: &mut Body, sources: &[Source]) {
        for source in sources {
            for at in 0..source.columns.len() {
                let name = match self.dice().below(3) {
                    0 => source.columns[at].name,
                    1 => source.columns[self.any_column(source)].name,
                    _ => self.dice().pick(&["x", "y", "A_id"]),
                };
                body.select.expr_as(source.own(at), name);
            }
        }
    }

    /// Rows with something computed beside them.
    fn made(&mut self, body: &mut Body, form: Form) -> (bool, &'static str) {
        let sources = body.sources.clone();
        self.partial(body, &sources);
        let at = self.dice().below(sources.len());
        match form {
            Form::Computed => {
                let made = self.computed(&sources[at]).0;
                body.select.expr_as(made, "z");
            }
            Form::Scalar => {
                let outer: Vec<Source> = sources.iter().filter(|it| !it.bare).cloned().collect();
                let scalar = self.scalar(&outer, 0);
                body.select.expr_as(scalar, "z");
            }
            _ => self.window(body, &sources, at),
        }
        let (ordered, page) = self.order(body, &sources);
        let name = match form {
            Form::Computed => "computed",
            Form::Scalar => "scalar subquery",
            _ => "window",
        };
        (
            ordered,
            page.filter(|_| form == Form::Computed).unwrap_or(name),
        )
    }

    fn window(&mut self, body: &mut Body, sources: &[Source], at: usize) {
        let by = self.any_column(&sources[at]);
        let mut window = WindowStatement::new();
        if self.dice().coin() {
            window =
                WindowStatement::partition_by((sources[at].name, sources[at].columns[by].name));
        }
        let function = match self.dice().below(3) {
            0 => Func::count(Expr::col(Asterisk)),
            1 => Func::count(sources[at].full(by)),
            _ => {
                if self.dice().coin() {
                    let direction = self.direction();
                    window.order_by_expr(sources[at].full(by), direction);
                }
                self.total_order(sources, |expr, direction| {
                    window.order_by_expr(expr, direction);
                });
                Func::cust("row_number")
            }
        };
        body.select.expr_window_as(function, window, "z");
    }

    /// Orders rows totally, or not at all; returns what a page is called.
    fn order(&mut self, body: &mut Body, sources: &[Source]) -> (bool, Option<&'static str>) {
        if self.dice().one_in(2) {
            return (false, None);
        }
        for _ in 0..self.dice().pick(&[0, 1, 1, 2]) {
            let at = self.dice().below(sources.len());
            let column = self.any_column(&sources[at]);
            let by = match self.dice().below(6) {
                0 => self.computed(&sources[at]).0,
                1 => sources[at].own(column),
                _ => sources[at].full(column),
            };
            let direction = self.direction();
            body.select.order_by_expr(by, direction);
        }
        self.total_order(sources, |expr, direction| {
            body.select.order_by_expr(expr, direction);
        });
        let page = (self.dice().below(9) < 5).then(|| self.page(&mut body.select));
        (true, page)
    }

    fn count(&mut self, body: &mut Body) -> (bool, &'static str) {
        match self.dice().below(3) {
            0 => {
                body.select.expr(Expr::cust("COUNT(*) AS num_items"));
            }
            1 => {
                body.select.expr(Func::count(Expr::col(Asterisk)));
            }
            _ => {
                let with = body.with.take();
                body.select.expr(Expr::val(1));
                if self.dice().one_in(3) {
                    self.page(&mut body.select);
                }
                let inner = std::mem::replace(&mut body.select, Query::select());
                body.select
                    .expr(Expr::cust("COUNT(*) AS num_items"))
                    .from_subquery(inner, "sub_query");
                body.with = with;
            }
        }
        (true, "count")
    }

    fn exists(&mut self, body: &mut Body) -> (bool, &'static str) {
        body.select.expr(Expr::val(1));
        if self.dice().coin() {
            body.select.limit(1);
        } else {
            let inner = std::mem::replace(&mut body.select, Query::select());
            body.select.expr(Expr::exists(inner));
        }
        (true, "exists")
    }

    fn aggregate(&mut self, body: &mut Body) -> (bool, &'static str) {
        for _ in 0..self.dice().within(1, 2) {
            let made = self.aggregated(&body.sources);
            body.select.expr(made);
        }
        (true, "aggregate")
    }

    /// A function of a column of many rows.
    fn aggregated(&mut self, sources: &[Source]) -> Expr {
        let source = &sources[self.dice().below(sources.len())];
        let at = self.any_column(source);
        let own = source.full(at);
        match (source.columns[at].kind, self.dice().below(4)) {
            (Kind::Int | Kind::Text, 0) => {
                self.folded |= source.columns[at].folding;
                own.max()
            }
            (Kind::Int, 1) => own.sum(),
            (Kind::Int, 2) => own.min(),
            (_, 3) => own.count_distinct(),
            _ => own.count(),
        }
    }

    fn group(&mut self, body: &mut Body) -> (bool, &'static str) {
        let sources = body.sources.clone();
        let source = &sources[self.dice().below(sources.len())];
        let mut by = vec![self.any_column(source)];
        let second = self.any_column(source);
        if second != by[0] && self.dice().one_in(3) {
            by.push(second);
        }
        let mut shown = Vec::new();
        for at in by {
            body.select.add_group_by([source.full(at)]);
            self.folded |= source.columns[at].folding;
            if !self.dice().one_in(6) {
                body.select.expr(source.full(at));
                shown.push(source.full(at));
            }
        }
        let made = self.aggregated(&sources);
        body.select.expr(made);
        if self.dice().one_in(3) {
            let having = if self.dice().coin() {
                Func::count(Expr::col(Asterisk)).gt(self.dice().pick(&[0_i64, 1, 2]))
            } else {
                let made = self.aggregated(&sources);
                made.is_not_null()
            };
            body.select.and_having(having);
        }
        if shown.len() == 1 && self.dice().coin() {
            for expr in shown {
                let direction = self.direction();
                body.select.order_by_expr(expr, direction);
            }
            return (false, "group");
        }
        (false, "group")
    }

    fn distinct(&mut self, body: &mut Body) -> (bool, &'static str) {
        body.select.distinct();
        let mut order = Vec::new();
        for _ in 0..self.dice().within(1, 3) {
            let source = &body.sources[self.values.dice.below(body.sources.len())];
            let at = self.any_column(source);
            self.folded |= source.columns[at].folding;
            body.select.expr(source.full(at));
            order.push(source.full(at));
        }
        if self.dice().coin() {
            return (false, "distinct");
        }
        for expr in order {
            let direction = self.direction();
            body.select.order_by_expr(expr, direction);
        }
        if self.dice().coin() {
            self.page(&mut body.select);
        }
        (true, "distinct")
    }

    /// Two queries of the same kinds of columns, put together.
    fn combined(&mut self, body: &mut Body) -> (bool, &'static str) {
        let source = &body.sources[self.values.dice.below(body.sources.len())];
        let at = self.any_column(source);
        let kind = source.columns[at].kind;
        self.folded |= source.columns[at].folding;
        body.select.expr_as(source.full(at), "c");
        let mut other = self.body(1);
        let source = &other.sources[0];
        let of_kind = source.of_kind(kind);
        if of_kind.is_empty() {
            let value = self.values.of_kind(kind);
            other.select.expr(value);
        } else {
            let at = self.dice().pick(&of_kind);
            self.folded |= source.columns[at].folding;
            other.select.expr(source.full(at));
        }
        let how = self.dice().pick(&[
            UnionType::All,
            UnionType::Distinct,
            UnionType::Except,
            UnionType::Intersect,
        ]);
        body.select.union(how, other.select);
        if self.dice().one_in(3) {
            body.select.order_by("c", Order::Asc);
            if self.dice().coin() {
                self.page(&mut body.select);
            }
            return (true, "union");
        }
        (false, "union")
    }
}
