//! The catalog of a real `PostgreSQL`.

use larder_sea_orm::analysis::{
    Columns, Name, Nature, RelationName, Uncacheable, Unresolved, Written, analyse_raw, plan,
};
use larder_sea_orm::canonical::ColumnClass;
use larder_sea_orm::catalog::{Catalog, Effect};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::catalog::{key, name, of, table, touched, unexplained, unresolved, update};
use crate::catalog_servers::postgres;

async fn database(script: &str) -> Option<DatabaseConnection> {
    let db = postgres()?.fresh().await;
    db.execute_unprepared(script)
        .await
        .expect("the script runs");
    Some(db)
}

async fn read(db: &DatabaseConnection) -> Catalog {
    Catalog::read(db, "main")
        .await
        .expect("the catalog is read")
}

fn changes(catalog: &Catalog, sql: &str, written: &Written<'_>) -> Vec<String> {
    let plan = plan(&analyse_raw(sql, None, DbBackend::Postgres), catalog);
    let write = plan.write.expect("it writes");
    write
        .changes(written)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[tokio::test]
async fn keys_are_read_with_their_classes() {
    let Some(db) = database(
        "CREATE EXTENSION citext;
           CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
           CREATE DOMAIN code AS int;
           CREATE TYPE mood AS ENUM ('good', 'bad');
           CREATE TABLE serial (id bigserial PRIMARY KEY, x text);
           CREATE TABLE small (id int2 PRIMARY KEY);
           CREATE TABLE ident (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
           CREATE TABLE textual (slug varchar(20) PRIMARY KEY);
           CREATE TABLE padded (slug char(20) PRIMARY KEY);
           CREATE TABLE folded (slug citext PRIMARY KEY);
           CREATE TABLE loose (slug text COLLATE loose PRIMARY KEY);
           CREATE TABLE binary_key (id bytea PRIMARY KEY);
           CREATE TABLE domain_key (id code PRIMARY KEY);
           CREATE TABLE enum_key (id mood PRIMARY KEY);
           CREATE TABLE day (id date PRIMARY KEY);
           CREATE TABLE pair (b int, a text, c int, PRIMARY KEY (a, b) INCLUDE (c));
           CREATE TABLE keyless (a int);",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    let key = |of| {
        let key = key(table(&catalog, &name(of)));
        assert!(
            key.iter().all(|(_, _, automatic)| !automatic),
            "there is no last insert id"
        );
        key.into_iter()
            .map(|(name, class, _)| (name, class))
            .collect::<Vec<_>>()
    };
    for (table, column, class) in [
        ("serial", "id", ColumnClass::Int),
        ("small", "id", ColumnClass::Int),
        ("ident", "id", ColumnClass::Uuid),
        ("textual", "slug", ColumnClass::Exact),
        ("padded", "slug", ColumnClass::Text),
        ("folded", "slug", ColumnClass::Text),
        ("loose", "slug", ColumnClass::Other),
        ("binary_key", "id", ColumnClass::Bytes),
        ("domain_key", "id", ColumnClass::Other),
        ("enum_key", "id", ColumnClass::Exact),
        ("day", "id", ColumnClass::Other),
    ] {
        assert_eq!(key(table), [(column, class)], "{table}");
    }
    assert_eq!(
        key("pair"),
        [("a", ColumnClass::Exact), ("b", ColumnClass::Int)]
    );
    assert_eq!(key("keyless"), []);
}

#[tokio::test]
async fn names_are_looked_up_along_the_search_path() {
    let Some(db) = database(
        r#"CREATE SCHEMA app; CREATE SCHEMA hidden;
           CREATE TABLE public.note (id int PRIMARY KEY);
           CREATE TABLE app.note (id int PRIMARY KEY);
           CREATE TABLE app."Mixed" (id int PRIMARY KEY);
           CREATE TABLE hidden.secret (id int PRIMARY KEY);
           CREATE TEMP TABLE passing (id int);
           CREATE TABLE app.passing (id int);
           SET search_path = app, public;"#,
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    let full = |name| table(&catalog, &name).name().to_string();
    assert_eq!(
        full(name("note")),
        "main.app.note",
        "the same wherever the path leads"
    );
    assert_eq!(full(of("public", "note")), "main.note");
    assert_eq!(
        full(RelationName::new(Name::plain("NOTE"))),
        "main.app.note"
    );
    assert_eq!(unresolved(&catalog, &name("NOTE")), Unresolved::Unknown);
    assert_eq!(full(name("Mixed")), "main.app.Mixed");
    assert_eq!(
        unresolved(&catalog, &RelationName::new(Name::plain("Mixed"))),
        Unresolved::Unknown
    );
    assert_eq!(unresolved(&catalog, &name("secret")), Unresolved::Unknown);
    assert_eq!(full(of("hidden", "secret")), "main.hidden.secret");
    assert_eq!(
        unresolved(&catalog, &name("passing")),
        Unresolved::Temporary
    );
    assert_eq!(unresolved(&catalog, &name("pg_class")), Unresolved::System);
    assert_eq!(
        unresolved(&catalog, &of("pg_catalog", "pg_class")),
        Unresolved::System
    );
    assert_eq!(
        unresolved(&catalog, &of("information_schema", "tables")),
        Unresolved::System
    );
    let only = analyse_raw("SELECT * FROM ONLY note", None, DbBackend::Postgres);
    let refused = plan(&only, &catalog).read.unwrap_err();
    assert_eq!(refused.to_string(), "ONLY cannot be taken apart");
}

/// Seen to fail without `hidden` (`catalog/postgres.rs`).
#[tokio::test]
async fn a_function_that_needs_no_name_to_be_called_keeps_everything_out() {
    let make = |nature| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE other (id int);
             CREATE FUNCTION far(text, int) RETURNS boolean LANGUAGE sql {nature}
                 AS 'SELECT EXISTS (SELECT FROM other WHERE id = $2)';
             CREATE OPERATOR = (FUNCTION = far, LEFTARG = text, RIGHTARG = int);"
        )
    };
    for (nature, kept) in [("STABLE", false), ("IMMUTABLE", true)] {
        let Some(db) = database(&make(nature)).await else {
            return;
        };
        let catalog = read(&db).await;
        let read = analyse_raw("SELECT a FROM t WHERE id = 1", None, DbBackend::Postgres);
        let read = plan(&read, &catalog).read;
        assert_eq!(read.is_ok(), kept, "{read:?}");
        assert_eq!(catalog.unexplained().next().is_none(), kept);
    }
}

#[tokio::test]
async fn what_is_no_table_is_unresolved() {
    let Some(db) = database(
        "CREATE TABLE t (id serial PRIMARY KEY);
         CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
         CREATE EXTENSION postgres_fdw;
         CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;
         CREATE FOREIGN TABLE f (id int) SERVER far;",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    assert_eq!(
        unresolved(&catalog, &name("m")),
        Unresolved::MaterializedView
    );
    assert_eq!(unresolved(&catalog, &name("f")), Unresolved::Foreign);
    assert_eq!(
        unresolved(&catalog, &name("t_id_seq")),
        Unresolved::Sequence
    );
}

#[tokio::test]
async fn foreign_keys_carry_writes_on() {
    let Some(db) = database(
        "CREATE SCHEMA app;
         CREATE TABLE author (id int PRIMARY KEY, code text UNIQUE, name text);
         CREATE TABLE book (id int PRIMARY KEY, author_id int REFERENCES author ON DELETE CASCADE);
         CREATE TABLE app.page (book_id int REFERENCES book ON DELETE SET NULL);
         CREATE TABLE badge (code text PRIMARY KEY REFERENCES author(code) ON UPDATE CASCADE);
         CREATE TABLE door (code text REFERENCES badge ON UPDATE SET DEFAULT);
         CREATE TABLE guarded (author_id int REFERENCES author ON DELETE RESTRICT);",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    assert_eq!(
        touched(&catalog, "author", &Effect::Delete),
        ["app.page", "book"]
    );
    assert_eq!(
        touched(&catalog, "author", &update(&["name"])),
        Vec::<String>::new()
    );
    assert_eq!(
        touched(&catalog, "author", &update(&["code"])),
        ["badge", "door"]
    );
    assert_eq!(
        touched(&catalog, "author", &Effect::Update(Columns::Unknown)),
        ["badge", "door"]
    );
    let all = ["app.page", "badge", "book", "door", "guarded"];
    assert_eq!(touched(&catalog, "author", &Effect::Truncate), all);
}

#[tokio::test]
async fn rules_and_calling_defaults_are_everything() {
    let Some(db) = database(
        "CREATE TABLE plain (id int PRIMARY KEY);
         CREATE TABLE referred (id int PRIMARY KEY REFERENCES plain);
         CREATE TABLE ruled (id int PRIMARY KEY REFERENCES plain ON DELETE CASCADE);
         CREATE RULE r AS ON INSERT TO ruled DO ALSO DELETE FROM referred;
         CREATE FUNCTION next_number() RETURNS int LANGUAGE sql AS 'UPDATE plain SET id = id + 1 RETURNING id';
         CREATE TABLE numbered (id int PRIMARY KEY DEFAULT next_number());
         CREATE EXTENSION \"uuid-ossp\";
         CREATE TABLE identified (id uuid PRIMARY KEY DEFAULT uuid_generate_v4());",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    assert_eq!(
        touched(&catalog, "plain", &Effect::Insert),
        Vec::<String>::new()
    );
    assert_eq!(
        touched(&catalog, "referred", &Effect::Delete),
        Vec::<String>::new()
    );
    assert_eq!(touched(&catalog, "ruled", &Effect::Insert), ["everything"]);
    assert_eq!(
        touched(&catalog, "numbered", &Effect::Insert),
        ["everything"]
    );
    assert_eq!(
        touched(&catalog, "identified", &Effect::Insert),
        Vec::<String>::new()
    );
    assert_eq!(
        touched(&catalog, "numbered", &Effect::Delete),
        Vec::<String>::new()
    );
    assert_eq!(touched(&catalog, "plain", &Effect::Delete), ["everything"]);
    let mut unexplained = unexplained(&catalog);
    unexplained.sort_unstable();
    let expected = [
        (
            "id on public.numbered",
            "it calls a function that may write",
        ),
        ("r on public.ruled", "rules rewrite statements"),
    ];
    assert_eq!(unexplained, expected);
}

#[tokio::test]
async fn partitions_are_the_table_they_belong_to() {
    let Some(db) = database(
        "CREATE TABLE event (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10);
         CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
         CREATE TABLE event_2a PARTITION OF event_2 FOR VALUES FROM (0) TO (10);
         CREATE TABLE parent (id int PRIMARY KEY);
         CREATE TABLE heir (extra int) INHERITS (parent);
         CREATE TABLE other (id int PRIMARY KEY);
         CREATE TABLE two () INHERITS (parent, other);",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    for partition in ["event", "event_1", "event_2", "event_2a"] {
        let table = table(&catalog, &name(partition));
        assert_eq!(table.name().to_string(), "main.event", "{partition}");
        assert_eq!(table.key().len(), 2, "{partition}");
    }
    let family: Vec<_> = ["parent", "heir", "other", "two"]
        .map(|one| table(&catalog, &name(one)))
        .into_iter()
        .map(|one| (one.name().to_string(), one.key().len()))
        .collect();
    assert!(family.iter().all(|one| *one == family[0]), "{family:?}");
    assert_eq!(family[0].1, 0, "an heir may have a row of the same key");
    let by_leaf = "DELETE FROM event_2a WHERE id = 1 AND at = 12";
    assert_eq!(
        changes(&catalog, by_leaf, &Written::default()),
        ["row 1/12 of main.event"]
    );
}

#[tokio::test]
async fn what_depends_on_who_asks_is_guarded() {
    let Some(db) = database(
        "CREATE TABLE mine (id int PRIMARY KEY);
         ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
         ALTER TABLE mine FORCE ROW LEVEL SECURITY;
         CREATE POLICY own ON mine USING (id = current_setting('app.user')::int);
         CREATE TABLE person (id int PRIMARY KEY, name text);
         CREATE FUNCTION friends(person) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM mine';
         CREATE TABLE plain (id int PRIMARY KEY);
         CREATE FUNCTION twice(plain) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
         CREATE ROLE app LOGIN;
         GRANT ALL ON ALL TABLES IN SCHEMA public TO app;",
    )
    .await
    else {
        return;
    };
    let owner = read(&db).await;
    let guard = |catalog: &Catalog, of| table(catalog, &name(of)).guard();
    assert_eq!(guard(&owner, "mine"), None, "a superuser sees all rows");
    assert_eq!(guard(&owner, "person"), Some(Unresolved::RowFunctions));
    assert_eq!(guard(&owner, "plain"), None);
    db.execute_unprepared("SET ROLE app").await.unwrap();
    let user = read(&db).await;
    assert_eq!(guard(&user, "mine"), Some(Unresolved::RowSecurity));
    let read = plan(
        &analyse_raw("SELECT * FROM mine WHERE id = 7", None, DbBackend::Postgres),
        &user,
    )
    .read;
    assert_eq!(
        read.map(|reads| reads.dependencies),
        Err(Uncacheable::Unresolved(
            "mine".into(),
            Unresolved::RowSecurity
        ))
    );
}

#[tokio::test]
async fn functions_are_judged_by_what_they_are_declared() {
    let Some(db) = database(
        "CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
         CREATE FUNCTION total() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';
         CREATE FUNCTION transfer(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE TYPE money_of AS (amount int);
         CREATE FUNCTION lower(money_of) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT ''x''';
         CREATE FUNCTION upper(money_of) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''x''';
         CREATE AGGREGATE pure_sum(int) (sfunc = int4pl, stype = int);
         CREATE FUNCTION note_it(int, int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
         CREATE AGGREGATE writing_sum(int) (sfunc = note_it, stype = int);",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    for (function, nature) in [
        ("twice", Nature::Pure),
        ("public.twice", Nature::Pure),
        ("total", Nature::Volatile),
        ("transfer", Nature::Unknown),
        ("lower", Nature::Unknown),
        ("upper", Nature::Pure),
        ("pure_sum", Nature::Pure),
        ("writing_sum", Nature::Unknown),
        ("to_char", Nature::Pure),
        ("now", Nature::Volatile),
        ("int4pl", Nature::Pure),
        ("pg_get_userbyid", Nature::Volatile),
        ("query_to_xml", Nature::Unknown),
        ("nobody_knows", Nature::Unknown),
    ] {
        assert_eq!(catalog.function(function), nature, "{function}");
    }
    let read = |sql| plan(&analyse_raw(sql, None, DbBackend::Postgres), &catalog);
    assert!(read("SELECT upper('x')").read.is_ok());
    let shadowed = read("SELECT lower('x')");
    assert!(
        shadowed.read.is_err() && shadowed.write.is_some(),
        "which one is called is not known"
    );
    assert!(read("SELECT total()").write.is_none());
}

#[tokio::test]
async fn returned_rows_tell_the_keys() {
    let Some(db) = database(
        "CREATE TABLE big (id bigserial PRIMARY KEY, x int);
         CREATE TABLE middle (id serial PRIMARY KEY, x int);
         CREATE TABLE small (id smallserial PRIMARY KEY, x int);
         CREATE TABLE ident (id uuid PRIMARY KEY DEFAULT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', x int);
         CREATE TABLE textual (id text PRIMARY KEY DEFAULT 'Bob', x int);
         CREATE TABLE raw (id bytea PRIMARY KEY DEFAULT '\\x0102', x int);",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    for (table, key) in [
        ("big", "1"),
        ("middle", "1"),
        ("small", "1"),
        ("ident", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
        ("textual", "Bob"),
        ("raw", "0102"),
    ] {
        let sql = format!("INSERT INTO {table} (x) VALUES (1) RETURNING id, x");
        let statement = Statement::from_string(DbBackend::Postgres, &sql);
        let rows = db.query_all_raw(statement).await.unwrap();
        let written = Written {
            rows: &rows,
            all_rows: true,
            last_insert_id: None,
            rows_affected: None,
        };
        assert_eq!(
            changes(&catalog, &sql, &written),
            [format!("row {key} of main.{table}")]
        );
        assert_eq!(
            changes(&catalog, &sql, &Written::default()),
            [format!("rows of main.{table}")]
        );
    }
    let by_text = "DELETE FROM ident WHERE id = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'";
    let expected = ["row a0eebc999c0b4ef8bb6d6bb9bd380a11 of main.ident"];
    assert_eq!(changes(&catalog, by_text, &Written::default()), expected);
}

#[tokio::test]
async fn a_session_with_other_quotes_makes_raw_text_unknown() {
    let Some(db) = database("CREATE TABLE t (id int PRIMARY KEY, x text)").await else {
        return;
    };
    let sql = r"SELECT * FROM t WHERE x = 'a\' OR b'";
    let plain = r"SELECT * FROM t WHERE x = 'a'";
    let analysis = |sql| analyse_raw(sql, None, DbBackend::Postgres);
    assert!(
        plan(&analysis(sql), &read(&db).await).read.is_err(),
        "one quote is left over"
    );
    db.execute_unprepared("SET standard_conforming_strings = off")
        .await
        .unwrap();
    let catalog = read(&db).await;
    let misread = plan(&analysis(sql), &catalog);
    assert!(misread.read.is_err() && misread.write.is_some());
    assert!(plan(&analysis(plain), &catalog).read.is_ok());
}

/// Seen to fail without `version_of_a_row` (`plan.rs`): an UPDATE that sets a column to what it holds makes a new version.
#[tokio::test]
async fn what_tells_versions_of_a_row_apart_is_not_kept() {
    let Some(db) = database("CREATE TABLE note (id int PRIMARY KEY, title text)").await else {
        return;
    };
    let catalog = read(&db).await;
    let read = |sql| plan(&analyse_raw(sql, None, DbBackend::Postgres), &catalog).read;
    for sql in [
        "SELECT xmin, title FROM note WHERE id = 1",
        "SELECT count(*) FROM note n WHERE n.ctid = '(0,1)'",
        "SELECT id FROM note ORDER BY \"cmax\"",
    ] {
        assert!(matches!(read(sql), Err(Uncacheable::Volatile(_))), "{sql}");
    }
    assert!(read("SELECT tableoid, title FROM note").is_ok());
}
