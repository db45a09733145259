//! What a statement means for the cache: its analysis, read with the catalog.

use larder_core::{Dependency, TableName};
use sea_orm::DbBackend;

use super::precision::{self, Reads};
use super::remembered::{Template, mark};
use super::writing::{self, Writing};
use super::written_rows;
use super::{Analysis, Block, Nature, Uncacheable};
use crate::catalog::{Catalog, Relation};

/// What a statement means for the cache.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What its answer depends on, or why it must not be kept.
    pub read: Result<Reads, Uncacheable>,
    /// What it changes; `None` if it can change nothing.
    pub write: Option<Writing>,
    /// It begins, ends or splits a transaction by hand, or commits one.
    pub transaction_control: bool,
    /// From now on names or values may mean something else on this connection.
    pub session_change: bool,
    /// The catalog is out of date afterwards.
    pub ddl: bool,
}

/// Returns what a statement means for the cache.
pub fn plan(analysis: &Analysis, catalog: &Catalog) -> Plan {
    let misread = analysis.ambiguous_quoting && catalog.has_unusual_quoting();
    let nature = |name: &str| {
        if misread {
            Nature::Unknown
        } else {
            catalog.function(name)
        }
    };
    let write = writing::of(analysis, catalog, misread, &nature);
    let read = if misread {
        Err(Uncacheable::Unparsed)
    } else if write.is_some() {
        // The reason is the better one when it is the cause: a function that may write.
        Err(analysis
            .refusal
            .clone()
            .or_else(|| called(analysis, catalog, &nature))
            .unwrap_or(Uncacheable::Write))
    } else {
        dependencies(analysis, catalog, &nature)
    };
    Plan {
        read,
        write,
        transaction_control: analysis.transaction_control || misread,
        session_change: analysis.session_change || misread,
        ddl: analysis.ddl || misread,
    }
}

fn dependencies(
    analysis: &Analysis,
    catalog: &Catalog,
    nature: &impl Fn(&str) -> Nature,
) -> Result<Reads, Uncacheable> {
    if let Some(reason) = &analysis.refusal {
        return Err(reason.clone());
    }
    if let Some(reason) = called(analysis, catalog, nature) {
        return Err(reason);
    }
    if let (Some(pins), [name]) = (&analysis.pins, analysis.reads.as_slice())
        && let Relation::Table(table) = catalog.resolve(name)
        && table.guard().is_none()
        // Of a key of several columns a change may tell some: a match compares those.
        && table.key().len() == 1
        && let Some(rows) = written_rows::pinned(table, pins, catalog)
    {
        let row = |row| Dependency::Row(table.name().clone(), row);
        return Ok(Reads::of(rows.into_iter().map(row).collect()));
    }
    if analysis.blocks.is_empty() {
        return tables(analysis, catalog).map(precision::whole);
    }
    let reading = precision::reading(&analysis.blocks, catalog, false)?;
    // No value is bound by its place: each stands where it is compared.
    match reading.with(&[]) {
        Some(reads) => Ok(reads),
        None => tables(analysis, catalog).map(precision::whole),
    }
}

/// Returns what a statement whose bound values are marks means, if it does nothing but read.
pub(super) fn template(analysis: &Analysis, catalog: &Catalog) -> Option<Template> {
    let nature = |name: &str| catalog.function(name);
    let more = analysis.transaction_control
        || analysis.session_change
        || analysis.ddl
        || (analysis.ambiguous_quoting && catalog.has_unusual_quoting())
        || writing::of(analysis, catalog, false, &nature).is_some();
    if more {
        return None;
    }
    let refusal = analysis.refusal.clone();
    if let Some(reason) = refusal.or_else(|| called(analysis, catalog, &nature)) {
        return Some(Template::Refused(reason));
    }
    if let (Some(pins), [name]) = (&analysis.pins, analysis.reads.as_slice())
        && let Relation::Table(table) = catalog.resolve(name)
        && table.guard().is_none()
        && table.key().len() == 1
        && let Some(rows) = Template::rows(table, pins, catalog)
    {
        return Some(rows);
    }
    if analysis.blocks.is_empty() {
        return None;
    }
    let reading = |blocks: &[Block]| precision::reading(blocks, catalog, true);
    let later = match reading(&analysis.blocks) {
        Ok(reading) => reading,
        Err(reason) => return Some(Template::Refused(reason)),
    };
    let offset = analysis.blocks[0].offset.as_ref().and_then(mark::place);
    let Some(place) = offset else {
        return Some(Template::Reading(later));
    };
    let mut blocks = analysis.blocks.clone();
    blocks[0].offset = None;
    let first = reading(&blocks).ok()?;
    Some(Template::Paged {
        place,
        first,
        later,
    })
}

/// Returns the tables that are read.
fn tables(analysis: &Analysis, catalog: &Catalog) -> Result<Vec<TableName>, Uncacheable> {
    let mut tables = Vec::with_capacity(analysis.reads.len());
    for name in &analysis.reads {
        let guard = match catalog.resolve(name) {
            Relation::Table(table) => {
                tables.push(table.name().clone());
                table.guard()
            }
            Relation::View(view) => {
                tables.extend_from_slice(view.tables());
                view.guard()
            }
            Relation::Unresolved(reason) => Some(reason),
        };
        if let Some(reason) = guard {
            return Err(Uncacheable::Unresolved(name.to_string(), reason));
        }
    }
    Ok(tables)
}

/// Returns the first function or column that makes the answer one that must not be kept.
fn called(
    analysis: &Analysis,
    catalog: &Catalog,
    nature: &impl Fn(&str) -> Nature,
) -> Option<Uncacheable> {
    let named = analysis
        .functions
        .iter()
        .find_map(|name| match nature(name) {
            Nature::Pure => None,
            Nature::Volatile => Some(Uncacheable::Volatile(name.to_string())),
            Nature::Unknown => Some(Uncacheable::UnknownFunction(name.to_string())),
        });
    let hidden = || catalog.hidden_function().map(str::to_owned);
    let unseen = || version_of_a_row(analysis, catalog).or_else(hidden);
    named.or_else(|| unseen().map(Uncacheable::Volatile))
}

/// Returns a column that is named by which `PostgreSQL` tells versions of a row apart.
///
/// It differs after every UPDATE, also after one that sets each column to what it holds, which is no change otherwise.
fn version_of_a_row(analysis: &Analysis, catalog: &Catalog) -> Option<String> {
    const VERSIONS: [&str; 5] = ["ctid", "xmin", "xmax", "cmin", "cmax"];
    if catalog.backend != DbBackend::Postgres {
        return None;
    }
    let mentions = analysis.blocks.iter().flat_map(|block| &block.mentions);
    let mut names = mentions.filter_map(|mention| mention.column.as_ref());
    let version = names.find(|name| {
        VERSIONS
            .iter()
            .any(|it| name.is_column(it, catalog.backend))
    });
    version.map(|name| name.text().to_owned())
}
