//! What the AND at the top of a condition says for certain: equalities with values and of columns.

use sea_orm::sea_query::{
    BinOper, ColumnName, ColumnRef, Expr, Keyword, LogicalChainOper, TableName, Value,
};
use smallvec::{SmallVec, smallvec};

use super::pins::MOST_ROWS;
use super::{BlockAtom, BlockCheck, Check, ColumnOf, Comparison, Link, Place};

/// Conditions that are deeper in one another are left aside: a chain of ORs is as deep as it is long.
pub(super) const MOST_LEVELS: usize = 16;

/// The equalities of one statement or subquery.
#[derive(Default)]
pub(super) struct Equalities {
    pub(super) atoms: SmallVec<[BlockAtom; 2]>,
    pub(super) links: SmallVec<[Link; 1]>,
    pub(super) checks: SmallVec<[BlockCheck; 1]>,
}

impl Equalities {
    /// Collects what a condition made of one expression says.
    pub(super) fn of_expr(&mut self, expr: &Expr, place: Place) {
        match expr {
            Expr::Binary(left, BinOper::And, right) => {
                self.of_expr(left, place);
                self.of_expr(right, place);
            }
            Expr::Binary(left, BinOper::Equal, right) => match (column(left), column(right)) {
                (Some(left), Some(right)) => self.links.push(Link { left, right, place }),
                _ => self.atoms.extend(equality(left, right, place)),
            },
            Expr::Binary(left, BinOper::In, right) => {
                self.atoms.extend(membership(left, right, place));
            }
            Expr::Binary(left, BinOper::Or, right) => match either(left, right, place) {
                Some(atom) => self.atoms.push(atom),
                None => self.check(expr, place),
            },
            Expr::Binary(left, BinOper::Is, right) if is_null(right) => {
                self.atoms.extend(column(left).map(|column| BlockAtom {
                    columns: smallvec![column],
                    values: smallvec![Value::BigInt(None)],
                    is_null: true,
                    place,
                }));
            }
            other => self.check(other, place),
        }
    }

    fn check(&mut self, expr: &Expr, place: Place) {
        let check = check(expr, MOST_LEVELS).worth();
        self.checks
            .extend(check.map(|check| BlockCheck { check, place }));
    }

    /// Collects what a condition made of a chain says.
    ///
    /// A chain is printed without all the parentheses its tree has: `a OR b` in it would end up beside
    /// `AND id = 7`. So nothing is taken from a longer one unless all its links are plain comparisons.
    pub(super) fn of_chain(&mut self, chain: &[LogicalChainOper], place: Place) {
        let link = |oper: &LogicalChainOper| match oper {
            LogicalChainOper::And(expr) => is_comparison(expr),
            LogicalChainOper::Or(_) => false,
        };
        if chain.len() == 1 || chain.iter().all(link) {
            for oper in chain {
                let (LogicalChainOper::And(expr) | LogicalChainOper::Or(expr)) = oper;
                self.of_expr(expr, place);
            }
        }
    }
}

/// Reads `a = 1 OR a = 2` as `a IN (1, 2)`.
fn either(left: &Expr, right: &Expr, place: Place) -> Option<BlockAtom> {
    let side = |expr: &Expr| match expr {
        Expr::Binary(left, BinOper::Equal, right) => equality(left, right, place),
        Expr::Binary(left, BinOper::In, right) => membership(left, right, place),
        Expr::Binary(left, BinOper::Or, right) => either(left, right, place),
        _ => None,
    };
    let (mut one, other) = (side(left)?, side(right)?);
    if one.columns != other.columns || one.values.len() + other.values.len() > MOST_ROWS {
        return None;
    }
    one.values.extend(other.values);
    Some(one)
}

/// Reads a condition that is not said by equalities alone.
fn check(expr: &Expr, levels: usize) -> Check {
    let Some(levels) = levels.checked_sub(1) else {
        return Check::Unknown;
    };
    let inner = |expr: &Expr| check(expr, levels);
    let compare = |left, comparison: Comparison, right| match (column(left), literal(right)) {
        (Some(column), Some(value)) => Check::Compare(column, comparison, value),
        _ => match (column(right), literal(left)) {
            (Some(column), Some(value)) => Check::Compare(column, comparison.flipped(), value),
            _ => Check::Unknown,
        },
    };
    match expr {
        Expr::Binary(left, BinOper::And, right) => Check::All(vec![inner(left), inner(right)]),
        Expr::Binary(left, BinOper::Or, right) => Check::Any(vec![inner(left), inner(right)]),
        Expr::Binary(left, BinOper::SmallerThan, right) => compare(left, Comparison::Less, right),
        Expr::Binary(left, BinOper::SmallerThanOrEqual, right) => {
            compare(left, Comparison::LessOrEqual, right)
        }
        Expr::Binary(left, BinOper::GreaterThan, right) => {
            compare(left, Comparison::Greater, right)
        }
        Expr::Binary(left, BinOper::GreaterThanOrEqual, right) => {
            compare(left, Comparison::GreaterOrEqual, right)
        }
        Expr::Binary(left, BinOper::Equal, right) => one_of(equality(left, right, Place::Where)),
        Expr::Binary(left, BinOper::In, right) => one_of(membership(left, right, Place::Where)),
        Expr::Binary(left, BinOper::NotEqual, right) => {
            Check::Not(Box::new(one_of(equality(left, right, Place::Where))))
        }
        Expr::Binary(left, BinOper::NotIn, right) => {
            Check::Not(Box::new(one_of(membership(left, right, Place::Where))))
        }
        Expr::Binary(left, BinOper::Is, right) if is_null(right) => {
            column(left).map_or(Check::Unknown, Check::Null)
        }
        Expr::Binary(left, BinOper::IsNot, right) if is_null(right) => {
            let null = column(left).map_or(Check::Unknown, Check::Null);
            Check::Not(Box::new(null))
        }
        Expr::Binary(left, BinOper::Between, right) => between(left, right),
        Expr::Binary(left, BinOper::NotBetween, right) => {
            Check::Not(Box::new(between(left, right)))
        }
        _ => Check::Unknown,
    }
}

fn between(side: &Expr, bounds: &Expr) -> Check {
    let Expr::Binary(low, BinOper::And, high) = bounds else {
        return Check::Unknown;
    };
    match (column(side), literal(low), literal(high)) {
        (Some(column), Some(low), Some(high)) => Check::All(vec![
            Check::Compare(column.clone(), Comparison::GreaterOrEqual, low),
            Check::Compare(column, Comparison::LessOrEqual, high),
        ]),
        _ => Check::Unknown,
    }
}

/// Takes an equality for a condition beside others.
pub(super) fn one_of(atom: Option<BlockAtom>) -> Check {
    match atom {
        Some(BlockAtom {
            mut columns,
            values,
            ..
        }) if columns.len() == 1 => Check::In(columns.remove(0), values),
        _ => Check::Unknown,
    }
}

fn is_comparison(expr: &Expr) -> bool {
    use BinOper::{
        Between, Equal, GreaterThan, GreaterThanOrEqual, In, Is, IsNot, Like, NotBetween, NotEqual,
        NotIn, NotLike, SmallerThan, SmallerThanOrEqual,
    };
    matches!(
        expr,
        Expr::Binary(
            _,
            Equal
                | NotEqual
                | SmallerThan
                | SmallerThanOrEqual
                | GreaterThan
                | GreaterThanOrEqual
                | In
                | NotIn
                | Is
                | IsNot
                | Like
                | NotLike
                | Between
                | NotBetween,
            _
        )
    )
}

fn equality(left: &Expr, right: &Expr, place: Place) -> Option<BlockAtom> {
    if let (Expr::Tuple(columns), Expr::Tuple(values)) = (left, right) {
        return tuples(columns, std::iter::once(values.as_slice()), place);
    }
    let pair = |side, value| atom(smallvec![column(side)?], smallvec![literal(value)?], place);
    pair(left, right).or_else(|| pair(right, left))
}

fn membership(left: &Expr, right: &Expr, place: Place) -> Option<BlockAtom> {
    match (left, right) {
        (Expr::Tuple(columns), Expr::Tuple(rows)) if rows.len() <= MOST_ROWS => {
            rows_of_tuples(columns, rows, place)
        }
        (side, Expr::Tuple(values)) if values.len() <= MOST_ROWS => {
            let values: Option<SmallVec<[Value; 1]>> = values.iter().map(literal).collect();
            atom(smallvec![column(side)?], values?, place)
        }
        (side, Expr::Values(values)) if values.len() <= MOST_ROWS => {
            let values = values.iter().cloned().collect();
            atom(smallvec![column(side)?], values, place)
        }
        _ => None,
    }
}

fn rows_of_tuples(columns: &[Expr], rows: &[Expr], place: Place) -> Option<BlockAtom> {
    if rows.iter().all(|row| matches!(row, Expr::Tuple(_))) {
        let rows = rows.iter().filter_map(|row| match row {
            Expr::Tuple(values) => Some(values.as_slice()),
            _ => None,
        });
        return tuples(columns, rows, place);
    }
    let columns = names(columns)?;
    let mut values = SmallVec::new();
    for row in rows {
        let Expr::Values(row) = row else { return None };
        if row.len() != columns.len() {
            return None;
        }
        values.extend(row.iter().cloned());
    }
    atom(columns, values, place)
}

fn tuples<'a>(
    columns: &[Expr],
    rows: impl Iterator<Item = &'a [Expr]>,
    place: Place,
) -> Option<BlockAtom> {
    let columns = names(columns)?;
    let mut values = SmallVec::new();
    for row in rows {
        if row.len() != columns.len() {
            return None;
        }
        for value in row {
            values.push(literal(value)?);
        }
    }
    atom(columns, values, place)
}

fn atom(
    columns: SmallVec<[ColumnOf; 1]>,
    values: SmallVec<[Value; 1]>,
    place: Place,
) -> Option<BlockAtom> {
    (!columns.is_empty()).then_some(BlockAtom {
        columns,
        values,
        is_null: false,
        place,
    })
}

fn names(columns: &[Expr]) -> Option<SmallVec<[ColumnOf; 1]>> {
    columns.iter().map(column).collect()
}

/// Returns the column an expression is, with its table's name if that stands there.
pub(super) fn column(expr: &Expr) -> Option<ColumnOf> {
    let Expr::Column(ColumnRef::Column(ColumnName(table, column))) = expr else {
        return None;
    };
    Some(ColumnOf {
        qualifier: table.as_ref().map(|TableName(_, table)| table.into()),
        name: column.into(),
    })
}

fn literal(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Value(value) | Expr::Constant(value) => Some(value.clone()),
        Expr::AsEnum(_, value) => literal(value),
        _ => None,
    }
}

fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Keyword(Keyword::Null) => true,
        Expr::Value(value) | Expr::Constant(value) => *value == value.as_null(),
        _ => false,
    }
}
