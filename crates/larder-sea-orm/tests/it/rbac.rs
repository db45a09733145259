//! Reads under `SeaORM`'s role-based access control.

#![cfg(feature = "rbac")]

use std::time::Duration;

use larder_core::{Larder, Policy, Refusal, Scope};
use larder_sea_orm::{CachedConnection, CachedRepository as _, Connect as _};
use sea_orm::rbac::{RbacContext, RbacUserId, schema};
use sea_orm::{
    ConnectionTrait as _, Database, DatabaseConnection, DbErr, EntityTrait as _,
    RestrictedConnection, TransactionSession as _, TransactionTrait as _,
};

use crate::entities::{TABLES, article, note};
use crate::harness::{rename, scoped};

const EDITOR: RbacUserId = RbacUserId(1);
const READER: RbacUserId = RbacUserId(2);
const STRANGER: RbacUserId = RbacUserId(3);

type Restricted = CachedConnection<RestrictedConnection>;

/// A service of which everything that is sent is counted.
struct Restrained {
    larder: Larder,
    db: CachedConnection<DatabaseConnection>,
    sent: std::sync::Arc<std::sync::atomic::AtomicU32>,
}

impl Restrained {
    fn of(&self, user: RbacUserId) -> Restricted {
        self.db.restricted_for(user).unwrap()
    }

    fn sent(&self) -> u32 {
        self.sent.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

async fn service() -> Restrained {
    let mut pool = Database::connect("sqlite::memory:").await.unwrap();
    pool.execute_unprepared(TABLES).await.unwrap();
    pool.execute_unprepared(
        "INSERT INTO author VALUES (1, 'ann');
         INSERT INTO article VALUES (1, 1, 'first', 0), (2, 1, 'second', 0);",
    )
    .await
    .unwrap();
    let tables = schema::create_tables(&pool, schema::RbacCreateTablesParams::default());
    tables.await.unwrap();
    let mut rules = RbacContext::load(&pool).await.unwrap();
    rules.add_tables(&pool, &["article", "note"]).await.unwrap();
    rules.add_crud_permissions(&pool).await.unwrap();
    let roles = ["editor", "reader", "stranger"];
    rules.add_roles(&pool, &roles).await.unwrap();
    let users = [(1, "editor"), (2, "reader"), (3, "stranger")];
    rules.assign_user_role(&pool, &users).await.unwrap();
    for (role, may) in [
        ("editor", &["select", "update"][..]),
        ("reader", &["select"]),
    ] {
        rules
            .add_role_permissions(&pool, role, may, &["article", "note"])
            .await
            .unwrap();
    }
    let sent = std::sync::Arc::default();
    let count = std::sync::Arc::clone(&sent);
    let watch = larder_sea_orm::Watch::with_metric(&mut pool, move |_| {
        std::sync::atomic::AtomicU32::fetch_add(&count, 1, std::sync::atomic::Ordering::Relaxed);
    });
    let larder = Larder::builder("shop")
        .environment::<&str, &str>([])
        .build()
        .unwrap();
    let options = larder_sea_orm::DomainOptions::new().watch(watch);
    let db = larder.connect_with("main", pool, options).await.unwrap();
    db.load_rbac().await.unwrap();
    Restrained { larder, db, sent }
}

/// Reads articles in each way; returns the error of each.
async fn errors(db: &Restricted) -> Vec<Option<DbErr>> {
    let articles = db.repository::<article::Entity>();
    let all = article::Entity::find;
    vec![
        articles.find_by_id(1).await.err(),
        articles.find_by_ids([1, 2]).await.err(),
        articles.find(all()).await.err(),
        articles.find_one(all()).await.err(),
        articles.count(all()).await.err(),
        articles.exists(all()).await.err(),
        articles.page(all(), 0, 10).await.err(),
        all().all(db).await.err(),
    ]
}

/// Seen to fail without `rights.check` in `read` (`repository/read.rs`) and in `find_by_ids` (`repository/batch.rs`).
#[tokio::test]
async fn who_may_not_read_is_not_served_what_is_hot() {
    let service = service().await;
    let (reader, stranger) = (service.of(READER), service.of(STRANGER));
    assert_eq!(errors(&reader).await, [const { None }; 8]);
    service.sent();
    let denied = errors(&stranger).await;
    assert_eq!(service.sent(), 0);
    let raw = service.db.inner().restricted_for(STRANGER).unwrap();
    let expected = article::Entity::find().all(&raw).await.unwrap_err();
    assert!(matches!(expected, DbErr::AccessDenied { .. }));
    assert_eq!(denied, vec![Some(expected); 8]);
}

/// Seen to fail without `for_all` around the load (`repository/read.rs`): nothing is kept.
#[tokio::test]
async fn who_may_read_is_served_what_others_have_read() {
    let service = service().await;
    let articles = service.db.repository::<article::Entity>();
    articles.find_by_ids([1, 2]).await.unwrap();
    service.sent();
    for user in [READER, EDITOR] {
        let db = service.of(user);
        let articles = db.repository::<article::Entity>();
        assert!(articles.find_by_id(1).await.unwrap().is_some());
        articles.find_by_ids([1, 2]).await.unwrap();
        assert_eq!(service.sent(), 0, "an entry is everybody's who may read");
    }
    let reader = service.of(READER);
    let query = article::Entity::find();
    let of_reader = reader.repository::<article::Entity>();
    of_reader.find(query.clone()).await.unwrap();
    service.sent();
    articles.find(query).await.unwrap();
    assert_eq!(service.sent(), 0, "and so is what the reader has loaded");
}

/// Seen to fail without `scope.narrow(&rights.user())` in `narrow` (`connection/statements.rs`).
#[tokio::test]
async fn what_is_made_under_rights_is_the_users_alone() {
    let service = service().await;
    let reader = service.of(READER);
    let policy = Policy::ttl(Duration::from_mins(10));
    let answers = service.larder.region::<usize>("answers", policy).unwrap();
    let through_the_repository = async || {
        let articles = reader.repository::<article::Entity>();
        Ok::<_, DbErr>(articles.find(article::Entity::find()).await?.len())
    };
    let past_it = async || Ok::<_, DbErr>(article::Entity::find().all(&reader).await?.len());
    let own = answers.scoped(Scope::user("2"));
    let other = answers.scoped(Scope::user("1"));
    for region in [&answers, &other] {
        region
            .get_or_load("a", &through_the_repository)
            .await
            .unwrap();
        region.get_or_load("b", &past_it).await.unwrap();
        assert_eq!(region.get("a").await, None);
        assert_eq!(region.get("b").await, None);
    }
    own.get_or_load("a", through_the_repository).await.unwrap();
    own.get_or_load("b", past_it).await.unwrap();
    assert!(own.get("a").await.is_some() && own.get("b").await.is_some());

    service.db.load_rbac().await.unwrap();
    assert_eq!(own.get("a").await, None, "the rights may have changed");
    assert_eq!(own.get("b").await, None);
}

#[tokio::test]
async fn a_right_that_is_taken_counts_at_once() {
    let service = service().await;
    let reader = service.of(READER);
    let articles = reader.repository::<article::Entity>();
    articles.find_by_id(1).await.unwrap();
    let pool = service.db.inner();
    let mut rules = RbacContext::load(pool).await.unwrap();
    rules
        .remove_role_permissions(&service.db, "reader", &["select"], &["article"])
        .await
        .unwrap();
    service.db.load_rbac().await.unwrap();
    let denied = articles.find_by_id(1).await.unwrap_err();
    assert!(matches!(denied, DbErr::AccessDenied { .. }), "{denied:?}");
}

#[tokio::test]
async fn writes_under_rights_are_published_or_refused() {
    let service = service().await;
    let (editor, reader) = (service.of(EDITOR), service.of(READER));
    let articles = service.db.repository::<article::Entity>();
    let title = async || articles.find_by_id(1).await.unwrap().unwrap().title.clone();
    assert_eq!(title().await, "first");
    rename(&reader, 1, "refused").await.unwrap_err();
    service.sent();
    assert_eq!(title().await, "first");
    assert_eq!(service.sent(), 0, "nothing was written");
    rename(&editor, 1, "new").await.unwrap();
    assert_eq!(title().await, "new");
    let transaction = editor.begin().await.unwrap();
    rename(&transaction, 1, "newer").await.unwrap();
    let of_transaction = transaction.repository::<article::Entity>();
    let own = of_transaction.find_by_id(1).await.unwrap().unwrap();
    assert_eq!(own.title, "newer");
    transaction.commit().await.unwrap();
    assert_eq!(title().await, "newer");
    let transaction = service.of(STRANGER).begin().await.unwrap();
    let articles = transaction.repository::<article::Entity>();
    let denied = articles.find_by_id(1).await.unwrap_err();
    assert!(matches!(denied, DbErr::AccessDenied { .. }), "{denied:?}");
}

/// Seen to fail without `self.rights().is_none()` in `write` (`connection/statements.rs`): the rows are changed over the
/// pool that was connected.
#[tokio::test]
async fn a_write_of_many_rows_that_are_told_needs_its_rights_too() {
    let service = service().await;
    let insert = "INSERT INTO note VALUES (1, 'a'), (2, 'a')";
    service.db.execute_unprepared(insert).await.unwrap();
    let notes = service.db.repository::<note::Entity>();
    let text = async || notes.find_by_id(1).await.unwrap().unwrap().text.clone();
    assert_eq!(text().await.unwrap(), "a");
    let all = |text: &str| note::Entity::update_many().col_expr(note::Column::Text, text.into());
    let denied = all("b").exec(&service.of(READER)).await.unwrap_err();
    assert!(matches!(denied, DbErr::AccessDenied { .. }), "{denied:?}");
    assert_eq!(text().await.unwrap(), "a");
    all("b").exec(&service.of(EDITOR)).await.unwrap();
    assert_eq!(text().await.unwrap(), "b");
    let transaction = service.of(EDITOR).begin().await.unwrap();
    all("c").exec(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(text().await.unwrap(), "c");
}

#[tokio::test]
async fn a_user_reads_within_the_scope_of_the_connection() {
    let service = service().await;
    let acme = service.db.clone().scoped(Scope::tenant("acme"));
    let reader = acme.restricted_for(READER).unwrap();
    let articles = reader.repository::<article::Entity>();
    let (_, refusal) = scoped(&service.larder, articles.find_by_id(1)).await;
    assert_eq!(refusal, None, "a tenant's user");
    let two = reader.scoped(Scope::user("1"));
    let articles = two.repository::<article::Entity>();
    let (_, refusal) = scoped(&service.larder, articles.find_by_id(1)).await;
    assert_eq!(refusal, Some(Refusal::MixedScopes));
}
