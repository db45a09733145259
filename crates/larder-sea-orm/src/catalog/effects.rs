//! What a write of one table does to others: foreign keys, triggers.

use larder_core::TableName;

use super::{Action, Catalog, Child, Table};
use crate::analysis::{Columns, Name};

/// What a statement does to a table's rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Inserts rows.
    Insert,
    /// Updates these columns of rows.
    Update(Columns),
    /// Deletes rows.
    Delete,
    /// Deletes rows, updates any column, inserts.
    Any,
    /// Removes all rows, also of the tables that refer to it.
    Truncate,
}

/// What a write of one table touches beyond the rows it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Tables of which any row may have changed; the table written is among them if it refers to itself, or
    /// replaces rows.
    pub tables: Vec<TableName>,
    /// Code runs of which nothing is known.
    pub everything: bool,
}

/// One step on the way along foreign keys.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Update(Option<Vec<String>>),
    Delete,
    Truncate,
}

impl Catalog {
    /// Returns what `effect` on `table` touches beyond the rows it names.
    pub fn effects(&self, table: &Table, effect: &Effect) -> Effects {
        let mut effects = Effects {
            tables: Vec::new(),
            everything: table.triggers,
        };
        if table.replaces && matches!(effect, Effect::Insert | Effect::Update(_)) {
            effects.tables.push(table.name.clone());
            self.follow(table, &[Step::Delete, Step::Update(None)], &mut effects);
            return effects;
        }
        match effect {
            Effect::Insert => {}
            Effect::Update(columns) => {
                let reached = |child: &&Child| self.meets(table, child, columns);
                let updated = table.children.iter().filter(reached);
                let mut seen = Vec::new();
                for child in updated {
                    self.enter(
                        child,
                        child.on_update,
                        &Step::Update(None),
                        &mut seen,
                        &mut effects,
                    );
                }
            }
            Effect::Delete => self.follow(table, &[Step::Delete], &mut effects),
            Effect::Any => self.follow(table, &[Step::Delete, Step::Update(None)], &mut effects),
            Effect::Truncate => self.follow(table, &[Step::Truncate], &mut effects),
        }
        effects
    }

    fn follow(&self, table: &Table, steps: &[Step], effects: &mut Effects) {
        let mut seen = Vec::new();
        for step in steps {
            self.step(table, step, &mut seen, effects);
        }
    }

    fn step(
        &self,
        table: &Table,
        step: &Step,
        seen: &mut Vec<(usize, Step)>,
        effects: &mut Effects,
    ) {
        for child in &table.children {
            let action = match step {
                Step::Delete => child.on_delete,
                Step::Update(Some(columns)) if !meets_any(table, child, columns) => Action::Nothing,
                Step::Update(_) => child.on_update,
                // TRUNCATE ... CASCADE asks for no action of the key's.
                Step::Truncate => Action::Cascade,
            };
            self.enter(child, action, step, seen, effects);
        }
    }

    fn enter(
        &self,
        child: &Child,
        action: Action,
        step: &Step,
        seen: &mut Vec<(usize, Step)>,
        effects: &mut Effects,
    ) {
        let next = match (action, step) {
            (Action::Nothing, _) => return,
            (Action::Cascade, Step::Delete) => Step::Delete,
            (Action::Cascade, Step::Truncate) => Step::Truncate,
            (Action::Cascade | Action::Set, _) => Step::Update(Some(child.columns.clone())),
        };
        let Some(index) = child.table else {
            effects.everything = true;
            return;
        };
        if seen.contains(&(index, next.clone())) {
            return;
        }
        seen.push((index, next.clone()));
        let table = &self.tables[index];
        effects.everything |= table.triggers;
        if !effects.tables.contains(&table.name) {
            effects.tables.push(table.name.clone());
        }
        if table.replaces {
            self.step(table, &Step::Delete, seen, effects);
        }
        self.step(table, &next, seen, effects);
    }

    /// Tells whether an update of `columns` may reach the columns a child refers to.
    fn meets(&self, table: &Table, child: &Child, columns: &Columns) -> bool {
        let Columns::Named(names) = columns else {
            return true;
        };
        let may_be = |name: &Name, column: &str| name.may_be_column(column, self.backend);
        referred(table, child).any(|column| names.iter().any(|name| may_be(name, column)))
    }
}

fn meets_any(table: &Table, child: &Child, columns: &[String]) -> bool {
    referred(table, child).any(|column| columns.iter().any(|own| own.eq_ignore_ascii_case(column)))
}

/// Returns the columns a child refers to; a key that names none refers to the primary key.
fn referred<'a>(table: &'a Table, child: &'a Child) -> impl Iterator<Item = &'a str> {
    let own = child.referred.iter().map(String::as_str);
    let key = table.key.iter().map(|column| column.name.as_str());
    own.chain(key.filter(|_| child.referred.is_empty()))
}
