//! Any function that reads over a connection, cached.

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait as _, QuerySelect as _, TransactionSession as _,
    TransactionTrait as _,
};

use crate::entities::{article, author};
use crate::harness::{Db, Service, rename, with_articles};

async fn titles(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    article::Entity::find()
        .select_only()
        .column(article::Column::Title)
        .into_tuple()
        .all(db)
        .await
}

async fn cached(service: &Service) -> Arc<Vec<String>> {
    let titles = service.db.query("titles", async |db| titles(db).await);
    titles.await.unwrap()
}

#[tokio::test]
async fn a_closure_is_asked_once_until_a_write_touches_what_it_read() {
    let service = with_articles().await;
    assert_eq!(*cached(&service).await, ["first", "second"]);
    service.control.sent();
    let seen = service.db.statements_seen();
    assert_eq!(*cached(&service).await, ["first", "second"]);
    assert_eq!(service.control.sent(), Vec::<String>::new());
    assert_eq!(
        service.db.statements_seen(),
        seen,
        "a hit looks at no statement"
    );
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(*cached(&service).await, ["new", "second"]);
}

#[tokio::test]
async fn a_closure_is_not_touched_by_columns_it_does_not_read() {
    let service = with_articles().await;
    cached(&service).await;
    service
        .db
        .execute_unprepared("UPDATE article SET views = views + 1")
        .await
        .unwrap();
    service.control.sent();
    cached(&service).await;
    assert_eq!(service.control.sent(), Vec::<String>::new());
}

#[tokio::test]
async fn several_statements_are_one_answer() {
    let service = with_articles().await;
    let both = async |db: &Db| {
        let authors = author::Entity::find().all(db).await?;
        Ok::<_, DbErr>((authors.len(), titles(db).await?.len()))
    };
    assert_eq!(*service.db.query("both", both).await.unwrap(), (1, 2));
    author::Entity::insert(author::ActiveModel {
        name: sea_orm::Set("bob".to_owned()),
        ..Default::default()
    })
    .exec(&service.db)
    .await
    .unwrap();
    assert_eq!(*service.db.query("both", both).await.unwrap(), (2, 2));
}

#[tokio::test]
async fn answers_of_different_types_share_no_key() {
    let service = with_articles().await;
    let number = service.db.query("key", async |_| Ok::<_, DbErr>(7_u32));
    assert_eq!(*number.await.unwrap(), 7);
    let text = service.db.query("key", async |_| Ok::<_, DbErr>("seven"));
    assert_eq!(*text.await.unwrap(), "seven");
}

#[tokio::test]
async fn in_a_transaction_a_closure_reads_and_keeps_nothing() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    rename(&transaction, 1, "mine").await.unwrap();
    let own = transaction.query("titles", async |db| titles(db).await);
    assert_eq!(*own.await.unwrap(), ["mine", "second"]);
    transaction.rollback().await.unwrap();
    assert_eq!(*cached(&service).await, ["first", "second"]);
}

#[tokio::test]
async fn a_closure_can_run_in_a_task_of_its_own() {
    let service = Arc::new(with_articles().await);
    let again = Arc::clone(&service);
    let task = tokio::spawn(async move { cached(&again).await });
    assert_eq!(task.await.unwrap().len(), 2);
}
