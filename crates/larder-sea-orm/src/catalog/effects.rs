//! What a write of one relation does to others: foreign keys, triggers.

use std::sync::Arc;

use larder_core::TableName;
use sea_orm::DbBackend;

use super::code::{Code, Fires};
use super::follower::{Follower, follower};
use super::{Action, Catalog, Child, Entry, Table, View};
use crate::analysis::{Columns, Name};
use crate::canonical::ColumnClass;

/// What a statement does to a relation's rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Inserts rows.
    Insert,
    /// Updates these columns of rows.
    Update(Columns),
    /// Inserts rows, or updates these columns of others.
    Upsert(Columns),
    /// Deletes rows.
    Delete,
    /// Deletes rows, updates any column, inserts.
    Any,
    /// Removes all rows, also of the tables that refer to it.
    Truncate,
}

/// What a write of one relation touches beyond the rows it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Tables of which any row may have changed; the table written is among them if it refers to itself, replaces
    /// rows, or code sets the key of its rows or writes it once more.
    pub tables: Vec<TableName>,
    /// Those of them that change whether rows follow by a foreign key or not.
    pub direct: Vec<TableName>,
    /// Rows of other tables that follow those written, told by their foreign keys.
    pub cascades: Vec<Cascade>,
    /// Code runs of which nothing is known.
    pub everything: bool,
}

/// Rows of a table that a foreign key takes along with the rows it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cascade {
    /// The table that refers.
    pub table: TableName,
    /// The columns referred to, each with the one that refers to it.
    pub columns: Vec<(Arc<str>, Arc<str>)>,
    /// The rows are deleted; otherwise the columns that refer are updated.
    pub deleted: bool,
    /// The columns of the rows that may change, if they are updated.
    pub changed: larder_core::Columns,
    /// Tables of which any row may change if there is such a row.
    pub further: Vec<TableName>,
    /// How the rows are read before they follow; `None`: that would not tell all that happens.
    pub follower: Option<Follower>,
}

/// One thing that happens to rows of a table.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Insert,
    Update(Columns),
    Delete,
    Truncate,
}

/// The way along foreign keys and triggers.
struct Walk<'c> {
    catalog: &'c Catalog,
    seen: Vec<(usize, Step)>,
    seen_views: Vec<(usize, Step)>,
    effects: Effects,
    /// The next table visited is the one whose rows the statement names.
    at_target: bool,
    /// What triggers insert replaces rows too: `OR REPLACE` of SQLite counts for them as well.
    replacing: bool,
}

impl Catalog {
    /// Returns what `effect` on `table` touches beyond the rows it names.
    pub fn effects(&self, table: &Table, effect: &Effect) -> Effects {
        if table.code.is_empty() && table.children.is_empty() && !table.replaces {
            return Effects::default();
        }
        let mut walk = Walk::new(self, effect);
        for step in steps(effect) {
            walk.visit(table.place, step);
        }
        walk.ended()
    }

    /// Returns what `effect` on `view` touches: all tables it is made of, and what goes with them.
    pub fn view_effects(&self, view: &View, effect: &Effect) -> Effects {
        let mut walk = Walk::new(self, effect);
        walk.at_target = false;
        for step in steps(effect) {
            walk.visit_view(view.place, &step);
        }
        walk.ended()
    }
}

impl<'c> Walk<'c> {
    fn new(catalog: &'c Catalog, effect: &Effect) -> Self {
        Self {
            catalog,
            seen: Vec::new(),
            seen_views: Vec::new(),
            effects: Effects::default(),
            at_target: matches!(effect, Effect::Delete | Effect::Update(_)),
            replacing: catalog.backend == DbBackend::Sqlite && *effect == Effect::Any,
        }
    }

    fn visit(&mut self, place: usize, step: Step) {
        if self.seen.contains(&(place, step.clone())) {
            return;
        }
        self.seen.push((place, step.clone()));
        let at_target = std::mem::take(&mut self.at_target);
        let catalog = self.catalog;
        let table = &catalog.tables[place];
        let fires = |code: &&Code| fires(&code.fires, &step, Some(table), catalog.backend);
        for code in table.code.iter().filter(fires) {
            self.run(code);
            if table.sets_key(&code.sets) {
                self.add(table);
            }
        }
        if table.replaces && matches!(step, Step::Insert | Step::Update(_)) {
            self.add(table);
            self.visit(place, Step::Delete);
            self.visit(place, Step::Update(Columns::Unknown));
        }
        if let (Step::Update(set), Some(split_by)) = (&step, &table.moves)
            && (awaits(split_by, set, table, catalog.backend) || table.rewrites())
        {
            self.visit(place, Step::Delete);
            self.visit(place, Step::Insert);
        }
        let step = match step {
            // More may change than the statement says, also what others refer to.
            Step::Update(Columns::Named(names)) => {
                Step::Update(Columns::Named(with_computed(names, table)))
            }
            step => step,
        };
        for child in &table.children {
            let told = at_target
                .then(|| cascade(catalog, table, child, &step))
                .flatten();
            self.carry(table, child, &step, told);
        }
    }

    fn visit_view(&mut self, place: usize, step: &Step) {
        if self.seen_views.contains(&(place, step.clone())) {
            return;
        }
        self.seen_views.push((place, step.clone()));
        let catalog = self.catalog;
        let view = &catalog.views[place];
        for code in &view.code {
            if fires(&code.fires, step, None, catalog.backend) {
                self.run(code);
            }
        }
        for inner in &view.made_of {
            self.write(*inner, step);
        }
    }

    /// Follows what code writes.
    fn run(&mut self, code: &'c Code) {
        match &code.writes {
            Err(place) => self.unknown(*place),
            Ok(writes) => {
                for (entry, effect) in writes {
                    for step in steps(effect) {
                        self.write(*entry, &step);
                    }
                }
            }
        }
    }

    /// Follows a write of any row of a relation.
    fn write(&mut self, entry: Entry, step: &Step) {
        match entry {
            Entry::Table(place) => {
                self.add(&self.catalog.tables[place]);
                self.visit(place, step.clone());
                if self.replacing && matches!(step, Step::Insert | Step::Update(_)) {
                    self.visit(place, Step::Delete);
                    self.visit(place, Step::Update(Columns::Unknown));
                }
            }
            Entry::View(place) => self.visit_view(place, step),
            Entry::Unexplained(place) => self.unknown(place),
            Entry::Unresolved(_) => self.effects.everything = true,
        }
    }

    /// Follows a foreign key to the child's rows.
    ///
    /// `told`: which rows of the child follow which of the parent.
    fn carry(&mut self, table: &Table, child: &Child, step: &Step, told: Option<Cascade>) {
        let action = match step {
            Step::Insert => Action::Nothing,
            Step::Delete => child.on_delete,
            Step::Update(columns) if !meets(table, child, columns, self.catalog.backend) => {
                Action::Nothing
            }
            Step::Update(_) => child.on_update,
            // TRUNCATE ... CASCADE asks for no action of the key's.
            Step::Truncate => Action::Cascade,
        };
        let next = match (action, step) {
            (Action::Nothing, _) => return,
            (Action::Cascade, Step::Delete) => Step::Delete,
            (Action::Cascade, Step::Truncate) => Step::Truncate,
            (Action::Cascade | Action::Set, _) => Step::Update(Columns::Named(
                child
                    .columns
                    .iter()
                    .map(|it| Name::quoted(it.clone()))
                    .collect(),
            )),
        };
        match (child.table, told) {
            (Ok(place), Some(told)) => self.follow(place, next, told),
            (Ok(place), None) => self.write(Entry::Table(place), &next),
            (Err(unexplained), _) => self.unknown(unexplained),
        }
    }

    /// Follows rows that are told to what goes with them.
    fn follow(&mut self, place: usize, step: Step, told: Cascade) {
        let mut walk = Walk {
            catalog: self.catalog,
            seen: Vec::new(),
            seen_views: Vec::new(),
            effects: Effects::default(),
            at_target: false,
            replacing: self.replacing,
        };
        walk.visit(place, step);
        self.effects.everything |= walk.effects.everything;
        self.effects.cascades.push(Cascade {
            further: walk.effects.tables,
            ..told
        });
    }

    fn ended(self) -> Effects {
        let mut effects = self.effects;
        effects.direct.clone_from(&effects.tables);
        for table in effects.cascades.iter().flat_map(|it| &it.further) {
            if !effects.tables.contains(table) {
                effects.tables.push(table.clone());
            }
        }
        effects
    }

    fn add(&mut self, table: &Table) {
        if !self.effects.tables.contains(&table.name) {
            self.effects.tables.push(table.name.clone());
        }
    }

    fn unknown(&mut self, place: usize) {
        self.effects.everything = true;
        self.catalog.meet(place);
    }
}

/// Returns which rows of a child follow those of its parent; `None` if that cannot be told.
fn cascade(catalog: &Catalog, parent: &Table, child: &Child, step: &Step) -> Option<Cascade> {
    let table = &catalog.tables[child.table.ok()?];
    let deleted = match (step, child.on_delete) {
        (Step::Delete, Action::Cascade) => true,
        (Step::Delete | Step::Update(_), _) => false,
        _ => return None,
    };
    // Rows of the same table follow each other, nobody knows how far.
    if table.place == parent.place || table.replaces {
        return None;
    }
    let column = |table: &Table, name: &str| {
        let mut columns = table.columns.iter();
        columns
            .find(|it| it.name.eq_ignore_ascii_case(name))
            .cloned()
    };
    let pair = |(own, referred): (&String, &str)| {
        let (own, referred) = (column(table, own)?, column(parent, referred)?);
        let comparable = own.class == referred.class && own.class != ColumnClass::Other;
        comparable.then_some((referred.name, own.name))
    };
    let referred: Vec<&str> = referred(parent, child).collect();
    if referred.len() != child.columns.len() || referred.is_empty() {
        return None;
    }
    let columns: Vec<_> = child
        .columns
        .iter()
        .zip(referred)
        .map(pair)
        .collect::<Option<_>>()?;
    let own = columns.iter().map(|(_, own)| Arc::clone(own));
    let follower = follower(catalog, table, &columns);
    let computed = table.columns.iter().enumerate();
    let computed = computed
        .filter(|(place, it)| it.generated || table.may_rewrite(*place))
        .map(|(_, it)| Arc::clone(&it.name));
    Some(Cascade {
        table: table.name.clone(),
        deleted,
        changed: larder_core::Columns::named(own.chain(computed)),
        further: Vec::new(),
        follower,
        columns,
    })
}

/// Adds the columns that change with whatever an UPDATE sets.
fn with_computed(mut names: Vec<Name>, table: &Table) -> Vec<Name> {
    let columns = table.columns.iter().enumerate();
    let computed = columns.filter(|(place, it)| it.generated || table.may_rewrite(*place));
    names.extend(computed.map(|(_, it)| Name::quoted(it.name.to_string())));
    names
}

fn steps(effect: &Effect) -> Vec<Step> {
    match effect {
        Effect::Insert => vec![Step::Insert],
        Effect::Update(columns) => vec![Step::Update(columns.clone())],
        Effect::Upsert(columns) => vec![Step::Insert, Step::Update(columns.clone())],
        Effect::Delete => vec![Step::Delete],
        Effect::Any => vec![Step::Insert, Step::Delete, Step::Update(Columns::Unknown)],
        Effect::Truncate => vec![Step::Truncate],
    }
}

/// Tells whether a step may fire what fires at these events.
fn fires(fires: &Fires, step: &Step, table: Option<&Table>, backend: DbBackend) -> bool {
    match (step, &fires.update) {
        (Step::Insert, _) => fires.insert,
        (Step::Delete, _) => fires.delete,
        (Step::Truncate, _) => fires.truncate,
        (Step::Update(_), None) => false,
        (Step::Update(set), Some(awaited)) => {
            table.is_none_or(|table| awaits(awaited, set, table, backend))
        }
    }
}

/// Tells whether an update that sets `set` may set one of those awaited.
fn awaits(awaited: &Columns, set: &Columns, table: &Table, backend: DbBackend) -> bool {
    let (Columns::Named(awaited), Columns::Named(set)) = (awaited, set) else {
        return true;
    };
    // What is no column it knows may be any, such as `rowid`.
    let is_awaited = |name: &Name| {
        let place = table.column(name, backend);
        let own = place.map(|place| &*table.columns[place].name);
        own.is_none_or(|own| awaited.iter().any(|it| it.is_column(own, backend)))
    };
    table.computes() || set.iter().any(is_awaited)
}

/// Tells whether an update of `columns` may reach the columns a child refers to.
fn meets(table: &Table, child: &Child, columns: &Columns, backend: DbBackend) -> bool {
    let Columns::Named(names) = columns else {
        return true;
    };
    let known = |name: &Name| table.column(name, backend).is_some();
    let reaches = |name: &Name| {
        !known(name) || referred(table, child).any(|column| name.may_be_column(column, backend))
    };
    names.iter().any(reaches)
}

/// Returns the columns a child refers to; a key that names none refers to the primary key.
fn referred<'a>(table: &'a Table, child: &'a Child) -> impl Iterator<Item = &'a str> {
    let own = child.referred.iter().map(String::as_str);
    let key = table.key.iter().map(|column| column.name.as_str());
    own.chain(key.filter(|_| child.referred.is_empty()))
}
