//! The triggers of `SQLite`, read from their definitions.

use sea_orm::DbBackend;

use super::build::Path;
use super::code::{CodeFact, Fires};
use super::script::Script;
use super::unexplained::Part;
use super::words::{Word, text, words};
use crate::analysis::{Columns, Name};

/// Reads a trigger on a table or a view of a schema; the statements in it find no other schema's tables.
pub(super) fn trigger(name: &str, on: Path, definition: &str) -> CodeFact {
    let read = words(definition, DbBackend::Sqlite).and_then(|words| {
        let (fires, before, rest) = head(&words)?;
        Some((fires, before, body(rest)?))
    });
    let mut fact = unknown(name, on, "its definition is not understood");
    if let Some((fires, before, body)) = read {
        fact.fires = fires;
        fact.before = before;
        fact.body = Ok(body);
    }
    fact
}

/// A trigger of which nothing is known but its name.
pub(super) fn unknown(name: &str, on: Path, reason: &str) -> CodeFact {
    CodeFact {
        part: Part::Trigger,
        name: format!("{name} on {}", on.1),
        path: Some(vec![on.0.to_ascii_lowercase()]),
        on,
        fires: Fires::always(),
        before: true,
        body: Err(reason.into()),
    }
}

/// Returns the query of a view.
pub(super) fn query(definition: &str) -> Option<String> {
    let words = words(definition, DbBackend::Sqlite)?;
    let name = words.iter().position(|it| it.is("VIEW"))? + 1;
    let name = skip_name(&words, name)?;
    let begin = words[name..].iter().position(|it| it.is("AS"))? + name;
    Some(text(&words[begin + 1..]))
}

/// Reads up to the table's name: when the trigger fires, and whether before the row is written.
fn head<'w, 's>(words: &'w [Word<'s>]) -> Option<(Fires, bool, &'w [Word<'s>])> {
    let name = words.iter().position(|it| it.is("TRIGGER"))? + 1;
    let mut at = skip_name(words, name)?;
    let before = words.get(at)?.is_any(&["BEFORE", "INSTEAD"]);
    at += match words.get(at)? {
        it if it.is_any(&["BEFORE", "AFTER"]) => 1,
        it if it.is("INSTEAD") => 2,
        _ => 0,
    };
    let event = words.get(at)?;
    at += 1;
    let on = words[at..].iter().position(|it| it.is("ON"))? + at;
    let names = words[at..on]
        .iter()
        .filter_map(|it| it.name(DbBackend::Sqlite));
    let columns: Vec<Name> = names.skip(1).map(Name::quoted).collect();
    let update = if columns.is_empty() {
        Columns::Unknown
    } else {
        Columns::Named(columns)
    };
    let fires = Fires {
        insert: event.is("INSERT"),
        update: event.is("UPDATE").then_some(update),
        delete: event.is("DELETE"),
        truncate: false,
    };
    let known = event.is_any(&["INSERT", "UPDATE", "DELETE"]);
    known.then(|| Some((fires, before, words.get(on + 2..)?)))?
}

/// Returns the place behind `IF NOT EXISTS schema.name`.
fn skip_name(words: &[Word<'_>], mut at: usize) -> Option<usize> {
    if let [first, second, third, ..] = words.get(at..)?
        && first.is("IF")
        && second.is("NOT")
        && third.is("EXISTS")
    {
        at += 3;
    }
    at += if words.get(at + 1)?.is(".") { 3 } else { 1 };
    Some(at)
}

/// Reads `FOR EACH ROW WHEN condition BEGIN statements END`.
fn body(words: &[Word<'_>]) -> Option<Script> {
    let mut script = Script::default();
    let begin = words.iter().position(|it| it.is("BEGIN"))?;
    if let Some(when) = words[..begin].iter().position(|it| it.is("WHEN")) {
        script.expression(&words[when + 1..begin]);
    }
    let end = words.iter().rposition(|it| it.is("END"))?;
    let statements = words.get(begin + 1..end)?;
    for statement in statements
        .split(|it| it.is(";"))
        .filter(|it| !it.is_empty())
    {
        script.statements.push(text(statement));
    }
    Some(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(definition: &str) -> CodeFact {
        trigger("tr", ("main".into(), "t".into()), definition)
    }

    #[test]
    fn a_definition_tells_when_it_fires_and_what_it_runs() {
        let fact = read(
            "CREATE TRIGGER IF NOT EXISTS main.after AFTER UPDATE OF a, \"b c\" ON t FOR EACH ROW
             WHEN CASE WHEN new.a THEN 1 END BEGIN UPDATE u SET x = ';'; SELECT CASE 1 WHEN 2 THEN 3 END; END",
        );
        let columns = Columns::Named(vec![Name::quoted("a"), Name::quoted("b c")]);
        assert_eq!(fact.fires.update, Some(columns));
        assert!(!fact.fires.insert && !fact.fires.delete && !fact.before);
        let statements = fact.body.expect("it is understood").statements;
        assert_eq!(
            statements,
            [
                "SELECT CASE WHEN new.a THEN 1 END",
                "UPDATE u SET x = ';'",
                "SELECT CASE 1 WHEN 2 THEN 3 END"
            ]
        );
        let fact = read("create trigger after before delete on t begin select 1; end");
        assert!(fact.fires.delete && fact.before && fact.fires.update.is_none());
        let fact = read("CREATE TRIGGER x UPDATE ON t BEGIN SELECT 1; END");
        assert_eq!(fact.fires.update, Some(Columns::Unknown));
    }

    #[test]
    fn what_is_not_understood_fires_always() {
        for definition in [
            "CREATE TRIGGER x",
            "CREATE TRIGGER x AFTER 'y' ON t BEGIN END",
            "'",
        ] {
            let fact = read(definition);
            assert!(
                fact.body.is_err() && fact.fires == Fires::always(),
                "{definition}"
            );
        }
    }

    #[test]
    fn the_query_of_a_view_stands_behind_its_columns() {
        let query = |definition| query(definition).expect("it has one");
        assert_eq!(query("CREATE VIEW v AS SELECT 1 AS a"), "SELECT 1 AS a");
        assert_eq!(
            query("CREATE TEMP VIEW IF NOT EXISTS a.[as] (x, y) AS\nSELECT 1, 2"),
            "SELECT 1, 2"
        );
    }
}
