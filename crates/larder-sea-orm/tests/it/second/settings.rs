//! Rows under a policy: whatever a transaction is told, and however, it reads what the database would show it.

use std::sync::Arc;

use larder_core::Scope;
use larder_sea_orm::CachedRepository as _;
use sea_orm::{
    ConnectionTrait as _, DbErr, EntityTrait as _, QueryOrder as _, TransactionSession as _,
    TransactionTrait as _,
};

use crate::catalog_servers::postgres;
use crate::harness::{Db, Service, over};

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
    }

    impl ActiveModelBehavior for ActiveModel {}
}

async fn service() -> Option<Service> {
    let server = postgres()?;
    let name = server.database().await;
    let raw = server.pool(&name, "larder", 2).await;
    let user = format!("user_of_{name}");
    let tables = format!(
        "CREATE TABLE doc (id int PRIMARY KEY, tenant text NOT NULL);
         CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1);
         CREATE TABLE trg (id int PRIMARY KEY, v int); INSERT INTO trg VALUES (1, 1);
         INSERT INTO doc VALUES (1, 'acme'), (2, 'globex'), (3, 'globex');
         ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own_rows ON doc USING (tenant = current_setting('app.tenant', true));
         CREATE VIEW invoker WITH (security_invoker = true) AS SELECT id FROM doc;
         CREATE VIEW owned AS SELECT id FROM doc;
         CREATE VIEW chained WITH (security_invoker = true) AS SELECT id FROM invoker;
         CREATE FUNCTION become(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN set_config('app.tenant', $1, true); END $$;
         CREATE FUNCTION become_quietly(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT set_config('app.tenant', $1, true) $$;
         CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.tenant', 'globex', true); RETURN NEW; END $$;
         CREATE TRIGGER tells BEFORE UPDATE ON trg FOR EACH ROW EXECUTE FUNCTION tell();
         CREATE TABLE par (id int PRIMARY KEY, tenant text); CREATE TABLE kid () INHERITS (par);
         INSERT INTO par VALUES (1, 'acme'); INSERT INTO kid VALUES (2, 'globex');
         ALTER TABLE par ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON par USING (tenant = current_setting('app.tenant', true));
         CREATE ROLE {user} LOGIN;
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {user};"
    );
    raw.execute_unprepared(&tables).await.unwrap();
    let pool = server.pool(&name, &user, 4).await;
    Some(over(raw, pool).await)
}

fn tenant(service: &Service, name: &str) -> Db {
    service.db.clone().scoped(Scope::tenant(name))
}

fn ids(rows: &[doc::Model]) -> Vec<i32> {
    rows.iter().map(|row| row.id).collect()
}

/// Reads in a transaction after these statements: what is answered, and what the database shows.
async fn read(db: &Db, told: &[&str]) -> (Vec<i32>, Vec<i32>) {
    let transaction = db.begin().await.unwrap();
    for sql in told {
        let _ = transaction.execute_unprepared(sql).await;
    }
    let query = || doc::Entity::find().order_by_asc(doc::Column::Id);
    let answered = transaction.repository::<doc::Entity>().find(query()).await;
    let answered = answered
        .map(|rows| rows.iter().map(|row| row.id).collect())
        .unwrap_or_default();
    let shown = query()
        .all(&transaction)
        .await
        .map(|rows| ids(&rows))
        .unwrap_or_default();
    let _ = transaction.commit().await;
    (answered, shown)
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
#[tokio::test]
async fn however_a_tenant_is_told_it_is_the_one_who_reads() {
    let acme = "SET LOCAL app.tenant = 'acme'";
    let globex = "SET LOCAL app.tenant = 'globex'";
    let ways: &[&[&str]] = &[
        &[acme, "SET LOCAL App.Tenant = 'globex'"],
        &["SET LOCAL APP.TENANT = 'globex'", acme],
        &[acme, "SET LOCAL \"App.Tenant\" = 'globex'"],
        &["SET LOCAL \"App.Tenant\" = 'globex'", acme],
        &[acme, "SELECT set_config('APP.tenant', 'globex', true)"],
        &["SELECT set_config('APP.tenant', 'globex', true)", acme],
        &["SELECT set_config('app.tenant', 'acme', true) FROM generate_series(1, 0)"],
        &["SELECT set_config('app.tenant', 'acme', true) WHERE false"],
        &["SELECT set_config('app.tenant', 'acme', true) LIMIT 0"],
        &[
            globex,
            "SELECT CASE WHEN 1 = 2 THEN set_config('app.tenant', 'acme', true) END",
        ],
        &[
            globex,
            "SELECT 1 WHERE false AND set_config('app.tenant', 'acme', true) = 'acme'",
        ],
        &[
            globex,
            "SELECT set_config('app.tenant', 'acme', true) HAVING false",
        ],
        &[
            globex,
            "SELECT set_config('app.tenant', 'acme', true) OFFSET 1",
        ],
        &[
            globex,
            "SELECT coalesce('x', set_config('app.tenant', 'acme', true))",
        ],
        &[
            "SELECT set_config('app.tenant', 'acme', true), set_config('app.tenant', 'globex', true)",
        ],
        &[
            "SELECT set_config('app.tenant', 'globex', true), set_config('app.tenant', 'acme', true)",
        ],
        &["SELECT set_config('app.tenant', NULL, true)"],
        &[globex, "SELECT set_config('app.tenant', NULL, true)"],
        &[acme, "SELECT set_config('app.tenant', 'globex', NULL)"],
        &[acme, "RESET app.tenant"],
        &[acme, "RESET ALL"],
        &[acme, "SET LOCAL app.tenant TO DEFAULT"],
        &[acme, "SET app.tenant TO 'globex'"],
        &["SET SESSION app.tenant TO 'globex'", acme],
        &[acme, "DISCARD ALL"],
        &[acme, "SELECT become('globex')"],
        &[acme, "SELECT become_quietly('globex')"],
        &[
            acme,
            "SELECT id FROM t WHERE become_quietly('globex') = 'globex'",
        ],
        &[
            acme,
            "DO $$ BEGIN PERFORM set_config('app.tenant', 'globex', true); END $$",
        ],
        &[acme, "UPDATE trg SET v = 2"],
        &[acme, "UPDATE trg SET v = 2 WHERE id = 99"],
        &[
            acme,
            "WITH x AS (SELECT set_config('app.tenant', 'globex', true) s) SELECT * FROM x",
        ],
        &["WITH x AS (SELECT set_config('app.tenant', 'acme', true) s) SELECT 1"],
        &[
            acme,
            "SELECT pg_catalog.set_config('app.tenant', 'globex', true)",
        ],
        &[acme, "SELECT \"set_config\"('app.tenant', 'globex', true)"],
        &[
            acme,
            "SELECT set_config(setting_name => 'app.tenant', new_value => 'globex', is_local => true)",
        ],
        &[
            acme,
            "SELECT set_config('app.' || 'tenant', 'globex', true)",
        ],
        &[acme, "SELECT set_config(E'app.\\x74enant', 'globex', true)"],
        &["SET LOCAL app.tenant = E'\\x61cme'"],
        &["SET LOCAL app.tenant = E'a\\x63me'", acme],
        &["SET LOCAL app.tenant = acme"],
        &["SET LOCAL app.tenant = ACME"],
        &["SET LOCAL app.tenant = \"acme\""],
        &["SET LOCAL app.tenant = 'acme', 'globex'"],
        &[acme, "SAVEPOINT a", globex, "ROLLBACK TO a"],
        &[acme, "SAVEPOINT a", globex, "RELEASE a"],
        &[
            acme,
            "SAVEPOINT a",
            globex,
            "SAVEPOINT b",
            acme,
            "ROLLBACK TO a",
        ],
        &[acme, "ROLLBACK", "BEGIN"],
        &[acme, "COMMIT", "BEGIN"],
        &[acme, "COMMIT AND CHAIN"],
        &[acme, "SET LOCAL ROLE pg_monitor"],
        &[acme, "SET LOCAL row_security = off"],
        &[acme, "SET LOCAL search_path = nowhere"],
        &["SET LOCAL app.tenant = 'acme'; SET LOCAL app.tenant = 'globex'"],
        &["SET LOCAL app.tenant = 'globex'; SET LOCAL app.tenant = 'acme'"],
        &["SET LOCAL app.tenant = 'acme'; SELECT 1 / 0"],
        &[
            globex,
            "SELECT set_config('app.tenant', 'acme', true), 1 / 0",
        ],
        &["EXPLAIN SELECT set_config('app.tenant', 'acme', true)"],
        &[
            globex,
            "EXPLAIN SELECT set_config('app.tenant', 'acme', true)",
        ],
        &["EXPLAIN ANALYZE SELECT set_config('app.tenant', 'acme', true)"],
        &["PREPARE s AS SELECT set_config('app.tenant', 'acme', true)"],
        &["DECLARE c CURSOR FOR SELECT set_config('app.tenant', 'acme', true)"],
        &[
            acme,
            "DECLARE c CURSOR FOR SELECT set_config('app.tenant', 'globex', true)",
            "FETCH c",
        ],
        &[acme, "SET LOCAL app.other = 'globex'"],
        &["SET LOCAL app.other = 'acme'"],
        &[acme, "set local app.tenant='globex'"],
        &[acme, "SET /* */ LOCAL app.tenant = 'globex'"],
        &[acme, "SET LOCAL app . tenant = 'globex'"],
        &[
            acme,
            "UPDATE pg_settings SET setting = 'globex' WHERE name = 'app.tenant'",
        ],
        &[
            acme,
            "SELECT set_config('app.tenant', tenant, true) FROM par",
        ],
        &[
            acme,
            "SELECT set_config('app.tenant', 'globex', id = 5) FROM t",
        ],
        &[
            globex,
            "SELECT DISTINCT ON (1) 1, set_config('app.tenant', 'acme', true) FROM generate_series(1, 0)",
        ],
        &[
            globex,
            "(SELECT set_config('app.tenant', 'acme', true)) EXCEPT SELECT 'acme'",
        ],
        &[
            globex,
            "SELECT set_config('app.tenant', 'acme', true) UNION SELECT set_config('app.tenant', 'globex', true)",
        ],
        &[
            globex,
            "SELECT EXISTS (SELECT set_config('app.tenant', 'acme', true))",
        ],
        &[
            globex,
            "SELECT count(*) FROM (SELECT set_config('app.tenant', 'acme', true)) x",
        ],
        &[globex, "VALUES (set_config('app.tenant', 'acme', true))"],
        &[
            globex,
            "INSERT INTO t SELECT 1 WHERE set_config('app.tenant', 'acme', true) = ''",
        ],
        &[globex, "SELECT set_config('app.tenant', 'acme', 1 = 1)"],
        &[
            globex,
            "SELECT set_config('app.tenant', 'acme', true) FILTER (WHERE false)",
        ],
    ];
    let mut wrong = Vec::new();
    let Some(service) = service().await else {
        return;
    };
    for way in ways {
        // Each way on larders of its own: some keep everybody out from then on.
        let service = over(service.raw.clone(), service.db.inner().inner().clone()).await;
        let (of_acme, of_globex) = (tenant(&service, "acme"), tenant(&service, "globex"));
        for _ in 0..2 {
            assert_eq!(read(&of_acme, &[acme]).await.0, [1], "before {way:?}");
            assert_eq!(read(&of_globex, &[globex]).await.0, [2, 3]);
        }
        for db in [&of_acme, &of_globex, &service.db] {
            for round in 0..2 {
                let (answered, shown) = read(db, way).await;
                if answered != shown {
                    wrong.push(format!("{way:?} {round}: {answered:?} is not {shown:?}"));
                }
            }
        }
        for (db, told) in [(&of_acme, acme), (&of_globex, globex)] {
            let (answered, shown) = read(db, &[told]).await;
            if answered != shown {
                wrong.push(format!(
                    "POISONED by {way:?} {told}: {answered:?} is not {shown:?}"
                ));
            }
        }
        // A connection may have been left told for good.
        let _ = service.db.inner().inner().execute_unprepared("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()").await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn count(db: &Db, sql: &'static str) -> usize {
    let rows: Result<Arc<usize>, Arc<DbErr>> = db
        .query(sql, async |db| {
            let transaction = db.begin().await?;
            let rows = transaction
                .query_all_raw(sea_orm::Statement::from_string(
                    sea_orm::DbBackend::Postgres,
                    sql,
                ))
                .await?
                .len();
            transaction.commit().await?;
            Ok(rows)
        })
        .await;
    *rows.unwrap()
}

/// Whatever way leads to rows under a policy, a connection that is everybody's keeps nothing of it.
#[tokio::test]
async fn every_way_to_rows_under_a_policy_is_kept_from_everybody() {
    let Some(service) = service().await else {
        return;
    };
    for sql in [
        "SELECT id FROM doc",
        "SELECT id FROM invoker",
        "SELECT id FROM chained",
        "SELECT id FROM par",
        "SELECT t.id FROM t WHERE EXISTS (SELECT 1 FROM invoker)",
        "SELECT 1 FROM t LEFT JOIN doc USING (id)",
        "SELECT (SELECT count(*) FROM doc) FROM t",
        "WITH x AS (SELECT * FROM chained) SELECT count(*) FROM x",
        "SELECT id FROM par*",
        "TABLE doc",
    ] {
        service.control.sent();
        count(&service.db, sql).await;
        count(&service.db, sql).await;
        assert_eq!(
            service.control.sent().len(),
            2,
            "{sql} was kept: {}",
            service.db.explain_query::<usize>(sql)
        );
    }
}
