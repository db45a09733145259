//! Analyses of raw SQL, remembered by the text.
//!
//! Parsing takes a hundred times as long as building the text did, and programs send few texts many times. Plans of
//! reads are remembered as such (`remembered.rs`); what is remembered here serves writes, pieces of raw SQL, and texts
//! that wait for a plan. It holds the numbers of parameters in the place of values: in an analysis, nothing but values
//! depends on the values that are bound.

use std::sync::{Arc, LazyLock};

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;

use super::fragment::Fragment;
use super::generations::Generations;
use super::parameters::{Bound, parameter};
use super::{Analysis, Atom, BlockAtom, BlockCheck, Cell, KeyKnowledge, Pins, Write, raw};

/// Longer texts are analysed each time: they hold lists of values and are seldom seen again.
const LONGEST: usize = 4_096;

/// As many texts of a kind are remembered, and as many again that were asked for less recently.
const MOST_TEXTS: usize = 256;

const KINDS: usize = 3;
const BACKENDS: usize = 3;

/// Where a text stands decides what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Statement,
    Fragment { in_select_list: bool },
}

/// What is remembered of a text.
#[derive(Clone)]
enum Known {
    Statement(Arc<Template>),
    Fragment(Arc<Fragment>),
}

/// The analysis of a text with any values.
struct Template {
    analysis: Analysis,
    /// So many values are needed; with fewer some are not known.
    values: usize,
}

/// What is asked for.
struct Asked<'a> {
    memory: &'static Generations<Known>,
    sql: &'a str,
}

/// One memory for each kind of text and each database.
static MEMORY: LazyLock<[Generations<Known>; KINDS * BACKENDS]> =
    LazyLock::new(|| std::array::from_fn(|_| Generations::new(MOST_TEXTS)));

/// Tells what a text of one or several statements does.
pub(super) fn analyse(sql: &str, values: &[Value], backend: DbBackend) -> Analysis {
    let anew = || raw::analyse(sql, Bound::Values(values), backend);
    let Some(asked) = Asked::about(Kind::Statement, sql, backend) else {
        return anew();
    };
    let template = if let Some(Known::Statement(template)) = asked.memory.get(asked.sql) {
        template
    } else {
        let template = Arc::new(Template::of(raw::analyse(sql, Bound::Later, backend)));
        asked
            .memory
            .insert(asked.sql, Known::Statement(Arc::clone(&template)));
        template
    };
    template.with(values).unwrap_or_else(anew)
}

/// Tells what a piece of a SELECT does; `sql` is `SELECT` and the piece.
pub(super) fn fragment(sql: &str, in_select_list: bool, backend: DbBackend) -> Arc<Fragment> {
    let anew = || Arc::new(raw::fragment(sql, in_select_list, backend));
    let Some(asked) = Asked::about(Kind::Fragment { in_select_list }, sql, backend) else {
        return anew();
    };
    if let Some(Known::Fragment(fragment)) = asked.memory.get(asked.sql) {
        return fragment;
    }
    let fragment = anew();
    asked
        .memory
        .insert(asked.sql, Known::Fragment(Arc::clone(&fragment)));
    fragment
}

impl<'a> Asked<'a> {
    /// Returns what to ask for; `None` if it is not worth remembering.
    fn about(kind: Kind, sql: &'a str, backend: DbBackend) -> Option<Self> {
        let backend = match backend {
            DbBackend::Postgres => 0,
            DbBackend::MySql => 1,
            DbBackend::Sqlite => 2,
            _ => return None,
        };
        let kind = match kind {
            Kind::Statement => 0,
            Kind::Fragment { in_select_list } => 1 + usize::from(in_select_list),
        };
        let memory = &MEMORY[kind * BACKENDS + backend];
        (sql.len() <= LONGEST).then_some(Self { memory, sql })
    }
}

impl Template {
    fn of(mut analysis: Analysis) -> Self {
        let mut values = 0;
        each_value(&mut analysis, &mut |value| {
            values = values.max(parameter(value).map_or(0, |index| index + 1));
        });
        Self { analysis, values }
    }

    /// Returns the analysis with these values; `None` if there are too few.
    fn with(&self, values: &[Value]) -> Option<Analysis> {
        if values.len() < self.values {
            return None;
        }
        let mut analysis = self.analysis.clone();
        if self.values > 0 {
            each_value(&mut analysis, &mut |value| {
                if let Some(bound) = parameter(value).and_then(|index| values.get(index)) {
                    value.clone_from(bound);
                }
            });
        }
        Some(analysis)
    }
}

/// Shows every value of an analysis. Every field is named here, so that none is forgotten.
fn each_value(analysis: &mut Analysis, show: &mut impl FnMut(&mut Value)) {
    let Analysis {
        reads: _,
        blocks,
        writes,
        pins,
        functions: _,
        refusal: _,
        unknown_writes: _,
        transaction_control: _,
        session_change: _,
        ddl: _,
        ambiguous_quoting: _,
        all_or_nothing: _,
    } = analysis;
    for block in blocks {
        for BlockAtom { values, .. } in &mut block.atoms {
            values.iter_mut().for_each(&mut *show);
        }
        for BlockCheck { check, .. } in &mut block.checks {
            check.each_value(show);
        }
        block.offset.iter_mut().for_each(&mut *show);
        block.limit.iter_mut().for_each(&mut *show);
    }
    for write in writes {
        each_written(write, show);
    }
    if let Some(pins) = pins {
        each_pinned(pins, show);
    }
}

fn each_written(write: &mut Write, show: &mut impl FnMut(&mut Value)) {
    let Write {
        table: _,
        kind: _,
        columns: _,
        assigned,
        key,
        returning: _,
    } = write;
    each_cell(assigned, show);
    match key {
        KeyKnowledge::Inserted { columns: _, rows } => {
            rows.iter_mut().for_each(|row| each_cell(row, show));
        }
        KeyKnowledge::Pinned(pins) => each_pinned(pins, show),
        KeyKnowledge::Unknown => {}
    }
}

fn each_cell(cells: &mut [Cell], show: &mut impl FnMut(&mut Value)) {
    for cell in cells {
        match cell {
            Cell::Value(value) => show(value),
            Cell::Default | Cell::Proposed | Cell::Unknown => {}
        }
    }
}

fn each_pinned(pins: &mut Pins, show: &mut impl FnMut(&mut Value)) {
    for Atom { columns: _, values } in &mut pins.atoms {
        values.iter_mut().for_each(&mut *show);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BACKENDS: [DbBackend; 3] = [DbBackend::Postgres, DbBackend::MySql, DbBackend::Sqlite];

    /// `{n}` is a placeholder in the way of each database.
    const TEXTS: [&str; 31] = [
        "SELECT * FROM note WHERE id = {1}",
        "SELECT * FROM note WHERE id = {2} AND title = {1}",
        "SELECT * FROM note WHERE id = {1} AND id = {1} AND views = 3",
        "SELECT * FROM note WHERE {1} = id AND kind IS NULL LIMIT {2}",
        "SELECT * FROM note WHERE id IN ({1}, {2}, 7, {3})",
        "SELECT * FROM note WHERE (a, b) IN (({1}, {2}), (3, 'x'), ({3}, {4}))",
        "SELECT * FROM note WHERE (a, b) = ({1}, {2}) AND c = NULL",
        "SELECT * FROM note WHERE a = -{1} OR b = {2}",
        "SELECT * FROM note WHERE a < {1} AND (b NOT IN ({2}, 3) OR NOT (c BETWEEN {3} AND 9))",
        "SELECT * FROM note WHERE a = {1} AND (b = {2} OR c = {3}) AND (d = {4})",
        "SELECT n.id FROM note n JOIN tag t ON t.note_id = n.id AND t.kind = {1} WHERE n.id = {2}",
        "SELECT n.id FROM note n LEFT JOIN tag t ON t.kind = {1} WHERE n.id = 7 AND 'x' = n.title",
        "SELECT {1}, id FROM note WHERE EXISTS (SELECT 1 FROM tag WHERE kind = {2} AND x = 0)",
        "SELECT id FROM note WHERE a = {1} UNION SELECT id FROM tag WHERE b = {2} ORDER BY {3}",
        "WITH c AS (SELECT * FROM note WHERE a = {1}) SELECT * FROM c, tag WHERE tag.id = {2}",
        "SELECT count(*) FROM note WHERE a = {1} GROUP BY b HAVING max(c) = {2}",
        "SELECT now(), {1}",
        "INSERT INTO note (id, title) VALUES ({1}, {2}), (3, {3}), (DEFAULT, lower({4}))",
        "INSERT INTO note (id, title) VALUES ({1}, 'x') ON CONFLICT (id) DO UPDATE SET title = {2}",
        "INSERT INTO note (id, title) VALUES ({1}, 'x') ON DUPLICATE KEY UPDATE title = {2}",
        "INSERT INTO note (id) SELECT id FROM tag WHERE kind = {1}",
        "UPDATE note SET title = {1}, views = views + {2}, kind = 3 WHERE id = {3}",
        "UPDATE note SET title = {1} WHERE id IN ({2}, {3}) RETURNING *",
        "DELETE FROM note WHERE id = {1} AND (a, b) IN ((1, {2}))",
        "REPLACE INTO note (id, title) VALUES ({1}, {2})",
        "DELETE FROM note WHERE id = {1}; DELETE FROM tag WHERE id = {2}",
        "WITH gone AS (DELETE FROM note WHERE id = {1} RETURNING id) SELECT * FROM gone",
        "CALL tidy({1})",
        "SELECT * FROM note WHERE id = {1} FOR UPDATE",
        "SELECT FROM WHERE {1}",
        "BEGIN",
    ];

    fn text(pattern: &str, backend: DbBackend) -> String {
        (1..5).fold(pattern.to_owned(), |text, number| {
            let own = match backend {
                DbBackend::Postgres => format!("${number}"),
                DbBackend::MySql => "?".to_owned(),
                _ => format!("?{number}"),
            };
            text.replace(&format!("{{{number}}}"), &own)
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            // The type that stands for parameters.
            (0..6_u32).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "[a-z']{0,3}".prop_map(Value::from),
            Just(Value::BigInt(None)),
            Just(Value::String(None)),
            Just(Value::Unsigned(None)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_what_would_be_found_anew(
            pattern in proptest::sample::select(&TEXTS[..]),
            backend in proptest::sample::select(&BACKENDS[..]),
            values in proptest::collection::vec(value(), 0..6),
        ) {
            let sql = text(pattern, backend);
            let anew = raw::analyse(&sql, Bound::Values(&values), backend);
            prop_assert_eq!(&analyse(&sql, &values, backend), &anew);
            prop_assert_eq!(&analyse(&sql, &values, backend), &anew);
        }
    }

    #[test]
    fn a_text_means_something_else_in_another_dialect_and_place() {
        let sql = r#"SELECT "title" FROM note"#;
        let named = |backend| analyse(sql, &[], backend).blocks[0].mentions.len();
        assert_eq!(named(DbBackend::Postgres), 1);
        assert_eq!(named(DbBackend::MySql), 0, "there it is a string");
        assert!(fragment(sql, true, DbBackend::Postgres).block.is_none());
    }

    #[test]
    fn long_texts_are_not_remembered() {
        let sql = format!("SELECT {}1", " ".repeat(LONGEST));
        analyse(&sql, &[], DbBackend::Sqlite);
        assert!(Asked::about(Kind::Statement, &sql, DbBackend::Sqlite).is_none());
    }
}
