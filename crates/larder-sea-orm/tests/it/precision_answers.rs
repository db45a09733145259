//! What `docs/precision.md` says of rows that match and count for nothing is so, on a real database.

use std::fmt::Write as _;

use larder_core::{Larder, Lookup, Policy};
use larder_sea_orm::{Bulk, Connect as _, DomainOptions};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement};

use crate::catalog::sqlite;

const DOC: &str = include_str!("../../../../docs/precision.md");

/// A query, a write that leaves its answer alone, and one that does not.
struct Example {
    line: usize,
    query: &'static str,
    apart: &'static str,
    touching: &'static str,
}

fn examples() -> Vec<Example> {
    let lines = DOC.lines().enumerate();
    let rows =
        lines.skip_while(|(_, line)| !line.starts_with("| Query | Leaves its answer alone |"));
    let rows = rows.skip(2).take_while(|(_, line)| line.starts_with('|'));
    rows.map(|(at, line)| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [query, apart, touching, _] = cells.as_slice() else {
            panic!("line {}: {line}", at + 1);
        };
        let sql = |cell: &'static str| cell.trim().trim_matches('`');
        Example {
            line: at + 1,
            query: sql(query),
            apart: sql(apart),
            touching: sql(touching),
        }
    })
    .collect()
}

fn schema() -> &'static str {
    let (_, rest) = DOC.split_once("```sql\n").expect("there is a schema");
    rest.split_once("```").expect("it ends").0
}

async fn answer(db: &DatabaseConnection, query: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Sqlite, query);
    let rows = db.query_all_raw(statement).await.unwrap();
    let cell = |row: &QueryResult, at| match row.try_get_by_index::<Option<i64>>(at) {
        Ok(number) => format!("{number:?}"),
        Err(_) => format!("{:?}", row.try_get_by_index::<Option<String>>(at).unwrap()),
    };
    let line = |row: &QueryResult| {
        let cells = 0..row.column_names().len();
        cells.map(|at| cell(row, at)).collect::<Vec<_>>().join(", ")
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort_unstable();
    lines
}

/// Tells whether the answer of a query that is kept survives a write, and whether it really changed.
async fn survives(schema: &str, query: &str, write: &str) -> (bool, bool) {
    let raw = sqlite(schema).await;
    let larder = Larder::builder("answers").environment::<&str, &str>([]);
    let larder = larder.build().unwrap();
    let options = DomainOptions::new().bulk(Bulk::Exact);
    let db = larder
        .connect_with("main", raw.clone(), options)
        .await
        .unwrap();
    let region = larder
        .region::<usize>("queries", Policy::ttl(std::time::Duration::from_mins(10)))
        .unwrap();
    let load = async || {
        let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, query));
        Ok::<_, DbErr>(rows.await?.len())
    };
    region.get_or_load("kept", load).await.unwrap();
    let before = answer(&raw, query).await;
    db.execute_raw(Statement::from_string(DbBackend::Sqlite, write))
        .await
        .unwrap();
    let kept = matches!(region.lookup(&"kept".into()), Lookup::Hit(_));
    (kept, before != answer(&raw, query).await)
}

#[tokio::test]
async fn rows_that_count_for_nothing_leave_an_answer_alone() {
    let examples = examples();
    assert!(examples.len() > 15, "only {} are found", examples.len());
    let mut wrong = String::new();
    for Example {
        line,
        query,
        apart,
        touching,
    } in examples
    {
        if survives(schema(), query, apart).await != (true, false) {
            let _ = writeln!(wrong, "{line}: {query} does not survive {apart}");
        }
        if survives(schema(), query, touching).await != (false, true) {
            let _ = writeln!(wrong, "{line}: {query} survives {touching}, or is the same");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Seen to fail with `nullable` for `automatic` in `is_never_null` (`seats.rs`): the fuzz met it.
#[tokio::test]
async fn a_key_of_sqlite_that_may_be_null_says_nothing_of_partners() {
    let schema = "CREATE TABLE door (id INTEGER PRIMARY KEY);
        CREATE TABLE word (a INTEGER, b INTEGER, door INT, n INT, PRIMARY KEY (a, b));
        INSERT INTO door VALUES (1); INSERT INTO word VALUES (NULL, 6, 1, 4);";
    let query = "SELECT word.n, word.b FROM door LEFT JOIN word ON word.door = door.id \
        WHERE word.a IS NULL";
    let write = "UPDATE word SET n = 0 WHERE b = 6";
    assert_eq!(survives(schema, query, write).await, (false, true));
}
