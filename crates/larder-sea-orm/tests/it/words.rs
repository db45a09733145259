//! Dependencies and changes, written out.

use larder_core::{Change, Columns, Dependency, Image, Shape, TableName, What};

/// Returns what an answer depends on, the tables by their own names.
pub(crate) fn dependency_words(dependency: &Dependency) -> String {
    match dependency {
        Dependency::Match(table, rows) => matched(short(table), rows.shape()),
        Dependency::Row(table, key) => format!("row {key} of {}", short(table)),
        Dependency::Table(table) => format!("table {}", short(table)),
        other => other.to_string(),
    }
}

fn matched(table: &str, shape: &Shape) -> String {
    let by = match shape.equalities() {
        [] => String::new(),
        columns => format!(" by {}", columns.join(", ")),
    };
    let enters = match shape.entering() {
        None => String::new(),
        Some(Columns::Named(columns)) if columns.is_empty() => "; enters by insertion".to_owned(),
        Some(columns) => format!("; enters by {columns}"),
    };
    format!("rows of {table}{by} (uses {}{enters})", shape.uses())
}

/// Returns a change, and what it tells of a row before and after it: `-` if there is none, `?` if nothing.
pub(crate) fn change_words(change: &Change) -> String {
    match change.what() {
        What::Row(row) => {
            let what = format!("row {} of {}", row.key, short(&row.table));
            with_images(&what, &row.columns, &row.before, &row.after)
        }
        What::Rows(rows) => {
            let what = format!("rows of {}", short(&rows.table));
            with_images(&what, &rows.columns, &rows.before, &rows.after)
        }
        What::Table(table) => format!("table {}", short(table)),
        _ => change.to_string(),
    }
}

fn with_images(what: &str, columns: &Columns, before: &Image, after: &Image) -> String {
    let columns = match (columns, before, after) {
        // Then it is the whole row in any case.
        (_, Image::Absent, _) | (_, _, Image::Absent) => String::new(),
        (Columns::All, ..) => " in all columns".to_owned(),
        (columns, ..) => format!(" in {columns}"),
    };
    format!("{what}{columns}: {} -> {}", image(before), image(after))
}

fn image(image: &Image) -> String {
    match image {
        Image::Unknown => "?".to_owned(),
        Image::Absent => "-".to_owned(),
        Image::Known(columns) => {
            let mut names: Vec<&str> = columns.iter().map(|(name, _)| &**name).collect();
            names.sort_unstable();
            names.join(", ")
        }
    }
}

fn short(table: &TableName) -> &str {
    let name = table.as_str();
    name.rsplit('.').next().unwrap_or(name)
}

/// Returns the names of tables in words of the cache's as they stand in SQL.
pub(crate) fn shortened(words: &str) -> String {
    let word = |word: &str| {
        let end = word.rsplit('.').next().unwrap_or(word);
        end.to_owned()
    };
    words.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
