//! Statements of raw SQL, one by one: what each writes.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use sqlparser::ast::{
    Assignment, AssignmentTarget, ConflictTarget, Delete, Expr, FromTable, Ident, Insert, Merge,
    ObjectName, OnConflictAction, OnInsert, SelectItem, SetExpr, SqliteOnConflict, Statement,
    TableFactor, TableObject, TableWithJoins, Truncate, Update,
};

use super::raw_walk::Walk;
use super::raw_where::goes_by;
use super::{
    Cell, Columns, KeyKnowledge, Name, RelationName, Returning, Uncacheable, Write, WriteKind,
    utility,
};

/// Notes what a statement does beside reading; its parts are visited afterwards.
pub(super) fn note(statement: &Statement, walk: &mut Walk<'_>) {
    match statement {
        Statement::Query(_) => {}
        Statement::Insert(insert) => write(walk, |walk| of_insert(insert, walk)),
        Statement::Update(update) => write(walk, |walk| of_update(update, walk)),
        Statement::Delete(delete) => write(walk, |walk| of_delete(delete, walk)),
        Statement::Merge(merge) => write(walk, |_| of_merge(merge)),
        Statement::Truncate(truncate) => {
            write(walk, |_| of_truncate(truncate));
            // MySQL takes it for DDL and commits.
            walk.analysis.transaction_control |= walk.backend == DbBackend::MySql;
        }
        other => {
            let analysis = utility::of(other, walk.backend);
            walk.analysis.absorb(analysis);
        }
    }
}

/// Notes writes; those of which the tables cannot be told may be of any.
fn write(walk: &mut Walk<'_>, read: impl FnOnce(&Walk<'_>) -> Option<Vec<Write>>) {
    match read(walk) {
        Some(writes) => {
            // In a WITH, or under EXPLAIN: what comes back is not this write's.
            let inside = walk.queries > 0;
            walk.analysis.writes.extend(
                writes
                    .into_iter()
                    .map(|write| if inside { write.inside() } else { write }),
            );
        }
        None => walk.analysis.unknown_writes = true,
    }
    walk.analysis.refuse(Uncacheable::Write);
}

fn of_insert(insert: &Insert, walk: &Walk<'_>) -> Option<Vec<Write>> {
    let TableObject::TableName(name) = &insert.table else {
        return None;
    };
    let foreign = insert.overwrite
        || insert.partitioned.is_some()
        || !insert.after_columns.is_empty()
        || insert.output.is_some()
        || insert.settings.is_some()
        || insert.format_clause.is_some()
        || insert.multi_table_insert_type.is_some();
    if foreign {
        return None;
    }
    let replaces = insert.replace_into || insert.or == Some(SqliteOnConflict::Replace);
    let (kind, columns) = match &insert.on {
        _ if replaces => (WriteKind::Replace, Columns::Unknown),
        None => (WriteKind::Insert, Columns::Named(Vec::new())),
        Some(OnInsert::DuplicateKeyUpdate(set)) => {
            (WriteKind::Upsert(None), assigned(&setting(set, insert)))
        }
        Some(OnInsert::OnConflict(conflict)) => match &conflict.action {
            OnConflictAction::DoNothing => (WriteKind::Insert, Columns::Named(Vec::new())),
            OnConflictAction::DoUpdate(update) => {
                let target = match &conflict.conflict_target {
                    Some(ConflictTarget::Columns(columns)) => Some(names(columns)),
                    _ => None,
                };
                (WriteKind::Upsert(target), assigned(&update.assignments))
            }
        },
        Some(_) => (WriteKind::Merge, Columns::Unknown),
    };
    let key = match inserted(insert, walk) {
        // `INSERT IGNORE` bends values until they fit.
        Some((columns, rows)) if !insert.ignore => KeyKnowledge::Inserted { columns, rows },
        _ => KeyKnowledge::Unknown,
    };
    let assigned = match &insert.on {
        _ if insert.ignore => Vec::new(),
        Some(OnInsert::DuplicateKeyUpdate(set)) => proposed_cells(&setting(set, insert), walk),
        Some(OnInsert::OnConflict(conflict)) => match &conflict.action {
            OnConflictAction::DoUpdate(update) => proposed_cells(&update.assignments, walk),
            OnConflictAction::DoNothing => Vec::new(),
        },
        _ => Vec::new(),
    };
    let returning = returning(insert.returning.as_deref());
    Some(vec![Write {
        table: RelationName::of_object(name)?,
        kind,
        columns,
        assigned,
        key,
        returning,
    }])
}

/// Returns what `MySQL` sets of a row that is there: not a column to itself, by which it is told to do nothing.
fn setting(set: &[Assignment], insert: &Insert) -> Vec<Assignment> {
    let values = insert.source.as_ref();
    let values = values.is_some_and(|source| matches!(&*source.body, SetExpr::Values(_)));
    // Another source, or a name for the new row, may have a column of that name.
    let certain = values && insert.insert_alias.is_none();
    let keeps = |it: &&Assignment| match (&it.target, &it.value) {
        (AssignmentTarget::ColumnName(column), Expr::Identifier(own)) => {
            matches!(column.0.as_slice(), [part] if part.as_ident() == Some(own))
        }
        _ => false,
    };
    let changes = |it: &&Assignment| !(certain && keeps(it));
    set.iter().filter(changes).cloned().collect()
}

fn inserted(insert: &Insert, walk: &Walk<'_>) -> Option<(Vec<Name>, Vec<Vec<Cell>>)> {
    if !insert.assignments.is_empty() {
        let Columns::Named(columns) = assigned(&insert.assignments) else {
            return None;
        };
        let cells = insert.assignments.iter().map(|set| cell(&set.value, walk));
        return Some((columns, vec![cells.collect()]));
    }
    let columns: Vec<Name> = insert
        .columns
        .iter()
        .map(|column| RelationName::of_object(column).map(|column| column.name))
        .collect::<Option<_>>()?;
    let Some(source) = &insert.source else {
        // DEFAULT VALUES
        return columns.is_empty().then(|| (columns, vec![Vec::new()]));
    };
    let SetExpr::Values(values) = &*source.body else {
        return None;
    };
    let plain = source.with.is_none()
        && source.limit_clause.is_none()
        && source.fetch.is_none()
        && source.order_by.is_none();
    // Without a list the catalog knows the columns.
    let width = match columns.len() {
        0 => values.rows.first().map_or(0, |row| row.len()),
        width => width,
    };
    let fits = width > 0 && values.rows.iter().all(|row| row.len() == width);
    let rows = || {
        values
            .rows
            .iter()
            .map(|row| row.iter().map(|it| cell(it, walk)).collect())
    };
    (plain && fits).then(|| (columns, rows().collect()))
}

fn cell(expr: &Expr, walk: &Walk<'_>) -> Cell {
    match expr {
        Expr::Identifier(ident) if ident.value.eq_ignore_ascii_case("default") => Cell::Default,
        expr => walk.reader().value(expr).map_or(Cell::Unknown, Cell::Value),
    }
}

fn of_update(update: &Update, walk: &Walk<'_>) -> Option<Vec<Write>> {
    let kind = match update.or {
        Some(SqliteOnConflict::Replace) => WriteKind::Replace,
        _ => WriteKind::Update,
    };
    let columns = assigned(&update.assignments);
    if !update.table.joins.is_empty() {
        // MySQL: any of the tables joined.
        let wide = |table| Write {
            columns: columns.clone(),
            ..Write::wide(table, kind.clone())
        };
        return Some(tables(&update.table)?.into_iter().map(wide).collect());
    }
    let (table, name) = target(&update.table.relation)?;
    let alone = update.from.is_none() && update.output.is_none();
    let key = pinned(&name, update.selection.as_ref().filter(|_| alone), walk);
    let returning = returning(update.returning.as_deref());
    Some(vec![Write {
        table,
        kind,
        columns,
        assigned: assigned_cells(&update.assignments, walk),
        key,
        returning,
    }])
}

fn of_delete(delete: &Delete, walk: &Walk<'_>) -> Option<Vec<Write>> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let several = !delete.tables.is_empty() || from.len() != 1 || !from[0].joins.is_empty();
    // MySQL: the targets may be aliases of tables in FROM or USING.
    if walk.backend == DbBackend::MySql && delete.using.is_some() {
        return None;
    }
    if several {
        let tables = from.iter().map(tables).collect::<Option<Vec<_>>>()?;
        let wide = |table| Write::wide(table, WriteKind::Delete);
        return Some(tables.into_iter().flatten().map(wide).collect());
    }
    let (table, name) = target(&from[0].relation)?;
    let alone = delete.using.is_none() && delete.output.is_none();
    let key = pinned(&name, delete.selection.as_ref().filter(|_| alone), walk);
    let returning = returning(delete.returning.as_deref());
    Some(vec![Write {
        key,
        returning,
        ..Write::wide(table, WriteKind::Delete)
    }])
}

fn of_merge(merge: &Merge) -> Option<Vec<Write>> {
    let (table, _) = target(&merge.table)?;
    Some(vec![Write::wide(table, WriteKind::Merge)])
}

fn of_truncate(truncate: &Truncate) -> Option<Vec<Write>> {
    truncate
        .table_names
        .iter()
        .map(|target| {
            Some(Write::wide(
                RelationName::of_object(&target.name)?,
                WriteKind::Truncate,
            ))
        })
        .collect()
}

/// Returns a plain table and the name it goes by.
fn target(table: &TableFactor) -> Option<(RelationName, Name)> {
    match table {
        TableFactor::Table {
            name, args: None, ..
        } => Some((RelationName::of_object(name)?, goes_by(table)?)),
        _ => None,
    }
}

/// Returns all tables joined.
fn tables(from: &TableWithJoins) -> Option<Vec<RelationName>> {
    let mut all = Vec::new();
    for table in std::iter::once(&from.relation).chain(from.joins.iter().map(|it| &it.relation)) {
        match table {
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => all.extend(tables(table_with_joins)?),
            // What is derived cannot be written.
            TableFactor::Derived { .. } => {}
            other => all.push(target(other)?.0),
        }
    }
    Some(all)
}

fn pinned(table: &Name, condition: Option<&Expr>, walk: &Walk<'_>) -> KeyKnowledge {
    let Some(condition) = condition else {
        return KeyKnowledge::Unknown;
    };
    let pins = walk.reader().pins(condition, table);
    if pins.is_empty() {
        KeyKnowledge::Unknown
    } else {
        KeyKnowledge::Pinned(pins)
    }
}

fn assigned(assignments: &[Assignment]) -> Columns {
    let name = |column: &ObjectName| RelationName::of_object(column).map(|column| column.name);
    let mut columns = Vec::new();
    for assignment in assignments {
        let targets = match &assignment.target {
            AssignmentTarget::ColumnName(column) => std::slice::from_ref(column),
            AssignmentTarget::Tuple(columns) => columns.as_slice(),
        };
        for target in targets {
            match name(target) {
                Some(column) => columns.push(column),
                None => return Columns::Unknown,
            }
        }
    }
    Columns::Named(columns)
}

/// Returns the values of a SET, in the order of [`assigned`]; nothing if they cannot be told apart.
fn assigned_cells(assignments: &[Assignment], walk: &Walk<'_>) -> Vec<Cell> {
    let single = |set: &Assignment| matches!(set.target, AssignmentTarget::ColumnName(_));
    if assignments.iter().all(single) {
        assignments
            .iter()
            .map(|set| cell(&set.value, walk))
            .collect()
    } else {
        Vec::new()
    }
}

/// Returns the values of the SET of an upsert, in the order of [`assigned`].
fn proposed_cells(assignments: &[Assignment], walk: &Walk<'_>) -> Vec<Cell> {
    let mut cells = assigned_cells(assignments, walk);
    for (cell, assignment) in cells.iter_mut().zip(assignments) {
        if let AssignmentTarget::ColumnName(column) = &assignment.target
            && let Some(column) = RelationName::of_object(column)
            && is_proposed(&assignment.value, &column.name, walk.backend)
        {
            *cell = Cell::Proposed;
        }
    }
    cells
}

/// Tells whether an expression is what an upsert would have inserted in a column.
fn is_proposed(value: &Expr, column: &Name, backend: DbBackend) -> bool {
    match value {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [row, own] => {
                row.value.eq_ignore_ascii_case("excluded")
                    && Name::from(own).folded(backend) == column.folded(backend)
            }
            _ => false,
        },
        Expr::Function(call) if backend == DbBackend::MySql => {
            let text = call.to_string().replace('`', "");
            text.eq_ignore_ascii_case(&format!("VALUES({})", column.text()))
        }
        _ => false,
    }
}

fn names(columns: &[Ident]) -> Vec<Name> {
    columns.iter().map(Name::from).collect()
}

/// Returns the columns returned under their own names.
fn returning(items: Option<&[SelectItem]>) -> Returning {
    let Some(items) = items else {
        return Returning::Nothing;
    };
    let mut columns = Vec::new();
    for item in items {
        match item {
            SelectItem::Wildcard(_) if items.len() == 1 => return Returning::All,
            SelectItem::UnnamedExpr(Expr::Identifier(column)) => columns.push(column.into()),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                columns.extend(parts.last().map(Name::from));
            }
            // Another expression may take a column's name.
            _ => return Returning::Columns(Vec::new()),
        }
    }
    Returning::Columns(columns)
}

impl Cell {
    /// Returns the value, if it is one.
    pub(crate) fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Default | Self::Proposed | Self::Unknown => None,
        }
    }
}
