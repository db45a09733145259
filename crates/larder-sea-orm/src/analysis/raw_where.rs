//! What the WHERE and ON of raw SQL say for certain.
//!
//! Databases do not agree on the precedence of operators, so a condition counts only if it is an AND of comparisons
//! whose sides need no precedence to be read: columns, values, calls, anything in parentheses. An OR that stands alone
//! counts if all it says is which values the same columns have: nothing binds weaker.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use smallvec::{SmallVec, smallvec};
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, SetExpr, TableFactor, UnaryOperator,
    Value as Literal, ValueWithSpan,
};

use super::parameters::Parameters;
use super::pins::{Atom, MOST_ROWS, Scope};
use super::raw_checks::is_plain;
use super::{BlockAtom, BlockCheck, Check, ColumnOf, Link, Name, Pins, Place, RelationName};

/// Reads values, columns and comparisons.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) backend: DbBackend,
    pub(super) parameters: &'a Parameters<'a>,
}

/// What a condition says for certain.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) atoms: Vec<BlockAtom>,
    pub(super) links: Vec<Link>,
    pub(super) checks: Vec<BlockCheck>,
    /// It holds for no row.
    pub(super) never: bool,
}

/// Returns what a SELECT of one table pins.
pub(super) fn of_select(query: &Query, reader: Reader<'_>) -> Option<Pins> {
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
    Some(reader.pins(select.selection.as_ref()?, &name))
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

impl Conditions {
    fn check(&mut self, check: Check, place: Place) {
        let check = check.worth();
        self.checks
            .extend(check.map(|check| BlockCheck { check, place }));
    }
}

impl Reader<'_> {
    /// Returns what a WHERE pins of the table of that name.
    pub(super) fn pins(&self, condition: &Expr, table: &Name) -> Pins {
        let scope = Scope {
            table,
            backend: self.backend,
        };
        let ours = |column: ColumnOf| {
            column
                .qualifier
                .is_none_or(|qualifier| scope.is_table(&qualifier))
                .then_some(column.name)
        };
        let atom = |atom: BlockAtom| {
            let columns = atom.columns.into_iter().map(ours);
            Some(Atom {
                columns: columns.collect::<Option<_>>()?,
                values: atom.values,
            })
        };
        let atoms = self.conditions(condition, Place::Where).atoms;
        Pins {
            atoms: atoms
                .into_iter()
                .filter(|atom| !atom.is_null)
                .filter_map(atom)
                .collect(),
        }
    }

    /// Returns what a condition says; nothing if it is not an AND of plain comparisons.
    pub(super) fn conditions(&self, condition: &Expr, place: Place) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(atom) = self.either(condition, place) {
            conditions.atoms.push(atom);
            return conditions;
        }
        if is_or(condition) && is_plain(condition) {
            conditions.check(self.check(condition), place);
            return conditions;
        }
        if self.conjunction(condition, place, &mut conditions) {
            conditions
        } else {
            Conditions::default()
        }
    }

    /// Reads `a = 1 OR a = 2` as `a IN (1, 2)`.
    fn either(&self, expr: &Expr, place: Place) -> Option<BlockAtom> {
        let Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } = expr
        else {
            return None;
        };
        let (mut one, other) = (self.side(left, place)?, self.side(right, place)?);
        if one.columns != other.columns || one.values.len() + other.values.len() > MOST_ROWS {
            return None;
        }
        one.values.extend(other.values);
        Some(one)
    }

    /// Reads one side of such an OR.
    fn side(&self, expr: &Expr, place: Place) -> Option<BlockAtom> {
        match expr {
            Expr::Nested(inner) => self.side(inner, place),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } => self.equality(left, right, place),
            Expr::InList {
                expr,
                list,
                negated: false,
            } => self.membership(expr, list, place),
            other => self.either(other, place),
        }
    }

    fn conjunction(&self, expr: &Expr, place: Place, into: &mut Conditions) -> bool {
        match expr {
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => self.conjunction(left, place, into) && self.conjunction(right, place, into),
            Expr::Nested(inner) => {
                // Whatever stands in parentheses stays there.
                let inner = self.conditions(inner, place);
                into.atoms.extend(inner.atoms);
                into.links.extend(inner.links);
                into.checks.extend(inner.checks);
                into.never |= inner.never;
                true
            }
            other => self.comparison(other, place, into),
        }
    }

    fn comparison(&self, expr: &Expr, place: Place, into: &mut Conditions) -> bool {
        match expr {
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } => {
                into.atoms.extend(self.equality(left, right, place));
                into.links.extend(link(left, right, place));
                into.never |= number(left).zip(number(right)).is_some_and(|(a, b)| a != b);
                is_side(left) && is_side(right)
            }
            Expr::InList {
                expr,
                list,
                negated: false,
            } => {
                into.atoms.extend(self.membership(expr, list, place));
                is_side(expr)
            }
            Expr::IsNull(expr) => {
                into.atoms.extend(column(expr).map(|column| BlockAtom {
                    is_null: true,
                    ..atom(column, [null()], place)
                }));
                is_side(expr)
            }
            other => {
                into.check(self.check(other), place);
                is_comparison(other)
            }
        }
    }

    pub(super) fn equality(&self, left: &Expr, right: &Expr, place: Place) -> Option<BlockAtom> {
        if let (Expr::Tuple(columns), Expr::Tuple(values)) = (left, right) {
            return self.tuples(columns, &[values], place);
        }
        let one = |side, value| Some(atom(column(side)?, [self.value(value)?], place));
        one(left, right).or_else(|| one(right, left))
    }

    pub(super) fn membership(&self, expr: &Expr, list: &[Expr], place: Place) -> Option<BlockAtom> {
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
            return self.tuples(columns, &rows?, place);
        }
        let values: Option<SmallVec<[Value; 1]>> = list.iter().map(|it| self.value(it)).collect();
        Some(atom(column(expr)?, values?, place))
    }

    fn tuples(&self, columns: &[Expr], rows: &[&Vec<Expr>], place: Place) -> Option<BlockAtom> {
        let columns: SmallVec<[ColumnOf; 1]> = columns.iter().map(column).collect::<Option<_>>()?;
        let mut values = SmallVec::new();
        for row in rows {
            if row.len() != columns.len() {
                return None;
            }
            for value in *row {
                values.push(self.value(value)?);
            }
        }
        (!columns.is_empty()).then_some(BlockAtom {
            columns,
            values,
            is_null: false,
            place,
        })
    }

    /// Returns the value of a literal or of a bound parameter.
    pub(super) fn value(&self, expr: &Expr) -> Option<Value> {
        match expr {
            Expr::Value(value) => self.literal(value),
            Expr::Nested(inner) => self.value(inner),
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
        let backend = self.backend;
        match &value.value {
            Literal::Number(digits, false) => integer(digits),
            // What a backslash means depends on the session.
            Literal::SingleQuotedString(text) if !text.contains('\\') => Some(text.clone().into()),
            Literal::Boolean(value) => Some((*value).into()),
            Literal::Null => Some(null()),
            Literal::HexStringLiteral(digits) if backend == DbBackend::Sqlite => {
                Some(bytes(digits)?.into())
            }
            Literal::Placeholder(text) => self.parameters.value(text, value.span.start, backend),
            _ => None,
        }
    }
}

fn atom(column: ColumnOf, values: impl IntoIterator<Item = Value>, place: Place) -> BlockAtom {
    BlockAtom {
        columns: smallvec![column],
        values: values.into_iter().collect(),
        is_null: false,
        place,
    }
}

fn link(left: &Expr, right: &Expr, place: Place) -> Option<Link> {
    Some(Link {
        left: column(left)?,
        right: column(right)?,
        place,
    })
}

/// Returns the column an expression is.
pub(super) fn column(expr: &Expr) -> Option<ColumnOf> {
    let (qualifier, name) = match expr {
        Expr::Identifier(name) => (None, name),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, name] => (Some(table.into()), name),
            _ => return None,
        },
        // SeaORM's loaders write `(a) IN ((1), (2))` where a database has rows of one column.
        Expr::Nested(inner) => return column(inner),
        _ => return None,
    };
    is_name(name).then(|| ColumnOf {
        qualifier,
        name: name.into(),
    })
}

/// Returns the number that is written there.
fn number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(ValueWithSpan {
            value: Literal::Number(digits, false),
            ..
        }) => digits.parse().ok(),
        _ => None,
    }
}

fn null() -> Value {
    Value::BigInt(None)
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
pub(super) fn is_comparison(expr: &Expr) -> bool {
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
        // What stands in parentheses after NOT is all that it is about.
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => matches!(**expr, Expr::Nested(_)),
        other => is_side(other),
    }
}

fn is_or(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::BinaryOp {
            op: BinaryOperator::Or,
            ..
        }
    )
}

/// Tells whether a side of a comparison needs no precedence to be read.
pub(super) fn is_side(expr: &Expr) -> bool {
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
