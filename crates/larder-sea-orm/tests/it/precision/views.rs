//! Views: tables under other names, some of their rows, or what is counted of them.

use super::dice::Dice;
use super::schema::{Column, Kind, Table, quoted};
use sea_orm::DbBackend;

/// A view over one table.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) table: usize,
    pub(super) columns: Vec<Column>,
}

/// Invents a view, sometimes, and what makes it.
pub(super) fn view(
    dice: &mut Dice,
    tables: &[Table],
    backend: DbBackend,
) -> Option<(View, String)> {
    if !dice.one_in(3) {
        return None;
    }
    let table = dice.below(tables.len());
    let of = &tables[table];
    let name = |name: &str| quoted(name, backend);
    let counted = of.columns.iter().find(|column| !column.folding);
    let (columns, selected, rest) = match (counted, dice.below(3)) {
        (Some(column), 0) => {
            let by = name(column.name);
            let number = Column {
                name: "c1",
                kind: Kind::Int,
                ..*column
            };
            let columns = vec![loose(*column, "c0"), loose(number, "c1")];
            let selected = format!("{by} AS {}, count(*) AS {}", name("c0"), name("c1"));
            (columns, selected, format!(" GROUP BY {by}"))
        }
        (_, 1) => (of.columns.clone(), "*".to_owned(), String::new()),
        _ => {
            let shown = dice.some(&of.columns, 1);
            let first = dice.pick(&shown);
            let selected = shown.iter().map(|column| name(column.name));
            let selected = selected.collect::<Vec<_>>().join(", ");
            let rest = format!(" WHERE {} IS NOT NULL", name(first.name));
            (shown, selected, rest)
        }
    };
    let view = View {
        name: "Seen",
        table,
        columns: columns.into_iter().map(|it| loose(it, it.name)).collect(),
    };
    let made = format!(
        "CREATE VIEW {} AS SELECT {selected} FROM {}{rest}",
        name(view.name),
        name(of.name)
    );
    Some((view, made))
}

/// A column as a view shows it.
fn loose(column: Column, name: &'static str) -> Column {
    Column {
        name,
        nullable: true,
        refers: None,
        ..column
    }
}
