//! Reading the rows of a schema's own tables.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

/// Runs a query without parameters.
pub(super) async fn query<C: ConnectionTrait>(db: &C, sql: &str) -> Result<Vec<Row>, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    Ok(db
        .query_all_raw(statement)
        .await?
        .into_iter()
        .map(Row)
        .collect())
}

/// A row whose columns are read by their names.
pub(super) struct Row(QueryResult);

impl Row {
    /// Returns a string; an empty one for NULL.
    pub(super) fn text(&self, column: &str) -> Result<String, DbErr> {
        Ok(self
            .0
            .try_get::<Option<String>>("", column)?
            .unwrap_or_default())
    }

    /// Returns an integer; `None` for NULL.
    pub(super) fn number(&self, column: &str) -> Result<Option<i64>, DbErr> {
        self.0.try_get("", column)
    }

    /// Returns whether an integer or a boolean is true.
    pub(super) fn flag(&self, column: &str) -> Result<bool, DbErr> {
        Ok(self
            .0
            .try_get::<Option<bool>>("", column)?
            .unwrap_or_default())
    }
}

/// Quotes an identifier for `SQLite`.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a string for `SQLite`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
