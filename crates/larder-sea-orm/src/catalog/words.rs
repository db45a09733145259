//! The words of a definition: where strings, comments and statements end, and no more than that.

use sea_orm::DbBackend;

/// A word, a string or a sign of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'s> {
    pub(super) kind: Kind,
    /// As it stands in the text, quotes and all.
    pub(super) text: &'s str,
    /// It follows the one before without a gap.
    joined: bool,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, a name without quotes or a number.
    Plain,
    /// A name in quotes.
    Name,
    /// A string.
    Text,
    /// Anything else: one character, or `:=`.
    Sign,
}

impl Word<'_> {
    /// Tells whether it is this keyword, given in upper case, or this sign.
    pub(super) fn is(&self, keyword: &str) -> bool {
        match self.kind {
            Kind::Plain => self.text.eq_ignore_ascii_case(keyword),
            Kind::Sign => self.text == keyword,
            Kind::Name | Kind::Text => false,
        }
    }

    /// Tells whether it is one of these keywords or signs.
    pub(super) fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    /// Returns the name it stands for, folded in `PostgreSQL`.
    pub(super) fn name(&self, backend: DbBackend) -> Option<String> {
        match self.kind {
            Kind::Plain if backend == DbBackend::Postgres => Some(self.text.to_ascii_lowercase()),
            Kind::Plain => Some(self.text.to_owned()),
            Kind::Name => {
                let end = self.text.chars().next_back()?;
                let inner = &self.text[1..self.text.len() - 1];
                Some(inner.replace(&format!("{end}{end}"), &end.to_string()))
            }
            Kind::Text | Kind::Sign => None,
        }
    }
}

/// Splits a text into its words, without comments; `None` if it does not end where its strings do.
pub(super) fn words(text: &str, backend: DbBackend) -> Option<Vec<Word<'_>>> {
    let mut lexer = Lexer {
        text,
        at: 0,
        backend,
    };
    let mut words = Vec::new();
    let mut end = 0;
    while lexer.skip_space()? {
        let start = lexer.at;
        let escapes = start == end && words.last().is_some_and(|it: &Word<'_>| it.is("E"));
        let kind = lexer.word(escapes)?;
        words.push(Word {
            kind,
            text: &text[start..lexer.at],
            joined: start == end,
        });
        end = lexer.at;
    }
    Some(words)
}

/// Puts words together again; a whole row `NEW.*` is written `NEW`.
pub(super) fn text(words: &[Word<'_>]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if !word.joined && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word.text);
        let row = word.is_any(&["NEW", "OLD"])
            && matches!(words.get(at + 1..at + 3), Some([dot, star]) if dot.is(".") && star.is("*"));
        at += if row { 3 } else { 1 };
    }
    text
}

/// A place in a text.
struct Lexer<'s> {
    text: &'s str,
    at: usize,
    backend: DbBackend,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn first(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Skips blanks and comments; returns whether something follows.
    fn skip_space(&mut self) -> Option<bool> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let dashes = rest.starts_with("--")
                && (self.backend != DbBackend::MySql
                    || rest[2..].chars().next().is_none_or(char::is_whitespace));
            let hash = self.backend == DbBackend::MySql && rest.starts_with('#');
            if blank > 0 {
                self.at += blank;
            } else if dashes || hash {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.skip_comment()?;
            } else {
                return Some(!rest.is_empty());
            }
        }
    }

    fn skip_comment(&mut self) -> Option<()> {
        // MySQL carries out what stands in such a comment.
        if self.backend == DbBackend::MySql
            && ["/*!", "/*M!"].iter().any(|it| self.rest().starts_with(it))
        {
            return None;
        }
        let mut depth = 0;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") && (depth == 0 || self.backend == DbBackend::Postgres) {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += rest.chars().next()?.len_utf8();
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn word(&mut self, escapes: bool) -> Option<Kind> {
        let (first, mysql) = (self.first()?, self.backend == DbBackend::MySql);
        match first {
            '\'' => self.quoted('\'', escapes || mysql, Kind::Text),
            '"' if mysql => self.quoted('"', true, Kind::Text),
            '"' => self.quoted('"', false, Kind::Name),
            '`' if self.backend != DbBackend::Postgres => self.quoted('`', false, Kind::Name),
            '[' if self.backend == DbBackend::Sqlite => self.quoted(']', false, Kind::Name),
            '$' if self.backend == DbBackend::Postgres => self.dollars(),
            _ if is_part(first) => {
                let rest = self.rest();
                self.at += rest.find(|it| !is_part(it)).unwrap_or(rest.len());
                Some(Kind::Plain)
            }
            _ => {
                let assignment = self.rest().starts_with(":=");
                self.at += if assignment { 2 } else { first.len_utf8() };
                Some(Kind::Sign)
            }
        }
    }

    fn quoted(&mut self, end: char, escapes: bool, kind: Kind) -> Option<Kind> {
        self.at += 1;
        loop {
            let next = self.first()?;
            self.at += next.len_utf8();
            if next == '\\' && escapes {
                self.at += self.first()?.len_utf8();
            } else if next == end {
                if self.first() != Some(end) {
                    return Some(kind);
                }
                self.at += 1;
            }
        }
    }

    fn dollars(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let tag = rest[1..].find('$').map(|end| &rest[..end + 2])?;
        if !tag[1..tag.len() - 1]
            .chars()
            .all(|it| is_part(it) && it != '$')
        {
            return None;
        }
        let length = rest[tag.len()..].find(tag)?;
        self.at += length + 2 * tag.len();
        Some(Kind::Text)
    }
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$') || !character.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, backend: DbBackend) -> Option<Vec<&str>> {
        Some(words(text, backend)?.iter().map(|it| it.text).collect())
    }

    #[test]
    fn strings_and_comments_hide_what_is_in_them() {
        assert_eq!(
            split(
                "a;--;b\n/* ; /* ; */ ; */'x;''y' \"q;\" $f$;'$f$ b",
                DbBackend::Postgres
            ),
            Some(vec!["a", ";", "'x;''y'", "\"q;\"", "$f$;'$f$", "b"])
        );
        assert_eq!(
            split("a#;\n`;` 'x\\';' \";\" 1--1", DbBackend::MySql),
            Some(vec!["a", "`;`", "'x\\';'", "\";\"", "1", "-", "-", "1"])
        );
        assert_eq!(
            split("[;] `;` 'x\\';", DbBackend::Sqlite),
            Some(vec!["[;]", "`;`", "'x\\'", ";"])
        );
        assert_eq!(
            split(r"E'\';' b", DbBackend::Postgres),
            Some(vec!["E", r"'\';'", "b"])
        );
    }

    #[test]
    fn what_does_not_end_is_not_split() {
        assert_eq!(split("'a", DbBackend::Sqlite), None);
        assert_eq!(split("/* a", DbBackend::Sqlite), None);
        assert_eq!(split("/*!99999 a */", DbBackend::MySql), None);
        assert_eq!(split("$a$ b", DbBackend::Postgres), None);
    }

    #[test]
    fn words_are_put_together_as_they_stood() {
        let sql = "INSERT INTO a.b VALUES (NEW.*, x::int) -- done";
        let words = words(sql, DbBackend::Postgres).expect("it ends");
        assert_eq!(text(&words), "INSERT INTO a.b VALUES (NEW, x::int)");
    }

    #[test]
    fn a_name_is_read_without_its_quotes() {
        let name = |text, backend| words(text, backend).and_then(|it| it[0].name(backend));
        assert_eq!(name("Id", DbBackend::Postgres).as_deref(), Some("id"));
        assert_eq!(
            name("\"I\"\"d\"", DbBackend::Postgres).as_deref(),
            Some("I\"d")
        );
        assert_eq!(name("[a b]", DbBackend::Sqlite).as_deref(), Some("a b"));
        assert_eq!(name("'a'", DbBackend::Sqlite), None);
    }
}
