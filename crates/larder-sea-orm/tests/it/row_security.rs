//! Row-level security and settings of a transaction, on `PostgreSQL`.
//!
//! They run on a server of this process's own, and are left out where it is not installed.

use futures_util::FutureExt as _;
use larder_core::{Change, Columns, Refusal, Scope, TableName};
use larder_sea_orm::CachedRepository as _;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait as _,
    QueryFilter as _, Statement, TransactionSession as _, TransactionTrait,
};

use crate::catalog_servers::postgres;
use crate::harness::{Db, Service, over, scoped};
use crate::probe::Point;

type Transaction = <Db as TransactionTrait>::Transaction;

mod doc {
    #![expect(unreachable_pub, reason = "what SeaORM generates is public")]

    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "doc")]
    #[cached(ttl = "10m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub tenant: String,
        pub title: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod plain {
    #![expect(unreachable_pub, reason = "what SeaORM generates is public")]

    use larder_sea_orm::CachedEntity;
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, CachedEntity)]
    #[sea_orm(table_name = "plain")]
    #[cached(ttl = "10m", negative_ttl = "1m", crate = "larder_sea_orm")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A service whose connections are those of a user under this policy; its raw ones see all rows.
async fn under(policy: &str) -> Option<Service> {
    let server = postgres()?;
    let name = server.database().await;
    let raw: DatabaseConnection = server.pool(&name, "larder", 2).await;
    let user = format!("user_of_{name}");
    let tables = format!(
        "CREATE TABLE doc (id int PRIMARY KEY, tenant text NOT NULL, title text NOT NULL);
         CREATE TABLE plain (id int PRIMARY KEY);
         CREATE TABLE member (tenant text PRIMARY KEY);
         INSERT INTO doc VALUES (1, 'acme', 'a'), (2, 'globex', 'a'), (3, 'globex', 'b');
         ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own_rows ON doc USING ({policy});
         CREATE ROLE {user} LOGIN;
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {user};"
    );
    raw.execute_unprepared(&tables).await.unwrap();
    let pool = server.pool(&name, &user, 4).await;
    Some(over(raw, pool).await)
}

const BY_TENANT: &str = "tenant = current_setting('app.tenant', true)";

/// Begins a transaction that tells the database which tenant reads.
async fn begin(db: &Db, tenant: &str) -> Transaction {
    let transaction = db.begin().await.unwrap();
    tell(&transaction, tenant).await;
    transaction
}

async fn tell(transaction: &Transaction, tenant: &str) {
    let sql = "SELECT set_config('app.tenant', $1, true)";
    let set = Statement::from_sql_and_values(DbBackend::Postgres, sql, [tenant.into()]);
    transaction.execute_raw(set).await.unwrap();
}

async fn ids(transaction: &Transaction) -> Vec<i32> {
    let docs = transaction.repository::<doc::Entity>();
    let rows = docs.find(doc::Entity::find()).await.unwrap();
    let mut ids: Vec<i32> = rows.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    ids
}

/// Returns the rows a tenant sees, and whether the database was asked for them.
async fn seen(service: &Service, db: &Db, tenant: &str) -> (Vec<i32>, bool) {
    let transaction = begin(db, tenant).await;
    service.control.sent();
    let ids = ids(&transaction).await;
    let asked = !service.control.sent().is_empty();
    transaction.commit().await.unwrap();
    (ids, asked)
}

fn tenant(service: &Service, name: &str) -> Db {
    service.db.clone().scoped(Scope::tenant(name))
}

/// Seen to fail without `for_named_readers` in `Schemas::new` (`domain.rs`): nothing is served. And without `keys.under`
/// in `Repository::keys` (`repository/asking.rs`): a connection in the wrong scope is served another tenant's rows.
#[tokio::test]
async fn rows_under_a_policy_are_kept_for_those_it_shows_them_to() {
    let Some(service) = under(BY_TENANT).await else {
        return;
    };
    let (acme, globex) = (tenant(&service, "acme"), tenant(&service, "globex"));
    assert_eq!(seen(&service, &acme, "acme").await, (vec![1], true));
    assert_eq!(seen(&service, &acme, "acme").await, (vec![1], false));
    assert_eq!(seen(&service, &globex, "globex").await, (vec![2, 3], true));
    assert_eq!(seen(&service, &globex, "globex").await, (vec![2, 3], false));
    assert_eq!(seen(&service, &acme, "globex").await, (vec![2, 3], true));
    assert_eq!(seen(&service, &acme, "acme").await, (vec![1], false));
    let docs = acme.repository::<doc::Entity>();
    let untold = docs.find(doc::Entity::find()).await.unwrap();
    assert!(untold.is_empty(), "the database was told no tenant");
}

#[tokio::test]
async fn rows_under_a_policy_are_not_kept_without_a_scope() {
    let Some(service) = under(BY_TENANT).await else {
        return;
    };
    let nobody = &service.db;
    for _ in 0..2 {
        assert_eq!(seen(&service, nobody, "acme").await, (vec![1], true));
    }
    let read = doc::Entity::find().all(nobody);
    let (_, refusal) = scoped(&service.larder, read).await;
    assert_eq!(refusal, Some(Refusal::UnresolvedRelation));
    let acme = tenant(&service, "acme");
    let read = async {
        let transaction = begin(&acme, "acme").await;
        doc::Entity::find().all(&transaction).await.unwrap()
    };
    let (_, refusal) = scoped(&service.larder, read).await;
    assert_eq!(refusal, None);
}

#[tokio::test]
async fn a_policy_that_asks_more_than_the_session_keeps_its_table_out_of_the_cache() {
    for policy in [
        "tenant IN (SELECT tenant FROM member)",
        "tenant = current_setting('app.tenant', true) AND now() > '2020-01-01'",
    ] {
        let Some(service) = under(policy).await else {
            return;
        };
        let acme = tenant(&service, "acme");
        for _ in 0..2 {
            assert!(seen(&service, &acme, "acme").await.1, "{policy}");
        }
    }
}

/// Seen to fail without `Seat::name_all` in `reads` (`analysis/precision.rs`): no statement names the tenant's column.
#[tokio::test]
async fn a_row_that_is_given_to_a_tenant_appears_in_what_was_kept() {
    let Some(service) = under(BY_TENANT).await else {
        return;
    };
    let acme = tenant(&service, "acme");
    let titled = async || {
        let transaction = begin(&acme, "acme").await;
        let docs = transaction.repository::<doc::Entity>();
        let query = doc::Entity::find().filter(doc::Column::Title.eq("a"));
        let count = docs.count(query.clone()).await.unwrap();
        let rows = docs.find(query).await.unwrap();
        transaction.commit().await.unwrap();
        (count, rows.len())
    };
    assert_eq!(titled().await, (1, 1));
    let given = "UPDATE doc SET tenant = 'acme' WHERE id = 2";
    service.raw.execute_unprepared(given).await.unwrap();
    assert_eq!(titled().await, (1, 1), "nobody has told the cache");
    let table = TableName::new("main", "doc");
    let change = Change::row(&table, 2).columns(Columns::named(["tenant".into()]));
    service.larder.publish(change).await.unwrap();
    assert_eq!(titled().await, (2, 2));
}

/// Seen to fail without `told` in `unknown_reader` (`connection/statements.rs`).
#[tokio::test]
async fn what_is_read_under_a_setting_is_neither_served_nor_kept_without_a_scope() {
    let Some(service) = under(BY_TENANT).await else {
        return;
    };
    let plain = async |transaction: &Transaction| {
        service.control.sent();
        let plain = transaction.repository::<plain::Entity>();
        assert_eq!(plain.find_by_id(1).await.unwrap(), None);
        !service.control.sent().is_empty()
    };
    let hot = service.db.repository::<plain::Entity>();
    hot.find_by_id(1).await.unwrap();
    let transaction = service.db.begin().await.unwrap();
    assert!(!plain(&transaction).await, "nothing is set");
    transaction
        .execute_unprepared("SET LOCAL app.tenant = 'acme'")
        .await
        .unwrap();
    let (asked, refusal) = scoped(&service.larder, plain(&transaction)).await;
    assert!(asked);
    assert_eq!(refusal, Some(Refusal::Uncacheable("session-setting")));
}

/// Seen to fail without `asked.telling` in `Intent::of_text` (`statement.rs`).
#[tokio::test]
async fn a_setting_of_a_transaction_leaves_the_cache_to_the_others() {
    let Some(service) = under(BY_TENANT).await else {
        return;
    };
    let hot = service.db.repository::<plain::Entity>();
    hot.find_by_id(1).await.unwrap();
    let position = service.larder.snapshot().position;
    begin(&service.db, "acme").await.commit().await.unwrap();
    begin(&service.db, "acme").await.rollback().await.unwrap();
    assert_eq!(service.larder.snapshot().position, position);
    service.control.sent();
    hot.find_by_id(1).await.unwrap();
    assert!(service.control.sent().is_empty());
}

/// Seen to fail without `keys.under` in `Repository::keys` (`repository/asking.rs`).
#[tokio::test]
async fn a_setting_of_a_savepoint_goes_with_it() {
    let Some(service) = under(BY_TENANT).await else {
        return;
    };
    let acme = tenant(&service, "acme");
    let transaction = begin(&acme, "acme").await;
    assert_eq!(ids(&transaction).await, [1]);
    let savepoint = transaction.begin().await.unwrap();
    let set = "SET LOCAL app.tenant = 'globex'";
    savepoint.execute_unprepared(set).await.unwrap();
    let docs = savepoint.repository::<doc::Entity>();
    assert_eq!(docs.find(doc::Entity::find()).await.unwrap().len(), 2);
    savepoint.rollback().await.unwrap();
    assert_eq!(ids(&transaction).await, [1]);
    transaction.commit().await.unwrap();
    assert_eq!(seen(&service, &acme, "acme").await, (vec![1], false));
}

/// Seen to fail without `moved` in `Terms::hold` (`repository/asking.rs`): the rows of the second tenant are kept for
/// the first.
#[tokio::test]
async fn what_was_loaded_under_another_setting_than_it_was_asked_under_is_not_kept() {
    let Some(service) = under(BY_TENANT).await else {
        return;
    };
    let acme = tenant(&service, "acme");
    let transaction = begin(&acme, "acme").await;
    let held = service.control.hold(Point::Before, "FROM \"plain\"");
    // One statement is in flight, the setting is next, and the third has its key by then.
    let mut first = Box::pin(plain::Entity::find().all(&transaction));
    assert!(first.as_mut().now_or_never().is_none());
    let mut set = Box::pin(tell(&transaction, "globex"));
    assert!(set.as_mut().now_or_never().is_none());
    let mut third = Box::pin(ids(&transaction));
    assert!(third.as_mut().now_or_never().is_none());
    held.release();
    let (_, (), third) = tokio::join!(first, set, third);
    assert_eq!(third, [2, 3]);
    assert_eq!(ids(&transaction).await, [2, 3]);
    transaction.commit().await.unwrap();
    assert_eq!(seen(&service, &acme, "acme").await.0, [1]);
}
