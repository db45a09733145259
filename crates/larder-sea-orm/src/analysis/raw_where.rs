//! What the WHERE of raw SQL pins.
//!
//! Databases do not agree on the precedence of operators, so a WHERE counts only if it is an AND of comparisons
//! whose sides need no precedence to be read: columns, values, calls, anything in parentheses.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use smallvec::SmallVec;
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, SetExpr, TableFactor, UnaryOperator,
    Value as Literal, ValueWithSpan,
};

use super::parameters::Parameters;
use super::pins::{Atom, MOST_ROWS, Scope};
use super::{Name, Pins, RelationName};

/// Reads values and columns of one table.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) parameters: &'a Parameters<'a>,
}

/// Returns what a SELECT of one table pins.
pub(super) fn of_select(
    query: &Query,
    parameters: &Parameters<'_>,
    backend: DbBackend,
) -> Option<Pins> {
    let SetExpr::Select(select) = &*query.body else {
        return None;
    };
    let [from] = select.from.as_slice() else {
        return None;
    };
    let plain_group = matches!(select.group_by, GroupByExpr::Expressions(..));
    if query.with.is_some() || !from.joins.is_empty() || !plain_group {
        return None;
    }
    let name = goes_by(&from.relation)?;
    let reader = Reader {
        scope: Scope {
            table: &name,
            backend,
        },
        parameters,
    };
    Some(reader.pins(select.selection.as_ref()?))
}

/// Returns the name a plain table goes by in its statement.
pub(super) fn goes_by(table: &TableFactor) -> Option<Name> {
    match table {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => match alias {
            Some(alias) => Some(Name::from(&alias.name)),
            None => Some(RelationName::of_object(name)?.name),
        },
        _ => None,
    }
}

impl Reader<'_> {
    /// Returns what a WHERE pins; nothing if it is not an AND of plain comparisons.
    pub(super) fn pins(&self, condition: &Expr) -> Pins {
        let mut atoms = Vec::new();
        let understood = self.conjunction(condition, &mut atoms);
        Pins {
            atoms: if understood { atoms } else { Vec::new() },
        }
    }

    fn conjunction(&self, expr: &Expr, into: &mut Vec<Atom>) -> bool {
        match expr {
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => self.conjunction(left, into) && self.conjunction(right, into),
            Expr::Nested(inner) => {
                // Whatever stands in parentheses stays there.
                let mut atoms = Vec::new();
                if self.conjunction(inner, &mut atoms) {
                    into.extend(atoms);
                }
                true
            }
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } => {
                into.extend(self.equality(left, right));
                is_side(left) && is_side(right)
            }
            Expr::InList {
                expr,
                list,
                negated: false,
            } => {
                into.extend(self.membership(expr, list));
                is_side(expr)
            }
            other => is_comparison(other),
        }
    }

    fn equality(&self, left: &Expr, right: &Expr) -> Option<Atom> {
        if let (Expr::Tuple(columns), Expr::Tuple(values)) = (left, right) {
            return self.tuples(columns, &[values]);
        }
        let atom = |column, value| Some(Atom::column(self.column(column)?, [self.value(value)?]));
        atom(left, right).or_else(|| atom(right, left))
    }

    fn membership(&self, expr: &Expr, list: &[Expr]) -> Option<Atom> {
        if list.len() > MOST_ROWS {
            return None;
        }
        if let Expr::Tuple(columns) = expr {
            let rows: Option<Vec<&Vec<Expr>>> = list
                .iter()
                .map(|row| {
                    if let Expr::Tuple(values) = row {
                        Some(values)
                    } else {
                        None
                    }
                })
                .collect();
            return self.tuples(columns, &rows?);
        }
        let values: Option<SmallVec<[Value; 1]>> = list.iter().map(|it| self.value(it)).collect();
        Some(Atom::column(self.column(expr)?, values?))
    }

    fn tuples(&self, columns: &[Expr], rows: &[&Vec<Expr>]) -> Option<Atom> {
        let names: SmallVec<[Name; 1]> = columns
            .iter()
            .map(|column| self.column(column))
            .collect::<Option<_>>()?;
        let mut values = SmallVec::new();
        for row in rows {
            if row.len() != names.len() {
                return None;
            }
            for value in *row {
                values.push(self.value(value)?);
            }
        }
        (!names.is_empty()).then_some(Atom {
            columns: names,
            values,
        })
    }

    fn column(&self, expr: &Expr) -> Option<Name> {
        match expr {
            Expr::Identifier(column) => is_name(column).then(|| column.into()),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, column] if is_name(column) && self.scope.is_table(&table.into()) => {
                    Some(column.into())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the value of a literal or of a bound parameter.
    pub(super) fn value(&self, expr: &Expr) -> Option<Value> {
        match expr {
            Expr::Value(value) => self.literal(value),
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match &**expr {
                Expr::Value(ValueWithSpan {
                    value: Literal::Number(digits, false),
                    ..
                }) => integer(&format!("-{digits}")),
                _ => None,
            },
            _ => None,
        }
    }

    fn literal(&self, value: &ValueWithSpan) -> Option<Value> {
        let backend = self.scope.backend;
        match &value.value {
            Literal::Number(digits, false) => integer(digits),
            // What a backslash means depends on the session.
            Literal::SingleQuotedString(text) if !text.contains('\\') => Some(text.clone().into()),
            Literal::Boolean(value) => Some((*value).into()),
            Literal::Null => Some(Value::BigInt(None)),
            Literal::HexStringLiteral(digits) if backend == DbBackend::Sqlite => {
                Some(bytes(digits)?.into())
            }
            Literal::Placeholder(text) => self
                .parameters
                .value(text, value.span.start, backend)
                .cloned(),
            _ => None,
        }
    }
}

/// Tells whether an identifier names a column and nothing else.
fn is_name(ident: &Ident) -> bool {
    ident.quote_style != Some('\'') && !ident.value.starts_with('@')
}

fn integer(digits: &str) -> Option<Value> {
    digits.parse::<i64>().ok().map(Value::from)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    digits
        .is_ascii()
        .then(|| (0..digits.len()).step_by(2).map(byte).collect())?
}

/// Tells whether an expression is a comparison whose sides need no precedence to be read.
fn is_comparison(expr: &Expr) -> bool {
    use BinaryOperator::{Gt, GtEq, Lt, LtEq, NotEq};
    match expr {
        Expr::BinaryOp {
            left,
            op: NotEq | Lt | LtEq | Gt | GtEq,
            right,
        } => is_side(left) && is_side(right),
        Expr::IsNull(expr)
        | Expr::IsNotNull(expr)
        | Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. } => is_side(expr),
        Expr::Between {
            expr, low, high, ..
        } => is_side(expr) && is_side(low) && is_side(high),
        Expr::Like {
            expr,
            pattern,
            escape_char: None,
            ..
        }
        | Expr::ILike {
            expr,
            pattern,
            escape_char: None,
            ..
        } => is_side(expr) && is_side(pattern),
        other => is_side(other),
    }
}

fn is_side(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::Nested(_)
        | Expr::Tuple(_)
        | Expr::Function(_)
        | Expr::Subquery(_)
        | Expr::Exists { .. }
        | Expr::Cast { .. } => true,
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => is_side(expr),
        _ => false,
    }
}
