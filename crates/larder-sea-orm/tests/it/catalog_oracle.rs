//! Triggers, views and foreign keys, held against what statements really change on each database.

use std::collections::BTreeMap;

use larder_core::Dependency;
use larder_sea_orm::analysis::{Written, analyse_raw, plan};
use larder_sea_orm::catalog::Catalog;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::catalog::sqlite;
use crate::catalog_servers::{mariadb, postgres};

/// The rows of a relation, by their ids, as often as they are there.
type Rows = Vec<(Option<i64>, Option<i64>, Option<i64>)>;

/// A database whose tables and views all have the columns `id`, `a` and `b`.
struct Tried {
    db: DatabaseConnection,
    catalog: Catalog,
    tables: &'static [&'static str],
    views: &'static [&'static str],
    /// Statements that succeeded, that changed another table than theirs, and that are said to change everything.
    counts: [usize; 3],
}

impl Tried {
    async fn new(
        db: DatabaseConnection,
        tables: &'static [&'static str],
        views: &'static [&'static str],
    ) -> Self {
        let catalog = Catalog::read(&db, "main").await.unwrap();
        Self {
            db,
            catalog,
            tables,
            views,
            counts: [0; 3],
        }
    }

    fn backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    async fn run(&self, sql: &str) -> bool {
        self.db.execute_unprepared(sql).await.is_ok()
    }

    async fn rows(&self, relation: &str) -> Rows {
        let sql = format!("SELECT id, a, b FROM {relation} ORDER BY 1, 2, 3");
        let statement = Statement::from_string(self.backend(), sql);
        let rows = self.db.query_all_raw(statement).await.unwrap();
        let cell =
            |row: &sea_orm::QueryResult, at| row.try_get_by_index::<Option<i64>>(at).unwrap();
        rows.iter()
            .map(|row| (cell(row, 0), cell(row, 1), cell(row, 2)))
            .collect()
    }

    async fn all_rows(&self) -> BTreeMap<&'static str, Rows> {
        let mut all = BTreeMap::new();
        for relation in self.tables.iter().chain(self.views) {
            all.insert(*relation, self.rows(relation).await);
        }
        all
    }

    /// Runs a statement that is undone afterwards, and compares.
    async fn try_one(&mut self, target: &str, sql: &str) {
        let before = self.all_rows().await;
        assert!(self.run("BEGIN").await);
        let succeeded = self.run(sql).await;
        let after = if succeeded {
            self.all_rows().await
        } else {
            BTreeMap::new()
        };
        assert!(self.run("ROLLBACK").await);
        if !succeeded {
            return;
        }
        self.counts[0] += 1;
        let said = self.changes(sql);
        self.counts[2] += usize::from(said == ["everything"]);
        let changed = |it: &&&str| before[**it] != after[**it];
        for table in self.tables.iter().filter(changed) {
            self.counts[1] += usize::from(*table != target);
            assert!(
                is_covered(table, &before[table], &after[table], &said),
                "{sql} changes {table}, said to change {said:?}"
            );
        }
        for view in self.views.iter().filter(changed) {
            self.view_is_covered(view, sql, &said);
        }
    }

    fn changes(&self, sql: &str) -> Vec<String> {
        let write = plan(&analyse_raw(sql, None, self.backend()), &self.catalog).write;
        let changes = write.expect("it writes").changes(&Written::default());
        changes.iter().map(ToString::to_string).collect()
    }

    fn view_is_covered(&self, view: &str, sql: &str, said: &[String]) {
        let select = format!("SELECT * FROM {view}");
        let read = plan(&analyse_raw(&select, None, self.backend()), &self.catalog).read;
        let read = read.expect("the view is understood");
        let meets = |dependency: &Dependency| {
            let table = dependency.to_string();
            let of = table.trim_start_matches("table ").to_owned();
            said.iter()
                .any(|it| *it == table || it.ends_with(&format!(" of {of}")))
        };
        let met = said == ["everything"] || read.dependencies.iter().any(meets);
        assert!(
            met,
            "{sql} changes {view}, which depends on {:?}; said: {said:?}",
            read.dependencies
        );
    }

    /// Tries all kinds of writes on all tables and views.
    async fn all(&mut self) {
        let backend = self.backend();
        for target in self.tables.iter().chain(self.views) {
            for sql in statements(target, backend) {
                self.try_one(target, &sql).await;
            }
        }
        let [succeeded, carried, everything] = self.counts;
        let counts = self.counts;
        assert!(
            succeeded > 40 && carried > 30,
            "too little happens: {counts:?}"
        );
        assert!(
            everything * 4 < succeeded,
            "too little is explained: {counts:?}"
        );
    }
}

fn statements(table: &str, backend: DbBackend) -> Vec<String> {
    let mut statements = vec![
        format!("INSERT INTO {table} (id, a, b) VALUES (77, 1, 2)"),
        format!("INSERT INTO {table} (id, a, b) SELECT id + 100, a, b FROM {table} WHERE id < 3"),
        format!("UPDATE {table} SET a = 3 WHERE id = 1"),
        format!("UPDATE {table} SET b = 6 WHERE id IN (1, 2)"),
        format!("UPDATE {table} SET b = b + 1"),
        format!("UPDATE {table} SET id = 88 WHERE id = 2"),
        format!("UPDATE {table} SET id = 89, a = 2, b = 3 WHERE id = 1"),
        format!("DELETE FROM {table} WHERE id = 1"),
        format!("DELETE FROM {table} WHERE id = 2"),
        format!("DELETE FROM {table}"),
    ];
    let insert = format!("INSERT INTO {table} (id, a, b) VALUES (1, 2, 3), (78, 1, 1)");
    statements.push(match backend {
        DbBackend::MySql => format!("{insert} ON DUPLICATE KEY UPDATE a = 2, b = 9"),
        _ => format!("{insert} ON CONFLICT (id) DO UPDATE SET a = 2, b = 9"),
    });
    if backend == DbBackend::Postgres {
        statements.push(format!("TRUNCATE {table} CASCADE"));
        statements.push(format!(
            "MERGE INTO {table} t USING (SELECT 1 AS id UNION SELECT 79) s ON t.id = s.id \
             WHEN MATCHED THEN UPDATE SET b = 4 WHEN NOT MATCHED THEN INSERT (id, a, b) VALUES (s.id, 1, 1)"
        ));
    } else {
        statements.push(format!(
            "REPLACE INTO {table} (id, a, b) VALUES (1, 2, 3), (79, 1, 1)"
        ));
    }
    if backend == DbBackend::Sqlite {
        statements.push(format!("UPDATE OR REPLACE {table} SET id = 1 WHERE id = 2"));
        statements.push(format!("UPDATE {table} SET rowid = 90 WHERE a = 1"));
    }
    statements
}

/// Tells whether what is said covers all differences of a table's rows.
fn is_covered(table: &str, before: &Rows, after: &Rows, said: &[String]) -> bool {
    let (whole, images) = (
        format!("table main.{table}"),
        format!("rows of main.{table}"),
    );
    if said
        .iter()
        .any(|it| *it == "everything" || *it == whole || *it == images)
    {
        return true;
    }
    let differ = before.iter().filter(|row| !after.contains(row));
    let mut differ = differ.chain(after.iter().filter(|row| !before.contains(row)));
    differ.all(|(id, ..)| {
        let id = id.unwrap_or_default();
        let (alone, first) = (format!("row {id} of main.{table}"), format!("row {id}/"));
        let own = format!(" of main.{table}");
        let names_it = |it: &String| *it == alone || it.starts_with(&first) && it.ends_with(&own);
        said.iter().any(names_it)
    })
}

const SQLITE: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY, a INT UNIQUE, b INT);
    CREATE TABLE child (id INTEGER PRIMARY KEY, a INT REFERENCES parent(id) ON DELETE CASCADE ON UPDATE CASCADE, b INT);
    CREATE TABLE grand (id INTEGER PRIMARY KEY, a INT REFERENCES child(id) ON DELETE SET NULL ON UPDATE SET NULL, b INT);
    CREATE TABLE other (id INTEGER PRIMARY KEY, a INT, b INT UNIQUE ON CONFLICT REPLACE);
    CREATE TABLE log (id INTEGER PRIMARY KEY, a INT, b INT);
    CREATE TABLE counter (id INTEGER PRIMARY KEY, a INT, b INT);
    CREATE TABLE computed (id INTEGER PRIMARY KEY, a INT, b INT, c INT AS (a + 1) STORED UNIQUE);
    CREATE TABLE of_computed (id INTEGER PRIMARY KEY, a INT REFERENCES computed(c) ON UPDATE CASCADE, b INT);
    INSERT INTO parent VALUES (1, 11, 1), (2, 12, 2), (3, 13, 3);
    INSERT INTO child VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO grand VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO other VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO log VALUES (1, 1, 1), (2, 2, 2);
    INSERT INTO counter VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO computed (id, a, b) VALUES (1, 1, 1), (2, 2, 2);
    INSERT INTO of_computed VALUES (1, 2, 1), (2, 3, 2);
    CREATE VIEW joined AS SELECT p.id, p.a, c.b FROM parent p JOIN child c ON c.a = p.id;
    CREATE VIEW through AS SELECT id, a, b FROM joined WHERE id IN (SELECT id FROM other);
    CREATE TRIGGER parent_a AFTER UPDATE OF a ON parent BEGIN INSERT INTO log (a, b) VALUES (old.id, new.a); END;
    CREATE TRIGGER parent_new BEFORE INSERT ON parent WHEN new.a = 1 OR CASE WHEN new.b THEN 0 ELSE 1 END BEGIN
        DELETE FROM other WHERE id = new.b; END;
    CREATE TRIGGER child_gone AFTER DELETE ON child BEGIN
        UPDATE counter SET a = a - 1 WHERE id = 1; SELECT RAISE(ABORT, 'never;') WHERE 1 = 0; END;
    CREATE TRIGGER child_moved AFTER UPDATE OF a ON child BEGIN UPDATE counter SET b = new.a WHERE id = 2; END;
    CREATE TRIGGER logged AFTER INSERT ON log BEGIN UPDATE other SET a = a + 1; END;
    CREATE TRIGGER own AFTER UPDATE OF b ON grand BEGIN UPDATE grand SET a = NULL WHERE id <> new.id; END;
    CREATE TRIGGER other_gone AFTER DELETE ON other BEGIN DELETE FROM counter WHERE id = 3; END;
    CREATE TRIGGER inserting AFTER INSERT ON counter BEGIN INSERT INTO child (id, a, b) VALUES (1, 2, new.b); END;
    CREATE TRIGGER into_view INSTEAD OF INSERT ON joined BEGIN INSERT INTO parent (id, a, b) VALUES (new.id, new.a, 1); END;
    CREATE TRIGGER out_of_view INSTEAD OF DELETE ON through BEGIN DELETE FROM joined WHERE id = old.id; END;
    CREATE TRIGGER out_of_inner INSTEAD OF DELETE ON joined BEGIN DELETE FROM parent WHERE id = old.id; END;";

const SQLITE_TABLES: &[&str] = &[
    "parent",
    "child",
    "grand",
    "other",
    "log",
    "counter",
    "computed",
    "of_computed",
];

#[tokio::test]
async fn what_sqlite_changes_is_covered() {
    for recursive in ["OFF", "ON"] {
        let db = sqlite(SQLITE).await;
        let pragma = format!("PRAGMA recursive_triggers = {recursive}");
        db.execute_unprepared(&pragma).await.unwrap();
        let mut tried = Tried::new(db, SQLITE_TABLES, &["joined", "through"]).await;
        tried.all().await;
    }
}

const POSTGRES: &str = r"
    CREATE TABLE parent (id int8 PRIMARY KEY, a int8, b int8);
    CREATE TABLE child (id int8 PRIMARY KEY, a int8 REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, b int8);
    CREATE TABLE grand (id int8 PRIMARY KEY, a int8 REFERENCES child ON DELETE SET NULL ON UPDATE CASCADE, b int8);
    CREATE TABLE other (id int8 PRIMARY KEY, a int8, b int8);
    CREATE TABLE log (id int8 GENERATED BY DEFAULT AS IDENTITY (START 1000) PRIMARY KEY, a int8, b int8);
    CREATE TABLE counter (id int8 PRIMARY KEY, a int8, b int8);
    CREATE TABLE rekeyed (id int8 PRIMARY KEY, a int8, b int8);
    CREATE TABLE of_b (id int8 PRIMARY KEY, a int8, b int8 UNIQUE);
    CREATE TABLE refers_b (id int8 PRIMARY KEY, a int8 REFERENCES of_b(b) ON UPDATE CASCADE, b int8);
    CREATE TABLE split (id int8, a int8, b int8, PRIMARY KEY (id, a)) PARTITION BY RANGE (a);
    CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (3);
    CREATE TABLE split_2 PARTITION OF split FOR VALUES FROM (3) TO (2000);
    CREATE VIEW joined AS SELECT p.id, p.a, c.b FROM parent p JOIN child c ON c.a = p.id;
    CREATE VIEW plain AS SELECT id, a, b FROM counter;

    CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS $f$
    DECLARE
        n bigint := 0;
    BEGIN
        /* what happens; */
        IF TG_OP = 'DELETE' THEN
            INSERT INTO log (a, b) VALUES (OLD.id, OLD.a);
            RETURN OLD;
        ELSIF NEW.a IS DISTINCT FROM OLD.a OR TG_OP = 'INSERT' THEN
            SELECT count(*) INTO n FROM log;
            INSERT INTO public.log (a, b) VALUES (NEW.id, n) RETURNING id INTO n;
        END IF;
        RETURN NEW;
    END $f$;
    CREATE TRIGGER logs AFTER INSERT OR UPDATE OR DELETE ON parent FOR EACH ROW EXECUTE FUNCTION log_it();

    CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $f$
    BEGIN
        UPDATE counter SET a = a + 1 WHERE id = 1;
        RETURN NULL;
    END $f$;
    CREATE TRIGGER counts AFTER DELETE OR TRUNCATE ON child EXECUTE FUNCTION count_it();
    CREATE TRIGGER counts_more AFTER UPDATE OF a ON child EXECUTE FUNCTION count_it();
    CREATE TRIGGER counts_logs AFTER INSERT ON log EXECUTE FUNCTION count_it();

    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN
        NEW.b := COALESCE(NEW.b, 0) + 100;
        RETURN NEW;
    END $f$;
    CREATE TRIGGER touches BEFORE INSERT OR UPDATE ON of_b FOR EACH ROW EXECUTE FUNCTION touch();

    CREATE FUNCTION rekey() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN
        NEW.id = NEW.id + 1000;
        RETURN NEW;
    END $f$;
    CREATE TRIGGER rekeys BEFORE INSERT OR UPDATE ON rekeyed FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION rekey();

    CREATE FUNCTION into_other() RETURNS trigger LANGUAGE plpgsql AS $f$
    DECLARE r record;
    BEGIN
        FOR r IN SELECT id FROM counter WHERE id < 3 LOOP
            INSERT INTO other (id, a, b) VALUES (r.id, 1, 1) ON CONFLICT (id) DO UPDATE SET a = other.a + 1;
        END LOOP;
        RETURN NULL;
    EXCEPTION WHEN division_by_zero THEN
        RAISE NOTICE 'never %', 1;
        RETURN NULL;
    END $f$;
    CREATE TRIGGER moves AFTER DELETE ON split_1 FOR EACH ROW EXECUTE FUNCTION into_other();
    CREATE TRIGGER of_other AFTER UPDATE OF a ON other FOR EACH ROW EXECUTE FUNCTION count_it();

    CREATE FUNCTION into_joined() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN
        INSERT INTO parent VALUES (NEW.*);
        UPDATE grand SET b = 7;
        RETURN NEW;
    END $f$;
    CREATE TRIGGER into_joined INSTEAD OF INSERT ON joined FOR EACH ROW EXECUTE FUNCTION into_joined();

    INSERT INTO parent VALUES (1, 11, 1), (2, 12, 2), (3, 13, 3);
    INSERT INTO child VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO grand VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO other VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO counter VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO rekeyed VALUES (1, 0, 1), (2, 0, 2), (3, 0, 3);
    INSERT INTO of_b VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
    INSERT INTO refers_b VALUES (1, 101, 1), (2, 102, 2);
    INSERT INTO split VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);";

const POSTGRES_TABLES: &[&str] = &[
    "parent", "child", "grand", "other", "log", "counter", "rekeyed", "of_b", "refers_b", "split",
];

#[tokio::test]
async fn what_postgres_changes_is_covered() {
    let Some(server) = postgres() else { return };
    let db = server.fresh().await;
    db.execute_unprepared(POSTGRES).await.unwrap();
    let mut tried = Tried::new(db, POSTGRES_TABLES, &["joined", "plain"]).await;
    tried.all().await;
}

const MARIADB: &[&str] = &[
    "CREATE TABLE parent (id bigint PRIMARY KEY, a bigint, b bigint)",
    "CREATE TABLE child (id bigint PRIMARY KEY, a bigint, b bigint, FOREIGN KEY (a) REFERENCES parent(id) ON DELETE CASCADE ON UPDATE CASCADE)",
    "CREATE TABLE grand (id bigint PRIMARY KEY, a bigint, b bigint, FOREIGN KEY (a) REFERENCES child(id) ON DELETE SET NULL)",
    "CREATE TABLE other (id bigint PRIMARY KEY, a bigint, b bigint)",
    "CREATE TABLE log (id bigint AUTO_INCREMENT PRIMARY KEY, a bigint, b bigint)",
    "CREATE TABLE counter (id bigint PRIMARY KEY, a bigint, b bigint)",
    "CREATE TABLE rekeyed (id bigint PRIMARY KEY, a bigint, b bigint)",
    "CREATE VIEW joined AS SELECT p.id, p.a, c.b FROM parent p JOIN child c ON c.a = p.id",
    "CREATE VIEW plain AS SELECT id, a, b FROM counter WHERE id > 0",
    "CREATE TRIGGER logs AFTER UPDATE ON parent FOR EACH ROW BEGIN
        DECLARE n BIGINT DEFAULT 0;
        IF NEW.a <> OLD.a THEN
            SELECT count(*) INTO n FROM log;
            INSERT INTO log (a, b) VALUES (OLD.id, n);
        ELSE
            SET n = 1, @seen = NEW.a;
        END IF;
     END",
    "CREATE TRIGGER checks BEFORE INSERT ON parent FOR EACH ROW
        IF NEW.a < 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no; not this'; END IF",
    "CREATE TRIGGER gone AFTER DELETE ON parent FOR EACH ROW UPDATE counter SET a = a + 1 WHERE id = 1",
    "CREATE TRIGGER logged AFTER INSERT ON log FOR EACH ROW REPLACE INTO other (id, a, b) VALUES (1, NEW.a, NEW.b)",
    "CREATE TRIGGER other_gone AFTER DELETE ON other FOR EACH ROW INSERT INTO counter VALUES (OLD.id + 50, 1, 1) ON DUPLICATE KEY UPDATE b = b + 1",
    "CREATE TRIGGER rekeys BEFORE INSERT ON rekeyed FOR EACH ROW SET NEW.id = NEW.id + 1000, NEW.b = 5",
    "CREATE TRIGGER rekeys_more BEFORE UPDATE ON rekeyed FOR EACH ROW BEGIN CASE WHEN NEW.a = 3 THEN SET NEW.id = 500; ELSE SET NEW.b = 6; END CASE; END",
    "INSERT INTO parent VALUES (1, 11, 1), (2, 12, 2), (3, 13, 3)",
    "INSERT INTO child VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
    "INSERT INTO grand VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
    "INSERT INTO other VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
    "INSERT INTO counter VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
    "INSERT INTO rekeyed VALUES (1, 0, 1), (2, 0, 2), (3, 0, 3)",
];

const MARIADB_TABLES: &[&str] = &[
    "parent", "child", "grand", "other", "log", "counter", "rekeyed",
];

#[tokio::test]
async fn what_mariadb_changes_is_covered() {
    let Some(server) = mariadb() else { return };
    let db = server.fresh().await;
    for statement in MARIADB {
        db.execute_unprepared(statement).await.unwrap();
    }
    let mut tried = Tried::new(db, MARIADB_TABLES, &["joined", "plain"]).await;
    tried.all().await;
}
