//! Views, and the tables they are made of.

use std::collections::HashSet;

use larder_core::TableName;

use super::build::Path;
use super::code::Code;
use super::unexplained::{Part, Unexplained};
use super::{Catalog, Entry};
use crate::analysis::{Analysis, Nature, RelationName, Uncacheable, Unresolved, analyse_raw};

/// A view that is understood: a query of tables, and of views that are understood.
#[derive(Clone, Debug)]
pub struct View {
    /// Its place among all views.
    pub(super) place: usize,
    name: TableName,
    tables: Vec<TableName>,
    /// What it reads itself.
    pub(super) made_of: Vec<Entry>,
    guard: Option<Unresolved>,
    pub(super) code: Vec<Code>,
}

/// A view as the schema has it.
pub(super) struct ViewFact {
    /// Its query, or why it is not known.
    pub(super) definition: Result<String, String>,
    /// Where the names of its query are looked for; `None`: where those of statements are.
    pub(super) path: Option<Vec<String>>,
    /// The relations the database says it reads, if it does.
    pub(super) depends: Option<Vec<Path>>,
    /// The functions the database says it calls, lower-case, if it does.
    pub(super) calls: Option<Vec<String>>,
    pub(super) guard: Option<Unresolved>,
    /// What it is if it is not understood.
    pub(super) unresolved: Unresolved,
}

/// A view whose query is understood, but not yet what it reads.
struct Pending {
    path: Path,
    name: TableName,
    reads: Vec<Path>,
    guard: Option<Unresolved>,
    unresolved: Unresolved,
}

impl View {
    /// Returns its name, domain and all.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Returns all tables it is made of, through whatever views.
    pub fn tables(&self) -> &[TableName] {
        &self.tables
    }

    /// Returns why it must not be read from the cache although it is understood.
    pub fn guard(&self) -> Option<Unresolved> {
        self.guard
    }
}

/// Puts views where they stand, those first of which others are made.
pub(super) fn resolve(catalog: &mut Catalog, facts: Vec<(Path, TableName, ViewFact)>) {
    catalog.writing_views = writing(catalog, &facts);
    let mut pending = Vec::new();
    for (path, name, fact) in facts {
        match reads(catalog, &fact) {
            Ok(reads) => pending.push(Pending {
                path,
                name,
                reads,
                guard: fact.guard,
                unresolved: fact.unresolved,
            }),
            Err(reason) => refuse(catalog, path, &name, fact.unresolved, reason),
        }
    }
    while !pending.is_empty() {
        let waits = |view: &Pending| {
            view.reads
                .iter()
                .any(|read| pending.iter().any(|it| it.path == *read))
        };
        let (later, now): (Vec<Pending>, Vec<Pending>) = {
            let waiting: Vec<bool> = pending.iter().map(waits).collect();
            let mut waiting = waiting.into_iter();
            pending
                .into_iter()
                .partition(|_| waiting.next() == Some(true))
        };
        pending = later;
        if now.is_empty() {
            for view in std::mem::take(&mut pending) {
                refuse(
                    catalog,
                    view.path,
                    &view.name,
                    view.unresolved,
                    "it reads itself".into(),
                );
            }
        }
        for view in now {
            place(catalog, view);
        }
    }
}

/// Returns the views that may write when they are read: they call functions that may, or read such views.
fn writing(catalog: &Catalog, facts: &[(Path, TableName, ViewFact)]) -> HashSet<Path> {
    let mut writing = HashSet::new();
    let mut readers: Vec<(&Path, Vec<Path>)> = Vec::new();
    for (path, _, fact) in facts {
        let (calls, reads) = called_and_read(catalog, fact);
        let may_write = |name: &String| catalog.function(name) == Nature::Unknown;
        if calls.map_or_else(
            || catalog.has_writing_functions(),
            |it| it.iter().any(may_write),
        ) {
            writing.insert(path.clone());
        }
        readers.push((path, reads));
    }
    loop {
        let found: Vec<Path> = readers
            .iter()
            .filter(|(path, reads)| {
                !writing.contains(*path) && reads.iter().any(|read| writing.contains(read))
            })
            .map(|(path, _)| (*path).clone())
            .collect();
        if found.is_empty() {
            return writing;
        }
        writing.extend(found);
    }
}

/// Returns the functions a view calls itself, if that is known, and the relations it reads, as far as they are.
fn called_and_read(catalog: &Catalog, fact: &ViewFact) -> (Option<Vec<String>>, Vec<Path>) {
    if let (Some(calls), Some(reads)) = (&fact.calls, &fact.depends) {
        return (Some(calls.clone()), reads.clone());
    }
    let Ok(definition) = &fact.definition else {
        return (None, Vec::new());
    };
    let analysis = analyse_raw(definition, None, catalog.backend);
    let path = fact.path.as_deref().unwrap_or(&catalog.path);
    let located = |name: &RelationName| {
        let own = catalog.folded(&name.name).into_owned();
        let schema = name
            .schema
            .as_ref()
            .map(|it| catalog.folded(it).into_owned());
        schema.map_or_else(
            || path.iter().map(|it| (it.clone(), own.clone())).collect(),
            |it| vec![(it, own.clone())],
        )
    };
    let reads = analysis.reads.iter().flat_map(located).collect();
    let known = !analysis.unknown_writes && analysis.refusal != Some(Uncacheable::Unparsed);
    let calls = analysis.functions.iter().map(ToString::to_string).collect();
    (known.then_some(calls), reads)
}

/// Returns the relations a view reads itself; an error if its answer depends on more than these.
fn reads(catalog: &Catalog, fact: &ViewFact) -> Result<Vec<Path>, String> {
    let definition = fact.definition.as_ref().map_err(Clone::clone)?;
    let analysis = analyse_raw(definition, None, catalog.backend);
    understood(catalog, &analysis)?;
    let path = fact.path.as_deref().unwrap_or(&catalog.path);
    let mut reads: Vec<Path> = Vec::new();
    for name in &analysis.reads {
        let read = catalog
            .located(name, path)
            .ok_or_else(|| format!("it reads {name}, which is not in the catalog"))?;
        if !reads.contains(&read) {
            reads.push(read);
        }
    }
    let same = |depends: &Vec<Path>| {
        depends.len() == reads.len() && depends.iter().all(|it| reads.contains(it))
    };
    if fact.depends.as_ref().is_some_and(|depends| !same(depends)) {
        return Err("the database says it reads other relations than its text".into());
    }
    Ok(reads)
}

fn understood(catalog: &Catalog, analysis: &Analysis) -> Result<(), String> {
    if let Some(reason) = &analysis.refusal {
        return Err(reason.to_string());
    }
    let misread = analysis.ambiguous_quoting && catalog.has_unusual_quoting();
    let writes = !analysis.writes.is_empty()
        || analysis.unknown_writes
        || analysis.ddl
        || analysis.session_change
        || analysis.transaction_control;
    if misread || writes {
        return Err("its query is not understood".into());
    }
    let called = |name: &&std::borrow::Cow<'static, str>| catalog.function(name) != Nature::Pure;
    match analysis.functions.iter().find(called) {
        Some(name) => Err(format!(
            "it calls {name}, which may answer differently each time"
        )),
        None => Ok(()),
    }
}

fn place(catalog: &mut Catalog, view: Pending) {
    let mut made = View {
        place: catalog.views.len(),
        name: view.name,
        tables: Vec::new(),
        made_of: Vec::new(),
        guard: view.guard,
        code: Vec::new(),
    };
    for (schema, name) in &view.reads {
        let entry = catalog.entry_in(schema, name);
        let reason = match entry {
            Some(Entry::Table(place)) => {
                let table = &catalog.tables[place];
                let secured = table.secured.then_some(Unresolved::RowSecurity);
                made.guard = made.guard.or(table.guard).or(secured);
                made.add(std::slice::from_ref(&table.name));
                None
            }
            Some(Entry::View(place)) => {
                let inner = &catalog.views[place];
                made.guard = made.guard.or(inner.guard);
                made.add(&inner.tables);
                None
            }
            Some(Entry::Unresolved(reason)) => Some(reason.to_string()),
            Some(Entry::Unexplained(place)) => Some(catalog.unexplained[place].reason().to_owned()),
            None => Some(Unresolved::Unknown.to_string()),
        };
        if let Some(reason) = reason {
            let reason = format!("it reads {name}: {reason}");
            return refuse(catalog, view.path, &made.name, view.unresolved, reason);
        }
        made.made_of.extend(entry);
    }
    let entry = Entry::View(made.place);
    catalog.views.push(made);
    catalog.put(view.path, entry);
}

impl View {
    fn add(&mut self, tables: &[TableName]) {
        for table in tables {
            if !self.tables.contains(table) {
                self.tables.push(table.clone());
            }
        }
    }
}

fn refuse(
    catalog: &mut Catalog,
    path: Path,
    name: &TableName,
    unresolved: Unresolved,
    reason: String,
) {
    let unexplained = Unexplained::new(Part::View, name.table(), reason);
    let place = catalog.not_explained(unexplained.refused(unresolved));
    catalog.put(path, Entry::Unexplained(place));
}

impl Catalog {
    /// Tells whether reading a relation may write: it is a view that calls what may.
    pub(crate) fn writes_when_read(&self, name: &RelationName) -> bool {
        if self.writing_views.is_empty() || name.database.is_some() {
            return false;
        }
        let own = self.folded(&name.name).into_owned();
        let is_one = |schema: &str| {
            self.writing_views
                .contains(&(schema.to_owned(), own.clone()))
        };
        match &name.schema {
            Some(schema) => is_one(&self.folded(schema)),
            None => self.path.iter().any(|schema| is_one(schema)),
        }
    }

    /// Tells whether the database has functions of its users' that may write.
    fn has_writing_functions(&self) -> bool {
        let mut all = self.functions.values();
        all.any(|it| it.users && it.nature == Nature::Unknown)
    }

    /// Returns the schema and name a name leads to.
    fn located(&self, name: &RelationName, path: &[String]) -> Option<Path> {
        let own = self.folded(&name.name).into_owned();
        let is_there = |schema: &str| self.entry_in(schema, &own).is_some();
        if let Entry::Unresolved(
            Unresolved::OtherDatabase | Unresolved::System | Unresolved::Unknown,
        ) = self.entry_along(name, path)
        {
            return None;
        }
        let schema = match &name.schema {
            Some(schema) => Some(self.folded(schema).into_owned()),
            None => path.iter().find(|schema| is_there(schema)).cloned(),
        };
        Some((schema?, own))
    }

    pub(super) fn put(&mut self, (schema, name): Path, entry: Entry) {
        self.relations
            .entry(schema)
            .or_default()
            .insert(name, entry);
    }
}
