//! What text does that the parser does not understand, as far as its words tell.

use sea_orm::DbBackend;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::functions::{Nature, nature};
use super::{Analysis, Uncacheable, utility};

/// Tells what text does by its words alone; its answer is never kept.
pub(super) fn analyse(tokens: &[TokenWithSpan], backend: DbBackend) -> Analysis {
    let words: Vec<&Token> = tokens
        .iter()
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    let mut analysis = Analysis::default();
    for statement in words.split(|token| **token == Token::SemiColon) {
        if !statement.is_empty() {
            analysis.absorb(scan(statement, backend));
        }
    }
    analysis.refuse(Uncacheable::Unparsed);
    analysis
}

fn scan(words: &[&Token], backend: DbBackend) -> Analysis {
    let first = words
        .iter()
        .find(|token| ***token != Token::LParen)
        .map(|token| word(token));
    match first.as_deref().unwrap_or_default() {
        "SELECT" | "VALUES" | "TABLE" | "WITH" | "SHOW" | "EXPLAIN" | "DESCRIBE" | "DESC" => {
            let unknown = may_write(words, backend);
            Analysis {
                unknown_writes: unknown,
                ddl: unknown,
                ..Analysis::default()
            }
        }
        "PRAGMA" => utility::pragma(
            &words[1..]
                .iter()
                .map(|token| word(token))
                .collect::<String>(),
        ),
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "ABORT"
        | "XA" => utility::control(),
        "SET" | "RESET" | "USE" | "DISCARD" | "ATTACH" | "DETACH" => utility::session(backend),
        "ANALYZE" | "CHECKPOINT" | "LISTEN" | "UNLISTEN" | "NOTIFY" | "DEALLOCATE" | "CLOSE"
        | "KILL" => Analysis::default(),
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "MERGE" | "COPY" | "LOAD" | "EXECUTE" => {
            Analysis {
                unknown_writes: true,
                ..Analysis::default()
            }
        }
        "CREATE" | "ALTER" | "DROP" | "RENAME" | "TRUNCATE" | "GRANT" | "REVOKE" | "COMMENT"
        | "REINDEX" | "VACUUM" | "REFRESH" | "CLUSTER" | "OPTIMIZE" | "DO" | "SECURITY" => {
            let temporary = words
                .iter()
                .any(|it| matches!(&*word(it), "TEMP" | "TEMPORARY"));
            Analysis {
                session_change: temporary,
                ..utility::schema(backend)
            }
        }
        _ => utility::anything(),
    }
}

/// Tells whether a text that begins like a query may write after all.
fn may_write(words: &[&Token], backend: DbBackend) -> bool {
    const WRITING: [Keyword; 13] = [
        Keyword::INSERT,
        Keyword::UPDATE,
        Keyword::DELETE,
        Keyword::REPLACE,
        Keyword::MERGE,
        Keyword::INTO,
        Keyword::CALL,
        Keyword::TRUNCATE,
        Keyword::DROP,
        Keyword::ALTER,
        Keyword::CREATE,
        Keyword::EXECUTE,
        Keyword::COPY,
    ];
    words.iter().enumerate().any(|(at, token)| {
        let Token::Word(word) = token else {
            return false;
        };
        let is_call = words.get(at + 1) == Some(&&Token::LParen);
        if is_call {
            let name = word.value.to_ascii_lowercase();
            let syntax = word.quote_style.is_none() && is_syntax(word.keyword);
            return !syntax && nature(&name, backend) == Nature::Unknown;
        }
        let locks = word.keyword == Keyword::UPDATE
            && matches!(at.checked_sub(1).map(|at| words[at]), Some(Token::Word(before))
                if matches!(before.keyword, Keyword::FOR | Keyword::KEY));
        word.quote_style.is_none() && WRITING.contains(&word.keyword) && !locks
    })
}

/// Tells whether a word before a parenthesis is syntax rather than a function.
fn is_syntax(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IN
            | Keyword::AS
            | Keyword::ON
            | Keyword::USING
            | Keyword::OVER
            | Keyword::FILTER
            | Keyword::JOIN
            | Keyword::BY
            | Keyword::HAVING
            | Keyword::UNION
            | Keyword::ALL
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::DISTINCT
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::WHEN
            | Keyword::CASE
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::LIMIT
            | Keyword::OFFSET
            | Keyword::WITH
            | Keyword::RECURSIVE
            | Keyword::LATERAL
            | Keyword::INDEX
            | Keyword::GROUP
            | Keyword::SETS
            | Keyword::ROLLUP
            | Keyword::CUBE
            | Keyword::MATERIALIZED
            | Keyword::DECIMAL
            | Keyword::NUMERIC
            | Keyword::VARCHAR
            | Keyword::OF
            | Keyword::FOR
    )
}

fn word(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        other => other.to_string(),
    }
}
