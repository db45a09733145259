//! The columns of tables, on each database.

use larder_sea_orm::analysis::{Name, RelationName};
use larder_sea_orm::canonical::ColumnClass::{
    self, Bool, Bytes, Exact, Int, Other, Text, TextOrBlob, Uuid,
};
use larder_sea_orm::catalog::{Catalog, Room, Table};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use crate::catalog::{catalog_of, name, of, table};
use crate::catalog_servers::{mariadb, postgres};

/// Runs statements, which do not hold a semicolon, one by one, and reads the catalog.
pub(crate) async fn read(db: &DatabaseConnection, script: &str) -> Catalog {
    for statement in script.split(';').filter(|it| !it.trim().is_empty()) {
        db.execute_unprepared(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    Catalog::read(db, "main").await.unwrap()
}

fn classes<'a>(catalog: &'a Catalog, of: &RelationName) -> Vec<(&'a str, ColumnClass)> {
    let columns = table(catalog, of).columns().iter();
    columns.map(|it| (&*it.name, it.class)).collect()
}

fn generated(table: &Table) -> Vec<&str> {
    let columns = table.columns().iter().filter(|it| it.generated);
    columns.map(|it| &*it.name).collect()
}

fn nullable(table: &Table) -> Vec<&str> {
    let columns = table.columns().iter().filter(|it| it.nullable);
    columns.map(|it| &*it.name).collect()
}

#[tokio::test]
async fn sqlite_tells_all_columns_in_their_order() {
    let catalog = catalog_of(
        "ATTACH ':memory:' AS aux;
         CREATE TABLE t (z TEXT, id INTEGER PRIMARY KEY, yes BOOLEAN NOT NULL, price DECIMAL(9),
                         half REAL, blob, sum INT GENERATED ALWAYS AS (id + 1) STORED,
                         twice TEXT AS (z || z) VIRTUAL);
         CREATE TABLE aux.t (other INT);",
    )
    .await;
    assert_eq!(
        classes(&catalog, &name("t")),
        [
            ("z", TextOrBlob),
            ("id", Int),
            ("yes", Int),
            ("price", Other),
            ("half", Other),
            ("blob", TextOrBlob),
            ("sum", Int),
            ("twice", TextOrBlob)
        ]
    );
    let t = table(&catalog, &name("t"));
    assert_eq!(generated(t), ["sum", "twice"]);
    assert_eq!(nullable(t), ["z", "price", "half", "blob", "sum", "twice"]);
    assert!(t.computes());
    let far = table(&catalog, &of("aux", "t"));
    assert_eq!(classes(&catalog, &of("aux", "t")), [("other", Int)]);
    assert!(!far.computes() && !far.rewrites());
    let column = |name: &'static str| t.column(&Name::plain(name), DbBackend::Sqlite);
    assert_eq!(column("ID"), Some(1));
    assert_eq!(column("rowid"), None, "which may be `id`");
}

#[tokio::test]
async fn postgres_tells_all_columns_in_their_order() {
    let Some(server) = postgres() else { return };
    let catalog = read(
        &server.fresh().await,
        "CREATE TYPE mood AS ENUM ('good', 'bad');
         CREATE DOMAIN code AS text;
         CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (z text, gone int, id int8 PRIMARY KEY, yes bool NOT NULL, feeling mood,
             price numeric, tag code, loose text COLLATE loose, raw bytea, ident uuid, many int[],
             sum int GENERATED ALWAYS AS (length(z)) STORED, counted int GENERATED ALWAYS AS IDENTITY);
         ALTER TABLE t DROP COLUMN gone;
         ALTER TABLE t ADD COLUMN last \"char\";
         CREATE TABLE \"Mixed\" (\"Id\" int)",
    )
    .await;
    assert_eq!(
        classes(&catalog, &name("t")),
        [
            ("z", Exact),
            ("id", Int),
            ("yes", Bool),
            ("feeling", Exact),
            ("price", Other),
            ("tag", Other),
            ("loose", Other),
            ("raw", Bytes),
            ("ident", Uuid),
            ("many", Other),
            ("sum", Int),
            ("counted", Int),
            ("last", Other)
        ]
    );
    let t = table(&catalog, &name("t"));
    assert_eq!(generated(t), ["sum"]);
    assert!(t.computes());
    assert!(
        !nullable(t)
            .iter()
            .any(|it| ["id", "yes", "counted"].contains(it))
    );
    let mixed = table(&catalog, &name("Mixed"));
    let column = |name: Name| mixed.column(&name, DbBackend::Postgres);
    assert_eq!(column(Name::quoted("Id")), Some(0));
    assert_eq!(column(Name::plain("Id")), None);
    assert_eq!(column(Name::plain("ctid")), None);
}

#[tokio::test]
async fn a_family_agrees_on_its_columns() {
    let Some(server) = postgres() else { return };
    let catalog = read(
        &server.fresh().await,
        "CREATE TABLE event (id int, at int, note text) PARTITION BY RANGE (at);
         CREATE TABLE event_1 (note text, at int, id int);
         ALTER TABLE event ATTACH PARTITION event_1 FOR VALUES FROM (0) TO (10);
         CREATE TABLE parent (id int, tag text);
         CREATE TABLE heir (extra int) INHERITS (parent);
         CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE one (id int);
         CREATE TABLE other (tag text);
         CREATE TABLE two () INHERITS (one, other)",
    )
    .await;
    for member in ["event", "event_1"] {
        let classes = classes(&catalog, &name(member));
        assert_eq!(classes, [("id", Int), ("at", Int), ("note", Exact)]);
    }
    for member in ["parent", "heir"] {
        let classes = classes(&catalog, &name(member));
        assert_eq!(classes, [("id", Int), ("tag", Exact), ("extra", Other)]);
    }
    let two = classes(&catalog, &name("two"));
    assert!(
        two.len() == 2 && two.iter().all(|(_, class)| *class == Other),
        "{two:?}"
    );
}

#[tokio::test]
async fn mariadb_tells_all_columns_in_their_order() {
    let Some(server) = mariadb() else { return };
    let catalog = read(
        &server.fresh().await,
        "CREATE TABLE t (z varchar(9) COLLATE utf8mb4_general_ci, id int unsigned AUTO_INCREMENT PRIMARY KEY,
             yes bool NOT NULL, feeling enum('good', 'bad'), several set('a', 'b'), price decimal(9, 2),
             raw blob, hidden tinyint INVISIBLE, bits bit(3), at timestamp(3) NOT NULL DEFAULT now(3) ON UPDATE now(3),
             born timestamp NOT NULL DEFAULT now(), sum int AS (yes + 1) STORED, twice int AS (yes * 2) VIRTUAL);
         CREATE TABLE plain (id int PRIMARY KEY);
         CREATE TABLE history (id int PRIMARY KEY) WITH SYSTEM VERSIONING",
    )
    .await;
    assert_eq!(
        classes(&catalog, &name("t")),
        [
            ("z", Text),
            ("id", Int),
            ("yes", Int),
            ("feeling", Other),
            ("several", Other),
            ("price", Other),
            ("raw", Bytes),
            ("hidden", Int),
            ("bits", Other),
            ("at", Other),
            ("born", Other),
            ("sum", Int),
            ("twice", Int)
        ]
    );
    let t = table(&catalog, &name("t"));
    assert_eq!(generated(t), ["at", "sum", "twice"]);
    assert_eq!(t.columns()[0].room, Room::Length(9));
    assert_eq!(t.columns()[7].room, Room::Range(-128, 127));
    assert!(t.columns()[0].nullable && !t.columns()[2].nullable);
    assert_eq!(classes(&catalog, &name("history")), [("id", Int)]);
    assert!(!table(&catalog, &name("plain")).computes());
    let column = |name: &'static str| t.column(&Name::quoted(name), DbBackend::MySql);
    assert_eq!(column("YES"), Some(2));
    assert_eq!(column("é"), None, "it may be any");
}
