//! Tables that are joined by the foreign keys which refer to them, where those hold.
//!
//! A row of such a table has a part in the answer only beside one that refers to it. Where foreign keys hold at every
//! commit, none refers to a row that was not there before but such as came, or were changed, with it; those count by
//! themselves. So the row may come and go as it likes. In a ring of such tables one counts all the same.

use smallvec::SmallVec;

use super::seats::Seats;
use super::{Join, Link, Place};
use crate::canonical::ColumnClass;
use crate::catalog::Catalog;

/// Seats by their places.
type Places = SmallVec<[usize; 4]>;

/// Returns the seats of which rows come and go with those that refer to them.
pub(super) fn referred(seats: &Seats<'_>, catalog: &Catalog) -> Places {
    let mut by: SmallVec<[Option<usize>; 4]> = seats.list.iter().map(|_| None).collect();
    if catalog.keys_hold {
        for (block, it) in seats.blocks.iter().enumerate() {
            if !it.opaque && !seats.has_outer_joins(block) {
                let ends = it
                    .links
                    .iter()
                    .flat_map(|link| seats.references(block, link));
                for (child, parent) in ends {
                    let mut chain = std::iter::successors(Some(child), |at| by[*at]);
                    if by[parent].is_none() && chain.all(|at| at != parent) {
                        by[parent] = Some(child);
                    }
                }
            }
        }
    }
    let places = by.iter().enumerate();
    places.filter_map(|(at, by)| by.map(|_| at)).collect()
}

impl Seats<'_> {
    /// Returns which seat an equality makes refer to which other, for each row of it.
    fn references(&self, block: usize, link: &Link) -> SmallVec<[(usize, usize); 2]> {
        let ends = [(&link.left, &link.right), (&link.right, &link.left)];
        let reference = |(own, referred)| {
            let (child, own) = self.locate(block, own)?;
            let (parent, key) = self.locate(block, referred)?;
            let (one, other) = (&self.list[child], &self.list[parent]);
            let columns = [&one.table.columns()[own], &other.table.columns()[key]];
            let is_told = |class| matches!(class, ColumnClass::Int | ColumnClass::Uuid);
            let told = is_told(columns[0].class) && columns[0].class == columns[1].class;
            let both = match link.place {
                Place::Where => true,
                Place::On(at) => match self.blocks[block].sources.get(usize::from(at))?.join {
                    Join::Inner => true,
                    Join::Left => other.source == usize::from(at),
                    Join::Other => false,
                },
            };
            let refers = || {
                let (parent, key) = (other.table, &columns[1].name);
                parent.is_referred_to(key, one.table, &columns[0].name)
            };
            let families = one.table.is_family() || other.table.is_family();
            (child != parent && told && both && !families && refers()).then_some((child, parent))
        };
        ends.into_iter().filter_map(reference).collect()
    }
}
