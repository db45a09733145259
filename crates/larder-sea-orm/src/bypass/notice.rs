//! What is done about a statement past the cache.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use larder_core::{Change, Dependency, ReadScope, Refusal, TableName, What};
use sea_orm::metric::Info;
use tokio::runtime::Handle;

use super::OnBypass;
use super::windows::Windows;
use crate::domain::Domain;
use crate::reader::Reader;
use crate::statement::{Intent, Read, SessionChange, Write};

/// How long after DDL past the cache the schema is read once more: its transaction has committed by then.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// What a domain remembers of statements past its cache.
#[derive(Debug)]
pub(crate) struct Bypass {
    reaction: OnBypass,
    windows: Windows,
    warned: Mutex<HashSet<(Kind, Option<TableName>)>>,
}

/// What a statement past the cache did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Read,
    Write,
}

impl Bypass {
    pub(crate) fn new(on_bypass: OnBypass) -> Self {
        Self {
            reaction: on_bypass,
            windows: Windows::default(),
            warned: Mutex::default(),
        }
    }

    /// Tells whether it is the first time for this table.
    fn is_first(&self, kind: Kind, table: Option<&TableName>) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.insert((kind, table.cloned()))
    }
}

/// Does what is to be done about a statement past the cache, which has ended.
pub(super) fn notice(domain: &Arc<Domain>, info: &Info<'_>) {
    if domain.bypass.reaction == OnBypass::Ignore {
        return;
    }
    let bypass = match Intent::of_raw(info.statement, domain, &Reader::default()) {
        Intent::Read(read) => noticed_read(domain, &read),
        Intent::Write(write) => {
            noticed_write(domain, &write, info.failed);
            true
        }
    };
    // Not while another panic unwinds: a stream is called back when it is dropped.
    let panics = bypass && domain.bypass.reaction == OnBypass::Panic && !std::thread::panicking();
    assert!(
        !panics,
        "a statement passed the cache of `{}` by: {}",
        domain.name, info.statement.sql
    );
}

/// Refuses what is being made of the answer; tells whether there was anything to refuse.
fn noticed_read(domain: &Domain, read: &Read) -> bool {
    let tables = match &read.dependencies {
        Ok(reads) if reads.dependencies.is_empty() => return false,
        Ok(reads) => reads.dependencies.iter().map(read_table).collect(),
        Err(_) => HashSet::from([None]),
    };
    let Some(scope) = ReadScope::current() else {
        return false;
    };
    scope.refuse(Refusal::Uncacheable("raw-read"));
    if scope.refusal().is_none() {
        // It collects nothing, so nothing is made of what was read.
        return false;
    }
    domain.larder.count_bypass();
    for table in tables {
        if domain.bypass.is_first(Kind::Read, table) {
            tracing::warn!(
                domain = &*domain.name,
                table = table.map_or("not known", TableName::as_str),
                "a read passed the cache by: what is made of it is not kept; read over the `CachedConnection`"
            );
        }
    }
    true
}

/// Publishes what a write may have changed, now and once more later.
fn noticed_write(domain: &Arc<Domain>, write: &Write, failed: bool) {
    domain.larder.count_bypass();
    domain.larder.refuse(write.refusal.refusal());
    let changes = whole_tables(write.at_most(domain));
    for change in &changes {
        let table = written_table(change);
        if domain.bypass.is_first(Kind::Write, table) {
            tracing::warn!(
                domain = &*domain.name,
                table = table.map_or("not known", TableName::as_str),
                "a write passed the cache by: its table is invalid now and once more in a few seconds; \
                 write over the `CachedConnection`"
            );
        }
    }
    // The pool's connections are the cache's too: what such a text leaves behind, its statements will meet.
    if write.session == SessionChange::Lasting {
        domain.by_hand.change();
    }
    if write.control.is_some() {
        domain.by_hand.enter();
    }
    publish(domain, write, changes);
    if let Some(control) = write.control {
        domain.by_hand.leave(control.opened(!failed));
    }
}

fn publish(domain: &Arc<Domain>, write: &Write, changes: Vec<Change>) {
    if write.session == SessionChange::Local && write.control.is_none() && !write.schema {
        return;
    }
    if write.schema {
        look_again(domain);
    }
    let windows = &domain.bypass.windows;
    let now = domain.larder.clock().now();
    // A window that closes early closes by a publication; only then it must not stand for a new one.
    let lasting = Handle::try_current().is_ok() && !domain.larder.is_closing();
    let changes = windows.opened(changes, now, lasting);
    domain.publish_unsure(changes);
}

/// Reads the schema anew, and once more when the transaction that changed it has committed.
fn look_again(domain: &Arc<Domain>) {
    domain.reload_later();
    if Handle::try_current().is_err() {
        return;
    }
    let weak = Arc::downgrade(domain);
    let pause = domain.larder.clock().sleep(SECOND_LOOK);
    tokio::spawn(async move {
        pause.await;
        if let Some(domain) = weak.upgrade() {
            domain.reload().await;
            domain.publish(vec![Change::everything()]).await;
        }
    });
}

/// Returns each change as its table: images and keys of a statement nobody waited for are not worth their room.
fn whole_tables(changes: Vec<Change>) -> Vec<Change> {
    let mut tables: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        let table = match change.what() {
            What::Row(row) => Change::table(&row.table),
            What::Rows(rows) => Change::table(&rows.table),
            _ => change,
        };
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    tables
}

fn written_table(change: &Change) -> Option<&TableName> {
    match change.what() {
        What::Table(table) => Some(table),
        _ => None,
    }
}

fn read_table(dependency: &Dependency) -> Option<&TableName> {
    match dependency {
        Dependency::Row(table, _) | Dependency::Match(table, _) | Dependency::Table(table) => {
            Some(table)
        }
        _ => None,
    }
}
