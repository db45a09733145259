//! What the WHERE and ON of raw SQL say beside equalities.

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr, UnaryOperator};

use super::equalities::{MOST_LEVELS, one_of};
use super::raw_where::{Reader, column, is_comparison, is_side};
use super::{Asked, Check, ColumnOf, Comparison, Place};

impl Reader<'_> {
    /// Reads a condition that is not said by equalities alone.
    pub(super) fn check(&self, expr: &Expr) -> Check {
        self.check_within(expr, MOST_LEVELS)
    }

    fn check_within(&self, expr: &Expr, levels: usize) -> Check {
        use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
        let not = |negated: bool, check: Check| {
            if negated {
                Check::Not(Box::new(check))
            } else {
                check
            }
        };
        let Some(levels) = levels.checked_sub(1) else {
            return Check::Unknown;
        };
        let inner = |expr: &Expr| self.check_within(expr, levels);
        match expr {
            Expr::Nested(nested) if is_plain(nested) => inner(nested),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } if matches!(**expr, Expr::Nested(_)) => not(true, inner(expr)),
            Expr::BinaryOp { left, op, right } => match op {
                And => Check::All(vec![inner(left), inner(right)]),
                Or => Check::Any(vec![inner(left), inner(right)]),
                _ if !(is_side(left) && is_side(right)) => Check::Unknown,
                Eq => one_of(self.equality(left, right, Place::Where)),
                NotEq => not(true, one_of(self.equality(left, right, Place::Where))),
                Lt => self.compare(left, Comparison::Less, right),
                LtEq => self.compare(left, Comparison::LessOrEqual, right),
                Gt => self.compare(left, Comparison::Greater, right),
                GtEq => self.compare(left, Comparison::GreaterOrEqual, right),
                _ => Check::Unknown,
            },
            Expr::InList {
                expr,
                list,
                negated,
            } if is_side(expr) => not(*negated, one_of(self.membership(expr, list, Place::Where))),
            Expr::IsNull(side) => column(side).map_or(Check::Unknown, Check::Null),
            Expr::IsNotNull(side) => not(true, column(side).map_or(Check::Unknown, Check::Null)),
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } if is_side(low) && is_side(high) => not(
                *negated,
                Check::All(vec![
                    self.compare(expr, Comparison::GreaterOrEqual, low),
                    self.compare(expr, Comparison::LessOrEqual, high),
                ]),
            ),
            _ => Check::Unknown,
        }
    }

    fn compare(&self, left: &Expr, comparison: Comparison, right: &Expr) -> Check {
        match (column(left), self.value(right)) {
            (Some(column), Some(value)) => Check::Compare(column, comparison, value),
            _ => match (column(right), self.value(left)) {
                (Some(column), Some(value)) => Check::Compare(column, comparison.flipped(), value),
                _ => Check::Unknown,
            },
        }
    }
}

/// Tells whether an expression is made of comparisons by AND and OR, and nothing that binds between them.
pub(super) fn is_plain(expr: &Expr) -> bool {
    is_plain_within(expr, MOST_LEVELS)
}

fn is_plain_within(expr: &Expr, levels: usize) -> bool {
    use BinaryOperator::{And, Eq, Or};
    let Some(levels) = levels.checked_sub(1) else {
        return false;
    };
    match expr {
        Expr::BinaryOp {
            left,
            op: And | Or,
            right,
        } => is_plain_within(left, levels) && is_plain_within(right, levels),
        Expr::BinaryOp {
            left,
            op: Eq,
            right,
        } => is_side(left) && is_side(right),
        other => is_comparison(other),
    }
}

/// Returns the subqueries that stand in the AND of a condition, and what is asked of them.
pub(super) fn asked(condition: &Expr) -> Vec<(&Query, Asked)> {
    let mut found = Vec::new();
    if is_plain(condition) {
        ask(condition, &mut found);
    }
    found
}

fn ask<'q>(expr: &'q Expr, found: &mut Vec<(&'q Query, Asked)>) {
    match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            ask(left, found);
            ask(right, found);
        }
        Expr::Nested(inner) if is_plain(inner) => ask(inner, found),
        Expr::Exists { subquery, negated } => {
            let asked = if *negated {
                Asked::ExistsNot
            } else {
                Asked::Exists
            };
            found.push((subquery, asked));
        }
        Expr::InSubquery {
            expr,
            subquery,
            negated: false,
        } => {
            if let Some((own, inner)) = column(expr).zip(only_column(subquery)) {
                found.push((subquery, Asked::In(own, inner)));
            }
        }
        _ => {}
    }
}

/// Returns the column a query selects, if it is one column alone.
fn only_column(query: &Query) -> Option<ColumnOf> {
    let SetExpr::Select(select) = &*query.body else {
        return None;
    };
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => column(expr),
        _ => None,
    }
}
