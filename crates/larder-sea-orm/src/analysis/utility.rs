//! Statements that are neither queries nor writes: DDL, settings, pragmas, and what nothing is known of.

use sea_orm::DbBackend;
use sqlparser::ast::{Set, Statement};

use super::{Analysis, Uncacheable};

/// Tells what a statement does that neither queries nor writes tables.
pub(super) fn of(statement: &Statement, backend: DbBackend) -> Analysis {
    match statement {
        Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. }
        | Statement::LockTables { .. }
        | Statement::UnlockTables => control(),
        Statement::Set(set) => of_set(set, backend),
        Statement::Use(_)
        | Statement::Reset(_)
        | Statement::Discard { .. }
        | Statement::AttachDatabase { .. } => session(backend),
        Statement::Pragma { name, value, is_eq } => {
            let sign = if *is_eq { "=" } else { "(" };
            let value = value.as_ref().map(|value| format!("{sign}{value}"));
            pragma(&format!("{name}{}", value.unwrap_or_default()))
        }
        Statement::Analyze(_)
        | Statement::Explain { .. }
        | Statement::ExplainTable { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowVariables { .. }
        | Statement::ShowCreate { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowProcessList { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowCollation { .. }
        | Statement::Prepare { .. }
        | Statement::Deallocate { .. }
        | Statement::LISTEN { .. }
        | Statement::UNLISTEN { .. }
        | Statement::NOTIFY { .. }
        | Statement::Kill { .. }
        | Statement::Lock(_) => Analysis {
            refusal: Some(Uncacheable::Utility),
            ..Analysis::default()
        },
        Statement::Call(_) | Statement::Execute { .. } => Analysis {
            refusal: Some(Uncacheable::Write),
            unknown_writes: true,
            // A procedure of MySQL may commit the caller's transaction.
            transaction_control: backend == DbBackend::MySql,
            ..Analysis::default()
        },
        Statement::Copy { .. } | Statement::LoadData { .. } => Analysis {
            refusal: Some(Uncacheable::Write),
            unknown_writes: true,
            ..Analysis::default()
        },
        Statement::CreateTable(create) if create.temporary => of_session(backend),
        Statement::CreateView(create) if create.temporary => of_session(backend),
        Statement::CreateTrigger(create) if create.temporary => of_session(backend),
        _ => schema(backend),
    }
}

/// What makes a part of the schema that one session alone has.
fn of_session(backend: DbBackend) -> Analysis {
    Analysis {
        session_change: true,
        ..schema(backend)
    }
}

fn of_set(set: &Set, backend: DbBackend) -> Analysis {
    match set {
        Set::SetTransaction { .. } => control(),
        Set::SingleAssignment { variable, .. } => setting(&variable.to_string(), backend),
        Set::MultipleAssignments { assignments } => {
            let mut analysis = Analysis::default();
            for assignment in assignments {
                analysis.absorb(setting(&assignment.name.to_string(), backend));
            }
            analysis
        }
        _ => session(backend),
    }
}

/// What begins, ends or splits a transaction.
pub(super) fn control() -> Analysis {
    Analysis {
        refusal: Some(Uncacheable::Utility),
        transaction_control: true,
        ..Analysis::default()
    }
}

/// What may do anything at all.
pub(super) fn anything() -> Analysis {
    Analysis {
        refusal: Some(Uncacheable::Unparsed),
        unknown_writes: true,
        transaction_control: true,
        session_change: true,
        ddl: true,
        ..Analysis::default()
    }
}

/// What text may do that nobody can split into words.
///
/// On `MySQL` a single statement that begins like a query or a write of rows neither ends a transaction nor changes the
/// schema or the session, whatever stands in its comments.
pub(super) fn unreadable(sql: &str, backend: DbBackend) -> Analysis {
    const ROWS: [&str; 7] = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES",
    ];
    let text = sql.trim();
    let end = text.find(|c: char| !c.is_ascii_alphabetic());
    let first = &text[..end.unwrap_or(text.len())];
    let single = !text.trim_end_matches(';').contains(';');
    let of_rows = ROWS.iter().any(|word| first.eq_ignore_ascii_case(word));
    if backend != DbBackend::MySql || !single || !of_rows {
        return anything();
    }
    Analysis {
        refusal: Some(Uncacheable::Unparsed),
        unknown_writes: true,
        ..Analysis::default()
    }
}

/// What changes the schema.
pub(super) fn schema(backend: DbBackend) -> Analysis {
    Analysis {
        refusal: Some(Uncacheable::Write),
        unknown_writes: true,
        // MySQL commits before and after DDL.
        transaction_control: !matches!(backend, DbBackend::Postgres | DbBackend::Sqlite),
        ddl: true,
        ..Analysis::default()
    }
}

/// What changes settings of the session.
pub(super) fn session(backend: DbBackend) -> Analysis {
    Analysis {
        refusal: Some(Uncacheable::Utility),
        // `SET autocommit = 1` commits.
        transaction_control: !matches!(backend, DbBackend::Postgres | DbBackend::Sqlite),
        session_change: true,
        ..Analysis::default()
    }
}

/// What a variable set by `SET` means.
pub(super) fn setting(variable: &str, backend: DbBackend) -> Analysis {
    /// They change neither what a name means nor what a query answers, nor do they commit.
    const HARMLESS: [&str; 19] = [
        "application_name",
        "client_min_messages",
        "constraints",
        "deadlock_timeout",
        "foreign_key_checks",
        "idle_in_transaction_session_timeout",
        "innodb_lock_wait_timeout",
        "interactive_timeout",
        "jit",
        "lock_timeout",
        "lock_wait_timeout",
        "log_min_duration_statement",
        "max_execution_time",
        "max_statement_time",
        "statement_timeout",
        "synchronous_commit",
        "unique_checks",
        "wait_timeout",
        "work_mem",
    ];
    let own = variable
        .rsplit(['.', '@'])
        .next()
        .unwrap_or(variable)
        .to_ascii_lowercase();
    // A variable with a class of its own belongs to the application: policies may read it.
    let custom = backend == DbBackend::Postgres && variable.contains('.');
    if !custom && HARMLESS.contains(&own.as_str()) {
        Analysis {
            refusal: Some(Uncacheable::Utility),
            ..Analysis::default()
        }
    } else {
        session(backend)
    }
}

/// What a pragma does: its name and value without spaces, as in `FOREIGN_KEYS=ON`.
pub(super) fn pragma(text: &str) -> Analysis {
    const READING: [&str; 17] = [
        "collation_list",
        "compile_options",
        "database_list",
        "foreign_key_check",
        "foreign_key_list",
        "function_list",
        "incremental_vacuum",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "optimize",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
        "wal_checkpoint",
    ];
    const HARMLESS: [&str; 15] = [
        "analysis_limit",
        "auto_vacuum",
        "automatic_index",
        "busy_timeout",
        "cache_size",
        "cache_spill",
        "checkpoint_fullfsync",
        "foreign_keys",
        "journal_mode",
        "journal_size_limit",
        "locking_mode",
        "mmap_size",
        "synchronous",
        "temp_store",
        "wal_autocheckpoint",
    ];
    let text = text.to_ascii_lowercase();
    let (name, value) = text.split_at(text.find(['=', '(']).unwrap_or(text.len()));
    let own = name.rsplit('.').next().unwrap_or(name);
    let harmless = (value.is_empty() || READING.contains(&own) || HARMLESS.contains(&own))
        && !(READING.contains(&own) && value.starts_with('='));
    Analysis {
        refusal: Some(Uncacheable::Utility),
        session_change: !harmless,
        ddl: !harmless,
        ..Analysis::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pragma_that_sets_something_unknown_changes_the_session() {
        assert!(!pragma("TABLE_INFO(article)").session_change);
        assert!(!pragma("main.JOURNAL_MODE=WAL").session_change);
        assert!(!pragma("user_version").session_change);
        assert!(pragma("user_version=7").ddl);
        assert!(pragma("read_uncommitted=1").session_change);
        assert!(pragma("case_sensitive_like(1)").session_change);
    }

    #[test]
    fn a_variable_of_the_application_changes_the_session() {
        assert!(!setting("statement_timeout", DbBackend::Postgres).session_change);
        assert!(setting("app.user_id", DbBackend::Postgres).session_change);
        assert!(setting("app.jit", DbBackend::Postgres).session_change);
        assert!(setting("search_path", DbBackend::Postgres).session_change);
        assert!(setting("autocommit", DbBackend::MySql).transaction_control);
        assert!(!setting("@@session.lock_wait_timeout", DbBackend::MySql).transaction_control);
    }
}
