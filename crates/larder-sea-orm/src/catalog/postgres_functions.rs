//! The functions of `PostgreSQL`: what their declarations and their bodies say they may do.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbErr};

use super::rows::{Row, query};
use crate::analysis::Nature;

/// What a body of any function may do: run text that nobody has seen, or change what later statements mean.
const MAY_DO_ANYTHING: [&str; 2] = ["execute", "set_config"];

/// A function of the users' whose body can be read.
struct Body {
    name: String,
    /// `None`: it is in a language of which nothing is known.
    text: Option<String>,
}

/// Returns functions by their volatility, an aggregate's by that of the functions it is made of.
///
/// What is declared STABLE may not write itself, but read any table: it is as good as volatile for a cache. It may
/// also call functions that write, whatever its declaration; its body tells.
pub(super) async fn read<C: ConnectionTrait>(db: &C) -> Result<Vec<(String, Nature, bool)>, DbErr> {
    let mut functions = declared(db).await?;
    let bodies = bodies(db).await?;
    loop {
        let unknown: HashSet<&str> = functions
            .iter()
            .filter(|(_, nature, users)| *users && *nature == Nature::Unknown)
            .map(|(name, ..)| name.as_str())
            .collect();
        let found: HashSet<String> = bodies
            .iter()
            .filter(|body| !unknown.contains(body.name.as_str()) && body.may_call(&unknown))
            .map(|body| body.name.clone())
            .collect();
        if found.is_empty() {
            return Ok(functions);
        }
        for (name, nature, users) in &mut functions {
            if found.contains(name) {
                (*nature, *users) = (Nature::Unknown, true);
            }
        }
    }
}

async fn declared<C: ConnectionTrait>(db: &C) -> Result<Vec<(String, Nature, bool)>, DbErr> {
    let sql = "SELECT lower(p.proname::text) AS name, \
         bool_or(n.nspname NOT IN ('pg_catalog', 'information_schema')) AS users, \
         bool_or('v' IN (p.provolatile, t.provolatile, f.provolatile)) AS writes, \
         bool_or('s' IN (p.provolatile, t.provolatile, f.provolatile)) AS reads \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid \
         LEFT JOIN pg_proc t ON t.oid = g.aggtransfn \
         LEFT JOIN pg_proc f ON f.oid = g.aggfinalfn GROUP BY 1";
    let function = |row: &Row| {
        let nature = match (row.flag("writes")?, row.flag("reads")?) {
            (true, _) => Nature::Unknown,
            (false, true) => Nature::Volatile,
            (false, false) => Nature::Pure,
        };
        Ok((row.text("name")?, nature, row.flag("users")?))
    };
    query(db, sql).await?.iter().map(function).collect()
}

/// Returns the bodies of functions that say they do not write; an aggregate's is the names of what it calls.
async fn bodies<C: ConnectionTrait>(db: &C) -> Result<Vec<Body>, DbErr> {
    let sql = "SELECT lower(p.proname::text) AS name, p.prokind = 'a' OR l.lanname IN ('sql', 'plpgsql') AS known, \
         CASE WHEN p.prokind = 'a' THEN concat_ws(' ', t.proname, f.proname) \
           ELSE pg_get_functiondef(p.oid) END AS body \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         JOIN pg_language l ON l.oid = p.prolang \
         LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid \
         LEFT JOIN pg_proc t ON t.oid = g.aggtransfn \
         LEFT JOIN pg_proc f ON f.oid = g.aggfinalfn \
         WHERE p.provolatile <> 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
         AND (p.prokind = 'a' OR l.lanname NOT IN ('c', 'internal'))";
    let body = |row: &Row| {
        Ok(Body {
            name: row.text("name")?,
            text: row.flag("known")?.then(|| row.text("body")).transpose()?,
        })
    };
    query(db, sql).await?.iter().map(body).collect()
}

impl Body {
    /// Tells whether some word of it is the name of a function that may write.
    ///
    /// Any word counts, wherever it stands: `SELECT r.f` calls `f(r)`, and text may be run.
    fn may_call(&self, writing: &HashSet<&str>) -> bool {
        let Some(text) = &self.text else {
            return true;
        };
        let text = text.to_lowercase();
        let is_in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let mut words = text.split(|c| !is_in_word(c));
        let odd = |name: &&str| !name.chars().all(is_in_word);
        words.any(|word| MAY_DO_ANYTHING.contains(&word) || writing.contains(word))
            || writing
                .iter()
                .filter(|name| odd(name))
                .any(|name| text.contains(name))
    }
}
