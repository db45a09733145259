//! What a database's schema says about the names in a statement.
//!
//! Read at connect, and again after the schema changed, by plain queries over any connection. Whatever the
//! catalog does not know or cannot explain is [`Relation::Unresolved`]: a read of it is not kept, a write of it
//! changes everything.

mod build;
mod code;
mod column;
mod effects;
mod follower;
mod mysql;
mod mysql_code;
mod policies;
mod postgres;
mod postgres_code;
mod postgres_functions;
mod rows;
mod script;
mod shapes;
mod sqlite;
mod sqlite_code;
mod unexplained;
mod views;
mod words;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use larder_core::{KeyPart, RowKey, TableName};
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use crate::analysis::{
    Columns, Name, Nature, RelationName, Remembered, Unresolved, nature, unqualified,
};
use crate::canonical::key_part;

use code::{Code, Sets};

pub(crate) use code::effect;
pub use column::{Column, KeyColumn, Room};
pub use effects::{Cascade, Effect, Effects};
pub use follower::Follower;
use unexplained::Said;
pub use unexplained::{Part, Unexplained};
pub use views::View;

/// The schema of one database, as its statements see it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Catalog {
    pub(crate) backend: DbBackend,
    pub(crate) shapes: shapes::Shapes,
    pub(crate) remembered: Remembered,
    tables: Vec<Table>,
    views: Vec<View>,
    unexplained: Vec<Arc<Unexplained>>,
    said: Arc<Said>,
    /// Relations by schema, then by name, both as the database folds them.
    relations: HashMap<String, HashMap<String, Entry>>,
    /// Where names without a schema are looked for, in order.
    path: Vec<String>,
    /// Functions that are not the database's own, or whose nature it declares.
    functions: HashMap<String, Declared>,
    /// Whether names of tables are compared without case.
    caseless: bool,
    /// Tables under row-level security that asks the session who reads, and nothing else.
    by_session: Vec<usize>,
    /// Whether the server reads quotes and backslashes in another way than by default.
    unusual_quoting: bool,
    /// Whether some table or trigger ends a statement while the rows written before stay.
    fails: bool,
    /// The place of a function among what is not explained that may run in any statement without its name.
    hidden: Option<usize>,
    /// Every row refers to one that is there, as foreign keys say.
    pub(crate) keys_hold: bool,
    /// Views that may write when they are read.
    writing_views: HashSet<(String, String)>,
}

/// A relation the catalog knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Table(usize),
    View(usize),
    Unexplained(usize),
    Unresolved(Unresolved),
}

/// What the catalog knows of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Declared {
    nature: Nature,
    /// Someone added it: it counts even if a function of the database's own has its name.
    users: bool,
}

/// A table and what goes with it; partitions and heirs are one table with what they belong to.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Table {
    /// Its place among all tables.
    place: usize,
    name: TableName,
    /// Its schema and its name as the database spells them.
    path: build::Path,
    columns: Arc<[Column]>,
    key: Vec<KeyColumn>,
    /// It has no other unique key than the primary one.
    one_key: bool,
    /// It is several relations: partitions, heirs.
    family: bool,
    children: Vec<Child>,
    code: Vec<Code>,
    /// What its code sets of the rows that are written.
    sets: Sets,
    replaces: bool,
    /// Its rows move between partitions when one of these is set: one is deleted, another inserted.
    moves: Option<Columns>,
    guard: Option<Unresolved>,
    /// Who asks may decide which rows there are, if not who asks now.
    secured: bool,
    /// Policies tell each session which rows it sees.
    policies: bool,
}

/// A table whose foreign key refers to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Child {
    /// `Err`: the place of a table the catalog does not know among what is not explained.
    table: Result<usize, usize>,
    /// The columns referred to; empty: the primary key.
    referred: Vec<String>,
    /// The columns of the child.
    columns: Vec<String>,
    on_delete: Action,
    on_update: Action,
}

/// What a foreign key does to the child's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// Nothing, or it refuses the statement.
    Nothing,
    /// They are deleted, or updated with the parent's.
    Cascade,
    /// Their columns are set to NULL or to their defaults.
    Set,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Relation<'a> {
    /// A table.
    Table(&'a Table),
    /// A view of tables.
    View(&'a View),
    /// Something the cache must leave alone.
    Unresolved(Unresolved),
}

impl Catalog {
    /// Reads the schema over `db`; the tables are named after `domain`.
    ///
    /// # Errors
    /// What the database answers to the queries of its schema.
    pub async fn read<C: ConnectionTrait>(db: &C, domain: &str) -> Result<Self, DbErr> {
        let facts = match db.get_database_backend() {
            DbBackend::Sqlite => sqlite::read(db).await?,
            DbBackend::Postgres => postgres::read(db).await?,
            DbBackend::MySql => mysql::read(db).await?,
            other => {
                return Err(DbErr::BackendNotSupported {
                    db: other.as_str(),
                    ctx: "the catalog",
                });
            }
        };
        let mut catalog = build::catalog(facts, domain);
        if catalog.backend == DbBackend::Postgres {
            catalog.note_policies(policies::read(db).await?);
        }
        Ok(catalog)
    }

    /// Returns what a name stands for, looked up as the database would.
    pub fn resolve(&self, name: &RelationName) -> Relation<'_> {
        match self.entry_along(name, &self.path) {
            Entry::Table(place) => Relation::Table(&self.tables[place]),
            Entry::View(place) => Relation::View(&self.views[place]),
            Entry::Unresolved(reason) => Relation::Unresolved(reason),
            Entry::Unexplained(place) => {
                self.meet(place);
                let unresolved = self.unexplained[place].unresolved;
                Relation::Unresolved(unresolved.unwrap_or(Unresolved::View))
            }
        }
    }

    /// Returns the name of a function that any statement may call by an operator or a cast, if answers differ by it.
    pub(crate) fn hidden_function(&self) -> Option<&str> {
        let place = self.hidden?;
        self.meet(place);
        Some(self.unexplained[place].name())
    }

    /// Tells whether a statement that is refused may have written rows: some table or trigger says `FAIL`.
    pub(crate) fn may_fail_half_way(&self) -> bool {
        self.fails
    }

    /// Returns what of the schema is not understood: views that are not kept, code that changes everything.
    ///
    /// Each is warned of once, when a statement first meets it.
    pub fn unexplained(&self) -> impl Iterator<Item = &Unexplained> {
        self.unexplained.iter().map(|it| &**it)
    }

    /// Returns what was warned of.
    pub(crate) fn said(&self) -> &Arc<Said> {
        &self.said
    }

    /// Does not warn of what `said` holds.
    pub(crate) fn warning_through(self, said: &Arc<Said>) -> Self {
        Self {
            said: Arc::clone(said),
            ..self
        }
    }

    /// Returns all tables, in no order.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Returns what is known of a function, lower-case, with its schema if written.
    pub fn function(&self, name: &str) -> Nature {
        let own = nature(name, self.backend);
        match self.functions.get(unqualified(name)) {
            Some(declared) if own == Nature::Unknown => declared.nature,
            Some(declared) if declared.users => own.max(declared.nature),
            _ => own,
        }
    }

    pub(crate) fn has_unusual_quoting(&self) -> bool {
        self.unusual_quoting
    }

    fn meet(&self, place: usize) {
        self.unexplained[place].meet(&self.said);
    }

    fn not_explained(&mut self, unexplained: Unexplained) -> usize {
        self.unexplained.push(Arc::new(unexplained));
        self.unexplained.len() - 1
    }

    /// Looks a name up; without a schema in those of `path`.
    fn entry_along(&self, name: &RelationName, path: &[String]) -> Entry {
        let unresolved = Entry::Unresolved;
        if name.database.is_some() {
            return unresolved(Unresolved::OtherDatabase);
        }
        let own = self.folded(&name.name);
        if let Some(schema) = &name.schema {
            let schema = self.folded(schema);
            return self
                .entry_in(&schema, &own)
                .unwrap_or_else(|| unresolved(self.unknown(&schema)));
        }
        if self.backend == DbBackend::Postgres && (own.starts_with("pg_") || own == "only") {
            // Found in pg_catalog before anything else; ONLY is syntax the parser takes for a name.
            return unresolved(Unresolved::System);
        }
        let found = path.iter().find_map(|schema| self.entry_in(schema, &own));
        found.unwrap_or_else(|| unresolved(self.unknown_anywhere(&own)))
    }

    fn entry_in(&self, schema: &str, name: &str) -> Option<Entry> {
        self.relations.get(schema)?.get(name).copied()
    }

    fn folded<'n>(&self, name: &'n Name) -> Cow<'n, str> {
        let folded = name.folded(self.backend);
        if self.caseless {
            folded.to_lowercase().into()
        } else {
            folded
        }
    }

    fn unknown_anywhere(&self, name: &str) -> Unresolved {
        if self.backend == DbBackend::Sqlite && name.starts_with("sqlite_") {
            Unresolved::System
        } else {
            Unresolved::Unknown
        }
    }

    fn unknown(&self, schema: &str) -> Unresolved {
        match self.backend {
            DbBackend::MySql if !self.path.iter().any(|own| own == schema) => {
                Unresolved::OtherDatabase
            }
            DbBackend::Postgres if schema == "information_schema" || schema.starts_with("pg_") => {
                Unresolved::System
            }
            _ => Unresolved::Unknown,
        }
    }
}

impl Table {
    /// Tells whether a column of another table is a foreign key to this one's `key`.
    pub(crate) fn is_referred_to(&self, key: &str, child: &Self, own: &str) -> bool {
        let is_it = |it: &Child| {
            let referred = match it.referred.as_slice() {
                [] => matches!(self.key.as_slice(), [column] if column.name == key),
                [column] => column.eq_ignore_ascii_case(key),
                _ => false,
            };
            let by = matches!(it.columns.as_slice(), [column] if column.eq_ignore_ascii_case(own));
            it.table == Ok(child.place) && referred && by
        };
        self.children.iter().any(is_it)
    }

    /// Returns its name, domain and all.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Returns all its columns, in their order.
    ///
    /// Not those a database adds unasked: `rowid`, `ctid`, `row_start`. Of a family of tables they are the head's,
    /// with what its members add at the end.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn shared_columns(&self) -> Arc<[Column]> {
        Arc::clone(&self.columns)
    }

    /// Returns the place of the column of that name; `None` if it is not certain which one it is.
    pub fn column(&self, name: &Name, backend: DbBackend) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| name.is_column(&column.name, backend))
    }

    /// Tells whether the columns an UPDATE sets are not all that change: the database computes some.
    pub fn computes(&self) -> bool {
        self.columns.iter().any(|column| column.generated)
    }

    /// Tells whether code of the database's may change the very row that is written, beyond what the statement says.
    pub fn rewrites(&self) -> bool {
        self.sets != Sets::Nothing
    }

    /// Tells whether code of the database's may set this column, whatever the statement says.
    pub fn may_rewrite(&self, column: usize) -> bool {
        self.sets.may_set(column)
    }

    fn sets_key(&self, sets: &Sets) -> bool {
        let place = |key: &KeyColumn| self.columns.iter().position(|it| *it.name == *key.name);
        let set = |key| place(key).is_none_or(|place| sets.may_set(place));
        *sets != Sets::Nothing && self.key.iter().any(set)
    }

    /// Tells whether code of the database's runs when the table is written.
    pub(crate) fn has_code(&self) -> bool {
        !self.code.is_empty()
    }

    /// Tells whether rows conflict by their primary key alone.
    pub(crate) fn has_one_key(&self) -> bool {
        self.one_key && !self.key.is_empty()
    }

    /// Tells whether it is several relations in one, whose columns may stand in different orders.
    pub(crate) fn is_family(&self) -> bool {
        self.family
    }

    /// Returns the columns of its primary key, in their order; empty if it has none.
    pub fn key(&self) -> &[KeyColumn] {
        &self.key
    }

    /// Returns why it must not be read from the cache although it is a table.
    pub fn guard(&self) -> Option<Unresolved> {
        self.guard
    }

    /// Tells whether who asks decides which rows there are, by columns no statement names.
    pub(crate) fn has_policies(&self) -> bool {
        self.policies
    }

    /// Makes the canonical key of a row, given the value of each key column by its name.
    ///
    /// `None` when the table has no primary key, a value is missing or has no canonical form.
    pub fn row_key<'v>(&self, mut value: impl FnMut(&str) -> Option<&'v Value>) -> Option<RowKey> {
        let part = |column: &KeyColumn| key_part(value(&column.name)?, column.class);
        let parts: Vec<KeyPart> = self.key.iter().map(part).collect::<Option<_>>()?;
        (!parts.is_empty()).then(|| RowKey::new(parts))
    }
}
