//! Cases as text: tables, statements that read, statements that write.
//!
//! ```text
//! @case a name that is a promise
//! @schema
//! CREATE TABLE ..;
//! @read [1, "bound"]
//! SELECT ..
//! @pass
//! SELECT .. that need not be kept
//! @write query
//! INSERT .. RETURNING ..
//! @write tx
//! UPDATE ..
//! {
//! DELETE ..
//! }
//! ```

use sea_orm::{DbBackend, JsonValue, Statement, Value};

/// Tables, what is read of them, and what is written, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) schema: String,
    pub(super) reads: Vec<Bound>,
    pub(super) writes: Vec<Write>,
}

/// A statement and what is bound to it.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) sql: String,
    values: Vec<Value>,
    /// It is no hole if it is never kept.
    pub(super) passes: bool,
}

/// How a statement is sent.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// With its number of rows as the answer.
    Run(Bound),
    /// With rows as the answer.
    Query(Bound),
    /// As text, maybe of several statements.
    Text(String),
    /// In a transaction: a statement a line, `{` begins a savepoint, `}` releases it, `!` undoes it.
    Transaction(Vec<String>),
}

impl Bound {
    /// Returns it as `SeaORM` takes it.
    pub(super) fn statement(&self, backend: DbBackend) -> Statement {
        Statement::from_sql_and_values(backend, &self.sql, self.values.clone())
    }

    /// Returns what it is kept under.
    pub(super) fn key(&self) -> String {
        format!("{} {:?}", self.sql, self.values)
    }
}

/// Reads the cases of a text.
pub(super) fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for part in format!("\n{text}").split("\n@").skip(1) {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let body: Vec<&str> = body.lines().filter(|it| !it.starts_with('#')).collect();
        let body = body.join("\n").trim().to_owned();
        let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
        if word == "case" {
            cases.push(Case {
                name: rest.to_owned(),
                ..Case::default()
            });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with its name");
        match word {
            "schema" => case.schema = body,
            "read" => case.reads.push(bound(rest, body)),
            "pass" => case.reads.push(Bound {
                passes: true,
                ..bound(rest, body)
            }),
            "write" => case.writes.push(write(rest, body)),
            _ => panic!("@{word} in {}", case.name),
        }
    }
    cases
}

fn write(how: &str, body: String) -> Write {
    let (word, values) = how.split_once(' ').unwrap_or((how, ""));
    match word {
        "query" => Write::Query(bound(values, body)),
        "text" => Write::Text(body),
        "tx" => Write::Transaction(body.lines().map(str::to_owned).collect()),
        _ => Write::Run(bound(how, body)),
    }
}

fn bound(values: &str, sql: String) -> Bound {
    let values = match values.trim() {
        "" => Vec::new(),
        list => list
            .parse::<JsonValue>()
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .map(value)
            .collect(),
    };
    Bound {
        sql,
        values,
        passes: false,
    }
}

fn value(value: &JsonValue) -> Value {
    match value {
        JsonValue::Bool(it) => (*it).into(),
        JsonValue::String(it) => it.clone().into(),
        JsonValue::Null => Value::String(None),
        JsonValue::Number(it) => match it.as_i64() {
            Some(it) => i32::try_from(it).map_or_else(|_| it.into(), Value::from),
            None => it.as_f64().unwrap().into(),
        },
        _ => panic!("{value} cannot be bound"),
    }
}
