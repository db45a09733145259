//! Names as a statement writes them.

use std::borrow::Cow;
use std::fmt;

use sea_orm::DbBackend;
use sea_orm::sea_query::{self, DynIden};
use sqlparser::ast::{Ident, ObjectName};

/// Longer identifiers are cut by `PostgreSQL` (`NAMEDATALEN` - 1).
const POSTGRES_IDENTIFIER: usize = 63;

/// An identifier as a statement writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    text: Cow<'static, str>,
    quoted: bool,
}

impl Name {
    /// An identifier in quotes, given without them.
    pub fn quoted(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            quoted: true,
        }
    }

    /// An identifier without quotes.
    pub fn plain(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            quoted: false,
        }
    }

    /// Returns it as it was written, without quotes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether it was written in quotes.
    pub fn is_quoted(&self) -> bool {
        self.quoted
    }

    /// Returns it as the database folds it: equal spellings of one name are equal.
    ///
    /// `MySQL`'s table names keep their case here; whether it matters is a setting of the server.
    pub fn folded(&self, backend: DbBackend) -> Cow<'_, str> {
        match backend {
            DbBackend::Postgres => {
                let cut = cut(&self.text, POSTGRES_IDENTIFIER);
                if self.quoted {
                    Cow::Borrowed(cut)
                } else {
                    lower(cut)
                }
            }
            DbBackend::Sqlite => lower(&self.text),
            _ => Cow::Borrowed(&self.text),
        }
    }

    /// Tells whether two names of tables may be the same one, whatever the server's settings are.
    pub fn may_be(&self, other: &Self, backend: DbBackend) -> bool {
        match backend {
            DbBackend::MySql => self.text.to_lowercase() == other.text.to_lowercase(),
            _ => self.folded(backend) == other.folded(backend),
        }
    }

    /// Tells whether it certainly names the column the catalog calls `column`.
    pub fn is_column(&self, column: &str, backend: DbBackend) -> bool {
        match backend {
            DbBackend::Postgres => self.folded(backend) == column,
            _ => self.text.eq_ignore_ascii_case(column),
        }
    }

    /// Tells whether it may name the column the catalog calls `column`.
    ///
    /// `MySQL` takes more spellings as one than ASCII case: there any name that is not ASCII may be any column.
    pub fn may_be_column(&self, column: &str, backend: DbBackend) -> bool {
        self.is_column(column, backend)
            || (!matches!(backend, DbBackend::Postgres | DbBackend::Sqlite)
                && !self.text.is_ascii())
    }
}

impl From<&DynIden> for Name {
    fn from(iden: &DynIden) -> Self {
        Self::quoted(iden.inner())
    }
}

impl From<&Ident> for Name {
    fn from(ident: &Ident) -> Self {
        Self {
            text: Cow::Owned(ident.value.clone()),
            quoted: ident.quote_style.is_some(),
        }
    }
}

/// The name of a relation as a statement writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelationName {
    /// The database before the schema, if written.
    pub database: Option<Name>,
    /// The schema (`MySQL`: the database), if written.
    pub schema: Option<Name>,
    /// The relation.
    pub name: Name,
}

impl RelationName {
    /// A relation without a schema.
    pub fn new(name: Name) -> Self {
        Self {
            database: None,
            schema: None,
            name,
        }
    }

    /// A relation of a schema.
    pub fn qualified(schema: Name, name: Name) -> Self {
        Self {
            database: None,
            schema: Some(schema),
            name,
        }
    }

    /// Reads a name of one to three identifiers; `None` for anything else.
    pub(crate) fn of_object(name: &ObjectName) -> Option<Self> {
        let mut parts = name
            .0
            .iter()
            .rev()
            .map(|part| part.as_ident().map(Name::from));
        let own = parts.next()??;
        let relation = Self {
            schema: parts.next().map_or(Some(None), |part| part.map(Some))?,
            database: parts.next().map_or(Some(None), |part| part.map(Some))?,
            name: own,
        };
        parts.next().is_none().then_some(relation)
    }
}

impl From<&sea_query::TableName> for RelationName {
    fn from(sea_query::TableName(schema, table): &sea_query::TableName) -> Self {
        let (database, schema) = match schema {
            None => (None, None),
            Some(sea_query::SchemaName(database, schema)) => (
                database.as_ref().map(|database| Name::from(&database.0)),
                Some(Name::from(schema)),
            ),
        };
        Self {
            database,
            schema,
            name: Name::from(table),
        }
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.database, &self.schema].into_iter().flatten() {
            write!(f, "{}.", part.text())?;
        }
        f.write_str(self.name.text())
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_folds_in_its_own_way() {
        let (plain, quoted) = (Name::plain("Article"), Name::quoted("Article"));
        assert_eq!(plain.folded(DbBackend::Postgres), "article");
        assert_eq!(quoted.folded(DbBackend::Postgres), "Article");
        assert_eq!(quoted.folded(DbBackend::Sqlite), "article");
        assert_eq!(plain.folded(DbBackend::MySql), "Article");
    }

    #[test]
    fn a_long_name_is_cut_as_postgres_cuts_it() {
        let long = format!("{}é{}", "a".repeat(62), "b".repeat(9));
        assert_eq!(
            Name::quoted(long).folded(DbBackend::Postgres),
            "a".repeat(62)
        );
    }

    #[test]
    fn a_name_beyond_ascii_may_be_any_column_of_mysql() {
        let name = Name::quoted("É");
        assert!(!name.is_column("e", DbBackend::MySql));
        assert!(name.may_be_column("e", DbBackend::MySql));
        assert!(!name.may_be_column("e", DbBackend::Postgres));
    }
}
