//! Changes as bytes, as they travel on a bus between nodes of different versions.
//!
//! ```text
//! version   1
//! tables    count, each: domain, table                     texts behind their lengths
//! names     count, each a text                             of columns
//! changes   count, each: length, kind, flags, [table], fields of its kind
//! ```
//! Numbers are varints. A table or column is told by its place in the lists, so that it is written
//! once. What a reader does not know of a change - its kind, a flag, bytes behind the fields it
//! knows - makes this change the whole table, or everything if it is of no table. What cannot be
//! read at all is everything.

mod read;
mod write;

use std::collections::HashSet;

use self::read::Reading;
use self::write::Writing;
use crate::change::{Change, What};

const VERSION: u8 = 1;

const ROW: u8 = 1;
const ROWS: u8 = 2;
const TABLE: u8 = 3;
const TAG: u8 = 4;
const KEY: u8 = 5;
const EVERYTHING: u8 = 6;

const SOFT: u8 = 1;
const HAS_TABLE: u8 = 2;

const UNKNOWN: u8 = 0;
const ABSENT: u8 = 1;
const KNOWN: u8 = 2;

const ALL: u8 = 0;
const NAMED: u8 = 1;

const INT: u8 = 0;
const TEXT: u8 = 1;
const BYTES: u8 = 2;

/// Longer messages are not read: they are everything.
const MOST_BYTES: usize = 256 * 1024;

/// So many changes are read of a message.
const MOST_CHANGES: usize = 8192;

/// So many tables, and so many names.
const MOST_NAMES: usize = 4096;

/// So many columns and parts of keys are read of all changes of a message.
const MOST_PARTS: usize = 32 * 1024;

/// Returns changes as bytes, at most 256 KiB.
///
/// What would take more, or be more than 8,192 changes or 32,768 columns of them, is made wider:
/// rows become their tables, and if that does not do, all becomes everything.
pub fn encode(changes: &[Change]) -> Vec<u8> {
    let written = |changes: &[Change]| Writing::of(changes).finish();
    written(changes)
        .or_else(|| written(&as_tables(changes)))
        .unwrap_or_else(Writing::everything)
}

/// Takes changes back from bytes; what this version cannot read is made wider.
///
/// Reads whatever it is given in bounded room and time.
pub fn decode(bytes: &[u8]) -> Vec<Change> {
    let changes = (bytes.len() <= MOST_BYTES).then(|| Reading::all(bytes).ok());
    changes
        .flatten()
        .unwrap_or_else(|| vec![Change::everything()])
}

/// Makes every change of a table one of the whole table, each once.
fn as_tables(changes: &[Change]) -> Vec<Change> {
    let mut seen = HashSet::new();
    let wide = changes.iter().filter_map(|change| {
        let Some(table) = change.what.table() else {
            return Some(change.clone());
        };
        seen.insert((table, change.soft)).then(|| Change {
            what: What::Table(table.clone()),
            soft: change.soft,
        })
    });
    wide.collect()
}

#[cfg(test)]
mod tests;
