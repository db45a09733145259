//! Finds the change that made an entry invalid.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::change::What;
use crate::entry::Entry;
use crate::filtered::Filtered;
use crate::marks::Mark;
use crate::node::Node;
use crate::recent::PastChange;
use crate::spot::{Meeting, Spot};
use crate::table::ShapeClock;

/// Not more spots than these are looked into: an entry of thousands of rows may find all raised.
const MOST_SPOTS: usize = 8;

/// What made an entry invalid.
#[derive(Clone, Debug)]
pub(crate) enum Culprit {
    Change(Found),
    Pending,
    NewLog,
    Collision,
    Forgotten,
}

/// A change that was found guilty.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) past: Arc<PastChange>,
    pub(crate) meeting: Meeting,
    /// An earlier one may have been first.
    pub(crate) may_be_later: bool,
}

/// The spots of an entry at which a change was left.
struct Raised<'a> {
    spots: SmallVec<[Spot<'a>; MOST_SPOTS]>,
    /// The shapes that some of them are of, with the indices of their tables.
    shapes: SmallVec<[(u32, &'a ShapeClock); 4]>,
    /// Rows picked by a filter that are concerned, with the indices of their tables.
    filtered: SmallVec<[(u32, &'a Filtered); 2]>,
}

/// A remembered change, and the index of its table if the entry has it.
type Suspect = (Option<u32>, Arc<PastChange>);

/// Returns what made `entry` invalid; call it once it was found so.
///
/// The first change at or above the entry's position that raised one of its spots. Costs a look at
/// each of its dependencies, as the check did, and at the changes remembered of its tables.
pub(crate) fn culprit(entry: &Entry, node: &Node) -> Culprit {
    if entry.incarnation != node.incarnation() {
        return Culprit::NewLog;
    }
    let position = entry.position();
    let raised = raised(entry, node, position);
    if raised.is_pending_only() {
        return Culprit::Pending;
    }
    let (suspects, incomplete) = suspects(entry, node, position);
    let meets = |suspect: &Suspect| raised.meets(entry, suspect, node);
    let found = suspects.into_iter().find_map(|suspect| {
        let meeting = meets(&suspect);
        (meeting > Meeting::No).then_some((suspect.1, meeting))
    });
    match found {
        Some((past, meeting)) => Culprit::Change(Found {
            past,
            meeting,
            may_be_later: incomplete || raised.spots.len() == MOST_SPOTS,
        }),
        None if incomplete => Culprit::Forgotten,
        None => Culprit::Collision,
    }
}

/// Returns the soft change that made `entry` age last.
pub(crate) fn softener(entry: &Entry, node: &Node) -> Option<Arc<PastChange>> {
    let is_of_it = |what: &What| {
        let mut touched = *what == What::Everything;
        node.soft_hashes(what, |hash| {
            touched |= entry.soft_hashes().any(|own| own == hash);
        });
        touched
    };
    let (suspects, _) = suspects_if(entry, node, entry.position(), true);
    let mut changes = suspects.into_iter().map(|(_, past)| past);
    changes.rfind(|past| is_of_it(past.change.what()))
}

fn raised<'a>(entry: &'a Entry, node: &Node, position: u64) -> Raised<'a> {
    let (mut spots, mut shapes) = (SmallVec::new(), SmallVec::<[(u32, &ShapeClock); 4]>::new());
    if node.everything() >= position {
        spots.push(Spot::Everything);
    }
    let look = |spots: &mut SmallVec<_>, spot: Spot<'a>| {
        if spot.latest(node) >= position && spots.len() < MOST_SPOTS {
            spots.push(spot);
        }
        true
    };
    entry.every_own_spot(&mut |spot| look(&mut spots, spot));
    let mut filtered = SmallVec::new();
    for mark in &entry.marks.list {
        if let Mark::Filtered(table, rows) = mark {
            if !mark.untouched_since(position, &entry.marks, node) {
                filtered.push((*table, &**rows));
            }
            continue;
        }
        let before = spots.len();
        mark.every_spot(position, &entry.marks, &mut |spot| look(&mut spots, spot));
        if spots.len() > before
            && let Some((table, shape)) = mark.shape()
            && !shapes.iter().any(|(_, known)| std::ptr::eq(*known, shape))
        {
            shapes.push((table, shape));
        }
    }
    Raised {
        spots,
        shapes,
        filtered,
    }
}

/// Returns the hard changes that may have done it, in their order; not all if the flag is set.
fn suspects(entry: &Entry, node: &Node, position: u64) -> (Vec<Suspect>, bool) {
    suspects_if(entry, node, position, false)
}

fn suspects_if(entry: &Entry, node: &Node, position: u64, soft: bool) -> (Vec<Suspect>, bool) {
    let names = node.recent.since(position);
    let mut incomplete = names.incomplete;
    let mut suspects: Vec<Suspect> = names.changes.into_iter().map(|past| (None, past)).collect();
    for (index, table) in (0..).zip(&entry.marks.tables) {
        let since = table.recent.since(position);
        incomplete |= since.incomplete;
        suspects.extend(since.changes.into_iter().map(|past| (Some(index), past)));
    }
    suspects.retain(|(_, past)| past.change.is_soft() == soft);
    suspects.sort_by_key(|(_, past)| past.position);
    (suspects, incomplete)
}

impl Raised<'_> {
    fn is_pending_only(&self) -> bool {
        self.filtered.is_empty()
            && self
                .spots
                .iter()
                .all(|spot| matches!(spot, Spot::Pending(_)))
    }

    fn meets(&self, entry: &Entry, suspect: &Suspect, node: &Node) -> Meeting {
        let mut meeting = Meeting::No;
        let mut at = |spot: Spot<'_>| {
            for looked_at in &self.spots {
                meeting = meeting.max(spot.meets(*looked_at, &node.slots));
            }
        };
        let (index, past) = suspect;
        match index {
            None => Spot::of_name(past.change.what(), &mut at),
            Some(index) => {
                let own = |(table, shape): &(u32, _)| (table == index).then_some(*shape);
                let shapes = self.shapes.iter().filter_map(own);
                let table = entry.marks.table(*index);
                table.spots(past.change.what(), shapes, &mut at);
                let mut own = self.filtered.iter().filter(|(table, _)| table == index);
                if own.any(|(_, rows)| rows.is_concerned(past.change.what())) {
                    meeting = Meeting::Same;
                }
            }
        }
        meeting
    }
}
