//! The triggers of a `MySQL` or `MariaDB` database.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::build::{RelationFact, RelationKind};
use super::code::{CodeFact, Fires};
use super::rows::{Row, query};
use super::script::script;
use super::unexplained::Part;
use crate::analysis::Columns;

/// Whoever asks, as privileges name them; those of a role are not seen.
const GRANTEE: &str = "grantee = CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '''@''', \
     SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')";

/// Modes in which a body is read in another way than by default.
const UNUSUAL: [&str; 3] = ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE"];

/// Returns the triggers on tables, and something unknown on tables that may have some that are not shown.
pub(super) async fn read<C: ConnectionTrait>(
    db: &C,
    database: &str,
    relations: &[RelationFact],
) -> Result<Vec<CodeFact>, DbErr> {
    let rows = query(
        db,
        "SELECT CAST(trigger_name AS CHAR) AS name, CAST(event_object_table AS CHAR) AS tbl, \
         CAST(event_manipulation AS CHAR) AS event, CAST(action_timing AS CHAR) AS timing, \
         CAST(action_statement AS CHAR) AS body, CAST(sql_mode AS CHAR) AS mode \
         FROM information_schema.triggers WHERE event_object_schema = DATABASE()",
    )
    .await?;
    let mut code: Vec<CodeFact> = rows
        .iter()
        .map(|row| trigger(row, database))
        .collect::<Result<_, _>>()?;
    let Some(shown) = shown(db).await? else {
        return Ok(code);
    };
    let hidden = relations.iter().filter(|relation| {
        matches!(relation.kind, RelationKind::Table(_)) && !shown.contains(&relation.path.1)
    });
    code.extend(hidden.map(|relation| CodeFact {
        on: relation.path.clone(),
        part: Part::Trigger,
        name: format!("any on {}", relation.path.1),
        fires: Fires::always(),
        before: true,
        path: None,
        body: Err(
            "this user, without the privilege TRIGGER, does not see whether there is one".into(),
        ),
    }));
    Ok(code)
}

fn trigger(row: &Row, database: &str) -> Result<CodeFact, DbErr> {
    let (event, mode, table) = (row.text("event")?, row.text("mode")?, row.text("tbl")?);
    let body = if UNUSUAL.iter().any(|it| mode.contains(it)) {
        Err(format!("it is written in the mode {mode}"))
    } else {
        script(&row.text("body")?, DbBackend::MySql)
    };
    Ok(CodeFact {
        part: Part::Trigger,
        name: format!("{} on {table}", row.text("name")?),
        on: (database.to_owned(), table),
        fires: Fires {
            insert: event == "INSERT",
            update: (event == "UPDATE").then_some(Columns::Unknown),
            delete: event == "DELETE",
            truncate: false,
        },
        before: row.text("timing")? == "BEFORE",
        path: None,
        body,
    })
}

/// Returns the tables whose triggers are shown, to who has the privilege to make them; `None`: all tables'.
async fn shown<C: ConnectionTrait>(db: &C) -> Result<Option<Vec<String>>, DbErr> {
    let everywhere = query(
        db,
        &format!(
            "SELECT CAST(privilege_type AS CHAR) AS name FROM information_schema.user_privileges \
         WHERE privilege_type = 'TRIGGER' AND {GRANTEE} UNION ALL \
         SELECT CAST(privilege_type AS CHAR) FROM information_schema.schema_privileges \
         WHERE privilege_type = 'TRIGGER' AND {GRANTEE} AND DATABASE() LIKE table_schema"
        ),
    )
    .await?;
    if !everywhere.is_empty() {
        return Ok(None);
    }
    let some = query(
        db,
        &format!(
            "SELECT CAST(table_name AS CHAR) AS name FROM information_schema.table_privileges \
             WHERE privilege_type = 'TRIGGER' AND {GRANTEE} AND table_schema = DATABASE()"
        ),
    )
    .await?;
    some.iter()
        .map(|row| row.text("name"))
        .collect::<Result<_, _>>()
        .map(Some)
}
