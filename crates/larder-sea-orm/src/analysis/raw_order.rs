//! What groups, orders and cuts the rows of raw SQL.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use smallvec::SmallVec;
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, OrderBy as Order, OrderByExpr, OrderByKind,
    OrderBySort, Query, Select, SelectItem, Value as Literal,
};

use super::block::is_zero;
use super::raw_blocks::{Blocks, Here};
use super::raw_columns::Columns;
use super::raw_where::column;
use super::{OrderBy, Role};

impl Blocks<'_> {
    pub(super) fn groups(&mut self, here: Here<'_>, select: &Select) {
        match &select.group_by {
            GroupByExpr::All(_) => self.found[here.at].opaque = true,
            GroupByExpr::Expressions(exprs, _) => {
                for expr in exprs {
                    self.ranked(here, expr, true);
                }
            }
        }
        if let Some(Distinct::On(exprs)) = &select.distinct {
            for expr in exprs {
                self.ranked(here, expr, true);
            }
        }
        if let Some(expr) = &select.having {
            self.walk(here, expr, Role::Order);
        }
        for window in &select.named_window {
            Columns::new(self, here, Role::Order).go(window);
        }
    }

    /// Looks at an ORDER BY; tells whether its expressions give one value a row.
    pub(super) fn order(&mut self, here: Here<'_>, order: &Order, ordinals: bool) -> bool {
        let OrderByKind::Expressions(exprs) = &order.kind else {
            self.found[here.at].opaque = true;
            return true;
        };
        self.lost |= order.interpolate.is_some();
        let mut rows = true;
        for by in exprs {
            self.lost |= by.with_fill.is_some();
            rows &= self.ranked(here, &by.expr, ordinals);
        }
        rows
    }

    /// Looks at an expression of an ORDER BY or GROUP BY, where a number is a place in the select list.
    fn ranked(&mut self, here: Here<'_>, expr: &Expr, ordinals: bool) -> bool {
        let lists = match expr {
            Expr::GroupingSets(lists) | Expr::Cube(lists) | Expr::Rollup(lists) => lists.as_slice(),
            Expr::Tuple(list) => std::slice::from_ref(list),
            _ => &[],
        };
        if !lists.is_empty() {
            let mut rows = true;
            for expr in lists.iter().flatten() {
                rows &= self.ranked(here, expr, ordinals);
            }
            return rows;
        }
        if is_constant(expr) {
            if !ordinals {
                return true;
            }
            let item = here.select.and_then(|select| at_place(select, expr));
            let Some(item) = item else {
                self.found[here.at].opaque = true;
                return true;
            };
            return self.walk(here, item, Role::Order);
        }
        let rows = self.walk(here, expr, Role::Order);
        rows & self.implicit(here, expr)
    }

    /// `PostgreSQL` names an expression without an alias after its function, and ORDER BY can use that name.
    fn implicit(&mut self, here: Here<'_>, expr: &Expr) -> bool {
        let (Expr::Identifier(_), DbBackend::Postgres, Some(select)) =
            (expr, self.backend(), here.select)
        else {
            return true;
        };
        let mut rows = true;
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            {
                rows &= self.walk(here, expr, Role::Order);
            }
        }
        rows
    }

    /// Looks at LIMIT and OFFSET; tells whether no row is skipped, unless a value that is bound tells otherwise.
    pub(super) fn limit(&mut self, here: Here<'_>, tail: &Query) -> bool {
        let (limit, offset) = match &tail.limit_clause {
            None => (None, None),
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                self.lost |= !limit_by.is_empty();
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        };
        let fetch = tail.fetch.as_ref();
        let quantity = fetch.and_then(|fetch| fetch.quantity.as_ref());
        let known = self.found.len();
        for expr in [limit, offset, quantity].into_iter().flatten() {
            self.walk(here, expr, Role::Where);
        }
        self.found[here.at].limit = match (limit, fetch) {
            (Some(limit), None) => self.reader.value(limit),
            _ => None,
        };
        self.found[here.at].limited |= limit.is_some() || fetch.is_some();
        let from_the_first = offset.is_none_or(|offset| match self.reader.value(offset) {
            // A number in the text, or a value bound of the same type.
            Some(value @ Value::BigInt(_)) => is_zero(&value),
            Some(value) => {
                self.found[here.at].offset = Some(value);
                true
            }
            None => false,
        });
        from_the_first && fetch.is_none() && self.found.len() == known
    }
}

/// Returns what rows are sorted by first, as long as that is columns of tables.
pub(super) fn plain_order(here: Here<'_>, tail: &Query) -> SmallVec<[OrderBy; 1]> {
    let Some(OrderByKind::Expressions(exprs)) = tail.order_by.as_ref().map(|it| &it.kind) else {
        return SmallVec::new();
    };
    let is_column = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
                | SelectItem::Wildcard(_)
                | SelectItem::QualifiedWildcard(..)
        )
    };
    // A name alone may be that of a part of the select list.
    let by_name = here
        .select
        .is_some_and(|select| select.projection.iter().all(is_column));
    let plain = |by: &OrderByExpr| {
        let certain = match by.expr {
            Expr::CompoundIdentifier(_) => true,
            Expr::Identifier(_) => by_name,
            _ => false,
        };
        let by_default = by.options.nulls_first.is_none()
            && by.with_fill.is_none()
            && !matches!(by.options.sort, Some(OrderBySort::Using(_)));
        let column = column(&by.expr).filter(|_| certain && by_default)?;
        Some(OrderBy {
            column,
            descending: by.options.sort == Some(OrderBySort::Desc),
        })
    };
    exprs.iter().map_while(plain).collect()
}

/// Tells whether an expression has neither columns nor calls: in ORDER BY it may be a place.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::Nested(expr) | Expr::UnaryOp { expr, .. } | Expr::Collate { expr, .. } => {
            is_constant(expr)
        }
        _ => false,
    }
}

/// Returns the expression a number in ORDER BY means.
fn at_place<'q>(select: &'q Select, expr: &Expr) -> Option<&'q Expr> {
    let Expr::Value(value) = expr else {
        return None;
    };
    let Literal::Number(digits, false) = &value.value else {
        return None;
    };
    let place = digits.parse::<usize>().ok()?.checked_sub(1)?;
    let items = select.projection.get(..=place)?;
    let exprs: Option<Vec<&Expr>> = items
        .iter()
        .map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        })
        .collect();
    exprs?.pop()
}
