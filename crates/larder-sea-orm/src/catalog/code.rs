//! Code the database runs when a relation is written: triggers, rules, defaults that call functions.

use sea_orm::DbBackend;

use super::build::Path;
use super::script::Script;
use super::unexplained::{Part, Unexplained};
use super::{Catalog, Effect, Entry};
use crate::analysis::{Analysis, Columns, Name, Nature, Write, WriteKind, analyse_raw};

/// Code as the schema has it.
pub(super) struct CodeFact {
    pub(super) on: Path,
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) fires: Fires,
    /// It runs before a row is written, and can set its columns.
    pub(super) before: bool,
    /// Where its names are looked for; `None`: where those of statements are.
    pub(super) path: Option<Vec<String>>,
    /// What it runs, or what of it is not understood.
    pub(super) body: Result<Script, String>,
}

/// The events at which code runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fires {
    pub(super) insert: bool,
    /// `Named`: when one of these is set.
    pub(super) update: Option<Columns>,
    pub(super) delete: bool,
    pub(super) truncate: bool,
}

/// Code, read with the catalog.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) fires: Fires,
    pub(super) sets: Sets,
    /// What it writes; `Err`: the place of what is not explained.
    pub(super) writes: Result<Vec<(Entry, Effect)>, usize>,
}

/// Columns of the row at hand that code sets, beyond what the statement says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Sets {
    /// None.
    #[default]
    Nothing,
    /// These.
    Columns(Vec<usize>),
    /// Any.
    Any,
}

impl Fires {
    /// At everything that is done to rows.
    pub(super) fn always() -> Self {
        Self {
            insert: true,
            update: Some(Columns::Unknown),
            delete: true,
            truncate: true,
        }
    }
}

impl Sets {
    pub(super) fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Nothing) | (Self::Any, _) => {}
            (Self::Columns(own), Self::Columns(others)) => own.extend(others),
            (own, other) => *own = other.clone(),
        }
    }

    /// Tells whether it may set this column.
    pub(super) fn may_set(&self, column: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::Columns(columns) => columns.contains(&column),
            Self::Any => true,
        }
    }
}

/// Puts code where it runs, once all relations are known.
pub(super) fn attach(catalog: &mut Catalog, facts: Vec<CodeFact>) {
    let read: Vec<(Entry, Code)> = facts
        .into_iter()
        .filter_map(|fact| {
            let entry = catalog.entry_in(&fact.on.0, &fact.on.1)?;
            let code = code(catalog, entry, fact);
            Some((entry, code))
        })
        .collect();
    for (entry, code) in read {
        match entry {
            Entry::Table(table) => {
                let table = &mut catalog.tables[table];
                table.sets.add(&code.sets);
                table.code.push(code);
            }
            Entry::View(view) => catalog.views[view].code.push(code),
            Entry::Unresolved(_) | Entry::Unexplained(_) => {}
        }
    }
}

fn code(catalog: &mut Catalog, on: Entry, fact: CodeFact) -> Code {
    let path = fact.path.as_deref().unwrap_or(&catalog.path);
    let explained = fact.body.and_then(|script| {
        if script.ambiguous && catalog.has_unusual_quoting() {
            return Err("this session may read its strings differently".into());
        }
        let writes = writes(catalog, &script.statements, path)?;
        Ok((sets(catalog, on, &script, &fact.fires), writes))
    });
    match explained {
        Ok((sets, writes)) => Code {
            fires: fact.fires,
            sets: if fact.before { sets } else { Sets::Nothing },
            writes: Ok(writes),
        },
        Err(reason) => Code {
            fires: fact.fires,
            sets: Sets::Any,
            writes: Err(catalog.not_explained(Unexplained::new(fact.part, fact.name, reason))),
        },
    }
}

/// Returns what statements write; an error if one may write what cannot be told.
fn writes(
    catalog: &Catalog,
    statements: &[String],
    path: &[String],
) -> Result<Vec<(Entry, Effect)>, String> {
    let mut all = Vec::new();
    for sql in statements {
        let analysis = analyse_raw(sql, None, catalog.backend);
        understood(catalog, &analysis, sql)?;
        for write in &analysis.writes {
            let written = (target(catalog, write, path)?, effect(write));
            if !all.contains(&written) {
                all.push(written);
            }
        }
    }
    Ok(all)
}

fn understood(catalog: &Catalog, analysis: &Analysis, sql: &str) -> Result<(), String> {
    let beyond = analysis.unknown_writes
        || analysis.ddl
        || analysis.session_change
        || analysis.transaction_control;
    if beyond {
        let start: String = sql.chars().take(40).collect();
        return Err(format!("it is not known what `{start}` does"));
    }
    if let Some(name) = analysis
        .reads
        .iter()
        .find(|it| catalog.writes_when_read(it))
    {
        return Err(format!("it reads {name}, which may write"));
    }
    let raises = |name: &str| catalog.backend == DbBackend::Sqlite && name == "raise";
    let unknown = |name: &str| !raises(name) && catalog.function(name) == Nature::Unknown;
    match analysis.functions.iter().find(|name| unknown(name)) {
        Some(name) => Err(format!("nothing is known of the function {name}")),
        None => Ok(()),
    }
}

fn target(catalog: &Catalog, write: &Write, path: &[String]) -> Result<Entry, String> {
    match catalog.entry_along(&write.table, path) {
        Entry::Unresolved(reason) => Err(format!("it writes {}, which is {reason}", write.table)),
        Entry::Unexplained(place) => Err(format!(
            "it writes {}, which is not explained",
            catalog.unexplained[place].name()
        )),
        entry => Ok(entry),
    }
}

/// Returns what a write does to the rows of its table.
pub(crate) fn effect(write: &Write) -> Effect {
    match &write.kind {
        WriteKind::Insert => Effect::Insert,
        WriteKind::Update => Effect::Update(write.columns.clone()),
        WriteKind::Upsert(_) => Effect::Upsert(write.columns.clone()),
        WriteKind::Delete => Effect::Delete,
        WriteKind::Replace | WriteKind::Merge => Effect::Any,
        WriteKind::Truncate => Effect::Truncate,
    }
}

/// Returns the columns of the row at hand that a script sets.
fn sets(catalog: &Catalog, on: Entry, script: &Script, fires: &Fires) -> Sets {
    // The row goes on as it was, whatever another trigger then sets of it.
    if script.returns_old && (fires.insert || fires.update.is_some()) {
        return Sets::Any;
    }
    let Entry::Table(table) = on else {
        return Sets::Any;
    };
    let table = &catalog.tables[table];
    let place = |name: &Option<String>| table.column(&Name::quoted(name.clone()?), catalog.backend);
    let places: Option<Vec<usize>> = script.sets.iter().map(place).collect();
    match places {
        Some(columns) if columns.is_empty() => Sets::Nothing,
        Some(columns) => Sets::Columns(columns),
        None => Sets::Any,
    }
}
