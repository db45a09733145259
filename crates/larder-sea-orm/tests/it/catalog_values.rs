//! The hashes of values, held against what each database says is equal.

use larder_sea_orm::canonical::{ColumnClass, value_hash};
use larder_sea_orm::catalog::{Catalog, Column};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};

use crate::catalog::{name, sqlite, table};
use crate::catalog_columns::read;
use crate::catalog_servers::{mariadb, postgres};

/// How many values are stored, and compared with each.
const VALUES: usize = 70;

/// Values of few forms, so that many are equal in one way or another.
fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        4 => -2i64..4,
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 127, 128, 255, 256, 1 << 53, (1 << 53) + 1]),
    ];
    let text = prop_oneof![
        "[aAbB1vwé \u{0}-]{0,3}",
        "[ +-]?[0-2]{1,2}(\\.0|e0)?",
        Just("9007199254740993".to_owned()),
        Just("9007199254740992".to_owned()),
        Just("9223372036854775807".to_owned()),
        prop::sample::select(vec!["t", "true", "on", "good", "Good", "bad"]).prop_map(String::from),
        prop::sample::select(vec![
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"
        ])
        .prop_map(String::from),
    ];
    let bytes = prop::collection::vec(
        prop::sample::select(vec![0u8, 1, b'a', b'A', b'1', 0xff]),
        0..4,
    );
    prop_oneof![
        1 => number.clone().prop_map(Value::from),
        1 => number.prop_map(|it| i32::try_from(it).map_or(Value::Int(None), Value::from)),
        1 => (0u64..3).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, 1.5, 2e53, 9.007_199_254_740_992e15]).prop_map(Value::from),
        6 => text.prop_map(Value::from),
        3 => bytes.prop_map(Value::from),
        1 => Just(Value::from(Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11))),
        1 => Just(Value::String(None)),
    ]
}

/// The same values in every run; some have bytes, some have text that read alike.
fn values() -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let mut next = || value().new_tree(&mut runner).unwrap().current();
    (0..VALUES).map(|_| next()).collect()
}

/// A table `t` with a column `id` and others to be tried.
struct Tried<'a> {
    db: &'a DatabaseConnection,
    catalog: &'a Catalog,
    stored: usize,
    equal: usize,
}

impl Tried<'_> {
    fn columns(&self) -> &[Column] {
        table(self.catalog, &name("t")).columns()
    }

    fn sql(&self, start: &str, column: &str, end: &str) -> String {
        let mark = if self.db.get_database_backend() == DbBackend::Postgres {
            "$1"
        } else {
            "?"
        };
        format!("{start}{column}{}", end.replace('?', mark))
    }

    /// Runs a statement; `None` if the database refuses the value.
    async fn query(&self, sql: &str, value: Value) -> Option<Vec<QueryResult>> {
        let backend = self.db.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, [value]);
        self.db.query_all_raw(statement).await.ok()
    }

    /// Stores each value in `column`; returns the rows with what was stored.
    async fn fill(&mut self, column: &Column, values: &[Value]) -> Vec<(i64, Option<u64>)> {
        let mut rows = Vec::new();
        for value in values {
            self.db.execute_unprepared("DELETE FROM one").await.unwrap();
            let insert = self.sql("INSERT INTO one (", &column.name, ") VALUES (?)");
            let backend = self.db.get_database_backend();
            let statement = Statement::from_sql_and_values(backend, insert, [value.clone()]);
            if self.db.execute_raw(statement).await.is_err() {
                continue;
            }
            let one = Statement::from_string(backend, "SELECT * FROM one");
            let one = self.db.query_one_raw(one).await.unwrap().unwrap();
            let read = column.read(&one);
            if let Some(known) = column.stored(value) {
                assert_eq!(read, Some(known), "{value:?} stored in {column:?}");
                self.stored += 1;
            }
            let id = i64::try_from(rows.len()).unwrap();
            let keep = format!(
                "INSERT INTO t (id, {0}) SELECT {id}, {0} FROM one",
                column.name
            );
            self.db.execute_unprepared(&keep).await.unwrap();
            rows.push((id, read));
        }
        rows
    }

    /// Compares what is stored in `column` with each value.
    async fn compare(&mut self, column: &Column, values: &[Value], rows: &[(i64, Option<u64>)]) {
        for value in values {
            let select = self.sql("SELECT id FROM t WHERE ", &column.name, " = ?");
            let Some(found) = self.query(&select, value.clone()).await else {
                continue;
            };
            for row in found {
                let id = id(&row);
                let stored = rows[usize::try_from(id).unwrap()].1;
                if let (Some(stored), Some(bound)) = (stored, column.compared(value)) {
                    assert_eq!(stored, bound, "row {id} equals {value:?} in {column:?}");
                    self.equal += 1;
                }
            }
        }
        let null = self.sql("SELECT id FROM t WHERE ", &column.name, " IS NULL");
        let statement = Statement::from_string(self.db.get_database_backend(), null);
        let found = self.db.query_all_raw(statement).await.unwrap();
        let null = value_hash(&Value::Bool(None), column.class);
        let nulls: Vec<i64> = found.iter().map(id).collect();
        for (id, read) in rows {
            let is_null = nulls.contains(id);
            assert!(
                !is_null || read.is_none() || *read == null,
                "row {id} of {column:?}"
            );
            // MySQL's driver reads a day zero as NULL, with which it then shares a hash.
            let day_zero = !is_null && column.class == ColumnClass::Other;
            assert!(
                is_null || day_zero || *read != null,
                "row {id} of {column:?}"
            );
        }
    }

    async fn all(&mut self, values: &[Value]) {
        let columns = self.columns()[1..].to_vec();
        for column in columns {
            self.db.execute_unprepared("DELETE FROM t").await.unwrap();
            let rows = self.fill(&column, values).await;
            assert!(!rows.is_empty(), "nothing is stored in {column:?}");
            self.compare(&column, values, &rows).await;
        }
    }
}

fn id(row: &QueryResult) -> i64 {
    let wide = row.try_get::<i64>("", "id");
    wide.or_else(|_| row.try_get::<i32>("", "id").map(i64::from))
        .unwrap()
}

/// Tries every column of `t` with all values; `one` is a table like it.
async fn hashes_are_those_of_equal_values(db: &DatabaseConnection, catalog: &Catalog) {
    let mut tried = Tried {
        db,
        catalog,
        stored: 0,
        equal: 0,
    };
    tried.all(&values()).await;
    let tried = (tried.stored, tried.equal);
    assert!(
        tried.0 > 100 && tried.1 > 200,
        "too little is known: {tried:?}"
    );
}

#[tokio::test]
async fn sqlite_takes_no_values_as_equal_that_hash_differently() {
    let columns = "id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c TEXT COLLATE NOCASE, d TEXT COLLATE RTRIM, e BLOB, f, \
         g BOOLEAN, h NUMERIC, i REAL, j BIGINT";
    let db = sqlite(&format!(
        "CREATE TABLE t ({columns}); CREATE TABLE one ({columns});"
    ))
    .await;
    let catalog = read(&db, "").await;
    hashes_are_those_of_equal_values(&db, &catalog).await;
}

#[tokio::test]
async fn postgres_takes_no_values_as_equal_that_hash_differently() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    let columns = "id int8 PRIMARY KEY DEFAULT 0, a int2, b int4, c int8, d bool, e text, f varchar(2), g char(4), \
         h citext, i uuid, j bytea, l numeric, m float8";
    let script = format!(
        "CREATE EXTENSION citext; CREATE TABLE t ({columns}); CREATE TABLE one ({columns})"
    );
    let catalog = read(&db, &script).await;
    hashes_are_those_of_equal_values(&db, &catalog).await;
}

#[tokio::test]
async fn labels_of_an_enum_hash_like_the_strings_they_are_compared_with() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    let script = "CREATE TYPE mood AS ENUM ('good', 'Good', 'ganz é');
                  CREATE TABLE t (id int PRIMARY KEY, a mood);
                  INSERT INTO t VALUES (1, 'good'), (2, 'Good'), (3, 'ganz é')";
    let catalog = read(&db, script).await;
    let column = &table(&catalog, &name("t")).columns()[1];
    for label in ["good", "Good", "ganz é"] {
        let sql = "SELECT a::text, a AS plain FROM t WHERE a = $1::mood";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [label.into()]);
        let row = db.query_one_raw(statement).await.unwrap().unwrap();
        let hash = column.compared(&label.into());
        assert!(hash.is_some() && column.read(&row) == hash, "{label}");
        let plain = Column {
            name: "plain".into(),
            ..column.clone()
        };
        assert!(plain.read(&row).is_none_or(|read| Some(read) == hash));
    }
}

#[tokio::test]
async fn mariadb_takes_no_values_as_equal_that_hash_differently() {
    let Some(server) = mariadb() else { return };
    let db = server.fresh().await;
    let columns = "id bigint PRIMARY KEY DEFAULT 0, a tinyint, b int, c bigint, d bigint unsigned, e bool, \
         f varchar(3) COLLATE utf8mb4_general_ci, g varchar(2) COLLATE utf8mb4_bin, h text COLLATE utf8mb4_uca1400_ai_ci, \
         i char(3) COLLATE utf8mb4_general_ci, j blob, k binary(4), l varbinary(2), m decimal(9, 2), n double, \
         o enum('good', 'bad'), p smallint unsigned, q varchar(3) COLLATE latin1_swedish_ci, r date";
    let script = format!("CREATE TABLE t ({columns}); CREATE TABLE one ({columns})");
    let catalog = read(&db, &script).await;
    hashes_are_those_of_equal_values(&db, &catalog).await;
    // Now it bends values until they fit, and puts something in the place of NULL.
    db.execute_unprepared("SET sql_mode = ''").await.unwrap();
    hashes_are_those_of_equal_values(&db, &catalog).await;
}

/// Seen to fail with `Option<T>` in `Reader::get` (`canonical/row.rs`).
#[tokio::test]
async fn a_column_that_is_not_returned_is_not_null() {
    let db = sqlite("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b REAL); INSERT INTO t VALUES (1, NULL, NULL)").await;
    let catalog = read(&db, "").await;
    let statement = Statement::from_string(DbBackend::Sqlite, "SELECT id FROM t");
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    let columns = table(&catalog, &name("t")).columns();
    assert!(columns[0].read(&row).is_some());
    assert_eq!(columns[1].read(&row), None);
    assert_eq!(columns[2].read(&row), None);
}
