//! Raw SQL: parsed in the connection's dialect and walked through.

use sea_orm::DbBackend;
use sqlparser::ast::{GroupByExpr, Query, SelectItem, SqliteOnConflict, Statement};
use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::fragment::Fragment;
use super::parameters::{Bound, Parameters};
use super::raw_walk::Walk;
use super::raw_where::Reader;
use super::{Analysis, Block, Returning, Uncacheable, raw_blocks, raw_where, scan, utility};

/// Longer chains of operators would build a tree too deep to walk; they are scanned instead.
const MOST_OPERATORS: usize = 2_000;

/// What is nested deeper is scanned: the parser takes some 35 KiB of stack for each level in a debug build.
const MOST_DEPTH: usize = 40;

/// Longer ones are not taken apart into blocks, which takes a second walk from a place further down.
const MOST_IN_BLOCKS: usize = 500;

/// Tells what a text of one or several statements does.
pub(super) fn analyse(sql: &str, bound: Bound<'_>, backend: DbBackend) -> Analysis {
    // MySQL and MariaDB carry out what stands in such comments, depending on their version.
    if backend == DbBackend::MySql && ["/*!", "/*M!"].iter().any(|mark| sql.contains(mark)) {
        return utility::unreadable(sql, backend);
    }
    let mut analysis = match Text::of(sql, bound, backend) {
        Some(text) => text.analyse(sql, backend),
        None => return utility::unreadable(sql, backend),
    };
    analysis.ambiguous_quoting = is_ambiguous(sql, backend);
    analysis
}

/// Tells what a piece of a SELECT does; `sql` is `SELECT` and the piece.
pub(super) fn fragment(sql: &str, in_select_list: bool, backend: DbBackend) -> Fragment {
    let Some(text) = Text::of(sql, Bound::Values(&[]), backend) else {
        return Fragment::unknown(utility::anything());
    };
    let Some(statements @ [Statement::Query(query)]) = text.statements.as_deref() else {
        let mut analysis = scan(sql, backend);
        analysis.refusal = Some(Uncacheable::Opaque("a fragment of raw SQL"));
        return Fragment::unknown(analysis);
    };
    let (mut analysis, reader) = walk(statements, &text.parameters, backend);
    analysis.pins = None;
    analysis.ambiguous_quoting = is_ambiguous(sql, backend);
    if !in_select_list && !is_expression(query) {
        analysis.refuse(Uncacheable::Opaque("a fragment that is not an expression"));
        analysis.unknown_writes = true;
    }
    if text.operators > MOST_IN_BLOCKS {
        return Fragment::unknown(analysis);
    }
    let mut blocks = blocks(statements, &analysis, reader);
    let block = blocks.pop().filter(|_| blocks.is_empty());
    Fragment {
        block: block.filter(|_| is_list(query)),
        columns: columns(query),
        analysis,
    }
}

/// Tells whether some sessions read a text differently.
fn is_ambiguous(sql: &str, backend: DbBackend) -> bool {
    sql.contains('\\') || (backend == DbBackend::MySql && sql.contains('"'))
}

/// A text in its parts.
struct Text<'a> {
    parameters: Parameters<'a>,
    operators: usize,
    /// Its statements, if it can be parsed.
    statements: Option<Vec<Statement>>,
}

impl<'a> Text<'a> {
    /// Takes a text apart; `None` if the database may split it into other words.
    fn of(sql: &str, bound: Bound<'a>, backend: DbBackend) -> Option<Self> {
        let tokens = tokens(sql, backend)?;
        Some(Self {
            parameters: Parameters::new(bound, &tokens, backend),
            operators: operators(&tokens),
            statements: parse(tokens, backend),
        })
    }

    fn analyse(&self, sql: &str, backend: DbBackend) -> Analysis {
        let Some(statements) = self.statements.as_deref().filter(|all| !all.is_empty()) else {
            return scan(sql, backend);
        };
        let (mut analysis, reader) = walk(statements, &self.parameters, backend);
        if self.operators <= MOST_IN_BLOCKS {
            analysis.blocks = blocks(statements, &analysis, reader);
        }
        analysis
    }
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
pub(super) fn tokens(sql: &str, backend: DbBackend) -> Option<Vec<TokenWithSpan>> {
    Tokenizer::new(dialect(backend)?, sql)
        .tokenize_with_location()
        .ok()
}

pub(super) fn parse(tokens: Vec<TokenWithSpan>, backend: DbBackend) -> Option<Vec<Statement>> {
    if operators(&tokens) > MOST_OPERATORS {
        return None;
    }
    Parser::new(dialect(backend)?)
        .with_recursion_limit(MOST_DEPTH)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .ok()
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

/// Tells whether `SELECT ...` is one expression and nothing more.
fn is_expression(query: &Query) -> bool {
    is_list(query)
        && query
            .body
            .as_select()
            .is_some_and(|select| select.projection.len() == 1)
}

/// Tells whether `SELECT ...` is a list of expressions and nothing more.
fn is_list(query: &Query) -> bool {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none();
    plain
        && query.body.as_select().is_some_and(|select| {
            select.from.is_empty()
                && select.selection.is_none()
                && select.having.is_none()
                && select.named_window.is_empty()
                && matches!(&select.group_by, GroupByExpr::Expressions(exprs, modifiers)
                    if exprs.is_empty() && modifiers.is_empty())
        })
}

/// Returns how many columns a query gives, if its text tells.
fn columns(query: &Query) -> Option<usize> {
    let items = &query.body.as_select()?.projection;
    let named = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
        )
    };
    items.iter().all(named).then_some(items.len())
}

/// Tells whether a text that is refused has changed nothing.
fn is_all_or_nothing(statements: &[Statement]) -> bool {
    let partial = |or: &Option<SqliteOnConflict>| matches!(or, Some(SqliteOnConflict::Fail));
    match statements {
        [Statement::Insert(insert)] => !partial(&insert.or),
        [Statement::Update(update)] => !partial(&update.or),
        [Statement::Delete(_) | Statement::Query(_)] => true,
        _ => false,
    }
}

fn walk<'a>(
    statements: &[Statement],
    parameters: &'a Parameters<'a>,
    backend: DbBackend,
) -> (Analysis, Reader<'a>) {
    let mut walk = Walk::new(parameters, backend);
    statements.iter().for_each(|statement| walk.go(statement));
    if statements.len() > 1 {
        walk.analysis
            .writes
            .iter_mut()
            .for_each(|write| write.returning = Returning::Elsewhere);
    }
    walk.analysis.all_or_nothing = is_all_or_nothing(statements);
    let reader = walk.reader();
    let alone = (walk.queries, walk.tables, walk.wide) == (1, 1, false);
    if let ([Statement::Query(query)], true) = (statements, alone) {
        walk.analysis.pins = raw_where::of_select(query, reader);
    }
    (walk.analysis, reader)
}

/// Returns the blocks of a SELECT if every relation it reads stands in one of them.
fn blocks(statements: &[Statement], analysis: &Analysis, reader: Reader<'_>) -> Vec<Block> {
    let [Statement::Query(query)] = statements else {
        return Vec::new();
    };
    if analysis.refusal.is_some() || !analysis.writes.is_empty() {
        return Vec::new();
    }
    let blocks = raw_blocks::of(query, reader).unwrap_or_default();
    let sources = || {
        blocks
            .iter()
            .flat_map(|block| &block.sources)
            .filter_map(|source| source.relation.as_ref())
    };
    let reads = &analysis.reads;
    let same = sources().count() == reads.len()
        && reads
            .iter()
            .all(|name| sources().any(|source| source == name));
    if same { blocks } else { Vec::new() }
}
