//! The first rows in some order, and writes that move rows into them.
//!
//! A row that moves into a page was in none of its rows, and a row whose last partner goes neither: what tells of
//! them is seldom met by chance.

use sea_orm::sea_query::{ExprTrait as _, JoinType, Query, Value};

use super::maker::Maker;
use super::source::Body;

/// So many of the columns that pages were sorted by last are written.
const SORTED: usize = 4;

impl Maker<'_> {
    /// A table, all of it or the rows of one condition, sometimes with one it is related to.
    pub(super) fn few_tables(&mut self) -> Body {
        let table = self.any_table();
        let source = self.table(table, None);
        let mut select = Query::select();
        select.from(source.name);
        let mut body = Body {
            select,
            sources: vec![source],
            with: None,
            shape: "one table",
        };
        if self.dice().coin() {
            self.partner(&mut body);
        }
        if self.dice().one_in(4) {
            let atom = self.atom(&body.sources, 0, 2);
            let demanded = self.demand(&body.sources[0], atom);
            body.select.and_where(demanded);
        }
        body
    }

    /// Joins a table that may have no row for one there; often it must have none.
    fn partner(&mut self, body: &mut Body) {
        let table = self.related(&body.sources);
        let own = self.schema.tables[table].name;
        let alias = self.alias();
        let source = self.table(table, Some(alias));
        let on = self.on(&body.sources, &source);
        body.select.join_as(JoinType::LeftJoin, own, alias, on);
        body.shape = "left join";
        if self.dice().coin() {
            let at = source.key.first().copied().unwrap_or(0);
            body.select.and_where(source.full(at).is_null());
            body.shape = "anti join";
        }
        body.sources.push(source);
    }

    /// Its rows, the first few by a column beside the key.
    pub(super) fn latest(&mut self, body: &mut Body) -> (bool, &'static str) {
        for source in &body.sources {
            for at in 0..source.columns.len() {
                body.select.expr(source.own(at));
            }
        }
        // Of the table joined: a row that has no partner any more is often among the first then.
        if let Some(source) = body.sources.last()
            && let Some(table) = source.table
        {
            let beside = self.schema.tables[table].rest();
            if !beside.is_empty() {
                let at = self.dice().pick(&beside);
                let direction = self.direction();
                body.select.order_by_expr(source.full(at), direction);
                self.sorted.push((table, at));
                let over = self.sorted.len().saturating_sub(SORTED);
                self.sorted.drain(..over);
            }
        }
        let select = &mut body.select;
        self.total_order(&body.sources, |expr, direction| {
            select.order_by_expr(expr, direction);
        });
        body.select.limit(self.dice().within(1, 3) as u64);
        (true, "latest")
    }

    /// A column that pages of a table are sorted by, sometimes, and a value that moves a row.
    pub(super) fn moved(&mut self, table: usize) -> Option<(usize, Value)> {
        let sorted = self.sorted.iter().filter(|(of, _)| *of == table);
        let sorted: Vec<usize> = sorted.map(|(_, at)| *at).collect();
        if sorted.is_empty() || self.dice().one_in(4) {
            return None;
        }
        let at = self.dice().pick(&sorted);
        let source = self.table(table, None);
        Some((at, self.compared(&source, at)))
    }
}
