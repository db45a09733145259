//! The expressions of a statement, looked at part by part.

use std::borrow::Cow;

use sea_orm::DbBackend;
use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{
    BinOper, ColumnName, ColumnRef, Expr, Func, FunctionCall, Keyword, LogicalChainOper,
    QueryBuilder, SqlWriter, TableName, Value,
};

use super::functions::{is_relative_moment, is_scalar};
use super::recorder::Recorder;
use super::{Cell, Name, Uncacheable};

impl Recorder {
    /// Looks at every part of an expression.
    pub(super) fn walk(&self, expr: &Expr, sql: &mut impl SqlWriter) {
        match expr {
            Expr::Column(column) => self.column(column),
            Expr::Value(_) | Expr::Values(_) | Expr::Constant(_) | Expr::TypeName(_) => {}
            Expr::Tuple(exprs) => exprs.iter().for_each(|expr| self.walk(expr, sql)),
            Expr::Unary(_, expr) | Expr::AsEnum(_, expr) => self.walk(expr, sql),
            Expr::FunctionCall(call) => self.function(call, sql),
            Expr::Binary(left, BinOper::As, right) => self.cast(left, right, sql),
            Expr::Binary(left, oper, right) => {
                self.operator(*oper);
                self.walk(left, sql);
                self.walk(right, sql);
            }
            Expr::SubQuery(_, query) => self.prepare_query_statement(query, sql),
            Expr::Custom(text) => self.fragment(text, false),
            Expr::CustomWithExpr(text, exprs) => {
                self.fragment(text, false);
                exprs.iter().for_each(|expr| self.walk(expr, sql));
            }
            Expr::Keyword(keyword) => self.keyword(keyword),
            Expr::Case(case) => self.prepare_case_statement(case, sql),
            _ => self.opaque("an expression of a kind that is not known"),
        }
    }

    fn column(&self, column: &ColumnRef) {
        match column {
            ColumnRef::Column(ColumnName(table, name)) => {
                let table = table.as_ref().map(|TableName(_, table)| table.into());
                self.mention(table, Some(name.into()));
            }
            ColumnRef::Asterisk(table) => {
                let table = table.as_ref().map(|TableName(_, table)| table.into());
                self.frame(|frame| frame.output = None);
                self.mention(table, None);
            }
            _ => self.opaque_columns(),
        }
    }

    pub(super) fn link(&self, link: &LogicalChainOper, sql: &mut impl SqlWriter) {
        let (LogicalChainOper::And(expr) | LogicalChainOper::Or(expr)) = link;
        self.walk(expr, sql);
    }

    pub(super) fn function(&self, call: &FunctionCall, sql: &mut impl SqlWriter) {
        match function_name(call.get_func()) {
            Some(name) => {
                if !is_scalar(&name, self.backend) {
                    self.combines();
                }
                self.call(name);
            }
            None => self.opaque("a function whose name is not one"),
        }
        call.get_args().iter().for_each(|expr| self.walk(expr, sql));
        if let Some(filter) = call.get_filter() {
            self.walk(&Expr::from(filter.clone()), sql);
        }
    }

    /// Looks at `left AS right`: the type of a cast is raw text.
    fn cast(&self, left: &Expr, right: &Expr, sql: &mut impl SqlWriter) {
        match right {
            Expr::Custom(text) if is_type(text) => {}
            other => self.walk(other, sql),
        }
        if let Expr::Value(Value::String(Some(text))) | Expr::Constant(Value::String(Some(text))) =
            left
            && self.backend == DbBackend::Postgres
            && is_relative_moment(text)
        {
            self.refuse(Uncacheable::Volatile(text.clone()));
        }
        self.walk(left, sql);
    }

    fn operator(&self, oper: BinOper) {
        const WORDS: [&str; 11] = [
            "COLLATE",
            "REGEXP",
            "RLIKE",
            "GLOB",
            "MATCH",
            "DIV",
            "XOR",
            "ILIKE",
            "AT TIME ZONE",
            "IS DISTINCT FROM",
            "IS NOT DISTINCT FROM",
        ];
        if let BinOper::Custom(text) = oper {
            let known = WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
                || text
                    .bytes()
                    .all(|byte| b"+*/<>=~!@#%^&|`?-".contains(&byte));
            if !known || text.contains("--") || text.contains("/*") || text.contains('#') {
                self.opaque("an operator given as text");
            }
        }
    }

    fn keyword(&self, keyword: &Keyword) {
        match keyword {
            Keyword::Null | Keyword::Default => {}
            Keyword::CurrentDate => self.call("current_date"),
            Keyword::CurrentTime => self.call("current_time"),
            Keyword::CurrentTimestamp => self.call("current_timestamp"),
            Keyword::Custom(text) => self.fragment(&text.inner(), false),
            _ => self.opaque("a keyword that is not known"),
        }
    }

    /// Returns the column an expression returns under its own name.
    pub(super) fn returned(&self, expr: &Expr, sql: &mut impl SqlWriter) -> Option<Name> {
        self.walk(expr, sql);
        match expr {
            Expr::Column(column) => column_name(column),
            // An enumeration's column is returned as text, under its own name.
            Expr::AsEnum(_, inner) => match &**inner {
                Expr::Column(column) => column_name(column),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Returns a column's own name.
pub(super) fn column_name(column: &ColumnRef) -> Option<Name> {
    match column {
        ColumnRef::Column(ColumnName(_, name)) => Some(name.into()),
        _ => None,
    }
}

/// Returns a function's name; `None` when the text in its place is not a name.
fn function_name(function: &Func) -> Option<Cow<'static, str>> {
    let known = match function {
        Func::Max => "max",
        Func::Min => "min",
        Func::Sum => "sum",
        Func::Avg => "avg",
        Func::Abs => "abs",
        Func::Count => "count",
        Func::IfNull => "ifnull",
        Func::Greatest => "greatest",
        Func::Least => "least",
        Func::CharLength => "char_length",
        Func::Cast => "cast",
        Func::Coalesce => "coalesce",
        Func::Lower => "lower",
        Func::Upper => "upper",
        Func::BitAnd => "bit_and",
        Func::BitOr => "bit_or",
        Func::Random => "random",
        Func::Round => "round",
        Func::Md5 => "md5",
        Func::PgFunction(function) => return Some(postgres_function(function).into()),
        Func::Custom(name) => {
            let text = name.inner();
            let named = !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$'));
            return named.then_some(text);
        }
        _ => return None,
    };
    Some(known.into())
}

fn postgres_function(function: &PgFunc) -> &'static str {
    match function {
        PgFunc::ToTsquery => "to_tsquery",
        PgFunc::ToTsvector => "to_tsvector",
        PgFunc::PhrasetoTsquery => "phraseto_tsquery",
        PgFunc::PlaintoTsquery => "plainto_tsquery",
        PgFunc::WebsearchToTsquery => "websearch_to_tsquery",
        PgFunc::TsRank => "ts_rank",
        PgFunc::TsRankCd => "ts_rank_cd",
        PgFunc::StartsWith => "starts_with",
        PgFunc::JsonBuildObject => "json_build_object",
        PgFunc::JsonAgg => "json_agg",
        PgFunc::ArrayAgg => "array_agg",
        PgFunc::DateTrunc => "date_trunc",
        PgFunc::Any | PgFunc::Some | PgFunc::All => "any",
        PgFunc::GenRandomUUID => "gen_random_uuid",
        // The rest take and release advisory locks.
        _ => "pg_advisory_lock",
    }
}

/// Tells whether text is the name of a type and nothing else: `varchar(20)`, `"my_enum"[]`.
fn is_type(text: &str) -> bool {
    !text.contains("--")
        && text.chars().all(|c| {
            c.is_alphanumeric()
                || matches!(c, ' ' | '_' | '.' | '"' | '`' | '(' | ')' | '[' | ']' | ',')
        })
}

/// Returns what is known of an inserted cell.
pub(super) fn cell(expr: &Expr) -> Cell {
    match expr {
        Expr::Value(value) | Expr::Constant(value) => Cell::Value(value.clone()),
        Expr::Keyword(Keyword::Default) => Cell::Default,
        Expr::Keyword(Keyword::Null) => Cell::Value(Value::BigInt(None)),
        _ => Cell::Unknown,
    }
}
