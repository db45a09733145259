//! Triggers, down to what they write, set and cannot be understood by.

use larder_sea_orm::analysis::{Columns, Written, analyse_raw, plan};
use larder_sea_orm::catalog::{Catalog, Effect};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use crate::catalog::{catalog_of, name, table, touched, unexplained, update};
use crate::catalog_servers::{mariadb, postgres};

fn nothing() -> Vec<String> {
    Vec::new()
}

/// The columns of a table that its triggers may set.
fn rewritten(catalog: &Catalog, of: &str) -> Vec<String> {
    let table = table(catalog, &name(of));
    let columns = table.columns().iter().enumerate();
    let set = columns.filter(|(place, _)| table.may_rewrite(*place));
    let set: Vec<String> = set.map(|(_, it)| it.name.to_string()).collect();
    assert_eq!(table.rewrites(), !set.is_empty());
    set
}

fn changes(catalog: &Catalog, sql: &str, backend: DbBackend) -> Vec<String> {
    let write = plan(&analyse_raw(sql, None, backend), catalog).write;
    let changes = write.expect("it writes").changes(&Written::default());
    changes.iter().map(ToString::to_string).collect()
}

const TABLES: &str = "
    CREATE TABLE a (id INTEGER PRIMARY KEY, x INT, y INT, z INT AS (y + 1));
    CREATE TABLE b (id INTEGER PRIMARY KEY, x INT);
    CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES b(id) ON DELETE CASCADE, x INT);
    CREATE TABLE d (id INTEGER PRIMARY KEY, x INT, y INT);";

#[tokio::test]
async fn a_trigger_counts_at_its_own_events() {
    let catalog = catalog_of(&format!(
        "{TABLES}
         CREATE TRIGGER one AFTER UPDATE OF x ON d BEGIN DELETE FROM b; END;
         CREATE TRIGGER two BEFORE INSERT ON d BEGIN UPDATE a SET x = 1; END;"
    ))
    .await;
    assert_eq!(touched(&catalog, "d", &update(&["X"])), ["b", "c"]);
    assert_eq!(touched(&catalog, "d", &update(&["y"])), nothing());
    assert_eq!(
        touched(&catalog, "d", &update(&["rowid"])),
        ["b", "c"],
        "what is no column may be any"
    );
    assert_eq!(
        touched(&catalog, "d", &Effect::Update(Columns::Unknown)),
        ["b", "c"]
    );
    assert_eq!(touched(&catalog, "d", &Effect::Insert), ["a"]);
    assert_eq!(touched(&catalog, "d", &Effect::Delete), nothing());
    let upsert = Effect::Upsert(Columns::Named(vec![]));
    assert_eq!(touched(&catalog, "d", &upsert), ["a"], "it may insert");
    assert_eq!(touched(&catalog, "d", &Effect::Any), ["a", "b", "c"]);
    assert_eq!(
        changes(
            &catalog,
            "INSERT INTO d (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET y = 2",
            DbBackend::Sqlite
        ),
        ["table main.a", "row 1 of main.d", "row 1 of main.d"]
    );
    assert_eq!(rewritten(&catalog, "d"), nothing());
}

#[tokio::test]
async fn a_trigger_on_a_column_the_database_computes_fires_with_those_it_is_made_of() {
    let catalog = catalog_of(&format!(
        "{TABLES} CREATE TRIGGER one AFTER UPDATE OF z ON a BEGIN DELETE FROM c; END;"
    ))
    .await;
    assert_eq!(touched(&catalog, "a", &update(&["y"])), ["c"]);
}

#[tokio::test]
async fn triggers_that_set_each_other_off_come_to_an_end() {
    let catalog = catalog_of(&format!(
        "{TABLES}
         CREATE TRIGGER one AFTER INSERT ON a BEGIN INSERT INTO b (id) VALUES (1); END;
         CREATE TRIGGER two AFTER INSERT ON b BEGIN INSERT INTO a (id) VALUES (1); END;
         CREATE TRIGGER own AFTER UPDATE ON d BEGIN UPDATE d SET x = 1 WHERE id = new.id; END;"
    ))
    .await;
    assert_eq!(touched(&catalog, "a", &Effect::Insert), ["a", "b"]);
    assert_eq!(touched(&catalog, "b", &Effect::Insert), ["a", "b"]);
    assert_eq!(
        touched(&catalog, "d", &update(&["y"])),
        ["d"],
        "all of its own table"
    );
}

#[tokio::test]
async fn replacing_counts_for_what_triggers_insert_too() {
    let catalog = catalog_of(&format!(
        "{TABLES} CREATE TRIGGER one AFTER INSERT ON a BEGIN INSERT INTO b (id) VALUES (1); END;"
    ))
    .await;
    assert_eq!(touched(&catalog, "a", &Effect::Insert), ["b"]);
    assert_eq!(touched(&catalog, "a", &Effect::Any), ["b", "c"]);
}

#[tokio::test]
async fn a_trigger_of_sqlite_that_cannot_be_told_is_everything() {
    let catalog = catalog_of(&format!(
        "{TABLES}
         CREATE VIRTUAL TABLE found USING fts5(x);
         CREATE TRIGGER \"finds it\" AFTER INSERT ON a BEGIN INSERT INTO found VALUES (new.x); END;
         CREATE TRIGGER calls AFTER DELETE ON a BEGIN SELECT nobody_knows('x'); END;
         CREATE TRIGGER raises BEFORE UPDATE ON a WHEN new.x IS NULL BEGIN SELECT RAISE(ABORT, 'no'); END;"
    ))
    .await;
    assert_eq!(touched(&catalog, "a", &Effect::Insert), ["everything"]);
    assert_eq!(touched(&catalog, "a", &Effect::Delete), ["everything"]);
    assert_eq!(touched(&catalog, "a", &update(&["x"])), nothing());
    let mut unexplained = unexplained(&catalog);
    unexplained.sort_unstable();
    assert_eq!(
        unexplained,
        [
            (
                "calls on a",
                "nothing is known of the function nobody_knows"
            ),
            ("finds it on a", "it writes found, which is a virtual table"),
        ]
    );
}

const POSTGRES: &str = r#"
    CREATE SCHEMA app;
    CREATE TABLE a (id int PRIMARY KEY, x int, "Y" int, at timestamptz, words tsvector);
    CREATE TABLE b (id int PRIMARY KEY, x int);
    CREATE TABLE app.b (id int PRIMARY KEY, x int);
    CREATE TABLE app.c (id int PRIMARY KEY, x int);
    CREATE FUNCTION writing() RETURNS int LANGUAGE sql AS 'DELETE FROM b RETURNING 1';
    CREATE FUNCTION fn_pure(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';"#;

/// Reads the catalog of a `PostgreSQL` with a trigger on `a` for each of these bodies, which are named `t0`, `t1`, ...
async fn with_bodies(
    timing: &str,
    options: &str,
    bodies: &[&str],
) -> Option<(DatabaseConnection, Vec<Catalog>)> {
    let db = postgres()?.fresh().await;
    db.execute_unprepared(POSTGRES).await.unwrap();
    let mut catalogs = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let script = format!(
            "CREATE FUNCTION f{number}() RETURNS trigger LANGUAGE plpgsql {options} AS $t$ {body} $t$;
             CREATE TRIGGER t{number} {timing} ON a FOR EACH ROW EXECUTE FUNCTION f{number}();"
        );
        db.execute_unprepared(&script).await.unwrap();
        catalogs.push(Catalog::read(&db, "main").await.unwrap());
        db.execute_unprepared(&format!("DROP TRIGGER t{number} ON a"))
            .await
            .unwrap();
    }
    Some((db, catalogs))
}

#[tokio::test]
async fn a_function_that_is_not_understood_is_everything() {
    let bodies = [
        "BEGIN EXECUTE 'DELETE FROM b'; RETURN NULL; END",
        "BEGIN PERFORM writing(); RETURN NULL; END",
        "BEGIN NEW.x := writing(); RETURN NULL; END",
        "BEGIN IF writing() > 1 THEN RETURN NULL; END IF; RETURN NULL; END",
        "BEGIN RAISE NOTICE '%', writing(); RETURN NULL; END",
        "DECLARE n int := writing(); BEGIN RETURN NULL; END",
        "BEGIN CREATE TEMP TABLE b (id int); INSERT INTO b VALUES (1); RETURN NULL; END",
        "BEGIN PERFORM set_config('search_path', 'app', false); RETURN NULL; END",
        "BEGIN SET search_path = app; RETURN NULL; END",
        "BEGIN INSERT INTO nowhere VALUES (1); RETURN NULL; END",
        "BEGIN CALL p(); RETURN NULL; END",
    ];
    let Some((_db, catalogs)) = with_bodies("AFTER INSERT", "", &bodies).await else {
        return;
    };
    for (number, (catalog, body)) in catalogs.iter().zip(bodies).enumerate() {
        assert_eq!(
            touched(catalog, "a", &Effect::Insert),
            ["everything"],
            "{body}"
        );
        assert_eq!(touched(catalog, "a", &update(&["x"])), nothing(), "{body}");
        let [(name, reason)] = unexplained(catalog)[..] else {
            panic!("one trigger: {body}");
        };
        assert_eq!(name, format!("t{number} on public.a"));
        assert!(!reason.is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_function_writes_where_it_looks_for_names() {
    let body = ["BEGIN DELETE FROM b; RETURN NULL; END"];
    let qualified = [
        "BEGIN DELETE FROM app.c; PERFORM fn_pure(1), pg_notify('a', NEW.id::text), nextval('s'); RETURN NULL; END",
    ];
    for (options, body, expected) in [
        ("", body, "b"),
        ("SET search_path = app, public", body, "app.b"),
        ("SET search_path = ''", body, "everything"),
        ("SET search_path = \"$user\", public", body, "everything"),
        ("SECURITY DEFINER", body, "everything"),
        ("SECURITY DEFINER", qualified, "app.c"),
        (
            "SECURITY DEFINER SET search_path = public, pg_temp",
            body,
            "b",
        ),
        ("SET timezone = 'UTC'", body, "everything"),
    ] {
        let Some((_db, catalogs)) = with_bodies("AFTER DELETE", options, &body).await else {
            return;
        };
        assert_eq!(
            touched(&catalogs[0], "a", &Effect::Delete),
            [expected],
            "{options}"
        );
    }
}

#[tokio::test]
async fn what_a_function_sets_of_its_row_is_told_by_column() {
    let bodies = [
        "BEGIN NEW.at := now(); RETURN NEW; END",
        "BEGIN NEW.\"Y\" = 1; SELECT 1 INTO NEW.x; RETURN NEW; END",
        "BEGIN NEW.id := NEW.id + 1; RETURN NEW; END",
        "DECLARE r a; BEGIN r := NEW; r.x := 1; RETURN r; END",
        "BEGIN RETURN OLD; END",
        "BEGIN IF NEW.x > 1 THEN RETURN NULL; END IF; RETURN NEW; END",
    ];
    let Some((db, catalogs)) = with_bodies("BEFORE UPDATE", "", &bodies).await else {
        return;
    };
    let all = ["id", "x", "Y", "at", "words"];
    for (catalog, expected) in
        catalogs
            .iter()
            .zip([&["at"][..], &["x", "Y"], &["id"], &all, &all, &[]])
    {
        assert_eq!(rewritten(catalog, "a"), expected);
    }
    let whole = |catalog| touched(catalog, "a", &update(&["x"])) == ["a"];
    assert!(!whole(&catalogs[0]) && !whole(&catalogs[1]));
    assert!(
        whole(&catalogs[2]) && whole(&catalogs[3]),
        "another row may come of it"
    );
    assert_eq!(touched(&catalogs[2], "a", &Effect::Insert), nothing());

    db.execute_unprepared(
        "CREATE TRIGGER d BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
         CREATE TRIGGER w BEFORE UPDATE ON a FOR EACH ROW
             EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.english', x);",
    )
    .await
    .unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    assert_eq!(rewritten(&catalog, "a"), ["words"]);
    assert_eq!(touched(&catalog, "a", &update(&["x"])), nothing());
}

#[tokio::test]
async fn the_row_of_a_trigger_that_runs_afterwards_is_not_changed_by_it() {
    let bodies = ["BEGIN NEW.x := 1; RETURN OLD; END"];
    let Some((_db, catalogs)) = with_bodies("AFTER UPDATE", "", &bodies).await else {
        return;
    };
    assert_eq!(rewritten(&catalogs[0], "a"), nothing());
}

#[tokio::test]
async fn what_is_disabled_or_conditional_counts() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    let script = "
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM b; RETURN NULL; END';
        CREATE FUNCTION told(int) RETURNS bool LANGUAGE sql AS 'SELECT writing() > 1';
        CREATE TRIGGER one AFTER INSERT ON a EXECUTE FUNCTION f();
        CREATE TRIGGER two AFTER UPDATE OF x ON a FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION f();
        CREATE TRIGGER three AFTER TRUNCATE ON a EXECUTE FUNCTION f();
        CREATE TRIGGER four AFTER UPDATE OF x ON app.c FOR EACH ROW WHEN (told(NEW.x)) EXECUTE FUNCTION f();
        ALTER TABLE a DISABLE TRIGGER one;";
    db.execute_unprepared(&format!("{POSTGRES}{script}"))
        .await
        .unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    assert_eq!(
        touched(&catalog, "a", &Effect::Insert),
        ["b"],
        "it may be enabled again"
    );
    assert_eq!(touched(&catalog, "a", &update(&["x"])), ["b"]);
    assert_eq!(touched(&catalog, "a", &update(&["Y"])), nothing());
    assert_eq!(touched(&catalog, "a", &Effect::Truncate), ["b"]);
    assert_eq!(touched(&catalog, "a", &Effect::Delete), nothing());
    let c = table(&catalog, &crate::catalog::of("app", "c"));
    assert!(catalog.effects(c, &update(&["x"])).everything);
}

#[tokio::test]
async fn a_session_with_other_quotes_does_not_read_functions() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    let script = r"
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $t$ BEGIN RAISE NOTICE 'a\'; RETURN NULL; END $t$;
        CREATE TRIGGER one AFTER INSERT ON a EXECUTE FUNCTION f();";
    db.execute_unprepared(&format!("{POSTGRES}{script}"))
        .await
        .unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    assert_eq!(touched(&catalog, "a", &Effect::Insert), nothing());
    db.execute_unprepared("SET standard_conforming_strings = off")
        .await
        .unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    assert_eq!(touched(&catalog, "a", &Effect::Insert), ["everything"]);
}

#[tokio::test]
async fn a_row_that_moves_to_another_partition_is_deleted_and_inserted() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    let script = "
        CREATE TABLE split (id int, at int, x int) PARTITION BY RANGE (at);
        CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (10);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM b; RETURN NULL; END';
        CREATE TRIGGER one AFTER DELETE ON split_1 FOR EACH ROW EXECUTE FUNCTION f();";
    db.execute_unprepared(&format!("{POSTGRES}{script}"))
        .await
        .unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    assert_eq!(touched(&catalog, "split", &update(&["x"])), nothing());
    assert_eq!(touched(&catalog, "split", &update(&["at"])), ["b"]);
}

#[tokio::test]
async fn triggers_of_mariadb_are_read() {
    let Some(server) = mariadb() else { return };
    let db = server.fresh().await;
    for statement in [
        "CREATE TABLE a (id int PRIMARY KEY, x int, y int)",
        "CREATE TABLE b (id int PRIMARY KEY, x int)",
        "CREATE TABLE c (id int PRIMARY KEY, x int)",
        "CREATE PROCEDURE p() DELETE FROM b",
        "CREATE TRIGGER sets BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 1, @v = 2",
        "CREATE TRIGGER writes AFTER DELETE ON a FOR EACH ROW BEGIN IF OLD.x > 1 THEN DELETE FROM b; END IF; END",
        "CREATE TRIGGER calls AFTER UPDATE ON b FOR EACH ROW CALL p()",
        "CREATE TRIGGER settings BEFORE DELETE ON b FOR EACH ROW SET time_zone = '+1:00'",
        "CREATE TRIGGER rekeys BEFORE UPDATE ON c FOR EACH ROW SET NEW.id = NEW.id + 1",
        "SET sql_mode = 'ANSI_QUOTES'",
        "CREATE TRIGGER quotes AFTER INSERT ON c FOR EACH ROW DELETE FROM \"a\"",
        "SET sql_mode = DEFAULT",
    ] {
        db.execute_unprepared(statement).await.unwrap();
    }
    let catalog = Catalog::read(&db, "main").await.unwrap();
    assert_eq!(rewritten(&catalog, "a"), ["x"]);
    assert_eq!(touched(&catalog, "a", &Effect::Insert), nothing());
    assert_eq!(
        touched(&catalog, "a", &Effect::Delete),
        ["everything"],
        "through `settings`"
    );
    assert_eq!(touched(&catalog, "a", &update(&["x"])), nothing());
    assert_eq!(touched(&catalog, "b", &update(&["x"])), ["everything"]);
    assert_eq!(touched(&catalog, "c", &update(&["x"])), ["c"]);
    assert_eq!(touched(&catalog, "c", &Effect::Insert), ["everything"]);
    let mut names: Vec<_> = unexplained(&catalog)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["calls on b", "quotes on c", "settings on b"]);
}

/// Seen to fail without `writes_when_read` (`analysis/writing.rs`) and without the bodies (`postgres_functions.rs`).
#[tokio::test]
async fn what_writes_in_disguise_is_no_read_in_postgres() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    db.execute_unprepared(
        "CREATE TABLE a (id int PRIMARY KEY);
         CREATE FUNCTION writes() RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO a VALUES (1) RETURNING id';
         CREATE FUNCTION sneaky() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN writes(); END';
         CREATE FUNCTION sneakier() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT sneaky()';
         CREATE FUNCTION becomes(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT set_config(''app.who'', $1, true)';
         CREATE FUNCTION honest() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM a';
         CREATE VIEW writing AS SELECT id, writes() FROM a;
         CREATE VIEW through AS SELECT id FROM writing;
         CREATE VIEW counting AS SELECT honest();",
    )
    .await
    .unwrap();
    let catalog = Catalog::read(&db, "main").await.unwrap();
    let writes = |sql| {
        let analysis = analyse_raw(sql, None, DbBackend::Postgres);
        let write = plan(&analysis, &catalog).write;
        write.is_some_and(|write| write.is_everything())
    };
    for (sql, expected) in [
        ("SELECT sneaky()", true),
        ("SELECT sneakier()", true),
        ("SELECT becomes('x')", true),
        ("UPDATE a SET id = sneaky()", true),
        ("SELECT * FROM writing", true),
        ("SELECT * FROM a JOIN public.through t ON true", true),
        ("SELECT honest()", false),
        ("SELECT * FROM counting", false),
    ] {
        assert_eq!(writes(sql), expected, "{sql}");
    }
}

#[tokio::test]
async fn a_view_that_writes_is_no_read_in_mariadb() {
    let Some(server) = mariadb() else { return };
    let db = server.fresh().await;
    for sql in [
        "CREATE TABLE a (id int PRIMARY KEY)",
        "CREATE FUNCTION writes() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO a VALUES (1); RETURN 1; END",
        "CREATE VIEW writing AS SELECT id, writes() FROM a",
        "CREATE VIEW through AS SELECT id FROM writing",
        "CREATE VIEW plain AS SELECT id FROM a",
    ] {
        db.execute_unprepared(sql).await.unwrap();
    }
    let catalog = Catalog::read(&db, "main").await.unwrap();
    for (view, expected) in [("writing", true), ("through", true), ("plain", false)] {
        let analysis = analyse_raw(&format!("SELECT * FROM {view}"), None, DbBackend::MySql);
        let write = plan(&analysis, &catalog).write;
        assert_eq!(write.is_some(), expected, "{view}");
    }
}
