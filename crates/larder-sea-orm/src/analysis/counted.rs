//! Rows that are counted and not looked at: `SELECT count(*) FROM (SELECT ..)`.
//!
//! 1. The statement names no column of what stands in its FROM, and that is one SELECT.
//! 2. That SELECT gives a row for each row it reads, whatever its select list says: nothing is grouped, made
//!    distinct, combined with another or known by a name the select list gives.
//!
//! Then the answer does not depend on the columns that are selected.

use super::{Block, Mention, Role};

/// Forgets the columns that are selected only to be counted.
///
/// `is_row_by_row`: the block at this place stands in FROM and gives a row for each row it reads.
pub(super) fn forget_what_is_only_counted(
    blocks: &mut [Block],
    is_row_by_row: impl Fn(usize) -> bool,
) {
    let Some((statement, inner)) = blocks.split_first_mut() else {
        return;
    };
    let named = !statement.mentions.is_empty() || statement.opaque;
    if named || statement.sources.len() != 1 {
        return;
    }
    let mut inside = (0..inner.len()).filter(|at| inner[*at].outer == Some(0));
    let (Some(counted), None) = (inside.next(), inside.next()) else {
        return;
    };
    if is_row_by_row(counted + 1) && !names_its_parts(&inner[counted]) {
        inner[counted]
            .mentions
            .retain(|mention| !is_selected(mention));
    }
}

/// Tells whether a clause may name a part of the select list.
fn names_its_parts(block: &Block) -> bool {
    let is_part = |mention: &Mention| {
        !is_selected(mention)
            && mention.qualifier.is_none()
            && mention.column.as_ref().is_none_or(|name| {
                let mut aliases = block.aliases.iter();
                aliases.any(|alias| {
                    alias.text().eq_ignore_ascii_case(name.text()) || !name.text().is_ascii()
                })
            })
    };
    block.opaque || block.mentions.iter().any(is_part)
}

fn is_selected(mention: &Mention) -> bool {
    matches!(mention.role, Role::Output(_) | Role::Selected)
}
