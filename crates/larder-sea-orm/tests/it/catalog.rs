//! The catalog of `SQLite`, and what every catalog is asked.

use larder_core::RowKey;
use larder_sea_orm::analysis::{Columns, Name, Nature, RelationName, Unresolved};
use larder_sea_orm::canonical::ColumnClass;
use larder_sea_orm::catalog::{Catalog, Effect, Relation, Table};
use sea_orm::sea_query::Value;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};

/// Opens a database of its own, with one connection.
pub(crate) async fn sqlite(script: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1);
    let db = Database::connect(options).await.expect("SQLite opens");
    db.execute_unprepared(script)
        .await
        .expect("the script runs");
    db
}

/// Opens a database and reads its catalog.
pub(crate) async fn catalog_of(script: &str) -> Catalog {
    Catalog::read(&sqlite(script).await, "main")
        .await
        .expect("the catalog is read")
}

/// Returns a table of the catalog.
pub(crate) fn table<'a>(catalog: &'a Catalog, name: &RelationName) -> &'a Table {
    match catalog.resolve(name) {
        Relation::Table(table) => table,
        Relation::View(view) => panic!("{name} is the view {}", view.name()),
        Relation::Unresolved(reason) => panic!("{name} is {reason}"),
    }
}

/// Returns why a name cannot be resolved.
pub(crate) fn unresolved(catalog: &Catalog, name: &RelationName) -> Unresolved {
    match catalog.resolve(name) {
        Relation::Unresolved(reason) => reason,
        Relation::Table(table) => panic!("{name} is {}", table.name()),
        Relation::View(view) => panic!("{name} is the view {}", view.name()),
    }
}

/// Returns the tables a view is made of, sorted, and its guard.
pub(crate) fn view(catalog: &Catalog, name: &RelationName) -> (Vec<String>, Option<Unresolved>) {
    let Relation::View(view) = catalog.resolve(name) else {
        let unexplained: Vec<_> = catalog.unexplained().collect();
        panic!("{name} is no view that is understood: {unexplained:?}");
    };
    let mut tables: Vec<_> = view
        .tables()
        .iter()
        .map(|it| it.table().to_owned())
        .collect();
    tables.sort();
    (tables, view.guard())
}

/// The parts that are not explained: name and reason.
pub(crate) fn unexplained(catalog: &Catalog) -> Vec<(&str, &str)> {
    catalog
        .unexplained()
        .map(|it| (it.name(), it.reason()))
        .collect()
}

/// A name in quotes.
pub(crate) fn name(name: &str) -> RelationName {
    RelationName::new(Name::quoted(name.to_owned()))
}

/// A name in quotes, of a schema.
pub(crate) fn of(schema: &str, name: &str) -> RelationName {
    RelationName::qualified(
        Name::quoted(schema.to_owned()),
        Name::quoted(name.to_owned()),
    )
}

/// The columns of a key: name, class, whether the database makes it.
pub(crate) fn key(table: &Table) -> Vec<(&str, ColumnClass, bool)> {
    table
        .key()
        .iter()
        .map(|it| (it.name.as_str(), it.class, it.automatic))
        .collect()
}

/// The tables `effect` on `table` touches, sorted; `["everything"]` if it is not known.
pub(crate) fn touched(catalog: &Catalog, on: &str, effect: &Effect) -> Vec<String> {
    let effects = catalog.effects(table(catalog, &name(on)), effect);
    if effects.everything {
        return vec!["everything".into()];
    }
    let following = effects.cascades.iter().map(|it| &it.table);
    let mut tables: Vec<_> = effects
        .tables
        .iter()
        .chain(following)
        .map(|it| it.table().to_owned())
        .collect();
    tables.sort();
    tables.dedup();
    tables
}

/// An update of these columns.
pub(crate) fn update(columns: &[&'static str]) -> Effect {
    Effect::Update(Columns::Named(
        columns.iter().map(|it| Name::quoted(*it)).collect(),
    ))
}

#[tokio::test]
async fn keys_are_read_with_their_classes() {
    let catalog = catalog_of(
        "CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT);
         CREATE TABLE alias (id integer NOT NULL PRIMARY KEY);
         CREATE TABLE plain_int (id INT PRIMARY KEY);
         CREATE TABLE downward (id INTEGER PRIMARY KEY DESC);
         CREATE TABLE rowless (id INTEGER PRIMARY KEY) WITHOUT ROWID;
         CREATE TABLE textual (slug varchar(20) PRIMARY KEY);
         CREATE TABLE id_of_uuid (id uuid_text PRIMARY KEY);
         CREATE TABLE numeric_key (id decimal(9) PRIMARY KEY);
         CREATE TABLE pair (b INTEGER, a TEXT, PRIMARY KEY (a, b));
         CREATE TABLE keyless (a int);",
    )
    .await;
    let key = |of| key(table(&catalog, &name(of)));
    assert_eq!(key("auto"), [("id", ColumnClass::Int, true)]);
    assert_eq!(key("alias"), [("id", ColumnClass::Int, true)]);
    assert_eq!(key("plain_int"), [("id", ColumnClass::Int, false)]);
    assert_eq!(
        key("downward"),
        [("id", ColumnClass::Int, false)],
        "not the rowid, a quirk of SQLite"
    );
    assert_eq!(key("rowless"), [("id", ColumnClass::Int, false)]);
    assert_eq!(key("textual"), [("slug", ColumnClass::TextOrBlob, false)]);
    assert_eq!(key("id_of_uuid"), [("id", ColumnClass::TextOrBlob, false)]);
    assert_eq!(key("numeric_key"), [("id", ColumnClass::Other, false)]);
    assert_eq!(
        key("pair"),
        [
            ("a", ColumnClass::TextOrBlob, false),
            ("b", ColumnClass::Int, false)
        ]
    );
    assert_eq!(key("keyless"), []);
}

#[tokio::test]
async fn names_are_looked_up_as_the_database_does() {
    let catalog = catalog_of(
        "ATTACH ':memory:' AS aux;
         CREATE TABLE Article (id INTEGER PRIMARY KEY);
         CREATE TABLE aux.article (id INTEGER PRIMARY KEY);
         CREATE TABLE aux.elsewhere (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE passing (id INTEGER PRIMARY KEY);
         CREATE TABLE passing (id INTEGER PRIMARY KEY);",
    )
    .await;
    let full = |name| table(&catalog, &name).name().to_string();
    assert_eq!(
        full(name("ARTICLE")),
        "main.Article",
        "spelt as the database spells it"
    );
    assert_eq!(full(of("MAIN", "article")), "main.Article");
    assert_eq!(full(of("aux", "article")), "main.aux.article");
    assert_eq!(full(name("elsewhere")), "main.aux.elsewhere");
    assert_eq!(
        unresolved(&catalog, &name("passing")),
        Unresolved::Temporary
    );
    assert_eq!(full(of("main", "passing")), "main.passing");
    assert_eq!(unresolved(&catalog, &name("nowhere")), Unresolved::Unknown);
    assert_eq!(
        unresolved(&catalog, &of("nowhere", "article")),
        Unresolved::Unknown
    );
    let mut three = of("main", "article");
    three.database = Some(Name::quoted("x"));
    assert_eq!(unresolved(&catalog, &three), Unresolved::OtherDatabase);
}

#[tokio::test]
async fn what_is_no_table_is_unresolved() {
    let catalog = catalog_of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT);
         CREATE VIRTUAL TABLE found USING fts5(x);",
    )
    .await;
    assert_eq!(unresolved(&catalog, &name("found")), Unresolved::Virtual);
    assert_eq!(
        unresolved(&catalog, &name("sqlite_sequence")),
        Unresolved::System
    );
    assert_eq!(
        unresolved(&catalog, &name("sqlite_master")),
        Unresolved::System
    );
}

const FAMILY: &str = "
    CREATE TABLE author (id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT);
    CREATE TABLE book (id INTEGER PRIMARY KEY, author_id INT REFERENCES author ON DELETE CASCADE);
    CREATE TABLE page (id INTEGER PRIMARY KEY, book_id INT REFERENCES book(id) ON DELETE CASCADE);
    CREATE TABLE loan (id INTEGER PRIMARY KEY, book_id INT REFERENCES book(id) ON DELETE SET NULL);
    CREATE TABLE badge (code TEXT PRIMARY KEY REFERENCES author(code) ON UPDATE CASCADE);
    CREATE TABLE door (code TEXT REFERENCES badge(code) ON UPDATE SET DEFAULT);
    CREATE TABLE guarded (author_id INT REFERENCES author(id) ON DELETE RESTRICT);
    CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT REFERENCES tree(id) ON DELETE CASCADE);";

#[tokio::test]
async fn foreign_keys_carry_writes_on() {
    let catalog = catalog_of(FAMILY).await;
    assert_eq!(
        touched(&catalog, "author", &Effect::Delete),
        ["book", "loan", "page"]
    );
    assert_eq!(touched(&catalog, "book", &Effect::Delete), ["loan", "page"]);
    assert_eq!(
        touched(&catalog, "page", &Effect::Delete),
        Vec::<String>::new()
    );
    assert_eq!(touched(&catalog, "tree", &Effect::Delete), ["tree"]);
    assert_eq!(
        touched(&catalog, "author", &Effect::Insert),
        Vec::<String>::new()
    );
    assert_eq!(
        touched(&catalog, "author", &update(&["name"])),
        Vec::<String>::new()
    );
    assert_eq!(
        touched(&catalog, "author", &update(&["id"])),
        Vec::<String>::new(),
        "no action"
    );
    assert_eq!(
        touched(&catalog, "author", &update(&["name", "CODE"])),
        ["badge", "door"]
    );
    assert_eq!(
        touched(&catalog, "author", &Effect::Update(Columns::Unknown)),
        ["badge", "door"]
    );
    let any = ["badge", "book", "door", "loan", "page"];
    assert_eq!(touched(&catalog, "author", &Effect::Any), any);
    let all = ["badge", "book", "door", "guarded", "loan", "page"];
    assert_eq!(touched(&catalog, "author", &Effect::Truncate), all);
}

#[tokio::test]
async fn a_trigger_anywhere_on_the_way_counts_when_it_fires() {
    let trigger = |on: &str| {
        let body = "BEGIN DELETE FROM guarded; END;";
        format!("{FAMILY} CREATE TRIGGER tr AFTER {on} {body}")
    };
    let own = catalog_of(&trigger("INSERT ON author")).await;
    assert_eq!(touched(&own, "author", &Effect::Insert), ["guarded"]);
    assert_eq!(
        touched(&own, "author", &update(&["name"])),
        Vec::<String>::new()
    );
    let far = catalog_of(&trigger("DELETE ON page")).await;
    assert_eq!(
        touched(&far, "author", &Effect::Delete),
        ["book", "guarded", "loan", "page"]
    );
    assert_eq!(
        touched(&far, "author", &update(&["code"])),
        ["badge", "door"]
    );
    let passing =
        format!("{FAMILY} CREATE TEMP TRIGGER tr AFTER UPDATE ON main.page BEGIN SELECT 1; END;");
    let passing = catalog_of(&passing).await;
    assert_eq!(touched(&passing, "page", &Effect::Delete), ["everything"]);
    assert_eq!(
        unexplained(&passing),
        [("tr on page", "it belongs to the session")]
    );
}

#[tokio::test]
async fn a_table_that_replaces_on_conflict_loses_rows_when_it_gains_some() {
    let catalog = catalog_of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, slug TEXT UNIQUE on  conflict
             replace);
         CREATE TABLE child (t_id INT REFERENCES t(id) ON DELETE CASCADE);",
    )
    .await;
    assert_eq!(touched(&catalog, "t", &Effect::Insert), ["child", "t"]);
    assert_eq!(touched(&catalog, "t", &update(&["slug"])), ["child", "t"]);
}

#[tokio::test]
async fn functions_are_judged() {
    let catalog = catalog_of("SELECT 1").await;
    assert_eq!(catalog.function("lower"), Nature::Pure);
    assert_eq!(catalog.function("acosh"), Nature::Pure);
    assert_eq!(catalog.function("random"), Nature::Volatile);
    assert_eq!(
        catalog.function("fts3_tokenizer"),
        catalog.function("fts3_tokenizer")
    );
    assert_eq!(catalog.function("transfer"), Nature::Unknown);
}

#[tokio::test]
async fn a_row_has_one_key_however_its_values_are_typed() {
    let catalog = catalog_of(
        "CREATE TABLE pair (a INT, b TEXT, PRIMARY KEY (b, a)); CREATE TABLE none (a int);",
    )
    .await;
    let pair = table(&catalog, &name("pair"));
    let row = |a: Value, b: Value| {
        let values = [("a", a), ("b", b)];
        pair.row_key(|name| {
            values
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| value)
        })
    };
    let expected = row(7.into(), "Bob".into());
    assert_eq!(expected, Some(RowKey::new(["bob".into(), 7.into()])));
    assert_eq!(row(7u8.into(), "bob ".into()), expected);
    assert_eq!(
        row(7.into(), "É ".into()),
        Some(RowKey::new(["É".into(), 7.into()]))
    );
    assert_eq!(row(7.into(), Value::String(None)), None);
    assert_eq!(pair.row_key(|_| None), None);
    assert_eq!(
        table(&catalog, &name("none")).row_key(|_| None),
        None,
        "no key, no row"
    );
}

#[tokio::test]
async fn it_is_read_again_after_the_schema_changed() {
    let db = sqlite("CREATE TABLE t (id INTEGER PRIMARY KEY)").await;
    let before = Catalog::read(&db, "main").await.unwrap();
    db.execute_unprepared("CREATE TABLE u (id INTEGER PRIMARY KEY); DROP TABLE t;")
        .await
        .unwrap();
    let after = Catalog::read(&db, "main").await.unwrap();
    assert_eq!(unresolved(&before, &name("u")), Unresolved::Unknown);
    assert_eq!(table(&after, &name("u")).name().to_string(), "main.u");
    assert_eq!(unresolved(&after, &name("t")), Unresolved::Unknown);
}
