//! What an error says about the statement it answers.

use sea_orm::sqlx::Error as SqlxError;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{DbBackend, DbErr, RuntimeErr};

/// What is known about a statement that was answered by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was never sent, or the server refused it: nothing changed.
    Refused,
    /// It may have been carried out, wholly or in part.
    Unknown,
}

/// Returns what `error` says about the statement it answers.
pub(crate) fn of_statement(error: &DbErr, backend: DbBackend) -> Outcome {
    match error {
        DbErr::ConnectionAcquire(_)
        | DbErr::BackendNotSupported { .. }
        | DbErr::RbacError(_)
        | DbErr::AccessDenied { .. } => Outcome::Refused,
        other => driver_of(other).map_or(Outcome::Unknown, |driver| of_driver(driver, backend)),
    }
}

/// Returns what `error` says about the COMMIT it answers.
///
/// Only a conflict or a constraint is taken as a refusal: a server that shuts down while it waits for
/// its replicas answers with an error too, after it has committed. `SQLite` may have rolled the
/// transaction back earlier and run later statements on their own, so its errors say nothing.
pub(crate) fn of_commit(error: &DbErr, backend: DbBackend) -> Outcome {
    let DbErr::Query(RuntimeErr::SqlxError(driver)) = error else {
        return Outcome::Unknown;
    };
    match (&**driver, backend) {
        (SqlxError::Database(answer), DbBackend::Postgres) => match answer.code().as_deref() {
            Some(state) if state.starts_with("40") || state.starts_with("23") => Outcome::Refused,
            _ => Outcome::Unknown,
        },
        _ => Outcome::Unknown,
    }
}

/// Tells whether `error` may have ended the transaction its statement was in, so that the next one runs on its own.
///
/// `MySQL` rolls back at a deadlock, `SQLite` when a disk is full or a constraint says `ON CONFLICT ROLLBACK`; both then
/// carry out what follows. `PostgreSQL` refuses it. A constraint ends no transaction of `MySQL`'s.
pub(crate) fn may_end_transaction(error: &DbErr, backend: DbBackend) -> bool {
    let unsent = matches!(error, DbErr::RbacError(_) | DbErr::AccessDenied { .. });
    let constraint = backend == DbBackend::MySql
        && driver_of(error)
            .and_then(SqlxError::as_database_error)
            .and_then(DatabaseError::code)
            .is_some_and(|code| code.starts_with("23"));
    backend != DbBackend::Postgres && !unsent && !constraint
}

fn driver_of(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn of_driver(error: &SqlxError, backend: DbBackend) -> Outcome {
    match error {
        SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::Configuration(_)
        | SqlxError::Encode(_)
        | SqlxError::TypeNotFound { .. } => Outcome::Refused,
        SqlxError::Database(answer) => match answer.code().as_deref() {
            Some(code) if is_refusal(code, backend) || came_before(&**answer, backend) => {
                Outcome::Refused
            }
            _ => Outcome::Unknown,
        },
        _ => Outcome::Unknown,
    }
}

/// Tells whether an error whose code leaves the outcome open is one that comes before a row is written, or undoes it.
fn came_before(answer: &dyn DatabaseError, backend: DbBackend) -> bool {
    match backend {
        DbBackend::MySql => {
            // No default for a column, a table read that is written, collations that do not mix.
            const BEFORE: [&str; 3] = ["1364 ", "1093 ", "1267 "];
            let shown = answer.to_string();
            BEFORE.iter().any(|number| shown.starts_with(number))
        }
        // A value bound that cannot be read. Poolers take its code for whatever befalls them.
        DbBackend::Postgres => answer.message() == "insufficient data left in message",
        _ => false,
    }
}

fn is_refusal(code: &str, backend: DbBackend) -> bool {
    match backend {
        // SQLSTATE classes: 08 connection, 57 operator intervention, 58 system, XX internal.
        DbBackend::Postgres => !["08", "57", "58", "XX"]
            .iter()
            .any(|class| code.starts_with(class)),
        // HY000 holds everything without a class of its own, an error during COMMIT too.
        DbBackend::MySql => !code.starts_with("08") && code != "HY000",
        // The primary code is the low byte; IOERR, FULL, NOMEM, INTERRUPT and what is not listed may
        // have rolled back more than the statement.
        DbBackend::Sqlite => code.parse::<u32>().is_ok_and(|code| {
            matches!(code & 0xff, 1 | 3 | 5 | 6 | 8 | 12 | 14 | 17..=21 | 23 | 25)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::ConnAcquireErr;

    #[test]
    fn a_lost_connection_leaves_the_outcome_open() {
        let lost = DbErr::Conn(RuntimeErr::Internal("gone".into()));
        assert_eq!(of_statement(&lost, DbBackend::Postgres), Outcome::Unknown);
        let io = SqlxError::Io(std::io::ErrorKind::ConnectionReset.into());
        let lost = DbErr::Exec(RuntimeErr::SqlxError(io.into()));
        assert_eq!(of_statement(&lost, DbBackend::MySql), Outcome::Unknown);
        assert_eq!(of_commit(&lost, DbBackend::Postgres), Outcome::Unknown);
    }

    #[test]
    fn what_was_never_sent_changed_nothing() {
        let full = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        assert_eq!(of_statement(&full, DbBackend::Postgres), Outcome::Refused);
        let closed = DbErr::Exec(RuntimeErr::SqlxError(SqlxError::PoolClosed.into()));
        assert_eq!(of_statement(&closed, DbBackend::Sqlite), Outcome::Refused);
    }

    #[test]
    fn codes_tell_a_refusal_from_a_failure() {
        assert!(is_refusal("23505", DbBackend::Postgres));
        assert!(!is_refusal("57P01", DbBackend::Postgres));
        assert!(is_refusal("23000", DbBackend::MySql));
        assert!(!is_refusal("HY000", DbBackend::MySql));
        assert!(is_refusal("2067", DbBackend::Sqlite), "unique constraint");
        assert!(is_refusal("5", DbBackend::Sqlite), "busy");
        assert!(!is_refusal("13", DbBackend::Sqlite), "disk full");
        assert!(!is_refusal("2570", DbBackend::Sqlite), "input and output");
    }
}
