//! Raw SQL: parsed in the connection's dialect and walked through.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::parameters::Parameters;
use super::raw_walk::Walk;
use super::{Analysis, Returning, Uncacheable, raw_where, scan, utility};

/// Longer chains of operators would build a tree too deep to walk; they are scanned instead.
const MOST_OPERATORS: usize = 2_000;

/// Tells what a text of one or several statements does.
pub(super) fn analyse(sql: &str, values: &[Value], backend: DbBackend) -> Analysis {
    // MySQL and MariaDB carry out what stands in such comments, depending on their version.
    if backend == DbBackend::MySql && ["/*!", "/*M!"].iter().any(|mark| sql.contains(mark)) {
        return utility::anything();
    }
    let Some(tokens) = tokens(sql, backend) else {
        return utility::anything();
    };
    let parameters = Parameters::new(values, &tokens, backend);
    let mut analysis = match parse(tokens, backend) {
        Some(statements) if !statements.is_empty() => walk(&statements, &parameters, backend),
        _ => scan(sql, backend),
    };
    analysis.ambiguous_quoting =
        sql.contains('\\') || (backend == DbBackend::MySql && sql.contains('"'));
    analysis
}

/// Tells what a piece of a SELECT does; `sql` is `SELECT` and the piece.
pub(super) fn fragment(sql: &str, in_select_list: bool, backend: DbBackend) -> Analysis {
    let Some(tokens) = tokens(sql, backend) else {
        return utility::anything();
    };
    let parameters = Parameters::new(&[], &tokens, backend);
    let parsed = parse(tokens, backend);
    let Some([statement @ Statement::Query(query)]) = parsed.as_deref() else {
        let mut analysis = scan(sql, backend);
        analysis.refusal = Some(Uncacheable::Opaque("a fragment of raw SQL"));
        return analysis;
    };
    let mut analysis = walk(std::slice::from_ref(statement), &parameters, backend);
    analysis.pins = None;
    if !in_select_list && !is_expression(query) {
        analysis.refuse(Uncacheable::Opaque("a fragment that is not an expression"));
        analysis.unknown_writes = true;
    }
    analysis
}

fn dialect(backend: DbBackend) -> Option<&'static dyn Dialect> {
    match backend {
        DbBackend::Postgres => Some(&PostgreSqlDialect {}),
        DbBackend::MySql => Some(&MySqlDialect {}),
        DbBackend::Sqlite => Some(&SQLiteDialect {}),
        _ => None,
    }
}

/// Splits a text into its words; `None` for what the database may split in another way.
fn tokens(sql: &str, backend: DbBackend) -> Option<Vec<TokenWithSpan>> {
    Tokenizer::new(dialect(backend)?, sql)
        .tokenize_with_location()
        .ok()
}

fn parse(tokens: Vec<TokenWithSpan>, backend: DbBackend) -> Option<Vec<Statement>> {
    if operators(&tokens) > MOST_OPERATORS {
        return None;
    }
    let mut parser = Parser::new(dialect(backend)?).with_tokens_with_locations(tokens);
    parser.parse_statements().ok()
}

fn scan(sql: &str, backend: DbBackend) -> Analysis {
    tokens(sql, backend).map_or_else(utility::anything, |tokens| scan::analyse(&tokens, backend))
}

fn operators(tokens: &[TokenWithSpan]) -> usize {
    let words = || {
        tokens
            .iter()
            .map(|it| &it.token)
            .filter(|it| !matches!(it, Token::Whitespace(_)))
    };
    let before = std::iter::once(&Token::Comma).chain(words());
    // The sign of a number in a list is no link of a chain.
    let sign = |(before, token): &(&Token, &Token)| {
        **token == Token::Minus && matches!(before, Token::Comma | Token::LParen)
    };
    before
        .zip(words())
        .filter(|pair| is_operator(pair.1) && !sign(pair))
        .count()
}

fn is_operator(token: &Token) -> bool {
    use sqlparser::keywords::Keyword;
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::XOR
                | Keyword::NOT
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::COLLATE
                | Keyword::IS
                | Keyword::JOIN
                | Keyword::DIV
                | Keyword::AT
                | Keyword::LIKE
                | Keyword::MOD
        ),
        Token::Comma
        | Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon => false,
        _ => true,
    }
}

/// Tells whether `SELECT ...` is a list of expressions and nothing more.
fn is_expression(query: &Query) -> bool {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none();
    plain
        && query.body.as_select().is_some_and(|select| {
            select.from.is_empty()
                && select.selection.is_none()
                && select.having.is_none()
                && select.projection.len() == 1
        })
}

fn walk(statements: &[Statement], parameters: &Parameters<'_>, backend: DbBackend) -> Analysis {
    let mut walk = Walk::new(parameters, backend);
    statements.iter().for_each(|statement| walk.go(statement));
    if statements.len() > 1 {
        walk.analysis
            .writes
            .iter_mut()
            .for_each(|write| write.returning = Returning::Elsewhere);
    }
    if let ([Statement::Query(query)], 1, 1) = (statements, walk.queries, walk.tables) {
        walk.analysis.pins = raw_where::of_select(query, parameters, backend);
    }
    walk.analysis
}
