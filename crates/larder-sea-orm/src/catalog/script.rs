//! What the body of a trigger runs, flattened: its statements and expressions, whatever leads to them.
//!
//! Understood are assignments, `IF`, `CASE`, loops over queries and ranges, `RAISE`, `SIGNAL`, `PERFORM` and
//! statements of SQL. Nothing else is skipped: one word that is not understood, and the whole body is not.

use sea_orm::DbBackend;

use super::words::{Kind, Word, text, words};

/// The words that begin a statement of SQL.
const SQL: [&str; 9] = [
    "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "SELECT", "WITH", "VALUES", "TRUNCATE",
];

/// What a body runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// Statements of SQL; an expression is one that selects it.
    pub(super) statements: Vec<String>,
    /// The columns of the row at hand it sets; `None`: any.
    pub(super) sets: Vec<Option<String>>,
    /// It may go on with the row as it was before.
    pub(super) returns_old: bool,
    /// It has a backslash, which some sessions of `PostgreSQL` read differently.
    pub(super) ambiguous: bool,
}

/// Reads a body in the database's own language; the error names what is not understood.
pub(super) fn script(body: &str, backend: DbBackend) -> Result<Script, String> {
    let words = words(body, backend).ok_or("its text does not end where its strings do")?;
    let mut reader = Reader {
        words: &words,
        at: 0,
        backend,
        declared: Vec::new(),
        script: Script {
            ambiguous: backend == DbBackend::Postgres && body.contains('\\'),
            ..Script::default()
        },
    };
    while reader.at < words.len() {
        reader.statement()?;
    }
    Ok(reader.script)
}

impl Script {
    /// Adds the expressions a list of words is made of.
    pub(super) fn expression(&mut self, words: &[Word<'_>]) {
        if !words.is_empty() {
            self.statements.push(format!("SELECT {}", text(words)));
        }
    }
}

/// A place in the words of a body.
struct Reader<'w, 's> {
    words: &'w [Word<'s>],
    at: usize,
    backend: DbBackend,
    /// Variables of `MySQL`: what else is set is a setting of the session.
    declared: Vec<String>,
    script: Script,
}

impl<'w, 's> Reader<'w, 's> {
    fn statement(&mut self) -> Result<(), String> {
        let first = self.words[self.at];
        if first.is_any(&SQL) {
            let words = self.until(&[";"])?;
            return self.sql(words);
        }
        if first.is_any(&[";", "ELSE", "BEGIN", "LOOP"])
            || (self.postgres() && first.is("EXCEPTION"))
        {
            self.at += 1;
            return Ok(());
        }
        if first.is_any(&["IF", "ELSIF", "ELSEIF", "WHEN"]) {
            return self.condition("THEN");
        }
        if first.is("CASE") {
            self.at += 1;
            let value = self.before("WHEN")?;
            self.script.expression(value);
            return Ok(());
        }
        if first.is("WHILE") {
            return self.condition(if self.postgres() { "LOOP" } else { "DO" });
        }
        if first.is("END") {
            return self.end();
        }
        if self.postgres() {
            self.postgres_statement(first)
        } else {
            self.mysql_statement(first)
        }
    }

    fn postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    /// Reads `IF condition THEN`, and what is like it.
    fn condition(&mut self, end: &str) -> Result<(), String> {
        self.at += 1;
        let words = self.until(&[end])?;
        self.script.expression(words);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let words = self.until(&[";"])?;
        let names = words
            .iter()
            .all(|it| matches!(it.kind, Kind::Plain | Kind::Name));
        if names && words.len() <= 3 {
            Ok(())
        } else {
            Err(not_understood(words))
        }
    }

    fn postgres_statement(&mut self, first: Word<'_>) -> Result<(), String> {
        match first {
            it if it.is("DECLARE") => self.declarations(),
            it if it.is("FOR") || it.is("FOREACH") => self.each(),
            it if it.is("RETURN") => self.returns(),
            it if it.is("RAISE") => self.raise(),
            it if it.is_any(&["PERFORM", "ASSERT"]) => {
                let words = self.until(&[";"])?;
                self.script.expression(&words[1..]);
                Ok(())
            }
            it if it.is("NULL") || it.is("GET") => self.until(&[";"]).map(drop),
            it if it.is_any(&["EXIT", "CONTINUE"]) => {
                let words = self.until(&[";"])?;
                let when = words.iter().position(|it| it.is("WHEN"));
                self.script
                    .expression(when.map_or(&[], |when| &words[when + 1..]));
                Ok(())
            }
            _ => {
                let words = self.until(&[";"])?;
                self.assignment(words)
            }
        }
    }

    fn mysql_statement(&mut self, first: Word<'_>) -> Result<(), String> {
        let words = self.until(&[";"])?;
        match first {
            it if it.is("SET") => {
                for assignment in list(&words[1..]) {
                    self.assignment(assignment)?;
                }
                Ok(())
            }
            it if it.is("DECLARE") => {
                if words
                    .iter()
                    .any(|it| it.is_any(&["HANDLER", "CURSOR", "CONDITION"]))
                {
                    return Err(not_understood(words));
                }
                let names = words[1..]
                    .split(|it| it.is(","))
                    .filter_map(|it| it.first()?.name(self.backend));
                self.declared.extend(names.map(|it| it.to_lowercase()));
                let value = words.iter().position(|it| it.is("DEFAULT"));
                self.script
                    .expression(value.map_or(&[], |value| &words[value + 1..]));
                Ok(())
            }
            it if it.is_any(&["SIGNAL", "RESIGNAL"]) => {
                let told = words.iter().position(|it| it.is("SET"));
                self.script
                    .expression(told.map_or(&[], |told| &words[told + 1..]));
                Ok(())
            }
            it if it.is("DO") => {
                self.script.expression(&words[1..]);
                Ok(())
            }
            _ => Err(not_understood(words)),
        }
    }

    fn declarations(&mut self) -> Result<(), String> {
        self.at += 1;
        while self.words.get(self.at).is_some_and(|it| !it.is("BEGIN")) {
            let words = self.until(&[";"])?;
            // A cursor is a query, an alias a second name of a row.
            if words.iter().any(|it| it.is_any(&["CURSOR", "ALIAS"])) {
                return Err(not_understood(words));
            }
            let value = words
                .iter()
                .position(|it| it.is_any(&["DEFAULT", ":=", "="]));
            self.script
                .expression(value.map_or(&[], |value| &words[value + 1..]));
        }
        Ok(())
    }

    /// Reads `FOR name IN query LOOP`, or a range, or `FOREACH name IN ARRAY array LOOP`.
    fn each(&mut self) -> Result<(), String> {
        let words = self.until(&["LOOP"])?;
        let within = words.iter().position(|it| it.is("IN"));
        let source = within.map_or(&[][..], |within| &words[within + 1..]);
        let target = &words[1..within.unwrap_or(1)];
        if target.iter().any(|it| it.is_any(&["NEW", "OLD"])) {
            return Err(not_understood(words));
        }
        match source {
            [first, ..] if first.is_any(&SQL) => self.sql(source),
            [first, array @ ..] if first.is("ARRAY") => {
                self.script.expression(array);
                Ok(())
            }
            range => self.range(range),
        }
    }

    fn range(&mut self, words: &[Word<'_>]) -> Result<(), String> {
        let words = words.strip_prefix_word("REVERSE");
        let dots = words
            .windows(2)
            .position(|two| two[0].is(".") && two[1].is("."));
        let Some(dots) = dots.filter(|dots| *dots > 0) else {
            return Err(not_understood(words));
        };
        self.script.expression(&words[..dots]);
        let end = &words[dots + 2..];
        let by = end.iter().position(|it| it.is("BY")).unwrap_or(end.len());
        self.script.expression(&end[..by]);
        self.script
            .expression(end.get(by + 1..).unwrap_or_default());
        Ok(())
    }

    fn returns(&mut self) -> Result<(), String> {
        let words = self.until(&[";"])?;
        match &words[1..] {
            [] => {}
            [row] if row.is_any(&["NEW", "NULL"]) => {}
            [row] if row.is("OLD") => self.script.returns_old = true,
            other => {
                self.script.sets.push(None);
                self.script.expression(other);
            }
        }
        Ok(())
    }

    /// Reads `RAISE level 'format', values USING name = value, ...`.
    fn raise(&mut self) -> Result<(), String> {
        let words = self.until(&[";"])?;
        let using = words.iter().position(|it| it.is("USING"));
        let (told, options) = words.split_at(using.unwrap_or(words.len()));
        let format = told.iter().position(|it| it.kind == Kind::Text);
        let values = format.map_or(&[][..], |format| &told[format + 1..]);
        self.script.expression(values.get(1..).unwrap_or_default());
        self.script.expression(options.get(1..).unwrap_or_default());
        Ok(())
    }

    /// Reads `target := value` or `target = value`.
    fn assignment(&mut self, words: &[Word<'_>]) -> Result<(), String> {
        let (words, own) = if self.postgres() {
            (words, true)
        } else {
            without_at(words)
        };
        let sign = words.iter().position(|it| it.is_any(&[":=", "="]));
        let Some((target, value)) = sign.map(|sign| (&words[..sign], &words[sign + 1..])) else {
            return Err(not_understood(words));
        };
        let indexed = target
            .iter()
            .position(|it| it.is("["))
            .unwrap_or(target.len());
        if !is_path(&target[..indexed]) || value.is_empty() {
            return Err(not_understood(words));
        }
        if !own && !self.is_declared(target) {
            return Err(not_understood(words));
        }
        self.sets(&target[..indexed]);
        self.script.expression(value);
        let index: Vec<_> = target[indexed..]
            .iter()
            .filter(|it| !it.is_any(&["[", "]"]))
            .copied()
            .collect();
        self.script.expression(&index);
        Ok(())
    }

    /// Tells whether a name without a sign is a variable or a column of the row at hand.
    fn is_declared(&self, path: &[Word<'_>]) -> bool {
        match path {
            [name] => name
                .name(self.backend)
                .is_some_and(|name| self.declared.contains(&name.to_lowercase())),
            [row, ..] => row.is_any(&["NEW", "OLD"]),
            [] => false,
        }
    }

    /// Notes that a variable is set, which may be the row at hand or a column of it.
    fn sets(&mut self, path: &[Word<'_>]) {
        match path {
            [row, _, column, ..] if row.is("NEW") => {
                self.script.sets.push(column.name(self.backend));
            }
            [row, ..] if row.is_any(&["NEW", "OLD"]) => self.script.sets.push(None),
            _ => {}
        }
    }

    /// Takes a statement without the variables it puts its answer into.
    fn sql(&mut self, words: &[Word<'_>]) -> Result<(), String> {
        let (mut depth, mut writes, mut at) = (0, false, 0);
        let mut kept = Vec::new();
        while let Some(word) = words.get(at) {
            at += 1;
            match word {
                it if it.is("(") => depth += 1,
                it if it.is(")") => depth -= 1,
                it if depth == 0 && it.is_any(&["INSERT", "REPLACE", "MERGE"]) => writes = true,
                it if depth == 0 && it.is_any(&["VALUES", "SELECT", "RETURNING"]) => writes = false,
                it if depth == 0 && it.is("INTO") && !std::mem::take(&mut writes) => {
                    at += self.variables(&words[at..])?;
                    continue;
                }
                _ => {}
            }
            kept.push(*word);
        }
        self.script.statements.push(text(&kept));
        Ok(())
    }

    /// Reads `STRICT a, b.c` after INTO; returns how many words it is.
    fn variables(&mut self, words: &[Word<'_>]) -> Result<usize, String> {
        let mut at = usize::from(words.first().is_some_and(|it| it.is("STRICT")));
        loop {
            at += usize::from(!self.postgres() && words.get(at).is_some_and(|it| it.is("@")));
            let start = at;
            let is_name = |at: usize| matches!(words.get(at), Some(it) if matches!(it.kind, Kind::Plain | Kind::Name));
            while is_name(at) && words.get(at + 1).is_some_and(|it| it.is(".")) {
                at += 2;
            }
            if !is_name(at) || words[at].is_any(&["OUTFILE", "DUMPFILE"]) {
                return Err(not_understood(words));
            }
            at += 1;
            self.sets(&words[start..at]);
            match words.get(at) {
                Some(it) if it.is(",") => at += 1,
                Some(it) if it.is("[") => return Err(not_understood(words)),
                _ => return Ok(at),
            }
        }
    }

    /// Returns the words up to one of these, not within parentheses or a CASE, and goes on behind it.
    ///
    /// The last statement of a body may end with the text.
    fn until(&mut self, ends: &[&str]) -> Result<&'w [Word<'s>], String> {
        let start = self.at;
        let end = self.find(ends);
        if end == self.words.len() && ends != [";"] {
            return Err(not_understood(&self.words[start..]));
        }
        self.at = (end + 1).min(self.words.len());
        Ok(&self.words[start..end])
    }

    /// Returns the words up to this one, and goes on at it.
    fn before(&mut self, end: &str) -> Result<&'w [Word<'s>], String> {
        let words = self.until(&[end])?;
        self.at -= 1;
        Ok(words)
    }

    fn find(&self, ends: &[&str]) -> usize {
        let (mut parentheses, mut cases) = (0, 0);
        let ends_here = |at: usize| ends.iter().any(|end| self.words[at].is(end));
        for at in self.at..self.words.len() {
            let word = self.words[at];
            if parentheses == 0 && (cases == 0 || word.is(";")) && ends_here(at) {
                return at;
            }
            match word {
                it if it.is("(") => parentheses += 1,
                it if it.is(")") => parentheses -= 1,
                it if it.is("CASE") => cases += 1,
                it if it.is("END") && cases > 0 => cases -= 1,
                _ => {}
            }
        }
        self.words.len()
    }
}

trait Words<'s> {
    fn strip_prefix_word(&self, keyword: &str) -> &[Word<'s>];
}

impl<'s> Words<'s> for [Word<'s>] {
    fn strip_prefix_word(&self, keyword: &str) -> &[Word<'s>] {
        match self {
            [first, rest @ ..] if first.is(keyword) => rest,
            all => all,
        }
    }
}

/// Splits at the commas that stand in no parentheses.
fn list<'w, 's>(words: &'w [Word<'s>]) -> Vec<&'w [Word<'s>]> {
    let mut depth = 0;
    words
        .split(|word| {
            depth += i32::from(word.is("(")) - i32::from(word.is(")"));
            depth == 0 && word.is(",")
        })
        .collect()
}

/// Leaves out the sign of a variable of the session, but not that of a setting; returns whether it was there.
fn without_at<'w, 's>(words: &'w [Word<'s>]) -> (&'w [Word<'s>], bool) {
    match words {
        [at, rest @ ..] if at.is("@") => (rest, true),
        all => (all, false),
    }
}

/// Tells whether words are `a`, `a.b` or `a.b.c`.
fn is_path(words: &[Word<'_>]) -> bool {
    words.len() % 2 == 1
        && words.iter().enumerate().all(|(at, word)| match at % 2 {
            0 => matches!(word.kind, Kind::Plain | Kind::Name),
            _ => word.is("."),
        })
}

fn not_understood(words: &[Word<'_>]) -> String {
    let start: String = text(words).chars().take(40).collect();
    format!("`{start}` is not understood")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(body: &str, backend: DbBackend) -> Vec<String> {
        script(body, backend).expect("it is understood").statements
    }

    #[test]
    fn plpgsql_is_flattened() {
        let body = "
            <<top>> -- not a label we know";
        assert!(script(body, DbBackend::Postgres).is_err());
        let body = "
            DECLARE n int := count_of(1); r record;
            BEGIN
                IF TG_OP = 'DELETE' AND (SELECT true) THEN
                    INSERT INTO log SELECT OLD.*; RETURN OLD;
                ELSIF CASE WHEN a THEN b ELSE c END THEN NULL;
                ELSE
                    SELECT id, x INTO STRICT r.id, n FROM other WHERE y = NEW.y;
                    WITH d AS (DELETE FROM gone RETURNING id) INSERT INTO kept SELECT id FROM d RETURNING id INTO n;
                END IF;
                CASE n WHEN 1 THEN PERFORM pg_notify('a', NEW.id::text); ELSE n := n + 1; END CASE;
                FOR r IN SELECT * FROM q LOOP UPDATE t SET x = r.x; END LOOP;
                FOR i IN 1..f(2) LOOP EXIT WHEN i > 3; END LOOP;
                RAISE EXCEPTION 'no %; %', g(1), h(2) USING ERRCODE = 'x', HINT = k(3);
                RETURN NEW;
            EXCEPTION WHEN unique_violation THEN RETURN NULL;
            END;";
        assert_eq!(
            statements(body, DbBackend::Postgres),
            [
                "SELECT count_of(1)",
                "SELECT TG_OP = 'DELETE' AND (SELECT true)",
                "INSERT INTO log SELECT OLD",
                "SELECT CASE WHEN a THEN b ELSE c END",
                "SELECT id, x FROM other WHERE y = NEW.y",
                "WITH d AS (DELETE FROM gone RETURNING id) INSERT INTO kept SELECT id FROM d RETURNING id",
                "SELECT n",
                "SELECT 1",
                "SELECT pg_notify('a', NEW.id::text)",
                "SELECT n + 1",
                "SELECT * FROM q",
                "UPDATE t SET x = r.x",
                "SELECT 1",
                "SELECT f(2)",
                "SELECT i > 3",
                "SELECT g(1), h(2)",
                "SELECT ERRCODE = 'x', HINT = k(3)",
                "SELECT unique_violation",
            ]
        );
    }

    #[test]
    fn columns_of_the_row_at_hand_are_told() {
        let sets = |body, backend| script(body, backend).expect("it is understood").sets;
        let column = |name: &str| Some(name.to_owned());
        let body = "BEGIN NEW.At := now(); NEW.\"B\"[1] = 2; SELECT 1 INTO new.c; x.d := 1; RETURN NEW; END";
        assert_eq!(
            sets(body, DbBackend::Postgres),
            [column("at"), column("B"), column("c")]
        );
        assert_eq!(sets("BEGIN NEW := r; END", DbBackend::Postgres), [None]);
        assert_eq!(sets("BEGIN OLD.a := 1; END", DbBackend::Postgres), [None]);
        assert_eq!(sets("BEGIN RETURN r; END", DbBackend::Postgres), [None]);
        let body = "SET NEW.a = IF(1, 2, 3), @v = 1, NEW.`B c` = 2";
        assert_eq!(sets(body, DbBackend::MySql), [column("a"), column("B c")]);
        let old = script("BEGIN RETURN OLD; END", DbBackend::Postgres);
        assert!(old.expect("it is understood").returns_old);
    }

    #[test]
    fn compound_statements_of_mysql_are_flattened() {
        let body = "BEGIN DECLARE n INT DEFAULT (SELECT 1); DECLARE m INT;
            IF NEW.a > 1 THEN SET n = f(2); ELSEIF x THEN DELETE FROM t; ELSE
              SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no;'; END IF;
            WHILE n < 3 DO INSERT IGNORE INTO log (a) VALUES (NEW.a); END WHILE;
            CASE WHEN n THEN SELECT count(*) INTO n FROM t; END CASE; END";
        assert_eq!(
            statements(body, DbBackend::MySql),
            [
                "SELECT (SELECT 1)",
                "SELECT NEW.a > 1",
                "SELECT f(2)",
                "SELECT x",
                "DELETE FROM t",
                "SELECT MESSAGE_TEXT = 'no;'",
                "SELECT n < 3",
                "INSERT IGNORE INTO log (a) VALUES (NEW.a)",
                "SELECT n",
                "SELECT count(*) FROM t",
            ]
        );
        assert_eq!(
            statements("DELETE FROM t", DbBackend::MySql),
            ["DELETE FROM t"]
        );
    }

    #[test]
    fn one_word_that_is_not_understood_spoils_the_body() {
        for body in [
            "BEGIN EXECUTE 'DELETE FROM t'; END",
            "BEGIN FOR r IN EXECUTE q LOOP NULL; END LOOP; END",
            "BEGIN FOR new IN SELECT 1 LOOP NULL; END LOOP; END",
            "DECLARE c CURSOR FOR SELECT 1; BEGIN NULL; END",
            "DECLARE r ALIAS FOR new; BEGIN NULL; END",
            "BEGIN CALL p(); END",
            "BEGIN SET x = 1; COMMIT; END",
            "BEGIN OPEN c; END",
            "BEGIN SELECT 1 INTO a[1]; END",
            "BEGIN IF x; END",
            "#variable_conflict use_column\nBEGIN END",
        ] {
            assert!(script(body, DbBackend::Postgres).is_err(), "{body}");
        }
        for body in [
            "CALL p()",
            "SET GLOBAL x = 1",
            "SET @@x = 1",
            "SET time_zone = '+1:00'",
            "top: BEGIN END",
            "BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; END",
            "BEGIN SELECT 1 INTO OUTFILE 'x'; END",
        ] {
            assert!(script(body, DbBackend::MySql).is_err(), "{body}");
        }
    }
}
