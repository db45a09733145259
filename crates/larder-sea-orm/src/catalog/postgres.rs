//! The schemas of a `PostgreSQL` database (12 or later).

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::build::{Facts, ForeignKey, Member, Path, RelationFact, RelationKind, TableFact};
use super::rows::{Row, query};
use super::views::ViewFact;
use super::{Action, Column, KeyColumn, Room, postgres_code, postgres_functions};
use crate::analysis::{Columns, Name, Unresolved};
use crate::canonical::ColumnClass;

/// Schemas of the application: not the system's, not other sessions' temporary ones.
pub(super) const OURS: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') \
     AND n.nspname !~ '^pg_toast' AND (n.nspname !~ '^pg_temp' OR n.oid = pg_my_temp_schema())";

/// Whether a function takes a row of a table alone, so that it can be read like a column of it.
pub(super) const ROW_FUNCTIONS: &str = "c.reltype IN (SELECT p.proargtypes[0] FROM pg_proc p \
     WHERE p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1 AND p.provolatile <> 'i')";

/// What decides in which partition a row is, as [`moves`] reads it.
const PARTITIONED: &str = "(SELECT string_agg(a.attname::text, chr(10)) FROM pg_partitioned_table k \
       JOIN pg_attribute a ON a.attrelid = k.partrelid AND a.attnum = ANY(k.partattrs::int2[]) \
       WHERE k.partrelid = c.oid) AS split_by, \
     EXISTS (SELECT FROM pg_partitioned_table k \
       WHERE k.partrelid = c.oid AND 0 = ANY(k.partattrs::int2[])) AS split_by_expression,";

/// A column's type, as [`class`] reads it.
const TYPE: &str = "t.typname::text AS type, t.typtype::text AS sort, \
     COALESCE(l.collisdeterministic, true) AS deterministic, \
     CASE WHEN a.atttypmod >= 4 THEN a.atttypmod - 4 END::int8 AS length";

pub(super) async fn read<C: ConnectionTrait>(db: &C) -> Result<Facts, DbErr> {
    let mut keys = keys(db).await?;
    let mut columns = columns(db).await?;
    let mut relations = relations(db).await?;
    let mut depends = depends(db).await?;
    for relation in &mut relations {
        if let RelationKind::Table(table) = &mut relation.kind {
            table.key = keys.remove(&relation.path).unwrap_or_default();
            table.columns = columns.remove(&relation.path).unwrap_or_default();
        }
        if let RelationKind::View(view) = &mut relation.kind {
            let Depends {
                reads,
                calls,
                varies,
            } = depends.remove(&relation.path).unwrap_or_default();
            view.depends = Some(reads);
            view.calls = Some(calls);
            if varies && view.definition.is_ok() {
                view.definition = Err("it calls a function that is not immutable".into());
            }
        }
    }
    Ok(Facts {
        backend: DbBackend::Postgres,
        default_schema: "public".into(),
        path: search_path(db).await?,
        caseless: false,
        unusual_quoting: unusual_quoting(db).await?,
        relations,
        foreign_keys: foreign_keys(db).await?,
        members: members(db).await?,
        functions: postgres_functions::read(db).await?,
        code: postgres_code::read(db).await?,
        fails: false,
        hidden: hidden(db).await?,
    })
}

async fn search_path<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT s.name::text AS name FROM unnest(current_schemas(true)) \
               WITH ORDINALITY AS s(name, place) ORDER BY s.place";
    query(db, sql)
        .await?
        .iter()
        .map(|row| row.text("name"))
        .collect()
}

async fn unusual_quoting<C: ConnectionTrait>(db: &C) -> Result<bool, DbErr> {
    let rows = query(
        db,
        "SELECT current_setting('standard_conforming_strings') AS setting",
    )
    .await?;
    let conforming = rows.first().map(|row| row.text("setting")).transpose()?;
    Ok(conforming.as_deref() != Some("on"))
}

async fn relations<C: ConnectionTrait>(db: &C) -> Result<Vec<RelationFact>, DbErr> {
    let rows = query(
        db,
        &format!(
            "SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, \
             c.relpersistence = 't' AS temporary, \
             c.relkind IN ('r', 'p') AND row_security_active(c.oid) AS guarded, \
             c.relrowsecurity AS secured, {ROW_FUNCTIONS} AS row_functions, \
             {PARTITIONED} CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END AS definition \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {OURS}"
        ),
    )
    .await?;
    rows.iter().map(relation).collect()
}

fn relation(row: &Row) -> Result<RelationFact, DbErr> {
    let path = path(row, "schema", "name")?;
    let readable = row
        .flag("row_functions")?
        .then_some(Unresolved::RowFunctions);
    let kind = match row.text("kind")?.as_str() {
        _ if row.flag("temporary")? => RelationKind::Other(Unresolved::Temporary),
        "v" => RelationKind::View(view(
            Ok(row.text("definition")?),
            readable,
            Unresolved::View,
        )),
        "m" => {
            let reason = Err("it is only as new as its last REFRESH".to_owned());
            RelationKind::View(view(reason, readable, Unresolved::MaterializedView))
        }
        "f" => RelationKind::Other(Unresolved::Foreign),
        "S" => RelationKind::Other(Unresolved::Sequence),
        _ => {
            let guarded = row.flag("guarded")?.then_some(Unresolved::RowSecurity);
            RelationKind::Table(TableFact {
                guard: guarded.or(readable),
                secured: row.flag("secured")?,
                moves: moves(row)?,
                ..TableFact::default()
            })
        }
    };
    Ok(RelationFact { path, kind })
}

fn moves(row: &Row) -> Result<Option<Columns>, DbErr> {
    let columns = row.text("split_by")?;
    Ok(if row.flag("split_by_expression")? {
        Some(Columns::Unknown)
    } else if columns.is_empty() {
        None
    } else {
        let names = columns.lines().map(|it| Name::quoted(it.to_owned()));
        Some(Columns::Named(names.collect()))
    })
}

fn view(
    definition: Result<String, String>,
    guard: Option<Unresolved>,
    unresolved: Unresolved,
) -> ViewFact {
    ViewFact {
        definition,
        path: None,
        depends: None,
        calls: None,
        guard,
        unresolved,
    }
}

/// What the database says a view is made of.
#[derive(Default)]
struct Depends {
    reads: Vec<Path>,
    /// The functions it calls, but for the database's own.
    calls: Vec<String>,
    /// One of them, or of its operators, is not immutable.
    varies: bool,
}

/// Returns what views are made of. Of the functions of the database's own only the view's text tells.
async fn depends<C: ConnectionTrait>(db: &C) -> Result<HashMap<Path, Depends>, DbErr> {
    let sql = "SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name, \
         rn.nspname::text AS read_schema, rc.relname::text AS read_name, \
         COALESCE(lower(p.proname::text), '') AS calls, \
         d.refclassid = 'pg_operator'::regclass OR COALESCE(p.provolatile <> 'i', false) AS varies \
         FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'v' \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
         LEFT JOIN pg_class rc ON d.refclassid = 'pg_class'::regclass AND rc.oid = d.refobjid \
         LEFT JOIN pg_namespace rn ON rn.oid = rc.relnamespace \
         LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid \
         LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid \
           OR p.oid = o.oprcode \
         WHERE r.rulename = '_RETURN' AND (d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid \
           OR d.refclassid IN ('pg_operator'::regclass, 'pg_proc'::regclass))";
    let mut views: HashMap<Path, Depends> = HashMap::new();
    for row in &query(db, sql).await? {
        let view = views.entry(path(row, "schema", "name")?).or_default();
        let called = row.text("calls")?;
        view.varies |= row.flag("varies")?;
        if called.is_empty() {
            let read = path(row, "read_schema", "read_name")?;
            if !view.reads.contains(&read) {
                view.reads.push(read);
            }
        } else {
            view.calls.push(called);
        }
    }
    Ok(views)
}

async fn keys<C: ConnectionTrait>(db: &C) -> Result<HashMap<Path, Vec<KeyColumn>>, DbErr> {
    let rows = query(
        db,
        &format!(
            "SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS own, \
             {TYPE} FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(att, place) \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.att \
             JOIN pg_type t ON t.oid = a.atttypid \
             LEFT JOIN pg_collation l ON l.oid = a.attcollation \
             WHERE i.indisprimary AND k.place <= i.indnkeyatts AND {OURS} \
             ORDER BY c.oid, k.place"
        ),
    )
    .await?;
    let mut keys: HashMap<Path, Vec<KeyColumn>> = HashMap::new();
    for row in &rows {
        let column = KeyColumn {
            name: row.text("own")?,
            class: class(row)?,
            // There is no last insert id: keys come back by RETURNING.
            automatic: false,
            room: room(row)?,
        };
        keys.entry(path(row, "schema", "name")?)
            .or_default()
            .push(column);
    }
    Ok(keys)
}

async fn columns<C: ConnectionTrait>(db: &C) -> Result<HashMap<Path, Vec<Column>>, DbErr> {
    let rows = query(
        db,
        &format!(
            "SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS own, \
             a.attgenerated <> '' AS generated, a.attnotnull AS filled, \
             NOT (a.atthasdef OR a.attnotnull OR a.attidentity <> '') AND t.typdefault IS NULL AS unset, {TYPE} \
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_type t ON t.oid = a.atttypid \
             LEFT JOIN pg_collation l ON l.oid = a.attcollation \
             WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND {OURS} \
             ORDER BY c.oid, a.attnum"
        ),
    )
    .await?;
    let mut columns: HashMap<Path, Vec<Column>> = HashMap::new();
    for row in &rows {
        let column = Column {
            name: row.text("own")?.into(),
            class: class(row)?,
            room: room(row)?,
            generated: row.flag("generated")?,
            nullable: !row.flag("filled")?,
            empty: row.flag("unset")?,
        };
        columns
            .entry(path(row, "schema", "name")?)
            .or_default()
            .push(column);
    }
    Ok(columns)
}

/// Returns how values of a type are compared.
///
/// A domain may have operators of its own, and a collation that is not deterministic takes anything for equal.
fn class(row: &Row) -> Result<ColumnClass, DbErr> {
    if !row.flag("deterministic")? {
        return Ok(ColumnClass::Other);
    }
    Ok(
        match (row.text("sort")?.as_str(), row.text("type")?.as_str()) {
            // A collation that is deterministic takes no other string for equal: bytes decide between those that sort alike.
            ("e", _) | ("b", "text" | "varchar") => ColumnClass::Exact,
            ("b", "int2" | "int4" | "int8") => ColumnClass::Int,
            ("b", "bool") => ColumnClass::Bool,
            ("b", "bpchar" | "citext") => ColumnClass::Text,
            ("b", "uuid") => ColumnClass::Uuid,
            ("b", "bytea") => ColumnClass::Bytes,
            _ => ColumnClass::Other,
        },
    )
}

/// Returns what fits into a column: of what is too long for `varchar(n)` blanks at the end are cut off.
fn room(row: &Row) -> Result<Room, DbErr> {
    if row.text("type")? != "varchar" {
        return Ok(Room::Any);
    }
    let length = row.number("length")?;
    Ok(length.map_or(Room::Any, |length| {
        Room::Length(usize::try_from(length).unwrap_or(0))
    }))
}

async fn foreign_keys<C: ConnectionTrait>(db: &C) -> Result<Vec<ForeignKey>, DbErr> {
    let sql = "SELECT f.oid::int8 AS id, n.nspname::text AS schema, c.relname::text AS name, \
         pn.nspname::text AS parent_schema, pc.relname::text AS parent_name, \
         a.attname::text AS own, pa.attname::text AS referred, \
         f.confdeltype::text AS on_delete, f.confupdtype::text AS on_update \
         FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_class pc ON pc.oid = f.confrelid \
         JOIN pg_namespace pn ON pn.oid = pc.relnamespace \
         CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k(own, referred, place) \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.own \
         JOIN pg_attribute pa ON pa.attrelid = pc.oid AND pa.attnum = k.referred \
         WHERE f.contype = 'f' ORDER BY f.oid, k.place";
    let mut keys: Vec<(Option<i64>, ForeignKey)> = Vec::new();
    for row in &query(db, sql).await? {
        let id = row.number("id")?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = ForeignKey {
                child: path(row, "schema", "name")?,
                columns: Vec::new(),
                parent: path(row, "parent_schema", "parent_name")?,
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

fn action(code: &str) -> Action {
    match code {
        "c" => Action::Cascade,
        "n" | "d" => Action::Set,
        _ => Action::Nothing,
    }
}

async fn members<C: ConnectionTrait>(db: &C) -> Result<Vec<Member>, DbErr> {
    let sql = "SELECT n.nspname::text AS schema, c.relname::text AS name, \
         pn.nspname::text AS parent_schema, pc.relname::text AS parent_name, \
         c.relispartition AS partition \
         FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_class pc ON pc.oid = i.inhparent \
         JOIN pg_namespace pn ON pn.oid = pc.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'f')";
    let member = |row: &Row| {
        Ok(Member {
            of: path(row, "parent_schema", "parent_name")?,
            path: path(row, "schema", "name")?,
            partition: row.flag("partition")?,
        })
    };
    query(db, sql).await?.iter().map(member).collect()
}

/// Returns a function behind an operator or a cast of the user's that may read tables or settings.
///
/// Those written in C are an extension's and read no tables.
async fn hidden<C: ConnectionTrait>(db: &C) -> Result<Option<String>, DbErr> {
    let sql = "SELECT p.oid::regprocedure::text AS name FROM pg_proc p \
         JOIN pg_language l ON l.oid = p.prolang \
         WHERE p.oid >= 16384 AND p.provolatile <> 'i' AND l.lanname NOT IN ('c', 'internal') \
         AND (p.oid IN (SELECT castfunc FROM pg_cast) OR p.oid IN (SELECT oprcode FROM pg_operator)) \
         ORDER BY 1 LIMIT 1";
    let rows = query(db, sql).await?;
    rows.first().map(|row| row.text("name")).transpose()
}

pub(super) fn path(row: &Row, schema: &str, name: &str) -> Result<Path, DbErr> {
    Ok((row.text(schema)?, row.text(name)?))
}
