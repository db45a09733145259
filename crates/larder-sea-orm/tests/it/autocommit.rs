//! Writes outside transactions.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use larder_sea_orm::CachedRepository as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, Set, Statement, StreamTrait as _,
};

use crate::entities::{article, author};
use crate::harness::{rename, until, with_articles};
use crate::probe::Point;

/// Seen to fail without `domain.publish(..)` in `InFlight::landed` (`connection/autocommit.rs`).
#[tokio::test]
async fn a_write_is_published_before_it_returns() {
    let service = with_articles().await;
    rename(&service.db, 1, "new").await.unwrap();
    assert_eq!(service.title(1).await, "new");
}

#[tokio::test]
async fn a_write_of_one_row_leaves_the_others_in_the_cache() {
    let service = with_articles().await;
    rename(&service.db, 1, "new").await.unwrap();
    assert!(service.is_kept(2).await);
}

/// Seen to fail with the task awaited in place of `larder.spawn(..)` (`connection/autocommit.rs`): the
/// write is lost, or its outcome unknown.
#[tokio::test]
async fn a_write_whose_caller_goes_away_is_carried_out_and_published() {
    for point in [Point::Before, Point::After] {
        let service = with_articles().await;
        let held = service.control.hold(point, "UPDATE");
        let db = service.db.clone();
        let caller = tokio::spawn(async move { rename(&db, 1, "new").await });
        held.reached().await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        held.release();
        until(async || service.title(1).await == "new").await;
        until(async || service.is_kept(1).await).await;
    }
}

/// Seen to fail without the arm `Outcome::Refused if ..all_or_nothing` (`connection/autocommit.rs`).
#[tokio::test]
async fn a_write_that_the_server_refuses_publishes_nothing() {
    let service = with_articles().await;
    let twice = article::ActiveModel {
        id: Set(1),
        author_id: Set(1),
        title: Set("twice".to_owned()),
        views: Set(0),
    };
    twice.insert(&service.db).await.unwrap_err();
    assert!(service.is_kept(1).await);
}

/// Seen to fail without the arm `Outcome::Unknown` (`connection/autocommit.rs`).
#[tokio::test]
async fn a_write_of_unknown_outcome_is_published_now_and_again_later() {
    let service = with_articles().await;
    service.control.lose(Point::After, "UPDATE");
    rename(&service.db, 1, "new").await.unwrap_err();
    assert_eq!(service.title(1).await, "new", "it was carried out");
    assert!(!service.is_kept(1).await, "not before it is settled");
    until(async || {
        service.clock.advance(Duration::from_secs(5));
        service.is_kept(1).await
    })
    .await;
}

/// Seen to fail without `Drop for InFlight` (`connection/autocommit.rs`).
#[tokio::test]
async fn a_panic_in_a_write_is_the_callers_and_is_published() {
    let service = with_articles().await;
    service.control.panic(Point::After, "UPDATE");
    let db = service.db.clone();
    let caller = tokio::spawn(async move { rename(&db, 1, "new").await });
    assert!(caller.await.unwrap_err().is_panic());
    assert_eq!(service.title(1).await, "new");
}

#[tokio::test]
async fn every_way_to_send_a_write_is_seen() {
    let service = with_articles().await;
    let db = &service.db;
    let text = |title: &str| format!("UPDATE article SET title = '{title}' WHERE id = 1");
    let raw = |sql| Statement::from_string(DbBackend::Sqlite, sql);
    let update = |title: &str| {
        Query::update()
            .table(article::Entity)
            .value(article::Column::Title, title)
            .and_where(Expr::col(article::Column::Id).eq(1))
            .to_owned()
    };
    let returning = |title: &str| {
        update(title)
            .returning_col(article::Column::Title)
            .to_owned()
    };

    db.execute_unprepared(&text("a")).await.unwrap();
    assert_eq!(service.title(1).await, "a");
    db.execute_raw(raw(text("b"))).await.unwrap();
    assert_eq!(service.title(1).await, "b");
    db.query_one_raw(raw(text("c") + " RETURNING id"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(service.title(1).await, "c");
    db.query_all_raw(raw(text("d") + " RETURNING *"))
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "d");
    db.execute(&update("e")).await.unwrap();
    assert_eq!(service.title(1).await, "e");
    db.query_one(&returning("f")).await.unwrap().unwrap();
    assert_eq!(service.title(1).await, "f");
    db.query_all(&returning("g")).await.unwrap();
    assert_eq!(service.title(1).await, "g");
    let rows = db.stream(&returning("h")).await.unwrap();
    assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    assert_eq!(service.title(1).await, "h");
    let rows = db
        .stream_raw(raw(text("i") + " RETURNING id"))
        .await
        .unwrap();
    assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    assert_eq!(service.title(1).await, "i");
}

#[tokio::test]
async fn every_way_of_sea_orm_to_write_is_seen() {
    let service = with_articles().await;
    let db = &service.db;
    let row = article::Entity::find_by_id(1)
        .one(db)
        .await
        .unwrap()
        .unwrap();
    let mut changed = row.into_active_model();
    changed.title = Set("saved".to_owned());
    changed.save(db).await.unwrap();
    assert_eq!(service.title(1).await, "saved");
    article::Entity::update_many()
        .col_expr(article::Column::Title, Expr::value("many"))
        .filter(Expr::col(article::Column::Views).eq(0))
        .exec(db)
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "many");
    let row = article::ActiveModel {
        id: Set(1),
        author_id: Set(1),
        title: Set("upserted".to_owned()),
        views: Set(0),
    };
    let conflict = OnConflict::column(article::Column::Id)
        .update_column(article::Column::Title)
        .to_owned();
    article::Entity::insert(row)
        .on_conflict(conflict)
        .exec(db)
        .await
        .unwrap();
    assert_eq!(service.title(1).await, "upserted");
    article::Entity::delete_by_id(1).exec(db).await.unwrap();
    let articles = db.repository::<article::Entity>();
    assert_eq!(articles.find_by_id(1).await.unwrap(), None);
    let rows = [1, 3].map(|id| article::ActiveModel {
        id: Set(id),
        author_id: Set(1),
        title: Set("inserted".to_owned()),
        views: Set(0),
    });
    assert_eq!(articles.find_by_ids([1, 3]).await.unwrap(), [None, None]);
    article::Entity::insert_many(rows).exec(db).await.unwrap();
    assert_eq!(
        articles
            .find_by_ids([1, 3])
            .await
            .unwrap()
            .iter()
            .flatten()
            .count(),
        2
    );
}

#[tokio::test]
async fn a_model_saved_with_its_relations_is_seen_whole() {
    let service = with_articles().await;
    let articles = service.db.repository::<article::Entity>();
    let all = || article::Entity::find();
    assert_eq!(articles.find(all()).await.unwrap().len(), 2);
    let saved = author::ActiveModel::builder()
        .set_name("bea")
        .add_article(
            article::ActiveModel::builder()
                .set_title("third")
                .set_views(0),
        )
        .save(&service.db)
        .await
        .unwrap();
    assert_eq!(articles.find(all()).await.unwrap().len(), 3);
    let authors = service.db.repository::<author::Entity>();
    let id = saved.id.unwrap();
    assert_eq!(authors.find_by_id(id).await.unwrap().unwrap().name, "bea");
}

#[tokio::test]
async fn rows_that_a_foreign_key_deletes_are_gone_too() {
    let service = with_articles().await;
    service
        .db
        .execute_unprepared("DELETE FROM author WHERE id = 1")
        .await
        .unwrap();
    let articles = service.db.repository::<article::Entity>();
    assert_eq!(articles.find_by_ids([1, 2]).await.unwrap(), [None, None]);
}

#[tokio::test]
async fn a_write_that_touches_no_row_changes_nothing() {
    let service = with_articles().await;
    let none = Expr::col(article::Column::Views).gt(1_000);
    let deleted = article::Entity::delete_many().filter(none.clone());
    assert_eq!(deleted.exec(&service.db).await.unwrap().rows_affected, 0);
    let text = "UPDATE article SET title = 'x' WHERE views > 1000";
    service.db.execute_unprepared(text).await.unwrap();
    assert!(service.is_kept(1).await && service.is_kept(2).await);
    // The count is that of the last statement.
    let two =
        "UPDATE article SET title = 'x' WHERE id = 1; UPDATE article SET title = 'y' WHERE id > 9";
    service.db.execute_unprepared(two).await.unwrap();
    assert!(!service.is_kept(1).await);
}

#[tokio::test]
async fn a_text_that_is_refused_changes_nothing() {
    let service = with_articles().await;
    let refused = "INSERT INTO article (id, author_id, title, views) VALUES (1, 1, 'again', 0)";
    assert!(service.db.execute_unprepared(refused).await.is_err());
    assert!(service.is_kept(1).await && service.is_kept(2).await);
}
