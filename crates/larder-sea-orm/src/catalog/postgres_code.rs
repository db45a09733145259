//! The triggers, rules and calling defaults of a `PostgreSQL` database.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::code::{CodeFact, Fires};
use super::postgres::{OURS, path};
use super::rows::{Row, query};
use super::script::{Script, script};
use super::unexplained::Part;
use super::words::words;
use crate::analysis::{Columns, Name};

/// The bits of `pg_trigger.tgtype`.
const BEFORE: i64 = 2;
const INSERT: i64 = 4;
const DELETE: i64 = 8;
const UPDATE: i64 = 16;
const TRUNCATE: i64 = 32;

/// Functions of the database's own, and of its extensions, that write nothing but the row at hand: the first one
/// nothing at all, the others a column that their first argument names.
const KNOWN: [&str; 5] = [
    "suppress_redundant_updates_trigger",
    "tsvector_update_trigger",
    "tsvector_update_trigger_column",
    "moddatetime",
    "insert_username",
];

/// Returns all code that a write may run, also what is disabled at the moment.
pub(super) async fn read<C: ConnectionTrait>(db: &C) -> Result<Vec<CodeFact>, DbErr> {
    let mut code = triggers(db).await?;
    code.extend(rules(db).await?);
    code.extend(defaults(db).await?);
    Ok(code)
}

async fn triggers<C: ConnectionTrait>(db: &C) -> Result<Vec<CodeFact>, DbErr> {
    let sql = format!(
        "SELECT n.nspname::text AS schema, c.relname::text AS name, t.tgname::text AS own, \
         t.tgtype::int8 AS bits, encode(t.tgargs, 'escape') AS args, \
         (SELECT string_agg(a.attname::text, chr(10)) FROM pg_attribute a \
           WHERE a.attrelid = c.oid AND a.attnum = ANY(t.tgattr::int2[])) AS columns, \
         CASE WHEN t.tgqual IS NOT NULL THEN pg_get_triggerdef(t.oid) END AS definition, \
         l.lanname::text AS language, p.proname::text AS function, p.prosrc AS body, \
         p.prosecdef AS definer, array_to_string(p.proconfig, chr(10)) AS config \
         FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang \
         WHERE NOT t.tgisinternal AND {OURS}"
    );
    query(db, &sql).await?.iter().map(trigger).collect()
}

fn trigger(row: &Row) -> Result<CodeFact, DbErr> {
    let on = path(row, "schema", "name")?;
    let bits = row.number("bits")?.unwrap_or(-1);
    let columns: Vec<Name> = row
        .text("columns")?
        .lines()
        .map(|it| Name::quoted(it.to_owned()))
        .collect();
    let columns = if columns.is_empty() {
        Columns::Unknown
    } else {
        Columns::Named(columns)
    };
    let (path, body) = match looked_for(row)? {
        Ok(path) => (path, body(row)?),
        Err(reason) => (None, Err(reason)),
    };
    Ok(CodeFact {
        part: Part::Trigger,
        name: format!("{} on {}.{}", row.text("own")?, on.0, on.1),
        on,
        fires: Fires {
            insert: bits & INSERT != 0,
            update: (bits & UPDATE != 0).then_some(columns),
            delete: bits & DELETE != 0,
            truncate: bits & TRUNCATE != 0,
        },
        before: bits & BEFORE != 0,
        path,
        body,
    })
}

/// Returns what a trigger's condition and function run.
fn body(row: &Row) -> Result<Result<Script, String>, DbErr> {
    let (language, function) = (row.text("language")?, row.text("function")?);
    let own = match language.as_str() {
        "plpgsql" => script(&row.text("body")?, DbBackend::Postgres),
        "internal" | "c" if KNOWN.contains(&function.as_str()) => {
            let column = row.text("args")?;
            let column = column.split("\\000").next().unwrap_or_default().to_owned();
            let nothing = function == KNOWN[0];
            Ok(Script {
                sets: (!nothing).then_some(Some(column)).into_iter().collect(),
                ..Script::default()
            })
        }
        _ => Err(format!("{function} is written in {language}")),
    };
    let definition = row.text("definition")?;
    Ok(own.and_then(|script| with_condition(script, &definition)))
}

/// Adds the condition of a trigger: `... WHEN (condition) EXECUTE FUNCTION f()`.
fn with_condition(mut script: Script, definition: &str) -> Result<Script, String> {
    if definition.is_empty() {
        return Ok(script);
    }
    let words = words(definition, DbBackend::Postgres).unwrap_or_default();
    let when = words.iter().position(|it| it.is("WHEN"));
    let end = words.iter().rposition(|it| it.is("EXECUTE"));
    match (when, end) {
        (Some(when), Some(end)) if when < end => script.expression(&words[when + 1..end]),
        _ => return Err("its condition is not understood".into()),
    }
    Ok(script)
}

/// Returns where a function looks for names, if it says so.
fn looked_for(row: &Row) -> Result<Result<Option<Vec<String>>, String>, DbErr> {
    let config = row.text("config")?;
    let mut path = None;
    for setting in config.lines() {
        let Some(schemas) = setting.strip_prefix("search_path=") else {
            return Ok(Err(format!("it runs with the setting {setting}")));
        };
        let words = words(schemas, DbBackend::Postgres);
        let names = words
            .iter()
            .flatten()
            .filter_map(|it| it.name(DbBackend::Postgres));
        let names: Vec<String> = names.filter(|it| !it.is_empty()).collect();
        if words.is_none() || names.iter().any(|it| it == "$user") {
            return Ok(Err(format!("it runs with the setting {setting}")));
        }
        path = Some(names);
    }
    // Whose rights it runs with decides where it looks: only names with a schema are certain.
    let definer = row.flag("definer")?;
    Ok(Ok(path.or_else(|| definer.then(Vec::new))))
}

async fn rules<C: ConnectionTrait>(db: &C) -> Result<Vec<CodeFact>, DbErr> {
    let sql = format!(
        "SELECT n.nspname::text AS schema, c.relname::text AS name, r.rulename::text AS own \
         FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.ev_type <> '1' AND {OURS}"
    );
    let rule = |row: &Row| unknown(row, Part::Rule, "rules rewrite statements");
    query(db, &sql).await?.iter().map(rule).collect()
}

/// Returns the defaults that call a function written in a language of the database, such as one that counts in a
/// table of its own.
async fn defaults<C: ConnectionTrait>(db: &C) -> Result<Vec<CodeFact>, DbErr> {
    let sql = format!(
        "SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS own \
         FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
         WHERE {OURS} AND d.oid IN (SELECT on_it.objid FROM pg_depend on_it \
           JOIN pg_proc p ON p.oid = on_it.refobjid AND p.provolatile = 'v' \
           JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c') \
           WHERE on_it.classid = 'pg_attrdef'::regclass AND on_it.refclassid = 'pg_proc'::regclass)"
    );
    let default = |row: &Row| {
        let mut fact = unknown(row, Part::Default, "it calls a function that may write")?;
        fact.fires.delete = false;
        fact.fires.truncate = false;
        Ok(fact)
    };
    query(db, &sql).await?.iter().map(default).collect()
}

fn unknown(row: &Row, part: Part, reason: &str) -> Result<CodeFact, DbErr> {
    let on = path(row, "schema", "name")?;
    Ok(CodeFact {
        part,
        name: format!("{} on {}.{}", row.text("own")?, on.0, on.1),
        on,
        fires: Fires::always(),
        before: true,
        path: None,
        body: Err(reason.into()),
    })
}
