//! What the answer of raw SQL is, and what its WHERE asks of subqueries.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins,
};

use super::Gives;
use super::raw_blocks::{Blocks, Here, is_row_by_row};
use super::raw_checks::asked;

impl Blocks<'_> {
    /// Notes what a WHERE asks of its subqueries.
    pub(super) fn asked(&mut self, here: Here<'_>, condition: &Expr) {
        for (query, asked) in asked(condition) {
            let entered = self
                .entered
                .iter()
                .find(|(known, _)| std::ptr::eq(*known, query));
            if let Some((_, at)) = entered
                && self.found[*at].outer == Some(here.at)
            {
                self.found[*at].asked = Some(asked);
            }
        }
    }

    /// Returns what the answer of a statement is.
    pub(super) fn gives(&self, query: &Query) -> Gives {
        let SetExpr::Select(select) = &*query.body else {
            return Gives::Rows;
        };
        let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
            select.projection.as_slice()
        else {
            return Gives::Rows;
        };
        let whole = query.with.is_none() && is_row_by_row(select);
        match expr {
            Expr::Exists {
                subquery,
                negated: false,
            } if whole && select.from.is_empty() && select.selection.is_none() => {
                let inner = std::ptr::from_ref(&**subquery);
                let mut entered = self.entered.iter();
                let entered = entered.find(|(known, _)| std::ptr::eq(*known, inner));
                entered.map_or(Gives::Rows, |(_, at)| Gives::Exists(*at))
            }
            expr if whole && is_count_of_rows(expr) => self.counted(select),
            _ => Gives::Rows,
        }
    }

    /// Returns whose rows a SELECT counts: its own, or those of the only query in its FROM.
    fn counted(&self, select: &Select) -> Gives {
        let derived = match select.from.as_slice() {
            [
                TableWithJoins {
                    relation: TableFactor::Derived { subquery, .. },
                    joins,
                },
            ] if joins.is_empty() => Some(std::ptr::from_ref(&**subquery)),
            _ => None,
        };
        match derived {
            Some(_) if select.selection.is_some() => Gives::Rows,
            Some(derived) => {
                let mut entered = self.entered.iter();
                let entered = entered.find(|(known, _)| std::ptr::eq(*known, derived));
                entered.map_or(Gives::Rows, |(_, at)| Gives::Count(*at))
            }
            None => Gives::Count(0),
        }
    }
}

/// Tells whether an expression is `count(*)`.
fn is_count_of_rows(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else {
        return false;
    };
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    let whole = matches!(
        list.args.as_slice(),
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
    );
    whole
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty()
        && function.filter.is_none()
        && function.over.is_none()
        && function.within_group.is_empty()
        && function.name.to_string().eq_ignore_ascii_case("count")
}
