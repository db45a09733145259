//! Rows and queries through a repository.

use std::sync::Arc;
use std::time::Duration;

use larder_sea_orm::{CachedRepository as _, Repository};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DatabaseConnection,
    EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Set,
};

use crate::entities::{article, article_tag, author, note, tag};
use crate::harness::{Service, service, until, with_articles};
use crate::probe::{Point, Probe};

fn articles(service: &Service) -> Repository<'_, article::Entity, Probe<DatabaseConnection>> {
    service.db.repository()
}

fn new_article(id: Option<i32>, title: &str) -> article::ActiveModel {
    article::ActiveModel {
        id: id.map_or(sea_orm::NotSet, Set),
        author_id: Set(1),
        title: Set(title.to_owned()),
        views: Set(0),
    }
}

#[tokio::test]
async fn a_second_read_asks_the_database_nothing() {
    let service = with_articles().await;
    let articles = articles(&service);
    let query = || article::Entity::find().filter(article::Column::AuthorId.eq(1));
    let ordered = || query().order_by_desc(article::Column::Id);
    for round in 0..2 {
        let row = articles.find_by_id(1).await.unwrap().unwrap();
        assert_eq!(row.title, "first");
        let rows = articles.find(ordered()).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(articles.find_one(ordered()).await.unwrap().unwrap().id, 2);
        assert_eq!(articles.count(query()).await.unwrap(), 2);
        assert_eq!(articles.count(query().limit(1)).await.unwrap(), 1);
        assert!(articles.exists(query()).await.unwrap());
        assert!(
            !articles
                .exists(article::Entity::find_by_id(9))
                .await
                .unwrap()
        );
        let page = articles.page(ordered(), 1, 1).await.unwrap();
        assert_eq!((page.rows[0].id, page.total, page.pages()), (1, 2, 2));
        assert_eq!(
            service.control.sent().is_empty(),
            round == 1,
            "round {round}"
        );
    }
}

#[tokio::test]
async fn rows_are_handed_out_as_they_are_kept() {
    let service = with_articles().await;
    let articles = articles(&service);
    let first = articles.find_by_id(1).await.unwrap().unwrap();
    let second = articles.find_by_id(1).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let rows = articles.find(article::Entity::find()).await.unwrap();
    assert!(Arc::ptr_eq(
        &rows,
        &articles.find(article::Entity::find()).await.unwrap()
    ));
}

#[tokio::test]
async fn every_query_of_a_table_is_asked_anew_after_a_write_to_it() {
    let service = with_articles().await;
    let articles = articles(&service);
    let by_ann = || article::Entity::find().filter(article::Column::AuthorId.eq(1));
    assert_eq!(articles.find(by_ann()).await.unwrap().len(), 2);
    assert_eq!(articles.count(by_ann()).await.unwrap(), 2);
    assert_eq!(articles.page(by_ann(), 0, 1).await.unwrap().total, 2);
    assert!(
        articles
            .find_one(article::Entity::find_by_id(3))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        !articles
            .exists(article::Entity::find_by_id(3))
            .await
            .unwrap()
    );

    let third = articles.insert(new_article(None, "third")).await.unwrap();
    assert_eq!((third.id, third.title.as_str()), (3, "third"));
    assert_eq!(articles.find(by_ann()).await.unwrap().len(), 3);
    assert_eq!(articles.count(by_ann()).await.unwrap(), 3);
    assert_eq!(articles.page(by_ann(), 0, 1).await.unwrap().total, 3);
    assert!(
        articles
            .find_one(article::Entity::find_by_id(3))
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        articles
            .exists(article::Entity::find_by_id(3))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn queries_that_differ_in_a_value_are_different_entries() {
    let service = with_articles().await;
    let articles = articles(&service);
    let titled = |title: &str| article::Entity::find().filter(article::Column::Title.eq(title));
    assert_eq!(articles.find(titled("first")).await.unwrap()[0].id, 1);
    assert_eq!(articles.find(titled("second")).await.unwrap()[0].id, 2);
    assert_eq!(
        articles
            .find_one(titled("first"))
            .await
            .unwrap()
            .unwrap()
            .id,
        1
    );
    assert_eq!(articles.count(titled("third")).await.unwrap(), 0);
}

/// Seen to fail with `lifetime_of(true)` in `CachedConnection::lifetime` (`connection.rs`).
#[tokio::test]
async fn that_a_row_is_missing_is_kept_for_the_negative_ttl_and_until_it_is_inserted() {
    let service = with_articles().await;
    let articles = articles(&service);
    assert_eq!(articles.find_by_id(3).await.unwrap(), None);
    service.control.sent();
    assert_eq!(articles.find_by_id(3).await.unwrap(), None);
    assert!(service.control.sent().is_empty());
    service.clock.advance(Duration::from_secs(61));
    assert_eq!(articles.find_by_id(3).await.unwrap(), None);
    assert_eq!(
        service.control.sent().len(),
        1,
        "the negative ttl is a minute"
    );

    articles
        .insert(new_article(Some(3), "third"))
        .await
        .unwrap();
    assert_eq!(
        articles.find_by_id(3).await.unwrap().unwrap().title,
        "third"
    );
    assert_eq!(articles.delete_by_id(3).await.unwrap(), 1);
    assert_eq!(articles.find_by_id(3).await.unwrap(), None);
}

#[tokio::test]
async fn without_a_negative_ttl_absence_is_not_kept() {
    let service = service().await;
    let tags = service.db.repository::<tag::Entity>();
    assert_eq!(tags.find_by_id("rust").await.unwrap(), None);
    service.control.sent();
    assert_eq!(tags.find_by_id("rust").await.unwrap(), None);
    assert_eq!(service.control.sent().len(), 1);
}

#[tokio::test]
async fn writes_through_a_repository_answer_what_the_database_has() {
    let service = with_articles().await;
    let articles = articles(&service);
    let row = articles.find_by_id(1).await.unwrap().unwrap();
    let mut changed = article::Model::clone(&row).into_active_model();
    changed.views = Set(7);
    let updated = articles.update(changed).await.unwrap();
    assert_eq!((updated.views, updated.title.as_str()), (7, "first"));
    assert_eq!(articles.find_by_id(1).await.unwrap().unwrap().views, 7);

    let saved = articles.save(new_article(None, "saved")).await.unwrap();
    assert_eq!(
        articles.find_by_id(saved.id).await.unwrap().unwrap().title,
        "saved"
    );
    let mut again = article::Model::clone(&saved).into_active_model();
    again.title = Set("saved again".to_owned());
    assert_eq!(articles.save(again).await.unwrap().title, "saved again");
    assert_eq!(
        articles.find_by_id(saved.id).await.unwrap().unwrap().title,
        "saved again"
    );

    let of_ann = Expr::col(article::Column::AuthorId).eq(1);
    let more = article::Entity::update_many()
        .col_expr(article::Column::Views, Expr::value(9))
        .filter(of_ann.clone());
    assert_eq!(articles.update_many(more).await.unwrap(), 3);
    assert_eq!(articles.find_by_id(1).await.unwrap().unwrap().views, 9);
    let row = articles.find_by_id(saved.id).await.unwrap().unwrap();
    let row = article::Model::clone(&row).into_active_model();
    assert_eq!(articles.delete(row).await.unwrap(), 1);
    assert_eq!(articles.find_by_id(saved.id).await.unwrap(), None);
    let all = article::Entity::delete_many().filter(of_ann);
    assert_eq!(articles.delete_many(all).await.unwrap(), 2);
    assert_eq!(articles.find_by_id(1).await.unwrap(), None);
}

#[tokio::test]
async fn keys_of_text_and_of_several_columns_are_rows_like_any_other() {
    let service = service().await;
    let (tags, links) = (
        service.db.repository::<tag::Entity>(),
        service.db.repository::<article_tag::Entity>(),
    );
    for name in ["rust", "sql"] {
        tags.insert(tag::ActiveModel {
            name: Set(name.to_owned()),
            uses: Set(1),
        })
        .await
        .unwrap();
    }
    assert_eq!(tags.find_by_id("rust").await.unwrap().unwrap().uses, 1);
    assert_eq!(
        tags.find_by_id("RUST").await.unwrap().unwrap().name,
        "rust",
        "without case"
    );
    let more = tag::ActiveModel {
        name: Set("Rust".to_owned()),
        uses: Set(2),
    };
    tags.update(more).await.unwrap();
    assert_eq!(tags.find_by_id("rust").await.unwrap().unwrap().uses, 2);
    assert_eq!(tags.find_by_id("RUST").await.unwrap().unwrap().uses, 2);
    service.control.sent();
    assert_eq!(tags.find_by_id("rust").await.unwrap().unwrap().uses, 2);
    assert!(service.control.sent().is_empty());

    let link = |position| article_tag::ActiveModel {
        article_id: Set(1),
        tag: Set("rust".to_owned()),
        position: Set(position),
    };
    links.insert(link(1)).await.unwrap();
    let id = || (1, "rust".to_owned());
    assert_eq!(links.find_by_id(id()).await.unwrap().unwrap().position, 1);
    links.update(link(2)).await.unwrap();
    assert_eq!(links.find_by_id(id()).await.unwrap().unwrap().position, 2);
}

#[tokio::test]
async fn one_caller_loads_and_the_others_wait() {
    let service = with_articles().await;
    let held = service.control.hold(Point::Before, "SELECT");
    let query = || article::Entity::find().filter(article::Column::Views.eq(0));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let db = service.db.clone();
            let query = query();
            tokio::spawn(async move { db.repository::<article::Entity>().find(query).await })
        })
        .collect();
    held.reached().await;
    held.release();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().len(), 2);
    }
    assert_eq!(service.control.sent().len(), 1);
}

#[tokio::test]
async fn a_failed_load_is_everybodys_error_and_is_not_kept() {
    let service = with_articles().await;
    service.control.lose(Point::Before, "SELECT");
    let articles = articles(&service);
    articles.find_by_id(3).await.unwrap_err();
    assert_eq!(articles.find_by_id(3).await.unwrap(), None);
}

#[tokio::test]
async fn an_aging_row_is_served_and_loaded_anew_in_the_background() {
    let service = with_articles().await;
    service
        .raw
        .execute_unprepared("UPDATE article SET title = 'unseen' WHERE id = 1")
        .await
        .unwrap();
    service.clock.advance(Duration::from_secs(601));
    service.control.sent();
    assert_eq!(
        service.title(1).await,
        "first",
        "past its ttl, within its grace"
    );
    until(async || service.title(1).await == "unseen").await;

    service
        .raw
        .execute_unprepared("UPDATE author SET name = 'bea' WHERE id = 1")
        .await
        .unwrap();
    let authors = service.db.repository::<author::Entity>();
    assert_eq!(
        authors.find_by_ids([1]).await.unwrap()[0]
            .as_ref()
            .unwrap()
            .name,
        "bea"
    );
    service
        .raw
        .execute_unprepared("UPDATE author SET name = 'cem' WHERE id = 1")
        .await
        .unwrap();
    service.clock.advance(Duration::from_secs(590));
    until(async || {
        let found = authors.find_by_ids([1]).await.unwrap();
        found[0].as_ref().unwrap().name == "cem"
    })
    .await;
}

#[tokio::test]
async fn a_tag_of_the_policy_invalidates_the_whole_region() {
    let service = with_articles().await;
    let authors = service.db.repository::<author::Entity>();
    assert_eq!(authors.find_by_id(1).await.unwrap().unwrap().name, "ann");
    service
        .raw
        .execute_unprepared("UPDATE author SET name = 'bea' WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(
        authors.find_by_id(1).await.unwrap().unwrap().name,
        "ann",
        "written past the cache"
    );
    service.larder.invalidate("editors").await.unwrap();
    assert_eq!(authors.find_by_id(1).await.unwrap().unwrap().name, "bea");
}

#[tokio::test]
async fn a_switched_off_region_reads_the_database_and_still_publishes() {
    let service = with_articles().await;
    service.larder.switches().set("shop.article=0").unwrap();
    assert!(!service.is_kept(1).await);
    let found = articles(&service).find_by_ids([1, 2, 3]).await.unwrap();
    assert_eq!(found.iter().flatten().count(), 2);
    let mut row = article::Entity::find_by_id(1)
        .one(&service.db)
        .await
        .unwrap()
        .unwrap()
        .into_active_model();
    row.title = Set("new".to_owned());
    row.update(&service.db).await.unwrap();
    service.larder.switches().set("shop.article=100").unwrap();
    assert_eq!(service.title(1).await, "new");
}

#[tokio::test]
async fn a_table_without_rows_of_its_own_kind_is_no_trouble() {
    let service = service().await;
    let notes = service.db.repository::<note::Entity>();
    assert_eq!(notes.find(note::Entity::find()).await.unwrap().len(), 0);
    let row = note::ActiveModel {
        text: Set(None),
        ..Default::default()
    };
    let row = notes.insert(row).await.unwrap();
    assert_eq!(notes.find(note::Entity::find()).await.unwrap()[0], row);
    assert_eq!(notes.find_by_id(row.id).await.unwrap().unwrap().text, None);
}
