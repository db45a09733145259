//! Settings of a transaction that tell the database who reads.
//!
//! A setting with a dot in its name, such as `app.tenant`, belongs to the application: it changes no name and no
//! type, only what policies and functions are told that ask for it. Set until the end of a transaction, by `SET LOCAL`
//! or `set_config(.., true)`, to a value that stands in the statement, it is known, and what is read under it can be told
//! apart. Whatever is set in another way changes the session (`SessionChange`).

use std::collections::BTreeMap;

use sea_orm::DbBackend;
use sea_orm::sea_query::{Value, Values};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Settings by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Returns the settings a statement makes until its transaction ends, if it does nothing else.
    pub(crate) fn made_by(sql: &str, values: Option<&Values>, backend: DbBackend) -> Option<Self> {
        // A backslash is read differently by some sessions.
        if backend != DbBackend::Postgres || sql.contains('\\') {
            return None;
        }
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().ok()?;
        let mut words: Vec<Token> = tokens
            .into_iter()
            .filter(|token| !matches!(token, Token::Whitespace(_)))
            .collect();
        while words.last() == Some(&Token::SemiColon) {
            words.pop();
        }
        let values = values.map_or(&[][..], |values| &values.0);
        let words = Words {
            words: &words,
            values,
        };
        words.set_local().or_else(|| words.set_config())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds settings that were made later.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    fn one(name: &str, value: String) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        name.contains('.')
            .then(|| Self(BTreeMap::from([(name, value)])))
    }
}

/// What is left of a statement.
#[derive(Clone, Copy)]
struct Words<'a> {
    words: &'a [Token],
    values: &'a [Value],
}

impl<'a> Words<'a> {
    /// Reads `SET LOCAL app.tenant = 'acme'`.
    fn set_local(mut self) -> Option<Settings> {
        self.keyword("set")?;
        self.keyword("local")?;
        let mut name = self.word()?.to_owned();
        while self.take(&Token::Period).is_some() {
            name = format!("{name}.{}", self.word()?);
        }
        if self.take(&Token::Eq).is_none() {
            self.keyword("to")?;
        }
        let value = match self.next()? {
            Token::SingleQuotedString(text) | Token::Number(text, false) => text.clone(),
            _ => return None,
        };
        self.words.is_empty().then_some(())?;
        Settings::one(&name, value)
    }

    /// Reads `SELECT set_config('app.tenant', $1, true), ..`.
    fn set_config(mut self) -> Option<Settings> {
        self.keyword("select")?;
        let mut settings = Settings::default();
        loop {
            self.keyword("set_config")?;
            self.take(&Token::LParen)?;
            let name = self.text()?;
            self.take(&Token::Comma)?;
            let value = self.text()?;
            self.take(&Token::Comma)?;
            self.is_true()?;
            self.take(&Token::RParen)?;
            if self.keyword("as").is_some() {
                self.word()?;
            }
            settings.absorb(Settings::one(&name, value)?);
            if self.words.is_empty() {
                return Some(settings);
            }
            self.take(&Token::Comma)?;
        }
    }

    fn text(&mut self) -> Option<String> {
        let text = match self.next()? {
            Token::SingleQuotedString(text) => text.clone(),
            Token::Placeholder(place) => match self.value(place)? {
                Value::String(Some(text)) => text.clone(),
                _ => return None,
            },
            _ => return None,
        };
        self.cast("text")?;
        Some(text)
    }

    fn is_true(&mut self) -> Option<()> {
        match self.next()? {
            Token::Word(word) if word.value.eq_ignore_ascii_case("true") => {}
            Token::Placeholder(place) if self.value(place)? == &Value::Bool(Some(true)) => {}
            _ => return None,
        }
        self.cast("bool").or_else(|| self.cast("boolean"))
    }

    /// Passes over `::text`, if it is there; `None` if it is another type.
    fn cast(&mut self, to: &str) -> Option<()> {
        match self.words.first() {
            Some(Token::DoubleColon) => {
                let mut rest = *self;
                rest.next()?;
                rest.keyword(to)?;
                *self = rest;
                Some(())
            }
            _ => Some(()),
        }
    }

    fn value(&self, place: &str) -> Option<&'a Value> {
        let place: usize = place.strip_prefix('$')?.parse().ok()?;
        self.values.get(place.checked_sub(1)?)
    }

    fn keyword(&mut self, keyword: &str) -> Option<()> {
        match self.words.first()? {
            Token::Word(word)
                if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(keyword) =>
            {
                self.next().map(drop)
            }
            _ => None,
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        match self.next()? {
            Token::Word(word) => Some(&word.value),
            _ => None,
        }
    }

    fn take(&mut self, token: &Token) -> Option<()> {
        (self.words.first()? == token).then(|| self.next().map(drop))?
    }

    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(sql: &str, values: Vec<Value>) -> Vec<(String, String)> {
        let made = Settings::made_by(sql, Some(&Values(values)), DbBackend::Postgres);
        let made = made.unwrap_or_default();
        made.iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn what_is_set_until_the_end_of_a_transaction_is_known() {
        let acme = [pair("app.tenant", "acme")];
        for sql in [
            "SET LOCAL app.tenant = 'acme'",
            "set local App.Tenant to 'acme';",
            "SET LOCAL \"app\".\"tenant\" = 'acme'",
            "SELECT set_config('app.tenant', 'acme', true)",
            "SELECT set_config('app.tenant'::text, 'acme', TRUE::boolean) AS tenant",
        ] {
            assert_eq!(made(sql, vec![]), acme, "{sql}");
        }
        let given = "SELECT set_config($1, $2::text, $3), set_config('app.user', '7', true)";
        let values = vec!["app.tenant".into(), "acme".into(), true.into()];
        assert_eq!(
            made(given, values),
            [pair("app.tenant", "acme"), pair("app.user", "7")]
        );
    }

    #[test]
    fn what_may_mean_something_else_is_not_known() {
        for sql in [
            "SET app.tenant = 'acme'",
            "SET SESSION app.tenant = 'acme'",
            "SET LOCAL search_path = 'acme'",
            "SET LOCAL app.tenant = DEFAULT",
            "SET LOCAL app.tenant = 'a', 'b'",
            "SET LOCAL app.tenant = 'a'; DELETE FROM article",
            "SET LOCAL app.tenant = E'a'",
            "SELECT set_config('app.tenant', 'acme', false)",
            "SELECT set_config('search_path', 'acme', true)",
            "SELECT set_config('app.tenant', name, true) FROM tenant",
            "SELECT set_config('app.tenant', 'acme', true) FROM tenant",
            "SELECT set_config('app.tenant', $1, true)",
            "SELECT set_config('app.tenant', 'acme', true), now()",
        ] {
            assert_eq!(made(sql, vec![7.into()]), [], "{sql}");
        }
    }
}
