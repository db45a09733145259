//! Plans of reads, remembered by their text: what is sent again is not analysed again.
//!
//! A text seen for the second time is analysed once more with marks in place of the values bound. What then depends
//! on a mark is asked of the values each time; whatever cannot be told that way is analysed anew.

pub(super) mod mark;

use std::sync::Arc;

use larder_core::{Dependency, KeyPart, RowKey, TableName};
use sea_orm::DbBackend;
use sea_orm::sea_query::{Value, Values};
use smallvec::SmallVec;

use super::block::is_zero;
use super::functions::is_relative_moment;
use super::generations::Generations;
use super::plan;
use super::precision::{Reading, Reads};
use super::{Pins, Uncacheable, analyse_raw};
use crate::canonical::{ColumnClass, key_part};
use crate::catalog::{Catalog, KeyColumn, Table};

/// As many texts are remembered, and as many again that were asked for less recently.
const MOST_TEXTS: usize = 1024;
/// Longer texts are analysed each time.
const LONGEST_TEXT: usize = 8 * 1024;

/// The texts of one catalog.
#[derive(Debug)]
pub(crate) struct Remembered(Generations<Known>);

/// What is known of a text.
#[derive(Clone, Debug)]
enum Known {
    /// It was seen once.
    Once,
    /// It must be analysed each time.
    Nothing,
    /// This is what it depends on.
    Template(Arc<Template>),
}

/// What the answer of a text depends on.
#[derive(Debug)]
pub(super) enum Template {
    /// It must not be kept.
    Refused(Uncacheable),
    /// Rows of one table, by their keys.
    Rows {
        table: TableName,
        classes: SmallVec<[ColumnClass; 1]>,
        keys: Vec<SmallVec<[KeyOf; 1]>>,
    },
    /// Pages, the first of which tells its rows.
    Paged {
        /// Where the value is bound that tells how many rows are skipped.
        place: u16,
        first: Reading,
        later: Reading,
    },
    /// Anything else.
    Reading(Reading),
}

/// One column of a key.
#[derive(Debug)]
pub(super) enum KeyOf {
    /// It stands in the text.
    Written(KeyPart),
    /// The value bound at this place.
    Bound(u16),
}

impl Remembered {
    /// Returns what a text depends on that was seen before; `None`: analyse it.
    pub(crate) fn reads(
        &self,
        sql: &str,
        values: Option<&Values>,
        catalog: &Catalog,
    ) -> Option<Result<Reads, Uncacheable>> {
        if sql.len() > LONGEST_TEXT || mark::stands_in(sql) {
            return None;
        }
        let bound = values.map_or(&[][..], |values| &values.0);
        let template = match self.0.get(sql) {
            Some(Known::Template(template)) => template,
            Some(Known::Nothing) => return None,
            Some(Known::Once) => self.learn(sql, bound.len(), catalog)?,
            None => {
                self.0.insert(sql, Known::Once);
                return None;
            }
        };
        let moment = catalog.backend == DbBackend::Postgres && bound.iter().any(may_be_now);
        template.with(bound).filter(|_| !moment)
    }

    fn learn(&self, sql: &str, bound: usize, catalog: &Catalog) -> Option<Arc<Template>> {
        let marks = u16::try_from(bound).ok().map(|bound| {
            let marks = (0..bound).map(mark::of).collect();
            analyse_raw(sql, Some(&Values(marks)), catalog.backend)
        });
        let template = marks
            .and_then(|analysis| plan::template(&analysis, catalog))
            .map(Arc::new);
        let known = template.clone().map_or(Known::Nothing, Known::Template);
        self.0.insert(sql, known);
        template
    }
}

impl Default for Remembered {
    fn default() -> Self {
        Self(Generations::new(MOST_TEXTS))
    }
}

/// A catalog that is copied begins anew.
impl Clone for Remembered {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Template {
    /// Returns the rows that keys pick; `None` if they do not, or cannot be told.
    pub(super) fn rows(table: &Table, pins: &Pins, catalog: &Catalog) -> Option<Self> {
        let columns = table.key();
        let names: SmallVec<[&str; 2]> = columns.iter().map(|it| it.name.as_str()).collect();
        if names.is_empty() {
            return None;
        }
        let part = |(value, column): (&Value, &KeyColumn)| match mark::place(value) {
            Some(place) if column.class != ColumnClass::Other => Some(KeyOf::Bound(place)),
            _ => key_part(value, column.class).map(KeyOf::Written),
        };
        let key = |row: Vec<&Value>| row.into_iter().zip(columns).map(part).collect();
        let rows = pins.rows(&names, catalog.backend)?;
        Some(Self::Rows {
            table: table.name().clone(),
            classes: columns.iter().map(|column| column.class).collect(),
            keys: rows.into_iter().map(key).collect::<Option<_>>()?,
        })
    }

    /// Returns what the answer depends on for these values; `None`: analyse it with them.
    fn with(&self, bound: &[Value]) -> Option<Result<Reads, Uncacheable>> {
        match self {
            Self::Refused(reason) => Some(Err(reason.clone())),
            Self::Reading(reading) => reading.with(bound).map(Ok),
            Self::Paged {
                place,
                first,
                later,
            } => {
                let skips = !bound.get(usize::from(*place)).is_some_and(is_zero);
                let reading = if skips { later } else { first };
                reading.with(bound).map(Ok)
            }
            Self::Rows {
                table,
                classes,
                keys,
            } => {
                let part = |(key, class): (&KeyOf, &ColumnClass)| match key {
                    KeyOf::Written(part) => Some(part.clone()),
                    KeyOf::Bound(place) => key_part(bound.get(usize::from(*place))?, *class),
                };
                let row = |key: &SmallVec<[KeyOf; 1]>| {
                    let parts: Option<SmallVec<[KeyPart; 1]>> =
                        key.iter().zip(classes).map(part).collect();
                    Some(Dependency::Row(table.clone(), RowKey::new(parts?)))
                };
                let rows: Option<Vec<_>> = keys.iter().map(row).collect();
                rows.map(Reads::of).map(Ok)
            }
        }
    }
}

/// Tells whether a value may become the time of the query when it is cast.
fn may_be_now(value: &Value) -> bool {
    matches!(value, Value::String(Some(text)) if text.len() < 64 && is_relative_moment(text))
}
