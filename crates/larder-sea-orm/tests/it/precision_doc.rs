//! `docs/precision.md` says what is so: its examples are read, and compared with what the code says.

use std::fmt::Write as _;

use larder_core::Change;
use larder_sea_orm::analysis::{Plan, Written, analyse_raw, plan};
use larder_sea_orm::catalog::Catalog;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, ExecResult, Statement};

use crate::catalog::sqlite;
use crate::words::{change_words, dependency_words};

const DOC: &str = include_str!("../../../../docs/precision.md");

/// Where limits stand, with what is in the table for them.
const SOURCES: [&str; 16] = [
    include_str!("../../src/analysis/carry.rs"),
    include_str!("../../src/analysis/checks.rs"),
    include_str!("../../src/analysis/equalities.rs"),
    include_str!("../../src/analysis/partners.rs"),
    include_str!("../../src/analysis/pins.rs"),
    include_str!("../../src/analysis/narrow.rs"),
    include_str!("../../src/analysis/preimage.rs"),
    include_str!("../../src/analysis/following.rs"),
    include_str!("../../src/analysis/raw.rs"),
    include_str!("../../src/analysis/remembered.rs"),
    include_str!("../../src/analysis/written_rows.rs"),
    include_str!("../../src/session/frames.rs"),
    include_str!("../../src/repository/batch/select.rs"),
    include_str!("../../src/bypass/windows.rs"),
    include_str!("../../../larder-core/src/marks.rs"),
    include_str!("../../../larder-core/src/table.rs"),
];

/// What the lines of a table are, told by its heading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A query, and what it depends on.
    Read,
    /// A query, and why it is not kept.
    Refused,
    /// A query on `PostgreSQL`, and why it is not kept.
    RefusedOnPostgres,
    /// A statement, and what it changes.
    Write,
    /// A constant, and its value.
    Limit,
}

impl Kind {
    fn of(heading: &str) -> Option<Self> {
        Some(match heading {
            "Query | Depends on" => Self::Read,
            "Query | Why it is not kept" => Self::Refused,
            "Query on PostgreSQL | Why it is not kept" => Self::RefusedOnPostgres,
            "Statement | Changes" => Self::Write,
            "Limit | Value" => Self::Limit,
            _ => return None,
        })
    }
}

/// An example: the number of its line, and its first two cells.
struct Example {
    line: usize,
    kind: Kind,
    given: String,
    said: String,
}

fn examples() -> Vec<Example> {
    let (mut kind, mut examples) = (None, Vec::new());
    for (at, line) in DOC.lines().enumerate() {
        if line.starts_with("|---") {
            continue;
        }
        let Some(row) = line.strip_prefix("| ") else {
            kind = None;
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        match (kind, cells.as_slice()) {
            (None, [first, second, ..]) => kind = Kind::of(&format!("{first} | {second}")),
            (Some(kind), [given, said, ..]) => examples.push(Example {
                line: at + 1,
                kind,
                given: given.trim_matches('`').to_owned(),
                said: (*said).to_owned(),
            }),
            _ => {}
        }
    }
    examples
}

/// The SQL that stands first in the document: the schema of all examples, and some rows.
fn schema() -> &'static str {
    let (_, rest) = DOC.split_once("```sql\n").expect("there is a schema");
    rest.split_once("```").expect("it ends").0
}

fn planned(sql: &str, catalog: &Catalog) -> Plan {
    plan(&analyse_raw(sql, None, DbBackend::Sqlite), catalog)
}

fn depends_on(sql: &str, catalog: &Catalog) -> String {
    match planned(sql, catalog).read {
        Ok(reads) if reads.dependencies.is_empty() => "nothing".to_owned(),
        Ok(reads) => lines(reads.dependencies.iter().map(dependency_words)),
        Err(reason) => format!("not kept: {reason}"),
    }
}

fn refused(sql: &str, catalog: &Catalog) -> String {
    match planned(sql, catalog).read {
        Ok(_) => "it is kept".to_owned(),
        Err(reason) => reason.to_string(),
    }
}

fn refused_on_postgres(sql: &str) -> String {
    let analysis = analyse_raw(sql, None, DbBackend::Postgres);
    let refusal = analysis.refusal.map(|reason| reason.to_string());
    refusal.unwrap_or_else(|| "it is kept".to_owned())
}

/// Carries a write out and takes it back.
async fn changes(db: &DatabaseConnection, sql: &str, catalog: &Catalog) -> String {
    let Some(writing) = planned(sql, catalog).write else {
        return "nothing".to_owned();
    };
    db.execute_unprepared("SAVEPOINT example").await.unwrap();
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let changes = if writing.wants_rows() {
        let rows = db.query_all_raw(statement).await.unwrap();
        writing.changes(&Written {
            rows: &rows,
            all_rows: true,
            ..Written::default()
        })
    } else {
        // What changes everything need not work.
        let done = db.execute_raw(statement).await.ok();
        let id = done.as_ref().filter(|_| writing.wants_last_insert_id());
        writing.changes(&Written {
            last_insert_id: id.map(ExecResult::last_insert_id),
            ..Written::default()
        })
    };
    db.execute_unprepared("ROLLBACK TO example; RELEASE example")
        .await
        .unwrap();
    lines(changes.iter().map(|change: &Change| change_words(change)))
}

fn limit(name: &str) -> String {
    let declared = format!("const {name}: ");
    let found = SOURCES
        .iter()
        .find_map(|source| source.split_once(&declared));
    let (_, rest) = found.unwrap_or_else(|| panic!("{name} is nowhere"));
    let value = rest
        .split_once("= ")
        .and_then(|(_, rest)| rest.split_once(';'))
        .expect("it has a value")
        .0;
    value.replace('_', "")
}

fn lines(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join("<br>")
}

#[tokio::test]
async fn what_the_document_says_is_so() {
    let db = sqlite(schema()).await;
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let mut wrong = String::new();
    let examples = examples();
    assert!(examples.len() > 80, "only {} are found", examples.len());
    for example in examples {
        let sql = example.given.as_str();
        let is = match example.kind {
            Kind::Read => depends_on(sql, &catalog),
            Kind::Refused => refused(sql, &catalog),
            Kind::RefusedOnPostgres => refused_on_postgres(sql),
            Kind::Write => changes(&db, sql, &catalog).await,
            Kind::Limit => limit(sql),
        };
        if is != example.said {
            let _ = writeln!(wrong, "{}: {sql}: {is}", example.line);
        }
    }
    assert!(wrong.is_empty(), "it is so:\n{wrong}");
}

/// Each reason the code can give stands in the document.
#[test]
fn every_reason_is_told() {
    let source = include_str!("../../src/analysis/uncacheable.rs");
    let mut rest = source
        .split_once("impl fmt::Display for Uncacheable")
        .expect("reasons are written out")
        .1;
    while let Some((_, after)) = rest.split_once('"') {
        let (text, after) = after.split_once('"').expect("a literal ends");
        rest = after;
        for part in text.split(['{', '}']).step_by(2).map(str::trim) {
            let told = part.is_empty() || part == "is" || DOC.contains(part);
            assert!(told, "{part:?} is not told");
        }
    }
}
