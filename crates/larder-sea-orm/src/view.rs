//! What the statements of a transaction see, and what the cache may do for them.

use sea_orm::{DbBackend, IsolationLevel};

/// What the statements of a transaction see of the others' writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Each statement sees what was committed before it began.
    Committed,
    /// Statements see a snapshot that may be as old as BEGIN.
    Snapshot,
    /// Statements see what others have not committed.
    Dirty,
}

/// What the cache may do for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Serve it, or load it with all who ask for it.
    Serve,
    /// Serve it, or load it alone: who holds a connection waits for nobody.
    ServeAlone,
    /// Do not serve it.
    Bypass,
}

/// Returns what the statements of a transaction see that was begun with `asked`.
///
/// `PostgreSQL` is taken to have its own default, READ COMMITTED. `MySQL` begins with a snapshot
/// unless READ COMMITTED is asked for, `SQLite` always does.
pub(crate) fn view(backend: DbBackend, asked: Option<IsolationLevel>) -> View {
    match (backend, asked) {
        (
            DbBackend::Postgres,
            None | Some(IsolationLevel::ReadCommitted | IsolationLevel::ReadUncommitted),
        )
        | (DbBackend::MySql, Some(IsolationLevel::ReadCommitted)) => View::Committed,
        (DbBackend::MySql, Some(IsolationLevel::ReadUncommitted)) => View::Dirty,
        _ => View::Snapshot,
    }
}

/// Returns what the cache may do for a read in a transaction, which may have written or locked something.
pub(crate) fn access(view: View, touched: bool) -> Access {
    match view {
        View::Committed if !touched => Access::ServeAlone,
        _ => Access::Bypass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IsolationLevel::{ReadCommitted, ReadUncommitted, RepeatableRead, Serializable};

    #[test]
    fn only_read_committed_sees_each_commit() {
        assert_eq!(view(DbBackend::Postgres, None), View::Committed);
        assert_eq!(
            view(DbBackend::Postgres, Some(RepeatableRead)),
            View::Snapshot
        );
        assert_eq!(
            view(DbBackend::Postgres, Some(Serializable)),
            View::Snapshot
        );
        assert_eq!(view(DbBackend::MySql, None), View::Snapshot);
        assert_eq!(view(DbBackend::MySql, Some(ReadCommitted)), View::Committed);
        assert_eq!(view(DbBackend::MySql, Some(ReadUncommitted)), View::Dirty);
        for asked in [
            None,
            Some(ReadCommitted),
            Some(ReadUncommitted),
            Some(Serializable),
        ] {
            assert_eq!(view(DbBackend::Sqlite, asked), View::Snapshot);
        }
    }

    #[test]
    fn a_transaction_is_served_only_while_it_sees_what_everybody_sees() {
        assert_eq!(access(View::Committed, false), Access::ServeAlone);
        assert_eq!(access(View::Committed, true), Access::Bypass);
        assert_eq!(access(View::Snapshot, false), Access::Bypass);
        assert_eq!(access(View::Dirty, false), Access::Bypass);
    }
}
