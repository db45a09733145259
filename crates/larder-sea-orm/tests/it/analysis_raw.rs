//! What the analysis says of raw SQL, in the dialect of each database.

use larder_sea_orm::analysis::{
    Analysis, Cell, Columns, KeyKnowledge, Name, Returning, Uncacheable, Write, WriteKind,
    analyse_raw,
};
use sea_orm::DatabaseBackend::{MySql, Postgres, Sqlite};
use sea_orm::DbBackend;
use sea_orm::sea_query::{Value, Values};

const ALL: [DbBackend; 3] = [Sqlite, Postgres, MySql];

fn raw(sql: &str, backend: DbBackend) -> Analysis {
    analyse_raw(sql, None, backend)
}

fn reads(analysis: &Analysis) -> Vec<String> {
    analysis.reads.iter().map(ToString::to_string).collect()
}

fn pinned(sql: &str, values: &[Value], backend: DbBackend) -> Option<Vec<Vec<Value>>> {
    let values = Values(values.to_vec());
    let analysis = analyse_raw(sql, Some(&values), backend);
    let rows = analysis.pins.as_ref()?.rows(&["id"], backend)?;
    Some(
        rows.into_iter()
            .map(|row| row.into_iter().cloned().collect())
            .collect(),
    )
}

fn ids(ids: &[i64]) -> Vec<Vec<Value>> {
    ids.iter().map(|id| vec![(*id).into()]).collect()
}

fn one_write(analysis: &Analysis) -> &Write {
    assert_eq!(analysis.writes.len(), 1, "{analysis:?}");
    assert!(!analysis.unknown_writes && !analysis.ddl, "{analysis:?}");
    &analysis.writes[0]
}

fn written(sql: &str, backend: DbBackend) -> Option<Vec<Vec<Value>>> {
    let analysis = raw(sql, backend);
    let KeyKnowledge::Pinned(pins) = &one_write(&analysis).key else {
        return None;
    };
    let rows = pins.rows(&["id"], backend)?;
    Some(
        rows.into_iter()
            .map(|row| row.into_iter().cloned().collect())
            .collect(),
    )
}

#[test]
fn reads_name_every_table() {
    let table: [(&str, &[&str]); 12] = [
        ("SELECT 1", &[]),
        ("SELECT * FROM note", &["note"]),
        (
            "SELECT * FROM note n JOIN tag t ON t.id = n.tag_id LEFT JOIN app.author USING (id)",
            &["note", "tag", "app.author"],
        ),
        ("SELECT * FROM note, tag", &["note", "tag"]),
        ("SELECT * FROM (SELECT * FROM note) x", &["note"]),
        (
            "SELECT (SELECT max(id) FROM tag) FROM note",
            &["tag", "note"],
        ),
        (
            "SELECT * FROM note WHERE EXISTS (SELECT 1 FROM tag) AND id IN (SELECT id FROM author)",
            &["note", "tag", "author"],
        ),
        (
            "SELECT id FROM note UNION SELECT id FROM tag ORDER BY 1",
            &["note", "tag"],
        ),
        (
            "WITH c AS (SELECT * FROM note) SELECT * FROM c JOIN tag ON true",
            &["note", "tag"],
        ),
        (
            "WITH RECURSIVE c AS (SELECT 1 AS id UNION ALL SELECT c.id + 1 FROM c JOIN tag ON true) SELECT * FROM c",
            &["tag"],
        ),
        (
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM tag) THEN 1 END FROM note GROUP BY id HAVING count(*) > (SELECT 1 FROM author)",
            &["tag", "note", "author"],
        ),
        ("SELECT * FROM (note JOIN tag ON true)", &["note", "tag"]),
    ];
    for backend in ALL {
        for (sql, expected) in table {
            let analysis = raw(sql, backend);
            assert_eq!(reads(&analysis), expected, "{backend:?}: {sql}");
            assert_eq!(analysis.refusal, None, "{backend:?}: {sql}");
            assert!(!analysis.may_write(backend), "{backend:?}: {sql}");
        }
    }
}

#[test]
fn a_cte_hides_a_table_only_where_it_is_seen() {
    let table: [(&str, &[&str]); 6] = [
        // Its own body comes before it.
        (
            "WITH note AS (SELECT * FROM note) SELECT * FROM note",
            &["note"],
        ),
        (
            "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM tag) SELECT * FROM a, b",
            &["b", "tag"],
        ),
        (
            "WITH a AS (SELECT * FROM tag), b AS (SELECT * FROM a) SELECT * FROM b",
            &["tag"],
        ),
        (
            "SELECT * FROM (WITH c AS (SELECT * FROM note) SELECT * FROM c) x, c",
            &["note", "c"],
        ),
        (
            "WITH c AS (SELECT * FROM note) SELECT * FROM main.c",
            &["note", "main.c"],
        ),
        (
            "WITH c AS (SELECT * FROM note) SELECT * FROM (SELECT * FROM c) x",
            &["note"],
        ),
    ];
    for backend in ALL {
        for (sql, expected) in table {
            assert_eq!(reads(&raw(sql, backend)), expected, "{backend:?}: {sql}");
        }
    }
    let spelling = r#"WITH c AS (SELECT 1) SELECT * FROM "C""#;
    assert_eq!(
        reads(&raw(spelling, Postgres)),
        ["C"],
        "in quotes it is another name"
    );
    assert!(reads(&raw(spelling, Sqlite)).is_empty());
    assert!(reads(&raw("WITH C AS (SELECT 1) SELECT * FROM c", Postgres)).is_empty());
}

#[test]
fn a_key_given_by_a_literal_pins() {
    for backend in ALL {
        for (sql, expected) in [
            ("SELECT * FROM note WHERE id = 7", Some(ids(&[7]))),
            ("SELECT * FROM note WHERE 7 = id", Some(ids(&[7]))),
            ("SELECT * FROM note WHERE id = -7", Some(ids(&[-7]))),
            (
                "SELECT * FROM note AS n WHERE n.id = 7 AND title LIKE 'x%'",
                Some(ids(&[7])),
            ),
            (
                "SELECT * FROM note WHERE (id IN (1, 2)) AND (views > 3 OR title IS NULL)",
                Some(ids(&[1, 2])),
            ),
            (
                "SELECT count(*) FROM note WHERE id = 7 GROUP BY views ORDER BY 1 LIMIT 1 OFFSET 2",
                Some(ids(&[7])),
            ),
            (
                "SELECT * FROM note WHERE id = 7 AND views BETWEEN 1 AND 2 AND lower(title) = 'x'",
                Some(ids(&[7])),
            ),
        ] {
            assert_eq!(pinned(sql, &[], backend), expected, "{backend:?}: {sql}");
        }
    }
}

#[test]
fn a_parameter_is_found_by_its_place_or_its_number() {
    let seven = [Value::from("x"), Value::from(7)];
    let expected = Some(vec![vec![Value::from(7)]]);
    assert_eq!(
        pinned(
            "SELECT * FROM note WHERE title = ? AND id = ?",
            &seven,
            Sqlite
        ),
        expected
    );
    assert_eq!(
        pinned(
            "SELECT * FROM note WHERE title = ? AND id = ?",
            &seven,
            MySql
        ),
        expected
    );
    assert_eq!(
        pinned(
            "SELECT * FROM note WHERE id = $2 AND title = $1",
            &seven,
            Postgres
        ),
        expected
    );
    assert_eq!(
        pinned(
            "SELECT * FROM note WHERE id = ?2 AND title = ?1",
            &seven,
            Sqlite
        ),
        expected
    );
    assert_eq!(
        pinned(
            "SELECT * FROM note WHERE id = $2 AND title = $1",
            &seven,
            Sqlite
        ),
        expected
    );
}

#[test]
fn a_placeholder_whose_value_is_not_certain_pins_nothing() {
    let values = [Value::from(7), Value::from(8)];
    for (sql, backend) in [
        ("SELECT * FROM note WHERE id = ?3", Sqlite),
        ("SELECT * FROM note WHERE id = :id", Sqlite),
        ("SELECT * FROM note WHERE title = ?1 AND id = ?", Sqlite),
        ("SELECT * FROM note WHERE id = $0", Postgres),
        ("SELECT * FROM note WHERE id = $1::int", Postgres),
    ] {
        assert_eq!(pinned(sql, &values, backend), None, "{backend:?}: {sql}");
    }
}

#[test]
fn what_could_pick_other_rows_pins_nothing() {
    for sql in [
        "SELECT * FROM note",
        "SELECT * FROM note WHERE id = 7 OR views = 1",
        "SELECT * FROM note WHERE NOT id = 7",
        "SELECT * FROM note WHERE id = views",
        "SELECT * FROM note WHERE id > 7",
        "SELECT * FROM note WHERE id + 1 = 8",
        "SELECT * FROM note WHERE id NOT IN (7)",
        "SELECT * FROM note WHERE other.id = 7",
        "SELECT * FROM note WHERE id = (SELECT 7)",
        "SELECT * FROM note WHERE id = 7.0",
        "SELECT * FROM note n, tag WHERE n.id = 7",
        "SELECT * FROM note n JOIN tag ON true WHERE n.id = 7",
        "SELECT * FROM note WHERE id = 7 AND EXISTS (SELECT 1 FROM tag)",
        "SELECT * FROM (SELECT * FROM note) note WHERE id = 7",
        "SELECT * FROM note WHERE id = 7 UNION SELECT * FROM note WHERE id = 8",
        "WITH c AS (SELECT 1) SELECT * FROM note WHERE id = 7",
        "WITH note AS (SELECT 1 AS id) SELECT * FROM note WHERE id = 7",
    ] {
        for backend in ALL {
            assert_eq!(pinned(sql, &[], backend), None, "{backend:?}: {sql}");
        }
    }
}

#[test]
fn a_precedence_that_databases_do_not_share_pins_nothing() {
    for sql in [
        "SELECT * FROM note WHERE id = 7 AND title || 'x'",
        "SELECT * FROM note WHERE id = 7 XOR views = 1",
        "SELECT * FROM note WHERE id = 7 AND views = 1 XOR title = 'x'",
        "SELECT * FROM note WHERE id = 7 IS NULL",
        "SELECT * FROM note WHERE id = 7 = 1",
        "SELECT * FROM note WHERE id = 7 AND title = 'x' COLLATE nocase",
        "SELECT * FROM note WHERE id = 7 & 1",
        "SELECT * FROM note WHERE id = 7 && title",
    ] {
        for backend in ALL {
            let pinned = pinned(sql, &[], backend);
            assert!(
                pinned.is_none() || sql.contains("&&") && backend == MySql,
                "{backend:?}: {sql}"
            );
        }
    }
}

#[test]
fn what_answers_differently_each_time_is_refused() {
    for (sql, backends) in [
        ("SELECT now() FROM note", &[Postgres, MySql][..]),
        ("SELECT CURRENT_TIMESTAMP, id FROM note", &ALL),
        ("SELECT current_user FROM note", &[Postgres, MySql]),
        ("SELECT user FROM note", &[Postgres]),
        ("SELECT random() FROM note", &[Sqlite, Postgres]),
        ("SELECT * FROM note ORDER BY RAND()", &[MySql]),
        ("SELECT * FROM note WHERE day = date('now')", &[Sqlite]),
        ("SELECT nextval('note_id_seq')", &[Postgres]),
        ("SELECT pg_catalog.random() FROM note", &[Postgres]),
        ("SELECT 'now'::timestamptz FROM note", &[Postgres]),
        ("SELECT * FROM note WHERE at > 'today'", &[Postgres]),
        ("SELECT @@version", &[MySql]),
        ("SELECT @row := 1 FROM note", &[MySql]),
        ("SELECT * FROM note WHERE id = @id", &[MySql]),
        ("SELECT last_insert_id()", &[MySql]),
        ("SELECT changes()", &[Sqlite]),
        ("SELECT * FROM note FOR UPDATE", &[Postgres, MySql]),
        (
            "SELECT * FROM note FOR SHARE SKIP LOCKED",
            &[Postgres, MySql],
        ),
        ("SELECT * FROM note LOCK IN SHARE MODE", &[MySql]),
        ("SELECT * FROM note TABLESAMPLE BERNOULLI (10)", &[Postgres]),
        ("EXPLAIN SELECT * FROM note", &ALL),
        ("SHOW TABLES", &[MySql]),
        ("SHOW search_path", &[Postgres]),
        ("PRAGMA table_info(note)", &[Sqlite]),
        ("PRAGMA user_version", &[Sqlite]),
        ("SELECT * FROM pragma_table_info('note')", &[Sqlite]),
    ] {
        for backend in backends {
            let analysis = raw(sql, *backend);
            assert!(analysis.refusal.is_some(), "{backend:?}: {sql}");
            assert!(
                !analysis.may_write(*backend),
                "{backend:?}: {sql} {analysis:?}"
            );
            assert!(
                !analysis.transaction_control && !analysis.session_change,
                "{backend:?}: {sql}"
            );
        }
    }
}

#[test]
fn names_of_columns_are_not_taken_for_functions() {
    assert_eq!(raw("SELECT user, date FROM note", MySql).refusal, None);
    assert_eq!(
        raw(r#"SELECT "current_user" FROM note"#, Postgres).refusal,
        None
    );
    assert_eq!(raw("SELECT now FROM note", Postgres).refusal, None);
}

#[test]
fn what_may_write_anything_is_unknown() {
    for (sql, backends) in [
        ("CALL transfer(1, 2)", &[Postgres, MySql][..]),
        ("DO $$ BEGIN DELETE FROM note; END $$", &[Postgres]),
        ("COPY note FROM '/tmp/x'", &[Postgres]),
        ("EXECUTE plan(1)", &[Postgres]),
        ("SELECT transfer(1)", &ALL),
        ("SELECT * FROM transfer(1)", &[Postgres]),
        (
            "SELECT query_to_xml('delete from note', true, true, '')",
            &[Postgres],
        ),
        ("SELECT id INTO copy FROM note", &[Postgres]),
        ("DROP TABLE note", &ALL),
        ("CREATE TABLE copy AS SELECT * FROM note", &ALL),
        ("ALTER TABLE note ADD COLUMN x int", &ALL),
        ("CREATE INDEX i ON note (views)", &ALL),
        ("ATTACH DATABASE 'x.db' AS x; DELETE FROM x.note", &[Sqlite]),
        ("nonsense that nobody understands", &ALL),
        ("SELECT 'never closed", &ALL),
        ("SELECT 1 /*! ; DELETE FROM note */", &[MySql]),
        ("SELECT 1 /*M! ; DELETE FROM note */", &[MySql]),
        ("LOAD DATA INFILE 'x' INTO TABLE note", &[MySql]),
        ("VACUUM", &[Sqlite, Postgres]),
        ("REFRESH MATERIALIZED VIEW totals", &[Postgres]),
        ("SELECT 1 OPERATOR(app.+) 2", &[Postgres]),
        (
            "CREATE TRIGGER t AFTER INSERT ON note BEGIN DELETE FROM tag; END",
            &[Sqlite],
        ),
    ] {
        for backend in backends {
            let analysis = raw(sql, *backend);
            assert!(
                analysis.may_write(*backend),
                "{backend:?}: {sql} {analysis:?}"
            );
            assert!(analysis.writes.len() <= 1, "{backend:?}: {sql}");
        }
    }
}

#[test]
fn text_that_does_not_parse_but_only_reads_is_no_write() {
    for (sql, backend) in [
        ("SELECT a, FROM note WHERE lower(x) = 'y'", Postgres),
        (
            "SELECT * FROM note FOR UPDATE OF note NOWAIT SOMEHOW",
            Postgres,
        ),
        ("SHOW ENGINE INNODB STATUS", MySql),
        ("DESCRIBE note", MySql),
        ("TABLE note", Postgres),
        ("(SELECT * FROM note) UNION (TABLE tag)", Postgres),
        ("ANALYZE TABLE note", MySql),
    ] {
        let analysis = raw(sql, backend);
        assert!(analysis.refusal.is_some(), "{sql}");
        assert!(!analysis.may_write(backend), "{sql} {analysis:?}");
    }
    for sql in [
        "SELECT a, FROM note WHERE transfer(x) = 'y'",
        "SELECT a, FROM note; DELETE FROM note",
        "WITH x AS (DELETE FROM note RETURNING id,) SELECT 1",
        "SELECT a b c INTO copy FROM note",
    ] {
        assert!(raw(sql, Postgres).may_write(Postgres), "{sql}");
    }
}

#[test]
fn what_cannot_be_read_does_no_more_than_a_statement_of_its_kind() {
    for (sql, alone) in [
        ("SELECT id FROM t /*! WHERE id = 1 */;", true),
        ("SELECT 'a' FROM t WHERE x = '", true),
        ("UPDATE t SET /*!50000 x = 1 */", true),
        ("SELECT 1 /*! ; COMMIT */", false),
        ("/*! COMMIT */", false),
        ("SELECTED '", false),
    ] {
        let analysis = raw(sql, MySql);
        assert!(
            analysis.unknown_writes && analysis.refusal.is_some(),
            "{sql}"
        );
        let by_hand = analysis.transaction_control || analysis.session_change || analysis.ddl;
        assert_eq!(!by_hand, alone, "{sql}");
    }
    assert!(raw("SELECT '", Postgres).transaction_control);
}

#[test]
fn transactions_and_sessions_by_hand_are_seen() {
    for (sql, backends) in [
        ("BEGIN", &ALL[..]),
        ("BEGIN IMMEDIATE", &[Sqlite]),
        ("START TRANSACTION READ ONLY", &[Postgres, MySql]),
        ("COMMIT", &ALL),
        ("END", &[Sqlite, Postgres]),
        ("ROLLBACK", &ALL),
        ("ROLLBACK TO SAVEPOINT a", &ALL),
        ("SAVEPOINT a", &ALL),
        ("RELEASE SAVEPOINT a", &ALL),
        (
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            &[Postgres, MySql],
        ),
        ("SET autocommit = 0", &[MySql]),
        ("LOCK TABLES note WRITE", &[MySql]),
        ("UNLOCK TABLES", &[MySql]),
        ("DROP TABLE note", &[MySql]),
        ("PREPARE TRANSACTION 'x'", &[Postgres]),
        ("SELECT 1; COMMIT", &ALL),
    ] {
        for backend in backends {
            assert!(raw(sql, *backend).transaction_control, "{backend:?}: {sql}");
        }
    }
    for (sql, backend) in [
        ("SET search_path = app", Postgres),
        (
            "CREATE TEMP TRIGGER x AFTER UPDATE ON t BEGIN DELETE FROM u; END",
            Sqlite,
        ),
        ("CREATE TEMP VIEW v AS SELECT 1", Sqlite),
        ("SET LOCAL app.user_id = '7'", Postgres),
        ("SET ROLE app", Postgres),
        ("RESET ALL", Postgres),
        ("SELECT set_config('app.user_id', '7', true)", Postgres),
        ("USE other", MySql),
        ("SET @id = 7", MySql),
        ("SET sql_mode = 'ANSI_QUOTES'", MySql),
        ("ATTACH DATABASE 'x.db' AS x", Sqlite),
        ("PRAGMA case_sensitive_like = 1", Sqlite),
        ("CREATE TEMPORARY TABLE note (id int)", Postgres),
        ("CREATE TEMP TABLE note (id int)", Sqlite),
    ] {
        assert!(raw(sql, backend).session_change, "{backend:?}: {sql}");
    }
    for (sql, backend) in [
        ("SET statement_timeout = 100", Postgres),
        ("SET LOCAL lock_timeout = '1s'", Postgres),
        ("PRAGMA journal_mode = WAL", Sqlite),
        ("PRAGMA busy_timeout = 100", Sqlite),
        ("SET SESSION innodb_lock_wait_timeout = 1", MySql),
    ] {
        let analysis = raw(sql, backend);
        assert!(
            !analysis.session_change && !analysis.transaction_control,
            "{sql} {analysis:?}"
        );
        assert!(!analysis.may_write(backend), "{sql}");
    }
}

#[test]
fn an_insert_tells_its_rows() {
    for backend in ALL {
        let analysis = raw(
            "INSERT INTO note (id, title, views) VALUES (7, 'a', DEFAULT), (8, lower('B'), NULL)",
            backend,
        );
        let write = one_write(&analysis);
        assert_eq!(write.kind, WriteKind::Insert);
        let KeyKnowledge::Inserted { columns, rows } = &write.key else {
            panic!("{write:?}")
        };
        assert_eq!(
            columns.iter().map(Name::text).collect::<Vec<_>>(),
            ["id", "title", "views"]
        );
        assert_eq!(
            rows[0],
            [
                Cell::Value(7i64.into()),
                Cell::Value("a".into()),
                Cell::Default
            ]
        );
        assert_eq!(
            rows[1],
            [
                Cell::Value(8i64.into()),
                Cell::Unknown,
                Cell::Value(Value::BigInt(None))
            ]
        );
    }
    let set = raw("INSERT INTO note SET id = 7, title = 'a'", MySql);
    let KeyKnowledge::Inserted { rows, .. } = &one_write(&set).key else {
        panic!()
    };
    assert_eq!(rows[0][0], Cell::Value(7i64.into()));
    let default = raw("INSERT INTO note DEFAULT VALUES", Sqlite);
    let KeyKnowledge::Inserted { columns, rows } = &one_write(&default).key else {
        panic!()
    };
    assert!(columns.is_empty() && rows.len() == 1);
}

#[test]
fn an_insert_whose_rows_are_not_told_is_wide() {
    for (sql, backends) in [
        ("INSERT INTO note (id) SELECT id FROM tag", &ALL[..]),
        ("INSERT IGNORE INTO note (id) VALUES (7)", &[MySql]),
    ] {
        for backend in backends {
            assert_eq!(
                one_write(&raw(sql, *backend)).key,
                KeyKnowledge::Unknown,
                "{sql}"
            );
        }
    }
}

#[test]
fn a_column_that_an_upsert_sets_to_itself_is_not_set() {
    for (sql, set) in [
        ("VALUES (7) ON DUPLICATE KEY UPDATE id = id", &[][..]),
        (
            "VALUES (7) ON DUPLICATE KEY UPDATE `id` = `id`, views = 1",
            &["views"],
        ),
        ("VALUES (7) ON DUPLICATE KEY UPDATE id = views", &["id"]),
        (
            "VALUES (7) ON DUPLICATE KEY UPDATE id = VALUES(id)",
            &["id"],
        ),
        ("VALUES (7) AS new ON DUPLICATE KEY UPDATE id = id", &["id"]),
        (
            "SELECT id FROM tag ON DUPLICATE KEY UPDATE id = id",
            &["id"],
        ),
    ] {
        let analysis = raw(&format!("INSERT INTO note (id) {sql}"), MySql);
        let Columns::Named(columns) = &one_write(&analysis).columns else {
            panic!("{sql}")
        };
        let columns: Vec<&str> = columns.iter().map(Name::text).collect();
        assert_eq!(columns, set, "{sql}");
    }
}

#[test]
fn conflicts_are_told_apart() {
    let kind = |sql, backend| one_write(&raw(sql, backend)).kind.clone();
    let target = |kind| match kind {
        WriteKind::Upsert(Some(columns)) => columns.iter().map(|it| it.text().to_owned()).collect(),
        other => vec![format!("{other:?}")],
    };
    for backend in [Sqlite, Postgres] {
        let update = "INSERT INTO note (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET views = 1";
        assert_eq!(target(kind(update, backend)), ["id"]);
        let nothing = "INSERT INTO note (id) VALUES (7) ON CONFLICT DO NOTHING";
        assert_eq!(kind(nothing, backend), WriteKind::Insert);
    }
    let constraint =
        "INSERT INTO note (id) VALUES (7) ON CONFLICT ON CONSTRAINT c DO UPDATE SET views = 1";
    assert_eq!(kind(constraint, Postgres), WriteKind::Upsert(None));
    let duplicate = "INSERT INTO note (id) VALUES (7) ON DUPLICATE KEY UPDATE views = views + 1";
    assert_eq!(kind(duplicate, MySql), WriteKind::Upsert(None));
    assert_eq!(
        kind("REPLACE INTO note (id) VALUES (7)", MySql),
        WriteKind::Replace
    );
    assert_eq!(
        kind("REPLACE INTO note (id) VALUES (7)", Sqlite),
        WriteKind::Replace
    );
    assert_eq!(
        kind("INSERT OR REPLACE INTO note (id) VALUES (7)", Sqlite),
        WriteKind::Replace
    );
    assert_eq!(
        kind("INSERT OR IGNORE INTO note (id) VALUES (7)", Sqlite),
        WriteKind::Insert
    );
    assert_eq!(
        kind(
            "UPDATE OR REPLACE note SET title = 'x' WHERE id = 7",
            Sqlite
        ),
        WriteKind::Replace
    );
}

#[test]
fn updates_and_deletes_tell_the_rows_they_pin() {
    for backend in ALL {
        for (sql, expected) in [
            ("UPDATE note SET title = 'x' WHERE id = 7", Some(ids(&[7]))),
            (
                "UPDATE note SET title = 'x' WHERE id IN (1, 2) AND views > 3",
                Some(ids(&[1, 2])),
            ),
            (
                "UPDATE note SET title = 'x' WHERE id = 7 AND EXISTS (SELECT 1 FROM tag)",
                Some(ids(&[7])),
            ),
            ("UPDATE note SET title = 'x' WHERE views = 7", None),
            ("UPDATE note SET title = 'x'", None),
            ("UPDATE note SET title = 'x' WHERE id = 7 OR true", None),
            ("DELETE FROM note WHERE id = 7", Some(ids(&[7]))),
            ("DELETE FROM note", None),
        ] {
            assert_eq!(written(sql, backend), expected, "{backend:?}: {sql}");
        }
    }
    for (sql, backend) in [
        (
            "UPDATE note SET title = 'x' FROM tag WHERE note.id = 7",
            Postgres,
        ),
        (
            "UPDATE note SET title = 'x' FROM tag WHERE note.id = 7",
            Sqlite,
        ),
        ("DELETE FROM note USING tag WHERE note.id = 7", Postgres),
    ] {
        let analysis = raw(sql, backend);
        assert_eq!(one_write(&analysis).key, KeyKnowledge::Unknown, "{sql}");
        assert!(reads(&analysis).contains(&"tag".to_owned()));
    }
}

#[test]
fn a_write_of_several_tables_is_one_of_each() {
    let tables = |sql, backend| {
        let analysis = raw(sql, backend);
        assert!(
            analysis
                .writes
                .iter()
                .all(|write| write.key == KeyKnowledge::Unknown),
            "{sql}"
        );
        analysis
            .writes
            .iter()
            .map(|write| write.table.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        tables(
            "UPDATE note n JOIN tag t ON t.id = n.id SET n.title = 'x'",
            MySql
        ),
        ["note", "tag"]
    );
    assert_eq!(
        tables(
            "DELETE n FROM note n JOIN tag t ON t.id = n.id WHERE n.id = 7",
            MySql
        ),
        ["note", "tag"]
    );
    assert_eq!(
        tables("TRUNCATE note, tag CASCADE", Postgres),
        ["note", "tag"]
    );
    assert!(
        raw(
            "DELETE FROM n USING note AS n JOIN tag WHERE n.id = 7",
            MySql
        )
        .unknown_writes
    );
    assert!(
        raw(
            "UPDATE note, tag SET note.title = 'x' WHERE note.id = 7",
            MySql
        )
        .may_write(MySql)
    );
}

#[test]
fn what_is_written_inside_a_query_is_seen() {
    let sql = "WITH gone AS (DELETE FROM note WHERE id = 7 RETURNING *) INSERT INTO old SELECT * FROM gone";
    let analysis = raw(sql, Postgres);
    let tables: Vec<_> = analysis
        .writes
        .iter()
        .map(|write| write.table.to_string())
        .collect();
    assert_eq!(tables, ["note", "old"]);
    assert!(
        analysis
            .writes
            .iter()
            .all(|write| write.returning == Returning::Elsewhere)
    );
    let merge = "MERGE INTO note USING tag ON note.id = tag.id WHEN MATCHED THEN DELETE";
    assert_eq!(one_write(&raw(merge, Postgres)).kind, WriteKind::Merge);
    let explained = raw("EXPLAIN ANALYZE DELETE FROM note", Postgres);
    assert_eq!(one_write(&explained).kind, WriteKind::Delete);
}

#[test]
fn what_is_returned_under_its_own_name_is_told() {
    let returning = |sql| one_write(&raw(sql, Postgres)).returning.clone();
    assert_eq!(returning("DELETE FROM note RETURNING *"), Returning::All);
    let Returning::Columns(columns) = returning("DELETE FROM note RETURNING id, note.title") else {
        panic!()
    };
    assert_eq!(
        columns.iter().map(Name::text).collect::<Vec<_>>(),
        ["id", "title"]
    );
    assert_eq!(
        returning("DELETE FROM note RETURNING views AS id"),
        Returning::Columns(vec![])
    );
    assert_eq!(
        returning("DELETE FROM note RETURNING id, views AS id"),
        Returning::Columns(vec![])
    );
    assert_eq!(returning("DELETE FROM note"), Returning::Nothing);
}

#[test]
fn several_statements_are_taken_together() {
    for backend in ALL {
        let sql =
            "SELECT * FROM tag; DELETE FROM note WHERE id = 7; UPDATE author SET name = 'x; y'";
        let analysis = raw(sql, backend);
        assert_eq!(analysis.writes.len(), 2);
        assert!(reads(&analysis).contains(&"tag".to_owned()));
        assert!(
            analysis
                .writes
                .iter()
                .all(|write| write.returning == Returning::Elsewhere)
        );
        assert_eq!(analysis.pins, None);
        let reads = raw(
            "SELECT * FROM note WHERE id = 7; SELECT * FROM tag",
            backend,
        );
        assert_eq!(reads.pins, None);
    }
}

#[test]
fn nothing_at_all_is_no_read_to_keep() {
    for backend in ALL {
        for sql in ["", " ; ", "-- only a remark"] {
            assert_eq!(
                raw(sql, backend).refusal,
                Some(Uncacheable::Unparsed),
                "{sql:?}"
            );
        }
    }
}

#[test]
fn quotes_some_sessions_read_differently_are_marked() {
    assert!(raw(r"SELECT * FROM note WHERE title = 'a\'", Postgres).ambiguous_quoting);
    assert!(raw(r#"SELECT * FROM note WHERE title = "a""#, MySql).ambiguous_quoting);
    assert!(!raw(r#"SELECT * FROM "note""#, Postgres).ambiguous_quoting);
    assert_eq!(
        pinned(r"SELECT * FROM note WHERE id = '7\'", &[], Postgres),
        None
    );
}

#[test]
fn a_chain_of_any_length_is_analysed_on_a_small_stack() {
    // That of a worker of tokio.
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let analysed = small.spawn(|| {
        for length in [10, 300, 1_999, 100_000] {
            let links = vec!["views = 1"; length].join(" OR ");
            let sql = format!("SELECT * FROM note WHERE {links}");
            let analysis = raw(&sql, Sqlite);
            assert!(!analysis.may_write(Sqlite));
            assert!(analysis.refusal.is_some() || reads(&analysis) == ["note"]);
            let deep = format!("SELECT {}1{}", "(".repeat(length), ")".repeat(length));
            assert!(!raw(&deep, Sqlite).may_write(Sqlite));
        }
        let rows = vec!["(-1, 'x')"; 20_000].join(", ");
        let insert = raw(
            &format!("INSERT INTO note (id, title) VALUES {rows}"),
            Sqlite,
        );
        assert_eq!(one_write(&insert).kind, WriteKind::Insert);
    });
    analysed.unwrap().join().unwrap();
}
