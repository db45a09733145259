//! Many rows by their keys.

use std::fmt::Write as _;

use larder_sea_orm::CachedRepository as _;
use sea_orm::ConnectionTrait as _;

use crate::entities::{article, article_tag, tag};
use crate::harness::{Service, rename, scoped, service, until, with_articles};
use crate::probe::Point;

async fn with_many(rows: i32) -> Service {
    let service = service().await;
    let mut sql = "INSERT INTO author VALUES (1, 'ann'); INSERT INTO article VALUES".to_owned();
    for id in 1..=rows {
        let comma = if id == 1 { "" } else { "," };
        write!(sql, "{comma} ({id}, 1, 'number {id}', 0)").unwrap();
    }
    service.raw.execute_unprepared(&sql).await.unwrap();
    service
}

#[tokio::test]
async fn a_hundred_rows_of_which_thirty_are_kept_are_one_statement() {
    let service = with_many(100).await;
    let articles = service.db.repository::<article::Entity>();
    for id in 1..=30 {
        articles.find_by_id(id * 3).await.unwrap();
    }
    service.control.sent();
    let found = articles.find_by_ids(1..=100).await.unwrap();
    assert_eq!(service.control.sent().len(), 1);
    for (row, id) in found.iter().zip(1..) {
        assert_eq!(row.as_ref().unwrap().title, format!("number {id}"));
    }
    assert_eq!(articles.find_by_ids(1..=100).await.unwrap(), found);
    assert!(service.control.sent().is_empty());
}

#[tokio::test]
async fn the_order_is_that_of_the_keys_and_keys_may_repeat_or_be_missing() {
    let service = with_many(3).await;
    let articles = service.db.repository::<article::Entity>();
    for _ in 0..2 {
        let found = articles.find_by_ids([3, 9, 1, 3]).await.unwrap();
        let ids: Vec<_> = found
            .iter()
            .map(|row| row.as_ref().map(|row| row.id))
            .collect();
        assert_eq!(ids, [Some(3), None, Some(1), Some(3)]);
    }
    assert_eq!(
        service.control.sent().len(),
        1,
        "the missing one is kept too"
    );
    assert_eq!(articles.find_by_ids(Vec::<i32>::new()).await.unwrap(), []);
    assert!(service.control.sent().is_empty());
}

/// Seen to fail with the whole batch run inside the first load (`record` left out in
/// `repository/batch.rs`): then a write of any row invalidates all of them, or none.
#[tokio::test]
async fn each_row_of_a_batch_is_invalidated_by_its_own_writes_only() {
    let service = with_many(300).await;
    let articles = service.db.repository::<article::Entity>();
    articles.find_by_ids(1..=300).await.unwrap();
    rename(&service.db, 7, "new").await.unwrap();
    service.control.sent();
    let found = articles.find_by_ids(1..=300).await.unwrap();
    assert_eq!(found[6].as_ref().unwrap().title, "new");
    let sent = service.control.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].matches('?').count(),
        1,
        "one key is asked for: {sent:?}"
    );
}

#[tokio::test]
async fn what_is_made_of_a_batch_depends_on_all_its_rows() {
    let service = with_many(4).await;
    let policy = larder_core::Policy::ttl(std::time::Duration::from_mins(10));
    let sums = service.larder.region::<usize>("sums", policy).unwrap();
    let sum = || async {
        let articles = service.db.repository::<article::Entity>();
        let rows = articles.find_by_ids([1, 2, 9]).await?;
        Ok::<_, sea_orm::DbErr>(rows.iter().flatten().map(|row| row.title.len()).sum())
    };
    let before = *sums.get_or_load("all", sum).await.unwrap();
    rename(&service.db, 3, "no part of it").await.unwrap();
    assert!(sums.get("all").await.is_some());
    rename(&service.db, 2, "longer than it was before")
        .await
        .unwrap();
    assert!(sums.get("all").await.is_none());
    assert_ne!(*sums.get_or_load("all", sum).await.unwrap(), before);
    service
        .db
        .execute_unprepared("INSERT INTO article VALUES (9, 1, 'now there', 0)")
        .await
        .unwrap();
    assert!(sums.get("all").await.is_none());
}

#[tokio::test]
async fn rows_that_others_are_loading_are_not_waited_for() {
    let service = with_articles().await;
    rename(&service.db, 1, "again").await.unwrap();
    let held = service.control.hold(Point::After, "LIMIT");
    let db = service.db.clone();
    let other = tokio::spawn(async move { crate::harness::title(&db, 1).await });
    held.reached().await;
    let articles = service.db.repository::<article::Entity>();
    let (found, refusal) = scoped(&service.larder, articles.find_by_ids([1, 2])).await;
    assert_eq!(found.unwrap()[0].as_ref().unwrap().title, "again");
    assert_eq!(refusal, None);
    held.release();
    assert_eq!(other.await.unwrap(), "again");
}

#[tokio::test]
async fn a_batch_that_fails_keeps_nothing() {
    let service = with_many(3).await;
    service.control.lose(Point::Before, "IN (");
    let articles = service.db.repository::<article::Entity>();
    articles.find_by_ids([1, 2]).await.unwrap_err();
    let found = articles.find_by_ids([1, 2]).await.unwrap();
    assert_eq!(found.iter().flatten().count(), 2);
}

#[tokio::test]
async fn keys_of_several_columns_are_one_statement_too() {
    let service = service().await;
    let mut sql = "INSERT INTO article_tag VALUES (0, 'rust', 0)".to_owned();
    for id in 1..2000 {
        write!(sql, ", ({id}, 'rust', {id})").unwrap();
    }
    service.raw.execute_unprepared(&sql).await.unwrap();
    let links = service.db.repository::<article_tag::Entity>();
    let id = |article: i32| (article, "rust".to_owned());
    let found = links
        .find_by_ids([id(5), id(3), (3, "sql".to_owned())])
        .await
        .unwrap();
    assert_eq!(found[0].as_ref().unwrap().position, 5);
    assert_eq!((found[1].as_ref().unwrap().position, &found[2]), (3, &None));
    assert_eq!(service.control.sent().len(), 1);

    let found = links.find_by_ids((0..2000).map(id)).await.unwrap();
    assert!(
        found
            .iter()
            .zip(0..)
            .all(|(row, id)| row.as_ref().unwrap().position == id)
    );
    assert_eq!(
        service.control.sent().len(),
        3,
        "no more alternatives than SQLite nests"
    );
}

#[tokio::test]
async fn more_keys_than_parameters_are_allowed_become_several_statements() {
    let service = with_many(3).await;
    let articles = service.db.repository::<article::Entity>();
    let found = articles.find_by_ids(1..=32_767).await.unwrap();
    assert_eq!((found.len(), found.iter().flatten().count()), (32_767, 3));
    assert_eq!(service.control.sent().len(), 2);
}

#[tokio::test]
async fn a_key_in_another_spelling_finds_its_row() {
    let service = service().await;
    service
        .raw
        .execute_unprepared("INSERT INTO tag VALUES ('rust', 1), ('sql', 2)")
        .await
        .unwrap();
    let tags = service.db.repository::<tag::Entity>();
    let ids = || ["RUST", "sql", "none"].map(str::to_owned);
    let found = tags.find_by_ids(ids()).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().name, "rust");
    assert_eq!((found[1].as_ref().unwrap().uses, &found[2]), (2, &None));
    service
        .db
        .execute_unprepared("UPDATE tag SET uses = 9 WHERE name = 'rust'")
        .await
        .unwrap();
    until(async || {
        tags.find_by_ids(ids()).await.unwrap()[0]
            .as_ref()
            .unwrap()
            .uses
            == 9
    })
    .await;
}
