//! Writes of many rows, told row by row where the entity asks for it.

use std::time::Duration;

use larder_core::{Larder, Lookup, Policy};
use larder_sea_orm::{Bulk, CachedRepository as _, Connect as _, DomainOptions};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, Set, Statement, TransactionSession as _,
    TransactionTrait as _,
};

use crate::catalog_servers::mariadb;
use crate::entities::note;
use crate::harness::{Service, service};

async fn with_notes() -> Service {
    let service = service().await;
    service
        .raw
        .execute_unprepared("INSERT INTO note VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, NULL)")
        .await
        .unwrap();
    // From here on the connection knows what the entity asks for.
    let notes = service.db.repository::<note::Entity>();
    for id in 1..=4 {
        notes.find_by_id(id).await.unwrap();
    }
    service
}

/// Returns which of the four notes the cache still serves.
async fn kept(service: &Service) -> Vec<i64> {
    let notes = service.db.repository::<note::Entity>();
    let mut kept = Vec::new();
    for id in 1..=4 {
        service.control.sent();
        notes.find_by_id(id).await.unwrap();
        if service.control.sent().is_empty() {
            kept.push(id);
        }
    }
    kept
}

#[tokio::test]
async fn only_the_rows_that_are_written_change() {
    let service = with_notes().await;
    let renamed = note::Entity::update_many()
        .col_expr(note::Column::Text, "c".into())
        .filter(note::Column::Text.eq("a").and(note::Column::Id.gt(1)))
        .exec(&service.db)
        .await
        .unwrap();
    assert_eq!(renamed.rows_affected, 1);
    assert_eq!(kept(&service).await, [1, 3, 4]);
    let gone = note::Entity::delete_many()
        .filter(note::Column::Text.is_null())
        .exec(&service.db)
        .await
        .unwrap();
    assert_eq!(gone.rows_affected, 1);
    assert_eq!(kept(&service).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_write_of_no_row_changes_nothing() {
    let service = with_notes().await;
    let none = note::Entity::delete_many().filter(note::Column::Id.gt(100));
    none.exec(&service.db).await.unwrap();
    assert_eq!(kept(&service).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn in_a_transaction_that_has_written_the_rows_are_read_first() {
    let service = with_notes().await;
    let transaction = service.db.begin().await.unwrap();
    note::Entity::delete_by_id(4)
        .exec(&transaction)
        .await
        .unwrap();
    note::Entity::delete_many()
        .filter(note::Column::Text.eq("b"))
        .exec(&transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(kept(&service).await, [1, 2]);
}

#[tokio::test]
async fn a_refused_write_is_the_databases_error_and_changes_nothing() {
    let service = with_notes().await;
    let refused = note::Entity::update_many()
        .col_expr(note::Column::Id, 1.into())
        .filter(note::Column::Text.eq("a"))
        .exec(&service.db);
    assert!(refused.await.is_err());
    assert_eq!(kept(&service).await, [1, 2, 3, 4]);
}

/// Seen to fail without `refusal.is_none()` in `picks_what_is_read` (`writing.rs`).
#[tokio::test]
async fn rows_are_not_read_before_by_a_condition_that_may_answer_differently() {
    let service = with_notes().await;
    service.control.sent();
    note::Entity::delete_many()
        .filter(Expr::cust("abs(random()) % 2 < 2"))
        .exec(&service.db)
        .await
        .unwrap();
    let sent = service.control.sent();
    assert!(
        sent.iter().all(|sql| !sql.starts_with("SELECT")),
        "{sent:?}"
    );
    assert_eq!(kept(&service).await, [0; 0]);
}

/// Seen to fail without `FAIL` in triggers in `may_fail` (`catalog/sqlite.rs`): row 1 is kept.
#[tokio::test]
async fn what_a_refused_write_left_behind_is_seen() {
    let service = with_notes().await;
    service
        .db
        .execute_unprepared(
            "CREATE TRIGGER no BEFORE UPDATE ON note WHEN new.id = 2
             BEGIN SELECT RAISE(FAIL, 'no'); END",
        )
        .await
        .unwrap();
    kept(&service).await;
    let refused = service
        .db
        .execute_unprepared("UPDATE note SET text = 'z' WHERE id < 3")
        .await;
    assert!(refused.is_err());
    let notes = service.db.repository::<note::Entity>();
    let first = notes.find_by_id(1).await.unwrap().unwrap();
    assert_eq!(first.text.as_deref(), Some("z"));
}

#[tokio::test]
async fn lists_are_touched_by_what_their_rows_were_and_are() {
    let service = with_notes().await;
    let notes = service.db.repository::<note::Entity>();
    let count = |text: &'static str| {
        let notes = &notes;
        async move {
            notes
                .count(note::Entity::find().filter(note::Column::Text.eq(text)))
                .await
                .unwrap()
        }
    };
    for (text, rows) in [("a", 2), ("b", 1), ("c", 0)] {
        assert_eq!(count(text).await, rows);
    }
    note::Entity::update_many()
        .col_expr(note::Column::Text, "c".into())
        .filter(note::Column::Id.between(3, 3))
        .exec(&service.db)
        .await
        .unwrap();
    for (text, rows, kept) in [("a", 2, true), ("b", 0, false), ("c", 1, false)] {
        service.control.sent();
        assert_eq!(count(text).await, rows);
        assert_eq!(service.control.sent().is_empty(), kept, "{text}");
    }
}

/// Returns the texts whose notes are no longer counted in the cache, after counting them all again.
async fn touched(service: &Service) -> Vec<&'static str> {
    let notes = service.db.repository::<note::Entity>();
    let mut touched = Vec::new();
    for text in ["a", "b", "c"] {
        service.control.sent();
        let rows = note::Entity::find().filter(note::Column::Text.eq(text));
        let cached = notes.count(rows.clone()).await.unwrap();
        if !service.control.sent().is_empty() {
            touched.push(text);
        }
        assert_eq!(cached, rows.count(&service.raw).await.unwrap(), "{text}");
    }
    touched
}

/// Seen to fail without `by_key` in `Write::preimage` (`statement.rs`).
#[tokio::test]
async fn rows_named_by_their_keys_are_read_whatever_writes_them() {
    let service = with_notes().await;
    assert_eq!(touched(&service).await, ["a", "b", "c"]);
    let third = "UPDATE note SET text = 'c' WHERE id = 3 AND text IS NOT NULL";
    service.db.execute_unprepared(third).await.unwrap();
    assert_eq!(touched(&service).await, ["b", "c"]);
    let first =
        "INSERT INTO note VALUES (1, 'b') ON CONFLICT (id) DO UPDATE SET text = excluded.text";
    service.db.execute_unprepared(first).await.unwrap();
    assert_eq!(touched(&service).await, ["a", "b"]);
    let replaced = "REPLACE INTO note VALUES (3, 'a')";
    service.db.execute_unprepared(replaced).await.unwrap();
    assert_eq!(touched(&service).await, ["a", "c"]);
    let returned = note::ActiveModel {
        id: Set(3),
        text: Set(Some("b".into())),
    };
    returned.update(&service.db).await.unwrap();
    assert_eq!(touched(&service).await, ["a", "b"]);
    let gone = "DELETE FROM note WHERE id IN (3, 77)";
    service.db.execute_unprepared(gone).await.unwrap();
    assert_eq!(touched(&service).await, ["b"]);
}

/// Seen to fail without `raw_preimage` in `Write::picked` (`statement.rs`).
#[tokio::test]
async fn rows_that_text_picks_by_any_condition_are_read_before() {
    let service = with_notes().await;
    let renamed =
        "UPDATE note AS n SET text = ? WHERE n.text LIKE ? AND (n.id > ?) -- 'a', but one";
    let values = ["c".into(), "a%".into(), 1.into()];
    let renamed = Statement::from_sql_and_values(DbBackend::Sqlite, renamed, values);
    service.db.execute_raw(renamed).await.unwrap();
    assert_eq!(kept(&service).await, [1, 3, 4]);
    let gone = "DELETE FROM note WHERE text IS NULL RETURNING text";
    let gone = Statement::from_string(DbBackend::Sqlite, gone);
    let rows = service.db.query_all_raw(gone).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(kept(&service).await, [1, 2, 3]);
    let others = "DELETE FROM note WHERE text = (SELECT text FROM note WHERE id = 2)";
    service.db.execute_unprepared(others).await.unwrap();
    assert_eq!(kept(&service).await, [1, 3]);
    let all = "UPDATE note SET text = 'a'";
    service.db.execute_unprepared(all).await.unwrap();
    assert_eq!(kept(&service).await, [1]);
}

/// Seen to fail without `refused` in `picks_what_is_read` (`writing.rs`).
#[tokio::test]
async fn rows_that_text_picks_at_random_are_not_read_before() {
    let service = with_notes().await;
    let random = "UPDATE note SET text = 'd' WHERE abs(random()) % 2 < 2";
    service.control.sent();
    service.db.execute_unprepared(random).await.unwrap();
    let sent = service.control.sent();
    assert!(
        sent.iter().all(|sql| !sql.starts_with("SELECT")),
        "{sent:?}"
    );
    assert_eq!(kept(&service).await, [0; 0]);
}

/// Seen to fail without `None if alone` in `Writing::changes_by_key` (`by_key.rs`), where the row may have been any.
#[tokio::test]
async fn a_row_that_was_not_there_is_inserted_by_an_upsert() {
    let service = with_notes().await;
    touched(&service).await;
    let new = "INSERT INTO note VALUES (9, 'c') ON CONFLICT (id) DO UPDATE SET text = 'b'";
    service.db.execute_unprepared(new).await.unwrap();
    assert_eq!(touched(&service).await, ["c"]);
    let again = "UPDATE note SET text = 'a' WHERE id = 77";
    service.db.execute_unprepared(again).await.unwrap();
    assert_eq!(touched(&service).await, [""; 0]);
}

/// Seen to fail without `Images::keeps` (`images.rs`).
#[tokio::test]
async fn a_row_that_is_set_to_what_it_holds_does_not_change() {
    let service = with_notes().await;
    touched(&service).await;
    let same = "UPDATE note SET text = 'a' WHERE id = 1";
    service.db.execute_unprepared(same).await.unwrap();
    note::Entity::update_many()
        .col_expr(note::Column::Text, "b".into())
        .filter(note::Column::Text.eq("b"))
        .exec(&service.db)
        .await
        .unwrap();
    assert_eq!(touched(&service).await, [""; 0]);
    assert_eq!(kept(&service).await, [1, 2, 3, 4]);
    // Equal to a collation is not the same.
    let upper = "UPDATE note SET text = 'A' WHERE id = 1";
    service.db.execute_unprepared(upper).await.unwrap();
    assert_eq!(kept(&service).await, [2, 3, 4]);
}

/// What upserts leave alone on `MariaDB`, where nobody knows beforehand that a row is not there.
///
/// Keeps `Target::was_not_there` (`writing.rs`) and `setting` (`raw_write.rs`).
#[tokio::test]
async fn an_upsert_on_mariadb_leaves_alone_what_it_did_not_change() {
    let Some(server) = mariadb() else { return };
    let raw = server.fresh().await;
    for sql in [
        "CREATE TABLE note (id int PRIMARY KEY, text varchar(20))",
        "INSERT INTO note VALUES (1, 'a'), (2, 'b')",
    ] {
        raw.execute_unprepared(sql).await.unwrap();
    }
    let larder = Larder::builder("upserts")
        .environment::<&str, &str>([])
        .build()
        .unwrap();
    let options = DomainOptions::new().bulk(Bulk::Exact);
    let db = larder.connect_with("main", raw, options).await.unwrap();
    let counts = larder
        .region::<i64>("counts", Policy::ttl(Duration::from_mins(1)))
        .unwrap();
    let served = async || {
        let mut served = Vec::new();
        for text in ["a", "b", "c"] {
            served.extend(matches!(counts.lookup(&text.into()), Lookup::Hit(_)).then_some(text));
            let count = async || {
                let sql = format!("SELECT count(*) AS n FROM note WHERE text = '{text}'");
                let statement = Statement::from_string(DbBackend::MySql, sql);
                let row = db.query_one_raw(statement).await?.unwrap();
                row.try_get::<i64>("", "n")
            };
            counts.get_or_load(text, count).await.unwrap();
        }
        served
    };
    served().await;
    for (upsert, left) in [
        (
            "VALUES (7, 'c') ON DUPLICATE KEY UPDATE text = 'b'",
            &["a", "b"][..],
        ),
        ("VALUES (1, 'c') ON DUPLICATE KEY UPDATE text = 'b'", &["c"]),
        (
            "VALUES (1, 'c') ON DUPLICATE KEY UPDATE id = id",
            &["a", "b"],
        ),
        (
            "VALUES (8, 'a') ON DUPLICATE KEY UPDATE id = id",
            &["b", "c"],
        ),
    ] {
        let sql = format!("INSERT INTO note {upsert}");
        db.execute_unprepared(&sql).await.unwrap();
        assert_eq!(served().await, left, "{sql}");
    }
}
