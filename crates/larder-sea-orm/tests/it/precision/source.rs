//! What a random query reads from: tables, joins of every sort, derived tables, CTEs.

use sea_orm::sea_query::{
    CommonTableExpression, Condition, Expr, ExprTrait as _, Func, JoinType, Query, SelectStatement,
    WithClause,
};

use super::maker::{Maker, Source};
use super::schema::{Column, Kind};

/// A query without its columns.
pub(super) struct Body {
    pub(super) select: SelectStatement,
    pub(super) sources: Vec<Source>,
    pub(super) with: Option<WithClause>,
    pub(super) shape: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Join {
    Comma,
    Cross,
    Of(JoinType),
}

/// What the columns of a derived table are called.
pub(super) const MADE: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

impl Maker<'_> {
    /// A query's FROM and WHERE; `depth` counts the queries around it.
    pub(super) fn body(&mut self, depth: usize) -> Body {
        let mut body = Body {
            select: Query::select(),
            sources: Vec::new(),
            with: None,
            shape: "one table",
        };
        self.first(&mut body, depth);
        let wild = self.wild();
        let joins = self.dice().weighed(&[(60, 0), (30, 1), (10, 2)]);
        let commas = wild && self.dice().one_in(6);
        for _ in 0..joins {
            self.join(&mut body, commas, depth);
        }
        if let [source] = body.sources.as_mut_slice() {
            source.bare = self.values.dice.one_in(3);
        }
        for _ in 0..self.dice().weighed(&[(25, 0), (45, 1), (22, 2), (8, 3)]) {
            let at = self.dice().below(body.sources.len());
            let atom = self.atom(&body.sources, at, depth);
            let demanded = self.demand(&body.sources[at], atom);
            body.select.and_where(demanded);
        }
        if wild && self.dice().one_in(40) {
            let never = self.dice().coin();
            body.select
                .and_where(Expr::val(1).eq(if never { 1 } else { 2 }));
        }
        body
    }

    #[expect(
        clippy::same_functions_in_if_condition,
        reason = "each condition throws the dice anew"
    )]
    fn first(&mut self, body: &mut Body, depth: usize) {
        let wild = self.wild() && depth == 0;
        if wild && self.dice().one_in(16) {
            let (select, source) = self.derived(depth);
            body.shape = "derived table";
            body.select.from_subquery(select, source.name);
            body.sources.push(source);
        } else if wild && self.dice().one_in(16) {
            let source = self.cte(body, depth);
            body.select.from(source.name);
            body.sources.push(source);
        } else if let (true, Some(view)) = (self.dice().one_in(8), &self.schema.view) {
            let alias = self.alias();
            from(&mut body.select, view.name, Some(alias));
            body.shape = "view";
            body.sources.extend(self.view(alias));
        } else {
            let table = self.any_table();
            let alias = (depth > 0 || self.dice().one_in(4)).then(|| self.alias());
            let source = self.table(table, alias);
            from(&mut body.select, self.schema.tables[table].name, alias);
            body.sources.push(source);
        }
    }

    fn join(&mut self, body: &mut Body, commas: bool, depth: usize) {
        let how = if commas { Join::Comma } else { self.how() };
        if self.wild() && !commas && depth == 0 && self.dice().one_in(8) {
            let (select, source) = self.derived(depth);
            body.shape = "derived table";
            let on = self.on(&body.sources, &source);
            let how = if let Join::Of(how) = how {
                how
            } else {
                JoinType::InnerJoin
            };
            body.select.join_subquery(how, select, source.name, on);
            body.sources.push(source);
            return;
        }
        let table = self.related(&body.sources);
        let own = self.schema.tables[table].name;
        let again = body.sources.iter().any(|source| source.name == own);
        let alias = (again || depth > 0 || self.dice().one_in(4)).then(|| self.alias());
        let source = self.table(table, alias);
        body.shape = match how {
            Join::Comma => "comma join",
            Join::Cross => "cross join",
            Join::Of(JoinType::InnerJoin) => "inner join",
            Join::Of(JoinType::LeftJoin) => "left join",
            Join::Of(_) => "right or full join",
        };
        match how {
            Join::Comma => {
                from(&mut body.select, own, alias);
                if !self.dice().one_in(10)
                    && let Some(link) = self.link(&body.sources, &source)
                {
                    body.select.and_where(link);
                }
            }
            Join::Cross => {
                let name = alias.unwrap_or(own);
                let whole = Expr::val(1).eq(1);
                body.select.join_as(JoinType::InnerJoin, own, name, whole);
            }
            Join::Of(how) => {
                let on = self.on(&body.sources, &source);
                match alias {
                    Some(alias) => body.select.join_as(how, own, alias, on),
                    None => body.select.join(how, own, on),
                };
            }
        }
        let anti = matches!(how, Join::Of(JoinType::LeftJoin)) && self.dice().one_in(4);
        if anti {
            let at = source.key.first().copied().unwrap_or(0);
            body.select.and_where(source.full(at).is_null());
            body.shape = "anti join";
        }
        body.sources.push(source);
    }

    fn how(&mut self) -> Join {
        let wild = usize::from(self.wild());
        let right = usize::from(!self.plain());
        let full = if self.joins_fully() { 4 * wild } else { 0 };
        self.dice().weighed(&[
            (40, Join::Of(JoinType::InnerJoin)),
            (40, Join::Of(JoinType::LeftJoin)),
            (8 * right, Join::Of(JoinType::RightJoin)),
            (full, Join::Of(JoinType::FullOuterJoin)),
            (2 * wild, Join::Cross),
        ])
    }

    /// A table that refers to one there, or is referred to, where there is one.
    pub(super) fn related(&mut self, sources: &[Source]) -> usize {
        let tables = &self.schema.tables;
        let refers = |from: usize, to: usize| {
            let mut columns = tables[from].columns.iter();
            columns.any(|column| column.refers.is_some_and(|(table, _)| table == to))
        };
        let near: Vec<usize> = (0..tables.len())
            .filter(|table| {
                let mut there = sources.iter().filter_map(|source| source.table);
                there.any(|other| refers(*table, other) || refers(other, *table))
            })
            .collect();
        if near.is_empty() || !self.plain() && self.dice().one_in(6) {
            self.any_table()
        } else {
            self.dice().pick(&near)
        }
    }

    /// What a join demands; of an outer join, each part of it decides what is left empty.
    pub(super) fn on(&mut self, others: &[Source], source: &Source) -> Condition {
        let mut on = Condition::all();
        let link = self.link(others, source);
        let linked = link.is_some();
        if let Some(link) = link {
            on = on.add(link);
        }
        if !linked || self.dice().one_in(4) {
            let sources = [source.clone()];
            on = on.add(self.atom(&sources, 0, 2).expr);
        }
        if self.dice().one_in(12) {
            let at = self.dice().below(others.len());
            on = on.add(self.atom(others, at, 2).expr);
        }
        on
    }

    /// A query to read from, and the source it makes.
    fn derived(&mut self, depth: usize) -> (SelectStatement, Source) {
        let name = self.alias();
        let mut body = self.body(depth + 1);
        let mut columns = Vec::new();
        if self.dice().one_in(3) {
            self.grouped(&mut body, &mut columns);
        } else {
            self.chosen(&mut body, &mut columns);
            if self.dice().one_in(3) {
                let mut order = Vec::new();
                self.total_order(&body.sources, |expr, direction| {
                    order.push((expr, direction));
                });
                for (expr, direction) in order {
                    body.select.order_by_expr(expr, direction);
                }
                self.page(&mut body.select);
            }
        }
        let source = Source {
            name,
            table: None,
            columns,
            key: Vec::new(),
            part: None,
            bare: false,
        };
        (body.select, source)
    }

    fn cte(&mut self, body: &mut Body, depth: usize) -> Source {
        let (select, source) = self.derived(depth);
        let mut cte = CommonTableExpression::new();
        cte.table_name(source.name).query(select);
        if self.dice().coin() {
            cte.columns(source.columns.iter().map(|column| column.name));
        }
        let mut with = WithClause::new();
        with.cte(cte);
        body.with = Some(with);
        body.shape = "cte";
        source
    }

    fn chosen(&mut self, body: &mut Body, columns: &mut Vec<Column>) {
        for source in &body.sources {
            let all: Vec<usize> = (0..source.columns.len()).collect();
            for at in self.dice().some(&all, 1).into_iter().take(3) {
                if columns.len() < MADE.len() {
                    let name = MADE[columns.len()];
                    body.select.expr_as(source.full(at), name);
                    columns.push(derived(name, source.columns[at]));
                }
            }
        }
    }

    fn grouped(&mut self, body: &mut Body, columns: &mut Vec<Column>) {
        let source = body.sources[0].clone();
        let exact: Vec<usize> = (0..source.columns.len())
            .filter(|at| !source.columns[*at].folding)
            .collect();
        if !exact.is_empty() {
            let at = self.dice().pick(&exact);
            body.select.expr_as(source.full(at), "c0");
            body.select.add_group_by([source.full(at)]);
            columns.push(derived("c0", source.columns[at]));
        }
        let of = self.any_column(&source);
        body.select.expr_as(Func::count(source.full(of)), "c1");
        columns.push(derived(
            "c1",
            Column {
                kind: Kind::Int,
                folding: false,
                ..source.columns[of]
            },
        ));
    }
}

fn derived(name: &'static str, column: Column) -> Column {
    Column {
        name,
        refers: None,
        nullable: true,
        ..column
    }
}

fn from(select: &mut SelectStatement, table: &'static str, alias: Option<&'static str>) {
    match alias {
        Some(alias) => select.from_as(table, alias),
        None => select.from(table),
    };
}
