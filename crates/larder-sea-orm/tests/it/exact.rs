//! Writes of many rows, told row by row where the entity asks for it.

use larder_sea_orm::CachedRepository as _;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _,
    TransactionSession as _, TransactionTrait as _,
};

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
