//! Transactions begun and ended by raw SQL on a pool, and sessions changed by it.
//!
//! Nobody can tell which connection of the pool such a statement met, nor which one the next statement will. So
//! while one is open nothing is served, nothing is kept, and every write is a change of `Everything`.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use sea_orm::DbBackend;
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

/// What is open by hand on the connections of a pool.
#[derive(Debug, Default)]
pub(crate) struct ByHand {
    open: AtomicI64,
    changed: AtomicBool,
}

impl ByHand {
    /// Tells whether the cache must be left alone.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0 || self.changed.load(Ordering::Acquire)
    }

    /// Notes that a session has been changed. That has no end: connections go back into the pool as they are.
    pub(crate) fn change(&self) {
        if !self.changed.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                "a session was changed by raw SQL on a pool: nothing is cached any more; change it \
                 when connections are made, before they are connected to the cache"
            );
        }
    }

    /// Leaves the cache alone from now on until [`leave`](Self::leave).
    pub(crate) fn enter(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends an [`enter`](Self::enter) with the transactions that are open now because of it.
    pub(crate) fn leave(&self, opened: i64) {
        let after = |open: i64| Some((open - 1 + opened).max(0));
        let _ = self
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, after);
    }
}

/// What a text does to the transaction of the connection it meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    statements: i64,
    begins: i64,
    ends: i64,
}

impl Balance {
    /// Returns how many transactions are open more than before, or fewer, if it is below zero.
    ///
    /// After an error of several statements nobody knows how many were carried out; an end that failed may
    /// have left its transaction open.
    pub(crate) fn opened(self, succeeded: bool) -> i64 {
        match (succeeded, self.statements) {
            (true, _) => self.begins - self.ends,
            (false, 0 | 1) => 0,
            (false, _) => self.begins,
        }
    }
}

/// Counts the statements in `sql` that begin and end transactions.
pub(crate) fn balance(sql: &str, backend: DbBackend) -> Balance {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else {
        return Balance {
            statements: 2,
            begins: 1,
            ends: 0,
        };
    };
    let words: Vec<&Token> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    let mut balance = Balance::default();
    for statement in words.split(|token| **token == Token::SemiColon) {
        if !statement.is_empty() {
            balance.count(statement, backend);
        }
    }
    balance
}

impl Balance {
    fn count(&mut self, statement: &[&Token], backend: DbBackend) {
        self.statements += 1;
        let mut words = statement.iter().map(|token| word(token));
        match words.next().unwrap_or_default().as_str() {
            "BEGIN" | "START" => self.begins += 1,
            // Outside of a transaction it begins one; nowhere else.
            "SAVEPOINT" if backend == DbBackend::Sqlite => self.begins += 1,
            "RELEASE" if backend == DbBackend::Sqlite => self.ends += 1,
            "COMMIT" | "END" | "ABORT" => self.ends += 1,
            "ROLLBACK" if !words.any(|word| word == "TO") => self.ends += 1,
            _ => {}
        }
    }
}

fn word(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.to_ascii_uppercase(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(sql: &str) -> i64 {
        balance(sql, DbBackend::Sqlite).opened(true)
    }

    #[test]
    fn beginnings_and_ends_are_counted() {
        assert_eq!(opened("BEGIN"), 1);
        assert_eq!(opened("-- now\n start transaction;"), 1);
        assert_eq!(opened("COMMIT;"), -1);
        assert_eq!(opened("ROLLBACK"), -1);
        assert_eq!(opened("ROLLBACK TO here"), 0);
        assert_eq!(opened("ROLLBACK TRANSACTION TO SAVEPOINT here"), 0);
        assert_eq!(opened("SAVEPOINT here"), 1);
        assert_eq!(
            balance("SAVEPOINT here", DbBackend::Postgres).opened(true),
            0
        );
        assert_eq!(opened("BEGIN; UPDATE a SET b = ';COMMIT'; COMMIT"), 0);
    }

    #[test]
    fn after_an_error_a_transaction_may_still_be_open() {
        assert_eq!(balance("BEGIN", DbBackend::Sqlite).opened(false), 0);
        assert_eq!(balance("COMMIT", DbBackend::Sqlite).opened(false), 0);
        assert_eq!(
            balance("BEGIN; UPDATE a SET b = 1; COMMIT", DbBackend::Sqlite).opened(false),
            1
        );
    }

    #[test]
    fn what_is_open_is_open_until_all_of_it_has_ended() {
        let by_hand = ByHand::default();
        for (opened, after) in [(1, true), (1, true), (-1, true), (-1, false), (-1, false)] {
            by_hand.enter();
            assert!(by_hand.is_open());
            by_hand.leave(opened);
            assert_eq!(by_hand.is_open(), after);
        }
        by_hand.change();
        assert!(by_hand.is_open());
    }
}
