//! The rows a write is about to change, as a SELECT.

use sea_orm::DbBackend;
use sea_orm::sea_query::{
    Asterisk, ConditionHolder, ConditionHolderContents, LockType, LogicalChainOper, Query,
    QueryBuilder, SelectStatement, TableRef,
};

use super::OwnedStatement;
use super::recorder::{self, Captured};

/// More rows than this are not read before they are written.
pub(crate) const MOST_EXACT: u64 = 1024;

/// Returns the SELECT of the rows that an UPDATE or DELETE picks, locked where the database can.
///
/// `None` for one of several tables, with a limit or a WITH clause, or given as text.
pub(crate) fn preimage(statement: &OwnedStatement, backend: DbBackend) -> Option<SelectStatement> {
    let captured = match statement {
        OwnedStatement::Update(update) => recorder::captured(backend, |recorder, sql| {
            recorder.prepare_update_statement(update, sql);
        }),
        OwnedStatement::Delete(delete) => recorder::captured(backend, |recorder, sql| {
            recorder.prepare_delete_statement(delete, sql);
        }),
        _ => None,
    }?;
    let mut select = Query::select();
    select
        .column(Asterisk)
        .from(captured.table)
        .limit(MOST_EXACT + 1);
    if let Some(condition) = captured.condition {
        restrict(&mut select, &condition)?;
    }
    if backend != DbBackend::Sqlite {
        select.lock(LockType::Update);
    }
    Some(select)
}

/// Puts the condition of a write on the SELECT of its rows.
fn restrict(select: &mut SelectStatement, condition: &ConditionHolder) -> Option<()> {
    match &condition.contents {
        ConditionHolderContents::Empty => {}
        ConditionHolderContents::Condition(condition) => {
            select.cond_where(condition.clone());
        }
        ConditionHolderContents::Chain(chain) => {
            for link in chain {
                let LogicalChainOper::And(expr) = link else {
                    return None;
                };
                select.and_where(expr.clone());
            }
        }
    }
    Some(())
}

impl Captured {
    /// Takes the table a write names first; a second one spoils it.
    pub(super) fn table(into: &mut Option<Self>, spoiled: &mut bool, table: &TableRef) {
        *spoiled |= into.is_some();
        *into = Some(Self {
            table: table.clone(),
            condition: None,
        });
    }
}
