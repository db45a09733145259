//! Views, down to the tables they are made of.

use larder_core::Dependency;
use larder_sea_orm::analysis::{Uncacheable, Unresolved, Written, analyse_raw, plan};
use larder_sea_orm::catalog::{Catalog, Part};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::catalog::{catalog_of, name, of, sqlite, unexplained, unresolved, view};
use crate::catalog_columns::read;
use crate::catalog_servers::{mariadb, postgres};

fn read_of(catalog: &Catalog, sql: &str, backend: DbBackend) -> Result<Vec<String>, Uncacheable> {
    let read = plan(&analyse_raw(sql, None, backend), catalog).read?;
    Ok(read
        .dependencies
        .iter()
        .map(Dependency::to_string)
        .collect())
}

fn changes(catalog: &Catalog, sql: &str, backend: DbBackend) -> Vec<String> {
    let write = plan(&analyse_raw(sql, None, backend), catalog).write;
    let changes = write.expect("it writes").changes(&Written::default());
    changes.iter().map(ToString::to_string).collect()
}

/// The reason why a view is not understood.
fn reason<'a>(catalog: &'a Catalog, view: &str) -> &'a str {
    assert_eq!(unresolved(catalog, &name(view)), Unresolved::View);
    let unexplained = catalog.unexplained().find(|it| it.name() == view);
    let unexplained = unexplained.expect("it is not explained");
    assert_eq!(unexplained.part(), Part::View);
    unexplained.reason()
}

const SQLITE: &str = "
    CREATE TABLE note (id INTEGER PRIMARY KEY, author INT, text TEXT);
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE log (id INTEGER PRIMARY KEY, note INT REFERENCES note(id) ON DELETE CASCADE);
    CREATE VIEW [outer] AS SELECT * FROM named WHERE id IN (SELECT note FROM log);
    CREATE VIEW named (id, name) AS
        WITH a AS (SELECT * FROM author) SELECT n.id, a.name FROM note n JOIN a ON a.id = n.author;
    CREATE VIEW alone AS SELECT id, text FROM note;
    CREATE VIEW chance AS SELECT id FROM note ORDER BY random();
    CREATE VIEW today AS SELECT id, date('now') AS d FROM note;
    CREATE VIEW gone AS SELECT * FROM missing;
    CREATE VIEW far AS SELECT * FROM gone;
    CREATE VIEW me AS SELECT * FROM me_too;
    CREATE VIEW me_too AS SELECT * FROM me;
    CREATE VIEW inner_system AS SELECT name FROM sqlite_master;
    CREATE TEMP VIEW passing AS SELECT * FROM note;";

#[tokio::test]
async fn a_view_is_the_tables_it_is_made_of() {
    let catalog = catalog_of(SQLITE).await;
    assert_eq!(view(&catalog, &name("alone")), (vec!["note".into()], None));
    let two = vec!["author".to_owned(), "note".into()];
    assert_eq!(view(&catalog, &name("NAMED")).0, two);
    let three = vec!["author".to_owned(), "log".into(), "note".into()];
    assert_eq!(view(&catalog, &of("main", "outer")).0, three);
    let read = |sql| read_of(&catalog, sql, DbBackend::Sqlite);
    let mut dependencies = read("SELECT * FROM \"outer\" WHERE id = 7").unwrap();
    dependencies.sort();
    assert_eq!(
        dependencies,
        ["table main.author", "table main.log", "table main.note"]
    );
    assert_eq!(
        read("SELECT * FROM alone WHERE id = 7").unwrap(),
        ["table main.note"],
        "its columns are not the table's"
    );
}

#[tokio::test]
async fn a_view_that_answers_differently_each_time_is_not_kept() {
    let catalog = catalog_of(SQLITE).await;
    assert!(reason(&catalog, "chance").contains("random"));
    assert!(reason(&catalog, "today").contains("date"));
    assert!(reason(&catalog, "gone").contains("missing"));
    assert!(reason(&catalog, "far").contains("missing"));
    assert_eq!(reason(&catalog, "me"), "it reads itself");
    assert!(reason(&catalog, "inner_system").contains("sqlite_master"));
    assert_eq!(
        unresolved(&catalog, &name("passing")),
        Unresolved::Temporary
    );
    assert_eq!(
        read_of(&catalog, "SELECT * FROM chance", DbBackend::Sqlite),
        Err(Uncacheable::Unresolved("chance".into(), Unresolved::View))
    );
}

#[tokio::test]
async fn a_view_finds_the_tables_of_its_own_schema() {
    let catalog = catalog_of(
        "ATTACH ':memory:' AS aux;
         CREATE TABLE main.note (id INTEGER PRIMARY KEY);
         CREATE TABLE aux.note (id INTEGER PRIMARY KEY);
         CREATE VIEW aux.notes AS SELECT * FROM note;
         CREATE TEMP TABLE passing (id INTEGER PRIMARY KEY);
         CREATE TABLE main.passing (id INTEGER PRIMARY KEY);
         CREATE VIEW main.passings AS SELECT * FROM passing;",
    )
    .await;
    assert_eq!(view(&catalog, &name("notes")).0, ["aux.note"]);
    assert_eq!(view(&catalog, &name("passings")).0, ["passing"]);
}

#[tokio::test]
async fn a_write_of_a_view_changes_what_it_is_made_of() {
    let catalog = catalog_of(&format!(
        "{SQLITE}
         CREATE TABLE other (id INTEGER PRIMARY KEY);
         CREATE TRIGGER into_other INSTEAD OF INSERT ON alone BEGIN INSERT INTO other VALUES (new.id); END;"
    ))
    .await;
    let changes = |sql| changes(&catalog, sql, DbBackend::Sqlite);
    assert_eq!(
        changes("DELETE FROM alone WHERE id = 1"),
        ["table main.note", "table main.log"]
    );
    assert_eq!(
        changes("INSERT INTO alone (id) VALUES (1)"),
        ["table main.other", "table main.note"]
    );
    assert_eq!(changes("DELETE FROM chance"), ["everything"]);
}

const POSTGRES: &str = "
    CREATE SCHEMA app;
    CREATE TABLE note (id int PRIMARY KEY, author int, body text);
    CREATE TABLE author (id int PRIMARY KEY, name text);
    CREATE TABLE app.note (id int PRIMARY KEY);
    CREATE TABLE \"Odd\" (\"Id\" int);
    CREATE TABLE event (id int, at int) PARTITION BY RANGE (at);
    CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10);
    CREATE TABLE mine (id int);
    ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
    CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
    CREATE FUNCTION total() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.note';
    CREATE FUNCTION noisy_plus(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
    CREATE OPERATOR <~> (leftarg = int, rightarg = int, function = noisy_plus);
    CREATE VIEW alone AS SELECT id, twice(author) AS a, upper(body) || E'\\\\' AS b FROM note WHERE body <> 'x''y';
    CREATE VIEW named AS SELECT n.id, a.name, o.\"Id\" AS odd FROM note n LEFT JOIN author a ON a.id = n.author
        CROSS JOIN \"Odd\" o WHERE EXISTS (SELECT FROM app.note WHERE note.id = n.id);
    CREATE VIEW app.outermost AS SELECT * FROM named UNION ALL SELECT id, NULL, NULL FROM event_1;
    CREATE VIEW ranked AS WITH RECURSIVE up AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM up WHERE n < 3)
        SELECT n.id, row_number() OVER (ORDER BY n.id) FROM up JOIN note n ON up.n = n.id;
    CREATE VIEW secret AS SELECT * FROM mine;
    CREATE VIEW today AS SELECT id, now() AS at FROM note;
    CREATE VIEW mine_alone AS SELECT id FROM note WHERE body = CURRENT_USER;
    CREATE VIEW totals AS SELECT id, total() AS all FROM note;
    CREATE VIEW plus AS SELECT id <~> 1 AS x FROM note;
    CREATE VIEW only_one AS SELECT id FROM ONLY note;
    CREATE VIEW sample AS SELECT id FROM note TABLESAMPLE SYSTEM (50);
    CREATE VIEW by_class AS SELECT id FROM note WHERE tableoid = 'author'::regclass;
    CREATE VIEW classes AS SELECT relname FROM pg_class;
    CREATE MATERIALIZED VIEW old AS SELECT * FROM note;
    CREATE VIEW through_old AS SELECT * FROM old;
    CREATE VIEW readable AS SELECT id FROM author;
    CREATE FUNCTION friends(readable) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM note';";

#[tokio::test]
async fn views_of_postgres_are_understood_or_not_kept() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    db.execute_unprepared(POSTGRES).await.unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let tables = |name: &str| view(&catalog, &crate::catalog::name(name)).0;
    assert_eq!(tables("alone"), ["note"]);
    assert_eq!(tables("named"), ["Odd", "app.note", "author", "note"]);
    assert_eq!(
        view(&catalog, &of("app", "outermost")).0,
        ["Odd", "app.note", "author", "event", "note"]
    );
    assert_eq!(tables("ranked"), ["note"]);
    let secret = view(&catalog, &name("secret"));
    assert_eq!(
        secret,
        (vec!["mine".into()], Some(Unresolved::RowSecurity)),
        "its owner decides, not who asks"
    );
    let readable = view(&catalog, &name("readable")).1;
    assert_eq!(readable, Some(Unresolved::RowFunctions));
    for (view, because) in [
        ("today", "now"),
        ("mine_alone", "user"),
        ("totals", "not immutable"),
        ("plus", "not immutable"),
        ("only_one", "only"),
        ("sample", "sample"),
        ("by_class", "other relations"),
        ("classes", "pg_class"),
        ("through_old", "REFRESH"),
    ] {
        let reason = reason(&catalog, view).to_lowercase();
        assert!(reason.contains(&because.to_lowercase()), "{view}: {reason}");
    }
    let read = |sql| read_of(&catalog, sql, DbBackend::Postgres);
    assert_eq!(
        read("SELECT * FROM alone WHERE id = 1").unwrap(),
        ["table main.note"]
    );
    assert_eq!(
        read("SELECT * FROM secret"),
        Err(Uncacheable::Unresolved(
            "secret".into(),
            Unresolved::RowSecurity
        ))
    );
    assert_eq!(
        read("SELECT * FROM old"),
        Err(Uncacheable::Unresolved(
            "old".into(),
            Unresolved::MaterializedView
        ))
    );
}

#[tokio::test]
async fn a_view_of_postgres_with_rules_is_everything_when_written() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    let rules = "CREATE VIEW ruled AS SELECT * FROM author;
         CREATE RULE r AS ON INSERT TO ruled DO INSTEAD INSERT INTO note VALUES (1);
         CREATE VIEW over AS SELECT * FROM ruled;";
    db.execute_unprepared(&format!("{POSTGRES}{rules}"))
        .await
        .unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let changes = |sql| changes(&catalog, sql, DbBackend::Postgres);
    assert_eq!(changes("INSERT INTO ruled VALUES (1, 'x')"), ["everything"]);
    assert_eq!(changes("INSERT INTO over VALUES (1, 'x')"), ["everything"]);
    assert_eq!(
        changes("UPDATE alone SET id = 1 WHERE id = 2"),
        ["table main.note"]
    );
}

#[tokio::test]
async fn views_of_mariadb_are_understood_or_not_kept() {
    let Some(server) = mariadb() else { return };
    let own = server.database().await;
    let db = server.connect(&own, "larder").await;
    let catalog = read(
        &db,
        "CREATE TABLE note (id int PRIMARY KEY, author int, body varchar(20));
         CREATE TABLE author (id int PRIMARY KEY, name varchar(20));
         CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2;
         CREATE VIEW alone AS SELECT id, concat(body, 'x''y\"') AS b FROM note;
         CREATE VIEW casted AS SELECT cast(author AS char) AS c FROM note;
         CREATE VIEW named AS SELECT n.id, a.name FROM note n LEFT JOIN author a ON a.id = n.author
             WHERE n.id IN (SELECT max(id) FROM note GROUP BY author HAVING count(*) > 1);
         CREATE VIEW outermost AS SELECT * FROM named UNION SELECT id, NULL FROM alone;
         CREATE VIEW today AS SELECT id, now() AS at FROM note;
         CREATE VIEW me AS SELECT id FROM note WHERE body = CURRENT_USER();
         CREATE VIEW doubled AS SELECT twice(id) AS id FROM note;
         CREATE VIEW system_view AS SELECT table_name FROM information_schema.tables",
    )
    .await;
    assert_eq!(view(&catalog, &name("alone")).0, ["note"]);
    assert_eq!(view(&catalog, &of(&own, "outermost")).0, ["author", "note"]);
    assert!(reason(&catalog, "casted").contains("parsed"));
    assert!(reason(&catalog, "today").contains("current_timestamp"));
    assert!(reason(&catalog, "me").contains("current_user"));
    assert!(reason(&catalog, "doubled").contains("twice"));
    assert!(reason(&catalog, "system_view").contains("information_schema"));

    let user = format!("{own}_app");
    let grant = format!("CREATE USER {user}; GRANT SELECT ON {own}.* TO {user}");
    read(&db, &grant).await;
    let app = server.connect(&own, &user).await;
    let catalog = Catalog::read(&app, "main").await.unwrap();
    assert!(reason(&catalog, "alone").contains("hidden"));
    let refused = read_of(&catalog, "SELECT * FROM alone", DbBackend::MySql);
    assert!(refused.is_err());
}

#[tokio::test]
async fn what_is_not_explained_is_told_by_name() {
    let db = sqlite(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT random() AS r FROM t",
    )
    .await;
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let [(name, reason)] = unexplained(&catalog)[..] else {
        panic!("one view");
    };
    assert_eq!(name, "v");
    assert!(reason.contains("random"), "{reason}");
}
