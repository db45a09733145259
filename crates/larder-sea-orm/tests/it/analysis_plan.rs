//! What a statement means for the cache, with the catalog of a real database.

use larder_core::{Change, Dependency, Image, KeyPart, RowKey, TableName};
use larder_sea_orm::analysis::{
    Plan, Uncacheable, Unresolved, Written, analyse, analyse_raw, plan,
};
use larder_sea_orm::canonical::{ColumnClass, value_hash};
use larder_sea_orm::catalog::Catalog;
use sea_orm::sea_query::{Expr, ExprTrait, Func, OnConflict, Query, Value};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryTrait, Statement, StatementBuilder};

use crate::analysis_entities::{note, tagging};
use crate::catalog::{catalog_of, sqlite};

const SCHEMA: &str = "
    CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT UNIQUE, views INT);
    CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE tagging (
        note_id INT REFERENCES note(id) ON DELETE CASCADE,
        tag_id INT REFERENCES tag(id) ON UPDATE CASCADE,
        PRIMARY KEY (note_id, tag_id));
    CREATE TABLE word (word TEXT PRIMARY KEY, n INT);
    CREATE TABLE log (line TEXT);
    CREATE TABLE watched (id INTEGER PRIMARY KEY);
    CREATE TRIGGER watch AFTER INSERT ON watched BEGIN INSERT INTO log VALUES ('x'); END;
    CREATE VIEW seen AS SELECT * FROM note;
    CREATE VIEW chance AS SELECT random() AS by FROM note;";

async fn catalog() -> Catalog {
    catalog_of(SCHEMA).await
}

fn raw(sql: &str, catalog: &Catalog) -> Plan {
    plan(&analyse_raw(sql, None, DbBackend::Sqlite), catalog)
}

fn orm<S: StatementBuilder>(statement: &S, catalog: &Catalog) -> Plan {
    plan(&analyse(statement, DbBackend::Sqlite).0, catalog)
}

fn main(table: &str) -> TableName {
    TableName::new("main", table)
}

fn row(table: &str, key: &[i64]) -> Dependency {
    Dependency::Row(main(table), ints(key))
}

fn ints(key: &[i64]) -> RowKey {
    RowKey::new(key.iter().map(|part| KeyPart::Int(*part)))
}

fn changes(plan: &Plan) -> Vec<String> {
    changes_after(plan, &Written::default())
}

fn changes_after(plan: &Plan, written: &Written<'_>) -> Vec<String> {
    let write = plan.write.as_ref().expect("it writes");
    write
        .changes(written)
        .iter()
        .map(Change::to_string)
        .collect()
}

#[tokio::test]
async fn a_read_by_key_depends_on_its_row_any_other_on_its_tables() {
    let catalog = catalog().await;
    let deps = |plan: Plan| plan.read.unwrap().dependencies;
    assert_eq!(
        deps(orm(note::Entity::find_by_id(7).as_query(), &catalog)),
        [row("note", &[7])]
    );
    let pair = orm(tagging::Entity::find_by_id((1, 2)).as_query(), &catalog);
    let pair = deps(pair)
        .iter()
        .map(Dependency::to_string)
        .collect::<Vec<_>>();
    assert_eq!(pair, ["rows of main.tagging by note_id, tag_id"]);
    let seen = |plan: Plan| {
        let reads = plan.read.unwrap();
        reads
            .dependencies
            .iter()
            .map(Dependency::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        seen(orm(note::Entity::find().as_query(), &catalog)),
        ["rows of main.note"]
    );
    assert_eq!(
        deps(raw("SELECT * FROM note WHERE id IN (1, '2', 3)", &catalog)),
        [row("note", &[1]), row("note", &[2]), row("note", &[3])]
    );
    for (sql, expected) in [
        (
            "SELECT * FROM note WHERE id = '07'",
            &["rows of main.note"] as &[&str],
        ),
        (
            "SELECT * FROM note WHERE title = 'x'",
            &["rows of main.note by title"],
        ),
        (
            "SELECT * FROM note n JOIN tagging ON note_id = n.id JOIN NOTE m WHERE n.id = 7",
            &[
                "rows of main.note by id",
                "rows of main.tagging by note_id",
                "rows of main.note",
            ],
        ),
        ("SELECT 1", &[]),
    ] {
        assert_eq!(seen(raw(sql, &catalog)), expected, "{sql}");
    }
    let many: Vec<String> = (0..200).map(|id| id.to_string()).collect();
    let many = format!("SELECT * FROM note WHERE id IN ({})", many.join(", "));
    assert_eq!(seen(raw(&many, &catalog)), ["rows of main.note"]);
}

#[tokio::test]
async fn a_read_that_cannot_be_explained_is_refused_with_the_name() {
    let catalog = catalog().await;
    let refused = |sql| raw(sql, &catalog).read.unwrap_err();
    assert_eq!(
        refused("SELECT * FROM chance"),
        Uncacheable::Unresolved("chance".into(), Unresolved::View)
    );
    assert_eq!(
        refused("SELECT * FROM note JOIN missing ON true"),
        Uncacheable::Unresolved("missing".into(), Unresolved::Unknown)
    );
    assert_eq!(
        refused("SELECT random() FROM note"),
        Uncacheable::Volatile("random".into())
    );
    assert_eq!(
        refused("SELECT sqlite_offset(id) FROM note"),
        Uncacheable::Volatile("sqlite_offset".into())
    );
    assert_eq!(
        refused("SELECT transfer(id) FROM note"),
        Uncacheable::UnknownFunction("transfer".into())
    );
    assert_eq!(refused("DELETE FROM note"), Uncacheable::Write);
}

#[tokio::test]
async fn a_function_nobody_knows_may_change_everything() {
    let catalog = catalog().await;
    let unknown = Query::select()
        .expr(Func::cust("transfer"))
        .from("note")
        .take();
    assert_eq!(changes(&orm(&unknown, &catalog)), ["everything"]);
    assert!(
        raw("SELECT acosh(views) FROM note", &catalog)
            .write
            .is_none()
    );
}

#[tokio::test]
async fn a_write_by_key_changes_its_row() {
    let catalog = catalog().await;
    for (sql, expected) in [
        (
            "UPDATE note SET views = 1 WHERE id = 7",
            &["row 7 of main.note"][..],
        ),
        (
            "UPDATE note SET views = 1 WHERE id IN (7, 8)",
            &["row 7 of main.note", "row 8 of main.note"],
        ),
        (
            "UPDATE note SET views = 1 WHERE views = 7",
            &["rows of main.note"],
        ),
        (
            "UPDATE note SET id = 8 WHERE id = 7",
            &["rows of main.note"],
        ),
        (
            "UPDATE word SET n = 1 WHERE word = 'The '",
            &["row the of main.word"],
        ),
        (
            "UPDATE word SET n = 1 WHERE word = 'thé'",
            &["row thé of main.word"],
        ),
        (
            "UPDATE log SET line = 'x' WHERE line = 'y'",
            &["rows of main.log"],
        ),
        (
            "DELETE FROM tagging WHERE note_id = 1 AND tag_id = 2",
            &["row 1/2 of main.tagging"],
        ),
        (
            "INSERT INTO tagging (note_id, tag_id) VALUES (1, 2), (3, 4)",
            &["row 1/2 of main.tagging", "row 3/4 of main.tagging"],
        ),
        (
            "INSERT INTO tagging VALUES (1, 2)",
            &["row 1/2 of main.tagging"],
        ),
        (
            "INSERT INTO note (id, title) VALUES (7, 'x'), (NULL, 'y')",
            &["rows of main.note", "rows of main.note"],
        ),
        (
            "INSERT INTO note (id) SELECT id FROM tag",
            &["rows of main.note"],
        ),
        (
            "INSERT INTO word (word) VALUES (NULL)",
            &["rows of main.word"],
        ),
    ] {
        let plan = raw(sql, &catalog);
        assert_eq!(changes(&plan), expected, "{sql}");
        assert!(plan.read.is_err() && !plan.ddl, "{sql}");
    }
}

#[tokio::test]
async fn rows_that_follow_a_row_are_those_that_refer_to_it() {
    let catalog = catalog().await;
    let changes = |sql: &str| {
        let plan = raw(sql, &catalog);
        plan.write.expect("it writes").changes(&Written::default())
    };
    let image = |column: &str, value: i64| {
        let hash = value_hash(&value.into(), ColumnClass::Int).unwrap();
        Image::Known([(column.into(), hash)].into())
    };
    let following = Change::rows(&main("tagging"));
    let deleted = following.clone().images(image("note_id", 7), Image::Absent);
    assert!(changes("DELETE FROM note WHERE id = 7").contains(&deleted));
    let moved = following
        .columns(larder_core::Columns::named(["tag_id".into()]))
        .images(image("tag_id", 7), image("tag_id", 8));
    assert!(changes("UPDATE tag SET id = 8 WHERE id = 7").contains(&moved));
}

#[tokio::test]
async fn a_write_carries_on_to_what_depends_on_it() {
    let catalog = catalog().await;
    for (sql, expected) in [
        (
            "DELETE FROM note WHERE id = 7",
            &["row 7 of main.note", "rows of main.tagging"][..],
        ),
        (
            "DELETE FROM note WHERE title = 'x'",
            &["rows of main.note", "table main.tagging"],
        ),
        (
            "UPDATE tag SET id = 8 WHERE id = 7",
            &["rows of main.tag", "rows of main.tagging"],
        ),
        (
            "UPDATE tag SET name = 'x' WHERE id = 7",
            &["row 7 of main.tag"],
        ),
        (
            "REPLACE INTO note (id) VALUES (7)",
            &["table main.tagging", "table main.note"],
        ),
        (
            "UPDATE OR REPLACE note SET title = 'x' WHERE id = 7",
            &["table main.tagging", "table main.note"],
        ),
        (
            "INSERT INTO watched (id) VALUES (1)",
            &["table main.log", "row 1 of main.watched"],
        ),
        (
            "DELETE FROM watched WHERE id = 1",
            &["row 1 of main.watched"],
        ),
        ("INSERT INTO seen (id) VALUES (1)", &["table main.note"]),
        ("INSERT INTO chance (by) VALUES (1)", &["everything"]),
        ("DELETE FROM missing", &["everything"]),
        ("DROP TABLE tag", &["everything"]),
        ("nonsense", &["everything"]),
    ] {
        let mut found = changes(&raw(sql, &catalog));
        found.dedup();
        assert_eq!(found, expected, "{sql}");
    }
}

#[tokio::test]
async fn several_statements_in_one_text_change_what_each_does() {
    let catalog = catalog().await;
    for (sql, expected) in [
        (
            "DELETE FROM note WHERE id = 1; DELETE FROM note WHERE id = 2",
            &[
                "row 1 of main.note",
                "rows of main.tagging",
                "row 2 of main.note",
                "rows of main.tagging",
            ][..],
        ),
        (
            "DELETE FROM note WHERE id = 1; INSERT INTO watched VALUES (1)",
            &[
                "table main.log",
                "row 1 of main.note",
                "rows of main.tagging",
                "row 1 of main.watched",
            ],
        ),
    ] {
        assert_eq!(changes(&raw(sql, &catalog)), expected, "{sql}");
    }
}

#[tokio::test]
async fn an_upsert_changes_the_row_that_conflicts_if_that_is_told() {
    let catalog = catalog().await;
    for (sql, expected) in [
        (
            "INSERT INTO note (id, title) VALUES (7, 'x') ON CONFLICT (id) DO UPDATE SET views = 1",
            &["row 7 of main.note", "row 7 of main.note"][..],
        ),
        (
            "INSERT INTO note (id, title) VALUES (7, 'x') ON CONFLICT (title) DO UPDATE SET views = 1",
            &["rows of main.note", "rows of main.note"],
        ),
        (
            "INSERT INTO note (id, title) VALUES (7, 'x') ON CONFLICT (title) DO NOTHING",
            &["row 7 of main.note"],
        ),
        (
            "INSERT INTO note (id, title) VALUES (7, 'x') ON CONFLICT (id) DO UPDATE SET id = 8",
            &["rows of main.note"],
        ),
    ] {
        assert_eq!(changes(&raw(sql, &catalog)), expected, "{sql}");
    }
    let upsert = Query::insert()
        .into_table("word")
        .columns(["word", "n"])
        .values_panic(["the".into(), 1.into()])
        .on_conflict(
            OnConflict::column("word")
                .value("n", Expr::col("n").add(1))
                .to_owned(),
        )
        .take();
    let either = ["row the of main.word", "row the of main.word"];
    assert_eq!(changes(&orm(&upsert, &catalog)), either);
}

#[tokio::test]
async fn the_last_insert_id_completes_a_single_row() {
    let catalog = catalog().await;
    let plan = raw("INSERT INTO note (title) VALUES ('x')", &catalog);
    let write = plan.write.as_ref().unwrap();
    assert!(write.wants_last_insert_id() && !write.wants_rows());
    let told = |id| Written {
        last_insert_id: id,
        ..Written::default()
    };
    assert_eq!(changes_after(&plan, &told(Some(9))), ["row 9 of main.note"]);
    assert_eq!(changes_after(&plan, &told(None)), ["rows of main.note"]);
    assert_eq!(changes_after(&plan, &told(Some(0))), ["rows of main.note"]);
    for sql in [
        "INSERT INTO note (title) VALUES ('x'), ('y')",
        "INSERT INTO note (title) SELECT name FROM tag",
        "INSERT INTO word (n) VALUES (1)",
        "INSERT INTO tagging (note_id) VALUES (1)",
        "INSERT INTO note (title) VALUES ('x'); INSERT INTO tag (name) VALUES ('x')",
        "INSERT INTO note (title) VALUES ('x') ON CONFLICT (title) DO UPDATE SET views = 1",
    ] {
        assert!(
            !raw(sql, &catalog).write.unwrap().wants_last_insert_id(),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn returned_rows_tell_the_keys() {
    let db = sqlite(SCHEMA).await;
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let run = async |sql: &str| {
        let plan = raw(sql, &catalog);
        assert!(plan.write.as_ref().unwrap().wants_rows(), "{sql}");
        let rows = db
            .query_all_raw(Statement::from_string(DbBackend::Sqlite, sql))
            .await
            .unwrap();
        let all = changes_after(
            &plan,
            &Written {
                rows: &rows,
                all_rows: true,
                last_insert_id: None,
                rows_affected: None,
            },
        );
        let first = Written {
            rows: &rows[..rows.len().min(1)],
            ..Written::default()
        };
        (all, changes_after(&plan, &first))
    };
    let wide = || vec!["rows of main.note".to_owned()];
    let rows = |ids: &[i64]| {
        ids.iter()
            .map(|id| format!("row {id} of main.note"))
            .collect::<Vec<_>>()
    };
    let (all, first) = run("INSERT INTO note (title) VALUES ('a') RETURNING id").await;
    assert_eq!((all, first), (rows(&[1]), rows(&[1])));
    let (all, first) = run("INSERT INTO note (title) VALUES ('b'), ('c') RETURNING *").await;
    let each = [wide(), wide()].concat();
    assert_eq!(
        (all, first),
        (rows(&[2, 3]), each),
        "one of two rows tells too little"
    );
    let (all, first) = run("UPDATE note SET views = 1 WHERE title > 'a' RETURNING title, id").await;
    assert_eq!((all, first), (rows(&[2, 3]), wide()));
    let (all, _) =
        run("INSERT INTO note (title) VALUES ('a') ON CONFLICT DO NOTHING RETURNING id").await;
    assert_eq!(all, Vec::<String>::new(), "nothing was inserted");
    let (all, _) = run("INSERT INTO note (title) VALUES ('a') ON CONFLICT (title) DO UPDATE SET views = 2 RETURNING id").await;
    assert_eq!(all, rows(&[1, 1]), "inserted or updated");
    for sql in [
        "UPDATE note SET id = id + 10 WHERE views = 1 RETURNING id",
        "DELETE FROM note WHERE views = 1 RETURNING title",
        "DELETE FROM note WHERE views = 1 RETURNING views AS id",
        "DELETE FROM note WHERE views = 1",
    ] {
        assert!(!raw(sql, &catalog).write.unwrap().wants_rows(), "{sql}");
    }
}

#[tokio::test]
async fn text_and_blob_keys_come_back() {
    let db = sqlite("CREATE TABLE t (id TEXT PRIMARY KEY, n INT)").await;
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let uuid = sea_orm::prelude::Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def1);
    let insert = |id: Value| {
        Query::insert()
            .into_table("t")
            .columns(["id", "n"])
            .values_panic([id.into(), 1.into()])
            .returning_all()
            .take()
    };
    for value in [Value::from("Bob"), uuid.into()] {
        let statement = insert(value);
        let told = changes(&orm(&statement, &catalog));
        let rows = db.query_all(&statement).await.unwrap();
        let unkeyed = raw("INSERT INTO t (n) VALUES (1) RETURNING id", &catalog);
        let returned = changes_after(
            &unkeyed,
            &Written {
                rows: &rows,
                all_rows: true,
                last_insert_id: None,
                rows_affected: None,
            },
        );
        assert_eq!(told, returned, "what is given is what comes back");
        assert!(told[0].starts_with("row "));
    }
}

#[tokio::test]
async fn what_the_session_does_by_hand_is_passed_on() {
    let catalog = catalog().await;
    let begin = raw("BEGIN", &catalog);
    assert!(begin.transaction_control && begin.write.is_none() && begin.read.is_err());
    let attach = raw("ATTACH 'x' AS x", &catalog);
    assert!(attach.session_change);
    assert!(raw("CREATE TABLE x (id int)", &catalog).ddl);
}
