//! From what a schema says to the catalog.

use std::collections::HashMap;
use std::sync::Arc;

use larder_core::TableName;
use sea_orm::DbBackend;

use super::{Action, Catalog, Child, Column, Declared, Entry, KeyColumn, Table};
use crate::analysis::{Nature, Unresolved};
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
    /// Not a table.
    Other(Unresolved),
}

/// What is known of a table by itself.
#[derive(Default)]
pub(super) struct TableFact {
    pub(super) columns: Vec<Column>,
    pub(super) key: Vec<KeyColumn>,
    /// Writing it runs code.
    pub(super) triggers: bool,
    /// Writing it may delete rows that conflict.
    pub(super) replaces: bool,
    pub(super) guard: Option<Unresolved>,
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
    let fold = |path: &Path| folded(path, facts.backend, facts.caseless);
    let families = Families::new(&facts, &fold);
    let mut tables: Vec<Table> = Vec::new();
    let mut of_family: HashMap<Path, usize> = HashMap::new();
    let mut relations: HashMap<String, HashMap<String, Entry>> = HashMap::new();
    for relation in facts.relations {
        let path = fold(&relation.path);
        let entry = match relation.kind {
            RelationKind::Other(reason) => Entry::Unresolved(reason),
            RelationKind::Table(fact) => {
                let family = families.head(&path);
                let index = *of_family.entry(family.clone()).or_insert(tables.len());
                if index == tables.len() {
                    let (schema, name) = families.spelling(&family, &relation.path);
                    let name = table_name(domain, &schema, &name, &facts.default_schema);
                    tables.push(Table::new(name));
                }
                tables[index].absorb(fact, family == path, families.has_keys(&family));
                Entry::Table(index)
            }
        };
        relations.entry(path.0).or_default().insert(path.1, entry);
    }
    adopt(&mut tables, &facts.foreign_keys, |path| {
        let (schema, name) = fold(path);
        match relations.get(&schema)?.get(&name)? {
            Entry::Table(index) => Some(*index),
            Entry::Unresolved(_) => None,
        }
    });
    let schemas = facts
        .path
        .iter()
        .map(|schema| fold(&(schema.clone(), String::new())).0);
    let function = |(name, nature, users)| (name, Declared { nature, users });
    Catalog {
        backend: facts.backend,
        shapes: super::shapes::Shapes::default(),
        tables,
        relations,
        path: schemas.collect(),
        functions: facts.functions.into_iter().map(function).collect(),
        caseless: facts.caseless,
        unusual_quoting: facts.unusual_quoting,
        by_session: Vec::new(),
    }
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

fn adopt(tables: &mut [Table], keys: &[ForeignKey], index: impl Fn(&Path) -> Option<usize>) {
    for key in keys {
        let Some(parent) = index(&key.parent) else {
            continue;
        };
        let child = Child {
            table: index(&key.child),
            referred: key.referred.clone(),
            columns: key.columns.clone(),
            on_delete: key.on_delete,
            on_update: key.on_update,
        };
        if !tables[parent].children.contains(&child) {
            tables[parent].children.push(child);
        }
    }
}

impl Table {
    fn new(name: TableName) -> Self {
        Self {
            name,
            columns: Arc::default(),
            key: Vec::new(),
            children: Vec::new(),
            triggers: false,
            replaces: false,
            guard: None,
            policies: false,
        }
    }

    fn absorb(&mut self, fact: TableFact, head: bool, one_key: bool) {
        let first = self.columns.is_empty();
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
        self.triggers |= fact.triggers;
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
}

impl Families {
    fn new(facts: &Facts, fold: &impl Fn(&Path) -> Path) -> Self {
        let mut families = Self {
            head: HashMap::new(),
            spelling: HashMap::new(),
            keyless: Vec::new(),
        };
        for member in &facts.members {
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
        let keyless = facts.members.iter().filter(|member| !member.partition);
        families.keyless = keyless
            .map(|member| families.head(&fold(&member.of)))
            .collect();
        families
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
