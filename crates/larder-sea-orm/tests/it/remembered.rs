//! Plans that are remembered say what a new analysis would.

use std::sync::Arc;

use larder_core::{Dependency, Filter};
use larder_sea_orm::analysis::{analyse_raw, plan, recall};
use larder_sea_orm::catalog::Catalog;
use sea_orm::DbBackend;
use sea_orm::sea_query::{Value, Values};

use crate::catalog::catalog_of;

const SCHEMA: &str = "
    CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT, author INT, views REAL);
    CREATE TABLE tag (note_id INT, name TEXT, PRIMARY KEY (note_id, name));";

fn anew(sql: &str, values: &Values, catalog: &Catalog) -> Result<Vec<Dependency>, String> {
    let analysis = analyse_raw(sql, Some(values), DbBackend::Sqlite);
    let read = plan(&analysis, catalog).read;
    read.map(|reads| reads.dependencies)
        .map_err(|reason| reason.to_string())
}

fn values(values: &[Value]) -> Values {
    Values(values.to_vec())
}

/// The words of dependencies, whose filters are equal to themselves only once they wait for an answer.
///
/// One that waits and says nothing else may be told nothing, by a LIMIT that is no number for one.
fn told_later(dependencies: &Result<Vec<Dependency>, String>) -> String {
    let nothing = Arc::new(Filter::default().of_one_answer());
    let words = format!("{dependencies:?}");
    words.replace(&format!("{:?}", Some(nothing)), "None")
}

/// Texts, each with values it can be asked with.
fn texts() -> Vec<(&'static str, Vec<Value>)> {
    let (one, two, word): (Value, Value, Value) = (1.into(), 2_i64.into(), "Word".into());
    vec![
        ("SELECT * FROM note WHERE id = ?", vec![one.clone()]),
        (
            "SELECT * FROM note WHERE id IN (?, ?, 7)",
            vec![one.clone(), two.clone()],
        ),
        (
            "SELECT title FROM note WHERE author = ? AND title = ?",
            vec![one.clone(), word.clone()],
        ),
        (
            "SELECT title FROM note WHERE author = ? AND author = 3",
            vec![one.clone()],
        ),
        (
            "SELECT count(*) FROM note WHERE author = ?",
            vec![one.clone()],
        ),
        (
            "SELECT count(*) FROM note WHERE views = ?",
            vec![one.clone()],
        ),
        (
            "SELECT count(*) FROM note WHERE title IS NULL AND author = ?",
            vec![one.clone()],
        ),
        (
            "SELECT n.id FROM note n JOIN tag t ON t.note_id = n.id WHERE n.id = ? AND t.name IN (?, ?)",
            vec![one.clone(), word.clone(), "x".into()],
        ),
        (
            "SELECT * FROM tag WHERE note_id = ? AND name = ?",
            vec![one.clone(), word.clone()],
        ),
        (
            "SELECT * FROM note WHERE author = ? LIMIT ? OFFSET ?",
            vec![one.clone(), two.clone(), one.clone()],
        ),
        (
            "SELECT id, title FROM note WHERE author = ? ORDER BY id LIMIT ? OFFSET ?",
            vec![one.clone(), two.clone(), Value::from(0_u64)],
        ),
        (
            "SELECT * FROM tag WHERE note_id = ? AND 1 = 2",
            vec![one.clone()],
        ),
        ("SELECT random() FROM note WHERE id = ?", vec![one.clone()]),
        ("SELECT * FROM missing WHERE id = ?", vec![one.clone()]),
    ]
}

#[tokio::test]
async fn a_remembered_text_depends_on_what_it_would_if_it_were_new() {
    let catalog = catalog_of(SCHEMA).await;
    let (two, word): (Value, Value) = (2_i64.into(), "Word".into());
    let null = Value::Int(None);
    for (sql, bound) in texts() {
        let mut with = vec![bound.clone()];
        for place in 0..bound.len() {
            for other in [
                &null,
                &word,
                &two,
                &Value::from("07"),
                &Value::from(2.5),
                &Value::from(0_u64),
            ] {
                let mut changed = bound.clone();
                changed[place] = other.clone();
                with.push(changed);
            }
        }
        assert!(
            recall(sql, Some(&values(&bound)), &catalog).is_none(),
            "new: {sql}"
        );
        for bound in with {
            let bound = values(&bound);
            if let Some(known) = recall(sql, Some(&bound), &catalog) {
                let known = known.map(|reads| reads.dependencies);
                let known = known.map_err(|reason| reason.to_string());
                let anew = anew(sql, &bound, &catalog);
                let (known, anew) = (told_later(&known), told_later(&anew));
                assert_eq!(known, anew, "{sql} with {bound:?}");
            }
        }
        let again = recall(sql, Some(&values(&bound)), &catalog);
        assert!(again.is_some(), "it is remembered: {sql}");
    }
}

#[tokio::test]
async fn what_does_more_than_read_is_not_remembered() {
    let catalog = catalog_of(SCHEMA).await;
    for sql in [
        "UPDATE note SET title = 'x' WHERE id = 1",
        "BEGIN",
        "SELECT 1; DELETE FROM note",
        "SELECT unknown(1)",
    ] {
        for _ in 0..3 {
            assert!(recall(sql, None, &catalog).is_none(), "{sql}");
        }
    }
}

#[tokio::test]
async fn a_text_that_could_be_taken_for_a_mark_is_not_remembered() {
    let catalog = catalog_of(SCHEMA).await;
    let sql = "SELECT * FROM note WHERE title = '\u{1}larder: bound at 0' AND author = ?";
    for _ in 0..3 {
        assert!(recall(sql, Some(&values(&[1.into()])), &catalog).is_none());
    }
}

#[tokio::test]
async fn a_value_that_could_be_taken_for_a_mark_is_a_value() {
    let catalog = catalog_of(SCHEMA).await;
    let sql = "SELECT * FROM note WHERE title = ? AND author = ?";
    let bound = values(&["\u{1}larder: bound at 1".into(), 1.into()]);
    for _ in 0..3 {
        if let Some(known) = recall(sql, Some(&bound), &catalog) {
            let known = known.map(|reads| reads.dependencies);
            assert_eq!(
                known.map_err(|it| it.to_string()),
                anew(sql, &bound, &catalog)
            );
        }
    }
}

#[tokio::test]
async fn thousands_of_texts_push_out_those_not_asked_for() {
    let catalog = catalog_of(SCHEMA).await;
    let hot = "SELECT title FROM note WHERE author = 1";
    recall(hot, None, &catalog);
    for number in 0..5_000 {
        let sql = format!("SELECT title FROM note WHERE author = {number} AND views > 1");
        recall(&sql, None, &catalog);
        assert!(recall(hot, None, &catalog).is_some());
    }
    let first = "SELECT title FROM note WHERE author = 0 AND views > 1";
    assert!(recall(first, None, &catalog).is_none());
}

/// Tells whether some dependency is on the rows that enter an answer: its rows are told.
fn tells_rows(
    read: Result<larder_sea_orm::analysis::Reads, larder_sea_orm::analysis::Uncacheable>,
) -> bool {
    read.unwrap().dependencies.iter().any(|dependency| {
        matches!(dependency, Dependency::Match(_, rows) if rows.shape().entering().is_some())
    })
}

/// Seen to fail with `offset.is_none()` in `Blocks::limit` (`raw_order.rs`).
#[tokio::test]
async fn a_first_page_tells_its_rows_and_a_later_one_does_not() {
    let catalog = catalog_of(SCHEMA).await;
    let sql = "SELECT id, title FROM note WHERE author = ? ORDER BY id LIMIT ? OFFSET ?";
    let page = |skipped: u64| values(&[1.into(), 2_u64.into(), skipped.into()]);
    let new = |skipped| {
        let analysis = analyse_raw(sql, Some(&page(skipped)), DbBackend::Sqlite);
        plan(&analysis, &catalog).read
    };
    for _ in 0..3 {
        recall(sql, Some(&page(0)), &catalog);
        assert!(tells_rows(new(0)) && !tells_rows(new(2)));
    }
    let known = |skipped| recall(sql, Some(&page(skipped)), &catalog).unwrap();
    assert!(tells_rows(known(0)) && !tells_rows(known(2)));
}

#[tokio::test]
async fn a_condition_that_never_holds_depends_on_nothing() {
    let catalog = catalog_of(SCHEMA).await;
    let read = |sql: &str| anew(sql, &values(&[]), &catalog).unwrap();
    assert_eq!(read("SELECT * FROM tag WHERE note_id = 7 AND 1 = 2"), []);
    assert_eq!(read("SELECT count(*) FROM note WHERE (1 = 2)"), []);
    for sql in [
        "SELECT * FROM tag WHERE note_id = 7 AND 1 = 1",
        "SELECT * FROM tag WHERE note_id = 7 OR 1 = 2",
        "SELECT * FROM tag WHERE NOT 1 = 2",
        "SELECT * FROM note LEFT JOIN tag ON 1 = 2",
    ] {
        assert!(!read(sql).is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn what_is_only_counted_is_not_used() {
    let catalog = catalog_of(SCHEMA).await;
    let uses = |sql: &str| -> Vec<String> {
        let words = |dependency: &Dependency| match dependency {
            Dependency::Match(_, rows) => rows.shape().uses().to_string(),
            other => other.to_string(),
        };
        let read = anew(sql, &values(&[]), &catalog).unwrap();
        read.iter().map(words).collect()
    };
    let counted =
        "SELECT count(*) AS num FROM (SELECT id, title FROM note WHERE author = 7) AS sub";
    assert_eq!(uses(counted), ["author"]);
    let limited =
        "SELECT count(*) FROM (SELECT id, title FROM note WHERE author = 7 LIMIT 3) AS sub";
    assert_eq!(uses(limited), ["author"]);
    for sql in [
        "SELECT count(title) FROM (SELECT id, title FROM note WHERE author = 7) AS sub",
        "SELECT count(*) FROM (SELECT DISTINCT id, title FROM note WHERE author = 7) AS sub",
        "SELECT count(*) FROM (SELECT max(id), max(title) FROM note WHERE author = 7) AS sub",
        "SELECT count(*) FROM (SELECT id, title FROM note WHERE author = 7 GROUP BY id, title) AS sub",
        "SELECT * FROM (SELECT id, title FROM note WHERE author = 7) AS sub",
        "SELECT (SELECT max(id) || max(title) FROM note WHERE author = 7)",
        "SELECT count(*) FROM (SELECT id, title AS word FROM note WHERE author = 7 AND word > 'a') AS sub",
        "SELECT count(*) FROM (SELECT id, title FROM note WHERE author = 7 UNION SELECT note_id, name FROM tag) AS sub",
    ] {
        assert!(
            uses(sql)[0].contains("title") || uses(sql)[0] == "all columns",
            "{sql}: {:?}",
            uses(sql)
        );
    }
}
