//! The schema of `SQLite`, with the databases attached.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::build::{Facts, ForeignKey, Path, RelationFact, RelationKind, TableFact};
use super::rows::{Row, literal, query, quoted};
use super::views::ViewFact;
use super::{Action, Column, KeyColumn, Room, sqlite_code};
use crate::analysis::{Nature, Unresolved};
use crate::canonical::ColumnClass;

/// Tables with columns of their own: asking for those of a virtual table would load its module.
const TABLES: &str = "m.type = 'table' AND upper(substr(m.sql, 1, 14)) <> 'CREATE VIRTUAL'";

/// A table as `sqlite_master` has it.
struct Listed {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

pub(super) async fn read<C: ConnectionTrait>(db: &C) -> Result<Facts, DbErr> {
    let mut facts = Facts {
        backend: DbBackend::Sqlite,
        default_schema: "main".into(),
        path: Vec::new(),
        caseless: false,
        unusual_quoting: false,
        relations: Vec::new(),
        foreign_keys: Vec::new(),
        members: Vec::new(),
        functions: functions(db).await?,
        code: Vec::new(),
        fails: false,
        hidden: None,
    };
    let mut of_the_session = Vec::new();
    let mut fails = false;
    for schema in schemas(db).await? {
        let listed = listed(db, &schema).await?;
        fails |= listed.iter().any(|it| may_fail(&it.sql));
        let mut keys = keys(db, &schema, &listed).await?;
        let mut columns = columns(db, &schema, &listed).await?;
        let otherwise_unique = otherwise_unique(db, &schema).await?;
        for trigger in listed.iter().filter(|it| it.kind == "trigger") {
            if schema == "temp" {
                of_the_session.push((trigger.name.clone(), trigger.table.clone()));
            } else {
                let on = (schema.clone(), trigger.table.clone());
                let code = sqlite_code::trigger(&trigger.name, on, &trigger.sql);
                facts.code.push(code);
            }
        }
        for relation in listed
            .iter()
            .filter(|it| it.kind == "table" || it.kind == "view")
        {
            let mut kind = kind(relation, &schema);
            if let RelationKind::Table(table) = &mut kind {
                table.columns = columns.remove(&relation.name).unwrap_or_default();
                table.key = keys.remove(&relation.name).unwrap_or_default();
                table.one_key = !otherwise_unique.contains(&relation.name);
            }
            let path = (schema.clone(), relation.name.clone());
            facts.relations.push(RelationFact { path, kind });
        }
        facts.foreign_keys.extend(foreign_keys(db, &schema).await?);
        facts.path.push(schema);
    }
    // A trigger of the session may stand on a table of any database.
    for (name, table) in of_the_session {
        let stands = |it: &&RelationFact| it.path.1.eq_ignore_ascii_case(&table);
        let on = facts.relations.iter().filter(stands);
        let code =
            on.map(|it| sqlite_code::unknown(&name, it.path.clone(), "it belongs to the session"));
        facts.code.extend(code);
    }
    facts.fails = fails;
    Ok(facts)
}

/// Returns the databases in the order names are looked up.
async fn schemas<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let mut schemas = vec!["temp".to_owned(), "main".to_owned()];
    for row in query(db, "SELECT name FROM pragma_database_list ORDER BY seq").await? {
        let name = row.text("name")?;
        if !schemas.contains(&name) {
            schemas.push(name);
        }
    }
    Ok(schemas)
}

async fn listed<C: ConnectionTrait>(db: &C, schema: &str) -> Result<Vec<Listed>, DbErr> {
    let sql = format!(
        "SELECT type AS kind, name, tbl_name AS tbl, sql FROM {}.sqlite_master",
        quoted(schema)
    );
    let listed = |row: &Row| {
        Ok(Listed {
            kind: row.text("kind")?,
            name: row.text("name")?,
            table: row.text("tbl")?,
            sql: row.text("sql")?,
        })
    };
    query(db, &sql).await?.iter().map(listed).collect()
}

fn kind(relation: &Listed, schema: &str) -> RelationKind {
    if schema == "temp" {
        return RelationKind::Other(Unresolved::Temporary);
    }
    if relation.kind == "view" {
        let query = sqlite_code::query(&relation.sql);
        return RelationKind::View(ViewFact {
            definition: query.ok_or_else(|| "its definition is not understood".to_owned()),
            path: Some(vec![schema.to_ascii_lowercase()]),
            depends: None,
            calls: None,
            guard: None,
            unresolved: Unresolved::View,
        });
    }
    if relation.name.to_ascii_lowercase().starts_with("sqlite_") {
        return RelationKind::Other(Unresolved::System);
    }
    if is_virtual(&relation.sql) {
        return RelationKind::Other(Unresolved::Virtual);
    }
    RelationKind::Table(TableFact {
        replaces: words(&relation.sql).contains("on conflict replace"),
        ..TableFact::default()
    })
}

async fn keys<C: ConnectionTrait>(
    db: &C,
    schema: &str,
    listed: &[Listed],
) -> Result<HashMap<String, Vec<KeyColumn>>, DbErr> {
    let (own, name) = (quoted(schema), literal(schema));
    let indexed = query(
        db,
        &format!(
            "SELECT m.name AS tbl FROM {own}.sqlite_master m \
             JOIN pragma_index_list(m.name, {name}) i WHERE {TABLES} AND i.origin = 'pk'"
        ),
    )
    .await?;
    let indexed: Vec<String> = indexed
        .iter()
        .map(|row| row.text("tbl"))
        .collect::<Result<_, _>>()?;
    let columns = query(
        db,
        &format!(
            "SELECT m.name AS tbl, c.name AS name, c.type AS type FROM {own}.sqlite_master m \
             JOIN pragma_table_info(m.name, {name}) c WHERE {TABLES} AND c.pk > 0 \
             ORDER BY m.name, c.pk"
        ),
    )
    .await?;
    let mut keys: HashMap<String, Vec<KeyColumn>> = HashMap::new();
    for row in &columns {
        let table = row.text("tbl")?;
        let declared = row.text("type")?;
        let column = KeyColumn {
            name: row.text("name")?,
            class: class(&declared, definition(&table, listed)),
            // Only a key without an index of its own is the rowid.
            automatic: declared.eq_ignore_ascii_case("integer") && !indexed.contains(&table),
            room: Room::Any,
        };
        keys.entry(table).or_default().push(column);
    }
    for key in keys.values_mut().filter(|key| key.len() > 1) {
        key.iter_mut().for_each(|column| column.automatic = false);
    }
    Ok(keys)
}

/// Returns the tables with unique keys beside the primary one.
async fn otherwise_unique<C: ConnectionTrait>(
    db: &C,
    schema: &str,
) -> Result<HashSet<String>, DbErr> {
    let sql = format!(
        "SELECT DISTINCT m.name AS tbl FROM {}.sqlite_master m JOIN pragma_index_list(m.name, {}) i \
         WHERE {TABLES} AND i.\"unique\" AND i.origin <> 'pk'",
        quoted(schema),
        literal(schema)
    );
    let rows = query(db, &sql).await?;
    rows.iter().map(|row| row.text("tbl")).collect()
}

async fn columns<C: ConnectionTrait>(
    db: &C,
    schema: &str,
    listed: &[Listed],
) -> Result<HashMap<String, Vec<Column>>, DbErr> {
    /// A column of a virtual table that is not shown.
    const HIDDEN: Option<i64> = Some(1);
    let sql = format!(
        "SELECT m.name AS tbl, c.name AS name, c.type AS type, c.hidden AS hidden, \
         c.\"notnull\" OR c.pk > 0 AS filled, c.dflt_value IS NULL AS unset FROM {}.sqlite_master m \
         JOIN pragma_table_xinfo(m.name, {}) c WHERE {TABLES} ORDER BY m.name, c.cid",
        quoted(schema),
        literal(schema)
    );
    let mut columns: HashMap<String, Vec<Column>> = HashMap::new();
    for row in &query(db, &sql).await? {
        let hidden = row.number("hidden")?;
        if hidden == HIDDEN {
            continue;
        }
        let table = row.text("tbl")?;
        let column = Column {
            name: row.text("name")?.into(),
            class: class(&row.text("type")?, definition(&table, listed)),
            room: Room::Any,
            generated: hidden != Some(0),
            nullable: !row.flag("filled")?,
            empty: !row.flag("filled")? && hidden == Some(0) && row.flag("unset")?,
        };
        columns.entry(table).or_default().push(column);
    }
    Ok(columns)
}

fn definition<'a>(table: &str, listed: &'a [Listed]) -> &'a str {
    listed
        .iter()
        .find(|it| it.name == table)
        .map_or("", |it| it.sql.as_str())
}

async fn foreign_keys<C: ConnectionTrait>(db: &C, schema: &str) -> Result<Vec<ForeignKey>, DbErr> {
    let rows = query(
        db,
        &format!(
            "SELECT m.name AS child, f.id AS id, f.\"table\" AS parent, f.\"from\" AS own, \
             f.\"to\" AS referred, f.on_delete AS on_delete, f.on_update AS on_update \
             FROM {}.sqlite_master m JOIN pragma_foreign_key_list(m.name, {}) f \
             WHERE {TABLES} ORDER BY m.name, f.id, f.seq",
            quoted(schema),
            literal(schema)
        ),
    )
    .await?;
    let mut keys: Vec<((String, Option<i64>), ForeignKey)> = Vec::new();
    for row in &rows {
        let id = (row.text("child")?, row.number("id")?);
        let path = |name| -> Path { (schema.to_owned(), name) };
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = ForeignKey {
                child: path(row.text("child")?),
                columns: Vec::new(),
                parent: path(row.text("parent")?),
                referred: Vec::new(),
                on_delete: action(&row.text("on_delete")?),
                on_update: action(&row.text("on_update")?),
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.text("own")?);
            key.referred
                .extend(Some(row.text("referred")?).filter(|it| !it.is_empty()));
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// Returns functions: `SQLite`'s own by whether they are deterministic, the application's as unknown.
async fn functions<C: ConnectionTrait>(db: &C) -> Result<Vec<(String, Nature, bool)>, DbErr> {
    const DETERMINISTIC: i64 = 0x800;
    let mut functions: HashMap<String, (Nature, bool)> = HashMap::new();
    for row in query(db, "SELECT name, builtin, flags FROM pragma_function_list").await? {
        let own = row.number("builtin")? == Some(1);
        let deterministic = row
            .number("flags")?
            .is_some_and(|flags| flags & DETERMINISTIC != 0);
        let nature = match (own, deterministic) {
            (true, true) => Nature::Pure,
            (true, false) => Nature::Volatile,
            // One that replaces a pure function of SQLite's and says it is pure is taken at its word.
            (false, true)
                if crate::analysis::nature(&row.text("name")?, DbBackend::Sqlite)
                    == Nature::Pure =>
            {
                Nature::Pure
            }
            (false, _) => Nature::Unknown,
        };
        let known = functions
            .entry(row.text("name")?.to_lowercase())
            .or_insert((nature, !own));
        *known = (known.0.max(nature), known.1 || !own);
    }
    Ok(functions
        .into_iter()
        .map(|(name, (nature, users))| (name, nature, users))
        .collect())
}

fn action(rule: &str) -> Action {
    match rule.to_ascii_uppercase().as_str() {
        "CASCADE" => Action::Cascade,
        "SET NULL" | "SET DEFAULT" => Action::Set,
        _ => Action::Nothing,
    }
}

/// Returns how a column's values are compared, by its affinity (<https://sqlite.org/datatype3.html>, 3.1).
fn class(declared: &str, sql: &str) -> ColumnClass {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    // Booleans have NUMERIC affinity, which differs from INTEGER in casts alone.
    if has("INT") || declared == "BOOLEAN" || declared == "BOOL" {
        ColumnClass::Int
    } else if (has("CHAR") || has("CLOB") || has("TEXT") || has("BLOB") || declared.is_empty())
        && has_known_collations(sql)
    {
        ColumnClass::TextOrBlob
    } else {
        ColumnClass::Other
    }
}

/// Tells whether no collation but `SQLite`'s own is named anywhere in a table's definition.
fn has_known_collations(sql: &str) -> bool {
    let words = words(sql);
    words.split("collate").skip(1).all(|rest| {
        let name = rest.trim_start_matches([' ', '"', '\'', '`', '[']);
        ["binary", "nocase", "rtrim"].iter().any(|known| {
            name.strip_prefix(known)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    })
}

/// Tells whether a table or a trigger may end a statement and leave what was written before: `ON CONFLICT FAIL`,
/// `RAISE(FAIL, ..)`, `INSERT OR FAIL`.
fn may_fail(sql: &str) -> bool {
    super::words::words(sql, DbBackend::Sqlite)
        .is_none_or(|words| words.iter().any(|word| word.is("FAIL")))
}

fn is_virtual(sql: &str) -> bool {
    words(sql).starts_with("create virtual table")
}

/// Returns text in lower case with one space between words.
fn words(sql: &str) -> String {
    sql.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinity_decides_the_class() {
        for (declared, expected) in [
            ("INTEGER", ColumnClass::Int),
            ("bigint", ColumnClass::Int),
            ("boolean", ColumnClass::Int),
            ("varchar(20)", ColumnClass::TextOrBlob),
            ("uuid_text", ColumnClass::TextOrBlob),
            ("", ColumnClass::TextOrBlob),
            ("real", ColumnClass::Other),
            ("decimal(10, 2)", ColumnClass::Other),
        ] {
            assert_eq!(class(declared, ""), expected, "{declared}");
        }
    }

    #[test]
    fn a_collation_of_the_applications_makes_text_unknown() {
        assert_eq!(
            class("text", "create table t (a text  COLLATE\tNoCase)"),
            ColumnClass::TextOrBlob
        );
        assert_eq!(
            class("text", "create table t (a text collate \"binary\")"),
            ColumnClass::TextOrBlob
        );
        assert_eq!(
            class("text", "create table t (a text collate unicode)"),
            ColumnClass::Other
        );
        assert_eq!(
            class("text", "create table t (a text collate nocase_de)"),
            ColumnClass::Other
        );
    }
}
