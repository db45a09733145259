//! The rows a write that is given as text is about to change, as a SELECT with the very words of its WHERE.
//!
//! Nothing of the condition is said anew: what the database reads in the write it reads in the SELECT.

use std::ops::Range;

use sea_orm::sea_query::{Value, Values};
use sea_orm::{DbBackend, Statement};
use sqlparser::ast::{
    Delete, Expr, FromTable, Statement as Parsed, TableFactor, TableWithJoins, Update,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::preimage::MOST_EXACT;
use super::raw::{parse, tokens};

/// Returns the SELECT of the rows that an UPDATE or DELETE picks, locked where the database can.
///
/// `None` for one of several tables, with a limit, an order or a WITH clause, and for several statements.
pub(crate) fn raw_preimage(
    sql: &str,
    values: Option<&Values>,
    backend: DbBackend,
) -> Option<Statement> {
    let tokens = tokens(sql, backend)?;
    let statements = parse(tokens.clone(), backend)?;
    let [statement] = statements.as_slice() else {
        return None;
    };
    let picking = match statement {
        Parsed::Update(update) => Picking::of_update(update),
        Parsed::Delete(delete) => Picking::of_delete(delete),
        _ => None,
    }?;
    // MariaDB does not count the rows of a write that returns them.
    if picking.returns && backend == DbBackend::MySql {
        return None;
    }
    let (restriction, bound) = match picking.condition(&tokens)? {
        Some(condition) => {
            let values = values.map_or(&[][..], |values| &values.0);
            let words = words(sql, &tokens, condition, values, backend)?;
            // A comment may stand at its end.
            (format!(" WHERE ({}\n)", words.text), words.values)
        }
        None => (String::new(), Vec::new()),
    };
    let lock = match backend {
        DbBackend::Sqlite => "",
        _ => " FOR UPDATE",
    };
    let (table, most) = (picking.table, MOST_EXACT + 1);
    let text = format!("SELECT * FROM {table}{restriction} LIMIT {most}{lock}");
    Some(Statement::from_sql_and_values(backend, text, bound))
}

/// Which rows an UPDATE or DELETE picks.
struct Picking {
    /// Its table, with the name it goes by.
    table: String,
    /// It has a WHERE.
    restricted: bool,
    /// It has a RETURNING.
    returns: bool,
}

impl Picking {
    fn of_update(update: &Update) -> Option<Self> {
        let more = update.from.is_some()
            || update.output.is_some()
            || update.or.is_some()
            || !update.order_by.is_empty()
            || update.limit.is_some();
        let returns = update.returning.is_some();
        (!more).then_some(())?;
        Self::of(&update.table, update.selection.as_ref(), returns)
    }

    fn of_delete(delete: &Delete) -> Option<Self> {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [from] = from.as_slice() else {
            return None;
        };
        let more = !delete.tables.is_empty()
            || delete.using.is_some()
            || delete.output.is_some()
            || !delete.order_by.is_empty()
            || delete.limit.is_some();
        let returns = delete.returning.is_some();
        (!more).then_some(())?;
        Self::of(from, delete.selection.as_ref(), returns)
    }

    fn of(from: &TableWithJoins, condition: Option<&Expr>, returns: bool) -> Option<Self> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } = &from.relation
        else {
            return None;
        };
        let plain = from.joins.is_empty()
            && with_hints.is_empty()
            && partitions.is_empty()
            && index_hints.is_empty()
            && alias.as_ref().is_none_or(|alias| alias.columns.is_empty());
        plain.then_some(())?;
        let alias = alias.as_ref().map(|alias| format!(" AS {}", alias.name));
        Some(Self {
            table: format!("{name}{}", alias.unwrap_or_default()),
            restricted: condition.is_some(),
            returns,
        })
    }

    /// Returns which tokens its condition is made of; `None` if that is not certain.
    #[expect(clippy::option_option, reason = "it may have none, or one not found")]
    fn condition(&self, tokens: &[TokenWithSpan]) -> Option<Option<Range<usize>>> {
        let [places, ends, semicolons] = [
            |token: &Token| is_keyword(token, Keyword::WHERE),
            |token: &Token| is_keyword(token, Keyword::RETURNING),
            |token: &Token| *token == Token::SemiColon,
        ]
        .map(|is_one| outermost(tokens, is_one));
        let end = match (self.returns, ends.as_slice()) {
            (true, [at]) => *at,
            (false, []) => semicolons.first().copied().unwrap_or(tokens.len()),
            _ => return None,
        };
        match (self.restricted, places.as_slice()) {
            (true, [at]) if *at < end => Some(Some(*at + 1..end)),
            (false, []) => Some(None),
            _ => None,
        }
    }
}

/// Returns the places of tokens that stand in no parentheses.
fn outermost(tokens: &[TokenWithSpan], is_one: impl Fn(&Token) -> bool) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut places = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            token if depth == 0 && is_one(token) => places.push(at),
            _ => {}
        }
    }
    places
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.keyword == keyword)
}

/// A piece of a text, with what is bound to its own placeholders.
struct Words {
    text: String,
    values: Vec<Value>,
}

/// Cuts tokens out of a text, their placeholders counted from the first of them.
fn words(
    sql: &str,
    tokens: &[TokenWithSpan],
    range: Range<usize>,
    values: &[Value],
    backend: DbBackend,
) -> Option<Words> {
    let positional = |token: &&TokenWithSpan| is_positional(&token.token);
    let mut next = tokens[..range.start].iter().filter(positional).count();
    let mut words = Words {
        text: String::new(),
        values: Vec::new(),
    };
    let place = |at: usize| {
        tokens
            .get(at)
            .map_or(Some(sql.len()), |it| offset(sql, it.span.start))
    };
    let mut from = place(range.start)?;
    for at in range.clone() {
        let token = &tokens[at].token;
        let index = match (token, backend) {
            (Token::Placeholder(text), DbBackend::Postgres) => text
                .strip_prefix('$')?
                .parse::<usize>()
                .ok()?
                .checked_sub(1)?,
            (token, _) if is_positional(token) => next,
            (Token::Placeholder(_) | Token::Question | Token::Colon | Token::AtSign, _) => {
                return None;
            }
            _ => continue,
        };
        words.values.push(values.get(index)?.clone());
        next = index + 1;
        words.text += sql.get(from..place(at)?)?;
        match backend {
            DbBackend::Postgres => {
                words.text.push('$');
                words.text.push_str(&words.values.len().to_string());
            }
            _ => words.text.push('?'),
        }
        from = place(at + 1)?;
    }
    words.text += sql.get(from..place(range.end)?)?;
    Some(words)
}

fn is_positional(token: &Token) -> bool {
    matches!(token, Token::Placeholder(text) if text == "?")
}

/// Returns where a line and column is, in bytes.
fn offset(sql: &str, at: Location) -> Option<usize> {
    let (mut line, mut column) = (1, 1);
    for (offset, letter) in sql.char_indices() {
        if (line, column) == (at.line, at.column) {
            return Some(offset);
        }
        (line, column) = match letter {
            '\n' => (line + 1, 1),
            _ => (line, column + 1),
        };
    }
    ((line, column) == (at.line, at.column)).then_some(sql.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str, values: &[i32], backend: DbBackend) -> Option<(String, Vec<Value>)> {
        let values = Values(values.iter().map(|value| Value::from(*value)).collect());
        let built = raw_preimage(sql, Some(&values), backend)?;
        Some((built.sql, built.values.map_or_else(Vec::new, |it| it.0)))
    }

    #[test]
    fn the_words_of_the_condition_stay_with_what_is_bound_to_them() {
        let positional = "UPDATE t SET a = ? WHERE b = 'it''s; é' AND c IN (?,\n ?) RETURNING ?";
        assert_eq!(
            of(positional, &[1, 2, 3, 4], DbBackend::Sqlite),
            Some((
                "SELECT * FROM t WHERE ( b = 'it''s; é' AND c IN (?,\n ?) \n) LIMIT 1025".into(),
                vec![2.into(), 3.into()]
            ))
        );
        let numbered = r#"DELETE FROM "s"."t" AS x WHERE x.b = $3 OR (x.c) < $1;"#;
        assert_eq!(
            of(numbered, &[1, 2, 3], DbBackend::Postgres),
            Some((
                "SELECT * FROM \"s\".\"t\" AS x WHERE ( x.b = $1 OR (x.c) < $2\n) LIMIT 1025 FOR UPDATE"
                    .into(),
                vec![3.into(), 1.into()]
            ))
        );
        let all = of(
            "UPDATE `t` SET a = (SELECT 1 WHERE 1 = 1)",
            &[],
            DbBackend::MySql,
        );
        let all = all.map(|(sql, _)| sql);
        assert_eq!(
            all.as_deref(),
            Some("SELECT * FROM `t` LIMIT 1025 FOR UPDATE")
        );
    }

    #[test]
    fn what_more_decides_which_rows_they_are_is_not_put_aside() {
        for (sql, backend) in [
            (
                "DELETE FROM t WHERE a = 1 ORDER BY a LIMIT 1",
                DbBackend::MySql,
            ),
            ("DELETE FROM t WHERE a = 1 RETURNING *", DbBackend::MySql),
            ("DELETE t FROM t JOIN u ON u.a = t.a", DbBackend::MySql),
            ("UPDATE t JOIN u ON u.a = t.a SET t.b = 1", DbBackend::MySql),
            (
                "UPDATE t SET a = 1 FROM u WHERE u.a = t.a",
                DbBackend::Postgres,
            ),
            ("DELETE FROM t USING u WHERE u.a = t.a", DbBackend::Postgres),
            (
                "WITH x AS (SELECT 1) DELETE FROM t WHERE a = 1",
                DbBackend::Sqlite,
            ),
            (
                "UPDATE OR IGNORE t SET a = 1 WHERE b = 2",
                DbBackend::Sqlite,
            ),
            ("DELETE FROM t WHERE a = ?9", DbBackend::Sqlite),
            ("DELETE FROM t WHERE a = :a", DbBackend::Sqlite),
            (
                "DELETE FROM t WHERE a = 1; DELETE FROM t",
                DbBackend::Sqlite,
            ),
            ("DELETE FROM t WHERE a = ?", DbBackend::Sqlite),
        ] {
            assert_eq!(of(sql, &[], backend), None, "{sql}");
        }
    }
}
