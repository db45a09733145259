//! The schema of a `MySQL` or `MariaDB` database: the one the connection is in.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::build::{Facts, ForeignKey, RelationFact, RelationKind, TableFact};
use super::rows::{Row, query};
use super::views::ViewFact;
use super::{Action, Column, KeyColumn, Room, mysql_code};
use crate::analysis::{Nature, Unresolved};
use crate::canonical::ColumnClass;

/// A column, as [`column`] reads it.
const COLUMN: &str = "CAST(c.table_name AS CHAR) AS name, CAST(c.column_name AS CHAR) AS own, \
     CAST(c.data_type AS CHAR) AS type, CAST(c.column_type AS CHAR) AS declared, \
     CAST(COALESCE(c.collation_name, '') AS CHAR) AS collated, CAST(c.extra AS CHAR) AS extra, \
     CAST(c.is_nullable AS CHAR) AS nullable, \
     c.column_default IS NULL OR c.column_default = 'NULL' AND VERSION() LIKE '%MariaDB%' AS unset, \
     CAST(COALESCE(c.character_maximum_length, -1) AS SIGNED) AS length";

/// What the session says of itself.
struct Session {
    database: String,
    caseless: bool,
    unusual_quoting: bool,
}

pub(super) async fn read<C: ConnectionTrait>(db: &C) -> Result<Facts, DbErr> {
    let session = session(db).await?;
    let mut keys = keys(db).await?;
    let mut columns = columns(db).await?;
    let mut definitions = definitions(db).await?;
    let otherwise_unique = otherwise_unique(db).await?;
    let mut relations = Vec::new();
    let mut fails = false;
    for row in &query(
        db,
        "SELECT CAST(table_name AS CHAR) AS name, CAST(table_type AS CHAR) AS kind, \
         CAST(COALESCE(engine, '') AS CHAR) AS engine \
         FROM information_schema.tables WHERE table_schema = DATABASE()",
    )
    .await?
    {
        let name = row.text("name")?;
        let engine = row.text("engine")?;
        let mut kind = kind(&row.text("kind")?, &engine);
        // Others keep what a statement wrote before it was refused.
        fails |= matches!(kind, RelationKind::Table(_)) && !engine.eq_ignore_ascii_case("innodb");
        if let RelationKind::Table(table) = &mut kind {
            table.key = keys.remove(&name).unwrap_or_default();
            table.columns = columns.remove(&name).unwrap_or_default();
            table.one_key = !otherwise_unique.contains(&name);
        }
        if let RelationKind::View(view) = &mut kind
            && let Some(definition) = definitions.remove(&name)
        {
            view.definition = Ok(definition);
        }
        relations.push(RelationFact {
            path: (session.database.clone(), name),
            kind,
        });
    }
    let code = mysql_code::read(db, &session.database, &relations).await?;
    Ok(Facts {
        backend: DbBackend::MySql,
        default_schema: session.database.clone(),
        path: vec![session.database],
        caseless: session.caseless,
        unusual_quoting: session.unusual_quoting,
        relations,
        foreign_keys: foreign_keys(db).await?,
        members: Vec::new(),
        functions: functions(db).await?,
        code,
        fails,
        hidden: None,
    })
}

/// Returns the queries of views; of those that are hidden from who asks, none.
async fn definitions<C: ConnectionTrait>(db: &C) -> Result<HashMap<String, String>, DbErr> {
    let sql = "SELECT CAST(table_name AS CHAR) AS name, CAST(view_definition AS CHAR) AS own \
               FROM information_schema.views WHERE table_schema = DATABASE()";
    let rows = query(db, sql).await?;
    let named = rows
        .iter()
        .map(|row| Ok((row.text("name")?, row.text("own")?)));
    let mut definitions = named.collect::<Result<HashMap<_, _>, DbErr>>()?;
    definitions.retain(|_, definition| !definition.trim().is_empty());
    Ok(definitions)
}

async fn session<C: ConnectionTrait>(db: &C) -> Result<Session, DbErr> {
    let rows = query(
        db,
        "SELECT CAST(COALESCE(DATABASE(), '') AS CHAR) AS own, \
         CAST(@@lower_case_table_names AS CHAR) AS caseless, CAST(@@sql_mode AS CHAR) AS mode",
    )
    .await?;
    let row = rows
        .first()
        .ok_or_else(|| DbErr::Custom("the session says nothing".into()))?;
    let mode = row.text("mode")?;
    let unusual = ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"]
        .iter()
        .any(|it| mode.contains(it));
    Ok(Session {
        database: row.text("own")?,
        caseless: row.text("caseless")? != "0",
        unusual_quoting: unusual,
    })
}

fn kind(kind: &str, engine: &str) -> RelationKind {
    const OWN: [&str; 9] = [
        "innodb",
        "myisam",
        "aria",
        "memory",
        "rocksdb",
        "archive",
        "csv",
        "ndbcluster",
        "tokudb",
    ];
    let other = RelationKind::Other;
    match kind {
        "BASE TABLE" | "SYSTEM VERSIONED" if OWN.contains(&engine.to_lowercase().as_str()) => {
            RelationKind::Table(TableFact::default())
        }
        "BASE TABLE" | "SYSTEM VERSIONED" => other(Unresolved::Foreign),
        "VIEW" => RelationKind::View(ViewFact {
            definition: Err("its definition is hidden from this user".into()),
            path: None,
            depends: None,
            calls: None,
            guard: None,
            unresolved: Unresolved::View,
        }),
        "SEQUENCE" => other(Unresolved::Sequence),
        "TEMPORARY" => other(Unresolved::Temporary),
        _ => other(Unresolved::System),
    }
}

async fn keys<C: ConnectionTrait>(db: &C) -> Result<HashMap<String, Vec<KeyColumn>>, DbErr> {
    let rows = query(
        db,
        &format!(
        "SELECT {COLUMN} FROM information_schema.statistics s JOIN information_schema.columns c \
         ON c.table_schema = s.table_schema AND c.table_name = s.table_name \
         AND c.column_name = s.column_name \
         WHERE s.table_schema = DATABASE() AND s.index_name = 'PRIMARY' \
         ORDER BY s.table_name, s.seq_in_index"),
    )
    .await?;
    let mut keys: HashMap<String, Vec<KeyColumn>> = HashMap::new();
    for row in &rows {
        keys.entry(row.text("name")?)
            .or_default()
            .push(key_column(row)?);
    }
    Ok(keys)
}

/// Returns the tables with unique keys beside the primary one.
async fn otherwise_unique<C: ConnectionTrait>(db: &C) -> Result<HashSet<String>, DbErr> {
    let sql = "SELECT DISTINCT CAST(table_name AS CHAR) AS name FROM information_schema.statistics \
               WHERE table_schema = DATABASE() AND non_unique = 0 AND index_name <> 'PRIMARY'";
    let rows = query(db, sql).await?;
    rows.iter().map(|row| row.text("name")).collect()
}

fn key_column(row: &Row) -> Result<KeyColumn, DbErr> {
    let Column {
        name, class, room, ..
    } = column(row)?;
    Ok(KeyColumn {
        name: name.to_string(),
        class,
        automatic: row.text("extra")?.to_lowercase().contains("auto_increment"),
        room,
    })
}

async fn columns<C: ConnectionTrait>(db: &C) -> Result<HashMap<String, Vec<Column>>, DbErr> {
    let rows = query(
        db,
        &format!(
            "SELECT {COLUMN} FROM information_schema.columns c WHERE c.table_schema = DATABASE() \
             ORDER BY c.table_name, c.ordinal_position"
        ),
    )
    .await?;
    let mut columns: HashMap<String, Vec<Column>> = HashMap::new();
    for row in &rows {
        columns
            .entry(row.text("name")?)
            .or_default()
            .push(column(row)?);
    }
    Ok(columns)
}

fn column(row: &Row) -> Result<Column, DbErr> {
    let class = class(
        &row.text("type")?.to_lowercase(),
        &row.text("collated")?.to_lowercase(),
    );
    let declared = row.text("declared")?.to_lowercase();
    let length = row
        .number("length")?
        .and_then(|length| usize::try_from(length).ok());
    let extra = row.text("extra")?.to_lowercase();
    Ok(Column {
        name: row.text("own")?.into(),
        class,
        room: match class {
            // For 0 the database makes a value, depending on the session's mode.
            ColumnClass::Int if extra.contains("auto_increment") => above_zero(range(&declared)),
            ColumnClass::Int => range(&declared),
            _ => length.map_or(Room::Length(0), Room::Length),
        },
        // `DEFAULT_GENERATED` is a default of MySQL's that is an expression.
        generated: ["virtual", "stored", "persistent", "on update"]
            .iter()
            .any(|word| extra.contains(word)),
        nullable: row.text("nullable")? == "YES",
        empty: row.text("nullable")? == "YES" && row.flag("unset")?,
    })
}

/// Returns the range of an integer type as it is declared: `int(10) unsigned`.
fn range(declared: &str) -> Room {
    let bits = match declared.split(['(', ' ']).next() {
        Some("tinyint") => 8,
        Some("smallint") => 16,
        Some("mediumint") => 24,
        Some("int" | "integer") => 32,
        _ => 64,
    };
    match (declared.contains("unsigned"), bits) {
        (true, 64) => Room::Range(0, i64::MAX),
        (true, bits) => Room::Range(0, (1 << bits) - 1),
        (false, bits) => Room::Range(i64::MIN >> (64 - bits), i64::MAX >> (64 - bits)),
    }
}

fn above_zero(room: Room) -> Room {
    match room {
        Room::Range(_, most) => Room::Range(1, most),
        room => room,
    }
}

fn class(data_type: &str, collation: &str) -> ColumnClass {
    match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => ColumnClass::Int,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext"
            if is_known_collation(collation) =>
        {
            ColumnClass::Text
        }
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            ColumnClass::Bytes
        }
        _ => ColumnClass::Other,
    }
}

/// Tells whether a collation folds no more of ASCII than [`fold`](crate::canonical::fold) does.
///
/// Not those of single languages: in Hungarian `ccs` equals `cscs`.
fn is_known_collation(name: &str) -> bool {
    const CHARSETS: [&str; 9] = [
        "ascii", "latin1", "ucs2", "utf16", "utf16le", "utf32", "utf8", "utf8mb3", "utf8mb4",
    ];
    const KINDS: [&str; 24] = [
        "0900_ai_ci",
        "0900_as_ci",
        "0900_as_cs",
        "0900_bin",
        "bin",
        "general_ci",
        "general_cs",
        "general_mysql500_ci",
        "general_nopad_ci",
        "nopad_bin",
        "swedish_ci",
        "swedish_nopad_ci",
        "uca1400_ai_ci",
        "uca1400_ai_cs",
        "uca1400_as_ci",
        "uca1400_as_cs",
        "uca1400_nopad_ai_ci",
        "uca1400_nopad_ai_cs",
        "uca1400_nopad_as_ci",
        "uca1400_nopad_as_cs",
        "unicode_520_ci",
        "unicode_520_nopad_ci",
        "unicode_ci",
        "unicode_nopad_ci",
    ];
    name.split_once('_').is_some_and(|(charset, kind)| {
        CHARSETS.contains(&charset)
            && KINDS.contains(&kind)
            && (!kind.starts_with("swedish") || charset == "latin1")
    })
}

async fn foreign_keys<C: ConnectionTrait>(db: &C) -> Result<Vec<ForeignKey>, DbErr> {
    let rows = query(
        db,
        "SELECT CAST(k.constraint_name AS CHAR) AS id, CAST(k.table_schema AS CHAR) AS child_schema, \
         CAST(k.table_name AS CHAR) AS child, CAST(k.column_name AS CHAR) AS own, \
         CAST(k.referenced_table_schema AS CHAR) AS parent_schema, \
         CAST(k.referenced_table_name AS CHAR) AS parent, \
         CAST(k.referenced_column_name AS CHAR) AS referred, \
         CAST(r.update_rule AS CHAR) AS on_update, CAST(r.delete_rule AS CHAR) AS on_delete \
         FROM information_schema.key_column_usage k \
         JOIN information_schema.referential_constraints r \
         ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name \
         AND r.table_name = k.table_name \
         WHERE k.referenced_table_schema = DATABASE() \
         ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position",
    )
    .await?;
    let mut keys: Vec<((String, String, String), ForeignKey)> = Vec::new();
    for row in &rows {
        let child = (row.text("child_schema")?, row.text("child")?);
        let id = (child.0.clone(), child.1.clone(), row.text("id")?);
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = ForeignKey {
                child,
                columns: Vec::new(),
                parent: (row.text("parent_schema")?, row.text("parent")?),
                referred: Vec::new(),
                on_delete: action(&row.text("on_delete")?),
                on_update: action(&row.text("on_update")?),
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.text("own")?);
            key.referred.push(row.text("referred")?);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

fn action(rule: &str) -> Action {
    match rule {
        "CASCADE" => Action::Cascade,
        "SET NULL" | "SET DEFAULT" => Action::Set,
        _ => Action::Nothing,
    }
}

/// Returns the functions stored here; what they do is not checked by the server.
async fn functions<C: ConnectionTrait>(db: &C) -> Result<Vec<(String, Nature, bool)>, DbErr> {
    let sql = "SELECT DISTINCT CAST(LOWER(routine_name) AS CHAR) AS name \
               FROM information_schema.routines WHERE routine_type = 'FUNCTION'";
    let function = |row: &Row| Ok((row.text("name")?, Nature::Unknown, true));
    query(db, sql).await?.iter().map(function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_types() {
        assert_eq!(range("tinyint(4)"), Room::Range(-128, 127));
        assert_eq!(range("tinyint unsigned"), Room::Range(0, 255));
        assert_eq!(
            range("int(10) unsigned zerofill"),
            Room::Range(0, 4_294_967_295)
        );
        assert_eq!(range("bigint(20)"), Room::Range(i64::MIN, i64::MAX));
        assert_eq!(range("bigint(20) unsigned"), Room::Range(0, i64::MAX));
    }

    #[test]
    fn collations_of_single_languages_are_not_trusted() {
        assert!(
            is_known_collation("utf8mb4_general_ci") && is_known_collation("latin1_swedish_ci")
        );
        assert!(is_known_collation("utf8mb4_0900_ai_ci") && is_known_collation("utf8mb4_bin"));
        assert!(
            !is_known_collation("utf8mb4_hungarian_ci")
                && !is_known_collation("utf8mb4_swedish_ci")
        );
        assert!(!is_known_collation("") && !is_known_collation("big5_bin"));
    }
}
