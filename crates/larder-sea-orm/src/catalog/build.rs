//! From what a schema says to the catalog.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use larder_core::TableName;
use sea_orm::DbBackend;

use super::code::{self, CodeFact, Sets};
use super::unexplained::{Part, Said, Unexplained};
use super::views::{self, ViewFact};
use super::{Action, Catalog, Child, Column, Declared, Entry, KeyColumn, Table};
use crate::analysis::{Columns, Nature, Unresolved};
use crate::canonical::ColumnClass;

/// A relation's schema and name, as the database has them.
pub(super) type Path = (String, String);

/// What a schema says, read from one of the databases.
pub(super) struct Facts {
    pub(super) backend: DbBackend,
    /// The schema whose tables are named without it, the same for all who share the database.
    pub(super) default_schema: String,
    pub(super) path: Vec<String>,
    pub(super) caseless: bool,
    pub(super) unusual_quoting: bool,
    pub(super) relations: Vec<RelationFact>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) members: Vec<Member>,
    pub(super) functions: Vec<(String, Nature, bool)>,
    pub(super) code: Vec<CodeFact>,
    /// Some table or trigger ends a statement without taking back the rows before it.
    pub(super) fails: bool,
    /// A function of the user's behind an operator or a cast, which may answer differently each time.
    pub(super) hidden: Option<String>,
}

/// A relation.
pub(super) struct RelationFact {
    pub(super) path: Path,
    pub(super) kind: RelationKind,
}

/// What kind of relation it is.
pub(super) enum RelationKind {
    /// A table.
    Table(TableFact),
    /// A view.
    View(ViewFact),
    /// Neither.
    Other(Unresolved),
}

/// What is known of a table by itself.
#[derive(Default)]
pub(super) struct TableFact {
    pub(super) columns: Vec<Column>,
    pub(super) key: Vec<KeyColumn>,
    /// It certainly has no other unique key than the primary one.
    pub(super) one_key: bool,
    /// Writing it may delete rows that conflict.
    pub(super) replaces: bool,
    /// Its rows move between partitions when one of these is set.
    pub(super) moves: Option<Columns>,
    pub(super) guard: Option<Unresolved>,
    /// Row-level security is on, whether it holds for who asks or not.
    pub(super) secured: bool,
}

/// A foreign key.
pub(super) struct ForeignKey {
    pub(super) child: Path,
    pub(super) columns: Vec<String>,
    pub(super) parent: Path,
    pub(super) referred: Vec<String>,
    pub(super) on_delete: Action,
    pub(super) on_update: Action,
}

/// A partition of a table, or an heir.
pub(super) struct Member {
    pub(super) of: Path,
    pub(super) path: Path,
    pub(super) partition: bool,
}

/// Makes the catalog of what a schema says.
pub(super) fn catalog(facts: Facts, domain: &str) -> Catalog {
    let (backend, caseless) = (facts.backend, facts.caseless);
    let fold = |path: &Path| folded(path, backend, caseless);
    let mut families = Families::new(&facts.members, &fold);
    let mut catalog = empty(&facts, &fold);
    let mut views = Vec::new();
    let default_schema = &facts.default_schema;
    let named = |schema: &str, name: &str| table_name(domain, schema, name, default_schema);
    for relation in facts.relations {
        let path = fold(&relation.path);
        let entry = match relation.kind {
            RelationKind::Other(reason) => Entry::Unresolved(reason),
            RelationKind::View(fact) => {
                let name = named(&relation.path.0, &relation.path.1);
                let unresolved = fact.unresolved;
                let depends = fact.depends.as_ref();
                let depends = depends.map(|all| all.iter().map(fold).collect());
                views.push((path.clone(), name, ViewFact { depends, ..fact }));
                Entry::Unresolved(unresolved)
            }
            RelationKind::Table(fact) => {
                let (schema, name) = families.spelling(&families.head(&path), &relation.path);
                let called = named(&schema, &name);
                let table = Table::new(called, (schema, name));
                Entry::Table(families.join(&mut catalog, &path, table, fact))
            }
        };
        catalog.put(path, entry);
    }
    adopt(&mut catalog, &facts.foreign_keys, &fold);
    views::resolve(&mut catalog, views);
    let at = |fact: CodeFact| CodeFact {
        on: fold(&fact.on),
        ..fact
    };
    code::attach(&mut catalog, facts.code.into_iter().map(at).collect());
    catalog
}

/// Makes a catalog that knows no relations yet.
fn empty(facts: &Facts, fold: &impl Fn(&Path) -> Path) -> Catalog {
    let schemas = facts
        .path
        .iter()
        .map(|schema| fold(&(schema.clone(), String::new())).0);
    let function = |(name, nature, users)| (name, Declared { nature, users });
    let mut catalog = Catalog {
        backend: facts.backend,
        shapes: super::shapes::Shapes::default(),
        remembered: crate::analysis::Remembered::default(),
        tables: Vec::new(),
        views: Vec::new(),
        unexplained: Vec::new(),
        said: Said::new(),
        relations: HashMap::new(),
        path: schemas.collect(),
        functions: facts.functions.iter().cloned().map(function).collect(),
        caseless: facts.caseless,
        unusual_quoting: facts.unusual_quoting,
        by_session: Vec::new(),
        fails: facts.fails,
        hidden: None,
        keys_hold: false,
        writing_views: HashSet::new(),
    };
    if let Some(name) = &facts.hidden {
        let reason = "it is not immutable";
        let place = catalog.not_explained(Unexplained::new(Part::Operator, name.as_str(), reason));
        catalog.hidden = Some(place);
    }
    catalog
}

fn folded((schema, name): &Path, backend: DbBackend, caseless: bool) -> Path {
    match backend {
        DbBackend::Sqlite => (schema.to_ascii_lowercase(), name.to_ascii_lowercase()),
        _ if caseless => (schema.to_lowercase(), name.to_lowercase()),
        _ => (schema.clone(), name.clone()),
    }
}

fn table_name(domain: &str, schema: &str, name: &str, default_schema: &str) -> TableName {
    if schema == default_schema {
        TableName::new(domain, name)
    } else {
        TableName::new(domain, &format!("{schema}.{name}"))
    }
}

fn adopt(catalog: &mut Catalog, keys: &[ForeignKey], fold: &impl Fn(&Path) -> Path) {
    let place = |catalog: &Catalog, path: &Path| {
        let (schema, name) = fold(path);
        match catalog.entry_in(&schema, &name)? {
            Entry::Table(place) => Some(place),
            _ => None,
        }
    };
    for key in keys {
        let Some(parent) = place(catalog, &key.parent) else {
            continue;
        };
        let table = place(catalog, &key.child).ok_or_else(|| {
            let (schema, name) = &key.child;
            let of = catalog.tables[parent].name().table();
            let name = format!("{schema}.{name} to {of}");
            catalog.not_explained(Unexplained::new(
                Part::Cascade,
                name,
                "its table is not known",
            ))
        });
        let child = Child {
            table,
            referred: key.referred.clone(),
            columns: key.columns.clone(),
            on_delete: key.on_delete,
            on_update: key.on_update,
        };
        let children = &mut catalog.tables[parent].children;
        if !children.contains(&child) {
            children.push(child);
        }
    }
}

impl Table {
    fn new(name: TableName, path: Path) -> Self {
        Self {
            place: 0,
            name,
            path,
            columns: Arc::default(),
            key: Vec::new(),
            one_key: false,
            family: false,
            children: Vec::new(),
            code: Vec::new(),
            sets: Sets::Nothing,
            replaces: false,
            moves: None,
            guard: None,
            secured: false,
            policies: false,
        }
    }

    fn absorb(&mut self, fact: TableFact, head: bool, one_key: bool) {
        let first = self.columns.is_empty();
        self.family = !first || !head;
        self.one_key = fact.one_key && !self.family;
        let (mut columns, mut others) = (fact.columns, self.columns.to_vec());
        if head && one_key {
            self.key = fact.key;
        }
        if !first {
            if !head {
                std::mem::swap(&mut columns, &mut others);
            }
            agree(&mut columns, others);
        }
        self.columns = columns.into();
        self.secured |= fact.secured;
        self.moves = match (self.moves.take(), fact.moves) {
            (Some(Columns::Named(mut own)), Some(Columns::Named(others))) => {
                own.extend(others);
                Some(Columns::Named(own))
            }
            (Some(_), Some(_)) => Some(Columns::Unknown),
            (own, other) => own.or(other),
        };
        self.replaces |= fact.replaces;
        self.guard = self.guard.or(fact.guard);
    }
}

/// Makes columns say what is true of them in other tables too.
fn agree(columns: &mut Vec<Column>, others: Vec<Column>) {
    for column in columns.iter_mut() {
        match others.iter().find(|other| other.name == column.name) {
            Some(other) => {
                column.generated |= other.generated;
                column.nullable &= other.nullable;
                column.empty &= other.empty;
                if other.class != column.class || other.room != column.room {
                    column.class = ColumnClass::Other;
                }
            }
            None => column.class = ColumnClass::Other,
        }
    }
    for other in others {
        if !columns.iter().any(|column| column.name == other.name) {
            columns.push(Column {
                class: ColumnClass::Other,
                ..other
            });
        }
    }
}

/// Tables that are read and written through one another.
struct Families {
    head: HashMap<Path, Path>,
    spelling: HashMap<Path, Path>,
    /// Families with an heir: a key of the head is not one of them all.
    keyless: Vec<Path>,
    /// The tables made of them so far, by their heads.
    places: HashMap<Path, usize>,
}

impl Families {
    fn new(members: &[Member], fold: &impl Fn(&Path) -> Path) -> Self {
        let mut families = Self {
            head: HashMap::new(),
            spelling: HashMap::new(),
            keyless: Vec::new(),
            places: HashMap::new(),
        };
        for member in members {
            let (of, path) = (fold(&member.of), fold(&member.path));
            families.spelling.insert(of.clone(), member.of.clone());
            families.spelling.insert(path.clone(), member.path.clone());
            let (of, old) = (families.head(&of), families.head(&path));
            // A second parent joins its family to the first one's.
            for head in families.head.values_mut().filter(|head| **head == old) {
                *head = of.clone();
            }
            families.head.insert(old, of.clone());
            families.head.insert(path, of);
        }
        let keyless = members.iter().filter(|member| !member.partition);
        families.keyless = keyless
            .map(|member| families.head(&fold(&member.of)))
            .collect();
        families
    }

    /// Makes a table part of its family's, which is named so if it is the first; returns the place.
    fn join(&mut self, catalog: &mut Catalog, path: &Path, table: Table, fact: TableFact) -> usize {
        let family = self.head(path);
        let next = catalog.tables.len();
        let place = *self.places.entry(family.clone()).or_insert(next);
        if place == next {
            catalog.tables.push(Table { place, ..table });
        }
        catalog.tables[place].absorb(fact, family == *path, self.has_keys(&family));
        place
    }

    fn head(&self, path: &Path) -> Path {
        self.head.get(path).unwrap_or(path).clone()
    }

    fn spelling(&self, head: &Path, own: &Path) -> Path {
        self.spelling.get(head).unwrap_or(own).clone()
    }

    fn has_keys(&self, head: &Path) -> bool {
        !self.keyless.contains(head)
    }
}
