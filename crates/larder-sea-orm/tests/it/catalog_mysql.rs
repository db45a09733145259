//! The catalog of a real `MariaDB`.

use larder_core::What;
use larder_sea_orm::analysis::{Columns, Nature, Unresolved, Written, analyse_raw, plan};
use larder_sea_orm::canonical::{ColumnClass, fold};
use larder_sea_orm::catalog::{Catalog, Effect, Room, Table};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::catalog::{key, name, of, table, touched, unresolved, update};
use crate::catalog_servers::mariadb;

async fn database(script: &str) -> Option<DatabaseConnection> {
    let db = mariadb()?.fresh().await;
    for statement in script.split(';').filter(|it| !it.trim().is_empty()) {
        db.execute_unprepared(statement)
            .await
            .expect("the script runs");
    }
    Some(db)
}

async fn read(db: &DatabaseConnection) -> Catalog {
    Catalog::read(db, "main")
        .await
        .expect("the catalog is read")
}

fn changes(catalog: &Catalog, sql: &str, written: &Written<'_>) -> Vec<String> {
    let plan = plan(&analyse_raw(sql, None, DbBackend::MySql), catalog);
    let write = plan.write.expect("it writes");
    write
        .changes(written)
        .iter()
        .map(ToString::to_string)
        .collect()
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db
        .query_all_raw(Statement::from_string(DbBackend::MySql, sql))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .collect()
}

#[tokio::test]
async fn keys_are_read_with_their_classes() {
    let Some(db) = database(
        "CREATE TABLE auto (id int unsigned AUTO_INCREMENT PRIMARY KEY, x int);
         CREATE TABLE tiny (id tinyint PRIMARY KEY);
         CREATE TABLE general (slug varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY);
         CREATE TABLE swedish (slug varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_swedish_ci PRIMARY KEY);
         CREATE TABLE raw (id binary(16) PRIMARY KEY);
         CREATE TABLE mood (id enum('good', 'bad') PRIMARY KEY);
         CREATE TABLE ident (id uuid PRIMARY KEY);
         CREATE TABLE pair (b int, a varchar(9), PRIMARY KEY (a, b)) COLLATE utf8mb4_bin;
         CREATE TABLE keyless (a int)",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    let key = |of| key(table(&catalog, &name(of)));
    assert_eq!(key("auto"), [("id", ColumnClass::Int, true)]);
    assert_eq!(key("tiny"), [("id", ColumnClass::Int, false)]);
    assert_eq!(key("general"), [("slug", ColumnClass::Text, false)]);
    assert_eq!(key("swedish"), [("slug", ColumnClass::Other, false)]);
    assert_eq!(key("raw"), [("id", ColumnClass::Bytes, false)]);
    assert_eq!(key("mood"), [("id", ColumnClass::Other, false)]);
    assert_eq!(key("ident"), [("id", ColumnClass::Other, false)]);
    assert_eq!(
        key("pair"),
        [
            ("a", ColumnClass::Text, false),
            ("b", ColumnClass::Int, false)
        ]
    );
    assert_eq!(key("keyless"), []);
    let room = |of| table(&catalog, &name(of)).key()[0].room;
    assert_eq!(room("auto"), Room::Range(1, 4_294_967_295));
    assert_eq!(room("tiny"), Room::Range(-128, 127));
    assert_eq!(room("general"), Room::Length(20));
    assert_eq!(room("raw"), Room::Length(16));
}

/// Seen to fail without `above_zero` (`catalog/mysql.rs`): the row is told to have the number 0.
#[tokio::test]
async fn for_zero_the_server_makes_a_number_of_its_own() {
    let Some(db) = database("CREATE TABLE auto (id int AUTO_INCREMENT PRIMARY KEY, x int)").await
    else {
        return;
    };
    let catalog = read(&db).await;
    let insert = "INSERT INTO auto (id, x) VALUES (0, 5), (0, 5)";
    db.execute_unprepared(insert).await.unwrap();
    assert_eq!(
        texts(&db, "SELECT CAST(id AS CHAR) FROM auto ORDER BY id").await,
        ["1", "2"]
    );
    let plan = plan(&analyse_raw(insert, None, DbBackend::MySql), &catalog);
    let changes = plan.write.unwrap().changes(&Written::default());
    let What::Rows(rows) = changes[0].what() else {
        panic!("not {}", changes[0]);
    };
    assert!(rows.after.value("id").is_none() && rows.after.value("x").is_some());
}

#[tokio::test]
async fn names_are_looked_up_as_the_server_does() {
    let Some(db) = database("CREATE TABLE Note (id int PRIMARY KEY); CREATE SEQUENCE s").await
    else {
        return;
    };
    let catalog = read(&db).await;
    let own = texts(&db, "SELECT DATABASE()").await.remove(0);
    assert_eq!(
        table(&catalog, &name("Note")).name().to_string(),
        "main.Note"
    );
    assert_eq!(
        table(&catalog, &of(&own, "Note")).name().to_string(),
        "main.Note"
    );
    assert_eq!(
        unresolved(&catalog, &name("note")),
        Unresolved::Unknown,
        "case matters on this server"
    );
    assert_eq!(
        unresolved(&catalog, &of("mysql", "user")),
        Unresolved::OtherDatabase
    );
    assert_eq!(
        unresolved(&catalog, &of("information_schema", "tables")),
        Unresolved::OtherDatabase
    );
    assert_eq!(unresolved(&catalog, &name("s")), Unresolved::Sequence);
}

const FAMILY: &str = "
    CREATE TABLE author (id int PRIMARY KEY, code int NOT NULL UNIQUE, name text);
    CREATE TABLE book (id int PRIMARY KEY, author_id int, FOREIGN KEY (author_id) REFERENCES author(id) ON DELETE CASCADE);
    CREATE TABLE page (book_id int, FOREIGN KEY (book_id) REFERENCES book(id) ON DELETE SET NULL);
    CREATE TABLE badge (code int PRIMARY KEY, FOREIGN KEY (code) REFERENCES author(code) ON UPDATE CASCADE);
    CREATE TABLE guarded (author_id int, FOREIGN KEY (author_id) REFERENCES author(id) ON DELETE RESTRICT)";

#[tokio::test]
async fn foreign_keys_carry_writes_on() {
    let Some(db) = database(FAMILY).await else {
        return;
    };
    let catalog = read(&db).await;
    assert_eq!(
        touched(&catalog, "author", &Effect::Delete),
        ["book", "page"]
    );
    assert_eq!(
        touched(&catalog, "author", &update(&["name"])),
        Vec::<String>::new()
    );
    assert_eq!(touched(&catalog, "author", &update(&["CODE"])), ["badge"]);
    assert_eq!(
        touched(&catalog, "author", &Effect::Update(Columns::Unknown)),
        ["badge"]
    );
    assert_eq!(
        touched(&catalog, "author", &Effect::Truncate),
        ["badge", "book", "guarded", "page"]
    );
}

#[tokio::test]
async fn a_key_of_another_database_is_everything() {
    let Some(db) = database(FAMILY).await else {
        return;
    };
    let own = texts(&db, "SELECT DATABASE()").await.remove(0);
    let far = format!("{own}_far");
    db.execute_unprepared(&format!("CREATE DATABASE {far}"))
        .await
        .unwrap();
    let child = format!(
        "CREATE TABLE {far}.child (a int, FOREIGN KEY (a) REFERENCES {own}.author(id) ON DELETE CASCADE)"
    );
    db.execute_unprepared(&child).await.unwrap();
    assert_eq!(
        touched(&read(&db).await, "author", &Effect::Delete),
        ["everything"]
    );
}

#[tokio::test]
async fn a_trigger_that_is_not_shown_is_everything() {
    let Some(db) = database(FAMILY).await else {
        return;
    };
    let own = texts(&db, "SELECT DATABASE()").await.remove(0);
    let trigger = "CREATE TRIGGER tr AFTER DELETE ON page FOR EACH ROW DELETE FROM guarded";
    db.execute_unprepared(trigger).await.unwrap();
    let catalog = read(&db).await;
    assert_eq!(touched(&catalog, "page", &Effect::Delete), ["guarded"]);
    assert_eq!(
        touched(&catalog, "page", &Effect::Insert),
        Vec::<String>::new()
    );
    assert_eq!(
        touched(&catalog, "badge", &Effect::Delete),
        Vec::<String>::new()
    );

    let user = format!("{own}_app");
    for grant in [
        format!("CREATE USER {user}"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {own}.* TO {user}"),
        format!("GRANT TRIGGER ON {own}.badge TO {user}"),
    ] {
        db.execute_unprepared(&grant).await.unwrap();
    }
    let app = mariadb().unwrap().connect(&own, &user).await;
    let catalog = read(&app).await;
    assert_eq!(
        touched(&catalog, "guarded", &Effect::Delete),
        ["everything"],
        "it may have one"
    );
    assert_eq!(
        touched(&catalog, "badge", &Effect::Delete),
        Vec::<String>::new(),
        "this one has none"
    );
}

#[tokio::test]
async fn values_that_may_be_bent_are_not_told() {
    let Some(db) = database(
        "CREATE TABLE note (id tinyint AUTO_INCREMENT PRIMARY KEY, x int);
         CREATE TABLE word (word varchar(3) PRIMARY KEY) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    )
    .await
    else {
        return;
    };
    let catalog = read(&db).await;
    for (sql, expected) in [
        ("INSERT INTO note (id) VALUES (7)", "row 7 of main.note"),
        ("INSERT INTO note (id) VALUES (300)", "rows of main.note"),
        ("INSERT INTO note (id) VALUES (0)", "rows of main.note"),
        (
            "INSERT IGNORE INTO note (id) VALUES (7)",
            "rows of main.note",
        ),
        (
            "INSERT INTO word (word) VALUES ('abc')",
            "row abc of main.word",
        ),
        (
            "INSERT INTO word (word) VALUES ('abcdef')",
            "rows of main.word",
        ),
        (
            "UPDATE note SET x = 1 WHERE id = 300",
            "row 300 of main.note",
        ),
    ] {
        assert_eq!(
            changes(&catalog, sql, &Written::default()),
            [expected],
            "{sql}"
        );
    }
    let told = Written {
        last_insert_id: Some(9),
        ..Written::default()
    };
    for sql in [
        "INSERT INTO note (x) VALUES (1)",
        "INSERT INTO note (id) VALUES (NULL)",
    ] {
        assert_eq!(
            changes(&catalog, sql, &told),
            ["row 9 of main.note"],
            "{sql}"
        );
    }
}

#[tokio::test]
async fn functions_stored_here_may_write() {
    let Some(db) = database("CREATE FUNCTION transfer() RETURNS int RETURN 1").await else {
        return;
    };
    let catalog = read(&db).await;
    assert_eq!(catalog.function("transfer"), Nature::Unknown);
    assert_eq!(catalog.function("date_format"), Nature::Pure);
    assert_eq!(catalog.function("nobody_knows"), Nature::Unknown);
}

#[tokio::test]
async fn a_session_with_other_quotes_makes_raw_text_unknown() {
    let Some(db) = database("CREATE TABLE t (id int PRIMARY KEY, x text)").await else {
        return;
    };
    let sql = r#"SELECT * FROM t WHERE x = "y""#;
    let analysis = || analyse_raw(sql, None, DbBackend::MySql);
    assert!(plan(&analysis(), &read(&db).await).read.is_ok());
    db.execute_unprepared("SET sql_mode = 'ANSI_QUOTES'")
        .await
        .unwrap();
    assert!(plan(&analysis(), &read(&db).await).read.is_err());
}

/// Every collation the catalog trusts folds no more of ASCII than we do: tried with all characters,
/// and with all pairs of letters against single ones.
#[tokio::test]
async fn trusted_collations_are_no_coarser_than_our_folding() {
    let Some(db) = database("SELECT 1").await else {
        return;
    };
    let collations = texts(
        &db,
        "SELECT DISTINCT CAST(full_collation_name AS CHAR) \
         FROM information_schema.collation_character_set_applicability \
         WHERE character_set_name IN ('ascii', 'latin1', 'latin2', 'utf8mb3', 'utf8mb4')",
    )
    .await;
    for (number, collations) in collations.chunks(16).enumerate() {
        let column = |collation: &String| {
            let charset = collation.split('_').next().unwrap();
            format!("{collation} varchar(1) CHARACTER SET {charset} COLLATE {collation}")
        };
        let columns: Vec<String> = collations.iter().map(column).collect();
        let (columns, key) = (columns.join(", "), collations.join(", "));
        let create = format!("CREATE TABLE t{number} ({columns}, PRIMARY KEY ({key}))");
        db.execute_unprepared(&create).await.unwrap();
    }
    let catalog = read(&db).await;
    letters(&db).await;
    let keys = catalog.tables().iter().flat_map(Table::key);
    let trusted: Vec<_> = keys.filter(|it| it.class == ColumnClass::Text).collect();
    assert!(
        trusted.len() > 40,
        "only {} collations are trusted",
        trusted.len()
    );
    assert!(trusted.len() < collations.len(), "not all are");
    for collation in trusted {
        for (a, b) in equal_pairs(&db, &collation.name).await {
            assert_eq!(
                fold(&a),
                fold(&b),
                "{a:?} equals {b:?} in {}",
                collation.name
            );
        }
    }
}

/// Makes tables of all single characters, of all letters, and of all pairs of letters.
async fn letters(db: &DatabaseConnection) {
    for (name, select) in [
        ("one", "SELECT CHAR(seq USING ascii) FROM seq_1_to_127"),
        ("letter", "SELECT CHAR(seq USING ascii) FROM seq_97_to_122"),
        ("two", "SELECT CONCAT(a.c, b.c) FROM letter a, letter b"),
    ] {
        let table =
            format!("CREATE TABLE {name} (c varchar(2) CHARACTER SET ascii COLLATE ascii_bin)");
        db.execute_unprepared(&table).await.unwrap();
        db.execute_unprepared(&format!("INSERT INTO {name} {select}"))
            .await
            .unwrap();
    }
}

/// Returns different strings that are equal: characters, and pairs of letters that equal one.
async fn equal_pairs(db: &DatabaseConnection, collation: &str) -> Vec<(String, String)> {
    let charset = collation.split('_').next().unwrap();
    let mut equal = Vec::new();
    for (left, right) in [("one", "one"), ("letter", "two")] {
        let pairs = format!(
            "SELECT CAST(CONCAT(a.c, CHAR(10), b.c) AS CHAR) FROM {left} a JOIN {right} b \
             ON CONVERT(a.c USING {charset}) COLLATE {collation} = CONVERT(b.c USING {charset}) \
             WHERE a.c <> b.c AND a.c <> CHAR(10) AND b.c <> CHAR(10)"
        );
        let pairs = texts(db, &pairs).await;
        let both = pairs.iter().filter_map(|pair| pair.split_once('\n'));
        equal.extend(both.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
    equal
}

/// Seen to fail with `true` for every RETURNING in `is_counted` (`writing.rs`).
#[tokio::test]
async fn no_rows_counted_by_a_statement_that_returns_some_say_nothing() {
    let Some(db) = database("CREATE TABLE note (id int PRIMARY KEY)").await else {
        return;
    };
    let catalog = read(&db).await;
    let none = Written {
        rows_affected: Some(0),
        ..Written::default()
    };
    let nothing: [&str; 0] = [];
    let row = ["row 7 of main.note"];
    for (sql, expected) in [
        ("DELETE FROM note WHERE id = 7", &nothing[..]),
        ("DELETE FROM note WHERE id = 7 RETURNING *", &row),
    ] {
        assert_eq!(changes(&catalog, sql, &none), expected, "{sql}");
    }
}
