//! Explanations of an entity's reads.

use larder_core::Explanation;
use larder_core::explain::{Cause, State};
use larder_sea_orm::{CachedRepository as _, Repository};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, DbErr, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, Select, TransactionSession as _, TransactionTrait as _,
};

use crate::entities::article;
use crate::harness::{Db, Service, rename, with_articles};
use crate::probe::Probe;

fn articles(service: &Service) -> Repository<'_, article::Entity, Probe<DatabaseConnection>> {
    service.db.repository()
}

fn by_ann() -> Select<article::Entity> {
    article::Entity::find()
        .filter(article::Column::AuthorId.eq(1))
        .order_by_desc(article::Column::Id)
}

fn cause(explanation: &Explanation) -> &Cause {
    &explanation.invalidated.as_ref().unwrap().cause
}

fn is_of_first_article(explanation: &Explanation) -> bool {
    matches!(cause(explanation), Cause::Change { change, is_collision: false, .. }
        if change.contains("row 1 of main.article"))
}

#[tokio::test]
async fn a_row_tells_which_write_made_it_invalid() {
    let service = with_articles().await;
    let articles = articles(&service);
    let fresh = articles.explain_by_id(1);
    assert_eq!(fresh.state, State::Fresh);
    assert!(
        fresh.to_string().contains("made of 1 row of main.article"),
        "{fresh}"
    );
    rename(&service.db, 1, "renamed").await.unwrap();
    let invalid = articles.explain_by_id(1);
    assert_eq!(invalid.state, State::Invalid);
    assert!(is_of_first_article(&invalid), "{invalid}");
    assert_eq!(articles.explain_by_id(2).state, State::Fresh);
    assert_eq!(service.title(1).await, "renamed");
    let again = articles.explain_by_id(1);
    assert!(
        again.state == State::Fresh && is_of_first_article(&again),
        "{again}"
    );
}

#[tokio::test]
async fn a_query_tells_what_it_was_made_of_and_which_update_made_it_invalid() {
    let service = with_articles().await;
    let articles = articles(&service);
    assert_eq!(articles.explain_find(&by_ann()).state, State::Absent);
    articles.find(by_ann()).await.unwrap();
    let fresh = articles.explain_find(&by_ann());
    assert_eq!(fresh.state, State::Fresh);
    assert_eq!(
        fresh.to_string().lines().collect::<Vec<_>>()[1..3],
        [
            "  made of rows of main.article by author_id (uses all columns; enters by author_id, id)",
            "          2 rows of main.article",
        ],
        "{fresh}"
    );
    rename(&service.db, 1, "renamed").await.unwrap();
    let invalid = articles.explain_find(&by_ann());
    assert!(is_of_first_article(&invalid), "{invalid}");
    let changed = "2 rows of main.article: changed";
    assert!(invalid.to_string().contains(changed), "{invalid}");
    let by = "ago by an update of row 1 of main.article (title), at position 1";
    assert!(invalid.to_string().ends_with(by), "{invalid}");
}

#[tokio::test]
async fn each_kind_of_read_has_an_explanation_of_its_own() {
    let service = with_articles().await;
    let articles = articles(&service);
    let states = || {
        [
            articles.explain_find(&by_ann()).state,
            articles.explain_find_one(&by_ann()).state,
            articles.explain_count(&by_ann()).state,
            articles.explain_exists(&by_ann()).state,
        ]
    };
    assert_eq!(states(), [State::Absent; 4]);
    articles.count(by_ann()).await.unwrap();
    assert_eq!(
        states(),
        [State::Absent, State::Absent, State::Fresh, State::Absent]
    );
    articles.exists(by_ann()).await.unwrap();
    articles.find_one(by_ann()).await.unwrap();
    articles.find(by_ann()).await.unwrap();
    assert_eq!(states(), [State::Fresh; 4]);
}

#[tokio::test]
async fn a_query_that_is_not_kept_tells_which_function_is_to_blame() {
    let service = with_articles().await;
    let articles = articles(&service);
    for (condition, reason, words) in [
        ("title < datetime('now')", "volatile", "datetime"),
        (
            "random() > title",
            "volatile",
            "random answers differently each time",
        ),
        (
            "title < fts5_source_id()",
            "unknown-tables",
            "nothing is known of the function fts5_source_id",
        ),
    ] {
        let query = || article::Entity::find().filter(Expr::cust(condition));
        articles.find(query()).await.unwrap();
        let explanation = articles.explain_find(&query());
        let refused = explanation.refused.as_ref().unwrap();
        assert_eq!(
            (explanation.state, refused.reason.as_str()),
            (State::Absent, reason)
        );
        let details = refused.details.as_deref().unwrap_or_default();
        assert!(details.contains(words), "{explanation}");
    }
}

#[tokio::test]
async fn a_read_of_a_view_that_is_not_understood_tells_the_view() {
    let service = with_articles().await;
    let view = "CREATE VIEW newest AS SELECT * FROM article ORDER BY random()";
    service.db.execute_unprepared(view).await.unwrap();
    let articles = articles(&service);
    let of_view = Expr::cust("id IN (SELECT id FROM newest)");
    let query = || article::Entity::find().filter(of_view.clone());
    articles.find(query()).await.unwrap();
    let explanation = articles.explain_find(&query());
    let refused = explanation.refused.as_ref().unwrap();
    let details = refused.details.as_deref().unwrap_or_default();
    assert!(details.contains("newest"), "{explanation}");
}

#[tokio::test]
async fn a_cached_closure_is_explained_by_its_key() {
    let service = with_articles().await;
    let db = &service.db;
    let titles = async |db: &Db| {
        let rows = by_ann().all(db).await?;
        Ok::<_, DbErr>(rows.len())
    };
    db.query(("titles-of", 1), titles).await.unwrap();
    let explain = || db.explain_query::<usize>(("titles-of", 1));
    let fresh = explain();
    assert_eq!(
        (fresh.state, fresh.key.as_str()),
        (State::Fresh, "main/usize/titles-of/1")
    );
    rename(db, 1, "renamed").await.unwrap();
    assert!(is_of_first_article(&explain()), "{}", explain());
    let transaction = db.begin().await.unwrap();
    let passed_by = transaction.explain_query::<usize>(("titles-of", 1)).state;
    assert_eq!(passed_by, State::PassedBy("in a transaction"));
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn reads_in_a_transaction_are_told_to_pass_by() {
    let service = with_articles().await;
    let transaction = service.db.begin().await.unwrap();
    let articles = transaction.repository::<article::Entity>();
    let isolation = State::PassedBy("the transaction's isolation");
    assert_eq!(articles.explain_by_id(1).state, isolation);
    rename(&transaction, 1, "renamed").await.unwrap();
    let wrote = State::PassedBy("wrote-in-transaction");
    assert_eq!(articles.explain_by_id(1).state, wrote);
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn an_explanation_asks_the_database_nothing() {
    let service = with_articles().await;
    service.control.sent();
    articles(&service).explain_by_id(1);
    articles(&service).explain_find(&by_ann());
    assert!(service.control.sent().is_empty());
}
