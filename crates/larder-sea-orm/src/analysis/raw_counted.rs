//! Rows that are counted and not looked at: `SELECT count(*) FROM (SELECT ..)`.
//!
//! 1. The statement names no column of what stands in its FROM, and that is one SELECT.
//! 2. That SELECT gives a row for each row it reads, whatever its select list says: nothing is grouped, made
//!    distinct, combined with another or known by a name the select list gives.
//!
//! Then the answer does not depend on the columns that are selected.

use super::Role;
use super::raw_blocks::Blocks;

impl Blocks<'_> {
    /// Forgets the columns that are selected only to be counted.
    pub(super) fn forget_what_is_only_counted(&mut self) {
        let Some(statement) = self.found.first() else {
            return;
        };
        let named = !statement.mentions.is_empty() || statement.opaque;
        if named || statement.sources.len() != 1 {
            return;
        }
        let mut inside = (1..self.found.len()).filter(|at| self.found[*at].outer == Some(0));
        if let (Some(counted), None) = (inside.next(), inside.next())
            && self.besides[counted].in_from
            && self.besides[counted].row_by_row
        {
            self.found[counted]
                .mentions
                .retain(|mention| !matches!(mention.role, Role::Output(_) | Role::Selected));
        }
    }
}
