//! Row-level security: tables whose policies ask the session who reads, and nothing else.
//!
//! What such a table shows is told by its rows and by the session. A connection that is scoped names the session, so
//! its reads can be kept. A policy that reads other tables, calls functions of the user's or asks the clock shows
//! other rows without a write to the table: its table stays out of the cache.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr};
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, ObjectNamePart, UnaryOperator,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::postgres::{OURS, ROW_FUNCTIONS};
use super::rows::query;
use super::{Catalog, Entry};
use crate::analysis::Unresolved;

/// What tells who reads, and what only passes values on. All others may ask anything.
const ASKS_THE_SESSION: [&str; 8] = [
    "coalesce",
    "current_role",
    "current_setting",
    "current_user",
    "nullif",
    "session_user",
    "user",
    "current_catalog",
];

/// A relation under policies, and whether they ask the session alone.
type Guarded = ((String, String), bool);

/// Finds the relations under policies.
pub(super) async fn read<C: ConnectionTrait>(db: &C) -> Result<Vec<Guarded>, DbErr> {
    let sql = format!(
        "SELECT n.nspname::text AS schema, c.relname::text AS name, \
         ({ROW_FUNCTIONS}) AS row_functions, \
         EXISTS (SELECT 1 FROM pg_proc f WHERE f.proname = 'current_setting' \
           AND f.pronamespace <> 'pg_catalog'::regnamespace) AS shadowed, \
         COALESCE(pg_get_expr(p.polqual, p.polrelid), 'true') AS shows \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polcmd IN ('*', 'r') \
         WHERE c.relkind IN ('r', 'p') AND (row_security_active(c.oid) OR {ROW_FUNCTIONS}) AND {OURS}"
    );
    let mut guarded: HashMap<(String, String), bool> = HashMap::new();
    for row in query(db, &sql).await? {
        let asks_else = row.flag("row_functions")?
            || row.flag("shadowed")?
            || !asks_the_session_alone(&row.text("shows")?);
        let path = (row.text("schema")?, row.text("name")?);
        *guarded.entry(path).or_insert(true) &= !asks_else;
    }
    Ok(guarded.into_iter().collect())
}

impl Catalog {
    /// Notes which tables show each session its own rows. All of a family must.
    pub(super) fn note_policies(&mut self, guarded: Vec<Guarded>) {
        let mut tables: HashMap<usize, bool> = HashMap::new();
        for ((schema, name), sessions) in guarded {
            if let Some(Entry::Table(index)) = self.entry_in(&schema, &name) {
                *tables.entry(index).or_insert(true) &= sessions;
            }
        }
        self.by_session = tables
            .into_iter()
            .filter_map(|(index, sessions)| sessions.then_some(index))
            .filter(|index| self.tables[*index].guard == Some(Unresolved::RowSecurity))
            .collect();
    }

    /// Returns the schema for connections that name who reads; `None` if it is the same for all.
    pub(crate) fn for_named_readers(&self) -> Option<Self> {
        if self.by_session.is_empty() {
            return None;
        }
        let mut named = self.clone();
        for index in &self.by_session {
            named.tables[*index].guard = None;
            named.tables[*index].policies = true;
        }
        Some(named)
    }
}

/// Tells whether a policy's condition is made of its row and the session.
fn asks_the_session_alone(condition: &str) -> bool {
    let dialect = PostgreSqlDialect {};
    let Ok(mut parser) = Parser::new(&dialect).try_with_sql(condition) else {
        return false;
    };
    let Ok(condition) = parser.parse_expr() else {
        return false;
    };
    parser.peek_token().token == Token::EOF && is_plain(&condition)
}

fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::Value(_) => true,
        Expr::Nested(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner) => is_plain(inner),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            is_plain(left) && is_plain(right)
        }
        Expr::UnaryOp { op, expr } => {
            matches!(op, UnaryOperator::Not | UnaryOperator::Minus) && is_plain(expr)
        }
        Expr::BinaryOp { left, op, right } => {
            is_plain_operator(op) && is_plain(left) && is_plain(right)
        }
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => is_plain_operator(compare_op) && is_plain(left) && is_plain(right),
        Expr::Array(array) => array.elem.iter().all(is_plain),
        Expr::Cast {
            expr, data_type, ..
        } => is_plain_type(data_type) && is_plain(expr),
        Expr::Function(function) => is_plain_function(function),
        // Among them `a.b`: a row of another relation, or a function read as a column, is written like that.
        _ => false,
    }
}

fn is_plain_operator(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::StringConcat
    )
}

/// Tells whether a value becomes one of this type without asking: `'today'::date` would.
fn is_plain_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::Text
        | DataType::Uuid
        | DataType::Boolean
        | DataType::Bool
        | DataType::Character(_)
        | DataType::Char(_)
        | DataType::CharacterVarying(_)
        | DataType::Varchar(_)
        | DataType::SmallInt(_)
        | DataType::Int2(_)
        | DataType::Int(_)
        | DataType::Int4(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::Int8(_)
        | DataType::Numeric(_) => true,
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => is_plain_type(element),
        _ => false,
    }
}

fn is_plain_function(function: &Function) -> bool {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return false;
    };
    let own = name.quote_style.is_none() && ASKS_THE_SESSION.contains(&&*name.value.to_lowercase());
    let bare = function.filter.is_none() && function.over.is_none() && !function.uses_odbc_syntax;
    own && bare && are_plain(&function.args)
}

fn are_plain(arguments: &FunctionArguments) -> bool {
    match arguments {
        FunctionArguments::None => true,
        FunctionArguments::Subquery(_) => false,
        FunctionArguments::List(list) => list.args.iter().all(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_plain(expr),
            _ => false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_the_session_alone_is_told_from_what_asks_more() {
        for condition in [
            "true",
            "(tenant = current_setting('app.tenant'::text))",
            "(tenant_id = (current_setting('app.tenant'::text, true))::integer)",
            "(id = (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid)",
            "(published OR ((owner)::text = CURRENT_USER))",
            "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
        ] {
            assert!(asks_the_session_alone(condition), "{condition}");
        }
        for condition in [
            "(until > now())",
            "(until > CURRENT_TIMESTAMP)",
            "(day = 'today'::date)",
            "is_member(tenant)",
            "(tenant = auth.uid())",
            "(tenant = public.current_setting('app.tenant'::text))",
            "(EXISTS ( SELECT 1 FROM member WHERE (member.tenant = article.tenant)))",
            "(tenant IN ( SELECT member.tenant FROM member))",
            "(tenant = \"current_setting\"('app.tenant'::text))",
            "(a.b).c = 1",
            "true; true",
            "",
        ] {
            assert!(!asks_the_session_alone(condition), "{condition}");
        }
    }
}
